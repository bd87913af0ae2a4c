//! A whole host in one process: real component, store, platform, API and scheduler, with a clock that the test holds and a
//! transport that keeps what is mailed.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::http::{HeaderMap, Method};
use serde_json::Value;
use tempfile::TempDir;

use crate::clock::{Clock, Instant, VirtualClock};
use crate::delivery::{Refusal, Transport};
use crate::engine::{Cache, EMBEDDED, Engine, Limits};
use crate::platform::{Fixture, Platform};
use crate::ports::HostFacts;
use crate::scheduler::{Scheduler, SchedulerOptions, Step};
use crate::service::Service;
use crate::storage::postgres::{PostgresOptions, PostgresStorage};
use crate::storage::sqlite::SqliteStorage;
use crate::storage::{HistoryRow, Storage, StorageError};

use super::postgres::PostgresServer;
use super::{ScriptedExports, StoreScript, WatchedStorage};

mod client;
mod disk;

pub use client::{Answer, Client};

/// An instant in RFC 3339, as tests write it.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn at(text: &str) -> Instant {
    chrono::DateTime::parse_from_rfc3339(text)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .timestamp()
}

/// A mail as a recipient's server got it.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Address of the SMTP envelope.
    pub recipient: String,
    pub from: String,
    pub to: String,
    /// Empty: no such header.
    pub cc: String,
    pub subject: String,
    pub message_id: String,
    pub text: String,
    /// File name and bytes.
    pub attachment: Option<(String, Vec<u8>)>,
    pub bytes: Arc<[u8]>,
}

/// Keeps what it is handed, and refuses whom it is told to.
#[derive(Debug, Default)]
pub struct CapturedMail {
    taken: Mutex<Vec<(String, Arc<[u8]>)>>,
    refusals: Mutex<HashMap<String, Refusal>>,
}

impl CapturedMail {
    /// From now on this address is refused; with none it is taken again.
    pub fn refuse(&self, address: &str, refusal: Option<Refusal>) {
        let mut refusals = self.refusals.lock().expect("no test panics while it holds this");
        match refusal {
            Some(refusal) => refusals.insert(address.to_owned(), refusal),
            None => refusals.remove(address),
        };
    }
}

#[async_trait]
impl Transport for CapturedMail {
    async fn hand_over(
        &self,
        _from: &str,
        recipient: &str,
        _message_id: &str,
        bytes: Arc<[u8]>,
    ) -> Result<String, Refusal> {
        if let Some(refusal) = self
            .refusals
            .lock()
            .expect("no test panics while it holds this")
            .get(recipient)
        {
            return Err(refusal.clone());
        }
        self.taken
            .lock()
            .expect("no test panics while it holds this")
            .push((recipient.to_owned(), bytes));
        Ok("250 kept".into())
    }
}

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
pub struct TestHost {
    pub service: Arc<Service>,
    pub clock: Arc<VirtualClock>,
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
}

impl TestHost {
    /// A host at `now` with the platform and the schedules of a fixture file's text.
    ///
    /// # Panics
    /// If any part does not start: a test can't go on without.
    pub async fn start(fixture: &str, now: &str) -> Self {
        Self::on(TestStore::of_environment(), fixture, now).await
    }

    /// The same on a store of the test's choice.
    ///
    /// # Panics
    /// As [`TestHost::start`].
    pub async fn on(kept: TestStore, fixture: &str, now: &str) -> Self {
        Self::launch(kept, EMBEDDED.to_vec(), Limits::default(), facts(), fixture, now).await
    }

    /// The same, offering files that are too large for a mail for download.
    ///
    /// # Panics
    /// As [`TestHost::start`].
    pub async fn with_downloads(fixture: &str, now: &str) -> Self {
        let facts = HostFacts {
            download_links: true,
            ..facts()
        };
        let kept = TestStore::of_environment();
        Self::launch(kept, EMBEDDED.to_vec(), Limits::default(), facts, fixture, now).await
    }

    /// The same with another component, or other limits.
    ///
    /// # Panics
    /// As [`TestHost::start`].
    pub async fn with_plugin(plugin: Vec<u8>, limits: Limits, fixture: &str, now: &str) -> Self {
        Self::launch(TestStore::of_environment(), plugin, limits, facts(), fixture, now).await
    }

