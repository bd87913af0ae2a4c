//! How a run's lease is used up: submitted, ended or postponed, in one transaction.

use rusqlite::{Connection, params};

use super::columns::{State, scope, signed};
use super::statement::{execute, optional};
use super::{audit, files, leases, outbox, runs, usage};
use crate::contract::Outcome;
use crate::state::RunState;
use crate::{Finish, Lease, LeaseError, Work, Written};

/// Uses up a lease, of either kind.
pub(super) fn finish(on: &Connection, lease: &Lease, run: u64, finish: &Finish) -> Result<Written, LeaseError> {
    match (lease.work, &finish.outcome) {
        _ if lease.run.is_some_and(|leased| leased != run) => Err(LeaseError::Lost),
        (Work::Execute, Outcome::Delivered) => Err(LeaseError::Lost),
        (Work::Execute, _) => executed(on, lease, run, finish),
        (Work::Settle, Outcome::Delivered | Outcome::Failed(_)) => settled(on, lease, run, finish),
        (Work::Settle, _) => Err(LeaseError::Lost),
    }
}

/// The schedule's fence is unchanged, so no person has changed it since the lease: counter and state are written. What
/// a person has paused stays so; a pause that has run out is none.
fn executed(on: &Connection, lease: &Lease, run: u64, finish: &Finish) -> Result<Written, LeaseError> {
    let (schedule, run) = (signed(lease.schedule)?, signed(run)?);
    let with_file = finish.mail.as_ref().is_some_and(|mail| mail.attach_file);
    let held = optional(
        on,
        "select s.organizer, s.event, s.owner, s.attempt, s.active, r.due, r.history_of
         from schedule s join run r on r.id = s.open_run
         where s.id = ?1 and s.fence = ?2 and s.lease_until is not null and s.open_run = ?3 and (r.file_kept = 1 or not ?4)",
        params![schedule, signed(lease.fence)?, run, with_file],
        |held| {
            let owner: String = held.get("owner")?;
            let counts: (i64, bool) = (held.get("attempt")?, held.get("active")?);
            Ok((scope(held)?, owner, held.get("due")?, counts, held.get("history_of")?))
        },
    )?;
    let (scope, owner, due, (attempts, active), told_of) = held.ok_or(LeaseError::Lost)?;
    let instead = usage::count_mail(on, (&scope.organizer, Some(&owner)), finish)?;
    let finish = instead.as_ref().map_or(finish, |(_, instead)| instead);
    let state = State::of(&finish.outcome)?;
    runs::write_state(on, run, (RunState::Open, Some(attempts)), &state, finish.now)?;
    let again = match finish.outcome {
        Outcome::Retry(at) => Some(at),
        _ => None,
    };
    execute(
        on,
        "update schedule set lease_until = null, retry_at = ?2, error_counter = ?3,
           open_run = case when ?2 is null then null else open_run end,
           attempt = case when ?2 is null then 0 else attempt end
         where id = ?1",
        params![schedule, again, finish.error_counter],
    )?;
    if active && !finish.active {
        // Only if it changes: it is in two indexes. What a person has paused is not stopped.
        execute(
            on,
            "update schedule set active = 0, paused_until = null where id = ?1 and coalesce(paused_until, 0) <= ?2",
            params![schedule, finish.now],
        )?;
    }
    if let Some(mail) = &finish.mail {
        outbox::insert(on, Some(run), (&scope, schedule), due, mail, finish.now)?;
    }
    if finish.outcome == Outcome::Submitted {
        outbox::settle_if_final(on, run, finish.now)?;
    } else {
        files::drop_unneeded(on, run)?;
    }
    audit::write_run(on, finish.now, &scope, told_of, due, &finish.outcome)?;
    Ok(Written::of(instead.as_ref()))
}

fn settled(on: &Connection, lease: &Lease, run: u64, finish: &Finish) -> Result<Written, LeaseError> {
    let (schedule, run) = (signed(lease.schedule)?, signed(run)?);
    let held = optional(
        on,
        "select organizer, event, due, history_of, settle_version, (select owner from schedule s where s.id = run.schedule) as owner from run
         where id = ?1 and schedule = ?2 and settle_fence = ?3 and settle_version is not null and state = 'submitted'",
        params![run, schedule, signed(lease.fence)?],
        |held| {
            let owner: Option<String> = held.get("owner")?;
            let version: i64 = held.get("settle_version")?;
            Ok((scope(held)?, owner, held.get("due")?, version, held.get("history_of")?))
        },
    )?;
    let (scope, owner, due, version, told_of) = held.ok_or(LeaseError::Lost)?;
    let instead = usage::count_mail(on, (&scope.organizer, owner.as_deref()), finish)?;
    let finish = instead.as_ref().map_or(finish, |(_, instead)| instead);
    let state = State::of(&finish.outcome)?;
    runs::write_state(on, run, (RunState::Submitted, None), &state, finish.now)?;
    leases::hold(on, schedule, None)?;
    // A person who changed the schedule meanwhile has reset the counter, and that stands.
    execute(
        on,
        "update schedule set error_counter = ?3, active = active and (?4 or coalesce(paused_until > ?5, 0)),
           paused_until = case when ?4 or paused_until > ?5 then paused_until end
         where id = ?1 and version = ?2",
        params![schedule, version, finish.error_counter, finish.active, finish.now],
    )?;
    if let Some(mail) = &finish.mail {
        outbox::insert(on, Some(run), (&scope, schedule), due, mail, finish.now)?;
    }
    files::drop_unneeded(on, run)?;
    audit::write_run(on, finish.now, &scope, told_of, due, &finish.outcome)?;
    Ok(Written::of(instead.as_ref()))
}
