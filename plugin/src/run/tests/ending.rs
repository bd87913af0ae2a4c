//! Failures, retries, and nothing to export.

use crate::contract::{Audience, ExportError, MailKind, Outcome, OwnerRight};
use crate::run::execute;
use crate::run::fake::{DAY, Fake, FakeCall, MONDAY, document, outage};

/// Executes, and returns code, counter and active. Checks that the responsible users were notified.
fn failure(run: &Fake) -> (String, u32, bool) {
    execute(run);
    let mail = run.sent().expect("a mail");
    assert_eq!(
        (mail.kind, &mail.audience, mail.attach_file),
        (MailKind::Failure, &Audience::Responsible, false)
    );
    let (outcome, counter, active) = run.end().expect("an end");
    let Outcome::Failed((code, words)) = outcome else {
        panic!("not failed: {outcome:?}")
    };
    assert!(
        !words.is_empty() && mail.text.contains(&words),
        "the mail says why: {}",
        mail.text
    );
    (code, counter, active)
}

#[test]
fn an_owner_who_is_inactive_gone_or_no_longer_allowed_fails_the_run_before_any_data_is_read() {
    for (right, code) in [
        (OwnerRight::Inactive, "owner-inactive"),
        (OwnerRight::Gone, "owner-gone"),
        (OwnerRight::NotAllowed, "owner-not-permitted"),
    ] {
        let run = Fake::where_(|facts| {
            facts.owner_right = right;
            if right == OwnerRight::Gone {
                facts.schedule.owner = None;
            }
        });
        assert_eq!(failure(&run), (code.into(), 1, true));
        assert!(!run.calls().iter().any(|call| matches!(call, FakeCall::Produce { .. })));
    }
}

#[test]
fn an_owner_without_the_right_is_told_so_also_where_the_due_time_has_moved() {
    // The event is deleted: the host uses the organizer's zone, in which this is not a due time.
    let run = Fake::where_(|facts| {
        facts.settings.zone = "America/New_York".into();
        facts.owner_right = OwnerRight::NotAllowed;
    });
    assert_eq!(failure(&run), ("owner-not-permitted".into(), 1, true));
    assert!(
        run.plan()
            .is_some_and(|plan| plan.due == MONDAY && plan.next_run.is_some())
    );
    // With permission it is replanned, without a notice.
    let run = Fake::where_(|facts| facts.settings.zone = "America/New_York".into());
    execute(&run);
    assert!(
        matches!(run.end(), Some((Outcome::Cancelled(_), 0, true))),
        "{:?}",
        run.end()
    );
}

#[test]
fn what_the_exporter_refuses_fails_the_run_with_its_reason() {
    for (error, code, words) in [
        (ExportError::NotAllowed, "owner-not-permitted", "no longer allowed"),
        (
            ExportError::InvalidFormData("No such format: xls".into()),
            "invalid-form-data",
            "No such format: xls",
        ),
        (
            ExportError::Failed("Layout is empty".into()),
            "exporter-failed",
            "Layout is empty",
        ),
    ] {
        let mut run = Fake::where_(|facts| facts.schedule.content.error_counter = 2);
        run.produced = Err(error);
        assert_eq!(failure(&run), (code.into(), 3, true));
        assert!(run.sent().expect("a mail").text.contains(words));
    }
}

#[test]
fn a_date_range_that_is_none_fails_the_run() {
    for value in ["\"someday\"", "7", "null", "\"2026-02-01/2026-01-31\""] {
        let run = Fake::where_(|facts| {
            let text = facts.schedule.content.document.replacen("\"month_previous\"", value, 1);
            facts.schedule.content.document = text;
        });
        assert_eq!(failure(&run), ("invalid-form-data".into(), 1, true), "{value}");
    }
}

#[test]
fn an_unreadable_document_ends_the_run_and_plans_no_other() {
    for text in ["", "{", "[]", "{\"export_form_data\": \"s3cret\"}"] {
        let run = Fake::where_(|facts| facts.schedule.content.document = text.into());
        assert_eq!(failure(&run), ("schedule-unreadable".into(), 1, true));
        let plan = run.plan().expect("a plan");
        assert_eq!((plan.due, plan.next_run), (MONDAY, None));
        assert!(run.sent().expect("a mail").text.contains("To reschedule it"));
    }
}

#[test]
fn a_timetable_that_is_no_longer_valid_ends_the_run_and_plans_no_other() {
    let run = Fake::where_(|facts| facts.settings.zone = "Europe/Atlantis".into());
    assert_eq!(failure(&run), ("invalid-recurrence".into(), 1, true));
    assert_eq!(run.plan().expect("a plan").next_run, None);
    let run = Fake::where_(|facts| facts.schedule.content.document = document("RRULE:FREQ=SECONDLY", "06:30:00"));
    assert_eq!(failure(&run), ("invalid-recurrence".into(), 1, true));
}

