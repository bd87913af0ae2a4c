//! What the component costs inside the host: next runs by age of DTSTART, fresh instances, API calls, whole runs.
//!
//! `cargo bench -p host-harness`. The same rules natively, beside `rrule`: `cargo bench -p plugin`.

use std::cell::Cell;
use std::sync::LazyLock;
use std::time::Duration;

use divan::Bencher;
use scheduled_exports_host::contract::exported::recurrence::Rule;
use scheduled_exports_testing::{Harness, at};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

const FIXTURE: &str = include_str!("../../tests/data/bigevents.json");
const EVENT: &str = "/api/v1/organizers/bigevents/events/sampleconf/scheduled_exports/";
const JOHN: &str = "Bearer john-oauth";

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

fn main() {
    divan::main();
}

fn host() -> Harness {
    RUNTIME.block_on(Harness::start(FIXTURE, "2026-10-22T12:00:00Z"))
}

fn schedule(format: &str) -> Value {
    json!({
        "export_identifier": "orderlist", "export_form_data": {"_format": format, "date_range": "days_last14"},
        "mail_subject": "Orders", "mail_template": "Orders", "schedule_rrule": "RRULE:FREQ=DAILY",
        "schedule_rrule_time": "04:00:00",
    })
}

fn rule(dtstart: &str) -> Rule {
    Rule {
        text: format!("DTSTART:{dtstart}T000000\nRRULE:FREQ=WEEKLY;BYDAY=TU,WE,TH"),
        time: "04:00:00".into(),
        zone: "Europe/Berlin".into(),
        anchor: None,
    }
}

/// One call in an instance that is there: parse, next run, and both crossings of the boundary.
#[divan::bench(args = ["20261021", "20251022", "20161022", "19661022", "19261022"])]
fn next_run_in_guest(bencher: Bencher, dtstart: &str) {
    let host = host();
    let rule = rule(dtstart);
    let mut instance = RUNTIME
        .block_on(host.service.instance("bench", Duration::from_secs(3600)))
        .expect("an instance");
    let after = at("2026-10-22T12:00:00Z");
    bencher.bench_local(|| {
        let (plugin, store) = (&instance.plugin, &mut instance.store);
        let recurrence = plugin.ticketing_scheduled_exports_recurrence();
        RUNTIME
            .block_on(recurrence.call_next_run(store, &rule, after))
            .expect("an answer")
            .expect("a run")
    });
}

/// Store, instance, first next run, drop.
#[divan::bench]
fn fresh_instance_and_first_next_run(bencher: Bencher) {
    let host = host();
    let (rule, after) = (rule("20161022"), at("2026-10-22T12:00:00Z"));
    bencher.bench_local(|| {
        RUNTIME
            .block_on(host.service.next_run(&rule, after))
            .expect("an answer")
    });
}

/// `GET` of a page of 50, through the router.
#[divan::bench]
fn list_of_50(bencher: Bencher) {
    let host = host();
    RUNTIME.block_on(async {
        for _ in 0..49 {
            host.create(EVENT, JOHN, &schedule("xlsx")).await;
        }
    });
    bencher.bench_local(|| {
        let page = RUNTIME.block_on(host.get(EVENT, JOHN));
        assert_eq!(page.body["results"].as_array().map(Vec::len), Some(50));
    });
}

#[divan::bench]
fn get_one(bencher: Bencher) {
    let host = host();
    let path = format!(
        "{EVENT}{}/",
        RUNTIME.block_on(host.create(EVENT, JOHN, &schedule("xlsx")))
    );
    bencher.bench_local(|| assert_eq!(RUNTIME.block_on(host.get(&path, JOHN)).status, 200));
}

/// Durable: `synchronous=FULL`.
#[divan::bench]
fn create_one(bencher: Bencher) {
    let host = host();
    let document = schedule("xlsx");
    bencher.bench_local(|| RUNTIME.block_on(host.create(EVENT, JOHN, &document)));
}

/// One due schedule: lease, execute, file, outbox, delivery, settle.
#[divan::bench(args = ["default", "xlsx"], sample_count = 50)]
fn executed_schedule(bencher: Bencher, format: &str) {
    let without_schedules = {
        let mut fixture: Value = serde_json::from_str(FIXTURE).expect("JSON");
        fixture["schedules"] = json!([]);
        fixture.to_string()
    };
    let host = RUNTIME.block_on(Harness::start(&without_schedules, "2026-10-22T12:00:00Z"));
    RUNTIME.block_on(host.create(EVENT, JOHN, &schedule(format)));
    let day = Cell::new(at("2026-10-23T12:00:00Z"));
    bencher.bench_local(|| {
        host.clock.set(day.replace(day.get() + 86_400));
        assert!(RUNTIME.block_on(host.step()).handed_over > 0);
    });
}
