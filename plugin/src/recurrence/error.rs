//! Errors of a recurrence rule, a time of day or a time zone.

use std::fmt;

use crate::language::Language;
use crate::message::excerpt;
use crate::text;

/// The input that an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecurrenceField {
    Rule,
    Time,
    Zone,
}

/// An error in one input of a [`Recurrence`](super::Recurrence).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecurrenceError {
    kind: RecurrenceErrorKind,
    /// Of the invalid text.
    excerpt: String,
}

/// What is wrong with the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecurrenceErrorKind {
    /// No rule, or only white space.
    RuleEmpty,
    /// A `DTSTART` without `RRULE`.
    RuleMissing,
    RuleRepeated,
    /// A line that is not a property, such as `daily` or a cron expression.
    TextNotUnderstood,
    /// A property other than `DTSTART` and `RRULE`, such as `EXDATE`.
    PropertyNotSupported,
    StartInvalid,
    /// `DTSTART` in UTC or with `TZID`, although the schedule has its own zone.
    StartHasZone,
    StartRepeated,
    /// A rule part that is not `NAME=VALUE`.
    PartMalformed,
    PartNotSupported,
    /// `BYMONTHDAY`: other rule parts can express the same dates.
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
    /// `WKST` is not a weekday.
    WeekStartInvalid,
    /// `WKST` is not Monday, and the rule would have other dates for it.
    WeekStartNotMonday,
    /// `BYHOUR`, `BYMINUTE` or `BYSECOND` differs from the time of day of `DTSTART`.
    TimePartDiffers,
    TimeInvalid,
    ZoneUnknown,
}

impl RecurrenceErrorKind {
    fn code(self) -> &'static str {
        match self {
            Self::RuleEmpty => "rule-empty",
            Self::RuleMissing => "rule-missing",
            Self::RuleRepeated => "rule-repeated",
            Self::TextNotUnderstood => "invalid-syntax",
            Self::PropertyNotSupported => "property-not-supported",
            Self::StartInvalid => "dtstart-invalid",
            Self::StartHasZone => "dtstart-has-zone",
            Self::StartRepeated => "dtstart-repeated",
            Self::PartMalformed => "part-malformed",
            Self::PartNotSupported | Self::MonthDayNotSupported => "part-not-supported",
            Self::PartRepeated => "part-repeated",
            Self::FrequencyMissing => "freq-missing",
            Self::FrequencyNotSupported => "freq-not-supported",
            Self::IntervalInvalid => "interval-invalid",
            Self::CountInvalid => "count-invalid",
            Self::UntilInvalid => "until-invalid",
            Self::UntilHasZone => "until-has-zone",
            Self::CountAndUntil => "count-and-until",
            Self::ByDayInvalid => "byday-invalid",
            Self::OrdinalNotAllowed => "byday-ordinal-not-allowed",
            Self::ByMonthInvalid => "bymonth-invalid",
            Self::SetPositionInvalid => "bysetpos-invalid",
            Self::SetPositionNotAllowed => "bysetpos-not-allowed",
            Self::WeekStartInvalid => "wkst-invalid",
            Self::WeekStartNotMonday => "wkst-not-monday",
            Self::TimePartDiffers => "time-part-mismatch",
            Self::TimeInvalid => "invalid-time",
            Self::ZoneUnknown => "unknown-time-zone",
        }
    }

    fn message(self, wrong: &str, language: Language) -> String {
        match self {
            Self::RuleEmpty => text::rule_empty(language).to_owned(),
            Self::RuleMissing => text::rule_missing(language, wrong),
            Self::RuleRepeated => text::rule_repeated(language, wrong),
            Self::TextNotUnderstood => text::rule_invalid_syntax(language, wrong),
            Self::PropertyNotSupported => text::rule_property_not_supported(language, wrong),
            Self::StartInvalid => text::rule_start_invalid(language, wrong),
            Self::StartHasZone => text::rule_start_has_zone(language, wrong),
            Self::StartRepeated => text::rule_start_repeated(language, wrong),
            Self::PartMalformed => text::rule_part_malformed(language, wrong),
            Self::PartNotSupported => text::rule_part_not_supported(language, wrong),
            Self::MonthDayNotSupported => text::rule_month_day_not_supported(language, wrong),
            Self::PartRepeated => text::rule_part_repeated(language, wrong),
            Self::FrequencyMissing => text::rule_frequency_missing(language).to_owned(),
            Self::FrequencyNotSupported => text::rule_frequency_not_supported(language, wrong),
            Self::IntervalInvalid => text::rule_interval_invalid(language, wrong),
            Self::CountInvalid => text::rule_count_invalid(language, wrong),
            Self::UntilInvalid => text::rule_until_invalid(language, wrong),
            Self::UntilHasZone => text::rule_until_has_zone(language, wrong),
            Self::CountAndUntil => text::rule_count_and_until(language, wrong),
            Self::ByDayInvalid => text::rule_by_day_invalid(language, wrong),
            Self::OrdinalNotAllowed => text::rule_ordinal_not_allowed(language, wrong),
            Self::ByMonthInvalid => text::rule_by_month_invalid(language, wrong),
            Self::SetPositionInvalid => text::rule_set_position_invalid(language, wrong),
            Self::SetPositionNotAllowed => text::rule_set_position_not_allowed(language, wrong),
            Self::WeekStartInvalid => text::rule_week_start_invalid(language, wrong),
            Self::WeekStartNotMonday => text::rule_week_start_not_monday(language, wrong),
            Self::TimePartDiffers => text::rule_time_part_mismatch(language, wrong),
            Self::TimeInvalid => text::rule_time_invalid(language, wrong),
            Self::ZoneUnknown => text::rule_zone_unknown(language, wrong),
        }
    }
}

impl RecurrenceError {
    pub(crate) fn new(kind: RecurrenceErrorKind, wrong: &str) -> Self {
        Self {
            kind,
            excerpt: excerpt(wrong),
        }
    }

    /// What is wrong, for code that distinguishes cases.
    #[must_use]
    pub fn kind(&self) -> RecurrenceErrorKind {
        self.kind
    }

    /// The input that is wrong.
    #[must_use]
    pub fn field(&self) -> RecurrenceField {
        match self.kind {
            RecurrenceErrorKind::TimeInvalid => RecurrenceField::Time,
            RecurrenceErrorKind::ZoneUnknown => RecurrenceField::Zone,
            _ => RecurrenceField::Rule,
        }
    }

    /// The machine-readable code, in kebab-case. It stays the same when messages change.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// An excerpt of the invalid text.
    #[must_use]
    pub fn given(&self) -> &str {
        &self.excerpt
    }

    /// One or two sentences: what is wrong, and what is expected.
    #[must_use]
    pub fn message(&self, language: Language) -> String {
        self.kind.message(&self.excerpt, language)
    }
}

impl fmt::Display for RecurrenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message(Language::English))
    }
}

impl std::error::Error for RecurrenceError {}
