//! What the database is asked: how often in one call, and on SQLite by which plan.
//!
//! One test, since statements are seen of the whole process. Plans on PostgreSQL: `storage/postgres/tests/indexes.rs`.

use std::sync::{Arc, Mutex};

use scheduled_exports_store::sqlite::SqliteStorage;
use scheduled_exports_store::{Scope, StorageError};
use scheduled_exports_testing::{Harness, TestStore};
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

const FIXTURE: &str = include_str!("../../tests/data/bigevents.json");
const PATH: &str = "/api/v1/organizers/bigevents/events/sampleconf/scheduled_exports/";
const JOHN: &str = "Bearer john-oauth";
const VERA: &str = "Bearer vera-oauth";
const TOKEN: &str = "Token bigevents-settings-token";
/// Calls of one kind. A statement is counted when its connection is done with it, which can be after the answer: with one or two
/// that are counted late, one statement more a call is still seen.
const CALLS: usize = 20;

/// Statements that the database was asked.
#[derive(Clone, Default)]
struct Counted(Arc<Mutex<Vec<String>>>);

impl Counted {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("nobody panics while he holds this"))
    }
}

impl<S: Subscriber> Layer<S> for Counted {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sql" {
            let mut words = Statement(String::new());
            event.record(&mut words);
            // A connection that is opened is not the call's.
            if words.0.contains("PRAGMA") {
                return;
            }
            self.0.lock().expect("nobody panics while he holds this").push(words.0);
        }
    }
}

/// A statement whole, or its first words where these are all of it.
struct Statement(String);

impl Visit for Statement {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let text = format!("{value:?}");
        // The whole comes after its first words.
        if field.name() == "summary" || (field.name() == "db.statement" && !text.trim().is_empty()) {
            self.0 = text;
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "summary" || (field.name() == "db.statement" && !value.trim().is_empty()) {
            value.trim().clone_into(&mut self.0);
        }
    }
}

/// Indexes that hold only what is to be done: to go through one of them is to go through that.
const OF_WORK: [&str; 8] = [
    "schedule_wake",
    "schedule_turn",
    "schedule_replan",
    "run_submitted",
    "run_settle",
    "run_file",
    "run_link",
    "delivery_wake",
];

/// Does this step of a plan read all of a table of the store, however large it is?
fn reads_a_whole_table(step: &str) -> bool {
    let Some(rest) = step.strip_prefix("SCAN ") else {
        return false;
    };
    let (table, how) = rest.split_once(' ').unwrap_or((rest, ""));
    let of_store = [
        "schedule",
        "run",
        "mail",
        "delivery",
        "file_chunk",
        "request",
        "s",
        "r",
        "m",
        "d",
    ]
    .contains(&table);
    let of_work = OF_WORK.iter().any(|index| how.ends_with(index));
    of_store && !of_work
}

