//! How the minimal host is driven: its one person is `ada` at `north`, and nobody else is there.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use conformance_component::COMPONENT;
use scheduled_exports_host::contract::{
    Delivery, DeliveryStatus, PageQuery, Position, SortKey, Stored, User as Person,
};
use scheduled_exports_host::contract::{Filter, RunQuery, exported::jobs::AbandonReason};
use scheduled_exports_host::engine::{Accepted, Cache, Engine, Limits, Unaccepted};
use scheduled_exports_host::imports::AuthContext as _;
use scheduled_exports_store::Scope;
use scheduled_exports_testing::conformance::{
    Change, Ending, Export, Facts, HandedOver, HostUnderTest, Hosts, Job, Taken, World, problem,
};
use serde_json::json;

use super::minimal_host::{Access, Host, Letter, Run, afresh};

/// Minimal hosts, each with an engine of its own: it counts the handles of that host.
pub struct Minimal;

/// With the conformance component.
fn engine() -> Result<Engine<Host>, String> {
    Engine::load(COMPONENT, Limits::default(), &Cache::of_user()).map_err(|error| error.to_string())
}

fn person(email: &str) -> Person {
    Person {
        id: "1".into(),
        email: email.into(),
        language: "en".into(),
        active: true,
    }
}

#[async_trait]
impl Hosts for Minimal {
    fn context(&self) -> Facts {
        Facts {
            exporter: "visitors".into(),
            form: json!({}),
            lease: 60,
        }
    }

    async fn plan(&self, document: &str) -> Result<String, String> {
        let row = Stored {
            not_before: None,
            document: document.into(),
            default_zone: "UTC".into(),
        };
        let host = Arc::new(Host::new(person("nobody@example.com"), 0));
        let answers = engine()?.replan(&host, &[row], 0).await;
        match answers.map_err(|fault| fault.to_string())?.pop() {
            Some(Err(plan)) => Ok(plan),
            other => Err(format!("the component answered {other:?} for a plan")),
        }
    }

    async fn host(&self, world: &World, now: i64) -> Result<Arc<dyn HostUnderTest>, String> {
        let ada = world.users.iter().find(|user| user.name == "ada");
        let ada = ada.ok_or("there is no ada")?;
        Ok(Arc::new(Driven {
            engine: engine()?,
            host: Arc::new(Host::new(person(&ada.email), now)),
            leases: Mutex::default(),
        }))
    }
}

struct Driven {
    engine: Engine<Host>,
    host: Arc<Host>,
    /// With what the servers said, where it is leased to be settled.
    leases: Mutex<Vec<(Run, Option<Vec<Delivery>>)>>,
}

impl Driven {
    fn ending<T>(
        &self,
        called: Result<Accepted<T, Access>, Unaccepted>,
        document: impl FnOnce(T) -> Option<String>,
    ) -> Result<Ending, String> {
        match called {
            Ok(Accepted { answer, access }) => {
                self.host.commit(access).map_err(|error| error.to_string())?;
                Ok(Ending::Ok(document(answer)))
            }
            Err(Unaccepted::Problem(refusal)) => Ok(problem(refusal)),
            Err(Unaccepted::Fault(fault)) => Ok(Ending::Trap(fault.to_string())),
        }
    }
}

/// The first page, as a step asks for it.
const FIRST: Position = Position::Number(1);

#[async_trait]
impl HostUnderTest for Driven {
    fn has(&self, caller: &str, at: &Scope) -> bool {
        caller.starts_with("ada") && at.organizer == "north" && at.event.is_none()
    }

    fn changes_users(&self) -> bool {
        false
    }

    fn open_handles(&self) -> Option<usize> {
        Some(self.engine.open_handles())
    }

    async fn set_clock(&self, now: i64) -> Result<(), String> {
        self.host.clock.set(now);
        Ok(())
    }

    async fn call(&self, caller: &str, _at: &Scope, export: Export) -> Result<Ending, String> {
        let access = self.host.access(caller == "ada");
        let schedules = self.engine.schedules(&self.host, access);
        match export {
            Export::List => {
                let query = PageQuery {
                    filter: Filter::default(),
                    order: SortKey::Id,
                    descending: false,
                    at: FIRST,
                    size: 50,
                };
                self.ending(schedules.list(&query).await, |_| None)
            }
            Export::Get(id) => self.ending(schedules.get(id).await, |one| Some(one.document)),
            Export::Create(document) => self.ending(schedules.create(document).await, |one| Some(one.document)),
            Export::Replace(id, document) => {
                self.ending(schedules.replace(id, document, None).await, |one| Some(one.document))
            }
            Export::Patch(id, document) => {
                self.ending(schedules.patch(id, document, None).await, |one| Some(one.document))
            }
            Export::Delete(id) => self.ending(schedules.delete(id, None).await, |()| None),
            Export::Runs(id) => self.ending(schedules.runs(id, &RunQuery::page(FIRST, 50)).await, |_| None),
            Export::Exporters => self.ending(schedules.exporters(None).await, |_| None),
            Export::View { name, params } => self.ending(schedules.view(None, &name, &params).await, Some),
            Export::Act { verb, document } => {
                self.ending(schedules.act(None, &verb, document).await, |acted| Some(acted.document))
            }
        }
    }

    async fn take(&self) -> Result<Vec<Taken>, String> {
        let mut taken = Vec::new();
        while let Some(leased) = self.host.lease() {
            let schedule = self.host.run_context(&leased.0).schedule.id;
            let mut leases = self.leases.lock().map_err(|error| error.to_string())?;
            let lease = leases.len();
            taken.push(Taken { lease, schedule });
            leases.push(leased);
        }
        Ok(taken)
    }

    async fn run(&self, lease: usize, job: Job) -> Result<Result<(), String>, String> {
        let (held, said) = self.leases.lock().map_err(|error| error.to_string())?[lease].clone();
        let run = afresh(held).await.map_err(|fault| fault.to_string())?;
        let worked = match job {
            Job::Execute => self.engine.execute(&self.host, run).await,
            Job::Abandon => self.engine.abandon(&self.host, run, &AbandonReason::Unfinished).await,
            Job::Settle => {
                self.engine
                    .settle(&self.host, run, said.as_deref().unwrap_or_default())
                    .await
            }
        };
        self.leases.lock().map_err(|error| error.to_string())?[lease].0 = worked.run;
        Ok(worked.outcome.map_err(|fault| fault.to_string()))
    }

    async fn deliver(&self, refused: &[String]) -> Result<Vec<HandedOver>, String> {
        let mut taken = Vec::new();
        let mut hand_over = |letter: &Letter| {
            let mut said = letter.people.queued();
            for one in &mut said {
                if refused.contains(&one.address) {
                    (one.status, one.response) = (DeliveryStatus::Rejected, "550 no such user".into());
                    continue;
                }
                (one.status, one.response) = (DeliveryStatus::Accepted, "250 taken".into());
                taken.push(HandedOver {
                    to: one.address.clone(),
                    subject: letter.mail.subject.clone(),
                    message_id: format!("{:?}", letter.key),
                    attached: letter.mail.attach_file,
                });
            }
            said
        };
        self.host.deliver(&mut hand_over);
        Ok(taken)
    }

    async fn change_user(&self, user: &str, change: Change) -> Result<(), String> {
        Err(format!("{user} does not change at this host: {change:?}"))
    }
}
