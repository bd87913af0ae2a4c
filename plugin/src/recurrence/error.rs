//! What is wrong with a rule, a time of day or a zone, for programs and for people.

use std::fmt;

use crate::language::Language;
use crate::text;

/// How many characters of a wrong text a message repeats.
const QUOTED: usize = 60;

/// Which of the three texts an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Rule,
    Time,
    Zone,
}

/// One thing wrong with one part of a timetable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecurrenceError {
    fault: Fault,
    /// The wrong text, cut and escaped.
    quoted: String,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no rule, or nothing but white space.
    RuleEmpty,
    /// There is a `DTSTART`, but no `RRULE`.
    RuleMissing,
    RuleRepeated,
    /// A line that is no property, such as `daily` or a cron expression.
    TextNotUnderstood,
    /// A property other than `DTSTART` and `RRULE`, such as `EXDATE`.
    PropertyNotSupported,
    StartInvalid,
    /// `DTSTART` in UTC or with `TZID`; the schedule has its own zone.
    StartHasZone,
    StartRepeated,
    /// A part of the rule that is not `NAME=VALUE`.
    PartMalformed,
    PartNotSupported,
    /// `BYMONTHDAY`, which other parts can say.
    MonthDayNotSupported,
    PartRepeated,
    FrequencyMissing,
    FrequencyNotSupported,
    IntervalInvalid,
    CountInvalid,
    UntilInvalid,
    UntilHasZone,
    CountAndUntil,
    ByDayInvalid,
    /// An ordinal such as `1MO` with `DAILY` or `WEEKLY`.
    OrdinalNotAllowed,
    ByMonthInvalid,
    SetPositionInvalid,
    SetPositionNotAllowed,
    /// `WKST` is no weekday.
    WeekStartInvalid,
    /// Weeks start on Monday, and here another start would give other dates.
    WeekStartNotMonday,
    /// `BYHOUR`, `BYMINUTE` or `BYSECOND` is not the time of day of `DTSTART`.
    TimePartDiffers,
    TimeInvalid,
    ZoneUnknown,
}

impl RecurrenceError {
    pub(crate) fn new(fault: Fault, wrong: &str) -> Self {
        Self {
            fault,
            quoted: quote(wrong),
        }
    }

    /// What is wrong, for code that tells cases apart.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// The text that is wrong.
    #[must_use]
    pub fn part(&self) -> Part {
        match self.fault {
            Fault::TimeInvalid => Part::Time,
            Fault::ZoneUnknown => Part::Zone,
            _ => Part::Rule,
        }
    }

    /// A word for programs, in kebab-case. It stays the same when messages change.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.fault {
            Fault::RuleEmpty => "rule-empty",
            Fault::RuleMissing => "rule-missing",
            Fault::RuleRepeated => "rule-repeated",
            Fault::TextNotUnderstood => "invalid-syntax",
            Fault::PropertyNotSupported => "property-not-supported",
            Fault::StartInvalid => "dtstart-invalid",
            Fault::StartHasZone => "dtstart-has-zone",
            Fault::StartRepeated => "dtstart-repeated",
            Fault::PartMalformed => "part-malformed",
            Fault::PartNotSupported | Fault::MonthDayNotSupported => "part-not-supported",
            Fault::PartRepeated => "part-repeated",
            Fault::FrequencyMissing => "freq-missing",
            Fault::FrequencyNotSupported => "freq-not-supported",
            Fault::IntervalInvalid => "interval-invalid",
            Fault::CountInvalid => "count-invalid",
            Fault::UntilInvalid => "until-invalid",
            Fault::UntilHasZone => "until-has-zone",
            Fault::CountAndUntil => "count-and-until",
            Fault::ByDayInvalid => "byday-invalid",
            Fault::OrdinalNotAllowed => "byday-ordinal-not-allowed",
            Fault::ByMonthInvalid => "bymonth-invalid",
            Fault::SetPositionInvalid => "bysetpos-invalid",
            Fault::SetPositionNotAllowed => "bysetpos-not-allowed",
            Fault::WeekStartInvalid => "wkst-invalid",
            Fault::WeekStartNotMonday => "wkst-not-monday",
            Fault::TimePartDiffers => "time-part-mismatch",
            Fault::TimeInvalid => "invalid-time",
            Fault::ZoneUnknown => "unknown-time-zone",
        }
    }

    /// One or two sentences: what is wrong, and what would be right.
    #[must_use]
    pub fn message(&self, language: Language) -> String {
        let wrong = &self.quoted;
        match self.fault {
            Fault::RuleEmpty => text::rule_empty(language).to_owned(),
            Fault::RuleMissing => text::rule_missing(language, wrong),
            Fault::RuleRepeated => text::rule_repeated(language, wrong),
            Fault::TextNotUnderstood => text::rule_invalid_syntax(language, wrong),
            Fault::PropertyNotSupported => text::rule_property_not_supported(language, wrong),
            Fault::StartInvalid => text::rule_start_invalid(language, wrong),
            Fault::StartHasZone => text::rule_start_has_zone(language, wrong),
            Fault::StartRepeated => text::rule_start_repeated(language, wrong),
            Fault::PartMalformed => text::rule_part_malformed(language, wrong),
            Fault::PartNotSupported => text::rule_part_not_supported(language, wrong),
            Fault::MonthDayNotSupported => text::rule_month_day_not_supported(language, wrong),
            Fault::PartRepeated => text::rule_part_repeated(language, wrong),
            Fault::FrequencyMissing => text::rule_frequency_missing(language).to_owned(),
            Fault::FrequencyNotSupported => text::rule_frequency_not_supported(language, wrong),
            Fault::IntervalInvalid => text::rule_interval_invalid(language, wrong),
            Fault::CountInvalid => text::rule_count_invalid(language, wrong),
            Fault::UntilInvalid => text::rule_until_invalid(language, wrong),
            Fault::UntilHasZone => text::rule_until_has_zone(language, wrong),
            Fault::CountAndUntil => text::rule_count_and_until(language, wrong),
            Fault::ByDayInvalid => text::rule_by_day_invalid(language, wrong),
            Fault::OrdinalNotAllowed => text::rule_ordinal_not_allowed(language, wrong),
            Fault::ByMonthInvalid => text::rule_by_month_invalid(language, wrong),
            Fault::SetPositionInvalid => text::rule_set_position_invalid(language, wrong),
            Fault::SetPositionNotAllowed => text::rule_set_position_not_allowed(language, wrong),
            Fault::WeekStartInvalid => text::rule_week_start_invalid(language, wrong),
            Fault::WeekStartNotMonday => text::rule_week_start_not_monday(language, wrong),
            Fault::TimePartDiffers => text::rule_time_part_mismatch(language, wrong),
            Fault::TimeInvalid => text::rule_time_invalid(language, wrong),
            Fault::ZoneUnknown => text::rule_zone_unknown(language, wrong),
        }
    }
}

impl fmt::Display for RecurrenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message(Language::English))
    }
}

impl std::error::Error for RecurrenceError {}

/// The text as it can stand in one line of a message: cut, and with control and invisible characters escaped.
fn quote(text: &str) -> String {
    let mut quoted = String::new();
    for character in text.chars().take(QUOTED) {
        if matches!(character, '"' | '\'' | '\\') {
            quoted.push(character);
        } else {
            quoted.extend(character.escape_debug());
        }
    }
    if text.chars().nth(QUOTED).is_some() {
        quoted.push('…');
    }
    quoted
}
