//! A small real ticketing platform: organizers, events, users, teams, orders and exporters, in the same database as the
//! schedules. The reference host exports from it; a platform that embeds the component has its own.
//!
//! ```
//! use reference_platform::{Fixture, Platform};
//! use scheduled_exports_store::sqlite::SqliteStorage;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let folder = tempfile::tempdir().unwrap();
//! let file = folder.path().join("store.db");
//! let store = SqliteStorage::open(&file).await.unwrap();
//! let platform = Platform::open(&file).await.unwrap();
//! # let text = include_str!("../../../tests/data/bigevents.json");
//! let fixture = Fixture::from_json(text).unwrap(); // tests/data/bigevents.json
//! platform.load(&fixture).await.unwrap();
//! let john = platform.user_by_email("john@example.com").await.unwrap().unwrap();
//! assert!(john.active);
//! # });
//! ```

#![deny(missing_docs)]

mod admin;
mod admission;
mod credentials;
mod currency;
mod database;
mod directory;
mod exporters;
mod file;
mod fixture;
mod generated;
mod load;
mod orders;
mod reading;
mod rights;
pub mod shares;
#[deny(dead_code)]
mod text;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use scheduled_exports_host::contract::exporters::LookupError;
use scheduled_exports_host::imports::ImportError;
use scheduled_exports_store::StorageError;
use scheduled_exports_store::postgres::{PostgresStorage, client};
use scheduled_exports_store::usage::UsageLimits;

use crate::shares::SharedPlaces;
use database::{Database, Open, look_up};

pub use admission::{Admission, Admitted, Ownership};
pub use credentials::{Credentials, Principal};
pub use directory::{DEFAULT_MAIL_BYTES, DeletedEvent, Event, EventSet, Organizer, Place, Settings, slug_of};
pub use exporters::{ExportGate, ExportJob, Produced};
pub use fixture::{Fault, Fixture, FixtureError, FixtureSchedule, MOST_GENERATED};
pub use rights::{Rights, Subject};

/// Exports that read at the same time; more of them wait their turn.
pub const EXPORTS_AT_ONCE: u32 = 8;

/// Why the platform did not answer.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// The database is away (locked past its timeout, disk full, no connection): the same call can work later.
    #[error("platform unavailable: {0}")]
    Unavailable(String),
    /// The tables hold what this version cannot read. For the log.
    #[error("platform tables corrupt or incompatible: {0}")]
    Corrupt(String),
    /// A fixture is loaded into an empty platform only.
    #[error("the platform already contains organizers; a fixture can only be loaded into an empty store")]
    NotEmpty,
    /// An administrative change of something that is not there.
    #[error("{0} does not exist")]
    NoSuch(String),
    /// An administrative change to a value that does not fit.
    #[error("{0}")]
    Unfit(String),
}

impl From<client::Error> for PlatformError {
    fn from(error: client::Error) -> Self {
        match error {
            client::Error::Judged(judged) => judged.into(),
            error if error.is_of_a_value() => Self::Corrupt(error.to_string()),
            error => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<PlatformError> for ImportError<LookupError> {
    fn from(error: PlatformError) -> Self {
        Self::Refused(LookupError::Unavailable(error.to_string()))
    }
}

impl From<PlatformError> for StorageError {
    /// Who asks waits for both alike.
    fn from(error: PlatformError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// The reference platform. Cheap to clone; all clones are the same one.
#[derive(Clone, Debug)]
pub struct Platform {
    database: Arc<Database>,
    /// Where files are written.
    folder: PathBuf,
    gate: Option<Arc<dyn ExportGate>>,
    /// Exports at a time, shared among organizers.
    slots: Arc<SharedPlaces>,
    /// Calls that the tables did not answer.
    errors: Counter,
}

impl Platform {
    /// Opens the platform in the file of a [`SqliteStorage`](scheduled_exports_store::sqlite::SqliteStorage); tables that are missing are made.
    ///
    /// # Errors
    /// The file cannot be opened or written.
    pub async fn open(path: &Path) -> Result<Self, PlatformError> {
        Ok(Self::of(Database::in_file(path).await?))
    }

    /// The platform in the PostgreSQL database of a store; tables that are missing are made. Look-ups share the store's connections,
    /// exports open up to [`EXPORTS_AT_ONCE`] of their own. Any number of processes may use it at a time.
    ///
    /// # Errors
    /// The database is away, or holds tables of a later version.
    pub async fn beside(store: &PostgresStorage) -> Result<Self, PlatformError> {
        Ok(Self::of(Database::beside(store).await?))
    }

    fn of(database: Database) -> Self {
        Self {
            database: Arc::new(database),
            folder: std::env::temp_dir(),
            gate: None,
            slots: slots(UsageLimits::default().organizer_share),
            errors: Counter::default(),
        }
    }

    /// How often the platform's tables did not answer, counted by all clones together.
    #[must_use]
    pub fn errors(&self) -> &Counter {
        &self.errors
    }

    fn counted<T, E>(&self, answer: Result<T, E>) -> Result<T, E> {
        if answer.is_err() {
            self.errors.inc();
        }
        answer
    }

    /// Has exports written in this folder, which must be there, instead of the machine's one for temporary files. It should
    /// lie on a disk: an export can be large.
    #[must_use]
    pub fn exporting_in(mut self, folder: PathBuf) -> Self {
        self.folder = folder;
        self
    }

    /// Has one organizer get at most so many percent of the exports that read at the same time.
    #[must_use]
    pub fn sharing(mut self, percent: u32) -> Self {
        self.slots = slots(percent);
        self
    }

    /// Has this asked before each export.
    #[must_use]
    pub fn exporting_through(mut self, gate: Arc<dyn ExportGate>) -> Self {
        self.gate = Some(gate);
        self
    }

    /// No organizers yet?
    ///
    /// # Errors
    /// The database is away.
    pub async fn is_empty(&self) -> Result<bool, PlatformError> {
        let (any,): (bool,) = look_up!(self, fetch_one: "SELECT EXISTS (SELECT 1 FROM platform_organizers)")?;
        Ok(!any)
    }

    /// Closes all connections of its own once what they do has ended.
    pub async fn close(&self) {
        self.database.close().await;
    }

    async fn write(&self) -> Result<Open, PlatformError> {
        self.counted(self.database.write().await)
    }
}

fn slots(percent: u32) -> Arc<SharedPlaces> {
    Arc::new(SharedPlaces::new(EXPORTS_AT_ONCE as usize, percent))
}

#[cfg(test)]
mod tests;
