//! Permissions to read and change schedules.

use plugin::contract::{Caller, Position, Problem, RunQuery, Versioned};
use plugin::schedules;
use serde_json::{Value, json};

use crate::host::Host;
use crate::{create, document, errors, first_page, forbidden, list, patch, put, shown, with, with_form};

#[test]
fn only_a_user_creates_and_he_becomes_the_owner() {
    let host = Host::organizer();
    for caller in [Caller::Token, Caller::Device] {
        assert!(forbidden(create(&host.seat(caller, true), &document())));
    }
    assert_eq!(shown(create(&host.owner(), &document()))["owner"], "owner@example.org");
    assert_eq!(
        shown(create(&host.editor(), &document()))["owner"],
        "editor@example.org"
    );
}

#[test]
fn an_exporter_that_the_caller_may_not_run_reads_like_one_that_does_not_exist() {
    let host = Host::organizer();
    let told = ["orders", "nosuch"].map(|name| {
        let given = with(json!({ "export_identifier": name }));
        match create(&host.user("stranger"), &given) {
            Err(Problem::Invalid(told)) => (told[0].code.clone(), told[0].message.replace(name, "*")),
            other => panic!("{other:?}"),
        }
    });
    assert_eq!(told[0], told[1]);
}

#[test]
fn tokens_and_devices_see_and_change_nothing_without_the_right_to_settings() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    host.allow_all("token", "orders");
    for caller in [Caller::Token, Caller::Device] {
        let seat = host.seat(caller, false);
        assert!(forbidden(schedules::list(&seat, &first_page())));
        assert!(forbidden(schedules::runs(
            &seat,
            1,
            &RunQuery::page(Position::Number(1), 50)
        )));
        for id in [1, 99] {
            assert!(forbidden(schedules::get(&seat, id)));
            assert!(forbidden(patch(&seat, id, &json!({}))));
            assert!(forbidden(put(&seat, id, &document())));
            assert!(forbidden(schedules::delete(&seat, id, None)));
        }
    }
    let token = host.seat(Caller::Token, true);
    assert_eq!(list(&token).len(), 1);
    assert!(patch(&token, 1, &json!({"mail_subject": "x"})).is_ok());
}

#[test]
fn a_user_without_the_right_to_settings_has_only_his_own() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    shown(create(&host.editor(), &document()));
    assert_eq!(list(&host.owner()).len(), 1);
    assert_eq!(list(&host.editor()).len(), 2);
    assert_eq!(list(&host.user("stranger")).len(), 0);
    let owner = host.owner();
    for id in [2, 99] {
        // Even if body or version is wrong.
        assert_eq!(schedules::get(&owner, id), Err(Problem::NotFound));
        assert_eq!(schedules::patch(&owner, id, "?", Some(7)), Err(Problem::NotFound));
        assert_eq!(schedules::replace(&owner, id, "?", None), Err(Problem::NotFound));
        assert_eq!(schedules::delete(&owner, id, Some(7)), Err(Problem::NotFound));
        assert_eq!(
            schedules::runs(&owner, id, &RunQuery::page(Position::Number(1), 50)).map(|_| ()),
            Err(Problem::NotFound)
        );
    }
}

#[test]
fn credentials_for_reading_only_read_and_preview() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    let reader = || host.owner().reading_only();
    assert!(schedules::get(&reader(), 1).is_ok());
    assert!(schedules::act(&reader(), None, "preview", &document().to_string()).is_ok());
    assert!(forbidden(create(&reader(), &document())));
    for id in [1, 99] {
        assert!(forbidden(schedules::patch(&reader(), id, "?", None)));
        assert!(forbidden(put(&reader(), id, &document())));
        assert!(forbidden(schedules::delete(&reader(), id, None)));
    }
}

/// The result of a change by the editor: `ok`, `forbidden`, or the errors.
fn verdict(answer: Result<Versioned, Problem>) -> String {
    match answer {
        Ok(_) => "ok".to_owned(),
        Err(Problem::Forbidden(_)) => "forbidden".to_owned(),
        other => errors(other).join(" "),
    }
}

