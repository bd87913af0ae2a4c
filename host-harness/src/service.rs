//! The component as the rest of the host sees it: asked on behalf of a caller, or given a leased run.

mod jobs;
mod plans;
mod seeding;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;
use wasmtime::component::Resource;

pub use jobs::Ended;
pub use seeding::SeedError;

use crate::clock::Clock;
use crate::contract::auth_context::{AccessFacts, Caller, Settings};
use crate::contract::exported::about::Description;
use crate::contract::{PageQuery, Position, Problem};
use crate::download::{Download, Secret};
use crate::engine::{Engine, GuestFault, Instance, conclude};
use crate::platform::{Place, Platform, PlatformError, Principal};
use crate::ports::{Access, HostFacts, Services, State};
use crate::storage::{Commit, CommitError, Completion, KeptAnswer, RequestKey, Scope, Storage, StorageError, Visible};

/// Failures in a row after which a schedule is not executed any more, where the host counts in the component's place.
pub(crate) const STOPS_AT: u32 = 5;

/// How often a call is repeated whose commit met another one.
const COMMIT_TRIES: u32 = 5;

/// What a caller may do here, as the HTTP API has found out: what an `access` handle is minted from.
#[derive(Clone, Debug)]
pub struct Grant {
    pub scope: Scope,
    pub principal: Principal,
    pub caller: Caller,
    /// Of messages: a BCP 47 tag.
    pub language: String,
    pub may_change_settings: bool,
    pub may_write: bool,
    /// What counts there, as read with the caller's rights.
    pub place: Place,
}

/// An exported function of `schedules`, with its arguments.
#[derive(Clone, Debug)]
pub enum Operation {
    List(PageQuery),
    Get(u64),
    Create(String),
    Replace {
        id: u64,
        document: String,
        if_version: Option<u64>,
    },
    Patch {
        id: u64,
        document: String,
        if_version: Option<u64>,
    },
    Delete {
        id: u64,
        if_version: Option<u64>,
    },
    Runs {
        id: u64,
        at: Position,
        size: u32,
    },
    Exporters(Option<String>),
    Act {
        id: Option<u64>,
        verb: String,
        document: String,
    },
}

impl Operation {
    fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "list",
            Self::Get(_) => "get",
            Self::Create(_) => "create",
            Self::Replace { .. } => "replace",
            Self::Patch { .. } => "patch",
            Self::Delete { .. } => "delete",
            Self::Runs { .. } => "runs",
            Self::Exporters(_) => "exporters",
            Self::Act { .. } => "act",
        }
    }
}

/// What it answered. Documents are JSON texts, to be passed on as they are.
#[derive(Clone, Debug)]
pub enum Answer {
    Page {
        total: u64,
        documents: Vec<String>,
        next: Option<String>,
    },
    Document {
        document: String,
        version: u64,
    },
    Deleted,
    Exporters(Vec<String>),
    Acted(String),
}

impl Answer {
    /// Documents are passed on as they are: one that is no JSON would spoil the answer around it.
    fn is_json(&self) -> bool {
        let json = |text: &String| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        match self {
            Self::Page { documents, .. } | Self::Exporters(documents) => documents.iter().all(json),
            Self::Document { document, .. } | Self::Acted(document) => json(document),
            Self::Deleted => true,
        }
    }
}

/// The idempotency record that is written in the transaction of the change.
pub struct Keep<'a> {
    pub key: RequestKey,
    pub ticket: u64,
    /// What the API will answer, given what the component answered.
    pub answer: &'a (dyn Fn(&Answer) -> KeptAnswer + Send + Sync),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The component's own refusal.
    #[error("refused")]
    Problem(Problem),
    /// Store or platform are away; the same call can work later. For the log.
    #[error("away: {0}")]
    Unavailable(String),
    /// The idempotency key was taken over by another request meanwhile.
    #[error("the idempotency key was taken over")]
    Superseded,
    /// The component trapped or ran past a limit. For the log; nothing was changed.
    #[error("the component failed: {0}")]
    Trapped(String),
}

impl From<GuestFault> for CallError {
    fn from(fault: GuestFault) -> Self {
        match fault {
            GuestFault::Host(words) => Self::Unavailable(words),
            GuestFault::Trapped(_) | GuestFault::OutOfTime | GuestFault::OutOfMemory => {
                Self::Trapped(fault.to_string())
            }
        }
    }
}

