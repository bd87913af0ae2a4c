//! The interface `schedules`: JSON documents in and out.
//!
//! Each function is one export of `wit/schedules.wit`. Order of checks: credentials, visibility of the schedule, `if-version`,
//! validity of the document, permission for the exporter and its data.

mod actions;
mod change;
mod document_view;
mod explain;
mod export_data;
mod exporter_list;
mod form_view;
mod history;
mod manual;
mod overview;
mod owner_notice;
mod pause;
mod permissions;
mod preview;
mod request_body;
mod reschedule;
mod resource;
mod rule_view;
mod status;
mod takeover;
mod timestamp;
mod timing;

use crate::contract::{
    Acted, DocumentPage, Instant, LookupError, PageQuery, Problem, RunQuery, ScheduleId, StoreError, Stored, Versioned,
};
use crate::document::Document;
use crate::host::Access;
use crate::language::Language;
use crate::message::{Forbidden, ValidationError};
use crate::notice::Change;

pub(crate) use self::change::{MAX_SUBJECT_LEN, MAX_TEMPLATE_LEN};
use self::document_view::DocumentView;
pub(crate) use self::timing::MAX_RULE_LEN;

/// Maximum size of a JSON document, in bytes (`types.json`).
pub const MAX_DOCUMENT_SIZE: usize = 64 * 1024;

/// Maximum number of event slugs in one call to the host, which enforces it. The slugs of a page are looked up in parts.
const MAX_SLUGS: usize = 1 << 14;

/// Returns a page of the schedules that the caller can see here.
///
/// # Errors
/// `Forbidden` for a token or device that cannot see any; `NotFound` past the last page.
pub fn list(by: &impl Access, query: &PageQuery) -> Result<DocumentPage, Problem> {
    let facts = by.context();
    let language = Language::of_tag(&facts.language);
    permissions::check_read(&facts)?;
    let page = by.list(query).map_err(|error| problem(error, language))?;
    Ok(DocumentPage {
        total: page.total,
        documents: resource::documents(by, &facts, &page.rows)?,
        next: page.next,
    })
}

/// Returns a schedule.
///
/// # Errors
/// As for [`list`]; `NotFound` if the caller cannot see it.
pub fn get(by: &impl Access, id: ScheduleId) -> Result<Versioned, Problem> {
    let facts = by.context();
    permissions::check_read(&facts)?;
    let schedule = by
        .get(id)
        .map_err(|error| problem(error, Language::of_tag(&facts.language)))?;
    resource::versioned(by, &facts, schedule)
}

/// Creates a schedule owned by the caller.
///
/// # Errors
/// `Malformed`, `Invalid`; `Forbidden` unless the caller is a user with write access.
pub fn create(by: &impl Access, document: &str) -> Result<Versioned, Problem> {
    change::create(by, document)
}

/// Replaces all fields; omitted ones are reset to their defaults.
///
/// # Errors
/// `Malformed`, `Invalid`, `Forbidden`; `Stale` if `if_version` is not the stored one, or without it if others changed the
/// schedule during every attempt.
pub fn replace(
    by: &impl Access,
    id: ScheduleId,
    document: &str,
    if_version: Option<u64>,
) -> Result<Versioned, Problem> {
    change::apply(by, id, document, if_version, change::OmittedFields::Default)
}

/// Changes only the given fields.
///
/// # Errors
/// As for [`replace`].
pub fn patch(by: &impl Access, id: ScheduleId, document: &str, if_version: Option<u64>) -> Result<Versioned, Problem> {
    change::apply(by, id, document, if_version, change::OmittedFields::Unchanged)
}

/// Deletes a schedule, without a check of the permission for its exporter. Notifies an owner who is not the caller.
///
/// # Errors
/// `NotFound`, `Forbidden`; `Stale` as for [`replace`].
pub fn delete(by: &impl Access, id: ScheduleId, if_version: Option<u64>) -> Result<(), Problem> {
    let facts = by.context();
    permissions::check_read(&facts)?;
    permissions::check_write(&facts)?;
    let language = Language::of_tag(&facts.language);
    for _ in 0..change::MAX_ATTEMPTS {
        let schedule = by.get(id).map_err(|error| problem(error, language))?;
        // Exactly the version in the notice to the owner is deleted.
        let version = if_version.unwrap_or(schedule.version);
        match by.delete(id, Some(version)) {
            Ok(()) => {
                owner_notice::notify_owner(by, &facts, &schedule, Change::Deleted);
                return Ok(());
            }
            Err(StoreError::Stale) if if_version.is_none() => {}
            Err(error) => return Err(problem(error, language)),
        }
    }
    Err(Problem::Stale)
}

/// Returns a page of the run history, latest due time first.
///
/// # Errors
/// As for [`get`]; `NotFound` past the last page.
pub fn runs(by: &impl Access, id: ScheduleId, query: &RunQuery) -> Result<DocumentPage, Problem> {
    let facts = by.context();
    permissions::check_read(&facts)?;
    let page = by
        .runs(id, query)
        .map_err(|error| problem(error, Language::of_tag(&facts.language)))?;
    Ok(DocumentPage {
        total: page.total,
        documents: page.rows.iter().map(history::to_json).collect(),
        next: page.next,
    })
}

