//! Where the platform's tables are: in a SQLite file or in a PostgreSQL database, asked in one SQL that both understand.
//!
//! What that takes: `$1` for parameters, booleans as bare conditions, `count(*) FILTER`, `RETURNING`, `lower()`. Statements
//! are prepared once a connection.

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Pool, Postgres, Sqlite, Transaction};

use super::{EXPORTS_AT_ONCE, PlatformError};
use crate::storage::StorageError;
use crate::storage::postgres::PostgresStorage;
use crate::storage::sqlite::reading::Reading;

/// How long a statement waits for another process's write.
const BUSY: Duration = Duration::from_secs(10);
/// How long an export waits for its turn.
pub(super) const EXPORT_TURN: Duration = Duration::from_secs(300);
/// Beside the store's own list of what has been done.
const MIGRATIONS_DONE: &str = "platform_migrations";

/// Connections that turn out to be gone, one after the other, before a look-up gives up.
const MOST_LOST: u32 = 10;

/// Connections to one database.
#[derive(Debug)]
pub(super) struct Connections<DB: sqlx::Database, L> {
    pub look_ups: L,
    pub changes: Pool<DB>,
    /// Which an export keeps for long: look-ups never wait for it.
    pub exports: Pool<DB>,
}

#[derive(Debug)]
pub(super) enum Database {
    Sqlite(Connections<Sqlite, Reading>),
    Postgres(Connections<Postgres, Pool<Postgres>>),
}

