//! How long what is over is kept.

use super::client::{self, Connection};
use super::{PostgresStorage, settled};
use crate::clock::Instant;
use crate::{Kept, StorageError};

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

impl PostgresStorage {
    pub(super) async fn remove_history(&self, before: Kept, most: u32) -> Result<u64, StorageError> {
        Ok(settled!(self.try_remove_history(before, most))?)
    }

    async fn try_remove_history(&self, before: Kept, most: u32) -> client::Result<u64> {
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
