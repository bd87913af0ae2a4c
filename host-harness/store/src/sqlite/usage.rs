//! What callers and organizers have used, counted in the transaction of what uses it.

use rusqlite::{Connection, params};

use super::columns::signed;
use super::statement::{all, execute, optional};
use crate::clock::Instant;
use crate::usage::{AskedOf, DAY, Exceeded, HOUR, MINUTE, MailUser, RunsAsked};
use crate::work::MailsUsed;
use crate::{Commit, CommitError, Finish, RequestedRun, StorageError, addresses};

/// Counts a change of ?1, a caller, in minute ?2 and day ?4, with ?5 bytes, if that is within ?6 changes and ?7 bytes.
const COUNT_WRITE: &str = "insert into caller_usage (caller, minute, writes, day, bytes) values (?1, ?2, ?3, ?4, ?5)
     on conflict (caller) do update set minute = excluded.minute, day = excluded.day,
       writes = excluded.writes + case when minute = excluded.minute then writes else 0 end,
       bytes = excluded.bytes + case when day = excluded.day then bytes else 0 end
     where (minute <> excluded.minute or writes < ?6)
       and (excluded.bytes = 0 or day <> excluded.day or bytes + excluded.bytes <= ?7)";

/// Counts the changes of a commit for its caller, or says which limit they would pass.
pub(super) fn count_writes(on: &Connection, commit: &Commit) -> Result<(), CommitError> {
    let Some(limits) = commit.limits.as_ref().filter(|_| !commit.changes.is_empty()) else {
        return Ok(());
    };
    let (minute, day) = (commit.now.div_euclid(MINUTE), commit.now.div_euclid(DAY));
    let (writes, bytes) = (limits.most_writes(), limits.most_bytes());
    let taken = signed(commit.bytes())?;
    let counted = execute(
        on,
        COUNT_WRITE,
        params![&commit.actor, minute, 1, day, taken, writes, bytes],
    )?;
    if counted == 1 {
        return Ok(());
    }
    let used = optional(
        on,
        "select writes from caller_usage where caller = ?1 and minute = ?2",
        params![&commit.actor, minute],
        |found| Ok(found.get::<_, i64>(0)?),
    )?;
    Err(Exceeded::by_writes(limits, used.unwrap_or_default(), commit.now).into())
}

/// Due times of runs since ?1 that an owner asked for by changes and whose schedules are gone, of `$organizer` and `$owner`.
macro_rules! spent {
    ($organizer:literal, $owner:literal) => {
        concat!(
            "select r.due from run r where r.organizer = ",
            $organizer,
            " and r.asked_by = ",
            $owner,
            " and r.due > ?1 and not exists (select 1 from schedule s where s.id = r.schedule)"
        )
    };
}

/// Refuses to put a schedule in that would run within a day, where so many of its owner's did that are deleted.
pub(super) fn may_create(
    on: &Connection,
    commit: &Commit,
    owner: &str,
    next_run: Option<Instant>,
) -> Result<(), CommitError> {
    const SPENT: &str = concat!(spent!("?3", "?4"), " order by r.due desc limit 1 offset ?2");
    let Some((most, since, passed)) = soon(commit, next_run) else {
        return Ok(());
    };
    let organizer = &commit.by.scope.organizer;
    let first = optional(on, SPENT, params![since, passed, organizer, owner], |found| {
        Ok(found.get::<_, Instant>(0)?)
    })?;
    refused(commit, most, first)
}

