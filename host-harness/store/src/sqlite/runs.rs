//! Runs: how they start, and how the store itself ends them. What became of them: [`history`](super::history).

use async_trait::async_trait;
use rusqlite::{Connection, Row as Columns, params};

use super::called_off::{Which, call_off};
use super::columns::{State, scope, signed, unsigned};
use super::statement::{all, execute, optional, value};
use super::{SqliteStorage, audit, files, finish, history, usage};
use crate::clock::Instant;
use crate::contract::{MissedRange, Outcome, Position, RunEntry};
use crate::contract::{RunQuery, schedule_store::RunStart};
use crate::cursor::Cursor;
use crate::run_filter::RunFilter;
use crate::state::{RunState, step};
use crate::usage::{AskedOf, DAY, Exceeded, WriteLimits};
use crate::values::{
    CHANGED, DELETED, EVENT_DELETED, PAUSED, SWITCHED_OFF, clamped, concluded, kind_text, missed_reason, offset, text,
};
use crate::{
    Commit, Finish, HistoryRow, Lease, LeaseError, RequestedRun, Row, Rows, Runs, Scope, StartError, StorageError,
    Work, Written,
};

/// Writes what a run has become, by a move of the table in [`state`](crate::state), if it still is what was seen.
/// Its leases to settle are lost. With it goes how often the due time has been leased, where that is known.
pub(super) fn write_state(
    on: &Connection,
    run: i64,
    (seen, attempts): (RunState, Option<i64>),
    to: &State<'_>,
    now: Instant,
) -> Result<(), StorageError> {
    step(Some(seen), to.state)?;
    let written = execute(
        on,
        "update run set state = ?3, code = ?4, words = ?5, missed_first = ?6, missed_count = ?7, ended = ?8, missed_reason = ?10,
           settle_wake = null, settle_version = null, attempts = coalesce(?9, attempts)
         where id = ?1 and state = ?2",
        params![
            run,
            seen.as_str(),
            to.state.as_str(),
            to.code.map(text),
            to.words.map(text),
            to.missed_first,
            to.missed_count,
            to.state.terminal().then_some(now),
            attempts,
            to.missed_reason
        ],
    )?;
    if written == 0 {
        return Err(StorageError::Corrupt(format!("run {run} is no longer in state {seen}")));
    }
    Ok(())
}

/// The lowest id that no run has had.
macro_rules! next_id {
    () => {
        "(select next from sequence where name = 'run')"
    };
}

/// Puts a run in that a person asks for, by the id that has been answered; `parent` is the schedule that it is of.
pub(super) fn request(
    on: &Connection,
    commit: &Commit,
    (run, parent): (&RequestedRun, i64),
    made_of: &Row,
) -> Result<(), StorageError> {
    step(None, RunState::Open)?;
    let by = run.by.as_ref();
    execute(
        on,
        "insert into run (id, schedule, organizer, event, due, state, kind, parent, requested_at, requested_by, requested_address)
         values (?1, ?2, ?3, ?4, ?5, 'open', ?6, ?7, ?8, ?9, ?10)",
        params![
            signed(run.run)?,
            signed(made_of.id)?,
            made_of.scope.organizer,
            made_of.scope.event,
            run.due,
            kind_text(run.kind),
            parent,
            commit.now,
            by.map(|by| &by.id),
            by.map(|by| &by.address)
        ],
    )?;
    Ok(())
}

/// The latest due time of the range that has an entry already.
pub(super) fn recorded(on: &Connection, schedule: i64, range: &MissedRange) -> Result<Option<Instant>, StorageError> {
    value(
        on,
        "select max(min(due, ?3)) from run where schedule = ?1 and due >= ?2 and coalesce(missed_first, due) <= ?3",
        params![schedule, range.first, range.last],
    )
}

