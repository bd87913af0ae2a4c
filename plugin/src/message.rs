//! Words for people who read and change schedules: what is wrong with a document and what would be right, and why a call
//! is refused. English and German; codes for programs beside them.

mod malformed;
mod refusal;
mod wanted;

use serde_json::Value;

use crate::addresses::AddressFault;
use crate::date_range::DateRangeFault;
use crate::host::FieldError;
use crate::language::Language;

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
    /// A JSON value of another type: the words for it, English and German.
    WrongType(Wanted, (&'static str, &'static str)),
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

impl Fault {
    /// The error at a place of a document, in words.
    #[must_use]
    pub fn at(&self, path: &[&str], language: Language) -> FieldError {
        FieldError {
            path: path.iter().map(|&step| step.to_owned()).collect(),
            code: self.code(),
            message: self.message(language),
        }
    }

    /// A value of another type than the wanted one, or null.
    #[must_use]
    pub fn wrong_type(given: &Value, wanted: Wanted) -> Self {
        let kind = match given {
            Value::Null => return Self::Null(wanted),
            Value::Bool(_) => ("true or false", "true oder false"),
            Value::Number(_) => ("a number", "eine Zahl"),
            Value::String(_) => ("a string", "eine Zeichenkette"),
            Value::Array(_) => ("a list", "eine Liste"),
            Value::Object(_) => ("an object", "ein Objekt"),
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
            Self::NotATime(_) => "time-invalid",
            Self::NotALanguage { .. } => "not-a-language",
            Self::UnknownDefaultZone(_) => "zone-unknown",
            Self::NotAnExporter(_) => "not-an-exporter",
            Self::NotTheOwnersExporter(_) => "not-open-to-owner",
            Self::ExporterGone(_) => "exporter-gone",
            Self::TooManyAddresses { .. } => "too-many-addresses",
            Self::Address { why, .. } => why.code(),
            Self::ForeignDomain { .. } => "domain-not-allowed",
            Self::NotAChoice { .. } => "not-a-choice",
            Self::Twice(_) => "given-twice",
            Self::EmptyList => "empty-list",
            Self::OutOfRange { .. } => "out-of-range",
            Self::NotADecimal(_) => "not-a-decimal",
            Self::NotADate(_) => "not-a-date",
            Self::NotADateTime(_) => "not-a-date-time",
            Self::DateRange { why, .. } => why.code(),
            Self::TooDeep(_) => "too-deep",
            Self::UnusableEvents(_) => "event-not-usable",
            Self::EventsBeyondOwner(_) => "event-not-open-to-owner",
            Self::AllEventsBeyondCaller => "all-events-not-usable",
            Self::AllEventsAndSome => "all-events-and-some",
            Self::NeitherAllEventsNorSome => "no-events",
            Self::Quota(_) => "quota",
        }
    }

