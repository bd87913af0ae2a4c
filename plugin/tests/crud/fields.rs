//! The values that each field accepts.

use plugin::contract::Problem;
use plugin::schedules;
use serde_json::{Value, json};

use crate::host::Host;
use crate::{create, document, errors, list, patch, put, shown, with, with_form, without};

#[test]
fn a_new_schedule_is_shown_with_all_fields_in_order_and_its_defaults() {
    let host = Host::organizer();
    let answer = create(&host.owner(), &document()).expect("a schedule");
    assert_eq!(answer.version, 1);
    assert_eq!(
        answer.document,
        r#"{"id":1,"owner":"owner@example.org","export_identifier":"orders","#.to_owned()
            + r#""export_form_data":{"_format":"csv","date_range":"month_previous","all_events":true},"locale":"en","#
            + r#""mail_additional_recipients":"","mail_additional_recipients_cc":"","mail_additional_recipients_bcc":"","#
            + r#""mail_subject":"Orders","mail_template":"All orders.","schedule_rrule":"FREQ=DAILY","#
            + r#""schedule_rrule_time":"06:00:00","schedule_next_run":"2026-10-15T04:00:00Z","#
            + r#""timezone":"Europe/Berlin","error_counter":0,"state":"active","paused":null}"#
    );
}

#[test]
fn an_event_has_no_timezone_field_and_ignores_a_given_one() {
    let host = Host::event();
    let given = with(json!({"timezone": 5, "export_form_data": {"events": 1, "all_events": null}}));
    let shown = shown(create(&host.owner(), &given));
    assert_eq!(shown.get("timezone"), None);
    assert_eq!(shown["export_form_data"], json!({}));
    assert!(!host.row(1).content.document.contains("timezone"));
}

