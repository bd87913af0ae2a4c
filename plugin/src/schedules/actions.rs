//! What a caller can do with a schedule, and why not.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::contract::{AccessContext, Caller, Exporter, Problem, RightsOf, Schedule, ScheduleState, StateKind};
use crate::form::EventSelection;
use crate::host::Access;
use crate::language::Language;
use crate::message::Forbidden;
use crate::text;

use super::{lookup_problem, permissions};

/// One verb. `change` is `PATCH` or `PUT`, `delete` is `DELETE`; the others are verbs of [`super::act`].
#[derive(Debug, Serialize)]
pub(super) struct Action {
    verb: &'static str,
    label: &'static str,
    allowed: bool,
    /// One sentence; omitted if it is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<&'static str>,
}

/// The data that a caller is permitted to export, for the schedules of a page: one query for the exporters, and at most two for each
/// exporter of the page.
pub(super) struct DataPermissions {
    pub(super) exporters: Vec<Exporter>,
    /// Exporters with which the caller can export all events, including future ones.
    all_events: BTreeSet<String>,
    /// Events that the caller can not export, by exporter.
    not_permitted: BTreeMap<String, Vec<String>>,
}

impl DataPermissions {
    pub(super) fn of<'a>(
        by: &impl Access,
        facts: &AccessContext,
        exporters: Vec<Exporter>,
        rows: impl Iterator<Item = (&'a Schedule, &'a EventSelection)>,
    ) -> Result<Self, Problem> {
        let mut permissions = Self {
            exporters,
            all_events: BTreeSet::new(),
            not_permitted: BTreeMap::new(),
        };
        if facts.event_level {
            return Ok(permissions);
        }
        let mut whole = BTreeSet::new();
        let mut named: BTreeMap<&str, BTreeSet<&String>> = BTreeMap::new();
        for (schedule, selection) in rows {
            let identifier = schedule.content.export_identifier.as_str();
            match selection {
                // The owner's own schedule of all events exports those that the owner can export.
                EventSelection::All if permissions::is_owner(facts, schedule) => {}
                EventSelection::All => _ = whole.insert(identifier),
                EventSelection::Events(slugs) => named.entry(identifier).or_default().extend(slugs),
            }
        }
        for exporter in &permissions.exporters {
            let identifier = exporter.identifier.as_str();
            if whole.contains(identifier) && permissions::can_export_all_events(by, exporter)? {
                permissions.all_events.insert(identifier.to_owned());
            }
            let slugs: Vec<String> = named.remove(identifier).into_iter().flatten().cloned().collect();
            let mut slugs = permissions::not_permitted(by, RightsOf::Caller, exporter, &slugs)?;
            slugs.sort_unstable();
            permissions.not_permitted.insert(identifier.to_owned(), slugs);
        }
        Ok(permissions)
    }

    /// The exporter, if the caller is permitted to run it.
    pub(super) fn exporter(&self, identifier: &str) -> Option<&Exporter> {
        self.exporters.iter().find(|exporter| exporter.identifier == identifier)
    }

    /// Why the caller cannot run the schedule with their own permissions.
    fn test(&self, identifier: &str, selection: &EventSelection) -> Option<Forbidden> {
        let permitted = self.exporter(identifier).is_some() && self.can_export(identifier, selection);
        (!permitted).then_some(Forbidden::TestDataNotPermitted)
    }

    /// Why the caller, who is not the owner, cannot change the schedule: as [`permissions::existing_exporter`].
    fn change(&self, facts: &AccessContext, identifier: &str, selection: &EventSelection) -> Option<Forbidden> {
        if self.exporter(identifier).is_none() || !self.can_export(identifier, selection) {
            return Some(Forbidden::DataNotPermitted);
        }
        let all = facts.event_level || *selection != EventSelection::All || self.all_events.contains(identifier);
        (!all).then_some(Forbidden::AllEventsNotPermitted)
    }

    fn can_export(&self, identifier: &str, selection: &EventSelection) -> bool {
        match (selection, self.not_permitted.get(identifier)) {
            (EventSelection::Events(slugs), Some(not_permitted)) => {
                slugs.iter().all(|slug| not_permitted.binary_search(slug).is_err())
            }
            _ => true,
        }
    }
}

/// All exporters that the caller is permitted to run; with `only`, that one.
pub(super) fn exporters(by: &impl Access, only: Option<&str>) -> Result<Vec<Exporter>, Problem> {
    by.available(RightsOf::Caller, only).map_err(lookup_problem)
}

/// Every verb, in the order to show them.
pub(super) fn actions(
    facts: &AccessContext,
    schedule: &Schedule,
    selection: &EventSelection,
    data: &DataPermissions,
) -> Vec<Action> {
    let language = Language::of_tag(&facts.language);
    let content = &schedule.content;
    let identifier = &content.export_identifier;
    let own = permissions::is_owner(facts, schedule);
    let not_writing = (!facts.may_write).then(|| Forbidden::ReadOnly.text(language));
    let only_users = |why: Forbidden| match facts.caller {
        Caller::User(_) => None,
        Caller::Token | Caller::Device => Some(why.text(language)),
    };
    let because = |why: Option<Forbidden>| why.map(|why| why.text(language));
    let foreign = because(data.change(facts, identifier, selection));
    let change = not_writing.or(foreign.filter(|_| !own));
    let paused = content.state.at(facts.settings.now) == StateKind::Paused;
    let active = content.state == ScheduleState::Active;
    let action = |verb, label: fn(Language) -> &'static str, why: Option<&'static str>| Action {
        verb,
        label: label(language),
        allowed: why.is_none(),
        why,
    };
    vec![
        action("change", text::action_change, change),
        action(
            "pause",
            text::action_pause,
            not_writing.or(paused.then(|| text::why_paused(language))),
        ),
        action(
            "resume",
            text::action_resume,
            not_writing.or(active.then(|| text::why_active(language))),
        ),
        action("run", text::action_run, change),
        action(
            "test",
            text::action_test,
            only_users(Forbidden::OnlyUsersTest)
                .or(not_writing)
                .or_else(|| because(data.test(identifier, selection))),
        ),
        action(
            "take_over",
            text::action_take_over,
            only_users(Forbidden::OnlyUsersTakeOver)
                .or(not_writing)
                .or(own.then(|| text::why_own(language)))
                .or(foreign),
        ),
        action("delete", text::action_delete, not_writing),
    ]
}
