//! A small real ticketing platform: organizers, events, users, teams, orders and exporters, in the same database file as
//! the schedules.

mod admin;
mod credentials;
mod directory;
mod exporters;
mod fixture;
mod generated;
mod load;
mod orders;
mod rights;
mod words;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};

pub use credentials::{Credentials, Principal};
pub use directory::{DEFAULT_MAIL_BYTES, Event, EventSet, Organizer, Settings};
pub use exporters::{ExportGate, ExportJob, Produced};
pub use fixture::{Fault, Fixture, FixtureError, FixtureSchedule, MOST_GENERATED};
pub use rights::{Rights, Subject};

/// How long a statement waits for another process's write.
const BUSY: Duration = Duration::from_secs(10);
/// Exports that read at the same time; more of them wait their turn.
const EXPORTS_AT_ONCE: u32 = 8;
/// How long an export waits for its turn.
const EXPORT_TURN: Duration = Duration::from_secs(300);

/// Why the platform did not answer.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// The database is away (locked past its timeout, disk full, no connection): the same call can work later.
    #[error("the platform is away: {0}")]
    Unavailable(String),
    /// The tables hold what this version cannot read. For the log.
    #[error("the platform's tables are damaged or of another version: {0}")]
    Corrupt(String),
    /// A fixture is loaded into an empty platform only.
    #[error("the platform already has organizers: a fixture is loaded into an empty one only, so name a new file")]
    NotEmpty,
    /// An administrative change of something that is not there.
    #[error("there is no {0}")]
    NoSuch(String),
    /// An administrative change to a value that does not fit.
    #[error("{0}")]
    Unfit(String),
}

impl From<sqlx::Error> for PlatformError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) | sqlx::Error::Decode(_) => {
                Self::Corrupt(error.to_string())
            }
            error => Self::Unavailable(error.to_string()),
        }
    }
}

/// The reference platform. Cheap to clone; all clones are the same one.
#[derive(Clone, Debug)]
pub struct Platform {
    /// For look-ups.
    readers: SqlitePool,
    /// One connection, for changes.
    writer: SqlitePool,
    /// For exports, which keep a connection for long: look-ups never wait for them.
    exports: SqlitePool,
    /// Where files are written.
    folder: PathBuf,
    gate: Option<Arc<dyn ExportGate>>,
}

impl Platform {
    /// Opens the platform in the database file at `path`, which is created where it is missing, as are the tables.
    ///
    /// # Errors
    /// The file cannot be opened or written.
    pub async fn open(path: &Path) -> Result<Self, PlatformError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY)
            .foreign_keys(true);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await?;
        let reading = options.pragma("query_only", "ON");
        // A file does not hang up: to ask a connection whether it is still there would cost as much as the look-up.
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .test_before_acquire(false)
            .connect_lazy_with(reading.clone());
        let exports = SqlitePoolOptions::new()
            .max_connections(EXPORTS_AT_ONCE)
            .test_before_acquire(false)
            .acquire_timeout(EXPORT_TURN)
            // As many rows as the writer of the file takes at a time: the two wake each other for batches.
            .connect_lazy_with(reading.row_buffer_size(256));
        let platform = Self {
            readers,
            writer,
            exports,
            folder: std::env::temp_dir(),
            gate: None,
        };
        let mut tx = platform.write().await?;
        sqlx::raw_sql(include_str!("platform/migrations/1_tables.sql"))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(platform)
    }

    /// Has exports written in this folder, which must be there, instead of the machine's one for temporary files. It should
    /// lie on a disk: an export can be large.
    #[must_use]
    pub fn exporting_in(mut self, folder: PathBuf) -> Self {
        self.folder = folder;
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
        let any: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM platform_organizers)")
            .fetch_one(&self.readers)
            .await?;
        Ok(!any)
    }

    /// Closes all connections once what they do has ended.
    pub async fn close(&self) {
        tokio::join!(self.readers.close(), self.exports.close());
        self.writer.close().await;
    }

    /// A transaction that writes: it takes the lock at once, so that it never fails halfway for want of it.
    async fn write(&self) -> Result<Transaction<'static, Sqlite>, PlatformError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }
}

#[cfg(test)]
mod tests;
