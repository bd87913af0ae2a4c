//! How long what is over is kept.

use rusqlite::{Connection, params};

use super::SqliteStorage;
use super::statement::{execute, values};
use crate::{Kept, StorageError};

impl SqliteStorage {
    pub(super) async fn remove_history(&self, before: Kept, most: u32) -> Result<u64, StorageError> {
        self.write(move |on| remove(on, before, most)).await
    }
}

fn remove(on: &Connection, before: Kept, most: u32) -> Result<u64, StorageError> {
    // A due time lies before its end, so the index by due time leads to the oldest.
    let runs: Vec<i64> = values(
        on,
        "select id from run r
         where r.due <= ?1 and r.ended <= ?1 and r.file_kept = 0 and not exists (
           select 1 from mail m join delivery d on d.mail = m.id
           where m.run = r.id and d.status in ('queued', 'retrying'))
         order by r.due, r.id limit ?2",
        params![before.history, most],
    )?;
    let mut mails: Vec<i64> = Vec::new();
    for run in &runs {
        mails.extend(values::<i64>(on, "select id from mail where run = ?1", [run])?);
    }
    let changes: Vec<i64> = values(
        on,
        "select id from mail m
         where m.run is null and m.created <= ?1 and not exists (
           select 1 from delivery d where d.mail = m.id and d.status in ('queued', 'retrying'))
         order by m.created, m.id limit ?2",
        params![before.history, most],
    )?;
    mails.extend(&changes);
    for mail in mails {
        execute(on, "delete from delivery where mail = ?1", [mail])?;
        execute(on, "delete from mail where id = ?1", [mail])?;
    }
    for run in &runs {
        execute(on, "delete from run where id = ?1", [run])?;
    }
    // Entries are numbered as they come, so the oldest have the lowest numbers; the rest is not looked at.
    let audit = execute(
        on,
        "delete from audit where id in (
           select id from (select id, at from audit order by id limit ?2) where at <= ?1)",
        params![before.audit, most],
    )?;
    Ok((runs.len() + changes.len() + audit) as u64)
}