#[test]
fn somebody_elses_schedule_is_changed_only_by_who_could_run_it_himself() {
    // All current events, as a list.
    const EACH: &[&str] = &["conf", "fest", "gala"];
    // All events, including future ones.
    const ALL: &[&str] = &["*"];
    // The stored form, the events that the editor is permitted to export, and whether the editor can change the subject.
    for (form, usable, want) in [
        (json!({"events": ["conf"]}), Some(&["conf"][..]), "ok"),
        (json!({"events": ["conf"]}), Some(&["fest"][..]), "forbidden"),
        (json!({"events": ["conf", "fest"]}), Some(&["conf"][..]), "forbidden"),
        (json!({"all_events": true}), Some(ALL), "ok"),
        (json!({"all_events": true}), Some(EACH), "forbidden"),
        (json!({"all_events": true}), Some(&["conf"][..]), "forbidden"),
        (json!({}), Some(&["conf"][..]), "forbidden"),
        (json!({}), Some(EACH), "forbidden"),
        (json!({}), Some(ALL), "ok"),
        (json!({"events": ["conf", "fest"]}), Some(EACH), "ok"),
        (json!({"events": ["conf", "fest"]}), Some(ALL), "ok"),
        (json!({"events": ["conf"]}), None, "forbidden"),
        (json!({}), None, "forbidden"),
    ] {
        let host = Host::organizer();
        shown(create(&host.owner(), &with_form(form.clone())));
        match usable {
            Some(ALL) => host.allow_all("editor", "orders"),
            Some(events) => host.allow("editor", "orders", events),
            None => host.forbid("editor", "orders"),
        }
        let place = format!("{form} with {usable:?}");
        assert_eq!(
            verdict(patch(&host.editor(), 1, &json!({"mail_subject": "x"}))),
            want,
            "{place}"
        );
        assert_eq!(verdict(put(&host.editor(), 1, &with_form(form))), want, "{place}");
        // Fewer events, or another exporter: permission for the stored ones is checked first.
        if want == "forbidden" {
            let other = json!({"export_identifier": "checkins", "export_form_data": {"day": "2026-01-01"}});
            assert_eq!(verdict(patch(&host.editor(), 1, &other)), want, "{place}");
            // The body is validated before permissions, except for the exporter.
            assert_eq!(
                verdict(patch(
                    &host.editor(),
                    1,
                    &json!({"mail_subject": "", "export_identifier": "?"})
                )),
                "mail_subject: blank"
            );
        }
        // Reading and deleting do not need this permission.
        assert!(schedules::get(&host.editor(), 1).is_ok());
        assert_eq!(schedules::delete(&host.editor(), 1, None), Ok(()));
    }
}

#[test]
fn a_token_needs_the_right_to_the_data_like_anybody_else() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    let token = host.seat(Caller::Token, true);
    let subject = json!({"mail_subject": "x"});
    assert_eq!(verdict(patch(&token, 1, &subject)), "forbidden");
    host.allow("token", "orders", &["conf", "fest", "gala"]);
    assert_eq!(verdict(patch(&token, 1, &subject)), "forbidden", "each event by a list");
    host.allow_all("token", "orders");
    assert_eq!(verdict(patch(&token, 1, &subject)), "ok");
}

#[test]
fn at_an_event_the_right_to_the_exporter_is_all_it_takes() {
    let host = Host::event();
    shown(create(&host.owner(), &with_form(json!({}))));
    let subject = json!({"mail_subject": "x"});
    assert_eq!(verdict(patch(&host.editor(), 1, &subject)), "ok");
    host.forbid("editor", "orders");
    assert_eq!(verdict(patch(&host.editor(), 1, &subject)), "forbidden");
    host.allow("editor", "badges", &[]);
    host.allow("editor", "orders", &[]);
    let badges = json!({"export_identifier": "badges", "export_form_data": {"note": "x"}});
    assert_eq!(verdict(patch(&host.editor(), 1, &badges)), "ok");
    assert_eq!(
        host.calls
            .borrow()
            .iter()
            .filter(|name| **name == "usable_events")
            .count(),
        0
    );
}

#[test]
fn what_is_new_must_be_open_to_the_owner_too() {
    // `owner` has conf and fest; `editor` has gala as well.
    let (some, all) = (json!({"events": ["conf"]}), json!({"all_events": true}));
    let rows: &[(&Value, Value, &str)] = &[
        (&some, json!({"events": ["conf", "fest"]}), "ok"),
        (
            &some,
            json!({"events": ["gala"]}),
            "export_form_data.events: event-not-permitted-for-owner",
        ),
        (
            &some,
            json!({"events": ["nope"]}),
            "export_form_data.events: event-not-permitted",
        ),
        (&some, json!({"all_events": true}), "ok"),
        (&some, json!({}), "ok"),
        (&all, json!({"events": ["conf", "fest"]}), "ok"),
        (
            &all,
            json!({"events": ["conf", "gala"]}),
            "export_form_data.events: event-not-permitted-for-owner",
        ),
        (&all, json!({}), "ok"),
    ];
    for (stored, form, want) in rows {
        let host = Host::organizer();
        shown(create(&host.owner(), &with_form((*stored).clone())));
        let answer = patch(&host.editor(), 1, &json!({ "export_form_data": form }));
        assert_eq!(verdict(answer), *want, "{stored} to {form}");
    }
}

