//! Where schedules, runs, files, the outbox, audit and idempotency records live: one typed port, and its stores.
//!
//! For a platform that embeds the component and does not want to write a store: [`Storage`] is the port. `sqlite` has a store in one
//! file, `postgres` one in a PostgreSQL database, for any number of hosts; each is behind the feature of its name. For whoever writes a third, the
//! feature `kit` has the tests that both pass.
//!
//! Every function is one transaction, durable when it answers `Ok`. Nothing here knows what a document means, and no guest
//! call, export or SMTP talk happens inside a transaction. Instants are seconds since 1970-01-01T00:00:00Z.
//!
//! ```
//! use scheduled_exports_store::Storage as _;
//! use scheduled_exports_store::sqlite::SqliteStorage;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let folder = tempfile::tempdir().unwrap();
//! let store = SqliteStorage::open(&folder.path().join("store.db")).await.unwrap();
//! assert_eq!(store.next_wake().await.unwrap(), None); // nothing is planned
//! assert_ne!(store.reserve_id().await.unwrap(), store.reserve_id().await.unwrap());
//! # });
//! ```

#![deny(missing_docs)]
#![cfg_attr(
    not(all(feature = "sqlite", feature = "postgres")),
    allow(dead_code, unused_imports, reason = "what only a store uses that is not compiled in")
)]

pub mod cancelled;
mod change;
mod cursor;
mod difference;
mod import_errors;
#[cfg(any(test, feature = "kit"))]
pub mod kit;
pub mod migrations;
mod notice;
#[cfg(feature = "postgres")]
pub mod postgres;
mod reserve;
mod spooled;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod state;
mod turns;
pub mod usage;
mod values;
mod work;

use std::path::Path;

use async_trait::async_trait;
use tempfile::SpooledData;

pub use change::{Change, Commit, CommitError, Completion, KeptAnswer, RequestKey, RequestState};
pub use difference::difference;
pub use notice::{NOTICE_WINDOW, Notice};
pub use scheduled_exports_host::Scope;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use scheduled_exports_host::private;
use scheduled_exports_host::{clock, contract};
pub use scheduled_exports_mail::{FileFacts, MailKind, NewMail, OutboxMail};
pub use turns::Rooms;
pub use work::{
    DeliveryResult, DeliveryTask, Finish, Lease, LeaseError, Leased, MailStanding, OutgoingExport, StartError, Work,
    Written,
};

use values::addresses;

use crate::clock::Instant;
use crate::contract::schedule_store::Plan;
use crate::contract::{Content, MissedRange, PageQuery, Position, RunEntry};

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
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// The store holds what this version cannot read. For the log.
    #[error("store corrupt or incompatible: {0}")]
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

/// When something is due next; none: nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wakes {
    /// A due time, a retry, a run to settle, or the end of a lease for one of these.
    pub runs: Option<Instant>,
    /// A delivery, or the end of a lease on one.
    pub deliveries: Option<Instant>,
}

impl Wakes {
    /// The earlier of the two.
    #[must_use]
    pub fn earliest(self) -> Option<Instant> {
        [self.runs, self.deliveries].into_iter().flatten().min()
    }
}

/// Most that [`Storage::backlog`] counts of each kind: so it costs no more however much there is.
pub const MOST_COUNTED: u32 = 1_000_000;

