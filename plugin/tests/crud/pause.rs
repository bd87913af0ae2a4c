//! The verbs `pause` and `resume`, and what a pause outlasts.

use plugin::contract::{Caller, MissedRange, MissedReason, Problem, ScheduleState};
use plugin::document::Document;
use plugin::host::Access;
use plugin::schedules;
use serde_json::{Value, json};

use crate::host::{Host, at};
use crate::{create, document, errors, forbidden, list, patch, put, shown, with};

fn act(by: &impl Access, verb: &str, body: &Value) -> Result<Value, Problem> {
    let acted = schedules::act(by, Some(1), verb, &body.to_string())?;
    assert_eq!(acted.run, None);
    Ok(serde_json::from_str(&acted.document).expect("JSON"))
}

fn pause(by: &impl Access, body: &Value) -> Value {
    act(by, "pause", body).expect("paused")
}

fn resume(by: &impl Access) -> Value {
    act(by, "resume", &json!({})).expect("resumed")
}

/// With a schedule that is due each day at 06:00 in Berlin; it is Wednesday, 14 October 2026, 10:00.
fn host() -> Host {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    host
}

fn daily(first: &str, last: &str, count: u64, reason: MissedReason) -> MissedRange {
    MissedRange {
        first: at(first),
        last: at(last),
        count,
        reason,
    }
}

#[test]
fn a_paused_schedule_says_why_since_when_until_when_and_by_whom() {
    let host = host();
    let given = json!({"reason": " Summer break ", "until": "2026-10-20T09:30:00+02:00"});
    let paused = pause(&host.editor(), &given);
    assert_eq!(paused["state"], "paused");
    assert_eq!(
        paused["paused"],
        json!({
            "reason": "Summer break", "since": "2026-10-14T08:00:00Z", "until": "2026-10-20T07:30:00Z",
            "by": "editor@example.org",
        })
    );
    assert_eq!(paused["schedule_next_run"], "2026-10-21T04:00:00Z");
    assert_eq!(list(&host.owner()), [paused]);
    // Without an end there is no plan, and no warning of that.
    let open = pause(&host.seat(Caller::Token, true), &json!({"reason": null, "until": null}));
    assert_eq!(
        open["paused"],
        json!({"reason": null, "since": "2026-10-14T08:00:00Z", "until": null, "by": null})
    );
    assert_eq!((&open["schedule_next_run"], open.get("warnings")), (&json!(null), None));
    assert_eq!(host.row(1).content.state, ScheduleState::Paused(None));
    let active = resume(&host.owner());
    assert_eq!((&active["state"], &active["paused"]), (&json!("active"), &json!(null)));
    assert_eq!(active["schedule_next_run"], "2026-10-15T04:00:00Z");
    assert_eq!(Document::read(&host.row(1).content.document).expect("one").paused, None);
}

#[test]
fn a_date_ends_a_pause_at_the_beginning_of_that_day_in_the_zone_of_the_schedule() {
    let host = host();
    shown(patch(
        &host.owner(),
        1,
        &json!({"timezone": "America/New_York", "schedule_rrule_time": "00:00"}),
    ));
    let paused = pause(&host.owner(), &json!({"until": "2026-10-20"}));
    assert_eq!(paused["paused"]["until"], "2026-10-20T04:00:00Z");
    // The first second after the pause is a due time.
    assert_eq!(paused["schedule_next_run"], "2026-10-20T04:00:00Z");
}

#[test]
fn an_end_is_in_the_future_and_at_most_five_years_ahead_and_the_field_is_named() {
    let host = host();
    for (body, want) in [
        (json!({"until": "soon"}), &["until: invalid-date-time"][..]),
        (json!({"until": "2026-10-20T09:30:00"}), &["until: invalid-date-time"]),
        (json!({"until": 5}), &["until: wrong-type"]),
        (json!({"until": "2026-10-14T10:00:00+02:00"}), &["until: not-in-future"]),
        (json!({"until": "2026-10-14"}), &["until: not-in-future"]),
        (json!({"until": "2031-11-01"}), &["until: too-far-ahead"]),
        (
            json!({"reason": "a\nb", "until": "x"}),
            &["reason: line-break", "until: invalid-date-time"],
        ),
        (json!({"reason": "x".repeat(501)}), &["reason: too-long"]),
        (json!({"reason": 7}), &["reason: wrong-type"]),
        (json!([]), &[": not-an-object"]),
    ] {
        assert_eq!(errors(act(&host.owner(), "pause", &body)), want, "{body}");
    }
    assert_eq!(host.row(1).version, 1);
    for body in ["", " ", "{}"] {
        assert!(schedules::act(&host.owner(), Some(1), "pause", body).is_ok());
    }
    pause(&host.owner(), &json!({"until": "2031-10-01", "reason": "  "}));
    assert_eq!(errors(act(&host.owner(), "resume", &json!(7))), [": not-an-object"]);
}

