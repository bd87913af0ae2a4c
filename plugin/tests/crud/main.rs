//! Schedules through the plugin's domain, on a host in memory.

mod anything;
mod changing;
mod checked_form;
mod explain;
mod fields;
mod host;
mod manual;
mod others;
mod overview;
mod owner_notice;
mod pause;
mod permissions;
mod planning;
mod reading;
mod schema;
mod takeover;
mod validator;
mod views;

use plugin::contract::{Filter, PageQuery, Position, Problem, SortKey, Stored, Versioned};
use plugin::host::Access;
use plugin::schedules;
use serde_json::{Value, json};

/// A valid document at organizer level.
fn document() -> Value {
    json!({
        "export_identifier": "orders",
        "export_form_data": {"_format": "csv", "date_range": "month_previous", "all_events": true},
        "mail_subject": "Orders",
        "mail_template": "All orders.",
        "schedule_rrule": "FREQ=DAILY",
        "schedule_rrule_time": "06:00:00",
    })
}

/// [`document`] with these fields in place of its own.
fn with(fields: Value) -> Value {
    let mut document = document();
    let fields = fields.as_object().expect("fields").clone();
    document.as_object_mut().expect("fields").extend(fields);
    document
}

fn without(name: &str) -> Value {
    let mut document = document();
    document.as_object_mut().expect("fields").remove(name);
    document
}

/// [`document`] with this form.
fn with_form(form: Value) -> Value {
    with(json!({ "export_form_data": form }))
}

fn create(by: &impl Access, document: &Value) -> Result<Versioned, Problem> {
    schedules::create(by, &document.to_string())
}

fn patch(by: &impl Access, id: u64, fields: &Value) -> Result<Versioned, Problem> {
    schedules::patch(by, id, &fields.to_string(), None)
}

fn put(by: &impl Access, id: u64, document: &Value) -> Result<Versioned, Problem> {
    schedules::replace(by, id, &document.to_string(), None)
}

fn shown(answer: Result<Versioned, Problem>) -> Value {
    serde_json::from_str(&answer.expect("an answer").document).expect("JSON")
}

/// Paths and codes of all errors: `mail_subject: blank`.
fn errors<T: std::fmt::Debug>(answer: Result<T, Problem>) -> Vec<String> {
    match answer {
        Err(Problem::Invalid(errors)) => {
            assert!(errors.iter().all(|error| error.message.len() > 10), "{errors:?}");
            errors
                .iter()
                .map(|error| format!("{}: {}", error.path.join("."), error.code))
                .collect()
        }
        other => panic!("{other:?}"),
    }
}

fn stored(document: &str, default_zone: &str) -> Stored {
    Stored {
        not_before: None,
        document: document.to_owned(),
        default_zone: default_zone.to_owned(),
    }
}

fn forbidden<T>(answer: Result<T, Problem>) -> bool {
    matches!(answer, Err(Problem::Forbidden(_)))
}

fn first_page() -> PageQuery {
    PageQuery {
        filter: Filter::default(),
        order: SortKey::Id,
        descending: false,
        at: Position::Number(1),
        size: 50,
    }
}

fn list(by: &impl Access) -> Vec<Value> {
    let page = schedules::list(by, &first_page()).expect("a page");
    page.documents
        .iter()
        .map(|row| serde_json::from_str(row).expect("JSON"))
        .collect()
}
