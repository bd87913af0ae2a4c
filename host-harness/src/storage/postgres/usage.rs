//! What callers and organizers have used, counted in the transaction of what uses it: where it can be, in its statement.

use sqlx::{PgConnection, Row as _};

use super::columns::text;
use crate::clock::Instant;
use crate::storage::values::signed;
use crate::storage::{Commit, Finish, addresses};
use crate::usage::{DAY, Exceeded, MINUTE, WriteLimits};

/// Two steps of a statement: `used` counts a change of caller `$caller` at `$now`, where `$given` has a row and the change is within
/// `$limits`, which are those of [`limits_of`]; `allowed` then has a row. With no limits it is not counted.
macro_rules! count_write {
    ($caller:literal, $now:literal, $limits:literal, $given:literal) => {
        concat!(
            "used as (
               insert into caller_usage as u (caller, minute, writes, day, bytes)
               select ",
            $caller,
            ", ",
            $now,
            "::bigint / 60, 1, ",
            $now,
            "::bigint / 86400, (",
            $limits,
            "::bigint[])[1]
               from ",
            $given,
            " where ",
            $limits,
            "::bigint[] is not null
               on conflict (caller) do update set minute = excluded.minute, day = excluded.day,
                 writes = excluded.writes + case when u.minute = excluded.minute then u.writes else 0 end,
                 bytes = excluded.bytes + case when u.day = excluded.day then u.bytes else 0 end
               where (u.minute <> excluded.minute or u.writes < (",
            $limits,
            "::bigint[])[2])
                 and (excluded.bytes = 0 or u.day <> excluded.day or u.bytes + excluded.bytes <= (",
            $limits,
            "::bigint[])[3])
               returning 1 as one),
             allowed as (
               select one from used union all select 1 from ",
            $given,
            " where ",
            $limits,
            "::bigint[] is null)"
        )
    };
}
pub(super) use count_write;

/// Whether a schedule that would run at $4, now at $9, has run so often within a day that it is not moved to that time.
macro_rules! movable {
    ($limits:literal) => {
        concat!(
            "(",
            $limits,
            "::bigint[] is null or $4::bigint is null or $4::bigint > $9::bigint + 86400
               or next_run is not distinct from $4::bigint
               or not exists (
                 select from run r where r.schedule = $1 and r.due > $9::bigint - 86400 and r.started is not null
                 order by r.due desc offset (",
            $limits,
            "::bigint[])[4] - 1 limit 1))"
        )
    };
}
pub(super) use movable;

/// Parameter of [`count_write`]: the bytes of this commit, then the limits on changes, bytes and runs.
pub(super) fn limits_of(commit: &Commit) -> sqlx::Result<Option<Vec<i64>>> {
    let Some(limits) = &commit.limits else {
        return Ok(None);
    };
    Ok(Some(vec![
        signed(commit.bytes())?,
        limits.most_writes(),
        limits.most_bytes(),
        limits.moved_runs_per_day.map_or(i64::MAX, i64::from),
    ]))
}

/// Counts the changes of a commit for its caller, or says which limit they would pass.
pub(super) async fn count_writes(on: &mut PgConnection, commit: &Commit) -> sqlx::Result<Result<(), Exceeded>> {
    const COUNT: &str = concat!(
        "with given as (select 1 as one), ",
        count_write!("$1::text", "$2", "$3", "given"),
        " select count(*) from allowed"
    );
    let Some(limits) = commit.limits.as_ref().filter(|_| !commit.changes.is_empty()) else {
        return Ok(Ok(()));
    };
    let counted: i64 = sqlx::query_scalar(COUNT)
        .bind(text(&commit.actor))
        .bind(commit.now)
        .bind(limits_of(commit)?)
        .fetch_one(&mut *on)
        .await?;
    if counted == 1 {
        return Ok(Ok(()));
    }
    refused(on, commit, limits).await.map(Err)
}

async fn refused(on: &mut PgConnection, commit: &Commit, limits: &WriteLimits) -> sqlx::Result<Exceeded> {
    let used: Option<i64> = sqlx::query_scalar("select writes from caller_usage where caller = $1 and minute = $2")
        .bind(text(&commit.actor))
        .bind(commit.now.div_euclid(MINUTE))
        .fetch_optional(on)
        .await?;
    Ok(Exceeded::by_writes(limits, used.unwrap_or_default(), commit.now))
}

/// Refuses to move a schedule that ran often enough within a day to yet another time within the next one.
pub(super) async fn may_move(
    on: &mut PgConnection,
    commit: &Commit,
    id: i64,
    next_run: Option<Instant>,
) -> sqlx::Result<Result<(), Exceeded>> {
    let most = commit.limits.as_ref().and_then(|limits| limits.moved_runs_per_day);
    let (Some(most), Some(next_run)) = (most, next_run) else {
        return Ok(Ok(()));
    };
    if next_run > commit.now.saturating_add(DAY) {
        return Ok(Ok(()));
    }
    let first: Option<Instant> = sqlx::query_scalar(
        "select r.due from schedule s join run r on r.schedule = s.id
         where s.id = $1 and s.next_run is distinct from $2 and r.due > $3 and r.started is not null
         order by r.due desc limit 1 offset $4",
    )
    .bind(id)
    .bind(next_run)
    .bind(commit.now.saturating_sub(DAY))
    .bind(i64::from(most.saturating_sub(1)))
    .fetch_optional(on)
    .await?;
    Ok(match first {
        Some(first) => Err(Exceeded::by_runs(most, first, commit.now)),
        None => Ok(()),
    })
}

/// Counts the mail of a run for its organizer. Answers what is to be written: what was given, or less where a limit is reached. Runs
/// that end at the same moment can pass it together.
pub(super) async fn count_mail(
    on: &mut PgConnection,
    (organizer, schedule): (&str, i64),
    finish: &Finish,
) -> sqlx::Result<Option<Finish>> {
    if finish.mail.is_none() || finish.mail_limits.is_none() {
        return Ok(None);
    }
    let day = finish.now.div_euclid(DAY);
    let used = sqlx::query(
        "select coalesce(sum(mails), 0)::bigint as mails, coalesce(sum(recipients), 0)::bigint as recipients
         from organizer_usage where organizer = $1 and day = $2",
    )
    .bind(text(organizer))
    .bind(day)
    .fetch_one(&mut *on)
    .await?;
    let instead = finish.within_limits((used.try_get("mails")?, used.try_get("recipients")?));
    if let Some(mail) = &instead.as_ref().unwrap_or(finish).mail {
        sqlx::query(
            "insert into organizer_usage as u (organizer, part, day, mails, recipients) values ($1, $2 % 16, $3, 1, $4)
             on conflict (organizer, part) do update set day = excluded.day,
               mails = excluded.mails + case when u.day = excluded.day then u.mails else 0 end,
               recipients = excluded.recipients + case when u.day = excluded.day then u.recipients else 0 end",
        )
        .bind(text(organizer))
        .bind(schedule)
        .bind(day)
        .bind(addresses(mail))
        .execute(on)
        .await?;
    }
    Ok(instead)
}
