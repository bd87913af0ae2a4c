//! The verbs `run` and `test`: runs that a user or a program requests.

use serde_json::json;

use crate::contract::{
    AccessContext, Acted, Content, Instant, Position, Problem, RequestError, RightsOf, RunId, RunQuery, RunRequest,
    ScheduleId,
};
use crate::form::EventSelection;
use crate::host::Access;
use crate::language::Language;
use crate::message::{Forbidden, ValidationError};
use crate::text;

use super::change::{self, ExistingSchedule, OmittedFields};
use super::request_body::RequestBody;
use super::{pause, permissions, problem, timestamp};

/// Parameter and field: the due time of a run.
pub(super) const DUE: &str = "due";

/// Runs a schedule now, or once more for a past due time. The run has its owner's permissions and goes to all its recipients, so
/// the caller needs the permission that a change of the schedule needs.
///
/// # Errors
/// `Invalid` if `due` is neither a past due time of the rule nor in the run history; `Forbidden`, `NotFound`, `TooMany`.
pub(super) fn run(by: &impl Access, id: ScheduleId, json: &str) -> Result<Acted, Problem> {
    let facts = by.context();
    let language = Language::of_tag(&facts.language);
    permissions::check_read(&facts)?;
    permissions::check_write(&facts)?;
    let schedule = by.get(id).map_err(|error| problem(error, language))?;
    let stored = ExistingSchedule::new(schedule, &facts);
    let mut body = pause::body(json, &facts)?;
    let given = body.optional_text(DUE, None);
    let (Some(given), true) = (given, body.errors.is_empty()) else {
        return Err(Problem::Invalid(body.errors));
    };
    permissions::check_change(by, &facts, &stored)?;
    let what = match given {
        None => RunRequest::Now,
        Some(given) => RunRequest::Rerun(past_due_time(by, &facts, &stored, body, given)?),
    };
    let kind = if what == RunRequest::Now { "now" } else { "rerun" };
    acted(by.request_run(Some(id), &what), kind, language)
}

/// Runs the stored schedule with the caller's permissions and to the caller alone, with the given changes if there are any.
///
/// # Errors
/// `Malformed`, `Invalid`; `Forbidden` unless the caller is a user with permission to export its data; `NotFound`, `TooMany`.
pub(super) fn test_stored(by: &impl Access, id: ScheduleId, json: &str) -> Result<Acted, Problem> {
    let facts = by.context();
    let language = Language::of_tag(&facts.language);
    permissions::check_read(&facts)?;
    permissions::check_test(&facts)?;
    let schedule = by.get(id).map_err(|error| problem(error, language))?;
    let stored = ExistingSchedule::new(schedule, &facts);
    let changes = !pause::body(json, &facts)?.is_empty();
    let content = match changes {
        true => Some(change::changed_content(by, &facts, &stored, json, OmittedFields::Unchanged)?.0),
        false => {
            check_data(by, &facts, &stored)?;
            None
        }
    };
    acted(by.request_run(Some(id), &RunRequest::Test(content)), "test", language)
}

/// Runs a document that is not stored, with the caller's permissions and to the caller alone.
///
/// # Errors
/// As for [`super::create`], and `TooMany`.
pub(super) fn test_document(by: &impl Access, json: &str) -> Result<Acted, Problem> {
    let facts = by.context();
    let language = Language::of_tag(&facts.language);
    permissions::check_test(&facts)?;
    let content: Content = change::new_content(by, &facts, json)?;
    acted(by.request_run(None, &RunRequest::Test(Some(content))), "test", language)
}

/// Whether the caller is permitted to export what the schedule exports. All events are those that the caller can export.
fn check_data(by: &impl Access, facts: &AccessContext, stored: &ExistingSchedule) -> Result<(), Problem> {
    let language = Language::of_tag(&facts.language);
    let forbidden = || Problem::Forbidden(Forbidden::TestDataNotPermitted.message(language));
    let identifier = &stored.schedule.content.export_identifier;
    let exporter = permissions::exporter(by, RightsOf::Caller, identifier)?.ok_or_else(forbidden)?;
    match &stored.selection {
        EventSelection::Events(slugs) if !facts.event_level => {
            let forbidden_slugs = permissions::not_permitted(by, RightsOf::Caller, &exporter, slugs)?;
            forbidden_slugs.is_empty().then_some(()).ok_or_else(forbidden)
        }
        EventSelection::Events(_) | EventSelection::All => Ok(()),
    }
}

/// Parses a due time that has passed.
fn past_due_time(
    by: &impl Access,
    facts: &AccessContext,
    stored: &ExistingSchedule,
    mut body: RequestBody,
    given: String,
) -> Result<Instant, Problem> {
    let error = match timestamp::read(&given) {
        None => ValidationError::InvalidDateTime(given),
        Some(due) if due > facts.settings.now => ValidationError::NotPast(given),
        Some(due) => {
            let recurrence = stored.previous_recurrence().recurrence;
            if recurrence.is_some_and(|recurrence| recurrence.contains(due)) || was_due(by, facts, stored, due)? {
                return Ok(due);
            }
            ValidationError::NeverDue(given)
        }
    };
    body.add_error(DUE, &error);
    Err(Problem::Invalid(body.errors))
}

/// Whether the run history has this due time.
fn was_due(by: &impl Access, facts: &AccessContext, stored: &ExistingSchedule, due: Instant) -> Result<bool, Problem> {
    let page = by
        .runs(stored.schedule.id, &at(due))
        .map_err(|error| problem(error, Language::of_tag(&facts.language)))?;
    Ok(!page.rows.is_empty())
}

/// The runs of one due time.
pub(super) fn at(due: Instant) -> RunQuery {
    RunQuery {
        since: Some(due),
        until: Some(due),
        ..RunQuery::page(Position::Number(1), 50)
    }
}

fn acted(requested: Result<RunId, RequestError>, kind: &str, language: Language) -> Result<Acted, Problem> {
    let run = requested.map_err(|error| match error {
        RequestError::NotFound => Problem::NotFound,
        RequestError::Forbidden => Problem::Forbidden(Forbidden::ByHost.message(language)),
        RequestError::TooMany(seconds) => {
            Problem::TooMany((seconds, text::too_many_runs(language, &waiting(seconds, language))))
        }
        RequestError::Unavailable(why) => Problem::Unavailable(why),
    })?;
    Ok(Acted {
        document: json!({"run": run, "kind": kind}).to_string(),
        run: Some(run),
    })
}

/// A time to wait: in seconds, or above two minutes in minutes.
fn waiting(seconds: u32, language: Language) -> String {
    match seconds {
        ..=120 => text::wait_seconds(language, seconds),
        _ => text::wait_minutes(language, seconds.div_ceil(60)),
    }
}
