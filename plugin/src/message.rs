//! Words for people who read and change schedules: what is wrong with a document and what would be right, and why a call
//! is refused. The texts are in the catalogs; codes for programs beside them.

mod malformed;
mod refusal;
mod wanted;

use serde_json::Value;

use crate::addresses::AddressFault;
use crate::contract::FieldError;
use crate::date_range::DateRangeFault;
use crate::language::Language;
use crate::text;

pub use self::malformed::malformed;
pub use self::refusal::{Refusal, Warning};
pub use self::wanted::Wanted;

/// How many characters of a wrong text a message repeats.
const QUOTED: usize = 60;

/// One thing wrong with a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Left out, and there is no default.
    Required(Wanted),
    Null(Wanted),
    /// A JSON value of another type.
    WrongType(Wanted, JsonType),
    /// The document is JSON, but no object.
    NotAnObject,
    /// The document, or what would be stored, has more bytes than this.
    TooLarge(usize),
    /// Nothing but white space.
    Blank,
    TooLong {
        longest: usize,
        given: usize,
    },
    LineBreak,
    /// One that is neither a line break nor a tab.
    ControlCharacter(char),
    NotATime(String),
    NotALanguage {
        given: String,
        languages: Vec<String>,
    },
    /// The zone of the event, or the organizer's default, which the caller can't change here.
    UnknownDefaultZone(String),
    NotAnExporter(String),
    /// Open to the caller, but not to the owner.
    NotTheOwnersExporter(String),
    /// The exporter that the form is for is gone, or no longer open to its owner.
    ExporterGone(String),
    TooManyAddresses {
        most: usize,
        given: usize,
    },
    Address {
        given: String,
        why: AddressFault,
    },
    ForeignDomain {
        given: String,
        domains: Vec<String>,
    },
    NotAChoice {
        given: String,
        choices: Vec<String>,
    },
    /// The same value twice in a list.
    Twice(String),
    EmptyList,
    OutOfRange {
        smallest: i64,
        largest: i64,
    },
    NotADecimal(String),
    NotADate(String),
    NotADateTime(String),
    DateRange {
        given: String,
        why: DateRangeFault,
    },
    /// More levels of lists and objects than this.
    TooDeep(usize),
    UnusableEvents(Vec<String>),
    EventsBeyondOwner(Vec<String>),
    /// All events, those to come included, are more than the caller may use.
    AllEventsBeyondCaller,
    AllEventsAndSome,
    NeitherAllEventsNorSome,
    Quota(u32),
}

/// The type of a JSON value, apart from null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonType {
    Boolean,
    Number,
    String,
    Array,
    Object,
}

impl JsonType {
    fn words(self, language: Language) -> &'static str {
        match self {
            Self::Boolean => text::got_boolean(language),
            Self::Number => text::got_number(language),
            Self::String => text::got_string(language),
            Self::Array => text::got_array(language),
            Self::Object => text::got_object(language),
        }
    }
}

impl Fault {
    /// The error at a place of a document, in words.
    #[must_use]
    pub fn at(&self, path: &[&str], language: Language) -> FieldError {
        FieldError {
            path: path.iter().map(|&step| step.to_owned()).collect(),
            code: self.code().to_owned(),
            message: self.message(language),
        }
    }

    /// A value of another type than the wanted one, or null.
    #[must_use]
    pub fn wrong_type(given: &Value, wanted: Wanted) -> Self {
        let kind = match given {
            Value::Null => return Self::Null(wanted),
            Value::Bool(_) => JsonType::Boolean,
            Value::Number(_) => JsonType::Number,
            Value::String(_) => JsonType::String,
            Value::Array(_) => JsonType::Array,
            Value::Object(_) => JsonType::Object,
        };
        Self::WrongType(wanted, kind)
    }

