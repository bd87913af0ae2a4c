//! The normal form of a rule: one text for the many ways to write the same rule, and the parts that words are made of.

use std::fmt::Write as _;

use chrono::{Datelike as _, NaiveDate};

use super::dates::{Dates, date_of, day_of, last_until};
use super::day_set::bits;
use super::grammar::WEEKDAYS;
use super::rule::{ByDay, Frequency, Rule, RuleEnd};

/// The last date that `DTSTART` can write.
const LAST_DATE: NaiveDate = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap();

/// The largest ordinal that `BYDAY` takes.
const LARGEST_ORDINAL: u16 = 53;

/// A rule with everything written out that its parts and `DTSTART` imply by RFC 5545, and without parts that change no date.
///
/// Rules with the same normal form have the same dates. The usual ways to write the same dates also have the same normal form:
/// `DAILY;BYDAY=MO` is `WEEKLY;BYDAY=MO`, and `MONTHLY;BYDAY=TU;BYSETPOS=2` is `MONTHLY;BYDAY=2TU`.
#[derive(Clone, Debug)]
pub(crate) struct NormalRule {
    pub(crate) frequency: Frequency,
    /// `INTERVAL`, from 1.
    pub(crate) every: u32,
    /// From 1 for January, ascending; empty: all.
    pub(crate) months: Vec<u32>,
    /// Bit 0: Monday. With `DAILY` a filter; 0 only next to `ordinals`.
    pub(crate) weekdays: u8,
    /// Weekdays (0 for Monday) that are not in `weekdays`, with their ordinals.
    pub(crate) ordinals: Vec<(u32, Vec<i16>)>,
    /// Positions among the days on `weekdays`, within each month, or within the year if `whole_year`; empty: all days. Lists of
    /// positions are in the order 1, 2, …, -2, -1.
    pub(crate) nth: Vec<i16>,
    /// Positions among all these days of a month (`MONTHLY`) or year (`YEARLY`); empty: all days.
    pub(crate) of_those: Vec<i16>,
    /// `YEARLY`: ordinals and positions count through the year, not through each of `months`.
    pub(crate) whole_year: bool,
    pub(crate) start: NaiveDate,
    /// Whether the text has a `DTSTART`: if the rule has one, or if the anchor decides about more than the first date.
    pub(crate) has_dtstart: bool,
    pub(crate) end: NormalEnd,
    /// The first date; `None` if the rule never matches.
    pub(crate) first: Option<NaiveDate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NormalEnd {
    Never,
    Count(u64),
    /// The last day that counts.
    Until(NaiveDate),
}

impl NormalRule {
    pub(crate) const EVERY_DAY: u8 = ByDay::EVERY_DAY;
    pub(crate) const WORKING_DAYS: u8 = 0x1f;

    pub(super) fn of(rule: &Rule) -> Self {
        let start = rule.start.date;
        let mut normal = Self {
            frequency: rule.frequency,
            every: rule.interval,
            months: rule.by_month.map_or_else(Vec::new, |months| {
                (1..=12).filter(|month| months.contains(month - 1)).collect()
            }),
            weekdays: ByDay::EVERY_DAY,
            ordinals: Vec::new(),
            nth: Vec::new(),
            of_those: Vec::new(),
            whole_year: rule.frequency == Frequency::Yearly && rule.by_month.is_none() && rule.by_day.is_some(),
            start: start.min(LAST_DATE),
            has_dtstart: rule.has_dtstart,
            end: end_of(rule),
            first: Dates::new(rule).on_or_after(day_of(start)).map(date_of),
        };
        match (rule.frequency, rule.by_day) {
            (_, Some(by_day)) => normal.set_days(by_day),
            (Frequency::Daily, None) => {}
            (Frequency::Weekly, None) => normal.weekdays = 1 << start.weekday().num_days_from_monday(),
            (Frequency::Monthly | Frequency::Yearly, None) => {
                if rule.frequency == Frequency::Yearly && rule.by_month.is_none() {
                    normal.months.push(start.month());
                }
                normal.nth.extend(i16::try_from(start.day()));
            }
        }
        if let Some(positions) = rule.by_set_position {
            normal.set_positions(
                listed(
                    positions.from_start.offsets().map(|offset| offset + 1),
                    positions.from_end.offsets().map(|offset| offset + 1),
                ),
                rule.by_day.is_none(),
            );
        }
        normal.simplify();
        let day_of_start_only = !normal.of_those.is_empty() && rule.by_day.is_none();
        let counted = matches!(normal.end, NormalEnd::Count(_));
        normal.has_dtstart |= normal.every > 1 || counted || day_of_start_only;
        normal
    }