/// Adds due times that nobody ran, and of which none is [`recorded`], to the history.
pub(super) fn write_missed(
    on: &Connection,
    schedule: i64,
    scope: &Scope,
    range: &MissedRange,
    now: Instant,
) -> Result<(), StorageError> {
    step(None, RunState::Missed)?;
    execute(
        on,
        concat!(
            "insert into run (id, schedule, organizer, event, due, state, missed_first, missed_count, ended, missed_reason)
             values (",
            next_id!(),
            ", ?1, ?2, ?3, ?4, 'missed', ?5, ?6, ?7, ?8)"
        ),
        params![
            schedule,
            &scope.organizer,
            &scope.event,
            range.last,
            range.first,
            signed(range.count)?,
            now,
            missed_reason(range)
        ],
    )?;
    audit::write_run(on, now, scope, schedule, range.last, &Outcome::Missed(*range))
}

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

impl<'a> Cancelled<'a> {
    /// Why.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Schedule(_) => DELETED,
            Self::Changed(_) => CHANGED,
            Self::Organizer(_) => SWITCHED_OFF,
            Self::Event(_) => EVENT_DELETED,
        }
    }

    /// Id, or slug of the organizer, with the event where it is of one.
    fn parameters(self) -> (Option<i64>, Option<&'a str>, Option<&'a str>) {
        match self {
            Self::Schedule(id) | Self::Changed(id) => (Some(id), None, None),
            Self::Organizer(slug) => (None, Some(slug), None),
            Self::Event(scope) => (None, Some(&scope.organizer), scope.event.as_deref()),
        }
    }
}

/// Ends open runs `cancelled`, and calls off what has been made and has not left. The rows of their schedules are the caller's to
/// change.
pub(super) fn cancel_open(on: &Connection, whose: Cancelled<'_>, now: Instant) -> Result<(), StorageError> {
    let words = whose.words();
    let (id, slug, event) = whose.parameters();
    let open = all(
        on,
        "select r.history_of, r.organizer, r.event, r.due, r.id, s.attempt
         from schedule s join run r on r.id = s.open_run
         where s.id = ?1 or (s.organizer = ?2 and (?3 is null or s.event = ?3))",
        params![id, slug, event],
        |run| Ok((Ended::read(run)?, run.get::<_, i64>("id")?, run.get("attempt")?)),
    )?;
    let state = State {
        words: Some(words),
        ..State::plain(RunState::Cancelled)
    };
    let outcome = Outcome::Cancelled(words.to_owned());
    for (run, id, attempts) in open {
        write_state(on, id, (RunState::Open, attempts), &state, now)?;
        files::drop_unneeded(on, id)?;
        run.tell(on, &outcome, now)?;
    }
    cancel_passed(on, whose, words, now)?;
    call_off(on, Which::All(whose), words, now)
}

/// Ends the open run of a schedule that a person has just paused, if there is one. Mail of earlier runs still goes out.
pub(super) fn cancel_paused(on: &Connection, schedule: i64, now: Instant) -> Result<(), StorageError> {
    let open = optional(
        on,
        "select r.history_of, r.organizer, r.event, r.due, r.id, s.attempt
         from schedule s join run r on r.id = s.open_run where s.id = ?1",
        [schedule],
        |run| Ok((Ended::read(run)?, run.get::<_, i64>("id")?, run.get("attempt")?)),
    )?;
    let Some((run, id, attempts)) = open else {
        return Ok(());
    };
    let state = State {
        words: Some(PAUSED),
        ..State::plain(RunState::Cancelled)
    };
    write_state(on, id, (RunState::Open, attempts), &state, now)?;
    execute(
        on,
        "update schedule set open_run = null, retry_at = null, attempt = 0 where id = ?1",
        [schedule],
    )?;
    files::drop_unneeded(on, id)?;
    call_off(on, Which::Run(id), PAUSED, now)?;
    run.tell(on, &Outcome::Cancelled(PAUSED.to_owned()), now)
}

/// A run as the audit log tells of it.
struct Ended {
    schedule: i64,
    scope: Scope,
    due: Instant,
}

impl Ended {
    fn read(from: &Columns<'_>) -> Result<Self, StorageError> {
        Ok(Self {
            schedule: from.get("history_of")?,
            scope: scope(from)?,
            due: from.get("due")?,
        })
    }

    fn tell(&self, on: &Connection, outcome: &Outcome, now: Instant) -> Result<(), StorageError> {
        audit::write_run(on, now, &self.scope, self.schedule, self.due, outcome)
    }
}

