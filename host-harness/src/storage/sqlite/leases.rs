//! Leases: who may write about a run, and until when.

use rusqlite::{Connection, Row as Columns, params};

use super::SqliteStorage;
use super::columns::{delivery, json_list, row, row_columns, signed, unsigned};
use super::statement::{all, execute, values};
use crate::clock::Instant;
use crate::contract::Delivery;
use crate::storage::turns::{self, Due, STEPS, Share, Turns};
use crate::storage::{Lease, LeaseError, Leased, StorageError, Work};

/// What is due at ?1, of all organizers, at most ?2.
pub(super) const DUE: &str =
    "select organizer, id from schedule where wake_at <= ?1 order by wake_at, organizer, id limit ?2";

/// What is due at ?1 of the organizers that ?2 is a list of, at most ?3 each and ?4 in all.
pub(super) const DUE_BY_TURNS: &str = "select s.id from json_each(?2) turn cross join schedule s on s.id in (
       select id from schedule indexed by schedule_turn
       where organizer = turn.value and planned_at <= ?1 and parked = 0 and wake_at <= ?1
       order by planned_at, id limit ?3)
     order by turn.key, s.wake_at, s.id limit ?4";

/// Whose pairs of organizer and time are due at ?1 in a table, by time, at most ?2. A step is from one pair to the first row of the
/// next: of a comparison of pairs only the first would be looked up in the index.
macro_rules! due_by_time {
    ($table:literal) => {
        concat!(
            "with recursive step (id) as (
               select rowid from (select rowid from ",
            $table,
            " where wake_at <= ?1 order by wake_at, organizer limit 1)
               union all
               select coalesce(
                 (select n.rowid from ",
            $table,
            " n where n.wake_at = s.wake_at and n.organizer > s.organizer order by n.organizer limit 1),
                 (select n.rowid from ",
            $table,
            " n where n.wake_at > s.wake_at and n.wake_at <= ?1 order by n.wake_at, n.organizer limit 1))
               from step cross join ",
            $table,
            " s on s.rowid = step.id)
             select s.organizer from step cross join ",
            $table,
            " s on s.rowid = step.id limit ?2"
        )
    };
}
pub(super) use due_by_time;

pub(super) const DUE_BY_TIME: &str = due_by_time!("schedule");

/// Every organizer that has something due at ?1, the one first that has waited longest.
pub(super) const DUE_BY_ORGANIZER: &str = "with recursive step (organizer) as (
       select organizer from (
         select organizer from schedule indexed by schedule_turn
         where planned_at is not null and parked = 0 order by organizer limit 1)
       union all
       select (select n.organizer from schedule n indexed by schedule_turn
         where n.planned_at is not null and n.parked = 0 and n.organizer > step.organizer order by n.organizer limit 1)
       from step where step.organizer is not null)
     select organizer from (
       select step.organizer, (
         select n.wake_at from schedule n indexed by schedule_turn
         where n.organizer = step.organizer and n.planned_at <= ?1 and n.parked = 0 and n.wake_at <= ?1
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
        let due = DueSchedules {
            store: self,
            now,
            lease_until,
        };
        turns::lease(&due, limit).await
    }

    /// Who has something due, by steps of time, or where these are too many by those of organizers.
    pub(super) async fn organizers_due(
        &self,
        [by_time, by_organizer]: [&'static str; 2],
        now: Instant,
    ) -> Result<Vec<String>, StorageError> {
        let organizers = self.read_aside(move |on| {
            let found = values(on, by_time, params![now, STEPS])?;
            if found.len() < STEPS as usize {
                return Ok(found);
            }
            values(on, by_organizer, [now])
        });
        organizers.await
    }

    pub(super) async fn lease_settled(
        &self,
        now: Instant,
        lease_until: Instant,
        limit: u32,
    ) -> Result<Vec<Leased>, StorageError> {
        if !self.any("select exists (select 1 from run where settle_wake <= ?1)", now)? {
            return Ok(Vec::new());
        }
        self.write(move |on| take_settled(on, now, lease_until, limit)).await
    }

    pub(super) async fn prolong(&self, lease: &Lease, until: Instant) -> Result<(), LeaseError> {
        let lease = lease.clone();
        self.write(move |on| prolong(on, &lease, until)).await
    }

    pub(super) async fn give_back(&self, lease: &Lease, now: Instant) -> Result<(), LeaseError> {
        let lease = lease.clone();
        self.write(move |on| give_back(on, &lease, now)).await
    }
}

/// Schedules that are due at `now`, to be leased.
struct DueSchedules<'s> {
    store: &'s SqliteStorage,
    now: Instant,
    lease_until: Instant,
}

impl Due for DueSchedules<'_> {
    type Id = i64;
    type Row = Leased;

    fn turns(&self) -> &Turns<i64> {
        &self.store.schedules
    }

    // Nearly always there is nothing, and then nobody has to wait for a write transaction.
    async fn rows(&self, most: u32) -> Result<Vec<(String, i64)>, StorageError> {
        let read = |row: &Columns<'_>| Ok((row.get(0)?, row.get(1)?));
        self.store
            .reading
            .read(|on| all(on, DUE, params![self.now, most], read))
    }

    async fn organizers(&self) -> Result<Vec<String>, StorageError> {
        self.store
            .organizers_due([DUE_BY_TIME, DUE_BY_ORGANIZER], self.now)
            .await
    }

    async fn lease(&self, share: &Share<i64>, most: u32) -> Result<Vec<(Instant, i64, Leased)>, StorageError> {
        let (now, lease_until) = (self.now, self.lease_until);
        let (rows, each) = match share {
            Share::Rows(ids) => (json_list(ids), None),
            Share::Organizers(organizers, each) => (json_list(organizers), Some(*each)),
        };
        let leased = self.store.write(move |on| match each {
            None => take(on, &rows, now, lease_until),
            Some(each) => {
                let ids: Vec<i64> = values(on, DUE_BY_TURNS, params![now, rows, each, most])?;
                take(on, &json_list(&ids), now, lease_until)
            }
        });
        leased.await
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
            ", s.wake_at, s.fence, s.attempt, s.open_run, s.zone_database, r.due, r.started_version, r.started_zone
             from json_each(?1) chosen cross join schedule s on s.id = chosen.value left join run r on r.id = s.open_run
             where s.wake_at <= ?2"
        ),
        params![ids, now],
        |found| {
            let id = found.get("id")?;
            let lease = Lease {
                schedule: unsigned(id)?,
                work: Work::Execute,
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
            ", s.zone_database, r.id as run, r.due, r.started_version, r.started_zone, r.settle_fence, r.settle_attempt
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
    Ok(Leased {
        lease,
        row: row(found)?,
        due: found.get("due")?,
        started_version: started_version.map(unsigned).transpose()?,
        started_zone: found.get("started_zone")?,
        zone_database: found.get("zone_database")?,
        attempt,
        deliveries: Vec::new(),
    })
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
