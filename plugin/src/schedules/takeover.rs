//! The verb `take_over`: a user who is permitted to run the export becomes the owner.

use crate::contract::{
    AccessContext, Content, Exporter, MissedRange, Problem, Schedule, ScheduleId, ScheduleState, StateKind, StoreError,
};
use crate::document::Document;
use crate::form;
use crate::host::Access;
use crate::language::Language;
use crate::notice::Change;
use crate::past_due::write_unrecorded;

use super::change::{ExistingSchedule, MAX_ATTEMPTS};
use super::request_body::RequestBody;
use super::reschedule::reschedule;
use super::{change, export_data, owner_notice};
use super::{permissions, problem, resource};

/// Makes the caller the owner. Like any change it resets the failure counter and reschedules the next run. Events that no longer exist
/// are removed from the form, so that it selects events that the new owner can see. Nothing changes if the caller already is the owner.
pub(super) fn take_over(by: &impl Access, id: ScheduleId, json: &str) -> Result<String, Problem> {
    let facts = by.context();
    let language = Language::of_tag(&facts.language);
    permissions::check_read(&facts)?;
    permissions::check_take_over(&facts)?;
    permissions::check_write(&facts)?;
    for _ in 0..MAX_ATTEMPTS {
        let schedule = by.get(id).map_err(|error| problem(error, language))?;
        if !json.trim().is_empty() {
            // No field is defined, but a body that is not an object is an error.
            RequestBody::read(json, language)?;
        }
        if permissions::is_owner(&facts, &schedule) {
            return Ok(resource::versioned(by, &facts, schedule)?.document);
        }
        let stored = ExistingSchedule::new(schedule.clone(), &facts).without_missing_events(by, &facts)?;
        let exporter = permissions::existing_exporter(by, &facts, &stored)?;
        let stored = recheck_form(by, &facts, stored, &schedule, &exporter)?;
        let (content, missed) = taken_content(&stored, &facts);
        let take_over = |missed: &[_]| by.take_over(id, stored.schedule.version, &content, missed);
        match write_unrecorded(missed, stored.previous_recurrence().recurrence, take_over) {
            Ok(taken) => {
                owner_notice::notify_owner(by, &facts, &schedule, Change::TakenOver(&taken.content));
                return Ok(resource::versioned(by, &facts, taken)?.document);
            }
            Err(StoreError::Stale) => {}
            Err(error) => return Err(problem(error, language)),
        }
    }
    Err(Problem::Stale)
}

/// The stored content, active unless it is paused, and the missed due times. An unreadable document keeps its next run, which fails and so notifies the
/// new owner of the reason.
fn taken_content(stored: &ExistingSchedule, facts: &AccessContext) -> (Content, Vec<MissedRange>) {
    let old = &stored.schedule.content;
    let mut content = Content {
        error_counter: 0,
        ..old.clone()
    };
    let (Some(recurrence), Some(document)) = (stored.previous_recurrence().recurrence, &stored.document) else {
        if old.state.at(facts.settings.now) != StateKind::Paused {
            content.state = ScheduleState::Active;
        }
        return (content, Vec::new());
    };
    let plan = reschedule(old, stored.previous_recurrence(), recurrence, facts.settings.now);
    (content.next_run, content.state) = (plan.next_run, plan.state);
    if let Some(pause) = &document.paused {
        let document = Document {
            paused: change::still_paused(pause, &plan, facts),
            ..document.clone()
        };
        content.document = document.to_text();
    }
    (content, plan.missed)
}

/// Has the host check the form if events have been removed from it.
fn recheck_form(
    by: &impl Access,
    facts: &AccessContext,
    mut stored: ExistingSchedule,
    before: &Schedule,
    exporter: &Exporter,
) -> Result<ExistingSchedule, Problem> {
    let (Some(document), true) = (
        &mut stored.document,
        stored.schedule.content.document != before.content.document,
    ) else {
        return Ok(stored);
    };
    let selects_events = form::selects_events(exporter, facts.event_level);
    document.form = export_data::check_by_host(by, facts, &exporter.identifier, &document.form, selects_events)?
        .map_err(Problem::Invalid)?;
    stored.schedule.content.document = document.to_text();
    Ok(stored)
}
