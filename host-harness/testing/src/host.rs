//! A whole host in one process: real component, store, platform, API and scheduler, with a clock that the test holds and a
//! transport that keeps what is mailed.

use std::path::Path;
use std::sync::Arc;

use axum::http::{HeaderMap, Method};
use reference_platform::Platform;
use scheduled_exports_mail::Transport;
use scheduled_exports_store::postgres::{PostgresOptions, PostgresStorage};
use scheduled_exports_store::sqlite::SqliteStorage;
use scheduled_exports_store::{HistoryRow, Storage, StorageError};
use serde_json::Value;
use tempfile::TempDir;

use reference_server::ports::HostFacts;
use reference_server::scheduler::{Scheduler, SchedulerOptions, Step};
use reference_server::service::Service;
use scheduled_exports_host::clock::{Clock, Instant, VirtualClock};
use scheduled_exports_host::engine::{Cache, Engine, Limits};
use scheduled_exports_host::tape::{Keep, Replay, Tape, Tapes, replay};

use scheduled_exports_test_servers::PostgresServer;

use scheduled_exports_store::port::Observed;

use super::{ScriptedExports, StoreScript};

mod builder;
mod client;
mod disk;
mod mail;
mod when;

pub use builder::HarnessBuilder;
pub use client::{Answer, Client};
pub use mail::{CapturedMail, Mail};
pub use when::at;

use mail::read;

/// Where a test's host keeps everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestStore {
    /// A file in the host's folder.
    Sqlite,
    /// A PostgreSQL database, by its URL.
    Postgres(String),
}

/// With the value `postgres`, hosts that say nothing else keep everything in databases of a private PostgreSQL server.
pub const STORE_VARIABLE: &str = "HARNESS_TEST_STORE";

impl TestStore {
    /// What [`STORE_VARIABLE`] says; else SQLite.
    ///
    /// # Panics
    /// If it says PostgreSQL where there is none, or anything else.
    fn of_environment() -> Self {
        match std::env::var(STORE_VARIABLE).as_deref() {
            Err(_) | Ok("" | "sqlite") => Self::Sqlite,
            Ok("postgres") => Self::postgres().expect("the programs of a PostgreSQL server"),
            Ok(other) => panic!("{STORE_VARIABLE} is `{other}`, neither `sqlite` nor `postgres`"),
        }
    }

    /// A database of its own on the private server. None: there are no server programs here, which has been said on stderr.
    pub fn postgres() -> Option<Self> {
        Some(Self::Postgres(PostgresServer::shared()?.new_database()))
    }
}

/// The host, and what a test needs to drive it.
pub struct Harness {
    /// The component, on store and platform.
    pub service: Arc<Service>,
    /// What time it is for all of the host; [`Harness::advance_to`] moves it, and does what is due on the way.
    pub clock: Arc<VirtualClock>,
    /// What was handed over.
    pub mail: Arc<CapturedMail>,
    /// What exporters are answered in their place.
    pub exports: Arc<ScriptedExports>,
    /// What happens at the calls of the store.
    pub store: Arc<StoreScript>,
    scheduler: Scheduler,
    transport: Arc<dyn Transport>,
    options: SchedulerOptions,
    client: Client,
    folder: Arc<TempDir>,
    kept: TestStore,
    /// Most pages of the store's file; none: as many as the disk holds.
    pages: Option<u32>,
    plugin: Vec<u8>,
    limits: Limits,
    /// The store was told to fail by a seed.
    faulty: bool,
    /// Calls are kept on tape.
    recorded: bool,
}

impl Harness {
    /// A host to be described: its platform, clock, component, limits, and what goes wrong in it.
    pub fn builder() -> HarnessBuilder {
        HarnessBuilder::default()
    }

    /// The usual host at `now`, with the platform and the schedules of a fixture file's text: short for
    /// `Harness::builder().fixture(fixture).at(now).build()`.
    ///
    /// # Panics
    /// As [`HarnessBuilder::build`].
    pub async fn start(fixture: &str, now: &str) -> Self {
        Self::builder().fixture(fixture).at(now).build().await
    }

    /// Has mail handed over by this instead of kept in memory, from now on.
    #[must_use]
    pub fn mailing_through(self, transport: Arc<dyn Transport>) -> Self {
        Self { transport, ..self }.scheduled()
    }

    /// Has runs leased, delivered and kept by these rules from now on.
    #[must_use]
    pub fn scheduling(self, options: SchedulerOptions) -> Self {
        Self { options, ..self }.scheduled()
    }

    fn scheduled(self) -> Self {
        let (service, transport) = (Arc::clone(&self.service), Arc::clone(&self.transport));
        Self {
            scheduler: Scheduler::new(service, transport, self.options.clone()),
            ..self
        }
    }

