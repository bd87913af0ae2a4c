//! Due times of a schedule: RFC 5545 recurrence, restricted to one rule on dates and the local time of one zone.
//!
//! A [`Recurrence`] is the rule, the time of day and the zone of one schedule, parsed and validated.
//! `docs/recurrence.md` lists the supported rules and explains why the plugin has its own arithmetic.

mod calendar;
mod clock;
mod cycle;
mod dates;
mod day_set;
mod error;
mod grammar;
mod name_hash;
mod normal;
mod rule;
mod zones;

use chrono::{NaiveDate, NaiveTime, Timelike as _};

pub use self::clock::{instant_of, local_date, offset_at, zone};
pub use self::error::{RecurrenceError, RecurrenceErrorKind, RecurrenceField};
pub(crate) use self::grammar::{WEEKDAYS, time_of_day};
pub(crate) use self::normal::{NormalEnd, NormalRule};
pub(crate) use self::rule::Frequency;
pub use self::zones::{ZONE_DATABASE, ZONE_DATABASE_PUBLISHED, Zone};

pub use crate::contract::ClockNote;

use self::dates::Dates;

const SECONDS_IN_DAY: i64 = 86_400;

/// Unix seconds of 0000-01-01T00:00:00Z and 10000-01-03T00:00:00Z. Every occurrence lies between them in any zone: the first
/// date of a rule is 0001-01-01 or later, the last is [`dates::LAST_DAY`] or earlier. chrono overflows far beyond them.
const BEFORE_ALL_RUNS: i64 = -62_167_219_200;
const AFTER_ALL_RUNS: i64 = 253_402_473_600;

/// When a schedule is due: rule, time of day and zone, parsed and validated.
///
/// Except for [`count_between`](Self::count_between) and iteration over [`occurrences`](Self::occurrences), the cost of a query does
/// not depend on the age of `DTSTART`. A rule that never matches is recognized in bounded time.
///
/// ```
/// use chrono::NaiveDate;
/// use plugin::recurrence::Recurrence;
///
/// let rule = "DTSTART:20230118T000000\nRRULE:FREQ=MONTHLY;BYDAY=1MO";
/// let recurrence = Recurrence::parse(rule, "06:30:00", "Europe/Berlin", NaiveDate::MIN).unwrap();
/// let run = recurrence.next_after(1_796_083_200).unwrap(); // 2026-12-01T00:00:00Z
/// assert_eq!(run.at, 1_796_621_400); // 2026-12-07T05:30:00Z
/// ```
#[derive(Clone, Debug)]
pub struct Recurrence {
    dates: Dates,
    time: NaiveTime,
    zone: Zone,
    has_dtstart: bool,
}

/// The normal form of a rule's text. `anchor` is as for [`Recurrence::parse`].
pub(crate) fn normal(rule: &str, anchor: NaiveDate) -> Result<NormalRule, RecurrenceError> {
    grammar::rule(rule, anchor).map(|rule| NormalRule::of(&rule))
}

/// The day of `UNTIL`, if the rule would have an occurrence on it but ends before: `UNTIL` is before the time of day of `DTSTART`.
pub(crate) fn day_cut_by_until(rule: &str, anchor: NaiveDate) -> Option<NaiveDate> {
    let mut rule = grammar::rule(rule, anchor).ok()?;
    let rule::RuleEnd::Until(mut until) = rule.end else {
        return None;
    };
    if until.second_of_day >= rule.start.second_of_day {
        return None;
    }
    until.second_of_day = rule.start.second_of_day;
    rule.end = rule::RuleEnd::Until(until);
    let day = dates::day_of(until.date);
    (Dates::new(&rule).on_or_after(day) == Some(day)).then_some(until.date)
}

/// The first day of the month in a rule that some of its months do not have.
pub(crate) fn day_that_months_lack(rule: &str, anchor: NaiveDate) -> Option<i16> {
    let rule = normal(rule, anchor).ok()?;
    if rule.weekdays != NormalRule::EVERY_DAY || rule.whole_year {
        return None;
    }
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let shortest = (1..)
        .zip(lengths)
        .filter(|(month, _)| rule.months.is_empty() || rule.months.contains(month))
        .map(|(_, length)| length)
        .min()?;
    rule.nth.iter().copied().find(|day| *day > shortest)
}

/// One due time, with its local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The due time, in Unix seconds.
    pub at: i64,
    /// Offset from UTC in seconds that the local time was resolved with. For [`ClockNote::SkippedHour`] this is the offset before
    /// the gap, so `local_date` at the schedule's time of day, less this offset, is always `at`.
    pub utc_offset_seconds: i32,
    /// Whether the local time exists once, falls in a gap or falls in a fold.
    pub note: ClockNote,
    /// The date from the rule.
    pub local_date: NaiveDate,
}

