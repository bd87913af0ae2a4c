//! What became of due times: the history of a schedule, page by page, and the latest runs of all.

use rusqlite::{Connection, Row as Columns, params};

use super::columns::{delivery, entry, entry_columns, scope, unsigned};
use super::statement::{all, value};
use crate::clock::Instant;
use crate::contract::{Delivery, RunEntry};
use crate::cursor::Cursor;
use crate::{HistoryRow, Rows, StorageError};

/// Where a page begins.
#[derive(Clone, Copy)]
pub(super) enum From {
    /// So many rows are before it.
    Row(i64),
    /// With the latest due time before this one.
    Before(Instant),
}

/// A page of the history of one schedule.
pub(super) fn page(
    on: &Connection,
    schedule: i64,
    from: From,
    size: u32,
) -> Result<Option<Rows<RunEntry>>, StorageError> {
    let snapshot = on.unchecked_transaction()?;
    let total: i64 = value(&snapshot, "select count(*) from run where schedule = ?1", [schedule])?;
    let (select, begin) = match from {
        From::Row(first) if first > 0 && first >= total => return Ok(None),
        From::Row(first) => (
            concat!(
                "select ",
                entry_columns!(),
                " from run r where r.schedule = ?1 order by r.due desc limit ?2 offset ?3"
            ),
            first,
        ),
        From::Before(due) => (
            concat!(
                "select ",
                entry_columns!(),
                " from run r where r.schedule = ?1 and r.due < ?3 order by r.due desc limit ?2"
            ),
            due,
        ),
    };
    let mut rows = all(&snapshot, select, params![schedule, size + 1, begin], entry)?;
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
