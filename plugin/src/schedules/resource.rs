//! The JSON of a schedule.

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::{Serialize, Serializer};
use serde_json::Value;

use crate::contract::{AccessContext, Content, Instant, Problem, Schedule, ScheduleState, StateKind, Versioned};
use crate::document::Pause;
use crate::form::EVENTS;
use crate::host::Access;
use crate::language::Language;

use super::document_view::{DocumentView, FormEntries};
use super::timestamp::UtcTimestamp;
use super::{MAX_SLUGS, lookup_problem, preview};

/// The documents of schedules, without the slugs that the caller is not permitted to see. Queries the host in parts of [`MAX_SLUGS`].
pub(super) fn documents(
    by: &impl Access,
    facts: &AccessContext,
    schedules: &[Schedule],
) -> Result<Vec<String>, Problem> {
    let mut views: Vec<Option<DocumentView<'_>>> = schedules
        .iter()
        .map(|schedule| DocumentView::read(&schedule.content.document).ok())
        .collect();
    if !facts.event_level {
        let mut named: Vec<String> = views.iter().flatten().flat_map(slugs).map(str::to_owned).collect();
        named.sort_unstable();
        named.dedup();
        if !named.is_empty() {
            let mut visible = Vec::new();
            for part in named.chunks(MAX_SLUGS) {
                visible.extend(by.visible_events(part).map_err(lookup_problem)?);
            }
            visible.sort_unstable();
            for view in views.iter_mut().flatten() {
                hide_events(view, &visible);
            }
        }
    }
    Ok(schedules
        .iter()
        .zip(&views)
        .map(|(schedule, view)| to_json(schedule, view.as_ref(), facts))
        .collect())
}

/// The document of a schedule with its version.
pub(super) fn versioned(by: &impl Access, facts: &AccessContext, schedule: Schedule) -> Result<Versioned, Problem> {
    let version = schedule.version;
    let document = documents(by, facts, &[schedule])?.pop().unwrap_or_default();
    Ok(Versioned { document, version })
}

fn slugs<'a>(view: &'a DocumentView<'_>) -> impl Iterator<Item = &'a str> {
    let lists = view.form.0.iter().filter(|(key, _)| key.0 == EVENTS);
    lists
        .filter_map(|(_, value)| value.as_array())
        .flatten()
        .filter_map(Value::as_str)
}

/// Removes the slugs that are not in `visible`, which is sorted.
fn hide_events(view: &mut DocumentView<'_>, visible: &[String]) {
    for (key, value) in &mut view.form.0 {
        if let (EVENTS, Value::Array(events)) = (key.0.as_ref(), value) {
            events.retain(|event| {
                let known = |slug: &str| visible.binary_search_by(|seen| seen.as_str().cmp(slug)).is_ok();
                event.as_str().is_none_or(known)
            });
        }
    }
}

#[derive(serde::Serialize)]
struct Resource<'a> {
    id: u64,
    owner: Option<&'a str>,
    export_identifier: &'a str,
    export_form_data: &'a FormEntries<'a>,
    locale: Option<&'a str>,
    mail_additional_recipients: Joined<'a>,
    mail_additional_recipients_cc: Joined<'a>,
    mail_additional_recipients_bcc: Joined<'a>,
    mail_subject: Option<&'a str>,
    mail_template: Option<&'a str>,
    schedule_rrule: Option<&'a str>,
    schedule_rrule_time: Option<&'a str>,
    schedule_next_run: Option<UtcTimestamp>,
    /// The outer `None` omits the field, at event level.
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<Option<&'a str>>,
    error_counter: u32,
    state: &'static str,
    /// `None` unless the schedule is paused.
    paused: Option<PauseJson<'a>>,
    /// Omitted if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// The pause of a schedule. All members but `until` are null if the plugin has not recorded them.
#[derive(serde::Serialize)]
pub(super) struct PauseJson<'a> {
    pub(super) reason: Option<&'a str>,
    since: Option<UtcTimestamp>,
    until: Option<UtcTimestamp>,
    /// Address of the user; null for a program.
    by: Option<&'a str>,
}

