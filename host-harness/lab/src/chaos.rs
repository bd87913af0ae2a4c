//! `harness-lab chaos`: hosts killed for real, and what arrived counted.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ffi::OsString;
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use reference_platform::Fixture;
use reference_server::delivery::DeliveryLimits;
use reference_server::ports::HostFacts;
use reference_server::scheduler::{Scheduler, SchedulerOptions};
use reference_server::service::Service;
use scheduled_exports_host::Scope;
use scheduled_exports_host::clock::{Clock, SystemClock, VirtualClock};
use scheduled_exports_host::contract::{Outcome, RunKind};
use scheduled_exports_host::engine::{Cache, Engine, Limits};
use scheduled_exports_mail::{SmtpTimeouts, SmtpTransport};
use scheduled_exports_store::port::Observed;
use scheduled_exports_store::{Change, Commit, HistoryRow, RequestedRun, Storage, Visible};
use scheduled_exports_test_servers::postgres::{PostgresServer, Stop};
use scheduled_exports_test_servers::smtp_server::{ReceivedMail, SmtpServer};
use scheduled_exports_testing::CrashPoint;
use serde_json::{Value, json};
use tokio::sync::watch;

use host_harness::command::{Data, Failure, Output, PluginFile, failed, host, say};

/// Names a step boundary at which a worker dies by itself: `after-start:3`.
const CRASH_AT: &str = "HARNESS_CRASH_AT";
/// Every step boundary of a run, where both sides of it can be told apart from outside.
const BOUNDARIES: [&str; 14] = [
    "before-take-due",
    "after-take-due",
    "before-start",
    "after-start",
    "before-keep-file",
    "after-keep-file",
    "before-finish",
    "after-finish",
    "after-take-deliveries",
    "after-mail",
    "before-record-delivery",
    "after-record-delivery",
    "before-take-settled",
    "after-take-settled",
];
/// Between two kills, on average.
const BETWEEN: Duration = Duration::from_millis(400);
/// How long the hosts may need for the rest once nobody kills them any more.
const PATIENCE: Duration = Duration::from_secs(120);
/// A worker that dies this often without having been told to has something else wrong with it.
const MOST_OWN_DEATHS: u32 = 20;

/// Kill hosts at random and check that no mail is lost or duplicated.
#[derive(Args)]
#[command(
    after_help = "Exits with 1 if any mail was lost or duplicated.\n\nExample:\n  harness-lab chaos --seed 7 --kills 200\n  harness-lab chaos --database temporary --hosts 3 --database-crashes 2"
)]
pub struct Chaos {
    /// Random seed that determines the kills
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Number of SIGKILLs
    #[arg(long, value_name = "K", default_value_t = 200)]
    kills: u32,
    /// Number of schedules, each due once
    #[arg(long, value_name = "S", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    schedules: u32,
    /// Number of hosts sharing the store
    #[arg(long, value_name = "H", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=16))]
    hosts: u32,
    /// Use PostgreSQL: the URL of an empty database, or `temporary` to start a private server
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Number of simulated crashes of the temporary server
    #[arg(long, value_name = "N", default_value_t = 0)]
    database_crashes: u32,
    #[command(flatten)]
    output: Output,
}

/// What `--database` says for a server that is started for this.
pub(super) const TEMPORARY: &str = "temporary";
/// Why there is none.
pub(super) const NO_SERVER: &str =
    "PostgreSQL server programs not found in HARNESS_PG_BIN, PATH or /usr/lib/postgresql";

/// Message-ID and bytes, and how often they came.
type Texts = BTreeMap<(String, Vec<u8>), usize>;

/// What came of it.
struct Verdict {
    delivered: usize,
    failed: usize,
    other: usize,
    /// Recipients who got no mail of a due time that is not accounted for as failed; and due times without a history entry.
    lost: usize,
    /// Different mails, or different bytes, for one recipient and due time; and due times with several entries.
    doubled: usize,
    /// The same bytes under the same Message-ID once more.
    repeated: usize,
    /// Runs that were asked for, and schedules whose plan is not the one of the day after.
    requested: usize,
    moved: usize,
    mails: usize,
}