impl From<PlatformError> for CallError {
    fn from(error: PlatformError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// The component, and what it is given.
pub struct Service {
    engine: Engine,
    services: Arc<Services>,
    about: Description,
    changed: Notify,
}

impl Service {
    /// Puts a loaded component together with what its imports are served from.
    ///
    /// # Errors
    /// If it traps when asked what it is.
    pub async fn new(
        engine: Engine,
        storage: Arc<dyn Storage>,
        platform: Platform,
        clock: Arc<dyn Clock>,
        facts: HostFacts,
    ) -> Result<Self, GuestFault> {
        let mut services = Services {
            storage,
            platform,
            clock,
            facts,
            zone_database: String::new(),
        };
        let shared = Arc::new(services);
        let (compute, deadline) = (engine.limits().call_compute, engine.limits().call_deadline);
        let state = State::new(Arc::clone(&shared), engine.limits().memory, "describe".into());
        let mut instance = engine.instance(state, compute).await?;
        let about = instance.plugin.ticketing_scheduled_exports_about();
        let asked = timeout(deadline, about.call_describe(&mut instance.store)).await;
        let about = conclude(asked, instance.store.data())?;
        drop(instance);
        services = Arc::into_inner(shared).expect("the instance that shared it is gone");
        services.zone_database.clone_from(&about.zone_database);
        Ok(Self {
            engine,
            services: Arc::new(services),
            about,
            changed: Notify::new(),
        })
    }

    /// Told after each change that a person made through this process, and after each run and delivery of it: something may be
    /// due earlier now.
    #[must_use]
    pub fn changed(&self) -> &Notify {
        &self.changed
    }

    /// What the component says of itself.
    #[must_use]
    pub fn about(&self) -> &Description {
        &self.about
    }

    /// Asks the component, in a fresh instance. Changes are committed, with audit and `keep`, only if it answers `Ok`.
    ///
    /// # Errors
    /// See [`CallError`]; nothing was changed in any case.
    pub async fn call(&self, grant: &Grant, operation: Operation, keep: Option<Keep<'_>>) -> Result<Answer, CallError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let access = self.mint_access(grant);
            let quota = access.quota;
            let (answer, access) = self.ask(access, operation.clone()).await?;
            let completion = keep.as_ref().map(|keep| Completion {
                key: keep.key.clone(),
                ticket: keep.ticket,
                answer: (keep.answer)(&answer),
            });
            if access.staged.is_empty() && completion.is_none() {
                return Ok(answer);
            }
            let commit = Commit {
                by: access.visible,
                actor: grant.principal.audit_name(),
                now: access.facts.settings.now,
                zone_database: self.services.zone_database.clone(),
                quota,
                changes: access.staged,
                completion,
            };
            match self.services.storage.commit(commit).await {
                Ok(()) => {
                    self.changed.notify_waiters();
                    return Ok(answer);
                }
                // Another change came between what the component read and this commit: it decides again on what is there now.
                Err(CommitError::Stale | CommitError::NotFound | CommitError::Quota(_)) if tries < COMMIT_TRIES => {}
                Err(CommitError::NotFound) => return Err(CallError::Problem(Problem::NotFound)),
                Err(CommitError::Stale) => return Err(CallError::Problem(Problem::Stale)),
                Err(error @ CommitError::Quota(_)) => return Err(CallError::Unavailable(error.to_string())),
                Err(CommitError::Superseded) => return Err(CallError::Superseded),
                Err(CommitError::Storage(error)) => return Err(CallError::Unavailable(error.to_string())),
            }
        }
    }

    /// The file that a link with this secret leads to now; none: the secret is none, unknown, or past its time.
    ///
    /// # Errors
    /// If the store is away, or this machine has no room for the file.
    pub async fn download(&self, secret: &str) -> Result<Option<Download>, StorageError> {
        let Some(secret) = Secret::read(secret) else {
            return Ok(None);
        };
        let storage = &self.services.storage;
        let Some(run) = storage.linked(&secret.hash(), self.services.clock.now()).await? else {
            return Ok(None);
        };
        let away = |error: std::io::Error| StorageError::Unavailable(error.to_string());
        let folder = tempfile::tempdir().map_err(away)?;
        let path = folder.path().join("file");
        let Some(facts) = storage.read_file(run, &path).await? else {
            return Ok(None);
        };
        let file = tokio::fs::File::open(&path).await.map_err(away)?;
        Ok(Some(Download { facts, file, folder }))
    }

    fn mint_access(&self, grant: &Grant) -> Access {
        let only_owner = match &grant.caller {
            Caller::User(user) if !grant.may_change_settings => Some(user.id.clone()),
            Caller::User(_) | Caller::Token | Caller::Device => None,
        };
        Access {
            facts: AccessFacts {
                caller: grant.caller.clone(),
                language: grant.language.clone(),
                event_level: grant.scope.event.is_some(),
                may_change_settings: grant.may_change_settings,
                may_write: grant.may_write,
                settings: self.settings(&grant.scope, grant.place.clone()),
            },
            principal: grant.principal.clone(),
            visible: Visible {
                scope: grant.scope.clone(),
                only_owner,
            },
            quota: grant.place.settings.max_schedules,
            staged: Vec::new(),
        }
    }

    /// Rules of an organizer or event, as the component is told them.
    fn settings(&self, scope: &Scope, place: Place) -> Settings {
        let facts = &self.services.facts;
        Settings {
            now: self.services.clock.now(),
            zone: place.timezone,
            languages: facts.languages.clone(),
            recipient_domains: place.settings.recipient_domains,
            mail_bytes: place.settings.max_mail_bytes,
            configuration_url: format!("{}/control/{}/scheduled-exports/", facts.base_url, label_of(scope)),
        }
    }

    /// A fresh instance, for whoever wants to call the component's exports himself; `compute` is its time in guest code.
    ///
    /// # Errors
    /// See [`GuestFault`].
    pub async fn instance(&self, label: &str, compute: Duration) -> Result<Instance<'_>, GuestFault> {
        self.engine.instance(self.state(label.to_owned()), compute).await
    }

