//! Warnings about a valid recurrence rule.

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
}

impl Warning {
    #[must_use]
    pub fn message(&self, language: Language) -> String {
        match self {
            Self::NeverMatches => text::warning_never_matches(language).to_owned(),
            Self::NoneLeft { last } => text::warning_none_left(language, last),
            Self::SkippedHour { local } => text::warning_gap(language, local),
            Self::RepeatedHour { local } => text::warning_fold(language, local),
        }
    }
}
