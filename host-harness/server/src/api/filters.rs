//! Conditions in the query of a list or of a run history. Of a name given twice, the last counts; names that are no conditions are
//! left to others.

use chrono::DateTime;
use plugin::language::Language;
use scheduled_exports_host::clock::Instant;
use scheduled_exports_host::contract::{FieldError, Filter, Position, RunQuery, RunState, StateKind};

use super::problems::Refusal;
use super::row::Parameter;
use crate::text;

/// Maximum length of an address or identifier, in bytes.
const MAX_TEXT_LEN: usize = 320;
const STATES: [(&str, StateKind); 3] = [
    ("active", StateKind::Active),
    ("paused", StateKind::Paused),
    ("stopped", StateKind::Stopped),
];
const FAILING: [(&str, bool); 2] = [("true", true), ("false", false)];
/// As the documents of runs name them.
const OUTCOMES: [(&str, RunState); 7] = [
    ("in_progress", RunState::InProgress),
    ("submitted", RunState::Submitted),
    ("delivered", RunState::Delivered),
    ("empty", RunState::Empty),
    ("failed", RunState::Failed),
    ("cancelled", RunState::Cancelled),
    ("missed", RunState::Missed),
];

const INSTANT: &str = r#"{"type": "string", "format": "date-time"}"#;
const ADDRESS: &str = r#"{"type": "string", "format": "email", "maxLength": 320}"#;

/// What [`list`] reads.
pub(super) const LIST: [Parameter; 6] = [
    condition(
        "owner",
        "Schedules of the owner with this address, in any case.",
        ADDRESS,
    ),
    condition(
        "export_identifier",
        "Schedules of this exporter.",
        r#"{"type": "string", "minLength": 1, "maxLength": 320}"#,
    ),
    condition(
        "recipient",
        "Schedules that are mailed to this address, in any case: the owner's, or one of the recipients.",
        ADDRESS,
    ),
    condition(
        "state",
        "Schedules in this state; one whose pause has run out is active.",
        r#"{"enum": ["active", "paused", "stopped"]}"#,
    ),
    condition("failing", "Whether the latest run failed.", r#"{"type": "boolean"}"#),
    condition(
        "due_before",
        "Active schedules with a next run before this instant.",
        INSTANT,
    ),
];

/// What [`runs`] reads.
pub(super) const RUNS: [Parameter; 3] = [
    condition(
        "outcome",
        "Runs with this outcome; one that is retried is in progress.",
        r#"{"enum": ["in_progress", "submitted", "delivered", "empty", "failed", "cancelled", "missed"]}"#,
    ),
    condition("since", "Runs due at this instant or later.", INSTANT),
    condition("until", "Runs due at this instant or before.", INSTANT),
];

const fn condition(name: &'static str, description: &'static str, schema: &'static str) -> Parameter {
    Parameter {
        name,
        required: false,
        description,
        schema,
    }
}

/// The conditions of a list: `owner`, `export_identifier`, `recipient`, `state`, `failing` and `due_before`.
///
/// # Errors
/// `Invalid` with every value that is none of its parameter's.
pub(super) fn list(query: Option<&str>, language: Language) -> Result<Filter, Refusal> {
    let mut given = Values::new(query, language);
    let filter = Filter {
        owner: given.take("owner", address),
        export_identifier: given.take("export_identifier", identifier),
        recipient: given.take("recipient", address),
        state: given.take("state", |value, language| one_of(&STATES, value, language)),
        failing: given.take("failing", |value, language| one_of(&FAILING, value, language)),
        due_before: given.take("due_before", instant),
    };
    given.end(filter)
}

/// The conditions of a run history: `outcome`, `since` and `until`.
///
/// # Errors
/// As those of [`list`].
pub(super) fn runs(query: Option<&str>, language: Language, at: Position, size: u32) -> Result<RunQuery, Refusal> {
    let mut given = Values::new(query, language);
    let query = RunQuery {
        state: given.take("outcome", |value, language| one_of(&OUTCOMES, value, language)),
        since: given.take("since", instant),
        until: given.take("until", instant),
        ..RunQuery::page(at, size)
    };
    given.end(query)
}

/// The parameters of a query, and what is wrong with those that were taken.
struct Values {
    given: Vec<(String, String)>,
    language: Language,
    errors: Vec<FieldError>,
}

impl Values {
    fn new(query: Option<&str>, language: Language) -> Self {
        let given = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned();
        Self {
            given: given.collect(),
            language,
            errors: Vec::new(),
        }
    }

    /// The value of a parameter; `None` if it is not given, or wrong. `read` returns the code and the message of what is wrong.
    fn take<T>(&mut self, name: &str, read: impl Fn(&str, Language) -> Result<T, Wrong>) -> Option<T> {
        let (_, value) = self.given.iter().rfind(|(given, _)| given == name)?;
        match read(value, self.language) {
            Ok(value) => Some(value),
            Err(Wrong { code, message }) => {
                self.errors.push(FieldError {
                    path: vec![name.to_owned()],
                    code: code.to_owned(),
                    message,
                    params: vec![("given".to_owned(), value.clone())],
                });
                None
            }
        }
    }

    fn end<T>(self, read: T) -> Result<T, Refusal> {
        match self.errors.is_empty() {
            true => Ok(read),
            false => Err(Refusal::Invalid(self.errors)),
        }
    }
}

/// What is wrong with a value.
struct Wrong {
    code: &'static str,
    message: String,
}

fn one_of<T: Copy>(choices: &[(&str, T)], given: &str, language: Language) -> Result<T, Wrong> {
    let found = choices.iter().find(|(name, _)| *name == given);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        Wrong {
            code: "invalid-choice",
            message: text::api_query_choice(language, &names.join(", "), given),
        }
    })
}

