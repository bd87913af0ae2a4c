//! What callers and organizers have used, counted in the transaction of what uses it.

use rusqlite::{Connection, params};

use super::columns::signed;
use super::statement::{execute, optional};
use crate::clock::Instant;
use crate::storage::{Commit, CommitError, Finish, StorageError, addresses};
use crate::usage::{DAY, Exceeded, MINUTE};

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

/// Refuses to move a schedule that ran often enough within a day to yet another time within the next one.
pub(super) fn may_move(
    on: &Connection,
    commit: &Commit,
    id: i64,
    next_run: Option<Instant>,
) -> Result<(), CommitError> {
    let most = commit.limits.as_ref().and_then(|limits| limits.moved_runs_per_day);
    let (Some(most), Some(next_run)) = (most, next_run) else {
        return Ok(());
    };
    if next_run > commit.now.saturating_add(DAY) {
        return Ok(());
    }
    let first = optional(
        on,
        "select r.due from schedule s join run r on r.schedule = s.id
         where s.id = ?1 and s.next_run is not ?2 and r.due > ?3 and r.started is not null
         order by r.due desc limit 1 offset ?4",
        params![id, next_run, commit.now.saturating_sub(DAY), most.saturating_sub(1)],
        |found| Ok(found.get::<_, Instant>(0)?),
    )?;
    match first {
        Some(first) => Err(Exceeded::by_runs(most, first, commit.now).into()),
        None => Ok(()),
    }
}

/// Counts the mail of a run for its organizer. Answers what is to be written: what was given, or less where a limit is reached.
pub(super) fn count_mail(on: &Connection, organizer: &str, finish: &Finish) -> Result<Option<Finish>, StorageError> {
    if finish.mail.is_none() || finish.mail_limits.is_none() {
        return Ok(None);
    }
    let day = finish.now.div_euclid(DAY);
    let used = optional(
        on,
        "select mails, recipients from organizer_usage where organizer = ?1 and day = ?2",
        params![organizer, day],
        |found| Ok((found.get(0)?, found.get(1)?)),
    )?;
    let instead = finish.within_limits(used.unwrap_or_default());
    if let Some(mail) = &instead.as_ref().unwrap_or(finish).mail {
        execute(
            on,
            "insert into organizer_usage (organizer, day, mails, recipients) values (?1, ?2, 1, ?3)
             on conflict (organizer) do update set day = excluded.day,
               mails = excluded.mails + case when day = excluded.day then mails else 0 end,
               recipients = excluded.recipients + case when day = excluded.day then recipients else 0 end",
            params![organizer, day, addresses(mail)],
        )?;
    }
    Ok(instead)
}
