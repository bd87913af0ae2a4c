//! What people change: all of one call, or nothing.

use sqlx::SqliteConnection;

use super::columns::{recipients_text, signed};
use super::runs::{self, Cancelled};
use super::{SqliteStorage, audit, lists, outbox, requests};
use crate::clock::Instant;
use crate::contract::{Content, MissedRange};
use crate::storage::{Change, Commit, CommitError, NewMail, Row, StorageError, Visible};

impl SqliteStorage {
    pub(super) async fn write_commit(&self, commit: Commit) -> Result<(), CommitError> {
        let mut transaction = self.write().await?;
        if let Some(completion) = &commit.completion
            && !requests::complete(&mut transaction, completion, commit.now).await?
        {
            return Err(CommitError::Superseded);
        }
        for change in &commit.changes {
            let (schedule, action, detail) = match change {
                Change::Insert { id, owner, content } => {
                    insert(&mut transaction, &commit, *id, owner, content).await?;
                    (id, "created", String::new())
                }
                Change::Update {
                    id,
                    version,
                    content,
                    missed,
                } => {
                    update(&mut transaction, &commit, *id, *version, content, missed).await?;
                    (id, "changed", String::new())
                }
                Change::TakeOver {
                    id,
                    version,
                    owner,
                    former,
                    content,
                    missed,
                    notice,
                } => {
                    update(&mut transaction, &commit, *id, *version, content, missed).await?;
                    hand_over(&mut transaction, &commit, *id, owner, notice.as_deref()).await?;
                    (id, "taken-over", format!("by user:{owner} from user:{former}"))
                }
                Change::Delete { id, version } => {
                    delete(&mut transaction, &commit, *id, *version).await?;
                    (id, "deleted", String::new())
                }
            };
            let (scope, schedule) = (&commit.by.scope, Some(signed(*schedule)?));
            audit::write(
                &mut transaction,
                commit.now,
                scope,
                schedule,
                &commit.actor,
                (action, &detail),
            )
            .await?;
        }
        Ok(transaction.commit().await?)
    }

    pub(super) async fn put_in(&self, row: &Row, zone_database: &str, now: Instant) -> Result<(), CommitError> {
        let id = signed(row.id)?;
        let mut transaction = self.write().await?;
        sqlx::query("update sequence set next = $1 where name = 'schedule' and next < $1")
            .bind(id.saturating_add(1))
            .execute(&mut *transaction)
            .await?;
        if !put(&mut transaction, row, zone_database, now).await? {
            return Err(CommitError::Stale);
        }
        transaction.commit().await?;
        self.reserved().give_up();
        Ok(())
    }
}

/// Puts a row in; false: its id is taken. While the organizer is off it sleeps.
async fn put(on: &mut SqliteConnection, row: &Row, zone_database: &str, now: Instant) -> Result<bool, StorageError> {
    let Row {
        id,
        scope,
        owner,
        version,
        content,
    } = row;
    let put = sqlx::query(
        "insert into schedule (id, organizer, event, owner, version, exporter, recipients, next_run, active, error_counter,
           document, zone_database, created_at, changed_at, parked)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13,
           not exists (select 1 from organizer where slug = $2 and enabled = 1))
         on conflict (id) do nothing",
    )
    .bind(signed(*id)?)
    .bind(&scope.organizer)
    .bind(&scope.event)
    .bind(owner)
    .bind(signed(*version)?)
    .bind(&content.export_identifier)
    .bind(recipients_text(&content.recipients))
    .bind(content.next_run)
    .bind(content.active)
    .bind(content.error_counter)
    .bind(&content.document)
    .bind(zone_database)
    .bind(now)
    .execute(on)
    .await?;
    Ok(put.rows_affected() == 1)
}

async fn insert(
    on: &mut SqliteConnection,
    commit: &Commit,
    id: u64,
    owner: &str,
    content: &Content,
) -> Result<(), CommitError> {
    let Visible { scope, only_owner } = &commit.by;
    if only_owner.as_deref().is_some_and(|only| only != owner) {
        return Err(CommitError::NotFound);
    }
    if let Some(quota) = commit.quota {
        let stored: i64 = sqlx::query_scalar(lists::COUNT_ALL)
            .bind(&scope.organizer)
            .fetch_one(&mut *on)
            .await?;
        if stored >= i64::from(quota) {
            return Err(CommitError::Quota(quota));
        }
    }
    let row = Row {
        id,
        scope: scope.clone(),
        owner: owner.to_owned(),
        version: 1,
        content: content.clone(),
    };
    if put(on, &row, &commit.zone_database, commit.now).await? {
        Ok(())
    } else {
        Err(StorageError::Corrupt(format!("the id {id} of a new schedule is taken")).into())
    }
}

