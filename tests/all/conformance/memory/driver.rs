//! How the host in memory is driven.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use conformance_component::COMPONENT;
use scheduled_exports_host::Scope;
use scheduled_exports_host::contract::exported::recurrence::Stored as Planned;
use scheduled_exports_host::contract::exported::schedules::{Page, Versioned};
use scheduled_exports_host::contract::{Filter, RunQuery, exported::jobs::AbandonReason};
use scheduled_exports_host::contract::{PageQuery, Position, SortKey};
use scheduled_exports_host::engine::{Accepted, Cache, Engine, Limits, Unaccepted};
use scheduled_exports_host::memory::{LEASE, Lease, ROWS};
use scheduled_exports_testing::conformance::{
    Change, Ending, Export, Facts, HandedOver, HostUnderTest, Hosts, Job, Taken, World, problem,
};
use serde_json::json;

use super::{Access, Fault, Faulty, Run};

/// Hosts in memory, all with the same fault, or none.
#[derive(Clone)]
pub struct InMemory {
    fault: Option<Fault>,
    engine: Arc<Engine<Faulty>>,
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
            host: Arc::new(Faulty::new(world.clone(), now, self.fault)),
            leases: Mutex::default(),
        }
    }
}

#[async_trait]
impl Hosts for InMemory {
    fn context(&self) -> Facts {
        Facts {
            exporter: ROWS.into(),
            form: json!({}),
            lease: LEASE,
        }
    }

    async fn plan(&self, document: &str) -> Result<String, String> {
        let row = Planned {
            not_before: None,
            document: document.into(),
            default_zone: "UTC".into(),
        };
        let answers = self
            .engine
            .replan(&self.host(&World::default(), 0).host, &[row], 0)
            .await;
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
    engine: Arc<Engine<Faulty>>,
    host: Arc<Faulty>,
    leases: Mutex<Vec<(Lease, bool)>>,
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
            Ok(Accepted { answer, access }) => match self.host.commit(access) {
                Ok(()) => Ending::Ok(document(answer)),
                Err(refusal) => Ending::Trap(refusal.to_string()),
            },
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
        self.host.memory.clock().set(now);
        Ok(())
    }

    async fn call(&self, caller: &str, at: &Scope, export: Export) -> Result<Ending, String> {
        let access = self.host.access(caller, at)?;
        let schedules = self.engine.schedules(&self.host, access);
        Ok(match export {
            Export::List => {
                let query = PageQuery {
                    filter: Filter::default(),
                    order: SortKey::Id,
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
            Export::Runs(id) => self.page(schedules.runs(id, &RunQuery::page(FIRST, 50)).await),
            Export::Exporters => self.ending(schedules.exporters(None).await, |_| None),
            Export::View { name, params } => self.ending(schedules.view(None, &name, &params).await, Some),
            Export::Act { verb, document } => {
                self.ending(schedules.act(None, &verb, document).await, |acted| Some(acted.document))
            }
        })
    }

    async fn take(&self) -> Result<Vec<Taken>, String> {
        let mut leases = self.leases.lock().map_err(|error| error.to_string())?;
        let taken = self.host.lease().into_iter().map(|lease| {
            let schedule = lease.0.schedule;
            leases.push(lease);
            Taken {
                lease: leases.len() - 1,
                schedule,
            }
        });
        Ok(taken.collect())
    }

    async fn run(&self, lease: usize, job: Job) -> Result<Result<(), String>, String> {
        let (held, allowed) = self.leases.lock().map_err(|error| error.to_string())?[lease].clone();
        let mut of = self.host.memory.run(&held);
        if self.host.is(Fault::ForgetsWhoAsked) {
            of.facts.requested_by = None;
        }
        let run = Run {
            of,
            allowed,
            open: self.host.open(),
        };
        let deliveries = self.host.memory.deliveries(&held);
        let worked = match job {
            Job::Execute => self.engine.execute(&self.host, run).await,
            Job::Abandon => self.engine.abandon(&self.host, run, &AbandonReason::Unfinished).await,
            Job::Settle => self.engine.settle(&self.host, run, &deliveries).await,
        };
        let Run { of, open, .. } = worked.run;
        self.leases.lock().map_err(|error| error.to_string())?[lease].0.run = of.lease.run;
        self.host.close(open);
        Ok(worked.outcome.map_err(|fault| fault.to_string()))
    }

    async fn deliver(&self, refused: &[String]) -> Result<Vec<HandedOver>, String> {
        Ok(self.host.hand_over(refused))
    }

    async fn change_user(&self, user: &str, change: Change) -> Result<(), String> {
        self.host.memory.change_user(user, change);
        Ok(())
    }

    fn open_handles(&self) -> Option<usize> {
        Some(self.host.handles.load(Ordering::SeqCst))
    }
}
