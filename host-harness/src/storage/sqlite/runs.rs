//! Runs: how they start, how the store itself ends them, and their history.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::columns::{State, delivery, entry, entry_columns, scope, signed, unsigned};
use super::{SqliteStorage, audit, files};
use crate::clock::Instant;
use crate::contract::schedule_store::Plan;
use crate::contract::{MissedRange, Outcome, Position, RunEntry};
use crate::storage::cursor::{Cursor, Key};
use crate::storage::state::{RunState, step};
use crate::storage::values::{clamped, offset};
use crate::storage::{HistoryRow, Lease, Rows, Scope, StartError, StorageError, Work};

/// Writes what a run has become, by a move of the table in [`state`](crate::storage::state), if it still is what was seen.
/// Its leases to settle are lost. With it goes how often the due time has been leased, where that is known.
pub(super) async fn write_state(
    on: &mut SqliteConnection,
    run: i64,
    (seen, attempts): (RunState, Option<i64>),
    to: &State<'_>,
    now: Instant,
) -> Result<(), StorageError> {
    step(Some(seen), to.state)?;
    let written = sqlx::query(
        "update run set state = $3, code = $4, words = $5, missed_first = $6, missed_count = $7, ended = $8,
           settle_wake = null, settle_version = null, attempts = coalesce($9, attempts)
         where id = $1 and state = $2",
    )
    .bind(run)
    .bind(seen.as_str())
    .bind(to.state.as_str())
    .bind(to.code)
    .bind(to.words)
    .bind(to.missed_first)
    .bind(to.missed_count)
    .bind(to.state.terminal().then_some(now))
    .bind(attempts)
    .execute(on)
    .await?;
    if written.rows_affected() == 0 {
        return Err(StorageError::Corrupt(format!("run {run} is not {seen} any more")));
    }
    Ok(())
}

/// The latest due time of the range that has an entry already.
pub(super) async fn recorded(
    on: &mut SqliteConnection,
    schedule: i64,
    range: &MissedRange,
) -> Result<Option<Instant>, StorageError> {
    Ok(sqlx::query_scalar(
        "select max(min(due, $3)) from run where schedule = $1 and due >= $2 and coalesce(missed_first, due) <= $3",
    )
    .bind(schedule)
    .bind(range.first)
    .bind(range.last)
    .fetch_one(on)
    .await?)
}

/// Adds due times that nobody ran, and of which none is [`recorded`], to the history.
pub(super) async fn write_missed(
    on: &mut SqliteConnection,
    schedule: i64,
    scope: &Scope,
    range: &MissedRange,
    now: Instant,
) -> Result<(), StorageError> {
    step(None, RunState::Missed)?;
    sqlx::query(
        "insert into run (schedule, organizer, event, due, state, missed_first, missed_count, ended)
         values ($1, $2, $3, $4, 'missed', $5, $6, $7)",
    )
    .bind(schedule)
    .bind(&scope.organizer)
    .bind(&scope.event)
    .bind(range.last)
    .bind(range.first)
    .bind(signed(range.count)?)
    .bind(now)
    .execute(&mut *on)
    .await?;
    audit::write_run(on, now, scope, schedule, range.last, &Outcome::Missed(*range)).await
}

/// Whose open runs end before their mail is submitted.
#[derive(Clone, Copy)]
pub(super) enum Cancelled<'a> {
    /// The one of a schedule that is about to be deleted.
    Schedule(i64),
    /// Those of all schedules of an organizer that is switched off.
    Organizer(&'a str),
}

