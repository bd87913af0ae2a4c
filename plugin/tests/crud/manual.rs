//! The verbs `run` and `test`.

use plugin::contract::{Caller, Outcome, Problem, RequestError, RunId, RunRequest};
use plugin::host::Access;
use plugin::schedules;
use serde_json::{Value, json};

use crate::host::{Host, at, run};
use crate::{create, document, errors, forbidden, shown, with, with_form};

fn act(by: &impl Access, id: Option<u64>, verb: &str, body: &Value) -> Result<(Option<RunId>, Value), Problem> {
    let acted = schedules::act(by, id, verb, &body.to_string())?;
    Ok((acted.run, serde_json::from_str(&acted.document).expect("JSON")))
}

/// With a schedule of each day at 06:00 in Berlin, since the 1st; it is 14 October 2026, 10:00.
fn host() -> Host {
    let host = Host::organizer();
    let rule = "DTSTART:20261001T000000\nRRULE:FREQ=DAILY";
    shown(create(&host.owner(), &with(json!({ "schedule_rrule": rule }))));
    host
}

#[test]
fn a_run_is_requested_now_or_for_a_due_time_that_has_passed() {
    let host = host();
    let now = act(&host.owner(), Some(1), "run", &json!({}));
    assert_eq!(now, Ok((Some(1), json!({"run": 1, "kind": "now"}))));
    let again = act(
        &host.editor(),
        Some(1),
        "run",
        &json!({"due": "2026-10-05T06:00:00+02:00"}),
    );
    assert_eq!(again, Ok((Some(2), json!({"run": 2, "kind": "rerun"}))));
    let due = at("2026-10-05T06:00:00+02:00");
    assert_eq!(
        host.requests.take(),
        [(Some(1), RunRequest::Now), (Some(1), RunRequest::Rerun(due))]
    );
    assert_eq!(host.row(1).version, 1);
    assert!(schedules::act(&host.owner(), Some(1), "run", "").is_ok());
}

#[test]
fn a_due_time_that_is_run_again_is_past_and_one_of_the_rule_or_of_the_history() {
    let host = host();
    for (due, want) in [
        (json!("yesterday"), "due: invalid-date-time"),
        (json!("2026-10-05"), "due: invalid-date-time"),
        (json!(5), "due: wrong-type"),
        (json!("2026-10-15T06:00:00+02:00"), "due: not-past"),
        (json!("2026-10-05T06:00:01+02:00"), "due: never-due"),
        (json!("2026-09-30T06:00:00+02:00"), "due: never-due"),
    ] {
        assert_eq!(
            errors(act(&host.owner(), Some(1), "run", &json!({ "due": due }))),
            [want]
        );
    }
    // Of an earlier rule.
    host.runs
        .borrow_mut()
        .push(run("2026-10-05T07:00:00+02:00", Some(Outcome::Empty)));
    assert!(act(&host.owner(), Some(1), "run", &json!({"due": "2026-10-05T05:00:00Z"})).is_ok());
    host.edit(1, |row| row.content.document = "?".to_owned());
    assert!(act(&host.owner(), Some(1), "run", &json!({"due": "2026-10-05T05:00:00Z"})).is_ok());
    assert_eq!(
        errors(act(
            &host.owner(),
            Some(1),
            "run",
            &json!({"due": "2026-10-05T04:00:00Z"})
        )),
        ["due: never-due"]
    );
}

#[test]
fn a_run_takes_the_permission_that_a_change_takes() {
    let host = host();
    host.allow("editor", "orders", &["conf"]);
    assert!(forbidden(act(&host.editor(), Some(1), "run", &json!({}))));
    assert!(forbidden(act(&host.owner().reading_only(), Some(1), "run", &json!({}))));
    assert!(forbidden(act(
        &host.seat(Caller::Token, false),
        Some(1),
        "run",
        &json!({})
    )));
    assert_eq!(
        act(&host.user("stranger"), Some(1), "run", &json!({})),
        Err(Problem::NotFound)
    );
    host.allow_all("token", "orders");
    assert!(act(&host.seat(Caller::Token, true), Some(1), "run", &json!({})).is_ok());
    assert_eq!(act(&host.owner(), None, "run", &json!({})), Err(Problem::NotFound));
}

