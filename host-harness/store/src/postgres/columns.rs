//! Rows of PostgreSQL as values of the contract, and back.

use std::borrow::Cow;

use super::client::{self, Found};
use crate::contract::{Content, Delivery, RunEntry};
pub(super) use crate::values::text;
use crate::values::{self, StoredOutcome, events_of, unsigned};
use crate::{FileFacts, OutgoingExport, Row, Scope, StorageError};

/// Columns that [`row_within`] reads, of a table or alias `s`: the first of what is selected.
macro_rules! columns_within {
    () => {
        "s.id, s.owner, s.version, s.exporter, s.recipients, s.next_run, s.active, s.error_counter, s.document, s.paused_until"
    };
}
/// The same with those of the scope, for [`row`].
macro_rules! row_columns {
    () => {
        concat!($crate::postgres::columns::columns_within!(), ", s.organizer, s.event")
    };
}
/// Columns that [`entry`] reads, of a table or alias `r`; with the deliveries of its export mail from [`deliveries_of_run`].
macro_rules! entry_columns {
    () => {
        "r.id, r.due, r.state, r.code, r.words, r.missed_first, r.missed_count, r.missed_reason, r.started, r.ended, r.attempts, r.rows, r.bytes, \
         r.kind, r.requested_address, \
         d.addresses, d.statuses, d.all_words"
    };
}
/// To be joined to a table or alias `r` of runs: recipients of the export mail as `d`, in the order To, Cc, Bcc.
macro_rules! deliveries_of_run {
    () => {
        " left join lateral (
            select array_agg(d.address order by d.position) as addresses, array_agg(d.status order by d.position) as statuses,
              array_agg(d.words order by d.position) as all_words
            from mail m join delivery d on d.mail = m.id where m.run = r.id and m.kind = 'export') d on true "
    };
}
pub(super) use {columns_within, deliveries_of_run, entry_columns, row_columns};

/// The column `event` of a scope.
pub(super) fn event_of(scope: &Scope) -> Cow<'_, str> {
    text(scope.event.as_deref().unwrap_or_default())
}

/// A column of numbers that cannot be negative.
pub(super) fn count(from: &Found, column: &str) -> client::Result<u64> {
    Ok(unsigned(from.try_get(column)?)?)
}

/// A column of small counters.
pub(super) fn small(from: &Found, column: &str) -> client::Result<u32> {
    let stored: i64 = from.try_get(column)?;
    u32::try_from(stored).map_err(|_| StorageError::Corrupt(format!("{stored} is stored as `{column}`")).into())
}

/// Reads `organizer` and `event`.
pub(super) fn scope(from: &Found) -> client::Result<Scope> {
    let event: String = from.try_get("event")?;
    Ok(Scope {
        organizer: from.try_get("organizer")?,
        event: (!event.is_empty()).then_some(event),
    })
}

/// Reads `row_columns!`.
pub(super) fn row(from: &Found) -> client::Result<Row> {
    row_within(from, scope(from)?)
}

/// Reads `columns_within!`, by their places: of a page of them, looking for each name would be a tenth of the whole request.
pub(super) fn row_within(from: &Found, scope: Scope) -> client::Result<Row> {
    let counter: i64 = from.try_get(7)?;
    let counter =
        u32::try_from(counter).map_err(|_| StorageError::Corrupt(format!("{counter} is stored as `error_counter`")))?;
    Ok(Row {
        id: values::unsigned(from.try_get(0)?)?,
        scope,
        owner: from.try_get(1)?,
        version: values::unsigned(from.try_get(2)?)?,
        content: Content {
            export_identifier: from.try_get(3)?,
            recipients: values::recipients(from.try_get(4)?)?,
            next_run: from.try_get(5)?,
            state: values::state_of(from.try_get(6)?, from.try_get(9)?),
            error_counter: counter,
            document: from.try_get(8)?,
        },
    })
}

/// Reads the file of a run.
pub(super) fn file_facts(from: &Found) -> client::Result<FileFacts> {
    Ok(FileFacts {
        name: from.try_get("file_name")?,
        content_type: from.try_get("file_type")?,
        size: count(from, "bytes")?,
        rows: from.try_get::<Option<i64>>("rows")?.map(unsigned).transpose()?,
        events: events_of(from.try_get("file_events")?)?,
    })
}

/// Reads the export of a run whose schedule is there.
pub(super) fn outgoing(from: &Found) -> client::Result<OutgoingExport> {
    Ok(OutgoingExport {
        run: count(from, "run")?,
        owner: from.try_get("owner")?,
        scope: scope(from)?,
        exporter: from.try_get("exporter")?,
        events: events_of(from.try_get("file_events")?)?,
    })
}

/// Reads `entry_columns!`.
pub(super) fn entry(from: &Found) -> client::Result<RunEntry> {
    let optional = |column: &str| -> client::Result<Option<u64>> {
        Ok(from.try_get::<Option<i64>>(column)?.map(values::unsigned).transpose()?)
    };
    let outcome = StoredOutcome {
        state: from.try_get("state")?,
        code: from.try_get("code")?,
        words: from.try_get("words")?,
        missed_first: from.try_get("missed_first")?,
        missed_count: from.try_get("missed_count")?,
        missed_reason: from.try_get("missed_reason")?,
        due: from.try_get("due")?,
    };
    Ok(RunEntry {
        id: count(from, "id")?,
        kind: values::kind_of(from.try_get::<Option<&str>>("kind")?)?,
        requested_by: from.try_get("requested_address")?,
        due: outcome.due,
        started: from.try_get("started")?,
        ended: from.try_get("ended")?,
        attempts: small(from, "attempts")?,
        outcome: outcome.read()?,
        rows: optional("rows")?,
        bytes: optional("bytes")?,
        deliveries: deliveries(from)?,
    })
}

/// Reads what `deliveries_of_run!` answers.
pub(super) fn deliveries(from: &Found) -> client::Result<Vec<Delivery>> {
    let all = |column: &str| -> client::Result<Vec<String>> {
        Ok(from.try_get::<Option<Vec<String>>>(column)?.unwrap_or_default())
    };
    all("addresses")?
        .into_iter()
        .zip(all("statuses")?)
        .zip(all("all_words")?)
        .map(|((address, status), words)| {
            Ok(Delivery {
                address,
                status: values::status(&status)?,
                response: words,
            })
        })
        .collect()
}