    /// For programs.
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
            Self::NotATime(_) => "invalid-time",
            Self::NotALanguage { .. } => "unsupported-language",
            Self::UnknownDefaultZone(_) => "unknown-time-zone",
            Self::NotAnExporter(_) => "unknown-exporter",
            Self::NotTheOwnersExporter(_) => "exporter-not-permitted-for-owner",
            Self::ExporterGone(_) => "exporter-removed",
            Self::TooManyAddresses { .. } => "too-many-addresses",
            Self::Address { why, .. } => why.code(),
            Self::ForeignDomain { .. } => "domain-not-allowed",
            Self::NotAChoice { .. } => "invalid-choice",
            Self::Twice(_) => "duplicate",
            Self::EmptyList => "empty-list",
            Self::OutOfRange { .. } => "out-of-range",
            Self::NotADecimal(_) => "invalid-decimal",
            Self::NotADate(_) => "invalid-date",
            Self::NotADateTime(_) => "invalid-date-time",
            Self::DateRange { why, .. } => why.code(),
            Self::TooDeep(_) => "too-deep",
            Self::UnusableEvents(_) => "event-not-permitted",
            Self::EventsBeyondOwner(_) => "event-not-permitted-for-owner",
            Self::AllEventsBeyondCaller => "all-events-not-permitted",
            Self::AllEventsAndSome => "events-conflict",
            Self::NeitherAllEventsNorSome => "events-required",
            Self::Quota(_) => "quota-exceeded",
        }
    }

    /// What is wrong, and what is expected.
    #[must_use]
    pub fn message(&self, language: Language) -> String {
        let quoted = |given: &str| quoted(given, language);
        match self {
            Self::Required(wanted) => text::field_required(language, &wanted.words(language)),
            Self::Null(wanted) => text::field_null(language, &wanted.words(language)),
            Self::WrongType(wanted, got) => {
                text::field_wrong_type(language, &wanted.words(language), got.words(language))
            }
            Self::NotAnObject => text::field_not_an_object(language).to_owned(),
            Self::TooLarge(most) => text::field_too_large(language, *most),
            Self::Blank => text::field_blank(language).to_owned(),
            Self::TooLong { longest, given } => text::field_too_long(language, *given, *longest),
            Self::LineBreak => text::field_line_break(language).to_owned(),
            Self::ControlCharacter(character) => {
                let code = u32::from(*character);
                text::field_control_character(language, &format!("U+{code:04X}"))
            }
            Self::NotATime(given) => text::field_invalid_time(language, &quoted(given)),
            Self::NotALanguage { given, languages } => {
                text::field_unsupported_language(language, &quoted(given), &listed(languages))
            }
            Self::UnknownDefaultZone(zone) => text::field_unknown_default_zone(language, &quoted(zone)),
            Self::NotAnExporter(given) => text::field_unknown_exporter(language, &quoted(given)),
            Self::NotTheOwnersExporter(given) => text::field_exporter_not_permitted_for_owner(language, &quoted(given)),
            Self::ExporterGone(given) => text::field_exporter_removed(language, &quoted(given)),
            Self::TooManyAddresses { most, given } => text::field_too_many_addresses(language, *given, *most),
            Self::Address { given, why } => why.message(&quoted(given), language),
            Self::ForeignDomain { given, domains } => {
                text::field_domain_not_allowed(language, &listed(domains), &quoted(given))
            }
            Self::NotAChoice { given, choices } => {
                text::field_invalid_choice(language, &listed(choices), &quoted(given))
            }
            Self::Twice(given) => text::field_duplicate(language, &quoted(given)),
            Self::EmptyList => text::field_empty_list(language).to_owned(),
            Self::OutOfRange { smallest, largest } => text::field_out_of_range(language, *largest, *smallest),
            Self::NotADecimal(given) => text::field_invalid_decimal(language, &quoted(given)),
            Self::NotADate(given) => text::field_invalid_date(language, &quoted(given)),
            Self::NotADateTime(given) => text::field_invalid_date_time(language, &quoted(given)),
            Self::DateRange { given, why } => why.message(&quoted(given), language),
            Self::TooDeep(most) => text::field_too_deep(language, *most),
            Self::UnusableEvents(slugs) => text::field_event_not_permitted(language, &listed(slugs)),
            Self::EventsBeyondOwner(slugs) => text::field_event_not_permitted_for_owner(language, &listed(slugs)),
            Self::AllEventsBeyondCaller => text::field_all_events_not_permitted(language).to_owned(),
            Self::AllEventsAndSome => text::field_events_conflict(language).to_owned(),
            Self::NeitherAllEventsNorSome => text::field_events_required(language).to_owned(),
            Self::Quota(most) => text::field_quota_exceeded(language, *most),
        }
    }
}

/// A text in quotation marks, cut, with control and invisible characters escaped, so that it can stand in one line.
#[must_use]
pub fn quoted(text: &str, language: Language) -> String {
    let mut words = String::new();
    for character in text.chars().take(QUOTED) {
        if matches!(character, '"' | '\'' | '\\') {
            words.push(character);
        } else {
            words.extend(character.escape_debug());
        }
    }
    if text.chars().nth(QUOTED).is_some() {
        words.push('…');
    }
    text::quoted(language, &words)
}

/// Values with commas between them, cut after the first 20.
fn listed(values: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut words = String::new();
    for (index, value) in values.iter().take(SHOWN).enumerate() {
        if index > 0 {
            words.push_str(", ");
        }
        words.extend(value.chars().take(QUOTED).flat_map(char::escape_debug));
    }
    if values.len() > SHOWN {
        words.push_str(", …");
    }
    words
}
