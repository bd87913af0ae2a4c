//! Permission checks: the operations that credentials allow, and the data that a change can export.

use std::collections::BTreeSet;

use crate::contract::{AccessContext, Caller, Exporter, Problem, Reach, RightsOf, Schedule};
use crate::form::EventSelection;
use crate::host::Access;
use crate::language::Language;
use crate::message::{Forbidden, ValidationError};

use super::change::ExistingSchedule;
use super::{MAX_SLUGS, lookup_problem};

/// A token or device can read schedules only with permission to change settings; a user can always read their own.
pub(super) fn check_read(facts: &AccessContext) -> Result<(), Problem> {
    let user = matches!(facts.caller, Caller::User(_));
    require(user || facts.may_change_settings, Forbidden::SeesNone, facts)
}

pub(super) fn check_write(facts: &AccessContext) -> Result<(), Problem> {
    require(facts.may_write, Forbidden::ReadOnly, facts)
}

pub(super) fn check_create(facts: &AccessContext) -> Result<(), Problem> {
    let user = matches!(facts.caller, Caller::User(_));
    require(user, Forbidden::OnlyUsersCreate, facts)
}

/// A preview reads no schedule, so it is allowed with any credentials that can create or read one.
pub(super) fn check_preview(facts: &AccessContext) -> Result<(), Problem> {
    let device = matches!(facts.caller, Caller::Device);
    require(!device, Forbidden::DevicesPreviewNothing, facts)
}

pub(super) fn check_take_over(facts: &AccessContext) -> Result<(), Problem> {
    let user = matches!(facts.caller, Caller::User(_));
    require(user, Forbidden::OnlyUsersTakeOver, facts)
}

/// A test is mailed to the user who requests it.
pub(super) fn check_test(facts: &AccessContext) -> Result<(), Problem> {
    let user = matches!(facts.caller, Caller::User(_));
    require(user, Forbidden::OnlyUsersTest, facts)?;
    check_write(facts)
}

/// Whether the caller is the schedule's owner.
pub(super) fn is_owner(facts: &AccessContext, schedule: &Schedule) -> bool {
    match (&facts.caller, &schedule.owner) {
        (Caller::User(caller), Some(owner)) => caller.id == owner.id,
        _ => false,
    }
}

fn require(allowed: bool, otherwise: Forbidden, facts: &AccessContext) -> Result<(), Problem> {
    if allowed {
        Ok(())
    } else {
        Err(forbidden(otherwise, facts))
    }
}

fn forbidden(reason: Forbidden, facts: &AccessContext) -> Problem {
    Problem::Forbidden(reason.message(Language::of_tag(&facts.language)))
}

/// The exporter with this identifier, if the subject is permitted to run it here.
pub(super) fn exporter(by: &impl Access, whose: RightsOf, identifier: &str) -> Result<Option<Exporter>, Problem> {
    let exporters = by.available(whose, Some(identifier)).map_err(lookup_problem)?;
    Ok(exporters.into_iter().find(|exporter| exporter.identifier == identifier))
}

/// The stored exporter, if a caller who is not the owner is permitted to change the schedule or take it over.
///
/// The caller must be permitted to export everything that the schedule can ever export. Otherwise, a recipient that the caller adds
/// could receive data that the caller must not read. The current permissions of the owner are not enough to check: an owner who left
/// all teams can rejoin any of them, and events can be added. So only a caller with permission for all events can change a schedule
/// of all events.
///
/// # Errors
/// `Forbidden` if the caller is not permitted.
pub(super) fn existing_exporter(
    by: &impl Access,
    facts: &AccessContext,
    stored: &ExistingSchedule,
) -> Result<Exporter, Problem> {
    let Some(exporter) = exporter(by, RightsOf::Caller, &stored.schedule.content.export_identifier)? else {
        return Err(forbidden(Forbidden::DataNotPermitted, facts));
    };
    match &stored.selection {
        _ if facts.event_level => Ok(exporter),
        EventSelection::Events(slugs) if not_permitted(by, RightsOf::Caller, &exporter, slugs)?.is_empty() => {
            Ok(exporter)
        }
        EventSelection::Events(_) => Err(forbidden(Forbidden::DataNotPermitted, facts)),
        EventSelection::All if can_export_all_events(by, &exporter)? => Ok(exporter),
        EventSelection::All => Err(forbidden(Forbidden::AllEventsNotPermitted, facts)),
    }
}

