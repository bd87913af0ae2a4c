//! A host on a store in a directory or in a database, as most commands open it.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reference_platform::{Fixture, Platform};
use scheduled_exports_mail::{EmlTransport, Transport};
use scheduled_exports_store::postgres::PostgresStorage;
use scheduled_exports_store::postgres::client::{Address, Connection};
use scheduled_exports_store::sqlite::SqliteStorage;
use scheduled_exports_store::{Change, Commit, Scope, Storage, Visible};

use reference_server::ports::HostFacts;
use reference_server::scheduler::{Scheduler, SchedulerOptions};
use reference_server::service::Service;
use reference_server::temp_files::TempFiles;
use scheduled_exports_host::clock::{Clock, SystemClock};
use scheduled_exports_host::engine::{Cache, EMBEDDED, Engine};
use scheduled_exports_host::private::{self, Entry};
use scheduled_exports_host::tape::{Keep, Tapes};
use tokio::task::spawn_blocking;

use super::{Data, Failure, PluginFile, Recording, Temporary, failed, warn_of_visible_password};

/// The store's file in the data directory.
pub const STORE: &str = "harness.db";
/// The directory of mails that are written as files.
pub const MAIL: &str = "mail";
/// The directory of the demo's attachments.
pub const FILES: &str = "files";
/// The directory of temporary files in the data directory.
const TEMPORARY: &str = "tmp";
/// Maximum number of recordings of failed runs.
const MOST_TAPES: usize = 100;
/// How long a database has to respond at startup.
const REACH: Duration = Duration::from_secs(10);
/// The error if there is no destination for mails.
const NOWHERE: &str = "no mail transport configured; use --smtp URL, or --data DIR to write mails as files";

/// A store, the platform in the same database, and their clock.
pub struct Stores {
    /// Schedules, runs, mails.
    pub storage: Arc<dyn Storage>,
    /// Organizers, users and orders.
    pub platform: Platform,
    /// The clock that all hosts of the store use.
    pub clock: Arc<dyn Clock>,
}

impl Stores {
    /// Closes both when their work has ended.
    pub async fn close(&self) {
        self.platform.close().await;
        self.storage.close().await;
    }
}

/// Opens a host on the store, which is created if `create`; without a clock, with that of the store.
pub async fn open(
    data: &Data,
    create: bool,
    plugin: &PluginFile,
    clock: Option<Arc<dyn Clock>>,
    facts: HostFacts,
) -> Result<Arc<Service>, Failure> {
    let (recording, temporary) = (Recording::default(), Temporary::default());
    open_recording(data, create, plugin, clock, facts, &recording, &temporary).await
}

/// The same, with recordings if `recording` names a directory.
pub async fn open_recording(
    data: &Data,
    create: bool,
    plugin: &PluginFile,
    clock: Option<Arc<dyn Clock>>,
    facts: HostFacts,
    recording: &Recording,
    temporary: &Temporary,
) -> Result<Arc<Service>, Failure> {
    let (file, limits) = (plugin.plugin.clone(), plugin.limits());
    let engine = async {
        let loading = spawn_blocking(move || Engine::load_file(file.as_deref(), limits, &Cache::of_user()));
        let loaded = loading.await.map_err(|panic| Failure::Sentence(panic.to_string()))?;
        Ok::<_, Failure>(loaded?)
    };
    // A database is reached meanwhile; a folder is not made for a plugin that can't be loaded.
    let (engine, stores) = match data.database {
        Some(_) => tokio::try_join!(engine, stores(data, create))?,
        None => (engine.await?, stores(data, create).await?),
    };
    let clock = clock.unwrap_or(stores.clock);
    let service = Service::new(engine, stores.storage, stores.platform, clock, facts)
        .await
        .map_err(|fault| failed("could not query the plugin's description")(&fault))?
        .keeping_temp_files(temp_files(data, temporary)?);
    Ok(Arc::new(match &recording.record {
        None => service,
        Some(folder) => {
            let tapes = Tapes::in_folder(folder, MOST_TAPES, Keep::Failed)
                .map_err(|reason| failed(format!("could not create directory {}", folder.display()))(&reason))?;
            match &plugin.plugin {
                None => service.recording(tapes, EMBEDDED),
                Some(file) => service.recording(tapes, &std::fs::read(file)?),
            }
        }
    }))
}

/// Opens the store. Creates the schema of an empty database; creates the file in a directory only if `create`.
pub async fn stores(data: &Data, create: bool) -> Result<Stores, Failure> {
    match &data.database {
        Some(url) => in_database(url).await,
        None => in_folder(data.folder.as_deref().unwrap_or(Path::new(".")), create).await,
    }
}

