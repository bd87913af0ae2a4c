//! The audit log: who changed what, and how runs ended.

use sqlx::{Row as _, SqliteConnection};

use super::SqliteStorage;
use super::columns::{scope, unsigned};
use crate::clock::Instant;
use crate::contract::Outcome;
use crate::storage::values::told;
use crate::storage::{AuditEntry, Scope, StorageError};

/// Actor of what the host does by itself.
pub(super) const HOST: &str = "host";

/// Adds an entry, in the transaction of what it tells of.
pub(super) async fn write(
    on: &mut SqliteConnection,
    at: Instant,
    scope: &Scope,
    schedule: Option<i64>,
    actor: &str,
    (action, detail): (&str, &str),
) -> Result<(), StorageError> {
    sqlx::query(
        "insert into audit (at, organizer, event, schedule, actor, action, detail) values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(at)
    .bind(&scope.organizer)
    .bind(&scope.event)
    .bind(schedule)
    .bind(actor)
    .bind(action)
    .bind(detail)
    .execute(on)
    .await?;
    Ok(())
}

/// Adds the entry of a run's outcome.
pub(super) async fn write_run(
    on: &mut SqliteConnection,
    at: Instant,
    scope: &Scope,
    schedule: i64,
    due: Instant,
    outcome: &Outcome,
) -> Result<(), StorageError> {
    write(on, at, scope, Some(schedule), HOST, ("run", &told(due, outcome))).await
}

impl SqliteStorage {
    pub(super) async fn latest_audit(&self, organizer: &str, limit: u32) -> Result<Vec<AuditEntry>, StorageError> {
        let rows = sqlx::query(
            "select at, organizer, event, schedule, actor, action, detail from audit
             where organizer = $1 order by id desc limit $2",
        )
        .bind(organizer)
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(AuditEntry {
                    at: row.try_get("at")?,
                    scope: scope(row)?,
                    schedule: row.try_get::<Option<i64>, _>("schedule")?.map(unsigned).transpose()?,
                    actor: row.try_get("actor")?,
                    action: row.try_get("action")?,
                    detail: row.try_get("detail")?,
                })
            })
            .collect()
    }
}