    async fn launch(
        kept: TestStore,
        plugin: Vec<u8>,
        limits: Limits,
        facts: HostFacts,
        fixture: &str,
        now: &str,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = Arc::new(VirtualClock::at(at(now)));
        let mail = Arc::new(CapturedMail::default());
        let (exports, store) = (Arc::<ScriptedExports>::default(), Arc::<StoreScript>::default());
        let service = open(
            (&kept, folder.path(), None),
            &plugin,
            limits.clone(),
            facts,
            Arc::clone(&clock),
            &exports,
            &store,
        )
        .await;
        let fixture = Fixture::from_json(fixture).expect("a fixture");
        service.platform().load(&fixture).await.expect("the fixture's platform");
        for organizer in service.platform().organizers().await.expect("organizers") {
            let switched = service
                .storage()
                .set_enabled(&organizer.slug, organizer.enabled, "host", clock.now())
                .await;
            switched.expect("the organizer is switched");
        }
        for schedule in &fixture.schedules {
            service.seed(schedule).await.expect("the fixture's schedule");
        }
        let (transport, options) = (Arc::clone(&mail) as Arc<dyn Transport>, SchedulerOptions::default());
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
            folder: Arc::new(folder),
            kept,
            pages: None,
            plugin,
            limits,
        }
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
    /// As [`TestHost::start`].
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
        } = self;
        let facts = service.facts().clone();
        drop((old, client, service));
        let service = open(
            (&kept, folder.path(), pages),
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
        }
    }

    /// Another host on the same store, with the same clock, mail and exporters; calls of its store are watched by a script of
    /// its own.
    ///
    /// # Panics
    /// As [`TestHost::start`].
    #[must_use]
    pub async fn second(&self) -> Self {
        let store = Arc::<StoreScript>::default();
        let (clock, exports) = (Arc::clone(&self.clock), Arc::clone(&self.exports));
        let (plugin, limits) = (self.plugin.clone(), self.limits.clone());
        let service = open(
            (&self.kept, self.folder.path(), self.pages),
            &plugin,
            limits.clone(),
            self.service.facts().clone(),
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
        }
    }

    /// The folder of the host, with the store if that is a file.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    #[must_use]
    pub fn platform(&self) -> &Platform {
        self.service.platform()
    }

    #[must_use]
    pub fn storage(&self) -> &dyn Storage {
        self.service.storage().as_ref()
    }

    /// Moves the clock there without doing anything on the way: the host was down, or too slow.
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

    /// Moves the clock there, stopping at each instant at which something is due, and doing it.
    ///
    /// # Panics
    /// If the store is away.
    pub async fn advance_to(&self, instant: &str) {
        let until = at(instant);
        self.step().await;
        while let Some(wake) = self.scheduler.next_wake().await.expect("the store answers") {
            if wake > until {
                break;
            }
            self.clock.set(wake.max(self.clock.now()));
            self.step().await;
        }
        self.clock.set(until);
        self.step().await;
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
    /// As [`TestHost::mails`].
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

    pub async fn get(&self, path: &str, credentials: &str) -> Answer {
        self.client.get(path, credentials).await
    }

    pub async fn post(&self, path: &str, credentials: &str, body: &Value) -> Answer {
        self.client.post(path, credentials, body).await
    }

    pub async fn put(&self, path: &str, credentials: &str, body: &Value) -> Answer {
        self.client.put(path, credentials, body).await
    }

    pub async fn patch(&self, path: &str, credentials: &str, body: &Value) -> Answer {
        self.client.patch(path, credentials, body).await
    }

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

fn facts() -> HostFacts {
    HostFacts {
        base_url: "https://tickets.example".into(),
        ..HostFacts::default()
    }
}

/// The name of the store's file in its folder.
const STORE: &str = "harness.db";

async fn open(
    (kept, folder, pages): (&TestStore, &Path, Option<u32>),
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
            };
            let storage = PostgresStorage::connect_with(url, &options)
                .await
                .expect("the store opens");
            let platform = Platform::beside(&storage).await;
            (Arc::new(storage), platform)
        }
    };
    let storage = WatchedStorage::new(storage, Arc::clone(script) as _);
    let platform = platform.expect("the platform opens");
    let platform = platform.exporting_through(Arc::clone(exports) as _);
    Arc::new(
        Service::new(engine, Arc::new(storage), platform, clock, facts)
            .await
            .expect("the component answers"),
    )
}

fn read(recipient: &str, bytes: &Arc<[u8]>) -> Mail {
    use mailparse::MailHeaderMap as _;
    let parsed = mailparse::parse_mail(bytes).expect("a mail");
    let header = |name: &str| parsed.headers.get_first_value(name).unwrap_or_default();
    let parts: Vec<_> = parsed.parts().filter(|part| part.subparts.is_empty()).collect();
    let named = |part: &&&mailparse::ParsedMail<'_>| part.get_content_disposition().params.contains_key("filename");
    let text = parts
        .iter()
        .find(|part| !named(part))
        .map(|part| part.get_body().expect("the text is decoded"));
    let attachment = parts.iter().find(named).map(|part| {
        let name = part.get_content_disposition().params["filename"].clone();
        (name, part.get_body_raw().expect("the attachment is decoded"))
    });
    Mail {
        recipient: recipient.to_owned(),
        from: header("From"),
        to: header("To"),
        cc: header("Cc"),
        subject: header("Subject"),
        message_id: header("Message-ID"),
        text: text.unwrap_or_default(),
        attachment,
        bytes: Arc::clone(bytes),
    }
}
