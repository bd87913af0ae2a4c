//! Notices to an owner about changes by others.

use plugin::contract::{Caller, Problem};
use plugin::host::Access;
use plugin::schedules;
use serde_json::{Value, json};

use crate::host::{Host, user};
use crate::{create, document, patch, put, shown, with};

fn host() -> Host {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    host
}

/// Subject and text of the only notice, which is to the owner.
fn told(host: &Host) -> (String, String) {
    let notices = host.notices.take();
    let [(address, subject, text)] = notices.as_slice() else {
        panic!("{notices:?}")
    };
    assert_eq!(address, "owner@example.org");
    (subject.clone(), text.clone())
}

#[test]
fn an_owner_is_told_of_each_change_by_another_user_who_it_was_and_what_it_was() {
    let host = host();
    for (fields, line) in [
        (
            json!({"mail_additional_recipients_bcc": "eve@example.org"}),
            "- Recipients (Bcc): (none) → eve@example.org",
        ),
        (
            json!({"mail_additional_recipients": "a@example.org, b@example.org", "mail_additional_recipients_cc": "c@example.org"}),
            "- Recipients (Cc): (none) → c@example.org\n- Recipients (To): (none) → a@example.org, b@example.org",
        ),
        (json!({"mail_subject": "Mine"}), "- Email subject: “Orders” → “Mine”"),
        (
            json!({"mail_template": "Else."}),
            "- Email text: “All orders.” → “Else.”",
        ),
        (
            json!({"schedule_rrule": "FREQ=WEEKLY;BYDAY=MO"}),
            "- Recurrence rule: FREQ=DAILY → FREQ=WEEKLY;BYDAY=MO",
        ),
        (
            json!({"schedule_rrule_time": "07:30"}),
            "- Time of day: 06:00:00 → 07:30:00",
        ),
        (json!({"timezone": "Asia/Tokyo"}), "→ Asia/Tokyo"),
        (json!({"locale": "de"}), "- Language: en → de"),
        (
            json!({"export_form_data": {"_format": "xlsx", "few": 3, "events": ["conf"]}}),
            "- Form field “events”: (none) → conf\n- Form field “_format”: \"csv\" → \"xlsx\"\n- Form field “few”: (none) → 3\n\
             - Form field “all_events”: true → (none)\n- Form field “date_range”: \"month_previous\" → (none)",
        ),
        (
            json!({"export_identifier": "checkins", "export_form_data": {"day": "2026-01-01", "events": ["conf"]}}),
            "- Exporter: orders → checkins",
        ),
        (json!({}), "No values were changed."),
    ] {
        patch(&host.editor(), 1, &fields).expect("changed");
        let (subject, text) = told(&host);
        assert!(subject.starts_with("Scheduled export changed: "), "{subject}");
        assert!(
            text.starts_with("editor@example.org changed your scheduled export"),
            "{text}"
        );
        assert!(text.contains(line), "{fields}: {text}");
        assert!(text.contains("When: Wednesday, 14 October 2026"), "{text}");
        assert!(text.contains("https://tickets.example/exports"), "{text}");
    }
    put(&host.editor(), 1, &with(json!({"mail_subject": "Whole"}))).expect("changed");
    assert!(told(&host).1.contains("→ “Whole”"));
}

#[test]
fn an_owner_is_told_in_their_own_language_of_a_program_and_of_a_deletion() {
    let host = host();
    host.edit(1, |row| {
        row.owner.as_mut().expect("an owner").language = "de-AT".to_owned()
    });
    host.allow_all("token", "orders");
    let token = || host.seat(Caller::Token, true);
    patch(&token(), 1, &json!({"mail_subject": "Mine"})).expect("changed");
    let (subject, text) = told(&host);
    assert_eq!(subject, "Geplanter Export geändert: Orders");
    assert!(
        text.starts_with("Ein Programm mit API-Token hat Ihren geplanten Export"),
        "{text}"
    );
    assert!(text.contains("- Betreff der E-Mail: „Orders“ → „Mine“"), "{text}");
    schedules::delete(&token(), 1, None).expect("deleted");
    let (subject, text) = told(&host);
    assert_eq!(subject, "Geplanter Export gelöscht: Mine");
    assert!(text.contains("Wiederholungsregel: FREQ=DAILY"), "{text}");
}

#[test]
fn nobody_is_told_of_their_own_deeds_or_of_what_was_refused() {
    let host = host();
    patch(&host.owner(), 1, &json!({"mail_subject": "Mine"})).expect("changed");
    assert!(patch(&host.editor(), 1, &json!({"mail_subject": ""})).is_err());
    host.allow("editor", "orders", &["conf"]);
    assert!(patch(&host.editor(), 1, &json!({"mail_subject": "x"})).is_err());
    assert_eq!(schedules::delete(&host.editor(), 1, Some(7)), Err(Problem::Stale));
    schedules::delete(&host.owner(), 1, None).expect("deleted");
    assert!(host.notices.borrow().is_empty(), "{:?}", host.notices);
}

#[test]
fn the_host_is_not_asked_to_tell_an_owner_who_is_inactive_or_gone() {
    for gone in [true, false] {
        let host = host();
        host.edit(1, |row| {
            row.owner = (!gone).then(|| plugin::contract::User {
                active: false,
                ..user("owner")
            });
        });
        patch(&host.editor(), 1, &json!({"mail_subject": "x"})).expect("changed");
        schedules::delete(&host.editor(), 1, None).expect("deleted");
        assert!(!host.calls.borrow().contains(&"notify_owner"), "{gone}");
    }
}

#[test]
fn a_change_that_is_too_long_to_tell_is_told_in_brief() {
    let host = host();
    host.max_notice_size.set(500);
    let long = json!({"mail_template": "x".repeat(9_000)});
    patch(&host.editor(), 1, &long).expect("changed");
    let (subject, text) = told(&host);
    assert_eq!(subject, "Scheduled export changed: Orders");
    assert!(
        text.starts_with("editor@example.org")
            && text.contains("too long for an email")
            && text.contains("\nChanged: Email text\n"),
        "{text}"
    );
}

#[test]
fn what_a_take_over_leaves_out_is_told_with_it() {
    let host = Host::organizer();
    host.allow("owner", "orders", &["conf", "old"]);
    let form = json!({"_format": "csv", "events": ["conf", "old"]});
    shown(create(&host.owner(), &with(json!({ "export_form_data": form }))));
    for known in host.known.borrow_mut().values_mut() {
        known.remove("old");
    }
    take_over(&host.editor(), 1);
    let (subject, text) = told(&host);
    assert_eq!(subject, "Scheduled export taken over: Orders");
    assert!(text.contains("- Form field “events”: conf, old → conf"), "{text}");
}

fn take_over(by: &impl Access, id: u64) -> Value {
    let taken = schedules::act(by, Some(id), "take_over", "").expect("taken over");
    serde_json::from_str(&taken.document).expect("JSON")
}
