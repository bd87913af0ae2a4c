//! Statements on a connection, each prepared once for it. Parameters are `?1`: to SQLite itself, `$1` is a name like any other,
//! numbered by where it first stands.

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Params, Row};

use crate::StorageError;

/// Prepares a statement, once for a connection. It is logged as those on PostgreSQL are: one filter (`RUST_LOG=sql=debug`) shows all.
///
/// # Errors
/// The statement is none that the tables answer.
pub fn prepared<'c>(on: &'c Connection, sql: &str) -> rusqlite::Result<CachedStatement<'c>> {
    tracing::debug!(target: "sql", summary = sql);
    on.prepare_cached(sql)
}

/// Carries a statement out; the number of rows that it has touched.
pub(super) fn execute(on: &Connection, sql: &str, parameters: impl Params) -> Result<usize, StorageError> {
    Ok(prepared(on, sql)?.execute(parameters)?)
}

/// The first row that a statement answers.
pub(super) fn optional<T>(
    on: &Connection,
    sql: &str,
    parameters: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, StorageError>,
) -> Result<Option<T>, StorageError> {
    let mut statement = prepared(on, sql)?;
    let found = statement.query_row(parameters, |row| Ok(read(row))).optional()?;
    found.transpose()
}

/// The first value of the one row that a statement answers, whatever it is asked of.
pub(super) fn value<T: rusqlite::types::FromSql>(
    on: &Connection,
    sql: &str,
    parameters: impl Params,
) -> Result<T, StorageError> {
    Ok(prepared(on, sql)?.query_row(parameters, |row| row.get(0))?)
}

/// All rows that a statement answers.
pub(super) fn all<T>(
    on: &Connection,
    sql: &str,
    parameters: impl Params,
    read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
) -> Result<Vec<T>, StorageError> {
    prepared(on, sql)?.query_and_then(parameters, read)?.collect()
}

/// The first value of each row that a statement answers.
pub(super) fn values<T: rusqlite::types::FromSql>(
    on: &Connection,
    sql: &str,
    parameters: impl Params,
) -> Result<Vec<T>, StorageError> {
    all(on, sql, parameters, |row| Ok(row.get(0)?))
}