    /// `BYDAY`.
    fn set_days(&mut self, by_day: ByDay) {
        self.weekdays = by_day.weekdays;
        let ordinals = by_day.ordinals;
        for weekday in 0..7 {
            // Every Monday includes the first one.
            if ordinals.weekdays & !by_day.weekdays & 1 << weekday != 0 {
                let (from_start, from_end) = (ordinals.from_start[weekday], ordinals.from_end[weekday]);
                self.ordinals
                    .push((weekday as u32, listed(bits(from_start), bits(from_end))));
            }
        }
        // Ordinals of one weekday are positions among its days.
        if self.weekdays == 0 && self.ordinals.len() == 1 {
            for (weekday, ordinals) in self.ordinals.drain(..) {
                self.weekdays = 1 << weekday;
                self.nth = ordinals;
            }
        }
    }

    /// `BYSETPOS`.
    fn set_positions(&mut self, positions: Vec<i16>, day_of_start: bool) {
        let one_span = self.frequency == Frequency::Monthly || self.whole_year || self.months.len() == 1;
        if one_span && day_of_start {
            // Of one day there are the positions 1 and -1.
            if !positions.iter().any(|position| matches!(position, 1 | -1)) {
                self.end = NormalEnd::Count(0);
            }
        } else if one_span && self.nth.is_empty() && self.ordinals.is_empty() {
            self.nth = positions;
        } else {
            self.of_those = positions;
        }
    }

    fn simplify(&mut self) {
        if self.months.len() == 12 {
            self.months.clear();
        }
        if self.every > 1 {
            return;
        }
        if self.frequency == Frequency::Yearly && !self.whole_year && self.of_those.is_empty() {
            self.frequency = Frequency::Monthly;
        }
        let all_days_on_weekdays = self.nth.is_empty() && self.ordinals.is_empty() && self.of_those.is_empty();
        if all_days_on_weekdays {
            self.frequency = if self.weekdays == ByDay::EVERY_DAY {
                Frequency::Daily
            } else {
                Frequency::Weekly
            };
            self.whole_year = false;
        }
    }

