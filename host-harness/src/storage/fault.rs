//! What an error of the database means to the caller of the store.

use sqlx::sqlite::SqliteError;

use super::{CommitError, LeaseError, StartError, StorageError};

/// Primary result codes of SQLite that another try can cure: PERM, BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL,
/// CANTOPEN, PROTOCOL.
const AWAY: [i32; 10] = [3, 5, 6, 7, 8, 9, 10, 13, 14, 15];

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(cause) => match sqlite_code(cause.as_ref()) {
                Some(code) if AWAY.contains(&(code & 0xff)) => Self::Unavailable(error.to_string()),
                _ => Self::Corrupt(error.to_string()),
            },
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => Self::Unavailable(error.to_string()),
            _ => Self::Corrupt(error.to_string()),
        }
    }
}

impl From<sqlx::Error> for LeaseError {
    fn from(error: sqlx::Error) -> Self {
        Self::Storage(error.into())
    }
}

impl From<sqlx::Error> for StartError {
    fn from(error: sqlx::Error) -> Self {
        Self::Storage(error.into())
    }
}

impl From<sqlx::Error> for CommitError {
    fn from(error: sqlx::Error) -> Self {
        Self::Storage(error.into())
    }
}

/// The extended result code, where SQLite is the database.
fn sqlite_code(cause: &dyn sqlx::error::DatabaseError) -> Option<i32> {
    cause.try_downcast_ref::<SqliteError>()?;
    cause.code()?.parse().ok()
}
