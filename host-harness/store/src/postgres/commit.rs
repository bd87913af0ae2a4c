//! What people change: all of one call, or nothing.

use std::borrow::Cow;

use super::audit::Entries;
use super::client::{self, Connection, Found, Parameter};
use super::columns::{event_of, row, row_columns, text};
use super::runs::{self, Cancelled};
use super::usage::{count_write, creatable, movable};
use super::{PostgresStorage, change_notices, lists, organizers, requests, usage};
use crate::clock::Instant;
use crate::contract::{Content, MissedRange, StateKind};
use crate::values::{recipients_text, signed, state_columns};
use crate::{Change, Commit, CommitError, RequestedRun, Row, StorageError, Visible};

/// Creates that may be under way at a time, over all hosts. An organizer that is further than this from its quota need not have
/// them counted one after the other.
const UNDER_WAY: i64 = 1000;

/// Inside, why a change is refused; the database is as it was.
type Done = client::Result<Result<(), CommitError>>;

/// What a person's change of a schedule writes, with the parameters of [`Said`]. An open run is executed again at once, with
/// its due time; without one, a lease has pinned nothing, and the new plan says what is due.
/// A pause cancels it afterwards.
macro_rules! changed_columns {
    () => {
        "version = version + 1, exporter = $2, recipients = $3, next_run = $4, active = ($5::bigint[])[1] = 1, paused_until = ($5::bigint[])[2], error_counter = $6, document = $7,
           zone_database = $8, changed_at = $9, fence = fence + 1, lease_until = null,
           retry_at = case when open_run is not null then $9 end,
           attempt = case when open_run is not null then attempt else 0 end"
    };
}

/// Is `s` the schedule that [`CHANGE`] is about, and may it be changed? Not by one statement where runs of it were asked for: those end
/// with the change.
macro_rules! changeable {
    () => {
        "s.id = $1 and (s.organizer = $10 and s.event = $11) is true and ($12::text is null or s.owner = $12)
           and s.version = $14 and not s.retired and s.parent is null and not s.requested"
    };
}

/// A new schedule with all that belongs to it, where its organizer $10 has a row; $11 event, $12 owner, $13 who makes it. With a quota
/// $15 only where that is at least $16 further away, and within the limits $14. Answers how many were put in, and how many were counted.
const CREATE: &str = concat!(
    "with room as (
       select 1 as one where exists (select from organizer where slug = $10) and ",
    creatable!("$14"),
    "    and ($15::bigint is null or $15::bigint >= $16::bigint + (
           select coalesce(sum(schedules), 0) from scope_size where organizer = $10))),
     ",
    count_write!("$13", "$9", "$14", "room"),
    ", switched as (
       select coalesce(enabled, false) as enabled from organizer where slug = $10 and exists (select from allowed) for share),
     put as (
       insert into schedule (id, organizer, event, owner, version, exporter, recipients, next_run, active, error_counter, document,
         zone_database, created_at, changed_at, paused_until, parked)
       select $1, $10, $11, $12, 1, $2, $3, $4, ($5::bigint[])[1] = 1, $6, $7, $8, $9, $9, ($5::bigint[])[2], not enabled from switched
       on conflict (id) do nothing returning id),
     counted as (
       insert into scope_size (organizer, event, part, schedules) select $10, $11, id % 16, 1 from put
       on conflict (organizer, event, part) do update set schedules = scope_size.schedules + 1),
     said as (
       insert into audit (at, organizer, event, schedule, actor, action, detail)
       select $9, $10, $11, id, $13, 'created', '' from put)
     select (select count(*) from put), (select count(*) from used)"
);

/// A change of a schedule of $10 organizer, $11 event and $12 owner, if any, that is still of version $14, by $13, within the limits $15,
/// which changed $16. Answers how many were changed, and how many were counted: one that is as it should be when it is looked for, and
/// that another changes before it is locked, is counted and not changed.
pub(super) const CHANGE: &str = concat!(
    "with given as (
       select 1 as one from schedule s where ",
    changeable!(),
    " and ",
    movable!("$15"),
    "),
     ",
    count_write!("$13", "$9", "$15", "given"),
    ", changed as (
       update schedule s set ",
    changed_columns!(),
    "  where exists (select from allowed) and ",
    changeable!(),
    "  returning id),
     said as (
       insert into audit (at, organizer, event, schedule, actor, action, detail)
       select $9, $10, $11, id, $13, 'changed', $16 from changed)
     select (select count(*) from changed), (select count(*) from used)"
);

