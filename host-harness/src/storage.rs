//! Where schedules, runs, files, the outbox, audit and idempotency records live: one typed port, and its stores.
//!
//! Every function is one transaction, durable when it answers `Ok`. Nothing here knows what a document means, and no guest
//! call, export or SMTP talk happens inside a transaction. Instants are seconds since 1970-01-01T00:00:00Z.
//!
//! ```
//! use host_harness::storage::Storage as _;
//! use host_harness::storage::sqlite::SqliteStorage;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let folder = tempfile::tempdir().unwrap();
//! let store = SqliteStorage::open(&folder.path().join("store.db")).await.unwrap();
//! assert_eq!(store.next_wake().await.unwrap(), None); // nothing is planned
//! assert_ne!(store.reserve_id().await.unwrap(), store.reserve_id().await.unwrap());
//! # });
//! ```

pub mod counted;
mod cursor;
mod fault;
pub mod kit;
pub mod postgres;
mod reserve;
mod spooled;
pub mod sqlite;
pub mod state;
mod turns;
mod values;

use std::fmt;
use std::path::Path;

use async_trait::async_trait;
use tempfile::SpooledData;

use crate::clock::Instant;
use crate::contract::mailer;
use crate::contract::schedule_store::Plan;
use crate::contract::{Content, Delivery, DeliveryStatus, MissedRange, Outcome, PageQuery, Position, RunEntry};

/// One organizer as a whole, or one of its events, by slug.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Slug.
    pub organizer: String,
    /// Slug; none: the organizer as a whole.
    pub event: Option<String>,
}

/// `organizer` or `organizer/event`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.organizer)?;
        match &self.event {
            Some(event) => write!(f, "/{event}"),
            None => Ok(()),
        }
    }
}

/// What a caller may see: schedules of exactly this scope, and with `only_owner` just those of that user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visible {
    /// Schedules of exactly this level.
    pub scope: Scope,
    /// A user id; none: everybody's.
    pub only_owner: Option<String>,
}

/// Why the store did not answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StorageError {
    /// The store is away (locked past its timeout, disk full, no connection): the same call can work later.
    #[error("the store is away: {0}")]
    Unavailable(String),
    /// The store holds what this version cannot read. For the log.
    #[error("the store is damaged or of another version: {0}")]
    Corrupt(String),
}

/// A stored schedule; the owner is an id, joined to a user by the platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Never used for another schedule.
    pub id: u64,
    /// Whose it is, and of which level.
    pub scope: Scope,
    /// Id of a user.
    pub owner: String,
    /// Goes up with each change of a person, and not with runs.
    pub version: u64,
    /// What the plugin gave.
    pub content: Content,
}

/// Rows of one snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows<T> {
    /// On all pages.
    pub total: u64,
    /// This page's.
    pub rows: Vec<T>,
    /// Where the next page begins: opaque text for [`Position::After`]; none: this is the last.
    pub next: Option<String>,
}

/// One staged change of a person.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// `id` comes from [`Storage::reserve_id`].
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
    /// ([`Storage::recorded`]): a run has started since the call looked.
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
    /// As `Update`, and the owner is another one; audited with the former one. `notice` goes out with the commit.
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
        /// The mail to the former owner; none: nobody is told.
        notice: Option<Box<NewMail>>,
    },
    /// Removes the schedule; its open run (started, mail not submitted) ends `cancelled`, as does its next due time if that
    /// has passed and nobody has started it. History and audit stay.
    Delete {
        /// Which schedule.
        id: u64,
        /// As the call has read it; none: whatever it is.
        version: Option<u64>,
    },
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
    /// As [`Storage::begin_request`] gave it.
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
    /// None: the request had no key.
    pub completion: Option<Completion>,
}

/// Why nothing was committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Not there, or not within [`Commit::by`].
    #[error("no such schedule here")]
    NotFound,
    /// Somebody else was first: the call is to be repeated on what is there now.
    #[error("another version is stored")]
    Stale,
    /// The organizer has so many already.
    #[error("over the quota of {0} schedules")]
    Quota(u32),
    /// The idempotency ticket ran out and another request took the key.
    #[error("the idempotency key was taken over")]
    Superseded,
    /// The store is away or damaged.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

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
    /// The open (or, to settle, the submitted) run; none: not started.
    pub run: Option<u64>,
    /// That of the row when it was leased: what is written with a lower one is refused.
    pub fence: u64,
    /// When it runs out.
    pub until: Instant,
}

