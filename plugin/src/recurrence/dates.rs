//! The dates of a rule: first, last, and those in between.

use chrono::{Datelike as _, NaiveDate};

use super::calendar::{CalendarDates, DayFilter, Unit};
use super::cycle::CycleDates;
use super::rule::{ByDay, Frequency, LocalTime, Months, Rule, RuleEnd};

/// 9999-12-30, as `num_days_from_ce`: the last date whose due time RFC 3339 can express in UTC, for any zone. No rule goes
/// further, neither by `UNTIL` nor by `COUNT`.
pub(super) const LAST_DAY: i32 = 3_652_058;

/// More than the days from 0001-01-01 to [`LAST_DAY`], so that a larger `INTERVAL` has the same dates; and small
/// enough that the sum of a few, in weeks, fits in 32 bits.
const MAX_INTERVAL: u32 = 4_000_000;

/// The dates of a rule, in days counted by `num_days_from_ce`: all that match from `first` through `last`.
#[derive(Clone, Debug)]
pub(super) struct Dates {
    first: i32,
    /// From `UNTIL` or `COUNT`.
    last: i32,
    matching: Matching,
}

#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one per call, on the stack: an allocation would cost more than the copy"
)]
enum Matching {
    Cycle(CycleDates),
    Calendar(CalendarDates),
    Never,
}

impl Dates {
    pub(super) fn new(rule: &Rule) -> Self {
        let first = day_of(rule.start.date);
        let matching = matching(rule, first);
        let last = match rule.end {
            RuleEnd::Never => LAST_DAY,
            RuleEnd::Until(until) => last_until(until, rule.start),
            RuleEnd::Count(0) => first - 1,
            RuleEnd::Count(count) => matching.nth(count, first, LAST_DAY).unwrap_or(LAST_DAY),
        };
        Self {
            first,
            last: last.min(LAST_DAY),
            matching,
        }
    }

    /// The first date not before `day`.
    pub(super) fn on_or_after(&self, day: i32) -> Option<i32> {
        let day = day.max(self.first);
        if day > self.last {
            return None;
        }
        match &self.matching {
            Matching::Cycle(dates) => dates.on_or_after(day, self.last),
            Matching::Calendar(dates) => dates.on_or_after(day, self.last),
            Matching::Never => None,
        }
    }

    /// The last date not after `day`.
    pub(super) fn on_or_before(&self, day: i32) -> Option<i32> {
        let day = day.min(self.last);
        if day < self.first {
            return None;
        }
        match &self.matching {
            Matching::Cycle(dates) => dates.on_or_before(day, self.first),
            Matching::Calendar(dates) => dates.on_or_before(day, self.first),
            Matching::Never => None,
        }
    }
}

impl Matching {
    fn nth(&self, count: u64, first: i32, last: i32) -> Option<i32> {
        if first > last {
            return None;
        }
        match self {
            Self::Cycle(dates) => dates.nth(count, first, last),
            Self::Calendar(dates) => dates.nth(count, first, last),
            Self::Never => None,
        }
    }
}

/// Each rule part limits or expands as in the table of RFC 5545, section 3.3.10.
fn matching(rule: &Rule, first: i32) -> Matching {
    let interval = rule.interval.min(MAX_INTERVAL).cast_signed();
    let months = rule.by_month.unwrap_or(Months::ALL);
    let cycle = |dates: Option<CycleDates>| dates.map_or(Matching::Never, Matching::Cycle);
    let calendar = |unit, months, days| {
        Matching::Calendar(CalendarDates::new(
            unit,
            rule.start.date,
            interval,
            months,
            days,
            rule.by_set_position,
        ))
    };
    let of_month = DayFilter::DayOfMonth(rule.start.date.day());
    match (rule.frequency, rule.by_day, rule.by_month) {
        (Frequency::Daily, by_day, _) => {
            let weekdays = by_day.map_or(ByDay::EVERY_DAY, |by_day| by_day.weekdays);
            cycle(CycleDates::daily(first, interval, weekdays, months))
        }
        (Frequency::Weekly, by_day, _) => {
            let weekdays = by_day.map_or(1 << weekday_of(first), |by_day| by_day.weekdays);
            cycle(CycleDates::weekly(first, interval, weekdays, months))
        }
        (Frequency::Monthly, None, _) => calendar(Unit::Month, months, of_month),
        (Frequency::Monthly, Some(by_day), _) => calendar(Unit::Month, months, DayFilter::WeekdaysOfMonth(by_day)),
        (Frequency::Yearly, None, None) => calendar(Unit::Year, Months::only(rule.start.date.month0()), of_month),
        (Frequency::Yearly, None, Some(months)) => calendar(Unit::Year, months, of_month),
        (Frequency::Yearly, Some(by_day), None) => calendar(Unit::Year, Months::ALL, DayFilter::WeekdaysOfYear(by_day)),
        (Frequency::Yearly, Some(by_day), Some(months)) => {
            calendar(Unit::Year, months, DayFilter::WeekdaysOfMonth(by_day))
        }
    }
}

/// `UNTIL` bounds the occurrences at the time of day of `DTSTART`; the schedule's own time of day is ignored.
pub(super) fn last_until(until: LocalTime, start: LocalTime) -> i32 {
    day_of(until.date) - i32::from(until.second_of_day < start.second_of_day)
}

pub(super) fn day_of(date: NaiveDate) -> i32 {
    date.num_days_from_ce()
}

/// The date of a day from 0001-01-01 through [`LAST_DAY`], the range of all rules.
pub(super) fn date_of(day: i32) -> NaiveDate {
    NaiveDate::from_num_days_from_ce_opt(day).unwrap_or(NaiveDate::MAX)
}

/// 0 for Monday.
pub(super) fn weekday_of(day: i32) -> u32 {
    (day - 1).rem_euclid(7).cast_unsigned() // 0001-01-01, day 1, was a Monday
}
