//! What a schedule looks like to people and programs.

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::{Serialize, Serializer};
use serde_json::Value;

use crate::contract::{AccessFacts, Content, Problem, Schedule, Versioned};
use crate::form::EVENTS;
use crate::host::Access;
use crate::language::Language;

use super::glance::{Entries, Glance};
use super::instant::Utc;
use super::{MAX_SLUGS, lookup_problem, preview};

/// The documents of schedules, without the slugs that the caller may not know. Calls the host once per [`MAX_SLUGS`] of them.
pub(super) fn documents(by: &impl Access, facts: &AccessFacts, schedules: &[Schedule]) -> Result<Vec<String>, Problem> {
    let mut glances: Vec<Option<Glance<'_>>> = schedules
        .iter()
        .map(|schedule| Glance::read(&schedule.content.document).ok())
        .collect();
    if !facts.event_level {
        let mut named: Vec<String> = glances.iter().flatten().flat_map(slugs).map(str::to_owned).collect();
        named.sort_unstable();
        named.dedup();
        if !named.is_empty() {
            let mut visible = Vec::new();
            for part in named.chunks(MAX_SLUGS) {
                visible.extend(by.visible_events(part).map_err(lookup_problem)?);
            }
            visible.sort_unstable();
            for glance in glances.iter_mut().flatten() {
                hide(glance, &visible);
            }
        }
    }
    Ok(schedules
        .iter()
        .zip(&glances)
        .map(|(schedule, glance)| to_json(schedule, glance.as_ref(), facts))
        .collect())
}

/// One document with its version.
pub(super) fn versioned(by: &impl Access, facts: &AccessFacts, schedule: Schedule) -> Result<Versioned, Problem> {
    let version = schedule.version;
    let document = documents(by, facts, &[schedule])?.pop().unwrap_or_default();
    Ok(Versioned { document, version })
}

fn slugs<'a>(glance: &'a Glance<'_>) -> impl Iterator<Item = &'a str> {
    let lists = glance.form.0.iter().filter(|(key, _)| key.0 == EVENTS);
    lists
        .filter_map(|(_, value)| value.as_array())
        .flatten()
        .filter_map(Value::as_str)
}

/// Takes out the slugs that are not among these, which are sorted.
fn hide(glance: &mut Glance<'_>, visible: &[String]) {
    for (key, value) in &mut glance.form.0 {
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
    export_form_data: &'a Entries<'a>,
    locale: Option<&'a str>,
    mail_additional_recipients: Joined<'a>,
    mail_additional_recipients_cc: Joined<'a>,
    mail_additional_recipients_bcc: Joined<'a>,
    mail_subject: Option<&'a str>,
    mail_template: Option<&'a str>,
    schedule_rrule: Option<&'a str>,
    schedule_rrule_time: Option<&'a str>,
    schedule_next_run: Option<Utc>,
    /// Outer none: event level, where there is no such field.
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<Option<&'a str>>,
    error_counter: u32,
    /// For people; only where there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// A stored document that can't be read leaves empty what it would say; the rest is shown.
fn to_json(schedule: &Schedule, glance: Option<&Glance<'_>>, facts: &AccessFacts) -> String {
    let content = &schedule.content;
    let nothing = Entries::default();
    let zone = glance.map(|glance| glance.timezone.as_deref().unwrap_or(&facts.settings.zone));
    let typed = glance
        .map(|glance| &glance.typed_addresses)
        .filter(|typed| !typed.is_empty());
    let joined = |addresses| Joined { addresses, typed };
    let resource = Resource {
        id: schedule.id,
        owner: schedule.owner.as_ref().map(|owner| owner.email.as_str()),
        export_identifier: &content.export_identifier,
        export_form_data: glance.map_or(&nothing, |glance| &glance.form),
        locale: glance.map(|glance| glance.locale.as_ref()),
        mail_additional_recipients: joined(&content.recipients.to),
        mail_additional_recipients_cc: joined(&content.recipients.cc),
        mail_additional_recipients_bcc: joined(&content.recipients.bcc),
        mail_subject: glance.map(|glance| glance.subject.as_ref()),
        mail_template: glance.map(|glance| glance.template.as_ref()),
        schedule_rrule: glance.map(|glance| glance.rule.as_ref()),
        schedule_rrule_time: glance.map(|glance| glance.time.as_ref()),
        schedule_next_run: content.next_run.filter(|_| content.active).and_then(Utc::of),
        timezone: (!facts.event_level).then_some(zone),
        error_counter: content.error_counter,
        warnings: warnings(content, glance, facts),
    };
    let mut json = Vec::with_capacity(content.document.len() + 512);
    serde_json::to_writer(&mut json, &resource).expect("a resource has string keys only");
    String::from_utf8(json).expect("JSON is UTF-8")
}

/// That a schedule has no run left, or never had one.
fn warnings(content: &Content, glance: Option<&Glance<'_>>, facts: &AccessFacts) -> Vec<String> {
    // What is planned has a run, and what was stopped has none for another reason.
    let (None, true, Some(glance)) = (content.next_run, content.active, glance) else {
        return Vec::new();
    };
    let Ok(timetable) = glance.timetable(&facts.settings.zone) else {
        return Vec::new();
    };
    let warning = preview::no_run(&timetable, facts.settings.now);
    let language = Language::of_tag(&facts.language);
    warning.into_iter().map(|warning| warning.message(language)).collect()
}

/// Addresses with commas between them, as they were typed.
struct Joined<'a> {
    addresses: &'a [String],
    /// By the address that is stored; none: all were typed as they are stored.
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

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (&key.0, value)))
    }
}
