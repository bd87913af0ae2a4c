//! Parses a recurrence rule and a time of day.
//!
//! RFC 5545, sections 3.3.4, 3.3.5 and 3.3.10, restricted as `docs/recurrence.md` says.

use std::borrow::Cow;

use chrono::{NaiveDate, NaiveTime};

use super::error::{RecurrenceError, RecurrenceErrorKind as Kind};
use super::rule::{ByDay, Frequency, LocalTime, Months, Rule, RuleEnd, SetPositions};

type Parsed<T> = Result<T, RecurrenceError>;

/// The first date that `DTSTART` can express.
const FIRST_DATE: NaiveDate = NaiveDate::from_ymd_opt(1, 1, 1).unwrap();

pub(crate) const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// Parses `DTSTART` and `RRULE`, or the rule alone. Without `DTSTART`, `anchor` at 00:00:00 takes its place.
pub(super) fn rule(text: &str, anchor: NaiveDate) -> Parsed<Rule> {
    let text = unfolded(text);
    let (dtstart, parts) = properties(&text)?;
    let start = dtstart.unwrap_or(LocalTime {
        date: anchor.max(FIRST_DATE),
        second_of_day: 0,
    });
    let frequency = frequency(parts.freq)?;
    let end = end(parts.count, parts.until)?;
    let by_day = parts.by_day.map(|value| by_day(value, frequency)).transpose()?;
    let by_month = parts.by_month.map(by_month).transpose()?;
    let by_set_position = parts
        .by_set_position
        .map(|value| by_set_position(value, frequency))
        .transpose()?;
    time_parts(&parts, start)?;
    let interval = parts.interval.map_or(Ok(1), interval)?;
    week_start(parts.week_start, frequency, interval)?;
    Ok(Rule {
        has_dtstart: dtstart.is_some(),
        start,
        frequency,
        interval,
        end,
        by_day,
        by_month,
        by_set_position,
    })
}

/// Parses `HH:MM:SS`, from 00:00:00 to 23:59:59.
pub(crate) fn time_of_day(text: &str) -> Parsed<NaiveTime> {
    let time = match text.as_bytes() {
        [h1, h2, b':', m1, m2, b':', s1, s2] => clock_time(&[*h1, *h2, *m1, *m2, *s1, *s2]),
        _ => None,
    };
    time.and_then(|second_of_day| NaiveTime::from_num_seconds_from_midnight_opt(second_of_day, 0))
        .ok_or_else(|| RecurrenceError::new(Kind::TimeInvalid, text))
}

/// The values of the rule parts, unparsed.
#[derive(Default)]
struct Parts<'a> {
    freq: Option<&'a str>,
    interval: Option<&'a str>,
    count: Option<&'a str>,
    until: Option<&'a str>,
    by_day: Option<&'a str>,
    by_month: Option<&'a str>,
    by_set_position: Option<&'a str>,
    by_hour: Option<&'a str>,
    by_minute: Option<&'a str>,
    by_second: Option<&'a str>,
    week_start: Option<&'a str>,
}

/// The text with its folded lines joined. Calendar libraries fold lines of more than 75 octets with a line break and one white space
/// (RFC 5545, section 3.1).
///
/// Clients also indent the lines of a rule, so a line that begins a property is not a continuation.
fn unfolded(text: &str) -> Cow<'_, str> {
    const PROPERTIES: [&str; 5] = ["DTSTART", "RRULE", "RDATE", "EXDATE", "EXRULE"];
    let begins = |before: &str, line: &str| {
        let line = line.trim_matches([' ', '\t', '\r']);
        let name = line.split([':', ';', '=']).next().unwrap_or(line);
        // A rule without its name. In the middle of a rule, it is one of its parts.
        let bare_rule = name.eq_ignore_ascii_case("FREQ") && !before.trim_end_matches('\r').ends_with([':', ';']);
        bare_rule || PROPERTIES.iter().any(|known| known.eq_ignore_ascii_case(name))
    };
    if !text.contains("\n ") && !text.contains("\n\t") {
        return Cow::Borrowed(text);
    }
    let mut joined = String::with_capacity(text.len());
    for (number, line) in text.split('\n').enumerate() {
        match line.strip_prefix([' ', '\t']) {
            Some(rest) if number > 0 && !begins(&joined, line) => {
                let end = joined.strip_suffix('\r').unwrap_or(&joined).len();
                joined.truncate(end);
                joined.push_str(rest);
            }
            _ => {
                if number > 0 {
                    joined.push('\n');
                }
                joined.push_str(line);
            }
        }
    }
    Cow::Owned(joined)
}

