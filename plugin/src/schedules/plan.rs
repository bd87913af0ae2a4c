//! The next run of a schedule that people changed, and what becomes of due times that passed before the change.

use crate::host::{Content, Instant, MissedRange};
use crate::recurrence::Timetable;

/// How many steps the search for a due time of both rules may take. Rules of one zone and time meet at once where they meet
/// at all; only a schedule that was left unrun for years, under rules that hardly meet, gets here. It then has none.
const STEPS: usize = 1_000;

/// What a change makes of the due times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) next_run: Option<Instant>,
    /// Passed unrun and given up.
    pub(super) missed: Option<MissedRange>,
}

/// Plans a changed schedule.
///
/// Normally from `now`. Where due times passed that nobody ran yet (`old.next_run` and those after it, while it was active),
/// the latest of them that the new rule still has stays planned, and those before it are missed; all of them if there is
/// none. `old_timetable` is none where the old document no longer makes one: then only `old.next_run` is known to have passed.
pub(super) fn plan(old: &Content, old_timetable: Option<&Timetable>, new: &Timetable, now: Instant) -> Plan {
    let passed = old.next_run.filter(|first| old.active && *first <= now);
    let Some(first) = passed else {
        return Plan {
            next_run: new.next_after(now).map(|run| run.at),
            missed: None,
        };
    };
    let passed = Passed {
        first,
        timetable: old_timetable,
    };
    match passed.latest_of(new, now) {
        Some(kept) => Plan {
            next_run: Some(kept),
            missed: passed.range_until(kept.saturating_sub(1)),
        },
        None => Plan {
            next_run: new.next_after(now).map(|run| run.at),
            missed: passed.range_until(now),
        },
    }
}

/// Due times from `first` on, which counts as one whatever the timetable says: it was planned.
struct Passed<'a> {
    first: Instant,
    timetable: Option<&'a Timetable>,
}

