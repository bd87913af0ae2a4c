//! Does a host keep what the contract promises? The checks of the conformance component ([`COMPONENT`](conformance_component::COMPONENT)), gone through with a
//! host of any making.
//!
//! The component brings its checks along as scripts, calls the imports, and judges their answers; here is only what carries the
//! scripts out. A host is tested by implementing [`HostUnderTest`] and [`Hosts`] for it: `reference` does so for the reference
//! host, and `docs/conformance.md` says what each step asks for.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use scheduled_exports_testing::conformance::{Conformance, reference::OnSqlite};
//!
//! let conformance = Conformance::of(&OnSqlite).await.expect("the component answers");
//! let checked = conformance.check("a-stale-version-is-refused").await;
//! assert!(checked.verdict.is_right(), "{checked}");
//! # });
//! ```

mod plan;
pub mod reference;
mod report;

use std::fmt::Write as _;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;
use serde_json::{Map, Value, json};

pub use report::{Checked, Report, Verdict};
pub use scheduled_exports_host::memory::{Caller, Change, Event, HandedOver, Organizer, Right, Stands, User, World};

use scheduled_exports_store::Scope;

use plan::{Check, Plan, Step};
use scheduled_exports_host::clock::Instant;
use scheduled_exports_host::contract::Problem;

/// Hosts that checks are gone through with at the same time.
const AT_ONCE: usize = 4;

/// What a check is told of the hosts that it is to be gone through with.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Identifier of an exporter that makes a file of at least one row for whoever may export.
    pub exporter: String,
    /// The form that it does so for.
    pub form: Value,
    /// How long a run is leased for, in seconds; less than an hour.
    pub lease: i64,
}

/// An exported function of `schedules` that a step calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Export {
    /// `list`, the first page of 50 by id.
    List,
    /// `get`.
    Get(u64),
    /// `create`, with this document.
    Create(String),
    /// `replace`, at any version.
    Replace(u64, String),
    /// `patch`, at any version.
    Patch(u64, String),
    /// `delete`, at any version.
    Delete(u64),
    /// `runs`, the first page of 50.
    Runs(u64),
    /// `exporters`, all of them.
    Exporters,
    /// `view`, without id.
    View {
        /// What is to be shown.
        name: String,
        /// With which parameters.
        params: Vec<(String, String)>,
    },
    /// `act`, without id.
    Act {
        /// What is to be done.
        verb: String,
        /// With which document.
        document: String,
    },
}

/// How an exported call ended for its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It answered, and what it staged is committed; the document, if it was one.
    Ok(Option<String>),
    /// The component refused: the case of `types.problem` in kebab-case, or the code of `other`; and its words.
    Problem(String, String),
    /// It trapped, or ran past a limit; in the host's words.
    Trap(String),
}

/// A refusal of the component, as an ending.
#[must_use]
pub fn problem(problem: Problem) -> Ending {
    let (code, words) = match problem {
        Problem::Malformed(words) => ("malformed".into(), words),
        Problem::Invalid(errors) => {
            let errors: Vec<_> = errors.into_iter().map(|error| error.message).collect();
            ("invalid".into(), errors.join("; "))
        }
        Problem::Forbidden(words) => ("forbidden".into(), words),
        Problem::TooMany((seconds, words)) => ("too-many".into(), format!("{seconds}: {words}")),
        Problem::NotFound => ("not-found".into(), String::new()),
        Problem::Stale => ("stale".into(), String::new()),
        Problem::Unavailable(words) => ("unavailable".into(), words),
        Problem::Other(other) => other,
    };
    Ending::Problem(code, words)
}

/// The exported function of `jobs` that a leased run is given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// `execute`.
    Execute,
    /// `abandon`, because the run was not finished.
    Abandon,
    /// `settle`, with the deliveries that came with the lease.
    Settle,
}

