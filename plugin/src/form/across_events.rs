//! What a form at organizer level says of events.

use serde_json::{Map, Value};

use super::{ALL_EVENTS, EVENTS};
use crate::message::{Fault, Wanted};

/// The events that a form asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All that the owner may read at run time.
    All,
    /// These slugs.
    Events(Vec<String>),
}

impl Scope {
    /// Reads `all_events` and `events` of a form that a caller gave.
    pub(super) fn read(form: &Map<String, Value>) -> Result<Self, Vec<(&'static str, Fault)>> {
        let mut faults = Vec::new();
        let all = match form.get(ALL_EVENTS) {
            None | Some(Value::Null) => None,
            Some(Value::Bool(all)) => Some(*all),
            Some(other) => {
                faults.push((ALL_EVENTS, Fault::wrong_type(other, Wanted::Boolean)));
                None
            }
        };
        let given = form.get(EVENTS).filter(|events| !events.is_null());
        // Clients send the empty list beside `all_events`: it asks for nothing else.
        let given = given.filter(|events| all != Some(true) || events.as_array().is_none_or(|list| !list.is_empty()));
        let events = match given.map(slugs) {
            None => None,
            Some(Ok(events)) => Some(events),
            Some(Err(fault)) => {
                faults.push((EVENTS, fault));
                None
            }
        };
        if !faults.is_empty() {
            return Err(faults);
        }
        match (all, events) {
            (Some(true), Some(_)) => Err(vec![(ALL_EVENTS, Fault::AllEventsAndSome)]),
            (Some(false), None) => Err(vec![(EVENTS, Fault::NeitherAllEventsNorSome)]),
            (_, Some(events)) => Ok(Self::Events(events)),
            (_, None) => Ok(Self::All),
        }
    }

    /// What a stored form asks for; all events where it can't be told.
    #[must_use]
    pub fn stored(form: &Map<String, Value>) -> Self {
        Self::read(form).unwrap_or(Self::All)
    }
}

fn slugs(value: &Value) -> Result<Vec<String>, Fault> {
    let Value::Array(entries) = value else {
        return Err(Fault::wrong_type(value, Wanted::Events));
    };
    if entries.is_empty() {
        return Err(Fault::EmptyList);
    }
    let mut slugs = Vec::with_capacity(entries.len());
    for entry in entries {
        match entry {
            Value::String(slug) => slugs.push(slug.clone()),
            other => return Err(Fault::wrong_type(other, Wanted::Events)),
        }
    }
    match super::value::twice(&slugs) {
        Some(slug) => Err(Fault::Twice(slug.to_owned())),
        None => Ok(slugs),
    }
}
