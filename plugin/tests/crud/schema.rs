//! The schema of the document that clients write, against what becomes of documents.

use std::sync::LazyLock;

use plugin::contract::{Choice, Exporter, Field, FieldKind, Problem};
use plugin::form;
use plugin::host::Access;
use plugin::language::Language;
use plugin::schema;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::anything::{any_json, plausible, plausible_entry};
use crate::host::Host;
use crate::validator::is_valid;
use crate::{create, document, with, with_form, without};

/// What is wrong in shape, and so for the schema too.
const SHAPE: [&str; 15] = [
    "required",
    "null",
    "wrong-type",
    "blank",
    "too-long",
    "line-break",
    "control-character",
    "invalid-time",
    "unsupported-language",
    "invalid-choice",
    "duplicate",
    "empty-list",
    "out-of-range",
    "events-conflict",
    "events-required",
];

fn schema_of(host: &Host, identifier: &str) -> Value {
    let exporter = host.exporters.iter().find(|exporter| exporter.identifier == identifier);
    schema::document(exporter.expect("an exporter"), &host.owner().context())
}

/// The schema accepts what is accepted, and rejects what is wrong in shape.
fn agrees(schema: &Value, given: &Value, codes: &[&str]) {
    let valid = is_valid(schema, given);
    if codes.is_empty() {
        assert!(valid, "{given} is accepted, but not by {schema}");
    }
    let wrong: Vec<_> = codes.iter().filter(|code| SHAPE.contains(code)).collect();
    assert!(
        !valid || wrong.is_empty(),
        "{given} is {wrong:?}, but accepted by {schema}"
    );
}

