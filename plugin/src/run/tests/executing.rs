//! Due times, date ranges, and the order of calls.

use crate::contract::{
    Audience, MailKind, MissedRange, MissedReason, Outcome, Recipients, RunStart, ScheduleState, StoreError,
};
use crate::run::execute;
use crate::run::fake::{DAY, Fake, FakeCall, MONDAY, OWNER, document};

const AS_IT_WAS: u32 = 3;

#[test]
fn a_file_that_is_made_goes_to_the_owner_and_the_counter_stays_as_it_was() {
    let run = Fake::where_(|facts| facts.schedule.content.error_counter = AS_IT_WAS);
    execute(&run);
    let calls = run.calls();
    assert_eq!(
        calls[0],
        FakeCall::Start(RunStart {
            due: MONDAY,
            missed: Vec::new(),
            next_run: Some(MONDAY + DAY)
        })
    );
    let FakeCall::Produce {
        language, zone, now, ..
    } = &calls[1]
    else {
        panic!("no export: {calls:?}")
    };
    assert_eq!(
        (language.as_str(), zone.as_str(), *now),
        ("de-informal", "Europe/Berlin", MONDAY)
    );
    let FakeCall::Stage(mail) = &calls[2] else {
        panic!("no mail: {calls:?}")
    };
    assert_eq!((mail.kind, mail.attach_file), (MailKind::Export, true));
    assert_eq!(
        (mail.subject.as_str(), mail.text.as_str()),
        ("Order list", "All events.")
    );
    let owner = Recipients {
        to: vec![OWNER.into()],
        ..Recipients::default()
    };
    assert_eq!(mail.audience, Audience::People(owner));
    assert_eq!(calls[3], FakeCall::Finish(Outcome::Submitted, AS_IT_WAS, true));
    assert_eq!(calls.len(), 4);
}

#[test]
fn a_minute_late_nothing_is_missed() {
    let run = Fake::where_(|facts| facts.settings.now = MONDAY + 60);
    execute(&run);
    assert_eq!(
        run.plan(),
        Some(RunStart {
            due: MONDAY,
            missed: Vec::new(),
            next_run: Some(MONDAY + DAY)
        })
    );
    assert_eq!(run.end(), Some((Outcome::Submitted, 0, true)));
}

#[test]
fn a_day_late_the_latest_due_time_runs_and_the_one_before_is_missed() {
    let run = Fake::where_(|facts| facts.settings.now = MONDAY + DAY + 60);
    execute(&run);
    let missed = vec![MissedRange {
        reason: MissedReason::Unavailable,
        first: MONDAY,
        last: MONDAY,
        count: 1,
    }];
    assert_eq!(
        run.plan(),
        Some(RunStart {
            due: MONDAY + DAY,
            missed,
            next_run: Some(MONDAY + 2 * DAY)
        })
    );
    assert_eq!(run.end(), Some((Outcome::Submitted, 0, true)));
}

#[test]
fn a_year_late_one_runs_and_the_other_365_are_missed() {
    // Monday 26 October 2026 to Tuesday 26 October 2027, 06:30, which is still summer time: an hour earlier in UTC.
    let last = MONDAY + 365 * DAY - 3600;
    let run = Fake::where_(|facts| facts.settings.now = last + 5);
    execute(&run);
    let missed = vec![MissedRange {
        reason: MissedReason::Unavailable,
        first: MONDAY,
        last: last - DAY,
        count: 365,
    }];
    assert_eq!(
        run.plan(),
        Some(RunStart {
            due: last,
            missed,
            next_run: Some(last + DAY)
        })
    );
}

#[test]
fn the_last_run_of_a_rule_plans_no_other() {
    let run = Fake::where_(|facts| {
        facts.schedule.content.document = document("DTSTART:20261025T000000\nRRULE:FREQ=DAILY;COUNT=2", "06:30:00");
        facts.settings.now = MONDAY + 100 * DAY;
    });
    execute(&run);
    assert_eq!(
        run.plan(),
        Some(RunStart {
            due: MONDAY,
            missed: Vec::new(),
            next_run: None
        })
    );
    assert_eq!(run.end(), Some((Outcome::Submitted, 0, true)));
}

#[test]
fn a_local_time_that_does_not_exist_runs_once_by_the_offset_before_the_jump() {
    let gap = 1_806_197_400; // 2027-03-28T01:30:00Z: 02:30 by +01:00
    let run = Fake::where_(|facts| {
        facts.schedule.content.document = document("RRULE:FREQ=DAILY", "02:30:00");
        facts.schedule.content.next_run = Some(gap);
        facts.settings.now = gap;
    });
    execute(&run);
    // The day after is summer time: 00:30 in UTC.
    assert_eq!(
        run.plan(),
        Some(RunStart {
            due: gap,
            missed: Vec::new(),
            next_run: Some(gap + DAY - 3600)
        })
    );
}

