//! Where the platform's tables are: in a SQLite file or in a PostgreSQL database, asked in one SQL that both understand.
//!
//! What that takes: `$1` for parameters, booleans as bare conditions, `count(*) FILTER`, `RETURNING`, `lower()`. Statements
//! are prepared once a connection.

use std::path::Path;
use std::time::Duration;

use scheduled_exports_store::StorageError;
use scheduled_exports_store::migrations::{Migrations, migrations};
use scheduled_exports_store::postgres::{PostgresStorage, client as postgres};

use super::file::{self, File};
use super::{EXPORTS_AT_ONCE, PlatformError};

/// How long an export waits for its turn.
pub(super) const EXPORT_TURN: Duration = Duration::from_secs(300);
/// Beside the store's own, with a list of their own of what has been done.
pub(super) static TABLES_IN_A_FILE: Migrations =
    migrations!("platform_migrations", 1 "platform" "migrations/sqlite/1_platform.sql");
static TABLES: Migrations = migrations!("platform_migrations", 1 "platform" "migrations/postgres/1_platform.sql");

/// Connections to a server.
#[derive(Debug)]
pub(super) struct Server {
    pub look_ups: postgres::Pool,
    pub changes: postgres::Pool,
    /// Which an export keeps for long: look-ups never wait for it.
    pub exports: postgres::Pool,
}

#[derive(Debug)]
pub(super) enum Database {
    Sqlite(File),
    Postgres(Server),
}

/// A transaction that writes.
#[expect(
    clippy::large_enum_variant,
    reason = "one lives as long as its transaction, on the stack: a box would only cost an allocation"
)]
pub(super) enum Open {
    Sqlite(file::Change),
    Postgres(postgres::Transaction),
}

/// What an export reads with.
pub(super) enum Snapshot {
    Sqlite(file::Snapshot),
    Postgres(postgres::Transaction),
    /// A statement alone is of one moment by itself, and spares the server two more.
    Alone(postgres::Pooled),
}

/// Asks one thing: `look_up!(platform, fetch_one: "…", parameter, …)`. Where the connection turns out to be gone, as after a restart
/// of the server, it is asked again on another: nothing was written, so nothing can be twice.
macro_rules! look_up {
    ($platform:expr, $fetch:ident: $sql:expr $(, $parameter:expr)* $(,)?) => {
        $platform.counted(match &*$platform.database {
            $crate::database::Database::Sqlite(file) => $crate::reading::Asked {
                sql: $sql,
                parameters: &[$(&$parameter as &dyn rusqlite::ToSql),*],
            }
            .$fetch(&file.look_ups),
            $crate::database::Database::Postgres(pools) => {
                scheduled_exports_store::postgres::read!(pools.look_ups.$fetch($sql, &[$(&$parameter),*]))
                    .map_err($crate::PlatformError::from)
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
            $crate::database::Open::Sqlite(change) => {
                change.execute($sql, &[$(&$parameter as &dyn rusqlite::ToSql),*])
            }
            $crate::database::Open::Postgres(transaction) => transaction
                .execute($sql, &[$(&$parameter),*])
                .await
                .map_err($crate::PlatformError::from),
        }
    };
    ($open:expr, $fetch:ident: $sql:expr $(, $parameter:expr)* $(,)?) => {
        match $open {
            $crate::database::Open::Sqlite(change) => {
                change.$fetch($sql, &[$(&$parameter as &dyn rusqlite::ToSql),*])
            }
            $crate::database::Open::Postgres(transaction) => transaction
                .$fetch($sql, &[$(&$parameter),*])
                .await
                .map_err($crate::PlatformError::from),
        }
    };
}
pub(super) use within;

impl Database {
    pub(super) async fn in_file(path: &Path) -> Result<Self, PlatformError> {
        Ok(Self::Sqlite(File::open(path).await?))
    }

    pub(super) async fn beside(store: &PostgresStorage) -> Result<Self, PlatformError> {
        store.migrate(&TABLES).await?;
        Ok(Self::Postgres(Server {
            look_ups: store.pool().clone(),
            changes: store.pool().clone(),
            exports: store.for_exports(EXPORTS_AT_ONCE, EXPORT_TURN),
        }))
    }

    /// A transaction that writes. On SQLite it takes the lock at once, so that it never fails halfway for want of it.
    pub(super) async fn write(&self) -> Result<Open, PlatformError> {
        Ok(match self {
            Self::Sqlite(file) => Open::Sqlite(file.write().await?),
            Self::Postgres(pools) => Open::Postgres(pools.changes.begin().await?),
        })
    }

    /// Reads everything as of one moment, however long that takes; `alone`: with no more than one statement.
    pub(super) async fn snapshot(&self, alone: bool) -> Result<Snapshot, PlatformError> {
        Ok(match self {
            Self::Sqlite(file) => Snapshot::Sqlite(file.snapshot().await?),
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
            Self::Sqlite(file) => file.close().await,
            Self::Postgres(pools) => pools.exports.close().await,
        }
    }
}

impl Open {
    pub(super) async fn commit(self) -> Result<(), PlatformError> {
        match self {
            Self::Sqlite(change) => change.commit().await?,
            Self::Postgres(transaction) => transaction.commit().await?,
        }
        Ok(())
    }
}

impl From<StorageError> for PlatformError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable(words) => Self::Unavailable(words),
            StorageError::Corrupt(words) => Self::Corrupt(words),
        }
    }
}
