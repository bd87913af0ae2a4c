//! How the host in memory is driven.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use host_harness::contract::auth_context::{AccessFacts, OwnerRight, RunFacts};
use host_harness::contract::exported::jobs::AbandonReason;
use host_harness::contract::exported::recurrence::Stored as Planned;
use host_harness::contract::exported::schedules::{Page, Versioned};
use host_harness::contract::{Order, PageQuery, Position};
use host_harness::engine::{Accepted, Cache, Engine, Limits, Unaccepted};
use host_harness::storage::Scope;
use host_harness::testing::conformance::{
    COMPONENT, Change, Ending, Export, Facts, HandedOver, HostUnderTest, Hosts, Job, Stands, Taken, World, problem,
};
use serde_json::json;

use super::exporters::ROWS;
use super::people::may_change_settings;
use super::{Access, Fault, LEASE, Lease, Memory, Open, Run, State};

/// Hosts in memory, all with the same fault, or none.
#[derive(Clone)]
pub struct InMemory {
    fault: Option<Fault>,
    engine: Arc<Engine<Memory>>,
}

impl InMemory {
    /// Hosts that do everything right.
    ///
    /// # Panics
    /// If the component does not load.
    #[must_use]
    pub fn right() -> Self {
        let engine = Engine::load(COMPONENT, Limits::default(), &Cache::of_user()).expect("the component loads");
        Self {
            fault: None,
            engine: Arc::new(engine),
        }
    }

    /// The same, but for this.
    #[must_use]
    pub fn but(&self, fault: Fault) -> Self {
        Self {
            fault: Some(fault),
            engine: Arc::clone(&self.engine),
        }
    }

    fn host(&self, world: &World, now: i64) -> Driven {
        Driven {
            engine: Arc::clone(&self.engine),
            host: Arc::new(Memory {
                world: world.clone(),
                fault: self.fault,
                clock: AtomicI64::new(now),
                next_id: AtomicU64::new(1),
                state: Mutex::default(),
                handles: Arc::new(AtomicUsize::new(0)),
            }),
            leases: Mutex::default(),
        }
    }
}

#[async_trait]
impl Hosts for InMemory {
    fn facts(&self) -> Facts {
        Facts {
            exporter: ROWS.into(),
            form: json!({}),
            lease: LEASE,
        }
    }

    async fn plan(&self, document: &str) -> Result<String, String> {
        let nowhere = World {
            organizers: Vec::new(),
            events: Vec::new(),
            users: Vec::new(),
            callers: Vec::new(),
        };
        let row = Planned {
            document: document.into(),
            default_zone: "UTC".into(),
        };
        let answers = self.engine.replan(&self.host(&nowhere, 0).host, &[row], 0).await;
        match answers.map_err(|fault| fault.to_string())?.pop() {
            Some(Err(plan)) => Ok(plan),
            other => Err(format!("the component answered {other:?} for a plan")),
        }
    }

    async fn host(&self, world: &World, now: i64) -> Result<Arc<dyn HostUnderTest>, String> {
        Ok(Arc::new(InMemory::host(self, world, now)))
    }
}

struct Driven {
    engine: Arc<Engine<Memory>>,
    host: Arc<Memory>,
    leases: Mutex<Vec<Lease>>,
}

impl Memory {
    fn mint_access(&self, caller: &str, at: &Scope) -> Result<Access, String> {
        let state = self.state();
        let world = self.world.callers.iter().find(|one| one.name == caller);
        let may_write = world.is_some_and(|one| one.may_write);
        let user = world.and_then(|one| match &one.stands {
            Stands::User(name) => Some(name.clone()),
            Stands::Token(_) | Stands::Device { .. } => None,
        });
        Ok(Access {
            facts: AccessFacts {
                caller: self.stands_for(&state, caller)?,
                language: "en".into(),
                event_level: at.event.is_some(),
                may_change_settings: may_change_settings(&self.rights(&state, caller), at),
                may_write,
                settings: self.settings(at),
            },
            scope: at.clone(),
            caller: caller.into(),
            user,
            draft: None,
            owners: BTreeMap::new(),
            notices: BTreeMap::new(),
            open: Some(Open::new(&self.handles)),
        })
    }

    fn commit(&self, access: &mut Access) {
        if let Some(draft) = access.draft.take()
            && !self.is(Fault::CommitsNothing)
        {
            *self.state() = draft;
        }
        if !self.is(Fault::TellsWithoutCommit) {
            for notice in std::mem::take(&mut access.notices).into_values() {
                self.tell(notice);
            }
        }
        self.keep(&mut access.open);
    }

    /// A handle that is over: closed with its drop.
    fn keep(&self, handle: &mut Option<Open>) {
        if self.is(Fault::KeepsHandles) {
            std::mem::forget(handle.take());
        }
    }

