//! PUT, PATCH and DELETE: changed and unchanged fields, and versions.

use plugin::contract::{Problem, ScheduleState};
use plugin::schedules;
use serde_json::{Value, json};

use crate::host::{Host, at};
use crate::{create, document, errors, patch, put, shown, with, with_form};

/// All fields, none with its default.
fn full() -> Value {
    with(json!({
        "locale": "de",
        "mail_additional_recipients": "a@x.org", "mail_additional_recipients_cc": "b@x.org",
        "mail_additional_recipients_bcc": "c@x.org", "timezone": "America/New_York",
    }))
}

#[test]
fn put_sets_left_out_fields_back_to_their_defaults() {
    let host = Host::organizer();
    shown(create(&host.owner(), &full()));
    let shown = shown(put(&host.owner(), 1, &document()));
    assert_eq!(shown["locale"], "en");
    for name in ["", "_cc", "_bcc"] {
        assert_eq!(shown[format!("mail_additional_recipients{name}")], "");
    }
    assert_eq!(shown["timezone"], "Europe/Berlin");
    assert!(!host.row(1).content.document.contains("timezone"));
}

#[test]
fn patch_changes_only_what_is_given() {
    let host = Host::organizer();
    let before = shown(create(&host.owner(), &full()));
    assert_eq!(shown(patch(&host.owner(), 1, &json!({}))), before);
    for (name, value) in [
        ("mail_subject", json!("Other")),
        ("mail_template", json!("Other")),
        ("locale", json!("en")),
        ("mail_additional_recipients", json!("")),
        ("mail_additional_recipients_cc", json!("d@x.org")),
        ("export_form_data", json!({"events": ["conf"]})),
    ] {
        let before = shown(schedules::get(&host.owner(), 1));
        let mut want = before.clone();
        want[name] = value.clone();
        assert_eq!(shown(patch(&host.owner(), 1, &json!({ name: value }))), want, "{name}");
    }
}

#[test]
fn a_default_zone_follows_the_organizer_and_a_given_one_stays() {
    let mut host = Host::organizer();
    shown(create(&host.owner(), &document()));
    shown(create(&host.owner(), &with(json!({"timezone": "Europe/Berlin"}))));
    host.settings.zone = "Asia/Tokyo".to_owned();
    assert_eq!(shown(schedules::get(&host.owner(), 1))["timezone"], "Asia/Tokyo");
    assert_eq!(shown(schedules::get(&host.owner(), 2))["timezone"], "Europe/Berlin");
    assert_eq!(
        shown(patch(&host.owner(), 1, &json!({})))["schedule_next_run"],
        "2026-10-14T21:00:00Z"
    );
}

#[test]
fn a_new_exporter_takes_the_kept_form_only_if_it_fits() {
    let host = Host::organizer();
    shown(create(
        &host.owner(),
        &with_form(json!({"_format": "csv", "events": ["conf"]})),
    ));
    let other = json!({"export_identifier": "checkins"});
    assert_eq!(
        errors(patch(&host.owner(), 1, &other)),
        ["export_form_data.day: required"]
    );
    let form = json!({"day": "2026-01-01", "_format": "csv", "events": ["conf"]});
    let shown_then = shown(patch(
        &host.owner(),
        1,
        &json!({"export_identifier": "checkins", "export_form_data": form}),
    ));
    assert_eq!(
        shown_then["export_form_data"],
        json!({"day": "2026-01-01", "events": ["conf"]})
    );
    // Back again: keys that the other exporter does not have were dropped.
    let back = shown(patch(&host.owner(), 1, &json!({"export_identifier": "orders"})));
    assert_eq!(back["export_form_data"], json!({"events": ["conf"]}));
    host.allow("owner", "checkins", &["fest"]);
    let again = json!({"export_identifier": "checkins", "export_form_data": form});
    assert_eq!(
        errors(patch(&host.owner(), 1, &again)),
        ["export_form_data.events: event-not-permitted"]
    );
}

#[test]
fn a_kept_form_is_not_looked_at_again_and_nobody_is_asked() {
    let host = Host::organizer();
    shown(create(&host.owner(), &with_form(json!({"_format": "csv"}))));
    host.forbid("owner", "orders");
    host.registry_unavailable.set(true);
    assert!(patch(&host.owner(), 1, &json!({"mail_subject": "x"})).is_ok());
}

