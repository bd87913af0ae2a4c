//! Why the database did not answer.

use std::error::Error as _;
use std::{fmt, io};

use crate::StorageError;

/// Why the database did not answer. None has a password in it.
#[derive(Debug)]
pub enum Error {
    /// No connection could be made.
    Unreached(tokio_postgres::Error),
    /// A statement was refused, its connection ended, or its answer is not what was expected.
    Asked(tokio_postgres::Error),
    /// No connection came free in time, or none could be made; the last reason.
    Late(Option<Box<Error>>),
    /// The pool was closed.
    Closed,
    /// What a row holds was judged where it was read.
    Judged(StorageError),
}

impl Error {
    /// The five characters by which the server says what is wrong.
    pub fn sql_state(&self) -> Option<&str> {
        match self {
            Self::Unreached(error) | Self::Asked(error) => Some(error.code()?.code()),
            Self::Late(_) | Self::Closed | Self::Judged(_) => None,
        }
    }

    /// Is it the connection that is gone, and nothing else wrong?
    #[must_use]
    pub fn is_gone(&self) -> bool {
        match self {
            // Ended by an operator, by a crash, or for being idle: the server says so before it hangs up.
            Self::Asked(error) if error.code().is_some() => {
                matches!(self.sql_state(), Some("57P01" | "57P02" | "57P05" | "25P03"))
            }
            Self::Asked(error) | Self::Unreached(error) => error.is_closed() || io_kind(error).is_some(),
            Self::Late(_) | Self::Closed | Self::Judged(_) => false,
        }
    }

    /// Does a column hold something else than what was expected?
    #[must_use]
    pub fn is_of_a_value(&self) -> bool {
        matches!(self, Self::Asked(_)) && self.sql_state().is_none() && !self.is_gone()
    }

    /// Is a server that can't be reached only starting, or full?
    pub(super) fn may_pass(&self) -> bool {
        let Self::Unreached(error) = self else {
            return false;
        };
        // Nobody listens yet; it recovers; it has no more connections.
        io_kind(error) == Some(io::ErrorKind::ConnectionRefused) || matches!(self.sql_state(), Some("57P03" | "53300"))
    }
}

/// What went wrong between here and the server, if that did.
fn io_kind(error: &tokio_postgres::Error) -> Option<io::ErrorKind> {
    Some(error.source()?.downcast_ref::<io::Error>()?.kind())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreached(error) | Self::Asked(error) => match (error.as_db_error(), error.source()) {
                // Its details may be of a row.
                (Some(said), _) => write!(f, "the server says: {}", said.message()),
                (None, Some(cause)) => write!(f, "{error}: {cause}"),
                (None, None) => write!(f, "{error}"),
            },
            Self::Late(None) => f.write_str("no connection came free in time"),
            Self::Late(Some(last)) => write!(f, "no connection was made in time: {last}"),
            Self::Closed => f.write_str("the connections are closed"),
            Self::Judged(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Asked(error)
    }
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        Self::Judged(error)
    }
}
