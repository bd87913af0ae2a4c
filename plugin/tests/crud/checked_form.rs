//! Forms that the host checks before they are stored.

use plugin::contract::{FieldError, FormError, Problem};
use plugin::schedules;
use serde_json::json;

use crate::host::Host;
use crate::{create, document, errors, patch, put, shown, with, with_form};

fn asked(host: &Host) -> usize {
    host.calls.take().iter().filter(|call| **call == "check_form").count()
}

#[test]
fn the_host_checks_a_form_that_is_new_or_has_changed_and_no_other() {
    let host = Host::organizer();
    assert!(create(&host.owner(), &with_form(json!({"_format": "pdf"}))).is_err());
    assert_eq!(asked(&host), 0, "a form that does not fit the fields");
    shown(create(&host.owner(), &document()));
    assert_eq!(asked(&host), 1);
    shown(patch(&host.owner(), 1, &json!({"mail_subject": "x"})));
    shown(patch(
        &host.owner(),
        1,
        &json!({"export_form_data": document()["export_form_data"]}),
    ));
    shown(put(&host.editor(), 1, &document()));
    schedules::act(&host.owner(), Some(1), "pause", "{}").expect("paused");
    schedules::act(&host.editor(), Some(1), "take_over", "{}").expect("taken over");
    assert_eq!(asked(&host), 0);
    shown(patch(
        &host.editor(),
        1,
        &json!({"export_form_data": {"_format": "xlsx"}}),
    ));
    assert_eq!(asked(&host), 1);
    let other = json!({"export_identifier": "checkins", "export_form_data": {"day": "2026-01-01"}});
    shown(patch(&host.editor(), 1, &other));
    assert_eq!(asked(&host), 1);
}

#[test]
fn what_the_host_answers_is_stored_with_the_events_that_were_checked() {
    let host = Host::organizer();
    let answer = json!({"_format": "xlsx", "date_range": 7, "added": true, "events": ["gala"], "all_events": true});
    *host.form_answer.borrow_mut() = Some(Ok(answer.to_string()));
    let given = with_form(json!({"_format": "csv", "date_range": "month_previous", "events": ["conf"]}));
    let stored = shown(create(&host.owner(), &given));
    assert_eq!(
        stored["export_form_data"],
        json!({"_format": "xlsx", "date_range": 7, "added": true, "events": ["conf"]})
    );
    assert!(!host.row(1).content.document.contains("date_ranges"));
    *host.form_answer.borrow_mut() = Some(Ok("7".to_owned()));
    assert!(matches!(create(&host.owner(), &given), Err(Problem::Unavailable(_))));
}

#[test]
fn errors_of_the_host_are_below_the_form() {
    let host = Host::organizer();
    let answer = |answer| *host.form_answer.borrow_mut() = Some(Err(answer));
    answer(FormError::Invalid(vec![FieldError {
        path: vec!["few".to_owned()],
        code: "too-few".to_owned(),
        message: "Must be more than that.".to_owned(),
        params: Vec::new(),
    }]));
    let wrong = with(json!({"mail_subject": ""}));
    assert_eq!(
        errors(create(&host.owner(), &wrong)),
        ["export_form_data.few: too-few", "mail_subject: blank"]
    );
    answer(FormError::NotFound);
    assert_eq!(
        errors(create(&host.owner(), &document())),
        ["export_identifier: unknown-exporter"]
    );
    answer(FormError::Unavailable("registry".to_owned()));
    assert_eq!(
        create(&host.owner(), &document()),
        Err(Problem::Unavailable("registry".to_owned()))
    );
}

#[test]
fn a_form_that_loses_its_events_in_a_take_over_is_checked_once_more() {
    let host = Host::organizer();
    host.allow("owner", "orders", &["conf", "old"]);
    shown(create(&host.owner(), &with_form(json!({"events": ["conf", "old"]}))));
    for known in host.known.borrow_mut().values_mut() {
        known.remove("old");
    }
    host.calls.take();
    *host.form_answer.borrow_mut() = Some(Err(FormError::NotFound));
    assert_eq!(
        errors(schedules::act(&host.editor(), Some(1), "take_over", "{}")),
        ["export_identifier: unknown-exporter"]
    );
    *host.form_answer.borrow_mut() = Some(Ok(json!({"events": ["conf"], "few": 1}).to_string()));
    schedules::act(&host.editor(), Some(1), "take_over", "{}").expect("taken over");
    assert_eq!(asked(&host), 2);
    assert!(host.row(1).content.document.contains(r#""few":1"#));
}