impl Passed<'_> {
    /// The latest one at or before `until`.
    fn latest_until(&self, until: Instant) -> Option<Instant> {
        if until < self.first {
            return None;
        }
        let run = self.timetable.and_then(|timetable| timetable.latest_until(until));
        Some(run.map_or(self.first, |run| run.at.max(self.first)))
    }

    /// The latest one at or before `until` that `other` has too: whichever of the two is ahead steps back to the other.
    fn latest_of(&self, other: &Timetable, until: Instant) -> Option<Instant> {
        let mut until = until;
        for _ in 0..STEPS {
            let mine = self.latest_until(until)?;
            let theirs = other.latest_until(mine)?.at;
            if theirs == mine {
                return Some(mine);
            }
            until = theirs;
        }
        None
    }

    fn range_until(&self, until: Instant) -> Option<MissedRange> {
        let last = self.latest_until(until)?;
        let after_first = self
            .timetable
            .map_or(0, |timetable| timetable.count_between(self.first, last));
        Some(MissedRange {
            first: self.first,
            last,
            count: after_first.saturating_add(1),
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate};

    use super::*;
    use crate::host::Recipients;

    fn at(text: &str) -> Instant {
        DateTime::parse_from_rfc3339(text).expect("an instant").timestamp()
    }

    fn timetable(rule: &str, time: &str) -> Timetable {
        let anchor = NaiveDate::from_ymd_opt(2026, 1, 1).expect("a date");
        Timetable::parse(rule, time, "Europe/Berlin", anchor).expect("a timetable")
    }

    fn content(next_run: Option<&str>, active: bool) -> Content {
        Content {
            export_identifier: "orders".to_owned(),
            recipients: Recipients::default(),
            next_run: next_run.map(at),
            active,
            error_counter: 0,
            document: String::new(),
        }
    }

    /// Missed as `first last count`.
    type Row = (
        &'static str,
        Option<&'static str>,
        &'static str,
        &'static str,
        Option<(&'static str, &'static str, u64)>,
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
                None,
            ),
            ("never", None, "FREQ=DAILY", "2026-10-15T06:00:00+02:00", None),
            // One passed, at the latest possible moment and before.
            (
                "same rule",
                Some("2026-10-14T06:00:00+02:00"),
                "FREQ=DAILY",
                "2026-10-14T06:00:00+02:00",
                None,
            ),
            (
                "new rule without it",
                Some("2026-10-14T06:00:00+02:00"),
                "FREQ=WEEKLY;BYDAY=FR",
                "2026-10-16T06:00:00+02:00",
                Some(("2026-10-14T06:00:00+02:00", "2026-10-14T06:00:00+02:00", 1)),
            ),
            // Several passed.
            (
                "the latest is kept",
                Some("2026-10-10T06:00:00+02:00"),
                "FREQ=DAILY",
                "2026-10-14T06:00:00+02:00",
                Some(("2026-10-10T06:00:00+02:00", "2026-10-13T06:00:00+02:00", 4)),
            ),
            (
                "the latest that both have is kept",
                Some("2026-10-10T06:00:00+02:00"),
                "FREQ=WEEKLY;BYDAY=MO",
                "2026-10-12T06:00:00+02:00",
                Some(("2026-10-10T06:00:00+02:00", "2026-10-11T06:00:00+02:00", 2)),
            ),
            (
                "the first is the one kept",
                Some("2026-10-12T06:00:00+02:00"),
                "FREQ=WEEKLY;BYDAY=MO",
                "2026-10-12T06:00:00+02:00",
                None,
            ),
            (
                "a common one before the first does not count",
                Some("2026-10-13T06:00:00+02:00"),
                "FREQ=WEEKLY;BYDAY=MO",
                "2026-10-19T06:00:00+02:00",
                Some(("2026-10-13T06:00:00+02:00", "2026-10-14T06:00:00+02:00", 2)),
            ),
        ];
        for (name, next_run, rule, want, missed) in rows {
            let plan = plan(
                &content(*next_run, true),
                Some(&timetable("FREQ=DAILY", "06:00:00")),
                &timetable(rule, "06:00:00"),
                at(NOW),
            );
            assert_eq!(plan.next_run, Some(at(want)), "{name}");
            let missed = missed.map(|(first, last, count)| MissedRange {
                first: at(first),
                last: at(last),
                count,
            });
            assert_eq!(plan.missed, missed, "{name}");
        }
    }

    #[test]
    fn a_due_time_at_this_very_second_has_passed() {
        let daily = timetable("FREQ=DAILY", "06:00:00");
        let now = "2026-10-14T06:00:00+02:00";
        let plan = plan(&content(Some(now), true), Some(&daily), &daily, at(now));
        assert_eq!((plan.next_run, plan.missed), (Some(at(now)), None));
    }

    #[test]
    fn a_stopped_schedule_is_planned_from_now_and_nothing_is_missed() {
        let daily = timetable("FREQ=DAILY", "06:00:00");
        let now = at("2026-10-14T10:00:00+02:00");
        let old = content(Some("2026-10-10T06:00:00+02:00"), false);
        let plan = plan(&old, Some(&daily), &daily, now);
        assert_eq!(plan.next_run, Some(at("2026-10-15T06:00:00+02:00")));
        assert_eq!(plan.missed, None);
    }

    #[test]
    fn without_the_old_rule_the_planned_due_time_is_the_only_one_that_passed() {
        let now = at("2026-10-14T10:00:00+02:00");
        let old = content(Some("2026-10-10T06:00:00+02:00"), true);
        let kept = plan(&old, None, &timetable("FREQ=DAILY", "06:00:00"), now);
        assert_eq!((kept.next_run, kept.missed), (old.next_run, None));
        let given_up = plan(&old, None, &timetable("FREQ=DAILY", "07:00:00"), now);
        assert_eq!(given_up.next_run, Some(at("2026-10-15T07:00:00+02:00")));
        assert_eq!(given_up.missed.map(|missed| missed.count), Some(1));
    }

    #[test]
    fn a_planned_due_time_that_the_old_rule_does_not_have_counts_as_one() {
        // The event's zone changed, and the host has not planned anew yet.
        let now = at("2026-10-14T10:00:00+02:00");
        let old = content(Some("2026-10-13T05:00:00+02:00"), true);
        let daily = timetable("FREQ=DAILY", "06:00:00");
        let plan = plan(&old, Some(&daily), &timetable("FREQ=DAILY", "08:00:00"), now);
        let missed = plan.missed.expect("missed ones");
        assert_eq!(missed.first, at("2026-10-13T05:00:00+02:00"));
        assert_eq!(missed.last, at("2026-10-14T06:00:00+02:00"));
        assert_eq!(missed.count, 3);
    }

    #[test]
    fn rules_that_never_meet_end_the_search() {
        let now = at("2036-10-14T10:00:00+02:00");
        let old = content(Some("2010-10-13T06:00:00+02:00"), true);
        let six = timetable("DTSTART:20100101T000000\nRRULE:FREQ=DAILY", "06:00:00");
        let seven = timetable("DTSTART:20100101T000000\nRRULE:FREQ=DAILY", "07:00:00");
        let plan = plan(&old, Some(&six), &seven, now);
        assert_eq!(plan.next_run, Some(at("2036-10-15T07:00:00+02:00")));
        assert_eq!(plan.missed.map(|missed| missed.count), Some(9_499));
    }

    #[test]
    fn a_new_rule_without_runs_leaves_nothing_planned() {
        let now = at("2026-10-14T10:00:00+02:00");
        let over = timetable("DTSTART:20200101T000000\nRRULE:FREQ=DAILY;COUNT=1", "06:00:00");
        let plan = plan(&content(None, true), None, &over, now);
        assert_eq!((plan.next_run, plan.missed), (None, None));
    }
}