/// A leased run, as read when it was leased.
#[derive(Clone, Debug, PartialEq)]
pub struct Leased {
    /// To be shown at every write.
    pub lease: Lease,
    /// The schedule.
    pub row: Row,
    /// Pinned by an earlier start; none: not started.
    pub due: Option<Instant>,
    /// The schedule's version when that start pinned it; none: not started.
    pub started_version: Option<u64>,
    /// IANA name of the zone that the schedule's level was in then, as given to [`Storage::start`]; none: not started.
    pub started_zone: Option<String>,
    /// Release of the zone database that the next run was computed with.
    pub zone_database: String,
    /// Leases of this due time, this one included; for [`Work::Settle`], those to settle it.
    pub attempt: u32,
    /// For [`Work::Settle`]: recipients of the export mail; else empty.
    pub deliveries: Vec<Delivery>,
}

/// Which mail about a due time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailKind {
    /// The file, or where to fetch it.
    Export,
    /// To the owner: the exporter found nothing.
    NothingToExport,
    /// That the run failed, and why.
    Failure,
    /// To the owner: whom the export did not reach.
    Undelivered,
    /// To a former owner, about no due time: any number of them.
    Handover,
}

impl From<mailer::MailKind> for MailKind {
    fn from(of: mailer::MailKind) -> Self {
        match of {
            mailer::MailKind::Export => Self::Export,
            mailer::MailKind::NothingToExport => Self::NothingToExport,
            mailer::MailKind::Failure => Self::Failure,
            mailer::MailKind::Undelivered => Self::Undelivered,
        }
    }
}

impl MailKind {
    /// As stored, and as part of the Message-ID.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::NothingToExport => "nothing-to-export",
            Self::Failure => "failure",
            Self::Undelivered => "undelivered",
            Self::Handover => "handover",
        }
    }
}

/// A mail to keep with the commit of `finish`, unique by (schedule, due time, kind): a second one is dropped. Or with that of a
/// [`Change::TakeOver`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMail {
    /// Unique with schedule and due time.
    pub kind: MailKind,
    /// RFC 5322, 3.6.4, without angle brackets.
    pub message_id: String,
    /// RFC 5322 addr-spec.
    pub from: String,
    /// Addresses (RFC 5322 addr-spec), each in one of the three lists.
    pub to: Vec<String>,
    /// Addresses.
    pub cc: Vec<String>,
    /// Envelope only: never in the bytes.
    pub bcc: Vec<String>,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The run's file goes with it.
    pub attach_file: bool,
}

impl NewMail {
    /// Whom it goes to, in the order To, Cc, Bcc, none of them tried yet: what the history says when it is submitted.
    #[must_use]
    pub fn queued(&self) -> Vec<Delivery> {
        let to = [&self.to, &self.cc, &self.bcc].into_iter().flatten();
        let queued = |address: &String| Delivery {
            address: address.clone(),
            status: DeliveryStatus::Queued,
            words: String::new(),
        };
        to.map(queued).collect()
    }
}

/// What `finish` writes, in one transaction, if the lease still holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Finish {
    /// How the run ends, or when it is tried again.
    pub outcome: Outcome,
    /// Left as stored where a person changed the schedule since the lease.
    pub error_counter: u32,
    /// Whether the schedule is executed any further; as [`Finish::error_counter`] where it was changed.
    pub active: bool,
    /// What the run has staged.
    pub mail: Option<NewMail>,
    /// When it ends.
    pub now: Instant,
}

/// The run does not belong to this lease any more, or the store is away.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another fence is higher, or the schedule is gone.
    #[error("the lease is lost")]
    Lost,
    /// The store is away or damaged.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why a run did not start. Nothing was written but, where a due time has ended, the plan for the next.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nothing can be written about the run by this lease.
    #[error("the lease is lost, or this due time has ended")]
    Lost,
    /// Some of the missed due times have an entry, this one the latest of them.
    #[error("the history has due times up to {0} already")]
    Recorded(Instant),
    /// The store is away or damaged.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A file kept with a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// As recipients see it.
    pub name: String,
    /// MIME type.
    pub content_type: String,
    /// Bytes.
    pub size: u64,
    /// Rows of data, where the exporter counts them.
    pub rows: Option<u64>,
}