/// Files are stored and read in pieces of so many bytes: what one row and one read of it costs. Only the last one of a file is smaller.
pub const FILE_CHUNK: usize = 256 * 1024;

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
    /// Removes the record of a request that changed nothing, so that it can be repeated.
    async fn end_request(&self, key: &RequestKey, ticket: u64) -> Result<(), StorageError>;

    // ---- organizers ----

    /// Scheduled exports on for this organizer? Unknown ones are off.
    async fn enabled(&self, organizer: &str) -> Result<bool, StorageError>;
    /// Switches an organizer on or off. Off: leases are lost, open runs end `cancelled`, as do next due times that have passed
    /// and that nobody has started; mails about runs and links are called off; nothing is due. On: its schedules stay asleep until each has been planned again
    /// ([`Storage::replan_batch`]).
    async fn set_enabled(&self, organizer: &str, enabled: bool, actor: &str, now: Instant) -> Result<(), StorageError>;
    /// Takes the schedules of an event that is gone out of service for good: as when an organizer is switched off, and they are not
    /// active any more. They can still be read and deleted.
    async fn retire(&self, event: &Scope, now: Instant) -> Result<(), StorageError>;
    /// How many schedules each level of an organizer has that has any; none: the organizer as a whole.
    async fn scopes(&self, organizer: &str) -> Result<Vec<(Option<String>, u64)>, StorageError>;
    /// Every organizer that was ever switched, by slug.
    async fn organizers(&self) -> Result<Vec<(String, bool)>, StorageError>;

    // ---- running ----

    /// Leases what is due at `now`: at most `limit`, longest due first. Next runs stay as they are. A store for many hosts shares
    /// a batch among the organizers that have something due.
    async fn take_due(&self, now: Instant, lease_until: Instant, limit: u32) -> Result<Vec<Leased>, StorageError>;
    /// [`Storage::take_due`], but of each organizer only what it has room for. A store that knows no turns leases what is due.
    async fn take_due_within(
        &self,
        now: Instant,
        lease_until: Instant,
        limit: u32,
        _rooms: &Rooms,
    ) -> Result<Vec<Leased>, StorageError> {
        self.take_due(now, lease_until, limit).await
    }
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
    /// Name, type and size of the run's file; `Ok(None)`: there is none.
    async fn file_facts(&self, run: u64) -> Result<Option<FileFacts>, StorageError>;
    /// A piece of the file that the secret of this SHA-256 leads to at `now`, counted from 0: [`FILE_CHUNK`] bytes, or fewer at its
    /// end. `Ok(None)`: it leads to no file, or to one that ends before.
    async fn linked_piece(&self, hash: &[u8; 32], now: Instant, piece: u64) -> Result<Option<Vec<u8>>, StorageError>;
    /// Lets the run's file be fetched with the secret of this SHA-256 from its submission until `expires`, and keeps it until then
    /// if at least one recipient's server takes the mail. A file kept later takes this back.
    async fn keep_link(&self, lease: &Lease, run: u64, hash: &[u8; 32], expires: Instant) -> Result<(), LeaseError>;
    /// The run whose file can be fetched with the secret of this SHA-256 now.
    async fn linked(&self, hash: &[u8; 32], now: Instant) -> Result<Option<u64>, StorageError>;
    /// Ends, submits or postpones the run. Its mail is counted, and held to [`Finish::mail_limits`].
    async fn finish(&self, lease: &Lease, run: u64, finish: &Finish) -> Result<Written, LeaseError>;

    // ---- delivery ----

    /// Leases deliveries whose try is due, shared among the organizers that have some.
    async fn take_deliveries(
        &self,
        now: Instant,
        lease_until: Instant,
        limit: u32,
    ) -> Result<Vec<DeliveryTask>, StorageError>;
    /// [`Storage::take_deliveries`], but of each organizer only what it has room for. A store that knows no turns leases what is due.
    async fn take_deliveries_within(
        &self,
        now: Instant,
        lease_until: Instant,
        limit: u32,
        _rooms: &Rooms,
    ) -> Result<Vec<DeliveryTask>, StorageError> {
        self.take_deliveries(now, lease_until, limit).await
    }
    /// A mail of the outbox; none: it is gone.
    async fn mail(&self, id: u64) -> Result<Option<OutboxMail>, StorageError>;
    /// How these mails stand, in any order; one that is gone is left out.
    async fn standing(&self, mails: &[u64]) -> Result<Vec<(u64, MailStanding)>, StorageError>;
    /// The export that a run has made, whose link is about to be followed; none: its schedule is gone.
    async fn export(&self, run: u64) -> Result<Option<OutgoingExport>, StorageError>;
    /// Calls the export of a run off for good: what of its mail nobody has tried or is trying now ends `cancelled`, what is being
    /// tried does so if the server does not take it, and its link leads nowhere.
    async fn call_off(&self, run: u64, words: &str, now: Instant) -> Result<(), StorageError>;
    /// Has the leases of these run out later; answers mail and position of those that are lost.
    async fn renew_deliveries(&self, tasks: &[DeliveryTask], until: Instant) -> Result<Vec<(u64, u32)>, StorageError>;
    /// Was this mail accepted for one of its recipients at least?
    async fn mail_was_accepted(&self, mail: u64) -> Result<bool, StorageError>;
    /// Whom mail was tried for and is to be tried again, with the last words about that: address and words of at most so many.
    async fn waiting_recipients(&self, most: u32) -> Result<Vec<(String, String)>, StorageError>;
    /// Writes down how a try ended; when all recipients of an export mail are final, its run can be settled. One that is to be
    /// tried again ends `cancelled` where its mail was called off meanwhile.
    async fn record_delivery(
        &self,
        task: &DeliveryTask,
        result: &DeliveryResult,
        now: Instant,
    ) -> Result<(), LeaseError>;

    // ---- plans, time and housekeeping ----

    /// Starts schedules again that were stopped by failures, the last of which was that no recipient accepted a mail: of this
    /// organizer and this schedule, where one is named. They are planned again, from now, as those of an organizer that is switched
    /// on. Answers which.
    async fn resume_undelivered(
        &self,
        organizer: Option<&str>,
        schedule: Option<u64>,
        actor: &str,
        now: Instant,
    ) -> Result<Vec<u64>, StorageError>;
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
    /// The earliest instants at which anything of the above is due.
    async fn next_wakes(&self) -> Result<Wakes, StorageError>;
    /// The earlier one of [`Storage::next_wakes`]; none: nothing is due.
    async fn next_wake(&self) -> Result<Option<Instant>, StorageError> {
        Ok(self.next_wakes().await?.earliest())
    }
    /// What waits at `now`, each count up to [`MOST_COUNTED`].
    async fn backlog(&self, now: Instant) -> Result<Backlog, StorageError>;
    /// Removes what has outlived its use: idempotency records past 24 h, links past their end, files of ended runs.
    async fn collect(&self, now: Instant) -> Result<(), StorageError>;
    /// Removes history: at most `most` runs that ended at or before `before.history`, with their mails, as many notices to owners
    /// of others' changes from before then, and as many audit entries of `before.audit` and older. What is not over stays: an open or
    /// submitted run, a mail still to be handed over, a file that can be fetched. Answers how many there were in all.
    async fn forget(&self, before: Kept, most: u32) -> Result<u64, StorageError>;
    /// History of all schedules or one, latest due time first.
    async fn history(&self, schedule: Option<u64>, limit: u32) -> Result<Vec<HistoryRow>, StorageError>;
    /// Entries of the audit log of one organizer, latest first.
    async fn audit(&self, organizer: &str, limit: u32) -> Result<Vec<AuditEntry>, StorageError>;
    /// Identifies this store: 16 random hexadecimal digits, made with it and kept in it, so that a restored copy has them too.
    async fn store_id(&self) -> Result<String, StorageError>;
    /// Checks that the store answers; for start-up and health.
    async fn ping(&self) -> Result<(), StorageError>;
    /// Checks that the store can be written, by writing to it; for readiness. What was written is removed again.
    async fn check_writable(&self) -> Result<(), StorageError>;
    /// Ends the use of the store by this process, in good order: a file is left with all that was written in it, and nothing beside it
    /// that is not needed. Calls that come later fail.
    async fn close(&self) {}
    /// Ends when another process may have written something that is due at once. Such word can be lost, or be wrong: who waits
    /// for it also looks after a while. A store that hears of nothing waits for ever.
    async fn changed(&self) {
        std::future::pending().await
    }
}
