//! Runs: how they start, how the store itself ends them, and their history.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::audit::Entries;
use super::called_off::{Which, call_off};
use super::client::{self, Connection, Found, Parameter};
use super::columns::{count, deliveries_of_run, entry, entry_columns, event_of, scope, text};
use super::{PostgresStorage, files, read, settled, usage};
use crate::clock::Instant;
use crate::contract::{MissedRange, Outcome, Position, RunEntry};
use crate::contract::{RunQuery, schedule_store::RunStart};
use crate::cursor::Cursor;
use crate::run_filter::RunFilter;
use crate::state::{RunState, step};
use crate::usage::{AskedOf, Exceeded, WriteLimits};
use crate::values::{
    CHANGED, DELETED, EVENT_DELETED, PAUSED, SWITCHED_OFF, State, clamped, concluded, kind_text, missed_reason, offset,
    signed, unsigned,
};
use crate::{
    Commit, Finish, HistoryRow, Lease, LeaseError, RequestedRun, Row, Rows, Runs, Scope, StartError, StorageError,
    Work, Written,
};

/// Writes what a run has become, by a move of the table in [`state`](crate::state), if it still is what was seen.
/// Its leases to settle are lost.
pub(super) async fn write_state(
    on: &Connection,
    run: i64,
    seen: RunState,
    to: &State<'_>,
    now: Instant,
) -> client::Result<()> {
    step(Some(seen), to.state)?;
    let written = on
        .execute(
            "update run set state = $3, code = $4, words = $5, missed_first = $6, missed_count = $7, ended = $8, missed_reason = $9,
               settle_wake = null, settle_version = null
             where id = $1 and state = $2",
            &[
                &run,
                &seen.as_str(),
                &to.state.as_str(),
                &to.code.map(text),
                &to.words.map(text),
                &to.missed_first,
                &to.missed_count,
                &to.state.terminal().then_some(now),
                &to.missed_reason,
            ],
        )
        .await?;
    if written == 0 {
        return Err(StorageError::Corrupt(format!("run {run} is not {seen} any more")).into());
    }
    Ok(())
}

/// Starts the run that schedule $1 is leased for with fence $2: $3 the due time, $4 when, $5 the zone, $6 and $7 the next run and by
/// which zone database it was computed. Answers its id; none where this due time has ended, and was planned once more (by a change that
/// had been read before it started): then the schedule goes on to the next one, or it would be leased for this one for ever. No row:
/// the lease does not hold, or its open run is of another due time.
///
/// Every row is found by a parameter or a single value: were it joined to `held`, a plan made when there was no run yet could begin
/// with all runs.
pub(super) const START: &str = "with held as (
       select s.id, s.organizer, s.event, s.version, s.attempt, s.open_run,
         case when $3 <= s.changed_at + 86400 then s.owner end as asked_by
       from schedule s
       where s.id = $1 and s.fence = $2 and s.lease_until is not null
         and (s.open_run is null or (select r.due from run r where r.id = s.open_run) = $3)
       for no key update of s),
     again as (
       update run set attempts = (select attempt from held), started = coalesce(started, $4),
         started_version = coalesce(started_version, (select version from held)), started_zone = coalesce(started_zone, $5)
       where id = (select open_run from held) returning id),
     opened as (
       insert into run (schedule, organizer, event, due, state, started, started_version, started_zone, attempts, asked_by)
       select id, organizer, event, $3, 'open', $4, version, $5, attempt, asked_by from held where open_run is null
       on conflict (schedule, due) do nothing returning id),
     started as (select max(id) as id from (select id from again union all select id from opened) either),
     planned as (
       update schedule s set next_run = $6, zone_database = $7, open_run = started.id,
         lease_until = case when started.id is not null then s.lease_until end,
         attempt = case when started.id is not null then s.attempt else 0 end
       from started where s.id = (select id from held))
     select started.id from held cross join started";

/// The latest due time of the range that has an entry already: $1 schedule, $2 and $3 the range.
pub(super) const RECORDED: &str =
    "select max(least(due, $3)) from run where schedule = $1 and due >= $2 and coalesce(missed_first, due) <= $3";

