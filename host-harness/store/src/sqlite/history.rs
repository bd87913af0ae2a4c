//! What became of due times: the history of a schedule, page by page, and the latest runs of all.

use rusqlite::{Connection, Row as Columns, params};

use super::columns::{delivery, entry, entry_columns, json_list, scope, signed, unsigned};
use super::statement::{all, value};
use crate::clock::Instant;
use crate::contract::{Delivery, RunEntry};
use crate::cursor::Cursor;
use crate::run_filter::RunFilter;
use crate::{HistoryRow, Rows, StorageError};

/// Where a page begins.
#[derive(Clone, Copy)]
pub(super) enum From {
    /// So many rows are before it.
    Row(i64),
    /// Behind the run of this due time and id.
    Before((Instant, i64)),
}

/// The conditions of a [`RunFilter`], on a run `r`.
macro_rules! meets {
    () => {
        " and (?5 is null or r.id = ?5) and (?6 is null or r.state = ?6) and (?7 is null or r.due >= ?7) and (?8 is null or r.due <= ?8)"
    };
}

/// A page of the history of one schedule: of all runs, or of those that meet the conditions.
pub(super) fn page(
    on: &Connection,
    schedule: i64,
    from: From,
    size: u32,
    only: Option<&RunFilter>,
) -> Result<Option<Rows<RunEntry>>, StorageError> {
    let snapshot = on.unchecked_transaction()?;
    let (counted, meets) = match only {
        None => ("select count(*) from run where history_of = ?1", ""),
        Some(_) => (
            concat!("select count(*) from run r where r.history_of = ?1", meets!()),
            meets!(),
        ),
    };
    let parameters = |begin: i64, behind: Option<i64>| {
        let only = only.cloned().unwrap_or_default();
        (
            schedule,
            size + 1,
            begin,
            behind,
            only.id,
            only.state,
            only.since,
            only.until,
        )
    };
    let total: i64 = match only {
        None => value(&snapshot, counted, [schedule])?,
        Some(_) => value(&snapshot, counted, parameters(0, None))?,
    };
    let (select, begin, behind) = match from {
        From::Row(first) if first > 0 && first >= total => return Ok(None),
        From::Row(first) => (
            format!(
                concat!(
                    "select ",
                    entry_columns!(),
                    " from run r where r.history_of = ?1 and ?4 is null{} order by r.due desc, r.id desc limit ?2 offset ?3"
                ),
                meets
            ),
            first,
            None,
        ),
        From::Before((due, id)) => (
            format!(
                concat!(
                    "select ",
                    entry_columns!(),
                    " from run r where r.history_of = ?1 and (r.due, r.id) < (?3, ?4){} order by r.due desc, r.id desc limit ?2"
                ),
                meets
            ),
            due,
            Some(id),
        ),
    };
    let mut rows = match only {
        None => all(&snapshot, &select, params![schedule, size + 1, begin, behind], entry)?,
        Some(_) => all(&snapshot, &select, parameters(begin, behind), entry)?,
    };
    let more = rows.len() > size as usize;
    rows.truncate(size as usize);
    add_deliveries(&snapshot, &mut rows)?;
    let next = match rows.last().filter(|_| more) {
        Some(last) => Some(Cursor::behind(last.due, signed(last.id)?)),
        None => None,
    };
    Ok(Some(Rows {
        total: unsigned(total)?,
        rows,
        next,
    }))
}

/// The latest run of a schedule that was due.
pub(super) fn latest_due(on: &Connection, schedule: i64) -> Result<Option<RunEntry>, StorageError> {
    let snapshot = on.unchecked_transaction()?;
    let mut rows = all(
        &snapshot,
        concat!(
            "select ",
            entry_columns!(),
            " from run r where r.schedule = ?1 order by r.due desc limit 1"
        ),
        [schedule],
        entry,
    )?;
    add_deliveries(&snapshot, &mut rows)?;
    Ok(rows.pop())
}

/// Adds recipients of the export mails, in the order To, Cc, Bcc.
fn add_deliveries(on: &Connection, rows: &mut [RunEntry]) -> Result<(), StorageError> {
    let runs = rows
        .iter()
        .map(|entry| signed(entry.id))
        .collect::<Result<Vec<_>, _>>()?;
    let deliveries = all(
        on,
        "select m.run, d.address, d.status, d.words
         from json_each(?1) shown cross join mail m on m.run = shown.value join delivery d on d.mail = m.id
         where m.kind = 'export' order by m.run, d.position",
        [json_list(&runs)],
        |row| Ok((unsigned(row.get("run")?)?, delivery(row)?)),
    )?;
    for (run, delivery) in deliveries {
        if let Some(entry) = rows.iter_mut().find(|entry| entry.id == run) {
            entry.deliveries.push(delivery);
        }
    }
    Ok(())
}

/// The latest runs of one schedule, or of all.
pub(super) fn latest(on: &Connection, schedule: Option<i64>, limit: u32) -> Result<Vec<HistoryRow>, StorageError> {
    let (select, deliveries) = if schedule.is_some() {
        (
            concat!(
                "select r.history_of, r.organizer, r.event, ",
                entry_columns!(),
                " from run r where r.history_of = ?1 order by r.due desc, r.id desc limit ?2"
            ),
            "select m.run, d.address, d.status, d.words from mail m join delivery d on d.mail = m.id
             where m.kind = 'export'
               and m.run in (select id from run where history_of = ?1 order by due desc, id desc limit ?2)
             order by m.run, d.position",
        )
    } else {
        (
            concat!(
                "select r.history_of, r.organizer, r.event, ",
                entry_columns!(),
                " from run r where ?1 is null order by r.due desc, r.id desc limit ?2"
            ),
            "select m.run, d.address, d.status, d.words from mail m join delivery d on d.mail = m.id
             where m.kind = 'export'
               and m.run in (select id from run where ?1 is null order by due desc, id desc limit ?2)
             order by m.run, d.position",
        )
    };
    let snapshot = on.unchecked_transaction()?;
    let deliveries: Vec<(i64, Delivery)> = all(&snapshot, deliveries, params![schedule, limit], |row| {
        Ok((row.get("run")?, delivery(row)?))
    })?;
    all(&snapshot, select, params![schedule, limit], |row| {
        history_row(row, &deliveries)
    })
}

/// One line of the history, with its part of the deliveries, which are sorted by run.
fn history_row(row: &Columns<'_>, deliveries: &[(i64, Delivery)]) -> Result<HistoryRow, StorageError> {
    let run: i64 = row.get("id")?;
    let from = deliveries.partition_point(|(of, _)| *of < run);
    let until = deliveries.partition_point(|(of, _)| *of <= run);
    let mut entry = entry(row)?;
    let own = deliveries[from..until].iter().map(|(_, delivery)| delivery.clone());
    entry.deliveries = own.collect();
    Ok(HistoryRow {
        schedule: unsigned(row.get("history_of")?)?,
        scope: scope(row)?,
        entry,
    })
}