#[test]
fn the_limits_of_the_host_are_said_with_the_time_to_wait() {
    let host = host();
    let ask = |error: RequestError| {
        host.request_error.set(Some(error));
        act(&host.owner(), Some(1), "run", &json!({})).expect_err("an error")
    };
    for (seconds, words) in [(1, "in 1 second."), (120, "in 120 seconds."), (121, "in 3 minutes.")] {
        let Problem::TooMany((given, text)) = ask(RequestError::TooMany(seconds)) else {
            panic!("{seconds}")
        };
        assert_eq!(given, seconds);
        assert!(text.ends_with(words), "{text}");
    }
    assert_eq!(ask(RequestError::NotFound), Problem::NotFound);
    assert!(matches!(ask(RequestError::Forbidden), Problem::Forbidden(_)));
    let away = RequestError::Unavailable("disk".to_owned());
    assert_eq!(ask(away), Problem::Unavailable("disk".to_owned()));
}

#[test]
fn a_test_of_a_stored_schedule_is_of_what_is_stored_or_of_the_given_changes() {
    let host = host();
    let tested = act(&host.owner(), Some(1), "test", &json!({}));
    assert_eq!(tested, Ok((Some(1), json!({"run": 1, "kind": "test"}))));
    act(&host.editor(), Some(1), "test", &json!({"mail_subject": "Else"})).expect("tested");
    assert_eq!(
        errors(act(&host.owner(), Some(1), "test", &json!({"mail_subject": ""}))),
        ["mail_subject: blank"]
    );
    let requests = host.requests.take();
    assert_eq!(requests[0], (Some(1), RunRequest::Test(None)));
    let (Some(1), RunRequest::Test(Some(content))) = &requests[1] else {
        panic!("{requests:?}")
    };
    assert!(content.document.contains("Else"));
    assert_eq!((requests.len(), host.row(1).version), (2, 1));
}

#[test]
fn a_test_of_a_document_is_checked_like_a_new_schedule_and_stores_nothing() {
    let host = Host::organizer();
    act(&host.owner(), None, "test", &document()).expect("tested");
    let requests = host.requests.take();
    assert!(matches!(requests.as_slice(), [(None, RunRequest::Test(Some(_)))]));
    assert!(host.rows.borrow().is_empty());
    assert_eq!(
        errors(act(&host.owner(), None, "test", &with(json!({"mail_subject": ""})))),
        ["mail_subject: blank"]
    );
    assert_eq!(
        errors(act(&host.user("stranger"), None, "test", &document())),
        ["export_identifier: unknown-exporter"]
    );
    assert!(forbidden(act(&host.owner().reading_only(), None, "test", &document())));
    assert!(forbidden(act(
        &host.seat(Caller::Token, true),
        None,
        "test",
        &document()
    )));
}

#[test]
fn a_test_takes_the_callers_own_permission_for_the_data() {
    let host = Host::organizer();
    shown(create(&host.owner(), &with_form(json!({"events": ["conf"]}))));
    let test = |by| act(&by, Some(1), "test", &json!({}));
    host.allow("editor", "orders", &["fest"]);
    assert!(forbidden(test(host.editor())));
    host.allow("editor", "orders", &["conf"]);
    assert!(test(host.editor()).is_ok());
    host.forbid("owner", "orders");
    assert!(forbidden(test(host.owner())));
    assert!(forbidden(test(host.seat(Caller::Token, true))));
    assert_eq!(test(host.user("stranger")), Err(Problem::NotFound));
    // Of all events, those that the caller can export.
    shown(create(&host.editor(), &with_form(json!({"events": ["conf"]}))));
    host.edit(1, |row| {
        row.content.document = row
            .content
            .document
            .replace(r#""events":["conf"]"#, r#""all_events":true"#)
    });
    assert!(test(host.editor()).is_ok());
}