#[test]
fn no_change_resumes_what_a_person_has_paused() {
    for until in [json!(null), json!("2026-10-20T06:00:00+02:00")] {
        let host = host();
        let paused = pause(&host.owner(), &json!({"reason": "Break", "until": until}));
        let next = |time: &str| until.as_str().map_or(json!(null), |_| json!(time));
        let changed = shown(patch(&host.owner(), 1, &json!({"mail_subject": "x"})));
        assert_eq!(changed["paused"], paused["paused"]);
        assert_eq!(changed["schedule_next_run"], next("2026-10-20T04:00:00Z"));
        let replaced = shown(put(&host.owner(), 1, &with(json!({"schedule_rrule_time": "05:59"}))));
        assert_eq!(replaced["paused"], paused["paused"]);
        assert_eq!(replaced["schedule_next_run"], next("2026-10-21T03:59:00Z"));
        let taken = act(&host.editor(), "take_over", &json!({})).expect("taken over");
        assert_eq!(
            (&taken["owner"], &taken["state"]),
            (&json!("editor@example.org"), &json!("paused"))
        );
        assert_eq!(taken["paused"], paused["paused"]);
        assert_eq!(taken["schedule_next_run"], next("2026-10-21T03:59:00Z"));
    }
}

#[test]
fn due_times_that_pass_during_a_pause_are_missed_because_of_it_once() {
    let host = host();
    pause(&host.owner(), &json!({}));
    // A change in between gives the schedule another time of day, so the old due times are recorded with it.
    let saturday = host.owner().at("2026-10-17T10:00:00+02:00");
    shown(patch(&saturday, 1, &json!({"schedule_rrule_time": "05:00"})));
    assert_eq!(
        host.missed.take(),
        [daily(
            "2026-10-15T06:00:00+02:00",
            "2026-10-17T06:00:00+02:00",
            3,
            MissedReason::Paused
        )]
    );
    resume(&host.owner().at("2026-10-19T05:00:00+02:00"));
    assert_eq!(
        host.missed.take(),
        [daily(
            "2026-10-18T05:00:00+02:00",
            "2026-10-19T05:00:00+02:00",
            2,
            MissedReason::Paused
        )]
    );
    assert_eq!(host.row(1).content.next_run, Some(at("2026-10-20T05:00:00+02:00")));
}

#[test]
fn a_pause_that_has_run_out_counts_as_active_and_its_due_times_are_missed_with_the_next_change() {
    let host = host();
    pause(&host.owner(), &json!({"until": "2026-10-17"}));
    let later = || host.owner().at("2026-10-18T10:00:00+02:00");
    let shown_then = shown(schedules::get(&later(), 1));
    assert_eq!(
        (&shown_then["state"], &shown_then["paused"]),
        (&json!("active"), &json!(null))
    );
    // The host was down on the 17th; the 18th is kept.
    let changed = shown(patch(&later(), 1, &json!({"mail_subject": "x"})));
    assert_eq!(changed["schedule_next_run"], "2026-10-18T04:00:00Z");
    assert_eq!(
        host.missed.take(),
        [
            daily(
                "2026-10-15T06:00:00+02:00",
                "2026-10-16T06:00:00+02:00",
                2,
                MissedReason::Paused
            ),
            daily(
                "2026-10-17T06:00:00+02:00",
                "2026-10-17T06:00:00+02:00",
                1,
                MissedReason::Unavailable
            ),
        ]
    );
    assert_eq!(host.row(1).content.state, ScheduleState::Active);
}

#[test]
fn the_first_run_after_a_pause_has_recorded_its_due_times() {
    let host = host();
    pause(&host.owner(), &json!({"until": "2026-10-17"}));
    host.edit(1, |row| row.content.next_run = Some(at("2026-10-18T06:00:00+02:00")));
    shown(patch(
        &host.owner().at("2026-10-17T10:00:00+02:00"),
        1,
        &json!({"mail_subject": "x"}),
    ));
    assert!(host.missed.borrow().is_empty());
}

#[test]
fn a_pause_drops_a_due_time_that_has_passed_and_was_not_run() {
    let host = host();
    let rule = "DTSTART:20260101T000000\nRRULE:FREQ=DAILY";
    shown(patch(&host.owner(), 1, &json!({ "schedule_rrule": rule })));
    host.edit(1, |row| row.content.next_run = Some(at("2026-10-12T06:00:00+02:00")));
    pause(&host.owner(), &json!({}));
    assert_eq!(
        host.missed.take(),
        [
            daily(
                "2026-10-12T06:00:00+02:00",
                "2026-10-13T06:00:00+02:00",
                2,
                MissedReason::Unavailable
            ),
            daily(
                "2026-10-14T06:00:00+02:00",
                "2026-10-14T06:00:00+02:00",
                1,
                MissedReason::Paused
            ),
        ]
    );
    resume(&host.owner());
    assert!(host.missed.borrow().is_empty());
}

