//! Runs whose instance did not finish them.

use crate::contract::{AbandonReason, MailKind, Outcome, RunStart, StoreError};
use crate::run::abandon;
use crate::run::fake::{DAY, Fake, FakeCall, MONDAY, SECRET};

fn opened(attempt: u32) -> Fake {
    Fake::where_(|facts| {
        facts.due = Some(MONDAY);
        facts.attempt = attempt;
        facts.schedule.content.next_run = Some(MONDAY + DAY);
        facts.schedule.content.error_counter = 1;
        facts.settings.now = MONDAY + 30;
    })
}

#[test]
fn a_trap_a_deadline_and_a_limit_of_memory_fail_the_run_with_their_reason() {
    for (reason, code) in [
        (
            AbandonReason::Trapped(format!("unreachable: {SECRET}")),
            "plugin-trapped",
        ),
        (AbandonReason::DeadlineExceeded, "deadline-exceeded"),
        (AbandonReason::OutOfMemory, "memory-limit-exceeded"),
    ] {
        let run = opened(1);
        abandon(&run, reason);
        assert_eq!(run.failure().as_deref(), Some(code));
        let (_, counter, active) = run.end().expect("an end");
        assert_eq!((counter, active, run.calls().len()), (2, true, 2));
        let mail = run.sent().expect("a mail");
        assert_eq!(mail.kind, MailKind::Failure);
        assert!(!mail.text.contains(SECRET) && mail.text.contains("Scheduled for: Monday, 26 October 2026, 06:30"));
    }
}

#[test]
fn a_run_that_was_not_opened_is_opened_first() {
    let run = Fake::where_(|facts| facts.settings.now = MONDAY + DAY + 5);
    abandon(&run, AbandonReason::DeadlineExceeded);
    let plan = run.plan().expect("a plan");
    assert_eq!((plan.due, plan.next_run), (MONDAY + DAY, Some(MONDAY + 2 * DAY)));
    assert_eq!(plan.missed[0].count, 1);
    assert_eq!(run.failure().as_deref(), Some("deadline-exceeded"));
}

#[test]
fn an_unreadable_document_is_no_hindrance() {
    let run = Fake::where_(|facts| facts.schedule.content.document = "{".into());
    abandon(&run, AbandonReason::OutOfMemory);
    assert_eq!(
        run.plan(),
        Some(RunStart {
            due: MONDAY,
            missed: Vec::new(),
            next_run: None
        })
    );
    assert_eq!(run.failure().as_deref(), Some("memory-limit-exceeded"));
    assert!(run.sent().expect("a mail").subject.contains("orderlist"));
}

#[test]
fn an_instance_that_came_back_without_an_outcome_is_tried_again_as_long_as_there_are_attempts() {
    for (attempt, minutes) in [(1, 2), (5, 32)] {
        let run = opened(attempt);
        abandon(&run, AbandonReason::Unfinished);
        assert_eq!(run.end(), Some((Outcome::Retry(MONDAY + 30 + 60 * minutes), 1, true)));
        assert_eq!(run.sent(), None);
    }
    let run = opened(6);
    abandon(&run, AbandonReason::Unfinished);
    assert_eq!(run.failure().as_deref(), Some("plugin-incomplete"));
}

#[test]
fn the_fifth_failure_stops_the_schedule_here_too() {
    let run = Fake::where_(|facts| {
        facts.due = Some(MONDAY);
        facts.schedule.content.error_counter = 4;
    });
    abandon(&run, AbandonReason::DeadlineExceeded);
    assert!(matches!(run.end(), Some((Outcome::Failed(_), 5, false))));
}

#[test]
fn without_a_lease_nothing_is_written() {
    let mut run = Fake::new();
    run.start_error = Some(StoreError::LeaseLost);
    abandon(&run, AbandonReason::Unfinished);
    assert!(matches!(run.calls().as_slice(), [FakeCall::Start(_)]));
}
