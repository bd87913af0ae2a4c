//! Which due time an attempt is for, and whether it may still run. Pure: facts and a timetable in, a decision out.

use crate::contract::{Instant, MissedRange, Plan, RunFacts};
use crate::document::Document;
use crate::notice::Cancellation;
use crate::passed::Passed;
use crate::recurrence::Timetable;

/// In seconds. Due times lie a day apart at least, to the hour that clocks are put forward: what another zone database makes
/// of one is nearer to it than this.
const SAME_DUE_TIME: i64 = 12 * 60 * 60;

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
/// `rule` is none where the document is unreadable or its rule no longer valid: the run is then opened at the planned (or
/// pinned) due time, without a next one, so that it can end as failed.
pub(super) fn opening(facts: &RunFacts, rule: Option<(&Document, &Timetable)>) -> Option<Opening> {
    let now = facts.settings.now;
    let planned = facts.schedule.content.next_run;
    let mut opening = match (facts.due, planned, rule) {
        (None, None, _) => return None,
        (Some(due), _, None) | (None, Some(due), None) => Opening {
            plan: Plan {
                due,
                missed: Vec::new(),
                next_run: None,
            },
            course: Course::Run,
        },
        (Some(due), _, Some((document, timetable))) => {
            let retimed = facts
                .started_version
                .is_none_or(|version| document.retimed_since(version));
            pinned(due, planned, retimed, now, timetable)
        }
        (None, Some(planned), Some((document, timetable))) => match facts.newer_zone_database {
            Some(_) => fresh_by_newer(planned, document.kept_at, now, timetable),
            None => fresh(planned, document.kept_at, now, timetable),
        },
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
/// is opened at the planned time all the same, to be called off, so that this due time ends and the right one is planned. Where
/// it has later ones, the planned one was a due time too, and is missed with the others.
fn fresh(planned: Instant, kept_at: Option<Instant>, now: Instant, timetable: &Timetable) -> Opening {
    let passed = Passed::new(planned, kept_at, Some(timetable));
    let due = passed.latest_until(now).unwrap_or(planned);
    let next_run = timetable.next_after(due.max(now)).map(|next| next.at);
    let course = if due == planned && planned <= now && !timetable.contains(planned) {
        Course::Cancel(Cancellation::NoLongerDue)
    } else {
        Course::Run
    };
    Opening {
        plan: Plan {
            due,
            missed: passed.ranges(planned, due),
            next_run,
        },
        course,
    }
}

/// First attempt at a due time that a newer zone database has planned: it is one, whatever the timetable says. What the
/// timetable has close to it is the same one, and neither run nor planned besides.
fn fresh_by_newer(planned: Instant, kept_at: Option<Instant>, now: Instant, timetable: &Timetable) -> Opening {
    let others_after = planned.saturating_add(SAME_DUE_TIME);
    let passed = Passed::new(planned, kept_at.max(Some(others_after)), Some(timetable));
    let due = passed.latest_until(now).unwrap_or(planned);
    Opening {
        plan: Plan {
            due,
            missed: passed.ranges(planned, due),
            next_run: timetable.next_after(others_after.max(now)).map(|next| next.at),
        },
        course: Course::Run,
    }
}

/// Later attempt: the pinned due time, as long as the next one has not passed, and unless a person has retimed the schedule
/// since and the rule no longer has it. A zone that moves, or new zone rules, take nothing away that has begun.
///
/// The next one is what is stored: `start` stored it, or a person's change since, which plans from its own moment on; so due
/// times that the new rule would have had before that moment are not made up for.
fn pinned(due: Instant, planned: Option<Instant>, retimed: bool, now: Instant, timetable: &Timetable) -> Opening {
    let next_run = match planned {
        // Not stored by `start`: older than the run.
        Some(planned) if planned <= due => timetable.next_after(due).map(|next| next.at),
        planned => planned,
    };
    let course = if retimed && !timetable.contains(due) {
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
            missed: Vec::new(),
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
        at_after(now, due, planned, |_| {})
    }
    fn at_after(
        now: Instant,
        due: Option<Instant>,
        planned: Option<Instant>,
        change: impl Fn(&mut Document),
    ) -> Option<Opening> {
        let mut facts = facts();
        facts.settings.now = now;
        facts.due = due;
        facts.started_version = due.map(|_| 1);
        facts.schedule.content.next_run = planned;
        let mut document = Document::read(&facts.schedule.content.document).expect("readable");
        change(&mut document);
        let timetable = document.timetable("Europe/Berlin").expect("valid");
        opening(&facts, Some((&document, &timetable)))
    }
    fn by_newer(planned: Instant, now: Instant) -> Opening {
        let mut facts = facts();
        facts.settings.now = now;
        facts.schedule.content.next_run = Some(planned);
        facts.newer_zone_database = Some("2999a".into());
        let document = Document::read(&facts.schedule.content.document).expect("readable");
        let timetable = document.timetable("Europe/Berlin").expect("valid");
        opening(&facts, Some((&document, &timetable))).expect("an opening")
    }
    fn plan(due: Instant, next_run: Instant) -> Plan {
        Plan {
            due,
            missed: Vec::new(),
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
            [MissedRange {
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
                first: MONDAY - 3600,
                last: MONDAY,
                count: 2
            }]
        );
        let opening = at(MONDAY, None, Some(MONDAY - 3600)).expect("an opening");
        assert_eq!((opening.plan.due, opening.course), (MONDAY, Course::Run));
        assert_eq!(opening.plan.missed[0].last, MONDAY - 3600);
    }

    #[test]
    fn what_the_rule_would_have_had_before_a_change_that_kept_the_planned_one_was_never_due() {
        let kept_at = |at: Instant| move |document: &mut Document| document.kept_at = Some(at);
        let opening = at_after(MONDAY + 3 * DAY, None, Some(MONDAY), kept_at(MONDAY + 3 * DAY)).expect("an opening");
        assert_eq!(opening.plan, plan(MONDAY, MONDAY + 4 * DAY));
        assert_eq!(opening.course, Course::Run);
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
        assert_eq!(opening.course, Course::Cancel(Cancellation::NoLongerDue));
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
            assert_eq!(opening.course, Course::Run);
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
        assert_eq!(by_newer(MONDAY + 3600, MONDAY).course, Course::Wait(MONDAY + 3600));
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
    fn a_pinned_due_time_is_called_off_if_a_person_gave_it_another_rule_since_and_the_stored_plan_stays() {
        // Of version 1 when it was started.
        for (replaced, course) in [
            (None, Course::Run),
            (Some(0), Course::Run),
            (Some(1), Course::Cancel(Cancellation::NoLongerDue)),
            (Some(2), Course::Cancel(Cancellation::NoLongerDue)),
        ] {
            let change = |document: &mut Document| document.replaced_version = replaced;
            let opening = at_after(MONDAY + 60, Some(MONDAY - 1), Some(MONDAY + DAY), change).expect("an opening");
            assert_eq!(opening.plan, plan(MONDAY - 1, MONDAY + DAY));
            assert_eq!(opening.course, course, "{replaced:?}");
            let opening = at_after(MONDAY + 60, Some(MONDAY), Some(MONDAY + DAY), change).expect("an opening");
            assert_eq!(opening.course, Course::Run, "the new rule has it");
        }
    }
}