/// Whether the caller is permitted to change the schedule at all. Events and exporters that a change adds are checked with it.
///
/// # Errors
/// `Forbidden` if the caller is not permitted.
pub(super) fn check_change(by: &impl Access, facts: &AccessContext, stored: &ExistingSchedule) -> Result<(), Problem> {
    check_write(facts)?;
    if !stored.own {
        existing_exporter(by, facts, stored)?;
    }
    Ok(())
}

/// Whether the caller is permitted to export all events with this exporter, including future ones.
pub(super) fn can_export_all_events(by: &impl Access, exporter: &Exporter) -> Result<bool, Problem> {
    let reach = by
        .usable_events(RightsOf::Caller, &exporter.identifier, None)
        .map_err(lookup_problem)?;
    Ok(reach == Reach::AllEvents)
}

/// The error in the event selection of a form that is to be stored, with the key of the form; `None` if there is none.
///
/// The caller must be permitted to export the events. If the schedule has another owner, the owner must be permitted to export the
/// events that are added, and a caller who selects all events must be permitted to export all, including future ones.
pub(super) fn event_selection_error(
    by: &impl Access,
    stored: Option<&ExistingSchedule>,
    exporter: &Exporter,
    selection: &EventSelection,
) -> Result<Option<(&'static str, ValidationError)>, Problem> {
    let others = stored.filter(|stored| !stored.own);
    // The previous selection, with this exporter.
    let previous = others
        .filter(|stored| stored.schedule.content.export_identifier == exporter.identifier)
        .map(|stored| &stored.selection);
    match selection {
        EventSelection::Events(slugs) => {
            let forbidden = not_permitted(by, RightsOf::Caller, exporter, slugs)?;
            if !forbidden.is_empty() {
                return Ok(Some((
                    crate::form::EVENTS,
                    ValidationError::EventsNotPermitted(forbidden),
                )));
            }
            let Some(stored) = others else { return Ok(None) };
            let mut added = slugs.clone();
            if let Some(EventSelection::Events(old)) = previous {
                let old: BTreeSet<&String> = old.iter().collect();
                added.retain(|slug| !old.contains(slug));
            }
            let forbidden = not_permitted(by, RightsOf::OwnerOf(stored.schedule.id), exporter, &added)?;
            Ok((!forbidden.is_empty()).then_some((
                crate::form::EVENTS,
                ValidationError::EventsNotPermittedForOwner(forbidden),
            )))
        }
        // The owner's own schedule of all events exports those that the owner is permitted to export.
        EventSelection::All if others.is_none() || can_export_all_events(by, exporter)? => Ok(None),
        EventSelection::All => Ok(Some((crate::form::ALL_EVENTS, ValidationError::AllEventsNotPermitted))),
    }
}

/// The slugs that the subject is not permitted to export with this exporter. Queries the host only if there are any.
pub(super) fn not_permitted(
    by: &impl Access,
    whose: RightsOf,
    exporter: &Exporter,
    slugs: &[String],
) -> Result<Vec<String>, Problem> {
    if slugs.is_empty() {
        return Ok(Vec::new());
    }
    let mut usable = Vec::new();
    for part in slugs.chunks(MAX_SLUGS) {
        let reach = by
            .usable_events(whose, &exporter.identifier, Some(part))
            .map_err(lookup_problem)?;
        let Reach::Events(found) = reach else {
            // That does not say which of the slugs are events.
            let violation = "the host answered all events where it was asked about some";
            return Err(Problem::Unavailable(violation.to_owned()));
        };
        usable.extend(found);
    }
    usable.sort_unstable();
    let unusable = slugs.iter().filter(|slug| usable.binary_search(slug).is_err());
    Ok(unusable.cloned().collect())
}
