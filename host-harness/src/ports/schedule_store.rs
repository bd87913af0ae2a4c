//! `schedule-store`: what the handle allows, on the storage.
//!
//! Writes of a person are staged on the [`Access`] and committed by the service after the call; `start` and `finish` commit
//! at once, under the run's lease.

use std::collections::HashMap;

use wasmtime::component::Resource;

use super::{Access, Run, Services, State, bounds, mistake};
use crate::contract::auth_context::Caller;
use crate::contract::schedule_store::{Host, Page, Plan, RunPage, StoreError};
use crate::contract::{Content, MissedRange, Outcome, PageQuery, Position, Schedule, User};
use crate::service::STOPS_AT;
use crate::storage::{Change, Finish, LeaseError, Row, StartError, StorageError, Work};

impl From<StorageError> for StoreError {
    fn from(error: StorageError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// Joins the owners: the caller is known, for the others the platform is asked once.
async fn joined(services: &Services, caller: &Caller, rows: Vec<Row>) -> Result<Vec<Schedule>, StoreError> {
    let caller = match caller {
        Caller::User(user) => Some(user),
        Caller::Token | Caller::Device => None,
    };
    let mut others: Vec<String> = rows
        .iter()
        .map(|row| &row.owner)
        .filter(|owner| caller.is_none_or(|caller| caller.id != **owner))
        .cloned()
        .collect();
    others.sort_unstable();
    others.dedup();
    let others = match others.is_empty() {
        true => Vec::new(),
        false => services
            .platform
            .users(&others)
            .await
            .map_err(|error| StoreError::Unavailable(error.to_string()))?,
    };
    let users = others.iter().chain(caller);
    let users: HashMap<&str, &User> = users.map(|user| (user.id.as_str(), user)).collect();
    Ok(rows
        .into_iter()
        .map(|row| Schedule {
            id: row.id,
            owner: users.get(row.owner.as_str()).map(|user| (*user).clone()),
            version: row.version,
            content: row.content,
        })
        .collect())
}

async fn joined_one(services: &Services, caller: &Caller, row: Row) -> Result<Schedule, StoreError> {
    Ok(joined(services, caller, vec![row]).await?.remove(0))
}

/// The row as this call sees it: as staged, else as stored.
async fn seen(services: &Services, access: &Access, id: u64) -> Result<Row, StoreError> {
    for change in access.staged.iter().rev() {
        match change {
            Change::Insert {
                id: inserted,
                owner,
                content,
            } if *inserted == id => {
                return Ok(Row {
                    id,
                    scope: access.visible.scope.clone(),
                    owner: owner.clone(),
                    version: 1,
                    content: content.clone(),
                });
            }
            Change::Delete { id: deleted, .. } if *deleted == id => return Err(StoreError::NotFound),
            Change::Insert { .. } | Change::Update { .. } | Change::TakeOver { .. } | Change::Delete { .. } => {}
        }
    }
    let row = services
        .storage
        .get(&access.visible, id)
        .await?
        .ok_or(StoreError::NotFound)?;
    let updated = access.staged.iter().rev().find_map(|change| match change {
        Change::Update {
            id: updated,
            version,
            content,
            ..
        } if *updated == id => Some((version, content, None)),
        Change::TakeOver {
            id: taken,
            version,
            content,
            owner,
            ..
        } if *taken == id => Some((version, content, Some(owner))),
        Change::Insert { .. } | Change::Update { .. } | Change::TakeOver { .. } | Change::Delete { .. } => None,
    });
    Ok(match updated {
        Some((version, content, owner)) => Row {
            version: version + 1,
            content: content.clone(),
            owner: owner.cloned().unwrap_or(row.owner),
            ..row
        },
        None => row,
    })
}

/// Refuses missed due times of which some have an entry. The commit asks again: this answer is for the guest to correct.
async fn not_recorded(services: &Services, id: u64, missed: &[MissedRange]) -> Result<(), StoreError> {
    for range in missed {
        if let Some(latest) = services.storage.recorded(id, range).await? {
            return Err(StoreError::Recorded(latest));
        }
    }
    Ok(())
}

/// Adds a change to what the call has staged.
fn stage(access: &mut Access, change: Change) -> wasmtime::Result<()> {
    if access.staged.len() >= bounds::MOST_CHANGES {
        return Err(mistake("it staged too many changes in one call"));
    }
    access.staged.push(change);
    Ok(())
}

impl Host for State {
    async fn list(&mut self, by: Resource<Access>, query: PageQuery) -> wasmtime::Result<Result<Page, StoreError>> {
        let access = self.access(&by)?;
        let query = PageQuery {
            size: query.size.clamp(1, 50),
            ..query
        };
        let rows = match self.services.storage.list(&access.visible, &query).await {
            Ok(Some(rows)) => rows,
            Ok(None) => return Ok(Err(StoreError::NotFound)),
            Err(error) => return Ok(Err(error.into())),
        };
        let joined = joined(&self.services, &access.facts.caller, rows.rows).await;
        Ok(joined.map(|joined| Page {
            total: rows.total,
            rows: joined,
            next: rows.next,
        }))
    }

    async fn get(&mut self, by: Resource<Access>, id: u64) -> wasmtime::Result<Result<Schedule, StoreError>> {
        let access = self.access(&by)?;
        match seen(&self.services, access, id).await {
            Ok(row) => Ok(joined_one(&self.services, &access.facts.caller, row).await),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn insert(
        &mut self,
        by: Resource<Access>,
        content: Content,
    ) -> wasmtime::Result<Result<Schedule, StoreError>> {
        let content = bounds::content(content)?;
        let access = self.access(&by)?;
        let Caller::User(user) = &access.facts.caller else {
            return Ok(Err(StoreError::Forbidden));
        };
        if !access.facts.may_write {
            return Ok(Err(StoreError::Forbidden));
        }
        // The commit asks again, in its transaction: this answer is for the guest to tell.
        if let Some(quota) = access.quota {
            let inserts = access
                .staged
                .iter()
                .filter(|change| matches!(change, Change::Insert { .. }))
                .count() as u64;
            match self.services.storage.count(&access.visible.scope.organizer).await {
                Ok(count) if count + inserts >= u64::from(quota) => return Ok(Err(StoreError::Quota(quota))),
                Ok(_) => {}
                Err(error) => return Ok(Err(error.into())),
            }
        }
        let owner = user.clone();
        let id = match self.services.storage.reserve_id().await {
            Ok(id) => id,
            Err(error) => return Ok(Err(error.into())),
        };
        let change = Change::Insert {
            id,
            owner: owner.id.clone(),
            content: content.clone(),
        };
        stage(self.access_mut(&by)?, change)?;
        Ok(Ok(Schedule {
            id,
            owner: Some(owner),
            version: 1,
            content,
        }))
    }

    async fn update(
        &mut self,
        by: Resource<Access>,
        id: u64,
        version: u64,
        content: Content,
        missed: Vec<MissedRange>,
    ) -> wasmtime::Result<Result<Schedule, StoreError>> {
        let content = bounds::content(content)?;
        bounds::given_up(&missed, content.next_run, self.access(&by)?.facts.settings.now)?;
        if !self.access(&by)?.facts.may_write {
            return Ok(Err(StoreError::Forbidden));
        }
        let row = match seen(&self.services, self.access(&by)?, id).await {
            Ok(row) => row,
            Err(error) => return Ok(Err(error)),
        };
        if row.version != version {
            return Ok(Err(StoreError::Stale));
        }
        if let Err(error) = not_recorded(&self.services, id, &missed).await {
            return Ok(Err(error));
        }
        let change = Change::Update {
            id,
            version,
            content: content.clone(),
            missed,
        };
        stage(self.access_mut(&by)?, change)?;
        let row = Row {
            version: version + 1,
            content,
            ..row
        };
        Ok(joined_one(&self.services, &self.access(&by)?.facts.caller, row).await)
    }

    async fn take_over(
        &mut self,
        by: Resource<Access>,
        id: u64,
        version: u64,
        content: Content,
        missed: Vec<MissedRange>,
    ) -> wasmtime::Result<Result<Schedule, StoreError>> {
        let content = bounds::content(content)?;
        let facts = &self.access(&by)?.facts;
        bounds::given_up(&missed, content.next_run, facts.settings.now)?;
        let owner = match &facts.caller {
            Caller::User(user) if facts.may_write => user.clone(),
            Caller::User(_) | Caller::Token | Caller::Device => return Ok(Err(StoreError::Forbidden)),
        };
        let row = match seen(&self.services, self.access(&by)?, id).await {
            Ok(row) => row,
            Err(error) => return Ok(Err(error)),
        };
        if row.version != version {
            return Ok(Err(StoreError::Stale));
        }
        if let Err(error) = not_recorded(&self.services, id, &missed).await {
            return Ok(Err(error));
        }
        let change = Change::TakeOver {
            id,
            version,
            owner: owner.id.clone(),
            former: row.owner,
            content: content.clone(),
            missed,
            notice: None,
        };
        stage(self.access_mut(&by)?, change)?;
        Ok(Ok(Schedule {
            id,
            owner: Some(owner),
            version: version + 1,
            content,
        }))
    }

    async fn delete(
        &mut self,
        by: Resource<Access>,
        id: u64,
        version: Option<u64>,
    ) -> wasmtime::Result<Result<(), StoreError>> {
        if !self.access(&by)?.facts.may_write {
            return Ok(Err(StoreError::Forbidden));
        }
        let row = match seen(&self.services, self.access(&by)?, id).await {
            Ok(row) => row,
            Err(error) => return Ok(Err(error)),
        };
        if version.is_some_and(|version| version != row.version) {
            return Ok(Err(StoreError::Stale));
        }
        stage(self.access_mut(&by)?, Change::Delete { id, version })?;
        Ok(Ok(()))
    }

    async fn runs(
        &mut self,
        by: Resource<Access>,
        id: u64,
        at: Position,
        size: u32,
    ) -> wasmtime::Result<Result<RunPage, StoreError>> {
        if let Err(error) = seen(&self.services, self.access(&by)?, id).await {
            return Ok(Err(error));
        }
        Ok(match self.services.storage.runs(id, &at, size.clamp(1, 50)).await {
            Ok(Some(rows)) => Ok(RunPage {
                total: rows.total,
                rows: rows.rows,
                next: rows.next,
            }),
            Ok(None) => Err(StoreError::NotFound),
            Err(error) => Err(error.into()),
        })
    }

    async fn start(&mut self, of: Resource<Run>, plan: Plan) -> wasmtime::Result<Result<(), StoreError>> {
        let run = self.run(&of)?;
        if run.finished || run.lost || !run.to_execute() || run.leased.due.is_some_and(|pinned| pinned != plan.due) {
            return Ok(Err(StoreError::LeaseLost));
        }
        let planned = run.leased.row.content.next_run;
        bounds::plan(&plan, planned, run.leased.due, run.settings.now)?;
        let services = &self.services;
        let started = services
            .storage
            .start(&run.leased.lease, &plan, &services.zone_database, services.clock.now())
            .await;
        let run = self.run_mut(&of)?;
        Ok(match started {
            Ok(id) => {
                if run.run.is_none() {
                    // Of the span that the call is made in.
                    tracing::Span::current().record("run", id);
                    tracing::info!("a run was started");
                }
                run.run = Some(id);
                run.due = Some(plan.due);
                run.leased.started_version.get_or_insert(run.leased.row.version);
                run.leased.lease.run = Some(id);
                Ok(())
            }
            Err(StartError::Lost) => Err(run.lease_error(LeaseError::Lost)),
            Err(StartError::Recorded(latest)) => Err(StoreError::Recorded(latest)),
            Err(StartError::Storage(error)) => Err(error.into()),
        })
    }

    async fn finish(
        &mut self,
        of: Resource<Run>,
        outcome: Outcome,
        error_counter: u32,
        active: bool,
    ) -> wasmtime::Result<Result<(), StoreError>> {
        let run = self.run(&of)?;
        let (Some(id), false, false) = (run.run, run.finished, run.lost) else {
            return Ok(Err(StoreError::LeaseLost));
        };
        let now = self.services.clock.now();
        let mail = run.staged.clone();
        let staged = mail.as_ref().map(|mail| mail.kind);
        let finish = Finish {
            outcome: bounds::outcome(outcome, &run.leased, run.due, staged, now)?,
            error_counter: error_counter.min(STOPS_AT),
            active: active && error_counter < STOPS_AT,
            mail,
            now,
        };
        let done = self.services.storage.finish(&run.leased.lease, id, &finish).await;
        let run = self.run_mut(&of)?;
        Ok(match done {
            Ok(()) => {
                run.finished = true;
                Ok(())
            }
            Err(error) => Err(run.lease_error(error)),
        })
    }
}

impl Run {
    /// Is it to be made? Else its mail has left, and `finish` is all that is left to do.
    pub(super) fn to_execute(&self) -> bool {
        self.leased.lease.work == Work::Execute
    }

    pub(super) fn lease_error(&mut self, error: LeaseError) -> StoreError {
        match error {
            LeaseError::Lost => {
                self.lost = true;
                StoreError::LeaseLost
            }
            LeaseError::Storage(error) => error.into(),
        }
    }
}
