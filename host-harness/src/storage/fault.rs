//! What an error of the database means to the caller of the store.

use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;

use super::{CommitError, LeaseError, StartError, StorageError};

/// Primary result codes of SQLite that another try can cure: PERM, BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL,
/// CANTOPEN, PROTOCOL.
const AWAY: [i32; 10] = [3, 5, 6, 7, 8, 9, 10, 13, 14, 15];

/// Beginnings of PostgreSQL's SQLSTATE that another try, or an operator, can cure: connection (08), conflict (40), no access (28),
/// no such database (3D), resources and disk (53), locked past its timeout (55P03), ended or cancelled by the server (57), its
/// machine (58), and a server that only reads, as after a failover (25006), or that a transaction kept waiting (25P03).
const AWAY_STATES: [&str; 10] = ["08", "40", "28", "3D", "53", "55P03", "57", "58", "25006", "25P03"];

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        let error = match error {
            // What a row holds was judged where it was read.
            sqlx::Error::Decode(cause) => match cause.downcast::<Self>() {
                Ok(judged) => return *judged,
                Err(cause) => sqlx::Error::Decode(cause),
            },
            other => other,
        };
        let away = match &error {
            sqlx::Error::Database(cause) => database_is_away(cause.as_ref()),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => true,
            _ => false,
        };
        if away {
            Self::Unavailable(error.to_string())
        } else {
            Self::Corrupt(error.to_string())
        }
    }
}

impl From<StorageError> for sqlx::Error {
    fn from(error: StorageError) -> Self {
        Self::Decode(Box::new(error))
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

fn database_is_away(cause: &dyn sqlx::error::DatabaseError) -> bool {
    if cause.try_downcast_ref::<SqliteError>().is_some() {
        // The extended result code.
        let code: Option<i32> = cause.code().and_then(|code| code.parse().ok());
        return code.is_some_and(|code| AWAY.contains(&(code & 0xff)));
    }
    let state = cause.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::code);
    state.is_some_and(|state| AWAY_STATES.iter().any(|away| state.starts_with(away)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_is_gone_is_away_and_a_value_that_cannot_be_read_is_damage() {
        let gone = sqlx::Error::Io(std::io::ErrorKind::UnexpectedEof.into());
        assert!(matches!(StorageError::from(gone), StorageError::Unavailable(_)));
        let unread = sqlx::Error::Decode("no number".into());
        assert!(matches!(StorageError::from(unread), StorageError::Corrupt(_)));
        let judged = sqlx::Error::from(StorageError::Unavailable("the disk is full".to_owned()));
        assert!(matches!(StorageError::from(judged), StorageError::Unavailable(words) if words == "the disk is full"));
    }
}
