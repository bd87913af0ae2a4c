//! Leases: who may write about a run, and until when.

use async_trait::async_trait;
use rusqlite::{Connection, Row as Columns, params};

use super::SqliteStorage;
use super::columns::{delivery, json_list, row, row_columns, signed, unsigned};
use super::due::{Table, due_by_organizer, due_by_time};
use super::statement::{all, execute};
use crate::clock::Instant;
use crate::contract::{Delivery, RunKind};
use crate::{Lease, LeaseError, Leased, Leases, Rooms, StorageError, Work};

/// Schedules that are due.
pub(super) const SCHEDULES: Table<Leased> = Table {
    rows: "select organizer, id from schedule where wake_at <= ?1 order by wake_at, organizer, id limit ?2",
    by_time: due_by_time!("schedule"),
    by_organizer: due_by_organizer!(
        "schedule",
        "schedule_turn",
        "n.planned_at is not null and n.parked = 0",
        "n.planned_at <= ?1 and n.parked = 0 and n.wake_at <= ?1",
        "n.planned_at, n.id"
    ),
    by_turns: "select s.id from json_each(?2) turn cross join schedule s on s.id in (
           select id from schedule indexed by schedule_turn
           where organizer = turn.value and planned_at <= ?1 and parked = 0 and wake_at <= ?1
           order by planned_at, id limit ?3)
         order by turn.key, s.wake_at, s.id limit ?4",
    take,
};

#[async_trait]
impl Leases for SqliteStorage {
    async fn take_due(
        &self,
        now: Instant,
        lease_until: Instant,
        limit: u32,
        rooms: Option<&Rooms>,
    ) -> Result<Vec<Leased>, StorageError> {
        self.lease_by_turns((&SCHEDULES, &self.schedules), now, lease_until, limit, rooms)
            .await
    }

    async fn take_settled(&self, now: Instant, lease_until: Instant, limit: u32) -> Result<Vec<Leased>, StorageError> {
        if !self.any("select exists (select 1 from run where settle_wake <= ?1)", now)? {
            return Ok(Vec::new());
        }
        self.write(move |on| take_settled(on, now, lease_until, limit)).await
    }

    async fn renew(&self, lease: &Lease, until: Instant) -> Result<(), LeaseError> {
        let lease = lease.clone();
        self.write(move |on| prolong(on, &lease, until)).await
    }

    async fn hand_back(&self, lease: &Lease, now: Instant) -> Result<(), LeaseError> {
        let lease = lease.clone();
        self.write(move |on| give_back(on, &lease, now)).await
    }
}

/// Leases those of these that are due, and answers each with the time that it has been due since.
fn take(
    on: &Connection,
    ids: &str,
    now: Instant,
    lease_until: Instant,
) -> Result<Vec<(Instant, i64, Leased)>, StorageError> {
    let taken = all(
        on,
        concat!(
            "select ",
            row_columns!(),
            ", s.wake_at, s.fence, s.attempt, s.open_run, s.zone_database, s.parent, r.due, r.started_version, r.started_zone,
               r.kind, r.requested_by
             from json_each(?1) chosen cross join schedule s on s.id = chosen.value left join run r on r.id = s.open_run
             where s.wake_at <= ?2"
        ),
        params![ids, now],
        |found| {
            let id = found.get("id")?;
            let lease = Lease {
                schedule: unsigned(id)?,
                work: Work::Execute,
                kind: RunKind::Scheduled,
                run: found.get::<_, Option<i64>>("open_run")?.map(unsigned).transpose()?,
                fence: unsigned(found.get::<_, i64>("fence")? + 1)?,
                until: lease_until,
            };
            let attempt = found.get::<_, u32>("attempt")?.saturating_add(1);
            Ok((found.get("wake_at")?, id, leased(found, lease, attempt)?))
        },
    )?;
    // What another process has taken by now is its.
    let ids: Vec<i64> = taken.iter().map(|(_, id, _)| *id).collect();
    let ids = &json_list(&ids);
    // Late settling ends for all of them, then all are leased.
    execute(
        on,
        "update run set settle_version = null
         where schedule in (select value from json_each(?1)) and state = 'submitted' and settle_version is not null",
        [ids],
    )?;
    // Only where there is something to take away: it is in an index.
    execute(
        on,
        "update schedule set retry_at = null where id in (select value from json_each(?1)) and retry_at is not null",
        [ids],
    )?;
    execute(
        on,
        "update schedule set fence = fence + 1, attempt = min(attempt + 1, 4294967295), lease_until = ?2
         where id in (select value from json_each(?1))",
        params![ids, lease_until],
    )?;
    Ok(taken)
}