/// Refuses to move a schedule that ran often enough within a day, with those of its owner that are deleted, to yet another time within
/// the next one.
pub(super) fn may_move(
    on: &Connection,
    commit: &Commit,
    id: i64,
    next_run: Option<Instant>,
) -> Result<(), CommitError> {
    const RAN: &str = concat!(
        "with moved as (select id, organizer, owner from schedule where id = ?3 and next_run is not ?4)
         select due from (
           select r.due from moved join run r on r.schedule = moved.id where r.due > ?1 and r.started is not null
           union all ",
        spent!("(select organizer from moved)", "(select owner from moved)"),
        ") order by due desc limit 1 offset ?2"
    );
    let Some((most, since, passed)) = soon(commit, next_run) else {
        return Ok(());
    };
    let first = optional(on, RAN, params![since, passed, id, next_run], |found| {
        Ok(found.get::<_, Instant>(0)?)
    })?;
    refused(commit, most, first)
}

/// What has been asked for of a schedule or, without one, by a user, and of their organizer.
pub(super) fn runs_asked(on: &Connection, of: AskedOf<'_>, now: Instant) -> Result<RunsAsked, StorageError> {
    let parent = of.schedule.map(signed).transpose()?.unwrap_or_default();
    let under_way = optional(
        on,
        "select s.retry_at from schedule s join run r on r.id = s.open_run
         where s.parent = ?1 and (?1 > 0 or r.organizer = ?2 and r.requested_by is ?3) limit 1",
        params![parent, of.organizer, of.by],
        |found| Ok(found.get(0)?),
    )?;
    let this_hour = all(
        on,
        "select requested_at, parent = ?1 and (?1 > 0 or requested_by is ?3) from run
         where organizer = ?2 and requested_at > ?4 order by requested_at desc",
        params![parent, of.organizer, of.by, now.saturating_sub(HOUR)],
        |found| Ok((found.get(0)?, found.get(1)?)),
    )?;
    Ok(RunsAsked { under_way, this_hour })
}

/// Refuses to put a run in that is asked for, where that passes a limit.
pub(super) fn may_request(on: &Connection, commit: &Commit, run: &RequestedRun) -> Result<(), CommitError> {
    let asked = runs_asked(on, run.asked_of(&commit.by.scope.organizer), commit.now)?;
    let limits = commit.limits.clone().unwrap_or_default();
    asked
        .refuses(&limits, commit.now)
        .map_or(Ok(()), |exceeded| Err(exceeded.into()))
}

/// For a next run within a day: how many runs there may be, since when, and how many of them are passed over to find one too many.
fn soon(commit: &Commit, next_run: Option<Instant>) -> Option<(u32, Instant, u32)> {
    let most = commit.limits.as_ref()?.moved_runs_per_day?;
    let is_soon = next_run? <= commit.now.saturating_add(DAY);
    is_soon.then(|| (most, commit.now.saturating_sub(DAY), most.saturating_sub(1)))
}

fn refused(commit: &Commit, most: u32, first: Option<Instant>) -> Result<(), CommitError> {
    match first {
        Some(first) => Err(Exceeded::by_runs(most, first, commit.now).into()),
        None => Ok(()),
    }
}

/// Counts the mail of a run for its organizer and its owner. Answers what is to be written: what was given, or less where a limit is reached.
pub(super) fn count_mail(
    on: &Connection,
    (organizer, owner): (&str, Option<&str>),
    finish: &Finish,
) -> Result<Option<(MailUser, Finish)>, StorageError> {
    if finish.mail.is_none() || finish.mail_limits.is_none() {
        return Ok(None);
    }
    let day = finish.now.div_euclid(DAY);
    let pair = |found: &rusqlite::Row<'_>| Ok((found.get(0)?, found.get(1)?));
    let of_organizer = optional(
        on,
        "select mails, recipients from organizer_usage where organizer = ?1 and day = ?2",
        params![organizer, day],
        pair,
    )?;
    let of_owner = optional(
        on,
        "select mails, recipients from owner_usage where organizer = ?1 and owner = ?2 and day = ?3",
        params![organizer, owner, day],
        pair,
    )?;
    let instead = finish.within_limits(MailsUsed {
        organizer: of_organizer.unwrap_or_default(),
        owner: of_owner.unwrap_or_default(),
    });
    if let Some(mail) = &instead.as_ref().map_or(finish, |(_, instead)| instead).mail {
        execute(
            on,
            "insert into organizer_usage (organizer, day, mails, recipients) values (?1, ?2, 1, ?3)
             on conflict (organizer) do update set day = excluded.day,
               mails = excluded.mails + case when day = excluded.day then mails else 0 end,
               recipients = excluded.recipients + case when day = excluded.day then recipients else 0 end",
            params![organizer, day, addresses(mail)],
        )?;
        // A schedule that is gone has no owner.
        execute(
            on,
            "insert into owner_usage (organizer, owner, day, mails, recipients)
             select ?1, ?2, ?3, 1, ?4 where ?2 is not null
             on conflict (organizer, owner) do update set day = excluded.day,
               mails = excluded.mails + case when day = excluded.day then mails else 0 end,
               recipients = excluded.recipients + case when day = excluded.day then recipients else 0 end",
            params![organizer, owner, day, addresses(mail)],
        )?;
    }
    Ok(instead)
}
