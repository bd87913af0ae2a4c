//! Handing mails over, one recipient at a time.

use sqlx::Row as _;

use super::audit::Entries;
use super::columns::{count, small, text};
use super::due::DELIVERIES;
use super::{PostgresStorage, files, runs, settled};
use crate::clock::Instant;
use crate::contract::DeliveryStatus;
use crate::storage::turns::Turn;
use crate::storage::values::{signed, status_text};
use crate::storage::{DeliveryResult, DeliveryTask, LeaseError, StorageError};

/// Leases until $2 what is to be handed over at $1 for the organizers $3, at most $4 each and $5 in all. Counted before the try, so
/// that one which kills its host counts too.
pub(super) const LEASE: &str = "with chosen as materialized (
       select found.mail, found.position, found.wake_at from unnest($3::text[]) with ordinality as turn (slug, nth)
       cross join lateral (
         select mail, position, wake_at from delivery where organizer = turn.slug and wake_at <= $1
         order by wake_at, mail, position limit $4 for no key update skip locked) found
       order by turn.nth, found.wake_at, found.mail, found.position limit $5)
     update delivery d set fence = fence + 1, lease_until = $2, tries = tries + 1
     from chosen where d.mail = chosen.mail and d.position = chosen.position
     returning d.mail, d.position, d.address, d.tries - 1 as tries, d.fence, chosen.wake_at as since,
       (select m.created from mail m where m.id = d.mail) as created";

impl PostgresStorage {
    pub(super) async fn lease_deliveries(
        &self,
        now: Instant,
        lease_until: Instant,
        limit: u32,
    ) -> Result<Vec<DeliveryTask>, StorageError> {
        let mut found: Vec<(Instant, DeliveryTask)> = Vec::new();
        loop {
            let left = limit - u32::try_from(found.len()).unwrap_or(limit);
            let turn = match self.deliveries.next(left) {
                Some(turn) => turn,
                None => match self.deliveries.keep(self.who_has_due(DELIVERIES, now).await?, left) {
                    Some(turn) => turn,
                    None => break,
                },
            };
            let batch = self.lease_delivery_turn(&turn, now, lease_until, left).await?;
            let got = batch.len();
            found.extend(batch);
            if !self.deliveries.go_on(&turn, got, left) {
                break;
            }
        }
        found.sort_by_key(|(since, task)| (*since, task.mail, task.position));
        Ok(found.into_iter().map(|(_, task)| task).collect())
    }

    async fn lease_delivery_turn(
        &self,
        turn: &Turn,
        now: Instant,
        lease_until: Instant,
        limit: u32,
    ) -> Result<Vec<(Instant, DeliveryTask)>, StorageError> {
        let found = settled!(
            sqlx::query(LEASE)
                .bind(now)
                .bind(lease_until)
                .bind(&turn.organizers)
                .bind(i64::from(turn.each))
                .bind(i64::from(limit))
                .fetch_all(&self.pool)
        )?;
        let tasks = found.iter().map(|found| {
            let task = DeliveryTask {
                mail: count(found, "mail")?,
                position: small(found, "position")?,
                address: found.try_get("address")?,
                tries: small(found, "tries")?,
                created: found.try_get("created")?,
                fence: count(found, "fence")?,
            };
            Ok((found.try_get("since")?, task))
        });
        Ok(tasks.collect::<sqlx::Result<_>>()?)
    }

    pub(super) async fn write_delivery(
        &self,
        task: &DeliveryTask,
        result: &DeliveryResult,
        now: Instant,
    ) -> Result<(), LeaseError> {
        if settled!(self.try_write_delivery(task, result, now))? {
            Ok(())
        } else {
            Err(LeaseError::Lost)
        }
    }

    async fn try_write_delivery(
        &self,
        task: &DeliveryTask,
        result: &DeliveryResult,
        now: Instant,
    ) -> sqlx::Result<bool> {
        let mail = signed(task.mail)?;
        let last_word = matches!(result.status, DeliveryStatus::Accepted | DeliveryStatus::Rejected);
        let mut transaction = self.begin().await?;
        // Of two recipients that become final at a time, the later must see the earlier, or nobody settles the run.
        let run = if last_word {
            sqlx::query(
                "select r.id, r.ended is not null and r.file_kept as may_drop from mail m join run r on r.id = m.run
                 where m.id = $1 for no key update of r",
            )
            .bind(mail)
            .fetch_optional(&mut *transaction)
            .await?
        } else {
            None
        };
        let written = sqlx::query(
            "update delivery set status = $4, words = $5, next_try = $6, lease_until = null, tries = tries - $7
             where mail = $1 and position = $2 and fence = $3 and lease_until is not null",
        )
        .bind(mail)
        .bind(i64::from(task.position))
        .bind(signed(task.fence)?)
        .bind(status_text(result.status))
        .bind(text(&result.words))
        .bind(result.next_try.unwrap_or(now))
        .bind(i64::from(result.status == DeliveryStatus::Queued))
        .execute(&mut *transaction)
        .await?;
        if written.rows_affected() == 0 {
            return Ok(false);
        }
        if let Some(run) = run {
            let (id, may_drop): (i64, bool) = (run.try_get("id")?, run.try_get("may_drop")?);
            let left = sqlx::query(
                "select exists (select 1 from schedule s where s.id = r.schedule) as settled_by_somebody from run r
                 where r.id = $1 and r.state = 'submitted' and not exists (
                   select 1 from mail m join delivery d on d.mail = m.id
                   where m.run = r.id and m.kind = 'export' and d.status in ('queued', 'retrying'))",
            )
            .bind(id)
            .fetch_optional(&mut *transaction)
            .await?;
            match left.map(|left| left.try_get("settled_by_somebody")).transpose()? {
                Some(true) => {
                    sqlx::query("update run set settle_wake = $2 where id = $1 and settle_wake is null")
                        .bind(id)
                        .bind(now)
                        .execute(&mut *transaction)
                        .await?;
                }
                Some(false) => {
                    let mut said = Entries::default();
                    runs::conclude(&mut transaction, &[id], now, &mut said).await?;
                    said.write(&mut transaction, now).await?;
                }
                None => {}
            }
            if may_drop {
                files::drop_unneeded(&mut transaction, &[id]).await?;
            }
        }
        transaction.commit().await?;
        Ok(true)
    }
}