/// Ends open runs `cancelled`. The rows of their schedules are the caller's to change.
pub(super) async fn cancel_open(
    on: &mut SqliteConnection,
    whose: Cancelled<'_>,
    now: Instant,
) -> Result<(), StorageError> {
    let (open, words) = match whose {
        Cancelled::Schedule(id) => (
            sqlx::query(
                "select r.id, r.schedule, r.organizer, r.event, r.due, s.attempt
                 from schedule s join run r on r.id = s.open_run where s.id = $1",
            )
            .bind(id)
            .fetch_all(&mut *on)
            .await?,
            "the schedule was deleted",
        ),
        Cancelled::Organizer(slug) => (
            sqlx::query(
                "select r.id, r.schedule, r.organizer, r.event, r.due, s.attempt
                 from schedule s join run r on r.id = s.open_run where s.organizer = $1",
            )
            .bind(slug)
            .fetch_all(&mut *on)
            .await?,
            "scheduled exports were switched off for the organizer",
        ),
    };
    let outcome = Outcome::Cancelled(words.to_owned());
    let state = State {
        words: Some(words),
        ..State::plain(RunState::Cancelled)
    };
    for run in open {
        let id: i64 = run.try_get("id")?;
        write_state(on, id, (RunState::Open, run.try_get("attempt")?), &state, now).await?;
        files::drop_unneeded(on, id).await?;
        audit::write_run(
            on,
            now,
            &scope(&run)?,
            run.try_get("schedule")?,
            run.try_get("due")?,
            &outcome,
        )
        .await?;
    }
    cancel_passed(on, whose, words, now).await
}

/// Ends next due times that have passed and that nobody has started: their schedules won't be there, or will be planned anew.
async fn cancel_passed(
    on: &mut SqliteConnection,
    whose: Cancelled<'_>,
    words: &str,
    now: Instant,
) -> Result<(), StorageError> {
    step(None, RunState::Cancelled)?;
    let (id, slug) = match whose {
        Cancelled::Schedule(id) => (Some(id), None),
        Cancelled::Organizer(slug) => (None, Some(slug)),
    };
    let passed = sqlx::query(
        "insert into run (schedule, organizer, event, due, state, words, ended, attempts)
         select id, organizer, event, next_run, 'cancelled', $3, $4, case when open_run is null then attempt else 0 end
         from schedule
         where (id = $1 or organizer = $2) and active = 1 and parked = 0 and next_run <= $4
         on conflict (schedule, due) do nothing returning schedule, organizer, event, due",
    )
    .bind(id)
    .bind(slug)
    .bind(words)
    .bind(now)
    .fetch_all(&mut *on)
    .await?;
    let outcome = Outcome::Cancelled(words.to_owned());
    for run in passed {
        audit::write_run(
            on,
            now,
            &scope(&run)?,
            run.try_get("schedule")?,
            run.try_get("due")?,
            &outcome,
        )
        .await?;
    }
    Ok(())
}

/// Ends a submitted run whose schedule is gone, so that nobody settles it: `delivered` if at least one recipient's server took
/// the mail, else `failed`. Nothing while some recipient is not final.
pub(super) async fn conclude(on: &mut SqliteConnection, run: i64, now: Instant) -> Result<(), StorageError> {
    let found = sqlx::query(
        "select r.schedule, r.organizer, r.event, r.due,
           count(*) filter (where d.status = 'accepted') as accepted,
           count(*) filter (where d.status in ('queued', 'retrying')) as pending
         from run r left join mail m on m.run = r.id and m.kind = 'export' left join delivery d on d.mail = m.id
         where r.id = $1 and r.state = 'submitted' and not exists (select 1 from schedule s where s.id = r.schedule)
         group by r.id",
    )
    .bind(run)
    .fetch_optional(&mut *on)
    .await?;
    let Some(found) = found else {
        return Ok(());
    };
    if found.try_get::<i64, _>("pending")? > 0 {
        return Ok(());
    }
    let outcome = if found.try_get::<i64, _>("accepted")? > 0 {
        Outcome::Delivered
    } else {
        Outcome::Failed((
            "not-delivered".to_owned(),
            "no recipient's server took the mail".to_owned(),
        ))
    };
    write_state(on, run, (RunState::Submitted, None), &State::of(&outcome)?, now).await?;
    files::drop_unneeded(on, run).await?;
    audit::write_run(
        on,
        now,
        &scope(&found)?,
        found.try_get("schedule")?,
        found.try_get("due")?,
        &outcome,
    )
    .await
}