#[test]
fn a_stopped_schedule_is_resumed_or_paused_and_counts_its_failures_anew() {
    let stopped = || {
        let host = host();
        host.edit(1, |row| {
            row.content.state = ScheduleState::Stopped;
            row.content.error_counter = 5;
            row.content.next_run = Some(at("2026-10-10T06:00:00+02:00"));
        });
        let shown = shown(schedules::get(&host.owner(), 1));
        assert_eq!((&shown["state"], &shown["paused"]), (&json!("stopped"), &json!(null)));
        host
    };
    let host = stopped();
    let resumed = resume(&host.owner());
    assert_eq!(
        (&resumed["state"], &resumed["error_counter"]),
        (&json!("active"), &json!(0))
    );
    assert_eq!(resumed["schedule_next_run"], "2026-10-15T04:00:00Z");
    let host = stopped();
    let paused = pause(&host.owner(), &json!({"until": "2026-10-20"}));
    assert_eq!(
        (&paused["state"], &paused["error_counter"]),
        (&json!("paused"), &json!(0))
    );
    assert!(host.missed.borrow().is_empty());
    // A pause keeps the count of a schedule that has not been stopped.
    let host = self::host();
    host.edit(1, |row| row.content.error_counter = 3);
    assert_eq!(pause(&host.owner(), &json!({}))["error_counter"], 3);
    assert_eq!(resume(&host.owner())["error_counter"], 0);
}

#[test]
fn a_schedule_that_is_active_is_resumed_without_a_change() {
    let host = host();
    let before = shown(schedules::get(&host.owner(), 1));
    assert_eq!(resume(&host.editor()), before);
    assert_eq!((host.row(1).version, host.notices.borrow().len()), (1, 0));
}

#[test]
fn whoever_may_change_settings_or_owns_it_pauses_and_resumes_without_the_right_to_its_data() {
    let host = host();
    host.forbid("editor", "orders");
    pause(&host.editor(), &json!({}));
    resume(&host.editor());
    pause(&host.seat(Caller::Token, true), &json!({}));
    resume(&host.owner());
    for verb in ["pause", "resume"] {
        assert!(forbidden(act(&host.owner().reading_only(), verb, &json!({}))));
        assert!(forbidden(act(&host.seat(Caller::Token, false), verb, &json!({}))));
        assert_eq!(act(&host.user("stranger"), verb, &json!({})), Err(Problem::NotFound));
        assert_eq!(
            schedules::act(&host.owner(), None, verb, "{}").map(|_| ()),
            Err(Problem::NotFound)
        );
    }
}

#[test]
fn a_pause_while_others_change_the_schedule_is_tried_again() {
    let host = host();
    host.rivals.set(2);
    pause(&host.owner(), &json!({}));
    host.rivals.set(3);
    assert_eq!(act(&host.owner(), "resume", &json!({})), Err(Problem::Stale));
}

#[test]
fn the_owner_is_told_of_a_pause_by_another_user_and_of_its_end() {
    let host = host();
    pause(
        &host.editor(),
        &json!({"reason": "Break", "until": "2026-10-20T09:30:00+02:00"}),
    );
    resume(&host.seat(Caller::Token, true));
    pause(&host.editor(), &json!({}));
    let notices = host.notices.take();
    let [paused, resumed, open] = notices.as_slice() else {
        panic!("{notices:?}")
    };
    assert_eq!(paused.1, "Scheduled export paused: Orders");
    assert_eq!(
        paused.2,
        "editor@example.org paused your scheduled export “Orders” (orders).\n\
         When: Wednesday, 14 October 2026, 10:00 (Europe/Berlin, UTC+02:00)\n\n\
         Reason: “Break”\n\
         It does not run until Tuesday, 20 October 2026, 09:30 (Europe/Berlin, UTC+02:00).\n\
         Next run: Wednesday, 21 October 2026, 06:00 (Europe/Berlin, UTC+02:00)\n\n\
         Manage scheduled exports: https://tickets.example/exports\n"
    );
    assert_eq!(resumed.1, "Scheduled export resumed: Orders");
    assert!(
        resumed.2.starts_with("A program with an API token resumed your"),
        "{}",
        resumed.2
    );
    assert!(
        resumed.2.contains("Next run: Thursday, 15 October 2026, 06:00"),
        "{}",
        resumed.2
    );
    assert!(
        open.2.contains("It does not run until a user resumes it."),
        "{}",
        open.2
    );
    pause(&host.owner(), &json!({}));
    resume(&host.owner());
    assert!(host.notices.borrow().is_empty());
}

#[test]
fn a_document_that_cannot_be_read_is_paused_as_it_is_and_fails_after_the_pause() {
    let host = host();
    host.edit(1, |row| row.content.document = "?".to_owned());
    let paused = pause(&host.owner(), &json!({"reason": "Break", "until": "2026-10-20"}));
    assert_eq!(
        paused["paused"],
        json!({"reason": null, "since": null, "until": "2026-10-19T22:00:00Z", "by": null})
    );
    assert_eq!(paused["schedule_next_run"], "2026-10-19T22:00:00Z");
    assert_eq!(host.row(1).content.document, "?");
    assert_eq!(resume(&host.owner())["schedule_next_run"], "2026-10-19T22:00:00Z");
    pause(&host.owner(), &json!({}));
    let taken = act(&host.editor(), "take_over", &json!({})).map(|taken| taken["state"].clone());
    assert_eq!(taken, Ok(json!("paused")));
    assert_eq!(resume(&host.editor())["schedule_next_run"], "2026-10-14T08:00:00Z");
}
