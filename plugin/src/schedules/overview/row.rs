//! A row of the overview.

use std::borrow::Cow;
use std::fmt;

use chrono::NaiveDate;
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::contract::{AccessContext, Outcome, RunEntry, Schedule};
use crate::form::{ALL_EVENTS, EVENTS, EventSelection};
use crate::language::Language;
use crate::notice::one_line;
use crate::recurrence::{self, Recurrence, Zone};
use crate::rule;
use crate::schedules::actions::{Action, DataPermissions, actions};
use crate::schedules::preview::local_time_with_offset;
use crate::schedules::resource::{next_run, state_name};
use crate::schedules::status::{Lost, Status};
use crate::schedules::timestamp::UtcTimestamp;

/// How much of a row is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    Full,
    /// Without the reasons why something is not allowed.
    WithoutReasons,
    /// Also with texts cut.
    Short,
}

/// Maximum number of characters of a text in a short row.
const MAX_SHORT_LEN: usize = 30;

/// What a row shows of a stored document.
#[derive(serde::Deserialize)]
pub(super) struct RowView<'a> {
    #[serde(rename = "export_form_data")]
    selection: SelectedEvents,
    #[serde(borrow, rename = "mail_subject")]
    subject: Cow<'a, str>,
    #[serde(borrow, rename = "schedule_rrule")]
    rule: Cow<'a, str>,
    #[serde(borrow, rename = "schedule_rrule_time")]
    time: Cow<'a, str>,
    anchor: NaiveDate,
    #[serde(default)]
    timezone: Option<String>,
}

impl<'a> RowView<'a> {
    /// `None` if it cannot be read.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The events that a form selects; all events if it cannot be read.
    pub(super) fn selection(view: &Option<Self>) -> EventSelection {
        view.as_ref()
            .map_or(EventSelection::All, |view| EventSelection::stored(&view.selection.0))
    }

    fn zone<'v>(&'v self, facts: &'v AccessContext) -> &'v str {
        self.timezone.as_deref().unwrap_or(&facts.settings.zone)
    }
}

/// The entries of a form that select events.
struct SelectedEvents(Map<String, Value>);

impl<'de> Deserialize<'de> for SelectedEvents {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;

        impl<'de> Visitor<'de> for Form {
            type Value = SelectedEvents;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a form")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SelectedEvents, A::Error> {
                let mut entries = Map::new();
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    if [ALL_EVENTS, EVENTS].contains(&key.as_ref()) {
                        entries.insert(key.into_owned(), map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(SelectedEvents(entries))
            }
        }

        deserializer.deserialize_map(Form)
    }
}

#[derive(Serialize)]
pub(super) struct Row<'a> {
    id: u64,
    /// Subject of its mails; null if the stored document cannot be read.
    title: Option<Cow<'a, str>>,
    export_identifier: Cow<'a, str>,
    /// Label of the exporter; null if the caller is not permitted to run it.
    exporter: Option<Cow<'a, str>>,
    /// Address; null if the owner no longer exists.
    owner: Option<Cow<'a, str>>,
    /// The rule in words; null if it cannot be read.
    rule: Option<Cow<'a, str>>,
    next_run: Option<UtcTimestamp>,
    /// The local time with its offset.
    next_run_local: Option<String>,
    last_run: Option<LastRun<'a>>,
    /// As in `explain`, as far as the schedule itself tells: whether an owner can still run the exporter is not looked up.
    status: &'static str,
    /// `active`, `paused` or `stopped`.
    state: &'static str,
    actions: Vec<Action>,
}

#[derive(Serialize)]
struct LastRun<'a> {
    due: Option<UtcTimestamp>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_code: Option<&'a str>,
}

impl<'a> Row<'a> {
    pub(super) fn of(
        schedule: &'a Schedule,
        view: Option<&'a RowView<'a>>,
        latest: Option<&'a RunEntry>,
        selection: &EventSelection,
        data: &'a DataPermissions,
        facts: &AccessContext,
        detail: Detail,
    ) -> Self {
        let language = Language::of_tag(&facts.language);
        let (content, now) = (&schedule.content, facts.settings.now);
        let text = |text: &'a str| match detail {
            Detail::Full | Detail::WithoutReasons => Cow::Borrowed(text),
            Detail::Short => Cow::Owned(one_line(text, MAX_SHORT_LEN)),
        };
        let last_due = || {
            let view = view?;
            let recurrence = Recurrence::parse(&view.rule, &view.time, view.zone(facts), view.anchor).ok()?;
            Some(recurrence.latest_until(now)?.at)
        };
        let status = Status::of(schedule, latest, Lost::of_owner(schedule), last_due, now);
        let next_run = next_run(content);
        let zone = view.map_or(facts.settings.zone.as_str(), |view| view.zone(facts));
        let zone = recurrence::zone(zone);
        let words = view.and_then(|view| {
            let today = recurrence::local_date(now, zone.unwrap_or(Zone::UTC));
            rule::in_words(&view.rule, &view.time, view.anchor, today, language)
        });
        let mut actions = actions(facts, schedule, selection, data);
        if detail != Detail::Full {
            for action in &mut actions {
                action.why = None;
            }
        }
        Self {
            id: schedule.id,
            title: view.map(|view| text(&view.subject)),
            export_identifier: text(&content.export_identifier),
            exporter: data
                .exporter(&content.export_identifier)
                .map(|exporter| text(&exporter.label)),
            owner: schedule.owner.as_ref().map(|owner| text(&owner.email)),
            rule: words.map(|words| match detail {
                Detail::Full | Detail::WithoutReasons => Cow::Owned(words),
                Detail::Short => Cow::Owned(one_line(&words, MAX_SHORT_LEN)),
            }),
            next_run: next_run.and_then(UtcTimestamp::of),
            next_run_local: next_run.and_then(|at| {
                let offset = recurrence::offset_at(at, zone?);
                Some(local_time_with_offset(at, offset))
            }),
            last_run: latest.map(LastRun::of),
            status: status.name(),
            state: state_name(content.state.at(now)),
            actions,
        }
    }
}

impl<'a> LastRun<'a> {
    fn of(run: &'a RunEntry) -> Self {
        Self {
            due: UtcTimestamp::of(run.due),
            outcome: crate::schedules::history::outcome_name(run.outcome.as_ref()),
            reason_code: match &run.outcome {
                Some(Outcome::Failed((code, _))) => Some(code),
                _ => None,
            },
        }
    }
}