impl PostgresStorage {
    /// What people do most is one statement, and so one way to the server and back. False: it is something else, or nothing was
    /// written, and [`PostgresStorage::try_write_commit`] says why.
    pub(super) async fn try_write_at_once(&self, commit: &Commit) -> client::Result<bool> {
        let ([change], None) = (&commit.changes[..], &commit.completion) else {
            return Ok(false);
        };
        let Visible { scope, only_owner } = &commit.by;
        let (organizer, event, actor) = (text(&scope.organizer), event_of(scope), text(&commit.actor));
        let limits = usage::limits_of(commit)?;
        let (written, counted): (i64, i64) = match change {
            Change::Insert { id, owner, content } if only_owner.as_ref().is_none_or(|only| only == owner) => {
                let said = Said::of(signed(*id)?, content, commit);
                let (owner, quota, away) = (text(owner), commit.quota.map(i64::from), UNDER_WAY + 1);
                let parameters = said.with(&[&organizer, &event, &owner, &actor, &limits, &quota, &away]);
                self.pool.fetch_one(CREATE, &parameters).await?
            }
            Change::Update {
                id,
                version,
                content,
                missed,
            } if missed.is_empty() && content.state.at(commit.now) != StateKind::Paused => {
                let (Ok(id), Ok(version)) = (i64::try_from(*id), i64::try_from(*version)) else {
                    return Ok(false);
                };
                let said = Said::of(id, content, commit);
                let (only_owner, detail) = (only_owner.as_deref().map(text), commit.detail(change));
                let detail = text(&detail);
                let parameters = said.with(&[&organizer, &event, &only_owner, &actor, &version, &limits, &detail]);
                self.pool.fetch_one(CHANGE, &parameters).await?
            }
            Change::Insert { .. }
            | Change::Update { .. }
            | Change::TakeOver { .. }
            | Change::Delete { .. }
            | Change::RequestRun(_)
            | Change::Tell(_) => return Ok(false),
        };
        if written == 0 && counted == 1 {
            usage::give_back(&self.pool, commit).await?;
        }
        Ok(written == 1)
    }

    pub(super) async fn try_write_commit(&self, commit: &Commit) -> Done {
        let transaction = self.begin().await?;
        let on = &transaction;
        if let Some(completion) = &commit.completion
            && !requests::complete(on, completion, commit.now).await?
        {
            return Ok(Err(CommitError::Superseded));
        }
        // Before any other lock: in the order of the statements for one change.
        if let Err(exceeded) = usage::count_writes(on, commit).await? {
            return Ok(Err(CommitError::Exceeded(exceeded)));
        }
        let mut parked = true;
        let inserts = most_added(&commit.changes);
        if inserts > i64::MIN {
            match admit(on, commit, inserts).await? {
                Ok(enabled) => parked = !enabled,
                Err(refused) => return Ok(Err(refused)),
            }
        }
        let asks = |change: &Change| matches!(change, Change::RequestRun(_));
        // Those who ask for runs wait for each other, so that no two of them take the last one of the hour.
        if commit.changes.iter().any(asks) && !organizers::lock(on, &commit.by.scope.organizer).await? {
            return Ok(Err(CommitError::NotFound));
        }
        let mut said = Entries::default();
        for change in &commit.changes {
            if let Err(refused) = carry_out(on, commit, change, parked, &mut said).await? {
                return Ok(Err(refused));
            }
        }
        said.commit(transaction, commit.now).await?;
        Ok(Ok(()))
    }

    pub(super) async fn try_seed(&self, row: &Row, zone_database: &str, now: Instant) -> client::Result<bool> {
        let transaction = self.begin().await?;
        let enabled = organizers::share(&transaction, &row.scope.organizer).await?;
        transaction
            .execute(
                "update sequence set next = $1 where name = 'schedule' and next < $1",
                &[&signed(row.id)?.saturating_add(1)],
            )
            .await?;
        if !put(&transaction, row, zone_database, now, !enabled).await? {
            return Ok(false);
        }
        transaction.commit().await?;
        Ok(true)
    }
}

