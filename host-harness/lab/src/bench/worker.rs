//! A host that is measured: it serves the API, and times from within what can't be timed from outside.

use std::io::{self, BufRead as _};
use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _};
use plugin::recurrence::Recurrence;
use reference_platform::{Fixture, FixtureSchedule};
use reference_server::api::{self, ApiLimits};
use reference_server::ports::HostFacts;
use reference_server::scheduler::{Scheduler, SchedulerOptions};
use reference_server::service::Service;
use scheduled_exports_host::clock::{Clock, VirtualClock};
use scheduled_exports_host::contract::exported::recurrence::Rule;
use scheduled_exports_mail::EmlTransport;
use scheduled_exports_store::Storage as _;
use scheduled_exports_store::postgres::PostgresStorage;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;

use super::process;
use super::sample::Sample;
use host_harness::command::{Data, Failure, PluginFile, failed, host, say};

/// 2026-05-04T03:00:00Z, a Monday.
const BEGIN: i64 = 1_777_863_600;
/// 2090-05-01T03:00:00Z: the first day of runs, later than a host lives that is only started.
const RUNS_BEGIN: i64 = 3_797_290_800;
/// Of the scope that pages are asked of: they have the ids from 1 on.
pub const LISTED: u64 = 1_000;
/// Runs of each kind that come due together.
pub const RUNS: u64 = 500;
/// Orders in the event that is exported: a small file.
const ORDERS: u32 = 40;
const TOKEN: &str = "bench-oauth";
/// How often the quick things are done.
const TIMES: u32 = 3_000;

/// Where requests go, and with which credentials.
pub const LIST: &str = "/api/v1/organizers/bench/events/listed/scheduled_exports/";
pub const NEW: &str = "/api/v1/organizers/bench/events/new/scheduled_exports/";

/// A request of the load.
pub fn request(method: &str, path: &str, body: &str) -> Vec<u8> {
    let content = match body {
        "" => String::new(),
        body => format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()),
    };
    format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\nAccept: application/json\r\n{content}\r\n{body}")
        .into_bytes()
}

/// A schedule as clients send it, due at this time of day from this day on.
pub fn document(format: &str, from: &str, time: &str) -> serde_json::Map<String, serde_json::Value> {
    let document = json!({
        "export_identifier": "orderlist",
        "export_form_data": {"_format": format, "date_range": "past", "paid_only": false},
        "locale": "en", "mail_additional_recipients": "finance@example.com, boxoffice@example.com",
        "mail_additional_recipients_cc": "board@example.org", "mail_additional_recipients_bcc": "",
        "mail_subject": "Order list", "mail_template": "Here is the order list.\n\nCheers\nJohn",
        "schedule_rrule": format!("DTSTART:{from}T000000\nRRULE:FREQ=DAILY"), "schedule_rrule_time": time,
    });
    document.as_object().cloned().unwrap_or_default()
}

/// What a worker is asked to measure.
#[derive(Serialize, Deserialize)]
pub enum Ask {
    /// What is due once more, from its lease to its mail in the outbox: CSV, then .xlsx.
    Runs,
    /// Fresh instances, and next runs in one instance and natively by the age of DTSTART.
    Component,
}

/// What it measured.
#[derive(Serialize, Deserialize)]
pub struct Told {
    pub name: String,
    pub sample: Sample,
}

/// One host of `harness-lab bench`, until nobody holds its standard input.
#[derive(Args)]
pub struct Worker {
    #[command(flatten)]
    data: Data,
}

impl Worker {
    pub async fn run(self) -> Result<(), Failure> {
        let clock = Arc::new(VirtualClock::at(BEGIN));
        let service = host::open(
            &self.data,
            true,
            &PluginFile::default(),
            Some(Arc::clone(&clock) as Arc<dyn Clock>),
            HostFacts::unlimited(),
        )
        .await?;
        if service.platform().is_empty().await? {
            fill(&service, &self.data).await?;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = api::router(Arc::clone(&service) as _, ApiLimits::default());
        tokio::spawn(api::serve(
            listener,
            router,
            ApiLimits::default(),
            std::future::pending(),
        ));
        say(format_args!("http://{address}"))?;

        // Mails are kept in the outbox here, and handed over by nobody.
        let folder = self.data.folder.clone().unwrap_or_else(std::env::temp_dir);
        let transport = EmlTransport::new(folder.join("mail"))?;
        let scheduler = Scheduler::new(Arc::clone(&service), Arc::new(transport), SchedulerOptions::default());
        let (asks, mut asked) = tokio::sync::mpsc::channel(1);
        std::thread::spawn(move || {
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                if asks.blocking_send(line).is_err() {
                    break;
                }
            }
        });
        let mut day = RUNS_BEGIN;
        while let Some(line) = asked.recv().await {
            let told = match serde_json::from_str(&line)? {
                Ask::Runs => {
                    let told = runs(&scheduler, &clock, day).await?;
                    day += 86_400;
                    told
                }
                Ask::Component => component(&service).await?,
            };
            say(serde_json::to_string(&told)?)?;
        }
        Ok(())
    }
}