impl SqliteStorage {
    pub(super) async fn open_run(
        &self,
        lease: &Lease,
        plan: &Plan,
        (zone_database, zone): (&str, &str),
        now: Instant,
    ) -> Result<u64, StartError> {
        if lease.work != Work::Execute {
            return Err(StartError::Lost);
        }
        let schedule = signed(lease.schedule)?;
        let mut transaction = self.write().await?;
        // A lease that ran out and that nobody took is still one: the fence decides.
        let held = sqlx::query(
            "select s.organizer, s.event, s.version, s.attempt, s.open_run, r.due
             from schedule s left join run r on r.id = s.open_run
             where s.id = $1 and s.fence = $2 and s.lease_until is not null",
        )
        .bind(schedule)
        .bind(signed(lease.fence)?)
        .fetch_optional(&mut *transaction)
        .await?
        .ok_or(StartError::Lost)?;
        let scope = scope(&held)?;
        let attempt: i64 = held.try_get("attempt")?;
        let open: Option<i64> = held.try_get("open_run")?;
        if open.is_some() && held.try_get::<Instant, _>("due")? != plan.due {
            return Err(StartError::Lost);
        }
        if open.is_none() {
            for range in &plan.missed {
                if let Some(latest) = recorded(&mut transaction, schedule, range).await? {
                    return Err(StartError::Recorded(latest));
                }
                write_missed(&mut transaction, schedule, &scope, range, now).await?;
            }
            step(None, RunState::Open)?;
        }
        // In one go: the run is put in or counts one attempt more, and the schedule goes on. Where this due time has ended, and
        // was planned once more (by a change that had been read before it started), there is no open run of it; the schedule
        // goes on to the next one all the same, or it would be leased for this one for ever.
        let opened: Vec<Option<i64>> = sqlx::query_scalar(
            "insert into run (schedule, organizer, event, due, state, started, started_version, started_zone, attempts)
             values ($1, $2, $3, $4, 'open', $5, $9, $10, $6)
             on conflict (schedule, due) do update set attempts = excluded.attempts where state = 'open';
             update schedule set next_run = $7, zone_database = $8, open_run = opened.id,
               lease_until = case when opened.id is not null then lease_until end,
               attempt = case when opened.id is not null then attempt else 0 end
             from (select (select id from run where schedule = $1 and due = $4 and state = 'open') as id) as opened
             where schedule.id = $1 returning open_run",
        )
        .bind(schedule)
        .bind(&scope.organizer)
        .bind(&scope.event)
        .bind(plan.due)
        .bind(now)
        .bind(attempt)
        .bind(plan.next_run)
        .bind(zone_database)
        .bind(held.try_get::<i64, _>("version")?)
        .bind(zone)
        .fetch_all(&mut *transaction)
        .await?;
        let run = opened.first().copied().flatten();
        transaction.commit().await?;
        Ok(unsigned(run.ok_or(StartError::Lost)?)?)
    }

    pub(super) async fn recorded_of(
        &self,
        schedule: u64,
        range: &MissedRange,
    ) -> Result<Option<Instant>, StorageError> {
        let mut reader = self.readers.acquire().await?;
        recorded(&mut reader, signed(schedule)?, range).await
    }

