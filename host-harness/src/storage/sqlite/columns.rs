//! Values of the contract as columns, and back.

use serde::Serialize;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::contract::{Content, Delivery, Outcome, RunEntry};
pub(super) use crate::storage::values::{State, recipients, recipients_text, signed, status_text, unsigned};
use crate::storage::values::{StoredOutcome, status};
use crate::storage::{Row, Scope, StorageError};

/// Columns that [`row`] reads, of a table or alias `s`.
macro_rules! row_columns {
    () => {
        "s.id, s.organizer, s.event, s.owner, s.version, s.exporter, s.recipients, s.next_run, s.active, \
         s.error_counter, s.document"
    };
}
/// Columns that [`entry`] reads, of a table or alias `r`.
macro_rules! entry_columns {
    () => {
        "r.due, r.state, r.code, r.words, r.missed_first, r.missed_count, r.started, r.ended, r.attempts, r.rows, r.bytes"
    };
}
pub(super) use {entry_columns, row_columns};

/// What `json_each` takes apart: one parameter for any number of values.
pub(super) fn json_list<T: Serialize>(values: &[T]) -> String {
    serde_json::to_string(values).expect("numbers and strings are JSON")
}

/// Reads `organizer` and `event`.
pub(super) fn scope(from: &SqliteRow) -> Result<Scope, StorageError> {
    Ok(Scope {
        organizer: from.try_get("organizer")?,
        event: from.try_get("event")?,
    })
}

/// Reads `row_columns!`.
pub(super) fn row(from: &SqliteRow) -> Result<Row, StorageError> {
    Ok(Row {
        id: unsigned(from.try_get("id")?)?,
        scope: scope(from)?,
        owner: from.try_get("owner")?,
        version: unsigned(from.try_get("version")?)?,
        content: Content {
            export_identifier: from.try_get("exporter")?,
            recipients: recipients(from.try_get("recipients")?)?,
            next_run: from.try_get("next_run")?,
            active: from.try_get("active")?,
            error_counter: from.try_get("error_counter")?,
            document: from.try_get("document")?,
        },
    })
}

/// Reads `entry_columns!`; deliveries are added by who asks.
pub(super) fn entry(from: &SqliteRow) -> Result<RunEntry, StorageError> {
    let count = |column: &str| -> Result<Option<u64>, StorageError> {
        from.try_get::<Option<i64>, _>(column)?.map(unsigned).transpose()
    };
    Ok(RunEntry {
        due: from.try_get("due")?,
        started: from.try_get("started")?,
        ended: from.try_get("ended")?,
        attempts: from.try_get("attempts")?,
        outcome: outcome(from)?,
        rows: count("rows")?,
        bytes: count("bytes")?,
        deliveries: Vec::new(),
    })
}

/// Reads `status`, `address` and `words`.
pub(super) fn delivery(from: &SqliteRow) -> Result<Delivery, StorageError> {
    Ok(Delivery {
        address: from.try_get("address")?,
        status: status(from.try_get("status")?)?,
        words: from.try_get("words")?,
    })
}

fn outcome(from: &SqliteRow) -> Result<Option<Outcome>, StorageError> {
    let stored = StoredOutcome {
        state: from.try_get("state")?,
        code: from.try_get("code")?,
        words: from.try_get("words")?,
        missed_first: from.try_get("missed_first")?,
        missed_count: from.try_get("missed_count")?,
        due: from.try_get("due")?,
    };
    stored.read()
}