async fn recorded(on: &Connection, schedule: i64, range: &MissedRange) -> client::Result<Option<Instant>> {
    on.fetch_one(RECORDED, &[&schedule, &range.first, &range.last]).await
}

/// Adds due times that nobody ran to the history; with `Err`, nothing, since this one has an entry already. The schedule is locked.
pub(super) async fn write_missed(
    on: &Connection,
    schedule: i64,
    scope: &Scope,
    missed: &[MissedRange],
    now: Instant,
    said: &mut Entries,
) -> client::Result<Result<(), Instant>> {
    if missed.is_empty() {
        return Ok(Ok(()));
    }
    step(None, RunState::Missed)?;
    for (nth, range) in missed.iter().enumerate() {
        let among_them = missed[..nth].iter().filter_map(|earlier| {
            let latest = earlier.last.min(range.last);
            (earlier.first.max(range.first) <= latest).then_some(latest)
        });
        if let Some(latest) = recorded(on, schedule, range).await?.max(among_them.max()) {
            return Ok(Err(latest));
        }
    }
    let counts = missed
        .iter()
        .map(|range| signed(range.count))
        .collect::<Result<Vec<_>, _>>()?;
    let reasons: Vec<String> = missed
        .iter()
        .map(|range| missed_reason(range).unwrap_or_default().to_owned())
        .collect();
    on.execute(
        "insert into run (schedule, organizer, event, due, state, missed_first, missed_count, ended, missed_reason)
         select $1, $2, $3, last, 'missed', first, count, $4, nullif(reason, '')
         from unnest($5::bigint[], $6::bigint[], $7::bigint[], $8::text[]) as missed (first, last, count, reason)",
        &[
            &schedule,
            &text(&scope.organizer),
            &event_of(scope),
            &now,
            &missed.iter().map(|range| range.first).collect::<Vec<_>>(),
            &missed.iter().map(|range| range.last).collect::<Vec<_>>(),
            &counts,
            &reasons,
        ],
    )
    .await?;
    for range in missed {
        said.add_run(scope, schedule, range.last, &Outcome::Missed(*range));
    }
    Ok(Ok(()))
}

/// Puts a run in that a person asks for, by the id that has been answered; `parent` is the schedule that it is of.
pub(super) async fn request(
    on: &Connection,
    commit: &Commit,
    (run, parent): (&RequestedRun, i64),
    made_of: &Row,
) -> client::Result<()> {
    step(None, RunState::Open)?;
    let by = run.by.as_ref();
    on.execute(
        "insert into run (id, schedule, organizer, event, due, state, kind, parent, requested_at, requested_by, requested_address)
         values ($1, $2, $3, $4, $5, 'open', $6, $7, $8, $9, $10)",
        &[
            &signed(run.run)?,
            &signed(made_of.id)?,
            &text(&made_of.scope.organizer),
            &event_of(&made_of.scope),
            &run.due,
            &kind_text(run.kind),
            &parent,
            &commit.now,
            &by.map(|by| text(&by.id)),
            &by.map(|by| text(&by.address)),
        ],
    )
    .await?;
    Ok(())
}

/// The latest run of each of the schedules $1.
pub(super) const LATEST_OF_EACH: &str = concat!(
    "select r.schedule, ",
    entry_columns!(),
    " from unnest($1::bigint[]) as wanted (id)
       cross join lateral (select * from run where schedule = wanted.id order by due desc limit 1) r",
    deliveries_of_run!()
);

