//! Who may do what: what credentials allow at all, and whose data a change may reach.

use std::collections::BTreeSet;

use crate::contract::{AccessFacts, Caller, Exporter, Problem, Reach, Schedule, Subject};
use crate::form::Scope;
use crate::host::Access;
use crate::language::Language;
use crate::message::{Fault, Refusal};

use super::change::Stored;
use super::{MAX_SLUGS, lookup_problem};

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

/// A preview reads nothing, so any credentials that could make or see a schedule are good enough.
pub(super) fn previews(facts: &AccessFacts) -> Result<(), Problem> {
    let device = matches!(facts.caller, Caller::Device);
    refuse_unless(!device, Refusal::DevicesPreviewNothing, facts)
}

pub(super) fn takes_over(facts: &AccessFacts) -> Result<(), Problem> {
    let user = matches!(facts.caller, Caller::User(_));
    refuse_unless(user, Refusal::OnlyUsersTakeOver, facts)
}

/// Whether the caller is the schedule's owner.
pub(super) fn owns(facts: &AccessFacts, schedule: &Schedule) -> bool {
    match (&facts.caller, &schedule.owner) {
        (Caller::User(caller), Some(owner)) => caller.id == owner.id,
        _ => false,
    }
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

/// The stored exporter, if a caller who is not the owner may change the schedule or take it over.
///
/// The caller must be able to export everything that the schedule may ever export, or a recipient that the caller adds gets what
/// the caller must not read. What its owner may export today says nothing about that: an owner out of all teams can come back to
/// any of them, and an event can be added. So whoever changes a schedule of all events must reach all events, by a right to all.
///
/// # Errors
/// `Forbidden` where the caller may not.
pub(super) fn runs_stored(by: &impl Access, facts: &AccessFacts, stored: &Stored) -> Result<Exporter, Problem> {
    let refused = |refusal: Refusal| Problem::Forbidden(refusal.message(Language::of_tag(&facts.language)));
    let Some(exporter) = exporter(by, Subject::Caller, &stored.schedule.content.export_identifier)? else {
        return Err(refused(Refusal::DataOutOfReach));
    };
    match &stored.scope {
        _ if facts.event_level => Ok(exporter),
        Scope::Events(slugs) if unusable(by, Subject::Caller, &exporter, slugs)?.is_empty() => Ok(exporter),
        Scope::Events(_) => Err(refused(Refusal::DataOutOfReach)),
        Scope::All if reaches_all_events(by, &exporter)? => Ok(exporter),
        Scope::All => Err(refused(Refusal::AllEventsOutOfReach)),
    }
}

/// Whether the caller may export all events with this exporter, those to come included.
fn reaches_all_events(by: &impl Access, exporter: &Exporter) -> Result<bool, Problem> {
    let reach = by
        .usable_events(Subject::Caller, &exporter.identifier, None)
        .map_err(lookup_problem)?;
    Ok(reach == Reach::AllEvents)
}

/// What is wrong with the events of a form that is to be stored; none: nothing. With the key of the form that is wrong.
///
/// They must be open to the caller. Where the schedule is another user's, those that it did not have before must be open to
/// its owner as well, and a caller who asks for all events must reach all, those to come included.
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
                let old: BTreeSet<&String> = old.iter().collect();
                added.retain(|slug| !old.contains(slug));
            }
            let beyond = unusable(by, Subject::OwnerOf(stored.schedule.id), exporter, &added)?;
            Ok((!beyond.is_empty()).then_some((crate::form::EVENTS, Fault::EventsBeyondOwner(beyond))))
        }
        // One's own schedule of all events exports those that one may export oneself.
        Scope::All if others.is_none() || reaches_all_events(by, exporter)? => Ok(None),
        Scope::All => Ok(Some((crate::form::ALL_EVENTS, Fault::AllEventsBeyondCaller))),
    }
}

/// Those of the slugs that the subject may not export with this exporter. Asks only where there are slugs.
fn unusable(by: &impl Access, whose: Subject, exporter: &Exporter, slugs: &[String]) -> Result<Vec<String>, Problem> {
    if slugs.is_empty() {
        return Ok(Vec::new());
    }
    let mut usable = Vec::new();
    for part in slugs.chunks(MAX_SLUGS) {
        let reach = by
            .usable_events(whose, &exporter.identifier, Some(part))
            .map_err(lookup_problem)?;
        let Reach::Events(found) = reach else {
            // It would leave open which of the slugs are events.
            let words = "the host answered all events where it was asked about some";
            return Err(Problem::Unavailable(words.to_owned()));
        };
        usable.extend(found);
    }
    usable.sort_unstable();
    let beyond = slugs.iter().filter(|slug| usable.binary_search(slug).is_err());
    Ok(beyond.cloned().collect())
}
