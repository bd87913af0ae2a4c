//! The value that a field expects, as the end of a sentence.

use crate::language::Language;
use crate::text;

/// The value that a field expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Text,
    Form,
    Boolean,
    Integer {
        smallest: i64,
        largest: i64,
    },
    Decimal,
    Date,
    DateTime,
    DateRange,
    Texts,
    Integers,
    /// The picks of a recurrence rule.
    Picks,
    Events,
    Addresses,
    Any,
}

impl Expected {
    /// Parameters of an error: what is expected, and the limits of a number.
    pub(super) fn params(self) -> Vec<(&'static str, String)> {
        let expected = match self {
            Self::Integer { smallest, largest } => {
                return vec![
                    ("expected", "integer".to_owned()),
                    ("min", smallest.to_string()),
                    ("max", largest.to_string()),
                ];
            }
            Self::Text => "string",
            Self::Form => "form",
            Self::Boolean => "boolean",
            Self::Decimal => "decimal",
            Self::Date => "date",
            Self::DateTime => "date-time",
            Self::DateRange => "date-range",
            Self::Texts => "strings",
            Self::Integers => "integers",
            Self::Picks => "picks",
            Self::Events => "events",
            Self::Addresses => "addresses",
            Self::Any => "any",
        };
        vec![("expected", expected.to_owned())]
    }

    pub(super) fn phrase(self, language: Language) -> String {
        let phrase = match self {
            Self::Integer { smallest, largest } => return text::expected_integer(language, largest, smallest),
            Self::Text => text::expected_text(language),
            Self::Form => text::expected_form(language),
            Self::Boolean => text::expected_boolean(language),
            Self::Decimal => text::expected_decimal(language),
            Self::Date => text::expected_date(language),
            Self::DateTime => text::expected_date_time(language),
            Self::DateRange => text::expected_date_range(language),
            Self::Texts => text::expected_texts(language),
            Self::Integers => text::expected_integers(language),
            Self::Picks => text::expected_picks(language),
            Self::Events => text::expected_events(language),
            Self::Addresses => text::expected_addresses(language),
            Self::Any => text::expected_any(language),
        };
        phrase.to_owned()
    }
}