impl Verdict {
    /// Adds a due time, or a run that was asked for, of the schedule with this number; its mails have this id.
    fn add(&mut self, entries: &[&HistoryRow], (id, number): (u64, u32), got: &HashMap<(u64, String), Texts>) {
        self.doubled += entries.len().saturating_sub(1);
        let Some(ended) = entries.first().filter(|row| row.entry.ended.is_some()) else {
            self.lost += 1;
            return;
        };
        match &ended.entry.outcome {
            Some(Outcome::Delivered) => self.delivered += 1,
            // Accounted for, and its owner told: six leases ran out, say.
            Some(Outcome::Failed(_)) => {
                self.failed += 1;
                return;
            }
            _ => self.other += 1,
        }
        let missing = recipients(number).filter(|recipient| !got.contains_key(&(id, recipient.clone())));
        self.lost += missing.count();
    }
}

/// A run that was asked for.
struct Asked {
    /// Its id in the history.
    run: u64,
    /// What its Message-IDs are made of.
    made_of: u64,
    /// The number of its schedule.
    number: u32,
}

/// Asks for a run of one of these schedules, the one with this number, now; none: one is under way, or the store was away, and nobody was promised a run.
async fn ask(storage: &dyn Storage, all: &Visible, number: u32) -> Option<Asked> {
    let now = SystemClock.now();
    let asked = Asked {
        run: storage.reserve_run().await.ok()?,
        made_of: storage.reserve_id().await.ok()?,
        number,
    };
    let run = RequestedRun {
        id: asked.made_of,
        run: asked.run,
        schedule: Some(u64::from(number) + 1),
        kind: RunKind::Now,
        due: now,
        content: None,
        by: None,
    };
    let committed = storage.commit(Commit {
        by: all.clone(),
        actor: "host".into(),
        now,
        zone_database: String::new(),
        quota: None,
        changes: vec![Change::RequestRun(Box::new(run))],
        details: BTreeMap::new(),
        completion: None,
        limits: None,
    });
    committed.await.is_ok().then_some(asked)
}

impl Chaos {
    pub async fn run(self) -> Result<(), Failure> {
        let began = Instant::now();
        let folder = tempfile::tempdir()?;
        let database = self.server()?;
        let data = match (&database, &self.database) {
            (Some(server), _) => Data::of_database(server.new_database()),
            (None, Some(url)) => Data::of_database(url.clone()),
            (None, None) => Data::of_folder(folder.path()),
        };
        let server = SmtpServer::start().await;
        let (made, all) = self.seed(&data).await?;
        let storage = host::stores(&data, false).await?.storage;
        let mut asked = Vec::new();
        let mut hosts = Hosts::start(self.hosts, self.database_crashes, &data, &server.url())?;
        // The same kills for the same seed.
        let mut random = fastrand::Rng::with_seed(self.seed);
        let (mut killed, mut crashes) = (0, 0);
        while killed < self.kills || hosts.pending() {
            let wait = u64::try_from(BETWEEN.as_millis()).unwrap_or(400) * 2;
            tokio::time::sleep(Duration::from_millis(random.u64(..wait))).await;
            // Spread over the kills, and none before the first.
            if let Some(database) = &database
                && crashes < self.database_crashes
                && killed * (self.database_crashes + 1) >= self.kills * (crashes + 1)
            {
                crash(database);
                crashes += 1;
            }
            hosts.revive()?;
            if let Some(run) = ask(&*storage, &all, random.u32(..self.schedules)).await {
                asked.push(run);
            }
            if killed < self.kills {
                killed += u32::from(hosts.kill(random.usize(..self.hosts as usize))?);
            } else if began.elapsed() > PATIENCE * 4 {
                break;
            }
        }
        let waiting = Instant::now();
        // Settled when nothing is due before tomorrow's due times.
        while storage
            .next_wake()
            .await?
            .is_some_and(|wake| wake < SystemClock.now() + 3_600)
        {
            if waiting.elapsed() > PATIENCE {
                break;
            }
            hosts.revive()?;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let crashed = hosts.stop();
        let history = storage
            .history(
                None,
                self.schedules.saturating_mul(2).saturating_add(10 + asked.len() as u32),
            )
            .await?;
        let mut verdict = self.judge(&history, &asked, &server.mails());
        for number in 0..self.schedules {
            let row = storage.get(&all, u64::from(number) + 1).await?;
            let next_run = row.and_then(|row| row.content.next_run);
            verdict.moved += usize::from(next_run != Some(self.due(number, made) + 86_400));
        }
        self.show(&verdict, (killed, crashes), &crashed, began.elapsed())?;
        if verdict.lost + verdict.doubled + verdict.moved > 0 {
            return Err(Failure::Sentence(format!(
                "seed {}: {} lost, {} duplicated, {} plans moved",
                self.seed, verdict.lost, verdict.doubled, verdict.moved
            )));
        }
        Ok(())
    }

    /// The server that is started for this, if one is.
    fn server(&self) -> Result<Option<PostgresServer>, Failure> {
        if self.database.as_deref() != Some(TEMPORARY) {
            return match self.database_crashes {
                0 => Ok(None),
                _ => Err(Failure::Sentence(
                    "--database-crashes requires --database temporary".into(),
                )),
            };
        }
        // As durable as any other: its defaults.
        let server = PostgresServer::launch(&[]);
        server.map(Some).ok_or_else(|| Failure::Sentence(NO_SERVER.into()))
    }

    /// A store with one due time a schedule, spread over the time of the killing. Answers when it was made, and where they are.
    async fn seed(&self, data: &Data) -> Result<(i64, Visible), Failure> {
        // The clock stands while they are made, so that none is planned past its first due time.
        let lead = i64::from(self.schedules / 40) + 1;
        let now = SystemClock.now() + lead;
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::at(now));
        let service = host::open(data, true, &PluginFile::default(), Some(clock), HostFacts::unlimited()).await?;
        if !service.platform().is_empty().await? {
            let named = data.named()?;
            return Err(Failure::Sentence(format!(
                "{named} already contains data; use an empty one"
            )));
        }
        let schedules: Vec<Value> = (0..self.schedules)
            .map(|number| schedule(number, self.due(number, now)))
            .collect();
        let fixture = json!({
            "organizers": [{"slug": "chaos", "name": "Chaos", "timezone": "UTC", "locale": "en"}],
            "events": [{"organizer": "chaos", "slug": "fair", "name": "Fair", "timezone": "UTC", "currency": "EUR",
                        "starts": "2026-01-01T09:00:00Z", "ends": "2036-01-01T18:00:00Z"}],
            "users": [{"email": "owner@chaos.example", "name": "Owner", "locale": "en"}],
            "teams": [{"organizer": "chaos", "name": "All", "members": ["owner@chaos.example"], "events": "all",
                       "permissions": ["change_organizer_settings", "change_event_settings", "view_orders"],
                       "api_tokens": []}],
            "oauth_tokens": [], "devices": [],
            "orders_generated": [{"organizer": "chaos", "event": "fair", "count": 20, "from": "2026-01-01T00:00:00Z",
                                  "to": "2026-01-31T00:00:00Z", "seed": 1}],
            "schedules": schedules,
        });
        let fixture = Fixture::from_json(&fixture.to_string())?;
        host::seed(&service, data, &fixture).await?;
        // Schedules go by the key of their event.
        let event = service.platform().event("chaos", "fair").await?.map(|event| event.key);
        let scope = Scope {
            organizer: "chaos".into(),
            event,
        };
        let only_owner = None;
        Ok((now, Visible { scope, only_owner }))
    }

