//! What a person changes, and the idempotency record that is written with it.

use std::collections::BTreeMap;

use super::values::{kind_text, written};
use super::{Notice, Row, Scope, StorageError, Visible};
use crate::clock::Instant;
use crate::contract::{Content, MissedRange, Recipients, RunKind, ScheduleState};
use crate::usage::{AskedOf, CHANGE_BYTES, Exceeded, NOTICE_BYTES, WriteLimits};

/// One staged change of a person.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// `id` comes from [`Schedules::reserve_id`](super::Schedules::reserve_id).
    Insert {
        /// Never used before.
        id: u64,
        /// Id of the user who calls.
        owner: String,
        /// What the plugin gave.
        content: Content,
    },
    /// Fails with [`CommitError::Stale`] unless `version` is stored. The version goes up by one, the fence is raised, a run in
    /// progress loses its lease and is due for lease at once, with its pinned due time; attempts start anew where no run is
    /// open. Each range of `missed` becomes one run-history entry; `Stale` too where some of it has one already
    /// ([`Runs::recorded`](super::Runs::recorded)): a run has started since the call looked.
    Update {
        /// Which schedule.
        id: u64,
        /// As the call has read it.
        version: u64,
        /// Takes the place of the stored one.
        content: Content,
        /// Due times that the change gives up.
        missed: Vec<MissedRange>,
    },
    /// As `Update`, and the owner is another one; audited with the former one.
    TakeOver {
        /// Which schedule.
        id: u64,
        /// As the call has read it.
        version: u64,
        /// Id of the user who takes it.
        owner: String,
        /// Id of the user whose it was; the change is refused where it is another's by then.
        former: String,
        /// Takes the place of the stored one.
        content: Content,
        /// Due times that the change gives up.
        missed: Vec<MissedRange>,
    },
    /// Removes the schedule; its open run (started, mail not submitted) ends `cancelled`, as does its next due time if that
    /// has passed and nobody has started it. History and audit stay.
    Delete {
        /// Which schedule.
        id: u64,
        /// As the call has read it; none: whatever it is.
        version: Option<u64>,
    },
    /// No change of a schedule: a run of it, beside those that are due, or of a content that is not stored. Refused with
    /// [`CommitError::Exceeded`] past the limits, and with [`CommitError::NotFound`] where the organizer is off.
    RequestRun(Box<RequestedRun>),
    /// No change of a schedule, but what the owner of one is told of it, kept with the commit. It leaves
    /// [`NOTICE_WINDOW`](super::NOTICE_WINDOW) later, and notices to the same user of the same organizer join it until then.
    Tell(Box<Notice>),
}

/// A run that a person asks for. From the commit on it is in progress: due for lease at once, and in the history.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestedRun {
    /// What its lease, its key and its Message-IDs are made of, from [`Schedules::reserve_id`](super::Schedules::reserve_id).
    pub id: u64,
    /// Its id in the history, from [`Runs::reserve_run`](super::Runs::reserve_run).
    pub run: u64,
    /// What it is of; none: a test of a content that is not stored.
    pub schedule: Option<u64>,
    /// Not [`RunKind::Scheduled`].
    pub kind: RunKind,
    /// The due time that it is for.
    pub due: Instant,
    /// What is tested; none: what is stored.
    pub content: Option<Content>,
    /// A user, whose the run is where it is a test; none: a program.
    pub by: Option<Requester>,
}

/// The user who asks for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    /// Of the user.
    pub id: String,
    /// As of now.
    pub address: String,
}

/// Who a test goes to beside the user who asks for it.
const NOBODY: Recipients = Recipients {
    to: Vec::new(),
    cc: Vec::new(),
    bcc: Vec::new(),
};

impl RequestedRun {
    /// Whose limits it is held to.
    pub(super) fn asked_of<'a>(&'a self, organizer: &'a str) -> AskedOf<'a> {
        AskedOf {
            organizer,
            schedule: self.schedule,
            by: self.by.as_ref().map(|by| &*by.id),
        }
    }

    /// What it runs with: what is stored, or what is given. A test is of whoever asks for it, and of nobody else.
    pub(super) fn row(&self, scope: &Scope, stored: Option<Row>) -> Option<Row> {
        let (content, owner, version) = match (&self.content, stored) {
            (Some(given), stored) => {
                let (owner, version) = stored.map_or((None, 1), |row| (Some(row.owner), row.version));
                (given.clone(), owner, version)
            }
            (None, Some(row)) => (row.content, Some(row.owner), row.version),
            (None, None) => return None,
        };
        let test = self.kind == RunKind::Test;
        let tester = self.by.as_ref().filter(|_| test).map(|by| by.id.clone());
        Some(Row {
            id: self.id,
            scope: scope.clone(),
            owner: tester.or_else(|| owner.filter(|_| !test))?,
            version,
            content: Content {
                recipients: if test { NOBODY } else { content.recipients },
                next_run: None,
                state: ScheduleState::Active,
                ..content
            },
        })
    }

