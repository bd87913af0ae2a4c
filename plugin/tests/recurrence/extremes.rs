//! Extreme input: rules that never match, the limits of the calendar and of 64 bits, and arbitrary text.

use chrono::{NaiveDate, NaiveTime};
use plugin::language::Language;
use plugin::recurrence::{Recurrence, instant_of, local_date, zone};
use proptest::prelude::*;
use proptest::sample::select;

use super::rules::rule;

fn recurrence(rule: &str) -> Recurrence {
    Recurrence::parse(rule, "06:30:00", "Europe/Berlin", NaiveDate::MIN)
        .unwrap_or_else(|error| panic!("{rule}: {error:?}"))
}

const NEVER: [&str; 18] = [
    "DTSTART:20000103T000000 RRULE:FREQ=DAILY;INTERVAL=7;BYDAY=TU",
    "DTSTART:20000131T000000 RRULE:FREQ=MONTHLY;BYMONTH=2",
    "DTSTART:20000131T000000 RRULE:FREQ=MONTHLY;INTERVAL=12;BYMONTH=3",
    "DTSTART:20010101T000000 RRULE:FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYDAY=5MO",
    "DTSTART:20010101T000000 RRULE:FREQ=YEARLY;BYMONTH=2;BYDAY=6MO",
    "DTSTART:20000101T000000 RRULE:FREQ=MONTHLY;BYDAY=53SU",
    "DTSTART:20000101T000000 RRULE:FREQ=MONTHLY;BYDAY=1MO;BYSETPOS=2",
    "DTSTART:20000101T000000 RRULE:FREQ=YEARLY;BYDAY=1MO,-1MO;BYSETPOS=3",
    "DTSTART:20000130T000000 RRULE:FREQ=YEARLY;BYMONTH=2",
    "DTSTART:20260101T000000 RRULE:FREQ=MONTHLY;BYDAY=31MO",
    "DTSTART:20260101T000000 RRULE:FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=263,264,366,-263,-366",
    "DTSTART:20260101T000000 RRULE:FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6,-6,31,-31,366,-366",
    "DTSTART:00010129T000000 RRULE:FREQ=YEARLY;BYMONTH=2;INTERVAL=400",
    "DTSTART:00010101T000000 RRULE:FREQ=DAILY;INTERVAL=1461;BYMONTH=8",
    "DTSTART:00010101T000000 RRULE:FREQ=WEEKLY;INTERVAL=20871;BYMONTH=8",
    "DTSTART:20000101T000000 RRULE:FREQ=DAILY;INTERVAL=4294967295;BYMONTH=8",
    "DTSTART:20000101T000000 RRULE:FREQ=DAILY;COUNT=0",
    "DTSTART:20000102T000000 RRULE:FREQ=DAILY;UNTIL=20000101",
];

#[test]
fn a_rule_that_never_matches_has_no_run() {
    for rule in NEVER {
        let recurrence = recurrence(rule);
        assert_eq!(recurrence.next_after(i64::MIN), None, "{rule}");
        assert_eq!(recurrence.latest_until(i64::MAX), None, "{rule}");
    }
}

#[test]
fn a_leap_day_every_four_years_leaps_over_2100_and_every_hundredth_year_over_most() {
    let dates = |rule: &str, after: i64| {
        let runs = recurrence(rule)
            .occurrences(after)
            .take(3)
            .map(|run| run.local_date.to_string())
            .collect::<Vec<_>>();
        runs.join(" ")
    };
    let from_2090 = 3_786_912_000;
    let four = "DTSTART:20000229T000000 RRULE:FREQ=YEARLY;INTERVAL=4";
    assert_eq!(dates(four, from_2090), "2092-02-29 2096-02-29 2104-02-29");
    let hundred = "DTSTART:20000229T000000 RRULE:FREQ=YEARLY;INTERVAL=100";
    assert_eq!(dates(hundred, from_2090), "2400-02-29 2800-02-29 3200-02-29");
}

