//! Writes the tables of `src/recurrence/zones.rs`: when the offset of each zone that chrono-tz has changes, and to what.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write as _};
use std::path::Path;
use std::{env, fs};

use chrono::{DateTime, NaiveDateTime, Offset as _, TimeZone as _};
use chrono_tz::{IANA_TZDB_VERSION, TZ_VARIANTS, Tz};

#[path = "src/recurrence/name_hash.rs"]
mod name_hash;

const DAY: i64 = 86_400;
/// 1830-01-01 and 2110-01-01, in Unix seconds: chrono-tz has the first change in 1844 and the last in 2099.
const FIRST: i64 = -4_417_977_600;
const LAST: i64 = 4_417_977_600;
/// The shortest time that an offset was in force is a week (America/Recife, October 2000): none is stepped over. A test
/// walks in other steps.
const STEP_DAYS: usize = 4;

/// Seconds east of UTC from an instant (Unix seconds) on.
type Change = (i64, i32);

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/recurrence/name_hash.rs");
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("zone_tables.rs"), tables()).expect("OUT_DIR can be written to");
}

/// The same text for the same release of chrono-tz: nothing here is in an order of its own.
fn tables() -> String {
    let grid: Vec<_> = (FIRST..=LAST)
        .step_by(STEP_DAYS * DAY as usize)
        .map(|at| (at, date_time(at)))
        .collect();
    // Names of the same clock share its changes.
    let mut numbers: BTreeMap<Vec<Change>, usize> = BTreeMap::new();
    let mut clocks = Vec::new();
    let mut names: Vec<(&str, usize)> = Vec::new();
    for zone in TZ_VARIANTS {
        let changes = changes_of(zone, &grid);
        let number = *numbers.entry(changes.clone()).or_insert_with(|| {
            clocks.push(changes);
            clocks.len() - 1
        });
        names.push((zone.name(), number));
    }
    let utc = names
        .iter()
        .find(|(name, _)| *name == "UTC")
        .expect("chrono-tz has UTC")
        .1;
    let changes = clocks.concat();
    let offsets: BTreeSet<i32> = changes.iter().map(|(_, offset)| *offset).collect();
    let offsets = Vec::from_iter(offsets);
    let index_of = |offset| offsets.binary_search(offset).expect("each offset is in its table");
    let starts = clocks.iter().scan(0, |start, changes| {
        let this = *start;
        *start += changes.len();
        Some(this)
    });

    let mut text =
        format!("pub(super) const RELEASE: &str = {IANA_TZDB_VERSION:?};\npub(super) const UTC: u16 = {utc};\n");
    table(&mut text, "CHANGES", "i64", changes.iter().map(|(at, _)| at));
    table(
        &mut text,
        "OFFSETS_FROM",
        "u16",
        changes.iter().map(|(_, offset)| index_of(offset)),
    );
    table(&mut text, "OFFSETS", "i32", offsets.iter());
    table(&mut text, "STARTS", "u32", starts.chain([changes.len()]));
    table(
        &mut text,
        "NAMES",
        "(&str, u16)",
        names.iter().map(|(name, number)| format!("({name:?}, {number})")),
    );
    table(&mut text, "SLOTS", "u16", slots(&names));
    text
}

/// For each slot the number of the name in it, from 1 on; 0 where it is empty.
fn slots(names: &[(&str, usize)]) -> Vec<usize> {
    let mut slots = vec![0; name_hash::SLOTS];
    assert!(
        slots.len() >= 2 * names.len(),
        "too few slots for {} names",
        names.len()
    );
    for (number, (name, _)) in (1..).zip(names) {
        let mut slot = name_hash::of(name);
        while slots[slot] != 0 {
            slot = name_hash::after(slot);
        }
        slots[slot] = number;
    }
    slots
}

fn table(text: &mut String, name: &str, of: &str, entries: impl IntoIterator<Item: Display>) {
    let entries: Vec<String> = entries.into_iter().map(|entry| entry.to_string()).collect();
    let (count, entries) = (entries.len(), entries.join(","));
    writeln!(text, "pub(super) static {name}: [{of}; {count}] = [{entries}];").expect("a string takes all");
}

/// The first is from `i64::MIN` on, so that each instant comes after one.
fn changes_of(zone: Tz, grid: &[(i64, NaiveDateTime)]) -> Vec<Change> {
    let mut offset = offset_at(zone, &grid[0].1);
    let mut changes: Vec<Change> = vec![(i64::MIN, offset)];
    for [(before, _), (after, there)] in grid.array_windows() {
        if offset_at(zone, there) == offset {
            continue;
        }
        let (mut before, mut change) = (*before, *after);
        while change - before > 1 {
            let middle = before + (change - before) / 2;
            if offset_at(zone, &date_time(middle)) == offset {
                before = middle;
            } else {
                change = middle;
            }
        }
        offset = offset_at(zone, &date_time(change));
        let (last, _) = changes[changes.len() - 1];
        // `clock::instant_of` looks at one change for a local time.
        assert!(
            change.saturating_sub(last) > 2 * DAY && i64::from(offset.abs()) < DAY,
            "{zone} has changes too near each other, or too large: {last} and {change}, to {offset}"
        );
        changes.push((change, offset));
    }
    changes
}

fn offset_at(zone: Tz, at: &NaiveDateTime) -> i32 {
    zone.offset_from_utc_datetime(at).fix().local_minus_utc()
}

fn date_time(at: i64) -> NaiveDateTime {
    DateTime::from_timestamp(at, 0)
        .expect("chrono has dates for 1830 to 2110")
        .naive_utc()
}
