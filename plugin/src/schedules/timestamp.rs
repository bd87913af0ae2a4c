//! Timestamps in documents: RFC 3339 in UTC.

use chrono::{DateTime, Datelike as _, Timelike as _};
use serde::{Serialize, Serializer};

use crate::contract::Instant;
use crate::form::is_date_time;

/// An instant as `YYYY-MM-DDTHH:MM:SSZ`.
#[derive(Clone, Copy, Debug)]
pub(super) struct UtcTimestamp([u8; 20]);

impl UtcTimestamp {
    /// `None` outside the years 0 to 9999.
    pub(super) fn of(at: Instant) -> Option<Self> {
        let at = DateTime::from_timestamp(at, 0)?.naive_utc();
        let year = u32::try_from(at.year()).ok().filter(|year| *year <= 9999)?;
        let mut text = *b"0000-00-00T00:00:00Z";
        put(&mut text[..4], year);
        put(&mut text[5..7], at.month());
        put(&mut text[8..10], at.day());
        put(&mut text[11..13], at.hour());
        put(&mut text[14..16], at.minute());
        put(&mut text[17..19], at.second());
        Some(Self(text))
    }

    pub(super) fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Parses a date-time with an offset (RFC 3339). Fractions of a second are dropped.
pub(super) fn read(text: &str) -> Option<Instant> {
    let parsed = is_date_time(text).then(|| DateTime::parse_from_rfc3339(text).ok())?;
    parsed.map(|at| at.timestamp())
}

impl Serialize for UtcTimestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Writes a number with leading zeros.
fn put(digits: &mut [u8], mut number: u32) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_in_utc_and_beyond_four_digits_of_year_not_at_all() {
        for (at, want) in [
            (0, Some("1970-01-01T00:00:00Z")),
            (1_796_621_400, Some("2026-12-07T05:30:00Z")),
            (-62_167_219_200, Some("0000-01-01T00:00:00Z")),
            (-62_167_219_201, None),
            (253_402_300_799, Some("9999-12-31T23:59:59Z")),
            (253_402_300_800, None),
            (i64::MIN, None),
            (i64::MAX, None),
        ] {
            assert_eq!(UtcTimestamp::of(at).as_ref().map(UtcTimestamp::as_str), want, "{at}");
        }
    }
}
