//! The component as the rest of the host sees it: asked on behalf of a caller, or given a leased run.
//!
//! The reference host, put together on one SQLite file; `harness serve` does little more.
//!
//! ```no_run
//! use std::path::Path;
//! use std::sync::Arc;
//!
//! use reference_server::api::{self, ApiLimits};
//! use scheduled_exports_host::clock::SystemClock;
//! use scheduled_exports_mail::EmlTransport;
//! use scheduled_exports_host::engine::{Cache, EMBEDDED, Engine, Limits};
//! use reference_platform::Platform;
//! use reference_server::ports::HostFacts;
//! use reference_server::scheduler::{Scheduler, SchedulerOptions};
//! use reference_server::service::Service;
//! use scheduled_exports_store::sqlite::SqliteStorage;
//!
//! # async fn host() -> Result<(), Box<dyn std::error::Error>> {
//! let file = Path::new("store.db");
//! let storage = Arc::new(SqliteStorage::open(file).await?);
//! let platform = Platform::open(file).await?;
//! let engine = Engine::load(EMBEDDED, Limits::default(), &Cache::of_user())?;
//! let service = Service::new(engine, storage, platform, Arc::new(SystemClock), HostFacts::default()).await?;
//! let service = Arc::new(service);
//!
//! let mail = Arc::new(EmlTransport::new("mail")?);
//! let scheduler = Arc::new(Scheduler::new(Arc::clone(&service), mail, SchedulerOptions::default()));
//! let (stop, stopped) = tokio::sync::watch::channel(false);
//! let runs = tokio::spawn(scheduler.serve(stopped));
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! let router = api::router(service, ApiLimits::default());
//! api::serve(listener, router, ApiLimits::default(), std::future::pending()).await;
//! stop.send(true)?;
//! runs.await?;
//! # Ok(())
//! # }
//! ```

mod events;
mod jobs;
mod permits;
mod plans;
mod readiness;
mod recording;
mod seeding;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as Stopwatch};

use reference_platform::shares::SharedPlaces;
use reference_platform::{Place, Platform, PlatformError, Principal, slug_of};
use scheduled_exports_host::clock::Clock;
use scheduled_exports_host::contract::Problem;
use scheduled_exports_host::contract::auth_context::{AccessContext, Caller, Settings};
use scheduled_exports_host::contract::exported::about::Description;
use scheduled_exports_host::engine::{Engine, GuestFault, Instance, Unaccepted};
use scheduled_exports_host::tape::Recorded;
use scheduled_exports_mail::{Origin, Sender};
use scheduled_exports_store::port::Observed;
use scheduled_exports_store::usage::Exceeded;
use scheduled_exports_store::{
    Change, Commit, CommitError, Completion, KeptAnswer, RequestKey, Scope, Storage, StorageError, Visible,
};
use tokio::sync::Notify;

pub use jobs::Ended;
pub use scheduled_exports_host::engine::{Answer, Operation};
pub use seeding::SeedError;

pub use self::events::LeftOver;
use crate::delivery::MailHealth;
use crate::download::{Download, Secret};
use crate::metrics::{Called, Metrics};
use crate::ports::{Access, HostFacts, Services};
use crate::temp_files::TempFiles;

/// How long a host that stops waits for its store to be closed.
const CLOSING: Duration = Duration::from_secs(5);
/// How often a call is repeated whose commit met another one.
const COMMIT_TRIES: u32 = 5;

/// What a caller may do here, as the HTTP API has found out: what an `access` handle is minted from.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Where.
    pub scope: Scope,
    /// Whose credentials, for the audit log.
    pub principal: Principal,
    /// As the component is told.
    pub caller: Caller,
    /// Of messages: a BCP 47 tag.
    pub language: String,
    /// So he sees and changes all schedules there.
    pub may_change_settings: bool,
    /// The credentials are good for writing.
    pub may_write: bool,
    /// What counts there, as read with the caller's rights.
    pub place: Place,
    /// The event is gone: what is left of it can be read and deleted.
    pub event_deleted: bool,
    /// He may see what is left of deleted events, and delete it.
    pub reaches_deleted_events: bool,
}

