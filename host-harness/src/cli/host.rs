//! A host on a data folder: what most commands open.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use host_harness::clock::Clock;
use host_harness::delivery::{EmlTransport, SmtpTimeouts, SmtpTransport, Transport};
use host_harness::engine::{Cache, Engine};
use host_harness::platform::{Fixture, Platform};
use host_harness::ports::HostFacts;
use host_harness::scheduler::{Scheduler, SchedulerOptions};
use host_harness::service::Service;
use host_harness::storage::sqlite::SqliteStorage;

use super::{Failure, PluginFile, failed};

/// The store's file in the data folder.
const STORE: &str = "harness.db";
/// The folder of mails that are written as files.
const MAIL: &str = "mail";

/// Opens the store in `folder`, which is made if `create`.
pub async fn open(
    folder: &Path,
    create: bool,
    plugin: &PluginFile,
    clock: Arc<dyn Clock>,
    facts: HostFacts,
) -> Result<Arc<Service>, Failure> {
    let engine = Engine::load_file(plugin.plugin.as_deref(), plugin.limits(), &Cache::of_user())?;
    let (storage, platform) = stores(folder, create).await?;
    let service = Service::new(engine, Arc::new(storage), platform, clock, facts).await;
    service
        .map(Arc::new)
        .map_err(|fault| failed("the plugin can't say what it is")(&fault))
}

/// The two halves of the store in `folder`.
pub async fn stores(folder: &Path, create: bool) -> Result<(SqliteStorage, Platform), Failure> {
    let path = folder.join(STORE);
    if create {
        std::fs::create_dir_all(folder)
            .map_err(|reason| failed(format!("the folder {} can't be made", folder.display()))(&reason))?;
    } else if !path.exists() {
        return Err(Failure::Sentence(format!(
            "there is no store in {}; make one with `harness seed --data {} --fixture FILE`",
            folder.display(),
            folder.display()
        )));
    }
    Ok((SqliteStorage::open(&path).await?, Platform::open(&path).await?))
}

/// Reads a fixture file.
pub fn read_fixture(path: &Path) -> Result<Fixture, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|reason| failed(format!("the fixture {} can't be read", path.display()))(&reason))?;
    Fixture::from_json(&text).map_err(|reason| failed(format!("the fixture {} is not valid", path.display()))(&reason))
}

/// Puts a fixture into the empty store in `folder`; answers how many schedules there are. One that is refused leaves no store
/// behind: half a fixture would count as a filled store from then on.
pub async fn seed(service: &Service, folder: &Path, fixture: &Fixture) -> Result<usize, Failure> {
    service.platform().load(fixture).await?;
    let filled = fill(service, fixture).await;
    if filled.is_err() {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(folder.join(format!("{STORE}{end}")));
        }
    }
    filled
}

/// Switches, and schedules through the component.
async fn fill(service: &Service, fixture: &Fixture) -> Result<usize, Failure> {
    let now = service.clock().now();
    for organizer in service.platform().organizers().await? {
        service
            .storage()
            .set_enabled(&organizer.slug, organizer.enabled, "host", now)
            .await?;
    }
    for (place, schedule) in fixture.schedules.iter().enumerate() {
        service
            .seed(schedule)
            .await
            .map_err(|reason| failed(format!("the fixture's /schedules/{place} is refused"))(&reason))?;
    }
    Ok(fixture.schedules.len())
}

/// The mail server at an URL.
pub fn smtp(url: &str) -> Result<Arc<dyn Transport>, Failure> {
    Ok(Arc::new(SmtpTransport::from_url(url, SmtpTimeouts::default())?))
}

/// The mail server if there is one, else files in the data folder, which is there by now; and where those are.
pub fn transport(
    folder: &Path,
    smtp: Option<Arc<dyn Transport>>,
) -> Result<(Arc<dyn Transport>, Option<PathBuf>), Failure> {
    Ok(match smtp {
        Some(smtp) => (smtp, None),
        None => {
            let mail = folder.join(MAIL);
            let transport = EmlTransport::new(&mail)
                .map_err(|reason| failed(format!("the folder {} can't be made", mail.display()))(&reason))?;
            (Arc::new(transport), Some(mail))
        }
    })
}

/// A scheduler that does one instant's work at a time.
pub fn scheduler(service: &Arc<Service>, transport: Arc<dyn Transport>) -> Scheduler {
    Scheduler::new(Arc::clone(service), transport, SchedulerOptions::default())
}
