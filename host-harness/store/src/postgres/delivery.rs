//! Handing mails over, one recipient at a time.

use super::audit::Entries;
use super::client::{self, Found};
use super::columns::{count, small, text};
use super::due::DELIVERIES;
use super::outbox::forget_text_if_final;
use super::{PostgresStorage, files, read, runs, settled};
use crate::clock::Instant;
use crate::turns::{self, Due, Share, Turns};
use crate::values::{signed, status_text};
use crate::{DeliveryResult, DeliveryTask, LeaseError, Rooms, StorageError};

/// Leases until $2 those that are chosen. Counted before the try, so that one which kills its host counts too.
/// With `$delivery`, as for schedules.
macro_rules! lease_chosen {
    ($chosen:literal, $delivery:literal) => {
        concat!(
            "with chosen as materialized (",
            $chosen,
            ")
             update delivery d set fence = fence + 1, lease_until = $2, tries = tries + 1
             from chosen where d.mail = chosen.mail and d.position = chosen.position",
            $delivery,
            " returning d.mail, d.position, d.organizer, d.address, d.tries - 1 as tries, d.fence, chosen.wake_at as since,
               (select m.created from mail m where m.id = d.mail) as created"
        )
    };
}

/// Leases what is to be handed over at $1 of the mails $3 at the positions $4.
pub(super) const LEASE_ROWS: &str = lease_chosen!(
    "select d.mail, d.position, d.wake_at from unnest($3::bigint[], $4::bigint[]) as known (mail, position)
     join delivery d on d.mail = known.mail and d.position = known.position
     where d.mail = any($3) and d.wake_at <= $1 for no key update of d skip locked",
    " and d.mail = any($3)"
);

/// Leases what is to be handed over at $1 for the organizers $3, at most $4 each and $5 in all.
pub(super) const LEASE_BY_TURNS: &str = lease_chosen!(
    "select found.mail, found.position, found.wake_at from unnest($3::text[]) with ordinality as turn (slug, nth)
     cross join lateral (
       select mail, position, wake_at from delivery where organizer = turn.slug and wake_at <= $1
       order by wake_at, mail, position limit $4 for no key update skip locked) found
     order by turn.nth, found.wake_at, found.mail, found.position limit $5",
    ""
);

impl PostgresStorage {
    pub(super) async fn lease_deliveries(
        &self,
        now: Instant,
        lease_until: Instant,
        limit: u32,
        rooms: &Rooms,
    ) -> Result<Vec<DeliveryTask>, StorageError> {
        let due = DueDeliveries {
            store: self,
            now,
            lease_until,
        };
        turns::lease(&due, limit, rooms).await
    }

    pub(super) async fn extend_deliveries(
        &self,
        tasks: &[DeliveryTask],
        until: Instant,
    ) -> Result<Vec<(u64, u32)>, StorageError> {
        let mut keys: Vec<(u64, u32, u64)> = tasks
            .iter()
            .map(|task| (task.mail, task.position, task.fence))
            .collect();
        // In one order for all hosts, since each row is locked.
        keys.sort_unstable();
        let (mut mails, mut positions, mut fences) = (Vec::new(), Vec::new(), Vec::new());
        for (mail, position, fence) in &keys {
            mails.push(signed(*mail)?);
            positions.push(i64::from(*position));
            fences.push(signed(*fence)?);
        }
        let renewed: Vec<(i64, i64)> = settled!(self.pool.fetch_all(
            "update delivery d set lease_until = $4
             from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as held (mail, position, fence)
             where d.mail = held.mail and d.position = held.position and d.fence = held.fence
               and d.mail = any($1) and d.lease_until is not null
             returning d.mail, d.position::bigint",
            &[&mails, &positions, &fences, &until]
        ))?;
        let is_lost = |(mail, position): &(i64, i64)| !renewed.contains(&(*mail, *position));
        let lost = keys.iter().zip(mails.iter().copied().zip(positions.iter().copied()));
        Ok(lost
            .filter(|(_, key)| is_lost(key))
            .map(|((mail, position, _), _)| (*mail, *position))
            .collect())
    }

    pub(super) async fn accepted_for_one(&self, mail: u64) -> Result<bool, StorageError> {
        Ok(read!(self.pool.fetch_one(
            "select exists (select 1 from delivery where mail = $1 and status = 'accepted')",
            &[&signed(mail)?]
        ))?)
    }

    pub(super) async fn tried_and_waiting(&self, most: u32) -> Result<Vec<(String, String)>, StorageError> {
        Ok(read!(self.pool.fetch_all(
            "select address, words from delivery where wake_at is not null and status = 'retrying'
             order by wake_at limit $1",
            &[&i64::from(most)]
        ))?)
    }

    pub(super) async fn write_delivery(
        &self,
        task: &DeliveryTask,
        result: &DeliveryResult,
        now: Instant,
    ) -> Result<(), LeaseError> {
        if settled!(self.try_write_delivery(task, result, now))? {
            Ok(())
        } else {
            Err(LeaseError::Lost)
        }
    }

