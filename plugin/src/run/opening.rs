//! Decides which due time an attempt is for, and whether it can still run. Pure: takes the facts and the recurrence, returns the
//! decision.

use crate::contract::{Instant, MissedRange, MissedReason, RunContext, RunKind, RunStart, StateKind};
use crate::document::Document;
use crate::notice::Cancellation;
use crate::past_due::{PastDueTimes, unrecorded_pause};
use crate::recurrence::Recurrence;

/// In seconds. Due times are at least a day apart, less the hour of a gap, so the instant that another version of the time zone
/// database has for the same due time is closer than this.
const SAME_DUE_TIME: i64 = 12 * 60 * 60;

/// The parameters of `start`, and whether the run continues after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RunOpening {
    pub plan: RunStart,
    pub decision: RunDecision,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunDecision {
    /// Run now.
    Run,
    /// Retry at this instant: the run was leased too early, before a clock was set back.
    Wait(Instant),
    /// End as missed: the next due time has passed as well.
    Missed(MissedRange),
    /// End as cancelled.
    Cancel(Cancellation),
}

/// The opening of this attempt; `None` if no due time is pinned or planned.
///
/// `rule` is `None` if the document is unreadable or its rule is no longer valid. The run is then opened at the planned or pinned due
/// time, without a next one, so that it can end as failed.
///
/// A run that a user requested has its due time, whatever the recurrence and the state are, and leaves the plan as it is.
pub(super) fn opening(facts: &RunContext, rule: Option<(&Document, &Recurrence)>) -> Option<RunOpening> {
    let now = facts.settings.now;
    let planned = facts.schedule.content.next_run;
    if facts.kind != RunKind::Scheduled {
        return Some(RunOpening {
            plan: RunStart {
                due: facts.due.or(planned)?,
                missed: Vec::new(),
                next_run: None,
            },
            decision: RunDecision::Run,
        });
    }
    let mut opening = match (facts.due, planned, rule) {
        (None, None, _) => return None,
        (Some(due), _, None) | (None, Some(due), None) => RunOpening {
            plan: RunStart {
                due,
                missed: Vec::new(),
                next_run: None,
            },
            decision: RunDecision::Run,
        },
        (Some(due), _, Some((document, recurrence))) => {
            let retimed = facts
                .started_version
                .is_none_or(|version| document.retimed_since(version));
            later_attempt(due, planned, retimed, now, recurrence)
        }
        (None, Some(planned), Some((document, recurrence))) => match facts.newer_zone_database {
            Some(_) => first_attempt_planned_by_newer(planned, document.kept_at, now, recurrence),
            None => first_attempt(planned, document.kept_at, now, recurrence),
        },
    };
    if let (None, Some((document, recurrence))) = (facts.due, rule) {
        // The first run after a pause tells of the due times in it, which are all before the planned one.
        let pause = unrecorded_pause(&facts.schedule.content, document.paused.as_ref(), recurrence, now);
        let pause = pause.filter(|range| range.last < opening.plan.due);
        opening.plan.missed.splice(0..0, pause);
    }
    if facts.schedule.content.state.at(now) != StateKind::Active {
        opening.decision = RunDecision::Cancel(Cancellation::Paused);
    } else if opening.decision == RunDecision::Run && opening.plan.due > now {
        opening.decision = RunDecision::Wait(opening.plan.due);
    }
    Some(opening)
}

/// The first attempt: at the latest past due time, from the planned one on.
///
/// If the recurrence has none from `planned` to `now`, the run was planned with another version of the time zone database. It is then
/// opened at the planned time and cancelled, so that this due time ends and the correct one is planned. If the recurrence has later
/// ones, the planned one was a due time too, and is missed with the others.
fn first_attempt(planned: Instant, kept_at: Option<Instant>, now: Instant, recurrence: &Recurrence) -> RunOpening {
    let passed = PastDueTimes::new(planned, kept_at, Some(recurrence));
    let due = passed.latest_until(now).unwrap_or(planned);
    let next_run = recurrence.next_after(due.max(now)).map(|next| next.at);
    let decision = if due == planned && planned <= now && !recurrence.contains(planned) {
        RunDecision::Cancel(Cancellation::NoLongerDue)
    } else {
        RunDecision::Run
    };
    RunOpening {
        plan: RunStart {
            due,
            missed: passed.ranges(planned, due),
            next_run,
        },
        decision,
    }
}

