//! Where the platform's tables are: in a SQLite file or in a PostgreSQL database, asked in one SQL that both understand.
//!
//! What that takes: `$1` for parameters, booleans as bare conditions, `count(*) FILTER`, `RETURNING`, `lower()`. Statements
//! are prepared once a connection.

use std::path::Path;
use std::time::Duration;

use sqlx::Sqlite;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::{EXPORTS_AT_ONCE, PlatformError};
use crate::storage::StorageError;
use crate::storage::migrations::{Migrations, migrations};
use crate::storage::postgres::{PostgresStorage, client as postgres};
use crate::storage::sqlite::reading::Reading;

/// How long a statement waits for another process's write.
const BUSY: Duration = Duration::from_secs(10);
/// How long an export waits for its turn.
pub(super) const EXPORT_TURN: Duration = Duration::from_secs(300);
/// Beside the store's own list of what has been done.
const MIGRATIONS_DONE: &str = "platform_migrations";
static TABLES: Migrations = migrations!("platform_migrations", 1 "platform" "migrations/postgres/1_platform.sql");

/// Connections to one database.
#[derive(Debug)]
pub(super) struct Connections<L, P> {
    pub look_ups: L,
    pub changes: P,
    /// Which an export keeps for long: look-ups never wait for it.
    pub exports: P,
}

#[derive(Debug)]
pub(super) enum Database {
    Sqlite(Connections<Reading, sqlx::Pool<Sqlite>>),
    Postgres(Connections<postgres::Pool, postgres::Pool>),
}

/// A transaction that writes.
pub(super) enum Open {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(postgres::Transaction),
}

/// What an export reads with.
pub(super) enum Snapshot {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(postgres::Transaction),
    /// A statement alone is of one moment by itself, and spares the server two more.
    Alone(postgres::Pooled),
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
                $crate::storage::postgres::read!(pools.look_ups.$fetch($sql, &[$(&$parameter),*]))
                    .map_err($crate::platform::PlatformError::from)
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

/// The same within a transaction: `within!(open, fetch_one: "…", parameter, …)`; `execute` answers how many rows were touched.
macro_rules! within {
    ($open:expr, execute: $sql:expr $(, $parameter:expr)* $(,)?) => {
        match $open {
            $crate::platform::database::Open::Sqlite(transaction) => sqlx::query($sql)
                $(.bind($parameter))*
                .execute(&mut **transaction)
                .await
                .map(|done| done.rows_affected())
                .map_err($crate::platform::PlatformError::from),
            $crate::platform::database::Open::Postgres(transaction) => transaction
                .execute($sql, &[$(&$parameter),*])
                .await
                .map_err($crate::platform::PlatformError::from),
        }
    };
    ($open:expr, $fetch:ident: $sql:expr $(, $parameter:expr)* $(,)?) => {
        match $open {
            $crate::platform::database::Open::Sqlite(transaction) => sqlx::query_as($sql)
                $(.bind($parameter))*
                .$fetch(&mut **transaction)
                .await
                .map_err($crate::platform::PlatformError::from),
            $crate::platform::database::Open::Postgres(transaction) => transaction
                .$fetch($sql, &[$(&$parameter),*])
                .await
                .map_err($crate::platform::PlatformError::from),
        }
    };
}
pub(super) use within;

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
        store.migrate(&TABLES).await?;
        Ok(Self::Postgres(Connections {
            look_ups: store.pool().clone(),
            changes: store.pool().clone(),
            exports: store.for_exports(EXPORTS_AT_ONCE, EXPORT_TURN),
        }))
    }

    /// A transaction that writes. On SQLite it takes the lock at once, so that it never fails halfway for want of it.
    pub(super) async fn write(&self) -> Result<Open, PlatformError> {
        Ok(match self {
            Self::Sqlite(pools) => Open::Sqlite(pools.changes.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pools) => Open::Postgres(pools.changes.begin().await?),
        })
    }

    /// Reads everything as of one moment, however long that takes; `alone`: with no more than one statement.
    pub(super) async fn snapshot(&self, alone: bool) -> Result<Snapshot, PlatformError> {
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
    pub(super) async fn commit(self) -> Result<(), PlatformError> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await?,
            Self::Postgres(transaction) => transaction.commit().await?,
        }
        Ok(())
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
                "the file is of platform version {version}, later than this program's"
            )),
            other => Self::Corrupt(other.to_string()),
        }
    }
}