#[test]
fn names_of_date_ranges_are_stored_with_the_form() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    assert!(host.row(1).content.document.contains(r#""date_ranges":["date_range"]"#));
}

#[test]
fn each_field_takes_what_is_right_and_names_what_is_wrong() {
    let host = Host::organizer();
    let addresses = |count: usize| vec!["a@x.org"; count].join(",");
    for (name, value, want) in [
        ("export_identifier", json!("orders"), None),
        ("export_identifier", json!("nothing"), Some("unknown-exporter")),
        ("export_identifier", json!("badges"), Some("unknown-exporter")),
        ("export_identifier", json!(1), Some("wrong-type")),
        ("export_identifier", json!(null), Some("null")),
        ("export_form_data", json!({}), None),
        ("export_form_data", json!([]), Some("wrong-type")),
        ("export_form_data", json!("{}"), Some("wrong-type")),
        ("export_form_data", json!(null), Some("null")),
        ("locale", json!("de"), None),
        ("locale", json!("DE"), Some("unsupported-language")),
        ("locale", json!("fr"), Some("unsupported-language")),
        ("locale", json!(null), None),
        ("locale", json!(["de"]), Some("wrong-type")),
        ("mail_subject", json!("ä".repeat(250)), None),
        ("mail_subject", json!("ä".repeat(251)), Some("too-long")),
        ("mail_subject", json!(""), Some("blank")),
        ("mail_subject", json!(" \t"), Some("blank")),
        ("mail_subject", json!("a\nBcc: x@y.org"), Some("line-break")),
        ("mail_subject", json!("a\rb"), Some("line-break")),
        ("mail_subject", json!("a\u{85}b"), Some("line-break")),
        ("mail_subject", json!("a\u{2028}b"), Some("line-break")),
        ("mail_subject", json!("a\u{2029}b"), Some("line-break")),
        ("mail_subject", json!("a\tb"), Some("control-character")),
        ("mail_subject", json!("a\u{0}"), Some("control-character")),
        ("mail_subject", json!("a\u{7f}"), Some("control-character")),
        ("mail_subject", json!(5), Some("wrong-type")),
        ("mail_subject", json!(null), Some("null")),
        ("mail_template", json!("a\n\tb\n"), None),
        ("mail_template", json!("a\r\nb"), None),
        ("mail_template", json!("ä".repeat(10_000)), None),
        ("mail_template", json!("ä".repeat(10_001)), Some("too-long")),
        ("mail_template", json!("\n "), Some("blank")),
        ("mail_template", json!("a\rb"), Some("control-character")),
        ("mail_template", json!("a\u{0}"), Some("control-character")),
        ("mail_template", json!("a\u{1b}[0m"), Some("control-character")),
        ("mail_template", json!(false), Some("wrong-type")),
        ("mail_template", json!(null), Some("null")),
        (
            "schedule_rrule",
            json!("DTSTART:20230118T000000\nRRULE:FREQ=MONTHLY;BYDAY=1MO"),
            None,
        ),
        (
            "schedule_rrule",
            json!(format!("FREQ=DAILY{}", " ".repeat(1_990))),
            None,
        ),
        (
            "schedule_rrule",
            json!(format!("FREQ=DAILY{}", " ".repeat(1_991))),
            Some("too-long"),
        ),
        ("schedule_rrule", json!(""), Some("rule-empty")),
        ("schedule_rrule", json!("FREQ=HOURLY"), Some("freq-not-supported")),
        ("schedule_rrule", json!({"freq": "DAILY"}), Some("wrong-type")),
        ("schedule_rrule", json!(null), Some("null")),
        ("schedule_rrule_time", json!("06:30"), None),
        ("schedule_rrule_time", json!("23:59:59"), None),
        ("schedule_rrule_time", json!("24:00"), Some("invalid-time")),
        ("schedule_rrule_time", json!("06:30Z"), Some("invalid-time")),
        ("schedule_rrule_time", json!("06:30:00.5"), Some("invalid-time")),
        ("schedule_rrule_time", json!(630), Some("wrong-type")),
        ("schedule_rrule_time", json!(null), Some("null")),
        ("timezone", json!("America/New_York"), None),
        ("timezone", json!("Mars/Olympus"), Some("unknown-time-zone")),
        ("timezone", json!(""), Some("unknown-time-zone")),
        ("timezone", json!("+01:00"), Some("unknown-time-zone")),
        ("timezone", json!(1), Some("wrong-type")),
        ("timezone", json!(null), None),
        ("mail_additional_recipients", json!(""), None),
        ("mail_additional_recipients", json!(addresses(25)), None),
        (
            "mail_additional_recipients",
            json!(addresses(26)),
            Some("too-many-addresses"),
        ),
        (
            "mail_additional_recipients_cc",
            json!("a@x.org,"),
            Some("empty-address"),
        ),
        (
            "mail_additional_recipients_bcc",
            json!("a@x.org; b@x.org"),
            Some("invalid-address"),
        ),
        (
            "mail_additional_recipients_bcc",
            json!("a@x.org\r\nTo: b@x.org"),
            Some("invalid-address"),
        ),
        ("mail_additional_recipients_bcc", json!(["a@x.org"]), Some("wrong-type")),
        ("mail_additional_recipients_bcc", json!(null), None),
        // Read-only and unknown fields.
        ("id", json!("x"), None),
        ("owner", json!(null), None),
        ("error_counter", json!(-1), None),
        ("schedule_next_run", json!("tomorrow"), None),
        ("colour", json!({"a": null}), None),
    ] {
        let given = with(json!({ name: value }));
        let results = [
            ("POST", create(&host.owner(), &given)),
            ("PUT", put(&host.owner(), 1, &given)),
            ("PATCH", patch(&host.owner(), 1, &json!({ name: value }))),
        ];
        for (method, result) in results {
            match want {
                None => assert!(result.is_ok(), "{method} {name} {value}: {result:?}"),
                Some(code) => assert_eq!(errors(result), [format!("{name}: {code}")], "{method} {value}"),
            }
        }
    }
}

#[test]
fn a_left_out_field_that_is_required_is_told_and_others_have_defaults() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    for name in [
        "export_identifier",
        "export_form_data",
        "mail_subject",
        "mail_template",
        "schedule_rrule",
        "schedule_rrule_time",
    ] {
        let want = [format!("{name}: required")];
        assert_eq!(errors(create(&host.owner(), &without(name))), want);
        assert_eq!(errors(put(&host.owner(), 1, &without(name))), want);
    }
}

#[test]
fn every_wrong_field_is_told_at_once_exporter_and_form_first() {
    let host = Host::organizer();
    let wrong = json!({
        "export_identifier": "orders",
        "export_form_data": {"_format": "pdf", "few": 10, "events": [], "status": 7},
        "locale": 1, "mail_additional_recipients": "x, y@x.org, @", "mail_subject": "",
        "schedule_rrule": "FREQ=SECONDLY", "schedule_rrule_time": "noon", "timezone": "Nowhere",
    });
    assert_eq!(
        errors(create(&host.owner(), &wrong)),
        [
            "export_form_data.events: empty-list",
            "export_form_data._format: invalid-choice",
            "export_form_data.few: out-of-range",
            "export_form_data.status: wrong-type",
            "locale: wrong-type",
            "mail_additional_recipients: invalid-address",
            "mail_additional_recipients: invalid-address",
            "mail_subject: blank",
            "mail_template: required",
            "schedule_rrule_time: invalid-time",
            "schedule_rrule: freq-not-supported",
            "timezone: unknown-time-zone",
        ]
    );
}