fn take_settled(on: &Connection, now: Instant, lease_until: Instant, limit: u32) -> Result<Vec<Leased>, StorageError> {
    // One lease a schedule at a time, of either kind: both write its counter.
    let found = all(
        on,
        concat!(
            "select ",
            row_columns!(),
            ", s.zone_database, s.parent, r.id as run, r.due, r.started_version, r.started_zone, r.settle_fence, r.settle_attempt,
               r.kind, r.requested_by
             from run r join schedule s on s.id = r.schedule
             where r.settle_wake <= ?1 and s.lease_until is null
               and (s.settling_until is null or s.settling_until <= ?1)
             order by r.settle_wake, r.id limit ?2"
        ),
        params![now, limit],
        |found| {
            let run: i64 = found.get("run")?;
            let lease = Lease {
                schedule: unsigned(found.get("id")?)?,
                work: Work::Settle,
                kind: RunKind::Scheduled,
                run: Some(unsigned(run)?),
                fence: unsigned(found.get::<_, i64>("settle_fence")? + 1)?,
                until: lease_until,
            };
            let attempt = found.get::<_, u32>("settle_attempt")?.saturating_add(1);
            Ok((run, leased(found, lease, attempt)?))
        },
    )?;
    let mut taken: Vec<Leased> = Vec::with_capacity(found.len());
    for (run, mut leased) in found {
        if taken.iter().any(|other| other.row.id == leased.row.id) {
            continue;
        }
        let schedule = signed(leased.row.id)?;
        end_late_settling(on, schedule)?;
        execute(
            on,
            "update run set settle_fence = ?2, settle_attempt = ?3, settle_version = ?4, settle_wake = ?5 where id = ?1",
            params![
                run,
                signed(leased.lease.fence)?,
                leased.attempt,
                signed(leased.row.version)?,
                lease_until
            ],
        )?;
        hold(on, schedule, Some(lease_until))?;
        leased.deliveries = export_deliveries(on, run)?;
        taken.push(leased);
    }
    Ok(taken)
}

/// Reads what both kinds of lease have, beside the lease.
fn leased(found: &Columns<'_>, lease: Lease, attempt: u32) -> Result<Leased, StorageError> {
    let started_version: Option<i64> = found.get("started_version")?;
    let mut leased = Leased {
        lease,
        row: row(found)?,
        asked: None,
        due: found.get("due")?,
        started_version: started_version.map(unsigned).transpose()?,
        started_zone: found.get("started_zone")?,
        zone_database: found.get("zone_database")?,
        attempt,
        deliveries: Vec::new(),
    };
    if let Some(parent) = found.get::<_, Option<i64>>("parent")? {
        let kind: Option<String> = found.get("kind")?;
        leased.was_asked(kind.as_deref(), unsigned(parent)?, found.get("requested_by")?)?;
    }
    Ok(leased)
}

fn prolong(on: &Connection, lease: &Lease, until: Instant) -> Result<(), LeaseError> {
    let (schedule, fence) = (signed(lease.schedule)?, signed(lease.fence)?);
    let held = match lease.work {
        Work::Execute => execute(
            on,
            "update schedule set lease_until = ?3 where id = ?1 and fence = ?2 and lease_until is not null",
            params![schedule, fence, until],
        )?,
        Work::Settle => {
            hold(on, schedule, Some(until))?;
            execute(
                on,
                "update run set settle_wake = ?3 where id = ?1 and settle_fence = ?2 and settle_version is not null",
                params![settled_run(lease)?, fence, until],
            )?
        }
    };
    if held == 0 {
        return Err(LeaseError::Lost);
    }
    Ok(())
}

fn give_back(on: &Connection, lease: &Lease, now: Instant) -> Result<(), LeaseError> {
    let (schedule, fence) = (signed(lease.schedule)?, signed(lease.fence)?);
    let held = match lease.work {
        Work::Execute => {
            execute(
                on,
                "update run set attempts = attempts - 1
                 where id = (select open_run from schedule s where s.id = ?1 and s.fence = ?2
                   and s.lease_until is not null and s.attempt = run.attempts)",
                params![schedule, fence],
            )?;
            // Only where there is something to execute again: it is in an index.
            execute(
                on,
                "update schedule set retry_at = ?3
                 where id = ?1 and fence = ?2 and lease_until is not null and open_run is not null",
                params![schedule, fence, now],
            )?;
            execute(
                on,
                "update schedule set lease_until = null, attempt = attempt - 1
                 where id = ?1 and fence = ?2 and lease_until is not null",
                params![schedule, fence],
            )?
        }
        Work::Settle => {
            hold(on, schedule, None)?;
            execute(
                on,
                "update run set settle_wake = ?3, settle_version = null, settle_attempt = settle_attempt - 1
                 where id = ?1 and settle_fence = ?2 and settle_version is not null",
                params![settled_run(lease)?, fence, now],
            )?
        }
    };
    if held == 0 {
        return Err(LeaseError::Lost);
    }
    Ok(())
}

/// Keeps a schedule from being leased to execute while one of its runs is leased to settle.
pub(super) fn hold(on: &Connection, schedule: i64, until: Option<Instant>) -> Result<(), StorageError> {
    execute(
        on,
        "update schedule set settling_until = ?2 where id = ?1",
        params![schedule, until],
    )?;
    Ok(())
}

/// Ends leases to settle that ran out, as another takes the schedule: whoever comes late would write a counter that he read
/// before, and let the schedule go that is another's now.
fn end_late_settling(on: &Connection, schedule: i64) -> Result<(), StorageError> {
    execute(
        on,
        "update run set settle_version = null
         where schedule = ?1 and state = 'submitted' and settle_version is not null",
        [schedule],
    )?;
    Ok(())
}

/// The run that a lease to settle is about.
fn settled_run(lease: &Lease) -> Result<i64, LeaseError> {
    Ok(signed(lease.run.ok_or(LeaseError::Lost)?)?)
}

/// Recipients of a run's export mail, in the order To, Cc, Bcc.
fn export_deliveries(on: &Connection, run: i64) -> Result<Vec<Delivery>, StorageError> {
    all(
        on,
        "select d.address, d.status, d.words from mail m join delivery d on d.mail = m.id
         where m.run = ?1 and m.kind = 'export' order by d.position",
        [run],
        delivery,
    )
}
