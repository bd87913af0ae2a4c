//! Organizers switched on and off.

use async_trait::async_trait;

use super::audit::Entries;
use super::client::{self, Connection, Found};
use super::columns::{event_of, scope, text};
use super::runs::{self, Cancelled};
use super::{PostgresStorage, read, settled};
use crate::clock::Instant;
use crate::values::{signed, unsigned};
use crate::{Organizers, Scope, StorageError};

/// Keeps an organizer from being switched until the transaction ends, and answers whether it is on.
pub(super) async fn share(on: &Connection, organizer: &str) -> client::Result<bool> {
    let enabled: Option<Option<bool>> = on
        .fetch_optional(
            "select enabled from organizer where slug = $1 for share",
            &[&text(organizer)],
        )
        .await?;
    match enabled {
        Some(enabled) => Ok(enabled == Some(true)),
        None => lock(on, organizer).await,
    }
}

/// [`share`], and no other transaction that asks for either goes on meanwhile.
pub(super) async fn lock(on: &Connection, organizer: &str) -> client::Result<bool> {
    let enabled: Option<bool> = on
        .fetch_one(
            "insert into organizer (slug) values ($1) on conflict (slug) do update set slug = excluded.slug returning enabled",
            &[&text(organizer)],
        )
        .await?;
    Ok(enabled == Some(true))
}

#[async_trait]
impl Organizers for PostgresStorage {
    async fn enabled(&self, organizer: &str) -> Result<bool, StorageError> {
        Ok(read!(self.pool.fetch_one(
            "select exists (select 1 from organizer where slug = $1 and enabled)",
            &[&text(organizer)],
        ))?)
    }

    async fn organizers(&self) -> Result<Vec<(String, bool)>, StorageError> {
        Ok(read!(self.pool.fetch_all(
            "select slug, enabled from organizer where enabled is not null order by slug",
            &[]
        ))?)
    }

    async fn set_enabled(&self, organizer: &str, enabled: bool, actor: &str, now: Instant) -> Result<(), StorageError> {
        Ok(settled!(self.try_set_enabled(organizer, enabled, actor, now))?)
    }

    async fn resume_undelivered(
        &self,
        organizer: Option<&str>,
        schedule: Option<u64>,
        actor: &str,
        now: Instant,
    ) -> Result<Vec<u64>, StorageError> {
        let schedule = schedule.map(signed).transpose()?;
        let started: Vec<i64> = settled!(self.try_resume_undelivered(organizer, schedule, actor, now))?;
        started.into_iter().map(unsigned).collect()
    }

    async fn retire(&self, event: &Scope, now: Instant) -> Result<(), StorageError> {
        if event.event.is_none() {
            return Ok(());
        }
        Ok(settled!(self.try_retire(event, now))?)
    }

    async fn scopes(&self, organizer: &str) -> Result<Vec<(Option<String>, u64)>, StorageError> {
        let found: Vec<(Option<String>, i64)> = read!(self.pool.fetch_all(
            "select nullif(event, ''), sum(schedules)::bigint from scope_size
             where organizer = $1 group by event having sum(schedules) > 0 order by event",
            &[&text(organizer)]
        ))?;
        let found = found
            .into_iter()
            .map(|(event, schedules)| Ok((event, unsigned(schedules)?)));
        found.collect()
    }
}

impl PostgresStorage {
    async fn try_resume_undelivered(
        &self,
        organizer: Option<&str>,
        schedule: Option<i64>,
        actor: &str,
        now: Instant,
    ) -> client::Result<Vec<i64>> {
        let transaction = self.begin().await?;
        let stopped = transaction
            .fetch_all::<Found>(
                "select s.id, s.organizer, s.event from schedule s
                 where not s.active and s.paused_until is null and not s.retired and s.parent is null and ($1::text is null or s.organizer = $1) and ($2::bigint is null or s.id = $2)
                   and (select r.code from run r where r.schedule = s.id order by r.due desc limit 1) = 'undelivered'
                 order by s.id for no key update of s",
                &[&organizer.map(text), &schedule],
            )
            .await?;
        let mut said = Entries::default();
        let mut ids = Vec::new();
        for row in &stopped {
            let id: i64 = row.try_get("id")?;
            said.add(&scope(row)?, Some(id), actor, ("resumed", ""));
            ids.push(id);
        }
        transaction
            .execute(
                "update schedule set active = true, error_counter = 0, parked = true, replan = true, version = version + 1,
                   fence = fence + 1, lease_until = null
                 where id = any($1)",
                &[&ids],
            )
            .await?;
        said.commit(transaction, now).await?;
        Ok(ids)
    }

    async fn try_retire(&self, event: &Scope, now: Instant) -> client::Result<()> {
        let transaction = self.begin().await?;
        transaction
            .execute(
                "select id from schedule where organizer = $1 and event = $2 order by id for no key update",
                &[&text(&event.organizer), &event_of(event)],
            )
            .await?;
        let mut said = Entries::default();
        runs::cancel_open(&transaction, Cancelled::Event(event), now, &mut said).await?;
        transaction
            .execute(
                "update schedule set active = false, retired = true, version = version + 1, fence = fence + 1, lease_until = null,
                   open_run = null, retry_at = null, attempt = 0
                 where organizer = $1 and event = $2",
                &[&text(&event.organizer), &event_of(event)],
            )
            .await?;
        said.add(event, None, "host", ("event-deleted", ""));
        said.commit(transaction, now).await
    }

    async fn try_set_enabled(&self, organizer: &str, enabled: bool, actor: &str, now: Instant) -> client::Result<()> {
        let transaction = self.begin().await?;
        let switched = transaction
            .execute(
                "insert into organizer (slug, enabled) values ($1, $2)
                 on conflict (slug) do update set enabled = excluded.enabled
                 where organizer.enabled is distinct from excluded.enabled",
                &[&text(organizer), &enabled],
            )
            .await?;
        if switched == 0 {
            return Ok(());
        }
        transaction
            .execute(
                "select id from schedule where organizer = $1 order by id for no key update",
                &[&text(organizer)],
            )
            .await?;
        let mut said = Entries::default();
        if enabled {
            transaction
                .execute(
                    "update schedule set parked = true, replan = true where organizer = $1",
                    &[&text(organizer)],
                )
                .await?;
        } else {
            runs::cancel_open(&transaction, Cancelled::Organizer(organizer), now, &mut said).await?;
            transaction
                .execute(
                    "update schedule set parked = true, fence = fence + 1, lease_until = null, open_run = null,
                       retry_at = null, attempt = 0
                     where organizer = $1",
                    &[&text(organizer)],
                )
                .await?;
        }
        let scope = Scope {
            organizer: organizer.to_owned(),
            event: None,
        };
        let action = if enabled { "enabled" } else { "disabled" };
        said.add(&scope, None, actor, (action, ""));
        said.commit(transaction, now).await
    }
}
