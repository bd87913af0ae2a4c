//! Look-ups that every call makes, on the thread of the call.
//!
//! Waking another thread costs ten times what SQLite does for a look-up by key. So what every request asks is read by
//! connections that are used by whoever comes: microseconds of pages that are nearly always in memory, in a snapshot that no
//! writer holds up. What can take long is read by the same connections on a thread that may wait.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

use super::connected;

/// Connections that nobody uses at the moment.
#[derive(Debug)]
pub struct Reading {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Reading {
    /// Of the file at `path`, which is opened when somebody reads.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Mutex::default(),
        }
    }

    /// Lets `work` read; as many at a time as there are threads that call.
    ///
    /// # Errors
    /// Those of `work`, or the file can't be opened.
    pub fn read<T, E: From<rusqlite::Error>>(&self, work: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let read = work(&connection);
        // One that has met an error is not trusted with the next look-up.
        if read.is_ok() {
            self.idle().push(connection);
        }
        read
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = connected(&self.path)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // Connections are put in and taken out whole.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the connections that nobody uses.
    pub fn close(&self) {
        self.idle().clear();
    }
}
