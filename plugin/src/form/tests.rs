use serde_json::json;

use super::*;
use crate::contract::{Choice, Field};

fn exporter(across_events: bool, fields: Vec<Field>) -> Exporter {
    Exporter {
        identifier: "orders".to_owned(),
        label: "Orders".to_owned(),
        across_events,
        fields,
    }
}

fn field(name: &str, kind: FieldKind) -> Field {
    Field {
        help: None,
        suggestion: None,
        name: name.to_owned(),
        label: name.to_owned(),
        kind,
        required: false,
        default: None,
    }
}

fn choices(values: &[&str]) -> Vec<Choice> {
    let choice = |value: &&str| Choice {
        value: serde_json::Value::from(*value).to_string(),
        label: value.to_uppercase(),
    };
    values.iter().map(choice).collect()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

/// The code of the error of one field with this value; `ok` without.
fn verdict(kind: &FieldKind, required: bool, value: Value) -> String {
    let mut field = field("x", kind.clone());
    field.required = required;
    let checked = check(
        &exporter(false, vec![field]),
        object(json!({ "x": value })),
        true,
        Language::English,
    );
    match checked.errors.as_slice() {
        [] => "ok".to_owned(),
        [error] => {
            assert_eq!(error.path, ["export_form_data", "x"]);
            error.code.clone()
        }
        more => panic!("{more:?}"),
    }
}

#[test]
fn a_value_is_taken_if_it_is_of_the_kind_of_its_field() {
    let text = FieldKind::Text(3);
    let lines = FieldKind::MultiLineText(3);
    let integer = FieldKind::Integer((-2, 5));
    let wide = FieldKind::Integer((i64::MIN, i64::MAX));
    let choice = FieldKind::Choice(choices(&["a", "b"]));
    let several = FieldKind::MultipleChoice(choices(&["a", "b"]));
    let other = FieldKind::Other("colour".to_owned());
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    for (kind, value, want) in [
        (&text, json!("äöü"), "ok"),
        (&text, json!("äöüß"), "too-long"),
        (&text, json!(""), "ok"),
        (&text, json!("a\nb"), "line-break"),
        (&text, json!("a\u{2028}"), "line-break"),
        (&text, json!("\u{0}"), "control-character"),
        (&text, json!(1), "wrong-type"),
        (&lines, json!("a\nb"), "ok"),
        (&lines, json!("a\r\nb"), "ok"),
        (&lines, json!("a\rb"), "control-character"),
        (&lines, json!("a\u{0}"), "control-character"),
        (&lines, json!("a\nbc"), "too-long"),
        (&FieldKind::Boolean, json!(true), "ok"),
        (&FieldKind::Boolean, json!("true"), "wrong-type"),
        (&FieldKind::Boolean, json!(0), "wrong-type"),
        (&integer, json!(-2), "ok"),
        (&integer, json!(5), "ok"),
        (&integer, json!(-3), "out-of-range"),
        (&integer, json!(6), "out-of-range"),
        (&integer, json!(1.0), "out-of-range"),
        (&integer, json!("1"), "wrong-type"),
        (&wide, json!(i64::MIN), "ok"),
        (&wide, json!(i64::MAX), "ok"),
        (&wide, json!(u64::MAX), "out-of-range"),
        (&FieldKind::Decimal, json!("12.50"), "ok"),
        (&FieldKind::Decimal, json!("-0"), "ok"),
        (&FieldKind::Decimal, json!("1234567890123456789012345678"), "ok"),
        (
            &FieldKind::Decimal,
            json!("12345678901234567890123456789"),
            "invalid-decimal",
        ),
        (&FieldKind::Decimal, json!("1."), "invalid-decimal"),
        (&FieldKind::Decimal, json!(".5"), "invalid-decimal"),
        (&FieldKind::Decimal, json!("1.2.3"), "invalid-decimal"),
        (&FieldKind::Decimal, json!("+1"), "invalid-decimal"),
        (&FieldKind::Decimal, json!("1e3"), "invalid-decimal"),
        (&FieldKind::Decimal, json!("1,5"), "invalid-decimal"),
        (&FieldKind::Decimal, json!("--1"), "invalid-decimal"),
        (&FieldKind::Decimal, json!("١"), "invalid-decimal"),
        (&FieldKind::Decimal, json!(""), "invalid-decimal"),
        (&FieldKind::Decimal, json!(12.5), "wrong-type"),
        (&FieldKind::Date, json!("2028-02-29"), "ok"),
        (&FieldKind::Date, json!("2026-02-29"), "invalid-date"),
        (&FieldKind::Date, json!("2026-2-1"), "invalid-date"),
        (&FieldKind::Date, json!("2026-02-01T00:00:00"), "invalid-date"),
        (&FieldKind::Date, json!(20_260_201), "wrong-type"),
        (&FieldKind::DateTime, json!("2026-01-31T09:00:00+01:00"), "ok"),
        (&FieldKind::DateTime, json!("2026-01-31T09:00:00.25Z"), "ok"),
        (&FieldKind::DateTime, json!("2026-01-31T09:00:00"), "invalid-date-time"),
        (&FieldKind::DateTime, json!("2026-01-31 09:00:00Z"), "invalid-date-time"),
        (&FieldKind::DateTime, json!("2026-01-31T25:00:00Z"), "invalid-date-time"),
        (
            &FieldKind::DateTime,
            json!("2026-01-31T09:00:00−01:00"),
            "invalid-date-time",
        ),
        (&FieldKind::DateRange, json!("month_previous"), "ok"),
        (&FieldKind::DateRange, json!("/2026-01-31"), "ok"),
        (&FieldKind::DateRange, json!("/"), "ok"),
        (
            &FieldKind::DateRange,
            json!("2026-02-01/2026-01-31"),
            "date-range-reversed",
        ),
        (&FieldKind::DateRange, json!("last week"), "invalid-date-range"),
        (&FieldKind::DateRange, json!(["past"]), "wrong-type"),
        (&choice, json!("b"), "ok"),
        (&choice, json!("B"), "invalid-choice"),
        (&choice, json!(""), "invalid-choice"),
        (&choice, json!(1), "wrong-type"),
        (&several, json!(["b", "a"]), "ok"),
        (&several, json!([]), "ok"),
        (&several, json!(["a", "a"]), "duplicate"),
        (&several, json!(["a", "c"]), "invalid-choice"),
        (&several, json!(["a", 1]), "wrong-type"),
        (&several, json!(["a", null]), "null"),
        (&several, json!("a"), "wrong-type"),
        (&other, json!({ "r": [1.5, "x", null] }), "ok"),
        (&other, nested(32), "ok"),
        (&other, nested(33), "too-deep"),
    ] {
        assert_eq!(verdict(kind, false, value.clone()), want, "{value} as {kind:?}");
    }
    for (kind, value, want) in [
        (&text, json!(" "), "blank"),
        (&lines, json!("\n"), "blank"),
        (&text, json!(null), "null"),
        (&FieldKind::Boolean, json!(null), "null"),
        (&integer, json!(null), "null"),
        (&other, json!(null), "null"),
        (&several, json!([]), "empty-list"),
        (&FieldKind::Boolean, json!(false), "ok"),
    ] {
        assert_eq!(
            verdict(kind, true, value.clone()),
            want,
            "required: {value} as {kind:?}"
        );
    }
}

#[test]
fn unknown_keys_are_dropped_given_ones_stored_in_order_and_defaults_are_not() {
    let mut late = field("late", FieldKind::Boolean);
    late.default = Some("true".to_owned());
    late.required = true;
    let range = field("range", FieldKind::DateRange);
    let note = field("note", FieldKind::Text(9));
    let given = object(json!({ "range": "past", "events": ["x"], "note": "past", "?": 1 }));
    let checked = check(&exporter(true, vec![note, late, range]), given, true, Language::English);
    assert_eq!(checked.errors, []);
    assert_eq!(
        Value::Object(checked.form).to_string(),
        r#"{"range":"past","note":"past"}"#
    );
    assert_eq!(checked.date_ranges, ["range"]);
    assert_eq!(checked.selection, None);
}

#[test]
fn every_wrong_and_every_missing_field_is_told() {
    let required = |name, kind| Field {
        required: true,
        ..field(name, kind)
    };
    let fields = vec![
        required("a", FieldKind::Boolean),
        required("b", FieldKind::Date),
        required("c", FieldKind::Date),
        required("d", FieldKind::Boolean),
    ];
    let given = object(json!({ "c": "x", "d": null }));
    let checked = check(&exporter(false, fields), given, true, Language::German);
    let told: Vec<_> = checked
        .errors
        .iter()
        .map(|e| (e.path[1].as_str(), e.code.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("a", "required"),
            ("b", "required"),
            ("c", "invalid-date"),
            ("d", "null")
        ]
    );
}

#[test]
fn what_a_form_says_of_events_is_checked_at_organizer_level() {
    for (given, want) in [
        (json!({}), Ok(EventSelection::All)),
        (json!({ "all_events": true }), Ok(EventSelection::All)),
        (
            json!({ "events": ["a"] }),
            Ok(EventSelection::Events(vec!["a".to_owned()])),
        ),
        (
            json!({ "all_events": false, "events": ["b", "a"] }),
            Ok(EventSelection::Events(vec!["b".to_owned(), "a".to_owned()])),
        ),
        (json!({ "all_events": false }), Err(("events", "events-required"))),
        (
            json!({ "all_events": true, "events": ["a"] }),
            Err(("all_events", "events-conflict")),
        ),
        (json!({ "events": [] }), Err(("events", "empty-list"))),
        (json!({ "events": ["a", "b", "a"] }), Err(("events", "duplicate"))),
        (json!({ "events": "a" }), Err(("events", "wrong-type"))),
        (json!({ "events": [1] }), Err(("events", "wrong-type"))),
        (
            json!({ "all_events": null, "events": [] }),
            Err(("events", "empty-list")),
        ),
        (
            json!({ "all_events": false, "events": null }),
            Err(("events", "events-required")),
        ),
        (
            json!({ "all_events": true, "events": {} }),
            Err(("events", "wrong-type")),
        ),
        (json!({ "all_events": "true" }), Err(("all_events", "wrong-type"))),
    ] {
        let checked = check(&exporter(true, vec![]), object(given.clone()), false, Language::English);
        match want {
            Ok(selection) => {
                assert_eq!(checked.errors, [], "{given}");
                assert_eq!(checked.selection, Some(selection), "{given}");
                assert_eq!(Value::Object(checked.form), given);
            }
            Err((key, code)) => {
                assert_eq!(checked.selection, None, "{given}");
                assert_eq!(checked.errors.len(), 1, "{given}");
                assert_eq!(checked.errors[0].path, ["export_form_data", key], "{given}");
                assert_eq!(checked.errors[0].code, code, "{given}");
            }
        }
    }
}

#[test]
fn null_in_an_optional_field_and_the_empty_list_beside_all_events_set_nothing() {
    let kinds = [
        FieldKind::Text(5),
        FieldKind::Boolean,
        FieldKind::Integer((0, 9)),
        FieldKind::Decimal,
        FieldKind::Date,
        FieldKind::DateTime,
        FieldKind::DateRange,
        FieldKind::Choice(vec![]),
        FieldKind::MultipleChoice(vec![]),
        FieldKind::Other("map".to_owned()),
    ];
    for kind in kinds {
        let exporter = exporter(true, vec![field("x", kind.clone())]);
        let checked = check(&exporter, object(json!({ "x": null })), true, Language::English);
        assert_eq!(checked, ValidatedForm::default(), "{kind:?}");
    }
    for (given, stored, selection) in [
        (
            json!({ "all_events": true, "events": [] }),
            json!({ "all_events": true }),
            EventSelection::All,
        ),
        (
            json!({ "all_events": true, "events": null }),
            json!({ "all_events": true }),
            EventSelection::All,
        ),
        (
            json!({ "all_events": null, "events": null }),
            json!({}),
            EventSelection::All,
        ),
        (
            json!({ "all_events": null, "events": ["a"] }),
            json!({ "events": ["a"] }),
            EventSelection::Events(vec!["a".to_owned()]),
        ),
    ] {
        let checked = check(&exporter(true, vec![]), object(given.clone()), false, Language::English);
        assert_eq!(checked.errors, [], "{given}");
        assert_eq!(
            (checked.selection, Value::Object(checked.form)),
            (Some(selection), stored),
            "{given}"
        );
    }
}
