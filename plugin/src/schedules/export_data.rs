//! Exporter and form of a schedule.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::contract::{AccessContext, Exporter, FieldError, FormError, Problem, RightsOf};
use crate::document::Document;
use crate::form::{self, ALL_EVENTS, EVENTS, EventSelection, ValidatedForm};
use crate::host::Access;
use crate::language::Language;
use crate::message::ValidationError;

use super::change::ExistingSchedule;
use super::request_body::FormField;
use super::{MAX_SLUGS, lookup_problem, permissions};

/// Name of the field.
pub(super) const EXPORTER: &str = "export_identifier";

/// Valid exporter and form, as they are stored.
pub(super) struct ExportData {
    pub(super) identifier: String,
    pub(super) form: Map<String, Value>,
    pub(super) date_ranges: Vec<String>,
    pub(super) event_numbers: Vec<u64>,
}

/// Validates exporter and form against the exporters of the host. `None` if there is an error, which has been added to `errors` or to
/// the ones of the request body.
///
/// `permitted` is the stored exporter if the caller is known to be permitted to run it. A change by another user always has it.
pub(super) fn validate(
    by: &impl Access,
    facts: &AccessContext,
    stored: Option<&ExistingSchedule>,
    permitted: Option<Exporter>,
    identifier: Option<String>,
    form: FormField,
    errors: &mut Vec<FieldError>,
) -> Result<Option<ExportData>, Problem> {
    let Some(identifier) = identifier else {
        return Ok(None);
    };
    let language = Language::of_tag(&facts.language);
    let unchanged = stored.filter(|stored| stored.schedule.content.export_identifier == identifier);
    if let (Some(stored), FormField::Omitted) = (unchanged, &form) {
        return Ok(stored.data());
    }
    let exporter = match (unchanged, permitted) {
        (Some(_), Some(exporter)) => Some(exporter),
        _ => permissions::exporter(by, RightsOf::Caller, &identifier)?,
    };
    let Some(exporter) = exporter else {
        let Some(stored) = unchanged.filter(|stored| stored.own) else {
            errors.push(ValidationError::UnknownExporter(identifier).at(&[EXPORTER], language));
            return Ok(None);
        };
        if let FormField::Given(form) = &form
            && is_unchanged(by, facts, stored, form)?
        {
            return Ok(stored.data());
        }
        if let FormField::Given(_) = form {
            errors.push(ValidationError::ExporterRemoved(identifier).at(&[form::NAME], language));
        }
        return Ok(None);
    };
    let others = stored.filter(|stored| !stored.own && unchanged.is_none());
    if let Some(stored) = others
        && permissions::exporter(by, RightsOf::OwnerOf(stored.schedule.id), &identifier)?.is_none()
    {
        errors.push(ValidationError::ExporterNotPermittedForOwner(identifier).at(&[EXPORTER], language));
        return Ok(None);
    }
    let form = match (form, stored.and_then(|stored| stored.document.as_ref())) {
        (FormField::Given(form), _) => form,
        (FormField::Omitted, Some(document)) => document.form.clone(),
        (FormField::Omitted, None) | (FormField::Invalid, _) => return Ok(None),
    };
    let mut checked = form::check(&exporter, form, facts.event_level, language);
    let mut form_errors = std::mem::take(&mut checked.errors);
    if let Some(selection) = &checked.selection
        && let Some((key, error)) = permissions::event_selection_error(by, stored, &exporter, selection)?
    {
        form_errors.push(error.at(&[form::NAME, key], language));
    }
    if !form_errors.is_empty() {
        errors.append(&mut form_errors);
        return Ok(None);
    }
    let checked = match check_changed(by, facts, unchanged, &exporter, checked)? {
        Ok(checked) => checked,
        Err(mut host_errors) => {
            errors.append(&mut host_errors);
            return Ok(None);
        }
    };
    let event_numbers = if facts.event_level {
        Vec::new()
    } else {
        event_numbers(&checked.form, stored, facts.settings.latest_event)
    };
    Ok(Some(ExportData {
        identifier,
        event_numbers,
        form: checked.form,
        date_ranges: checked.date_ranges,
    }))
}

