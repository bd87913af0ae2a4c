//! Leases, and what is done with them: runs, their files, mails and deliveries.

use super::values::kind_of;
use super::{MailKind, NewMail, Row, Scope, StorageError, addresses};
use crate::clock::Instant;
use crate::contract::{Delivery, DeliveryStatus, Outcome, RunKind};
use crate::usage::{MailLimits, MailUser, MostMails, RESERVED_NOTICES};

/// What a lease is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The due time is to be executed.
    Execute,
    /// The export mail's recipients are all final.
    Settle,
}

/// The right to write about one run, until another fence is higher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which schedule's.
    pub schedule: u64,
    /// What it is for.
    pub work: Work,
    /// Why the run takes place.
    pub kind: RunKind,
    /// The open (or, to settle, the submitted) run; none: not started.
    pub run: Option<u64>,
    /// That of the row when it was leased: what is written with a lower one is refused.
    pub fence: u64,
    /// When it runs out.
    pub until: Instant,
}

/// What a run that a person has asked for is of, and who that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The schedule; none: a test of a content that is not stored.
    pub schedule: Option<u64>,
    /// Id of the user; none: it was a program.
    pub by: Option<String>,
}

/// A leased run, as read when it was leased.
#[derive(Clone, Debug, PartialEq)]
pub struct Leased {
    /// To be shown at every write.
    pub lease: Lease,
    /// The schedule. Of a run that a person has asked for: what it was made of then, with an id of its own, that its key and its
    /// Message-IDs are made of. Until it is started, its due time is the next run.
    pub row: Row,
    /// None: it was due.
    pub asked: Option<Asked>,
    /// Pinned by an earlier start; none: not started.
    pub due: Option<Instant>,
    /// The schedule's version when that start pinned it; none: not started.
    pub started_version: Option<u64>,
    /// IANA name of the zone that the schedule's level was in then, as given to [`Runs::start`](super::Runs::start); none: not started.
    pub started_zone: Option<String>,
    /// Release of the zone database that the next run was computed with.
    pub zone_database: String,
    /// Leases of this due time, this one included; for [`Work::Settle`], those to settle it.
    pub attempt: u32,
    /// For [`Work::Settle`]: recipients of the export mail; else empty.
    pub deliveries: Vec<Delivery>,
}

impl Leased {
    /// The schedule in whose history the run is.
    #[must_use]
    pub fn schedule(&self) -> u64 {
        self.asked
            .as_ref()
            .and_then(|asked| asked.schedule)
            .unwrap_or(self.row.id)
    }

    /// Adds what is known of a run that a person has asked for: its row names it from the beginning, before it is started.
    pub(super) fn was_asked(
        &mut self,
        kind: Option<&str>,
        parent: u64,
        by: Option<String>,
    ) -> Result<(), StorageError> {
        self.lease.kind = kind_of(kind)?;
        self.asked = Some(Asked {
            schedule: (parent > 0).then_some(parent),
            by,
        });
        if self.started_version.is_none() {
            self.lease.run = None;
            self.row.content.next_run = self.due.take();
        }
        Ok(())
    }
}

/// What `finish` writes, in one transaction, if the lease still holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Finish {
    /// How the run ends, or when it is tried again.
    pub outcome: Outcome,
    /// Left as stored where a person changed the schedule since the lease, or asked for the run.
    pub error_counter: u32,
    /// Whether the schedule is executed any further; as [`Finish::error_counter`] where it was changed.
    pub active: bool,
    /// What the run has staged.
    pub mail: Option<NewMail>,
    /// When it ends.
    pub now: Instant,
    /// What the mail is held to; none: to nothing.
    pub mail_limits: Option<MailLimits>,
}

/// What `finish` has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// What it was given.
    AsGiven,
    /// This one has used up the mails of the day: [`MailLimits::otherwise`], or the end without the notice about it.
    PastMailLimit(MailUser),
}