fn properties(text: &str) -> Parsed<(Option<LocalTime>, Parts<'_>)> {
    let mut dtstart = None;
    let mut parts = None;
    let mut lines = text
        .split([' ', '\t', '\r', '\n'])
        .filter(|line| !line.is_empty())
        .peekable();
    if lines.peek().is_none() {
        return Err(RecurrenceError::new(Kind::RuleEmpty, text));
    }
    for line in lines {
        let (name, value) = match line.split_once(':') {
            Some(property) => property,
            // The name of the rule can be omitted.
            None if line.contains('=') => ("RRULE", line),
            None => return Err(RecurrenceError::new(Kind::TextNotUnderstood, line)),
        };
        if name.eq_ignore_ascii_case("RRULE") {
            if parts.is_some() {
                return Err(RecurrenceError::new(Kind::RuleRepeated, line));
            }
            parts = Some(Parts::parse(value)?);
        } else if name.get(..7).is_some_and(|name| name.eq_ignore_ascii_case("DTSTART")) {
            if dtstart.is_some() {
                return Err(RecurrenceError::new(Kind::StartRepeated, line));
            }
            dtstart = Some(start(&name[7..], value, line)?);
        } else {
            return Err(RecurrenceError::new(Kind::PropertyNotSupported, name));
        }
    }
    let parts = parts.ok_or_else(|| RecurrenceError::new(Kind::RuleMissing, text.trim()))?;
    Ok((dtstart, parts))
}

/// Parses a `DTSTART`. `parameters` is the text between its name and the colon.
fn start(parameters: &str, value: &str, line: &str) -> Parsed<LocalTime> {
    let midnight = || date(value).map(|date| LocalTime { date, second_of_day: 0 });
    let start = match parameters.to_ascii_uppercase().as_str() {
        // Eight digits can only be a date, and clients omit `VALUE=DATE`.
        "" => date_time(value).or_else(midnight),
        ";VALUE=DATE-TIME" => date_time(value),
        ";VALUE=DATE" => midnight(),
        _ => None,
    };
    start.ok_or_else(|| {
        let has_zone = value.ends_with(['Z', 'z'])
            || parameters
                .get(..6)
                .is_some_and(|parameter| parameter.eq_ignore_ascii_case(";TZID="));
        RecurrenceError::new(
            if has_zone {
                Kind::StartHasZone
            } else {
                Kind::StartInvalid
            },
            line,
        )
    })
}

impl<'a> Parts<'a> {
    fn parse(rule: &'a str) -> Parsed<Self> {
        let rule = rule.strip_suffix(';').unwrap_or(rule);
        if rule.is_empty() {
            return Err(RecurrenceError::new(Kind::RuleEmpty, rule));
        }
        let mut parts = Self::default();
        for part in rule.split(';') {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| RecurrenceError::new(Kind::PartMalformed, if part.is_empty() { rule } else { part }))?;
            if name.eq_ignore_ascii_case("BYMONTHDAY") {
                return Err(RecurrenceError::new(Kind::MonthDayNotSupported, part));
            }
            let value_of_part = parts
                .named(name)
                .ok_or_else(|| RecurrenceError::new(Kind::PartNotSupported, name))?;
            if value_of_part.replace(value).is_some() {
                return Err(RecurrenceError::new(Kind::PartRepeated, part));
            }
        }
        Ok(parts)
    }

    fn named(&mut self, name: &str) -> Option<&mut Option<&'a str>> {
        let named = [
            ("FREQ", &mut self.freq),
            ("INTERVAL", &mut self.interval),
            ("BYDAY", &mut self.by_day),
            ("BYMONTH", &mut self.by_month),
            ("COUNT", &mut self.count),
            ("UNTIL", &mut self.until),
            ("BYSETPOS", &mut self.by_set_position),
            ("WKST", &mut self.week_start),
            ("BYHOUR", &mut self.by_hour),
            ("BYMINUTE", &mut self.by_minute),
            ("BYSECOND", &mut self.by_second),
        ];
        named
            .into_iter()
            .find_map(|(known, value)| known.eq_ignore_ascii_case(name).then_some(value))
    }
}