    /// When a schedule is due first, of those that were made at `made`.
    fn due(&self, number: u32, made: i64) -> i64 {
        let spread =
            i64::try_from(BETWEEN.as_secs_f64().mul_add(f64::from(self.kills), 0.0).max(2.0) as u64).unwrap_or(60);
        made + 1 + i64::from(number) * spread / i64::from(self.schedules)
    }

    fn judge(&self, history: &[HistoryRow], asked: &[Asked], mails: &[ReceivedMail]) -> Verdict {
        // (schedule, recipient) → Message-ID → how often each text of it came.
        let mut got: HashMap<(u64, String), Texts> = HashMap::new();
        for mail in mails {
            let id = mail.header("Message-ID").unwrap_or_default();
            let Some(schedule) = schedule_of(&id) else { continue };
            for recipient in &mail.recipients {
                let texts = got.entry((schedule, recipient.clone())).or_default();
                *texts.entry((id.clone(), mail.data.clone())).or_default() += 1;
            }
        }
        let mut verdict = Verdict {
            delivered: 0,
            failed: 0,
            other: 0,
            lost: 0,
            doubled: 0,
            repeated: 0,
            requested: asked.len(),
            moved: 0,
            mails: mails.len(),
        };
        for texts in got.values() {
            verdict.doubled += texts.len() - 1;
            verdict.repeated += texts.values().map(|times| times - 1).sum::<usize>();
        }
        for number in 0..self.schedules {
            let id = u64::from(number) + 1;
            let scheduled = |row: &&HistoryRow| row.schedule == id && row.entry.kind == RunKind::Scheduled;
            let entries: Vec<&HistoryRow> = history.iter().filter(scheduled).collect();
            verdict.add(&entries, (id, number), &got);
        }
        for run in asked {
            let entries: Vec<&HistoryRow> = history.iter().filter(|row| row.entry.id == run.run).collect();
            verdict.add(&entries, (run.made_of, run.number), &got);
        }
        verdict
    }