async fn in_folder(folder: &Path, create: bool) -> Result<Stores, Failure> {
    let path = folder.join(STORE);
    if create || path.exists() {
        private_folder(folder)?;
    } else {
        return Err(Failure::Sentence(format!(
            "no store found in {}; create one with `harness seed --data {} --fixture FILE`",
            folder.display(),
            folder.display()
        )));
    }
    Ok(Stores {
        storage: Arc::new(SqliteStorage::open(&path).await?),
        platform: Platform::open(&path).await?,
        clock: Arc::new(SystemClock),
    })
}

/// Classifies an entry of a data directory. A directory that no host creates shows that the data directory has other uses.
pub fn entry(name: &str, directory: bool) -> Entry {
    match (name, directory) {
        (MAIL | TEMPORARY | FILES, true) => Entry::Neutral,
        (_, true) => Entry::Foreign,
        (name, false) if name.starts_with(STORE) => Entry::Ours,
        (_, false) => Entry::Neutral,
    }
}

/// Creates the data directory if it is missing, and makes it private if it is not.
fn private_folder(folder: &Path) -> Result<(), Failure> {
    private::directory(folder, entry)
        .map_err(|reason| failed(format!("could not make a private directory {}", folder.display()))(&reason))
}

/// The directory of temporary files: below the data directory if there is one.
fn temp_files(data: &Data, temporary: &Temporary) -> Result<TempFiles, Failure> {
    let folder = match (&temporary.temp_dir, &data.folder) {
        (Some(named), _) => named.clone(),
        (None, Some(folder)) => {
            let folder = folder.join(TEMPORARY);
            // Exports would lie, and what looks like a killed host's would be removed, wherever it leads.
            if std::fs::symlink_metadata(&folder).is_ok_and(|found| found.is_symlink()) {
                let folder = folder.display();
                return Err(Failure::Sentence(format!(
                    "{folder}, for temporary files, is a symbolic link: remove it, or name the directory that it leads to with --temp-dir"
                )));
            }
            folder
        }
        (None, None) => {
            let user = private::user();
            let folder = std::env::temp_dir().join(format!("scheduled-exports-{user}"));
            // Everybody can make a directory or a link of that name.
            if std::fs::symlink_metadata(&folder).is_ok_and(|found| found.uid() != user) {
                let folder = folder.display();
                return Err(Failure::Sentence(format!(
                    "the directory {folder} for temporary files belongs to another user: name another one with --temp-dir"
                )));
            }
            folder
        }
    };
    TempFiles::in_folder(&folder).map_err(|reason| {
        let folder = folder.display();
        failed(format!(
            "could not make a private directory for temporary files in {folder}"
        ))(&reason)
    })
}

async fn in_database(url: &str) -> Result<Stores, Failure> {
    let address = address(url)?;
    if has_password(url) {
        warn_of_visible_password("--database", url, "PGPASSWORD or ~/.pgpass");
    }
    let connecting = tokio::spawn({
        let url = url.to_owned();
        async move { PostgresStorage::connect(&url).await }
    });
    // Also by itself, since a pool would try for a while and then say no more than that.
    let probe = tokio::time::timeout(REACH, Connection::open(&address)).await;
    let unreached = |reason: &dyn std::fmt::Display| failed(format!("could not connect to database {address}"))(reason);
    let probe = probe.map_err(|_| unreached(&"connection timed out"))?;
    let probe = probe.map_err(|reason| unreached(&reason))?;
    let unfit = |reason: &dyn std::fmt::Display| failed(format!("could not use database {address}"))(reason);
    let storage = connecting.await.map_err(|panic| unfit(&panic))?;
    let storage = storage.map_err(|reason| unfit(&reason))?;
    drop(probe);
    let platform = Platform::beside(&storage).await;
    Ok(Stores {
        platform: platform.map_err(|reason| unfit(&reason))?,
        clock: Arc::new(storage.clock().await.map_err(|reason| unfit(&reason))?),
        storage: Arc::new(storage),
    })
}

/// Reads the URL of a database. Errors do not show it, because it can contain a password.
fn address(url: &str) -> Result<Address, Failure> {
    let wrong = "invalid --database URL; expected postgres://USER[:PASS]@HOST[:PORT]/NAME";
    if !["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        return Err(Failure::Sentence(wrong.to_owned()));
    }
    Address::parse(url).map_err(|reason| failed(wrong)(&reason))
}

/// Returns whether the URL of a database contains a password.
fn has_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (authority, more) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.is_some_and(|user| user.contains(':')) || more.contains("password=")
}

