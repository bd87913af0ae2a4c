//! `DAILY` and `WEEKLY`: the same days in every cycle of fixed length.

use chrono::{Datelike as _, NaiveDate};

use super::dates::{date_of, day_of, weekday_of};
use super::rule::Months;

/// Maximum cycle length, in days, for which the number of dates in each kind of year is cached while counting.
const MAX_CACHED_CYCLE: usize = 4096;

/// The days `origin + k·length + i·step` for every `k` and each bit `i` of `days`.
///
/// `WEEKLY;INTERVAL=n` is a cycle of 7n days with the weekdays of its first week. `DAILY;INTERVAL=n` is one of 7n days
/// too, with a step of n: after seven steps it is on the same weekday again.
#[derive(Clone, Debug)]
struct Cycle {
    origin: i32,
    length: i32,
    step: i32,
    /// 7 bits, at least one of which is set.
    days: u8,
}

/// The days of a cycle, filtered by month.
#[derive(Clone, Debug)]
pub(super) struct CycleDates {
    cycle: Cycle,
    months: Months,
}

impl Cycle {
    fn on_or_after(&self, day: i32) -> i32 {
        let (cycle, step) = self.position(day + self.step - 1);
        let ahead = if step < 7 { self.days >> step << step } else { 0 };
        if ahead == 0 {
            self.day_at(cycle + 1, self.days.trailing_zeros())
        } else {
            self.day_at(cycle, ahead.trailing_zeros())
        }
    }

    fn on_or_before(&self, day: i32) -> i32 {
        let (cycle, step) = self.position(day);
        let behind = self.days_through(step);
        if behind == 0 {
            self.day_at(cycle - 1, self.days.ilog2())
        } else {
            self.day_at(cycle, behind.ilog2())
        }
    }

    /// Number of days of the cycle from `origin` through `day`; negative before `origin`.
    fn rank(&self, day: i32) -> i32 {
        let (cycle, step) = self.position(day);
        cycle * self.days_in_cycle() + self.days_through(step).count_ones().cast_signed()
    }

    /// The day of this rank, which is at least 1.
    fn at_rank(&self, rank: i32) -> i32 {
        let before = rank - 1;
        let mut days = self.days;
        for _ in 0..before.rem_euclid(self.days_in_cycle()) {
            days &= days - 1;
        }
        self.day_at(before.div_euclid(self.days_in_cycle()), days.trailing_zeros())
    }

    fn days_in_cycle(&self) -> i32 {
        self.days.count_ones().cast_signed()
    }

    /// The number of the cycle that `day` is in, and the number of whole steps into it.
    fn position(&self, day: i32) -> (i32, i32) {
        let distance = day - self.origin;
        (
            distance.div_euclid(self.length),
            distance.rem_euclid(self.length) / self.step,
        )
    }

    fn days_through(&self, step: i32) -> u8 {
        self.days & (u8::MAX >> (7 - step.min(7)))
    }

    fn day_at(&self, cycle: i32, step: u32) -> i32 {
        self.origin + cycle * self.length + step.cast_signed() * self.step
    }
}

impl CycleDates {
    /// `DAILY`; `weekdays` filters (bit 0: Monday). `None` if no day of the cycle is on one of them.
    pub(super) fn daily(start: i32, interval: i32, weekdays: u8, months: Months) -> Option<Self> {
        let days = (0..7)
            .filter(|step| weekdays >> weekday_of(start + step * interval) & 1 == 1)
            .fold(0, |days, step| days | 1 << step);
        (days != 0).then_some(Self {
            cycle: Cycle {
                origin: start,
                length: 7 * interval,
                step: interval,
                days,
            },
            months,
        })
    }

    /// `WEEKLY`; weeks begin on Monday.
    pub(super) fn weekly(start: i32, interval: i32, weekdays: u8, months: Months) -> Option<Self> {
        let origin = start - weekday_of(start).cast_signed();
        (weekdays != 0).then_some(Self {
            cycle: Cycle {
                origin,
                length: 7 * interval,
                step: 1,
                days: weekdays,
            },
            months,
        })
    }