fn frequency(value: Option<&str>) -> Parsed<Frequency> {
    let value = value.ok_or_else(|| RecurrenceError::new(Kind::FrequencyMissing, ""))?;
    let known = [
        ("DAILY", Frequency::Daily),
        ("WEEKLY", Frequency::Weekly),
        ("MONTHLY", Frequency::Monthly),
        ("YEARLY", Frequency::Yearly),
    ];
    known
        .into_iter()
        .find_map(|(name, frequency)| name.eq_ignore_ascii_case(value).then_some(frequency))
        .ok_or_else(|| RecurrenceError::new(Kind::FrequencyNotSupported, value))
}

fn interval(value: &str) -> Parsed<u32> {
    number(value)
        .filter(|interval| *interval > 0)
        .map(|interval| u32::try_from(interval).unwrap_or(u32::MAX))
        .ok_or_else(|| RecurrenceError::new(Kind::IntervalInvalid, value))
}

fn end(count: Option<&str>, until: Option<&str>) -> Parsed<RuleEnd> {
    match (count, until) {
        (None, None) => Ok(RuleEnd::Never),
        (Some(_), Some(until)) => Err(RecurrenceError::new(Kind::CountAndUntil, until)),
        (Some(count), None) => number(count)
            .map(RuleEnd::Count)
            .ok_or_else(|| RecurrenceError::new(Kind::CountInvalid, count)),
        (None, Some(until)) => {
            let midnight = || date(until).map(|date| LocalTime { date, second_of_day: 0 });
            let kind = if until.ends_with(['Z', 'z']) {
                Kind::UntilHasZone
            } else {
                Kind::UntilInvalid
            };
            date_time(until)
                .or_else(midnight)
                .map(RuleEnd::Until)
                .ok_or_else(|| RecurrenceError::new(kind, until))
        }
    }
}

fn by_day(value: &str, frequency: Frequency) -> Parsed<ByDay> {
    let mut by_day = ByDay::default();
    for entry in value.split(',') {
        let invalid = || RecurrenceError::new(Kind::ByDayInvalid, entry);
        let (ordinal, name) = entry
            .split_at_checked(entry.len().wrapping_sub(2))
            .ok_or_else(invalid)?;
        let weekday = (0..)
            .zip(WEEKDAYS)
            .find_map(|(weekday, known)| known.eq_ignore_ascii_case(name).then_some(weekday));
        let weekday: u8 = weekday.ok_or_else(invalid)?;
        if ordinal.is_empty() {
            by_day.weekdays |= 1 << weekday;
            continue;
        }
        let ordinal = signed(ordinal, 2)
            .filter(|ordinal| matches!(ordinal, -53..=-1 | 1..=53))
            .ok_or_else(invalid)?;
        if matches!(frequency, Frequency::Daily | Frequency::Weekly) {
            return Err(RecurrenceError::new(Kind::OrdinalNotAllowed, entry));
        }
        by_day.ordinals.insert(ordinal, weekday);
    }
    Ok(by_day)
}

fn by_month(value: &str) -> Parsed<Months> {
    let mut months = Months::default();
    for entry in value.split(',') {
        match number(entry).filter(|_| entry.len() <= 2) {
            Some(month @ 1..=12) => months.0 |= 1 << (month - 1),
            _ => return Err(RecurrenceError::new(Kind::ByMonthInvalid, entry)),
        }
    }
    Ok(months)
}

