//! The verbs `pause` and `resume`.
//!
//! Like a deletion, they need no permission for the exporter: neither lets the caller read or mail anything that the owner has not
//! set up.

use chrono::NaiveTime;

use crate::contract::{AccessContext, Caller, Content, Instant, Problem, ScheduleId, ScheduleState, StoreError};
use crate::date_range;
use crate::document::{Document, Pause};
use crate::form::text;
use crate::host::Access;
use crate::language::Language;
use crate::message::ValidationError;
use crate::notice::Change;
use crate::past_due::write_unrecorded;
use crate::recurrence::{self, Zone};

use super::change::{ExistingSchedule, MAX_ATTEMPTS, check_size};
use super::request_body::RequestBody;
use super::reschedule::{self, Reschedule};
use super::{owner_notice, permissions, problem, resource, timestamp};

/// Maximum length of a reason, in characters.
pub(crate) const MAX_REASON_LEN: usize = 500;
/// Maximum number of years that a pause can be planned to last.
const MAX_YEARS: u32 = 5;
const SECONDS_IN_YEAR: i64 = 366 * 86_400;

const REASON: &str = "reason";
const UNTIL: &str = "until";

/// Pauses a schedule, or changes reason and end of a pause. Returns the schedule.
pub(super) fn pause(by: &impl Access, id: ScheduleId, json: &str) -> Result<String, Problem> {
    let facts = by.context();
    change(by, &facts, id, |stored| {
        let mut body = body(json, &facts)?;
        let reason = reason(&mut body);
        let until = until(&mut body, stored.zone(&facts), facts.settings.now);
        let (Some(reason), Some(until), true) = (reason, until, body.errors.is_empty()) else {
            return Err(Problem::Invalid(body.errors));
        };
        let old = &stored.schedule.content;
        let plan = reschedule::pause(old, stored.previous_recurrence(), until, facts.settings.now);
        let pause = Pause {
            reason,
            since: facts.settings.now,
            by: match &facts.caller {
                Caller::User(user) => Some(user.email.clone()),
                Caller::Token | Caller::Device => None,
            },
            recorded: facts.settings.now,
        };
        let content = content(stored, &plan, Some(pause), &facts)?;
        Ok(Some((content, plan)))
    })
}

/// Resumes a schedule that is paused or stopped. Nothing changes if it is active. Returns the schedule.
pub(super) fn resume(by: &impl Access, id: ScheduleId, json: &str) -> Result<String, Problem> {
    let facts = by.context();
    change(by, &facts, id, |stored| {
        body(json, &facts)?;
        let old = &stored.schedule.content;
        if old.state == ScheduleState::Active {
            return Ok(None);
        }
        let plan = reschedule::resume(old, stored.previous_recurrence(), facts.settings.now);
        let content = Content {
            error_counter: 0,
            ..content(stored, &plan, None, &facts)?
        };
        Ok(Some((content, plan)))
    })
}

/// Writes the content that `changed` makes of the stored schedule, unless it is `None`.
fn change(
    by: &impl Access,
    facts: &AccessContext,
    id: ScheduleId,
    changed: impl Fn(&ExistingSchedule) -> Result<Option<(Content, Reschedule)>, Problem>,
) -> Result<String, Problem> {
    let language = Language::of_tag(&facts.language);
    permissions::check_read(facts)?;
    permissions::check_write(facts)?;
    for _ in 0..MAX_ATTEMPTS {
        let schedule = by.get(id).map_err(|error| problem(error, language))?;
        let stored = ExistingSchedule::new(schedule, facts);
        let Some((content, plan)) = changed(&stored)? else {
            return Ok(resource::versioned(by, facts, stored.schedule)?.document);
        };
        let update = |missed: &[_]| by.update(id, stored.schedule.version, &content, missed);
        match write_unrecorded(plan.missed, stored.previous_recurrence().recurrence, update) {
            Ok(schedule) => {
                let change = match plan.state {
                    ScheduleState::Paused(_) => Change::Paused(&schedule.content),
                    ScheduleState::Active | ScheduleState::Stopped => Change::Resumed(&schedule.content),
                };
                owner_notice::notify_owner(by, facts, &stored.schedule, change);
                return Ok(resource::versioned(by, facts, schedule)?.document);
            }
            Err(StoreError::Stale) => {}
            Err(error) => return Err(problem(error, language)),
        }
    }
    Err(Problem::Stale)
}

/// The body of a verb, which can be empty.
pub(super) fn body(json: &str, facts: &AccessContext) -> Result<RequestBody, Problem> {
    let json = if json.trim().is_empty() { "{}" } else { json };
    RequestBody::read(json, Language::of_tag(&facts.language))
}

/// The stored content with the state and the plan. A document that cannot be read stays as it is.
fn content(
    stored: &ExistingSchedule,
    plan: &Reschedule,
    paused: Option<Pause>,
    facts: &AccessContext,
) -> Result<Content, Problem> {
    let old = &stored.schedule.content;
    let mut content = Content {
        next_run: plan.next_run,
        state: plan.state,
        error_counter: if old.state == ScheduleState::Stopped {
            0
        } else {
            old.error_counter
        },
        ..old.clone()
    };
    if let Some(document) = &stored.document {
        let document = Document {
            paused,
            ..document.clone()
        };
        content.document = document.to_text();
        check_size(&content, facts)?;
    }
    Ok(content)
}

/// Takes the reason out. The outer `None` means that it is invalid.
fn reason(body: &mut RequestBody) -> Option<Option<String>> {
    let given = body.optional_text(REASON, None)?;
    let Some(given) = given
        .map(|given| given.trim().to_owned())
        .filter(|given| !given.is_empty())
    else {
        return Some(None);
    };
    match text::one_line(&given, MAX_REASON_LEN) {
        Ok(()) => Some(Some(given)),
        Err(error) => {
            body.add_error(REASON, &error);
            None
        }
    }
}

/// Takes the end of the pause out. The outer `None` means that it is invalid.
fn until(body: &mut RequestBody, zone: &str, now: Instant) -> Option<Option<Instant>> {
    let Some(given) = body.optional_text(UNTIL, None)? else {
        return Some(None);
    };
    let latest = now.saturating_add(i64::from(MAX_YEARS) * SECONDS_IN_YEAR);
    let error = match instant(&given, zone) {
        Some(until) if until <= now => ValidationError::NotInFuture(given),
        Some(until) if until > latest => ValidationError::TooFarAhead {
            given,
            years: MAX_YEARS,
        },
        Some(until) => return Some(Some(until)),
        None => ValidationError::InvalidPauseEnd(given),
    };
    body.add_error(UNTIL, &error);
    None
}

/// The instant of a date-time with an offset (RFC 3339), or of the beginning of a day in the zone.
fn instant(text: &str, zone: &str) -> Option<Instant> {
    if let Some(day) = date_range::day(text) {
        let zone = recurrence::zone(zone).unwrap_or(Zone::UTC);
        return Some(recurrence::instant_of(day, NaiveTime::MIN, zone).0);
    }
    timestamp::read(text)
}