    /// What the audit log says of it.
    fn detail(&self) -> String {
        match self.kind {
            RunKind::Rerun => format!("rerun of {}", written(self.due)),
            _ => kind_text(self.kind).unwrap_or_default().to_owned(),
        }
    }
}

/// Who made a request, and under which key it must not be carried out twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestKey {
    /// The caller, as `user:ID`, `token:ID` or `device:ID`.
    pub caller: String,
    /// The value of `Idempotency-Key`.
    pub key: String,
}

/// An answer kept for repetitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// HTTP status.
    pub status: u16,
    /// Header `ETag`, where there was one.
    pub etag: Option<String>,
    /// As it was sent.
    pub body: Vec<u8>,
}

/// What is known of a request when it comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// New, and now marked as running by this host until `lease_until`; `ticket` proves it at commit.
    Begun {
        /// To be shown with the answer.
        ticket: u64,
    },
    /// The first one still runs.
    Running,
    /// Answered, with the same fingerprint.
    Answered(KeptAnswer),
    /// The key was used for another request.
    OtherRequest,
}

/// The idempotency record that a commit completes.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// Whose request.
    pub key: RequestKey,
    /// As [`Requests::begin_request`](super::Requests::begin_request) gave it.
    pub ticket: u64,
    /// What a repeated request will be answered.
    pub answer: KeptAnswer,
}

/// What one exported call changed: all of it or nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// Changes outside of it are refused with [`CommitError::NotFound`].
    pub by: Visible,
    /// `user:ID`, `token:ID`, `device:ID` or `host`; for the audit log, which gets one entry for each change.
    pub actor: String,
    /// When the call is committed.
    pub now: Instant,
    /// Release of the zone database that the next runs were computed with.
    pub zone_database: String,
    /// Most schedules that the organizer may have, over all its events.
    pub quota: Option<u32>,
    /// In the order in which they were staged.
    pub changes: Vec<Change>,
    /// What the changes of a schedule changed, by its id: the old and the new values, for the audit log.
    pub details: BTreeMap<u64, String>,
    /// None: the request had no key.
    pub completion: Option<Completion>,
    /// What the actor's changes are held to; none: to nothing.
    pub limits: Option<WriteLimits>,
}

impl Commit {
    /// What it takes on disk at most, for [`WriteLimits::bytes_per_day`]: nothing for what only removes.
    pub(super) fn bytes(&self) -> u64 {
        let contents = self.changes.iter().filter_map(|change| match change {
            Change::Insert { content, .. } | Change::Update { content, .. } | Change::TakeOver { content, .. } => {
                Some(content)
            }
            Change::RequestRun(run) => run.content.as_ref(),
            Change::Delete { .. } | Change::Tell(_) => None,
        });
        let of_content = |content: &Content| {
            let recipients = &content.recipients;
            let addresses = [&recipients.to, &recipients.cc, &recipients.bcc].into_iter().flatten();
            CHANGE_BYTES + size(content.document.len()) + addresses.map(|address| size(address.len()) + 4).sum::<u64>()
        };
        let stored = |change: &&Change| matches!(change, Change::RequestRun(run) if run.content.is_none());
        let runs = CHANGE_BYTES * size(self.changes.iter().filter(stored).count());
        let changes: u64 = contents.map(of_content).sum::<u64>() + runs;
        // What an owner is told of a change is kept as long as the history.
        let notices = self.changes.iter().filter_map(|change| match change {
            Change::Tell(notice) if changes > 0 => Some(NOTICE_BYTES + size(notice.mail.text.len())),
            _ => None,
        });
        let told: u64 = notices.sum();
        let audited: u64 = self
            .details
            .values()
            .filter(|_| changes > 0)
            .map(|detail| size(detail.len()))
            .sum();
        let record = self.completion.as_ref().filter(|_| changes > 0);
        changes + told + audited + record.map_or(0, |record| size(record.answer.body.len() + record.key.key.len()))
    }
}

fn size(bytes: usize) -> u64 {
    bytes as u64
}

impl Commit {
    /// What the audit log says of a change, beside who made it and what it was.
    pub(super) fn detail(&self, change: &Change) -> String {
        let told = |id: &u64| self.details.get(id).cloned().unwrap_or_default();
        match change {
            Change::Insert { .. } | Change::Tell(_) => String::new(),
            Change::RequestRun(run) => run.detail(),
            Change::Update { id, .. } | Change::Delete { id, .. } => told(id),
            Change::TakeOver { id, owner, former, .. } => {
                let told = told(id);
                let between = if told.is_empty() { "" } else { "; " };
                format!("by user:{owner} from user:{former}{between}{told}")
            }
        }
    }
}

/// Why nothing was committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Not there, or not within [`Commit::by`].
    #[error("schedule not found")]
    NotFound,
    /// Somebody else was first: the call is to be repeated on what is there now.
    #[error("version conflict")]
    Stale,
    /// The organizer has so many already.
    #[error("quota of {0} schedules exceeded")]
    Quota(u32),
    /// The actor has used as much as [`Commit::limits`] leaves.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// The idempotency ticket ran out and another request took the key.
    #[error("superseded by another request with the same idempotency key")]
    Superseded,
    /// The store is away or damaged.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
