//! The normal form of a rule: another text with the same dates.

use chrono::NaiveDate;
use plugin::recurrence::Recurrence;
use plugin::rule::normal_form;
use proptest::prelude::*;

use super::corpus::valid_rules;
use super::rules::{rule, similar_rule, spellings};

const DATES: usize = 50;

fn dates(rule: &str, anchor: NaiveDate) -> Vec<NaiveDate> {
    let timetable =
        Recurrence::parse(rule, "00:00:00", "UTC", anchor).unwrap_or_else(|error| panic!("{error:?}: {rule}"));
    let runs = timetable.occurrences(i64::MIN).take(DATES);
    runs.map(|run| run.local_date).collect()
}

fn anchor() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 31).unwrap()
}

#[test]
fn the_normal_form_of_every_rule_of_the_corpus_has_its_dates() {
    for (rule, anchor) in valid_rules() {
        let normal = normal_form(&rule, anchor).unwrap();
        assert_eq!(dates(&normal, anchor), dates(&rule, anchor), "{rule:?}: {normal:?}");
        assert_eq!(normal_form(&normal, anchor).unwrap(), normal, "{rule:?}");
    }
}

fn has_its_dates(rule: &str) {
    let normal = normal_form(rule, anchor()).unwrap();
    assert_eq!(dates(&normal, anchor()), dates(rule, anchor()), "{rule:?}: {normal:?}");
    assert_eq!(normal_form(&normal, anchor()).unwrap(), normal, "{rule:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_normal_form_of_a_random_rule_has_its_dates(rule in rule(1985..2030), with_start in any::<bool>()) {
        let text = rule.text();
        let (start, parts) = text.split_once('\n').expect("two lines");
        // Without its start, what a rule implies is the anchor's.
        let text = if with_start || !start.ends_with("T000000") { &text } else { parts };
        has_its_dates(text);
    }

    #[test]
    fn the_normal_form_of_similar_rules_has_their_dates(rule in similar_rule()) {
        has_its_dates(&rule);
    }

    #[test]
    fn however_a_rule_is_written_its_normal_form_is_the_same(rule in rule(1985..2030)) {
        let normal = normal_form(&rule.text(), anchor()).unwrap();
        for text in spellings(&rule) {
            prop_assert_eq!(&normal_form(&text, anchor()).unwrap(), &normal, "{}", text);
        }
    }
}

#[test]
fn rules_that_say_the_same_in_other_parts_have_one_normal_form() {
    for (normal, others) in [
        (
            "RRULE:FREQ=WEEKLY;BYDAY=MO",
            &[
                "FREQ=DAILY;BYDAY=MO",
                "FREQ=MONTHLY;BYDAY=MO,1MO",
                "FREQ=YEARLY;BYDAY=MO",
            ][..],
        ),
        (
            "RRULE:FREQ=DAILY",
            &[
                "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU",
                "FREQ=DAILY;BYMONTH=12,11,10,9,8,7,6,5,4,3,2,1",
            ],
        ),
        ("RRULE:FREQ=WEEKLY;BYDAY=SA", &["FREQ=WEEKLY"]),
        (
            "RRULE:FREQ=MONTHLY;BYDAY=2TU",
            &[
                "FREQ=MONTHLY;BYDAY=TU;BYSETPOS=+2,2",
                "FREQ=YEARLY;BYDAY=2TU;BYMONTH=1,2,3,4,5,6,7,8,9,10,11,12",
            ],
        ),
        (
            "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=31",
            &["FREQ=MONTHLY", "FREQ=MONTHLY;BYSETPOS=-1"],
        ),
        (
            "DTSTART:20260531T000000\nRRULE:FREQ=MONTHLY",
            &["DTSTART:20260531\nFREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=31"],
        ),
        (
            "DTSTART:20260315T000000\nRRULE:FREQ=YEARLY",
            &[
                "DTSTART:20260315\nFREQ=MONTHLY;BYMONTH=3",
                "DTSTART:20260315T090000\nFREQ=YEARLY;BYMONTH=3;BYHOUR=9",
            ],
        ),
        (
            "DTSTART:20260131T000000\nRRULE:FREQ=DAILY;INTERVAL=2",
            &["FREQ=DAILY;INTERVAL=2"],
        ),
        // The day before: UNTIL counts at the time of day of DTSTART.
        (
            "DTSTART:20260101T000000\nRRULE:FREQ=DAILY;UNTIL=20261230T235959",
            &["DTSTART:20260101T090000\nFREQ=DAILY;UNTIL=20261231"],
        ),
        (
            "DTSTART:00010101T000000\nRRULE:FREQ=DAILY;COUNT=0",
            &["DTSTART:00010101T090000\nFREQ=DAILY;UNTIL=00010101"],
        ),
    ] {
        for other in others {
            assert_eq!(normal_form(other, anchor()).as_deref(), Ok(normal), "{other}");
        }
        assert_eq!(normal_form(normal, anchor()).as_deref(), Ok(normal));
    }
}
