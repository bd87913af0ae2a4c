//! Leases: who may write about a run, and until when.

use std::collections::HashSet;

use async_trait::async_trait;

use super::client::{self, Connection, Found};
use super::columns::{count, deliveries, deliveries_of_run, row, row_columns, small};
use super::due::SCHEDULES;
use super::{PostgresStorage, settled};
use crate::clock::Instant;
use crate::contract::RunKind;
use crate::turns::{self, Due, Share, Turns};
use crate::values::{signed, unsigned};
use crate::{Lease, LeaseError, Leased, Leases, Rooms, StorageError, Work};

/// Leases until $2 those that are chosen. Leases to settle that ran out end with it: whoever comes late would write a counter that he
/// read before, and let the schedule go that is another's now.
/// With `$schedule` and `$run`, what else is known of a row: by that it is found, whatever the planner holds of the join.
macro_rules! lease_chosen {
    ($chosen:literal, $schedule:literal, $run:literal) => {
        concat!(
            "with chosen as materialized (",
            $chosen,
            "),
             late as (
               update run r set settle_version = null from chosen
               where r.schedule = chosen.id and r.state = 'submitted' and r.settle_version is not null",
            $run,
            ")
             update schedule s set fence = fence + 1, attempt = attempt + 1, lease_until = $2, retry_at = null
             from chosen where s.id = chosen.id",
            $schedule,
            " returning ",
            row_columns!(),
            ", s.fence, s.attempt, s.open_run, s.zone_database, chosen.wake_at as since,
               (select r.due from run r where r.id = s.open_run) as due,
               (select r.started_version from run r where r.id = s.open_run) as started_version,
               (select r.started_zone from run r where r.id = s.open_run) as started_zone, s.parent,
               case when s.parent is not null then (select r.kind from run r where r.id = s.open_run) end as kind,
               case when s.parent is not null then (select r.requested_by from run r where r.id = s.open_run) end as requested_by"
        )
    };
}

/// Leases what is due at $1 of the schedules $3. What another host is about to write is left to it.
pub(super) const LEASE_ROWS: &str = lease_chosen!(
    "select id, wake_at from schedule
     where id = any($3) and wake_at <= $1 and (lease_until is null or lease_until <= $1)
     for no key update skip locked",
    " and s.id = any($3)",
    " and r.schedule = any($3)"
);

/// Leases what is due at $1 of the organizers $3, at most $4 each and $5 in all; as with the other.
pub(super) const LEASE_BY_TURNS: &str = lease_chosen!(
    "select found.id, found.wake_at from unnest($3::text[]) with ordinality as turn (slug, nth)
     cross join lateral (
       select id, wake_at from schedule
       where organizer = turn.slug and wake_at <= $1 and (lease_until is null or lease_until <= $1)
       order by wake_at, id limit $4 for no key update skip locked) found
     order by turn.nth, found.wake_at, found.id limit $5",
    "",
    ""
);

/// Can anything be settled at $1? Asked for by `exists`, the first row in the table might be thought to be one.
pub(super) const ANY_SETTLED: &str =
    "select coalesce((select min(settle_wake) from run where settle_wake is not null) <= $1, false)";

/// Runs that can be settled at $1, at most $2. One lease a schedule at a time, of either kind: both write its counter.
pub(super) const SETTLED: &str = concat!(
    "with found as materialized (
     select ",
    row_columns!(),
    ", s.zone_database, r.id as run, r.due, r.started_version, r.started_zone, r.settle_wake, s.parent, r.kind, r.requested_by
       from run r join schedule s on s.id = r.schedule
       where r.settle_wake <= $1 and s.lease_until is null and (s.settling_until is null or s.settling_until <= $1)
       order by r.settle_wake, r.id limit $2 for no key update of s skip locked)
     select found.*, d.addresses, d.statuses, d.all_words
     from found cross join lateral (select found.run as id) r",
    deliveries_of_run!(),
    "order by found.settle_wake, found.run"
);

#[async_trait]
impl Leases for PostgresStorage {
    async fn take_due(
        &self,
        now: Instant,
        lease_until: Instant,
        limit: u32,
        rooms: Option<&Rooms>,
    ) -> Result<Vec<Leased>, StorageError> {
        let due = DueSchedules {
            store: self,
            now,
            lease_until,
        };
        turns::lease(&due, limit, rooms).await
    }

    async fn take_settled(&self, now: Instant, lease_until: Instant, limit: u32) -> Result<Vec<Leased>, StorageError> {
        Ok(settled!(self.try_take_settled(now, lease_until, limit))?)
    }