    /// What is wrong, and what would be right.
    #[must_use]
    pub fn message(&self, language: Language) -> String {
        match self {
            Self::Required(wanted) => {
                let wanted = wanted.words(language);
                language.pick(
                    format!("This is missing. Right is {wanted}."),
                    format!("Das fehlt. Richtig ist {wanted}."),
                )
            }
            Self::Null(wanted) => {
                let wanted = wanted.words(language);
                language.pick(
                    format!("This is null. Right is {wanted}."),
                    format!("Das ist null. Richtig ist {wanted}."),
                )
            }
            Self::WrongType(wanted, (english, german)) => {
                let wanted = wanted.words(language);
                language.pick(
                    format!("This is {english}. Right is {wanted}."),
                    format!("Das ist {german}. Richtig ist {wanted}."),
                )
            }
            Self::NotAnObject => language
                .pick(
                    "The document is no JSON object. Right is an object with the fields of a schedule.",
                    "Das Dokument ist kein JSON-Objekt. Richtig ist ein Objekt mit den Feldern eines Zeitplans.",
                )
                .to_owned(),
            Self::TooLarge(most) => language.pick(
                format!("This is too much. A schedule takes at most {most} bytes, its form included."),
                format!("Das ist zu viel. Ein Zeitplan umfasst höchstens {most} Bytes, samt Formular."),
            ),
            Self::Blank => language
                .pick("This is blank. Right is some text.", "Das ist leer. Richtig ist ein Text.")
                .to_owned(),
            Self::TooLong { longest, given } => language.pick(
                format!("This has {given} characters. Right is at most {longest}."),
                format!("Das hat {given} Zeichen. Richtig sind höchstens {longest}."),
            ),
            Self::LineBreak => language
                .pick(
                    "This has a line break. Right is one line.",
                    "Das enthält einen Zeilenumbruch. Richtig ist eine einzige Zeile.",
                )
                .to_owned(),
            Self::ControlCharacter(character) => {
                let code = u32::from(*character);
                language.pick(
                    format!("This has the control character U+{code:04X}. Right is text without it."),
                    format!("Das enthält das Steuerzeichen U+{code:04X}. Richtig ist ein Text ohne dieses."),
                )
            }
            Self::NotATime(given) => {
                let given = quoted(given, language);
                language.pick(
                    format!("{given} is no time of day. Right is HH:MM:SS or HH:MM, from 00:00:00 to 23:59:59."),
                    format!("{given} ist keine Uhrzeit. Richtig ist HH:MM:SS oder HH:MM, von 00:00:00 bis 23:59:59."),
                )
            }
            Self::NotALanguage { given, languages } => {
                let (given, languages) = (quoted(given, language), listed(languages));
                language.pick(
                    format!("{given} is no language here. Right is one of {languages}."),
                    format!("{given} ist hier keine Sprache. Richtig ist eine von: {languages}."),
                )
            }
            Self::UnknownDefaultZone(zone) => {
                let zone = quoted(zone, language);
                language.pick(
                    format!("The time zone set here, {zone}, is not known. Right is a zone of the tz database in the settings."),
                    format!("Die hier eingestellte Zeitzone {zone} ist unbekannt. Richtig ist eine Zone der tz-Datenbank in den Einstellungen."),
                )
            }
            Self::NotAnExporter(given) => {
                let given = quoted(given, language);
                language.pick(
                    format!("{given} is no export open to the caller here. Right is one from the list of exporters."),
                    format!("{given} ist kein Export, der hier offen steht. Richtig ist einer aus der Liste der Exporte."),
                )
            }
            Self::NotTheOwnersExporter(given) => {
                let given = quoted(given, language);
                language.pick(
                    format!("{given} is not open to the owner of this schedule. Right is one that the owner may run too."),
                    format!("{given} steht der Person nicht offen, der der Zeitplan gehört. Richtig ist ein Export, den auch sie ausführen darf."),
                )
            }
            Self::ExporterGone(given) => {
                let given = quoted(given, language);
                language.pick(
                    format!("The export {given} is gone, so its form cannot be changed. Right is the form as it was, or another export."),
                    format!("Den Export {given} gibt es nicht mehr, sein Formular ist daher nicht änderbar. Richtig ist das bisherige Formular oder ein anderer Export."),
                )
            }
            Self::TooManyAddresses { most, given } => language.pick(
                format!("These are {given} addresses. Right are at most {most}."),
                format!("Das sind {given} Adressen. Richtig sind höchstens {most}."),
            ),
            Self::Address { given, why } => why.message(&quoted(given, language), language),
            Self::ForeignDomain { given, domains } => {
                let (given, domains) = (quoted(given, language), listed(domains));
                language.pick(
                    format!("Mail may not go to {given}. Right is an address at one of these: {domains}."),
                    format!("An {given} darf keine Mail gehen. Richtig ist eine Adresse bei einer dieser Domains: {domains}."),
                )
            }
            Self::NotAChoice { given, choices } => {
                let (given, choices) = (quoted(given, language), listed(choices));
                language.pick(
                    format!("{given} is not offered. Right is one of {choices}."),
                    format!("{given} steht nicht zur Wahl. Richtig ist eines von: {choices}."),
                )
            }
            Self::Twice(given) => {
                let given = quoted(given, language);
                language.pick(
                    format!("{given} is there twice. Right is each once."),
                    format!("{given} steht zweimal da. Richtig ist jedes einmal."),
                )
            }
            Self::EmptyList => language
                .pick(
                    "The list is empty. Right is at least one entry.",
                    "Die Liste ist leer. Richtig ist mindestens ein Eintrag.",
                )
                .to_owned(),
            Self::OutOfRange { smallest, largest } => language.pick(
                format!("This number is out of range. Right is a whole number from {smallest} to {largest}."),
                format!("Diese Zahl liegt außerhalb. Richtig ist eine ganze Zahl von {smallest} bis {largest}."),
            ),
            Self::NotADecimal(given) => not_a(given, Wanted::Decimal, language),
            Self::NotADate(given) => not_a(given, Wanted::Date, language),
            Self::NotADateTime(given) => not_a(given, Wanted::DateTime, language),
            Self::DateRange { given, why } => why.message(&quoted(given, language), language),
            Self::TooDeep(most) => language.pick(
                format!("Lists and objects are too deep in each other. Right are at most {most} levels."),
                format!("Listen und Objekte sind zu tief verschachtelt. Richtig sind höchstens {most} Ebenen."),
            ),
            Self::UnusableEvents(slugs) => {
                let slugs = listed(slugs);
                language.pick(
                    format!("Not among the events open to the caller for this export: {slugs}. Right are slugs of such events."),
                    format!("Nicht unter den Veranstaltungen, die für diesen Export offen stehen: {slugs}. Richtig sind Kurzformen solcher Veranstaltungen."),
                )
            }
            Self::EventsBeyondOwner(slugs) => {
                let slugs = listed(slugs);
                language.pick(
                    format!("Not open to the owner of this schedule: {slugs}. Right are events that the owner may export too."),
                    format!("Der Person, der der Zeitplan gehört, nicht offen: {slugs}. Richtig sind Veranstaltungen, die auch sie exportieren darf."),
                )
            }
            Self::AllEventsBeyondCaller => language
                .pick(
                    "All events include events to come, and the caller can export only some. Expected a list of events in `events`.",
                    "Alle Veranstaltungen sind auch künftige, und hier stehen nur einige offen. Erwartet wird eine Liste in `events`.",
                )
                .to_owned(),
            Self::AllEventsAndSome => language
                .pick(
                    "Both `all_events` and `events` are given. Right is one of them.",
                    "Sowohl `all_events` als auch `events` sind angegeben. Richtig ist eines von beiden.",
                )
                .to_owned(),
            Self::NeitherAllEventsNorSome => language
                .pick(
                    "`all_events` is false and there are no `events`. Right is a list of at least one event.",
                    "`all_events` ist false, und `events` fehlt. Richtig ist eine Liste mit mindestens einer Veranstaltung.",
                )
                .to_owned(),
            Self::Quota(most) => language.pick(
                format!("There can be at most {most} schedules here. A new one fits once another is deleted."),
                format!("Hier sind höchstens {most} Zeitpläne möglich. Ein neuer geht erst, wenn ein anderer gelöscht ist."),
            ),
        }
    }
}

fn not_a(given: &str, wanted: Wanted, language: Language) -> String {
    let (given, wanted) = (quoted(given, language), wanted.words(language));
    language.pick(
        format!("{given} does not fit. Right is {wanted}."),
        format!("{given} passt nicht. Richtig ist {wanted}."),
    )
}

/// A text in quotation marks, cut, with control and invisible characters escaped, so that it can stand in one line.
#[must_use]
pub fn quoted(text: &str, language: Language) -> String {
    let (open, close) = language.pick(('“', '”'), ('„', '“'));
    let mut words = String::from(open);
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
    words.push(close);
    words
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