/// The platform, and schedules in three events: some to be listed, and some of each kind to be run.
async fn fill(service: &Service, data: &Data) -> Result<(), Failure> {
    let event = |slug: &str| {
        json!({"organizer": "bench", "slug": slug, "name": "Fair", "timezone": "UTC", "currency": "EUR",
               "starts": "2026-06-01T09:00:00Z", "ends": "2026-06-02T18:00:00Z"})
    };
    let fixture = json!({
        "organizers": [{"slug": "bench", "name": "Bench", "timezone": "UTC", "locale": "en"}],
        "events": [event("listed"), event("new"), event("run")],
        "users": [{"email": "john@example.com", "name": "John", "locale": "en"}],
        "teams": [{"organizer": "bench", "name": "All", "members": ["john@example.com"], "events": "all",
                   "permissions": ["change_organizer_settings", "change_event_settings", "view_orders"], "api_tokens": []}],
        "oauth_tokens": [{"token": TOKEN, "user": "john@example.com", "scopes": ["read", "write"], "organizers": ["bench"]}],
        "devices": [],
        "orders_generated": [{"organizer": "bench", "event": "run", "count": ORDERS, "from": "2026-04-01T00:00:00Z",
                              "to": "2026-05-01T00:00:00Z", "seed": 1}],
        "schedules": [],
    });
    host::seed(service, data, &Fixture::from_json(&fixture.to_string())?).await?;
    let schedules = (1..=LISTED + 2 * RUNS).map(|id| {
        let (event, document) = match id {
            ..=LISTED => ("listed", document("xlsx", "20990101", "04:00:00")),
            _ if id <= LISTED + RUNS => ("run", document("default", "20900501", "04:00:00")),
            _ => ("run", document("xlsx", "20900501", "05:00:00")),
        };
        FixtureSchedule {
            organizer: "bench".into(),
            event: Some(event.into()),
            owner: "john@example.com".into(),
            id: Some(id),
            error_counter: None,
            document,
        }
    });
    let schedules: Vec<FixtureSchedule> = schedules.collect();
    let seeded = futures_util::stream::iter(&schedules).map(|schedule| service.seed(schedule));
    let seeded: Result<Vec<u64>, _> = seeded.buffer_unordered(64).try_collect().await;
    seeded.map_err(|reason| failed("schedule rejected")(&reason))?;
    if let Some(url) = &data.database {
        // As the server does by itself within a minute, with what is not empty: to know that the others are spoils the plans of what
        // comes into them.
        let store = PostgresStorage::connect(url).await?;
        store
            .pool()
            .run("vacuum analyze schedule, scope_size, platform_orders, platform_positions")
            .await
            .map_err(|reason| failed("could not vacuum the tables")(&reason))?;
        store.close().await;
    }
    Ok(())
}

/// All runs of one day: those at four, then those at five.
async fn runs(scheduler: &Scheduler, clock: &VirtualClock, day: i64) -> Result<Vec<Told>, Failure> {
    let mut told = Vec::new();
    for (name, hour) in [("run, CSV", 1), ("run, .xlsx", 2)] {
        clock.set(day + hour * 3_600 + 1);
        let cpu = process::cpu_seconds(std::process::id());
        let began = Stopwatch::now();
        let done = scheduler.run_due().await? as u64;
        let seconds = began.elapsed().as_secs_f64();
        let cpu_seconds = process::cpu_seconds(std::process::id())
            .zip(cpu)
            .map(|(after, before)| after - before);
        if done != RUNS {
            return Err(Failure::Sentence(format!("expected {RUNS} due runs, got {done}")));
        }
        told.push(Told {
            name: name.into(),
            sample: Sample {
                done,
                seconds,
                cpu_seconds,
                micros: Vec::new(),
            },
        });
    }
    Ok(told)
}

async fn component(service: &Service) -> Result<Vec<Told>, Failure> {
    let mut told = Vec::new();
    let fresh = rule("20160504");
    told.push(Told {
        name: "fresh instance and next run".into(),
        sample: timed(async || drop(service.next_run(&fresh, BEGIN).await)).await,
    });
    let mut instance = service
        .instance("bench", Duration::from_secs(3_600))
        .await
        .map_err(|fault| failed("could not create an instance")(&fault))?;
    for (age, from) in [
        ("1 day", "20260503"),
        ("1 year", "20250504"),
        ("10 years", "20160504"),
        ("60 years", "19660504"),
    ] {
        let rule = rule(from);
        let (plugin, store) = (&instance.plugin, &mut instance.store);
        let recurrence = plugin.ticketing_scheduled_exports_recurrence();
        told.push(Told {
            name: format!("next run in the guest, DTSTART {age} old"),
            sample: timed(async || drop(recurrence.call_next_run(&mut *store, &rule, BEGIN).await)).await,
        });
        told.push(Told {
            name: format!("next run natively, DTSTART {age} old"),
            sample: timed(async || {
                let timetable = Recurrence::parse(&rule.text, &rule.time, &rule.zone, Default::default());
                std::hint::black_box(timetable.map(|timetable| timetable.next_after(BEGIN)).ok());
            })
            .await,
        });
    }
    Ok(told)
}

fn rule(from: &str) -> Rule {
    Rule {
        text: format!("DTSTART:{from}T000000\nRRULE:FREQ=WEEKLY;BYDAY=TU,WE,TH"),
        time: "04:00:00".into(),
        zone: "Europe/Berlin".into(),
        anchor: None,
    }
}

/// Done over and over, one at a time.
async fn timed(mut work: impl AsyncFnMut()) -> Sample {
    work().await;
    let cpu = process::cpu_seconds(std::process::id());
    let mut micros = Vec::with_capacity(TIMES as usize);
    let began = Stopwatch::now();
    for _ in 0..TIMES {
        let one = Stopwatch::now();
        work().await;
        micros.push(one.elapsed().as_secs_f64() * 1e6);
    }
    let seconds = began.elapsed().as_secs_f64();
    Sample {
        done: u64::from(TIMES),
        seconds,
        // Too short to be told in clock ticks.
        cpu_seconds: cpu
            .filter(|_| seconds > 1.0)
            .and_then(|before| process::cpu_seconds(std::process::id()).map(|after| after - before)),
        micros,
    }
}