    async fn renew(&self, lease: &Lease, until: Instant) -> Result<(), LeaseError> {
        let held = match lease.work {
            Work::Execute => {
                settled!(self.pool.execute(
                    "update schedule set lease_until = $3 where id = $1 and fence = $2 and lease_until is not null",
                    &[&signed(lease.schedule)?, &signed(lease.fence)?, &until]
                ))? == 1
            }
            Work::Settle => settled!(self.move_settling(
                lease,
                Some(until),
                "update run set settle_wake = $3 where id = $1 and settle_fence = $2 and settle_version is not null",
                until,
            ))?,
        };
        if held { Ok(()) } else { Err(LeaseError::Lost) }
    }

    async fn hand_back(&self, lease: &Lease, now: Instant) -> Result<(), LeaseError> {
        let held = match lease.work {
            Work::Execute => settled!(self.hand_back_due(lease, now))?,
            Work::Settle => settled!(self.move_settling(
                lease,
                None,
                "update run set settle_wake = $3, settle_version = null, settle_attempt = settle_attempt - 1
                 where id = $1 and settle_fence = $2 and settle_version is not null",
                now,
            ))?,
        };
        if !held {
            return Err(LeaseError::Lost);
        }
        self.tell();
        Ok(())
    }
}

impl PostgresStorage {
    async fn try_take_settled(&self, now: Instant, lease_until: Instant, limit: u32) -> client::Result<Vec<Leased>> {
        // Nearly always there is nothing, and then it needs no transaction.
        let any: bool = self.pool.fetch_one(ANY_SETTLED, &[&now]).await?;
        if !any {
            return Ok(Vec::new());
        }
        let transaction = self.begin().await?;
        let found = transaction
            .fetch_all::<Found>(SETTLED, &[&now, &i64::from(limit)])
            .await?;
        let mut schedules = HashSet::new();
        let mut leased: Vec<Leased> = Vec::with_capacity(found.len());
        for found in &found {
            let row = row(found)?;
            if !schedules.insert(row.id) {
                continue;
            }
            let mut one = Leased {
                lease: Lease {
                    schedule: row.id,
                    work: Work::Settle,
                    kind: RunKind::Scheduled,
                    run: Some(count(found, "run")?),
                    fence: 0,
                    until: lease_until,
                },
                row,
                due: found.try_get("due")?,
                started_version: started_version(found)?,
                started_zone: found.try_get("started_zone")?,
                zone_database: found.try_get("zone_database")?,
                attempt: 0,
                deliveries: deliveries(found)?,
                asked: None,
            };
            was_asked(&mut one, found)?;
            leased.push(one);
        }
        let ids = |of: fn(&Leased) -> u64| leased.iter().map(|one| signed(of(one))).collect::<Result<Vec<_>, _>>();
        let schedules = ids(|one| one.row.id)?;
        let (runs, versions) = (
            ids(|one| one.lease.run.unwrap_or_default())?,
            ids(|one| one.row.version)?,
        );
        transaction
            .execute(
                "update run set settle_version = null
                 where schedule = any($1) and state = 'submitted' and settle_version is not null",
                &[&schedules],
            )
            .await?;
        let raised = transaction
            .fetch_all::<Found>(
                "update run r set settle_fence = settle_fence + 1, settle_attempt = settle_attempt + 1,
                   settle_version = chosen.version, settle_wake = $3
                 from unnest($1::bigint[], $2::bigint[]) as chosen (run, version)
                 where r.id = chosen.run and r.settle_wake <= $4 returning r.id, r.settle_fence, r.settle_attempt",
                &[&runs, &versions, &lease_until, &now],
            )
            .await?;
        transaction
            .execute(
                "update schedule set settling_until = $2 where id = any($1)",
                &[&schedules, &lease_until],
            )
            .await?;
        transaction.commit().await?;
        for raised in &raised {
            let run = Some(count(raised, "id")?);
            if let Some(one) = leased.iter_mut().find(|one| one.lease.run == run) {
                one.lease.fence = count(raised, "settle_fence")?;
                one.attempt = small(raised, "settle_attempt")?;
            }
        }
        // One that another host has settled since it was looked up has no fence of ours.
        leased.retain(|one| one.lease.fence > 0);
        Ok(leased)
    }

