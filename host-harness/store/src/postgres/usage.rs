//! What callers and organizers have used, counted in the transaction of what uses it: where it can be, in its statement.

use super::client::{self, Connection, Found, Pool};
use super::columns::text;
use crate::clock::Instant;
use crate::usage::{AskedOf, DAY, Exceeded, HOUR, MINUTE, MailUser, RunsAsked, WriteLimits};
use crate::values::signed;
use crate::work::MailsUsed;
use crate::{Commit, Finish, RequestedRun, addresses};

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

/// Due times of runs since `$since` that an owner asked for by changes and whose schedules are gone, of `$organizer` and `$owner`.
macro_rules! spent {
    ($since:literal, $organizer:literal, $owner:literal) => {
        concat!(
            "select r.due from run r where r.organizer = ",
            $organizer,
            " and r.asked_by = ",
            $owner,
            " and r.due > ",
            $since,
            " and not exists (select from schedule gone where gone.id = r.schedule)"
        )
    };
}
pub(super) use spent;

/// Whether a new schedule that would run at $4, now at $9, of organizer $10 and owner $12 may be put in: not where so many of its
/// owner's ran within a day that are deleted.
macro_rules! creatable {
    ($limits:literal) => {
        concat!(
            "(",
            $limits,
            "::bigint[] is null or $4::bigint is null or $4::bigint > $9::bigint + 86400
               or not exists (",
            $crate::postgres::usage::spent!("$9::bigint - 86400", "$10", "$12"),
            " order by r.due desc offset greatest((",
            $limits,
            "::bigint[])[4] - 1, 0) limit 1))"
        )
    };
}
pub(super) use creatable;

/// Whether a schedule `s` that would run at $4, now at $9, has run so often within a day, with those of its owner that are deleted, that
/// it is not moved to that time.
macro_rules! movable {
    ($limits:literal) => {
        concat!(
            "(",
            $limits,
            "::bigint[] is null or $4::bigint is null or $4::bigint > $9::bigint + 86400
               or s.next_run is not distinct from $4::bigint
               or not exists (
                 select from (
                   select r.due from run r where r.schedule = $1 and r.due > $9::bigint - 86400 and r.started is not null
                   union all ",
            $crate::postgres::usage::spent!("$9::bigint - 86400", "s.organizer", "s.owner"),
            ") ran order by due desc offset greatest((",
            $limits,
            "::bigint[])[4] - 1, 0) limit 1))"
        )
    };
}
pub(super) use movable;

/// Parameter of [`count_write`]: the bytes of this commit, then the limits on changes, bytes and runs.
pub(super) fn limits_of(commit: &Commit) -> client::Result<Option<Vec<i64>>> {
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
pub(super) async fn count_writes(on: &Connection, commit: &Commit) -> client::Result<Result<(), Exceeded>> {
    const COUNT: &str = concat!(
        "with given as (select 1 as one), ",
        count_write!("$1::text", "$2", "$3", "given"),
        " select count(*) from allowed"
    );
    let Some(limits) = commit.limits.as_ref().filter(|_| !commit.changes.is_empty()) else {
        return Ok(Ok(()));
    };
    let counted: i64 = on
        .fetch_one(COUNT, &[&text(&commit.actor), &commit.now, &limits_of(commit)?])
        .await?;
    if counted == 1 {
        return Ok(Ok(()));
    }
    refused(on, commit, limits).await.map(Err)
}

async fn refused(on: &Connection, commit: &Commit, limits: &WriteLimits) -> client::Result<Exceeded> {
    let used: Option<i64> = on
        .fetch_optional(
            "select writes from caller_usage where caller = $1 and minute = $2",
            &[&text(&commit.actor), &commit.now.div_euclid(MINUTE)],
        )
        .await?;
    Ok(Exceeded::by_writes(limits, used.unwrap_or_default(), commit.now))
}

/// Refuses to put a schedule in that would run within a day, where so many of its owner's did that are deleted.
pub(super) async fn may_create(
    on: &Connection,
    commit: &Commit,
    owner: &str,
    next_run: Option<Instant>,
) -> client::Result<Result<(), Exceeded>> {
    const SPENT: &str = concat!(spent!("$1", "$3", "$4"), " order by r.due desc limit 1 offset $2");
    let Some((most, since, passed)) = soon(commit, next_run) else {
        return Ok(Ok(()));
    };
    let first = on
        .fetch_optional(
            SPENT,
            &[&since, &passed, &text(&commit.by.scope.organizer), &text(owner)],
        )
        .await?;
    Ok(moved_within(commit, most, first))
}

/// Refuses to move a schedule that ran often enough within a day, with those of its owner that are deleted, to yet another time within
/// the next one.
pub(super) async fn may_move(
    on: &Connection,
    commit: &Commit,
    id: i64,
    next_run: Option<Instant>,
) -> client::Result<Result<(), Exceeded>> {
    const RAN: &str = concat!(
        "with moved as (select id, organizer, owner from schedule where id = $3 and next_run is distinct from $4)
         select due from (
           select r.due from moved join run r on r.schedule = moved.id where r.due > $1 and r.started is not null
           union all ",
        spent!("$1", "(select organizer from moved)", "(select owner from moved)"),
        ") ran order by due desc limit 1 offset $2"
    );
    let Some((most, since, passed)) = soon(commit, next_run) else {
        return Ok(Ok(()));
    };
    let first = on.fetch_optional(RAN, &[&since, &passed, &id, &next_run]).await?;
    Ok(moved_within(commit, most, first))
}

/// What has been asked for of a schedule or, without one, by a user, and of their organizer.
pub(super) async fn runs_asked(on: &Connection, of: AskedOf<'_>, now: Instant) -> client::Result<RunsAsked> {
    let parent = of.schedule.map(signed).transpose()?.unwrap_or_default();
    let (organizer, by) = (text(of.organizer), of.by.map(text));
    let under_way: Option<Option<Instant>> = on
        .fetch_optional(
            "select s.retry_at from schedule s join run r on r.id = s.open_run
             where s.parent = $1 and ($1 > 0 or r.organizer = $2 and r.requested_by is not distinct from $3) limit 1",
            &[&parent, &organizer, &by],
        )
        .await?;
    let this_hour: Vec<(Instant, bool)> = on
        .fetch_all(
            "select requested_at, parent = $1 and ($1 > 0 or requested_by is not distinct from $3) from run
             where organizer = $2 and requested_at > $4 order by requested_at desc",
            &[&parent, &organizer, &by, &now.saturating_sub(HOUR)],
        )
        .await?;
    Ok(RunsAsked { under_way, this_hour })
}

/// Refuses to put a run in that is asked for, where that passes a limit.
pub(super) async fn may_request(
    on: &Connection,
    commit: &Commit,
    run: &RequestedRun,
) -> client::Result<Result<(), Exceeded>> {
    let asked = runs_asked(on, run.asked_of(&commit.by.scope.organizer), commit.now).await?;
    let limits = commit.limits.clone().unwrap_or_default();
    Ok(asked.refuses(&limits, commit.now).map_or(Ok(()), Err))
}

/// For a next run within a day: how many runs there may be, since when, and how many of them are passed over to find one too many.
fn soon(commit: &Commit, next_run: Option<Instant>) -> Option<(u32, Instant, i64)> {
    let most = commit.limits.as_ref()?.moved_runs_per_day?;
    let is_soon = next_run? <= commit.now.saturating_add(DAY);
    is_soon.then(|| (most, commit.now.saturating_sub(DAY), i64::from(most.saturating_sub(1))))
}

fn moved_within(commit: &Commit, most: u32, first: Option<Instant>) -> Result<(), Exceeded> {
    first.map_or(Ok(()), |first| Err(Exceeded::by_runs(most, first, commit.now)))
}

/// Takes back what [`count_write`] has counted for a change that was not made after all: another of its schedule came in between.
pub(super) async fn give_back(on: &Pool, commit: &Commit) -> client::Result<()> {
    on.execute(
        "update caller_usage set writes = writes - case when minute = $2 then 1 else 0 end,
           bytes = bytes - case when day = $3 then $4::bigint else 0 end
         where caller = $1",
        &[
            &text(&commit.actor),
            &commit.now.div_euclid(MINUTE),
            &commit.now.div_euclid(DAY),
            &signed(commit.bytes())?,
        ],
    )
    .await?;
    Ok(())
}

/// Counts the mail of a run for its organizer, and for its owner where the schedule is there. Answers what is to be written: what was
/// given, or less where a limit is reached. Runs that end at the same moment can pass it together.
pub(super) async fn count_mail(
    on: &Connection,
    (organizer, owner, schedule): (&str, Option<&str>, i64),
    finish: &Finish,
) -> client::Result<Option<(MailUser, Finish)>> {
    if finish.mail.is_none() || finish.mail_limits.is_none() {
        return Ok(None);
    }
    let day = finish.now.div_euclid(DAY);
    let (organizer, owner) = (text(organizer), owner.map(text));
    let used = on
        .fetch_one::<Found>(
            "select mails, recipients, owners_mails, owners_recipients from (
               select coalesce(sum(mails), 0)::bigint as mails, coalesce(sum(recipients), 0)::bigint as recipients
               from organizer_usage where organizer = $1 and day = $2) of_organizer
             cross join (
               select coalesce(sum(mails), 0)::bigint as owners_mails, coalesce(sum(recipients), 0)::bigint as owners_recipients
               from owner_usage where organizer = $1 and owner = $3 and day = $2) of_owner",
            &[&organizer, &day, &owner.as_deref()],
        )
        .await?;
    let instead = finish.within_limits(MailsUsed {
        organizer: (used.try_get("mails")?, used.try_get("recipients")?),
        owner: (used.try_get("owners_mails")?, used.try_get("owners_recipients")?),
    });
    if let Some(mail) = &instead.as_ref().map_or(finish, |(_, instead)| instead).mail {
        on.execute(
            "with owned as (
               insert into owner_usage as u (organizer, owner, part, day, mails, recipients)
               select $1, $5, $2 % 16, $3, 1, $4 where $5::text is not null
               on conflict (organizer, owner, part) do update set day = excluded.day,
                 mails = excluded.mails + case when u.day = excluded.day then u.mails else 0 end,
                 recipients = excluded.recipients + case when u.day = excluded.day then u.recipients else 0 end)
             insert into organizer_usage as u (organizer, part, day, mails, recipients) values ($1, $2 % 16, $3, 1, $4)
             on conflict (organizer, part) do update set day = excluded.day,
               mails = excluded.mails + case when u.day = excluded.day then u.mails else 0 end,
               recipients = excluded.recipients + case when u.day = excluded.day then u.recipients else 0 end",
            &[&organizer, &schedule, &day, &addresses(mail), &owner.as_deref()],
        )
        .await?;
    }
    Ok(instead)
}
