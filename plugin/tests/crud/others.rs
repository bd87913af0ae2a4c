//! Run history, exporters and preview.

use plugin::contract::{
    Delivery, DeliveryStatus, MissedRange, MissedReason, Outcome, Position, Problem, RunEntry, RunKind, RunQuery,
};
use plugin::schedules;
use serde_json::{Value, json};

use crate::host::{Host, at};
use crate::{create, document, errors, shown, with};

#[test]
fn each_outcome_of_a_run_has_its_words() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    let entry = |outcome| RunEntry {
        id: 1,
        kind: RunKind::Scheduled,
        requested_by: None,
        due: at("2026-10-13T06:00:00+02:00"),
        started: Some(at("2026-10-13T06:00:01+02:00")),
        ended: None,
        attempts: 2,
        outcome,
        rows: Some(3),
        bytes: None,
        deliveries: vec![],
    };
    let range = MissedRange {
        reason: MissedReason::Unavailable,
        first: at("2026-10-11T06:00:00+02:00"),
        last: at("2026-10-13T06:00:00+02:00"),
        count: 3,
    };
    let failed = Outcome::Failed(("mail-too-large".to_owned(), "Too large.".to_owned()));
    let rows = [
        (None, json!({"outcome": "in_progress", "reason": null})),
        (Some(Outcome::Submitted), json!({"outcome": "submitted"})),
        (Some(Outcome::Delivered), json!({"outcome": "delivered"})),
        (Some(Outcome::Empty), json!({"outcome": "empty"})),
        (
            Some(failed),
            json!({"outcome": "failed", "reason": "Too large.", "reason_code": "mail-too-large"}),
        ),
        (
            Some(Outcome::Retry(at("2026-10-13T06:02:00+02:00"))),
            json!({"outcome": "retrying", "next_attempt": "2026-10-13T04:02:00Z"}),
        ),
        (
            Some(Outcome::Cancelled("Deleted.".to_owned())),
            json!({"outcome": "cancelled", "reason": "Deleted."}),
        ),
        (
            Some(Outcome::Missed(range)),
            json!({"outcome": "missed", "missed": {"first": "2026-10-11T04:00:00Z", "last": "2026-10-13T04:00:00Z", "count": 3, "reason": "unavailable"}}),
        ),
    ];
    host.runs
        .borrow_mut()
        .extend(rows.iter().map(|(outcome, _)| entry(outcome.clone())));
    let page = schedules::runs(&host.owner(), 1, &RunQuery::page(Position::Number(1), 50)).expect("a page");
    assert_eq!((page.total, page.next.as_deref()), (8, Some("more")));
    for (document, (_, want)) in page.documents.iter().zip(&rows) {
        let shown: Value = serde_json::from_str(document).expect("JSON");
        for (name, value) in want.as_object().expect("fields") {
            assert_eq!(&shown[name], value, "{document}");
        }
        assert_eq!(shown.get("missed").is_some(), want.get("missed").is_some());
    }
    assert_eq!(
        page.documents[1],
        r#"{"id":1,"kind":"scheduled","requested_by":null,"due":"2026-10-13T04:00:00Z","started":"2026-10-13T04:00:01Z","ended":null,"outcome":"submitted","#
            .to_owned()
            + r#""reason":null,"attempts":2,"rows":3,"bytes":null,"recipients":[]}"#
    );
    assert_eq!(
        schedules::runs(&host.owner(), 1, &RunQuery::page(Position::Number(2), 50)).map(|_| ()),
        Err(Problem::NotFound)
    );
}

