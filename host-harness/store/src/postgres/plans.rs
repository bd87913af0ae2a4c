//! Plans computed again, the next wake-up, and what waits.

use async_trait::async_trait;

use super::client::{self, Found};
use super::columns::{count, event_of, scope, text};
use super::{PostgresStorage, read, settled};
use crate::clock::Instant;
use crate::values::{NO_END, signed, unsigned};
use crate::{Backlog, MOST_COUNTED, Plans, ReplanRow, Scope, StorageError, Wakes};

/// The earliest of everything that is due; each part reads the beginning of an index. What is leased comes before the first schedule
/// that is not, which is due later, or at once. Of what is leased a hundred are looked at, as of what can be settled, where those
/// whose schedules are leased wait for that: whoever waits looks again after half a second at most. (Of a sum the server does not know
/// that it is nearly always null, and looks for few in order rather than for one everywhere.)
pub(super) const NEXT_WAKE: &str = "with free as (
      select wake_at from schedule where wake_at is not null and lease_until is null order by wake_at limit 1)
    select min(at), (select min(wake_at) from delivery where wake_at is not null) from (
    select wake_at as at from free
    union all
    select min(lease_until) from (
      select lease_until from schedule
      where wake_at < coalesce((select wake_at from free), 9223372036854775807) and lease_until + 0 is not null
      order by wake_at limit 100) leased
    union all
    select min(at) from (
      select greatest(s.settling_until, r.settle_wake) as at
      from run r join schedule s on s.id = r.schedule where r.settle_wake is not null and s.lease_until is null
      order by r.settle_wake, r.id limit 100) settled) each";

/// What a host with zone database $2 is to plan again, at most $1; each part reads one index. One that is leased at this moment may
/// start with a plan of before: its turn comes when the lease is over.
pub(super) const REPLAN: &str =
    "select found.*, (select max(r.due) from run r where r.schedule = found.id) as last_due from (
      (select id, version, organizer, event, document, next_run, replan, parked, paused_until from schedule
       where replan and parent is null and lease_until is null order by id limit $1)
      union all
      (select id, version, organizer, event, document, next_run, replan, parked, paused_until from schedule
       where not replan and zone_database < $2 and parent is null and lease_until is null order by zone_database, id limit $1)) found
    limit $1";

/// What is due at $1, since when, what is due later, and the outbox; of each at most $2 are counted, from the beginning of an index.
pub(super) const BACKLOG: &str = "select
    (select count(*) from (
      select 1 from schedule where wake_at <= $1 and (lease_until is null or lease_until <= $1)
      order by wake_at limit $2) due),
    (select wake_at from schedule where wake_at <= $1 and (lease_until is null or lease_until <= $1)
      order by wake_at limit 1),
    (select count(*) from (select 1 from schedule where wake_at > $1 order by wake_at limit $2) later)
      + (select count(*) from (
        select 1 from schedule where wake_at <= $1 and lease_until > $1 order by wake_at limit $2) leased),
    (select count(*) from (select 1 from delivery where wake_at is not null order by wake_at limit $2) outbox)";

#[async_trait]
impl Plans for PostgresStorage {
    async fn request_replan(&self, moved: &Scope) -> Result<u64, StorageError> {
        Ok(settled!(self.pool.execute(
            "update schedule set replan = true where organizer = $1 and event = $2",
            &[&text(&moved.organizer), &event_of(moved)]
        ))?)
    }

    async fn replan_batch(&self, limit: u32, zone_database: &str) -> Result<Vec<ReplanRow>, StorageError> {
        let found = read!(
            self.pool
                .fetch_all::<Found>(REPLAN, &[&i64::from(limit), &text(zone_database)])
        )?;
        let rows = found.iter().map(|row| {
            Ok(ReplanRow {
                id: count(row, "id")?,
                version: count(row, "version")?,
                scope: scope(row)?,
                document: row.try_get("document")?,
                old_next_run: row.try_get("next_run")?,
                not_before: row
                    .try_get::<Option<Instant>>("paused_until")?
                    .filter(|until| *until != NO_END),
                last_due: row.try_get("last_due")?,
                moved: row.try_get("replan")?,
                asleep: row.try_get("parked")?,
            })
        });
        Ok(rows.collect::<client::Result<_>>()?)
    }

    async fn write_plans(
        &self,
        plans: &[(ReplanRow, Option<Option<Instant>>)],
        zone_database: &str,
    ) -> Result<(), StorageError> {
        if plans.is_empty() {
            return Ok(());
        }
        settled!(self.try_write_plans(plans, zone_database))?;
        self.tell();
        Ok(())
    }

    async fn next_wakes(&self) -> Result<Wakes, StorageError> {
        let (runs, deliveries) = read!(self.pool.fetch_one(NEXT_WAKE, &[]))?;
        Ok(Wakes { runs, deliveries })
    }

    async fn backlog(&self, now: Instant) -> Result<Backlog, StorageError> {
        let (due, oldest_due, waiting, outbox): (i64, Option<i64>, i64, i64) =
            read!(self.pool.fetch_one(BACKLOG, &[&now, &i64::from(MOST_COUNTED)]))?;
        Ok(Backlog {
            due: unsigned(due)?,
            oldest_due,
            waiting: unsigned(waiting)?,
            outbox: unsigned(outbox)?,
        })
    }
}

impl PostgresStorage {
    async fn try_write_plans(
        &self,
        plans: &[(ReplanRow, Option<Option<Instant>>)],
        zone_database: &str,
    ) -> client::Result<()> {
        let rows = || plans.iter().map(|(row, _)| row);
        let ids = rows().map(|row| signed(row.id)).collect::<Result<Vec<_>, _>>()?;
        let versions = rows().map(|row| signed(row.version)).collect::<Result<Vec<_>, _>>()?;
        let organizers: Vec<String> = rows().map(|row| text(&row.scope.organizer).into_owned()).collect();
        let transaction = self.begin().await?;
        // Not switched while its schedules are woken.
        transaction
            .execute(
                "select slug from organizer where slug = any($1) order by slug for share",
                &[&organizers],
            )
            .await?;
        transaction
            .execute(
                "select id from schedule where id = any($1) order by id for no key update",
                &[&ids],
            )
            .await?;
        transaction
            .execute(
                "update schedule s set next_run = case when plan.known then plan.next_run else s.next_run end,
                   zone_database = $1, replan = false,
                   parked = not exists (select 1 from organizer o where o.slug = s.organizer and o.enabled)
                 from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::boolean[], $6::boolean[], $7::bigint[])
                   as plan (id, version, old_next_run, asleep, known, next_run)
                 where s.id = plan.id and s.version = plan.version and s.next_run is not distinct from plan.old_next_run
                   and s.parked = plan.asleep and (s.replan or s.zone_database < $1) and s.lease_until is null",
                &[
                    &text(zone_database),
                    &ids,
                    &versions,
                    &rows().map(|row| row.old_next_run).collect::<Vec<_>>(),
                    &rows().map(|row| row.asleep).collect::<Vec<_>>(),
                    &plans.iter().map(|(_, plan)| plan.is_some()).collect::<Vec<_>>(),
                    &plans.iter().map(|(_, plan)| plan.flatten()).collect::<Vec<_>>(),
                ],
            )
            .await?;
        transaction.commit().await
    }
}
