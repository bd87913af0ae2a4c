//! `auth-context`: the two handles, and the facts that they stand for.

use wasmtime::component::Resource;

use super::State;
use crate::contract::auth_context::{AccessFacts, Host, HostAccess, HostRun, OwnerRight, RunFacts, Settings};
use crate::contract::{Schedule, User};
use crate::platform::Principal;
use crate::storage::{Change, FileFacts, Leased, NewMail, Visible};

/// One caller at one organizer or event, and what the call has staged so far.
#[derive(Debug)]
pub struct Access {
    pub facts: AccessFacts,
    pub principal: Principal,
    pub visible: Visible,
    /// Most schedules that the organizer may have.
    pub quota: Option<u32>,
    pub staged: Vec<Change>,
}

/// One leased run, and what has been made of it so far.
#[derive(Debug)]
pub struct Run {
    pub leased: Leased,
    pub owner: Option<User>,
    pub owner_right: OwnerRight,
    pub settings: Settings,
    /// The run's id, once it is started.
    pub run: Option<u64>,
    /// Its pinned due time, once it is started.
    pub due: Option<i64>,
    pub file: Option<FileFacts>,
    pub staged: Option<NewMail>,
    /// `finish` has committed.
    pub finished: bool,
    /// The lease was found lost: whatever comes of this call, another holds the run.
    pub lost: bool,
}

impl State {
    pub(super) fn access(&self, handle: &Resource<Access>) -> wasmtime::Result<&Access> {
        Ok(self.table.get(handle)?)
    }

    pub(super) fn access_mut(&mut self, handle: &Resource<Access>) -> wasmtime::Result<&mut Access> {
        Ok(self.table.get_mut(handle)?)
    }

    pub(super) fn run(&self, handle: &Resource<Run>) -> wasmtime::Result<&Run> {
        Ok(self.table.get(handle)?)
    }

    pub(super) fn run_mut(&mut self, handle: &Resource<Run>) -> wasmtime::Result<&mut Run> {
        Ok(self.table.get_mut(handle)?)
    }
}

impl Host for State {}

impl HostAccess for State {
    async fn facts(&mut self, handle: Resource<Access>) -> wasmtime::Result<AccessFacts> {
        Ok(self.access(&handle)?.facts.clone())
    }

    async fn drop(&mut self, handle: Resource<Access>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

impl HostRun for State {
    async fn facts(&mut self, handle: Resource<Run>) -> wasmtime::Result<RunFacts> {
        let run = self.run(&handle)?;
        let row = &run.leased.row;
        Ok(RunFacts {
            schedule: Schedule {
                id: row.id,
                owner: run.owner.clone(),
                version: row.version,
                content: row.content.clone(),
            },
            event_level: row.scope.event.is_some(),
            owner_right: run.owner_right,
            due: run.leased.due,
            started_version: run.leased.started_version,
            attempt: run.leased.attempt,
            settings: run.settings.clone(),
        })
    }

    async fn drop(&mut self, handle: Resource<Run>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}
