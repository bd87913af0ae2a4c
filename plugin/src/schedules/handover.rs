//! Handing over: whoever could run the export himself makes himself the owner.

use crate::contract::{AccessFacts, Content, MissedRange, Problem, ScheduleId, StoreError};
use crate::host::Access;
use crate::language::Language;
use crate::notice::Change;
use crate::passed::write_unrecorded;

use super::body::Body;
use super::change::{ATTEMPTS, Stored};
use super::plan::plan;
use super::telling;
use super::{problem, resource, rights};

/// Makes the caller the owner. It counts as a change: the failures are forgotten, and the next run is planned again. Events that
/// are gone leave the form, so that it asks for what the new owner can see. Whose it is already keeps it as it is.
pub(super) fn take_over(by: &impl Access, id: ScheduleId, json: &str) -> Result<String, Problem> {
    let facts = by.facts();
    let language = Language::of_tag(&facts.language);
    rights::sees(&facts)?;
    rights::takes_over(&facts)?;
    rights::writes(&facts)?;
    for _ in 0..ATTEMPTS {
        let schedule = by.get(id).map_err(|error| problem(error, language))?;
        if !json.trim().is_empty() {
            // There is nothing to say in it, but what is no object at all is somebody's mistake.
            Body::read(json, language)?;
        }
        if rights::owns(&facts, &schedule) {
            return Ok(resource::versioned(by, &facts, schedule)?.document);
        }
        let stored = Stored::new(schedule.clone(), &facts).without_missing_events(by, &facts)?;
        rights::runs_stored(by, &facts, &stored)?;
        let (content, missed) = planned(&stored, &facts);
        let take_over = |missed: &[_]| by.take_over(id, stored.schedule.version, &content, missed);
        match write_unrecorded(missed, stored.before().timetable, take_over) {
            Ok(taken) => {
                telling::notify_owner(by, &facts, &schedule, Change::TakenOver(&taken.content));
                return Ok(resource::versioned(by, &facts, taken)?.document);
            }
            Err(StoreError::Stale) => {}
            Err(error) => return Err(problem(error, language)),
        }
    }
    Err(Problem::Stale)
}

/// What is stored, started again. A document that can't be read keeps its plan: that run fails, and the new owner learns why.
fn planned(stored: &Stored, facts: &AccessFacts) -> (Content, Vec<MissedRange>) {
    let old = &stored.schedule.content;
    let (next_run, missed) = match stored.before().timetable {
        Some(timetable) => {
            let plan = plan(old, stored.before(), timetable, facts.settings.now);
            (plan.next_run, plan.missed)
        }
        None => (old.next_run, Vec::new()),
    };
    let content = Content {
        next_run,
        active: true,
        error_counter: 0,
        ..old.clone()
    };
    (content, missed)
}