impl<'a> PauseJson<'a> {
    /// `None` unless the schedule is paused at `now`.
    pub(super) fn of(content: &Content, pause: Option<&'a Pause>, now: Instant) -> Option<Self> {
        let ScheduleState::Paused(until) = content.state else {
            return None;
        };
        (content.state.at(now) == StateKind::Paused).then(|| Self {
            reason: pause.and_then(|pause| pause.reason.as_deref()),
            since: pause.and_then(|pause| UtcTimestamp::of(pause.since)),
            until: until.and_then(UtcTimestamp::of),
            by: pause.and_then(|pause| pause.by.as_deref()),
        })
    }
}

pub(super) const fn state_name(state: StateKind) -> &'static str {
    match state {
        StateKind::Active => "active",
        StateKind::Paused => "paused",
        StateKind::Stopped => "stopped",
    }
}

/// The next run that is planned; `None` also if the schedule is stopped, or paused without an end.
pub(super) fn next_run(content: &Content) -> Option<Instant> {
    let planned = matches!(content.state, ScheduleState::Active | ScheduleState::Paused(Some(_)));
    content.next_run.filter(|_| planned)
}

/// The members of a stored document that cannot be read are null or empty.
fn to_json(schedule: &Schedule, view: Option<&DocumentView<'_>>, facts: &AccessContext) -> String {
    let content = &schedule.content;
    let nothing = FormEntries::default();
    let zone = view.map(|view| view.timezone.as_deref().unwrap_or(&facts.settings.zone));
    let typed = view.map(|view| &view.typed_addresses).filter(|typed| !typed.is_empty());
    let joined = |addresses| Joined { addresses, typed };
    let resource = Resource {
        id: schedule.id,
        owner: schedule.owner.as_ref().map(|owner| owner.email.as_str()),
        export_identifier: &content.export_identifier,
        export_form_data: view.map_or(&nothing, |view| &view.form),
        locale: view.map(|view| view.locale.as_ref()),
        mail_additional_recipients: joined(&content.recipients.to),
        mail_additional_recipients_cc: joined(&content.recipients.cc),
        mail_additional_recipients_bcc: joined(&content.recipients.bcc),
        mail_subject: view.map(|view| view.subject.as_ref()),
        mail_template: view.map(|view| view.template.as_ref()),
        schedule_rrule: view.map(|view| view.rule.as_ref()),
        schedule_rrule_time: view.map(|view| view.time.as_ref()),
        schedule_next_run: next_run(content).and_then(UtcTimestamp::of),
        timezone: (!facts.event_level).then_some(zone),
        error_counter: content.error_counter,
        state: state_name(content.state.at(facts.settings.now)),
        paused: PauseJson::of(content, view.and_then(|view| view.paused.as_ref()), facts.settings.now),
        warnings: warnings(content, view, facts),
    };
    let mut json = Vec::with_capacity(content.document.len() + 512);
    serde_json::to_writer(&mut json, &resource).expect("a resource has string keys only");
    String::from_utf8(json).expect("JSON is UTF-8")
}

/// The warning that a schedule has no run left, or never had one.
fn warnings(content: &Content, view: Option<&DocumentView<'_>>, facts: &AccessContext) -> Vec<String> {
    // A planned schedule has a run, and one that is stopped or paused without an end has none for another reason.
    let runs_by_itself = matches!(content.state, ScheduleState::Active | ScheduleState::Paused(Some(_)));
    let (None, true, Some(view)) = (content.next_run, runs_by_itself, view) else {
        return Vec::new();
    };
    let Ok(recurrence) = view.recurrence(&facts.settings.zone) else {
        return Vec::new();
    };
    let warning = preview::no_run(&recurrence, facts.settings.now);
    let language = Language::of_tag(&facts.language);
    warning.into_iter().map(|warning| warning.message(language)).collect()
}

/// Comma-separated addresses, as they were typed.
struct Joined<'a> {
    addresses: &'a [String],
    /// By the stored address; `None` if all were typed as they are stored.
    typed: Option<&'a BTreeMap<String, String>>,
}

impl Joined<'_> {
    fn shown<'a>(&'a self, address: &'a str) -> &'a str {
        let typed = self.typed.and_then(|typed| typed.get(address));
        typed.map_or(address, String::as_str)
    }
}

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.addresses.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            f.write_str(self.shown(address))?;
        }
        Ok(())
    }
}

impl Serialize for Joined<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.addresses {
            [] => serializer.serialize_str(""),
            [address] => serializer.serialize_str(self.shown(address)),
            _ => serializer.collect_str(self),
        }
    }
}

impl Serialize for FormEntries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (&key.0, value)))
    }
}