fn document_agrees(host: &Host, document: &Value) {
    let identifier = document["export_identifier"].as_str().unwrap_or("orders");
    if !host.exporters.iter().any(|exporter| exporter.identifier == identifier) {
        return;
    }
    match create(&host.owner(), document) {
        Ok(_) => agrees(&schema_of(host, identifier), document, &[]),
        Err(Problem::Invalid(errors)) => {
            let codes: Vec<_> = errors.iter().map(|error| error.code.as_str()).collect();
            agrees(&schema_of(host, identifier), document, &codes);
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// One exporter with fields of every kind: optional, required, and required with a default.
fn every_kind() -> Exporter {
    let choices = || {
        let choice = |value: &str| Choice {
            value: serde_json::Value::from(value).to_string(),
            label: value.to_uppercase(),
        };
        vec![choice("paid"), choice("pending"), choice("paid")]
    };
    let kinds = [
        ("text", FieldKind::Text(3)),
        ("lines", FieldKind::MultiLineText(3)),
        ("boolean", FieldKind::Boolean),
        ("integer", FieldKind::Integer((-1, 9))),
        ("decimal", FieldKind::Decimal),
        ("date", FieldKind::Date),
        ("instant", FieldKind::DateTime),
        ("range", FieldKind::DateRange),
        ("choice", FieldKind::Choice(choices())),
        ("choices", FieldKind::MultipleChoice(choices())),
        ("nothing", FieldKind::Choice(vec![])),
        ("other", FieldKind::Other("color".to_owned())),
    ];
    let field = |name: String, kind: &FieldKind, required, default| Field {
        help: None,
        suggestion: None,
        label: name.to_uppercase(),
        name,
        kind: kind.clone(),
        required,
        default,
    };
    let fields = kinds.iter().flat_map(|(name, kind)| {
        [
            field((*name).to_owned(), kind, false, None),
            field(format!("{name}_required"), kind, true, Some("1".to_owned())),
        ]
    });
    Exporter {
        identifier: "kinds".to_owned(),
        label: "Kinds".to_owned(),
        across_events: true,
        fields: fields.collect(),
    }
}

fn value() -> impl Strategy<Value = Value> {
    let values = vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(9),
        json!(10),
        json!(2.5),
        json!("9"),
        json!(""),
        json!(" "),
        json!("\u{a0}\u{2003}"),
        json!("\u{feff}"),
        json!("a"),
        json!("äöü"),
        json!("abcd"),
        json!("a\nb"),
        json!("a\r\nb"),
        json!("a\rb"),
        json!("\r\n"),
        json!("\r\n\r\n\r\nx"),
        json!("a\tb"),
        json!("a\u{2028}"),
        json!("a\u{2029}"),
        json!("a\u{7f}"),
        json!("1.5"),
        json!("-12"),
        json!("+1"),
        json!("1."),
        json!("1e3"),
        json!("2026-01-31"),
        json!("31.1.2026"),
        json!("2026-01-31T09:00:00Z"),
        json!("2026-01-31 09:00:00Z"),
        json!("2026-01-31T09:00:00+01:00"),
        json!("week_previous"),
        json!("fortnight"),
        json!("/"),
        json!("2026-01-01/"),
        json!("2026-01-01/2026-01-31"),
        json!("paid"),
        json!("open"),
        json!([]),
        json!(["paid"]),
        json!(["paid", "pending"]),
        json!(["paid", "paid"]),
        json!(["open"]),
        json!([1]),
        json!({}),
    ];
    prop_oneof![6 => prop::sample::select(values), 1 => any_json()]
}

fn form_of_every_kind() -> impl Strategy<Value = Map<String, Value>> {
    let mut names: Vec<String> = every_kind().fields.into_iter().map(|field| field.name).collect();
    names.extend(["all_events".to_owned(), "events".to_owned(), "unknown".to_owned()]);
    let all = (prop::sample::select(vec![json!(true), json!(false), json!(null)]))
        .prop_map(|all| ("all_events".to_owned(), all));
    let one = (prop::sample::select(names), value());
    prop::collection::vec(prop_oneof![6 => one, 1 => all], 0..4).prop_map(|entries| entries.into_iter().collect())
}

/// What the schema cannot tell: JSON has one kind of numbers, so that 1.0 is an integer to it; and CR LF is two characters, so
/// that it leaves the length of such texts open.
fn is_beyond_schema(code: &str, form: &Map<String, Value>) -> bool {
    match code {
        "out-of-range" => form.values().any(Value::is_f64),
        "too-long" => form
            .values()
            .any(|value| value.as_str().is_some_and(|text| text.contains('\r'))),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_schema_of_a_form_accepts_what_its_check_accepts(form in form_of_every_kind()) {
        static SCHEMAS: LazyLock<[Value; 2]> = LazyLock::new(|| {
            [Host::organizer(), Host::event()].map(|host| schema::document(&every_kind(), &host.owner().context()))
        });
        let exporter = every_kind();
        for (schema, event_level) in SCHEMAS.iter().zip([false, true]) {
            let schema = &schema["properties"]["export_form_data"];
            let checked = form::check(&exporter, form.clone(), event_level, Language::English);
            let codes: Vec<_> = checked.errors.iter().map(|error| error.code.as_str()).collect();
            if !codes.iter().any(|code| is_beyond_schema(code, &form)) {
                agrees(schema, &json!(form), &codes);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_schema_accepts_the_documents_that_create_accepts(
        fields in prop::collection::vec(plausible(), 0..3),
        entries in prop::collection::vec(plausible_entry(), 0..3),
    ) {
        let mut given = document();
        given["export_form_data"].as_object_mut().unwrap().extend(entries);
        given.as_object_mut().unwrap().extend(fields);
        document_agrees(&Host::organizer(), &given);
        document_agrees(&Host::event(), &given);
    }
}

#[test]
fn a_document_without_a_required_field_is_not_valid_and_without_any_other_it_is() {
    let host = Host::organizer();
    let schema = schema_of(&host, "orders");
    assert!(is_valid(&schema, &document()));
    for name in document().as_object().unwrap().keys() {
        assert!(!is_valid(&schema, &without(name)), "{name}");
        document_agrees(&host, &without(name));
    }
    for name in ["locale", "mail_additional_recipients", "timezone"] {
        assert!(is_valid(&schema, &with(json!({name: null}))), "{name}");
        document_agrees(&host, &with(json!({name: null})));
    }
}

#[test]
fn lengths_and_characters_of_the_mail_are_those_that_create_takes() {
    let host = Host::organizer();
    for (name, longest) in [("mail_subject", 250), ("mail_template", 10_000)] {
        for text in [
            String::new(),
            " \u{3000}".to_owned(),
            "x".to_owned(),
            "ä".repeat(longest),
            "ä".repeat(longest + 1),
            "a\nb".to_owned(),
            "a\r\nb".to_owned(),
            "a\rb".to_owned(),
            "a\tb".to_owned(),
            "\u{85}x".to_owned(),
            "\u{0}".to_owned(),
        ] {
            document_agrees(&host, &with(json!({name: text})));
        }
    }
    for time in ["06:30", "06:30:59", "24:00", "23:60", "6:30", "06:30 ", ""] {
        document_agrees(&host, &with(json!({"schedule_rrule_time": time})));
    }
    for length in [2_000, 2_001] {
        let rule = format!("FREQ=DAILY{}", " ".repeat(length - 10));
        document_agrees(&host, &with(json!({"schedule_rrule": rule})));
    }
}

#[test]
fn all_events_and_events_exclude_each_other_in_the_schema_too() {
    let host = Host::organizer();
    for all in [None, Some(json!(null)), Some(json!(true)), Some(json!(false))] {
        for events in [
            None,
            Some(json!(null)),
            Some(json!([])),
            Some(json!(["conf"])),
            Some(json!(["conf", "conf"])),
        ] {
            let mut form = json!({});
            if let Some(all) = &all {
                form["all_events"] = all.clone();
            }
            if let Some(events) = events {
                form["events"] = events;
            }
            document_agrees(&host, &with_form(form));
        }
    }
}

#[test]
fn a_field_that_has_the_name_of_events_counts_at_event_level_only() {
    let mut exporter = every_kind();
    exporter.fields[0].name = "events".to_owned();
    exporter.fields[0].required = true;
    for (host, event_level) in [(Host::organizer(), false), (Host::event(), true)] {
        let schema = schema::document(&exporter, &host.owner().context());
        for form in [json!({}), json!({"events": "abc"}), json!({"events": ["conf"]})] {
            let given = form.as_object().unwrap().clone();
            let checked = form::check(&exporter, given, event_level, Language::English);
            let codes: Vec<_> = checked.errors.iter().map(|error| error.code.as_str()).collect();
            agrees(&schema["properties"]["export_form_data"], &form, &codes);
        }
    }
}

#[test]
fn a_schema_has_the_labels_of_the_language_and_of_every_named_range() {
    let host = Host::organizer();
    let facts = host.owner().in_german().context();
    let schema = schema::document(&host.exporters[0], &facts);
    let properties = &schema["properties"];
    assert_eq!(properties["schedule_rrule"]["title"], "Wiederholungsregel");
    assert_eq!(properties["timezone"]["default"], "Europe/Berlin");
    assert_eq!(properties["locale"]["default"], facts.settings.languages[0]);
    let form = &properties["export_form_data"]["properties"];
    assert_eq!(
        form["_format"],
        json!({
            "anyOf": [{"const": "xlsx", "title": "XLSX"}, {"const": "csv", "title": "CSV"}],
            "title": "The _format",
            "default": "xlsx",
        })
    );
    let ranges = form["date_range"]["anyOf"].as_array().unwrap();
    let named = plugin::named_range::NAMED_RANGES.iter().zip(ranges);
    assert!(named.clone().all(|(name, range)| range["const"] == *name));
    let titles: Vec<_> = ranges.iter().filter_map(|range| range["title"].as_str()).collect();
    assert_eq!(titles[..3], ["Heute", "Gestern", "Letzte 7 Tage, mit heute"]);
    assert_eq!(titles[13..15], ["Voriger Monat", "Nächster Monat"]);
    assert_eq!(
        titles[22..],
        [
            "Nächstes Jahr",
            "Alle Tage bis heute",
            "Alle Tage ab heute",
            "Fester Zeitraum"
        ]
    );
    let at_event = schema::document(&Host::event().exporters[0], &Host::event().owner().context());
    assert_eq!(at_event["properties"].get("timezone"), None);
    assert_eq!(
        at_event["properties"]["export_form_data"]["properties"].get("events"),
        None
    );
}