    pub(super) async fn history_of(
        &self,
        schedule: u64,
        at: &Position,
        size: u32,
    ) -> Result<Option<Rows<RunEntry>>, StorageError> {
        let schedule = signed(schedule)?;
        let size = clamped(size);
        let (page, before) = match at {
            Position::Number(page) => (Some(*page), None),
            Position::After(text) => match Cursor::of_history(text) {
                Some(due) => (None, Some(due)),
                None => return Ok(None),
            },
        };
        let first = match page.map(|page| offset(page, size)) {
            Some(None) => return Ok(None),
            Some(Some(first)) => first,
            None => 0,
        };
        let mut snapshot = self.readers.begin().await?;
        let total: i64 = sqlx::query_scalar("select count(*) from run where schedule = $1")
            .bind(schedule)
            .fetch_one(&mut *snapshot)
            .await?;
        if page.is_some_and(|page| page > 1) && first >= total {
            return Ok(None);
        }
        let select = match before {
            None => concat!(
                "select ",
                entry_columns!(),
                " from run r where r.schedule = $1 order by r.due desc limit $2 offset $3"
            ),
            Some(_) => concat!(
                "select ",
                entry_columns!(),
                " from run r where r.schedule = $1 and r.due < $3 order by r.due desc limit $2"
            ),
        };
        let mut found = sqlx::query(select)
            .bind(schedule)
            .bind(i64::from(size) + 1)
            .bind(before.unwrap_or(first))
            .fetch_all(&mut *snapshot)
            .await?;
        let more = found.len() > size as usize;
        found.truncate(size as usize);
        let mut rows = found.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        if let (Some(latest), Some(earliest)) = (rows.first(), rows.last()) {
            let deliveries = sqlx::query(
                "select m.due, d.address, d.status, d.words from mail m join delivery d on d.mail = m.id
                 where m.schedule = $1 and m.kind = 'export' and m.due between $2 and $3 order by m.due, d.position",
            )
            .bind(schedule)
            .bind(earliest.due)
            .bind(latest.due)
            .fetch_all(&mut *snapshot)
            .await?;
            for row in &deliveries {
                let due: Instant = row.try_get("due")?;
                if let Ok(at) = rows.binary_search_by(|entry| due.cmp(&entry.due)) {
                    rows[at].deliveries.push(delivery(row)?);
                }
            }
        }
        snapshot.rollback().await?;
        let next = rows.last().filter(|_| more).map(|last| {
            Cursor {
                key: Key::Due,
                descending: true,
                id: last.due,
            }
            .to_text()
        });
        Ok(Some(Rows {
            total: unsigned(total)?,
            rows,
            next,
        }))
    }

    pub(super) async fn latest_runs(&self, schedule: Option<u64>, limit: u32) -> Result<Vec<HistoryRow>, StorageError> {
        let schedule = schedule.map(signed).transpose()?;
        let (select, deliveries) = if schedule.is_some() {
            (
                concat!(
                    "select r.id, r.schedule, r.organizer, r.event, ",
                    entry_columns!(),
                    " from run r where r.schedule = $1 order by r.due desc limit $2"
                ),
                "select m.run, d.address, d.status, d.words from mail m join delivery d on d.mail = m.id
                 where m.kind = 'export'
                   and m.run in (select id from run where schedule = $1 order by due desc limit $2)
                 order by m.run, d.position",
            )
        } else {
            (
                concat!(
                    "select r.id, r.schedule, r.organizer, r.event, ",
                    entry_columns!(),
                    " from run r order by r.due desc, r.id desc limit $2"
                ),
                "select m.run, d.address, d.status, d.words from mail m join delivery d on d.mail = m.id
                 where m.kind = 'export' and m.run in (select id from run order by due desc, id desc limit $2)
                 order by m.run, d.position",
            )
        };
        let mut snapshot = self.readers.begin().await?;
        let found = sqlx::query(select)
            .bind(schedule)
            .bind(limit)
            .fetch_all(&mut *snapshot)
            .await?;
        let deliveries = sqlx::query(deliveries)
            .bind(schedule)
            .bind(limit)
            .fetch_all(&mut *snapshot)
            .await?;
        snapshot.rollback().await?;
        found.iter().map(|row| history_row(row, &deliveries)).collect()
    }
}

/// One line of the history, with its part of the deliveries, which are sorted by run.
fn history_row(row: &SqliteRow, deliveries: &[SqliteRow]) -> Result<HistoryRow, StorageError> {
    let run: i64 = row.try_get("id")?;
    let from = deliveries.partition_point(|delivery| delivery.get::<i64, _>("run") < run);
    let until = deliveries.partition_point(|delivery| delivery.get::<i64, _>("run") <= run);
    let mut entry = entry(row)?;
    entry.deliveries = deliveries[from..until].iter().map(delivery).collect::<Result<_, _>>()?;
    Ok(HistoryRow {
        schedule: unsigned(row.try_get("schedule")?)?,
        scope: scope(row)?,
        entry,
    })
}