/// Checks the options before anything is opened.
pub fn check(data: &Data, smtp: bool) -> Result<(), Failure> {
    if let Some(url) = &data.database {
        address(url)?;
    }
    match smtp || data.folder.is_some() {
        true => Ok(()),
        false => Err(Failure::Sentence(NOWHERE.to_owned())),
    }
}

impl Data {
    /// A store in a directory.
    pub fn of_folder(folder: &Path) -> Self {
        Self {
            folder: Some(folder.to_owned()),
            database: None,
        }
    }

    /// A store in a database.
    pub fn of_database(url: String) -> Self {
        Self {
            folder: None,
            database: Some(url),
        }
    }

    /// The store's name in messages.
    pub fn named(&self) -> Result<String, Failure> {
        Ok(match &self.database {
            Some(url) => format!("the database {}", address(url)?),
            None => {
                let folder = self.folder.as_deref().unwrap_or(Path::new("."));
                format!("the store in {}", folder.display())
            }
        })
    }
}

/// Reads a fixture file.
pub fn read_fixture(path: &Path) -> Result<Fixture, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|reason| failed(format!("could not read fixture {}", path.display()))(&reason))?;
    Fixture::from_json(&text).map_err(|reason| failed(format!("invalid fixture {}", path.display()))(&reason))
}

/// Loads a fixture into the empty store; returns the number of schedules. A rejected fixture leaves an empty store, or none: with
/// half a fixture, the store would no longer count as empty.
pub async fn seed(service: &Service, data: &Data, fixture: &Fixture) -> Result<usize, Failure> {
    service.platform().load(fixture).await?;
    let mut filled = Vec::new();
    let refused = fill(service, fixture, &mut filled).await;
    match (&refused, &data.folder) {
        (Ok(()), _) => return Ok(filled.len()),
        (Err(_), Some(folder)) if data.database.is_none() => {
            for end in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(folder.join(format!("{STORE}{end}")));
            }
        }
        (Err(_), _) => empty(service, fixture, filled).await?,
    }
    refused.map(|()| 0)
}

/// Sets the organizers' switches, and creates the schedules through the component; `filled` gets the ids of created schedules.
async fn fill(service: &Service, fixture: &Fixture, filled: &mut Vec<u64>) -> Result<(), Failure> {
    let now = service.clock().now();
    for organizer in service.platform().organizers().await? {
        service
            .storage()
            .set_enabled(&organizer.slug, organizer.enabled, "host", now)
            .await?;
    }
    for (place, schedule) in fixture.schedules.iter().enumerate() {
        let id = service
            .seed(schedule)
            .await
            .map_err(|reason| failed(format!("fixture schedule /schedules/{place} was rejected"))(&reason))?;
        filled.push(id);
    }
    Ok(())
}

/// Deletes the first schedules of a fixture again, and its platform.
async fn empty(service: &Service, fixture: &Fixture, filled: Vec<u64>) -> Result<(), Failure> {
    for (schedule, id) in fixture.schedules.iter().zip(filled) {
        let scope = Scope {
            organizer: schedule.organizer.clone(),
            event: schedule.event.clone(),
        };
        let commit = Commit {
            by: Visible {
                scope,
                only_owner: None,
            },
            actor: "host".into(),
            now: service.clock().now(),
            zone_database: service.about().zone_database.clone(),
            quota: None,
            changes: vec![Change::Delete { id, version: None }],
            details: Default::default(),
            completion: None,
            limits: None,
        };
        service.storage().commit(commit).await?;
    }
    Ok(service.platform().empty().await?)
}

/// The SMTP server if there is one, otherwise files in the data directory; and their directory.
pub fn transport(
    data: &Data,
    smtp: Option<Arc<dyn Transport>>,
) -> Result<(Arc<dyn Transport>, Option<PathBuf>), Failure> {
    Ok(match (smtp, &data.folder) {
        (Some(smtp), _) => (smtp, None),
        (None, Some(folder)) => {
            let mail = folder.join(MAIL);
            let transport = EmlTransport::new(&mail)
                .map_err(|reason| failed(format!("could not create directory {}", mail.display()))(&reason))?;
            (Arc::new(transport), Some(mail))
        }
        (None, None) => return Err(Failure::Sentence(NOWHERE.to_owned())),
    })
}

/// A scheduler that processes one instant at a time.
pub fn scheduler(service: &Arc<Service>, transport: Arc<dyn Transport>) -> Scheduler {
    Scheduler::new(Arc::clone(service), transport, SchedulerOptions::default())
}
