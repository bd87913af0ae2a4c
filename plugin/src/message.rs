//! API errors and warnings: what is wrong with a request and what is expected, and why a call is forbidden. The texts are in the
//! catalogs; the machine-readable codes are here.

mod expected;
mod forbidden;
mod malformed;
mod warning;

use serde_json::Value;

use crate::addresses::AddressError;
use crate::contract::FieldError;
use crate::date_range::DateRangeError;
use crate::language::Language;
use crate::text;

pub use self::expected::Expected;
pub use self::forbidden::Forbidden;
pub use self::malformed::malformed;
pub use self::warning::Warning;

/// Maximum number of characters of an invalid text that a message repeats.
const MAX_QUOTED_LEN: usize = 60;
/// Maximum number of characters of a parameter of an error.
const MAX_PARAM_LEN: usize = 500;

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq)]
pub enum ValidationError {
    /// Omitted, and without a default.
    Required(Expected),
    Null(Expected),
    /// A JSON value of another type.
    WrongType(Expected, JsonType),
    /// The document is valid JSON, but not an object.
    NotAnObject,
    /// The document, or the one to store, exceeds this number of bytes.
    TooLarge(usize),
    /// Only white space.
    Blank,
    TooLong {
        max: usize,
        given: usize,
    },
    LineBreak,
    /// A control character that is neither a line break nor a tab.
    ControlCharacter(char),
    InvalidTime(String),
    UnsupportedLanguage {
        given: String,
        languages: Vec<String>,
    },
    /// The zone of the event, or the organizer's default, which the caller cannot change here.
    UnknownDefaultZone(String),
    UnknownExporter(String),
    /// Permitted for the caller, but not for the owner.
    ExporterNotPermittedForOwner(String),
    /// The exporter of the form was removed, or is no longer permitted for the owner.
    ExporterRemoved(String),
    TooManyAddresses {
        max: usize,
        given: usize,
    },
    Address {
        given: String,
        why: AddressError,
    },
    DomainNotAllowed {
        given: String,
        domains: Vec<String>,
    },
    InvalidChoice {
        given: String,
        choices: Vec<String>,
    },
    /// A value that a list has more than once.
    Duplicate(String),
    EmptyList,
    OutOfRange {
        smallest: i64,
        largest: i64,
    },
    InvalidDecimal(String),
    InvalidDate(String),
    InvalidDateTime(String),
    DateRange {
        given: String,
        why: DateRangeError,
    },
    /// More than this number of nested lists and objects.
    TooDeep(usize),
    EventsNotPermitted(Vec<String>),
    EventsNotPermittedForOwner(Vec<String>),
    /// All events, including future ones, of which the caller is not permitted to use all.
    AllEventsNotPermitted,
    EventsConflict,
    EventsRequired,
    Quota(u32),
    /// Neither a date-time with an offset nor a date.
    InvalidPauseEnd(String),
    /// An instant that must be later than now.
    NotInFuture(String),
    /// More than this number of years ahead.
    TooFarAhead {
        given: String,
        years: u32,
    },
    /// An instant that must not be later than now.
    NotPast(String),
    /// Neither a due time of the rule nor in the run history.
    NeverDue(String),
    /// Neither `true` nor `false`.
    InvalidBoolean(String),
}

/// The type of a JSON value other than null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonType {
    Boolean,
    Number,
    String,
    Array,
    Object,
}

impl JsonType {
    /// The name in JSON Schema.
    fn code(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }

    fn name(self, language: Language) -> &'static str {
        match self {
            Self::Boolean => text::got_boolean(language),
            Self::Number => text::got_number(language),
            Self::String => text::got_string(language),
            Self::Array => text::got_array(language),
            Self::Object => text::got_object(language),
        }
    }
}

impl ValidationError {
    /// The error of the field at this path, with its message.
    #[must_use]
    pub fn at(&self, path: &[&str], language: Language) -> FieldError {
        FieldError {
            params: self.params(),
            path: path.iter().map(|&step| step.to_owned()).collect(),
            code: self.code().to_owned(),
            message: self.message(language),
        }
    }

