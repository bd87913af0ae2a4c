//! Handing mails over, one recipient at a time.

use sqlx::Row as _;

use super::columns::{signed, status_text, unsigned};
use super::{SqliteStorage, files, outbox, runs};
use crate::clock::Instant;
use crate::contract::DeliveryStatus;
use crate::storage::{DeliveryResult, DeliveryTask, LeaseError, StorageError};

impl SqliteStorage {
    pub(super) async fn lease_deliveries(
        &self,
        now: Instant,
        lease_until: Instant,
        limit: u32,
    ) -> Result<Vec<DeliveryTask>, StorageError> {
        let any: bool = sqlx::query_scalar("select exists (select 1 from delivery where wake_at <= $1)")
            .bind(now)
            .fetch_one(&self.readers)
            .await?;
        if !any {
            return Ok(Vec::new());
        }
        let mut transaction = self.write().await?;
        let found = sqlx::query(
            "select d.mail, d.position, d.address, d.tries, d.fence, m.created
             from delivery d join mail m on m.id = d.mail
             where d.wake_at <= $1 order by d.wake_at, d.mail, d.position limit $2",
        )
        .bind(now)
        .bind(limit)
        .fetch_all(&mut *transaction)
        .await?;
        let mut tasks = Vec::with_capacity(found.len());
        for found in &found {
            let mail: i64 = found.try_get("mail")?;
            let position: u32 = found.try_get("position")?;
            let fence: i64 = found.try_get::<i64, _>("fence")? + 1;
            // Counted before the try, so that one which kills its host counts too.
            sqlx::query(
                "update delivery set fence = $3, lease_until = $4, tries = tries + 1 where mail = $1 and position = $2",
            )
            .bind(mail)
            .bind(position)
            .bind(fence)
            .bind(lease_until)
            .execute(&mut *transaction)
            .await?;
            tasks.push(DeliveryTask {
                mail: unsigned(mail)?,
                position,
                address: found.try_get("address")?,
                tries: found.try_get("tries")?,
                created: found.try_get("created")?,
                fence: unsigned(fence)?,
            });
        }
        transaction.commit().await?;
        Ok(tasks)
    }

    pub(super) async fn write_delivery(
        &self,
        task: &DeliveryTask,
        result: &DeliveryResult,
        now: Instant,
    ) -> Result<(), LeaseError> {
        let mail = signed(task.mail)?;
        let untried = result.status == DeliveryStatus::Queued;
        let mut transaction = self.write().await?;
        let held = sqlx::query(
            "update delivery set status = $4, words = $5, next_try = $6, lease_until = null,
               tries = tries - $7
             where mail = $1 and position = $2 and fence = $3 and lease_until is not null",
        )
        .bind(mail)
        .bind(task.position)
        .bind(signed(task.fence)?)
        .bind(status_text(result.status))
        .bind(&result.words)
        .bind(result.next_try.unwrap_or(now))
        .bind(i64::from(untried))
        .execute(&mut *transaction)
        .await?;
        if held.rows_affected() == 0 {
            return Err(LeaseError::Lost);
        }
        if matches!(result.status, DeliveryStatus::Accepted | DeliveryStatus::Rejected) {
            let run: Option<i64> = sqlx::query_scalar("select run from mail where id = $1")
                .bind(mail)
                .fetch_one(&mut *transaction)
                .await?;
            if let Some(run) = run {
                runs::conclude(&mut transaction, run, now).await?;
                outbox::settle_if_final(&mut transaction, run, now).await?;
                files::drop_unneeded(&mut transaction, run).await?;
            }
        }
        Ok(transaction.commit().await?)
    }
}