    fn show(
        &self,
        verdict: &Verdict,
        (killed, database_crashes): (u32, u32),
        crashed: &BTreeSet<&str>,
        took: Duration,
    ) -> Result<(), Failure> {
        let Verdict {
            delivered,
            failed,
            other,
            lost,
            doubled,
            repeated,
            mails,
            requested,
            moved,
        } = verdict;
        let seconds = took.as_secs();
        let store = if self.database.is_some() {
            "PostgreSQL"
        } else {
            "SQLite"
        };
        if self.output.json {
            let document = json!({
                "seed": self.seed, "store": store, "hosts": self.hosts, "kills": killed, "database_crashes": database_crashes, "crashed_at": crashed, "due_times": self.schedules, "requested_runs": requested,
                "delivered": delivered, "failed": failed, "otherwise_ended": other, "mails_accepted": mails,
                "lost": lost, "doubled": doubled, "moved": moved, "repeated": repeated, "seconds": seconds,
            });
            return say(document);
        }
        say(format_args!(
            "{} due times, {requested} requested runs, {} hosts on one {store} store, {killed} kills (seed {}), {seconds} s",
            self.schedules, self.hosts, self.seed
        ))?;
        if database_crashes > 0 {
            say(format_args!("the database server crashed {database_crashes} times"))?;
        }
        say(format_args!(
            "crashed at {} of {} step boundaries: {}",
            crashed.len(),
            BOUNDARIES.len(),
            crashed.iter().copied().collect::<Vec<_>>().join(", ")
        ))?;
        say(format_args!(
            "{delivered} delivered, {failed} failed, {other} other outcomes; {mails} mails accepted"
        ))?;
        say(format_args!(
            "lost {lost}, duplicated {doubled}, plans moved {moved}, resent {repeated} (same Message-ID, recipient and bytes)"
        ))
    }
}

/// The server ends as by a crash, with everybody's transactions, and recovers. Hosts go on meanwhile.
fn crash(server: &PostgresServer) {
    tokio::task::block_in_place(|| {
        server.stop(Stop::Immediate);
        server.start();
    });
}

/// Whoever is to get the export of this schedule.
fn recipients(number: u32) -> impl Iterator<Item = String> {
    let of = move |name: &str| format!("{name}-{number}@chaos.example");
    [of("to"), of("cc"), of("bcc"), "owner@chaos.example".to_owned()].into_iter()
}

fn schedule(number: u32, due: i64) -> Value {
    let due = chrono::DateTime::from_timestamp(due, 0).unwrap_or_default();
    let mut recipients = recipients(number);
    json!({
        "id": number + 1, "organizer": "chaos", "event": "fair", "owner": "owner@chaos.example",
        "export_identifier": "orderlist", "export_form_data": {"_format": "default", "date_range": "past"},
        "mail_additional_recipients": recipients.next(), "mail_additional_recipients_cc": recipients.next(),
        "mail_additional_recipients_bcc": recipients.next(),
        "mail_subject": format!("Chaos {number}"), "mail_template": "Orders.",
        "schedule_rrule": "DTSTART:20260101T000000\nRRULE:FREQ=DAILY",
        "schedule_rrule_time": due.format("%H:%M:%S").to_string(),
    })
}

/// The schedule that a Message-ID of an export names.
fn schedule_of(message_id: &str) -> Option<u64> {
    let (_, rest) = message_id.split_once("-schedule-")?;
    let (id, kind) = rest.split_once('-')?;
    kind.starts_with("export@").then(|| id.parse().ok())?
}

/// The worker processes.
struct Hosts {
    running: Vec<(Child, Option<&'static str>)>,
    boundaries: VecDeque<&'static str>,
    crashed: BTreeSet<&'static str>,
    own_deaths: u32,
    most_own_deaths: u32,
    program: PathBuf,
    /// Where their store is, as arguments.
    store: [OsString; 2],
    smtp: String,
}

impl Hosts {
    fn start(count: u32, database_crashes: u32, data: &Data, smtp: &str) -> Result<Self, Failure> {
        let mut hosts = Self {
            running: Vec::new(),
            boundaries: BOUNDARIES.into(),
            crashed: BTreeSet::new(),
            own_deaths: 0,
            // One that starts while there is no server dies.
            most_own_deaths: MOST_OWN_DEATHS + database_crashes * count,
            program: std::env::current_exe()?,
            store: match (&data.database, &data.folder) {
                (Some(url), _) => ["--database".into(), url.into()],
                (None, folder) => ["--data".into(), folder.clone().unwrap_or_default().into()],
            },
            smtp: smtp.to_owned(),
        };
        for _ in 0..count {
            let host = hosts.spawn()?;
            hosts.running.push(host);
        }
        Ok(hosts)
    }