/// A leased run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// By which the host finds the lease again; it has to know it as long as the check lasts.
    pub lease: usize,
    /// The schedule.
    pub schedule: u64,
}

/// One host, set up for one check.
///
/// An `Err` is a host that could not do what every host can, in words; it ends the check as wrong.
#[async_trait]
pub trait HostUnderTest: Send + Sync {
    /// Sets the clock, and does nothing that is due.
    async fn set_clock(&self, now: Instant) -> Result<(), String>;
    /// Has a caller of the world call an export at an organizer or event, as its pages or API do: handle minted, writes
    /// committed if it answers ok, handle taken back.
    async fn call(&self, caller: &str, at: &Scope, export: Export) -> Result<Ending, String>;
    /// Leases all that is due now, to be executed or to be settled.
    async fn take(&self) -> Result<Vec<Taken>, String>;
    /// Gives a leased run to the component, once, and does nothing about it afterwards: `Ok(Err(words))` if that trapped. The
    /// handle is minted for this call, with the due time that an earlier one with the same lease has pinned.
    async fn run(&self, lease: usize, job: Job) -> Result<Result<(), String>, String>;
    /// Hands over all mail that is due to recipients' servers, where `refused` are refused for good. Answers what was taken.
    async fn deliver(&self, refused: &[String]) -> Result<Vec<HandedOver>, String>;
    /// Changes a user of the world.
    async fn change_user(&self, user: &str, change: Change) -> Result<(), String>;
    /// Is there such a caller here, and such a place? Checks for which one is not there are left out as not known; a host of
    /// one person at one organizer goes through the rest.
    fn has(&self, _caller: &str, _at: &Scope) -> bool {
        true
    }
    /// Can users be changed here? Else checks that do so are left out.
    fn changes_users(&self) -> bool {
        true
    }
    /// Are runs leased to be settled? Else checks that do so are left out: this host settles as it delivers.
    fn leases_to_settle(&self) -> bool {
        true
    }
    /// Handles that are minted and not taken back. None: this host can't tell.
    fn open_handles(&self) -> Option<usize> {
        None
    }
}

/// Where hosts come from: each check gets one of its own.
#[async_trait]
pub trait Hosts: Send + Sync {
    /// What holds for all of them.
    fn context(&self) -> Facts;
    /// What the component's `recurrence.replan` answers for one row with this document, whose error is the plan.
    async fn plan(&self, document: &str) -> Result<String, String>;
    /// A host with this world, the conformance component loaded, and nothing else.
    async fn host(&self, world: &World, now: Instant) -> Result<Arc<dyn HostUnderTest>, String>;
}

/// Goes through all checks.
///
/// # Errors
/// If the component can't be asked for them; in words.
pub async fn conformance(hosts: &dyn Hosts) -> Result<Report, String> {
    Ok(Conformance::of(hosts).await?.all().await)
}

/// The checks, for hosts of one making.
pub struct Conformance<'a> {
    hosts: &'a dyn Hosts,
    plan: Plan,
}

impl<'a> Conformance<'a> {
    /// Asks the component for its checks.
    ///
    /// # Errors
    /// If it does not answer with them; in words.
    pub async fn of(hosts: &'a dyn Hosts) -> Result<Self, String> {
        let facts = hosts.context();
        let told = json!({"exporter": facts.exporter, "form": facts.form, "lease-seconds": facts.lease});
        let plan = hosts.plan(&told.to_string()).await?;
        let plan = serde_json::from_str(&plan).map_err(|error| format!("the plan can't be read: {error}: {plan}"))?;
        Ok(Self { hosts, plan })
    }

    /// Names of the checks, in order, each with what it is about.
    pub fn checks(&self) -> impl Iterator<Item = (&str, &str)> {
        self.plan.checks.iter().map(|check| (&*check.name, &*check.about))
    }

    /// Goes through all of them, some at a time: each has a host of its own.
    pub async fn all(&self) -> Report {
        let checks = self.plan.checks.iter().map(|check| self.go_through(check));
        Report {
            checks: stream::iter(checks).buffered(AT_ONCE).collect().await,
        }
    }