/// Locks the organizer for new schedules of it, and answers whether it is on. Only near the quota, those who make one wait for each
/// other.
async fn admit(on: &Connection, commit: &Commit, inserts: i64) -> client::Result<Result<bool, CommitError>> {
    let organizer = &commit.by.scope.organizer;
    let Some(quota) = commit.quota else {
        return Ok(Ok(organizers::share(on, organizer).await?));
    };
    if counted(on, organizer).await? + inserts + UNDER_WAY <= i64::from(quota) {
        return Ok(Ok(organizers::share(on, organizer).await?));
    }
    let enabled = organizers::lock(on, organizer).await?;
    if counted(on, organizer).await? + inserts > i64::from(quota) {
        return Ok(Err(CommitError::Quota(quota)));
    }
    Ok(Ok(enabled))
}

/// By how many the schedules are more after one of these changes puts one in, at most; the lowest number: none does.
fn most_added(changes: &[Change]) -> i64 {
    let (mut added, mut most) = (0, i64::MIN);
    for change in changes {
        match change {
            Change::Insert { .. } => {
                added += 1;
                most = most.max(added);
            }
            Change::Delete { .. } => added -= 1,
            Change::Update { .. } | Change::TakeOver { .. } | Change::RequestRun(_) | Change::Tell(_) => {}
        }
    }
    most
}

async fn counted(on: &Connection, organizer: &str) -> client::Result<i64> {
    on.fetch_one(lists::COUNT_ALL, &[&text(organizer)]).await
}

async fn carry_out(on: &Connection, commit: &Commit, change: &Change, parked: bool, said: &mut Entries) -> Done {
    let (done, id, action) = match change {
        Change::Insert { id, owner, content } => {
            let done = insert(on, commit, *id, owner, content, parked).await?;
            (done, id, "created")
        }
        Change::Update {
            id,
            version,
            content,
            missed,
        } => {
            let done = update(on, commit, (*id, *version), None, content, missed, said).await?;
            (done, id, "changed")
        }
        Change::TakeOver {
            id,
            version,
            owner,
            former: _,
            content,
            missed,
        } => {
            let done = update(on, commit, (*id, *version), Some(owner), content, missed, said).await?;
            (done, id, "taken-over")
        }
        Change::Delete { id, version } => {
            let done = delete(on, commit, *id, *version, said).await?;
            (done, id, "deleted")
        }
        Change::RequestRun(run) => {
            let done = request(on, commit, run).await?;
            (done, run.schedule.as_ref().unwrap_or(&run.id), "run-requested")
        }
        Change::Tell(notice) => {
            change_notices::tell(on, &commit.by.scope, notice, commit.now).await?;
            return Ok(Ok(()));
        }
    };
    if done.is_ok() {
        let detail = commit.detail(change);
        said.add(&commit.by.scope, Some(signed(*id)?), &commit.actor, (action, &detail));
    }
    Ok(done)
}

/// The first nine parameters of a statement: $1 the id, $2 to $7 what a schedule says, $8 by which zone database, $9 when.
struct Said<'c> {
    id: i64,
    /// The columns `active` and `paused_until`, as one array: shorter without a pause.
    state: Vec<i64>,
    exporter: Cow<'c, str>,
    recipients: String,
    error_counter: i64,
    document: Cow<'c, str>,
    content: &'c Content,
    commit: &'c Commit,
}

impl<'c> Said<'c> {
    fn of(id: i64, content: &'c Content, commit: &'c Commit) -> Self {
        let (active, paused_until) = state_columns(content.state);
        Self {
            id,
            state: [Some(i64::from(active)), paused_until].into_iter().flatten().collect(),
            exporter: text(&content.export_identifier),
            recipients: recipients_text(&content.recipients),
            error_counter: i64::from(content.error_counter),
            document: text(&content.document),
            content,
            commit,
        }
    }

