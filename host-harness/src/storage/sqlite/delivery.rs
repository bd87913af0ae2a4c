//! Handing mails over, one recipient at a time.

use rusqlite::{Connection, params};

use super::columns::{signed, status_text, unsigned};
use super::statement::{all, execute, value};
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
        let any = self.any("select exists (select 1 from delivery where wake_at <= ?1)", now)?;
        if !any {
            return Ok(Vec::new());
        }
        self.write(move |on| {
            let tasks = all(
                on,
                "select d.mail, d.position, d.address, d.tries, d.fence, m.created
                 from delivery d join mail m on m.id = d.mail
                 where d.wake_at <= ?1 order by d.wake_at, d.mail, d.position limit ?2",
                params![now, limit],
                |found| {
                    Ok(DeliveryTask {
                        mail: unsigned(found.get("mail")?)?,
                        position: found.get("position")?,
                        address: found.get("address")?,
                        tries: found.get("tries")?,
                        created: found.get("created")?,
                        fence: unsigned(found.get::<_, i64>("fence")? + 1)?,
                    })
                },
            )?;
            for task in &tasks {
                // Counted before the try, so that one which kills its host counts too.
                execute(
                    on,
                    "update delivery set fence = ?3, lease_until = ?4, tries = tries + 1 where mail = ?1 and position = ?2",
                    params![signed(task.mail)?, task.position, signed(task.fence)?, lease_until],
                )?;
            }
            Ok(tasks)
        })
        .await
    }

    pub(super) async fn write_delivery(
        &self,
        task: &DeliveryTask,
        result: &DeliveryResult,
        now: Instant,
    ) -> Result<(), LeaseError> {
        let (task, result) = (task.clone(), result.clone());
        self.write(move |on| record(on, &task, &result, now)).await
    }
}

fn record(on: &Connection, task: &DeliveryTask, result: &DeliveryResult, now: Instant) -> Result<(), LeaseError> {
    let mail = signed(task.mail)?;
    let untried = result.status == DeliveryStatus::Queued;
    let held = execute(
        on,
        "update delivery set status = ?4, words = ?5, next_try = ?6, lease_until = null,
           tries = tries - ?7
         where mail = ?1 and position = ?2 and fence = ?3 and lease_until is not null",
        params![
            mail,
            task.position,
            signed(task.fence)?,
            status_text(result.status),
            &result.words,
            result.next_try.unwrap_or(now),
            untried
        ],
    )?;
    if held == 0 {
        return Err(LeaseError::Lost);
    }
    if matches!(result.status, DeliveryStatus::Accepted | DeliveryStatus::Rejected) {
        let run: Option<i64> = value(on, "select run from mail where id = ?1", [mail])?;
        if let Some(run) = run {
            runs::conclude(on, run, now)?;
            outbox::settle_if_final(on, run, now)?;
            files::drop_unneeded(on, run)?;
        }
    }
    Ok(())
}
