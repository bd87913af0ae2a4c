//! The zones of the tz database: for each name a clock, for each clock when its offset changes, and to what.
//!
//! `build.rs` writes the tables, from those of chrono-tz. `docs/decisions/zone-tables.md` says why.

use super::name_hash;

mod tables {
    include!(concat!(env!("OUT_DIR"), "/zone_tables.rs"));
}

/// The release of the tz database that the zones are of: `2026c`.
pub const ZONE_DATABASE: &str = tables::RELEASE;

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
        let (changes, offsets) = self.changes();
        // The first is at `i64::MIN`.
        let passed = changes.partition_point(|change| *change <= at);
        offset(offsets[passed - 1])
    }

    pub(super) fn around(self, at: i64) -> Around {
        let (changes, offsets) = self.changes();
        let passed = changes.partition_point(|change| *change <= at);
        Around {
            offset: offset(offsets[passed - 1]),
            change: changes.get(passed).map(|change| (*change, offset(offsets[passed]))),
        }
    }

    fn changes(self) -> (&'static [i64], &'static [u16]) {
        let zone = usize::from(self.0);
        let range = tables::STARTS[zone] as usize..tables::STARTS[zone + 1] as usize;
        (&tables::CHANGES[range.clone()], &tables::OFFSETS_FROM[range])
    }
}

fn offset(index: u16) -> i32 {
    tables::OFFSETS[usize::from(index)]
}