#[test]
fn nobody_widens_a_schedule_to_events_that_he_cannot_export_himself() {
    let host = Host::organizer();
    shown(create(&host.owner(), &with_form(json!({"events": ["conf"]}))));
    host.allow("editor", "orders", &["conf"]);
    for (form, want) in [
        (
            json!({"all_events": true}),
            "export_form_data.all_events: all-events-not-permitted",
        ),
        (json!({}), "export_form_data.all_events: all-events-not-permitted"),
        (
            json!({"events": ["conf", "fest"]}),
            "export_form_data.events: event-not-permitted",
        ),
        (json!({"events": ["conf"]}), "ok"),
    ] {
        let answer = patch(&host.editor(), 1, &json!({ "export_form_data": form }));
        assert_eq!(verdict(answer), want, "{form}");
    }
}

/// The events that an owner is currently permitted to export, and the owner.
const OWNERS: [&str; 6] = ["all", "each by a list", "one by a list", "nothing", "inactive", "gone"];

/// A host with a schedule of this form and an owner from [`OWNERS`].
fn owned(owner: &str, form: &Value) -> Host {
    let host = Host::organizer();
    host.allow_all("owner", "orders");
    shown(create(&host.owner(), &with_form(form.clone())));
    match owner {
        "each by a list" => host.allow("owner", "orders", &["conf", "fest", "gala"]),
        "one by a list" => host.allow("owner", "orders", &["conf"]),
        "nothing" => host.forbid("owner", "orders"),
        "inactive" => host.edit(1, |row| row.owner.as_mut().expect("an owner").active = false),
        "gone" => host.edit(1, |row| row.owner = None),
        _ => {}
    }
    host
}

#[test]
fn whatever_its_owner_can_export_today_a_schedule_of_all_events_is_changed_only_by_who_reaches_all_events() {
    for owner in OWNERS {
        for form in [json!({"all_events": true}), json!({}), json!({"_format": "csv"})] {
            let host = owned(owner, &form);
            host.allow("editor", "orders", &["conf", "fest", "gala"]);
            let place = format!("{owner}: {form}");
            for fields in [
                json!({"mail_additional_recipients": "e@example.org"}),
                json!({"mail_additional_recipients_bcc": "e@example.org"}),
                json!({"mail_template": "x"}),
                json!({"schedule_rrule_time": "07:00:00"}),
                json!({"export_form_data": {"events": ["conf"]}}),
                json!({"export_identifier": "checkins", "export_form_data": {"day": "2026-01-01"}}),
                json!({}),
            ] {
                assert_eq!(
                    verdict(patch(&host.editor(), 1, &fields)),
                    "forbidden",
                    "{place} {fields}"
                );
            }
            assert!(
                forbidden(schedules::act(&host.editor(), Some(1), "take_over", "")),
                "{place}"
            );
            assert_eq!(host.row(1).version, 1, "{place}");
            host.allow_all("editor", "orders");
            assert_eq!(
                verdict(patch(&host.editor(), 1, &json!({"mail_template": "x"}))),
                "ok",
                "{place}"
            );
            assert!(
                schedules::act(&host.editor(), Some(1), "take_over", "").is_ok(),
                "{place}"
            );
        }
    }
}

#[test]
fn whatever_its_owner_can_export_today_a_schedule_of_some_events_is_changed_by_who_reaches_these() {
    for owner in OWNERS {
        let host = owned(owner, &json!({"events": ["conf", "fest"]}));
        let change = json!({"mail_additional_recipients": "e@example.org"});
        host.allow("editor", "orders", &["conf", "gala"]);
        assert_eq!(verdict(patch(&host.editor(), 1, &change)), "forbidden", "{owner}");
        host.allow("editor", "orders", &["conf", "fest"]);
        assert_eq!(verdict(patch(&host.editor(), 1, &change)), "ok", "{owner}");
    }
}