#[test]
fn what_is_stored_is_shown_in_one_form() {
    let host = Host::organizer();
    let shown = shown(create(
        &host.owner(),
        &with(json!({
            "mail_additional_recipients": " b@x.org ,a@x.org , b@x.org",
            "mail_template": "a\r\nb",
            "schedule_rrule_time": "06:30",
            "schedule_rrule": "  rrule:freq=daily ",
        })),
    ));
    assert_eq!(shown["mail_additional_recipients"], "b@x.org,a@x.org,b@x.org");
    assert_eq!(shown["mail_template"], "a\nb");
    assert_eq!(shown["schedule_rrule_time"], "06:30:00");
    assert_eq!(shown["schedule_rrule"], "  rrule:freq=daily ");
    let recipients = host.row(1).content.recipients;
    assert_eq!(recipients.to, ["b@x.org", "a@x.org", "b@x.org"]);
}

#[test]
fn only_domains_that_the_organizer_allows_get_mail() {
    let mut host = Host::organizer();
    host.settings.recipient_domains = Some(vec!["example.org".to_owned()]);
    let given = |address: &str| with(json!({ "mail_additional_recipients_bcc": address }));
    assert!(create(&host.owner(), &given("A@Example.Org")).is_ok());
    let answer = create(&host.owner(), &given("a@example.org,b@example.net"));
    let Err(Problem::Invalid(told)) = &answer else {
        panic!("{answer:?}")
    };
    assert!(told[0].message.contains("b@example.net") && told[0].message.contains("example.org"));
    assert_eq!(errors(answer), ["mail_additional_recipients_bcc: domain-not-allowed"]);
}

#[test]
fn events_must_be_ones_that_the_caller_may_use() {
    let host = Host::organizer();
    let given = |form| create(&host.owner(), &with_form(form));
    assert!(given(json!({"events": ["fest", "conf"]})).is_ok());
    assert!(given(json!({})).is_ok());
    let not_usable = ["export_form_data.events: event-not-permitted"];
    // An existing one and a missing one have the same error.
    let messages = ["gala", "nope"].map(|slug| match given(json!({"events": ["conf", slug]})) {
        Err(Problem::Invalid(told)) => told[0].message.replace(slug, "*"),
        other => panic!("{other:?}"),
    });
    assert_eq!(messages[0], messages[1]);
    assert_eq!(errors(given(json!({"events": ["gala"]}))), not_usable);
    assert_eq!(
        errors(given(json!({"all_events": false}))),
        ["export_form_data.events: events-required"]
    );
    assert_eq!(
        errors(given(json!({"all_events": true, "events": ["conf"]}))),
        ["export_form_data.all_events: events-conflict"]
    );
}

#[test]
fn a_required_form_field_is_missed_and_a_null_in_an_optional_one_is_not_set() {
    let host = Host::organizer();
    let given = |day: Value| {
        let form = json!({"date_range": "past", "day": day});
        with(json!({"export_identifier": "checkins", "export_form_data": form}))
    };
    assert_eq!(
        errors(create(&host.owner(), &given(json!(null)))),
        ["export_form_data.day: null"]
    );
    let mut missing = given(json!(null));
    missing["export_form_data"].as_object_mut().unwrap().remove("day");
    assert_eq!(
        errors(create(&host.owner(), &missing)),
        ["export_form_data.day: required"]
    );
    let made = shown(create(
        &host.owner(),
        &with_form(json!({"date_range": null, "status": null})),
    ));
    assert_eq!(made["export_form_data"], json!({}));
}

#[test]
fn a_byte_order_mark_before_a_document_is_ignored_and_elsewhere_it_is_not_json() {
    let host = Host::organizer();
    let document = document().to_string();
    let made = schedules::create(&host.owner(), &format!("\u{feff}{document}"));
    assert_eq!(shown(made)["mail_subject"], "Orders");
    let patched = schedules::patch(&host.owner(), 1, "\u{feff}{\"mail_subject\": \"x\"}", None);
    assert_eq!(shown(patched)["mail_subject"], "x");
    for text in [
        format!("\u{feff}\u{feff}{document}"),
        format!("{document}\u{feff}"),
        "\u{feff}".to_owned(),
    ] {
        let answer = schedules::create(&host.owner(), &text);
        assert!(matches!(answer, Err(Problem::Malformed(_))), "{answer:?}");
    }
}