/// The first attempt at a due time that was planned with a newer time zone database. It is a due time even if the recurrence does not
/// have it. A due time of the recurrence close to it is the same one, so it is neither run nor planned again.
fn first_attempt_planned_by_newer(
    planned: Instant,
    kept_at: Option<Instant>,
    now: Instant,
    recurrence: &Recurrence,
) -> RunOpening {
    let others_after = planned.saturating_add(SAME_DUE_TIME);
    let passed = PastDueTimes::new(planned, kept_at.max(Some(others_after)), Some(recurrence));
    let due = passed.latest_until(now).unwrap_or(planned);
    RunOpening {
        plan: RunStart {
            due,
            missed: passed.ranges(planned, due),
            next_run: recurrence.next_after(others_after.max(now)).map(|next| next.at),
        },
        decision: RunDecision::Run,
    }
}

/// A later attempt: at the pinned due time, unless the next one has passed, or a user has changed the recurrence since and it no longer
/// has this due time. A change of the zone or of the time zone database does not cancel a run that has started.
///
/// The next due time is the stored one. `start` stored it, or a later change by a user, which plans from its own time on; so due
/// times that the new rule would have had before that are not caught up.
fn later_attempt(
    due: Instant,
    planned: Option<Instant>,
    retimed: bool,
    now: Instant,
    recurrence: &Recurrence,
) -> RunOpening {
    let next_run = match planned {
        // `start` did not store it: it is older than the run.
        Some(planned) if planned <= due => recurrence.next_after(due).map(|next| next.at),
        planned => planned,
    };
    let decision = if retimed && !recurrence.contains(due) {
        RunDecision::Cancel(Cancellation::NoLongerDue)
    } else if next_run.is_some_and(|next| next <= now) {
        RunDecision::Missed(MissedRange {
            reason: MissedReason::Unavailable,
            first: due,
            last: due,
            count: 1,
        })
    } else {
        RunDecision::Run
    };
    RunOpening {
        plan: RunStart {
            due,
            missed: Vec::new(),
            next_run,
        },
        decision,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::ScheduleState;
    use crate::run::fake::{DAY, MONDAY, facts};

    fn at(now: Instant, due: Option<Instant>, planned: Option<Instant>) -> Option<RunOpening> {
        at_after(now, due, planned, |_| {})
    }
    fn at_after(
        now: Instant,
        due: Option<Instant>,
        planned: Option<Instant>,
        change: impl Fn(&mut Document),
    ) -> Option<RunOpening> {
        let mut facts = facts();
        facts.settings.now = now;
        facts.due = due;
        facts.started_version = due.map(|_| 1);
        facts.schedule.content.next_run = planned;
        let mut document = Document::read(&facts.schedule.content.document).expect("readable");
        change(&mut document);
        let recurrence = document.recurrence("Europe/Berlin").expect("valid");
        opening(&facts, Some((&document, &recurrence)))
    }
    fn by_newer(planned: Instant, now: Instant) -> RunOpening {
        let mut facts = facts();
        facts.settings.now = now;
        facts.schedule.content.next_run = Some(planned);
        facts.newer_zone_database = Some("2999a".into());
        let document = Document::read(&facts.schedule.content.document).expect("readable");
        let recurrence = document.recurrence("Europe/Berlin").expect("valid");
        opening(&facts, Some((&document, &recurrence))).expect("an opening")
    }
    fn plan(due: Instant, next_run: Instant) -> RunStart {
        RunStart {
            due,
            missed: Vec::new(),
            next_run: Some(next_run),
        }
    }

    #[test]
    fn a_requested_run_has_its_due_time_whatever_rule_and_state_are_and_leaves_the_plan() {
        for kind in [RunKind::Now, RunKind::Rerun, RunKind::Test] {
            for (due, planned) in [(None, Some(MONDAY - 300)), (Some(MONDAY - 300), None)] {
                let mut facts = facts();
                facts.kind = kind;
                facts.settings.now = MONDAY + 30 * DAY;
                (facts.due, facts.schedule.content.next_run) = (due, planned);
                facts.schedule.content.state = ScheduleState::Stopped;
                facts.newer_zone_database = Some("2999a".into());
                let document = Document::read(&facts.schedule.content.document).expect("readable");
                let recurrence = document.recurrence("Europe/Berlin").expect("valid");
                for rule in [None, Some((&document, &recurrence))] {
                    let opening = opening(&facts, rule).expect("an opening");
                    let plan = RunStart {
                        due: MONDAY - 300,
                        missed: Vec::new(),
                        next_run: None,
                    };
                    assert_eq!((opening.plan, opening.decision), (plan, RunDecision::Run));
                }
            }
        }
    }

    #[test]
    fn the_first_run_after_a_pause_tells_of_the_due_times_in_it() {
        let mut facts = facts();
        let until = MONDAY + 20 * DAY;
        facts.settings.now = until;
        facts.schedule.content.next_run = Some(until);
        facts.schedule.content.state = ScheduleState::Paused(Some(until));
        let mut document = Document::read(&facts.schedule.content.document).expect("readable");
        let recurrence = document.recurrence("Europe/Berlin").expect("valid");
        document.paused = Some(crate::document::Pause {
            reason: None,
            since: MONDAY + DAY,
            by: None,
            recorded: MONDAY + DAY,
        });
        let first = opening(&facts, Some((&document, &recurrence))).expect("an opening");
        let [range] = first.plan.missed.as_slice() else {
            panic!("{:?}", first.plan)
        };
        assert_eq!((range.reason, first.decision), (MissedReason::Paused, RunDecision::Run));
        assert!(
            range.first > MONDAY && range.last < until && range.count >= 2,
            "{range:?}"
        );
        facts.due = Some(first.plan.due);
        facts.started_version = Some(1);
        let again = opening(&facts, Some((&document, &recurrence))).expect("an opening");
        assert_eq!(again.plan.missed, []);
    }

    #[test]
    fn without_a_due_time_there_is_nothing_to_open() {
        assert_eq!(at(MONDAY, None, None), None);
    }

    #[test]
    fn on_time_it_is_the_planned_due_time() {
        let opening = at(MONDAY, None, Some(MONDAY)).expect("an opening");
        assert_eq!(
            opening,
            RunOpening {
                plan: plan(MONDAY, MONDAY + DAY),
                decision: RunDecision::Run
            }
        );
    }

    #[test]
    fn one_second_before_the_next_due_time_it_is_still_the_planned_one() {
        let opening = at(MONDAY + DAY - 1, None, Some(MONDAY)).expect("an opening");
        assert_eq!(
            opening,
            RunOpening {
                plan: plan(MONDAY, MONDAY + DAY),
                decision: RunDecision::Run
            }
        );
        let opening = at(MONDAY + DAY, None, Some(MONDAY)).expect("an opening");
        assert_eq!(opening.plan.due, MONDAY + DAY);
        assert_eq!(
            opening.plan.missed,
            [MissedRange {
                reason: MissedReason::Unavailable,
                first: MONDAY,
                last: MONDAY,
                count: 1
            }]
        );
    }

    #[test]
    fn a_planned_due_time_that_the_timetable_does_not_have_is_missed_with_the_others() {
        // Planned an hour before the due time of the same day; looked at from the day after.
        let opening = at(MONDAY + DAY, None, Some(MONDAY - 3600)).expect("an opening");
        assert_eq!(
            opening.plan.missed,
            [MissedRange {
                reason: MissedReason::Unavailable,
                first: MONDAY - 3600,
                last: MONDAY,
                count: 2
            }]
        );
        let opening = at(MONDAY, None, Some(MONDAY - 3600)).expect("an opening");
        assert_eq!((opening.plan.due, opening.decision), (MONDAY, RunDecision::Run));
        assert_eq!(opening.plan.missed[0].last, MONDAY - 3600);
    }

    #[test]
    fn what_the_rule_would_have_had_before_a_change_that_kept_the_planned_one_was_never_due() {
        let kept_at = |at: Instant| move |document: &mut Document| document.kept_at = Some(at);
        let opening = at_after(MONDAY + 3 * DAY, None, Some(MONDAY), kept_at(MONDAY + 3 * DAY)).expect("an opening");
        assert_eq!(opening.plan, plan(MONDAY, MONDAY + 4 * DAY));
        assert_eq!(opening.decision, RunDecision::Run);
        let opening =
            at_after(MONDAY + 4 * DAY, None, Some(MONDAY), kept_at(MONDAY + 3 * DAY - 1)).expect("an opening");
        assert_eq!(opening.plan.due, MONDAY + 4 * DAY);
        let ranges: Vec<_> = opening
            .plan
            .missed
            .iter()
            .map(|range| (range.first, range.last))
            .collect();
        assert_eq!(ranges, [(MONDAY, MONDAY), (MONDAY + 3 * DAY, MONDAY + 3 * DAY)]);
    }

    #[test]
    fn a_plan_whose_time_has_moved_is_called_off_and_planned_again_from_now() {
        let opening = at(MONDAY - 600, None, Some(MONDAY - 3600)).expect("an opening");
        assert_eq!(opening.plan, plan(MONDAY - 3600, MONDAY));
        assert_eq!(opening.decision, RunDecision::Cancel(Cancellation::NoLongerDue));
    }

    #[test]
    fn a_due_time_of_a_newer_zone_database_is_run_as_it_is_and_not_once_more_where_the_timetable_has_it() {
        for (planned, now) in [
            (MONDAY - 3600, MONDAY - 3600),
            (MONDAY - 3600, MONDAY + 60),
            (MONDAY + 3600, MONDAY + 3600),
            (MONDAY + 3600, MONDAY + DAY - 1),
        ] {
            let opening = by_newer(planned, now);
            assert_eq!(opening.plan, plan(planned, MONDAY + DAY), "{planned} {now}");
            assert_eq!(opening.decision, RunDecision::Run);
        }
        let opening = by_newer(MONDAY - 3600, MONDAY + 2 * DAY);
        assert_eq!(
            (opening.plan.due, opening.plan.next_run),
            (MONDAY + 2 * DAY, Some(MONDAY + 3 * DAY))
        );
        let missed: Vec<_> = opening
            .plan
            .missed
            .iter()
            .map(|range| (range.first, range.count))
            .collect();
        assert_eq!(missed, [(MONDAY - 3600, 1), (MONDAY + DAY, 1)]);
        assert_eq!(
            by_newer(MONDAY + 3600, MONDAY).decision,
            RunDecision::Wait(MONDAY + 3600)
        );
    }

    #[test]
    fn nothing_runs_before_its_time() {
        let opening = at(MONDAY - 1, None, Some(MONDAY)).expect("an opening");
        assert_eq!(
            opening,
            RunOpening {
                plan: plan(MONDAY, MONDAY + DAY),
                decision: RunDecision::Wait(MONDAY)
            }
        );
        let opening = at(MONDAY - 1, Some(MONDAY), Some(MONDAY + DAY)).expect("an opening");
        assert_eq!(
            opening,
            RunOpening {
                plan: plan(MONDAY, MONDAY + DAY),
                decision: RunDecision::Wait(MONDAY)
            }
        );
    }

    #[test]
    fn a_pinned_due_time_stays_until_the_next_one_has_passed() {
        let opening = at(MONDAY + DAY - 1, Some(MONDAY), Some(MONDAY + DAY)).expect("an opening");
        assert_eq!(
            opening,
            RunOpening {
                plan: plan(MONDAY, MONDAY + DAY),
                decision: RunDecision::Run
            }
        );
        let opening = at(MONDAY + DAY, Some(MONDAY), Some(MONDAY + DAY)).expect("an opening");
        assert_eq!(opening.plan, plan(MONDAY, MONDAY + DAY));
        assert_eq!(
            opening.decision,
            RunDecision::Missed(MissedRange {
                reason: MissedReason::Unavailable,
                first: MONDAY,
                last: MONDAY,
                count: 1
            })
        );
    }

    #[test]
    fn a_host_that_did_not_store_the_next_run_gets_it_from_the_timetable() {
        let opening = at(MONDAY + 60, Some(MONDAY), Some(MONDAY)).expect("an opening");
        assert_eq!(
            opening,
            RunOpening {
                plan: plan(MONDAY, MONDAY + DAY),
                decision: RunDecision::Run
            }
        );
    }

    #[test]
    fn a_pinned_due_time_is_called_off_if_a_person_gave_it_another_rule_since_and_the_stored_plan_stays() {
        // Of version 1 when it was started.
        for (replaced, decision) in [
            (None, RunDecision::Run),
            (Some(0), RunDecision::Run),
            (Some(1), RunDecision::Cancel(Cancellation::NoLongerDue)),
            (Some(2), RunDecision::Cancel(Cancellation::NoLongerDue)),
        ] {
            let change = |document: &mut Document| document.replaced_version = replaced;
            let opening = at_after(MONDAY + 60, Some(MONDAY - 1), Some(MONDAY + DAY), change).expect("an opening");
            assert_eq!(opening.plan, plan(MONDAY - 1, MONDAY + DAY));
            assert_eq!(opening.decision, decision, "{replaced:?}");
            let opening = at_after(MONDAY + 60, Some(MONDAY), Some(MONDAY + DAY), change).expect("an opening");
            assert_eq!(opening.decision, RunDecision::Run, "the new rule has it");
        }
    }
}
