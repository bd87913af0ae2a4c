//! Handing mails over, one recipient at a time.

use async_trait::async_trait;

use super::audit::Entries;
use super::called_off::{Which, call_off};
use super::client::{self, Found};
use super::columns::{count, file_facts, outgoing, scope, small, text};
use super::due::DELIVERIES;
use super::outbox::forget_text_if_final;
use super::{PostgresStorage, files, read, runs, settled};
use crate::clock::Instant;
use crate::turns::{self, Due, Share, Turns};
use crate::values::{mail_kind, signed, standing, status_text, unsigned};
use crate::{
    DeliveryResult, DeliveryTask, LeaseError, MailStanding, NewMail, Outbox, OutboxMail, OutgoingExport, Rooms,
    StorageError,
};

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

/// How the mails $1 stand.
pub(super) const STANDING: &str =
    "select m.id, m.kind, m.run, m.called_off, m.organizer, m.event, r.file_events, s.owner, s.exporter
     from mail m left join run r on r.id = m.run left join schedule s on s.id = m.schedule where m.id = any($1)";

#[async_trait]
impl Outbox for PostgresStorage {
    async fn take_deliveries(
        &self,
        now: Instant,
        lease_until: Instant,
        limit: u32,
        rooms: Option<&Rooms>,
    ) -> Result<Vec<DeliveryTask>, StorageError> {
        let due = DueDeliveries {
            store: self,
            now,
            lease_until,
        };
        turns::lease(&due, limit, rooms).await
    }

    async fn renew_deliveries(&self, tasks: &[DeliveryTask], until: Instant) -> Result<Vec<(u64, u32)>, StorageError> {
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

    async fn mail_was_accepted(&self, mail: u64) -> Result<bool, StorageError> {
        Ok(read!(self.pool.fetch_one(
            "select exists (select 1 from delivery where mail = $1 and status = 'accepted')",
            &[&signed(mail)?]
        ))?)
    }

    async fn waiting_recipients(&self, most: u32) -> Result<Vec<(String, String)>, StorageError> {
        Ok(read!(self.pool.fetch_all(
            "select address, words from delivery where wake_at is not null and status = 'retrying'
             order by wake_at limit $1",
            &[&i64::from(most)]
        ))?)
    }

    async fn record_delivery(
        &self,
        task: &DeliveryTask,
        result: &DeliveryResult,
        now: Instant,
    ) -> Result<(), LeaseError> {
        if settled!(self.try_record_delivery(task, result, now))? {
            Ok(())
        } else {
            Err(LeaseError::Lost)
        }
    }

    async fn mail(&self, id: u64) -> Result<Option<OutboxMail>, StorageError> {
        let Ok(id) = i64::try_from(id) else {
            return Ok(None);
        };
        let found = read!(
            self.pool.fetch_optional::<Found>(
                "select m.id, m.run, m.schedule, m.due, m.kind, m.message_id, m.sender, m.sender_name, m.reply_to, m.subject, m.body,
                   m.attach_file, m.created, m.organizer, m.event, r.file_name, r.file_type, r.rows, r.bytes, r.file_events,
                   m.attach_file and coalesce(r.file_kept, false) as has_file, d.roles, d.addresses
                 from mail m left join run r on r.id = m.run
                 cross join lateral (
                   select coalesce(array_agg(role order by position), '{}') as roles,
                     coalesce(array_agg(address order by position), '{}') as addresses
                   from delivery where mail = m.id) d
                 where m.id = $1 and m.body is not null",
                &[&id],
            )
        )?;
        let Some(found) = found else {
            return Ok(None);
        };
        let (mut to, mut cc, mut bcc) = (Vec::new(), Vec::new(), Vec::new());
        let roles: Vec<String> = found.try_get("roles")?;
        for (role, address) in roles.iter().zip(found.try_get::<Vec<String>>("addresses")?) {
            match role.as_str() {
                "to" => to.push(address),
                "cc" => cc.push(address),
                _ => bcc.push(address),
            }
        }
        let file = if found.try_get("has_file")? {
            Some(file_facts(&found)?)
        } else {
            None
        };
        Ok(Some(OutboxMail {
            id: unsigned(id)?,
            run: found.try_get::<Option<i64>>("run")?.map(unsigned).transpose()?,
            schedule: unsigned(found.try_get("schedule")?)?,
            scope: scope(&found)?,
            due: found.try_get("due")?,
            created: found.try_get("created")?,
            mail: NewMail {
                kind: mail_kind(found.try_get("kind")?)?,
                message_id: found.try_get("message_id")?,
                from: found.try_get("sender")?,
                from_name: found.try_get("sender_name")?,
                reply_to: found.try_get("reply_to")?,
                to,
                cc,
                bcc,
                subject: found.try_get("subject")?,
                text: found.try_get("body")?,
                attach_file: found.try_get("attach_file")?,
            },
            file,
        }))
    }

    async fn standing(&self, mails: &[u64]) -> Result<Vec<(u64, MailStanding)>, StorageError> {
        let mails = mails.iter().map(|id| signed(*id)).collect::<Result<Vec<_>, _>>()?;
        let found = read!(self.pool.fetch_all::<Found>(STANDING, &[&mails]))?;
        let standing = found.iter().map(|found| {
            // About a run whose schedule is still there.
            let is_export =
                found.try_get::<Option<i64>>("run")?.is_some() && found.try_get::<Option<&str>>("owner")?.is_some();
            let export = is_export.then(|| outgoing(found)).transpose()?;
            let standing = standing(found.try_get("kind")?, found.try_get("called_off")?, export);
            Ok((count(found, "id")?, standing))
        });
        Ok(standing.collect::<client::Result<_>>()?)
    }

    async fn export(&self, run: u64) -> Result<Option<OutgoingExport>, StorageError> {
        let found = read!(self.pool.fetch_optional::<Found>(
            "select r.id as run, r.organizer, r.event, r.file_events, s.owner, s.exporter
             from run r join schedule s on s.id = r.schedule where r.id = $1",
            &[&signed(run)?]
        ))?;
        Ok(found.as_ref().map(outgoing).transpose()?)
    }

    async fn call_off(&self, run: u64, words: &str, now: Instant) -> Result<(), StorageError> {
        Ok(settled!(self.try_call_off(signed(run)?, words, now))?)
    }
}

impl PostgresStorage {
    async fn try_call_off(&self, run: i64, words: &str, now: Instant) -> client::Result<()> {
        let transaction = self.begin().await?;
        let mut said = Entries::default();
        call_off(&transaction, Which::Run(run), words, now, &mut said).await?;
        said.commit(transaction, now).await
    }

    async fn try_record_delivery(
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
