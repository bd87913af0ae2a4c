//! `harness-lab scale`: what many schedules cost those that have nothing to do with them.

mod fill;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as Stopwatch};

use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _};
use reference_platform::Fixture;
use reference_server::ports::HostFacts;
use reference_server::scheduler::{Scheduler, SchedulerOptions};
use reference_server::service::Service;
use scheduled_exports_host::clock::{Clock, VirtualClock};
use scheduled_exports_host::contract::{Position, SortKey};
use scheduled_exports_mail::EmlTransport;
use scheduled_exports_store::postgres::PostgresStorage;
use scheduled_exports_store::sqlite::SqliteStorage;
use scheduled_exports_store::{Leased, ListFilter, ListQuery, Scope, Storage, Visible};
use scheduled_exports_test_servers::postgres::PostgresServer;
use serde_json::{Map, Value, json};

use self::fill::{Copies, Raw};
use super::bench::process;
use host_harness::command::table::table;
use host_harness::command::{Data, Failure, Output, PluginFile, failed, host, say};

/// 2030-05-06T03:00:00Z, a Monday: later than any host that is started on the store lives.
const BEGIN: i64 = 1_904_266_800;
/// When the schedules that the ticks lease are due, and when the burst is.
const TICK: i64 = BEGIN + 1_800;
const BURST: i64 = BEGIN + 3_600;
const DAY: i64 = 86_400;
/// Due ones that a tick leases, whatever else there is.
const DUE: u32 = 1_000;
/// Leased in one go.
const BATCH: u32 = 64;
/// Of a figure, the middle one of so many is told.
const ROUNDS: usize = 15;
const QUICK: usize = 1_001;
/// Pages between the first and the deep one.
const DEEP: u32 = 1_000;
/// What `--database` says for a server that is started for this.
const TEMPORARY: &str = "temporary";
/// How long a started host has to come to rest.
const TO_REST: Duration = Duration::from_secs(2);

