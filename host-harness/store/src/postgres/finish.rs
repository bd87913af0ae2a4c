//! How a run's lease is used up: submitted, ended or postponed, in one transaction.

use super::audit::Entries;
use super::client::{self, Found};
use super::columns::{scope, text};
use super::{PostgresStorage, files, outbox, read, usage};
use crate::clock::Instant;
use crate::contract::Outcome;
use crate::state::{RunState, step};
use crate::values::{State, addressed, how, signed};
use crate::{Finish, Lease, MailKind, Written};

/// What nearly every run comes to: its mail is in the outbox. Parameters are $1 schedule, $2 fence, $3 run, $4 when, $5 when it can
/// be settled, $6 and $7 counter and `active`, $8 how it ended in words, and the mail's: $9 kind, $10 Message-ID, $11 sender, $12
/// subject, $13 text, $14 whether with the file, $15 and $16 its recipients' roles and addresses, $17 and $18 how many mails and
/// recipients its organizer has a day, $19 the sender's name, $20 whom answers go to, $21 and $22 how many its owner has. Answers how many have ended: none where the
/// lease does not hold, where the file is gone, where a limit is reached, or where the due time is none that both sides would write alike.
pub(super) const SUBMIT: &str = "with found as (
       select s.id, s.organizer, s.event, s.owner, s.attempt, r.due, r.history_of
       from schedule s join run r on r.id = s.open_run
       where s.id = $1 and s.fence = $2 and s.lease_until is not null and s.open_run = $3 and (r.file_kept or not $14)
         and r.due between 0 and 253402300799
       for no key update of s),
     held as (
       select found.* from found
       where $17::bigint is null or (
         select coalesce(sum(u.mails), 0) < $17::bigint and coalesce(sum(u.recipients), 0) + cardinality($16::text[]) <= $18::bigint
           from organizer_usage u where u.organizer = found.organizer and u.day = $4::bigint / 86400)
         and (
           select coalesce(sum(u.mails), 0) < $21::bigint and coalesce(sum(u.recipients), 0) + cardinality($16::text[]) <= $22::bigint
           from owner_usage u
           where u.organizer = found.organizer and u.owner = found.owner and u.day = $4::bigint / 86400)),
     counted as (
       insert into organizer_usage as u (organizer, part, day, mails, recipients)
       select organizer, id % 16, $4::bigint / 86400, 1, cardinality($16::text[]) from held where $17::bigint is not null
       on conflict (organizer, part) do update set day = excluded.day,
         mails = excluded.mails + case when u.day = excluded.day then u.mails else 0 end,
         recipients = excluded.recipients + case when u.day = excluded.day then u.recipients else 0 end),
     owned as (
       insert into owner_usage as u (organizer, owner, part, day, mails, recipients)
       select organizer, owner, id % 16, $4::bigint / 86400, 1, cardinality($16::text[]) from held where $17::bigint is not null
       on conflict (organizer, owner, part) do update set day = excluded.day,
         mails = excluded.mails + case when u.day = excluded.day then u.mails else 0 end,
         recipients = excluded.recipients + case when u.day = excluded.day then u.recipients else 0 end),
     ended as (
       update run set state = 'submitted', settle_wake = $5, settle_version = null, attempts = (select attempt from held)
       where id = $3 and exists (select from held)),
     freed as (
       update schedule set lease_until = null, retry_at = null, error_counter = $6, active = active and ($7 or coalesce(paused_until > $4, false)),
         paused_until = case when $7 or paused_until > $4 then paused_until end, open_run = null, attempt = 0
       where id = (select id from held)),
     said as (
       insert into audit (at, organizer, event, schedule, actor, action, detail)
       select $4, organizer, event, history_of, 'host', 'run',
         'due ' || to_char(to_timestamp(due) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') || ': ' || $8
       from held),
     kept as (
       insert into mail (run, schedule, due, kind, message_id, sender, subject, body, attach_file, created, organizer, event,
         sender_name, reply_to)
       select $3, id, due, $9, $10, $11, $12, $13, $14, $4, organizer, event, $19, $20 from held
       on conflict do nothing returning id, organizer),
     queued as (
       insert into delivery (mail, organizer, position, role, address, status, next_try)
       select kept.id, kept.organizer, recipient.nth - 1, recipient.role, recipient.address, 'queued', $4
       from kept cross join unnest($15::text[], $16::text[]) with ordinality as recipient (role, address, nth))
     select count(*) from held";

/// When a run that ends so can be settled: nobody is left to wait for where the export goes to nobody.
fn settle_wake(finish: &Finish) -> Option<Instant> {
    let export = finish.mail.as_ref().filter(|mail| mail.kind == MailKind::Export);
    let reaches_nobody = export.is_none_or(|export| addressed(export).is_empty());
    (finish.outcome == Outcome::Submitted && reaches_nobody).then_some(finish.now)
}

impl PostgresStorage {
    /// In one statement, and so one way to the server and back. False: it is something else, or nothing was written, and
    /// [`PostgresStorage::finish_executed`] says why.
    pub(super) async fn submit_at_once(&self, lease: &Lease, run: u64, finish: &Finish) -> client::Result<bool> {
        let (Outcome::Submitted, Some(mail)) = (&finish.outcome, &finish.mail) else {
            return Ok(false);
        };
        step(Some(RunState::Open), RunState::Submitted)?;
        let (roles, addresses) = outbox::recipients(mail);
        let limits = finish.mail_limits.as_ref();
        let ended: i64 = read!(self.pool.fetch_one(
            SUBMIT,
            &[
                &signed(lease.schedule)?,
                &signed(lease.fence)?,
                &signed(run)?,
                &finish.now,
                &settle_wake(finish),
                &i64::from(finish.error_counter),
                &finish.active,
                &how(&finish.outcome),
                &mail.kind.as_str(),
                &text(&mail.message_id),
                &text(&mail.from),
                &text(&mail.subject),
                &text(&mail.text),
                &mail.attach_file,
                &roles,
                &addresses,
                &limits.map(|limits| limits.organizer.mails.map_or(i64::MAX, i64::from)),
                &limits.map(|limits| limits.organizer.recipients.map_or(i64::MAX, i64::from)),
                &mail.from_name.as_deref().map(text),
                &mail.reply_to.as_deref().map(text),
                &limits.map(|limits| limits.owner.mails.map_or(i64::MAX, i64::from)),
                &limits.map(|limits| limits.owner.recipients.map_or(i64::MAX, i64::from)),
            ],
        ))?;
        Ok(ended == 1)
    }

    /// The schedule's fence is unchanged, so no person has changed it since the lease: counter and state are written. What
    /// a person has paused stays so; a pause that has run out is none.
    pub(super) async fn finish_executed(
        &self,
        lease: &Lease,
        run: u64,
        finish: &Finish,
    ) -> client::Result<Option<Written>> {
        let (schedule, run) = (signed(lease.schedule)?, signed(run)?);
        let (transaction, held) = self
            .begin_reading::<Found>(
                "select s.organizer, s.event, s.owner, r.due, r.file_kept, r.history_of from schedule s join run r on r.id = s.open_run
                 where s.id = $1 and s.fence = $2 and s.lease_until is not null and s.open_run = $3 for no key update of s",
                &[&schedule, &signed(lease.fence)?, &run],
            )
            .await?;
        let Some(held) = held.first() else {
            return Ok(None);
        };
        // A server that has died can have lost it: [`files::KEEP`].
        if finish.mail.as_ref().is_some_and(|mail| mail.attach_file) && !held.try_get::<bool>("file_kept")? {
            return Ok(None);
        }
        let (scope, due) = (scope(held)?, held.try_get("due")?);
        let whose = (&*scope.organizer, Some(held.try_get("owner")?), schedule);
        let instead = usage::count_mail(&transaction, whose, finish).await?;
        let finish = instead.as_ref().map_or(finish, |(_, instead)| instead);
        let state = State::of(&finish.outcome)?;
        step(Some(RunState::Open), state.state)?;
        let again = match finish.outcome {
            Outcome::Retry(at) => Some(at),
            _ => None,
        };
        transaction
            .execute(
                "with ended as (
                   update run r set state = $3, code = $4, words = $5, missed_first = $6, missed_count = $7, ended = $8, missed_reason = $13,
                     settle_wake = $9, settle_version = null, attempts = s.attempt
                   from schedule s where s.id = $1 and r.id = $2)
                 update schedule set lease_until = null, retry_at = $10, error_counter = $11,
                   active = active and ($12 or coalesce(paused_until > $14, false)),
                   paused_until = case when $12 or paused_until > $14 then paused_until end,
                   open_run = case when $10 is null then null else open_run end,
                   attempt = case when $10 is null then 0 else attempt end
                 where id = $1",
                &[
                    &schedule,
                    &run,
                    &state.state.as_str(),
                    &state.code.map(text),
                    &state.words.map(text),
                    &state.missed_first,
                    &state.missed_count,
                    &state.state.terminal().then_some(finish.now),
                    &settle_wake(finish),
                    &again,
                    &i64::from(finish.error_counter),
                    &finish.active,
                    &state.missed_reason,
                    &finish.now,
                ],
            )
            .await?;
        if let Some(mail) = &finish.mail {
            outbox::insert(&transaction, Some(run), (&scope, schedule), due, mail, finish.now).await?;
        }
        if state.state.terminal() && held.try_get("file_kept")? {
            files::drop_unneeded(&transaction, &[run]).await?;
        }
        let mut said = Entries::default();
        said.add_run(&scope, held.try_get("history_of")?, due, &finish.outcome);
        said.commit(transaction, finish.now).await?;
        Ok(Some(Written::of(instead.as_ref())))
    }

    pub(super) async fn finish_settled(
        &self,
        lease: &Lease,
        run: u64,
        finish: &Finish,
    ) -> client::Result<Option<Written>> {
        let (schedule, run) = (signed(lease.schedule)?, signed(run)?);
        let lock = "select owner from schedule where id = $1 for no key update";
        let (transaction, owner) = self.begin_reading::<String>(lock, &[&schedule]).await?;
        let held = transaction
            .fetch_optional::<Found>(
                "select organizer, event, due, history_of, settle_version, file_kept from run
                 where id = $1 and schedule = $2 and settle_fence = $3 and settle_version is not null and state = 'submitted'
                 for no key update",
                &[&run, &schedule, &signed(lease.fence)?],
            )
            .await?;
        let Some(held) = held else {
            return Ok(None);
        };
        let (scope, due) = (scope(&held)?, held.try_get("due")?);
        let whose = (&*scope.organizer, owner.first().map(String::as_str), schedule);
        let instead = usage::count_mail(&transaction, whose, finish).await?;
        let finish = instead.as_ref().map_or(finish, |(_, instead)| instead);
        let state = State::of(&finish.outcome)?;
        super::runs::write_state(&transaction, run, RunState::Submitted, &state, finish.now).await?;
        // A person who changed the schedule meanwhile has reset the counter, and that stands.
        transaction
            .execute(
                "update schedule set settling_until = null,
                   error_counter = case when version = $2 then $3 else error_counter end,
                   active = active and (version <> $2 or $4 or coalesce(paused_until > $5, false)),
                   paused_until = case when version <> $2 or $4 or paused_until > $5 then paused_until end
                 where id = $1",
                &[
                    &schedule,
                    &held.try_get::<i64>("settle_version")?,
                    &i64::from(finish.error_counter),
                    &finish.active,
                    &finish.now,
                ],
            )
            .await?;
        if let Some(mail) = &finish.mail {
            outbox::insert(&transaction, Some(run), (&scope, schedule), due, mail, finish.now).await?;
        }
        if held.try_get("file_kept")? {
            files::drop_unneeded(&transaction, &[run]).await?;
        }
        let mut said = Entries::default();
        said.add_run(&scope, held.try_get("history_of")?, due, &finish.outcome);
        said.commit(transaction, finish.now).await?;
        Ok(Some(Written::of(instead.as_ref())))
    }
}