#[test]
fn the_fifth_failure_in_a_row_stops_the_schedule_and_the_mail_says_how_to_start_it_again() {
    let after = |counter| {
        let mut run = Fake::where_(|facts| facts.schedule.content.error_counter = counter);
        run.produced = Err(ExportError::Failed("no".into()));
        let (_, counter, active) = failure(&run);
        let mail = run.sent().expect("a mail");
        (
            counter,
            active,
            mail.text.contains("To resume it"),
            mail.text.contains("Next run:"),
        )
    };
    assert_eq!(after(3), (4, true, false, true));
    assert_eq!(after(4), (5, false, true, false));
    assert_eq!(after(5), (5, false, true, false));
    assert_eq!(after(u32::MAX), (5, false, true, false));
}

#[test]
fn an_exporter_that_is_away_is_tried_again_after_2_4_8_16_and_32_minutes_and_then_no_more() {
    let at_attempt = |attempt| {
        let mut run = Fake::where_(|facts| {
            facts.attempt = attempt;
            facts.due = (attempt > 1).then_some(MONDAY);
            facts.schedule.content.next_run = Some(if attempt > 1 { MONDAY + DAY } else { MONDAY });
            facts.schedule.content.error_counter = 2;
            facts.settings.now = MONDAY + 3;
        });
        run.produced = Err(ExportError::Unavailable(outage("connection refused\nby the registry")));
        run
    };
    for (attempt, minutes) in [(1, 2), (2, 4), (3, 8), (4, 16), (5, 32)] {
        let run = at_attempt(attempt);
        execute(&run);
        assert_eq!(run.end(), Some((Outcome::Retry(MONDAY + 3 + 60 * minutes), 2, true)));
        assert_eq!(run.sent(), None);
    }
    for attempt in [6, 7, u32::MAX] {
        let run = at_attempt(attempt);
        assert_eq!(failure(&run), ("exporter-unavailable".into(), 3, true));
        assert!(
            !run.sent().expect("a mail").text.contains("registry"),
            "the host's words are for the log"
        );
    }
}

#[test]
fn a_retry_does_not_hold_up_the_next_due_time() {
    let mut run = Fake::where_(|facts| {
        facts.attempt = 4;
        facts.due = Some(MONDAY);
        facts.schedule.content.next_run = Some(MONDAY + DAY);
        facts.settings.now = MONDAY + DAY - 10;
    });
    run.produced = Err(ExportError::Unavailable(outage("away")));
    execute(&run);
    assert_eq!(run.end(), Some((Outcome::Retry(MONDAY + DAY), 0, true)));
}

#[test]
fn nothing_to_export_ends_empty_with_a_note_and_no_file() {
    let mut run = Fake::where_(|facts| facts.schedule.content.error_counter = 4);
    run.produced = Err(ExportError::NothingToExport);
    execute(&run);
    assert_eq!(run.end(), Some((Outcome::Empty, 4, true)));
    let mail = run.sent().expect("a mail");
    assert_eq!(
        (mail.kind, &mail.audience, mail.attach_file),
        (MailKind::NothingToExport, &Audience::Responsible, false)
    );
    assert!(mail.subject.contains("Order list"));
}

#[test]
fn a_run_ends_the_same_way_where_nobody_can_be_told() {
    for (error, outcome) in [
        (ExportError::NothingToExport, "empty"),
        (ExportError::Failed("no".into()), "failed"),
    ] {
        let mut run = Fake::new();
        run.no_responsible_user = true;
        run.produced = Err(error);
        execute(&run);
        assert_eq!(run.sent(), None);
        assert_eq!(matches!(run.end(), Some((Outcome::Empty, ..))), outcome == "empty");
        assert_eq!(run.failure().is_some(), outcome == "failed");
    }
}

#[test]
fn a_lost_lease_stops_the_attempt_without_a_word() {
    let mut run = Fake::new();
    run.produced = Err(ExportError::LeaseLost);
    execute(&run);
    assert_eq!((run.end(), run.lines().len()), (None, 1));
    let mut run = Fake::where_(|facts| facts.settings.mail_bytes = 100);
    run.zipped = Err(ExportError::LeaseLost);
    execute(&run);
    assert_eq!(run.end(), None);
    assert!(matches!(run.calls().last(), Some(FakeCall::Zip)));
}
