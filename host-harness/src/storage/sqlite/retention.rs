//! How long what is over is kept.

use sqlx::SqliteConnection;

use super::SqliteStorage;
use crate::storage::{Kept, StorageError};

impl SqliteStorage {
    pub(super) async fn remove_history(&self, before: Kept, most: u32) -> Result<u64, StorageError> {
        let mut transaction = self.write().await?;
        // A due time lies before its end, so the index by due time leads to the oldest.
        let runs: Vec<i64> = sqlx::query_scalar(
            "select id from run r
             where r.due <= $1 and r.ended <= $1 and r.file_kept = 0 and not exists (
               select 1 from mail m join delivery d on d.mail = m.id
               where m.run = r.id and d.status in ('queued', 'retrying'))
             order by r.due, r.id limit $2",
        )
        .bind(before.history)
        .bind(most)
        .fetch_all(&mut *transaction)
        .await?;
        let mut mails: Vec<i64> = Vec::new();
        for run in &runs {
            let of_run: Vec<i64> = sqlx::query_scalar("select id from mail where run = $1")
                .bind(run)
                .fetch_all(&mut *transaction)
                .await?;
            mails.extend(of_run);
        }
        let handovers: Vec<i64> = sqlx::query_scalar(
            "select id from mail m
             where m.run is null and m.created <= $1 and not exists (
               select 1 from delivery d where d.mail = m.id and d.status in ('queued', 'retrying'))
             limit $2",
        )
        .bind(before.history)
        .bind(most)
        .fetch_all(&mut *transaction)
        .await?;
        mails.extend(&handovers);
        for mail in mails {
            delete(&mut transaction, "delete from delivery where mail = $1", mail).await?;
            delete(&mut transaction, "delete from mail where id = $1", mail).await?;
        }
        for run in &runs {
            delete(&mut transaction, "delete from run where id = $1", *run).await?;
        }
        // Entries are numbered as they come, so the oldest have the lowest numbers; the rest is not looked at.
        let audit = sqlx::query(
            "delete from audit where id in (
               select id from (select id, at from audit order by id limit $2) where at <= $1)",
        )
        .bind(before.audit)
        .bind(most)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok((runs.len() + handovers.len()) as u64 + audit.rows_affected())
    }
}

async fn delete(on: &mut SqliteConnection, statement: &'static str, id: i64) -> Result<(), StorageError> {
    sqlx::query(statement).bind(id).execute(on).await?;
    Ok(())
}