    /// The first date from `day` through `last`. Tries one day per month, or run of months, that is not in the set:
    /// at most six per year, and one per cycle for a cycle of a year or longer.
    pub(super) fn on_or_after(&self, mut day: i32, last: i32) -> Option<i32> {
        loop {
            day = self.cycle.on_or_after(day);
            if day > last {
                return None;
            }
            if self.months == Months::ALL {
                return Some(day);
            }
            let date = date_of(day);
            match self.months.ahead_of(date.month0()) {
                0 => return Some(day),
                months => day = first_of_month(date.year(), date.month0() + months),
            }
        }
    }

    /// The last date from `first` through `day`, with the same bound.
    pub(super) fn on_or_before(&self, mut day: i32, first: i32) -> Option<i32> {
        loop {
            day = self.cycle.on_or_before(day);
            if day < first {
                return None;
            }
            if self.months == Months::ALL {
                return Some(day);
            }
            let date = date_of(day);
            match self.months.behind(date.month0()) {
                0 => return Some(day),
                months => day = first_of_month(date.year() - 1, date.month0() + 13 - months) - 1,
            }
        }
    }

    /// The `count`-th date from `start` on, if it is not after `last`. `count` is at least 1.
    ///
    /// Closed form without `BYMONTH`. With it, whole years are skipped by their number of dates. That number depends only on the
    /// position in the cycle where a year begins and on whether it is a leap year, so for short cycles it is cached per pair.
    pub(super) fn nth(&self, count: u64, start: i32, last: i32) -> Option<i32> {
        let before = self.cycle.rank(start - 1);
        let count = i32::try_from(count)
            .ok()
            .filter(|count| *count <= self.cycle.rank(last) - before)?;
        if self.months == Months::ALL {
            return Some(self.cycle.at_rank(before + count));
        }
        let mut left = count;
        let mut from = start;
        let mut year = date_of(start).year();
        let mut cached = match usize::try_from(self.cycle.length) {
            Ok(length) if length <= MAX_CACHED_CYCLE => vec![None; 2 * length],
            _ => vec![],
        };
        while from <= last {
            let next_year = first_of_month(year + 1, 0);
            let phase = (from - self.cycle.origin).rem_euclid(self.cycle.length).cast_unsigned() as usize;
            let whole_year = next_year - from >= 365;
            let in_year = match cached.get_mut(2 * phase + usize::from(next_year - from == 366)) {
                Some(count) if whole_year => *count.get_or_insert_with(|| self.count(from, next_year - 1)),
                _ => self.count(from, next_year - 1),
            };
            if left <= in_year {
                return self.nth_by_iteration(left, from, last);
            }
            left -= in_year;
            from = next_year;
            year += 1;
        }
        None
    }

    /// Number of dates from `from` through `last`. Two closed forms per run of months.
    fn count(&self, from: i32, last: i32) -> i32 {
        let mut count = 0;
        let mut next = from;
        while let Some(first) = self.on_or_after(next, last) {
            let date = date_of(first);
            let months = (!self.months.0 | 0xf000) >> date.month0();
            next = first_of_month(date.year(), date.month0() + months.trailing_zeros());
            count += self.cycle.rank(last.min(next - 1)) - self.cycle.rank(first - 1);
        }
        count
    }

    /// [`nth`](Self::nth) by iteration.
    fn nth_by_iteration(&self, count: i32, start: i32, last: i32) -> Option<i32> {
        let mut day = self.on_or_after(start, last)?;
        for _ in 1..count {
            day = self.on_or_after(day + 1, last)?;
        }
        Some(day)
    }
}

/// The first day of a month; `month0` 0 for January of `year`, 12 for January of the next.
fn first_of_month(year: i32, month0: u32) -> i32 {
    NaiveDate::from_ymd_opt(year + (month0 / 12).cast_signed(), month0 % 12 + 1, 1).map_or(i32::MAX, day_of)
}
