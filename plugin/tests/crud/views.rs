//! The views `rule` and `form`, and `preview` as a view.

use plugin::contract::{Caller, Problem};
use plugin::host::Access;
use plugin::{schedules, schema};
use serde_json::{Value, json};

use crate::host::Host;
use crate::validator::is_valid;
use crate::{create, document, errors, forbidden, patch, shown, with, with_form};

pub fn view(by: &impl Access, id: Option<u64>, name: &str, params: &[(&str, &str)]) -> Result<Value, Problem> {
    let params: Vec<_> = params
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let answer = schedules::view(by, id, name, &params)?;
    Ok(serde_json::from_str(&answer).expect("JSON"))
}

fn rule(by: &impl Access, params: &[(&str, &str)]) -> Result<Value, Problem> {
    view(by, None, "rule", params)
}

/// The view `rule` of a rule at 04:00.
fn described(by: &impl Access, text: &str) -> Value {
    rule(by, &[("schedule_rrule", text), ("schedule_rrule_time", "04:00")]).expect("a description")
}

/// The view `rule` of picks at 04:00.
fn picked(by: &impl Access, picks: &Value) -> Value {
    rule(by, &[("picks", &picks.to_string()), ("schedule_rrule_time", "04:00")]).expect("a description")
}

#[test]
fn the_view_rule_shows_a_rule_in_words_and_as_picks() {
    let host = Host::organizer();
    assert_eq!(
        described(&host.owner(), "RRULE:FREQ=WEEKLY;BYDAY=TU"),
        json!({
            "schedule_rrule": "RRULE:FREQ=WEEKLY;BYDAY=TU",
            "schedule_rrule_time": "04:00:00",
            "custom": false,
            "picks": {
                "repeat": "weekly", "every": 1, "weekdays": ["TU"], "start": null, "until": null, "count": null,
            },
            "words": "every Tuesday at 04:00",
        })
    );
    let custom = described(&host.owner(), "RRULE:FREQ=YEARLY;BYDAY=20MO");
    assert_eq!((&custom["custom"], &custom["picks"]), (&json!(true), &json!(null)));
    assert!(host.rows.borrow().is_empty());
}

#[test]
fn the_rule_of_a_stored_schedule_counts_from_the_day_on_which_it_was_saved() {
    let host = Host::organizer();
    let rule = "RRULE:FREQ=DAILY;INTERVAL=2";
    create(&host.owner(), &with(json!({"schedule_rrule": rule}))).expect("created");
    let start = |answer: &Value| answer["picks"]["start"].clone();
    let stored = |by: &dyn Fn() -> Result<Value, Problem>| by().expect("a description");
    let saved = stored(&|| view(&host.owner(), Some(1), "rule", &[]));
    assert_eq!(saved["schedule_rrule"], rule);
    assert_eq!(
        saved,
        stored(&|| view(&host.owner().at("2030-01-01T12:00:00Z"), Some(1), "rule", &[]))
    );
    // A rule that is not stored counts from today.
    let params = [("schedule_rrule", rule), ("schedule_rrule_time", "04:00")];
    let today = view(&host.owner().at("2030-01-01T12:00:00Z"), None, "rule", &params).expect("a description");
    assert_eq!(start(&today), json!("2030-01-01"));
    assert_ne!(start(&today), start(&saved));
    let german = view(&host.owner().in_german(), Some(1), "rule", &[]).expect("a description");
    assert!(
        german["words"]
            .as_str()
            .is_some_and(|words| words.starts_with("alle 2 Tage")),
        "{german}"
    );
    assert_eq!(
        view(&host.user("stranger"), Some(1), "rule", &[]),
        Err(Problem::NotFound)
    );
    assert_eq!(view(&host.owner(), Some(2), "rule", &[]), Err(Problem::NotFound));
}

