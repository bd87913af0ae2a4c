//! behaviour.md, sections 1 to 3: the resource, the HTTP API, and who may do what. Each statement has a test whose name says
//! which it is; the numbers in section 3 are its lines, sections 1 and 2 go by field and call.

mod http;
mod resource;
mod rights;
mod views;

use scheduled_exports_host::contract::{Content, Recipients, ScheduleState};
use scheduled_exports_store::{Row, Scope};
use scheduled_exports_testing::{Answer, Harness, at};
use serde_json::{Value, json};
use tests::without_schedules;

/// Nothing is due for hours.
const NOW: &str = "2026-10-22T12:00:00Z";

async fn host() -> Harness {
    Harness::start(&without_schedules(), NOW).await
}

/// The status, and the fields that are wrong, in order.
fn wrong(answer: &Answer) -> (u16, Vec<String>) {
    let fields = answer.body.as_object().map(|fields| fields.keys().cloned().collect());
    (answer.status, fields.unwrap_or_default())
}

/// What [`wrong`] says of a 400 on these fields.
fn bad(fields: &[&str]) -> (u16, Vec<String>) {
    (400, fields.iter().map(|&field| field.to_owned()).collect())
}

/// A daily order list at organizer level, with this form.
fn across(form: &Value) -> Value {
    tests::but(tests::daily(), json!({"export_form_data": form}))
}

async fn user(host: &Harness, email: &str) -> String {
    let user = host
        .platform()
        .user_by_email(email)
        .await
        .expect("the platform answers");
    user.expect("a user of the fixture").id
}

/// A schedule of Sample Conf put straight into the store, past every check.
async fn put_straight(host: &Harness, id: u64, exporter: &str, document: &str) {
    let row = Row {
        id,
        scope: Scope {
            organizer: "bigevents".into(),
            event: Some("sampleconf".into()),
        },
        owner: user(host, "john@example.com").await,
        version: 1,
        content: Content {
            export_identifier: exporter.into(),
            recipients: Recipients {
                to: Vec::new(),
                cc: Vec::new(),
                bcc: Vec::new(),
            },
            next_run: Some(at("2026-10-23T02:00:00Z")),
            state: ScheduleState::Active,
            error_counter: 0,
            document: document.into(),
        },
    };
    let zones = &host.service.about().zone_database;
    let put = host.storage().seed(&row, zones, at(NOW)).await;
    put.expect("the store takes it");
}

/// A schedule as it is stored, to be put in again with something changed.
async fn stored(host: &Harness, scope: Scope, id: u64) -> Row {
    let seen = scheduled_exports_store::Visible {
        scope,
        only_owner: None,
    };
    let row = host.storage().get(&seen, id).await.expect("the store answers");
    row.expect("it is there")
}
