//! How often one call asks the database: counted, so that it does not creep up.
//!
//! One test, since what it counts is counted for the whole process.

use std::sync::{Arc, Mutex};

use host_harness::testing::{Harness, TestStore};
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

/// Statements that the database was asked, by their first words.
#[derive(Clone, Default)]
struct Counted(Arc<Mutex<Vec<String>>>);

impl Counted {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("nobody panics while he holds this"))
    }
}

impl<S: Subscriber> Layer<S> for Counted {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            let mut words = Summary(String::new());
            event.record(&mut words);
            // A connection that is opened is not the call's.
            if words.0.contains("PRAGMA") {
                return;
            }
            self.0.lock().expect("nobody panics while he holds this").push(words.0);
        }
    }
}

struct Summary(String);

impl Visit for Summary {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "summary" {
            self.0 = format!("{value:?}");
        }
    }
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
async fn a_call_asks_the_database_few_things() {
    let counted = Counted::default();
    let subscriber = tracing_subscriber::registry().with(counted.clone());
    tracing::subscriber::set_global_default(subscriber).expect("nobody else counts");
    a_call_asks_few_things(TestStore::Sqlite, &counted).await;
    if let Some(store) = TestStore::postgres() {
        a_call_asks_few_things(store, &counted).await;
    }
}
