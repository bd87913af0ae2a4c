//! A parsed and consistent recurrence rule (RFC 5545, section 3.3.10), with the rule parts that the plugin supports.

use chrono::NaiveDate;

use super::day_set::DaySet;

/// A rule whose parts agree with each other.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) has_dtstart: bool,
    pub(super) start: LocalTime,
    pub(super) frequency: Frequency,
    /// At least 1. A number that does not fit is `u32::MAX`, which is longer than all dates together.
    pub(super) interval: u32,
    pub(super) end: RuleEnd,
    pub(super) by_day: Option<ByDay>,
    /// `None` without `BYMONTH`.
    pub(super) by_month: Option<Months>,
    pub(super) by_set_position: Option<SetPositions>,
}

/// A floating local time (RFC 5545, section 3.3.5, form 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LocalTime {
    pub(super) date: NaiveDate,
    pub(super) second_of_day: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RuleEnd {
    Never,
    /// A number that does not fit is `u64::MAX`, which is more than there are days.
    Count(u64),
    Until(LocalTime),
}

/// `BYDAY`: weekdays, and weekdays with an ordinal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ByDay {
    /// Bit 0: Monday.
    pub(super) weekdays: u8,
    pub(super) ordinals: Ordinals,
}

/// Ordinal weekdays of a month or year, such as `-1FR`. Bit sets, so that the cost does not depend on the length of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ordinals {
    /// For each weekday from Monday, bit n: the n-th from the start.
    pub(super) from_start: [u64; 7],
    /// Likewise from the end.
    pub(super) from_end: [u64; 7],
    /// The weekdays that have any; bit 0: Monday.
    pub(super) weekdays: u8,
}

impl ByDay {
    /// All seven weekdays, as `weekdays` has them.
    pub(super) const EVERY_DAY: u8 = 0x7f;
}

impl Ordinals {
    /// `ordinal` from -53 to 53 and not 0; `weekday` 0 for Monday.
    pub(super) fn insert(&mut self, ordinal: i16, weekday: u8) {
        let side = if ordinal > 0 {
            &mut self.from_start
        } else {
            &mut self.from_end
        };
        side[usize::from(weekday)] |= 1 << ordinal.unsigned_abs();
        self.weekdays |= 1 << weekday;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.weekdays == 0
    }
}

/// `BYSETPOS`: positions among the days of a month or year. Bit sets, so that the cost does not depend on the length of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SetPositions {
    /// Offset n: the day at position n + 1.
    pub(super) from_start: DaySet,
    /// Likewise from the end.
    pub(super) from_end: DaySet,
}

impl Default for SetPositions {
    fn default() -> Self {
        Self {
            from_start: DaySet::EMPTY,
            from_end: DaySet::EMPTY,
        }
    }
}

impl SetPositions {
    /// `position` from -366 to 366 and not 0.
    pub(super) fn insert(&mut self, position: i16) {
        let side = if position > 0 {
            &mut self.from_start
        } else {
            &mut self.from_end
        };
        side.insert(u32::from(position.unsigned_abs()) - 1);
    }
}

/// A set of months; bit 0: January.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Months(pub(super) u16);

impl Months {
    pub(super) const ALL: Self = Self(0xfff);

    /// `month` 0 for January.
    pub(super) fn only(month: u32) -> Self {
        Self(1 << month)
    }

    /// `month` 0 for January.
    pub(super) fn contains(self, month: u32) -> bool {
        self.0 >> month & 1 == 1
    }

    /// Number of months from `month` (0 for January) to the next one in the set, 0 to 11; 0 if `month` is in the set.
    pub(super) fn ahead_of(self, month: u32) -> u32 {
        self.rotated_to(month).trailing_zeros()
    }

    /// Number of months from the previous one in the set to `month` (0 for January), 0 to 11; 0 if `month` is in the set.
    pub(super) fn behind(self, month: u32) -> u32 {
        self.rotated_to((month + 1) % 12).leading_zeros() - 20
    }

    /// The set with `month` in bit 0 and the month before it in bit 11.
    fn rotated_to(self, month: u32) -> u32 {
        let months = u32::from(self.0);
        (months >> month | months << (12 - month)) & 0xfff
    }
}
