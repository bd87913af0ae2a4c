//! Which due time an attempt is for, and whether it may still run. Pure: facts and a timetable in, a decision out.

use crate::host::{Instant, MissedRange, Plan, RunFacts};
use crate::notice::Cancellation;
use crate::recurrence::Timetable;

/// What to open the run with, and how it goes on from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opening {
    pub plan: Plan,
    pub course: Course,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// Now.
    Run,
    /// Not before this instant: leased too early, by a clock that has since gone back.
    Wait(Instant),
    /// Not at all: the next due time has passed as well.
    Missed(MissedRange),
    /// Not at all.
    Cancel(Cancellation),
}

/// The opening of this attempt; none: nothing is pinned and nothing is planned, so there is no due time to open.
///
/// `timetable` is none where the document is unreadable or its rule no longer valid: the run is then opened at the planned
/// (or pinned) due time, without a next one, so that it can end as failed.
pub(super) fn opening(facts: &RunFacts, timetable: Option<&Timetable>) -> Option<Opening> {
    let now = facts.settings.now;
    let planned = facts.schedule.content.next_run;
    let mut opening = match (facts.due, planned, timetable) {
        (None, None, _) => return None,
        (Some(due), _, None) | (None, Some(due), None) => Opening {
            plan: Plan {
                due,
                missed: None,
                next_run: None,
            },
            course: Course::Run,
        },
        (Some(due), _, Some(timetable)) => pinned(due, planned, now, timetable),
        (None, Some(planned), Some(timetable)) => fresh(planned, now, timetable),
    };
    if !facts.schedule.content.active {
        opening.course = Course::Cancel(Cancellation::Stopped);
    } else if opening.course == Course::Run && opening.plan.due > now {
        opening.course = Course::Wait(opening.plan.due);
    }
    Some(opening)
}

/// First attempt: the latest due time passed, from the planned one on.
///
/// Where the timetable has none from `planned` to `now`, the plan was made with other zone rules than this plugin's: the run
/// is opened at the planned time all the same, to be called off, so that this due time ends and the right one is planned.
fn fresh(planned: Instant, now: Instant, timetable: &Timetable) -> Opening {
    let next = |after| timetable.next_after(after).map(|next| next.at);
    if planned > now {
        return Opening {
            plan: Plan {
                due: planned,
                missed: None,
                next_run: next(planned),
            },
            course: Course::Run,
        };
    }
    match timetable
        .latest_until(now)
        .map(|latest| latest.at)
        .filter(|latest| *latest >= planned)
    {
        Some(due) => {
            let plan = Plan {
                due,
                missed: missed(planned, due, timetable),
                next_run: next(due),
            };
            Opening {
                plan,
                course: Course::Run,
            }
        }
        None => {
            let plan = Plan {
                due: planned,
                missed: None,
                next_run: next(now),
            };
            Opening {
                plan,
                course: Course::Cancel(Cancellation::NoLongerDue),
            }
        }
    }
}

/// Due times from `planned` to before `due`.
fn missed(planned: Instant, due: Instant, timetable: &Timetable) -> Option<MissedRange> {
    let (before, until) = (planned.checked_sub(1)?, due.checked_sub(1)?);
    let first = timetable.next_after(before)?.at;
    let last = timetable.latest_until(until)?.at;
    let count = timetable.count_between(before, until);
    (count > 0 && first <= last).then_some(MissedRange { first, last, count })
}