fn by_set_position(value: &str, frequency: Frequency) -> Parsed<SetPositions> {
    if matches!(frequency, Frequency::Daily | Frequency::Weekly) {
        return Err(RecurrenceError::new(Kind::SetPositionNotAllowed, value));
    }
    let mut positions = SetPositions::default();
    for entry in value.split(',') {
        let position = signed(entry, 3)
            .filter(|position| matches!(position, -366..=-1 | 1..=366))
            .ok_or_else(|| RecurrenceError::new(Kind::SetPositionInvalid, entry))?;
        positions.insert(position);
    }
    Ok(positions)
}

/// Weeks start on Monday. Another start changes the dates only if `INTERVAL` skips weeks.
fn week_start(value: Option<&str>, frequency: Frequency, interval: u32) -> Parsed<()> {
    let Some(value) = value else { return Ok(()) };
    if !WEEKDAYS.iter().any(|weekday| weekday.eq_ignore_ascii_case(value)) {
        return Err(RecurrenceError::new(Kind::WeekStartInvalid, value));
    }
    if frequency == Frequency::Weekly && interval > 1 && !value.eq_ignore_ascii_case("MO") {
        return Err(RecurrenceError::new(Kind::WeekStartNotMonday, value));
    }
    Ok(())
}

/// `BYHOUR`, `BYMINUTE` and `BYSECOND` can only repeat the time of `DTSTART`.
fn time_parts(parts: &Parts<'_>, start: LocalTime) -> Parsed<()> {
    let second = start.second_of_day;
    let expected = [
        (parts.by_hour, second / 3600),
        (parts.by_minute, second / 60 % 60),
        (parts.by_second, second % 60),
    ];
    for (value, expected) in expected {
        let Some(value) = value else { continue };
        let same = |entry: &str| entry.len() <= 2 && number(entry) == Some(expected.into());
        if !value.split(',').all(same) {
            return Err(RecurrenceError::new(Kind::TimePartDiffers, value));
        }
    }
    Ok(())
}

/// Parses ASCII digits. A number that does not fit is `u64::MAX`.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.bytes().try_fold(0_u64, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number.saturating_mul(10).saturating_add(u64::from(byte - b'0')))
    })
}

/// Parses a number of at most `digits` digits with an optional sign.
fn signed(text: &str, digits: usize) -> Option<i16> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let size = number(text).filter(|_| text.len() <= digits)?;
    let size = i16::try_from(size).ok()?;
    Some(if negative { -size } else { size })
}

/// Parses `YYYYMMDD`, from the year 0001 on.
fn date(text: &str) -> Option<NaiveDate> {
    let &[y1, y2, y3, y4, m1, m2, d1, d2] = text.as_bytes() else {
        return None;
    };
    let year = two_digits(y1, y2)? * 100 + two_digits(y3, y4)?;
    NaiveDate::from_ymd_opt(year.cast_signed(), two_digits(m1, m2)?, two_digits(d1, d2)?).filter(|_| year > 0)
}

/// Parses `YYYYMMDDTHHMMSS`.
fn date_time(text: &str) -> Option<LocalTime> {
    let (day, time) = text.split_at_checked(8)?;
    let &[b'T' | b't', ref time @ ..] = time.as_bytes() else {
        return None;
    };
    Some(LocalTime {
        date: date(day)?,
        second_of_day: clock_time(time.try_into().ok()?)?,
    })
}

/// The second of the day at `HHMMSS`.
fn clock_time(&[h1, h2, m1, m2, s1, s2]: &[u8; 6]) -> Option<u32> {
    let (hour, minute, second) = (two_digits(h1, h2)?, two_digits(m1, m2)?, two_digits(s1, s2)?);
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

fn two_digits(tens: u8, ones: u8) -> Option<u32> {
    let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
    digits.then(|| u32::from(tens - b'0') * 10 + u32::from(ones - b'0'))
}
