//! Arbitrary input: no panic, and the resource of accepted input is accepted again.

use plugin::schedules;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::host::Host;
use crate::{create, document, put, shown, stored};

pub fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "orders",
            "checkins",
            "csv",
            "past",
            "2026-01-01/",
            "conf",
            "2026-01-01",
            "UTC",
            "06:30",
            "FREQ=WEEKLY",
            "a@x.org, b@x.org",
            "de",
            "a\r\nb",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any_name(), inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    let names = vec![
        "export_identifier",
        "export_form_data",
        "locale",
        "mail_additional_recipients",
        "mail_subject",
        "mail_template",
        "schedule_rrule",
        "schedule_rrule_time",
        "timezone",
        "limit",
        "_format",
        "date_range",
        "status",
        "few",
        "day",
        "events",
        "all_events",
    ];
    prop_oneof![4 => prop::sample::select(names).prop_map(str::to_owned), 1 => ".{0,6}"]
}

/// A field with a value that is mostly valid.
pub fn plausible() -> impl Strategy<Value = (String, Value)> {
    let fields = vec![
        ("export_identifier", json!("checkins")),
        ("export_identifier", json!("orders")),
        ("locale", json!("de")),
        ("mail_additional_recipients", json!(" b@x.org , a@x.org")),
        ("mail_additional_recipients_cc", json!("")),
        ("mail_subject", json!("\"\\ä\u{200b}")),
        ("mail_template", json!("\r\n\tx\u{2028}")),
        ("schedule_rrule", json!(" FREQ=WEEKLY;byday=MO\t")),
        (
            "schedule_rrule",
            json!("DTSTART;VALUE=DATE:20230131\r\nRRULE:FREQ=MONTHLY;COUNT=5"),
        ),
        ("schedule_rrule_time", json!("23:59")),
        ("timezone", json!("Pacific/Apia")),
        ("error_counter", json!(null)),
    ];
    prop_oneof![
        4 => prop::sample::select(fields).prop_map(|(name, value)| (name.to_owned(), value)),
        1 => (any_name(), any_json()),
    ]
}

/// An entry of a form with a value that is mostly valid.
pub fn plausible_entry() -> impl Strategy<Value = (String, Value)> {
    let entries = vec![
        ("_format", json!("xlsx")),
        ("date_range", json!("/2026-01-31")),
        ("date_range", json!("week_to_date")),
        ("status", json!(["pending", "paid"])),
        ("status", json!([])),
        ("few", json!(9)),
        ("day", json!("2028-02-29")),
        ("all_events", json!(true)),
        ("all_events", json!(false)),
        ("events", json!(["fest"])),
        ("events", json!(["conf", "fest"])),
        ("", json!({"": null})),
    ];
    prop_oneof![
        6 => prop::sample::select(entries).prop_map(|(name, value)| (name.to_owned(), value)),
        1 => (any_name(), any_json()),
    ]
}

/// Calls every function that takes a text.
fn send(host: &Host, text: &str) {
    let _ = schedules::create(&host.owner(), text);
    for seat in [host.owner(), host.editor().in_german()] {
        let _ = schedules::patch(&seat, 1, text, None);
        let _ = schedules::replace(&seat, 1, text, None);
        let _ = schedules::act(&seat, None, "preview", text);
        let _ = schedules::act(&seat, None, text, text);
        let params = [
            "picks",
            "schedule_rrule",
            "schedule_rrule_time",
            "timezone",
            "export_identifier",
            text,
        ];
        let params = params.map(|name| (name.to_owned(), text.to_owned()));
        for part in [&params[..], &params[1..]] {
            for name in ["preview", "rule", "form", text] {
                let _ = schedules::view(&seat, None, name, part);
            }
        }
        let _ = schedules::view(&seat, Some(1), "form", &params);
        let _ = schedules::exporters(&seat, Some(text));
        let _ = schedules::get(&seat, 1);
    }
    let _ = schedules::replan(&[stored(text, "UTC"), stored(&host.row(1).content.document, text)], 0);
    host.edit(1, |row| row.content.document = text.to_owned());
    assert!(schedules::get(&host.owner(), 1).is_ok());
    let _ = schedules::patch(&host.owner(), 1, &document().to_string(), None);
}

fn host_with_one() -> Host {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    host
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_too_much(text in any::<String>()) {
        send(&host_with_one(), &text);
    }

    #[test]
    fn no_broken_document_is_too_much(cut in any::<prop::sample::Index>(), put_in in ".{0,3}") {
        let host = host_with_one();
        for text in [document().to_string(), host.row(1).content.document] {
            let at = cut.index(text.len());
            let start = text.get(..at).unwrap_or_default();
            send(&host, start);
            send(&host, &format!("{start}{put_in}{}", text.get(at + 1..).unwrap_or_default()));
        }
    }

    #[test]
    fn no_json_is_too_much(value in any_json()) {
        send(&host_with_one(), &value.to_string());
    }

    #[test]
    fn what_is_accepted_is_accepted_again_as_it_is_shown(
        changes in prop::collection::vec(plausible(), 0..5),
        form in prop::collection::vec(plausible_entry(), 0..4),
    ) {
        let host = Host::organizer();
        let mut given = document();
        let fields = given.as_object_mut().expect("fields");
        fields.extend(changes);
        fields.insert("export_form_data".to_owned(), Value::Object(form.into_iter().collect()));
        if let Ok(answer) = create(&host.owner(), &given) {
            let first: Value = serde_json::from_str(&answer.document).expect("JSON");
            prop_assert_eq!(&schedules::get(&host.owner(), 1).expect("a schedule"), &answer);
            let second = put(&host.owner(), 1, &first).expect("it is accepted again");
            prop_assert_eq!(&second.document, &answer.document);
            let stored = host.row(1).content;
            put(&host.owner(), 1, &first).expect("and again");
            prop_assert_eq!(stored, host.row(1).content);
        }
    }
}