/// A mail of the outbox, with everything its bytes are made of.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxMail {
    /// In the outbox.
    pub id: u64,
    /// None: about a handover, not about a run.
    pub run: Option<u64>,
    /// About which.
    pub schedule: u64,
    /// Whose it is.
    pub scope: Scope,
    /// Of a handover: when it happened.
    pub due: Instant,
    /// When it was committed: the Date header, and the start of the 24 hours of tries.
    pub created: Instant,
    /// What it says, and to whom.
    pub mail: NewMail,
    /// The file that goes with it.
    pub file: Option<FileFacts>,
}

/// One handing-over of one mail to one recipient, leased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryTask {
    /// Its id in the outbox.
    pub mail: u64,
    /// Place of the recipient in the order To, Cc, Bcc.
    pub position: u32,
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
    /// Accepted, rejected, or to be tried again.
    pub status: DeliveryStatus,
    /// The server's words, or those of why it was not reached.
    pub words: String,
    /// For [`DeliveryStatus::Retrying`]: when to try again.
    pub next_try: Option<Instant>,
}

/// A schedule whose plan must be computed again.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplanRow {
    /// Of the schedule.
    pub id: u64,
    /// As read: a plan is written only where it is still the same.
    pub version: u64,
    /// Whose it is: its zone counts where the document names none.
    pub scope: Scope,
    /// The plugin's.
    pub document: String,
    /// The plan to be replaced; none: nothing is planned.
    pub old_next_run: Option<Instant>,
    /// The latest due time that has an entry in the history.
    pub last_due: Option<Instant>,
    /// Asked for by [`Storage::request_replan`]; else only planned with an older zone database.
    pub moved: bool,
    /// Asleep since its organizer was off: planned from now. Else a next run that has passed is a due time not run yet, and
    /// the new plan has to keep it.
    pub asleep: bool,
}

/// One entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Instant,
    /// Where.
    pub scope: Scope,
    /// None: about the organizer, as `enabled`.
    pub schedule: Option<u64>,
    /// Who: `user:ID`, `token:ID`, `device:ID` or `host`.
    pub actor: String,
    /// `created`, `changed`, `taken-over`, `deleted`, `run`, `enabled`, `disabled`, …
    pub action: String,
    /// In words, for people.
    pub detail: String,
}

/// Up to when what is over is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Of runs that ended then or before.
    pub history: Instant,
    /// Of entries as old as this or older.
    pub audit: Instant,
}

/// A line of the run history together with whose it is: what `harness history` shows.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryRow {
    /// Its id; it may be deleted since.
    pub schedule: u64,
    /// Whose it is.
    pub scope: Scope,
    /// What became of the due time.
    pub entry: RunEntry,
}

/// What waits at one instant, for whoever watches a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Schedules that can be leased, and that nobody has.
    pub due: u64,
    /// Since when the first of them can be; none: none is due.
    pub oldest_due: Option<Instant>,
    /// Schedules that are due later; those under way are, when their lease ends.
    pub waiting: u64,
    /// Deliveries of the outbox that are not final.
    pub outbox: u64,
}

/// Most that [`Storage::backlog`] counts of each kind: so it costs no more however much there is.
pub const MOST_COUNTED: u32 = 1_000_000;

/// The store. `Err(StorageError)` leaves everything as it was.
#[async_trait]
pub trait Storage: Send + Sync {
    // ---- for people ----