    fn state(&self, label: String) -> State {
        State::new(Arc::clone(&self.services), self.engine.limits().memory, label)
    }

    async fn ask(&self, access: Access, operation: Operation) -> Result<(Answer, Access), CallError> {
        let limits = self.engine.limits();
        let label = format!("{} {}", operation.name(), label_of(&access.visible.scope));
        let mut instance = self.engine.instance(self.state(label), limits.call_compute).await?;
        let handle = instance
            .store
            .data_mut()
            .table
            .push(access)
            .map_err(|error| CallError::Trapped(error.to_string()))?;
        let lent = || Resource::new_borrow(handle.rep());
        let (schedules, store) = (
            instance.plugin.ticketing_scheduled_exports_schedules(),
            &mut instance.store,
        );
        let page = |page: crate::contract::exported::schedules::Page| Answer::Page {
            total: page.total,
            documents: page.documents,
            next: page.next,
        };
        let document = |one: crate::contract::exported::schedules::Versioned| Answer::Document {
            document: one.document,
            version: one.version,
        };
        let work = async {
            wasmtime::Result::Ok(match operation {
                Operation::List(query) => schedules.call_list(store, lent(), &query).await?.map(page),
                Operation::Get(id) => schedules.call_get(store, lent(), id).await?.map(document),
                Operation::Create(text) => schedules.call_create(store, lent(), &text).await?.map(document),
                Operation::Replace {
                    id,
                    document: text,
                    if_version,
                } => schedules
                    .call_replace(store, lent(), id, &text, if_version)
                    .await?
                    .map(document),
                Operation::Patch {
                    id,
                    document: text,
                    if_version,
                } => schedules
                    .call_patch(store, lent(), id, &text, if_version)
                    .await?
                    .map(document),
                Operation::Delete { id, if_version } => schedules
                    .call_delete(store, lent(), id, if_version)
                    .await?
                    .map(|()| Answer::Deleted),
                Operation::Runs { id, at, size } => schedules.call_runs(store, lent(), id, &at, size).await?.map(page),
                Operation::Exporters(only) => schedules
                    .call_exporters(store, lent(), only.as_deref())
                    .await?
                    .map(Answer::Exporters),
                Operation::Act { id, verb, document } => schedules
                    .call_act(store, lent(), id, &verb, &document)
                    .await?
                    .map(Answer::Acted),
            })
        };
        let outcome = timeout(limits.call_deadline, work).await;
        let answer = conclude(outcome, instance.store.data())?.map_err(|problem| match problem {
            Problem::Unavailable(words) => CallError::Unavailable(words),
            other => CallError::Problem(other),
        })?;
        // What was built with this host writes documents with the same JSON library that would read them here: on a page of 50
        // that reading is a tenth of the whole call.
        if !self.engine.is_own() && !answer.is_json() {
            return Err(CallError::Trapped(
                "it answered with a document that is not JSON".into(),
            ));
        }
        let access = instance
            .store
            .data_mut()
            .table
            .delete(handle)
            .map_err(|error| CallError::Trapped(error.to_string()))?;
        Ok((answer, access))
    }

    #[must_use]
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.services.storage
    }

    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.services.platform
    }

    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.services.clock
    }

    #[must_use]
    pub fn facts(&self) -> &HostFacts {
        &self.services.facts
    }
}

/// `organizer` or `organizer/event`, for the log and in addresses.
fn label_of(scope: &Scope) -> String {
    match &scope.event {
        Some(event) => format!("{}/{event}", scope.organizer),
        None => scope.organizer.clone(),
    }
}