/// Checks that a schedule is visible and of this version.
async fn check(on: &mut SqliteConnection, by: &Visible, id: u64, version: Option<u64>) -> Result<i64, CommitError> {
    let id = i64::try_from(id).map_err(|_| CommitError::NotFound)?;
    let stored: i64 = sqlx::query_scalar(
        "select version from schedule
         where id = $1 and organizer = $2 and event is $3 and ($4 is null or owner = $4)",
    )
    .bind(id)
    .bind(&by.scope.organizer)
    .bind(&by.scope.event)
    .bind(&by.only_owner)
    .fetch_optional(on)
    .await?
    .ok_or(CommitError::NotFound)?;
    if version.is_some_and(|version| i64::try_from(version) != Ok(stored)) {
        return Err(CommitError::Stale);
    }
    Ok(id)
}

async fn update(
    on: &mut SqliteConnection,
    commit: &Commit,
    id: u64,
    version: u64,
    content: &Content,
    missed: &[MissedRange],
) -> Result<(), CommitError> {
    let id = check(on, &commit.by, id, Some(version)).await?;
    // An open run is executed again at once, with its due time; without one, a lease has pinned nothing, and the new plan
    // says what is due.
    sqlx::query(
        "update schedule set version = version + 1, exporter = $2, recipients = $3, next_run = $4, active = $5,
           error_counter = $6, document = $7, zone_database = $8, changed_at = $9,
           fence = fence + 1, lease_until = null,
           retry_at = case when open_run is not null then $9 end,
           attempt = case when open_run is not null then attempt else 0 end
         where id = $1",
    )
    .bind(id)
    .bind(&content.export_identifier)
    .bind(recipients_text(&content.recipients))
    .bind(content.next_run)
    .bind(content.active)
    .bind(content.error_counter)
    .bind(&content.document)
    .bind(&commit.zone_database)
    .bind(commit.now)
    .execute(&mut *on)
    .await?;
    for range in missed {
        if runs::recorded(on, id, range).await?.is_some() {
            return Err(CommitError::Stale);
        }
        runs::write_missed(on, id, &commit.by.scope, range, commit.now).await?;
    }
    Ok(())
}

/// Writes the owner of a schedule that has just been updated, and keeps the mail to the former one.
async fn hand_over(
    on: &mut SqliteConnection,
    commit: &Commit,
    id: u64,
    owner: &str,
    notice: Option<&NewMail>,
) -> Result<(), CommitError> {
    let id = signed(id)?;
    sqlx::query("update schedule set owner = $2 where id = $1")
        .bind(id)
        .bind(owner)
        .execute(&mut *on)
        .await?;
    if let Some(mail) = notice {
        outbox::insert(on, None, (&commit.by.scope, id), commit.now, mail, commit.now).await?;
    }
    Ok(())
}

async fn delete(on: &mut SqliteConnection, commit: &Commit, id: u64, version: Option<u64>) -> Result<(), CommitError> {
    let id = check(on, &commit.by, id, version).await?;
    runs::cancel_open(on, Cancelled::Schedule(id), commit.now).await?;
    sqlx::query("delete from schedule where id = $1")
        .bind(id)
        .execute(&mut *on)
        .await?;
    disown_submitted(on, id, commit.now).await
}

/// Submitted mail of a deleted schedule still goes out; but nobody is left to settle its runs.
async fn disown_submitted(on: &mut SqliteConnection, schedule: i64, now: Instant) -> Result<(), CommitError> {
    let submitted: Vec<i64> = sqlx::query_scalar(
        "update run set settle_wake = null, settle_version = null, settle_fence = settle_fence + 1
         where schedule = $1 and state = 'submitted' returning id",
    )
    .bind(schedule)
    .fetch_all(&mut *on)
    .await?;
    for run in submitted {
        runs::conclude(on, run, now).await?;
    }
    Ok(())
}