    /// A page of what is visible; `Ok(None)`: that page does not exist (page 1 always does).
    async fn list(&self, seen: &Visible, query: &PageQuery) -> Result<Option<Rows<Row>>, StorageError>;
    /// None: not there, or not visible.
    async fn get(&self, seen: &Visible, id: u64) -> Result<Option<Row>, StorageError>;
    /// History of one schedule, latest due time first. The caller has checked that it is visible.
    async fn runs(&self, schedule: u64, at: &Position, size: u32) -> Result<Option<Rows<RunEntry>>, StorageError>;
    /// Schedules of the organizer, over all its events.
    async fn count(&self, organizer: &str) -> Result<u64, StorageError>;
    /// An id that no schedule has or will have but the next one.
    async fn reserve_id(&self) -> Result<u64, StorageError>;
    /// All that one call has staged, with audit entries and idempotency record, in one transaction.
    async fn commit(&self, commit: Commit) -> Result<(), CommitError>;
    /// Puts in a schedule with a given id, as a fixture does; later reserved ids are higher.
    async fn seed(&self, row: &Row, zone_database: &str, now: Instant) -> Result<(), CommitError>;

    // ---- idempotency ----

    /// Marks a request as running, or says what is known of it. `fingerprint` is a hash of method, path and body.
    async fn begin_request(
        &self,
        key: &RequestKey,
        fingerprint: &[u8; 32],
        now: Instant,
        lease_until: Instant,
    ) -> Result<RequestState, StorageError>;
    /// Keeps an answer that changed no schedule (a 4xx), or with `None` forgets the request (a 5xx), so that it can be repeated.
    async fn end_request(&self, key: &RequestKey, ticket: u64, answer: Option<KeptAnswer>) -> Result<(), StorageError>;

    // ---- organizers ----

    /// Scheduled exports on for this organizer? Unknown ones are off.
    async fn enabled(&self, organizer: &str) -> Result<bool, StorageError>;
    /// Switches an organizer on or off. Off: leases are lost, open runs end `cancelled`, as do next due times that have passed
    /// and that nobody has started; nothing is due. On: its schedules stay asleep until each has been planned again
    /// ([`Storage::replan_batch`]).
    async fn set_enabled(&self, organizer: &str, enabled: bool, actor: &str, now: Instant) -> Result<(), StorageError>;
    /// Every organizer that was ever switched, by slug.
    async fn organizers(&self) -> Result<Vec<(String, bool)>, StorageError>;

    // ---- running ----

    /// Leases what is due at `now`: at most `limit`, longest due first. Next runs stay as they are. A store for many hosts shares
    /// a batch among the organizers that have something due.
    async fn take_due(&self, now: Instant, lease_until: Instant, limit: u32) -> Result<Vec<Leased>, StorageError>;
    /// Leases submitted runs whose recipients are all final: one of a schedule at a time, and none while it is leased to execute,
    /// or the other way round. A lease to settle that ran out is lost once anybody leases its schedule, for whatever work.
    async fn take_settled(&self, now: Instant, lease_until: Instant, limit: u32) -> Result<Vec<Leased>, StorageError>;
    /// Has a lease run out later.
    async fn renew(&self, lease: &Lease, until: Instant) -> Result<(), LeaseError>;
    /// Gives a lease back unused, as a host does that is asked to stop: due again at once, the attempt not counted.
    async fn hand_back(&self, lease: &Lease, now: Instant) -> Result<(), LeaseError>;
    /// Opens the run and answers its id; with an open run of the same due time, that one's, and `missed` is left aside.
    /// A (schedule, due time) that has ended is `Lost`.
    /// `zone_database` is what `plan` was computed with, `zone` that of the schedule's level: kept for later leases.
    async fn start(
        &self,
        lease: &Lease,
        plan: &Plan,
        zone_database: &str,
        zone: &str,
        now: Instant,
    ) -> Result<u64, StartError>;
    /// The latest due time of the range that has an entry in the history, its own or in a missed range; none: none has.
    async fn recorded(&self, schedule: u64, range: &MissedRange) -> Result<Option<Instant>, StorageError>;
    /// Keeps the file with the run, in place of an earlier one.
    async fn keep_file(&self, lease: &Lease, run: u64, facts: &FileFacts, file: &SpooledData)
    -> Result<(), LeaseError>;
    /// Writes the run's file to `path`; `Ok(None)`: there is none.
    async fn read_file(&self, run: u64, path: &Path) -> Result<Option<FileFacts>, StorageError>;
    /// Lets the run's file be fetched with the secret of this SHA-256 from its submission until `expires`, and keeps it until then
    /// if at least one recipient's server takes the mail. A file kept later takes this back.
    async fn keep_link(&self, lease: &Lease, run: u64, hash: &[u8; 32], expires: Instant) -> Result<(), LeaseError>;
    /// The run whose file can be fetched with the secret of this SHA-256 now.
    async fn linked(&self, hash: &[u8; 32], now: Instant) -> Result<Option<u64>, StorageError>;
    /// Ends, submits or postpones the run.
    async fn finish(&self, lease: &Lease, run: u64, finish: &Finish) -> Result<(), LeaseError>;

