//! Warnings about a valid recurrence rule.

use chrono::NaiveDate;

use super::quoted;
use crate::language::Language;
use crate::text;

/// Something unexpected about a valid recurrence rule. Local times are `YYYY-MM-DDTHH:MM:SS`, with the offset in `NoneLeft`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The rule has no occurrence.
    NeverMatches,
    /// The last occurrence was at this local time.
    NoneLeft { last: String },
    /// This local time falls in a gap: it does not exist.
    SkippedHour { local: String },
    /// This local time falls in a fold: it exists twice.
    RepeatedHour { local: String },
    /// `UNTIL` is on this day, which would be a due date, and before the time of day of `DTSTART`.
    UntilEndsEarly { day: NaiveDate },
    /// The rule has this day of the month, which some of its months do not have.
    SkipsMonths { day: i16 },
    /// A field or an entry of the form that is not known.
    UnknownField(String),
    /// The schedule is paused without an end.
    Paused,
}

impl Warning {
    /// The machine-readable code, in kebab-case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NeverMatches => "never-matches",
            Self::NoneLeft { .. } => "none-left",
            Self::SkippedHour { .. } => "skipped-hour",
            Self::RepeatedHour { .. } => "repeated-hour",
            Self::UntilEndsEarly { .. } => "until-ends-early",
            Self::SkipsMonths { .. } => "skips-months",
            Self::UnknownField(_) => "unknown-field",
            Self::Paused => "paused",
        }
    }

    #[must_use]
    pub fn message(&self, language: Language) -> String {
        match self {
            Self::NeverMatches => text::warning_never_matches(language).to_owned(),
            Self::NoneLeft { last } => text::warning_none_left(language, last),
            Self::SkippedHour { local } => text::warning_gap(language, local),
            Self::RepeatedHour { local } => text::warning_fold(language, local),
            Self::UntilEndsEarly { day } => text::warning_until(language, &day.to_string()),
            Self::SkipsMonths { day } => text::warning_skips_months(language, &day.to_string()),
            Self::UnknownField(name) => text::warning_unknown_field(language, &quoted(name, language)),
            Self::Paused => text::paused_open(language).to_owned(),
        }
    }
}