#[test]
fn the_owner_of_a_schedule_whose_exporter_is_gone_may_change_it() {
    let host = Host::organizer();
    let before = shown(create(
        &host.owner(),
        &with_form(json!({"_format": "csv", "events": ["conf", "fest"]})),
    ));
    host.forbid("owner", "orders");
    // All except the form, with either method.
    assert!(patch(&host.owner(), 1, &json!({"mail_subject": "x"})).is_ok());
    assert!(patch(&host.owner(), 1, &json!({"export_identifier": "orders"})).is_ok());
    assert!(put(&host.owner(), 1, &before).is_ok());
    assert!(host.row(1).content.document.contains("date_range") || !before.to_string().contains("date_range"));
    // The form as the caller sees it, without an event that they no longer can see.
    host.known
        .borrow_mut()
        .get_mut("owner")
        .expect("the owner")
        .remove("fest");
    let seen = shown(schedules::get(&host.owner(), 1));
    assert_eq!(seen["export_form_data"]["events"], json!(["conf"]));
    assert!(put(&host.owner(), 1, &seen).is_ok());
    assert!(host.row(1).content.document.contains("fest"));
    // Another form cannot be validated.
    let form = json!({"export_form_data": {"_format": "xlsx"}});
    assert_eq!(
        errors(patch(&host.owner(), 1, &form)),
        ["export_form_data: exporter-removed"]
    );
    // The caller can choose another exporter.
    let other = json!({"export_identifier": "checkins", "export_form_data": {"day": "2026-01-01"}});
    assert!(patch(&host.owner(), 1, &other).is_ok());
    // And cannot go back.
    assert_eq!(
        errors(patch(&host.owner(), 1, &json!({"export_identifier": "orders"}))),
        ["export_identifier: unknown-exporter"]
    );
}

#[test]
fn a_version_that_is_named_must_be_the_stored_one() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    let subject = json!({"mail_subject": "x"}).to_string();
    let answer = schedules::patch(&host.owner(), 1, &subject, Some(1)).expect("a schedule");
    assert_eq!(answer.version, 2);
    let all = document().to_string();
    for stale in [0, 1, 3, u64::MAX] {
        let stale = Some(stale);
        assert_eq!(schedules::patch(&host.owner(), 1, &subject, stale), Err(Problem::Stale));
        assert_eq!(schedules::replace(&host.owner(), 1, &all, stale), Err(Problem::Stale));
        assert_eq!(schedules::delete(&host.owner(), 1, stale), Err(Problem::Stale));
    }
    assert!(schedules::replace(&host.owner(), 1, &all, Some(2)).is_ok());
    assert_eq!(schedules::delete(&host.owner(), 1, Some(3)), Ok(()));
    assert_eq!(schedules::delete(&host.owner(), 1, None), Err(Problem::NotFound));
}

#[test]
fn a_race_is_tried_again_twice_unless_a_version_is_named() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    let subject = json!({"mail_subject": "x"});
    host.rivals.set(2);
    assert!(patch(&host.owner(), 1, &subject).is_ok());
    host.rivals.set(3);
    assert_eq!(patch(&host.owner(), 1, &subject), Err(Problem::Stale));
    host.rivals.set(1);
    let version = Some(host.row(1).version);
    let answer = schedules::patch(&host.owner(), 1, &subject.to_string(), version);
    assert_eq!(answer, Err(Problem::Stale));
}

#[test]
fn what_the_host_says_comes_out_as_a_problem() {
    let host = Host::organizer();
    host.quota.set(Some(1));
    shown(create(&host.owner(), &document()));
    let answer = create(&host.owner(), &document());
    let Err(Problem::Invalid(told)) = &answer else {
        panic!("{answer:?}")
    };
    assert!(told[0].message.contains('1'));
    assert_eq!(errors(answer), [": quota-exceeded"]);
    host.registry_unavailable.set(true);
    let away = Err(Problem::Unavailable("registry".to_owned()));
    assert_eq!(create(&host.owner(), &document()), away);
    assert_eq!(put(&host.owner(), 1, &document()), away);
    assert_eq!(
        schedules::exporters(&host.owner(), None).map(|_| ()),
        Err(Problem::Unavailable("registry".to_owned()))
    );
    host.store_unavailable.set(true);
    let away = Problem::Unavailable("disk".to_owned());
    assert_eq!(schedules::get(&host.owner(), 1), Err(away.clone()));
    assert_eq!(schedules::delete(&host.owner(), 1, None), Err(away));
}

#[test]
fn a_change_starts_a_stopped_schedule_again() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    host.edit(1, |row| {
        row.content.state = ScheduleState::Stopped;
        row.content.error_counter = 5;
        row.content.next_run = Some(at("2026-10-10T06:00:00+02:00"));
    });
    let stopped = shown(schedules::get(&host.owner(), 1));
    assert_eq!(
        (&stopped["schedule_next_run"], &stopped["error_counter"]),
        (&json!(null), &json!(5))
    );
    let started = shown(patch(&host.owner(), 1, &json!({})));
    assert_eq!(started["schedule_next_run"], "2026-10-15T04:00:00Z");
    assert_eq!(started["error_counter"], 0);
    assert_eq!(host.row(1).content.state, ScheduleState::Active);
    assert!(host.missed.borrow().is_empty());
}