/// Ends next due times that have passed and that nobody has started: their schedules won't be there, or will be planned anew.
fn cancel_passed(on: &Connection, whose: Cancelled<'_>, words: &str, now: Instant) -> Result<(), StorageError> {
    step(None, RunState::Cancelled)?;
    let (id, slug, event) = whose.parameters();
    let passed = all(
        on,
        concat!(
            "insert into run (id, schedule, organizer, event, due, state, words, ended, attempts)
             select ",
            next_id!(),
            " + row_number() over (order by id) - 1, id, organizer, event, next_run, 'cancelled', ?3, ?4,
               case when open_run is null then attempt else 0 end
             from schedule
             where (id = ?1 or (organizer = ?2 and (?5 is null or event = ?5))) and active = 1 and parked = 0 and next_run <= ?4
             on conflict (schedule, due) do nothing returning history_of, organizer, event, due"
        ),
        params![id, slug, words, now, event],
        Ended::read,
    )?;
    let outcome = Outcome::Cancelled(words.to_owned());
    passed.iter().try_for_each(|run| run.tell(on, &outcome, now))
}

/// Ends a submitted run whose schedule is gone or whose mail was called off, so that nobody settles it: `delivered` if at least one
/// recipient's server took the mail, else `cancelled` where it was called off for one, else `failed`. Nothing while some recipient
/// is not final.
pub(super) fn conclude(on: &Connection, run: i64, now: Instant) -> Result<(), StorageError> {
    let found = optional(
        on,
        "select r.history_of, r.organizer, r.event, r.due,
           count(*) filter (where d.status = 'accepted') as accepted,
           count(*) filter (where d.status = 'cancelled') as cancelled,
           count(*) filter (where d.status in ('queued', 'retrying')) as pending, m.called_off
         from run r left join mail m on m.run = r.id and m.kind = 'export' left join delivery d on d.mail = m.id
         where r.id = ?1 and r.state = 'submitted'
           and (m.called_off is not null or not exists (select 1 from schedule s where s.id = r.schedule))
         group by r.id",
        [run],
        |found| {
            let counts: (i64, i64) = (found.get("accepted")?, found.get("cancelled")?);
            let outcome = concluded(counts.0 > 0, counts.1 > 0, found.get("called_off")?);
            Ok((Ended::read(found)?, outcome, found.get("pending")?))
        },
    )?;
    let Some((ended, outcome, 0_i64)) = found else {
        return Ok(());
    };
    write_state(on, run, (RunState::Submitted, None), &State::of(&outcome)?, now)?;
    files::drop_unneeded(on, run)?;
    ended.tell(on, &outcome, now)
}

#[async_trait]
impl Runs for SqliteStorage {
    async fn reserve_run(&self) -> Result<u64, StorageError> {
        let reserved = self.write(|on| {
            value(
                on,
                "update sequence set next = next + 1 where name = 'run' returning next - 1",
                [],
            )
        });
        let id: i64 = reserved.await?;
        unsigned(id)
    }

    async fn refuses_run(
        &self,
        of: AskedOf<'_>,
        limits: &WriteLimits,
        now: Instant,
    ) -> Result<Option<Exceeded>, StorageError> {
        let asked = self.reading.read(|on| usage::runs_asked(on, of, now))?;
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
        let (lease, plan) = (lease.clone(), plan.clone());
        let (zone_database, zone) = (zone_database.to_owned(), zone.to_owned());
        let opened = self.write(move |on| open(on, &lease, &plan, (&zone_database, &zone), now));
        Ok(unsigned(opened.await?.ok_or(StartError::Lost)?)?)
    }

    async fn finish(&self, lease: &Lease, run: u64, finish: &Finish) -> Result<Written, LeaseError> {
        let (lease, finish) = (lease.clone(), finish.clone());
        self.write(move |on| finish::finish(on, &lease, run, &finish)).await
    }

    async fn recorded(&self, schedule: u64, range: &MissedRange) -> Result<Option<Instant>, StorageError> {
        self.reading.read(|on| recorded(on, signed(schedule)?, range))
    }