/// Returns the exporters that the caller is permitted to run; with `only`, that one.
///
/// # Errors
/// `NotFound` if there is no such exporter for this caller.
pub fn exporters(by: &impl Access, only: Option<&str>) -> Result<Vec<String>, Problem> {
    exporter_list::documents(by, only)
}

/// Returns a view, from the parameters of a query.
///
/// | name | without id | with id |
/// |---|---|---|
/// | `preview` | the next runs of a rule, and warnings | |
/// | `rule` | a rule in words, and as the picks of a form | the same of a stored one |
/// | `explain` | | its state in a sentence, what can be done with it, and what became of a due time |
/// | `overview` | a page of the schedules that the caller can see, as rows of a table | |
/// | `form` | the JSON Schema of a new schedule | the same for a stored one, its values, and whether it can be changed |
///
/// # Errors
/// `NotFound` for any other name, and for a schedule or exporter that does not exist for this caller; `Invalid`, `Forbidden`.
pub fn view(
    by: &impl Access,
    id: Option<ScheduleId>,
    name: &str,
    params: &[(String, String)],
) -> Result<String, Problem> {
    match (id, name) {
        (None, "preview") => preview::of_params(&by.context(), params),
        (None, "rule") => rule_view::rule(&by.context(), params),
        (Some(id), "rule") => rule_view::of_schedule(by, id),
        (None, "overview") => overview::overview(by, params),
        (None, "form") => form_view::of_exporter(by, params),
        (Some(id), "form") => form_view::of_schedule(by, id),
        (Some(id), "explain") => explain::explain(by, id, params),
        _ => Err(Problem::NotFound),
    }
}

/// Performs a verb.
///
/// | name | without id | with id |
/// |---|---|---|
/// | `preview` | the next runs of a rule, and warnings | |
/// | `take_over` | | makes the caller the owner |
/// | `pause`, `resume` | | pauses the schedule; resumes one that is paused or stopped |
/// | `run` | | runs the schedule now, or once more for a past due time |
/// | `test` | runs a document that is not stored, to the caller alone | runs the schedule, to the caller alone |
///
/// # Errors
/// `NotFound` for any other verb, and for a schedule that does not exist for this caller; `Malformed`, `Invalid`, `Forbidden`;
/// `Stale` if others changed the schedule during every attempt; `TooMany` runs.
pub fn act(by: &impl Access, id: Option<ScheduleId>, verb: &str, document: &str) -> Result<Acted, Problem> {
    let document = match (id, verb) {
        (Some(id), "run") => return manual::run(by, id, document),
        (Some(id), "test") => return manual::test_stored(by, id, document),
        (None, "test") => return manual::test_document(by, document),
        (None, "preview") => preview::of_document(&by.context(), document)?,
        (Some(id), "take_over") => takeover::take_over(by, id, document)?,
        (Some(id), "pause") => pause::pause(by, id, document)?,
        (Some(id), "resume") => pause::resume(by, id, document)?,
        _ => return Err(Problem::NotFound),
    };
    Ok(Acted { document, run: None })
}

/// Returns the next runs after `after` of stored documents, one result each, in order.
#[must_use]
pub fn replan(rows: &[Stored], after: Instant) -> Vec<Result<Option<Instant>, String>> {
    let next = |row: &Stored| {
        let view = DocumentView::read(&row.document).map_err(|error| format!("stored document: {error}"))?;
        let recurrence = view.recurrence(&row.default_zone).map_err(|errors| {
            let messages: Vec<_> = errors.iter().map(ToString::to_string).collect();
            messages.join(" ")
        })?;
        // The first second of the end of a pause may be a due time.
        let after = row.not_before.map_or(after, |end| after.max(end.saturating_sub(1)));
        Ok(recurrence.next_after(after).map(|run| run.at))
    };
    rows.iter().map(next).collect()
}

fn problem(error: StoreError, language: Language) -> Problem {
    match error {
        StoreError::NotFound => Problem::NotFound,
        StoreError::Stale => Problem::Stale,
        StoreError::Quota(max) => Problem::Invalid(vec![ValidationError::Quota(max).at(&[], language)]),
        StoreError::Forbidden => Problem::Forbidden(Forbidden::ByHost.message(language)),
        // Only functions on a `run` return it.
        StoreError::LeaseLost => {
            Problem::Unavailable("contract violation: the host returned lease-lost for an access handle".to_owned())
        }
        StoreError::AlreadyRecorded(_) => Problem::Unavailable("all missed due times are already recorded".to_owned()),
        StoreError::Unavailable(why) => Problem::Unavailable(why),
    }
}

fn lookup_problem(error: LookupError) -> Problem {
    match error {
        LookupError::NotFound => Problem::NotFound,
        LookupError::Unavailable(why) => Problem::Unavailable(why),
    }
}

/// The stored document, or `None` if it is unreadable.
fn read_stored(text: &str) -> Option<Document> {
    Document::read(text).ok()
}