    /// A new worker; while there are step boundaries at which none has died yet, it is told to die at the next of them.
    fn spawn(&mut self) -> Result<(Child, Option<&'static str>), Failure> {
        let mut command = Command::new(&self.program);
        let crash_at = self.boundaries.pop_front();
        if let Some(point) = crash_at {
            command.env(CRASH_AT, format!("{point}:1"));
        }
        let child = command
            .arg("chaos-worker")
            .args(&self.store)
            .arg("--smtp")
            .arg(&self.smtp)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|reason| failed("could not start a host")(&reason))?;
        Ok((child, crash_at))
    }

    /// Are there step boundaries at which no host has died yet?
    fn pending(&self) -> bool {
        !self.boundaries.is_empty() || self.running.iter().any(|(_, crash_at)| crash_at.is_some())
    }

    /// Starts again whoever has died by himself.
    fn revive(&mut self) -> Result<(), Failure> {
        for place in 0..self.running.len() {
            let (child, crash_at) = &mut self.running[place];
            let Some(status) = child.try_wait()? else { continue };
            match crash_at.take() {
                // SIGABRT: the step boundary was reached.
                Some(point) if status.signal() == Some(6) => {
                    self.crashed.insert(point);
                }
                told => {
                    self.boundaries.extend(told);
                    self.own_deaths += 1;
                    if self.own_deaths > self.most_own_deaths {
                        return Err(Failure::Sentence(format!("a host exited unexpectedly: {status}")));
                    }
                }
            }
            self.running[place] = self.spawn()?;
        }
        Ok(())
    }

    /// SIGKILL, and a new one in its place; false: it had died before.
    fn kill(&mut self, place: usize) -> Result<bool, Failure> {
        let (child, crash_at) = &mut self.running[place];
        if child.try_wait()?.is_some() {
            return Ok(false);
        }
        child.kill()?;
        child.wait()?;
        self.boundaries.extend(crash_at.take());
        self.running[place] = self.spawn()?;
        Ok(true)
    }

    /// Ends them all, and answers at which step boundaries one has died.
    fn stop(mut self) -> BTreeSet<&'static str> {
        std::mem::take(&mut self.crashed)
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for (child, _) in &mut self.running {
            // It may have ended already; either way there is nothing more to do.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// One host of `harness-lab chaos`: runs and delivers with short leases until it is killed, or nobody holds its standard input.
#[derive(Args)]
pub struct Worker {
    #[command(flatten)]
    data: Data,
    #[arg(long, value_name = "URL")]
    smtp: String,
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    lease: u64,
    #[arg(long, value_name = "N", default_value_t = 2)]
    workers: usize,
}

impl Worker {
    pub async fn run(self) -> Result<(), Failure> {
        // A host whose chaos is over, or was killed itself, must not stay behind.
        std::thread::spawn(|| {
            let _ = std::io::stdin().read(&mut [0]);
            std::process::exit(0);
        });
        let engine = Engine::load_file(None, Limits::default(), &Cache::of_user())?;
        let host::Stores {
            mut storage,
            platform,
            clock,
        } = host::stores(&self.data, false).await?;
        if let Ok(point) = std::env::var(CRASH_AT) {
            let point = CrashPoint::from_text(&point)
                .ok_or_else(|| Failure::Sentence(format!("invalid {CRASH_AT}: no such step boundary: {point}")))?;
            storage = Arc::new(Observed::new(storage, Arc::new(point)));
        }
        let service = Service::new(engine, storage, platform, clock, HostFacts::unlimited())
            .await
            .map_err(|fault| failed("could not query the plugin's description")(&fault))?;
        let lease = Duration::from_secs(self.lease.max(1));
        let options = SchedulerOptions {
            workers: self.workers,
            lease,
            delivery: DeliveryLimits {
                lease,
                renew: lease / 3,
                ..DeliveryLimits::default()
            },
            ..SchedulerOptions::default()
        };
        let transport = SmtpTransport::from_url(&self.smtp, SmtpTimeouts::default())?;
        let scheduler = Arc::new(Scheduler::new(Arc::new(service), Arc::new(transport), options));
        let (_never, stop) = watch::channel(false);
        scheduler.serve(stop).await;
        Ok(())
    }
}