    /// The text of the rule: `DTSTART:20260131T000000`, a line break and `RRULE:…`, or `RRULE:…` alone.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if self.has_dtstart {
            write_to(&mut text, format_args!("DTSTART:{}T000000\n", digits(self.start)));
        }
        let on_day_of_start = self.is_on_day_of_start();
        let in_month_of_start = on_day_of_start && self.months == [self.start.month()];
        let yearly = self.frequency == Frequency::Yearly || (self.every == 1 && in_month_of_start);
        let frequency = match self.frequency {
            _ if yearly => "YEARLY",
            Frequency::Daily => "DAILY",
            Frequency::Weekly => "WEEKLY",
            Frequency::Monthly | Frequency::Yearly => "MONTHLY",
        };
        write_to(&mut text, format_args!("RRULE:FREQ={frequency}"));
        if self.every > 1 {
            write_to(&mut text, format_args!(";INTERVAL={}", self.every));
        }
        match &self.months[..] {
            _ if yearly && in_month_of_start => {}
            // Without it, positions would count through the year.
            [] if yearly && !self.whole_year => write_list(&mut text, "BYMONTH", 1..=12),
            [] => {}
            months => write_list(&mut text, "BYMONTH", months),
        }
        let (days, positions) = self.days_and_positions(on_day_of_start);
        if !days.is_empty() {
            write_list(&mut text, "BYDAY", days);
        }
        if !positions.is_empty() {
            write_list(&mut text, "BYSETPOS", positions);
        }
        match self.end {
            NormalEnd::Never => {}
            NormalEnd::Count(count) => write_to(&mut text, format_args!(";COUNT={count}")),
            NormalEnd::Until(day) => write_to(&mut text, format_args!(";UNTIL={}T235959", digits(day))),
        }
        text
    }

    /// Whether `DTSTART` alone says which day of a month it is.
    fn is_on_day_of_start(&self) -> bool {
        let days_of_month = matches!(self.frequency, Frequency::Monthly | Frequency::Yearly) && !self.whole_year;
        days_of_month
            && self.has_dtstart
            && (self.weekdays, &self.ordinals[..]) == (ByDay::EVERY_DAY, &[])
            && matches!(self.nth[..], [day] if i16::try_from(self.start.day()) == Ok(day))
    }

    /// `BYDAY` and `BYSETPOS`.
    fn days_and_positions(&self, on_day_of_start: bool) -> (Vec<String>, &[i16]) {
        let every_day = self.weekdays == ByDay::EVERY_DAY && self.frequency == Frequency::Daily;
        if every_day || on_day_of_start {
            return (Vec::new(), &self.of_those);
        }
        let within_ordinals = |position: &i16| position.unsigned_abs() <= LARGEST_ORDINAL;
        if self.weekdays.is_power_of_two() && !self.nth.is_empty() && self.nth.iter().all(within_ordinals) {
            let weekday = WEEKDAYS[self.weekdays.ilog2() as usize];
            let ordinals = self.nth.iter().map(|ordinal| format!("{ordinal}{weekday}"));
            return (ordinals.collect(), &self.of_those);
        }
        let plain = self.weekdays().map(|weekday| WEEKDAYS[weekday as usize].to_owned());
        let ordinals = self.ordinals.iter().flat_map(|(weekday, ordinals)| {
            let name = WEEKDAYS[*weekday as usize];
            ordinals.iter().map(move |ordinal| format!("{ordinal}{name}"))
        });
        let positions = if self.nth.is_empty() { &self.of_those } else { &self.nth };
        (plain.chain(ordinals).collect(), positions)
    }

    /// The weekdays in `weekdays`, 0 for Monday.
    pub(crate) fn weekdays(&self) -> impl Iterator<Item = u32> {
        bits(self.weekdays.into())
    }
}

fn end_of(rule: &Rule) -> NormalEnd {
    match rule.end {
        RuleEnd::Never => NormalEnd::Never,
        RuleEnd::Count(count) => NormalEnd::Count(count),
        RuleEnd::Until(until) => match last_until(until, rule.start) {
            // The day before 0001-01-01 cannot be written.
            ..=0 => NormalEnd::Count(0),
            day => NormalEnd::Until(NaiveDate::from_num_days_from_ce_opt(day).unwrap_or(LAST_DATE)),
        },
    }
}

/// Positions from the start and from the end, as one list.
fn listed(from_start: impl Iterator<Item = u32>, from_end: impl Iterator<Item = u32>) -> Vec<i16> {
    let signed = |position: u32| i16::try_from(position).unwrap_or(i16::MAX);
    let mut positions: Vec<i16> = from_end.map(|position| -signed(position)).collect();
    positions.reverse();
    positions.splice(..0, from_start.map(signed));
    positions
}

/// `YYYYMMDD`
fn digits(date: NaiveDate) -> String {
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
}

fn write_list(text: &mut String, name: &str, values: impl IntoIterator<Item: std::fmt::Display>) {
    write_to(text, format_args!(";{name}"));
    for (index, value) in values.into_iter().enumerate() {
        let before = if index == 0 { '=' } else { ',' };
        write_to(text, format_args!("{before}{value}"));
    }
}

fn write_to(text: &mut String, piece: std::fmt::Arguments<'_>) {
    text.write_fmt(piece).expect("a string takes all");
}