#[test]
fn a_local_time_that_happens_twice_runs_the_first_time_only() {
    let fold = 1_792_888_200; // 2026-10-25T00:30:00Z: the first 02:30
    for now in [fold, fold + 3600] {
        let run = Fake::where_(|facts| {
            facts.schedule.content.document = document("RRULE:FREQ=DAILY", "02:30:00");
            facts.schedule.content.next_run = Some(fold);
            facts.settings.now = now;
        });
        execute(&run);
        assert_eq!(
            run.plan(),
            Some(RunStart {
                due: fold,
                missed: Vec::new(),
                next_run: Some(fold + DAY + 3600)
            })
        );
    }
}

#[test]
fn the_window_is_that_of_the_due_time_however_late_the_run_is() {
    // Due on Saturday 31 October; executed ten minutes into November, and again as a retry.
    let due = MONDAY + 5 * DAY;
    for (pinned, attempt) in [(None, 1), (Some(due), 3)] {
        let run = Fake::where_(|facts| {
            facts.due = pinned;
            facts.attempt = attempt;
            facts.schedule.content.next_run = pinned.map_or(Some(due), |due| Some(due + DAY));
            facts.settings.now = due + 17 * 3600 + 2400;
        });
        execute(&run);
        assert_eq!(run.form()["date_range"], "2026-09-01/2026-09-30");
        assert_eq!(run.end(), Some((Outcome::Submitted, 0, true)));
    }
}

#[test]
fn the_window_is_that_of_the_local_date() {
    // 00:30 in Berlin on 1 November is still October in UTC.
    let due = MONDAY + 6 * DAY - 6 * 3600;
    let run = Fake::where_(|facts| {
        facts.schedule.content.document = document("RRULE:FREQ=DAILY", "00:30:00");
        facts.schedule.content.next_run = Some(due);
        facts.settings.now = due;
    });
    execute(&run);
    assert_eq!(run.form()["date_range"], "2026-10-01/2026-10-31");
}

#[test]
fn only_fields_that_are_date_ranges_are_resolved_and_the_rest_stays_as_given() {
    let run = Fake::new();
    execute(&run);
    let form = run.form();
    assert_eq!(form["text"], "month_previous");
    assert_eq!(form["_format"], "xlsx");
    assert_eq!(form.as_object().expect("an object").len(), 4);
}

#[test]
fn a_document_that_names_no_date_ranges_is_read_and_its_form_is_passed_on_as_it_is() {
    let run = Fake::where_(|facts| {
        facts.schedule.content.document = facts
            .schedule
            .content
            .document
            .replace("\"date_ranges\":[\"date_range\"],", "");
        assert!(!facts.schedule.content.document.contains("date_ranges"));
    });
    execute(&run);
    assert_eq!(run.form()["date_range"], "month_previous");
}

#[test]
fn the_schedules_own_zone_goes_before_that_of_the_event() {
    let run = Fake::where_(|facts| {
        let mut document = crate::document::Document::read(&facts.schedule.content.document).expect("readable");
        document.timezone = Some("America/New_York".into());
        facts.schedule.content.document = document.to_text();
        // 06:30 in New York, still in summer time.
        facts.schedule.content.next_run = Some(MONDAY + 5 * 3600);
        facts.settings.now = MONDAY + 5 * 3600;
    });
    execute(&run);
    assert!(matches!(&run.calls()[1], FakeCall::Produce { zone, .. } if zone == "America/New_York"));
}

#[test]
fn a_schedule_without_a_due_time_opens_no_run() {
    let run = Fake::where_(|facts| facts.schedule.content.next_run = None);
    execute(&run);
    assert_eq!(run.calls(), []);
    assert_eq!(run.lines().len(), 1);
}

#[test]
fn a_run_leased_before_its_time_is_put_off_until_then() {
    let run = Fake::where_(|facts| facts.settings.now = MONDAY - 1);
    execute(&run);
    assert_eq!(
        run.plan(),
        Some(RunStart {
            due: MONDAY,
            missed: Vec::new(),
            next_run: Some(MONDAY + DAY)
        })
    );
    assert_eq!(run.end(), Some((Outcome::Retry(MONDAY), 0, true)));
}