#[test]
fn a_domain_beyond_ascii_is_stored_as_xn_shown_as_typed_and_written_to_as_stored() {
    let host = Host::organizer();
    let to = "mail_additional_recipients";
    let cc = "mail_additional_recipients_cc";
    let typed = "A@Exämple.org,b@x.org";
    let made = shown(create(
        &host.owner(),
        &with(json!({to: " A@Exämple.org,\n\tb@x.org", cc: "c@bücher.example"})),
    ));
    assert_eq!((&made[to], &made[cc]), (&json!(typed), &json!("c@bücher.example")));
    assert_eq!(host.row(1).content.recipients.to, ["A@xn--exmple-cua.org", "b@x.org"]);
    // A change of one list preserves the typed form of the other, and drops that of removed addresses.
    let patched = shown(patch(&host.owner(), 1, &json!({cc: "c@xn--bcher-kva.example"})));
    assert_eq!(
        (&patched[to], &patched[cc]),
        (&json!(typed), &json!("c@xn--bcher-kva.example"))
    );
    assert_eq!(list(&host.owner())[0][to], json!(typed));
    shown(patch(&host.owner(), 1, &json!({to: ""})));
    assert!(!host.row(1).content.document.contains("ämple"));
    // The resource is accepted again.
    let again = shown(put(&host.owner(), 1, &made));
    assert_eq!((&again[to], &again[cc]), (&made[to], &made[cc]));
}

#[test]
fn a_body_that_is_no_object_or_no_json_is_told_apart() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    for text in ["[]", "null", "1", "\"x\"", " true "] {
        for answer in [
            schedules::create(&host.owner(), text),
            schedules::replace(&host.owner(), 1, text, None),
            schedules::patch(&host.owner(), 1, text, None),
        ] {
            assert_eq!(errors(answer), [": not-an-object"], "{text}");
        }
    }
    let deep = "[".repeat(10_000);
    for (text, place) in [
        ("", "line 1, column 0"),
        ("{\"a\":1,\n x}", "line 2, column 2"),
        ("{\"a\":1} x", "line 1, column 9"),
        ("{\"a\":\"\\ud800\"}", "line 1"),
        ("{\"a\":1e999}", "line 1"),
        ("{\"a\":\"\u{0}\"}", "line 1"),
        ("\u{feff}\u{feff}{}", "line 1, column 1"),
        ("{'a':1}", "line 1, column 2"),
        (&deep, "line 1, column 128"),
    ] {
        let Err(Problem::Malformed(english)) = schedules::create(&host.owner(), text) else {
            panic!("{text}");
        };
        assert!(english.contains(place), "{text}: {english}");
        let Err(Problem::Malformed(german)) = schedules::patch(&host.owner().in_german(), 1, text, None) else {
            panic!("{text}");
        };
        assert!(german.starts_with("Ungültiges JSON in Zeile"), "{german}");
        // Each of these has a known message of the parser.
        assert!(!german.contains("an dieser Stelle"), "{german}");
    }
}

#[test]
fn the_last_of_two_fields_of_one_name_counts() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    let text = r#"{"mail_subject":"first","mail_subject":"second"}"#;
    assert_eq!(
        shown(schedules::patch(&host.owner(), 1, text, None))["mail_subject"],
        "second"
    );
}

#[test]
fn a_document_has_at_most_64_kib() {
    let host = Host::organizer();
    let text = document().to_string();
    let longest = format!("{text}{}", " ".repeat(65_536 - text.len()));
    assert!(schedules::create(&host.owner(), &longest).is_ok());
    let over = format!("{longest} ");
    assert_eq!(errors(schedules::create(&host.owner(), &over)), [": too-large"]);
}

#[test]
fn what_would_not_fit_64_kib_once_stored_is_refused() {
    let mut host = Host::organizer();
    let any = plugin::contract::FieldKind::Other("any".to_owned());
    host.exporters[0].fields[3].kind = any;
    // Each of these numbers is stored with more digits than it was given.
    let numbers = vec!["1e15"; 9_000].join(",");
    let text = with_form(json!({"few": "*"}))
        .to_string()
        .replace("\"*\"", &format!("[{numbers}]"));
    assert!(text.len() < 65_536);
    assert_eq!(errors(schedules::create(&host.owner(), &text)), [": too-large"]);
}

#[test]
fn messages_are_in_the_callers_language() {
    let host = Host::organizer();
    let wrong = with(json!({"mail_subject": "", "schedule_rrule": "", "timezone": "x"}));
    let Err(Problem::Invalid(told)) = create(&host.owner().in_german(), &wrong) else {
        panic!("it is wrong");
    };
    let messages: Vec<_> = told.iter().map(|error| error.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "Dieses Feld darf nicht leer sein.",
            "Die Wiederholungsregel ist leer. Beispiel: RRULE:FREQ=WEEKLY;BYDAY=MO",
            "„x“ ist keine bekannte Zeitzone. Möglich sind IANA-Zeitzonennamen wie Europe/Berlin oder UTC.",
        ]
    );
}

#[test]
fn an_unknown_zone_of_the_host_is_told_as_such_and_a_given_one_helps() {
    let mut host = Host::organizer();
    host.settings.zone = "Future/City".to_owned();
    assert_eq!(errors(create(&host.owner(), &document())), [": unknown-time-zone"]);
    assert!(create(&host.owner(), &with(json!({"timezone": "UTC"}))).is_ok());
}
