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
//! use scheduled_exports_store::port::*;
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
mod list_query;
pub mod migrations;
mod notice;
pub mod port;
#[cfg(feature = "postgres")]
pub mod postgres;
mod reserve;
mod run_filter;
mod spooled;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod state;
mod turns;
pub mod usage;
mod values;
mod work;

pub use change::{
    Change, Commit, CommitError, Completion, KeptAnswer, RequestKey, RequestState, RequestedRun, Requester,
};
pub use difference::difference;
pub use list_query::{ListFilter, ListQuery, Recipient};
pub use notice::{NOTICE_WINDOW, Notice};
pub use port::{Files, Leases, Organizers, Outbox, Plans, Requests, Retention, Runs, Schedules, Storage};
pub use scheduled_exports_host::Scope;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use scheduled_exports_host::private;
use scheduled_exports_host::{clock, contract};
pub use scheduled_exports_mail::{FileFacts, MailKind, NewMail, OutboxMail};
pub use turns::Rooms;
pub use work::{
    Asked, DeliveryResult, DeliveryTask, Finish, Lease, LeaseError, Leased, MailStanding, OutgoingExport, StartError,
    Work, Written,
};

use values::addresses;

use crate::clock::Instant;
use crate::contract::{Content, RunEntry};

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
    /// Where the next page begins: opaque text for [`Position::After`](crate::contract::Position::After); none: this is the last.
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
    /// Until when it is paused; its next run is not before that. None: it is active.
    pub not_before: Option<Instant>,
    /// The latest due time that has an entry in the history.
    pub last_due: Option<Instant>,
    /// Asked for by [`Plans::request_replan`]; else only planned with an older zone database.
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

/// Most that [`Plans::backlog`] counts of each kind: so it costs no more however much there is.
pub const MOST_COUNTED: u32 = 1_000_000;

/// Files are stored and read in pieces of so many bytes: what one row and one read of it costs. Only the last one of a file is smaller.
pub const FILE_CHUNK: usize = 256 * 1024;