    /// Lets go of everything in memory and opens the same store again, as a new process would.
    ///
    /// # Panics
    /// As [`HarnessBuilder::build`].
    #[must_use]
    pub async fn restart(self) -> Self {
        let Self {
            service,
            scheduler: old,
            transport,
            options,
            client,
            clock,
            mail,
            exports,
            store,
            folder,
            kept,
            pages,
            plugin,
            limits,
            faulty,
            recorded,
        } = self;
        let facts = service.context().clone();
        drop((old, client, service));
        let service = open(
            (&kept, folder.path(), pages, recorded),
            &plugin,
            limits.clone(),
            facts,
            Arc::clone(&clock),
            &exports,
            &store,
        )
        .await;
        Self {
            scheduler: Scheduler::new(Arc::clone(&service), Arc::clone(&transport), options.clone()),
            client: Client::of(&service),
            service,
            clock,
            mail,
            exports,
            store,
            transport,
            options,
            folder,
            kept,
            pages,
            plugin,
            limits,
            faulty,
            recorded,
        }
    }

    /// Another host on the same store, with the same clock, mail and exporters; calls of its store are watched by a script of
    /// its own.
    ///
    /// # Panics
    /// As [`HarnessBuilder::build`].
    #[must_use]
    pub async fn second(&self) -> Self {
        let store = Arc::<StoreScript>::default();
        let (clock, exports) = (Arc::clone(&self.clock), Arc::clone(&self.exports));
        let (plugin, limits) = (self.plugin.clone(), self.limits.clone());
        let service = open(
            (&self.kept, self.folder.path(), self.pages, self.recorded),
            &plugin,
            limits.clone(),
            self.service.context().clone(),
            Arc::clone(&clock),
            &exports,
            &store,
        )
        .await;
        Self {
            scheduler: Scheduler::new(Arc::clone(&service), Arc::clone(&self.transport), self.options.clone()),
            client: Client::of(&service),
            service,
            clock,
            mail: Arc::clone(&self.mail),
            exports,
            store,
            transport: Arc::clone(&self.transport),
            options: self.options.clone(),
            folder: Arc::clone(&self.folder),
            kept: self.kept.clone(),
            pages: self.pages,
            plugin,
            limits,
            // Its store is watched by a script of its own.
            faulty: false,
            recorded: self.recorded,
        }
    }

