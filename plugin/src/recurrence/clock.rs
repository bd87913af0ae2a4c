//! Conversion between instants and the local time of a zone, with its gaps and folds.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, Timelike as _};

use super::SECONDS_IN_DAY;
use super::zones::Zone;
use crate::contract::ClockNote;

/// `num_days_from_ce` of 1970-01-01.
const UNIX_EPOCH_DAY: i64 = 719_163;

/// The zone with exactly this name in the time zone database; `None` if there is none.
#[must_use]
pub fn zone(name: &str) -> Option<Zone> {
    Zone::named(name)
}

/// The local date at an instant (Unix seconds). Beyond the range of chrono (some 262,000 years from now), its first or last date.
#[must_use]
pub fn local_date(at: i64, zone: Zone) -> NaiveDate {
    let latest = DateTime::<chrono::Utc>::MAX_UTC.timestamp() - SECONDS_IN_DAY;
    let earliest = DateTime::<chrono::Utc>::MIN_UTC.timestamp() + SECONDS_IN_DAY;
    let at = at.clamp(earliest, latest);
    let wall = at + i64::from(offset_at(at, zone));
    DateTime::from_timestamp(wall, 0).map_or(NaiveDate::MAX, |wall| wall.date_naive())
}

/// The instant (Unix seconds) of a local time, the offset from UTC in seconds that it was resolved with, and whether it falls in a
/// gap or a fold.
///
/// A time in a gap is resolved with the offset before it; of a time in a fold, the first is used (RFC 5545, section 3.3.5). A
/// fraction of a second in `time` is dropped.
#[must_use]
pub fn instant_of(date: NaiveDate, time: NaiveTime, zone: Zone) -> (i64, i32, ClockNote) {
    let wall = (i64::from(date.num_days_from_ce()) - UNIX_EPOCH_DAY) * SECONDS_IN_DAY
        + i64::from(time.num_seconds_from_midnight());
    // Offsets are less than a day, and changes more than two days apart (`build.rs` asserts both). So changes up to a day before
    // have passed in local time as well, and of the later ones only the next can have.
    let before = zone.offset_window(wall - SECONDS_IN_DAY);
    let (offset, note) = match before.change {
        Some((at, offset)) if wall - at >= i64::from(before.offset.max(offset)) => (offset, ClockNote::Plain),
        Some((at, offset)) if wall - at >= i64::from(before.offset.min(offset)) => {
            let note = if offset > before.offset {
                ClockNote::SkippedHour
            } else {
                ClockNote::RepeatedHour
            };
            (before.offset, note)
        }
        _ => (before.offset, ClockNote::Plain),
    };
    (wall - i64::from(offset), offset, note)
}

/// The offset from UTC of the zone at an instant (Unix seconds), in seconds.
#[must_use]
pub fn offset_at(at: i64, zone: Zone) -> i32 {
    zone.offset_at(at)
}

/// The day (as `num_days_from_ce`) of a local time in seconds since 1970-01-01T00:00:00.
pub(super) fn day_of_wall(wall: i64) -> i32 {
    i32::try_from(wall.div_euclid(SECONDS_IN_DAY) + UNIX_EPOCH_DAY).unwrap_or(i32::MAX)
}
