//! Values of the contract as columns, and back.

use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::clock::Instant;
use crate::contract::{Content, Delivery, DeliveryStatus, MissedRange, Outcome, Recipients, RunEntry};
use crate::storage::state::RunState;
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

/// A number of ours as SQLite keeps it: ids, fences and versions are counted up from 1 and never get near the limit.
pub(super) fn signed(value: u64) -> Result<i64, StorageError> {
    i64::try_from(value).map_err(|_| StorageError::Corrupt(format!("{value} is too large to be stored")))
}

/// A stored number that cannot be negative.
pub(super) fn unsigned(value: i64) -> Result<u64, StorageError> {
    u64::try_from(value).map_err(|_| StorageError::Corrupt(format!("{value} is stored where nothing is below zero")))
}

#[derive(Serialize, Deserialize)]
struct RecipientLists {
    to: Vec<String>,
    cc: Vec<String>,
    bcc: Vec<String>,
}

/// What `json_each` takes apart: one parameter for any number of values.
pub(super) fn json_list<T: Serialize>(values: &[T]) -> String {
    serde_json::to_string(values).expect("numbers and strings are JSON")
}

/// The column `schedule.recipients`.
pub(super) fn recipients_text(recipients: &Recipients) -> String {
    let lists = RecipientLists {
        to: recipients.to.clone(),
        cc: recipients.cc.clone(),
        bcc: recipients.bcc.clone(),
    };
    serde_json::to_string(&lists).expect("lists of strings are JSON")
}

pub(super) fn recipients(text: &str) -> Result<Recipients, StorageError> {
    let RecipientLists { to, cc, bcc } =
        serde_json::from_str(text).map_err(|error| StorageError::Corrupt(format!("stored recipients: {error}")))?;
    Ok(Recipients { to, cc, bcc })
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
        status: match from.try_get("status")? {
            "queued" => DeliveryStatus::Queued,
            "accepted" => DeliveryStatus::Accepted,
            "retrying" => DeliveryStatus::Retrying,
            "rejected" => DeliveryStatus::Rejected,
            other => return Err(StorageError::Corrupt(format!("a delivery is stored as `{other}`"))),
        },
        words: from.try_get("words")?,
    })
}

/// The column `delivery.status`.
pub(super) fn status_text(status: DeliveryStatus) -> &'static str {
    match status {
        DeliveryStatus::Queued => "queued",
        DeliveryStatus::Accepted => "accepted",
        DeliveryStatus::Retrying => "retrying",
        DeliveryStatus::Rejected => "rejected",
    }
}

/// A run's state, and what belongs to it.
pub(super) struct State<'a> {
    pub(super) state: RunState,
    pub(super) code: Option<&'a str>,
    pub(super) words: Option<&'a str>,
    pub(super) missed_first: Option<Instant>,
    pub(super) missed_count: Option<i64>,
}

impl<'a> State<'a> {
    /// A state that has nothing beside its name.
    pub(super) fn plain(state: RunState) -> Self {
        Self {
            state,
            code: None,
            words: None,
            missed_first: None,
            missed_count: None,
        }
    }

    /// What a run becomes with this outcome.
    pub(super) fn of(outcome: &'a Outcome) -> Result<Self, StorageError> {
        let plain = Self::plain(RunState::after(outcome));
        Ok(match outcome {
            Outcome::Retry(_) | Outcome::Submitted | Outcome::Delivered | Outcome::Empty => plain,
            Outcome::Failed((code, words)) => Self {
                code: Some(code),
                words: Some(words),
                ..plain
            },
            Outcome::Cancelled(words) => Self {
                words: Some(words),
                ..plain
            },
            Outcome::Missed(range) => Self::missed(range)?,
        })
    }

    /// Passed while nobody could run.
    pub(super) fn missed(range: &MissedRange) -> Result<Self, StorageError> {
        Ok(Self {
            missed_first: Some(range.first),
            missed_count: Some(signed(range.count)?),
            ..Self::plain(RunState::Missed)
        })
    }
}

fn outcome(from: &SqliteRow) -> Result<Option<Outcome>, StorageError> {
    Ok(Some(match from.try_get("state")? {
        "open" => return Ok(None),
        "submitted" => Outcome::Submitted,
        "delivered" => Outcome::Delivered,
        "empty" => Outcome::Empty,
        "failed" => Outcome::Failed((from.try_get("code")?, from.try_get("words")?)),
        "cancelled" => Outcome::Cancelled(from.try_get("words")?),
        "missed" => Outcome::Missed(MissedRange {
            first: from.try_get("missed_first")?,
            last: from.try_get("due")?,
            count: unsigned(from.try_get("missed_count")?)?,
        }),
        other => return Err(StorageError::Corrupt(format!("a run is stored as `{other}`"))),
    }))
}