    /// The folder of the host, with the store if that is a file.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Organizers, people and orders.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        self.service.platform()
    }

    /// Where schedules are kept.
    #[must_use]
    pub fn storage(&self) -> &dyn Storage {
        self.service.storage().as_ref()
    }

    /// All calls of the component so far that were lent a handle, in the order of their ends, with [`HarnessBuilder::record`].
    ///
    /// # Panics
    /// If one can't be read.
    #[must_use]
    pub fn tapes(&self) -> Vec<Tape> {
        let files = tapes(self.folder.path()).files().expect("a folder");
        let read = |file| Tape::from_text(&std::fs::read_to_string(file).expect("a file")).expect("a tape");
        files.into_iter().map(read).collect()
    }

    /// Has the component go through a tape again, held to the limits of this host.
    ///
    /// # Panics
    /// If the tape lends another handle than its call takes.
    pub async fn replay(&self, tape: &Tape) -> Replay {
        let engine = Engine::load(&self.plugin, self.limits.clone(), &Cache::of_user()).expect("the component loads");
        replay(&engine, tape).await.expect("a tape of one call")
    }

    /// Moves the clock there, an instant as [`at`] reads it, without doing anything on the way: the host was down, or too slow.
    pub fn jump_to(&self, instant: &str) {
        self.clock.set(at(instant));
    }

    /// Does all that is due now.
    ///
    /// # Panics
    /// If the store is away.
    pub async fn step(&self) -> Step {
        self.scheduler.step().await.expect("the store answers")
    }

    /// The same where the store can be away.
    ///
    /// # Errors
    /// If it is.
    pub async fn try_step(&self) -> Result<Step, StorageError> {
        self.scheduler.step().await
    }

    /// Who asks the HTTP API, to be taken elsewhere.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Does the housekeeping that `serve` does once a minute.
    ///
    /// # Panics
    /// If the store is away.
    pub async fn tidy(&self) {
        self.scheduler.tidy().await.expect("the store answers");
    }

    /// Moves the clock there, an instant as [`at`] reads it, stopping at each instant at which something is due, and doing it.
    ///
    /// With [`HarnessBuilder::faults`] a step that fails is done again, as `serve` does it.
    ///
    /// # Panics
    /// If the store is away and was not told to be.
    pub async fn advance_to(&self, instant: &str) {
        let until = at(instant);
        self.step_through().await;
        while let Some(wake) = self.wake_through().await {
            if wake > until {
                break;
            }
            self.clock.set(wake.max(self.clock.now()));
            self.step_through().await;
        }
        self.clock.set(until);
        self.step_through().await;
    }

    async fn step_through(&self) {
        while let Err(error) = self.scheduler.step().await {
            assert!(self.faulty, "the store answers: {error}");
        }
    }

    async fn wake_through(&self) -> Option<Instant> {
        loop {
            match self.scheduler.next_wake().await {
                Ok(wake) => return wake,
                Err(error) => assert!(self.faulty, "the store answers: {error}"),
            }
        }
    }

    /// All mails handed over so far, in the order of their handing-over.
    ///
    /// # Panics
    /// If one can't be read as a mail.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        let taken = self.mail.taken.lock().expect("no test panics while it holds this");
        taken.iter().map(|(recipient, bytes)| read(recipient, bytes)).collect()
    }

    /// The mails handed over since the last call of this.
    ///
    /// # Panics
    /// As [`Harness::mails`].
    #[must_use]
    pub fn take_mails(&self) -> Vec<Mail> {
        let taken = std::mem::take(&mut *self.mail.taken.lock().expect("no test panics while it holds this"));
        taken.iter().map(|(recipient, bytes)| read(recipient, bytes)).collect()
    }

    /// What became of each due time of a schedule, latest first.
    ///
    /// # Panics
    /// If the store is away.
    pub async fn history(&self, schedule: u64) -> Vec<HistoryRow> {
        self.storage()
            .history(Some(schedule), 1_000)
            .await
            .expect("the store answers")
    }

    /// As [`Client::request`].
    ///
    /// # Panics
    /// As that.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        credentials: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Answer {
        self.client.request(method, path, credentials, headers, body).await
    }

    /// Any bytes as a request to the HTTP API. None: HTTP can't carry them.
    ///
    /// # Panics
    /// If the answer is not JSON.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Option<Answer> {
        self.client.send(method, path, headers, body).await
    }

    /// Fetches a file without credentials: status, headers and bytes.
    ///
    /// # Panics
    /// If the request can't be written.
    pub async fn fetch(&self, method: Method, path: &str) -> (u16, HeaderMap, Vec<u8>) {
        self.client.fetch(method, path).await
    }

    /// As [`Client::fetch_with`].
    ///
    /// # Panics
    /// As there.
    pub async fn fetch_with(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, Vec<u8>) {
        self.client.fetch_with(method, path, headers).await
    }

    /// As [`Client::get`].
    pub async fn get(&self, path: &str, credentials: &str) -> Answer {
        self.client.get(path, credentials).await
    }

    /// As [`Client::post`].
    pub async fn post(&self, path: &str, credentials: &str, body: &Value) -> Answer {
        self.client.post(path, credentials, body).await
    }

    /// As [`Client::put`].
    pub async fn put(&self, path: &str, credentials: &str, body: &Value) -> Answer {
        self.client.put(path, credentials, body).await
    }

    /// As [`Client::patch`].
    pub async fn patch(&self, path: &str, credentials: &str, body: &Value) -> Answer {
        self.client.patch(path, credentials, body).await
    }

    /// As [`Client::delete`].
    pub async fn delete(&self, path: &str, credentials: &str) -> Answer {
        self.client.delete(path, credentials).await
    }

    /// As [`Client::create`].
    ///
    /// # Panics
    /// As that.
    pub async fn create(&self, path: &str, credentials: &str, body: &Value) -> u64 {
        self.client.create(path, credentials, body).await
    }
}

/// The name of the store's file in its folder.
const STORE: &str = "harness.db";

/// So many tapes of a test are kept.
const MOST_TAPES: usize = 1_000;

fn tapes(folder: &Path) -> Tapes {
    Tapes::in_folder(&folder.join("tapes"), MOST_TAPES, Keep::All).expect("a folder")
}

async fn open(
    (kept, folder, pages, recorded): (&TestStore, &Path, Option<u32>, bool),
    plugin: &[u8],
    limits: Limits,
    facts: HostFacts,
    clock: Arc<VirtualClock>,
    exports: &Arc<ScriptedExports>,
    script: &Arc<StoreScript>,
) -> Arc<Service> {
    let engine = Engine::load(plugin, limits, &Cache::of_user()).expect("the component loads");
    let (storage, platform): (Arc<dyn Storage>, _) = match kept {
        TestStore::Sqlite => {
            let path = folder.join(STORE);
            let storage = SqliteStorage::open_within(&path, pages).await.expect("the store opens");
            (Arc::new(storage), Platform::open(&path).await)
        }
        TestStore::Postgres(url) => {
            // A test steps from one instant to the next: nobody waits for notices.
            let options = PostgresOptions {
                connections: 4,
                notify: false,
                ..PostgresOptions::default()
            };
            let storage = PostgresStorage::connect_with(url, &options)
                .await
                .expect("the store opens");
            let platform = Platform::beside(&storage).await;
            (Arc::new(storage), platform)
        }
    };
    let storage = Observed::new(storage, Arc::clone(script));
    let platform = platform.expect("the platform opens");
    let platform = platform.exporting_through(Arc::clone(exports) as _);
    let service = Service::new(engine, Arc::new(storage), platform, clock, facts)
        .await
        .expect("the component answers");
    Arc::new(match recorded {
        true => service.recording(tapes(folder), plugin),
        false => service,
    })
}
