//! The next run of a changed schedule, and the due times that were missed before the change.

use crate::contract::{Content, Instant, MissedRange, StateKind};
use crate::past_due::PastDueTimes;
use crate::recurrence::Recurrence;

/// The due times after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reschedule {
    pub(super) next_run: Option<Instant>,
    /// Past due times that were not run and are dropped, in order.
    pub(super) missed: Vec<MissedRange>,
    /// Whether the next run is a past due time that was kept.
    pub(super) kept: bool,
}

impl Reschedule {
    /// The next run after `now`, without past due times.
    pub(super) fn from(now: Instant, recurrence: &Recurrence) -> Self {
        Self {
            next_run: recurrence.next_after(now).map(|run| run.at),
            missed: Vec::new(),
            kept: false,
        }
    }
}

/// The recurrence before the change. Without one, because the stored document is no longer valid, the next run is the only known due
/// time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PreviousRecurrence<'a> {
    pub(super) recurrence: Option<&'a Recurrence>,
    /// Of the stored document.
    pub(super) kept_at: Option<Instant>,
}

/// Reschedules a changed schedule.
///
/// The next run is after `now`, unless due times have passed without a run (`old.next_run` and those after it, if the schedule was
/// active). Then the latest of them that the new rule also has stays the next run, and the others are missed.
pub(super) fn reschedule(
    old: &Content,
    previous: PreviousRecurrence<'_>,
    new: &Recurrence,
    now: Instant,
) -> Reschedule {
    let from_now = Reschedule::from(now, new);
    let Some(planned) = old
        .next_run
        .filter(|planned| old.state.at(now) == StateKind::Active && *planned <= now)
    else {
        return from_now;
    };
    let passed = PastDueTimes::new(planned, previous.kept_at, previous.recurrence);
    let end = now.saturating_add(1);
    match passed.latest_common(new, now) {
        Some(kept) => {
            let mut missed = passed.ranges(planned, kept);
            missed.extend(passed.ranges(kept.saturating_add(1), end));
            Reschedule {
                next_run: Some(kept),
                missed,
                kept: true,
            }
        }
        None => Reschedule {
            missed: passed.ranges(planned, end),
            ..from_now
        },
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate};

    use super::*;
    use crate::contract::{MissedReason, Recipients, ScheduleState};

    fn at(text: &str) -> Instant {
        DateTime::parse_from_rfc3339(text).expect("an instant").timestamp()
    }

    fn recurrence(rule: &str, time: &str) -> Recurrence {
        let anchor = NaiveDate::from_ymd_opt(2026, 1, 1).expect("a date");
        Recurrence::parse(rule, time, "Europe/Berlin", anchor).expect("a recurrence")
    }

    fn content(next_run: Option<&str>, active: bool) -> Content {
        Content {
            export_identifier: "orders".to_owned(),
            recipients: Recipients::default(),
            next_run: next_run.map(at),
            state: if active {
                ScheduleState::Active
            } else {
                ScheduleState::Stopped
            },
            error_counter: 0,
            document: String::new(),
        }
    }

    fn before(recurrence: &Recurrence) -> PreviousRecurrence<'_> {
        PreviousRecurrence {
            recurrence: Some(recurrence),
            kept_at: None,
        }
    }

    /// Missed as `first last count`.
    type Row = (
        &'static str,
        Option<&'static str>,
        &'static str,
        &'static str,
        &'static [(&'static str, &'static str, u64)],
    );

    #[test]
    fn a_passed_due_time_is_kept_if_the_new_rule_has_it_and_else_missed() {
        const NOW: &str = "2026-10-14T10:00:00+02:00"; // a Wednesday
        let rows: &[Row] = &[
            // Nothing passed.
            (
                "still to come",
                Some("2026-10-14T10:00:01+02:00"),
                "FREQ=DAILY",
                "2026-10-15T06:00:00+02:00",
                &[],
            ),
            ("never", None, "FREQ=DAILY", "2026-10-15T06:00:00+02:00", &[]),
            // One passed, at the latest possible moment and before.
            (
                "same rule",
                Some("2026-10-14T06:00:00+02:00"),
                "FREQ=DAILY",
                "2026-10-14T06:00:00+02:00",
                &[],
            ),
            (
                "new rule without it",
                Some("2026-10-14T06:00:00+02:00"),
                "FREQ=WEEKLY;BYDAY=FR",
                "2026-10-16T06:00:00+02:00",
                &[("2026-10-14T06:00:00+02:00", "2026-10-14T06:00:00+02:00", 1)],
            ),
            // Several passed.
            (
                "the latest is kept",
                Some("2026-10-10T06:00:00+02:00"),
                "FREQ=DAILY",
                "2026-10-14T06:00:00+02:00",
                &[("2026-10-10T06:00:00+02:00", "2026-10-13T06:00:00+02:00", 4)],
            ),
            (
                "the latest that both have is kept",
                Some("2026-10-10T06:00:00+02:00"),
                "FREQ=WEEKLY;BYDAY=MO",
                "2026-10-12T06:00:00+02:00",
                &[
                    ("2026-10-10T06:00:00+02:00", "2026-10-11T06:00:00+02:00", 2),
                    ("2026-10-13T06:00:00+02:00", "2026-10-14T06:00:00+02:00", 2),
                ],
            ),
            (
                "the first is the one kept",
                Some("2026-10-12T06:00:00+02:00"),
                "FREQ=WEEKLY;BYDAY=MO",
                "2026-10-12T06:00:00+02:00",
                &[("2026-10-13T06:00:00+02:00", "2026-10-14T06:00:00+02:00", 2)],
            ),
            (
                "a common one before the first does not count",
                Some("2026-10-13T06:00:00+02:00"),
                "FREQ=WEEKLY;BYDAY=MO",
                "2026-10-19T06:00:00+02:00",
                &[("2026-10-13T06:00:00+02:00", "2026-10-14T06:00:00+02:00", 2)],
            ),
        ];
        for (name, next_run, rule, want, missed) in rows {
            let plan = reschedule(
                &content(*next_run, true),
                before(&recurrence("FREQ=DAILY", "06:00:00")),
                &recurrence(rule, "06:00:00"),
                at(NOW),
            );
            assert_eq!(plan.next_run, Some(at(want)), "{name}");
            let missed = missed.iter().map(|(first, last, count)| MissedRange {
                reason: MissedReason::Unavailable,
                first: at(first),
                last: at(last),
                count: *count,
            });
            assert_eq!(plan.missed, missed.collect::<Vec<_>>(), "{name}");
            assert_eq!(plan.kept, at(want) <= at(NOW), "{name}");
        }
    }

    #[test]
    fn a_due_time_at_this_very_second_has_passed() {
        let daily = recurrence("FREQ=DAILY", "06:00:00");
        let now = "2026-10-14T06:00:00+02:00";
        let plan = reschedule(&content(Some(now), true), before(&daily), &daily, at(now));
        assert_eq!((plan.next_run, plan.missed), (Some(at(now)), Vec::new()));
    }

    #[test]
    fn a_stopped_schedule_is_planned_from_now_and_nothing_is_missed() {
        let daily = recurrence("FREQ=DAILY", "06:00:00");
        let now = at("2026-10-14T10:00:00+02:00");
        let old = content(Some("2026-10-10T06:00:00+02:00"), false);
        let plan = reschedule(&old, before(&daily), &daily, now);
        assert_eq!(plan.next_run, Some(at("2026-10-15T06:00:00+02:00")));
        assert_eq!(plan.missed, []);
    }

    #[test]
    fn without_the_old_rule_the_planned_due_time_is_the_only_one_that_passed() {
        let now = at("2026-10-14T10:00:00+02:00");
        let old = content(Some("2026-10-10T06:00:00+02:00"), true);
        let kept = reschedule(
            &old,
            PreviousRecurrence::default(),
            &recurrence("FREQ=DAILY", "06:00:00"),
            now,
        );
        assert_eq!((kept.next_run, kept.missed), (old.next_run, Vec::new()));
        let given_up = reschedule(
            &old,
            PreviousRecurrence::default(),
            &recurrence("FREQ=DAILY", "07:00:00"),
            now,
        );
        assert_eq!(given_up.next_run, Some(at("2026-10-15T07:00:00+02:00")));
        assert_eq!(given_up.missed[0].count, 1);
    }

    #[test]
    fn a_planned_due_time_that_the_old_rule_does_not_have_counts_as_one() {
        // The event's zone changed, and the host has not replanned yet.
        let now = at("2026-10-14T10:00:00+02:00");
        let old = content(Some("2026-10-13T05:00:00+02:00"), true);
        let daily = recurrence("FREQ=DAILY", "06:00:00");
        let plan = reschedule(&old, before(&daily), &recurrence("FREQ=DAILY", "08:00:00"), now);
        let missed = plan.missed[0];
        assert_eq!(missed.first, at("2026-10-13T05:00:00+02:00"));
        assert_eq!(missed.last, at("2026-10-14T06:00:00+02:00"));
        assert_eq!(missed.count, 3);
    }

    #[test]
    fn what_a_rule_would_have_had_before_it_was_saved_was_never_due() {
        // On Thursday the rule became `MO,TU`, and Monday was kept: Tuesday is not one of its due times.
        let (tuesdays, daily) = (
            recurrence("FREQ=WEEKLY;BYDAY=MO,TU", "06:00:00"),
            recurrence("FREQ=DAILY", "06:00:00"),
        );
        let before = PreviousRecurrence {
            recurrence: Some(&tuesdays),
            kept_at: Some(at("2026-10-15T10:00:00+02:00")),
        };
        let old = content(Some("2026-10-12T06:00:00+02:00"), true);
        let friday = at("2026-10-16T10:00:00+02:00");
        let kept = reschedule(&old, before, &daily, friday);
        assert_eq!((kept.next_run, kept.missed.as_slice()), (old.next_run, [].as_slice()));
        // A week later others have passed as well; what lies between is no part of any range.
        let later = at("2026-10-21T10:00:00+02:00");
        let plan = reschedule(&old, before, &recurrence("FREQ=DAILY", "07:00:00"), later);
        let ranges: Vec<_> = plan
            .missed
            .iter()
            .map(|range| (range.first, range.last, range.count))
            .collect();
        let monday = at("2026-10-12T06:00:00+02:00");
        let next = at("2026-10-19T06:00:00+02:00");
        assert_eq!(ranges, [(monday, monday, 1), (next, next + 86_400, 2)]);
    }

    #[test]
    fn rules_that_never_meet_end_the_search() {
        let now = at("2036-10-14T10:00:00+02:00");
        let old = content(Some("2010-10-13T06:00:00+02:00"), true);
        let six = recurrence("DTSTART:20100101T000000\nRRULE:FREQ=DAILY", "06:00:00");
        let seven = recurrence("DTSTART:20100101T000000\nRRULE:FREQ=DAILY", "07:00:00");
        let plan = reschedule(&old, before(&six), &seven, now);
        assert_eq!(plan.next_run, Some(at("2036-10-15T07:00:00+02:00")));
        assert_eq!(plan.missed[0].count, 9_499);
    }

    #[test]
    fn a_new_rule_without_runs_leaves_nothing_planned() {
        let now = at("2026-10-14T10:00:00+02:00");
        let over = recurrence("DTSTART:20200101T000000\nRRULE:FREQ=DAILY;COUNT=1", "06:00:00");
        let plan = reschedule(&content(None, true), PreviousRecurrence::default(), &over, now);
        assert_eq!((plan.next_run, plan.missed), (None, Vec::new()));
    }
}