fn instant(given: &str, language: Language) -> Result<Instant, Wrong> {
    let read = DateTime::parse_from_rfc3339(given).map(|instant| instant.timestamp());
    read.map_err(|_| Wrong {
        code: "invalid-date-time",
        message: text::api_query_date_time(language, given),
    })
}

/// Whether there can be such an address is for nobody to say: an unknown one finds nothing.
fn address(given: &str, language: Language) -> Result<String, Wrong> {
    let parts = given.rsplit_once('@');
    let full = parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    match full && is_text(given) {
        true => Ok(given.to_owned()),
        false => Err(Wrong {
            code: "invalid-address",
            message: text::api_query_address(language, given),
        }),
    }
}

fn identifier(given: &str, language: Language) -> Result<String, Wrong> {
    match is_text(given) {
        true => Ok(given.to_owned()),
        false => Err(Wrong {
            code: "invalid-identifier",
            message: text::api_query_identifier(language, given),
        }),
    }
}

fn is_text(given: &str) -> bool {
    !given.is_empty() && given.len() <= MAX_TEXT_LEN && !given.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors<T: std::fmt::Debug>(read: Result<T, Refusal>) -> Vec<(String, String)> {
        match read {
            Err(Refusal::Invalid(errors)) => errors
                .into_iter()
                .map(|error| (error.path.join("/"), error.message))
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_condition_of_a_list_is_read() {
        let query = "owner=Ann%40example.org&export_identifier=orderlist&recipient=%22o%27neill%22%40example.org&state=paused\
                     &failing=true&due_before=2027-01-15T09%3A00%3A00%2B01%3A00&page=2&other=x";
        let filter = list(Some(query), Language::English).unwrap();
        assert_eq!(
            filter,
            Filter {
                owner: Some("Ann@example.org".to_owned()),
                export_identifier: Some("orderlist".to_owned()),
                recipient: Some("\"o'neill\"@example.org".to_owned()),
                state: Some(StateKind::Paused),
                failing: Some(true),
                due_before: Some(1_800_000_000),
            }
        );
        assert_eq!(list(None, Language::English).unwrap(), Filter::default());
        let twice = list(Some("state=wrong&state=stopped"), Language::English).unwrap();
        assert_eq!(twice.state, Some(StateKind::Stopped));
    }

    #[test]
    fn each_condition_of_a_run_history_is_read() {
        let query = "outcome=in_progress&since=2027-01-15T08:00:00Z&until=2027-01-15T08:00:01.9Z";
        let read = runs(Some(query), Language::English, Position::Number(3), 7).unwrap();
        assert_eq!((read.at, read.size, read.id), (Position::Number(3), 7, None));
        assert_eq!(
            (read.state, read.since, read.until),
            (Some(RunState::InProgress), Some(1_800_000_000), Some(1_800_000_001))
        );
    }

    #[test]
    fn every_wrong_value_is_named_with_what_is_expected() {
        let query = "owner=ann&recipient=%40&state=Active&failing=1&due_before=2027-01-15&export_identifier=";
        let found = errors(list(Some(query), Language::English));
        let expected = [
            ("owner", "an email address"),
            ("export_identifier", "the identifier of an exporter"),
            ("recipient", "an email address"),
            ("state", "“Active”: expected one of active, paused, stopped."),
            ("failing", "true, false"),
            ("due_before", "a date and time with an offset"),
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for ((name, message), (expected_name, part)) in found.iter().zip(expected) {
            assert_eq!(name, expected_name);
            assert!(message.contains(part), "{name}: {message}");
        }
        let found = errors(runs(
            Some("outcome=&since=&until=2027-01-15T08:00:00"),
            Language::German,
            Position::Number(1),
            1,
        ));
        let names: Vec<&str> = found.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["outcome", "since", "until"]);
        assert!(found[0].1.contains("„“"), "{}", found[0].1);
    }

    #[test]
    fn the_parameters_that_are_described_are_those_that_are_read() {
        for parameter in LIST {
            assert!(!errors(list(Some(&format!("{}=", parameter.name)), Language::English)).is_empty());
        }
        for parameter in RUNS {
            let read = runs(
                Some(&format!("{}=", parameter.name)),
                Language::English,
                Position::Number(1),
                1,
            );
            assert!(!errors(read).is_empty(), "{}", parameter.name);
        }
        let described = |name: &str| {
            let found = LIST.iter().chain(&RUNS).find(|parameter| parameter.name == name);
            let schema: serde_json::Value = serde_json::from_str(found.unwrap().schema).unwrap();
            schema["enum"].clone()
        };
        assert_eq!(described("state"), serde_json::json!(STATES.map(|(name, _)| name)));
        assert_eq!(described("outcome"), serde_json::json!(OUTCOMES.map(|(name, _)| name)));
    }

    #[test]
    fn a_plus_that_is_not_encoded_is_a_space_and_no_offset() {
        assert_eq!(
            errors(list(Some("due_before=2027-01-15T09:00:00+01:00"), Language::English)).len(),
            1
        );
    }
}