    /// The values that the message names, under names that belong to the code. Lists are comma-separated.
    fn params(&self) -> Vec<(String, String)> {
        let given = |given: &str| ("given", given.to_owned());
        let params = match self {
            Self::Required(expected) | Self::Null(expected) => expected.params(),
            Self::WrongType(expected, got) => {
                let mut params = expected.params();
                params.push(("got", got.code().to_owned()));
                params
            }
            Self::TooLarge(max) | Self::TooDeep(max) => vec![("max", max.to_string())],
            Self::Quota(max) => vec![("max", max.to_string())],
            Self::TooLong { max, given } | Self::TooManyAddresses { max, given } => {
                vec![("max", max.to_string()), ("given", given.to_string())]
            }
            Self::ControlCharacter(found) => vec![("given", format!("U+{:04X}", u32::from(*found)))],
            Self::InvalidTime(text)
            | Self::UnknownDefaultZone(text)
            | Self::UnknownExporter(text)
            | Self::ExporterNotPermittedForOwner(text)
            | Self::ExporterRemoved(text)
            | Self::Address { given: text, .. }
            | Self::Duplicate(text)
            | Self::InvalidDecimal(text)
            | Self::InvalidDate(text)
            | Self::InvalidDateTime(text)
            | Self::DateRange { given: text, .. }
            | Self::InvalidPauseEnd(text)
            | Self::NotInFuture(text)
            | Self::NotPast(text)
            | Self::NeverDue(text)
            | Self::InvalidBoolean(text) => vec![given(text)],
            Self::UnsupportedLanguage { given: text, languages } => {
                vec![given(text), ("allowed", languages.join(","))]
            }
            Self::DomainNotAllowed { given: text, domains } => vec![given(text), ("allowed", domains.join(","))],
            Self::InvalidChoice { given: text, choices } => vec![given(text), ("allowed", choices.join(","))],
            Self::OutOfRange { smallest, largest } => {
                vec![("min", smallest.to_string()), ("max", largest.to_string())]
            }
            Self::EventsNotPermitted(slugs) | Self::EventsNotPermittedForOwner(slugs) => {
                vec![("given", slugs.join(","))]
            }
            Self::TooFarAhead { given: text, years } => vec![given(text), ("years", years.to_string())],
            Self::NotAnObject
            | Self::Blank
            | Self::LineBreak
            | Self::EmptyList
            | Self::AllEventsNotPermitted
            | Self::EventsConflict
            | Self::EventsRequired => Vec::new(),
        };
        let cut = |text: String| text.chars().take(MAX_PARAM_LEN).collect();
        params
            .into_iter()
            .map(|(name, value)| (name.to_owned(), cut(value)))
            .collect()
    }

    /// The error of a value of another type than expected, or of null.
    #[must_use]
    pub fn wrong_type(given: &Value, expected: Expected) -> Self {
        let kind = match given {
            Value::Null => return Self::Null(expected),
            Value::Bool(_) => JsonType::Boolean,
            Value::Number(_) => JsonType::Number,
            Value::String(_) => JsonType::String,
            Value::Array(_) => JsonType::Array,
            Value::Object(_) => JsonType::Object,
        };
        Self::WrongType(expected, kind)
    }

