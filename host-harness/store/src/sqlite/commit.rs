//! What people change: all of one call, or nothing.

use rusqlite::{Connection, params};

use super::columns::{recipients_text, row, row_columns, signed};
use super::runs::{self, Cancelled};
use super::statement::{execute, optional, value, values};
use super::{audit, change_notices, lists, requests, usage};
use crate::clock::Instant;
use crate::contract::{Content, MissedRange, StateKind};
use crate::values::state_columns;
use crate::{Change, Commit, CommitError, RequestedRun, Row, StorageError, Visible};

/// Puts a row in as a fixture does, and has later ids be higher.
pub(super) fn seed(on: &Connection, row: &Row, zone_database: &str, now: Instant) -> Result<(), CommitError> {
    execute(
        on,
        "update sequence set next = ?1 where name = 'schedule' and next < ?1",
        [signed(row.id)?.saturating_add(1)],
    )?;
    match put(on, row, zone_database, now)? {
        true => Ok(()),
        false => Err(CommitError::Stale),
    }
}

/// Carries a commit out.
pub(super) fn write(on: &Connection, commit: &Commit) -> Result<(), CommitError> {
    if let Some(completion) = &commit.completion
        && !requests::complete(on, completion, commit.now)?
    {
        return Err(CommitError::Superseded);
    }
    usage::count_writes(on, commit)?;
    for change in &commit.changes {
        let (schedule, action) = match change {
            Change::Insert { id, owner, content } => {
                insert(on, commit, *id, owner, content)?;
                (id, "created")
            }
            Change::Update {
                id,
                version,
                content,
                missed,
            } => {
                update(on, commit, *id, *version, content, missed)?;
                (id, "changed")
            }
            Change::TakeOver {
                id,
                version,
                owner,
                former: _,
                content,
                missed,
            } => {
                update(on, commit, *id, *version, content, missed)?;
                hand_over(on, *id, owner)?;
                (id, "taken-over")
            }
            Change::Delete { id, version } => {
                delete(on, commit, *id, *version)?;
                (id, "deleted")
            }
            Change::RequestRun(run) => {
                request(on, commit, run)?;
                (run.schedule.as_ref().unwrap_or(&run.id), "run-requested")
            }
            Change::Tell(notice) => {
                change_notices::tell(on, &commit.by.scope, notice, commit.now)?;
                continue;
            }
        };
        let (scope, schedule) = (&commit.by.scope, Some(signed(*schedule)?));
        let detail = commit.detail(change);
        audit::write(on, commit.now, scope, schedule, &commit.actor, (action, &detail))?;
    }
    Ok(())
}

/// Puts a row in; false: its id is taken. While the organizer is off it sleeps.
fn put(on: &Connection, row: &Row, zone_database: &str, now: Instant) -> Result<bool, StorageError> {
    let Row {
        id,
        scope,
        owner,
        version,
        content,
    } = row;
    let (active, paused_until) = state_columns(content.state);
    let put = execute(
        on,
        "insert into schedule (id, organizer, event, owner, version, exporter, recipients, next_run, active,
           error_counter, document, zone_database, created_at, changed_at, paused_until, parked)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?13, ?14,
           not exists (select 1 from organizer where slug = ?2 and enabled = 1))
         on conflict (id) do nothing",
        params![
            signed(*id)?,
            &scope.organizer,
            &scope.event,
            owner,
            signed(*version)?,
            &content.export_identifier,
            recipients_text(&content.recipients),
            content.next_run,
            active,
            content.error_counter,
            &content.document,
            zone_database,
            now,
            paused_until
        ],
    )?;
    Ok(put == 1)
}