#[test]
fn picks_become_the_rule_that_is_shown_with_the_same_picks() {
    let host = Host::organizer();
    for (picks, want) in [
        (json!({"repeat": "daily"}), "RRULE:FREQ=DAILY"),
        (
            json!({"repeat": "monthly-weekday", "nth": [2], "weekday": "TU"}),
            "RRULE:FREQ=MONTHLY;BYDAY=2TU",
        ),
        (
            json!({"repeat": "monthly-working-day", "nth": [-1], "until": "2027-01-31"}),
            "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;UNTIL=20270131T235959",
        ),
        (
            json!({"repeat": "weekly", "every": 2, "weekdays": ["FR"], "start": "2026-12-04"}),
            "DTSTART:20261204T000000\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=FR",
        ),
    ] {
        let answer = picked(&host.owner(), &picks);
        assert_eq!(answer["schedule_rrule"], want, "{picks}");
        assert_eq!(answer, described(&host.owner(), want));
        assert_eq!(answer, picked(&host.owner(), &answer["picks"]));
    }
}

#[test]
fn picks_take_the_place_of_a_rule() {
    let host = Host::organizer();
    let params = [
        ("schedule_rrule", "?"),
        ("picks", r#"{"repeat": "daily"}"#),
        ("schedule_rrule_time", "04:00"),
    ];
    let answer = rule(&host.owner(), &params).expect("a description");
    assert_eq!(answer["schedule_rrule"], "RRULE:FREQ=DAILY");
}

#[test]
fn an_interval_without_a_start_begins_on_the_local_date() {
    let every_other_day = [
        ("picks", r#"{"repeat": "daily", "every": 2}"#),
        ("schedule_rrule_time", "04:00"),
        ("timezone", "Pacific/Auckland"),
    ];
    // In Auckland it is the next day.
    for (host, params, day) in [
        (Host::organizer(), &every_other_day[..2], "20261014"),
        (Host::organizer(), &every_other_day[..], "20261015"),
        (Host::event(), &every_other_day[..], "20261014"),
    ] {
        let seat = host.owner().at("2026-10-14T23:30:00+02:00");
        let answer = rule(&seat, params).expect("a description");
        let text = answer["schedule_rrule"].as_str().expect("a rule");
        assert!(text.starts_with(&format!("DTSTART:{day}T000000\n")), "{text}");
    }
}

#[test]
fn the_view_rule_names_each_wrong_parameter_and_the_wrong_member_of_the_picks() {
    let host = Host::organizer();
    let too_long = format!("FREQ=DAILY{}", " ".repeat(1_991));
    let too_large = "x".repeat(64 * 1024);
    for (params, want) in [
        (
            &[][..],
            &["schedule_rrule: required", "schedule_rrule_time: required"][..],
        ),
        (
            &[("schedule_rrule", "x")],
            &["schedule_rrule_time: required", "schedule_rrule: invalid-syntax"],
        ),
        (
            &[("picks", "{}"), ("schedule_rrule_time", "04:00")],
            &["picks.repeat: required"],
        ),
        (
            &[("picks", "daily"), ("schedule_rrule_time", "04:00")],
            &["picks: wrong-type"],
        ),
        (
            &[
                ("picks", r#"{"repeat": "weekly", "every": 0}"#),
                ("schedule_rrule_time", "25:00"),
                ("timezone", "x"),
            ],
            &[
                "picks.weekdays: required",
                "picks.every: out-of-range",
                "schedule_rrule_time: invalid-time",
                "timezone: unknown-time-zone",
            ],
        ),
        (
            &[("schedule_rrule", &too_long), ("schedule_rrule_time", "04:00")],
            &["schedule_rrule: too-long"],
        ),
        (&[("picks", &too_large)], &[": too-large"]),
    ] {
        let params: &[(&str, &str)] = params;
        assert_eq!(errors(rule(&host.owner(), params)), want);
    }
}

#[test]
fn words_and_errors_have_the_language_of_the_caller() {
    let host = Host::organizer();
    let german = || host.owner().in_german();
    let answer = described(&german(), "RRULE:FREQ=WEEKLY;BYDAY=TU");
    assert_eq!(answer["words"], "jeden Dienstag um 04:00 Uhr");
    let params = [("picks", r#"{"repeat": "weekly"}"#), ("schedule_rrule_time", "04:00")];
    let message = |seat| match rule(&seat, &params) {
        Err(Problem::Invalid(errors)) => errors[0].message.clone(),
        other => panic!("{other:?}"),
    };
    assert_ne!(message(german()), message(host.owner()));
}

#[test]
fn whoever_may_preview_may_ask_for_a_rule() {
    let host = Host::organizer();
    let params = [("schedule_rrule", "FREQ=DAILY"), ("schedule_rrule_time", "04:00")];
    assert!(rule(&host.owner().reading_only(), &params).is_ok());
    assert!(rule(&host.seat(Caller::Token, false), &params).is_ok());
    for caller in [host.seat(Caller::Device, true), host.seat(Caller::Device, false)] {
        assert!(forbidden(rule(&caller, &params)));
    }
}

#[test]
fn the_view_preview_is_the_verb_preview() {
    let host = Host::organizer();
    let params = [
        ("schedule_rrule", "FREQ=DAILY"),
        ("schedule_rrule_time", "02:30"),
        ("limit", "3"),
        ("timezone", "America/St_Johns"),
    ];
    let body = json!({
        "schedule_rrule": "FREQ=DAILY", "schedule_rrule_time": "02:30", "limit": 3, "timezone": "America/St_Johns",
    });
    let verb = schedules::act(&host.owner(), None, "preview", &body.to_string()).expect("a preview");
    let shown = view(&host.owner(), None, "preview", &params).expect("a preview");
    assert_eq!(shown.to_string(), verb.document);
    assert_eq!(shown["runs"].as_array().map(Vec::len), Some(3));
}

#[test]
fn a_view_that_there_is_not_is_not_found() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    for (id, name) in [
        (None, "rules"),
        (None, "Rule"),
        (None, ""),
        (Some(1), "preview"),
        (Some(1), "take_over"),
    ] {
        assert_eq!(view(&host.owner(), id, name, &[]), Err(Problem::NotFound));
    }
}

#[test]
fn the_view_form_is_the_schema_for_this_exporter_and_caller() {
    for host in [Host::organizer(), Host::event()] {
        for by in [host.owner(), host.owner().in_german(), host.owner().reading_only()] {
            let exporter = &host.exporters[0];
            let schema = view(&by, None, "form", &[("export_identifier", &exporter.identifier)]);
            assert_eq!(schema, Ok(schema::document(exporter, &by.context())));
        }
    }
    let host = Host::organizer();
    for identifier in ["nosuch", ""] {
        let unknown = view(&host.owner(), None, "form", &[("export_identifier", identifier)]);
        assert_eq!(unknown, Err(Problem::NotFound));
    }
    let not_permitted = view(&host.user("stranger"), None, "form", &[("export_identifier", "orders")]);
    assert_eq!(not_permitted, Err(Problem::NotFound));
    let missing = view(&host.owner(), None, "form", &[("exporter", "orders")]);
    assert_eq!(errors(missing), ["export_identifier: required"]);
    let large = "x".repeat(64 * 1024);
    assert_eq!(
        errors(view(&host.owner(), None, "form", &[("export_identifier", &large)])),
        [": too-large"]
    );
}

#[test]
fn tokens_and_devices_without_the_right_to_settings_see_no_form() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    host.allow_all("token", "orders");
    host.allow_all("device", "orders");
    for caller in [Caller::Token, Caller::Device] {
        let params = [("export_identifier", "orders")];
        assert!(forbidden(view(
            &host.seat(caller.clone(), false),
            None,
            "form",
            &params
        )));
        assert!(forbidden(view(&host.seat(caller.clone(), false), Some(1), "form", &[])));
        let permitted = host.seat(caller, true);
        assert!(view(&permitted, None, "form", &params).is_ok());
        assert_eq!(form(&permitted)["locked"], json!(null));
    }
}

/// The view `form` of schedule 1.
fn form(by: &impl Access) -> Value {
    view(by, Some(1), "form", &[]).expect("a form")
}

#[test]
fn the_form_of_a_schedule_has_its_values_which_its_schema_accepts() {
    for host in [Host::organizer(), Host::event()] {
        let given = with(json!({"mail_additional_recipients": "a@example.org, b@example.org", "locale": "de"}));
        shown(create(&host.owner(), &given));
        let form = form(&host.owner());
        assert_eq!(
            form["schema"],
            schema::document(&host.exporters[0], &host.owner().context())
        );
        assert_eq!(form["values"], shown(schedules::get(&host.owner(), 1)));
        assert_eq!(
            form["values"]["mail_additional_recipients"],
            "a@example.org,b@example.org"
        );
        assert_eq!(form["locked"], json!(null));
        assert!(is_valid(&form["schema"], &form["values"]));
    }
    let host = Host::organizer();
    shown(create(&host.editor(), &document()));
    for id in [1, 99] {
        assert_eq!(view(&host.owner(), Some(id), "form", &[]), Err(Problem::NotFound));
    }
}

/// The reason why this caller cannot change the subject of schedule 1, or null.
fn reason(by: &impl Access) -> Value {
    match patch(by, 1, &json!({"mail_subject": "x"})) {
        Ok(_) => json!(null),
        Err(Problem::Forbidden(reason)) => json!(reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_form_is_locked_with_the_reason_that_a_change_would_get() {
    for selection in [json!({"all_events": true}), json!({"events": ["conf"]})] {
        for permitted in [Some(&["conf"][..]), Some(&["fest"]), Some(&["*"]), None] {
            let host = Host::organizer();
            shown(create(&host.owner(), &with_form(selection.clone())));
            match permitted {
                Some(&["*"]) => {}
                Some(events) => host.allow("editor", "orders", events),
                None => host.forbid("editor", "orders"),
            }
            for by in [
                host.editor(),
                host.editor().in_german(),
                host.editor().reading_only(),
                host.owner(),
                host.owner().reading_only(),
            ] {
                let form = form(&by);
                assert_eq!(form["locked"], reason(&by), "{selection} {permitted:?}");
                let not_permitted = by.context().may_change_settings && permitted.is_none();
                assert_eq!(form["schema"].is_null(), not_permitted, "{selection} {permitted:?}");
            }
        }
    }
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    host.allow("editor", "orders", &["conf"]);
    let locked = |seat| form(&seat)["locked"].as_str().expect("a reason").to_owned();
    assert_ne!(locked(host.editor()), locked(host.editor().in_german()));
    assert_ne!(locked(host.editor()), locked(host.editor().reading_only()));
}

#[test]
fn the_form_of_an_exporter_that_its_owner_may_no_longer_run_has_no_schema() {
    let host = Host::organizer();
    let created = shown(create(&host.owner(), &document()));
    host.forbid("owner", "orders");
    let form = form(&host.owner());
    assert_eq!(form, json!({"schema": null, "values": created, "locked": null}));
    assert_eq!(reason(&host.owner()), json!(null));
}

#[test]
fn a_form_that_would_be_too_large_leaves_the_values_out() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    let with_template = |length: usize| {
        host.edit(1, |row| {
            let mut stored: Value = serde_json::from_str(&row.content.document).expect("JSON");
            stored["mail_template"] = "x".repeat(length).into();
            row.content.document = stored.to_string();
        });
        schedules::view(&host.owner(), Some(1), "form", &[])
            .expect("a form")
            .len()
    };
    let rest = with_template(0);
    let limit = 64 * 1024;
    assert_eq!(with_template(limit - rest), limit);
    assert!(with_template(limit - rest + 1) < limit / 2);
    let form = form(&host.owner());
    assert_eq!((&form["values"], &form["locked"]), (&json!(null), &json!(null)));
    assert!(form["schema"].is_object());
}