/// Whose open runs end before their mail is submitted.
#[derive(Clone, Copy)]
pub(super) enum Cancelled<'a> {
    /// The one of a schedule that is about to be deleted.
    Schedule(i64),
    /// One that a person has asked for, of a schedule that has been changed since.
    Changed(i64),
    /// Those of all schedules of an organizer that is switched off.
    Organizer(&'a str),
    /// Those of an event that is gone.
    Event(&'a Scope),
}

/// Ends open runs `cancelled`, and next due times that have passed and that nobody has started: their schedules won't be there,
/// or will be planned anew. Calls off what has been made and has not left. The rows of the schedules are locked, and the caller's to
/// change.
pub(super) async fn cancel_open(
    on: &Connection,
    whose: Cancelled<'_>,
    now: Instant,
    said: &mut Entries,
) -> client::Result<()> {
    step(Some(RunState::Open), RunState::Cancelled)?;
    step(None, RunState::Cancelled)?;
    let (id, slug, event, words) = match whose {
        Cancelled::Schedule(id) => (Some(id), None, None, DELETED),
        Cancelled::Changed(id) => (Some(id), None, None, CHANGED),
        Cancelled::Organizer(slug) => (None, Some(text(slug)), None, SWITCHED_OFF),
        Cancelled::Event(scope) => (None, Some(text(&scope.organizer)), Some(event_of(scope)), EVENT_DELETED),
    };
    let outcome = Outcome::Cancelled(words.to_owned());
    let (ended, passed) = match whose {
        Cancelled::Schedule(_) | Cancelled::Changed(_) => (
            "update run r set state = 'cancelled', words = $3, ended = $4, attempts = s.attempt
             from schedule s where s.id = $1 and $2::text is null and $5::text is null and r.id = s.open_run and r.state = 'open'
             returning r.id, r.history_of, r.organizer, r.event, r.due",
            "insert into run (schedule, organizer, event, due, state, words, ended, attempts)
             select id, organizer, event, next_run, 'cancelled', $3, $4, case when open_run is null then attempt else 0 end
             from schedule where id = $1 and $2::text is null and $5::text is null and active and not parked and next_run <= $4
             on conflict (schedule, due) do nothing returning history_of, organizer, event, due",
        ),
        Cancelled::Organizer(_) | Cancelled::Event(_) => (
            "update run r set state = 'cancelled', words = $3, ended = $4, attempts = s.attempt
             from schedule s where $1::bigint is null and s.organizer = $2 and ($5::text is null or s.event = $5) and r.id = s.open_run and r.state = 'open'
             returning r.id, r.history_of, r.organizer, r.event, r.due",
            "insert into run (schedule, organizer, event, due, state, words, ended, attempts)
             select id, organizer, event, next_run, 'cancelled', $3, $4, case when open_run is null then attempt else 0 end
             from schedule where $1::bigint is null and organizer = $2 and ($5::text is null or event = $5) and active and not parked and next_run <= $4
             on conflict (schedule, due) do nothing returning history_of, organizer, event, due",
        ),
    };
    let ended = on
        .fetch_all::<Found>(ended, &[&id, &slug.as_deref(), &words, &now, &event.as_deref()])
        .await?;
    let ids = ended
        .iter()
        .map(|run| run.try_get("id"))
        .collect::<client::Result<Vec<i64>>>()?;
    files::drop_unneeded(on, &ids).await?;
    said.add_runs(&ended, &outcome)?;
    let passed = on
        .fetch_all::<Found>(passed, &[&id, &slug.as_deref(), &words, &now, &event.as_deref()])
        .await?;
    said.add_runs(&passed, &outcome)?;
    call_off(on, Which::All(whose), words, now, said).await
}

/// Ends the open run of a schedule that a person has just paused, if there is one. Mail of earlier runs still goes out. The row of the
/// schedule is locked.
pub(super) async fn cancel_paused(
    on: &Connection,
    schedule: i64,
    now: Instant,
    said: &mut Entries,
) -> client::Result<()> {
    step(Some(RunState::Open), RunState::Cancelled)?;
    let ended = on
        .fetch_all::<Found>(
            "with freed as (
               update schedule s set open_run = null, retry_at = null, attempt = 0
               from schedule old where s.id = $1 and old.id = s.id and old.open_run is not null
               returning old.open_run, old.attempt)
             update run r set state = 'cancelled', words = $2, ended = $3, attempts = freed.attempt
             from freed where r.id = freed.open_run and r.state = 'open'
             returning r.id, r.history_of, r.organizer, r.event, r.due",
            &[&schedule, &PAUSED, &now],
        )
        .await?;
    let Some(run) = ended.first() else {
        return Ok(());
    };
    let id: i64 = run.try_get("id")?;
    files::drop_unneeded(on, &[id]).await?;
    call_off(on, Which::Run(id), PAUSED, now, said).await?;
    said.add_runs(&ended, &Outcome::Cancelled(PAUSED.to_owned()))
}

