//! A second implementation: checks every day against RFC 5545, section 3.3.10.
//!
//! It skips nothing and so is slow; it is written to be compared with the RFC. It also covers what `rrule` does not: rules that never
//! match, large intervals, and distant years.

use std::collections::BTreeSet;

use chrono::{Datelike as _, Days, NaiveDate, NaiveTime, Timelike as _};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::rules::{End, Frequency, Rule, rule};

/// The dates of the rule through `last`.
fn dates(rule: &Rule, last: NaiveDate) -> Vec<NaiveDate> {
    let mut found = Vec::new();
    for day in rule.start.date().iter_days().take_while(|day| *day <= last) {
        let ended = match rule.end {
            End::Never => false,
            End::Count(count) => found.len() == count as usize,
            End::Until(until) => day.and_time(rule.start.time()) > until,
        };
        if ended {
            break;
        }
        if in_interval(rule, day) && matches(rule, day) && at_set_position(rule, day) {
            found.push(day);
        }
    }
    found
}

fn in_interval(rule: &Rule, day: NaiveDate) -> bool {
    let start = rule.start.date();
    let monday = |day: NaiveDate| i64::from(day.num_days_from_ce()) - i64::from(day.weekday().num_days_from_monday());
    let distance = match rule.frequency {
        Frequency::Daily => (day - start).num_days(),
        Frequency::Weekly => (monday(day) - monday(start)) / 7,
        Frequency::Monthly => i64::from((day.year() - start.year()) * 12 + day.month() as i32 - start.month() as i32),
        Frequency::Yearly => i64::from(day.year() - start.year()),
    };
    distance % i64::from(rule.interval) == 0
}

fn matches(rule: &Rule, day: NaiveDate) -> bool {
    let start = rule.start.date();
    if !rule.by_month.is_empty() && !rule.by_month.contains(&day.month()) {
        return false;
    }
    if !rule.by_day.is_empty() {
        return rule.by_day.iter().any(|(ordinal, weekday)| {
            day.weekday() == *weekday && (*ordinal == 0 || has_ordinal(rule, day, *ordinal))
        });
    }
    match rule.frequency {
        Frequency::Daily => true,
        Frequency::Weekly => day.weekday() == start.weekday(),
        Frequency::Monthly => day.day() == start.day(),
        Frequency::Yearly if rule.by_month.is_empty() => day.day() == start.day() && day.month() == start.month(),
        Frequency::Yearly => day.day() == start.day(),
    }
}

/// Counts the same weekday from the start or the end of the month or year.
fn has_ordinal(rule: &Rule, day: NaiveDate, ordinal: i16) -> bool {
    let in_month = rule.frequency == Frequency::Monthly || !rule.by_month.is_empty();
    let same_span = |other: &NaiveDate| other.year() == day.year() && (!in_month || other.month() == day.month());
    let mut other = Some(day);
    let mut count = 0;
    while let Some(same) = other.filter(same_span) {
        count += 1;
        let week = Days::new(7);
        other = if ordinal > 0 {
            same.checked_sub_days(week)
        } else {
            same.checked_add_days(week)
        };
    }
    count == ordinal.abs()
}

fn at_set_position(rule: &Rule, day: NaiveDate) -> bool {
    if rule.by_set_positions.is_empty() {
        return true;
    }
    let monthly = rule.frequency == Frequency::Monthly;
    let first = NaiveDate::from_ymd_opt(day.year(), if monthly { day.month() } else { 1 }, 1).unwrap();
    let set: Vec<_> = first
        .iter_days()
        .take_while(|other| other.year() == day.year() && (!monthly || other.month() == day.month()))
        .filter(|other| matches(rule, *other))
        .collect();
    rule.by_set_positions.iter().any(|position| {
        let index = match position {
            1.. => position - 1,
            _ => set.len() as i32 + position,
        };
        usize::try_from(index).is_ok_and(|index| set.get(index) == Some(&day))
    })
}

/// The dates that the plugin returns through `last`.
fn dates_of_plugin(rule: &Rule, last: NaiveDate) -> Vec<NaiveDate> {
    let recurrence = rule.recurrence(NaiveTime::MIN, "UTC");
    recurrence
        .occurrences(i64::MIN)
        .map(|run| run.local_date)
        .take_while(|date| *date <= last)
        .collect()
}