    async fn try_write_delivery(
        &self,
        task: &DeliveryTask,
        result: &DeliveryResult,
        now: Instant,
    ) -> client::Result<bool> {
        let mail = signed(task.mail)?;
        // Of two recipients that become final at a time, the later must see the earlier, or nobody settles the run; and whoever is
        // not final must see that the mail was called off, or is seen by who calls it off.
        let (transaction, run) = self
            .begin_reading::<Found>(
                "select r.id, r.ended is not null and r.file_kept as may_drop from mail m join run r on r.id = m.run
                 where m.id = $1 for no key update of r",
                &[&mail],
            )
            .await?;
        if run.is_empty() {
            // Nor would anybody remove the text of a mail that is about no run.
            transaction
                .execute("select from mail where id = $1 for no key update", &[&mail])
                .await?;
        }
        let written: Option<String> = transaction
            .fetch_optional(
                "update delivery d set status = case when called.off then 'cancelled' else $4 end,
                   words = case when called.off then m.called_off else $5 end, next_try = $6, lease_until = null, tries = tries - $7
                 from mail m cross join lateral (
                   select m.called_off is not null and $4 in ('queued', 'retrying') as off) called
                 where d.mail = $1 and d.position = $2 and d.fence = $3 and d.lease_until is not null and m.id = $1
                 returning d.status",
                &[
                    &mail,
                    &i64::from(task.position),
                    &signed(task.fence)?,
                    &status_text(result.status),
                    &text(&result.words),
                    &result.next_try.unwrap_or(now),
                    &i64::from(!result.counts),
                ],
            )
            .await?;
        let Some(written) = written else {
            return Ok(false);
        };
        let last_word = !["queued", "retrying"].contains(&written.as_str());
        if let Some(run) = run.first().filter(|_| last_word) {
            let (id, may_drop): (i64, bool) = (run.try_get("id")?, run.try_get("may_drop")?);
            let left = transaction
                .fetch_optional::<Found>(
                    concat!(
                        "with forgotten as (",
                        forget_text_if_final!(),
                        ")
                 select exists (select 1 from schedule s where s.id = r.schedule) and not exists (
                   select 1 from mail m where m.run = r.id and m.kind = 'export' and m.called_off is not null)
                   as settled_by_somebody from run r
                 where r.id = $2 and r.state = 'submitted' and not exists (
                   select 1 from mail m join delivery d on d.mail = m.id
                   where m.run = r.id and m.kind = 'export' and d.status in ('queued', 'retrying'))"
                    ),
                    &[&[mail].as_slice(), &id],
                )
                .await?;
            match left.map(|left| left.try_get("settled_by_somebody")).transpose()? {
                Some(true) => {
                    transaction
                        .execute(
                            "update run set settle_wake = $2 where id = $1 and settle_wake is null",
                            &[&id, &now],
                        )
                        .await?;
                }
                Some(false) => {
                    let mut said = Entries::default();
                    runs::conclude(&transaction, &[id], now, &mut said).await?;
                    said.write(&transaction, now).await?;
                }
                None => {}
            }
            if may_drop {
                files::drop_unneeded(&transaction, &[id]).await?;
            }
        } else if last_word {
            transaction
                .execute(forget_text_if_final!(), &[&[mail].as_slice()])
                .await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}

/// What is to be handed over at `now`, to be leased.
struct DueDeliveries<'s> {
    store: &'s PostgresStorage,
    now: Instant,
    lease_until: Instant,
}

impl Due for DueDeliveries<'_> {
    /// Mail and position.
    type Id = (i64, i64);
    type Row = DeliveryTask;

    fn turns(&self) -> &Turns<Self::Id> {
        &self.store.deliveries
    }

    async fn rows(&self, most: u32) -> Result<Vec<(String, Self::Id)>, StorageError> {
        let rows: Vec<(String, i64, i64)> = self.store.what_is_due(DELIVERIES, self.now, most).await?;
        let named = rows
            .into_iter()
            .map(|(organizer, mail, position)| (organizer, (mail, position)));
        Ok(named.collect())
    }

    async fn organizers(&self) -> Result<Vec<String>, StorageError> {
        Ok(self.store.who_has_due(DELIVERIES, self.now).await?)
    }

    async fn lease(
        &self,
        share: &Share<Self::Id>,
        most: u32,
    ) -> Result<Vec<(Instant, Self::Id, DeliveryTask)>, StorageError> {
        let pool = &self.store.pool;
        let (now, until) = (self.now, self.lease_until);
        let found: Vec<Found> = match share {
            Share::Rows(ids) => {
                let (mails, positions): (Vec<i64>, Vec<i64>) = ids.iter().copied().unzip();
                settled!(pool.fetch_all(LEASE_ROWS, &[&now, &until, &mails, &positions]))
            }
            Share::Organizers(organizers, each) => {
                let (each, most) = (i64::from(*each), i64::from(most));
                settled!(pool.fetch_all(LEASE_BY_TURNS, &[&now, &until, organizers, &each, &most]))
            }
        }?;
        let tasks = found.iter().map(|found| {
            let task = DeliveryTask {
                mail: count(found, "mail")?,
                position: small(found, "position")?,
                organizer: found.try_get("organizer")?,
                address: found.try_get("address")?,
                tries: small(found, "tries")?,
                created: found.try_get("created")?,
                fence: count(found, "fence")?,
            };
            let id = (found.try_get("mail")?, found.try_get("position")?);
            Ok((found.try_get("since")?, id, task))
        });
        Ok(tasks.collect::<client::Result<_>>()?)
    }
}