    fn mint_run(&self, lease: &Lease) -> Run {
        let state: &State = &self.state();
        let stored = &lease.stored;
        let run = lease.run.map(|run| &state.runs[run]);
        let facts = RunFacts {
            schedule: self.shown(state, lease.schedule, stored),
            event_level: stored.scope.event.is_some(),
            owner_right: match lease.fence {
                Some(_) => self.owner_right(state, stored),
                None => OwnerRight::Yes,
            },
            due: run.map(|run| run.entry.due),
            started_version: run.map(|run| run.version),
            newer_zone_database: None,
            attempt: if lease.fence.is_some() { stored.attempt } else { 1 },
            settings: self.settings(&stored.scope),
        };
        Run {
            lease: lease.clone(),
            facts,
            file: None,
            staged: None,
            open: Some(Open::new(&self.handles)),
        }
    }
}

impl Driven {
    fn document(&self, called: Result<Accepted<Versioned, Access>, Unaccepted>) -> Ending {
        self.ending(called, |one| Some(one.document))
    }

    fn page(&self, called: Result<Accepted<Page, Access>, Unaccepted>) -> Ending {
        self.ending(called, |_| None)
    }

    fn ending<T>(
        &self,
        called: Result<Accepted<T, Access>, Unaccepted>,
        document: impl FnOnce(T) -> Option<String>,
    ) -> Ending {
        match called {
            Ok(Accepted { answer, mut access }) => {
                self.host.commit(&mut access);
                Ending::Ok(document(answer))
            }
            Err(Unaccepted::Problem(refusal)) => problem(refusal),
            Err(Unaccepted::Fault(fault)) => Ending::Trap(fault.to_string()),
        }
    }
}

/// The first page, as a step asks for it.
const FIRST: Position = Position::Number(1);

#[async_trait]
impl HostUnderTest for Driven {
    async fn set_clock(&self, now: i64) -> Result<(), String> {
        self.host.clock.store(now, Ordering::SeqCst);
        Ok(())
    }

    async fn call(&self, caller: &str, at: &Scope, export: Export) -> Result<Ending, String> {
        let access = self.host.mint_access(caller, at)?;
        let schedules = self.engine.schedules(&self.host, access);
        Ok(match export {
            Export::List => {
                let query = PageQuery {
                    order: Order::Id,
                    descending: false,
                    at: FIRST,
                    size: 50,
                };
                self.page(schedules.list(&query).await)
            }
            Export::Get(id) => self.document(schedules.get(id).await),
            Export::Create(document) => self.document(schedules.create(document).await),
            Export::Replace(id, document) => self.document(schedules.replace(id, document, None).await),
            Export::Patch(id, document) => self.document(schedules.patch(id, document, None).await),
            Export::Delete(id) => self.ending(schedules.delete(id, None).await, |()| None),
            Export::Runs(id) => self.page(schedules.runs(id, &FIRST, 50).await),
            Export::Exporters => self.ending(schedules.exporters(None).await, |_| None),
            Export::Act { verb, document } => self.ending(schedules.act(None, &verb, document).await, Some),
        })
    }

    async fn take(&self) -> Result<Vec<Taken>, String> {
        let mut leases = self.leases.lock().map_err(|error| error.to_string())?;
        let taken = self.host.lease().into_iter().map(|lease| {
            let schedule = lease.schedule;
            leases.push(lease);
            Taken {
                lease: leases.len() - 1,
                schedule,
            }
        });
        Ok(taken.collect())
    }

    async fn run(&self, lease: usize, job: Job) -> Result<Result<(), String>, String> {
        let held = self.leases.lock().map_err(|error| error.to_string())?[lease].clone();
        let run = self.host.mint_run(&held);
        let deliveries = held.run.map(|run| self.host.state().runs[run].entry.deliveries.clone());
        let worked = match job {
            Job::Execute => self.engine.execute(&self.host, run).await,
            Job::Abandon => self.engine.abandon(&self.host, run, &AbandonReason::Unfinished).await,
            Job::Settle => {
                self.engine
                    .settle(&self.host, run, &deliveries.unwrap_or_default())
                    .await
            }
        };
        let mut run = worked.run;
        self.leases.lock().map_err(|error| error.to_string())?[lease].run = run.lease.run;
        self.host.keep(&mut run.open);
        Ok(worked.outcome.map_err(|fault| fault.to_string()))
    }

    async fn deliver(&self, refused: &[String]) -> Result<Vec<HandedOver>, String> {
        Ok(self.host.hand_over(refused))
    }

    async fn change_user(&self, user: &str, change: Change) -> Result<(), String> {
        let mut state = self.host.state();
        match change {
            Change::Inactive => state.inactive.insert(user.into()),
            Change::WithoutRights => state.without_rights.insert(user.into()),
            Change::Gone => state.gone.insert(user.into()),
        };
        Ok(())
    }

    fn open_handles(&self) -> Option<usize> {
        Some(self.host.handles.load(Ordering::SeqCst))
    }
}