fn insert(on: &Connection, commit: &Commit, id: u64, owner: &str, content: &Content) -> Result<(), CommitError> {
    let Visible { scope, only_owner } = &commit.by;
    if only_owner.as_deref().is_some_and(|only| only != owner) {
        return Err(CommitError::NotFound);
    }
    if let Some(quota) = commit.quota {
        let stored: i64 = value(on, lists::COUNT_ALL, [&scope.organizer])?;
        if stored >= i64::from(quota) {
            return Err(CommitError::Quota(quota));
        }
    }
    usage::may_create(on, commit, owner, content.next_run)?;
    let row = Row {
        id,
        scope: scope.clone(),
        owner: owner.to_owned(),
        version: 1,
        content: content.clone(),
    };
    if put(on, &row, &commit.zone_database, commit.now)? {
        Ok(())
    } else {
        Err(StorageError::Corrupt(format!("the id {id} of a new schedule is taken")).into())
    }
}

/// Checks that a schedule is visible and of this version.
fn check(on: &Connection, by: &Visible, id: u64, version: Option<u64>) -> Result<i64, CommitError> {
    let id = i64::try_from(id).map_err(|_| CommitError::NotFound)?;
    let stored: i64 = optional(
        on,
        "select version from schedule
         where id = ?1 and organizer = ?2 and event is ?3 and (?4 is null or owner = ?4) and parent is null",
        params![id, &by.scope.organizer, &by.scope.event, &by.only_owner],
        |found| Ok(found.get(0)?),
    )?
    .ok_or(CommitError::NotFound)?;
    if version.is_some_and(|version| i64::try_from(version) != Ok(stored)) {
        return Err(CommitError::Stale);
    }
    Ok(id)
}

fn update(
    on: &Connection,
    commit: &Commit,
    id: u64,
    version: u64,
    content: &Content,
    missed: &[MissedRange],
) -> Result<(), CommitError> {
    let id = check(on, &commit.by, id, Some(version))?;
    let (retired, indexed_alike) = indexed(on, id, content, &commit.zone_database)?;
    if retired {
        return Err(CommitError::NotFound);
    }
    usage::may_move(on, commit, id, content.next_run)?;
    let (active, paused_until) = state_columns(content.state);
    if indexed_alike {
        execute(
            on,
            "update schedule set version = version + 1, recipients = ?2, error_counter = ?3, document = ?4, changed_at = ?5,
               fence = fence + 1, attempt = 0
             where id = ?1",
            params![
                id,
                recipients_text(&content.recipients),
                content.error_counter,
                &content.document,
                commit.now
            ],
        )?;
    } else {
        // An open run is executed again at once, with its due time; without one, a lease has pinned nothing, and the new plan
        // says what is due.
        execute(
            on,
            "update schedule set version = version + 1, exporter = ?2, recipients = ?3, next_run = ?4, active = ?5,
               error_counter = ?6, document = ?7, zone_database = ?8, changed_at = ?9, paused_until = ?10,
               fence = fence + 1, lease_until = null,
               retry_at = case when open_run is not null then ?9 end,
               attempt = case when open_run is not null then attempt else 0 end
             where id = ?1",
            params![
                id,
                &content.export_identifier,
                recipients_text(&content.recipients),
                content.next_run,
                active,
                content.error_counter,
                &content.document,
                &commit.zone_database,
                commit.now,
                paused_until
            ],
        )?;
    }
    for range in missed {
        if runs::recorded(on, id, range)?.is_some() {
            return Err(CommitError::Stale);
        }
        runs::write_missed(on, id, &commit.by.scope, range, commit.now)?;
    }
    if content.state.at(commit.now) == StateKind::Paused {
        runs::cancel_paused(on, id, commit.now)?;
    }
    // What they were asked for is no more what is stored.
    let asked: Vec<i64> = values(
        on,
        "select id from schedule where parent = ?1 and open_run is not null order by id",
        [id],
    )?;
    asked
        .into_iter()
        .try_for_each(|asked| remove(on, Cancelled::Changed(asked), asked, commit.now))
}

