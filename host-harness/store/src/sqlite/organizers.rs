//! Organizers switched on and off.

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::SqliteStorage;
use super::audit;
use super::columns::{signed, unsigned};
use super::runs::{self, Cancelled};
use super::statement::{all, execute, value};
use crate::clock::Instant;
use crate::{Organizers, Scope, StorageError};

#[async_trait]
impl Organizers for SqliteStorage {
    async fn enabled(&self, organizer: &str) -> Result<bool, StorageError> {
        self.reading.read(|on| {
            value(
                on,
                "select exists (select 1 from organizer where slug = ?1 and enabled = 1)",
                [organizer],
            )
        })
    }

    async fn organizers(&self) -> Result<Vec<(String, bool)>, StorageError> {
        self.read_aside(|on| {
            all(on, "select slug, enabled from organizer order by slug", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
        })
        .await
    }

    async fn set_enabled(&self, organizer: &str, enabled: bool, actor: &str, now: Instant) -> Result<(), StorageError> {
        let (organizer, actor) = (organizer.to_owned(), actor.to_owned());
        self.write(move |on| switch(on, organizer.clone(), enabled, &actor, now))
            .await
    }

    async fn resume_undelivered(
        &self,
        organizer: Option<&str>,
        schedule: Option<u64>,
        actor: &str,
        now: Instant,
    ) -> Result<Vec<u64>, StorageError> {
        let (organizer, actor) = (organizer.map(str::to_owned), actor.to_owned());
        let schedule = schedule.map(signed).transpose()?;
        self.write(move |on| {
            let stopped: Vec<(i64, Scope)> = all(
                on,
                "select s.id, s.organizer, s.event from schedule s
                 where s.active = 0 and s.paused_until is null and s.retired = 0 and s.parent is null and (?1 is null or s.organizer = ?1) and (?2 is null or s.id = ?2)
                   and (select r.code from run r where r.schedule = s.id order by r.due desc limit 1) = 'undelivered'
                 order by s.id",
                params![organizer, schedule],
                |row| {
                    Ok((
                        row.get(0)?,
                        Scope {
                            organizer: row.get(1)?,
                            event: row.get(2)?,
                        },
                    ))
                },
            )?;
            for (id, scope) in &stopped {
                execute(
                    on,
                    "update schedule set active = 1, error_counter = 0, parked = 1, replan = 1, version = version + 1,
                       fence = fence + 1, lease_until = null
                     where id = ?1",
                    [id],
                )?;
                audit::write(on, now, scope, Some(*id), &actor, ("resumed", ""))?;
            }
            stopped.iter().map(|(id, _)| unsigned(*id)).collect()
        })
        .await
    }

    async fn retire(&self, event: &Scope, now: Instant) -> Result<(), StorageError> {
        if event.event.is_none() {
            return Ok(());
        }
        let event = event.clone();
        self.write(move |on| {
            runs::cancel_open(on, Cancelled::Event(&event), now)?;
            execute(
                on,
                "update schedule set active = 0, retired = 1, version = version + 1, fence = fence + 1, lease_until = null,
                   open_run = null, retry_at = null, attempt = 0
                 where organizer = ?1 and event = ?2",
                params![&event.organizer, &event.event],
            )?;
            audit::write(on, now, &event, None, "host", ("event-deleted", ""))
        })
        .await
    }

    async fn scopes(&self, organizer: &str) -> Result<Vec<(Option<String>, u64)>, StorageError> {
        let organizer = organizer.to_owned();
        self.read_aside(move |on| {
            all(
                on,
                "select nullif(event, ''), schedules from scope_size where organizer = ?1 order by event",
                [organizer],
                |row| Ok((row.get(0)?, unsigned(row.get(1)?)?)),
            )
        })
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