#[test]
fn nobody_comes_to_all_events_in_two_steps() {
    // Through another exporter that is permitted for all events, and through a list.
    let host = owned("all", &json!({"events": ["conf"]}));
    host.allow("editor", "orders", &["conf", "fest", "gala"]);
    host.allow_all("editor", "checkins");
    host.allow_all("owner", "checkins");
    let to = |exporter: &str, form: Value| json!({"export_identifier": exporter, "export_form_data": form});
    let all = |more: Value| {
        let mut form = json!({"all_events": true});
        form.as_object_mut()
            .expect("fields")
            .extend(more.as_object().expect("fields").clone());
        form
    };
    let day = json!({"day": "2026-01-01"});
    let steps = [
        (to("checkins", all(day.clone())), "ok"),
        (
            to("orders", all(json!({}))),
            "export_form_data.all_events: all-events-not-permitted",
        ),
        (
            to("orders", json!({})),
            "export_form_data.all_events: all-events-not-permitted",
        ),
        (
            json!({"export_identifier": "orders"}),
            "export_form_data.all_events: all-events-not-permitted",
        ),
        (to("orders", json!({"events": ["conf", "fest", "gala"]})), "ok"),
        (
            json!({"export_form_data": {}}),
            "export_form_data.all_events: all-events-not-permitted",
        ),
    ];
    for (fields, want) in steps {
        assert_eq!(verdict(patch(&host.editor(), 1, &fields)), want, "{fields}");
    }
}

#[test]
fn a_host_that_answers_all_events_where_it_was_asked_about_some_is_not_believed() {
    let host = owned("all", &json!({"events": ["conf"]}));
    host.overstates.set(true);
    let answer = patch(&host.editor(), 1, &json!({"mail_subject": "x"}));
    assert!(matches!(answer, Err(Problem::Unavailable(_))), "{answer:?}");
}

#[test]
fn narrowing_needs_nothing_of_the_owner() {
    let host = Host::organizer();
    shown(create(&host.owner(), &with_form(json!({"events": ["conf", "fest"]}))));
    host.forbid("owner", "orders");
    let answer = patch(&host.editor(), 1, &json!({"export_form_data": {"events": ["fest"]}}));
    assert_eq!(verdict(answer), "ok");
}

#[test]
fn a_new_exporter_must_be_open_to_caller_and_owner() {
    let other = json!({"export_identifier": "checkins", "export_form_data": {"day": "2026-01-01", "events": ["conf"]}});
    for (without, want) in [
        ("", "ok"),
        ("editor", "export_identifier: unknown-exporter"),
        ("owner", "export_identifier: exporter-not-permitted-for-owner"),
    ] {
        let host = Host::organizer();
        shown(create(&host.owner(), &with_form(json!({"events": ["conf"]}))));
        host.forbid(without, "checkins");
        assert_eq!(verdict(patch(&host.editor(), 1, &other)), want, "{without}");
    }
    // Its events again: with another exporter the owner might not be permitted to export them.
    let host = Host::organizer();
    shown(create(&host.owner(), &with_form(json!({"events": ["conf"]}))));
    host.allow("owner", "checkins", &["fest"]);
    assert_eq!(
        verdict(patch(&host.editor(), 1, &other)),
        "export_form_data.events: event-not-permitted-for-owner"
    );
}

#[test]
fn a_schedule_without_owner_is_shown_and_can_be_narrowed() {
    let host = Host::organizer();
    shown(create(&host.owner(), &with_form(json!({"events": ["conf", "fest"]}))));
    host.edit(1, |row| row.owner = None);
    let seen = shown(schedules::get(&host.editor(), 1));
    assert_eq!(seen["owner"], json!(null));
    let form = |events: &[&str]| json!({"export_form_data": {"events": events}});
    assert_eq!(verdict(patch(&host.editor(), 1, &form(&["conf"]))), "ok");
    assert_eq!(
        verdict(patch(&host.editor(), 1, &form(&["conf", "fest"]))),
        "export_form_data.events: event-not-permitted-for-owner"
    );
}

#[test]
fn the_owner_needs_the_right_only_to_what_is_new() {
    let host = Host::organizer();
    shown(create(&host.owner(), &with_form(json!({"events": ["conf", "fest"]}))));
    host.allow("owner", "orders", &["conf"]);
    let change = |fields| verdict(patch(&host.owner(), 1, &fields));
    assert_eq!(change(json!({"mail_subject": "x"})), "ok");
    assert_eq!(
        change(json!({"export_form_data": {"events": ["conf", "fest"]}})),
        "export_form_data.events: event-not-permitted"
    );
    assert_eq!(change(json!({"export_form_data": {"all_events": true}})), "ok");
}