#[test]
fn a_run_of_as_many_recipients_as_there_can_be_fits_a_document() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    let deliveries = vec![
        Delivery {
            address: format!("{}@example.org", "a".repeat(64)),
            status: DeliveryStatus::Rejected,
            response: "no ".repeat(1_000),
        };
        76
    ];
    host.runs.borrow_mut().push(RunEntry {
        id: 1,
        kind: RunKind::Scheduled,
        requested_by: None,
        due: 0,
        started: None,
        ended: None,
        attempts: 0,
        outcome: None,
        rows: None,
        bytes: None,
        deliveries,
    });
    let page = schedules::runs(&host.owner(), 1, &RunQuery::page(Position::Number(1), 50)).expect("a page");
    assert!(page.documents[0].len() < schedules::MAX_DOCUMENT_SIZE);
    assert!(page.documents[0].contains(r#""status":"rejected","response":"no no "#));
}

#[test]
fn exporters_are_listed_with_what_their_forms_take() {
    let host = Host::organizer();
    let all = schedules::exporters(&host.owner(), None).expect("exporters");
    assert_eq!(all.len(), 2);
    let orders: Value = serde_json::from_str(&all[0]).expect("JSON");
    assert_eq!(
        (&orders["identifier"], &orders["verbose_name"]),
        (&json!("orders"), &json!("All orders"))
    );
    assert_eq!(
        orders["input_parameters"],
        json!([
            {"name": "_format", "required": true, "label": "The _format", "type": "choice", "choices": ["xlsx", "csv"],
             "choice_labels": ["XLSX", "CSV"], "default": "xlsx"},
            {"name": "date_range", "required": false, "label": "The date_range", "type": "date-range"},
            {"name": "status", "required": false, "label": "The status", "type": "multiple-choice",
             "choices": ["paid", "pending"], "choice_labels": ["PAID", "PENDING"]},
            {"name": "few", "required": false, "label": "The few", "type": "integer", "min_value": 1, "max_value": 9},
            {"name": "all_events", "required": false, "label": "All events", "type": "boolean"},
            {"name": "events", "required": false, "label": "Events", "type": "events"},
        ])
    );
    let one = schedules::exporters(&host.owner(), Some("checkins")).expect("one");
    assert_eq!(one, [all[1].clone()]);
    for unknown in ["badges", "nosuch", ""] {
        assert_eq!(
            schedules::exporters(&host.owner(), Some(unknown)),
            Err(Problem::NotFound)
        );
    }
    assert_eq!(schedules::exporters(&host.user("stranger"), None), Ok(vec![]));
    let event = Host::event();
    let all = schedules::exporters(&event.owner(), None).expect("exporters");
    assert_eq!(all.len(), 3);
    assert!(!all.concat().contains("all_events"));
}

fn preview(by: &impl plugin::host::Access, fields: Value) -> Result<Value, Problem> {
    let document = with(fields).to_string();
    let answer = schedules::act(by, None, "preview", &document)?;
    Ok(serde_json::from_str(&answer.document).expect("JSON"))
}

#[test]
fn a_preview_shows_the_next_runs_and_what_the_clock_does_to_them() {
    let host = Host::organizer();
    let seat = || host.owner().at("2026-10-23T12:00:00+02:00");
    let night = |limit| json!({"schedule_rrule_time": "02:30", "limit": limit});
    let answer = preview(&seat(), night(3)).expect("a preview");
    assert_eq!(
        answer["runs"],
        json!([
            {"at": "2026-10-24T00:30:00Z", "local": "2026-10-24T02:30:00+02:00", "note": "plain"},
            {"at": "2026-10-25T00:30:00Z", "local": "2026-10-25T02:30:00+02:00", "note": "repeated-hour"},
            {"at": "2026-10-26T01:30:00Z", "local": "2026-10-26T02:30:00+01:00", "note": "plain"},
        ])
    );
    assert_eq!(answer["warnings"].as_array().map(Vec::len), Some(1));
    let spring = preview(&host.owner().at("2026-03-28T12:00:00+01:00"), night(1)).expect("a preview");
    assert_eq!(spring["runs"][0]["at"], "2026-03-29T01:30:00Z");
    assert_eq!(spring["runs"][0]["note"], "skipped-hour");
    let west = preview(&seat(), json!({"timezone": "America/St_Johns"})).expect("a preview");
    assert_eq!(west["runs"][0]["local"], "2026-10-24T06:00:00-02:30");
    assert_eq!(west["runs"].as_array().map(Vec::len), Some(10));
    assert_eq!(west["warnings"], json!([]));
    assert!(host.rows.borrow().is_empty());
}

#[test]
fn a_preview_warns_where_no_run_is_left_and_where_there_never_is_one() {
    let host = Host::organizer();
    for (rule, words) in [
        (
            "DTSTART:20200101T000000\nRRULE:FREQ=DAILY;COUNT=3",
            "2020-01-03T06:00:00+01:00",
        ),
        ("DTSTART:20230131T000000\nRRULE:FREQ=MONTHLY;BYMONTH=2", "never"),
    ] {
        let answer = preview(&host.owner(), json!({"schedule_rrule": rule})).expect("a preview");
        assert_eq!(answer["runs"], json!([]));
        assert!(
            answer["warnings"][0].as_str().is_some_and(|told| told.contains(words)),
            "{answer}"
        );
    }
}

#[test]
fn a_preview_checks_its_fields_and_has_a_limit() {
    let host = Host::organizer();
    for (fields, want) in [
        (json!({"limit": 0}), "limit: out-of-range"),
        (json!({"limit": 101}), "limit: out-of-range"),
        (json!({"limit": 1.0}), "limit: out-of-range"),
        (json!({"limit": "1"}), "limit: wrong-type"),
        (json!({"schedule_rrule": "x"}), "schedule_rrule: invalid-syntax"),
        (
            json!({"schedule_rrule_time": "25:00"}),
            "schedule_rrule_time: invalid-time",
        ),
        (json!({"timezone": "x"}), "timezone: unknown-time-zone"),
    ] {
        assert_eq!(errors(preview(&host.owner(), fields.clone())), [want], "{fields}");
    }
    let unset = preview(&host.owner(), json!({"limit": null, "timezone": null})).expect("a preview");
    assert_eq!(unset["runs"].as_array().map(Vec::len), Some(10));
    for limit in [1, 100] {
        let answer = preview(&host.owner(), json!({ "limit": limit })).expect("a preview");
        assert_eq!(answer["runs"].as_array().map(Vec::len), Some(limit));
    }
    assert_eq!(
        errors(schedules::act(&host.owner(), None, "preview", "{}")),
        ["schedule_rrule: required", "schedule_rrule_time: required"]
    );
    assert!(matches!(
        schedules::act(&host.owner(), None, "preview", ""),
        Err(Problem::Malformed(_))
    ));
}

#[test]
fn a_verb_that_there_is_not_is_not_found() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    for (id, verb) in [
        (None, "run"),
        (None, ""),
        (None, "Preview"),
        (Some(1), "preview"),
        (Some(1), "rerun"),
        (Some(1), "explain"),
    ] {
        assert_eq!(schedules::act(&host.owner(), id, verb, "{}"), Err(Problem::NotFound));
    }
}
