//! An exporter's form: `export_form_data`, checked field by field against what the exporter says its fields are.

mod across_events;
pub(crate) mod text;
mod value;

use serde_json::{Map, Value};

use crate::host::{Exporter, FieldError, FieldKind};
use crate::language::Language;
use crate::message::{Fault, Wanted};

pub use self::across_events::Scope;
pub(crate) use self::value::{DECIMAL_DIGITS, LONGEST_DATE_TIME};

/// Name of the form in a schedule's document.
pub const NAME: &str = "export_form_data";
/// Key by which a form at organizer level asks for all events.
pub const ALL_EVENTS: &str = "all_events";
/// Key under which a form at organizer level lists events.
pub const EVENTS: &str = "events";

/// What a check came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checked {
    /// What is to be stored: the given keys that the exporter has, in the order given. Complete only without errors.
    pub form: Map<String, Value>,
    /// Those keys of `form` whose values are date ranges.
    pub date_ranges: Vec<String>,
    /// Which events the form asks for; none at event level, and where what it says of events is wrong.
    pub scope: Option<Scope>,
    pub errors: Vec<FieldError>,
}

/// Checks a form, at organizer level with what it says of events. Keys that the exporter doesn't have are dropped.
///
/// Whether the named events may be used is not asked here.
#[must_use]
pub fn check(exporter: &Exporter, given: Map<String, Value>, event_level: bool, language: Language) -> Checked {
    let mut checked = Checked::default();
    let across = across(exporter, event_level);
    if across {
        match Scope::read(&given) {
            Ok(scope) => checked.scope = Some(scope),
            Err(faults) => checked
                .errors
                .extend(faults.into_iter().map(|(key, fault)| fault.at(&[NAME, key], language))),
        }
    }
    let ours = |name: &str| across && (name == ALL_EVENTS || name == EVENTS);
    let missing = exporter
        .fields
        .iter()
        .filter(|field| field.required && field.default.is_none() && !ours(&field.name))
        .filter(|field| !given.contains_key(&field.name));
    for field in missing {
        let fault = Fault::Required(value::wanted(&field.kind));
        checked.errors.push(fault.at(&[NAME, &field.name], language));
    }
    for (name, given) in given {
        if ours(&name) {
            let sets_nothing = given.is_null() || (name == EVENTS && checked.scope == Some(Scope::All));
            if !sets_nothing {
                checked.form.insert(name, given);
            }
        } else if let Some(field) = exporter.fields.iter().find(|field| field.name == name) {
            // Clients write null for an optional field that is not set.
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
                Err(fault) => checked.errors.push(fault.at(&[NAME, &name], language)),
            }
        }
    }
    checked
}

/// Whether forms of this exporter take `all_events` and `events` here.
#[must_use]
pub fn across(exporter: &Exporter, event_level: bool) -> bool {
    !event_level && exporter.across_events
}

/// The error of a form that is missing or no object.
#[must_use]
pub fn not_a_form(given: Option<&Value>, language: Language) -> FieldError {
    let fault = match given {
        Some(given) => Fault::wrong_type(given, Wanted::Form),
        None => Fault::Required(Wanted::Form),
    };
    fault.at(&[NAME], language)
}

#[cfg(test)]
mod tests;
