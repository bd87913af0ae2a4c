//! Gaps, folds, skipped days, and the assumption about zones behind the search for the next occurrence.

use chrono::{DateTime, Days, NaiveDate, NaiveTime};
use plugin::recurrence::{ClockNote, Recurrence, instant_of, local_date, zone};

use super::zones::names;

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn unix(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp()
}

fn run(date: NaiveDate, time: &str, name: &str) -> (String, i32, ClockNote) {
    let time = NaiveTime::parse_from_str(time, "%H:%M:%S").unwrap();
    let (at, offset, note) = instant_of(date, time, zone(name).unwrap());
    (DateTime::from_timestamp(at, 0).unwrap().to_rfc3339(), offset, note)
}

#[test]
fn a_skipped_time_is_read_with_the_offset_before_the_jump() {
    let berlin = date(2026, 3, 29);
    assert_eq!(
        run(berlin, "01:59:59", "Europe/Berlin"),
        ("2026-03-29T00:59:59+00:00".into(), 3600, ClockNote::Plain)
    );
    assert_eq!(
        run(berlin, "02:00:00", "Europe/Berlin"),
        ("2026-03-29T01:00:00+00:00".into(), 3600, ClockNote::SkippedHour)
    );
    assert_eq!(
        run(berlin, "02:59:59", "Europe/Berlin"),
        ("2026-03-29T01:59:59+00:00".into(), 3600, ClockNote::SkippedHour)
    );
    assert_eq!(
        run(berlin, "03:00:00", "Europe/Berlin"),
        ("2026-03-29T01:00:00+00:00".into(), 7200, ClockNote::Plain)
    );
    let half_an_hour = run(date(2026, 10, 4), "02:15:00", "Australia/Lord_Howe");
    assert_eq!(
        half_an_hour,
        ("2026-10-03T15:45:00+00:00".into(), 37_800, ClockNote::SkippedHour)
    );
    let whole_day = run(date(2011, 12, 30), "18:30:00", "Pacific/Apia");
    assert_eq!(
        whole_day,
        ("2011-12-31T04:30:00+00:00".into(), -36_000, ClockNote::SkippedHour)
    );
}

#[test]
fn a_repeated_time_is_the_first_of_the_two() {
    let night = date(2026, 10, 25);
    assert_eq!(
        run(night, "02:00:00", "Europe/Berlin"),
        ("2026-10-25T00:00:00+00:00".into(), 7200, ClockNote::RepeatedHour)
    );
    assert_eq!(
        run(night, "02:59:59", "Europe/Berlin"),
        ("2026-10-25T00:59:59+00:00".into(), 7200, ClockNote::RepeatedHour)
    );
    assert_eq!(
        run(night, "03:00:00", "Europe/Berlin"),
        ("2026-10-25T02:00:00+00:00".into(), 3600, ClockNote::Plain)
    );
}

#[test]
fn a_run_on_the_repeated_hour_does_not_come_again_in_its_second_pass() {
    let recurrence = Recurrence::parse("FREQ=DAILY", "02:30:00", "Europe/Berlin", date(2026, 10, 1)).unwrap();
    let second_pass = unix("2026-10-25T02:30:00+01:00");
    assert!(!recurrence.contains(second_pass));
    assert_eq!(
        recurrence.next_after(second_pass).unwrap().at,
        unix("2026-10-26T02:30:00+01:00")
    );
    assert_eq!(
        recurrence.latest_until(second_pass).unwrap().at,
        unix("2026-10-25T02:30:00+02:00")
    );
}

#[test]
fn a_day_that_a_zone_skipped_and_the_day_after_it_are_one_run() {
    for (name, skipped) in [
        ("Pacific/Apia", date(2011, 12, 30)),
        ("Pacific/Kwajalein", date(1993, 8, 21)),
        ("Pacific/Kiritimati", date(1994, 12, 31)),
    ] {
        let recurrence = Recurrence::parse("FREQ=DAILY", "18:30:00", name, date(1990, 1, 1)).unwrap();
        let (at, _, note) = instant_of(skipped, recurrence.time(), recurrence.zone());
        assert_eq!(note, ClockNote::SkippedHour, "{name}");

        let next_day = skipped.succ_opt().unwrap();
        let dates: Vec<_> = recurrence
            .occurrences(at - 2 * 86_400)
            .take(3)
            .map(|run| run.local_date)
            .collect();
        assert_eq!(
            dates,
            [skipped.pred_opt().unwrap(), next_day, next_day.succ_opt().unwrap()],
            "{name}"
        );
        assert_eq!(recurrence.latest_until(at).unwrap().local_date, next_day, "{name}");
        assert_eq!(recurrence.next_after(at - 1), recurrence.latest_until(at), "{name}");
    }
}