    async fn hand_back_due(&self, lease: &Lease, now: Instant) -> client::Result<bool> {
        let transaction = self.begin().await?;
        let back = transaction
            .fetch_optional::<Found>(
                "update schedule set lease_until = null, attempt = attempt - 1,
                   retry_at = case when open_run is not null then $3 end
                 where id = $1 and fence = $2 and lease_until is not null returning open_run, attempt",
                &[&signed(lease.schedule)?, &signed(lease.fence)?, &now],
            )
            .await?;
        let Some(back) = back else {
            return Ok(false);
        };
        if let Some(open) = back.try_get::<Option<i64>>("open_run")? {
            transaction
                .execute(
                    "update run set attempts = attempts - 1 where id = $1 and attempts = $2 + 1",
                    &[&open, &back.try_get::<i64>("attempt")?],
                )
                .await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Moves a lease to settle, and what it keeps its schedule from; false: it is lost.
    async fn move_settling(
        &self,
        lease: &Lease,
        held_until: Option<Instant>,
        statement: &'static str,
        at: Instant,
    ) -> client::Result<bool> {
        let Some(run) = lease.run else {
            return Ok(false);
        };
        let transaction = self.begin().await?;
        hold(&transaction, signed(lease.schedule)?, held_until).await?;
        let moved = transaction
            .execute(statement, &[&signed(run)?, &signed(lease.fence)?, &at])
            .await?;
        if moved == 0 {
            return Ok(false);
        }
        transaction.commit().await?;
        Ok(true)
    }
}

/// Schedules that are due at `now`, to be leased.
struct DueSchedules<'s> {
    store: &'s PostgresStorage,
    now: Instant,
    lease_until: Instant,
}

impl Due for DueSchedules<'_> {
    type Id = i64;
    type Row = Leased;

    fn turns(&self) -> &Turns<i64> {
        &self.store.schedules
    }

    async fn rows(&self, most: u32) -> Result<Vec<(String, i64)>, StorageError> {
        Ok(self.store.what_is_due(SCHEDULES, self.now, most).await?)
    }

    async fn organizers(&self) -> Result<Vec<String>, StorageError> {
        Ok(self.store.who_has_due(SCHEDULES, self.now).await?)
    }

    async fn lease(&self, share: &Share<i64>, most: u32) -> Result<Vec<(Instant, i64, Leased)>, StorageError> {
        let pool = &self.store.pool;
        let (now, until) = (self.now, self.lease_until);
        let found: Vec<Found> = match share {
            Share::Rows(ids) => settled!(pool.fetch_all(LEASE_ROWS, &[&now, &until, ids])),
            Share::Organizers(organizers, each) => {
                let (each, most) = (i64::from(*each), i64::from(most));
                settled!(pool.fetch_all(LEASE_BY_TURNS, &[&now, &until, organizers, &each, &most]))
            }
        }?;
        let leased = found.iter().map(|found| leased_to_execute(found, self.lease_until));
        Ok(leased.collect::<client::Result<_>>()?)
    }
}

fn leased_to_execute(found: &Found, until: Instant) -> client::Result<(Instant, i64, Leased)> {
    let row = row(found)?;
    let open = found.try_get::<Option<i64>>("open_run")?;
    let mut leased = Leased {
        lease: Lease {
            schedule: row.id,
            work: Work::Execute,
            kind: RunKind::Scheduled,
            run: open.map(unsigned).transpose()?,
            fence: count(found, "fence")?,
            until,
        },
        due: found.try_get("due")?,
        started_version: started_version(found)?,
        started_zone: found.try_get("started_zone")?,
        zone_database: found.try_get("zone_database")?,
        attempt: small(found, "attempt")?,
        deliveries: Vec::new(),
        asked: None,
        row,
    };
    was_asked(&mut leased, found)?;
    Ok((found.try_get("since")?, found.try_get("id")?, leased))
}

/// Reads `parent`, `kind` and `requested_by`.
fn was_asked(leased: &mut Leased, from: &Found) -> client::Result<()> {
    if let Some(parent) = from.try_get::<Option<i64>>("parent")? {
        leased.was_asked(from.try_get("kind")?, unsigned(parent)?, from.try_get("requested_by")?)?;
    }
    Ok(())
}

/// Reads `started_version`.
fn started_version(from: &Found) -> client::Result<Option<u64>> {
    let version: Option<i64> = from.try_get("started_version")?;
    Ok(version.map(unsigned).transpose()?)
}

/// Keeps a schedule from being leased to execute while one of its runs is leased to settle.
pub(super) async fn hold(on: &Connection, schedule: i64, until: Option<Instant>) -> client::Result<()> {
    on.execute(
        "update schedule set settling_until = $2 where id = $1",
        &[&schedule, &until],
    )
    .await?;
    Ok(())
}