/// Benchmark a store with many schedules: ticks, pages, a burst and memory.
#[derive(Args)]
#[command(
    after_help = "Use a release build.\n\nExamples:\n  harness-lab scale\n  harness-lab scale --database temporary --schedules 100000 --burst 10000"
)]
pub struct Scale {
    /// Number of schedules
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(2_000..=100_000_000))]
    schedules: u32,
    /// Number of schedules due at the same time, half of them of one organizer
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(2..=50_000_000))]
    burst: u32,
    /// Number of organizers the rest is distributed over, unevenly
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    organizers: u32,
    /// Use PostgreSQL: the URL of an empty database, or `temporary` to start a private server
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Directory for the temporary store [default: the system's temporary directory]
    #[arg(long, value_name = "DIR")]
    folder: Option<std::path::PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// What was measured: name, figure, unit.
#[derive(Default)]
struct Figures(Vec<(String, f64, &'static str)>);

impl Figures {
    fn add(&mut self, name: &str, value: f64, unit: &'static str) {
        self.0.push((name.to_owned(), value, unit));
    }

    fn show(&self, output: &Output) -> Result<(), Failure> {
        if output.json {
            let figures: Map<String, Value> = self
                .0
                .iter()
                .map(|(name, value, _)| (name.clone(), json!(value)))
                .collect();
            return say(Value::Object(figures));
        }
        let rows: Vec<Vec<String>> = self
            .0
            .iter()
            .map(|(name, value, unit)| vec![name.clone(), format!("{value:.2}"), (*unit).to_owned()])
            .collect();
        say(table(&["what", "measured", "unit"], &rows).trim_end())
    }
}

impl Scale {
    pub async fn run(self) -> Result<(), Failure> {
        let folder = match &self.folder {
            Some(folder) => tempfile::tempdir_in(folder)?,
            None => tempfile::tempdir()?,
        };
        let server = match self.database.as_deref() {
            Some(TEMPORARY) => Some(PostgresServer::launch(&[("shared_buffers", "256MB")]).ok_or_else(|| {
                let words = "PostgreSQL server programs not found in HARNESS_PG_BIN, PATH or /usr/lib/postgresql";
                Failure::Sentence(words.into())
            })?),
            _ => None,
        };
        let database = server.as_ref().map(PostgresServer::new_database);
        let data = Data {
            folder: Some(folder.path().to_owned()),
            database: database.or_else(|| self.database.clone()),
        };
        let clock = Arc::new(VirtualClock::at(BEGIN));
        let virtual_clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let service = host::open(
            &data,
            true,
            &PluginFile::default(),
            Some(virtual_clock),
            HostFacts::unlimited(),
        )
        .await?;
        if !service.platform().is_empty().await? {
            let named = data.named()?;
            return Err(Failure::Sentence(format!(
                "{named} already contains data; use an empty one"
            )));
        }
        let raw = match &data.database {
            Some(url) => Raw::Postgres(Box::new(PostgresStorage::connect(url).await?)),
            None => {
                let path = folder.path().join(host::STORE);
                Raw::Sqlite(Box::new(SqliteStorage::open(&path).await?), path)
            }
        };
        host::seed(&service, &data, &self.platform()?).await?;

        let mut figures = Figures::default();
        let storage = service.storage().as_ref();
        let due = Copies {
            first: 2,
            last: i64::from(DUE) + 1,
            organizer: Err(self.organizers),
            next_run: TICK,
            spread: 1,
        };
        raw.fill(&due).await?;
        raw.rest().await?;
        let few = costs(storage, &mut figures, "1,000").await?;
        let last = self.fill_up(&raw, &mut figures).await?;
        let many = costs(storage, &mut figures, "all").await?;
        for ((name, few), (_, many)) in few.iter().zip(&many) {
            figures.add(&format!("{name}, ratio"), many / few.max(f64::MIN_POSITIVE), "");
        }
        pages(storage, &mut figures).await?;
        idle(&data, &mut figures)?;
        fairness(storage, last, &mut figures).await?;
        self.burst(&service, &clock, folder.path(), &mut figures).await?;
        figures.show(&self.output)
    }

    /// One user who may read everything everywhere, and the one schedule that the others are copied from.
    fn platform(&self) -> Result<Fixture, Failure> {
        let slugs: Vec<String> = (0..self.organizers)
            .map(|number| format!("o{number}"))
            .chain(["big".to_owned(), "single".to_owned()])
            .collect();
        let each = |of: fn(&str) -> Value| -> Vec<Value> { slugs.iter().map(|slug| of(slug)).collect() };
        let fixture = json!({
            "organizers": each(|slug| json!({"slug": slug, "name": slug, "timezone": "UTC", "locale": "en"})),
            "events": each(|slug| json!({"organizer": slug, "slug": "fair", "name": "Fair", "timezone": "UTC", "currency": "EUR",
                "starts": "2030-06-01T09:00:00Z", "ends": "2030-06-02T18:00:00Z"})),
            "users": [{"email": "john@example.com", "name": "John", "locale": "en"}],
            "teams": each(|slug| json!({"organizer": slug, "name": "All", "members": ["john@example.com"], "events": "all",
                "permissions": ["change_organizer_settings", "change_event_settings", "view_orders"], "api_tokens": []})),
            "oauth_tokens": [], "devices": [],
            "orders_generated": each(|slug| json!({"organizer": slug, "event": "fair", "count": 3,
                "from": "2030-04-01T00:00:00Z", "to": "2030-05-01T00:00:00Z", "seed": 1})),
            "schedules": [{"id": 1, "organizer": "single", "event": "fair", "owner": "john@example.com",
                "export_identifier": "orderlist", "export_form_data": {"_format": "default", "date_range": "past"},
                "mail_additional_recipients": "finance@example.com", "mail_subject": "Order list",
                "mail_template": "Here is the order list.", "schedule_rrule": "DTSTART:20300506T000000\nRRULE:FREQ=DAILY",
                "schedule_rrule_time": "22:00:00"}],
        });
        Ok(Fixture::from_json(&fixture.to_string())?)
    }

    /// All the others; answers the id of the one that is alone with its organizer and due with the burst.
    async fn fill_up(&self, raw: &Raw, figures: &mut Figures) -> Result<u64, Failure> {
        let (began, empty) = (Stopwatch::now(), raw.bytes().await?);
        let half = i64::from(self.burst / 2);
        let (first, last) = (i64::from(DUE) + 2, i64::from(self.schedules));
        let burst = |first, count, organizer| Copies {
            first,
            last: first + count - 1,
            organizer,
            next_run: BURST,
            spread: 1,
        };
        raw.fill(&burst(first, half, Ok("big"))).await?;
        let others = i64::from(self.burst) - half - 1;
        raw.fill(&burst(first + half, others, Err(self.organizers))).await?;
        let alone = first + half + others;
        raw.fill(&burst(alone, 1, Ok("single"))).await?;
        let later = Copies {
            first: alone + 1,
            last,
            organizer: Err(self.organizers),
            next_run: BEGIN + DAY,
            spread: 7 * DAY,
        };
        raw.fill(&later).await?;
        raw.rest().await?;
        let seconds = began.elapsed().as_secs_f64();
        figures.add("schedules", f64::from(self.schedules), "");
        figures.add("fill time", seconds, "s");
        let grown = u32::try_from((raw.bytes().await? - empty) / 1024).unwrap_or(u32::MAX);
        let new = f64::from(self.schedules.saturating_sub(DUE + 1).max(1));
        figures.add("database size per schedule", f64::from(grown) / new, "KiB");
        Ok(alone.unsigned_abs())
    }

    /// All that is due by then, run by the component; mails stay in the outbox.
    async fn burst(
        &self,
        service: &Arc<Service>,
        clock: &VirtualClock,
        folder: &Path,
        figures: &mut Figures,
    ) -> Result<(), Failure> {
        clock.set(BURST + 3_600);
        let transport = EmlTransport::new(folder.join("mail"))?;
        let scheduler = Scheduler::new(Arc::clone(service), Arc::new(transport), SchedulerOptions::default());
        let own = std::process::id();
        let before = process::memory(own, "VmRSS").unwrap_or_default();
        let over = Arc::new(AtomicBool::new(false));
        let watch = std::thread::spawn({
            let over = Arc::clone(&over);
            move || {
                let mut most: f64 = 0.0;
                while !over.load(Ordering::Relaxed) {
                    most = most.max(process::memory(own, "VmRSS").unwrap_or_default());
                    std::thread::sleep(Duration::from_millis(100));
                }
                most
            }
        });
        let began = Stopwatch::now();
        let done = scheduler.run_due().await;
        let seconds = began.elapsed().as_secs_f64();
        over.store(true, Ordering::Relaxed);
        let most = watch.join().unwrap_or_default();
        let done = u32::try_from(done?).unwrap_or(u32::MAX);
        figures.add("burst, runs", f64::from(done), "");
        figures.add("burst, duration", seconds, "s");
        figures.add("burst, runs a second", f64::from(done) / seconds, "");
        figures.add("burst, memory before", before, "MiB");
        figures.add("burst, peak memory", most, "MiB");
        figures.add(
            "burst, memory after",
            process::memory(own, "VmRSS").unwrap_or_default(),
            "MiB",
        );
        Ok(())
    }
}

fn scope(organizer: &str) -> Visible {
    Visible {
        scope: Scope {
            organizer: organizer.to_owned(),
            event: Some("fair".to_owned()),
        },
        only_owner: None,
    }
}

/// The middle one of so many times, in milliseconds.
async fn middle<E>(times: usize, mut once: impl AsyncFnMut() -> Result<Duration, E>) -> Result<f64, E> {
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        took.push(once().await?);
    }
    took.sort_unstable();
    Ok(took[took.len() / 2].as_secs_f64() * 1e3)
}

/// What a host does whatever else there is: the same work each time it is called.
async fn costs(storage: &dyn Storage, figures: &mut Figures, of: &str) -> Result<Vec<(&'static str, f64)>, Failure> {
    // What filling has left behind in caches, and on its way to the disk, is not what is measured.
    measured(storage).await?;
    let measured = measured(storage).await?;
    for (name, value) in &measured {
        figures.add(&format!("{name}, of {of}"), *value, "ms");
    }
    Ok(measured)
}

async fn measured(storage: &dyn Storage) -> Result<Vec<(&'static str, f64)>, Failure> {
    let until = TICK + 600;
    let leasing = middle(ROUNDS, async || {
        let (mut leased, mut took): (Vec<Leased>, _) = (Vec::new(), Duration::ZERO);
        loop {
            let began = Stopwatch::now();
            let more = storage.take_due(TICK, until, 100, None).await?;
            took += began.elapsed();
            if more.is_empty() {
                break;
            }
            leased.extend(more);
        }
        if leased.len() != DUE as usize {
            return Err(Failure::Sentence(format!(
                "expected {DUE} leases, got {}",
                leased.len()
            )));
        }
        give_back(storage, leased, TICK).await?;
        Ok(took)
    });
    let leasing = leasing.await?;
    let nothing = middle(QUICK, async || {
        let began = Stopwatch::now();
        storage.take_settled(BEGIN, BEGIN + 60, BATCH).await?;
        storage.take_due(BEGIN, BEGIN + 60, BATCH, None).await?;
        storage.take_deliveries(BEGIN, BEGIN + 60, BATCH, None).await?;
        storage.next_wake().await?;
        Ok::<_, Failure>(began.elapsed())
    });
    let nothing = nothing.await?;
    let (seen, query) = (scope("single"), first_page());
    let page = middle(QUICK, async || {
        let began = Stopwatch::now();
        storage.list(&seen, &query).await?;
        Ok::<_, Failure>(began.elapsed())
    });
    let page = page.await?;
    let get = middle(QUICK, async || {
        let began = Stopwatch::now();
        storage.get(&seen, 1).await?;
        Ok::<_, Failure>(began.elapsed())
    });
    Ok(vec![
        ("tick with nothing due", nothing),
        ("lease 1,000 due schedules", leasing),
        ("list, small scope", page),
        ("get", get.await?),
    ])
}

async fn give_back(storage: &dyn Storage, leased: Vec<Leased>, now: i64) -> Result<(), Failure> {
    let back = futures_util::stream::iter(leased).map(async |leased| storage.hand_back(&leased.lease, now).await);
    Ok(back.buffer_unordered(64).try_collect().await?)
}

fn first_page() -> ListQuery {
    ListQuery {
        filter: ListFilter::default(),
        order: SortKey::NextRun,
        descending: false,
        at: Position::Number(1),
        size: 50,
    }
}

/// Pages of the largest scope: the first one, and one far behind it.
async fn pages(storage: &dyn Storage, figures: &mut Figures) -> Result<(), Failure> {
    let seen = scope("big");
    let took = async |query: &ListQuery| {
        middle(QUICK, async || {
            let began = Stopwatch::now();
            storage.list(&seen, query).await?;
            Ok::<_, Failure>(began.elapsed())
        })
        .await
    };
    let mut query = first_page();
    let first = took(&query).await?;
    let mut walked: u32 = 1;
    while walked < DEEP {
        let Some(rows) = storage.list(&seen, &query).await? else {
            break;
        };
        let Some(next) = rows.next else { break };
        query.at = Position::After(next);
        walked += 1;
    }
    let deep = took(&query).await?;
    figures.add("list of the largest scope, page 1", first, "ms");
    figures.add(
        "list of the largest scope, number of a deep page",
        f64::from(walked),
        "",
    );
    figures.add("list, largest scope, deep page by cursor", deep, "ms");
    figures.add(
        "list of the largest scope, ratio",
        deep / first.max(f64::MIN_POSITIVE),
        "",
    );
    Ok(())
}

/// How long the one schedule of an organizer waits that is due together with the many of another.
async fn fairness(storage: &dyn Storage, alone: u64, figures: &mut Figures) -> Result<(), Failure> {
    let (began, mut leased): (_, Vec<Leased>) = (Stopwatch::now(), Vec::new());
    let before = loop {
        let batch = storage.take_due(BURST, BURST + 3_000, BATCH, None).await?;
        let found = batch.iter().position(|leased| leased.row.id == alone);
        let (before, over) = (leased.len(), batch.is_empty());
        leased.extend(batch);
        if let Some(found) = found {
            break before + found;
        }
        if over {
            return Err(Failure::Sentence(format!("schedule {alone} was not leased")));
        }
    };
    let place = u32::try_from(before).map_or(f64::INFINITY, f64::from) + 1.0;
    let seconds = began.elapsed().as_secs_f64();
    give_back(storage, leased, BURST).await?;
    figures.add("fairness, queue position of a single schedule", place, "");
    figures.add("fairness, time until leased", seconds, "s");
    Ok(())
}

/// Memory of a host that is started on this store and has nothing to do.
fn idle(data: &Data, figures: &mut Figures) -> Result<(), Failure> {
    let mut command = Command::new(std::env::current_exe()?.with_file_name("harness"));
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    if let Some(folder) = &data.folder {
        command.arg("--data").arg(folder);
    }
    if let Some(url) = &data.database {
        command.arg("--database").arg(url);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut host = command
        .spawn()
        .map_err(|reason| failed("could not start a host")(&reason))?;
    let mut line = String::new();
    if let Some(output) = host.stdout.take() {
        BufReader::new(output).read_line(&mut line)?;
    }
    std::thread::sleep(TO_REST);
    let memory = process::memory(host.id(), "VmRSS");
    // It may have ended already; either way there is nothing more to do.
    let _ = host.kill();
    let _ = host.wait();
    figures.add("idle memory", memory.unwrap_or_default(), "MiB");
    Ok(())
}
