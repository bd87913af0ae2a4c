//! `MONTHLY` and `YEARLY`: the days of every n-th month or year, whose lengths differ.
//!
//! The days that a rule matches in a month depend only on the month's length and the weekday of its first day: 28 kinds.
//! There are 14 kinds of years. So a search without a match evaluates each kind once, however far it goes.

use chrono::{Datelike as _, NaiveDate};

use super::dates::{date_of, day_of, weekday_of};
use super::day_set::{DaySet, bits};
use super::rule::{ByDay, Months, Ordinals, SetPositions};

const KINDS: usize = 28;

/// The Gregorian calendar repeats after 400 years, weekdays included: they are 20,871 weeks.
const YEARS_IN_CYCLE: i32 = 400;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Month,
    Year,
}

#[derive(Clone, Debug)]
pub(super) struct CalendarDates {
    unit: Unit,
    /// The month or year of `DTSTART`, as [`CalendarDates::index_of`] counts them.
    origin: i32,
    interval: i32,
    months: Months,
    days: DayFilter,
    set_positions: Option<SetPositions>,
    /// Number of periods after which the calendar repeats, and with it the matching days.
    cycle: i32,
}

/// The days of a month or year that match, before `BYSETPOS`.
#[derive(Clone, Debug)]
pub(super) enum DayFilter {
    /// This day of each month.
    DayOfMonth(u32),
    /// Weekdays and ordinal weekdays of each month.
    WeekdaysOfMonth(ByDay),
    /// Weekdays and ordinal weekdays of the year.
    WeekdaysOfYear(ByDay),
}

/// One month or year.
struct Period {
    year: i32,
    first: i32,
    length: u32,
    kind: u32,
}

impl CalendarDates {
    pub(super) fn new(
        unit: Unit,
        start: NaiveDate,
        interval: i32,
        months: Months,
        days: DayFilter,
        set_positions: Option<SetPositions>,
    ) -> Self {
        let periods = match unit {
            Unit::Month => YEARS_IN_CYCLE * 12,
            Unit::Year => YEARS_IN_CYCLE,
        };
        let cycle = periods / greatest_common_divisor(periods, interval);
        let mut dates = Self {
            unit,
            origin: 0,
            interval,
            months,
            days,
            set_positions,
            cycle,
        };
        dates.origin = dates.index_of(start);
        dates
    }

    /// The first date from `day` through `last`.
    pub(super) fn on_or_after(&self, day: i32, last: i32) -> Option<i32> {
        let to_go = (self.index_of(date_of(day)) - self.origin).max(0);
        let index = self.origin + (to_go + self.interval - 1) / self.interval * self.interval;
        let last_index = self.index_of(date_of(last));
        let mut empty_kinds = 0_u32;
        let mut index = index;
        // The first period might have only earlier days. After it, a whole cycle without a date means that there is none.
        for _ in 0..=self.cycle {
            if index > last_index {
                return None;
            }
            if let Some((period, days)) = self.days_unless_empty(index, &mut empty_kinds) {
                let offset = u32::try_from(day - period.first).unwrap_or(0);
                if let Some(found) = days.from(offset).first() {
                    return Some(period.first + found.cast_signed()).filter(|found| *found <= last);
                }
            }
            index += self.interval;
        }
        None
    }

    /// The last date from `first` through `day`.
    pub(super) fn on_or_before(&self, day: i32, first: i32) -> Option<i32> {
        let passed = self.index_of(date_of(day)) - self.origin;
        let mut index = self.origin + passed.div_euclid(self.interval) * self.interval;
        let mut empty_kinds = 0_u32;
        for _ in 0..=self.cycle {
            if index < self.origin {
                return None;
            }
            if let Some((period, days)) = self.days_unless_empty(index, &mut empty_kinds) {
                let offset = (day - period.first).cast_unsigned().min(period.length - 1);
                if let Some(found) = days.through(offset).last() {
                    return Some(period.first + found.cast_signed()).filter(|found| *found >= first);
                }
            }
            index -= self.interval;
        }
        None
    }

    /// The `count`-th date from `start` on, if it is not after `last`. `count` is at least 1.
    ///
    /// Visits at most two cycles of the calendar: whole cycles in between are skipped by division.
    pub(super) fn nth(&self, count: u64, start: i32, last: i32) -> Option<i32> {
        let last_index = self.index_of(date_of(last));
        let mut counts: [Option<u32>; KINDS] = [None; KINDS];
        let mut index = self.origin;
        let mut left = count;
        let mut in_cycle = 0;
        let mut walked = 0;
        while index <= last_index {
            if self.can_have_days(index) {
                let period = self.period(index);
                let known = counts[period.kind as usize].filter(|_| index > self.origin);
                let matching = known.unwrap_or_else(|| {
                    let days = self.days_from_start(&period, start);
                    if index > self.origin {
                        counts[period.kind as usize] = Some(days.count());
                    }
                    days.count()
                });
                if left <= u64::from(matching) {
                    let position = u32::try_from(left - 1).unwrap_or(u32::MAX);
                    let found = self.days_from_start(&period, start).nth(position)?;
                    return Some(period.first + found.cast_signed()).filter(|day| *day <= last);
                }
                left -= u64::from(matching);
                in_cycle += if index > self.origin { u64::from(matching) } else { 0 };
            }
            if walked == self.cycle {
                // The periods 1 to `cycle` after the first are one whole cycle, and all later cycles are like it.
                if in_cycle == 0 {
                    return None;
                }
                let cycles = i32::try_from((left - 1) / in_cycle).ok()?;
                left -= u64::from(cycles.cast_unsigned()) * in_cycle;
                index = index.checked_add(cycles.checked_mul(self.cycle * self.interval)?)?;
            }
            walked += 1;
            index += self.interval;
        }
        None
    }