    // ---- delivery ----

    /// Leases deliveries whose try is due, shared among the organizers that have some.
    async fn take_deliveries(
        &self,
        now: Instant,
        lease_until: Instant,
        limit: u32,
    ) -> Result<Vec<DeliveryTask>, StorageError>;
    /// A mail of the outbox; none: it is gone.
    async fn mail(&self, id: u64) -> Result<Option<OutboxMail>, StorageError>;
    /// Writes down how a try ended; when all recipients of an export mail are final, its run can be settled.
    async fn record_delivery(
        &self,
        task: &DeliveryTask,
        result: &DeliveryResult,
        now: Instant,
    ) -> Result<(), LeaseError>;

    // ---- plans, time and housekeeping ----

    /// Has the schedules of one event, or the organizer-level ones of one organizer, planned again: its zone moved.
    async fn request_replan(&self, moved: &Scope) -> Result<u64, StorageError>;
    /// Schedules to be planned again by a host with this zone database, at most `limit`: those asked for, and those planned
    /// with an older one (compared as text: `2026a` < `2026b`). None that is leased.
    async fn replan_batch(&self, limit: u32, zone_database: &str) -> Result<Vec<ReplanRow>, StorageError>;
    /// Writes a new plan, computed with `zone_database`, where version and old next run are still the same and the row is still
    /// one of those of [`Storage::replan_batch`], and wakes the schedule if its organizer is on. `plan` none: the plugin could
    /// not say; the row is left as it is, and not asked for again.
    async fn write_plan(
        &self,
        row: &ReplanRow,
        plan: Option<Option<Instant>>,
        zone_database: &str,
    ) -> Result<(), StorageError>;
    /// [`Storage::write_plan`] for many: a new zone database replans every schedule, and one durable write each would take
    /// hours. Each row counts for itself; an error may leave some written.
    async fn write_plans(
        &self,
        plans: &[(ReplanRow, Option<Option<Instant>>)],
        zone_database: &str,
    ) -> Result<(), StorageError> {
        for (row, plan) in plans {
            self.write_plan(row, *plan, zone_database).await?;
        }
        Ok(())
    }
    /// The earliest instant at which anything of the above is due (a due time, retry, lease end, delivery, settling); none:
    /// nothing is.
    async fn next_wake(&self) -> Result<Option<Instant>, StorageError>;
    /// What waits at `now`, each count up to [`MOST_COUNTED`].
    async fn backlog(&self, now: Instant) -> Result<Backlog, StorageError>;
    /// Removes what has outlived its use: idempotency records past 24 h, links past their end, files of ended runs.
    async fn collect(&self, now: Instant) -> Result<(), StorageError>;
    /// Removes history: at most `most` runs that ended at or before `before.history`, with their mails, as many notices to former
    /// owners from before then, and as many audit entries of `before.audit` and older. What is not over stays: an open or
    /// submitted run, a mail still to be handed over, a file that can be fetched. Answers how many there were in all.
    async fn forget(&self, before: Kept, most: u32) -> Result<u64, StorageError>;
    /// History of all schedules or one, latest due time first.
    async fn history(&self, schedule: Option<u64>, limit: u32) -> Result<Vec<HistoryRow>, StorageError>;
    /// Entries of the audit log of one organizer, latest first.
    async fn audit(&self, organizer: &str, limit: u32) -> Result<Vec<AuditEntry>, StorageError>;
    /// Checks that the store answers; for start-up and health.
    async fn ping(&self) -> Result<(), StorageError>;
    /// Ends when another process may have written something that is due at once. Such word can be lost, or be wrong: who waits
    /// for it also looks after a while. A store that hears of nothing waits for ever.
    async fn changed(&self) {
        std::future::pending().await
    }
}
