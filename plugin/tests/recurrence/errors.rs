//! Codes and messages of the errors in invalid input.

use chrono::NaiveDate;
use plugin::language::Language;
use plugin::recurrence::{Recurrence, RecurrenceError, RecurrenceField};

fn errors(rule: &str, time: &str, zone: &str) -> Vec<RecurrenceError> {
    Recurrence::parse(rule, time, zone, NaiveDate::MIN)
        .err()
        .unwrap_or_default()
}

fn code(rule: &str) -> &'static str {
    match errors(rule, "06:30:00", "UTC").as_slice() {
        [] => "right",
        [error] => error.code(),
        more => panic!("{rule}: {more:?}"),
    }
}

#[test]
fn every_wrong_rule_says_what_is_wrong() {
    let cases = [
        ("", "rule-empty"),
        (" \t\r\n", "rule-empty"),
        ("RRULE:", "rule-empty"),
        ("DTSTART:20260101T000000", "rule-missing"),
        ("RRULE:FREQ=DAILY RRULE:FREQ=DAILY", "rule-repeated"),
        ("FREQ=DAILY RRULE:FREQ=DAILY", "rule-repeated"),
        ("FREQ=DAILY; COUNT=2", "rule-repeated"),
        ("FREQ=DAILY\nCOUNT=2", "rule-repeated"),
        ("RRULE:FREQ=DAILY\n RRULE:FREQ=DAILY", "rule-repeated"),
        ("RRULE:FREQ=DAILY\n EXDATE:20260101T000000", "property-not-supported"),
        ("FREQ=WEEKLY;;BYDAY=MO", "part-malformed"),
        ("RRULE:;", "rule-empty"),
        (";", "invalid-syntax"),
        ("daily", "invalid-syntax"),
        ("0 4 * * 1", "invalid-syntax"),
        ("FREQ=DAILY;\u{a0}COUNT=2", "part-not-supported"),
        ("RRULE:FREQ=DAILY EXDATE:20260101T000000", "property-not-supported"),
        ("RRULE;X=1:FREQ=DAILY", "property-not-supported"),
        ("RRULE:FREQ=DAILY DTSTARTS:20260101T000000", "dtstart-invalid"),
        ("RRULE:FREQ=DAILY DTSTART:2026010", "dtstart-invalid"),
        ("RRULE:FREQ=DAILY DTSTART:20260230", "dtstart-invalid"),
        ("RRULE:FREQ=DAILY DTSTART;VALUE=DATE-TIME:20260101", "dtstart-invalid"),
        (
            "RRULE:FREQ=DAILY DTSTART;VALUE=PERIOD:20260101T000000",
            "dtstart-invalid",
        ),
        (
            "RRULE:FREQ=DAILY DTSTART;VALUE=DATE-TIME:20260101T000000Z",
            "dtstart-has-zone",
        ),
        ("RRULE:FREQ=DAILY DTSTART:20260230T000000", "dtstart-invalid"),
        ("RRULE:FREQ=DAILY DTSTART:00000101T000000", "dtstart-invalid"),
        ("RRULE:FREQ=DAILY DTSTART:20260101T240000", "dtstart-invalid"),
        ("RRULE:FREQ=DAILY DTSTART:20260101T235960", "dtstart-invalid"),
        ("RRULE:FREQ=DAILY DTSTART;VALUE=DATE:20260101T000000", "dtstart-invalid"),
        ("RRULE:FREQ=DAILY DTSTART:20260101T000000z", "dtstart-has-zone"),
        (
            "RRULE:FREQ=DAILY DTSTART;TZID=Europe/Berlin:20260101T000000",
            "dtstart-has-zone",
        ),
        (
            "RRULE:FREQ=DAILY DTSTART:20260101T000000 DTSTART:20260101T000000",
            "dtstart-repeated",
        ),
        ("FREQ=DAILY;;COUNT=1", "part-malformed"),
        ("FREQ=DAILY;;", "part-malformed"),
        (";FREQ=DAILY", "part-malformed"),
        ("FREQ=DAILY;BYMONTHDAY=1", "part-not-supported"),
        ("FREQ=DAILY;X-FOO=1", "part-not-supported"),
        ("FREQ=DAILY;FREQ=DAILY", "part-repeated"),
        ("INTERVAL=2", "freq-missing"),
        ("FREQ=HOURLY", "freq-not-supported"),
        ("FREQ=", "freq-not-supported"),
        ("FREQ=DAILY;INTERVAL=0", "interval-invalid"),
        ("FREQ=DAILY;INTERVAL=+2", "interval-invalid"),
        ("FREQ=DAILY;INTERVAL=٢", "interval-invalid"),
        ("FREQ=DAILY;COUNT=-1", "count-invalid"),
        ("FREQ=DAILY;COUNT=", "count-invalid"),
        ("FREQ=DAILY;UNTIL=2026", "until-invalid"),
        ("FREQ=DAILY;UNTIL=20260230", "until-invalid"),
        ("FREQ=DAILY;UNTIL=20260101T000000Z", "until-has-zone"),
        ("FREQ=DAILY;COUNT=1;UNTIL=20260101", "count-and-until"),
        ("FREQ=WEEKLY;BYDAY=MONDAY", "byday-invalid"),
        ("FREQ=WEEKLY;BYDAY=M", "byday-invalid"),
        ("FREQ=WEEKLY;BYDAY=MO,", "byday-invalid"),
        ("FREQ=YEARLY;BYDAY=0MO", "byday-invalid"),
        ("FREQ=YEARLY;BYDAY=+MO", "byday-invalid"),
        ("FREQ=YEARLY;BYDAY=-54MO", "byday-invalid"),
        ("FREQ=YEARLY;BYDAY=001MO", "byday-invalid"),
        ("FREQ=WEEKLY;BYDAY=1MO", "byday-ordinal-not-allowed"),
        ("BYDAY=1MO;FREQ=DAILY", "byday-ordinal-not-allowed"),
        ("FREQ=DAILY;BYMONTH=13", "bymonth-invalid"),
        ("FREQ=DAILY;BYMONTH=-1", "bymonth-invalid"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0", "bysetpos-invalid"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1,0", "bysetpos-invalid"),
        ("FREQ=YEARLY;BYDAY=MO;BYSETPOS=367", "bysetpos-invalid"),
        ("FREQ=YEARLY;BYDAY=MO;BYSETPOS=-367", "bysetpos-invalid"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1,", "bysetpos-invalid"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=", "bysetpos-invalid"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0001", "bysetpos-invalid"),
        ("FREQ=WEEKLY;BYDAY=MO;BYSETPOS=1", "bysetpos-not-allowed"),
        ("FREQ=WEEKLY;WKST=SUN", "wkst-invalid"),
        ("FREQ=DAILY;WKST=", "wkst-invalid"),
        ("FREQ=WEEKLY;WKST=SU;INTERVAL=2", "wkst-not-monday"),
        ("FREQ=DAILY;BYHOUR=9", "time-part-mismatch"),
        ("FREQ=DAILY;BYSECOND=0,15", "time-part-mismatch"),
        (
            "DTSTART:20260101T093000 RRULE:FREQ=DAILY;BYMINUTE=0",
            "time-part-mismatch",
        ),
    ];
    for (rule, want) in cases {
        assert_eq!(code(rule), want, "{rule:?}");
    }
}

#[test]
fn what_is_unusual_but_right_is_taken() {
    for rule in [
        "freq=weekly;byday=mo,Tu;wkst=mo",
        "\r\n\tDTSTART:20260101t093000 \t rrule:BYHOUR=9;BYMINUTE=30;BYSECOND=00;FREQ=DAILY\n\n",
        "dtstart;value=date:20260101\nRRULE:FREQ=YEARLY;BYDAY=53SU,-53MO,+1TU,02WE;BYMONTH=01,12",
        "FREQ=MONTHLY;BYSETPOS=+1;BYDAY=MO,MO",
        "FREQ=DAILY;INTERVAL=007;COUNT=0",
        "DTSTART:20260101T000000 FREQ=DAILY",
        "freq=daily dtstart:20260101t000000",
        "DTSTART:20260101\nRRULE:FREQ=DAILY",
        "DTSTART;value=date-time:20260101T093000\nRRULE:FREQ=DAILY;BYHOUR=9",
        "FREQ=WEEKLY;BYDAY=FR;",
        "RRULE:FREQ=WEEKLY;\r\n BYDAY=MO,\r\n TU",
        "RRULE:FREQ=WEE\r\n KLY;INTER\n\tVAL=2",
        "RRULE:\r\n FREQ=DAILY",
        "DTSTART:20260101T000000\r\n RRULE:FREQ=DAILY",
        "DTSTART:20260101T000000\n FREQ=DAILY",
        " RRULE:FREQ=WEEKLY;\n\tDTSTART:20260101T000000\n ",
        "RRULE:FREQ=WEEKLY;\nDTSTART:20260101T000000",
        "FREQ=WEEKLY;WKST=SU;BYDAY=MO",
        "FREQ=WEEKLY;INTERVAL=1;WKST=sa",
        "FREQ=WEEKLY;INTERVAL=2;WKST=MO",
        "FREQ=MONTHLY;INTERVAL=3;WKST=SU",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-3",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1,-1,+1,001,-01",
        "FREQ=YEARLY;BYDAY=MO;BYSETPOS=366,-366",
        "RRULE:FREQ=DAILY;UNTIL=20260101 DTSTART:20260102T000000",
    ] {
        assert_eq!(code(rule), "right", "{rule:?}");
    }
}

#[test]
fn a_day_of_the_month_is_refused_with_rules_that_give_it_and_these_are_right() {
    let message = errors("FREQ=MONTHLY;BYMONTHDAY=-1", "06:30:00", "UTC")[0].message(Language::English);
    assert!(message.starts_with("“BYMONTHDAY=-1” is not supported."), "{message}");
    for shown in [
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU",
        "BYSETPOS=-1",
        "DTSTART:20260115T000000",
    ] {
        assert!(message.contains(shown), "{message}");
    }
    let dates = |rule: &str| {
        let recurrence = Recurrence::parse(rule, "06:30:00", "UTC", NaiveDate::MIN).unwrap();
        let runs = recurrence.occurrences(1_796_083_200).take(3); // 2026-12-01T00:00:00Z
        runs.map(|run| run.local_date.to_string()).collect::<Vec<_>>().join(" ")
    };
    let on_the_15th = "DTSTART:20260115T000000\nFREQ=MONTHLY";
    assert_eq!(dates(on_the_15th), "2026-12-15 2027-01-15 2027-02-15");
    let all = "DTSTART:20260115T000000\nFREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS";
    assert_eq!(dates(&format!("{all}=1,15")), "2026-12-01 2026-12-15 2027-01-01");
    assert_eq!(dates(&format!("{all}=-1")), "2026-12-31 2027-01-31 2027-02-28");
}

#[test]
fn a_time_is_hh_mm_ss_of_a_clock_and_nothing_else() {
    for time in ["00:00:00", "23:59:59"] {
        assert!(errors("FREQ=DAILY", time, "UTC").is_empty(), "{time}");
    }
    for time in [
        "",
        "6:30:00",
        "06:30",
        "24:00:00",
        "12:60:00",
        "12:00:60",
        "12:00:00Z",
        "12:00:00.0",
        " 12:00:00",
        "1２:00:00",
    ] {
        let errors = errors("FREQ=DAILY", time, "UTC");
        assert_eq!(
            errors
                .iter()
                .map(|error| (error.field(), error.code()))
                .collect::<Vec<_>>(),
            [(RecurrenceField::Time, "invalid-time")],
            "{time}"
        );
    }
}

#[test]
fn rule_time_and_zone_are_all_told_at_once() {
    let errors = errors("FREQ=HOURLY", "noon", "Mars/Olympus");
    let told: Vec<_> = errors
        .iter()
        .map(|error| (error.field(), error.message(Language::English)))
        .collect();
    assert_eq!(
        told,
        [
            (
                RecurrenceField::Rule,
                "“HOURLY” is not a supported FREQ. Use DAILY, WEEKLY, MONTHLY or YEARLY.".to_owned()
            ),
            (
                RecurrenceField::Time,
                "“noon” is not a valid time of day. Use 24-hour HH:MM:SS, such as 04:00:00.".to_owned()
            ),
            (
                RecurrenceField::Zone,
                "“Mars/Olympus” is not a known time zone. Use an IANA time zone name, such as Europe/Berlin or UTC."
                    .to_owned()
            ),
        ]
    );
    let german = "„HOURLY“ ist kein unterstützter Wert für FREQ. Möglich sind DAILY, WEEKLY, MONTHLY und YEARLY.";
    assert_eq!(errors[0].message(Language::German), german);
}

#[test]
fn a_message_repeats_a_wrong_text_cut_and_without_control_characters() {
    let message = |zone: &str| errors("FREQ=DAILY", "00:00:00", zone)[0].message(Language::English);
    assert!(message("a\u{0}b\r\nc\u{202e}d\u{7f}").starts_with(r"“a\0b\r\nc\u{202e}d\u{7f}” is not"));
    assert!(message("{}").starts_with("“{}” is not"));
    assert!(message(&"x".repeat(60)).starts_with(&format!("“{}” is not", "x".repeat(60))));
    assert!(message(&"x".repeat(61)).starts_with(&format!("“{}…” is not", "x".repeat(60))));
    assert!(message(&"\u{0}".repeat(1_000_000)).len() < 1000);
}
