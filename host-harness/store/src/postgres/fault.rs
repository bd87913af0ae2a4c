//! What an error of the database means to the caller of the store.

use super::client::Error;
use crate::{CommitError, LeaseError, StartError, StorageError};

/// Beginnings of PostgreSQL's SQLSTATE that another try, or an operator, can cure: connection (08), conflict (40), no access (28),
/// no such database (3D), resources and disk (53), locked past its timeout (55P03), ended or cancelled by the server (57), its
/// machine (58), and a server that only reads, as after a failover (25006), or that a transaction kept waiting (25P03).
const AWAY_STATES: [&str; 10] = ["08", "40", "28", "3D", "53", "55P03", "57", "58", "25006", "25P03"];

impl From<Error> for StorageError {
    fn from(error: Error) -> Self {
        let away = match &error {
            // What a row holds was judged where it was read.
            Error::Judged(_) => false,
            Error::Unreached(_) | Error::Asked(_) => match error.sql_state() {
                Some(state) => AWAY_STATES.iter().any(|away| state.starts_with(away)),
                None => matches!(error, Error::Unreached(_)) || error.is_gone(),
            },
            Error::Late(_) | Error::Closed => true,
        };
        match error {
            Error::Judged(judged) => judged,
            error if away => Self::Unavailable(error.to_string()),
            error => Self::Corrupt(error.to_string()),
        }
    }
}

impl From<Error> for LeaseError {
    fn from(error: Error) -> Self {
        Self::Storage(error.into())
    }
}

impl From<Error> for StartError {
    fn from(error: Error) -> Self {
        Self::Storage(error.into())
    }
}

impl From<Error> for CommitError {
    fn from(error: Error) -> Self {
        Self::Storage(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_is_not_had_is_away_and_what_was_judged_stays() {
        for error in [Error::Late(None), Error::Closed] {
            assert!(matches!(StorageError::from(error), StorageError::Unavailable(_)));
        }
        let judged = Error::from(StorageError::Corrupt("no number".to_owned()));
        assert!(matches!(StorageError::from(judged), StorageError::Corrupt(words) if words == "no number"));
    }
}
