//! Rules as picks of a form: nothing is lost on the way there and back.

use chrono::NaiveDate;
use plugin::language::Language;
use plugin::rule::{End, Picks, Repeat, describe, normal_form};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::corpus::valid_rules;
use super::rules::{rule, similar_rule};

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 12, 1).unwrap()
}

fn picks_of(rule: &str, anchor: NaiveDate) -> Option<Picks> {
    let described = describe(rule, "04:00:00", anchor, today(), Language::English);
    described.unwrap_or_else(|error| panic!("{error:?}: {rule}")).picks
}

fn read(picks: &Value) -> Picks {
    Picks::read(picks, "picks", Language::English).unwrap_or_else(|errors| panic!("{errors:?}: {picks}"))
}

/// Whether there are picks for a rule; those there are give the same rule, byte for byte in the normal form.
fn there_and_back(rule: &str, anchor: NaiveDate) -> bool {
    let Some(picks) = picks_of(rule, anchor) else {
        return false;
    };
    let normal = normal_form(rule, anchor).unwrap();
    assert_eq!(picks.rule(anchor), normal, "{rule:?}: {picks:?}");
    assert_eq!(read(&picks.json()), picks);
    true
}

#[test]
fn every_rule_of_the_corpus_is_custom_or_the_rule_of_its_picks() {
    let (picked, custom): (Vec<_>, Vec<_>) = valid_rules().partition(|(rule, anchor)| there_and_back(rule, *anchor));
    println!("{} picked, {} custom", picked.len(), custom.len());
    assert!(
        picked.len() > 1_900,
        "only {} of {}",
        picked.len(),
        picked.len() + custom.len()
    );
}