    /// Goes through one of them.
    ///
    /// # Panics
    /// If there is none of this name.
    pub async fn check(&self, name: &str) -> Checked {
        let check = self.plan.checks.iter().find(|check| check.name == name);
        self.go_through(check.unwrap_or_else(|| panic!("there is no check `{name}`")))
            .await
    }

    async fn go_through(&self, check: &Check) -> Checked {
        Checked {
            name: check.name.clone(),
            about: check.about.clone(),
            verdict: match self.hosts.host(&self.plan.world, self.plan.clock).await {
                Ok(host) => Course::new(host).through(&check.steps).await,
                Err(words) => Verdict::Wrong(format!("the host could not be set up: {words}")),
            },
        }
    }
}

/// One check under way.
struct Course {
    host: Arc<dyn HostUnderTest>,
    /// What steps have given, by name: the component's answers, leases, mails.
    kept: Map<String, Value>,
}

fn place(at: &Scope) -> String {
    match &at.event {
        Some(event) => format!("{}/{event}", at.organizer),
        None => at.organizer.clone(),
    }
}

/// Why a check ends before its last step.
enum Stop {
    Wrong(String),
    CannotTell(String),
}

impl From<String> for Stop {
    fn from(words: String) -> Self {
        Self::Wrong(words)
    }
}

impl Course {
    fn new(host: Arc<dyn HostUnderTest>) -> Self {
        Self { host, kept: Map::new() }
    }

    /// What a step needs that the host does not have; in words.
    fn lacking(&self, step: &Step) -> Option<String> {
        match step {
            Step::Call {
                by, organizer, event, ..
            } => {
                let (organizer, event) = (organizer.clone(), event.clone());
                let at = Scope { organizer, event };
                let words = || format!("this host has no {by} at {at}", at = place(&at));
                (!self.host.has(by, &at)).then(words)
            }
            Step::User { .. } if !self.host.changes_users() => Some("users do not change at this host".into()),
            Step::Run { job, .. } if Job::from(*job) == Job::Settle && !self.host.leases_to_settle() => {
                Some("this host settles runs as it delivers, under no lease".into())
            }
            _ => None,
        }
    }

    async fn through(mut self, steps: &[Step]) -> Verdict {
        if let Some(words) = steps.iter().find_map(|step| self.lacking(step)) {
            return Verdict::CannotTell(words);
        }
        for (nth, step) in steps.iter().enumerate() {
            match self.step(step).await {
                Ok(()) => {}
                Err(Stop::Wrong(words)) => return Verdict::Wrong(format!("step {}, {step}: {words}", nth + 1)),
                Err(Stop::CannotTell(words)) => return Verdict::CannotTell(words),
            }
        }
        Verdict::Right
    }

