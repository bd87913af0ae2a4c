//! Leases: who may write about a run, and until when.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::SqliteStorage;
use super::columns::{delivery, json_list, row, row_columns, signed, unsigned};
use crate::clock::Instant;
use crate::contract::Delivery;
use crate::storage::turns::{STEPS, Turn};
use crate::storage::{Lease, LeaseError, Leased, StorageError, Work};

/// How many are due at $1, as far as $2.
pub(super) const HOW_MANY_DUE: &str = "select count(*) from (select 1 from schedule where wake_at <= $1 limit $2)";

/// What is due at $1, of all organizers, at most $2.
pub(super) const DUE: &str = "select id from schedule where wake_at <= $1 order by wake_at, organizer, id limit $2";

/// What is due at $1 of the organizers that $2 is a list of, at most $3 each and $4 in all.
pub(super) const DUE_BY_TURNS: &str = "select s.id from json_each($2) turn cross join schedule s on s.id in (
       select id from schedule indexed by schedule_turn
       where organizer = turn.value and planned_at <= $1 and parked = 0 and wake_at <= $1
       order by planned_at, id limit $3)
     order by turn.key, s.wake_at, s.id limit $4";

/// Pairs of organizer and time that are due at $1, by time, at most $2. A step is from one pair to the first row of the next: of
/// a comparison of pairs only the first would be looked up in the index.
pub(super) const DUE_BY_TIME: &str = "with recursive step (id) as (
       select id from (select id from schedule where wake_at <= $1 order by wake_at, organizer limit 1)
       union all
       select coalesce(
         (select n.id from schedule n where n.wake_at = s.wake_at and n.organizer > s.organizer order by n.organizer limit 1),
         (select n.id from schedule n where n.wake_at > s.wake_at and n.wake_at <= $1
          order by n.wake_at, n.organizer limit 1))
       from step cross join schedule s on s.id = step.id)
     select s.organizer, s.wake_at from step cross join schedule s on s.id = step.id limit $2";

/// Every organizer that has something due at $1, and since when.
pub(super) const DUE_BY_ORGANIZER: &str = "with recursive step (organizer) as (
       select organizer from (
         select organizer from schedule indexed by schedule_turn
         where planned_at is not null and parked = 0 order by organizer limit 1)
       union all
       select (select n.organizer from schedule n indexed by schedule_turn
         where n.planned_at is not null and n.parked = 0 and n.organizer > step.organizer order by n.organizer limit 1)
       from step where step.organizer is not null)
     select organizer, since from (
       select step.organizer, (
         select n.wake_at from schedule n indexed by schedule_turn
         where n.organizer = step.organizer and n.planned_at <= $1 and n.parked = 0 and n.wake_at <= $1
         order by n.planned_at, n.id limit 1) as since
       from step where step.organizer is not null)
     where since is not null order by since";

impl SqliteStorage {
    pub(super) async fn lease_due(
        &self,
        now: Instant,
        lease_until: Instant,
        limit: u32,
    ) -> Result<Vec<Leased>, StorageError> {
        // Nearly always there is nothing, and then nobody has to wait for a write transaction.
        let due: u32 = sqlx::query_scalar(HOW_MANY_DUE)
            .bind(now)
            .bind(i64::from(limit) + 1)
            .fetch_one(&self.readers)
            .await?;
        if due == 0 {
            return Ok(Vec::new());
        }
        let mut found: Vec<(Instant, Leased)> = Vec::new();
        if due <= limit {
            // Enough for everybody.
            found = self.lease_turn(None, now, lease_until, limit).await?;
        } else {
            loop {
                let left = limit - u32::try_from(found.len()).unwrap_or(limit);
                let turn = match self.schedules.next(left) {
                    Some(turn) => turn,
                    None => match self.schedules.keep(self.who_has_due(now).await?, left) {
                        Some(turn) => turn,
                        None => break,
                    },
                };
                let batch = self.lease_turn(Some(&turn), now, lease_until, left).await?;
                let got = batch.len();
                found.extend(batch);
                if !self.schedules.go_on(&turn, got, left) {
                    break;
                }
            }
        }
        found.sort_by_key(|(since, leased)| (*since, leased.row.id));
        Ok(found.into_iter().map(|(_, leased)| leased).collect())
    }

    /// Organizers with something due at `now`, and since when; one can be there more than once.
    async fn who_has_due(&self, now: Instant) -> Result<Vec<(String, Instant)>, StorageError> {
        let by_time: Vec<(String, Instant)> = sqlx::query_as(DUE_BY_TIME)
            .bind(now)
            .bind(STEPS)
            .fetch_all(&self.readers)
            .await?;
        if by_time.len() < STEPS as usize {
            return Ok(by_time);
        }
        Ok(sqlx::query_as(DUE_BY_ORGANIZER)
            .bind(now)
            .fetch_all(&self.readers)
            .await?)
    }

    /// Leases what is due of those whose turn it is; none: of all. Each with the time that it has been due since.
    async fn lease_turn(
        &self,
        turn: Option<&Turn>,
        now: Instant,
        lease_until: Instant,
        limit: u32,
    ) -> Result<Vec<(Instant, Leased)>, StorageError> {
        let mut transaction = self.write().await?;
        let due = match turn {
            None => sqlx::query_scalar(DUE).bind(now).bind(limit),
            Some(turn) => sqlx::query_scalar(DUE_BY_TURNS)
                .bind(now)
                .bind(json_list(&turn.organizers))
                .bind(turn.each)
                .bind(limit),
        };
        let ids: Vec<i64> = due.fetch_all(&mut *transaction).await?;
        let found = sqlx::query(concat!(
            "select ",
            row_columns!(),
            ", s.wake_at, s.fence, s.attempt, s.open_run, s.zone_database, r.due, r.started_version, r.started_zone
             from json_each($1) chosen cross join schedule s on s.id = chosen.value left join run r on r.id = s.open_run"
        ))
        .bind(json_list(&ids))
        .fetch_all(&mut *transaction)
        .await?;
        // All in one go: late settling ends for all of them, then all are leased. What a retry was planned for is in an index.
        sqlx::query(
            "update run set settle_version = null
             where schedule in (select value from json_each($1)) and state = 'submitted' and settle_version is not null;
             update schedule set retry_at = null
             where id in (select value from json_each($1)) and retry_at is not null;
             update schedule set fence = fence + 1, attempt = min(attempt + 1, 4294967295), lease_until = $2
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
            let one = Leased {
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
            };
            leased.push((found.try_get("wake_at")?, one));
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
