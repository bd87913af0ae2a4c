//! What a schedule exports: exporter and form, as they are to be stored.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::contract::{AccessFacts, Exporter, FieldError, Problem, Subject};
use crate::document::Document;
use crate::form::{self, EVENTS, Scope};
use crate::host::Access;
use crate::language::Language;
use crate::message::Fault;

use super::body::GivenForm;
use super::change::Stored;
use super::{MAX_SLUGS, lookup_problem, rights};

const EXPORTER: &str = "export_identifier";

/// Exporter and form that passed every check.
pub(super) struct Data {
    pub(super) identifier: String,
    pub(super) form: Map<String, Value>,
    pub(super) date_ranges: Vec<String>,
    pub(super) event_numbers: Vec<u64>,
}

/// Checks exporter and form against what the host offers. None: something is wrong, and among `errors`, or was before.
///
/// `runs_stored` is the stored exporter where it is known that the caller may run it; a change by somebody other than the
/// owner comes here only with it.
pub(super) fn settle(
    by: &impl Access,
    facts: &AccessFacts,
    stored: Option<&Stored>,
    runs_stored: Option<Exporter>,
    identifier: Option<String>,
    form: GivenForm,
    errors: &mut Vec<FieldError>,
) -> Result<Option<Data>, Problem> {
    let Some(identifier) = identifier else {
        return Ok(None);
    };
    let language = Language::of_tag(&facts.language);
    let unchanged = stored.filter(|stored| stored.schedule.content.export_identifier == identifier);
    if let (Some(stored), GivenForm::Kept) = (unchanged, &form) {
        return Ok(stored.data());
    }
    let exporter = match (unchanged, runs_stored) {
        (Some(_), Some(exporter)) => Some(exporter),
        _ => rights::exporter(by, Subject::Caller, &identifier)?,
    };
    let Some(exporter) = exporter else {
        let Some(stored) = unchanged.filter(|stored| stored.own) else {
            errors.push(Fault::NotAnExporter(identifier).at(&[EXPORTER], language));
            return Ok(None);
        };
        if let GivenForm::Given(form) = &form
            && is_as_it_was(by, facts, stored, form)?
        {
            return Ok(stored.data());
        }
        if let GivenForm::Given(_) = form {
            errors.push(Fault::ExporterGone(identifier).at(&[form::NAME], language));
        }
        return Ok(None);
    };
    let others = stored.filter(|stored| !stored.own && unchanged.is_none());
    if let Some(stored) = others
        && rights::exporter(by, Subject::OwnerOf(stored.schedule.id), &identifier)?.is_none()
    {
        errors.push(Fault::NotTheOwnersExporter(identifier).at(&[EXPORTER], language));
        return Ok(None);
    }
    let form = match (form, stored.and_then(|stored| stored.document.as_ref())) {
        (GivenForm::Given(form), _) => form,
        (GivenForm::Kept, Some(document)) => document.form.clone(),
        (GivenForm::Kept, None) | (GivenForm::Wrong, _) => return Ok(None),
    };
    let checked = form::check(&exporter, form, facts.event_level, language);
    let mut faults = checked.errors;
    if let Some(scope) = &checked.scope
        && let Some((key, fault)) = rights::events_fault(by, stored, &exporter, scope)?
    {
        faults.push(fault.at(&[form::NAME, key], language));
    }
    if !faults.is_empty() {
        errors.append(&mut faults);
        return Ok(None);
    }
    let event_numbers = if facts.event_level {
        Vec::new()
    } else {
        event_numbers(&checked.form, stored, facts.settings.latest_event)
    };
    Ok(Some(Data {
        identifier,
        event_numbers,
        form: checked.form,
        date_ranges: checked.date_ranges,
    }))
}

/// Numbers of the events that a form lists: an event that was listed before stays the one that it was.
fn event_numbers(form: &Map<String, Value>, stored: Option<&Stored>, latest: u64) -> Vec<u64> {
    let Scope::Events(slugs) = Scope::stored(form) else {
        return Vec::new();
    };
    let document = stored.and_then(|stored| stored.document.as_ref());
    let before = match document.map(|document| (document, Scope::stored(&document.form))) {
        Some((document, Scope::Events(before))) => (0..)
            .zip(before)
            .filter_map(|(place, slug)| Some((slug, document.event_number(place)?)))
            .collect(),
        _ => HashMap::new(),
    };
    let numbers = slugs.iter().map(|slug| before.get(slug).copied().unwrap_or(latest));
    Document::shortened(numbers.collect())
}

impl Stored {
    fn data(&self) -> Option<Data> {
        self.document.as_ref().map(|document| Data {
            identifier: self.schedule.content.export_identifier.clone(),
            form: document.form.clone(),
            date_ranges: document.date_ranges.clone(),
            event_numbers: document.event_numbers.clone(),
        })
    }
}

/// Whether a form is the stored one, or the stored one as this caller is shown it.
fn is_as_it_was(
    by: &impl Access,
    facts: &AccessFacts,
    stored: &Stored,
    form: &Map<String, Value>,
) -> Result<bool, Problem> {
    let Some(document) = &stored.document else {
        return Ok(false);
    };
    if *form == document.form {
        return Ok(true);
    }
    let Scope::Events(slugs) = &stored.scope else {
        return Ok(false);
    };
    if facts.event_level {
        return Ok(false);
    }
    let mut visible = Vec::new();
    for part in slugs.chunks(MAX_SLUGS) {
        visible.extend(by.visible_events(part).map_err(lookup_problem)?);
    }
    visible.sort_unstable();
    let mut shown = document.form.clone();
    let events = slugs.iter().filter(|slug| visible.binary_search(slug).is_ok());
    shown.insert(EVENTS.to_owned(), events.cloned().collect());
    Ok(*form == shown)
}
