//! Rules in words.

use std::collections::HashMap;

use chrono::NaiveDate;
use plugin::language::Language;
use plugin::recurrence::Recurrence;
use plugin::rule::{describe, normal_form};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::corpus::valid_rules;
use super::rules::{NAMES, rule, similar_rule};

const RUNS: usize = 50;

/// 2026-12-01T00:00:00Z, a Tuesday.
const TODAY: i64 = 1_796_083_200;

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 12, 1).unwrap()
}

fn words(rule: &str, time: &str, anchor: NaiveDate, language: Language) -> String {
    let described = describe(rule, time, anchor, today(), language);
    described.unwrap_or_else(|error| panic!("{error:?}: {rule}")).words
}

/// The runs from today on.
fn runs(rule: &str, time: &str, anchor: NaiveDate) -> Vec<i64> {
    let timetable = Recurrence::parse(rule, time, "UTC", anchor).unwrap_or_else(|error| panic!("{error:?}: {rule}"));
    timetable.occurrences(TODAY - 1).take(RUNS).map(|run| run.at).collect()
}

/// Rules by their words, to find two that read the same and run at other times.
#[derive(Default)]
struct Readings {
    by_words: HashMap<String, (Vec<i64>, String)>,
    /// How many times words came up again, of a rule with another normal form.
    shared: usize,
}

impl Readings {
    fn check(&mut self, rule: &str, time: &str, anchor: NaiveDate) {
        let (runs, normal) = (runs(rule, time, anchor), normal_form(rule, anchor).unwrap());
        for language in Language::ALL {
            let words = words(rule, time, anchor, language);
            assert_plain(&words, rule);
            let (others, other) = self
                .by_words
                .entry(words.clone())
                .or_insert_with(|| (runs.clone(), normal.clone()));
            assert_eq!(runs, *others, "{normal:?} and {other:?} both read: {words}");
            self.shared += usize::from(normal != *other);
        }
    }
}

/// Words for people: nothing of iCalendar, nothing empty.
fn assert_plain(words: &str, rule: &str) {
    const RAW: [&str; 16] = [
        "DTSTART", "RRULE", "FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTH", "BYSETPOS", "WKST", "=", ";",
        "{", "  ", " ,", "-1",
    ];
    for raw in RAW {
        assert!(!words.contains(raw), "{rule:?} reads: {words}");
    }
    let weekday = |word: &str| NAMES.iter().any(|name| word.ends_with(name));
    assert!(!words.split([' ', ',']).any(weekday), "{rule:?} reads: {words}");
    assert!(words.contains("04:00") && words.len() > 15, "{rule:?} reads: {words}");
}

#[test]
fn rules_of_the_corpus_that_run_at_other_times_read_differently() {
    let mut readings = Readings::default();
    for (rule, anchor) in valid_rules() {
        readings.check(&rule, "04:00:00", anchor);
    }
    assert!(readings.shared > 20, "{}", readings.shared);
}

#[test]
fn random_rules_that_run_at_other_times_read_differently() {
    let mut readings = Readings::default();
    let mut runner = TestRunner::default();
    let wide = rule(2015..2030);
    for _ in 0..5_000 {
        let rule = wide.new_tree(&mut runner).unwrap().current();
        readings.check(&rule.text(), "04:00:00", today());
    }
}

#[test]
fn rules_that_are_almost_the_same_and_run_at_other_times_read_differently() {
    let mut readings = Readings::default();
    let mut runner = TestRunner::default();
    let similar = (similar_rule(), select(&["04:00:00", "04:00:01"][..]));
    for _ in 0..20_000 {
        let (rule, time) = similar.new_tree(&mut runner).unwrap().current();
        readings.check(&rule, time, today());
    }
    assert!(readings.shared > 1_000, "{}", readings.shared);
}

#[test]
fn a_start_that_has_passed_is_left_out_where_it_changes_no_later_run() {
    let read = |rule: &str, today: &str| {
        let today = today.parse().unwrap();
        describe(rule, "04:00:00", today, today, Language::English)
            .unwrap()
            .words
    };
    let rule = "DTSTART:20261203\nRRULE:FREQ=WEEKLY;BYDAY=MO";
    assert_eq!(read(rule, "2026-12-02"), "every Monday at 04:00, from 7 December 2026");
    assert_eq!(read(rule, "2026-12-03"), "every Monday at 04:00");
    let rule = "DTSTART:20261203\nRRULE:FREQ=WEEKLY;BYDAY=MO;INTERVAL=2";
    assert_eq!(
        read(rule, "2030-01-01"),
        "every 2 weeks on Monday at 04:00, from 14 December 2026"
    );
}

