//! Organizers switched on and off.

use super::SqliteStorage;
use super::audit;
use super::runs::{self, Cancelled};
use crate::clock::Instant;
use crate::storage::{Scope, StorageError};

impl SqliteStorage {
    pub(super) async fn is_enabled(&self, organizer: &str) -> Result<bool, StorageError> {
        self.reading.enabled(organizer)
    }

    pub(super) async fn all_switched(&self) -> Result<Vec<(String, bool)>, StorageError> {
        Ok(sqlx::query_as("select slug, enabled from organizer order by slug")
            .fetch_all(&self.readers)
            .await?)
    }

    pub(super) async fn switch(
        &self,
        organizer: &str,
        enabled: bool,
        actor: &str,
        now: Instant,
    ) -> Result<(), StorageError> {
        let mut transaction = self.write().await?;
        let switched = sqlx::query(
            "insert into organizer (slug, enabled) values ($1, $2)
             on conflict (slug) do update set enabled = excluded.enabled where enabled <> excluded.enabled",
        )
        .bind(organizer)
        .bind(enabled)
        .execute(&mut *transaction)
        .await?;
        if switched.rows_affected() == 0 {
            // It may be so by another write of the same transaction: that is not answered before it is durable.
            return transaction.commit().await;
        }
        if enabled {
            sqlx::query("update schedule set parked = 1, replan = 1 where organizer = $1")
                .bind(organizer)
                .execute(&mut *transaction)
                .await?;
        } else {
            runs::cancel_open(&mut transaction, Cancelled::Organizer(organizer), now).await?;
            sqlx::query(
                "update schedule set parked = 1, fence = fence + 1, lease_until = null, open_run = null, retry_at = null,
                   attempt = 0
                 where organizer = $1",
            )
            .bind(organizer)
            .execute(&mut *transaction)
            .await?;
        }
        let scope = Scope {
            organizer: organizer.to_owned(),
            event: None,
        };
        let action = if enabled { "enabled" } else { "disabled" };
        audit::write(&mut transaction, now, &scope, None, actor, (action, "")).await?;
        transaction.commit().await
    }
}