/// Later attempt: the pinned due time, as long as the rule has it and the next one has not passed.
///
/// The next one is what is stored: `start` stored it, or a person's change since, which plans from its own moment on; so due
/// times that the new rule would have had before that moment are not made up for. Whether a person or a new zone database took
/// the pinned due time out of the timetable cannot be told apart: either way it is called off.
fn pinned(due: Instant, planned: Option<Instant>, now: Instant, timetable: &Timetable) -> Opening {
    let next_run = match planned {
        // Not stored by `start`: older than the run.
        Some(planned) if planned <= due => timetable.next_after(due).map(|next| next.at),
        planned => planned,
    };
    let course = if !timetable.contains(due) {
        Course::Cancel(Cancellation::NoLongerDue)
    } else if next_run.is_some_and(|next| next <= now) {
        Course::Missed(MissedRange {
            first: due,
            last: due,
            count: 1,
        })
    } else {
        Course::Run
    };
    Opening {
        plan: Plan {
            due,
            missed: None,
            next_run,
        },
        course,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fake::{DAY, MONDAY, facts};

    fn at(now: Instant, due: Option<Instant>, planned: Option<Instant>) -> Option<Opening> {
        let mut facts = facts();
        facts.settings.now = now;
        facts.due = due;
        facts.schedule.content.next_run = planned;
        let document = crate::document::Document::read(&facts.schedule.content.document).expect("readable");
        opening(&facts, Some(&document.timetable("Europe/Berlin").expect("valid")))
    }
    fn plan(due: Instant, next_run: Instant) -> Plan {
        Plan {
            due,
            missed: None,
            next_run: Some(next_run),
        }
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
            Opening {
                plan: plan(MONDAY, MONDAY + DAY),
                course: Course::Run
            }
        );
    }

    #[test]
    fn one_second_before_the_next_due_time_it_is_still_the_planned_one() {
        let opening = at(MONDAY + DAY - 1, None, Some(MONDAY)).expect("an opening");
        assert_eq!(
            opening,
            Opening {
                plan: plan(MONDAY, MONDAY + DAY),
                course: Course::Run
            }
        );
        let opening = at(MONDAY + DAY, None, Some(MONDAY)).expect("an opening");
        assert_eq!(opening.plan.due, MONDAY + DAY);
        assert_eq!(
            opening.plan.missed,
            Some(MissedRange {
                first: MONDAY,
                last: MONDAY,
                count: 1
            })
        );
    }

    #[test]
    fn a_plan_that_the_timetable_does_not_have_gives_no_missed_due_time_of_its_own() {
        // Planned an hour before the due time of the same day; looked at from the day after.
        let opening = at(MONDAY + DAY, None, Some(MONDAY - 3600)).expect("an opening");
        assert_eq!(
            opening.plan.missed,
            Some(MissedRange {
                first: MONDAY,
                last: MONDAY,
                count: 1
            })
        );
        let opening = at(MONDAY, None, Some(MONDAY - 3600)).expect("an opening");
        assert_eq!(
            opening,
            Opening {
                plan: plan(MONDAY, MONDAY + DAY),
                course: Course::Run
            }
        );
    }

    #[test]
    fn a_plan_whose_time_has_moved_is_called_off_and_planned_again_from_now() {
        let opening = at(MONDAY - 600, None, Some(MONDAY - 3600)).expect("an opening");
        assert_eq!(opening.plan, plan(MONDAY - 3600, MONDAY));
        assert_eq!(opening.course, Course::Cancel(Cancellation::NoLongerDue));
    }

    #[test]
    fn nothing_runs_before_its_time() {
        let opening = at(MONDAY - 1, None, Some(MONDAY)).expect("an opening");
        assert_eq!(
            opening,
            Opening {
                plan: plan(MONDAY, MONDAY + DAY),
                course: Course::Wait(MONDAY)
            }
        );
        let opening = at(MONDAY - 1, Some(MONDAY), Some(MONDAY + DAY)).expect("an opening");
        assert_eq!(
            opening,
            Opening {
                plan: plan(MONDAY, MONDAY + DAY),
                course: Course::Wait(MONDAY)
            }
        );
    }

    #[test]
    fn a_pinned_due_time_stays_until_the_next_one_has_passed() {
        let opening = at(MONDAY + DAY - 1, Some(MONDAY), Some(MONDAY + DAY)).expect("an opening");
        assert_eq!(
            opening,
            Opening {
                plan: plan(MONDAY, MONDAY + DAY),
                course: Course::Run
            }
        );
        let opening = at(MONDAY + DAY, Some(MONDAY), Some(MONDAY + DAY)).expect("an opening");
        assert_eq!(opening.plan, plan(MONDAY, MONDAY + DAY));
        assert_eq!(
            opening.course,
            Course::Missed(MissedRange {
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
            Opening {
                plan: plan(MONDAY, MONDAY + DAY),
                course: Course::Run
            }
        );
    }

    #[test]
    fn a_pinned_due_time_that_the_rule_no_longer_has_is_called_off_and_the_stored_plan_stays() {
        let opening = at(MONDAY + 60, Some(MONDAY - 1), Some(MONDAY + DAY)).expect("an opening");
        assert_eq!(opening.plan, plan(MONDAY - 1, MONDAY + DAY));
        assert_eq!(opening.course, Course::Cancel(Cancellation::NoLongerDue));
    }
}
