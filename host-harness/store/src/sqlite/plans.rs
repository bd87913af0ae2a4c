//! Plans computed again, the next wake-up, and what waits.

use async_trait::async_trait;
use rusqlite::params;

use super::SqliteStorage;
use super::columns::{scope, signed, unsigned};
use super::statement::{all, execute, prepared};
use crate::clock::Instant;
use crate::values::NO_END;
use crate::{Backlog, MOST_COUNTED, Plans, ReplanRow, Scope, StorageError, Wakes};

/// The earliest of everything that is due; each part reads one entry of an index.
pub(super) const NEXT_WAKE: &str =
    "select min(at), (select min(wake_at) from delivery where wake_at is not null) from (
    select min(wake_at) as at from schedule where wake_at is not null
    union all
    select min(case when s.settling_until > r.settle_wake then s.settling_until else r.settle_wake end)
    from run r join schedule s on s.id = r.schedule where r.settle_wake is not null and s.lease_until is null)";

/// What is due at ?1, since when, what is due later, and the outbox; of each at most ?2 are counted, from the beginning of an index.
pub(super) const BACKLOG: &str = "select
    (select count(*) from (select 1 from schedule where wake_at <= ?1 order by wake_at limit ?2) due),
    (select min(wake_at) from schedule where wake_at <= ?1),
    (select count(*) from (select 1 from schedule where wake_at > ?1 order by wake_at limit ?2) later),
    (select count(*) from (select 1 from delivery where wake_at is not null order by wake_at limit ?2) outbox)";

/// What is to be planned again; each part reads one index. One that is leased at this moment may start with a plan of before:
/// its turn comes when the lease is over.
pub(super) const TO_REPLAN: &str =
    "select s.id, s.version, s.organizer, s.event, s.document, s.next_run, s.replan, s.parked, s.paused_until,
      (select max(r.due) from run r where r.schedule = s.id) as last_due
    from schedule s where s.id in (
      select id from (select id from schedule where replan = 1 and parent is null and lease_until is null order by id limit ?1)
      union all
      select id from (
        select id from schedule where zone_database < ?2 and parent is null and lease_until is null order by zone_database, id limit ?1)
      limit ?1)";

#[async_trait]
impl Plans for SqliteStorage {
    async fn request_replan(&self, moved: &Scope) -> Result<u64, StorageError> {
        let moved = moved.clone();
        let marked = self.write(move |on| {
            execute(
                on,
                "update schedule set replan = 1 where organizer = ?1 and event is ?2",
                params![moved.organizer, moved.event],
            )
        });
        Ok(marked.await? as u64)
    }

    async fn replan_batch(&self, limit: u32, zone_database: &str) -> Result<Vec<ReplanRow>, StorageError> {
        let zone_database = zone_database.to_owned();
        self.read_aside(move |on| {
            all(on, TO_REPLAN, params![limit, zone_database], |row| {
                Ok(ReplanRow {
                    id: unsigned(row.get("id")?)?,
                    version: unsigned(row.get("version")?)?,
                    scope: scope(row)?,
                    document: row.get("document")?,
                    old_next_run: row.get("next_run")?,
                    not_before: row
                        .get::<_, Option<Instant>>("paused_until")?
                        .filter(|until| *until != NO_END),
                    last_due: row.get("last_due")?,
                    moved: row.get("replan")?,
                    asleep: row.get("parked")?,
                })
            })
        })
        .await
    }

    async fn write_plans(
        &self,
        plans: &[(ReplanRow, Option<Option<Instant>>)],
        zone_database: &str,
    ) -> Result<(), StorageError> {
        let (plans, zone_database) = (plans.to_vec(), zone_database.to_owned());
        self.write(move |on| {
            for (row, plan) in &plans {
                execute(
                    on,
                    "update schedule set next_run = case when ?5 then ?6 else next_run end, zone_database = ?7, replan = 0,
                       parked = not exists (select 1 from organizer o where o.slug = schedule.organizer and o.enabled = 1)
                     where id = ?1 and version = ?2 and next_run is ?3 and parked = ?4 and lease_until is null
                       and (replan = 1 or zone_database < ?7)",
                    params![
                        signed(row.id)?,
                        signed(row.version)?,
                        row.old_next_run,
                        row.asleep,
                        plan.is_some(),
                        plan.flatten(),
                        zone_database
                    ],
                )?;
            }
            Ok(())
        })
        .await
    }

    async fn next_wakes(&self) -> Result<Wakes, StorageError> {
        self.reading.read(|on| {
            let mut statement = prepared(on, NEXT_WAKE)?;
            let mut found = statement.query([])?;
            let wakes = found.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            Ok(Wakes {
                runs: wakes.get(0)?,
                deliveries: wakes.get(1)?,
            })
        })
    }

    async fn backlog(&self, now: Instant) -> Result<Backlog, StorageError> {
        self.read_aside(move |on| {
            let mut statement = prepared(on, BACKLOG)?;
            let mut found = statement.query(params![now, MOST_COUNTED])?;
            let counted = found.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            Ok(Backlog {
                due: unsigned(counted.get(0)?)?,
                oldest_due: counted.get(1)?,
                waiting: unsigned(counted.get(2)?)?,
                outbox: unsigned(counted.get(3)?)?,
            })
        })
        .await
    }
}
