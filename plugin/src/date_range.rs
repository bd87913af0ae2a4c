//! Date ranges in a form: which texts are one. What they stand for at a due time is for the run to work out.

use chrono::NaiveDate;

use crate::language::Language;

/// Every named frame.
pub const FRAMES: [&str; 25] = [
    "days_today",
    "days_yesterday",
    "days_last7",
    "days_last14",
    "days_tomorrow",
    "days_next7",
    "days_next14",
    "week_this",
    "week_to_date",
    "week_previous",
    "week_next",
    "month_this",
    "month_to_date",
    "month_previous",
    "month_next",
    "quarter_this",
    "quarter_to_date",
    "quarter_previous",
    "quarter_next",
    "year_this",
    "year_to_date",
    "year_previous",
    "year_next",
    "past",
    "future",
];

/// Why a text is no date range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateRangeFault {
    /// Neither a frame nor two dates that exist.
    Unknown,
    /// The first day comes after the second.
    Backwards,
    /// `/`: no date on either side.
    Unbounded,
}

impl DateRangeFault {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Unknown => "not-a-date-range",
            Self::Backwards => "date-range-backwards",
            Self::Unbounded => "date-range-unbounded",
        }
    }

    pub(crate) fn message(self, given: &str, language: Language) -> String {
        match self {
            Self::Unknown => language.pick(
                format!("{given} is no date range. Right is a frame such as month_previous, or 2026-01-01/2026-01-31."),
                format!(
                    "{given} ist kein Zeitraum. Richtig ist ein Name wie month_previous, oder 2026-01-01/2026-01-31."
                ),
            ),
            Self::Backwards => language.pick(
                format!("{given} begins after its end. Right is the earlier day first."),
                format!("{given} beginnt nach dem Ende. Richtig ist der frühere Tag zuerst."),
            ),
            Self::Unbounded => language.pick(
                format!("{given} has no date. Right is a date on at least one side."),
                format!("{given} enthält kein Datum. Richtig ist ein Datum auf mindestens einer Seite."),
            ),
        }
    }
}

/// Whether a text is a named frame, or `YYYY-MM-DD/YYYY-MM-DD` with one side left empty at will.
///
/// # Errors
/// Why it is neither.
pub fn check(text: &str) -> Result<(), DateRangeFault> {
    if FRAMES.contains(&text) {
        return Ok(());
    }
    let (first, last) = text.split_once('/').ok_or(DateRangeFault::Unknown)?;
    let side = |text: &str| match text {
        "" => Ok(None),
        text => day(text).map(Some).ok_or(DateRangeFault::Unknown),
    };
    match (side(first)?, side(last)?) {
        (None, None) => Err(DateRangeFault::Unbounded),
        (Some(first), Some(last)) if first > last => Err(DateRangeFault::Backwards),
        _ => Ok(()),
    }
}

/// Reads `YYYY-MM-DD`, of the years 1 to 9999.
#[must_use]
pub fn day(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    let in_form = bytes.len() == 10
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !in_form {
        return None;
    }
    let year = text[..4].parse().ok().filter(|year| *year > 0)?;
    NaiveDate::from_ymd_opt(year, text[5..7].parse().ok()?, text[8..].parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_and_dates_in_order_are_date_ranges() {
        for frame in FRAMES {
            assert_eq!(check(frame), Ok(()), "{frame}");
        }
        for text in [
            "2026-01-01/2026-01-31",
            "2026-01-01/2026-01-01",
            "2026-01-01/",
            "/2028-02-29",
            "0001-01-01/9999-12-31",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn other_texts_are_none_and_why_is_told_apart() {
        use DateRangeFault::{Backwards, Unbounded, Unknown};
        for (text, why) in [
            ("/", Unbounded),
            ("2026-01-02/2026-01-01", Backwards),
            ("", Unknown),
            ("Past", Unknown),
            (" past", Unknown),
            ("week_last", Unknown),
            ("2026-01-01", Unknown),
            ("2026-02-29/", Unknown),
            ("2026-1-1/", Unknown),
            ("0000-01-01/", Unknown),
            ("+026-01-01/", Unknown),
            ("2026-01-01/2026-01-02/", Unknown),
            ("2026-01-01 /", Unknown),
            ("٢٠٢٦-01-01/", Unknown),
            ("2026-01-01T00:00:00/", Unknown),
        ] {
            assert_eq!(check(text), Err(why), "{text}");
        }
    }
}
