//! Leases: who may write about a run, and until when.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::SqliteStorage;
use super::columns::{delivery, json_list, row, row_columns, signed, unsigned};
use crate::clock::Instant;
use crate::contract::Delivery;
use crate::storage::{Lease, LeaseError, Leased, StorageError, Work};

impl SqliteStorage {
    pub(super) async fn lease_due(
        &self,
        now: Instant,
        lease_until: Instant,
        limit: u32,
    ) -> Result<Vec<Leased>, StorageError> {
        // Nearly always there is nothing, and then nobody has to wait for a write transaction.
        let any: bool = sqlx::query_scalar("select exists (select 1 from schedule where wake_at <= $1)")
            .bind(now)
            .fetch_one(&self.readers)
            .await?;
        if !any {
            return Ok(Vec::new());
        }
        let mut transaction = self.write().await?;
        let found = sqlx::query(concat!(
            "select ",
            row_columns!(),
            ", s.fence, s.attempt, s.open_run, s.zone_database, r.due, r.started_version, r.started_zone
             from schedule s left join run r on r.id = s.open_run
             where s.wake_at <= $1 order by s.wake_at, s.id limit $2"
        ))
        .bind(now)
        .bind(limit)
        .fetch_all(&mut *transaction)
        .await?;
        let ids: Vec<i64> = found
            .iter()
            .map(|found| found.try_get("id"))
            .collect::<Result<_, _>>()?;
        // Both in one go: late settling ends for all of them, then all are leased.
        sqlx::query(
            "update run set settle_version = null
             where schedule in (select value from json_each($1)) and state = 'submitted' and settle_version is not null;
             update schedule set fence = fence + 1, attempt = min(attempt + 1, 4294967295), lease_until = $2, retry_at = null
             where id in (select value from json_each($1))",
        )
        .bind(json_list(&ids))
        .bind(lease_until)
        .execute(&mut *transaction)
        .await?;
        let mut leased = Vec::with_capacity(found.len());
        for found in &found {
            let fence: i64 = found.try_get::<i64, _>("fence")? + 1;
            let attempt: u32 = found.try_get::<u32, _>("attempt")?.saturating_add(1);
            let row = row(found)?;
            leased.push(Leased {
                lease: Lease {
                    schedule: row.id,
                    work: Work::Execute,
                    run: found.try_get::<Option<i64>, _>("open_run")?.map(unsigned).transpose()?,
                    fence: unsigned(fence)?,
                    until: lease_until,
                },
                row,
                due: found.try_get("due")?,
                started_version: started_version(found)?,
                started_zone: found.try_get("started_zone")?,
                zone_database: found.try_get("zone_database")?,
                attempt,
                deliveries: Vec::new(),
            });
        }
        transaction.commit().await?;
        Ok(leased)
    }

    pub(super) async fn lease_settled(
        &self,
        now: Instant,
        lease_until: Instant,
        limit: u32,
    ) -> Result<Vec<Leased>, StorageError> {
        let any: bool = sqlx::query_scalar("select exists (select 1 from run where settle_wake <= $1)")
            .bind(now)
            .fetch_one(&self.readers)
            .await?;
        if !any {
            return Ok(Vec::new());
        }
        let mut transaction = self.write().await?;
        // One lease a schedule at a time, of either kind: both write its counter.
        let found = sqlx::query(concat!(
            "select ",
            row_columns!(),
            ", s.zone_database, r.id as run, r.due, r.started_version, r.started_zone, r.settle_fence, r.settle_attempt
             from run r join schedule s on s.id = r.schedule
             where r.settle_wake <= $1 and s.lease_until is null
               and (s.settling_until is null or s.settling_until <= $1)
             order by r.settle_wake, r.id limit $2"
        ))
        .bind(now)
        .bind(limit)
        .fetch_all(&mut *transaction)
        .await?;
        let mut leased: Vec<Leased> = Vec::with_capacity(found.len());
        for found in &found {
            let row = row(found)?;
            if leased.iter().any(|other| other.row.id == row.id) {
                continue;
            }
            let run: i64 = found.try_get("run")?;
            let fence: i64 = found.try_get::<i64, _>("settle_fence")? + 1;
            let attempt: u32 = found.try_get::<u32, _>("settle_attempt")?.saturating_add(1);
            end_late_settling(&mut transaction, signed(row.id)?).await?;
            sqlx::query(
                "update run set settle_fence = $2, settle_attempt = $3, settle_version = $4, settle_wake = $5 where id = $1",
            )
            .bind(run)
            .bind(fence)
            .bind(attempt)
            .bind(signed(row.version)?)
            .bind(lease_until)
            .execute(&mut *transaction)
            .await?;
            hold(&mut transaction, signed(row.id)?, Some(lease_until)).await?;
            leased.push(Leased {
                lease: Lease {
                    schedule: row.id,
                    work: Work::Settle,
                    run: Some(unsigned(run)?),
                    fence: unsigned(fence)?,
                    until: lease_until,
                },
                row,
                due: found.try_get("due")?,
                started_version: started_version(found)?,
                started_zone: found.try_get("started_zone")?,
                zone_database: found.try_get("zone_database")?,
                attempt,
                deliveries: export_deliveries(&mut transaction, run).await?,
            });
        }
        transaction.commit().await?;
        Ok(leased)
    }

