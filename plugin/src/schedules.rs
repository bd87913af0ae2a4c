//! Schedules, for people and programs: documents in, documents out.
//!
//! Each function is one export of `wit/schedules.wit`. Order of checks: scope of the credentials, visibility of the schedule,
//! `if-version`, validity of the document, right to the exporter and its data.

mod body;
mod catalogue;
mod change;
mod data;
mod glance;
mod handover;
mod history;
mod instant;
mod plan;
mod preview;
mod resource;
mod rights;
mod telling;
mod when;

use crate::document::Document;
use crate::host::{Access, Instant, LookupError, Page, PageQuery, Position, Problem, ScheduleId, StoreError};
use crate::language::Language;
use crate::message::{Fault, Refusal};

pub(crate) use self::change::{LONGEST_SUBJECT, LONGEST_TEMPLATE};
use self::glance::Glance;
pub(crate) use self::when::LONGEST_RULE;

/// Largest JSON document in and out, in bytes (`types.json`).
pub const LARGEST_DOCUMENT: usize = 64 * 1024;

/// Maximum number of event slugs in one call to the host, which holds a plugin to it: a page names more, and is looked up in parts.
const MAX_SLUGS: usize = 1 << 14;

/// A document, and the version that `if_version` is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    pub document: String,
    pub version: u64,
}

/// Schedules that the caller may see here, as documents.
///
/// # Errors
/// `Forbidden` for a token or device that sees none; `NotFound` past the last page.
pub fn list(by: &impl Access, query: &PageQuery) -> Result<Page<String>, Problem> {
    let facts = by.facts();
    let language = Language::of_tag(&facts.language);
    rights::sees(&facts)?;
    let page = by.list(query).map_err(|error| problem(error, language))?;
    Ok(Page {
        total: page.total,
        rows: resource::documents(by, &facts, &page.rows)?,
        next: page.next,
    })
}

/// One schedule.
///
/// # Errors
/// As for [`list`]; `NotFound` where the caller can't see it.
pub fn get(by: &impl Access, id: ScheduleId) -> Result<Versioned, Problem> {
    let facts = by.facts();
    rights::sees(&facts)?;
    let schedule = by
        .get(id)
        .map_err(|error| problem(error, Language::of_tag(&facts.language)))?;
    resource::versioned(by, &facts, schedule)
}

/// A new schedule of the caller.
///
/// # Errors
/// `Malformed`, `Invalid`; `Forbidden` unless the caller is a user whose credentials may write.
pub fn create(by: &impl Access, document: &str) -> Result<Versioned, Problem> {
    change::create(by, document)
}

/// All fields; left-out ones go back to their defaults.
///
/// # Errors
/// `Malformed`, `Invalid`, `Forbidden`; `Stale` if `if_version` is not the stored one, or the schedule was changed by others
/// at each of a few attempts.
pub fn replace(
    by: &impl Access,
    id: ScheduleId,
    document: &str,
    if_version: Option<u64>,
) -> Result<Versioned, Problem> {
    change::apply(by, id, document, if_version, change::LeftOut::Default)
}

/// Only what is given.
///
/// # Errors
/// As for [`replace`].
pub fn patch(by: &impl Access, id: ScheduleId, document: &str, if_version: Option<u64>) -> Result<Versioned, Problem> {
    change::apply(by, id, document, if_version, change::LeftOut::Kept)
}

/// Removes it. Needs no right to its exporter. An owner who is not the caller is told.
///
/// # Errors
/// `NotFound`, `Forbidden`; `Stale` as for [`replace`].
pub fn delete(by: &impl Access, id: ScheduleId, if_version: Option<u64>) -> Result<(), Problem> {
    let facts = by.facts();
    rights::sees(&facts)?;
    rights::writes(&facts)?;
    let language = Language::of_tag(&facts.language);
    for _ in 0..change::ATTEMPTS {
        let schedule = by.get(id).map_err(|error| problem(error, language))?;
        // The version that was read: what its owner is told is what is removed.
        let version = if_version.unwrap_or(schedule.version);
        match by.delete(id, Some(version)) {
            Ok(()) => {
                telling::tell(by, &facts, &schedule, telling::Deed::Deleted);
                return Ok(());
            }
            Err(StoreError::Stale) if if_version.is_none() => {}
            Err(error) => return Err(problem(error, language)),
        }
    }
    Err(Problem::Stale)
}

/// Run history, latest due time first, as documents.
///
/// # Errors
/// As for [`get`]; `NotFound` past the last page.
pub fn runs(by: &impl Access, id: ScheduleId, at: &Position, size: u32) -> Result<Page<String>, Problem> {
    let facts = by.facts();
    rights::sees(&facts)?;
    let page = by
        .runs(id, at, size)
        .map_err(|error| problem(error, Language::of_tag(&facts.language)))?;
    Ok(Page {
        total: page.total,
        rows: page.rows.iter().map(history::to_json).collect(),
        next: page.next,
    })
}

/// Exporters open to the caller, as documents; with `only`, that one.
///
/// # Errors
/// `NotFound` if there is no such exporter for this caller.
pub fn exporters(by: &impl Access, only: Option<&str>) -> Result<Vec<String>, Problem> {
    catalogue::documents(by, only)
}

/// `preview` without id: the next runs of a rule, and warnings. `take_over` with one: makes the caller the owner.
///
/// # Errors
/// `NotFound` for any other verb; `Malformed`, `Invalid`; for `take_over` also `NotFound`, `Forbidden` and `Stale`.
pub fn act(by: &impl Access, id: Option<ScheduleId>, verb: &str, document: &str) -> Result<String, Problem> {
    match (id, verb) {
        (None, "preview") => preview::answer(&by.facts(), document),
        (Some(id), "take_over") => handover::take_over(by, id, document),
        _ => Err(Problem::NotFound),
    }
}

/// Next runs after `after` of stored documents with their default zones, one answer each, in order.
#[must_use]
pub fn replan<D: AsRef<str>, Z: AsRef<str>>(rows: &[(D, Z)], after: Instant) -> Vec<Result<Option<Instant>, String>> {
    let next = |document: &str, zone: &str| {
        let glance = Glance::read(document).map_err(|error| format!("stored document: {error}"))?;
        let timetable = glance.timetable(zone).map_err(|errors| {
            let words: Vec<_> = errors.iter().map(ToString::to_string).collect();
            words.join(" ")
        })?;
        Ok(timetable.next_after(after).map(|run| run.at))
    };
    rows.iter()
        .map(|(document, zone)| next(document.as_ref(), zone.as_ref()))
        .collect()
}

fn problem(error: StoreError, language: Language) -> Problem {
    match error {
        StoreError::NotFound => Problem::NotFound,
        StoreError::Stale => Problem::Stale,
        StoreError::Quota(most) => Problem::Invalid(vec![Fault::Quota(most).at(&[], language)]),
        StoreError::Forbidden => Problem::Forbidden(Refusal::ByHost.message(language)),
        // Only what takes a `run` answers this.
        StoreError::LeaseLost => {
            Problem::Unavailable("contract violation: the host returned lease-lost for an access handle".to_owned())
        }
        StoreError::Recorded(_) => Problem::Unavailable("all missed due times are already recorded".to_owned()),
        StoreError::Unavailable(why) => Problem::Unavailable(why),
    }
}

fn lookup_problem(error: LookupError) -> Problem {
    match error {
        LookupError::NotFound => Problem::NotFound,
        LookupError::Unavailable(why) => Problem::Unavailable(why),
    }
}

/// The stored document, unless it no longer fits.
fn read_stored(text: &str) -> Option<Document> {
    Document::read(text).ok()
}
