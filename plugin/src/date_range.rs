//! Validates date ranges in a form. [`crate::named_range`] resolves them for a due time.

use chrono::NaiveDate;

use crate::language::Language;
use crate::named_range::{NAMED_RANGES, fixed};
use crate::text;

/// Why a text is not a date range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateRangeError {
    /// Neither a named range nor two existing dates.
    Unknown,
    /// The first day is after the last.
    Reversed,
}

impl DateRangeError {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Unknown => "invalid-date-range",
            Self::Reversed => "date-range-reversed",
        }
    }

    pub(crate) fn message(self, given: &str, language: Language) -> String {
        match self {
            Self::Unknown => text::range_unknown(language, given),
            Self::Reversed => text::range_reversed(language, given),
        }
    }
}

/// Checks that a text is one of [`NAMED_RANGES`], or `YYYY-MM-DD/YYYY-MM-DD` with either side optional; `/` has no limits.
///
/// # Errors
/// Why it is neither.
pub fn check(text: &str) -> Result<(), DateRangeError> {
    if NAMED_RANGES.contains(&text) || fixed(text).is_some() {
        return Ok(());
    }
    match text.split_once('/') {
        Some((first, last)) if fixed(&format!("{last}/{first}")).is_some() => Err(DateRangeError::Reversed),
        _ => Err(DateRangeError::Unknown),
    }
}

/// Parses `YYYY-MM-DD`.
#[must_use]
pub fn day(text: &str) -> Option<NaiveDate> {
    if text.ends_with('/') {
        return None;
    }
    fixed(&format!("{text}/")).and_then(|(first, _)| first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_and_dates_in_order_are_date_ranges() {
        for frame in NAMED_RANGES {
            assert_eq!(check(frame), Ok(()), "{frame}");
        }
        for text in [
            "2026-01-01/2026-01-31",
            "2026-01-01/2026-01-01",
            "2026-01-01/",
            "/2028-02-29",
            "0001-01-01/9999-12-31",
            "/",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn other_texts_are_none_and_why_is_told_apart() {
        use DateRangeError::{Reversed, Unknown};
        for (text, why) in [
            ("2026-01-02/2026-01-01", Reversed),
            ("", Unknown),
            ("Past", Unknown),
            (" past", Unknown),
            ("week_last", Unknown),
            ("2026-01-01", Unknown),
            ("2026-02-29/", Unknown),
            ("2026-1-1/", Unknown),
            ("2026-01-31/2026-02-30", Unknown),
            ("//", Unknown),
            ("+026-01-01/", Unknown),
            ("2026-01-01/2026-01-02/", Unknown),
            ("2026-01-01 /", Unknown),
            ("٢٠٢٦-01-01/", Unknown),
            ("2026-01-01T00:00:00/", Unknown),
        ] {
            assert_eq!(check(text), Err(why), "{text}");
        }
    }

    #[test]
    fn a_day_is_one_date_and_nothing_else() {
        assert!(day("2028-02-29").is_some());
        for text in [
            "",
            "/",
            "2026-02-29",
            "2026-01-01/",
            "/2026-01-01",
            "2026-01-01/2026-01-02",
            "2026-01-01 ",
        ] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