impl Recurrence {
    /// Parses a rule (`DTSTART` and one `RRULE`, RFC 5545 sections 3.3.10, 3.8.2.4 and 3.8.5.3), the time of day
    /// (exactly `HH:MM:SS`) and a zone (a name of the time zone database).
    ///
    /// `anchor` is the first day, at 00:00:00, of a rule without `DTSTART`, and ignored otherwise. A day before 0001-01-01 counts as
    /// that day; one after 9999-12-30 leaves no occurrence.
    ///
    /// # Errors
    ///
    /// At most one error per [`RecurrenceField`], in the order rule, time, zone.
    pub fn parse(rule: &str, time: &str, zone: &str, anchor: NaiveDate) -> Result<Self, Vec<RecurrenceError>> {
        let parsed_rule = grammar::rule(rule, anchor);
        let parsed_time = grammar::time_of_day(time);
        let parsed_zone = self::zone(zone).ok_or_else(|| RecurrenceError::new(RecurrenceErrorKind::ZoneUnknown, zone));
        match (parsed_rule, parsed_time, parsed_zone) {
            (Ok(rule), Ok(time), Ok(zone)) => Ok(Self {
                has_dtstart: rule.has_dtstart,
                dates: Dates::new(&rule),
                time,
                zone,
            }),
            (rule, time, zone) => Err([rule.err(), time.err(), zone.err()].into_iter().flatten().collect()),
        }
    }

    /// Whether the rule has a `DTSTART`. Without one, the dates depend on the `anchor` passed to [`parse`](Self::parse).
    #[must_use]
    pub fn has_dtstart(&self) -> bool {
        self.has_dtstart
    }

    /// The zone of the local times.
    #[must_use]
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// The local time of day of every occurrence.
    #[must_use]
    pub fn time(&self) -> NaiveTime {
        self.time
    }

    /// The earliest occurrence strictly after `after` (Unix seconds); `None` if none is left.
    ///
    /// Two dates have the same instant if the zone skipped a whole day. They are one occurrence, with the date that exists.
    #[must_use]
    pub fn next_after(&self, after: i64) -> Option<Occurrence> {
        let after = after.clamp(BEFORE_ALL_RUNS, AFTER_ALL_RUNS);
        let wall = after + i64::from(clock::offset_at(after, self.zone));
        // No zone ever changed its offset by more than a day, so a local time a day or more ago has passed.
        let mut from = clock::day_of_wall(wall) - i32::from(self.second_of_day() > wall.rem_euclid(SECONDS_IN_DAY));
        loop {
            let day = self.dates.on_or_after(from)?;
            let run = self.run_on(day);
            if run.at > after {
                return Some(self.on_the_date_that_exists(run, day));
            }
            from = day + 1;
        }
    }

    /// The latest occurrence at or before `until` (Unix seconds); `None` if there was none yet.
    #[must_use]
    pub fn latest_until(&self, until: i64) -> Option<Occurrence> {
        let until = until.clamp(BEFORE_ALL_RUNS, AFTER_ALL_RUNS);
        let wall = until + i64::from(clock::offset_at(until, self.zone));
        // As in `next_after`: a local time more than a day ahead is still to come.
        let mut from = clock::day_of_wall(wall) + i32::from(self.second_of_day() <= wall.rem_euclid(SECONDS_IN_DAY));
        loop {
            let day = self.dates.on_or_before(from)?;
            let run = self.run_on(day);
            if run.at <= until {
                return Some(run);
            }
            from = day - 1;
        }
    }

    /// The number of occurrences after `after` and not after `until` (Unix seconds). Iterates over them.
    #[must_use]
    pub fn count_between(&self, after: i64, until: i64) -> u64 {
        self.occurrences(after)
            .take_while(|run| run.at <= until)
            .fold(0, |count, _| count + 1)
    }

    /// Whether there is an occurrence at exactly this instant (Unix seconds).
    #[must_use]
    pub fn contains(&self, at: i64) -> bool {
        self.latest_until(at).is_some_and(|run| run.at == at)
    }

    /// The occurrences strictly after `after` (Unix seconds), earliest first.
    pub fn occurrences(&self, after: i64) -> impl Iterator<Item = Occurrence> {
        let mut after = after;
        std::iter::from_fn(move || {
            let run = self.next_after(after)?;
            after = run.at;
            Some(run)
        })
    }

    fn second_of_day(&self) -> i64 {
        i64::from(self.time.num_seconds_from_midnight())
    }

    fn run_on(&self, day: i32) -> Occurrence {
        let local_date = dates::date_of(day);
        let (at, utc_offset_seconds, note) = instant_of(local_date, self.time, self.zone);
        Occurrence {
            at,
            utc_offset_seconds,
            note,
            local_date,
        }
    }

    /// `run`, or the occurrence of the next day if it is at the same instant because the zone skipped a day.
    fn on_the_date_that_exists(&self, run: Occurrence, day: i32) -> Occurrence {
        if run.note == ClockNote::SkippedHour && self.dates.on_or_after(day + 1) == Some(day + 1) {
            let next = self.run_on(day + 1);
            if next.at <= run.at {
                return next;
            }
        }
        run
    }
}