/// Iteration over every period, instead of arithmetic, would not finish. `benches/recurrence.rs` measures each.
#[test]
fn huge_counts_from_the_year_one_have_a_run_before_now() {
    for rule in [
        "DTSTART:00010101T000000 RRULE:FREQ=DAILY;BYMONTH=1,3,5,7,9,11;COUNT=1500000",
        "DTSTART:00010101T000000 RRULE:FREQ=DAILY;INTERVAL=2;BYMONTH=1,3,5,7,9,11;COUNT=900000",
        "DTSTART:00010101T000000 RRULE:FREQ=WEEKLY;BYMONTH=1,3,5,7,9,11;BYDAY=MO,WE;COUNT=500000",
        "DTSTART:00010131T000000 RRULE:FREQ=MONTHLY;COUNT=4294967295",
        "DTSTART:00010101T000000 RRULE:FREQ=YEARLY;BYDAY=MO;BYMONTH=1,3;COUNT=18446744073709551616",
        "DTSTART:00010101T000000 RRULE:FREQ=DAILY;COUNT=4294967295",
        "DTSTART:00010101T000000 RRULE:FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA;BYSETPOS=1,2,100,-1,-2,-100,-313;COUNT=40000",
    ] {
        let recurrence = recurrence(rule);
        let latest = recurrence.latest_until(1_700_000_000).expect(rule);
        assert_eq!(recurrence.next_after(latest.at - 1), Some(latest), "{rule}");
    }
}

#[test]
fn runs_end_where_dates_in_four_digits_do() {
    let daily = recurrence("DTSTART:00010101T000000 RRULE:FREQ=DAILY");
    assert_eq!(daily.next_after(i64::MIN).unwrap().local_date.to_string(), "0001-01-01");
    assert_eq!(
        daily.latest_until(i64::MAX).unwrap().local_date.to_string(),
        "9999-12-30"
    );
    assert_eq!(daily.next_after(i64::MAX), None);
    assert_eq!(daily.latest_until(i64::MIN), None);
    assert!(!daily.contains(i64::MAX) && !daily.contains(i64::MIN));
    assert_eq!(daily.count_between(i64::MAX, i64::MIN), 0);

    let beyond = recurrence("DTSTART:99991231T000000 RRULE:FREQ=YEARLY;COUNT=3");
    assert_eq!(
        (beyond.next_after(i64::MIN), beyond.latest_until(i64::MAX)),
        (None, None)
    );
}

#[test]
fn an_anchor_at_the_ends_of_what_chrono_can_hold_does_no_harm() {
    for rule in [
        "FREQ=DAILY",
        "FREQ=WEEKLY;COUNT=3",
        "FREQ=MONTHLY;INTERVAL=4294967295",
        "FREQ=YEARLY;BYDAY=1MO;COUNT=2",
    ] {
        for anchor in [NaiveDate::MIN, NaiveDate::MAX] {
            let recurrence = Recurrence::parse(rule, "00:00:00", "UTC", anchor).unwrap();
            let first = recurrence.next_after(i64::MIN);
            assert_eq!(first.is_some(), anchor == NaiveDate::MIN, "{rule}");
        }
    }
}

#[test]
fn a_number_too_large_for_any_calendar_is_taken_for_what_it_means() {
    let digits = "9".repeat(5000);
    let once = recurrence(&format!("DTSTART:20260101T000000 RRULE:FREQ=MONTHLY;INTERVAL={digits}"));
    assert_eq!(once.occurrences(i64::MIN).take(9).count(), 1);
    let always = recurrence(&format!("DTSTART:20260101T000000 RRULE:FREQ=YEARLY;COUNT={digits}"));
    assert_eq!(
        always.latest_until(i64::MAX).unwrap().local_date.to_string(),
        "9999-01-01"
    );
}

