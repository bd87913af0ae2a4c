//! The audit log as it is read, and how long what is over is kept.

use async_trait::async_trait;

use super::audit::Entries;
use super::client::{self, Connection, Found};
use super::columns::{scope, text};
use super::{PostgresStorage, files, read, runs, settled};
use crate::clock::Instant;
use crate::values::unsigned;
use crate::{AuditEntry, Kept, Retention, StorageError};

/// Runs that ended at or before $1 and of which nothing is left to do, at most $2. A due time lies before its end, so the index by
/// due time leads to the oldest.
pub(super) const OVER: &str = "select r.id from run r
     where r.due <= $1 and r.ended <= $1 and not r.file_kept and not exists (
       select 1 from mail m join delivery d on d.mail = m.id
       where m.run = r.id and d.status in ('queued', 'retrying'))
     order by r.due, r.id limit $2 for update of r skip locked";

/// Notices to owners from $1 or before, handed over, at most $2.
pub(super) const CHANGES: &str = "select m.id from mail m
     where m.run is null and m.created <= $1 and not exists (
       select 1 from delivery d where d.mail = m.id and d.status in ('queued', 'retrying'))
     order by m.created, m.id limit $2 for update of m skip locked";

/// Entries are numbered as they come, so the oldest have the lowest numbers; the rest is not looked at.
pub(super) const AUDIT: &str = "delete from audit where id = any(array(
       select id from (select id, at from audit order by id limit $2) oldest where at <= $1))";

/// Submitted runs whose schedules are gone. One that another host is about to end is left to it.
pub(super) const ORPHANS: &str = "select r.id from run r
     where r.state = 'submitted' and not exists (select 1 from schedule s where s.id = r.schedule)
     order by r.id for no key update skip locked";

/// Files of ended runs.
pub(super) const KEPT_FILES: &str =
    "select id from run where file_kept and ended is not null order by id for no key update skip locked";

/// What runs were made of that people asked for: as long as an export may leave, its owner's right is looked up by it.
pub(super) const SPENT: &str = "delete from schedule where id = any(array(
       select s.id from schedule s where s.parent is not null and s.open_run is null and not exists (
         select 1 from run r where r.schedule = s.id and (r.ended is null or r.link_hash is not null))
       order by s.id for update skip locked))";

#[async_trait]
impl Retention for PostgresStorage {
    async fn collect(&self, now: Instant) -> Result<(), StorageError> {
        Ok(settled!(self.try_collect(now))?)
    }

    async fn forget(&self, before: Kept, most: u32) -> Result<u64, StorageError> {
        Ok(settled!(self.try_forget(before, most))?)
    }

    async fn audit(&self, organizer: &str, limit: u32) -> Result<Vec<AuditEntry>, StorageError> {
        let rows = read!(self.pool.fetch_all::<Found>(
            "select at, organizer, event, schedule, actor, action, detail from audit
             where organizer = $1 order by id desc limit $2",
            &[&text(organizer), &i64::from(limit)]
        ))?;
        rows.iter()
            .map(|row| {
                Ok(AuditEntry {
                    at: row.try_get("at")?,
                    scope: scope(row)?,
                    schedule: row.try_get::<Option<i64>>("schedule")?.map(unsigned).transpose()?,
                    actor: row.try_get("actor")?,
                    action: row.try_get("action")?,
                    detail: row.try_get("detail")?,
                })
            })
            .collect()
    }
}

impl PostgresStorage {
    async fn try_collect(&self, now: Instant) -> client::Result<()> {
        let transaction = self.begin().await?;
        transaction
            .execute("delete from request where expires_at <= $1", &[&now])
            .await?;
        files::end_links(&transaction, now).await?;
        // The next two end in the transactions that cause them; whatever was left over by an earlier version goes here.
        let orphans: Vec<i64> = transaction.fetch_all(ORPHANS, &[]).await?;
        let mut said = Entries::default();
        runs::conclude(&transaction, &orphans, now, &mut said).await?;
        said.write(&transaction, now).await?;
        let kept: Vec<i64> = transaction.fetch_all(KEPT_FILES, &[]).await?;
        files::drop_unneeded(&transaction, &kept).await?;
        transaction.execute(SPENT, &[]).await?;
        transaction.commit().await
    }

    async fn try_forget(&self, before: Kept, most: u32) -> client::Result<u64> {
        let transaction = self.begin().await?;
        let on = &transaction;
        let runs = oldest(on, OVER, before.history, most).await?;
        let changes = oldest(on, CHANGES, before.history, most).await?;
        let mails: Vec<i64> = on
            .fetch_all("select id from mail where run = any($1)", &[&runs])
            .await?;
        let mails = [mails, changes.clone()].concat();
        for (statement, ids) in [
            ("delete from delivery where mail = any($1)", &mails),
            ("delete from mail where id = any($1)", &mails),
            ("delete from run where id = any($1)", &runs),
        ] {
            if !ids.is_empty() {
                on.execute(statement, &[&ids]).await?;
            }
        }
        let audit = on.execute(AUDIT, &[&before.audit, &i64::from(most)]).await?;
        transaction.commit().await?;
        Ok((runs.len() + changes.len()) as u64 + audit)
    }
}

async fn oldest(on: &Connection, statement: &'static str, before: Instant, most: u32) -> client::Result<Vec<i64>> {
    on.fetch_all(statement, &[&before, &i64::from(most)]).await
}