/// A transaction that writes.
pub(super) enum Open {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// What an export reads with.
pub(super) enum Snapshot {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
    /// A statement alone is of one moment by itself, and spares the server two more.
    Alone(PoolConnection<Postgres>),
}

/// Asks one thing: `look_up!(platform, fetch_one: "…", parameter, …)`. Where the connection turns out to be gone, as after a restart
/// of the server, it is asked again on another: nothing was written, so nothing can be twice.
macro_rules! look_up {
    ($platform:expr, $fetch:ident: $sql:expr $(, $parameter:expr)* $(,)?) => {
        $platform.counted(match &*$platform.database {
            $crate::platform::database::Database::Sqlite(file) => $crate::platform::reading::Asked {
                sql: $sql,
                parameters: &[$(&$parameter as &dyn rusqlite::ToSql),*],
            }
            .$fetch(&file.look_ups),
            $crate::platform::database::Database::Postgres(pools) => {
                let mut lost = 0;
                loop {
                    match sqlx::query_as($sql)$(.bind($parameter))*.$fetch(&pools.look_ups).await {
                        Err(error) if $crate::platform::database::is_lost(&error, &mut lost) => {}
                        done => break done.map_err($crate::platform::PlatformError::from),
                    }
                }
            }
        })
    };
}
pub(super) use look_up;

/// A statement with a JSON list of texts as its parameter `$1`, for SQLite and for PostgreSQL: the one thing for which they have no
/// common words.
macro_rules! listing {
    ($before:literal, $after:literal) => {
        (
            concat!($before, "(SELECT value FROM json_each($1))", $after),
            concat!($before, "(SELECT jsonb_array_elements_text($1::jsonb))", $after),
        )
    };
}
pub(super) use listing;

/// The same within a transaction; `execute` answers how many rows were touched.
macro_rules! within {
    ($open:expr, execute: $query:expr) => {
        match $open {
            $crate::platform::database::Open::Sqlite(transaction) => $query
                .execute(&mut **transaction)
                .await
                .map(|done| done.rows_affected()),
            $crate::platform::database::Open::Postgres(transaction) => $query
                .execute(&mut **transaction)
                .await
                .map(|done| done.rows_affected()),
        }
    };
    ($open:expr, $fetch:ident: $query:expr) => {
        match $open {
            $crate::platform::database::Open::Sqlite(transaction) => $query.$fetch(&mut **transaction).await,
            $crate::platform::database::Open::Postgres(transaction) => $query.$fetch(&mut **transaction).await,
        }
    };
}
pub(super) use within;

/// Has the server ended this connection? Not more often than there can be connections that it has ended.
pub(super) fn is_lost(error: &sqlx::Error, lost: &mut u32) -> bool {
    *lost += 1;
    // 57P01: the server was told to stop.
    let ended = |error: &dyn sqlx::error::DatabaseError| error.code().is_some_and(|code| code == "57P01");
    *lost <= MOST_LOST && (matches!(error, sqlx::Error::Io(_)) || error.as_database_error().is_some_and(ended))
}

impl Database {
    pub(super) async fn in_file(path: &Path) -> Result<Self, PlatformError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY)
            .foreign_keys(true)
            // As the store's own connections.
            .pragma("secure_delete", "on");
        let changes = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await?;
        let exports = SqlitePoolOptions::new()
            .max_connections(EXPORTS_AT_ONCE)
            // A file does not hang up.
            .test_before_acquire(false)
            .acquire_timeout(EXPORT_TURN)
            // As many rows as the writer of the file takes at a time: the two wake each other for batches.
            .connect_lazy_with(options.pragma("query_only", "ON").row_buffer_size(256));
        // All in one transaction that has the write lock from its start, so that two processes can't meet in here.
        let mut tables = changes.begin_with("BEGIN IMMEDIATE").await?;
        tables_of(sqlx::migrate!("src/platform/migrations/sqlite"))
            .run_direct(None, &mut *tables, false)
            .await?;
        tables.commit().await?;
        Ok(Self::Sqlite(Connections {
            look_ups: Reading::of(path),
            changes,
            exports,
        }))
    }

    pub(super) async fn beside(store: &PostgresStorage) -> Result<Self, PlatformError> {
        store
            .migrate(&tables_of(sqlx::migrate!("src/platform/migrations/postgres")))
            .await?;
        Ok(Self::Postgres(Connections {
            look_ups: store.pool().clone(),
            changes: store.pool().clone(),
            exports: store.for_exports(EXPORTS_AT_ONCE, EXPORT_TURN),
        }))
    }

    /// A transaction that writes. On SQLite it takes the lock at once, so that it never fails halfway for want of it.
    pub(super) async fn write(&self) -> sqlx::Result<Open> {
        Ok(match self {
            Self::Sqlite(pools) => Open::Sqlite(pools.changes.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pools) => Open::Postgres(pools.changes.begin().await?),
        })
    }

    /// Reads everything as of one moment, however long that takes; `alone`: with no more than one statement.
    pub(super) async fn snapshot(&self, alone: bool) -> sqlx::Result<Snapshot> {
        Ok(match self {
            Self::Sqlite(pools) => Snapshot::Sqlite(pools.exports.begin().await?),
            Self::Postgres(pools) if alone => Snapshot::Alone(pools.exports.acquire().await?),
            Self::Postgres(pools) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                Snapshot::Postgres(pools.exports.begin_with(begin).await?)
            }
        })
    }

    /// The one of two statements that this database has words for.
    pub(super) fn pick(&self, (sqlite, postgres): (&'static str, &'static str)) -> &'static str {
        match self {
            Self::Sqlite(_) => sqlite,
            Self::Postgres(_) => postgres,
        }
    }

    /// Closes all connections of its own once what they do has ended.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pools) => {
                pools.look_ups.close();
                pools.exports.close().await;
                pools.changes.close().await;
            }
            Self::Postgres(pools) => pools.exports.close().await,
        }
    }
}

impl Open {
    pub(super) async fn commit(self) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction) => transaction.commit().await,
        }
    }
}

/// Migrations with a list of their own of what has been done.
fn tables_of(mut migrations: Migrator) -> Migrator {
    migrations.dangerous_set_table_name(MIGRATIONS_DONE);
    migrations
}

impl From<StorageError> for PlatformError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable(words) => Self::Unavailable(words),
            StorageError::Corrupt(words) => Self::Corrupt(words),
        }
    }
}

impl From<MigrateError> for PlatformError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            MigrateError::VersionMissing(version) => Self::Corrupt(format!(
                "platform schema version {version} is newer than this program supports"
            )),
            other => Self::Corrupt(other.to_string()),
        }
    }
}
