//! The audit log: who changed what, and how runs ended.

use rusqlite::{Connection, params};

use super::statement::execute;
use crate::clock::Instant;
use crate::contract::Outcome;
use crate::values::told;
use crate::{Scope, StorageError};

/// Actor of what the host does by itself.
pub(super) const HOST: &str = "host";

/// Adds an entry, in the transaction of what it tells of.
pub(super) fn write(
    on: &Connection,
    at: Instant,
    scope: &Scope,
    schedule: Option<i64>,
    actor: &str,
    (action, detail): (&str, &str),
) -> Result<(), StorageError> {
    execute(
        on,
        "insert into audit (at, organizer, event, schedule, actor, action, detail) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![at, &scope.organizer, &scope.event, schedule, actor, action, detail],
    )?;
    Ok(())
}

/// Adds the entry of a run's outcome.
pub(super) fn write_run(
    on: &Connection,
    at: Instant,
    scope: &Scope,
    schedule: i64,
    due: Instant,
    outcome: &Outcome,
) -> Result<(), StorageError> {
    write(on, at, scope, Some(schedule), HOST, ("run", &told(due, outcome)))
}
