//! Values of the contract as columns, and back.

use rusqlite::Row as Columns;
use serde::Serialize;

use crate::contract::{Content, Delivery, Outcome, RunEntry};
pub(super) use crate::values::{State, recipients, recipients_text, signed, status_text, unsigned};
use crate::values::{StoredOutcome, events_of, kind_of, state_of, status};
use crate::{FileFacts, OutgoingExport, Row, Scope, StorageError};

/// Columns that [`row`] reads, of a table or alias `s`.
macro_rules! row_columns {
    () => {
        "s.id, s.organizer, s.event, s.owner, s.version, s.exporter, s.recipients, s.next_run, s.active, \
         s.error_counter, s.document, s.paused_until"
    };
}
/// Columns that [`entry`] reads, of a table or alias `r`.
macro_rules! entry_columns {
    () => {
        "r.id, r.due, r.state, r.code, r.words, r.missed_first, r.missed_count, r.missed_reason, r.started, r.ended, r.attempts, r.rows, \
         r.bytes, r.kind, r.requested_address"
    };
}
pub(super) use {entry_columns, row_columns};

/// What `json_each` takes apart: one parameter for any number of values.
pub(super) fn json_list<T: Serialize>(values: &[T]) -> String {
    serde_json::to_string(values).expect("numbers and strings are JSON")
}

/// Reads `organizer` and `event`.
pub(super) fn scope(from: &Columns<'_>) -> Result<Scope, StorageError> {
    Ok(Scope {
        organizer: from.get("organizer")?,
        event: from.get("event")?,
    })
}

/// Reads `row_columns!`, which come first.
pub(super) fn row(from: &Columns<'_>) -> Result<Row, StorageError> {
    Ok(Row {
        id: unsigned(from.get(0)?)?,
        scope: Scope {
            organizer: from.get(1)?,
            event: from.get(2)?,
        },
        owner: from.get(3)?,
        version: unsigned(from.get(4)?)?,
        content: Content {
            export_identifier: from.get(5)?,
            recipients: recipients(text(from, 6)?)?,
            next_run: from.get(7)?,
            state: state_of(from.get(8)?, from.get(11)?),
            error_counter: from.get(9)?,
            document: from.get(10)?,
        },
    })
}

/// Reads the file of a run.
pub(super) fn file_facts(from: &Columns<'_>) -> Result<FileFacts, StorageError> {
    Ok(FileFacts {
        name: from.get("file_name")?,
        content_type: from.get("file_type")?,
        size: unsigned(from.get("bytes")?)?,
        rows: from.get::<_, Option<i64>>("rows")?.map(unsigned).transpose()?,
        events: events_of(from.get("file_events")?)?,
    })
}

/// Reads the export of a run whose schedule is there.
pub(super) fn outgoing(from: &Columns<'_>) -> Result<OutgoingExport, StorageError> {
    Ok(OutgoingExport {
        run: unsigned(from.get("run")?)?,
        owner: from.get("owner")?,
        scope: scope(from)?,
        exporter: from.get("exporter")?,
        events: events_of(from.get("file_events")?)?,
    })
}

/// A text in its place in the row.
fn text<'r>(from: &'r Columns<'_>, column: impl rusqlite::RowIndex) -> Result<&'r str, StorageError> {
    Ok(from.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?)
}

/// Reads `entry_columns!`; deliveries are added by who asks.
pub(super) fn entry(from: &Columns<'_>) -> Result<RunEntry, StorageError> {
    let count = |column: &str| -> Result<Option<u64>, StorageError> {
        from.get::<_, Option<i64>>(column)?.map(unsigned).transpose()
    };
    Ok(RunEntry {
        id: unsigned(from.get("id")?)?,
        kind: kind_of(from.get_ref("kind")?.as_str_or_null().map_err(rusqlite::Error::from)?)?,
        requested_by: from.get("requested_address")?,
        due: from.get("due")?,
        started: from.get("started")?,
        ended: from.get("ended")?,
        attempts: from.get("attempts")?,
        outcome: outcome(from)?,
        rows: count("rows")?,
        bytes: count("bytes")?,
        deliveries: Vec::new(),
    })
}

/// Reads `status`, `address` and `words`.
pub(super) fn delivery(from: &Columns<'_>) -> Result<Delivery, StorageError> {
    Ok(Delivery {
        address: from.get("address")?,
        status: status(text(from, "status")?)?,
        response: from.get("words")?,
    })
}

fn outcome(from: &Columns<'_>) -> Result<Option<Outcome>, StorageError> {
    let stored = StoredOutcome {
        state: from.get("state")?,
        code: from.get("code")?,
        words: from.get("words")?,
        missed_first: from.get("missed_first")?,
        missed_count: from.get("missed_count")?,
        missed_reason: from.get("missed_reason")?,
        due: from.get("due")?,
    };
    stored.read()
}