#[test]
fn a_rule_that_has_only_the_skipped_day_still_runs() {
    let rule = "DTSTART:20111230T000000\nRRULE:FREQ=YEARLY;COUNT=1";
    let recurrence = Recurrence::parse(rule, "18:30:00", "Pacific/Apia", date(1990, 1, 1)).unwrap();
    let run = recurrence.next_after(unix("2011-12-31T04:29:59Z")).unwrap();
    assert_eq!(
        (run.at, run.local_date),
        (unix("2011-12-31T04:30:00Z"), date(2011, 12, 30))
    );
    assert_eq!(recurrence.next_after(run.at), None);
}

#[test]
fn a_zone_is_known_by_its_exact_name_only() {
    for name in ["UTC", "Europe/Berlin", "America/Argentina/ComodRivadavia"] {
        assert!(zone(name).is_some(), "{name}");
    }
    for name in [
        "",
        "Berlin",
        "europe/berlin",
        "Europe/Berlin ",
        "+02:00",
        "UTC+2",
        "Mars/Olympus",
    ] {
        assert_eq!(zone(name), None, "{name}");
    }
}

#[test]
fn the_local_date_changes_at_local_midnight() {
    let midnight = unix("2026-07-01T00:00:00+02:00");
    let berlin = zone("Europe/Berlin").unwrap();
    assert_eq!(local_date(midnight - 1, berlin), date(2026, 6, 30));
    assert_eq!(local_date(midnight, berlin), date(2026, 7, 1));
}

/// `next_after` assumes that no offset changes by more than a day, so that no date's occurrence is before the one of the previous
/// date. Checked around each week from 1890 to 2060 in which the offset of a zone changed.
#[test]
fn in_every_zone_each_run_is_found_from_just_before_it_and_from_the_one_before() {
    let mut changes = 0;
    for name in names() {
        let zone = zone(name).unwrap();
        let offset = |at: i64| {
            let day = local_date(at, zone);
            let (instant, offset, _) = instant_of(day, NaiveTime::from_hms_opt(12, 0, 0).unwrap(), zone);
            (instant, offset)
        };
        let mut last = offset(unix("1890-01-01T12:00:00Z"));
        for week in 1..8870 {
            let now = offset(unix("1890-01-01T12:00:00Z") + week * 7 * 86_400);
            if now.1 != last.1 {
                changes += 1;
                check_days_around(name, last.0, now.0);
            }
            last = now;
        }
    }
    assert!(changes > 10_000, "{changes}");
}

fn check_days_around(name: &str, before: i64, after: i64) {
    let zone = zone(name).unwrap();
    let first = local_date(before, zone) - Days::new(2);
    let last = local_date(after, zone) + Days::new(2);
    for time in ["00:00:00", "00:30:00", "02:30:00", "23:45:00"] {
        let recurrence = Recurrence::parse("FREQ=DAILY", time, name, first).unwrap();
        let runs = first
            .iter_days()
            .take_while(|day| *day <= last)
            .map(|day| instant_of(day, recurrence.time(), zone).0);
        let mut runs: Vec<_> = runs.collect();
        assert!(runs.is_sorted(), "{name} {time}");
        runs.dedup();
        for pair in runs.windows(2) {
            let next = |after| recurrence.next_after(after).map(|run| run.at);
            let latest = |until| recurrence.latest_until(until).map(|run| run.at);
            assert_eq!(
                (next(pair[0]), next(pair[1] - 1)),
                (Some(pair[1]), Some(pair[1])),
                "{name} {time}"
            );
            assert_eq!(
                (latest(pair[1]), latest(pair[1] - 1)),
                (Some(pair[1]), Some(pair[0])),
                "{name} {time}"
            );
        }
    }
}
