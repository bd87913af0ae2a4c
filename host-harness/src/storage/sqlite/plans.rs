//! Plans computed again, the next wake-up, and what has outlived its use.

use sqlx::Row as _;

use super::columns::{scope, signed, unsigned};
use super::{SqliteStorage, files, runs};
use crate::clock::Instant;
use crate::storage::{ReplanRow, Scope, StorageError};

/// The earliest of everything that is due; each part reads one entry of an index.
pub(super) const NEXT_WAKE: &str = "select min(at) from (
    select min(wake_at) as at from schedule where wake_at is not null
    union all
    select min(wake_at) from delivery where wake_at is not null
    union all
    select min(case when s.settling_until > r.settle_wake then s.settling_until else r.settle_wake end)
    from run r join schedule s on s.id = r.schedule where r.settle_wake is not null and s.lease_until is null)";

/// What is to be planned again; each part reads one index. One that is leased at this moment may start with a plan of before:
/// its turn comes when the lease is over.
pub(super) const TO_REPLAN: &str =
    "select s.id, s.version, s.organizer, s.event, s.document, s.next_run, s.replan, s.parked,
      (select max(r.due) from run r where r.schedule = s.id) as last_due
    from schedule s where s.id in (
      select id from (select id from schedule where replan = 1 and lease_until is null order by id limit $1)
      union all
      select id from (
        select id from schedule where zone_database < $2 and lease_until is null order by zone_database, id limit $1)
      limit $1)";

impl SqliteStorage {
    pub(super) async fn mark_replan(&self, moved: &Scope) -> Result<u64, StorageError> {
        let mut transaction = self.write().await?;
        let marked = sqlx::query("update schedule set replan = 1 where organizer = $1 and event is $2")
            .bind(&moved.organizer)
            .bind(&moved.event)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(marked.rows_affected())
    }

    pub(super) async fn to_replan(&self, limit: u32, zone_database: &str) -> Result<Vec<ReplanRow>, StorageError> {
        let found = sqlx::query(TO_REPLAN)
            .bind(limit)
            .bind(zone_database)
            .fetch_all(&self.readers)
            .await?;
        found
            .iter()
            .map(|row| {
                Ok(ReplanRow {
                    id: unsigned(row.try_get("id")?)?,
                    version: unsigned(row.try_get("version")?)?,
                    scope: scope(row)?,
                    document: row.try_get("document")?,
                    old_next_run: row.try_get("next_run")?,
                    last_due: row.try_get("last_due")?,
                    moved: row.try_get("replan")?,
                    asleep: row.try_get("parked")?,
                })
            })
            .collect()
    }

    pub(super) async fn replace_plans(
        &self,
        plans: &[(ReplanRow, Option<Option<Instant>>)],
        zone_database: &str,
    ) -> Result<(), StorageError> {
        let mut transaction = self.write().await?;
        for (row, plan) in plans {
            sqlx::query(
                "update schedule set next_run = case when $5 then $6 else next_run end, zone_database = $7, replan = 0,
                   parked = not exists (select 1 from organizer o where o.slug = schedule.organizer and o.enabled = 1)
                 where id = $1 and version = $2 and next_run is $3 and parked = $4 and lease_until is null
                   and (replan = 1 or zone_database < $7)",
            )
            .bind(signed(row.id)?)
            .bind(signed(row.version)?)
            .bind(row.old_next_run)
            .bind(row.asleep)
            .bind(plan.is_some())
            .bind(plan.flatten())
            .bind(zone_database)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await
    }

    pub(super) async fn earliest_wake(&self) -> Result<Option<Instant>, StorageError> {
        Ok(sqlx::query_scalar(NEXT_WAKE).fetch_one(&self.readers).await?)
    }

    pub(super) async fn remove_outlived(&self, now: Instant) -> Result<(), StorageError> {
        let mut transaction = self.write().await?;
        sqlx::query("delete from request where expires_at <= $1")
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        files::end_links(&mut transaction, now).await?;
        // The next two end in the transactions that cause them; whatever was left over by an earlier version goes here.
        let orphans: Vec<i64> = sqlx::query_scalar(
            "select id from run where state = 'submitted' and schedule not in (select id from schedule)",
        )
        .fetch_all(&mut *transaction)
        .await?;
        for run in orphans {
            runs::conclude(&mut transaction, run, now).await?;
        }
        let kept: Vec<i64> = sqlx::query_scalar("select id from run where file_kept = 1 and ended is not null")
            .fetch_all(&mut *transaction)
            .await?;
        for run in kept {
            files::drop_unneeded(&mut transaction, run).await?;
        }
        transaction.commit().await
    }
}
