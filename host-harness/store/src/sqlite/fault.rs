//! What an error of the database means to the caller of the store.

use crate::StorageError;

/// Primary result codes of SQLite that another try can cure: PERM, BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL,
/// CANTOPEN, PROTOCOL.
const AWAY: [i32; 10] = [3, 5, 6, 7, 8, 9, 10, 13, 14, 15];

impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error() {
            Some(cause) if AWAY.contains(&(cause.extended_code & 0xff)) => Self::Unavailable(error.to_string()),
            _ => Self::Corrupt(error.to_string()),
        }
    }
}