fn assert_same_dates(rule: &Rule, days: u64) {
    let last = rule.start.date().checked_add_days(Days::new(days)).unwrap();
    assert_eq!(dates_of_plugin(rule, last), dates(rule, last), "{}", rule.text());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_date_is_one_that_a_look_at_every_day_finds(rule in rule(1..9900)) {
        let days = if !rule.by_set_positions.is_empty() { 800 } else { 2500 };
        assert_same_dates(&rule, days);
    }

    #[test]
    fn set_positions_of_months_are_those_that_a_look_at_every_day_finds(rule in rule(1990..2040)) {
        let mut by_set_positions = rule.by_set_positions.clone();
        if by_set_positions.is_empty() {
            by_set_positions = vec![-1];
        }
        assert_same_dates(&Rule { frequency: Frequency::Monthly, by_set_positions, ..rule }, 1200);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn twenty_thousand_random_rules_have_the_dates_that_a_look_at_every_day_finds(rule in rule(1..9900)) {
        assert_same_dates(&rule, if !rule.by_set_positions.is_empty() { 60 } else { 400 });
    }
}

#[test]
fn large_intervals_and_rare_dates_are_those_that_a_look_at_every_day_finds() {
    let cases = [
        "19960229 YEARLY 1",
        "20000229 YEARLY 4",
        "20000131 MONTHLY 5",
        "20000831 MONTHLY 6",
        "20000101 MONTHLY 48",
        "20000101 DAILY 1461",
        "20000101 DAILY 365",
        "20000101 WEEKLY 53",
        "19000101 WEEKLY 1000",
    ];
    for case in cases {
        let [start, frequency, interval] = case.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let start = NaiveDate::parse_from_str(start, "%Y%m%d")
            .unwrap()
            .and_time(NaiveTime::MIN);
        let frequency = match frequency {
            "DAILY" => Frequency::Daily,
            "WEEKLY" => Frequency::Weekly,
            "MONTHLY" => Frequency::Monthly,
            _ => Frequency::Yearly,
        };
        for by_month in [vec![], vec![2], vec![1, 8, 9]] {
            let interval = interval.parse().unwrap();
            let rule = Rule {
                start,
                frequency,
                interval,
                end: End::Never,
                by_day: vec![],
                by_month,
                by_set_positions: vec![],
            };
            assert_same_dates(&rule, 150_000);
        }
    }
}

/// For each rule, tries `COUNT` with some numbers of dates that exist, and with one too many.
#[test]
fn a_count_ends_where_a_walk_over_as_many_dates_does() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..300 {
        let mut rule = rule(1..3000).new_tree(&mut runner).unwrap().current();
        rule.end = End::Never;
        let unlimited = rule.dates(4000);
        let counts: BTreeSet<_> = [1, 2, 7, 60, 365, 1999, 3999]
            .into_iter()
            .filter(|count| *count < unlimited.len())
            .collect();
        for count in counts {
            rule.end = End::Count(count as u32);
            let recurrence = rule.recurrence(NaiveTime::MIN, "UTC");
            let last = recurrence.latest_until(i64::MAX).map(|run| run.local_date);
            assert_eq!(last, Some(unlimited[count - 1]), "{}", rule.text());
        }
    }
}

#[test]
fn an_until_is_compared_at_the_time_of_day_of_dtstart() {
    let start = NaiveDate::from_ymd_opt(2026, 1, 1)
        .unwrap()
        .and_hms_opt(9, 0, 0)
        .unwrap();
    let last_until = |second: u32| {
        let until = NaiveDate::from_ymd_opt(2026, 1, 5)
            .unwrap()
            .and_hms_opt(8, 59, 59)
            .unwrap()
            .with_second(second);
        let end = End::Until(until.unwrap() + chrono::TimeDelta::seconds(i64::from(second == 0) * 60));
        let rule = Rule {
            start,
            frequency: Frequency::Daily,
            interval: 1,
            end,
            by_day: vec![],
            by_month: vec![],
            by_set_positions: vec![],
        };
        rule.dates(100).last().unwrap().day()
    };
    assert_eq!(last_until(59), 4); // 08:59:59
    assert_eq!(last_until(0), 5); // 09:00:00
}