    /// With those that follow.
    fn with<'p>(&'p self, more: &[&'p dyn Parameter]) -> Vec<&'p dyn Parameter> {
        let first: [&dyn Parameter; 9] = [
            &self.id,
            &self.exporter,
            &self.recipients,
            &self.content.next_run,
            &self.state,
            &self.error_counter,
            &self.document,
            &self.commit.zone_database,
            &self.commit.now,
        ];
        first.iter().chain(more).copied().collect()
    }
}

/// Puts a row in; false: its id is taken. While the organizer is off it sleeps.
async fn put(on: &Connection, row: &Row, zone_database: &str, now: Instant, parked: bool) -> client::Result<bool> {
    let Row {
        id,
        scope,
        owner,
        version,
        content,
    } = row;
    let (active, paused_until) = state_columns(content.state);
    let put = on
        .execute(
            "with counted as (
               insert into scope_size (organizer, event, part, schedules) values ($2, $3, $1 % 16, 1)
               on conflict (organizer, event, part) do update set schedules = scope_size.schedules + 1)
             insert into schedule (id, organizer, event, owner, version, exporter, recipients, next_run, active, error_counter,
               document, zone_database, created_at, changed_at, parked, paused_until)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14, $15) on conflict (id) do nothing",
            &[
                &signed(*id)?,
                &text(&scope.organizer),
                &event_of(scope),
                &text(owner),
                &signed(*version)?,
                &text(&content.export_identifier),
                &recipients_text(&content.recipients),
                &content.next_run,
                &active,
                &i64::from(content.error_counter),
                &text(&content.document),
                &zone_database,
                &now,
                &parked,
                &paused_until,
            ],
        )
        .await?;
    Ok(put == 1)
}

async fn insert(on: &Connection, commit: &Commit, id: u64, owner: &str, content: &Content, parked: bool) -> Done {
    let Visible { scope, only_owner } = &commit.by;
    if only_owner.as_deref().is_some_and(|only| only != owner) {
        return Ok(Err(CommitError::NotFound));
    }
    let row = Row {
        id,
        scope: scope.clone(),
        owner: owner.to_owned(),
        version: 1,
        content: content.clone(),
    };
    if let Err(exceeded) = usage::may_create(on, commit, owner, content.next_run).await? {
        return Ok(Err(CommitError::Exceeded(exceeded)));
    }
    if put(on, &row, &commit.zone_database, commit.now, parked).await? {
        Ok(Ok(()))
    } else {
        Err(StorageError::Corrupt(format!("the id {id} of a new schedule is taken")).into())
    }
}

/// Locks a schedule that is visible and of this version.
async fn check(
    on: &Connection,
    by: &Visible,
    id: u64,
    version: Option<u64>,
) -> client::Result<Result<i64, CommitError>> {
    let Ok(id) = i64::try_from(id) else {
        return Ok(Err(CommitError::NotFound));
    };
    let stored: Option<i64> = on
        .fetch_optional(
            "select version from schedule
             where id = $1 and (organizer = $2 and event = $3) is true and ($4::text is null or owner = $4) and parent is null
             for no key update",
            &[&id, &text(&by.scope.organizer), &event_of(&by.scope), &by.only_owner.as_deref().map(text)],
        )
        .await?;
    Ok(match stored {
        None => Err(CommitError::NotFound),
        Some(stored) if version.is_some_and(|version| i64::try_from(version) != Ok(stored)) => Err(CommitError::Stale),
        Some(_) => Ok(id),
    })
}

async fn update(
    on: &Connection,
    commit: &Commit,
    (id, version): (u64, u64),
    owner: Option<&String>,
    content: &Content,
    missed: &[MissedRange],
    said: &mut Entries,
) -> Done {
    let id = match check(on, &commit.by, id, Some(version)).await? {
        Ok(id) => id,
        Err(refused) => return Ok(Err(refused)),
    };
    let retired: bool = on
        .fetch_one("select retired from schedule where id = $1", &[&id])
        .await?;
    if retired {
        return Ok(Err(CommitError::NotFound));
    }
    if let Err(exceeded) = usage::may_move(on, commit, id, content.next_run).await? {
        return Ok(Err(CommitError::Exceeded(exceeded)));
    }
    const UPDATE: &str = concat!(
        "update schedule set ",
        changed_columns!(),
        ", requested = false, owner = coalesce($10, owner) where id = $1"
    );
    let owner = owner.map(|owner| text(owner));
    on.execute(UPDATE, &Said::of(id, content, commit).with(&[&owner]))
        .await?;
    if content.state.at(commit.now) == StateKind::Paused {
        runs::cancel_paused(on, id, commit.now, said).await?;
    }
    if runs::write_missed(on, id, &commit.by.scope, missed, commit.now, said)
        .await?
        .is_err()
    {
        return Ok(Err(CommitError::Stale));
    }
    // What they were asked for is no more what is stored.
    let asked: Vec<i64> = on
        .fetch_all(
            "select id from schedule where parent = $1 and open_run is not null order by id for no key update",
            &[&id],
        )
        .await?;
    for asked in asked {
        remove(on, Cancelled::Changed(asked), asked, commit.now, said).await?;
    }
    Ok(Ok(()))
}

