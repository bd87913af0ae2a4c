//! Handing mails over, one recipient at a time.

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::called_off::{Which, call_off};
use super::columns::{json_list, outgoing, signed, status_text, unsigned};
use super::due::{Table, due_by_organizer, due_by_time};
use super::statement::{all, execute, optional, value};
use super::{SqliteStorage, files, outbox, runs};
use crate::clock::Instant;
use crate::contract::DeliveryStatus;
use crate::values::{standing, text};
use crate::{
    DeliveryResult, DeliveryTask, LeaseError, MailStanding, Outbox, OutboxMail, OutgoingExport, Rooms, StorageError,
};

/// Deliveries that are to be made.
pub(super) const DELIVERIES: Table<DeliveryTask> = Table {
    rows: "select organizer, rowid from delivery
         where wake_at <= ?1 order by wake_at, organizer, mail, position limit ?2",
    by_time: due_by_time!("delivery"),
    by_organizer: due_by_organizer!(
        "delivery",
        "delivery_turn",
        "n.wake_at is not null",
        "n.wake_at <= ?1",
        "n.wake_at"
    ),
    by_turns: "select d.rowid from json_each(?2) turn cross join delivery d on d.rowid in (
           select rowid from delivery indexed by delivery_turn
           where organizer = turn.value and wake_at <= ?1 order by wake_at, mail, position limit ?3)
         order by turn.key, d.wake_at, d.mail, d.position limit ?4",
    take,
};

#[async_trait]
impl Outbox for SqliteStorage {
    async fn take_deliveries(
        &self,
        now: Instant,
        lease_until: Instant,
        limit: u32,
        rooms: Option<&Rooms>,
    ) -> Result<Vec<DeliveryTask>, StorageError> {
        let turns = (&DELIVERIES, &self.deliveries);
        self.lease_by_turns(turns, now, lease_until, limit, rooms).await
    }

    async fn renew_deliveries(&self, tasks: &[DeliveryTask], until: Instant) -> Result<Vec<(u64, u32)>, StorageError> {
        let tasks = tasks.to_vec();
        self.write(move |on| {
            let mut lost = Vec::new();
            for task in &tasks {
                let held = execute(
                    on,
                    "update delivery set lease_until = ?4
                     where mail = ?1 and position = ?2 and fence = ?3 and lease_until is not null",
                    params![signed(task.mail)?, task.position, signed(task.fence)?, until],
                )?;
                if held == 0 {
                    lost.push((task.mail, task.position));
                }
            }
            Ok(lost)
        })
        .await
    }

    async fn mail_was_accepted(&self, mail: u64) -> Result<bool, StorageError> {
        let mail = signed(mail)?;
        let accepted: i64 = self.reading.read(|on| {
            value(
                on,
                "select exists (select 1 from delivery where mail = ?1 and status = 'accepted')",
                [mail],
            )
        })?;
        Ok(accepted == 1)
    }

    async fn waiting_recipients(&self, most: u32) -> Result<Vec<(String, String)>, StorageError> {
        self.reading.read(|on| {
            all(
                on,
                "select address, words from delivery where wake_at is not null and status = 'retrying'
                 order by wake_at limit ?1",
                [most],
                |found| Ok((found.get("address")?, found.get("words")?)),
            )
        })
    }

    async fn record_delivery(
        &self,
        task: &DeliveryTask,
        result: &DeliveryResult,
        now: Instant,
    ) -> Result<(), LeaseError> {
        let (task, result) = (task.clone(), result.clone());
        self.write(move |on| record(on, &task, &result, now)).await
    }

    async fn mail(&self, id: u64) -> Result<Option<OutboxMail>, StorageError> {
        let Ok(id) = i64::try_from(id) else {
            return Ok(None);
        };
        self.reading.read(|on| outbox::mail(on, id))
    }

    async fn call_off(&self, run: u64, words: &str, now: Instant) -> Result<(), StorageError> {
        let (run, words) = (signed(run)?, text(words).into_owned());
        self.write(move |on| call_off(on, Which::Run(run), &words, now)).await
    }

    async fn standing(&self, mails: &[u64]) -> Result<Vec<(u64, MailStanding)>, StorageError> {
        let mails = json_list(mails);
        self.reading.read(|on| {
            all(
                on,
                "select m.id, m.kind, m.run, m.called_off, m.organizer, m.event, r.file_events, s.owner, s.exporter
                 from json_each(?1) asked cross join mail m on m.id = asked.value
                   left join run r on r.id = m.run left join schedule s on s.id = m.schedule",
                [&mails],
                |found| {
                    // About a run whose schedule is still there.
                    let is_export = found.get::<_, Option<i64>>("run")?.is_some()
                        && found.get::<_, Option<String>>("owner")?.is_some();
                    let export = is_export.then(|| outgoing(found)).transpose()?;
                    let kind: String = found.get("kind")?;
                    let standing = standing(&kind, found.get("called_off")?, export);
                    Ok((unsigned(found.get("id")?)?, standing))
                },
            )
        })
    }

    async fn export(&self, run: u64) -> Result<Option<OutgoingExport>, StorageError> {
        let run = signed(run)?;
        self.reading.read(|on| {
            optional(
                on,
                "select r.id as run, r.organizer, r.event, r.file_events, s.owner, s.exporter
                 from run r join schedule s on s.id = r.schedule where r.id = ?1",
                [run],
                outgoing,
            )
        })
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
        "select d.rowid as id, d.wake_at, d.mail, d.position, d.organizer, d.address, d.tries, d.fence, m.created
         from json_each(?1) chosen cross join delivery d on d.rowid = chosen.value join mail m on m.id = d.mail
         where d.wake_at <= ?2",
        params![ids, now],
        |found| {
            let task = DeliveryTask {
                mail: unsigned(found.get("mail")?)?,
                position: found.get("position")?,
                organizer: found.get("organizer")?,
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
    let (mut status, mut words) = (result.status, text(&result.words).into_owned());
    if matches!(status, DeliveryStatus::Queued | DeliveryStatus::Retrying)
        && let Some(called_off) = optional(on, "select called_off from mail where id = ?1", [mail], |mail| {
            Ok(mail.get::<_, Option<String>>(0)?)
        })?
        .flatten()
    {
        (status, words) = (DeliveryStatus::Cancelled, called_off);
    }
    let held = execute(
        on,
        "update delivery set status = ?4, words = ?5, next_try = ?6, lease_until = null,
           tries = tries - ?7
         where mail = ?1 and position = ?2 and fence = ?3 and lease_until is not null",
        params![
            mail,
            task.position,
            signed(task.fence)?,
            status_text(status),
            words,
            result.next_try.unwrap_or(now),
            !result.counts
        ],
    )?;
    if held == 0 {
        return Err(LeaseError::Lost);
    }
    if !matches!(status, DeliveryStatus::Queued | DeliveryStatus::Retrying) {
        let run: Option<i64> = value(on, "select run from mail where id = ?1", [mail])?;
        if let Some(run) = run {
            runs::conclude(on, run, now)?;
            outbox::settle_if_final(on, run, now)?;
            files::drop_unneeded(on, run)?;
        }
        outbox::forget_text_if_final(on, &[mail])?;
    }
    Ok(())
}