#[test]
fn a_plan_that_the_zones_rules_have_moved_is_called_off_without_mail_and_planned_again() {
    let run = Fake::where_(|facts| {
        facts.schedule.content.next_run = Some(MONDAY - 3600);
        facts.settings.now = MONDAY - 3600;
        facts.schedule.content.error_counter = AS_IT_WAS;
    });
    execute(&run);
    assert_eq!(
        run.plan(),
        Some(RunStart {
            due: MONDAY - 3600,
            missed: Vec::new(),
            next_run: Some(MONDAY)
        })
    );
    let (outcome, counter, active) = run.end().expect("an end");
    assert!(matches!(outcome, Outcome::Cancelled(why) if !why.is_empty()));
    assert_eq!((counter, active, run.sent()), (AS_IT_WAS, true, None));
}

#[test]
fn a_later_attempt_opens_the_same_due_time_again() {
    let run = Fake::where_(|facts| {
        facts.due = Some(MONDAY);
        facts.attempt = 2;
        facts.schedule.content.next_run = Some(MONDAY + DAY);
        facts.settings.now = MONDAY + 120;
    });
    execute(&run);
    assert_eq!(
        run.plan(),
        Some(RunStart {
            due: MONDAY,
            missed: Vec::new(),
            next_run: Some(MONDAY + DAY)
        })
    );
    assert_eq!(run.end(), Some((Outcome::Submitted, 0, true)));
}

#[test]
fn a_later_attempt_ends_missed_at_the_next_due_time_and_not_one_second_before() {
    let at = |now| {
        let run = Fake::where_(|facts| {
            facts.due = Some(MONDAY);
            facts.attempt = 2;
            facts.schedule.content.next_run = Some(MONDAY + DAY);
            facts.schedule.content.error_counter = AS_IT_WAS;
            facts.settings.now = now;
        });
        execute(&run);
        assert_eq!(
            run.plan().expect("a plan").next_run,
            Some(MONDAY + DAY),
            "the next one is still to run"
        );
        (run.end().expect("an end"), run.sent().is_some())
    };
    assert_eq!(at(MONDAY + DAY - 1), ((Outcome::Submitted, AS_IT_WAS, true), true));
    let missed = Outcome::Missed(MissedRange {
        reason: MissedReason::Unavailable,
        first: MONDAY,
        last: MONDAY,
        count: 1,
    });
    assert_eq!(at(MONDAY + DAY), ((missed, AS_IT_WAS, true), false));
}

#[test]
fn changed_parameters_are_used_where_the_new_rule_still_has_the_due_time_and_else_the_run_is_cancelled() {
    let with_time = |time: &str| {
        let run = Fake::where_(|facts| {
            facts.due = Some(MONDAY);
            facts.attempt = 2;
            facts.schedule.version = 2;
            facts.schedule.content.export_identifier = "checkinlist".into();
            facts.schedule.content.document = document("DTSTART:20230118T000000\nRRULE:FREQ=WEEKLY;BYDAY=MO", time);
            facts.schedule.content.next_run = Some(MONDAY + 7 * DAY);
            facts.settings.now = MONDAY + 120;
        });
        execute(&run);
        assert_eq!(run.plan().expect("a plan").next_run, Some(MONDAY + 7 * DAY));
        run.end().expect("an end").0
    };
    assert_eq!(with_time("06:30:00"), Outcome::Submitted);
    assert!(matches!(with_time("07:30:00"), Outcome::Cancelled(_)));
}

#[test]
fn a_stopped_schedule_is_not_run() {
    let run = Fake::where_(|facts| facts.schedule.content.state = ScheduleState::Stopped);
    execute(&run);
    let (outcome, counter, active) = run.end().expect("an end");
    assert!(matches!(outcome, Outcome::Cancelled(_)));
    assert_eq!((counter, active, run.sent()), (0, false, None));
}

#[test]
fn where_start_is_refused_nothing_else_is_written() {
    for error in [
        StoreError::LeaseLost,
        StoreError::Unavailable("disk".into()),
        StoreError::NotFound,
    ] {
        let mut run = Fake::new();
        run.start_error = Some(error);
        execute(&run);
        assert_eq!(run.calls().len(), 1);
        assert_eq!(run.lines().len(), 1);
    }
}

#[test]
fn where_finish_is_refused_nothing_is_tried_after_it() {
    for error in [StoreError::LeaseLost, StoreError::Unavailable("disk".into())] {
        let mut run = Fake::new();
        run.finish_error = Some(error);
        execute(&run);
        assert_eq!(run.calls().len(), 4);
        assert_eq!(run.lines().len(), 1);
    }
}
