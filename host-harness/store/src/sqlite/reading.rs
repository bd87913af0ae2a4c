//! Look-ups that every call makes, on the thread of the call.
//!
//! Waking another thread costs ten times what SQLite does for a look-up by key. So what every request asks is read by
//! connections that are used by whoever comes: microseconds of pages that are nearly always in memory, in a snapshot that no
//! writer holds up. What can take long is read by the same connections on a thread that may wait.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::columns::{row, row_columns};
use super::connected;
use super::lists::count_sql;
use super::statement::prepared;
use crate::cursor::Key;
use crate::{Row, StorageError, Visible};

/// Connections that nobody uses at the moment.
#[derive(Debug)]
pub struct Reading {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

/// A row of a page, with what the page after it begins with.
pub(super) struct Listed {
    pub row: Row,
    pub key: Key,
    pub total: i64,
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

    pub(super) fn one(&self, seen: &Visible, id: i64) -> Result<Option<Row>, StorageError> {
        self.read(|on| {
            let mut statement = prepared(on, concat!(
                "select ",
                row_columns!(),
                " from schedule s where s.id = ?1 and s.organizer = ?2 and s.event is ?3 and (?4 is null or s.owner = ?4)"
            ))?;
            let Visible { scope, only_owner } = seen;
            let found = statement
                .query_row(params![id, scope.organizer, scope.event, only_owner], |found| Ok(row(found)))
                .optional()?;
            found.transpose()
        })
    }

    /// Rows of [`page_sql`](super::lists::page_sql), with its parameters.
    pub(super) fn page(
        &self,
        sql: &str,
        parameters: &[Value],
        key: fn(&rusqlite::Row<'_>) -> rusqlite::Result<Key>,
    ) -> Result<Vec<Listed>, StorageError> {
        self.read(|on| {
            let mut statement = prepared(on, sql)?;
            // With an offset there is no key, and without `only_owner` the third has nothing to say.
            let wanted = statement.parameter_count().min(parameters.len());
            let mut found = statement.query(rusqlite::params_from_iter(&parameters[..wanted]))?;
            let mut rows = Vec::new();
            while let Some(listed) = found.next()? {
                rows.push(Listed {
                    row: row(listed)?,
                    key: key(listed)?,
                    total: listed.get("total")?,
                });
            }
            Ok(rows)
        })
    }

    /// All that are visible.
    pub(super) fn count(&self, seen: &Visible) -> Result<i64, StorageError> {
        self.read(|on| {
            let mut statement = prepared(on, count_sql(seen.only_owner.is_some()))?;
            let Visible { scope, only_owner } = seen;
            let found = match only_owner {
                Some(owner) => statement.query_row(params![scope.organizer, scope.event, owner], |row| row.get(0)),
                None => statement.query_row(params![scope.organizer, scope.event], |row| row.get(0)),
            };
            Ok(found?)
        })
    }
}