#[test]
fn the_time_of_day_has_seconds_only_if_they_are_not_0() {
    let read = |time, language| words("FREQ=DAILY", time, today(), language);
    assert_eq!(read("00:00:00", Language::English), "every day at 00:00");
    assert_eq!(read("23:59:01", Language::English), "every day at 23:59:01");
    assert_eq!(read("23:59:01", Language::German), "jeden Tag um 23:59:01 Uhr");
}

#[test]
fn a_rule_and_a_time_that_are_both_wrong_have_an_error_each() {
    let errors = describe("FREQ=HOURLY", "4:00", today(), today(), Language::English).unwrap_err();
    let codes: Vec<_> = errors.iter().map(|error| error.code()).collect();
    assert_eq!(codes, ["freq-not-supported", "invalid-time"]);
}

#[test]
fn ordinary_and_odd_rules_in_words() {
    let mut wrong = String::new();
    for (rule, english, german) in READ {
        for (language, want) in [(Language::English, english), (Language::German, german)] {
            let got = words(rule, "04:00:00", today(), language);
            if got != want {
                wrong += &format!("{rule:?}\n  want {want}\n  got  {got}\n");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Rules without `DTSTART` count from 2026-12-01.
const READ: [(&str, &str, &str); 49] = [
    ("FREQ=DAILY", "every day at 04:00", "jeden Tag um 04:00 Uhr"),
    (
        "DTSTART:20261203\nFREQ=DAILY",
        "every day at 04:00, from 3 December 2026",
        "jeden Tag um 04:00 Uhr, ab dem 3. Dezember 2026",
    ),
    (
        "FREQ=DAILY;INTERVAL=3",
        "every 3 days at 04:00, from 1 December 2026",
        "alle 3 Tage um 04:00 Uhr, ab dem 1. Dezember 2026",
    ),
    (
        "FREQ=DAILY;INTERVAL=3;BYDAY=MO,FR",
        "every 3 days at 04:00, only on Monday or Friday, from 4 December 2026",
        "alle 3 Tage um 04:00 Uhr, nur am Montag oder Freitag, ab dem 4. Dezember 2026",
    ),
    (
        "FREQ=DAILY;INTERVAL=2;BYDAY=SU;BYMONTH=7,8",
        "every 2 days at 04:00, only on Sunday, only in July and August, from 11 July 2027",
        "alle 2 Tage um 04:00 Uhr, nur am Sonntag, nur im Juli und August, ab dem 11. Juli 2027",
    ),
    (
        "FREQ=DAILY;BYMONTH=11,12",
        "every day in November and December at 04:00",
        "jeden Tag im November und Dezember um 04:00 Uhr",
    ),
    (
        "FREQ=WEEKLY;BYDAY=TU",
        "every Tuesday at 04:00",
        "jeden Dienstag um 04:00 Uhr",
    ),
    ("FREQ=WEEKLY", "every Tuesday at 04:00", "jeden Dienstag um 04:00 Uhr"),
    (
        "FREQ=WEEKLY;BYDAY=MO,TH",
        "every Monday and Thursday at 04:00",
        "jeden Montag und Donnerstag um 04:00 Uhr",
    ),
    (
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
        "every working day (Monday to Friday) at 04:00",
        "jeden Arbeitstag (Montag bis Freitag) um 04:00 Uhr",
    ),
    (
        "FREQ=WEEKLY;BYDAY=MO,WE,FR;UNTIL=20261231",
        "every Monday, Wednesday and Friday at 04:00, until 31 December 2026",
        "jeden Montag, Mittwoch und Freitag um 04:00 Uhr, bis zum 31. Dezember 2026",
    ),
    (
        "FREQ=WEEKLY;BYDAY=SA;BYMONTH=3",
        "every Saturday in March at 04:00",
        "jeden Samstag im März um 04:00 Uhr",
    ),
    (
        "DTSTART:20261204\nFREQ=WEEKLY;INTERVAL=2",
        "every 2 weeks on Friday at 04:00, from 4 December 2026",
        "alle 2 Wochen am Freitag um 04:00 Uhr, ab dem 4. Dezember 2026",
    ),
    (
        "DTSTART:20261204\nFREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;BYMONTH=1,2,12",
        "every 2 weeks on Monday and Friday at 04:00, only in January, February and December, from 4 December 2026",
        "alle 2 Wochen am Montag und Freitag um 04:00 Uhr, nur im Januar, Februar und Dezember, ab dem 4. Dezember 2026",
    ),
    (
        "DTSTART:20260105\nFREQ=WEEKLY;COUNT=10",
        "every Monday at 04:00, 10 times from 5 January 2026",
        "jeden Montag um 04:00 Uhr, 10-mal ab dem 5. Januar 2026",
    ),
    (
        "DTSTART:20260105\nFREQ=WEEKLY;COUNT=1",
        "every Monday at 04:00, once from 5 January 2026",
        "jeden Montag um 04:00 Uhr, einmal ab dem 5. Januar 2026",
    ),
    (
        "FREQ=MONTHLY;BYDAY=1MO",
        "on the 1st Monday of each month at 04:00",
        "am 1. Montag jedes Monats um 04:00 Uhr",
    ),
    (
        "FREQ=MONTHLY;BYDAY=-1FR",
        "on the last Friday of each month at 04:00",
        "am letzten Freitag jedes Monats um 04:00 Uhr",
    ),
    (
        "FREQ=MONTHLY;BYDAY=2TU,4TU,-2TU",
        "on the 2nd, 4th and second-to-last Tuesday of each month at 04:00",
        "am 2., 4. und vorletzten Dienstag jedes Monats um 04:00 Uhr",
    ),
    (
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "on the last working day of each month at 04:00",
        "am letzten Arbeitstag jedes Monats um 04:00 Uhr",
    ),
    (
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=3",
        "on the 3rd working day of each month at 04:00",
        "am 3. Arbeitstag jedes Monats um 04:00 Uhr",
    ),
    (
        "FREQ=MONTHLY",
        "on the 1st of each month at 04:00",
        "am 1. jedes Monats um 04:00 Uhr",
    ),
    (
        "DTSTART:20260131\nFREQ=MONTHLY",
        "on the 31st of each month at 04:00",
        "am 31. jedes Monats um 04:00 Uhr",
    ),
    (
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=1,15",
        "on the 1st and 15th of each month at 04:00",
        "am 1. und 15. jedes Monats um 04:00 Uhr",
    ),
    (
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=-1",
        "on the last day of each month at 04:00",
        "am letzten Tag jedes Monats um 04:00 Uhr",
    ),
    (
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=1,22,-1,-3",
        "on the 1st, 22nd, 3rd-to-last and last day of each month at 04:00",
        "am 1., 22., drittletzten und letzten Tag jedes Monats um 04:00 Uhr",
    ),
    (
        "FREQ=MONTHLY;BYMONTH=3,6,9,12;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=-1",
        "every year on the last day of March, June, September and December at 04:00",
        "jedes Jahr am letzten Tag der Monate März, Juni, September und Dezember um 04:00 Uhr",
    ),
    (
        "FREQ=MONTHLY;BYMONTH=4,10;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=1",
        "every year on the 1st of April and October at 04:00",
        "jedes Jahr am 1. der Monate April und Oktober um 04:00 Uhr",
    ),
    (
        "DTSTART:20260115\nFREQ=MONTHLY;INTERVAL=3",
        "every 3 months on the 15th of the month at 04:00, from 15 January 2026",
        "alle 3 Monate am 15. des Monats um 04:00 Uhr, ab dem 15. Januar 2026",
    ),
    (
        "DTSTART:20260115\nFREQ=MONTHLY;INTERVAL=2;BYMONTH=1,3",
        "every 2 months on the 15th of the month at 04:00, only in January and March, from 15 January 2026",
        "alle 2 Monate am 15. des Monats um 04:00 Uhr, nur im Januar und März, ab dem 15. Januar 2026",
    ),
    (
        "DTSTART:20260115\nFREQ=MONTHLY;INTERVAL=6;BYDAY=-1TH;UNTIL=20281231",
        "every 6 months on the last Thursday of the month at 04:00, from 29 January 2026 until 31 December 2028",
        "alle 6 Monate am letzten Donnerstag des Monats um 04:00 Uhr, vom 29. Januar 2026 bis zum 31. Dezember 2028",
    ),
    (
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=MO",
        "every 2 months on every Monday of the month at 04:00, from 7 December 2026",
        "alle 2 Monate an jedem Montag des Monats um 04:00 Uhr, ab dem 7. Dezember 2026",
    ),
    (
        "FREQ=MONTHLY;BYDAY=SA,SU;BYSETPOS=1",
        "on the 1st Saturday or Sunday of each month at 04:00",
        "am 1. Samstag oder Sonntag jedes Monats um 04:00 Uhr",
    ),
    (
        "FREQ=MONTHLY;BYDAY=WE,1MO,-1FR",
        "on every Wednesday, on the 1st Monday and on the last Friday of each month at 04:00",
        "an jedem Mittwoch, am 1. Montag und am letzten Freitag jedes Monats um 04:00 Uhr",
    ),
    (
        "FREQ=MONTHLY;BYDAY=1MO,1FR;BYSETPOS=-1",
        "every month on the last of these days (on the 1st Monday and on the 1st Friday of each month) at 04:00",
        "jeden Monat am letzten dieser Tage (am 1. Montag und am 1. Freitag jedes Monats) um 04:00 Uhr",
    ),
    (
        "FREQ=MONTHLY;BYDAY=6MO",
        "on the 6th Monday of each month at 04:00",
        "am 6. Montag jedes Monats um 04:00 Uhr",
    ),
    (
        "DTSTART:20260315\nFREQ=YEARLY",
        "every year on the 15th of March at 04:00",
        "jedes Jahr am 15. März um 04:00 Uhr",
    ),
    (
        "DTSTART:20240229\nFREQ=YEARLY",
        "every year on the 29th of February at 04:00",
        "jedes Jahr am 29. Februar um 04:00 Uhr",
    ),
    (
        "DTSTART:20260315\nFREQ=YEARLY;INTERVAL=2",
        "every 2 years on the 15th of March at 04:00, from 15 March 2026",
        "alle 2 Jahre am 15. März um 04:00 Uhr, ab dem 15. März 2026",
    ),
    (
        "DTSTART:20260315\nFREQ=YEARLY;BYMONTH=3,9",
        "every year on the 15th of March and September at 04:00",
        "jedes Jahr am 15. der Monate März und September um 04:00 Uhr",
    ),
    (
        "DTSTART:20260315\nFREQ=YEARLY;INTERVAL=3;BYMONTH=3,9",
        "every 3 years on the 15th of March and September at 04:00, from 15 March 2026",
        "alle 3 Jahre am 15. der Monate März und September um 04:00 Uhr, ab dem 15. März 2026",
    ),
    (
        "FREQ=YEARLY;BYDAY=20MO",
        "on the 20th Monday of each year at 04:00",
        "am 20. Montag jedes Jahres um 04:00 Uhr",
    ),
    (
        "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-12,1",
        "on the 1st and 12th-to-last working day of each year at 04:00",
        "am 1. und 12.-letzten Arbeitstag jedes Jahres um 04:00 Uhr",
    ),
    (
        "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=100",
        "on the 100th day of each year at 04:00",
        "am 100. Tag jedes Jahres um 04:00 Uhr",
    ),
    (
        "FREQ=YEARLY;INTERVAL=2;BYDAY=MO,TU,WE,TH,FR,SA,SU",
        "every 2 years on every day of the year at 04:00, from 1 December 2026",
        "alle 2 Jahre an jedem Tag des Jahres um 04:00 Uhr, ab dem 1. Dezember 2026",
    ),
    (
        "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
        "every year on the 4th Thursday of November at 04:00",
        "jedes Jahr am 4. Donnerstag im November um 04:00 Uhr",
    ),
    (
        "FREQ=YEARLY;BYMONTH=3,6;BYDAY=MO;BYSETPOS=1,-1",
        "every year on the 1st and last of these days (on every Monday of March and June) at 04:00",
        "jedes Jahr am 1. und letzten dieser Tage (an jedem Montag der Monate März und Juni) um 04:00 Uhr",
    ),
    (
        "DTSTART:20260101\nFREQ=YEARLY;INTERVAL=4;BYMONTH=3;BYDAY=SU;BYSETPOS=-1;COUNT=0",
        "every 4 years on the last Sunday of March at 04:00, 0 times from 1 January 2026",
        "alle 4 Jahre am letzten Sonntag im März um 04:00 Uhr, 0-mal ab dem 1. Januar 2026",
    ),
    (
        "FREQ=DAILY;INTERVAL=99999999999",
        "every 4294967295 days at 04:00, from 1 December 2026",
        "alle 4294967295 Tage um 04:00 Uhr, ab dem 1. Dezember 2026",
    ),
];
