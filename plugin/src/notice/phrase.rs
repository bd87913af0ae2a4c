//! Parts of sentences: times, sizes, and text from users and servers.

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Timelike};

use crate::contract::Instant;
use crate::language::Language;
use crate::recurrence;
use crate::text;

/// `text` on one line of at most `max` characters (Unicode scalar values), for a mail.
///
/// Control characters, line separators and marks that change the writing direction become spaces; runs of spaces become one; a
/// text that is cut ends in `…`.
#[must_use]
pub fn one_line(text: &str, max: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    let mut blank = false;
    for character in text.chars() {
        if character.is_whitespace() || is_unsafe_in_text(character) {
            blank = true;
            continue;
        }
        let space = blank && length > 0;
        blank = false;
        if length + usize::from(space) + 1 > max {
            // The last character makes room for the ellipsis.
            while length >= max && line.pop().is_some() {
                length -= 1;
            }
            if max > 0 {
                line.push('…');
            }
            return line;
        }
        if space {
            line.push(' ');
            length += 1;
        }
        line.push(character);
        length += 1;
    }
    line
}

/// Whether a character breaks a line, or hides or reorders the text around it.
pub(crate) fn is_unsafe_in_text(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// `text` on one line, with every character visible: line breaks as `⏎`; other invisible characters, and runs of spaces, by code
/// point: `⟨U+202E⟩`, `⟨U+0020 × 12⟩`.
#[must_use]
pub fn plain(text: &str) -> String {
    const MAX_PLAIN_RUN: usize = 2;
    let mut line = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if !is_invisible(character) {
            line.push(character);
            continue;
        }
        let mut times = 1;
        while characters.next_if_eq(&character).is_some() {
            times += 1;
        }
        let number = u32::from(character);
        match character {
            ' ' if times <= MAX_PLAIN_RUN => line.extend(std::iter::repeat_n(' ', times)),
            '\n' if times <= MAX_PLAIN_RUN => line.extend(std::iter::repeat_n('⏎', times)),
            _ if times == 1 => line.push_str(&format!("⟨U+{number:04X}⟩")),
            _ => line.push_str(&format!("⟨U+{number:04X} × {times}⟩")),
        }
    }
    line
}

/// Whether a character is invisible, or moves other ones.
fn is_invisible(character: char) -> bool {
    character.is_whitespace()
        || is_unsafe_in_text(character)
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200c}' | '\u{200d}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}'
                | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0080}'..='\u{e0fff}'
        )
}

/// `at` in the local time of `zone`, an IANA name; in UTC if the time zone database does not have it.
///
/// `Tuesday, 27 October 2026, 04:00 (Europe/Berlin, UTC+01:00)`; seconds only if they are not 0.
#[must_use]
pub fn zoned_time(at: Instant, zone: &str, language: Language) -> String {
    let Some(utc) = DateTime::from_timestamp(at, 0).map(|at| at.naive_utc()) else {
        return format!("{at} s (UNIX)");
    };
    let placed = recurrence::zone(zone).and_then(|zone| {
        let offset = recurrence::offset_at(at, zone);
        Some((utc.checked_add_signed(TimeDelta::seconds(i64::from(offset)))?, offset))
    });
    let (local, place) = match placed {
        Some((local, 0)) if zone == "UTC" => (local, "UTC".to_owned()),
        Some((local, offset)) => (local, format!("{zone}, {}", utc_offset(offset))),
        None => (utc, "UTC".to_owned()),
    };
    text::time(language, &clock(local), &day(local, language), &place)
}

/// `04:00`; seconds only where they are not 0.
pub(crate) fn clock(local: impl Timelike) -> String {
    let minutes = format!("{:02}:{:02}", local.hour(), local.minute());
    if local.second() == 0 {
        minutes
    } else {
        format!("{minutes}:{:02}", local.second())
    }
}

