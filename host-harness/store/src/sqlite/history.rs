//! What became of due times: the history of a schedule, page by page, and the latest runs of all.

use rusqlite::{Connection, Row as Columns, params};

use super::columns::{delivery, entry, entry_columns, scope, unsigned};
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
    /// With the latest due time before this one.
    Before(Instant),
}

/// The conditions of a [`RunFilter`], on a run `r`.
macro_rules! meets {
    () => {
        " and (?4 is null or r.id = ?4) and (?5 is null or r.state = ?5) and (?6 is null or r.due >= ?6) and (?7 is null or r.due <= ?7)"
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
        None => ("select count(*) from run where schedule = ?1", ""),
        Some(_) => (
            concat!("select count(*) from run r where r.schedule = ?1", meets!()),
            meets!(),
        ),
    };
    let conditions = |begin: i64| {
        let only = only.cloned().unwrap_or_default();
        (schedule, size + 1, begin, only.id, only.state, only.since, only.until)
    };
    let total: i64 = match only {
        None => value(&snapshot, counted, [schedule])?,
        Some(_) => value(&snapshot, counted, conditions(0))?,
    };
    let (select, begin) = match from {
        From::Row(first) if first > 0 && first >= total => return Ok(None),
        From::Row(first) => (
            format!(
                concat!(
                    "select ",
                    entry_columns!(),
                    " from run r where r.schedule = ?1{} order by r.due desc limit ?2 offset ?3"
                ),
                meets
            ),
            first,
        ),
        From::Before(due) => (
            format!(
                concat!(
                    "select ",
                    entry_columns!(),
                    " from run r where r.schedule = ?1 and r.due < ?3{} order by r.due desc limit ?2"
                ),
                meets
            ),
            due,
        ),
    };
    let mut rows = match only {
        None => all(&snapshot, &select, params![schedule, size + 1, begin], entry)?,
        Some(_) => all(&snapshot, &select, conditions(begin), entry)?,
    };
    let more = rows.len() > size as usize;
    rows.truncate(size as usize);
    if let (Some(latest), Some(earliest)) = (rows.first(), rows.last()) {
        let deliveries = all(
            &snapshot,
            "select m.due, d.address, d.status, d.words from mail m join delivery d on d.mail = m.id
             where m.schedule = ?1 and m.kind = 'export' and m.due between ?2 and ?3 order by m.due, d.position",
            params![schedule, earliest.due, latest.due],
            |row| Ok((row.get::<_, Instant>("due")?, delivery(row)?)),
        )?;
        for (due, delivery) in deliveries {
            if let Ok(at) = rows.binary_search_by(|entry| due.cmp(&entry.due)) {
                rows[at].deliveries.push(delivery);
            }
        }
    }
    let next = rows.last().filter(|_| more).map(|last| Cursor::behind(last.due));
    Ok(Some(Rows {
        total: unsigned(total)?,
        rows,
        next,
    }))
}

/// The latest runs of one schedule, or of all.
pub(super) fn latest(on: &Connection, schedule: Option<i64>, limit: u32) -> Result<Vec<HistoryRow>, StorageError> {
    let (select, deliveries) = if schedule.is_some() {
        (
            concat!(
                "select r.schedule, r.organizer, r.event, ",
                entry_columns!(),
                " from run r where r.schedule = ?1 order by r.due desc limit ?2"
            ),
            "select m.run, d.address, d.status, d.words from mail m join delivery d on d.mail = m.id
             where m.kind = 'export'
               and m.run in (select id from run where schedule = ?1 order by due desc limit ?2)
             order by m.run, d.position",
        )
    } else {
        (
            concat!(
                "select r.schedule, r.organizer, r.event, ",
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
        schedule: unsigned(row.get("schedule")?)?,
        scope: scope(row)?,
        entry,
    })
}