    async fn step(&mut self, step: &Step) -> Result<(), Stop> {
        match step {
            Step::Clock { clock } => self.host.set_clock(*clock).await?,
            Step::Call {
                call,
                by,
                organizer,
                event,
                ends,
            } => {
                let at = Scope {
                    organizer: organizer.clone(),
                    event: event.clone(),
                };
                let export = self.export(call)?;
                let ending = self.host.call(by, &at, export).await?;
                self.ended(ending, ends)?;
            }
            Step::Take { take, workers, count } => {
                let worker = |_| {
                    let host = Arc::clone(&self.host);
                    tokio::spawn(async move { host.take().await })
                };
                let mut taken = Vec::new();
                for looked in join_all((0..*workers).map(worker)).await {
                    taken.extend(looked.map_err(|panic| panic.to_string())??);
                }
                if taken.len() != *count {
                    let schedules: Vec<u64> = taken.iter().map(|one| one.schedule).collect();
                    let words = format!("{count} runs are to be leased, the host leased {schedules:?} (schedules)");
                    return Err(words.into());
                }
                let leases = taken
                    .iter()
                    .map(|one| json!({"lease": one.lease, "schedule": one.schedule}));
                self.kept.insert(take.clone(), leases.collect::<Vec<_>>().into());
            }
            Step::Run { run, job, ends } => {
                let leases = self
                    .kept
                    .get(run)
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default();
                for lease in leases {
                    let number = lease["lease"].as_u64().and_then(|number| usize::try_from(number).ok());
                    let done = self.host.run(number.unwrap_or_default(), (*job).into()).await?;
                    let ending = match done {
                        Ok(()) => Ending::Ok(None),
                        Err(words) => Ending::Trap(words),
                    };
                    self.ended(ending, ends)?;
                }
            }
            Step::Deliver { deliver } => {
                let mails = self.host.deliver(&deliver.refused).await?;
                let mails = mails.iter().map(|mail| {
                    json!({"to": mail.to, "subject": mail.subject, "message-id": mail.message_id,
                        "attached": mail.attached})
                });
                self.kept.insert("mails".into(), mails.collect::<Vec<_>>().into());
            }
            Step::User { user, change } => self.host.change_user(user, *change).await?,
            Step::OpenHandles { open_handles } => match self.host.open_handles() {
                None => return Err(Stop::CannotTell("this host does not say which handles are open".into())),
                Some(open) if open == *open_handles => {}
                Some(open) => return Err(format!("{open} handles are still open, {open_handles} should be").into()),
            },
        }
        Ok(())
    }

    fn export(&self, call: &plan::Call) -> Result<Export, String> {
        let id = || {
            let name = call.id.as_deref().unwrap_or_default();
            let id = self.kept.get(name).and_then(|kept| kept["id"].as_u64());
            id.ok_or_else(|| format!("no step before has given `{name}`"))
        };
        let document = || {
            let mut document = call.document.clone().unwrap_or_default();
            document["kept"] = Value::Object(self.kept.clone());
            document.to_string()
        };
        Ok(match call.export.as_str() {
            "act" => Export::Act {
                verb: call.verb.clone().unwrap_or_default(),
                document: document(),
            },
            "view" => Export::View {
                name: call.verb.clone().unwrap_or_default(),
                params: vec![("document".to_owned(), document())],
            },
            "create" => Export::Create(document()),
            "replace" => Export::Replace(id()?, document()),
            "patch" => Export::Patch(id()?, document()),
            "get" => Export::Get(id()?),
            "list" => Export::List,
            "delete" => Export::Delete(id()?),
            "runs" => Export::Runs(id()?),
            "exporters" => Export::Exporters,
            other => return Err(format!("the plan calls an export that there is none of: {other}")),
        })
    }

    /// Compares how a call ended with how it should, and keeps what the component answered.
    fn ended(&mut self, ending: Ending, expected: &[String]) -> Result<(), String> {
        let (ended, words) = match ending {
            Ending::Ok(document) => {
                let answer: Value = document
                    .and_then(|text| serde_json::from_str(&text).ok())
                    .unwrap_or_default();
                if let Some(kept) = answer["kept"].as_object() {
                    self.kept.extend(kept.clone());
                }
                let wrong = answer["wrong"].as_array().map_or(&[][..], Vec::as_slice);
                let words = wrong.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ");
                (
                    if words.is_empty() {
                        "ok".to_owned()
                    } else {
                        "wrong".to_owned()
                    },
                    words,
                )
            }
            Ending::Problem(code, words) => (code, words),
            Ending::Trap(words) => ("trap".to_owned(), words),
        };
        if ended == "wrong" {
            return Err(words);
        }
        if expected.contains(&ended) {
            return Ok(());
        }
        let mut sentence = format!("it has to end with {}, it ended with {ended}", expected.join(" or "));
        if !words.is_empty() {
            let _ = write!(sentence, ": {words}");
        }
        Err(sentence)
    }
}