async fn delete(on: &Connection, commit: &Commit, id: u64, version: Option<u64>, said: &mut Entries) -> Done {
    let id = match check(on, &commit.by, id, version).await? {
        Ok(id) => id,
        Err(refused) => return Ok(Err(refused)),
    };
    let asked: Vec<i64> = on
        .fetch_all(
            "select id from schedule where parent = $1 order by id for no key update",
            &[&id],
        )
        .await?;
    for id in asked.into_iter().chain([id]) {
        remove(on, Cancelled::Schedule(id), id, commit.now, said).await?;
    }
    Ok(Ok(()))
}

/// Takes a row away that is locked, with what is under way of it.
async fn remove(on: &Connection, why: Cancelled<'_>, id: i64, now: Instant, said: &mut Entries) -> client::Result<()> {
    runs::cancel_open(on, why, now, said).await?;
    on.execute(
        "with gone as (delete from schedule where id = $1 returning organizer, event, id % 16 as part, parent)
         update scope_size c set schedules = schedules - 1 from gone
         where gone.parent is null and c.organizer = gone.organizer and c.event = gone.event and c.part = gone.part",
        &[&id],
    )
    .await?;
    // Nobody is left to settle its runs, whose recipients are all final or being tried.
    let submitted: Vec<i64> = on
        .fetch_all(
            "update run set settle_wake = null, settle_version = null, settle_fence = settle_fence + 1
             where schedule = $1 and state = 'submitted' returning id",
            &[&id],
        )
        .await?;
    runs::conclude(on, &submitted, now, said).await
}

/// Puts a run in that a person asks for, with the row that it is made of. Its organizer is locked.
async fn request(on: &Connection, commit: &Commit, run: &RequestedRun) -> Done {
    let scope = &commit.by.scope;
    let (parent, stored) = match run.schedule {
        None => (0, None),
        Some(id) => {
            let id = match check(on, &commit.by, id, None).await? {
                Ok(id) => id,
                Err(refused) => return Ok(Err(refused)),
            };
            const STORED: &str = concat!(
                "update schedule s set requested = true where s.id = $1 and not s.retired returning ",
                row_columns!()
            );
            let Some(stored) = on.fetch_optional::<Found>(STORED, &[&id]).await? else {
                return Ok(Err(CommitError::NotFound));
            };
            (id, Some(row(&stored)?))
        }
    };
    if let Err(exceeded) = usage::may_request(on, commit, run).await? {
        return Ok(Err(CommitError::Exceeded(exceeded)));
    }
    let Some(made_of) = run.row(scope, stored) else {
        return Ok(Err(CommitError::NotFound));
    };
    runs::request(on, commit, (run, parent), &made_of).await?;
    let content = &made_of.content;
    on.execute(
        "insert into schedule (id, organizer, event, owner, version, exporter, recipients, active, error_counter, document,
           zone_database, created_at, changed_at, parent, open_run, retry_at)
         values ($1, $2, $3, $4, $5, $6, $7, true, $8, $9, $10, $11, $11, $12, $13, $11)",
        &[
            &signed(made_of.id)?,
            &text(&scope.organizer),
            &event_of(scope),
            &text(&made_of.owner),
            &signed(made_of.version)?,
            &text(&content.export_identifier),
            &recipients_text(&content.recipients),
            &i64::from(content.error_counter),
            &text(&content.document),
            &text(&commit.zone_database),
            &commit.now,
            &parent,
            &signed(run.run)?,
        ],
    )
    .await?;
    Ok(Ok(()))
}
