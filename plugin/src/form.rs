//! Validates an exporter's form, `export_form_data`, against the exporter's fields.

mod event_selection;
pub(crate) mod text;
mod value;

use serde_json::{Map, Value};

use crate::contract::{Exporter, FieldError, FieldKind};
use crate::language::Language;
use crate::message::{Expected, ValidationError};

pub use self::event_selection::EventSelection;
pub(crate) use self::value::{MAX_DATE_TIME_LEN, MAX_DECIMAL_DIGITS, is_date_time};

/// Key of the form in a schedule.
pub const NAME: &str = "export_form_data";
/// Key that selects all events in a form at organizer level.
pub const ALL_EVENTS: &str = "all_events";
/// Key of the list of events in a form at organizer level.
pub const EVENTS: &str = "events";

/// The result of [`check`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValidatedForm {
    /// The form to store: the given keys that the exporter has, in the order given. Complete only without errors.
    pub form: Map<String, Value>,
    /// The keys of `form` whose values are date ranges.
    pub date_ranges: Vec<String>,
    /// The events that the form selects; `None` at event level, and if the selection is invalid.
    pub selection: Option<EventSelection>,
    pub errors: Vec<FieldError>,
}

/// Validates a form, including the event selection at organizer level. Keys that the exporter does not have are dropped.
///
/// Does not check whether the caller is permitted to export the events.
#[must_use]
pub fn check(exporter: &Exporter, given: Map<String, Value>, event_level: bool, language: Language) -> ValidatedForm {
    let mut checked = ValidatedForm::default();
    let selects_events = selects_events(exporter, event_level);
    if selects_events {
        match EventSelection::read(&given) {
            Ok(selection) => checked.selection = Some(selection),
            Err(errors) => checked
                .errors
                .extend(errors.into_iter().map(|(key, error)| error.at(&[NAME, key], language))),
        }
    }
    let is_selection = |name: &str| selects_events && (name == ALL_EVENTS || name == EVENTS);
    let missing = exporter
        .fields
        .iter()
        .filter(|field| field.required && field.default.is_none() && !is_selection(&field.name))
        .filter(|field| !given.contains_key(&field.name));
    for field in missing {
        let error = ValidationError::Required(value::expected(&field.kind));
        checked.errors.push(error.at(&[NAME, &field.name], language));
    }
    for (name, given) in given {
        if is_selection(&name) {
            let sets_nothing = given.is_null() || (name == EVENTS && checked.selection == Some(EventSelection::All));
            if !sets_nothing {
                checked.form.insert(name, given);
            }
        } else if let Some(field) = exporter.fields.iter().find(|field| field.name == name) {
            // Clients send null for an optional field that is not set.
            if given.is_null() && !field.required {
                continue;
            }
            match value::check(&field.kind, field.required, given) {
                Ok(value) => {
                    if field.kind == FieldKind::DateRange {
                        checked.date_ranges.push(name.clone());
                    }
                    checked.form.insert(name, value);
                }
                Err(error) => checked.errors.push(error.at(&[NAME, &name], language)),
            }
        }
    }
    checked
}

/// Whether forms of this exporter have `all_events` and `events` at this level.
#[must_use]
pub fn selects_events(exporter: &Exporter, event_level: bool) -> bool {
    !event_level && exporter.across_events
}

/// The error of a form that is missing or not an object.
#[must_use]
pub fn invalid_form(given: Option<&Value>, language: Language) -> FieldError {
    let error = match given {
        Some(given) => ValidationError::wrong_type(given, Expected::Form),
        None => ValidationError::Required(Expected::Form),
    };
    error.at(&[NAME], language)
}

#[cfg(test)]
mod tests;