impl Written {
    pub(super) fn of(instead: Option<&(MailUser, Finish)>) -> Self {
        instead.map_or(Self::AsGiven, |(user, _)| Self::PastMailLimit(*user))
    }
}

/// Mails and recipients that were used up in a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MailsUsed {
    pub(super) organizer: (i64, i64),
    pub(super) owner: (i64, i64),
}

impl Finish {
    /// What is written in its place where its organizer and owner have used so much of the day, and whose limit that is; none: itself.
    ///
    /// Notices have some more than exports, so that owners learn of what was not sent; past that, the history says it alone.
    pub(super) fn within_limits(&self, used: MailsUsed) -> Option<(MailUser, Self)> {
        let (limits, mail) = (self.mail_limits.as_ref()?, self.mail.as_ref()?);
        let reserved = match mail.kind {
            MailKind::Export => 0,
            _ => i64::from(RESERVED_NOTICES),
        };
        let fits = |used: i64, more: i64, most: Option<u32>| {
            most.is_none_or(|most| used.saturating_add(more) <= i64::from(most) + reserved)
        };
        let has_room = |(mails, recipients), most: &MostMails| {
            fits(mails, 1, most.mails) && fits(recipients, addresses(mail), most.recipients)
        };
        let user = if !has_room(used.organizer, &limits.organizer) {
            MailUser::Organizer
        } else if !has_room(used.owner, &limits.owner) {
            MailUser::Owner
        } else {
            return None;
        };
        let instead = match (&limits.otherwise, mail.kind) {
            (Some(otherwise), MailKind::Export) => {
                let otherwise = otherwise.of(user);
                let less = otherwise.within_limits(used);
                less.map_or_else(|| otherwise.clone(), |(_, less)| less)
            }
            _ => Self {
                mail: None,
                ..self.clone()
            },
        };
        Some((user, instead))
    }
}

/// The run does not belong to this lease any more, or the store is away.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another fence is higher, or the schedule is gone.
    #[error("lease lost")]
    Lost,
    /// The store is away or damaged.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why a run did not start. Nothing was written but, where a due time has ended, the plan for the next.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nothing can be written about the run by this lease.
    #[error("lease lost, or the due time already has a result")]
    Lost,
    /// Some of the missed due times have an entry, this one the latest of them.
    #[error("due times up to {0} are already recorded")]
    Recorded(Instant),
    /// The store is away or damaged.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// An export on its way to somebody, and whose right it goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingExport {
    /// Which run's.
    pub run: u64,
    /// Id of the user who has the schedule now.
    pub owner: String,
    /// Whose it is.
    pub scope: Scope,
    /// Identifier of the exporter.
    pub exporter: String,
    /// As [`FileFacts::events`](super::FileFacts::events).
    pub events: Option<Vec<String>>,
}

/// May a mail of the outbox still go?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailStanding {
    /// It holds no export: nobody's right is needed.
    Notice,
    /// No more: why.
    CalledOff(String),
    /// It holds this one, and may go as long as that may.
    Export(OutgoingExport),
}

/// One handing-over of one mail to one recipient, leased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryTask {
    /// Its id in the outbox.
    pub mail: u64,
    /// Place of the recipient in the order To, Cc, Bcc.
    pub position: u32,
    /// Whose mail it is.
    pub organizer: String,
    /// Of the recipient.
    pub address: String,
    /// Tries before this one.
    pub tries: u32,
    /// When the mail came into the outbox.
    pub created: Instant,
    /// As for a run: whoever leases the delivery again has a higher one.
    pub fence: u64,
}

/// How one try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryResult {
    /// Accepted, rejected, called off, or to be tried again.
    pub status: DeliveryStatus,
    /// The server's words, or those of why it was not reached.
    pub words: String,
    /// For [`DeliveryStatus::Retrying`]: when to try again.
    pub next_try: Option<Instant>,
    /// The try counts as one of this recipient's.
    pub counts: bool,
}
