//! Organizers switched on and off.

use rusqlite::{Connection, params};

use super::SqliteStorage;
use super::audit;
use super::runs::{self, Cancelled};
use super::statement::{all, execute};
use crate::clock::Instant;
use crate::storage::{Scope, StorageError};

impl SqliteStorage {
    pub(super) async fn is_enabled(&self, organizer: &str) -> Result<bool, StorageError> {
        self.reading.enabled(organizer)
    }

    pub(super) async fn all_switched(&self) -> Result<Vec<(String, bool)>, StorageError> {
        self.read_aside(|on| {
            all(on, "select slug, enabled from organizer order by slug", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
        })
        .await
    }

    pub(super) async fn switch(
        &self,
        organizer: &str,
        enabled: bool,
        actor: &str,
        now: Instant,
    ) -> Result<(), StorageError> {
        let (organizer, actor) = (organizer.to_owned(), actor.to_owned());
        self.write(move |on| switch(on, organizer.clone(), enabled, &actor, now))
            .await
    }
}

fn switch(on: &Connection, organizer: String, enabled: bool, actor: &str, now: Instant) -> Result<(), StorageError> {
    let switched = execute(
        on,
        "insert into organizer (slug, enabled) values (?1, ?2)
         on conflict (slug) do update set enabled = excluded.enabled where enabled <> excluded.enabled",
        params![organizer, enabled],
    )?;
    if switched == 0 {
        return Ok(());
    }
    if enabled {
        execute(
            on,
            "update schedule set parked = 1, replan = 1 where organizer = ?1",
            [&organizer],
        )?;
    } else {
        runs::cancel_open(on, Cancelled::Organizer(&organizer), now)?;
        execute(
            on,
            "update schedule set parked = 1, fence = fence + 1, lease_until = null, open_run = null, retry_at = null,
               attempt = 0
             where organizer = ?1",
            [&organizer],
        )?;
    }
    let scope = Scope { organizer, event: None };
    let action = if enabled { "enabled" } else { "disabled" };
    audit::write(on, now, &scope, None, actor, (action, ""))
}
