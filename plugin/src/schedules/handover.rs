//! Handing over: whoever could run the export himself makes himself the owner.

use crate::document::Document;
use crate::host::{Access, AccessFacts, Caller, Content, MissedRange, Problem, Schedule, ScheduleId, StoreError};
use crate::language::Language;
use crate::notice::{self, Occasion};
use crate::passed::write_unrecorded;

use super::body::Body;
use super::change::{ATTEMPTS, Stored};
use super::plan::plan;
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
        let stored = Stored::new(schedule, &facts);
        if stored.own {
            return Ok(resource::versioned(by, &facts, stored.schedule)?.document);
        }
        let stored = stored.without_missing_events(by, &facts)?;
        rights::runs_stored(by, &facts, &stored)?;
        let (content, missed) = planned(&stored, &facts);
        let take_over = |missed: &[_]| by.take_over(id, stored.schedule.version, &content, missed);
        match write_unrecorded(missed, stored.before().timetable, take_over) {
            Ok(taken) => {
                tell(by, &facts, &stored, &taken);
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

/// The handover stands also where the former owner can't be told: gone, inactive.
fn tell(by: &impl Access, facts: &AccessFacts, stored: &Stored, taken: &Schedule) {
    let (Some(former), Caller::User(caller)) = (&stored.schedule.owner, &facts.caller) else {
        return;
    };
    let zone = &facts.settings.zone;
    let occasion = Occasion {
        language: Language::of_tag(&former.language),
        title: stored.document.as_ref().map(|document| document.subject.as_str()),
        exporter: &taken.content.export_identifier,
        zone: stored
            .document
            .as_ref()
            .map_or(zone, |document: &Document| document.zone(zone)),
        due: None,
        next_run: taken.content.next_run,
        configuration_url: &facts.settings.configuration_url,
    };
    let notice = notice::taken_over(&occasion, &caller.email);
    let _ = by.notify_former_owner(taken.id, &notice.subject, &notice.text);
}
