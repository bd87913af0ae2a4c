//! What would be right, as the end of a sentence.

use crate::language::Language;

/// What a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Text,
    Form,
    Boolean,
    Integer { smallest: i64, largest: i64 },
    Decimal,
    Date,
    DateTime,
    DateRange,
    Texts,
    Events,
    Addresses,
    Any,
}

impl Wanted {
    pub(super) fn words(self, language: Language) -> String {
        let (english, german) = match self {
            Self::Integer { smallest, largest } => {
                return language.pick(
                    format!("a whole number from {smallest} to {largest}, without quotation marks"),
                    format!("eine ganze Zahl von {smallest} bis {largest}, ohne Anführungszeichen"),
                );
            }
            Self::Text => ("a string", "eine Zeichenkette"),
            Self::Form => (
                "an object with the fields of the export",
                "ein Objekt mit den Feldern des Exports",
            ),
            Self::Boolean => ("true or false", "true oder false"),
            Self::Decimal => (
                "a string of at most 28 digits, such as \"12.50\" or \"-3\"",
                "eine Zeichenkette mit höchstens 28 Ziffern, etwa \"12.50\" oder \"-3\"",
            ),
            Self::Date => (
                "a date that exists, as a string: \"2026-01-31\"",
                "ein Datum, das es gibt, als Zeichenkette: \"2026-01-31\"",
            ),
            Self::DateTime => (
                "a date and time with its offset, as a string: \"2026-01-31T09:00:00+01:00\"",
                "ein Zeitpunkt mit Abstand zu UTC, als Zeichenkette: \"2026-01-31T09:00:00+01:00\"",
            ),
            Self::DateRange => (
                "a date range as a string, such as \"month_previous\" or \"2026-01-01/2026-01-31\"",
                "ein Zeitraum als Zeichenkette, etwa \"month_previous\" oder \"2026-01-01/2026-01-31\"",
            ),
            Self::Texts => ("a list of strings", "eine Liste von Zeichenketten"),
            Self::Events => (
                "a list of slugs of events, as strings",
                "eine Liste von Kurzformen von Veranstaltungen, als Zeichenketten",
            ),
            Self::Addresses => (
                "a string of addresses with commas between them, or \"\"",
                "eine Zeichenkette mit Adressen und Kommas dazwischen, oder \"\"",
            ),
            Self::Any => ("a value", "ein Wert"),
        };
        language.pick(english, german).to_owned()
    }
}