/// Ends submitted runs whose schedules are gone or whose mails were called off, so that nobody settles them: `delivered` if at least
/// one recipient's server took the mail, else `cancelled` where it was called off for one, else `failed`. Nothing while some
/// recipient is not final. Their rows are locked.
pub(super) async fn conclude(on: &Connection, runs: &[i64], now: Instant, said: &mut Entries) -> client::Result<()> {
    if runs.is_empty() {
        return Ok(());
    }
    let found = on.fetch_all::<Found>(
        "select r.id, r.history_of, r.organizer, r.event, r.due, coalesce(bool_or(d.status = 'accepted'), false) as accepted,
           coalesce(bool_or(d.status = 'cancelled'), false) as cancelled, max(m.called_off) as called_off
         from run r left join mail m on m.run = r.id and m.kind = 'export' left join delivery d on d.mail = m.id
         where r.id = any($1) and r.state = 'submitted'
           and (m.called_off is not null or not exists (select 1 from schedule s where s.id = r.schedule))
         group by r.id having count(*) filter (where d.status in ('queued', 'retrying')) = 0",
        &[&runs],
    )
    .await?;
    let mut ended = Vec::with_capacity(found.len());
    for found in &found {
        let outcome = concluded(
            found.try_get("accepted")?,
            found.try_get("cancelled")?,
            found.try_get("called_off")?,
        );
        let run: i64 = found.try_get("id")?;
        write_state(on, run, RunState::Submitted, &State::of(&outcome)?, now).await?;
        said.add_run(
            &scope(found)?,
            found.try_get("history_of")?,
            found.try_get("due")?,
            &outcome,
        );
        ended.push(run);
    }
    files::drop_unneeded(on, &ended).await
}

/// One page of a schedule's history: $1 schedule, $2 limit, $3 offset, or $3 and $4 due time and id of the run behind which it begins.
macro_rules! history {
    ($meets:expr, $rest:literal) => {
        concat!(
            "select ",
            entry_columns!(),
            ", (",
            counted!($meets),
            ") as total from run r",
            deliveries_of_run!(),
            "where r.history_of = $1",
            $meets,
            $rest
        )
    };
}

/// How many runs it has in all.
macro_rules! counted {
    ($meets:expr) => {
        concat!("select count(*) from run r where r.history_of = $1", $meets)
    };
}

/// The conditions of a [`RunFilter`], on a run `r`.
macro_rules! meets {
    () => {
        " and ($5 is null or r.id = $5) and ($6 is null or r.state = $6) and ($7 is null or r.due >= $7) and ($8 is null or r.due <= $8)"
    };
}

/// A page by number, and one behind a cursor.
pub(super) const HISTORY: [&str; 2] = [
    history!("", " order by r.due desc, r.id desc limit $2 offset $3"),
    history!(
        "",
        " and (r.due, r.id) < ($3, $4) order by r.due desc, r.id desc limit $2"
    ),
];

/// The same of the runs that meet the conditions.
const FILTERED_HISTORY: [&str; 2] = [
    history!(meets!(), " order by r.due desc, r.id desc limit $2 offset $3"),
    history!(
        meets!(),
        " and (r.due, r.id) < ($3, $4) order by r.due desc, r.id desc limit $2"
    ),
];

/// The latest runs, at most $1: of all schedules, or of schedule $2.
pub(super) const LATEST: [&str; 2] = [
    concat!(
        "select r.history_of, r.organizer, r.event, ",
        entry_columns!(),
        " from run r",
        deliveries_of_run!(),
        "order by r.due desc, r.id desc limit $1"
    ),
    concat!(
        "select r.history_of, r.organizer, r.event, ",
        entry_columns!(),
        " from run r",
        deliveries_of_run!(),
        "where r.history_of = $2 order by r.due desc, r.id desc limit $1"
    ),
];