    /// The machine-readable code, in kebab-case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Required(_) => "required",
            Self::Null(_) => "null",
            Self::WrongType(..) => "wrong-type",
            Self::NotAnObject => "not-an-object",
            Self::TooLarge(_) => "too-large",
            Self::Blank => "blank",
            Self::TooLong { .. } => "too-long",
            Self::LineBreak => "line-break",
            Self::ControlCharacter(_) => "control-character",
            Self::InvalidTime(_) => "invalid-time",
            Self::UnsupportedLanguage { .. } => "unsupported-language",
            Self::UnknownDefaultZone(_) => "unknown-time-zone",
            Self::UnknownExporter(_) => "unknown-exporter",
            Self::ExporterNotPermittedForOwner(_) => "exporter-not-permitted-for-owner",
            Self::ExporterRemoved(_) => "exporter-removed",
            Self::TooManyAddresses { .. } => "too-many-addresses",
            Self::Address { why, .. } => why.code(),
            Self::DomainNotAllowed { .. } => "domain-not-allowed",
            Self::InvalidChoice { .. } => "invalid-choice",
            Self::Duplicate(_) => "duplicate",
            Self::EmptyList => "empty-list",
            Self::OutOfRange { .. } => "out-of-range",
            Self::InvalidDecimal(_) => "invalid-decimal",
            Self::InvalidDate(_) => "invalid-date",
            Self::InvalidDateTime(_) => "invalid-date-time",
            Self::DateRange { why, .. } => why.code(),
            Self::TooDeep(_) => "too-deep",
            Self::EventsNotPermitted(_) => "event-not-permitted",
            Self::EventsNotPermittedForOwner(_) => "event-not-permitted-for-owner",
            Self::AllEventsNotPermitted => "all-events-not-permitted",
            Self::EventsConflict => "events-conflict",
            Self::EventsRequired => "events-required",
            Self::Quota(_) => "quota-exceeded",
            Self::InvalidPauseEnd(_) => "invalid-date-time",
            Self::NotInFuture(_) => "not-in-future",
            Self::TooFarAhead { .. } => "too-far-ahead",
            Self::NotPast(_) => "not-past",
            Self::NeverDue(_) => "never-due",
            Self::InvalidBoolean(_) => "invalid-boolean",
        }
    }

    /// Says what is wrong, and what is expected.
    #[must_use]
    pub fn message(&self, language: Language) -> String {
        let quoted = |given: &str| quoted(given, language);
        match self {
            Self::Required(expected) => text::field_required(language, &expected.phrase(language)),
            Self::Null(expected) => text::field_null(language, &expected.phrase(language)),
            Self::WrongType(expected, got) => {
                text::field_wrong_type(language, &expected.phrase(language), got.name(language))
            }
            Self::NotAnObject => text::field_not_an_object(language).to_owned(),
            Self::TooLarge(max) => text::field_too_large(language, *max),
            Self::Blank => text::field_blank(language).to_owned(),
            Self::TooLong { max, given } => text::field_too_long(language, *given, *max),
            Self::LineBreak => text::field_line_break(language).to_owned(),
            Self::ControlCharacter(character) => {
                let code = u32::from(*character);
                text::field_control_character(language, &format!("U+{code:04X}"))
            }
            Self::InvalidTime(given) => text::field_invalid_time(language, &quoted(given)),
            Self::UnsupportedLanguage { given, languages } => {
                text::field_unsupported_language(language, &quoted(given), &listed(languages))
            }
            Self::UnknownDefaultZone(zone) => text::field_unknown_default_zone(language, &quoted(zone)),
            Self::UnknownExporter(given) => text::field_unknown_exporter(language, &quoted(given)),
            Self::ExporterNotPermittedForOwner(given) => {
                text::field_exporter_not_permitted_for_owner(language, &quoted(given))
            }
            Self::ExporterRemoved(given) => text::field_exporter_removed(language, &quoted(given)),
            Self::TooManyAddresses { max, given } => text::field_too_many_addresses(language, *given, *max),
            Self::Address { given, why } => why.message(&quoted(given), language),
            Self::DomainNotAllowed { given, domains } => {
                text::field_domain_not_allowed(language, &listed(domains), &quoted(given))
            }
            Self::InvalidChoice { given, choices } => {
                text::field_invalid_choice(language, &listed(choices), &quoted(given))
            }
            Self::Duplicate(given) => text::field_duplicate(language, &quoted(given)),
            Self::EmptyList => text::field_empty_list(language).to_owned(),
            Self::OutOfRange { smallest, largest } => text::field_out_of_range(language, *largest, *smallest),
            Self::InvalidDecimal(given) => text::field_invalid_decimal(language, &quoted(given)),
            Self::InvalidDate(given) => text::field_invalid_date(language, &quoted(given)),
            Self::InvalidDateTime(given) => text::field_invalid_date_time(language, &quoted(given)),
            Self::DateRange { given, why } => why.message(&quoted(given), language),
            Self::TooDeep(max) => text::field_too_deep(language, *max),
            Self::EventsNotPermitted(slugs) => text::field_event_not_permitted(language, &listed(slugs)),
            Self::EventsNotPermittedForOwner(slugs) => {
                text::field_event_not_permitted_for_owner(language, &listed(slugs))
            }
            Self::AllEventsNotPermitted => text::field_all_events_not_permitted(language).to_owned(),
            Self::EventsConflict => text::field_events_conflict(language).to_owned(),
            Self::EventsRequired => text::field_events_required(language).to_owned(),
            Self::Quota(max) => text::field_quota_exceeded(language, *max),
            Self::InvalidPauseEnd(given) => text::field_invalid_pause_end(language, &quoted(given)),
            Self::NotInFuture(given) => text::field_not_in_future(language, &quoted(given)),
            Self::TooFarAhead { given, years } => text::field_too_far_ahead(language, &quoted(given), *years),
            Self::NotPast(given) => text::field_not_past(language, &quoted(given)),
            Self::NeverDue(given) => text::field_never_due(language, &quoted(given)),
            Self::InvalidBoolean(given) => text::field_invalid_boolean(language, &quoted(given)),
        }
    }
}

/// A text in quotation marks, as an [`excerpt`].
fn quoted(text: &str, language: Language) -> String {
    text::quoted(language, &excerpt(text))
}

/// A text for one line of a message: cut, with control and invisible characters escaped.
pub(crate) fn excerpt(text: &str) -> String {
    let mut excerpt = String::new();
    for character in text.chars().take(MAX_QUOTED_LEN) {
        if matches!(character, '"' | '\'' | '\\') {
            excerpt.push(character);
        } else {
            excerpt.extend(character.escape_debug());
        }
    }
    if text.chars().nth(MAX_QUOTED_LEN).is_some() {
        excerpt.push('…');
    }
    excerpt
}

/// The first 20 values, comma-separated.
fn listed(values: &[String]) -> String {
    const MAX_LISTED: usize = 20;
    let mut listed = String::new();
    for (index, value) in values.iter().take(MAX_LISTED).enumerate() {
        if index > 0 {
            listed.push_str(", ");
        }
        listed.extend(value.chars().take(MAX_QUOTED_LEN).flat_map(char::escape_debug));
    }
    if values.len() > MAX_LISTED {
        listed.push_str(", …");
    }
    listed
}