fn picks() -> impl Strategy<Value = Picks> {
    let positions = |most: i16| {
        let all: Vec<i16> = (1..=most).chain(-most..=-1).collect();
        subsequence(all, 1..4).boxed()
    };
    let months = prop_oneof![Just(vec![]), subsequence((1..=12).collect::<Vec<u32>>(), 1..=12)].boxed();
    let repeat = prop_oneof![
        Just(Repeat::Daily),
        subsequence((0..7).collect::<Vec<u32>>(), 1..=7).prop_map(|weekdays| Repeat::Weekly { weekdays }),
        (positions(31), months.clone()).prop_map(|(days, months)| Repeat::MonthlyDays { days, months }),
        (positions(5), 0..7_u32, months.clone()).prop_map(|(nth, weekday, months)| Repeat::MonthlyWeekday {
            nth,
            weekday,
            months
        }),
        (positions(23), months).prop_map(|(nth, months)| Repeat::MonthlyWorkingDay { nth, months }),
        (1..=12_u32, 1..=31_u16).prop_map(|(month, day)| Repeat::Yearly { month, day }),
    ];
    let date = || (2020..2040, 1..=12_u32, 1..=28_u32).prop_map(|(y, m, d)| NaiveDate::from_ymd_opt(y, m, d).unwrap());
    let end = prop_oneof![
        Just(End::Never),
        select(&[1, 2, 9_999][..]).prop_map(End::Count),
        date().prop_map(End::Until),
    ];
    let every = select(&[1, 2, 12, 9_999][..]);
    (repeat, every, prop::option::of(date()), end).prop_map(|(repeat, every, start, end)| Picks {
        repeat,
        every,
        start,
        end,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_random_rule_is_custom_or_the_rule_of_its_picks(rule in rule(1985..2030)) {
        there_and_back(&rule.text(), today());
    }

    #[test]
    fn a_rule_of_few_values_is_custom_or_the_rule_of_its_picks(rule in similar_rule()) {
        there_and_back(&rule, today());
    }

    #[test]
    fn all_picks_have_a_rule_that_is_not_custom(picks in picks()) {
        let rule = picks.rule(today());
        prop_assert!(there_and_back(&rule, today()), "{}", rule);
        prop_assert_eq!(read(&picks.json()), picks);
    }
}

#[test]
fn picks_as_json_and_the_rules_that_they_are() {
    for (picks, rule) in [
        (json!({"repeat": "daily"}), "RRULE:FREQ=DAILY"),
        (
            json!({"repeat": "daily", "every": 3, "start": "2026-12-04"}),
            "DTSTART:20261204T000000\nRRULE:FREQ=DAILY;INTERVAL=3",
        ),
        (
            json!({"repeat": "daily", "every": 3}),
            "DTSTART:20261201T000000\nRRULE:FREQ=DAILY;INTERVAL=3",
        ),
        (
            json!({"repeat": "weekly", "weekdays": ["TH", "MO"]}),
            "RRULE:FREQ=WEEKLY;BYDAY=MO,TH",
        ),
        (
            json!({"repeat": "weekly", "weekdays": ["MO"], "until": "2026-12-31"}),
            "RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20261231T235959",
        ),
        (
            json!({"repeat": "weekly", "weekdays": ["MO"], "count": 10, "start": "2026-12-07"}),
            "DTSTART:20261207T000000\nRRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=10",
        ),
        (
            json!({"repeat": "monthly-days", "days": [15], "start": "2027-01-15"}),
            "DTSTART:20270115T000000\nRRULE:FREQ=MONTHLY",
        ),
        (
            json!({"repeat": "monthly-days", "days": [-1, 1, 15], "months": null}),
            "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=1,15,-1",
        ),
        (
            json!({"repeat": "monthly-weekday", "nth": [2, -1], "weekday": "TU"}),
            "RRULE:FREQ=MONTHLY;BYDAY=2TU,-1TU",
        ),
        (
            json!({"repeat": "monthly-working-day", "nth": [-1], "months": [3, 6, 9, 12]}),
            "RRULE:FREQ=MONTHLY;BYMONTH=3,6,9,12;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        ),
        (
            json!({"repeat": "yearly", "month": 3, "day": 15, "start": "2027-03-15"}),
            "DTSTART:20270315T000000\nRRULE:FREQ=YEARLY",
        ),
        (
            json!({"repeat": "yearly", "every": 2, "month": 3, "day": 15, "start": "2027-01-01"}),
            "DTSTART:20270101T000000\nRRULE:FREQ=YEARLY;INTERVAL=2;BYMONTH=3;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=15",
        ),
    ] {
        assert_eq!(read(&picks).rule(today()), rule, "{picks}");
    }
}

#[test]
fn the_picks_of_a_rule_as_json() {
    let described = describe(
        "DTSTART;VALUE=DATE:20261204 FREQ=WEEKLY;INTERVAL=2",
        "04:00:00",
        today(),
        today(),
        Language::English,
    );
    assert_eq!(
        described.unwrap().json().to_string(),
        json!({
            "schedule_rrule": "DTSTART;VALUE=DATE:20261204 FREQ=WEEKLY;INTERVAL=2",
            "schedule_rrule_time": "04:00:00",
            "custom": false,
            "picks": {
                "repeat": "weekly", "every": 2, "weekdays": ["FR"], "start": "2026-12-04", "until": null, "count": null
            },
            "words": "every 2 weeks on Friday at 04:00, from 4 December 2026",
        })
        .to_string()
    );
    for (rule, picks) in [
        (
            "FREQ=DAILY",
            r#"{"repeat":"daily","every":1,"start":null,"until":null,"count":null}"#,
        ),
        (
            "DTSTART:20260131\nFREQ=MONTHLY;COUNT=3",
            r#"{"repeat":"monthly-days","every":1,"days":[31],"months":null,"start":"2026-01-31","until":null,"count":3}"#,
        ),
        (
            "FREQ=MONTHLY;BYDAY=TU;BYSETPOS=2;UNTIL=20271231",
            r#"{"repeat":"monthly-weekday","every":1,"nth":[2],"weekday":"TU","months":null,"start":null,"until":"2027-12-31","count":null}"#,
        ),
        (
            "FREQ=MONTHLY;BYMONTH=3,6;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            r#"{"repeat":"monthly-working-day","every":1,"nth":[-1],"months":[3,6],"start":null,"until":null,"count":null}"#,
        ),
        (
            "DTSTART:20240229\nFREQ=YEARLY",
            r#"{"repeat":"yearly","every":1,"month":2,"day":29,"start":"2024-02-29","until":null,"count":null}"#,
        ),
    ] {
        let picks_of = picks_of(rule, today()).map(|picks| picks.json().to_string());
        assert_eq!(picks_of.as_deref(), Some(picks), "{rule}");
    }
}

#[test]
fn a_rule_that_no_form_offers_is_custom() {
    for rule in [
        "FREQ=DAILY;INTERVAL=2;BYDAY=MO",
        "FREQ=WEEKLY;BYDAY=MO;BYMONTH=3",
        "FREQ=MONTHLY;BYDAY=1MO,1FR",
        "FREQ=MONTHLY;BYDAY=6MO",
        "FREQ=MONTHLY;BYDAY=SA,SU;BYSETPOS=1",
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=MO",
        "FREQ=YEARLY;BYDAY=20MO",
        "FREQ=YEARLY;INTERVAL=2;BYMONTH=3;BYDAY=1MO",
        "FREQ=YEARLY;BYMONTH=3,6;BYDAY=MO;BYSETPOS=1",
        "FREQ=DAILY;INTERVAL=10000",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=10000",
    ] {
        let described = describe(rule, "04:00:00", today(), today(), Language::English).unwrap();
        assert_eq!(described.picks, None, "{rule}");
        assert_eq!(
            (&described.json()["custom"], &described.json()["picks"]),
            (&json!(true), &Value::Null)
        );
    }
}

#[test]
fn wrong_picks_get_an_error_at_each_wrong_member() {
    let errors = |picks: Value| -> Vec<String> {
        let errors = Picks::read(&picks, "picks", Language::English).expect_err("wrong picks");
        errors
            .into_iter()
            .map(|error| format!("{}: {}", error.path.join("."), error.code))
            .collect()
    };
    for (picks, path, code) in [
        (json!("daily"), "picks", "wrong-type"),
        (json!(null), "picks", "null"),
        (json!({}), "picks.repeat", "required"),
        (json!({"repeat": "hourly"}), "picks.repeat", "invalid-choice"),
        (json!({"repeat": 1}), "picks.repeat", "wrong-type"),
        (json!({"repeat": "daily", "every": 0}), "picks.every", "out-of-range"),
        (
            json!({"repeat": "daily", "every": 10_000}),
            "picks.every",
            "out-of-range",
        ),
        (json!({"repeat": "daily", "every": "2"}), "picks.every", "wrong-type"),
        (json!({"repeat": "daily", "every": 1.0}), "picks.every", "out-of-range"),
        (
            json!({"repeat": "daily", "start": "1 Dec"}),
            "picks.start",
            "invalid-date",
        ),
        (
            json!({"repeat": "daily", "start": "0000-01-01"}),
            "picks.start",
            "invalid-date",
        ),
        (
            json!({"repeat": "daily", "until": 20_261_231}),
            "picks.until",
            "wrong-type",
        ),
        (json!({"repeat": "daily", "count": 0}), "picks.count", "out-of-range"),
        (
            json!({"repeat": "daily", "count": 1, "until": "2026-12-31"}),
            "picks.count",
            "count-and-until",
        ),
        (json!({"repeat": "weekly"}), "picks.weekdays", "required"),
        (
            json!({"repeat": "weekly", "weekdays": "MO"}),
            "picks.weekdays",
            "wrong-type",
        ),
        (
            json!({"repeat": "weekly", "weekdays": []}),
            "picks.weekdays",
            "empty-list",
        ),
        (
            json!({"repeat": "weekly", "weekdays": ["Monday"]}),
            "picks.weekdays",
            "invalid-choice",
        ),
        (
            json!({"repeat": "weekly", "weekdays": ["MO", "MO"]}),
            "picks.weekdays",
            "duplicate",
        ),
        (
            json!({"repeat": "monthly-days", "days": [0]}),
            "picks.days",
            "out-of-range",
        ),
        (
            json!({"repeat": "monthly-days", "days": [-32]}),
            "picks.days",
            "out-of-range",
        ),
        (
            json!({"repeat": "monthly-days", "days": [1], "months": [13]}),
            "picks.months",
            "out-of-range",
        ),
        (
            json!({"repeat": "monthly-weekday", "nth": [6], "weekday": "MO"}),
            "picks.nth",
            "out-of-range",
        ),
        (
            json!({"repeat": "monthly-weekday", "nth": [5]}),
            "picks.weekday",
            "required",
        ),
        (
            json!({"repeat": "monthly-working-day", "nth": [24]}),
            "picks.nth",
            "out-of-range",
        ),
        (json!({"repeat": "yearly", "month": 2}), "picks.day", "required"),
    ] {
        assert_eq!(errors(picks.clone()), [format!("{path}: {code}")], "{picks}");
    }
    assert_eq!(
        errors(json!({"repeat": "yearly", "every": 0, "start": ""})),
        [
            "picks.month: required",
            "picks.day: required",
            "picks.every: out-of-range",
            "picks.start: invalid-date",
        ]
    );
}
