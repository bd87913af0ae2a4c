//! Compares every zone with an independent build of the time zone database: PyPI's `tzdata`, or the one of this machine. The test has
//! its own parser for its files (RFC 9636), so that it shares no code with the tables.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use chrono::NaiveDate;
use plugin::recurrence::{ZONE_DATABASE, offset_at, zone};

use super::zones::names;

/// The variable with the directory of the copy, the one that has `Europe/Berlin` in it; `scripts/zones.sh copy` fetches one.
const FOLDER: &str = "TZDATA_DIR";
const OF_THIS_MACHINE: &str = "/usr/share/zoneinfo";

/// Instants and the offset from UTC from then on, in seconds; the first has no beginning.
type Changes = Vec<(i64, i32)>;

#[test]
fn every_zone_has_the_offsets_of_an_independent_copy_in_the_five_years_from_its_release() {
    let folder = env::var_os(FOLDER).map_or_else(|| PathBuf::from(OF_THIS_MACHINE), PathBuf::from);
    let Some(source) = source(&folder) else {
        return;
    };
    let mut theirs: Vec<&str> = source.lines().filter_map(name).collect();
    theirs.sort_unstable();
    let mut ours: Vec<_> = names().collect();
    ours.sort_unstable();
    theirs.retain(|name| *name != "Factory");
    assert_eq!(ours, theirs, "the names of zones differ");

    let year: i32 = ZONE_DATABASE[..4].parse().unwrap();
    let start = |year| {
        let day = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
        day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp()
    };
    // The rest of its year, and five more.
    let (first, last) = (start(year), start(year + 6));
    let mut different = Vec::new();
    let mut changes_seen = 0;
    for name in ours {
        let zone = zone(name).unwrap();
        let changes = read(&folder.join(name), last);
        let around = changes.iter().flat_map(|(at, _)| [at.saturating_sub(1), *at]);
        let in_years = |at: &i64| (first..last).contains(at);
        changes_seen += changes.iter().filter(|(at, _)| in_years(at)).count();
        let instants = around.filter(in_years).chain((first..last).step_by(6 * 3600));
        for at in instants {
            let theirs = changes[changes.partition_point(|(from, _)| *from <= at) - 1].1;
            if offset_at(at, zone) != theirs {
                different.push(format!("{name} at {at}: {} here, {theirs} there", offset_at(at, zone)));
                break;
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(changes_seen > 1_000, "{changes_seen}");
}

/// The source in the directory, if it has the version of the plugin. Otherwise the test reports that on standard error, which is shown
/// although the test passes.
fn source(folder: &Path) -> Option<String> {
    let read = fs::read_to_string(folder.join("tzdata.zi"));
    let release = read.as_deref().map(|source| {
        let line = source.lines().next().unwrap_or_default();
        line.strip_prefix("# version ").unwrap_or("unknown")
    });
    let why = match release {
        Ok(release) if release == ZONE_DATABASE => return read.ok(),
        Ok(release) => format!("it has the release {release}"),
        Err(error) => format!("it could not be read: {error}"),
    };
    assert!(
        env::var_os(FOLDER).is_none() || release.is_ok(),
        "{FOLDER}={}: {why}",
        folder.display()
    );
    let sentence = format!(
        "\nNOT COMPARED: the time zones of {ZONE_DATABASE} were not compared with {}: {why}.\n\
         `{FOLDER}=$(scripts/zones.sh copy) cargo test -p plugin` compares them with PyPI's tzdata.\n",
        folder.display()
    );
    // The macros write to a buffer that is dropped if the test passes.
    io::stderr().write_all(sentence.as_bytes()).unwrap();
    None
}

/// The name in a line of the source: `Z name …` or `L target name`.
fn name(line: &str) -> Option<&str> {
    let mut words = line.split(' ');
    match words.next()? {
        "Z" => words.next(),
        "L" => words.nth(1),
        _ => None,
    }
}

/// The changes in the 64-bit block of a TZif file. They must reach `last` if the zone continues to change.
fn read(file: &Path, last: i64) -> Changes {
    let bytes = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let header = |bytes: &[u8]| {
        assert_eq!(&bytes[..4], b"TZif", "{}", file.display());
        let count = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        // isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt
        [20, 24, 28, 32, 36, 40].map(count)
    };
    let [isut, isstd, leap, times, types, chars] = header(&bytes);
    let block = &bytes[44 + times * 5 + types * 6 + chars + leap * 8 + isstd + isut..];
    let [isut, isstd, leap, times, types, chars] = header(block);
    let (instants, rest) = block[44..].split_at(times * 8);
    let (kinds, rest) = rest.split_at(times);
    let (offsets, rest) = rest.split_at(types * 6);
    let offset = |kind: u8| i32::from_be_bytes(offsets[usize::from(kind) * 6..][..4].try_into().unwrap());
    let instants = instants.chunks(8).map(|at| i64::from_be_bytes(at.try_into().unwrap()));
    let mut changes = vec![(i64::MIN, offset(0))];
    changes.extend(instants.zip(kinds.iter().map(|kind| offset(*kind))));
    let footer = String::from_utf8_lossy(&rest[chars + leap * 12 + isstd + isut..]);
    assert!(
        !footer.contains(',') || changes[changes.len() - 1].0 > last - 366 * 86_400,
        "{} leaves its changes to a rule: a copy that lists them is needed (zic -b fat)",
        file.display()
    );
    changes
}