/// `UTC+01:00`; seconds, which historical offsets have, only if they are not 0.
fn utc_offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let size = seconds.unsigned_abs();
    let (hours, minutes, seconds) = (size / 3600, size / 60 % 60, size % 60);
    if seconds == 0 {
        format!("UTC{sign}{hours:02}:{minutes:02}")
    } else {
        format!("UTC{sign}{hours:02}:{minutes:02}:{seconds:02}")
    }
}

fn day(local: NaiveDateTime, language: Language) -> String {
    let weekday = text::weekday(language, local.weekday().number_from_monday());
    let month = text::month(language, local.month());
    text::day(
        language,
        &local.day().to_string(),
        month,
        weekday,
        &local.year().to_string(),
    )
}

/// A number of bytes: `24.3 MB (24,312,551 bytes)`, or below 100 kB only the number in parentheses.
#[must_use]
pub fn size(bytes: u64, language: Language) -> String {
    let (point, group) = (text::decimal_separator(language), text::group_separator(language));
    let exact = text::bytes(language, bytes, &grouped(bytes, group));
    if bytes < 100_000 {
        return exact;
    }
    let tenths = bytes / 100_000;
    let megabytes = format!("{}{point}{}", grouped(tenths / 10, group), tenths % 10);
    text::size(language, &exact, &megabytes)
}

fn grouped(number: u64, separator: &str) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push_str(separator);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_others_wrote_stays_on_one_line_and_within_its_length() {
        assert_eq!(
            one_line("550 5.1.1\r\nBcc: x@example.com\t\u{202e}no\u{0}", 100),
            "550 5.1.1 Bcc: x@example.com no"
        );
        assert_eq!(one_line("  abc  ", 3), "abc");
        assert_eq!(one_line("abcd", 3), "ab…");
        assert_eq!(one_line("ab cd", 3), "ab…");
        assert_eq!(one_line("äöü", 3), "äöü");
        assert_eq!(one_line("abc", 0), "");
        assert_eq!(one_line("\u{2028}\n", 10), "");
    }

    #[test]
    fn a_moment_is_said_on_the_wall_clock_of_its_zone_with_the_offset_of_that_moment() {
        let autumn = 1_793_066_399; // 2026-10-27T01:59:59Z, two days after the clocks went back; by hand
        assert_eq!(
            zoned_time(autumn, "Europe/Berlin", Language::English),
            "Tuesday, 27 October 2026, 02:59:59 (Europe/Berlin, UTC+01:00)"
        );
        assert_eq!(
            zoned_time(autumn + 1, "Europe/Berlin", Language::German),
            "Dienstag, 27. Oktober 2026, 03:00 Uhr (Europe/Berlin, UTC+01:00)"
        );
        assert_eq!(
            zoned_time(autumn + 1, "America/St_Johns", Language::English),
            "Monday, 26 October 2026, 23:30 (America/St_Johns, UTC-02:30)"
        );
        assert_eq!(
            zoned_time(0, "UTC", Language::English),
            "Thursday, 1 January 1970, 00:00 (UTC)"
        );
        assert_eq!(
            zoned_time(0, "Mars/Olympus", Language::English),
            "Thursday, 1 January 1970, 00:00 (UTC)"
        );
    }

    #[test]
    fn a_moment_outside_the_calendar_has_words_too() {
        for at in [i64::MIN, i64::MAX, 8_210_266_876_799, -8_334_601_228_800] {
            for zone in ["Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"] {
                assert!(!zoned_time(at, zone, Language::English).is_empty());
            }
        }
    }

    #[test]
    fn a_size_is_said_in_megabytes_and_to_the_byte() {
        assert_eq!(size(24_312_551, Language::English), "24.3 MB (24,312,551 bytes)");
        assert_eq!(size(20_000_000, Language::German), "20,0 MB (20.000.000 Byte)");
        assert_eq!(size(99_999, Language::English), "99,999 bytes");
        assert_eq!(size(0, Language::English), "0 bytes");
        assert_eq!(size(1, Language::English), "1 byte");
        assert!(size(u64::MAX, Language::English).starts_with("18,446,744,073,709.5 MB"));
    }
}