/// The idempotency record that is written in the transaction of the change.
pub struct Keep<'a> {
    /// Whose request.
    pub key: RequestKey,
    /// As [`Requests::begin_request`](scheduled_exports_store::Requests::begin_request) gave it.
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
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// All instances that this organizer can have are in use, and none became free in time.
    #[error("no instance became free in time")]
    Busy,
    /// The caller has used as much as the host's limits leave.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// The idempotency key was taken over by another request meanwhile.
    #[error("superseded by another request with the same idempotency key")]
    Superseded,
    /// The component trapped or ran past a limit. For the log; nothing was changed.
    #[error("the plugin failed: {0}")]
    Trapped(String),
}

impl From<GuestFault> for CallError {
    fn from(fault: GuestFault) -> Self {
        match fault {
            GuestFault::Host(words) => Self::Unavailable(words),
            GuestFault::Trapped(_) | GuestFault::DeadlineExceeded | GuestFault::OutOfMemory => {
                Self::Trapped(fault.to_string())
            }
        }
    }
}

impl From<Unaccepted> for CallError {
    fn from(why: Unaccepted) -> Self {
        match why {
            Unaccepted::Problem(Problem::Unavailable(words)) => Self::Unavailable(words),
            Unaccepted::Problem(problem) => Self::Problem(problem),
            Unaccepted::Fault(fault) => fault.into(),
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
    engine: Engine<Recorded<Services>>,
    services: Arc<Recorded<Services>>,
    about: Description,
    changed: Notify,
    metrics: Arc<Metrics>,
    /// Instances for calls for a person, shared among organizers.
    places: SharedPlaces,
    mail: MailHealth,
    readiness: readiness::Readiness,
    /// Where calls are kept on tape; none: they are not.
    kept: Option<recording::Kept>,
}

impl Service {
    /// Puts a loaded component together with what its imports are served from.
    ///
    /// # Errors
    /// If it traps when asked what it is, or if the store cannot be read.
    pub async fn new(
        engine: Engine<Recorded<Services>>,
        storage: Arc<dyn Storage>,
        platform: Platform,
        clock: Arc<dyn Clock>,
        facts: HostFacts,
    ) -> Result<Self, GuestFault> {
        // The address that belongs to nobody repairs none.
        let mail = match facts.mail_from == Sender::default() {
            true => MailHealth::default(),
            false => MailHealth::sending_as(facts.mail_from.clone()),
        };
        let metrics = Arc::new(Metrics::new(&platform));
        let store = storage
            .store_id()
            .await
            .map_err(|error| GuestFault::Host(error.to_string()))?;
        let share = facts.limits.organizer_share;
        let platform = platform.sharing(share);
        let places = SharedPlaces::new(engine.limits().call_instances as usize, share);
        let services = Services {
            origin: Origin::new(facts.mail_from.clone(), &store),
            storage: Arc::new(Observed::new(storage, Arc::clone(&metrics))),
            platform,
            clock,
            facts,
            temp_files: TempFiles::default(),
            zone_database: String::new(),
        };
        let shared = Arc::new(Recorded { host: services });
        let about = engine.describe(&shared).await?;
        let mut services = Arc::into_inner(shared).expect("the instance that shared it is gone");
        services.host.zone_database.clone_from(&about.zone_database);
        Ok(Self {
            engine,
            services: Arc::new(services),
            about,
            changed: Notify::new(),
            metrics,
            places,
            mail,
            readiness: readiness::Readiness::default(),
            kept: None,
        })
    }

    /// Keeps files for the time of their use here, in place of the machine's own place for that.
    ///
    /// # Panics
    /// If the component is being called already.
    #[must_use]
    pub fn keeping_temp_files(mut self, temp_files: TempFiles) -> Self {
        let services = Arc::get_mut(&mut self.services).expect("no call is under way");
        services.host.platform = services
            .host
            .platform
            .clone()
            .exporting_in(temp_files.path().to_owned());
        services.host.temp_files = temp_files;
        self
    }

    /// Where files lie for the time of their use.
    #[must_use]
    pub fn temp_files(&self) -> &TempFiles {
        &self.services.temp_files
    }

    /// Closes store and platform once what they do has ended; a connection that hangs is not waited for.
    pub async fn close(&self) {
        let closing = async {
            self.services.platform.close().await;
            self.services.storage.close().await;
        };
        if tokio::time::timeout(CLOSING, closing).await.is_err() {
            tracing::warn!("the store could not be closed within 5 s: something still uses it");
        }
    }

    /// What this host has counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Whether mail goes out, and what keeps it from going.
    #[must_use]
    pub fn mail(&self) -> &MailHealth {
        &self.mail
    }

    /// Handles that calls of the component have at the moment.
    #[must_use]
    pub fn open_handles(&self) -> usize {
        self.engine.open_handles()
    }

    /// Instances of the component in use, and how many there can be.
    #[must_use]
    pub fn instances(&self) -> (usize, usize) {
        (self.engine.in_use(), self.engine.limits().all_instances() as usize)
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
        let (mut tries, mut over_quota) = (0, false);
        loop {
            tries += 1;
            let mut access = self.mint_access(grant);
            access.counts_schedules = over_quota;
            let quota = access.quota;
            let (answer, access) = self.ask(access, operation.clone()).await?;
            if access.staged.is_empty() {
                // Nothing was changed: repeated, it is asked again.
                if let Some(keep) = &keep
                    && let Err(error) = self.services.storage.end_request(&keep.key, keep.ticket).await
                {
                    tracing::warn!(%error, "a request counts as running until its lease ends");
                }
                return Ok(answer);
            }
            if changes_another_version(&operation, &access.staged) {
                return Err(CallError::Problem(Problem::Stale));
            }
            let completion = keep.as_ref().map(|keep| Completion {
                key: keep.key.clone(),
                ticket: keep.ticket,
                answer: (keep.answer)(&answer),
            });
            let commit = Commit {
                by: access.visible,
                actor: grant.principal.audit_name(),
                now: access.facts.settings.now,
                zone_database: self.services.zone_database.clone(),
                quota,
                changes: access.staged,
                details: access.details,
                completion,
                limits: self.services.facts.limits.writes(),
            };
            match self.services.storage.commit(commit).await {
                Ok(()) => {
                    self.changed.notify_waiters();
                    return Ok(answer);
                }
                // Another change came between what the component read and this commit: it decides again on what is there now.
                Err(CommitError::Stale | CommitError::NotFound) if tries < COMMIT_TRIES => {}
                Err(CommitError::Quota(_)) if tries < COMMIT_TRIES => over_quota = true,
                Err(CommitError::NotFound) => return Err(CallError::Problem(Problem::NotFound)),
                Err(CommitError::Stale) => return Err(CallError::Problem(Problem::Stale)),
                Err(error @ CommitError::Quota(_)) => return Err(CallError::Unavailable(error.to_string())),
                Err(CommitError::Exceeded(exceeded)) => return Err(CallError::Exceeded(exceeded)),
                Err(CommitError::Superseded) => return Err(CallError::Superseded),
                Err(CommitError::Storage(error)) => return Err(CallError::Unavailable(error.to_string())),
            }
        }
    }

    /// Returns what [`call`](Self::call) would, and drops the changes that the component has staged.
    ///
    /// # Errors
    /// See [`CallError`]. Conflicts and limits that only a commit checks are not among them.
    pub async fn rehearse(&self, grant: &Grant, operation: Operation) -> Result<Answer, CallError> {
        let (answer, _dropped) = self.ask(self.mint_access(grant), operation).await?;
        Ok(answer)
    }

    /// The file that a link with this secret leads to now; none: the secret is none, unknown, past its time, or its export was called
    /// off.
    ///
    /// # Errors
    /// If the store is away.
    pub async fn download(&self, secret: &str) -> Result<Option<Download>, StorageError> {
        let Some(secret) = Secret::read(secret) else {
            return Ok(None);
        };
        let (storage, link) = (&self.services.storage, secret.hash());
        let Some(run) = storage.linked(&link, self.services.clock.now()).await? else {
            return Ok(None);
        };
        if !self.may_be_fetched(run).await? {
            return Ok(None);
        }
        let facts = storage.file_facts(run).await?;
        Ok(facts.map(|facts| Download { facts, link }))
    }

    /// A piece of the file that this link leads to now, as [`Files::linked_piece`](scheduled_exports_store::Files::linked_piece) counts them.
    ///
    /// # Errors
    /// If the store is away.
    pub async fn download_piece(&self, link: &[u8; 32], piece: u64) -> Result<Option<Vec<u8>>, StorageError> {
        let (storage, now) = (&self.services.storage, self.services.clock.now());
        // A slow reader keeps a file open for long: what is taken away meanwhile ends it.
        match storage.linked(link, now).await? {
            Some(run) if self.may_be_fetched(run).await? => storage.linked_piece(link, now, piece).await,
            _ => Ok(None),
        }
    }

    fn mint_access(&self, grant: &Grant) -> Access {
        let only_owner = match &grant.caller {
            Caller::User(user) if !grant.may_change_settings => Some(user.id.clone()),
            Caller::User(_) | Caller::Token | Caller::Device => None,
        };
        Access {
            facts: AccessContext {
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
            quota: grant
                .place
                .settings
                .max_schedules
                .or(self.services.facts.limits.schedules),
            counts_schedules: false,
            staged: Vec::new(),
            owners: HashMap::new(),
            details: BTreeMap::new(),
            read: Mutex::default(),
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
            // Over the mail server's own limit a mail need not be tried: its file is zipped, or offered for download.
            mail_bytes: self
                .mail
                .size_limit()
                .unwrap_or(u64::MAX)
                .min(place.settings.max_mail_bytes),
            configuration_url: self.configuration_url(scope),
            latest_event: place.latest_event,
        }
    }

    /// Where people change these schedules: paths name an event by its slug.
    fn configuration_url(&self, scope: &Scope) -> String {
        let Scope { organizer, event } = scope;
        let event = event.as_deref().map(|key| format!("/{}", slug_of(key)));
        let base = &self.services.facts.base_url;
        format!(
            "{base}/control/{organizer}{}/scheduled-exports/",
            event.unwrap_or_default()
        )
    }

    /// A fresh instance, for whoever wants to call the component's exports himself; `compute` is its time in guest code.
    ///
    /// # Errors
    /// See [`GuestFault`].
    pub async fn instance(
        &self,
        function: &'static str,
        compute: Duration,
    ) -> Result<Instance<'_, Recorded<Services>>, GuestFault> {
        self.engine.instance(&self.services, function, compute).await
    }

    async fn ask(&self, access: Access, operation: Operation) -> Result<(Answer, Access), CallError> {
        let (export, began) = (operation.name(), Stopwatch::now());
        let organizer = &access.visible.scope.organizer;
        let place = self.places.acquire(organizer, self.engine.limits().call_wait).await;
        let asked = match place {
            Some(_place) => self.ask_on_tape(access, operation).await,
            None => Err(CallError::Busy),
        };
        let how = match &asked {
            Ok(_) => Called::Answered,
            Err(CallError::Problem(_) | CallError::Exceeded(_)) => Called::Refused,
            Err(CallError::Busy) => Called::Busy,
            Err(CallError::Unavailable(_) | CallError::Superseded) => Called::Away,
            Err(CallError::Trapped(_)) => Called::Failed,
        };
        self.metrics.called(export, how, began.elapsed());
        asked
    }

    /// Where schedules are kept.
    #[must_use]
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.services.storage
    }

    /// Organizers, people and orders.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.services.platform
    }

    /// What time it is.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.services.clock
    }

    /// What the component is told about this host.
    #[must_use]
    pub fn context(&self) -> &HostFacts {
        &self.services.facts
    }
}

/// Does an act change another version of its schedule than the one it is for?
fn changes_another_version(operation: &Operation, staged: &[Change]) -> bool {
    let Operation::Act {
        id: Some(wanted),
        if_version: Some(only),
        ..
    } = operation
    else {
        return false;
    };
    staged.iter().any(|change| match change {
        Change::Update { id, version, .. } | Change::TakeOver { id, version, .. } => id == wanted && version != only,
        Change::Delete { id, version } => id == wanted && *version != Some(*only),
        Change::Insert { .. } | Change::RequestRun(_) | Change::Tell(_) => false,
    })
}
