//! The next run of a changed schedule, and the due times that were missed before the change.

use crate::contract::{Content, Instant, MissedRange, MissedReason, ScheduleState, StateKind};
use crate::document::Pause;
use crate::past_due::{PastDueTimes, unrecorded_pause};
use crate::recurrence::Recurrence;

/// The state and the due times after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reschedule {
    pub(super) state: ScheduleState,
    pub(super) next_run: Option<Instant>,
    /// Past due times that were not run and are dropped, in order.
    pub(super) missed: Vec<MissedRange>,
    /// Whether the next run is a past due time that was kept.
    pub(super) kept: bool,
}

impl Reschedule {
    /// Active, with the next run after `now`, without past due times.
    pub(super) fn from(now: Instant, recurrence: &Recurrence) -> Self {
        Self {
            state: ScheduleState::Active,
            next_run: recurrence.next_after(now).map(|run| run.at),
            missed: Vec::new(),
            kept: false,
        }
    }

    /// Paused, with the first run at or after the end of the pause. Without an end there is no plan.
    fn paused(until: Option<Instant>, recurrence: &Recurrence) -> Self {
        // The first second of the end of a pause may be a due time.
        let next = until.and_then(|until| recurrence.next_after(until.saturating_sub(1)));
        Self {
            state: ScheduleState::Paused(until),
            next_run: next.map(|run| run.at),
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
    /// Of the stored document.
    pub(super) pause: Option<&'a Pause>,
}

impl<'a> PreviousRecurrence<'a> {
    /// The due times that have passed without a run, if the schedule was active.
    fn passed(&self, old: &Content, now: Instant) -> Option<(Instant, PastDueTimes<'a>)> {
        let planned = old
            .next_run
            .filter(|planned| old.state.at(now) == StateKind::Active && *planned <= now)?;
        Some((planned, PastDueTimes::new(planned, self.kept_at, self.recurrence)))
    }

    /// The due times of a pause that no run has recorded.
    fn of_pause(&self, old: &Content, now: Instant) -> impl Iterator<Item = MissedRange> + use<> {
        let range = self
            .recurrence
            .and_then(|recurrence| unrecorded_pause(old, self.pause, recurrence, now));
        range.into_iter()
    }
}

/// Reschedules a changed schedule. A stopped one is active again, a paused one stays paused.
///
/// The next run is after `now`, unless due times have passed without a run (`old.next_run` and those after it, if the schedule was
/// active). Then the latest of them that the new rule also has stays the next run, and the others are missed.
pub(super) fn reschedule(
    old: &Content,
    previous: PreviousRecurrence<'_>,
    new: &Recurrence,
    now: Instant,
) -> Reschedule {
    let mut plan = match (old.state, previous.passed(old, now)) {
        (ScheduleState::Paused(until), _) if old.state.at(now) == StateKind::Paused => Reschedule::paused(until, new),
        (_, Some((planned, passed))) => keep_latest(planned, &passed, new, now),
        (_, None) => Reschedule::from(now, new),
    };
    plan.missed.splice(..0, previous.of_pause(old, now));
    plan
}

/// Plans from the latest of the passed due times that the new rule has, or else from `now`.
fn keep_latest(planned: Instant, passed: &PastDueTimes<'_>, new: &Recurrence, now: Instant) -> Reschedule {
    let from_now = Reschedule::from(now, new);
    let end = now.saturating_add(1);
    match passed.latest_common(new, now) {
        Some(kept) => {
            let mut missed = passed.ranges(planned, kept);
            missed.extend(passed.ranges(kept.saturating_add(1), end));
            Reschedule {
                next_run: Some(kept),
                missed,
                kept: true,
                ..from_now
            }
        }
        None => Reschedule {
            missed: passed.ranges(planned, end),
            ..from_now
        },
    }
}

/// Pauses a schedule. Due times that have passed without a run are missed: the latest, which would have run, because of the pause.
///
/// Without a recurrence, because the stored document is no longer valid, the next run is put off until the end of the pause. It then
/// fails, and so notifies the owner of the reason.
pub(super) fn pause(
    old: &Content,
    previous: PreviousRecurrence<'_>,
    until: Option<Instant>,
    now: Instant,
) -> Reschedule {
    let mut plan = match previous.recurrence {
        Some(recurrence) => Reschedule::paused(until, recurrence),
        None => Reschedule {
            state: ScheduleState::Paused(until),
            next_run: until.and_then(|until| old.next_run.map(|planned| planned.max(until))),
            missed: Vec::new(),
            kept: false,
        },
    };
    plan.missed.extend(previous.of_pause(old, now));
    // Without a recurrence, the planned due time is not dropped.
    if let (Some((planned, passed)), Some(_)) = (previous.passed(old, now), previous.recurrence) {
        let latest = passed.latest_until(now).unwrap_or(planned);
        plan.missed.extend(passed.ranges(planned, latest));
        plan.missed.push(MissedRange {
            first: latest,
            last: latest,
            count: 1,
            reason: MissedReason::Paused,
        });
    }
    plan
}

/// Resumes a schedule that is paused or stopped: the next run is after `now`. An unreadable one keeps its next run, or gets `now`,
/// which fails and so notifies the owner of the reason.
pub(super) fn resume(old: &Content, previous: PreviousRecurrence<'_>, now: Instant) -> Reschedule {
    match previous.recurrence {
        Some(recurrence) => Reschedule {
            missed: previous.of_pause(old, now).collect(),
            ..Reschedule::from(now, recurrence)
        },
        None => Reschedule {
            state: ScheduleState::Active,
            next_run: Some(old.next_run.unwrap_or(now).max(now)),
            missed: Vec::new(),
            kept: false,
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
            pause: None,
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
            pause: None,
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
