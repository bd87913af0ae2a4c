//! `rrule` as the oracle, on random rules. It computes dates in UTC, because its zones are those of chrono-tz, which has an older version
//! of the time zone database than the plugin. jiff, which has the same version, converts the dates to instants.
//!
//! `slow_matcher.rs` covers rules that never match, on which `rrule` does not end (for the others, it computes only the first dates), and
//! those that [`answers`] names.

use std::cell::Cell;

use chrono::{Month, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;

use super::rules::{End, Frequency, Rule, rule};
use super::zones::{on_the_clock, theirs};

const DATES: usize = 25;

const ZONES: [&str; 12] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Vancouver",
    "America/Winnipeg",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Santiago",
    "Asia/Tehran",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "America/Asuncion",
];

/// Known differences of 0.14.0: it rejects an `UNTIL` before `DTSTART`, the last possible ordinal from the end (-5MO in a month, -53MO
/// in a year), and positions that no month has; for `MO,1TU` it returns the intersection, whereas RFC 5545 has the union.
fn answers(rule: &Rule) -> bool {
    let ordinals = rule.by_day.iter().filter(|(ordinal, _)| *ordinal != 0).count();
    let mixed = ordinals > 0 && ordinals < rule.by_day.len();
    let last = if rule.frequency == Frequency::Monthly { -5 } else { -53 };
    let last_from_end = rule.by_day.iter().any(|(ordinal, _)| *ordinal == last);
    let days = if rule.frequency == Frequency::Monthly { 31 } else { 366 };
    let beyond_month = rule.by_set_positions.iter().any(|position| position.abs() > days);
    let ends_before_start = matches!(rule.end, End::Until(until) if until < rule.start);
    !mixed && !ends_before_start && !last_from_end && !beyond_month
}

fn dates_of_rrule(rule: &Rule) -> Vec<NaiveDate> {
    let utc = |at: NaiveDateTime| rrule::Tz::UTC.from_utc_datetime(&at);
    let by_day = rule.by_day.iter().map(|(ordinal, weekday)| match ordinal {
        0 => rrule::NWeekday::Every(*weekday),
        ordinal => rrule::NWeekday::Nth(*ordinal, *weekday),
    });
    let by_month: Vec<_> = rule
        .by_month
        .iter()
        .map(|month| Month::try_from(*month as u8).unwrap())
        .collect();
    let frequency = match rule.frequency {
        Frequency::Daily => rrule::Frequency::Daily,
        Frequency::Weekly => rrule::Frequency::Weekly,
        Frequency::Monthly => rrule::Frequency::Monthly,
        Frequency::Yearly => rrule::Frequency::Yearly,
    };
    let mut asked = rrule::RRule::new(frequency)
        .interval(rule.interval as u16)
        .by_weekday(by_day.collect())
        .by_month(&by_month)
        .by_set_pos(rule.by_set_positions.clone());
    match rule.end {
        End::Never => {}
        End::Count(count) => asked = asked.count(count),
        End::Until(until) => asked = asked.until(utc(until)),
    }
    let dates = asked
        .build(utc(rule.start))
        .unwrap_or_else(|error| panic!("{error}: {}", rule.text()));
    dates.into_iter().take(DATES).map(|at| at.naive_utc().date()).collect()
}

fn instant(date: NaiveDate, time: NaiveTime, zone: &TimeZone) -> i64 {
    let wall = date.and_time(time).and_utc().timestamp();
    wall - i64::from(on_the_clock(wall, zone).0)
}

#[test]
fn twenty_thousand_random_rules_run_when_rrule_has_them_run() {
    let time = prop_oneof![(0..4_u32, 0..60_u32), (0..24_u32, 0..60_u32)];
    let cases = (rule(1970..2038), time, select(&ZONES[..]));
    let (compared, not_asked) = (Cell::new(0), Cell::new(0));
    let config = ProptestConfig {
        // About one in eight is skipped. With this number of cases, every run compares 20,000.
        cases: 25_000,
        ..ProptestConfig::default()
    };
    let result = TestRunner::new(config).run(&cases, |(rule, (hour, minute), zone)| {
        let dates = rule.dates(DATES);
        if dates.is_empty() || !answers(&rule) {
            not_asked.set(not_asked.get() + 1);
            return Ok(());
        }
        compared.set(compared.get() + 1);
        prop_assert_eq!(&dates, &dates_of_rrule(&rule));

        let time = NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
        let recurrence = rule.recurrence(time, zone);
        let theirs = theirs(zone);
        let mut want: Vec<_> = dates.iter().map(|date| instant(*date, time, &theirs)).collect();
        want.dedup();
        let got: Vec<_> = recurrence
            .occurrences(i64::MIN)
            .take(want.len())
            .map(|run| run.at)
            .collect();
        prop_assert_eq!(&got, &want);
        Ok(())
    });
    result.unwrap();
    println!("compared {}, not asked {}", compared.get(), not_asked.get());
    assert!(
        compared.get() >= 20_000,
        "only {} compared, {} not",
        compared.get(),
        not_asked.get()
    );
}