/// Positions are sets: a thousand of them cost as much as one.
#[test]
fn a_list_of_positions_as_long_as_a_rule_can_be_gives_every_day_once() {
    let positions: Vec<String> = (1..=366)
        .flat_map(|n| [n.to_string(), format!("-{n}"), format!("+{n}")])
        .collect();
    let rule = format!(
        "DTSTART:20260101T000000 RRULE:FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS={}",
        positions.join(",")
    );
    let daily = recurrence("DTSTART:20260101T000000 RRULE:FREQ=DAILY");
    let dates = |recurrence: &Recurrence| {
        let runs = recurrence.occurrences(i64::MIN).take(1500);
        runs.map(|run| run.local_date).collect::<Vec<_>>()
    };
    assert_eq!(dates(&recurrence(&rule)), dates(&daily));
}

/// Calls every query. The test is that none panics.
fn ask(rule: &str, time: &str, zone: &str, at: i64) {
    match Recurrence::parse(rule, time, zone, NaiveDate::from_ymd_opt(2026, 5, 6).unwrap()) {
        Ok(recurrence) => {
            let _ = (
                recurrence.next_after(at),
                recurrence.latest_until(at),
                recurrence.contains(at),
            );
            let _ = recurrence.occurrences(at).take(3).count();
        }
        Err(errors) => {
            assert!((1..=3).contains(&errors.len()));
            for error in errors {
                for language in [Language::English, Language::German] {
                    let message = error.message(language);
                    assert!(
                        message.chars().count() < 1000 && !message.contains(char::is_control),
                        "{message:?}"
                    );
                }
            }
        }
    }
}

const PIECES: [&str; 44] = [
    "DTSTART",
    "RRULE",
    ":",
    ";",
    "=",
    ",",
    "\n",
    " ",
    "-",
    "+",
    "0",
    "1",
    "2",
    "29",
    "31",
    "53",
    "54",
    "400",
    "4294967295",
    "99999999999999999999",
    "FREQ",
    "DAILY",
    "WEEKLY",
    "MONTHLY",
    "YEARLY",
    "INTERVAL",
    "COUNT",
    "UNTIL",
    "BYDAY",
    "BYMONTH",
    "BYSETPOS",
    "WKST",
    "BYHOUR",
    "BYMONTHDAY",
    "VALUE=DATE-TIME",
    "366",
    "-366",
    "MO",
    "SU",
    "20240229T000000",
    "00010101",
    "99991231T235959",
    "T",
    "é",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_parser_panic(rule in any::<String>(), time in any::<String>(), zone in any::<String>()) {
        ask(&rule, &time, &zone, 0);
    }

    #[test]
    fn no_heap_of_pieces_of_a_rule_makes_anything_panic(
        pieces in prop::collection::vec(select(&PIECES[..]), 0..25),
        at in any::<i64>(),
    ) {
        ask(&pieces.concat(), "12:00:00", "Pacific/Apia", at);
    }

    #[test]
    fn no_change_to_a_right_rule_makes_anything_panic(
        rule in rule(1..9999),
        changes in prop::collection::vec((any::<prop::sample::Index>(), select(&PIECES[..]), 0..3_usize), 1..4),
        at in prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX), -70_000_000_000..300_000_000_000_i64],
    ) {
        let mut text = rule.text();
        for (place, piece, cut) in changes {
            let place = place.index(text.len());
            if text.is_char_boundary(place) && text.is_char_boundary((place + cut).min(text.len())) {
                text.replace_range(place..(place + cut).min(text.len()), piece);
            }
        }
        ask(&text, "23:59:59", "America/Anchorage", at);
        ask(&rule.text(), "00:00:00", "Pacific/Kiritimati", at);
    }

    #[test]
    fn no_date_or_instant_makes_the_clock_panic(at in any::<i64>(), day in any::<i32>(), second in 0..86_400_u32) {
        let time = NaiveTime::from_num_seconds_from_midnight_opt(second, 0).unwrap();
        for name in ["UTC", "Pacific/Apia", "America/Anchorage"] {
            let zone = zone(name).unwrap();
            let _ = local_date(at, zone);
            for date in [NaiveDate::from_num_days_from_ce_opt(day), Some(NaiveDate::MIN), Some(NaiveDate::MAX)] {
                let _ = date.map(|date| instant_of(date, time, zone));
            }
        }
    }
}
