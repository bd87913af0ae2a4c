//! The events that a form at organizer level selects.

use serde_json::{Map, Value};

use super::{ALL_EVENTS, EVENTS};
use crate::message::{Expected, ValidationError};

/// The events that a form selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventSelection {
    /// All events that the owner is permitted to export at run time.
    All,
    /// These slugs.
    Events(Vec<String>),
}

impl EventSelection {
    /// Parses `all_events` and `events` of a form in a request.
    pub(super) fn read(form: &Map<String, Value>) -> Result<Self, Vec<(&'static str, ValidationError)>> {
        let mut errors = Vec::new();
        let all = match form.get(ALL_EVENTS) {
            None | Some(Value::Null) => None,
            Some(Value::Bool(all)) => Some(*all),
            Some(other) => {
                errors.push((ALL_EVENTS, ValidationError::wrong_type(other, Expected::Boolean)));
                None
            }
        };
        let given = form.get(EVENTS).filter(|events| !events.is_null());
        // Clients send an empty list together with `all_events`.
        let given = given.filter(|events| all != Some(true) || events.as_array().is_none_or(|list| !list.is_empty()));
        let events = match given.map(slugs) {
            None => None,
            Some(Ok(events)) => Some(events),
            Some(Err(error)) => {
                errors.push((EVENTS, error));
                None
            }
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        match (all, events) {
            (Some(true), Some(_)) => Err(vec![(ALL_EVENTS, ValidationError::EventsConflict)]),
            (Some(false), None) => Err(vec![(EVENTS, ValidationError::EventsRequired)]),
            (_, Some(events)) => Ok(Self::Events(events)),
            (_, None) => Ok(Self::All),
        }
    }

    /// The events that a stored form selects; all events if its selection is invalid.
    #[must_use]
    pub fn stored(form: &Map<String, Value>) -> Self {
        Self::read(form).unwrap_or(Self::All)
    }
}

fn slugs(value: &Value) -> Result<Vec<String>, ValidationError> {
    let Value::Array(entries) = value else {
        return Err(ValidationError::wrong_type(value, Expected::Events));
    };
    if entries.is_empty() {
        return Err(ValidationError::EmptyList);
    }
    let mut slugs = Vec::with_capacity(entries.len());
    for entry in entries {
        match entry {
            Value::String(slug) => slugs.push(slug.clone()),
            other => return Err(ValidationError::wrong_type(other, Expected::Events)),
        }
    }
    match super::value::duplicate(&slugs) {
        Some(slug) => Err(ValidationError::Duplicate(slug.to_owned())),
        None => Ok(slugs),
    }
}
