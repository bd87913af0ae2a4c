//! Which bytes of a file a request asks for (RFC 9110, 14).

use axum::http::HeaderMap;
use axum::http::header::{IF_RANGE, RANGE};

/// The bytes that are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// No range is asked for, or several, or none that can be read: all may be answered so.
    Whole,
    /// Both included.
    Part { first: u64, last: u64 },
    /// None of the bytes that are asked for is there.
    Nothing,
}

impl Wanted {
    /// Of a file of this size and tag.
    pub fn of(headers: &HeaderMap, size: u64, tag: &str) -> Self {
        // With a tag of another version, or with a date, which no file of ours has, the ranges do not count.
        let mut conditions = headers.get_all(IF_RANGE).iter();
        if conditions.any(|condition| condition.as_bytes().trim_ascii() != tag.as_bytes()) {
            return Self::Whole;
        }
        let mut lines = headers.get_all(RANGE).iter();
        match (lines.next().and_then(|line| line.to_str().ok()), lines.next()) {
            (Some(line), None) => Self::read(line, size).unwrap_or(Self::Whole),
            _ => Self::Whole,
        }
    }

    /// None: not one range of bytes.
    fn read(line: &str, size: u64) -> Option<Self> {
        let (unit, ranges) = line.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let mut ranges = ranges.split(',').map(str::trim).filter(|range| !range.is_empty());
        let (range, None) = (ranges.next()?, ranges.next()) else {
            return None;
        };
        let (first, last) = match range.split_once('-')? {
            ("", suffix) => match number(suffix)? {
                0 => return Some(Self::Nothing),
                suffix => (size.saturating_sub(suffix), u64::MAX),
            },
            (first, "") => (number(first)?, u64::MAX),
            (first, last) => (number(first)?, number(last)?),
        };
        if last < first {
            return None;
        }
        if first >= size {
            return Some(Self::Nothing);
        }
        let last = last.min(size - 1);
        Some(Self::Part { first, last })
    }
}

/// Digits; more than fit are the highest number.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const TAG: &str = "\"a\"";

    fn wanted(size: u64, lines: &[(axum::http::HeaderName, &str)]) -> Wanted {
        let lines = lines
            .iter()
            .map(|(name, line)| (name.clone(), HeaderValue::from_str(line).expect("text")));
        Wanted::of(&lines.collect(), size, TAG)
    }

    fn part(first: u64, last: u64) -> Wanted {
        Wanted::Part { first, last }
    }

    #[test]
    fn one_range_is_its_bytes_as_far_as_they_are_there() {
        for (line, bytes) in [
            ("bytes=0-0", part(0, 0)),
            ("bytes=0-9", part(0, 9)),
            ("bytes=2-5", part(2, 5)),
            ("bytes=9-9", part(9, 9)),
            ("bytes=9-10", part(9, 9)),
            ("bytes=2-", part(2, 9)),
            ("bytes=-1", part(9, 9)),
            ("bytes=-10", part(0, 9)),
            ("bytes=-11", part(0, 9)),
            ("bytes=5-99999999999999999999999", part(5, 9)),
            ("BYTES = 2-5 ,", part(2, 5)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=10-11", Wanted::Nothing),
            ("bytes=99999999999999999999999-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
        ] {
            assert_eq!(wanted(10, &[(RANGE, line)]), bytes, "{line}");
        }
        for line in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
            assert_eq!(wanted(0, &[(RANGE, line)]), Wanted::Nothing, "{line} of an empty file");
        }
    }

    #[test]
    fn several_ranges_and_what_is_none_are_answered_whole() {
        for line in [
            "bytes=0-1,3-4",
            "bytes=",
            "bytes",
            "",
            "0-1",
            "rows=0-1",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=-",
            "bytes=1",
            "bytes=0x1-2",
            "bytes= 1 - 2",
        ] {
            assert_eq!(wanted(10, &[(RANGE, line)]), Wanted::Whole, "{line}");
        }
        assert_eq!(wanted(10, &[]), Wanted::Whole);
        assert_eq!(wanted(10, &[(RANGE, "bytes=0-1"), (RANGE, "bytes=0-1")]), Wanted::Whole);
    }

    #[test]
    fn a_range_counts_only_for_the_version_that_the_client_has() {
        let with = |condition| wanted(10, &[(RANGE, "bytes=2-5"), (IF_RANGE, condition)]);
        assert_eq!(with(TAG), part(2, 5));
        for other in ["\"b\"", "W/\"a\"", "Mon, 30 Nov 2026 12:00:00 GMT", "", "*"] {
            assert_eq!(with(other), Wanted::Whole, "{other}");
        }
    }
}