    fn days_from_start(&self, period: &Period, start: i32) -> DaySet {
        self.days_of(period)
            .from(u32::try_from(start - period.first).unwrap_or(0))
    }

    /// The matching days of a period; `None` if it has none, without evaluation if its kind is known to have none.
    fn days_unless_empty(&self, index: i32, empty_kinds: &mut u32) -> Option<(Period, DaySet)> {
        if !self.can_have_days(index) {
            return None;
        }
        let period = self.period(index);
        if *empty_kinds >> period.kind & 1 == 1 {
            return None;
        }
        let days = self.days_of(&period);
        if days.is_empty() {
            *empty_kinds |= 1 << period.kind;
            return None;
        }
        Some((period, days))
    }

    fn index_of(&self, date: NaiveDate) -> i32 {
        match self.unit {
            Unit::Month => date.year() * 12 + date.month0().cast_signed(),
            Unit::Year => date.year(),
        }
    }

    fn can_have_days(&self, index: i32) -> bool {
        self.unit == Unit::Year || self.months.contains(index.rem_euclid(12).cast_unsigned())
    }

    fn period(&self, index: i32) -> Period {
        match self.unit {
            Unit::Month => {
                let (year, month0) = (index.div_euclid(12), index.rem_euclid(12).cast_unsigned());
                let first = first_of_month(year, month0);
                let length = length_of_month(year, month0);
                Period {
                    year,
                    first,
                    length,
                    kind: weekday_of(first) * 4 + length - 28,
                }
            }
            Unit::Year => {
                let first = first_of_month(index, 0);
                let leap = u32::from(is_leap(index));
                Period {
                    year: index,
                    first,
                    length: 365 + leap,
                    kind: weekday_of(first) * 2 + leap,
                }
            }
        }
    }

    fn days_of(&self, period: &Period) -> DaySet {
        let days = match (self.unit, &self.days) {
            (Unit::Month, days) => days.of_month(weekday_of(period.first), period.length),
            (Unit::Year, DayFilter::WeekdaysOfYear(by_day)) => {
                matching(by_day, weekday_of(period.first), period.length)
            }
            (Unit::Year, days) => {
                let mut year = DaySet::EMPTY;
                let mut offset = 0;
                for month0 in 0..12 {
                    let length = length_of_month(period.year, month0);
                    if self.months.contains(month0) {
                        let weekday = (weekday_of(period.first) + offset) % 7;
                        year.insert_month(offset, &days.of_month(weekday, length));
                    }
                    offset += length;
                }
                year
            }
        };
        match &self.set_positions {
            None => days,
            Some(positions) => days.at_positions(positions),
        }
    }
}

impl DayFilter {
    fn of_month(&self, first_weekday: u32, length: u32) -> DaySet {
        match self {
            Self::DayOfMonth(day) => {
                let mut days = DaySet::EMPTY;
                if *day <= length {
                    days.insert(*day - 1);
                }
                days
            }
            Self::WeekdaysOfMonth(by_day) | Self::WeekdaysOfYear(by_day) => matching(by_day, first_weekday, length),
        }
    }
}

/// The days of a span that `BYDAY` matches, ordinals counted within the span.
fn matching(by_day: &ByDay, first_weekday: u32, length: u32) -> DaySet {
    let mut days = DaySet::weekly(by_day.weekdays, first_weekday, length);
    if !by_day.ordinals.is_empty() {
        insert_ordinals(&mut days, &by_day.ordinals, first_weekday, length);
    }
    days
}

fn insert_ordinals(days: &mut DaySet, ordinals: &Ordinals, first_weekday: u32, length: u32) {
    for weekday in (0..7).filter(|weekday| ordinals.weekdays >> weekday & 1 == 1) {
        let first = (weekday + 7 - first_weekday) % 7;
        let weeks = (length - first).div_ceil(7); // how many of this weekday the span has
        for ordinal in bits(ordinals.from_start[weekday as usize]).take_while(|ordinal| *ordinal <= weeks) {
            days.insert(first + 7 * (ordinal - 1));
        }
        for ordinal in bits(ordinals.from_end[weekday as usize]).take_while(|ordinal| *ordinal <= weeks) {
            days.insert(first + 7 * (weeks - ordinal));
        }
    }
}

/// `month0` 0 for January. Callers stay within the years 0001 to 9999.
fn first_of_month(year: i32, month0: u32) -> i32 {
    NaiveDate::from_ymd_opt(year, month0 + 1, 1).map_or(i32::MAX, day_of)
}

fn length_of_month(year: i32, month0: u32) -> u32 {
    match month0 {
        1 => 28 + u32::from(is_leap(year)),
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn greatest_common_divisor(mut a: i32, mut b: i32) -> i32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