/// A day of a host: schedules made, changed, listed, run, delivered, settled, planned again, and what is over removed.
async fn no_statement_of_a_day_reads_a_whole_table(counted: &Counted) {
    let host = Harness::start(FIXTURE, "2026-10-22T12:00:00Z").await;
    counted.take();
    let document = json!({
        "export_identifier": "orderlist", "export_form_data": {"_format": "xlsx"},
        "mail_additional_recipients": "finance@example.com", "mail_subject": "Orders", "mail_template": "All.",
        "schedule_rrule": "RRULE:FREQ=DAILY", "schedule_rrule_time": "04:00:00",
    });
    let id = host.create(PATH, JOHN, &document).await;
    let one = format!("{PATH}{id}/");
    let renamed = host.patch(&one, JOHN, &json!({"mail_subject": "Orders of all"})).await;
    assert_eq!(renamed.status, 200, "{}", renamed.body);
    host.advance_to("2026-10-25T12:00:00Z").await;
    assert_eq!(host.history(id).await.len(), 3);
    for path in [PATH, &one, &format!("{one}runs/")] {
        assert_eq!(host.get(path, JOHN).await.status, 200, "{path}");
    }
    let storage = host.storage();
    let moved = Scope {
        organizer: "bigevents".into(),
        event: Some("sampleconf".into()),
    };
    storage.request_replan(&moved).await.expect("the store is there");
    host.step().await;
    storage
        .backlog(scheduled_exports_testing::at("2026-10-25T12:00:00Z"))
        .await
        .expect("the store is there");
    host.tidy().await;
    host.delete(&one, JOHN).await;
    host.jump_to("2027-02-25T12:00:00Z");
    host.step().await;
    host.tidy().await;

    let mut asked = counted.take();
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStorage::open(&folder.path().join("store.sqlite"))
        .await
        .expect("a store");
    asked.sort_unstable();
    asked.dedup();
    let mut checked = 0;
    for statement in asked.iter().filter(|one| !one.contains("platform_")) {
        for part in statement.split(';').filter(|part| !part.trim().is_empty()) {
            let first = part.split_whitespace().next().unwrap_or_default().to_lowercase();
            if !["select", "insert", "update", "delete", "with"].contains(&first.as_str())
                || part.contains("sqlite_")
                || part.contains("_migrations")
            {
                continue;
            }
            let explain = format!("explain query plan {part}");
            let steps = store.write(move |on| {
                let mut plan = on.prepare(&explain)?;
                let steps: Result<Vec<String>, _> = plan.raw_query().mapped(|step| step.get("detail")).collect();
                Ok::<_, StorageError>(steps?)
            });
            let steps = steps.await.unwrap_or_else(|error| panic!("{part}: {error}"));
            assert!(
                !steps.iter().any(|step| reads_a_whole_table(step)),
                "{part}: {steps:#?}"
            );
            checked += 1;
        }
    }
    assert!(checked > 40, "the statements of a day are seen: {checked}");
}

async fn at_most(most: usize, counted: &Counted, host: &Harness, path: &str, credentials: &str) {
    // What is prepared, and connections that are opened, are not a call's.
    host.get(path, credentials).await;
    counted.take();
    for _ in 0..CALLS {
        let answer = host.get(path, credentials).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let asked = counted.take();
    assert!(asked.len() >= CALLS, "something is counted");
    assert!(asked.len() <= most * CALLS, "{credentials} at {path}: {asked:#?}");
}

async fn a_call_asks_few_things(store: TestStore, counted: &Counted) {
    let host = Harness::builder().store(store).fixture(FIXTURE).build().await;
    let document = json!({
        "export_identifier": "orderlist", "export_form_data": {"_format": "xlsx"},
        "mail_subject": "Orders", "mail_template": "All.",
        "schedule_rrule": "RRULE:FREQ=DAILY", "schedule_rrule_time": "04:00:00",
    });
    let mut id = 0;
    for _ in 0..10 {
        id = host.create(PATH, JOHN, &document).await;
    }
    let one = format!("{PATH}{id}/");
    // Admission, the organizer's switch, the row.
    at_most(3, counted, &host, &one, JOHN).await;
    // The same, with the number of rows and a page of them.
    at_most(4, counted, &host, PATH, JOHN).await;
    // Somebody else's have owners to be looked up.
    for credentials in [VERA, TOKEN] {
        at_most(4, counted, &host, &one, credentials).await;
        at_most(5, counted, &host, PATH, credentials).await;
    }
}

#[tokio::test]
async fn a_call_asks_the_database_few_things_and_nothing_on_sqlite_reads_a_whole_table() {
    let counted = Counted::default();
    let subscriber = tracing_subscriber::registry().with(counted.clone());
    tracing::subscriber::set_global_default(subscriber).expect("nobody else counts");
    a_call_asks_few_things(TestStore::Sqlite, &counted).await;
    if let Some(store) = TestStore::postgres() {
        a_call_asks_few_things(store, &counted).await;
    }
    no_statement_of_a_day_reads_a_whole_table(&counted).await;
}
