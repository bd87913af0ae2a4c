//! The view `schemas`, against the documents themselves.

use plugin::contract::{Delivery, DeliveryStatus, MissedRange, MissedReason, Outcome, Position, RunQuery};
use plugin::schedules;
use serde_json::{Map, Value, json};

use crate::host::{Host, at, run};
use crate::validator::is_valid;
use crate::views::view;
use crate::{create, document, shown, with};

/// All schemas, with those that a reference names in its place.
fn schemas(host: &Host) -> Map<String, Value> {
    let view = view(&host.owner(), None, "schemas", &[]).expect("schemas");
    let all = view.as_object().expect("an object").clone();
    let mut resolved = all.clone();
    for schema in resolved.values_mut() {
        resolve(schema, &all);
    }
    resolved
}

fn resolve(schema: &mut Value, all: &Map<String, Value>) {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let name = name.strip_prefix("#/components/schemas/").expect("a reference");
        *schema = all[name].clone();
    }
    match schema {
        Value::Object(members) => members.values_mut().for_each(|member| resolve(member, all)),
        Value::Array(items) => items.iter_mut().for_each(|item| resolve(item, all)),
        _ => {}
    }
}

/// Members that the schema does not describe.
fn undescribed(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    if let Some(alternatives) = schema.get("anyOf").and_then(Value::as_array) {
        let fitting = alternatives.iter().find(|schema| is_valid(schema, value));
        return undescribed(fitting.expect("one that fits"), value, path, found);
    }
    match (value, schema.get("properties"), schema.get("items")) {
        (Value::Object(members), Some(properties), _) => {
            for (name, value) in members {
                let path = format!("{path}/{name}");
                match properties.get(name) {
                    Some(schema) => undescribed(schema, value, &path, found),
                    None => found.push(path),
                }
            }
        }
        (Value::Array(items), _, Some(schema)) => {
            for item in items {
                undescribed(schema, item, path, found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_document_is_described_by_its_schema_with_all_its_members() {
    let host = Host::organizer();
    let schemas = schemas(&host);
    let fits = |name: &str, value: &Value| {
        assert!(is_valid(&schemas[name], value), "{value} is not {name}");
        let mut found = Vec::new();
        undescribed(&schemas[name], value, name, &mut found);
        assert_eq!(found, [""; 0]);
    };
    let owner = || host.owner();
    let of = |id, name: &str, params: &[(&str, &str)]| view(&owner(), id, name, params).expect("a view");
    let act = |id, verb: &str, body: &Value| -> Value {
        let acted = schedules::act(&owner(), id, verb, &body.to_string()).expect("done");
        serde_json::from_str(&acted.document).expect("JSON")
    };

    fits("ScheduleWrite", &document());
    let over = with(json!({"schedule_rrule": "FREQ=DAILY;COUNT=0", "locale": "de", "timezone": "UTC"}));
    fits("ScheduleWrite", &over);
    fits("SchedulePatch", &json!({"mail_subject": "x"}));
    fits("Schedule", &shown(create(&owner(), &document())));
    fits("Schedule", &shown(create(&owner(), &over)));
    host.edit(2, |row| (row.owner, row.content.document) = (None, "?".to_owned()));
    fits("Schedule", &shown(schedules::get(&host.editor(), 2)));
    fits("RunRequest", &json!({"due": null}));
    fits("RunRequested", &act(Some(1), "run", &json!({})));

    let range = MissedRange {
        first: at("2026-10-11T06:00:00+02:00"),
        last: at("2026-10-12T06:00:00+02:00"),
        count: 2,
        reason: MissedReason::Paused,
    };
    let mut delivered = run("2026-10-14T06:00:00+02:00", Some(Outcome::Delivered));
    delivered.deliveries = vec![Delivery {
        address: "a@example.org".to_owned(),
        status: DeliveryStatus::Accepted,
        response: "250 ok".to_owned(),
    }];
    *host.runs.borrow_mut() = vec![
        run(
            "2026-10-14T06:00:00+02:00",
            Some(Outcome::Failed(("code".to_owned(), "Why.".to_owned()))),
        ),
        delivered,
        run("2026-10-13T06:00:00+02:00", Some(Outcome::Retry(1_800_000_000))),
        run("2026-10-12T06:00:00+02:00", Some(Outcome::Missed(range))),
    ];
    let page = schedules::runs(&owner(), 1, &RunQuery::page(Position::Number(1), 50)).expect("a page");
    for run in page.documents {
        fits("Run", &serde_json::from_str(&run).expect("JSON"));
    }
    for due in ["2026-10-14T04:00:00Z", "2026-10-11T04:00:00Z", "2030-01-01T00:00:00Z"] {
        fits("Explanation", &of(Some(1), "explain", &[("due", due)]));
    }
    fits("Overview", &of(None, "overview", &[]));
    fits(
        "Overview",
        &view(&host.editor().reading_only(), None, "overview", &[]).expect("a page"),
    );
    fits("Pause", &json!({"reason": "x", "until": "2026-10-20"}));
    fits(
        "Schedule",
        &act(Some(1), "pause", &json!({"reason": "x", "until": "2026-10-20"})),
    );
    fits("Explanation", &of(Some(1), "explain", &[]));
    fits("Preview", &act(Some(1), "preview", &json!({})));
    fits("Preview", &act(None, "preview", &document()));
    let rule = [
        ("schedule_rrule", "FREQ=YEARLY;BYDAY=20MO"),
        ("schedule_rrule_time", "04:00"),
    ];
    fits("Preview", &of(None, "preview", &rule));
    fits("Rule", &of(None, "rule", &rule));
    for picks in [
        json!({"repeat": "daily"}),
        json!({"repeat": "weekly", "weekdays": ["MO"]}),
        json!({"repeat": "monthly-days", "days": [1], "months": [2]}),
        json!({"repeat": "monthly-weekday", "nth": [1], "weekday": "MO"}),
        json!({"repeat": "monthly-working-day", "nth": [-1]}),
        json!({"repeat": "yearly", "month": 2, "day": 3}),
    ] {
        fits(
            "Rule",
            &of(
                None,
                "rule",
                &[("picks", &picks.to_string()), ("schedule_rrule_time", "04:00")],
            ),
        );
    }
    fits("Form", &of(Some(1), "form", &[]));
    for exporter in schedules::exporters(&owner(), None).expect("exporters") {
        fits("Exporter", &serde_json::from_str(&exporter).expect("JSON"));
    }
    fits(
        "FieldErrors",
        &json!({"mail_subject": ["x"], "export_form_data": {"few": ["x"]}}),
    );
    fits("Detail", &json!({"detail": "x"}));
}