/// Has the host check a form that is new or differs from the stored one, and returns it as the host wants it stored.
fn check_changed(
    by: &impl Access,
    facts: &AccessContext,
    unchanged: Option<&ExistingSchedule>,
    exporter: &Exporter,
    mut checked: ValidatedForm,
) -> Result<Result<ValidatedForm, Vec<FieldError>>, Problem> {
    let stored = unchanged.and_then(|stored| stored.document.as_ref());
    if stored.is_some_and(|stored| stored.form == checked.form) {
        return Ok(Ok(checked));
    }
    let selects_events = form::selects_events(exporter, facts.event_level);
    let form = match check_by_host(by, facts, &exporter.identifier, &checked.form, selects_events)? {
        Ok(form) => form,
        Err(errors) => return Ok(Err(errors)),
    };
    checked
        .date_ranges
        .retain(|key| form.get(key).is_some_and(Value::is_string));
    checked.form = form;
    Ok(Ok(checked))
}

/// Has the host check a form with the caller's permissions, which the caller of this function has checked. The owner's can be lost.
/// The events stay those whose permissions have been checked.
pub(super) fn check_by_host(
    by: &impl Access,
    facts: &AccessContext,
    identifier: &str,
    form: &Map<String, Value>,
    selects_events: bool,
) -> Result<Result<Map<String, Value>, Vec<FieldError>>, Problem> {
    let language = Language::of_tag(&facts.language);
    let given = serde_json::to_string(form).expect("a form has string keys only");
    let answer = match by.check_form(RightsOf::Caller, identifier, &given) {
        Ok(answer) => answer,
        Err(FormError::NotFound) => {
            let error = ValidationError::UnknownExporter(identifier.to_owned());
            return Ok(Err(vec![error.at(&[EXPORTER], language)]));
        }
        Err(FormError::Invalid(mut errors)) => {
            for error in &mut errors {
                error.path.insert(0, form::NAME.to_owned());
            }
            return Ok(Err(errors));
        }
        Err(FormError::Unavailable(why)) => return Err(Problem::Unavailable(why)),
    };
    if answer == given {
        return Ok(Ok(form.clone()));
    }
    let Ok(mut stored) = serde_json::from_str::<Map<String, Value>>(&answer) else {
        let violation = "contract violation: the host answered a form that is not an object";
        return Err(Problem::Unavailable(violation.to_owned()));
    };
    if selects_events {
        for key in [ALL_EVENTS, EVENTS] {
            match form.get(key) {
                Some(value) => _ = stored.insert(key.to_owned(), value.clone()),
                None => _ = stored.shift_remove(key),
            }
        }
    }
    Ok(Ok(stored))
}

/// [`Document::event_numbers`] of a form. An event that the stored form has keeps its number.
fn event_numbers(form: &Map<String, Value>, stored: Option<&ExistingSchedule>, latest: u64) -> Vec<u64> {
    let EventSelection::Events(slugs) = EventSelection::stored(form) else {
        return Vec::new();
    };
    let document = stored.and_then(|stored| stored.document.as_ref());
    let before = match document.map(|document| (document, EventSelection::stored(&document.form))) {
        Some((document, EventSelection::Events(before))) => (0..)
            .zip(before)
            .filter_map(|(index, slug)| Some((slug, document.event_number(index)?)))
            .collect(),
        _ => HashMap::new(),
    };
    let numbers = slugs.iter().map(|slug| before.get(slug).copied().unwrap_or(latest));
    Document::shortened(numbers.collect())
}

impl ExistingSchedule {
    fn data(&self) -> Option<ExportData> {
        self.document.as_ref().map(|document| ExportData {
            identifier: self.schedule.content.export_identifier.clone(),
            form: document.form.clone(),
            date_ranges: document.date_ranges.clone(),
            event_numbers: document.event_numbers.clone(),
        })
    }
}

/// Whether a form is the stored one, or the part of it that this caller can see.
fn is_unchanged(
    by: &impl Access,
    facts: &AccessContext,
    stored: &ExistingSchedule,
    form: &Map<String, Value>,
) -> Result<bool, Problem> {
    let Some(document) = &stored.document else {
        return Ok(false);
    };
    if *form == document.form {
        return Ok(true);
    }
    let EventSelection::Events(slugs) = &stored.selection else {
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