#[async_trait]
impl Runs for PostgresStorage {
    async fn reserve_run(&self) -> Result<u64, StorageError> {
        let id: i64 = settled!(
            self.pool
                .fetch_one("select nextval(pg_get_serial_sequence('run', 'id'))", &[])
        )?;
        unsigned(id)
    }

    async fn refuses_run(
        &self,
        of: AskedOf<'_>,
        limits: &WriteLimits,
        now: Instant,
    ) -> Result<Option<Exceeded>, StorageError> {
        let asked = read!(async {
            let connection = self.pool.acquire().await?;
            usage::runs_asked(&connection, of, now).await
        })?;
        Ok(asked.refuses(limits, now))
    }

    async fn start(
        &self,
        lease: &Lease,
        plan: &RunStart,
        zone_database: &str,
        zone: &str,
        now: Instant,
    ) -> Result<u64, StartError> {
        if lease.work != Work::Execute {
            return Err(StartError::Lost);
        }
        let run = settled!(self.try_start(lease, plan, (zone_database, zone), now))??;
        Ok(unsigned(run)?)
    }

    async fn recorded(&self, schedule: u64, range: &MissedRange) -> Result<Option<Instant>, StorageError> {
        let schedule = signed(schedule)?;
        Ok(read!(async {
            let connection = self.pool.acquire().await?;
            recorded(&connection, schedule, range).await
        })?)
    }

    async fn runs(&self, schedule: u64, query: &RunQuery) -> Result<Option<Rows<RunEntry>>, StorageError> {
        let schedule = signed(schedule)?;
        let size = clamped(query.size);
        let (page, behind) = match &query.at {
            Position::Number(page) => (Some(*page), None),
            Position::After(text) => match Cursor::of_history(text) {
                Some(behind) => (None, Some(behind)),
                None => return Ok(None),
            },
        };
        let first = match page.map(|page| offset(page, size)) {
            Some(None) => return Ok(None),
            Some(Some(first)) => first,
            None => 0,
        };
        let only = RunFilter::of(query);
        let (most, (begin, id)) = (i64::from(size) + 1, behind.unwrap_or((first, 0)));
        let mut parameters: Vec<&dyn Parameter> = vec![&schedule, &most, &begin, &id];
        let (histories, counted) = match &only {
            None => {
                parameters.truncate(if behind.is_some() { 4 } else { 3 });
                (HISTORY, counted!(""))
            }
            Some(only) => {
                parameters.extend::<[&dyn Parameter; 4]>([&only.id, &only.state, &only.since, &only.until]);
                (FILTERED_HISTORY, counted!(meets!()))
            }
        };
        let history = histories[usize::from(behind.is_some())];
        let mut found = read!(self.pool.fetch_all::<Found>(history, &parameters))?;
        if found.is_empty() && page.is_some_and(|page| page > 1) {
            return Ok(None);
        }
        let total: i64 = match found.first() {
            Some(row) => row.try_get("total")?,
            None => read!(self.pool.fetch_one(counted, &parameters))?,
        };
        let more = found.len() > size as usize;
        found.truncate(size as usize);
        let rows = found.iter().map(entry).collect::<client::Result<Vec<_>>>()?;
        let next = match rows.last().filter(|_| more) {
            Some(last) => Some(Cursor::behind(last.due, signed(last.id)?)),
            None => None,
        };
        Ok(Some(Rows {
            total: unsigned(total)?,
            rows,
            next,
        }))
    }

    async fn latest_runs(&self, schedules: &[u64]) -> Result<Vec<Option<RunEntry>>, StorageError> {
        let ids = schedules.iter().map(|id| signed(*id)).collect::<Result<Vec<_>, _>>()?;
        let found: Vec<Found> = read!(self.pool.fetch_all(LATEST_OF_EACH, &[&ids]))?;
        let mut latest = BTreeMap::new();
        for row in &found {
            latest.insert(count(row, "schedule")?, entry(row)?);
        }
        Ok(schedules.iter().map(|id| latest.get(id).cloned()).collect())
    }