    pub(super) async fn prolong(&self, lease: &Lease, until: Instant) -> Result<(), LeaseError> {
        let mut transaction = self.write().await?;
        let held = match lease.work {
            Work::Execute => {
                sqlx::query(
                    "update schedule set lease_until = $3 where id = $1 and fence = $2 and lease_until is not null",
                )
                .bind(signed(lease.schedule)?)
                .bind(signed(lease.fence)?)
                .bind(until)
                .execute(&mut *transaction)
                .await?
            }
            Work::Settle => {
                hold(&mut transaction, signed(lease.schedule)?, Some(until)).await?;
                sqlx::query(
                    "update run set settle_wake = $3 where id = $1 and settle_fence = $2 and settle_version is not null",
                )
                .bind(settled_run(lease)?)
                .bind(signed(lease.fence)?)
                .bind(until)
                .execute(&mut *transaction)
                .await?
            }
        };
        if held.rows_affected() == 0 {
            return Err(LeaseError::Lost);
        }
        Ok(transaction.commit().await?)
    }

    pub(super) async fn give_back(&self, lease: &Lease, now: Instant) -> Result<(), LeaseError> {
        let schedule = signed(lease.schedule)?;
        let mut transaction = self.write().await?;
        let held = match lease.work {
            Work::Execute => {
                sqlx::query(
                    "update run set attempts = attempts - 1
                     where id = (select open_run from schedule s where s.id = $1 and s.fence = $2
                       and s.lease_until is not null and s.attempt = run.attempts)",
                )
                .bind(schedule)
                .bind(signed(lease.fence)?)
                .execute(&mut *transaction)
                .await?;
                sqlx::query(
                    "update schedule set lease_until = null, attempt = attempt - 1,
                       retry_at = case when open_run is not null then $3 end
                     where id = $1 and fence = $2 and lease_until is not null",
                )
                .bind(schedule)
                .bind(signed(lease.fence)?)
                .bind(now)
                .execute(&mut *transaction)
                .await?
            }
            Work::Settle => {
                hold(&mut transaction, schedule, None).await?;
                sqlx::query(
                    "update run set settle_wake = $3, settle_version = null, settle_attempt = settle_attempt - 1
                     where id = $1 and settle_fence = $2 and settle_version is not null",
                )
                .bind(settled_run(lease)?)
                .bind(signed(lease.fence)?)
                .bind(now)
                .execute(&mut *transaction)
                .await?
            }
        };
        if held.rows_affected() == 0 {
            return Err(LeaseError::Lost);
        }
        Ok(transaction.commit().await?)
    }
}

/// Keeps a schedule from being leased to execute while one of its runs is leased to settle.
pub(super) async fn hold(on: &mut SqliteConnection, schedule: i64, until: Option<Instant>) -> Result<(), StorageError> {
    sqlx::query("update schedule set settling_until = $2 where id = $1")
        .bind(schedule)
        .bind(until)
        .execute(on)
        .await?;
    Ok(())
}

/// Ends leases to settle that ran out, as another takes the schedule: whoever comes late would write a counter that he read
/// before, and let the schedule go that is another's now.
async fn end_late_settling(on: &mut SqliteConnection, schedule: i64) -> Result<(), StorageError> {
    sqlx::query(
        "update run set settle_version = null
         where schedule = $1 and state = 'submitted' and settle_version is not null",
    )
    .bind(schedule)
    .execute(on)
    .await?;
    Ok(())
}

/// Reads `started_version`.
fn started_version(from: &SqliteRow) -> Result<Option<u64>, StorageError> {
    from.try_get::<Option<i64>, _>("started_version")?
        .map(unsigned)
        .transpose()
}

/// The run that a lease to settle is about.
fn settled_run(lease: &Lease) -> Result<i64, LeaseError> {
    Ok(signed(lease.run.ok_or(LeaseError::Lost)?)?)
}

/// Recipients of a run's export mail, in the order To, Cc, Bcc.
async fn export_deliveries(on: &mut SqliteConnection, run: i64) -> Result<Vec<Delivery>, StorageError> {
    sqlx::query(
        "select d.address, d.status, d.words from mail m join delivery d on d.mail = m.id
         where m.run = $1 and m.kind = 'export' order by d.position",
    )
    .bind(run)
    .fetch_all(on)
    .await?
    .iter()
    .map(delivery)
    .collect()
}
