//! The queries of a recurrence are consistent with each other.

use chrono::{NaiveDate, NaiveTime};
use plugin::recurrence::{Occurrence, Recurrence};
use proptest::prelude::*;
use proptest::sample::select;

use super::rules::{rule, spellings};

const ZONES: [&str; 6] = [
    "UTC",
    "Europe/Berlin",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Africa/Casablanca",
];

fn recurrence() -> impl Strategy<Value = Recurrence> {
    (rule(1985..2030), 0..24_u32, 0..60_u32, select(&ZONES[..]))
        .prop_map(|(rule, hour, minute, zone)| rule.recurrence(NaiveTime::from_hms_opt(hour, minute, 0).unwrap(), zone))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_way_to_ask_finds_the_same_runs(recurrence in recurrence(), from in 400_000_000..2_000_000_000_i64) {
        let runs: Vec<Occurrence> = recurrence.occurrences(from).take(20).collect();
        prop_assert!(runs.is_sorted_by_key(|run| run.at));
        let mut before = from;
        for run in &runs {
            prop_assert!(run.at > before);
            for after in [before, before + 1, run.at - 1] {
                prop_assert_eq!(recurrence.next_after(after.min(run.at - 1)), Some(*run));
            }
            prop_assert_eq!(recurrence.latest_until(run.at), Some(*run));
            prop_assert_eq!(recurrence.latest_until(run.at - 1), recurrence.latest_until(before));
            prop_assert!(recurrence.contains(run.at));
            prop_assert!(!recurrence.contains(run.at - 1) && !recurrence.contains(run.at + 1));
            let (at, offset, note) =
                plugin::recurrence::instant_of(run.local_date, recurrence.time(), recurrence.zone());
            prop_assert_eq!((at, offset, note), (run.at, run.utc_offset_seconds, run.note));
            before = run.at;
        }
        prop_assert_eq!(recurrence.count_between(from, before), runs.len() as u64);
        prop_assert_eq!(recurrence.count_between(before, from), 0);
    }

    #[test]
    fn however_a_rule_is_written_it_has_the_same_runs(rule in rule(1985..2030)) {
        let want = rule.dates(10);
        for text in spellings(&rule) {
            let recurrence = Recurrence::parse(&text, "00:00:00", "UTC", NaiveDate::MIN);
            let recurrence = recurrence.unwrap_or_else(|error| panic!("{error:?}: {text}"));
            let got: Vec<_> = recurrence.occurrences(i64::MIN).take(10).map(|run| run.local_date).collect();
            prop_assert_eq!(&got, &want, "{}", text);
        }
    }

    /// RFC 5545, section 3.1: a line of more than 75 octets is folded with a line break and a white space, at any position.
    #[test]
    fn a_folded_rule_has_the_same_runs(rule in rule(1985..2030), fold in select(&["\r\n ", "\n\t", "\n "][..])) {
        let want = rule.dates(10);
        let text = rule.text();
        let break_at = text.find('\n').expect("two lines");
        for at in (1..text.len()).filter(|at| *at != break_at && *at != break_at + 1) {
            let folded = format!("{}{fold}{}", &text[..at], &text[at..]);
            let recurrence = Recurrence::parse(&folded, "00:00:00", "UTC", NaiveDate::MIN);
            let recurrence = recurrence.unwrap_or_else(|error| panic!("{error:?}: {folded:?}"));
            let got: Vec<_> = recurrence.occurrences(i64::MIN).take(10).map(|run| run.local_date).collect();
            prop_assert_eq!(&got, &want, "{}", folded);
        }
    }

    #[test]
    fn the_runs_backwards_are_the_runs_forwards(recurrence in recurrence(), until in 400_000_000..2_000_000_000_i64) {
        let mut backwards = Vec::new();
        let mut before = until;
        while let Some(run) = recurrence.latest_until(before).filter(|_| backwards.len() < 20) {
            backwards.push(run);
            before = run.at - 1;
        }
        backwards.reverse();
        let from = backwards.first().map_or(until, |run| run.at - 1);
        let forwards: Vec<_> = recurrence.occurrences(from).take_while(|run| run.at <= until).collect();
        prop_assert_eq!(backwards, forwards);
    }
}

#[test]
fn a_rule_without_dtstart_counts_from_the_anchor() {
    let anchor = NaiveDate::from_ymd_opt(2026, 5, 6).unwrap(); // a Wednesday
    let first = |rule: &str| {
        let recurrence = Recurrence::parse(rule, "00:00:00", "UTC", anchor).unwrap();
        (
            recurrence.has_dtstart(),
            recurrence.next_after(i64::MIN).unwrap().local_date.to_string(),
        )
    };
    assert_eq!(first("FREQ=WEEKLY"), (false, "2026-05-06".into()));
    assert_eq!(first("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO"), (false, "2026-05-18".into()));
    assert_eq!(
        first("FREQ=MONTHLY;BYHOUR=0;BYMINUTE=0;BYSECOND=00"),
        (false, "2026-05-06".into())
    );
    assert_eq!(
        first("RRULE:FREQ=WEEKLY DTSTART;VALUE=DATE:20260101"),
        (true, "2026-01-01".into())
    );
}
