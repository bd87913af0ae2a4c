//! Who may do what: what credentials allow at all, and whose data a change may reach.

use crate::form::Scope;
use crate::host::{Access, AccessFacts, Caller, Exporter, Problem, ScheduleId, Subject};
use crate::language::Language;
use crate::message::{Fault, Refusal};

use super::change::Stored;
use super::lookup_problem;

/// A token or device sees schedules only with the right to change settings; a user always sees at least his own.
pub(super) fn sees(facts: &AccessFacts) -> Result<(), Problem> {
    let user = matches!(facts.caller, Caller::User(_));
    refuse_unless(user || facts.may_change_settings, Refusal::SeesNone, facts)
}

pub(super) fn writes(facts: &AccessFacts) -> Result<(), Problem> {
    refuse_unless(facts.may_write, Refusal::ReadsOnly, facts)
}

pub(super) fn creates(facts: &AccessFacts) -> Result<(), Problem> {
    let user = matches!(facts.caller, Caller::User(_));
    refuse_unless(user, Refusal::OnlyUsersCreate, facts)
}

pub(super) fn takes_over(facts: &AccessFacts) -> Result<(), Problem> {
    let user = matches!(facts.caller, Caller::User(_));
    refuse_unless(user, Refusal::OnlyUsersTakeOver, facts)
}

fn refuse_unless(allowed: bool, refusal: Refusal, facts: &AccessFacts) -> Result<(), Problem> {
    if allowed {
        Ok(())
    } else {
        Err(Problem::Forbidden(refusal.message(Language::of_tag(&facts.language))))
    }
}

/// The exporter of this identifier, if the subject may run it here.
pub(super) fn exporter(by: &impl Access, whose: Subject, identifier: &str) -> Result<Option<Exporter>, Problem> {
    let open = by.available(whose, Some(identifier)).map_err(lookup_problem)?;
    Ok(open.into_iter().find(|exporter| exporter.identifier == identifier))
}

/// The stored exporter, if the caller could run it himself on the stored data.
pub(super) fn runs_stored(by: &impl Access, facts: &AccessFacts, stored: &Stored) -> Result<Option<Exporter>, Problem> {
    let Some(exporter) = exporter(by, Subject::Caller, &stored.schedule.content.export_identifier)? else {
        return Ok(None);
    };
    let reaches = match &stored.scope {
        _ if !crate::form::across(&exporter, facts.event_level) => true,
        Scope::Events(slugs) => unusable(by, Subject::Caller, &exporter, slugs)?.is_empty(),
        Scope::All => reaches_all_of_owner(by, &exporter, stored.schedule.id)?,
    };
    Ok(reaches.then_some(exporter))
}

/// Whether every event that the owner may export with this exporter, once active if he is not, is open to the caller too.
fn reaches_all_of_owner(by: &impl Access, exporter: &Exporter, id: ScheduleId) -> Result<bool, Problem> {
    let whose = Subject::OwnerOf(id);
    let owners = by
        .usable_events(whose, &exporter.identifier, None)
        .map_err(lookup_problem)?;
    Ok(unusable(by, Subject::Caller, exporter, &owners)?.is_empty())
}

/// What is wrong with the events of a form that is to be stored; none: nothing. With the key of the form that is wrong.
///
/// They must be open to the caller. Where the schedule is somebody else's, those that it did not have before must be open to
/// its owner as well, and all of the owner's events to the caller.
pub(super) fn events_fault(
    by: &impl Access,
    stored: Option<&Stored>,
    exporter: &Exporter,
    scope: &Scope,
) -> Result<Option<(&'static str, Fault)>, Problem> {
    let others = stored.filter(|stored| !stored.own);
    // Before, with this exporter.
    let before = others
        .filter(|stored| stored.schedule.content.export_identifier == exporter.identifier)
        .map(|stored| &stored.scope);
    match scope {
        Scope::Events(slugs) => {
            let beyond = unusable(by, Subject::Caller, exporter, slugs)?;
            if !beyond.is_empty() {
                return Ok(Some((crate::form::EVENTS, Fault::UnusableEvents(beyond))));
            }
            let Some(stored) = others else { return Ok(None) };
            let mut added = slugs.clone();
            if let Some(Scope::Events(old)) = before {
                added.retain(|slug| !old.contains(slug));
            }
            let beyond = unusable(by, Subject::OwnerOf(stored.schedule.id), exporter, &added)?;
            Ok((!beyond.is_empty()).then_some((crate::form::EVENTS, Fault::EventsBeyondOwner(beyond))))
        }
        Scope::All => match others {
            Some(stored) if before != Some(&Scope::All) && !reaches_all_of_owner(by, exporter, stored.schedule.id)? => {
                Ok(Some((crate::form::ALL_EVENTS, Fault::AllEventsBeyondCaller)))
            }
            _ => Ok(None),
        },
    }
}

/// Those of the slugs that the subject may not export with this exporter. Asks only where there are slugs.
fn unusable(by: &impl Access, whose: Subject, exporter: &Exporter, slugs: &[String]) -> Result<Vec<String>, Problem> {
    if slugs.is_empty() {
        return Ok(Vec::new());
    }
    let mut usable = by
        .usable_events(whose, &exporter.identifier, Some(slugs))
        .map_err(lookup_problem)?;
    usable.sort_unstable();
    let beyond = slugs.iter().filter(|slug| usable.binary_search(slug).is_err());
    Ok(beyond.cloned().collect())
}