    async fn runs(&self, schedule: u64, query: &RunQuery) -> Result<Option<Rows<RunEntry>>, StorageError> {
        let (schedule, size) = (signed(schedule)?, clamped(query.size));
        let from = match &query.at {
            Position::Number(page) => offset(*page, size).map(history::From::Row),
            Position::After(text) => Cursor::of_history(text).map(history::From::Before),
        };
        let Some(from) = from else {
            return Ok(None);
        };
        let only = RunFilter::of(query);
        self.read_aside(move |on| history::page(on, schedule, from, size, only.as_ref()))
            .await
    }

    async fn latest_runs(&self, schedules: &[u64]) -> Result<Vec<Option<RunEntry>>, StorageError> {
        let schedules = schedules.iter().map(|id| signed(*id)).collect::<Result<Vec<_>, _>>()?;
        self.read_aside(move |on| {
            let latest = |schedule: &i64| history::latest_due(on, *schedule);
            schedules.iter().map(latest).collect()
        })
        .await
    }

    async fn history(&self, schedule: Option<u64>, limit: u32) -> Result<Vec<HistoryRow>, StorageError> {
        let schedule = schedule.map(signed).transpose()?;
        self.read_aside(move |on| history::latest(on, schedule, limit)).await
    }
}

/// Opens a run, and has the schedule go on. None: this due time has ended, and the schedule has gone on all the same.
fn open(
    on: &Connection,
    lease: &Lease,
    plan: &RunStart,
    (zone_database, zone): (&str, &str),
    now: Instant,
) -> Result<Option<i64>, StartError> {
    if lease.work != Work::Execute {
        return Err(StartError::Lost);
    }
    let schedule = signed(lease.schedule)?;
    // A lease that ran out and that nobody took is still one: the fence decides.
    let held = optional(
        on,
        "select s.organizer, s.event, s.version, s.attempt, r.due, s.zone_database = ?3 as same_zones
         from schedule s left join run r on r.id = s.open_run
         where s.id = ?1 and s.fence = ?2 and s.lease_until is not null",
        params![schedule, signed(lease.fence)?, zone_database],
        |held| {
            let counts: (i64, i64) = (held.get("version")?, held.get("attempt")?);
            let same_zones: bool = held.get("same_zones")?;
            Ok((scope(held)?, counts, held.get::<_, Option<Instant>>("due")?, same_zones))
        },
    )?;
    let (scope, (version, attempt), open, same_zones) = held.ok_or(StartError::Lost)?;
    match open {
        Some(due) if due != plan.due => return Err(StartError::Lost),
        Some(_) => {}
        None => {
            for range in &plan.missed {
                if let Some(latest) = recorded(on, schedule, range)? {
                    return Err(StartError::Recorded(latest));
                }
                write_missed(on, schedule, &scope, range, now)?;
            }
            step(None, RunState::Open)?;
        }
    }
    // The run is put in, or counts one attempt more.
    let run: Option<i64> = optional(
        on,
        concat!(
            "insert into run (id, schedule, organizer, event, due, state, started, started_version, started_zone, attempts, asked_by)
             values (",
            next_id!(),
            ", ?1, ?2, ?3, ?4, 'open', ?5, ?6, ?7, ?8, (select owner from schedule where id = ?1 and ?4 <= changed_at + ?9))
             on conflict (schedule, due) do update set attempts = excluded.attempts, started = coalesce(started, excluded.started),
               started_version = coalesce(started_version, excluded.started_version),
               started_zone = coalesce(started_zone, excluded.started_zone) where state = 'open'
             returning id"
        ),
        params![
            schedule,
            scope.organizer,
            scope.event,
            plan.due,
            now,
            version,
            zone,
            attempt,
            DAY
        ],
        |row| Ok(row.get(0)?),
    )?;
    // Where this due time has ended, and was planned once more (by a change that had been read before it started), there is no
    // open run of it; the schedule goes on to the next one all the same, or it would be leased for this one for ever.
    execute(
        on,
        "update schedule set next_run = ?2, open_run = ?3,
           lease_until = case when ?3 is not null then lease_until end,
           attempt = case when ?3 is not null then attempt else 0 end
         where id = ?1",
        params![schedule, plan.next_run, run],
    )?;
    if !same_zones {
        // Only if it changes: it is in an index.
        execute(
            on,
            "update schedule set zone_database = ?2 where id = ?1",
            params![schedule, zone_database],
        )?;
    }
    Ok(run)
}
