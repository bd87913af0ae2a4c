//! The audit log as it is read, and how long what is over is kept.

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::columns::{scope, unsigned};
use super::statement::{all, execute, values};
use super::{SqliteStorage, files, runs};
use crate::clock::Instant;
use crate::{AuditEntry, Kept, Retention, StorageError};

#[async_trait]
impl Retention for SqliteStorage {
    async fn collect(&self, now: Instant) -> Result<(), StorageError> {
        self.write(move |on| remove_outlived(on, now)).await
    }

    async fn forget(&self, before: Kept, most: u32) -> Result<u64, StorageError> {
        self.write(move |on| remove(on, before, most)).await
    }

    async fn audit(&self, organizer: &str, limit: u32) -> Result<Vec<AuditEntry>, StorageError> {
        let organizer = organizer.to_owned();
        let latest = move |on: &Connection| {
            all(
                on,
                "select at, organizer, event, schedule, actor, action, detail from audit
                 where organizer = ?1 order by id desc limit ?2",
                params![organizer, limit],
                |row| {
                    Ok(AuditEntry {
                        at: row.get("at")?,
                        scope: scope(row)?,
                        schedule: row.get::<_, Option<i64>>("schedule")?.map(unsigned).transpose()?,
                        actor: row.get("actor")?,
                        action: row.get("action")?,
                        detail: row.get("detail")?,
                    })
                },
            )
        };
        self.read_aside(latest).await
    }
}

fn remove_outlived(on: &Connection, now: Instant) -> Result<(), StorageError> {
    execute(on, "delete from request where expires_at <= ?1", [now])?;
    files::end_links(on, now)?;
    // The next two end in the transactions that cause them; whatever was left over by an earlier version goes here.
    let orphans: Vec<i64> = values(
        on,
        "select id from run where state = 'submitted' and schedule not in (select id from schedule)",
        [],
    )?;
    for run in orphans {
        runs::conclude(on, run, now)?;
    }
    let kept: Vec<i64> = values(on, "select id from run where file_kept = 1 and ended is not null", [])?;
    for run in kept {
        files::drop_unneeded(on, run)?;
    }
    // What a run was made of that a person asked for: as long as its export may leave, its owner's right is looked up by it.
    execute(
        on,
        "delete from schedule where parent is not null and open_run is null and not exists (
           select 1 from run r where r.schedule = schedule.id and (r.ended is null or r.link_hash is not null))",
        [],
    )?;
    Ok(())
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
