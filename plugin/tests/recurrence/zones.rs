//! The plugin's own tables of zones, beside chrono-tz that they are made of.

use std::thread;

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeZone as _};
use chrono_tz::{GapInfo, IANA_TZDB_VERSION, TZ_VARIANTS, Tz};
use plugin::recurrence::{ClockNote, ZONE_DATABASE, Zone, instant_of, offset_at, zone};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// 1800-01-01 and 2200-01-01.
const FIRST: i64 = -5_364_662_400;
const LAST: i64 = 7_258_118_400;

fn ours(theirs: Tz) -> Zone {
    zone(theirs.name()).unwrap_or_else(|| panic!("{theirs} is not known"))
}

fn date_time(at: i64) -> NaiveDateTime {
    DateTime::from_timestamp(at, 0).unwrap().naive_utc()
}

fn seconds(offset: impl chrono::Offset) -> i32 {
    offset.fix().local_minus_utc()
}

fn theirs_at(at: NaiveDateTime, zone: Tz) -> i32 {
    seconds(zone.offset_from_utc_datetime(&at))
}

/// What chrono-tz says of a local time, read by the rules of `instant_of`.
fn theirs_on_the_clock(local: NaiveDateTime, zone: Tz) -> (i32, ClockNote) {
    match zone.offset_from_local_datetime(&local) {
        LocalResult::Single(offset) => (seconds(offset), ClockNote::Plain),
        LocalResult::Ambiguous(first, _) => (seconds(first), ClockNote::RepeatedHour),
        LocalResult::None => {
            let (_, offset) = GapInfo::new(&local, &zone).and_then(|gap| gap.begin).expect("a jump");
            (seconds(offset), ClockNote::SkippedHour)
        }
    }
}

fn check(at: i64, theirs: Tz) {
    assert_eq!(
        offset_at(at, ours(theirs)),
        theirs_at(date_time(at), theirs),
        "{theirs} at {at}"
    );
}

fn check_clock(wall: i64, theirs: Tz) {
    let local = date_time(wall);
    let (at, offset, note) = instant_of(local.date(), local.time(), ours(theirs));
    assert_eq!(
        (offset, note),
        theirs_on_the_clock(local, theirs),
        "{theirs} at {local}"
    );
    assert_eq!(at, wall - i64::from(offset), "{theirs} at {local}");
}

/// The first instant in `before..=after` with the offset of `after`.
fn change(zone: Zone, mut before: i64, mut after: i64) -> i64 {
    let old = offset_at(before, zone);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if offset_at(middle, zone) == old {
            before = middle;
        } else {
            after = middle;
        }
    }
    after
}

fn check_around(change: i64, theirs: Tz) {
    for at in [change - 1, change, change + 1] {
        check(at, theirs);
    }
    let (before, after) = (
        theirs_at(date_time(change - 1), theirs),
        theirs_at(date_time(change), theirs),
    );
    let (first, last) = (
        change + i64::from(before.min(after)),
        change + i64::from(before.max(after)),
    );
    let middle = first + (last - first) / 2;
    for wall in [
        first - DAY,
        first - 1,
        first,
        first + 1,
        middle,
        last - 1,
        last,
        last + 1,
        last + DAY,
    ] {
        check_clock(wall, theirs);
    }
}

#[test]
fn the_zones_are_of_the_release_of_chrono_tz() {
    assert_eq!(ZONE_DATABASE, IANA_TZDB_VERSION);
    assert_eq!(zone("UTC"), Some(Zone::UTC));
    assert_eq!(zone("Europe/Kiev"), zone("Europe/Kyiv"));
    assert_ne!(zone("Europe/Berlin"), zone("Europe/Vienna"));
}

/// In other steps than those of `build.rs`, so that a change which these pass over is found to be missing.
#[test]
fn in_every_zone_offsets_are_chrono_tzs_every_other_day_and_clocks_skip_and_repeat_the_same_seconds() {
    let grid: Vec<_> = (-4_260_211_200..4_260_211_200)
        .step_by(45 * HOUR as usize)
        .map(|at| (at, date_time(at)))
        .collect();
    let walk = |theirs: Tz| {
        let (zone, mut changes) = (ours(theirs), 0);
        let mut last = (FIRST, offset_at(FIRST, zone));
        for (at, there) in &grid {
            let offset = offset_at(*at, zone);
            assert_eq!(offset, theirs_at(*there, theirs), "{theirs} at {at}");
            if offset != last.1 {
                check_around(change(zone, last.0, *at), theirs);
                changes += 1;
            }
            last = (*at, offset);
        }
        changes
    };
    let changes: usize = thread::scope(|scope| {
        let halves = TZ_VARIANTS.chunks(TZ_VARIANTS.len().div_ceil(2));
        let walks: Vec<_> = halves
            .map(|half| scope.spawn(|| half.iter().copied().map(walk).sum::<usize>()))
            .collect();
        walks.into_iter().map(|walk| walk.join().unwrap()).sum()
    });
    assert!(changes > 60_000, "{changes}");
}

#[test]
fn where_clocks_changed_most_hastily_the_offset_is_chrono_tzs_each_hour() {
    let between = |first: &str, last: &str| {
        let unix = |day: &str| {
            DateTime::parse_from_rfc3339(&format!("{day}T00:00:00Z"))
                .unwrap()
                .timestamp()
        };
        (unix(first)..unix(last)).step_by(HOUR as usize)
    };
    for (theirs, hours) in [
        (Tz::Africa__Tunis, between("1939-01-01", "1946-01-01")),
        (Tz::Europe__Vienna, between("1940-01-01", "1949-01-01")),
        (Tz::Europe__Tirane, between("1940-01-01", "1949-01-01")),
        (Tz::America__Recife, between("1999-01-01", "2003-01-01")),
        (Tz::America__Argentina__Tucuman, between("1990-01-01", "2010-01-01")),
        (Tz::Africa__Cairo, between("2005-01-01", "2016-01-01")),
        (Tz::Africa__Casablanca, between("2008-01-01", "2030-01-01")),
        (Tz::Pacific__Apia, between("2009-01-01", "2013-01-01")),
        (Tz::Asia__Gaza, between("2005-01-01", "2030-01-01")),
        (Tz::Asia__Gaza, between("2039-01-01", "2042-01-01")),
        (Tz::Asia__Gaza, between("2071-01-01", "2087-01-01")),
    ] {
        hours.for_each(|at| check(at, theirs));
    }
}

#[test]
fn in_every_zone_the_first_and_the_last_offset_are_for_ever() {
    let earliest = DateTime::<chrono::Utc>::MIN_UTC.timestamp();
    let latest = DateTime::<chrono::Utc>::MAX_UTC.timestamp();
    for theirs in TZ_VARIANTS {
        for at in [earliest, -62_135_596_800, FIRST, LAST, 253_402_300_799, latest] {
            check(at, theirs);
        }
        for wall in [-62_135_596_800, FIRST, LAST, 253_402_300_799] {
            check_clock(wall, theirs);
        }
        assert_eq!(offset_at(i64::MIN, ours(theirs)), offset_at(earliest, ours(theirs)));
        assert_eq!(offset_at(i64::MAX, ours(theirs)), offset_at(latest, ours(theirs)));
    }
}