    async fn history(&self, schedule: Option<u64>, limit: u32) -> Result<Vec<HistoryRow>, StorageError> {
        let schedule = schedule.map(signed).transpose()?;
        let limit = i64::from(limit);
        let mut parameters: Vec<&dyn Parameter> = vec![&limit];
        parameters.extend(schedule.iter().map(|schedule| schedule as &dyn Parameter));
        let latest = LATEST[usize::from(schedule.is_some())];
        let found: Vec<Found> = read!(self.pool.fetch_all(latest, &parameters))?;
        let rows = found.iter().map(|row| {
            Ok(HistoryRow {
                schedule: count(row, "history_of")?,
                scope: scope(row)?,
                entry: entry(row)?,
            })
        });
        Ok(rows.collect::<client::Result<_>>()?)
    }

    async fn finish(&self, lease: &Lease, run: u64, finish: &Finish) -> Result<Written, LeaseError> {
        if lease.run.is_some_and(|leased| leased != run) {
            return Err(LeaseError::Lost);
        }
        let written = match (lease.work, &finish.outcome) {
            (Work::Execute, Outcome::Delivered) => None,
            (Work::Execute, _) if settled!(self.submit_at_once(lease, run, finish))? => Some(Written::AsGiven),
            (Work::Execute, _) => settled!(self.finish_executed(lease, run, finish))?,
            (Work::Settle, Outcome::Delivered | Outcome::Failed(_)) => {
                settled!(self.finish_settled(lease, run, finish))?
            }
            (Work::Settle, _) => None,
        };
        let written = written.ok_or(LeaseError::Lost)?;
        if finish.mail.is_some() {
            self.tell();
        }
        Ok(written)
    }
}

impl PostgresStorage {
    async fn try_start(
        &self,
        lease: &Lease,
        plan: &RunStart,
        zones: (&str, &str),
        now: Instant,
    ) -> client::Result<Result<i64, StartError>> {
        // Nearly always nothing was missed, and it is one statement. A lease that ran out and that nobody took is still one: the fence
        // decides.
        if plan.missed.is_empty() {
            step(None, RunState::Open)?;
            let started = read!(async {
                let connection = self.pool.acquire().await?;
                start(&connection, lease, plan, zones, now).await
            })?;
            return Ok(started.flatten().ok_or(StartError::Lost));
        }
        let schedule = signed(lease.schedule)?;
        let transaction = self.begin().await?;
        let held = transaction
            .fetch_optional::<Found>(
                "select s.organizer, s.event, s.open_run from schedule s
                 where s.id = $1 and s.fence = $2 and s.lease_until is not null for no key update",
                &[&schedule, &signed(lease.fence)?],
            )
            .await?;
        let Some(held) = held else {
            return Ok(Err(StartError::Lost));
        };
        let mut said = Entries::default();
        if held.try_get::<Option<i64>>("open_run")?.is_none() {
            step(None, RunState::Open)?;
            let scope = scope(&held)?;
            let written = write_missed(&transaction, schedule, &scope, &plan.missed, now, &mut said);
            if let Err(latest) = written.await? {
                return Ok(Err(StartError::Recorded(latest)));
            }
        }
        let run = start(&transaction, lease, plan, zones, now).await?;
        let Some(run) = run else {
            return Ok(Err(StartError::Lost));
        };
        said.commit(transaction, now).await?;
        Ok(run.ok_or(StartError::Lost))
    }
}

/// Carries out [`START`].
async fn start(
    on: &Connection,
    lease: &Lease,
    plan: &RunStart,
    (zone_database, zone): (&str, &str),
    now: Instant,
) -> client::Result<Option<Option<i64>>> {
    let (schedule, fence) = (signed(lease.schedule)?, signed(lease.fence)?);
    let (zone, zone_database) = (text(zone), text(zone_database));
    let next = plan.next_run;
    on.fetch_optional(
        START,
        &[&schedule, &fence, &plan.due, &now, &zone, &next, &zone_database],
    )
    .await
}
