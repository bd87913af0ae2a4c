//! Handing mails over, one recipient at a time.

use rusqlite::{Connection, Row as Columns, params};

use super::columns::{json_list, signed, status_text, unsigned};
use super::leases::due_by_time;
use super::statement::{all, execute, value, values};
use super::{SqliteStorage, files, outbox, runs};
use crate::clock::Instant;
use crate::contract::DeliveryStatus;
use crate::storage::turns::{self, Due, Share, Turns};
use crate::storage::{DeliveryResult, DeliveryTask, LeaseError, StorageError};

/// What is to be handed over at ?1, of all organizers, at most ?2.
pub(super) const DUE: &str = "select organizer, rowid from delivery
     where wake_at <= ?1 order by wake_at, organizer, mail, position limit ?2";

/// What is to be handed over at ?1 for the organizers that ?2 is a list of, at most ?3 each and ?4 in all.
pub(super) const DUE_BY_TURNS: &str = "select d.rowid from json_each(?2) turn cross join delivery d on d.rowid in (
       select rowid from delivery indexed by delivery_turn
       where organizer = turn.value and wake_at <= ?1 order by wake_at, mail, position limit ?3)
     order by turn.key, d.wake_at, d.mail, d.position limit ?4";

pub(super) const DUE_BY_TIME: &str = due_by_time!("delivery");

/// Every organizer for whom something is to be handed over at ?1, the one first that has waited longest.
pub(super) const DUE_BY_ORGANIZER: &str = "with recursive step (organizer) as (
       select organizer from (
         select organizer from delivery indexed by delivery_turn where wake_at is not null order by organizer limit 1)
       union all
       select (select n.organizer from delivery n indexed by delivery_turn
         where n.wake_at is not null and n.organizer > step.organizer order by n.organizer limit 1)
       from step where step.organizer is not null)
     select organizer from (
       select step.organizer, (
         select n.wake_at from delivery n indexed by delivery_turn
         where n.organizer = step.organizer and n.wake_at <= ?1 order by n.wake_at limit 1) as since
       from step where step.organizer is not null)
     where since is not null order by since";

impl SqliteStorage {
    pub(super) async fn lease_deliveries(
        &self,
        now: Instant,
        lease_until: Instant,
        limit: u32,
    ) -> Result<Vec<DeliveryTask>, StorageError> {
        let due = DueDeliveries {
            store: self,
            now,
            lease_until,
        };
        turns::lease(&due, limit).await
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

/// What is to be handed over at `now`, to be leased.
struct DueDeliveries<'s> {
    store: &'s SqliteStorage,
    now: Instant,
    lease_until: Instant,
}

impl Due for DueDeliveries<'_> {
    type Id = i64;
    type Row = DeliveryTask;

    fn turns(&self) -> &Turns<i64> {
        &self.store.deliveries
    }

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

    async fn lease(&self, share: &Share<i64>, most: u32) -> Result<Vec<(Instant, i64, DeliveryTask)>, StorageError> {
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

/// Leases those of these that are to be handed over, and answers each with the time that it has been so since.
fn take(
    on: &Connection,
    ids: &str,
    now: Instant,
    lease_until: Instant,
) -> Result<Vec<(Instant, i64, DeliveryTask)>, StorageError> {
    let taken: Vec<(Instant, i64, DeliveryTask)> = all(
        on,
        "select d.rowid as id, d.wake_at, d.mail, d.position, d.address, d.tries, d.fence, m.created
         from json_each(?1) chosen cross join delivery d on d.rowid = chosen.value join mail m on m.id = d.mail
         where d.wake_at <= ?2",
        params![ids, now],
        |found| {
            let task = DeliveryTask {
                mail: unsigned(found.get("mail")?)?,
                position: found.get("position")?,
                address: found.get("address")?,
                tries: found.get("tries")?,
                created: found.get("created")?,
                fence: unsigned(found.get::<_, i64>("fence")? + 1)?,
            };
            Ok((found.get("wake_at")?, found.get("id")?, task))
        },
    )?;
    // What another process has taken by now is its.
    let ids: Vec<i64> = taken.iter().map(|(_, id, _)| *id).collect();
    // Counted before the try, so that one which kills its host counts too.
    execute(
        on,
        "update delivery set fence = fence + 1, lease_until = ?2, tries = tries + 1
         where rowid in (select value from json_each(?1))",
        params![json_list(&ids), lease_until],
    )?;
    Ok(taken)
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
