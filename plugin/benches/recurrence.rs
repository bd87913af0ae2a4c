//! The cost of one query natively, compared with `rrule`: `cargo bench -p plugin --bench recurrence`.
//!
//! `docs/recurrence.md` has the measurements.

use chrono::{DateTime, Days, NaiveDate};
use divan::{Bencher, black_box};
use plugin::recurrence::Recurrence;

fn main() {
    divan::main();
}

/// 2026-05-06T12:00:00Z
const NOW: i64 = 1_778_068_800;

const AGES: [u64; 5] = [1, 365, 3_652, 21_915, 36_525];

const RULES: [&str; 6] = [
    "FREQ=DAILY",
    "FREQ=WEEKLY;BYDAY=MO,TH",
    "FREQ=MONTHLY;BYDAY=1MO",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=YEARLY",
    "FREQ=YEARLY;BYMONTH=3,6,9,12;BYDAY=-1FR",
];

const COUNTS: [&str; 5] = [
    "FREQ=WEEKLY;BYDAY=MO,TH;COUNT=100000",
    "FREQ=MONTHLY;COUNT=100000",
    "FREQ=MONTHLY;COUNT=24",
    "FREQ=YEARLY;BYDAY=MO;COUNT=100000",
    "FREQ=DAILY;BYMONTH=3,4;COUNT=1000",
];

const NEVER: [(&str, &str); 8] = [
    ("20000103", "FREQ=DAILY;INTERVAL=7;BYDAY=TU"),
    ("20000131", "FREQ=MONTHLY;BYMONTH=2"),
    ("20000101", "FREQ=MONTHLY;BYDAY=1MO;BYSETPOS=2"),
    ("20010101", "FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYDAY=5MO"),
    ("20000101", "FREQ=YEARLY;BYDAY=1MO,-1MO;BYSETPOS=3"),
    ("20000101", "FREQ=DAILY;INTERVAL=1461;BYMONTH=8"),
    ("00010101", "FREQ=DAILY;INTERVAL=1461;BYMONTH=8"),
    ("20000101", "FREQ=WEEKLY;INTERVAL=20871;BYMONTH=8"),
];

/// The rules with the longest search, or the longest count for `COUNT`, that were found.
const WORST: [(&str, &str); 7] = [
    ("00010102", "FREQ=DAILY;INTERVAL=365;BYMONTH=12"),
    ("00010101", "FREQ=MONTHLY;INTERVAL=7;BYDAY=5MO;BYMONTH=2"),
    ("00010101", "FREQ=DAILY;BYMONTH=1,3,5,7,9,11;COUNT=1800000"),
    ("00010101", "FREQ=DAILY;INTERVAL=2;BYMONTH=1,3,5,7,9,11;COUNT=900000"),
    ("00010101", "FREQ=DAILY;INTERVAL=587;BYMONTH=1,3,5,7,9,11;COUNT=3000"),
    ("00010101", "FREQ=DAILY;INTERVAL=293;BYMONTH=1,3,5,7,9,11;COUNT=6000"),
    ("00010101", "FREQ=MONTHLY;INTERVAL=7;BYDAY=MO,1TU;COUNT=60000"),
];

fn days_before_now(age: u64) -> NaiveDate {
    DateTime::from_timestamp(NOW, 0).unwrap().date_naive() - Days::new(age)
}

fn text(start: NaiveDate, rule: &str) -> String {
    format!("DTSTART:{}T000000\nRRULE:{rule}", start.format("%Y%m%d"))
}

fn parse(text: &str) -> Recurrence {
    Recurrence::parse(black_box(text), "06:30:00", "Europe/Berlin", NaiveDate::MIN).unwrap()
}

fn start_of(text: &str) -> NaiveDate {
    NaiveDate::parse_from_str(text, "%Y%m%d").unwrap()
}

#[divan::bench(args = AGES, consts = [0, 1, 2, 3, 4, 5])]
fn next_after_by_age_in_days<const RULE: usize>(bencher: Bencher, age: u64) {
    let recurrence = parse(&text(days_before_now(age), RULES[RULE]));
    bencher.bench(|| black_box(&recurrence).next_after(black_box(NOW)));
}

#[divan::bench(args = [1, 2, 7, 30, 365, 4_000])]
fn next_after_by_interval_in_days(bencher: Bencher, interval: u32) {
    let recurrence = parse(&text(
        days_before_now(21_915),
        &format!("FREQ=DAILY;INTERVAL={interval}"),
    ));
    bencher.bench(|| black_box(&recurrence).next_after(black_box(NOW)));
}

#[divan::bench(args = RULES)]
fn latest_until(bencher: Bencher, rule: &str) {
    let recurrence = parse(&text(days_before_now(3_652), rule));
    bencher.bench(|| black_box(&recurrence).latest_until(black_box(NOW)));
}

#[divan::bench(args = 0..NEVER.len())]
fn next_after_of_a_rule_that_never_matches(bencher: Bencher, case: usize) {
    let recurrence = parse(&text(start_of(NEVER[case].0), NEVER[case].1));
    bencher.bench(|| black_box(&recurrence).next_after(black_box(NOW)));
}

#[divan::bench(args = 0..WORST.len())]
fn parse_and_next_after_at_worst(bencher: Bencher, case: usize) {
    let text = text(start_of(WORST[case].0), WORST[case].1);
    bencher.bench(|| parse(&text).next_after(black_box(i64::MIN)));
}

#[divan::bench(args = RULES)]
fn parse_rule(bencher: Bencher, rule: &str) {
    let text = text(days_before_now(365), rule);
    bencher.bench(|| parse(&text));
}

#[divan::bench(args = COUNTS)]
fn parse_rule_with_count(bencher: Bencher, rule: &str) {
    let text = text(days_before_now(21_915), rule);
    bencher.bench(|| parse(&text));
}

#[divan::bench]
fn parse_three_wrong_texts(bencher: Bencher) {
    bencher.bench(|| Recurrence::parse(black_box("FREQ=HOURLY"), "noon", "Mars", NaiveDate::MIN));
}

mod plain_rrule {
    use super::{AGES, Bencher, DateTime, NOW, RULES, black_box, days_before_now, text};

    fn parse(text: &str) -> rrule::RRuleSet {
        black_box(text).replacen("T000000", "T000000Z", 1).parse().unwrap()
    }

    #[divan::bench(args = AGES, consts = [0, 1, 2, 3, 4, 5], max_time = 1)]
    fn next_after_by_age_in_days<const RULE: usize>(bencher: Bencher, age: u64) {
        let now = DateTime::from_timestamp(NOW, 0).unwrap().with_timezone(&rrule::Tz::UTC);
        let set = parse(&text(days_before_now(age), RULES[RULE])).after(now);
        bencher.bench(|| black_box(&set).clone().all(1));
    }

    #[divan::bench(args = RULES)]
    fn parse_rule(bencher: Bencher, rule: &str) {
        let text = text(days_before_now(365), rule);
        bencher.bench(|| parse(&text));
    }
}