/// Whether a schedule is retired, and whether a change to `content` leaves every column as it is that an index contains: no run is open,
/// none is leased, and the change plans nothing anew. SQLite removes and adds the entry of each index that has a column of an `update`,
/// even if the value is the same, which takes a page for each index.
fn indexed(on: &Connection, id: i64, content: &Content, zone_database: &str) -> Result<(bool, bool), CommitError> {
    let (active, paused_until) = state_columns(content.state);
    let found = optional(
        on,
        "select retired, exporter = ?2 and next_run is ?3 and active = ?4 and zone_database = ?5 and paused_until is ?6
           and open_run is null and lease_until is null and retry_at is null
         from schedule where id = ?1",
        params![
            id,
            &content.export_identifier,
            content.next_run,
            active,
            zone_database,
            paused_until
        ],
        |found| Ok((found.get(0)?, found.get(1)?)),
    )?;
    found.ok_or(CommitError::NotFound)
}

/// Writes the owner of a schedule that has just been updated.
fn hand_over(on: &Connection, id: u64, owner: &str) -> Result<(), CommitError> {
    let parameters = params![signed(id)?, owner];
    execute(on, "update schedule set owner = ?2 where id = ?1", parameters)?;
    Ok(())
}

fn delete(on: &Connection, commit: &Commit, id: u64, version: Option<u64>) -> Result<(), CommitError> {
    let id = check(on, &commit.by, id, version)?;
    let asked: Vec<i64> = values(on, "select id from schedule where parent = ?1 order by id", [id])?;
    asked
        .into_iter()
        .chain([id])
        .try_for_each(|id| remove(on, Cancelled::Schedule(id), id, commit.now))
}

/// Takes a row away, with what is under way of it.
fn remove(on: &Connection, why: Cancelled<'_>, id: i64, now: Instant) -> Result<(), CommitError> {
    runs::cancel_open(on, why, now)?;
    execute(on, "delete from schedule where id = ?1", params![id])?;
    disown_submitted(on, id, now)
}

/// Puts a run in that a person asks for, with the row that it is made of.
fn request(on: &Connection, commit: &Commit, run: &RequestedRun) -> Result<(), CommitError> {
    let scope = &commit.by.scope;
    let on_here: bool = value(
        on,
        "select exists (select 1 from organizer where slug = ?1 and enabled = 1)",
        [&scope.organizer],
    )?;
    let parent = run.schedule.map(|id| check(on, &commit.by, id, None)).transpose()?;
    let stored = match parent {
        Some(id) => optional(
            on,
            concat!(
                "select ",
                row_columns!(),
                ", s.zone_database from schedule s where s.id = ?1 and s.retired = 0"
            ),
            [id],
            row,
        )?,
        None => None,
    };
    if !on_here || parent.is_some() && stored.is_none() {
        return Err(CommitError::NotFound);
    }
    usage::may_request(on, commit, run)?;
    let made_of = run.row(scope, stored).ok_or(CommitError::NotFound)?;
    runs::request(on, commit, (run, parent.unwrap_or_default()), &made_of)?;
    let content = &made_of.content;
    execute(
        on,
        "insert into schedule (id, organizer, event, owner, version, exporter, recipients, active, error_counter, document,
           zone_database, created_at, changed_at, parent, open_run, retry_at)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?9, ?10, ?11, ?11, ?12, ?13, ?11)",
        params![
            signed(made_of.id)?,
            &scope.organizer,
            &scope.event,
            made_of.owner,
            signed(made_of.version)?,
            content.export_identifier,
            recipients_text(&content.recipients),
            content.error_counter,
            content.document,
            commit.zone_database,
            commit.now,
            parent.unwrap_or_default(),
            signed(run.run)?
        ],
    )?;
    Ok(())
}

/// Nobody is left to settle the runs of a deleted schedule, whose recipients are all final or being tried.
fn disown_submitted(on: &Connection, schedule: i64, now: Instant) -> Result<(), CommitError> {
    let submitted: Vec<i64> = values(
        on,
        "update run set settle_wake = null, settle_version = null, settle_fence = settle_fence + 1
         where schedule = ?1 and state = 'submitted' returning id",
        params![schedule],
    )?;
    for run in submitted {
        runs::conclude(on, run, now)?;
    }
    Ok(())
}
