//! Writing schedules: a document and what is stored become what is to be stored.

use std::collections::BTreeMap;

use crate::document::Document;
use crate::form::{EVENTS, Scope, text};
use crate::host::{Access, AccessFacts, Content, FieldError, Problem, Recipients, Schedule, ScheduleId, StoreError};
use crate::language::Language;
use crate::message::{Fault, Refusal};
use crate::passed::write_unrecorded;
use crate::recurrence::Timetable;

use super::body::Body;
use super::data::Data;
use super::plan::{Before, Plan, plan};
use super::when::When;
use super::{
    LARGEST_DOCUMENT, MAX_SLUGS, Versioned, data, lookup_problem, problem, read_stored, resource, rights, telling, when,
};

/// Longest subject and text of the mail, in characters.
pub(crate) const LONGEST_SUBJECT: usize = 250;
pub(crate) const LONGEST_TEMPLATE: usize = 10_000;
/// How often a change without `if_version` is tried while others change the same schedule.
pub(super) const ATTEMPTS: usize = 3;
/// What a resource has beside its stored document, recipients and exporter, generously.
const REST_OF_RESOURCE: usize = 1_024;

/// What becomes of fields that a document leaves out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LeftOut {
    Default,
    Kept,
}

/// A stored schedule that is to be changed.
pub(super) struct Stored {
    pub(super) schedule: Schedule,
    /// None: it can't be read any more.
    pub(super) document: Option<Document>,
    /// None: unreadable, or its rule, time or zone are no longer valid.
    timetable: Option<Timetable>,
    /// The events that its form asks for, all where that can't be told.
    pub(super) scope: Scope,
    /// The caller is its owner.
    pub(super) own: bool,
}

impl Stored {
    pub(super) fn new(schedule: Schedule, facts: &AccessFacts) -> Self {
        let document = read_stored(&schedule.content.document);
        let own = rights::owns(facts, &schedule);
        let scope = document
            .as_ref()
            .map_or(Scope::All, |document| Scope::stored(&document.form));
        let timetable = document
            .as_ref()
            .and_then(|document| document.timetable(&facts.settings.zone).ok());
        Self {
            schedule,
            document,
            timetable,
            scope,
            own,
        }
    }

    /// Without the listed events that are gone: what is left of the schedule for who takes it over.
    ///
    /// # Errors
    /// `Forbidden` where none is left.
    pub(super) fn without_missing_events(mut self, by: &impl Access, facts: &AccessFacts) -> Result<Self, Problem> {
        let (Scope::Events(slugs), Some(document)) = (&mut self.scope, &mut self.document) else {
            return Ok(self);
        };
        let mut missing = Vec::new();
        for part in slugs.chunks(MAX_SLUGS) {
            missing.extend(by.missing_events(part).map_err(lookup_problem)?);
        }
        missing.sort_unstable();
        if missing.is_empty() {
            return Ok(self);
        }
        let numbers = (0..)
            .zip(slugs.iter())
            .filter(|(_, slug)| missing.binary_search(slug).is_err())
            .filter_map(|(place, _)| document.event_number(place))
            .collect();
        document.event_numbers = Document::shortened(numbers);
        slugs.retain(|slug| missing.binary_search(slug).is_err());
        if slugs.is_empty() {
            let language = Language::of_tag(&facts.language);
            return Err(Problem::Forbidden(Refusal::EventsGone.message(language)));
        }
        document.form.insert(EVENTS.to_owned(), slugs.iter().cloned().collect());
        self.schedule.content.document = document.to_text();
        Ok(self)
    }

    /// What was due before a change.
    pub(super) fn before(&self) -> Before<'_> {
        Before {
            timetable: self.timetable.as_ref(),
            kept_at: self.document.as_ref().and_then(|document| document.kept_at),
        }
    }
}

pub(super) fn create(by: &impl Access, json: &str) -> Result<Versioned, Problem> {
    let facts = by.facts();
    let language = Language::of_tag(&facts.language);
    rights::creates(&facts)?;
    rights::writes(&facts)?;
    let mut body = Body::read(json, language)?;
    let (identifier, form) = (identifier(&mut body, None), body.form(false));
    let rest = Rest::read(&mut body, None, LeftOut::Default, &facts);
    let mut errors = Vec::new();
    let data = data::settle(by, &facts, None, None, identifier, form, &mut errors)?;
    let (data, rest) = complete(data, rest, errors, body)?;
    let plan = Plan::from(facts.settings.now, &rest.when.timetable);
    let content = content(data, rest, &plan, None, &facts)?;
    let schedule = by.insert(&content).map_err(|error| problem(error, language))?;
    resource::versioned(by, &facts, schedule)
}

pub(super) fn apply(
    by: &impl Access,
    id: ScheduleId,
    json: &str,
    if_version: Option<u64>,
    left_out: LeftOut,
) -> Result<Versioned, Problem> {
    let facts = by.facts();
    let language = Language::of_tag(&facts.language);
    rights::sees(&facts)?;
    rights::writes(&facts)?;
    for _ in 0..ATTEMPTS {
        let schedule = by.get(id).map_err(|error| problem(error, language))?;
        let version = schedule.version;
        if if_version.is_some_and(|wanted| wanted != version) {
            return Err(Problem::Stale);
        }
        let stored = Stored::new(schedule, &facts);
        let (content, plan) = changed(by, &facts, &stored, json, left_out)?;
        let update = |missed: &[_]| by.update(id, version, &content, missed);
        match write_unrecorded(plan.missed, stored.before().timetable, update) {
            Ok(schedule) => {
                telling::tell(by, &facts, &stored.schedule, telling::Deed::Changed(&schedule));
                return resource::versioned(by, &facts, schedule);
            }
            Err(StoreError::Stale) if if_version.is_none() => {}
            Err(error) => return Err(problem(error, language)),
        }
    }
    Err(Problem::Stale)
}

fn changed(
    by: &impl Access,
    facts: &AccessFacts,
    stored: &Stored,
    json: &str,
    left_out: LeftOut,
) -> Result<(Content, Plan), Problem> {
    let language = Language::of_tag(&facts.language);
    let mut body = Body::read(json, language)?;
    let keeps = left_out == LeftOut::Kept;
    let old = &stored.schedule.content;
    let identifier = identifier(&mut body, keeps.then(|| old.export_identifier.clone()));
    let form = body.form(keeps && stored.document.is_some());
    let rest = Rest::read(&mut body, Some(stored), left_out, facts);
    let mut runs_stored = None;
    if !stored.own {
        runs_stored = match rights::runs_stored(by, facts, stored) {
            Err(Problem::Forbidden(_)) if !body.errors.is_empty() => return Err(Problem::Invalid(body.errors)),
            allowed => Some(allowed?),
        };
    }
    let mut errors = Vec::new();
    let data = data::settle(by, facts, Some(stored), runs_stored, identifier, form, &mut errors)?;
    let (data, rest) = complete(data, rest, errors, body)?;
    let plan = plan(old, stored.before(), &rest.when.timetable, facts.settings.now);
    Ok((content(data, rest, &plan, Some(stored), facts)?, plan))
}

fn identifier(body: &mut Body, left_out: Option<String>) -> Option<String> {
    body.text("export_identifier", left_out, Ok)
}

/// Everything, if nothing is wrong; else all that is, exporter and form first.
fn complete(
    data: Option<Data>,
    rest: Option<Rest>,
    mut errors: Vec<FieldError>,
    body: Body,
) -> Result<(Data, Rest), Problem> {
    errors.extend(body.errors);
    match (data, rest) {
        (Some(data), Some(rest)) if errors.is_empty() => Ok((data, rest)),
        _ => Err(Problem::Invalid(errors)),
    }
}

fn content(
    data: Data,
    rest: Rest,
    plan: &Plan,
    stored: Option<&Stored>,
    facts: &AccessFacts,
) -> Result<Content, Problem> {
    let recipients = &rest.recipients;
    let addresses = [&recipients.to, &recipients.cc, &recipients.bcc].into_iter().flatten();
    let beside = data.identifier.len() + addresses.map(|address| address.len() + 1).sum::<usize>();
    let mut document = Document {
        form: data.form,
        date_ranges: data.date_ranges,
        event_numbers: data.event_numbers,
        locale: rest.locale,
        subject: rest.subject,
        template: rest.template,
        typed_addresses: rest.typed_addresses,
        rule: rest.when.rule,
        time: rest.when.time,
        anchor: rest.when.anchor,
        timezone: rest.when.timezone,
        kept_at: plan.kept.then_some(facts.settings.now),
        replaced_version: None,
    };
    if let Some(stored) = stored {
        document.replaced_version = match &stored.document {
            Some(old) if old.is_timed_like(&document) => old.replaced_version,
            _ => Some(stored.schedule.version),
        };
    }
    let document = document.to_text();
    // Neither what is stored nor what is shown may be larger than a document of the contract.
    if document.len() + beside + REST_OF_RESOURCE > LARGEST_DOCUMENT {
        let fault = Fault::TooLarge(LARGEST_DOCUMENT - REST_OF_RESOURCE);
        let language = Language::of_tag(&facts.language);
        return Err(Problem::Invalid(vec![fault.at(&[], language)]));
    }
    Ok(Content {
        export_identifier: data.identifier,
        recipients: rest.recipients,
        next_run: plan.next_run,
        active: true,
        error_counter: 0,
        document,
    })
}

/// All fields but exporter and form.
struct Rest {
    locale: String,
    recipients: Recipients,
    typed_addresses: BTreeMap<String, String>,
    subject: String,
    template: String,
    when: When,
}

impl Rest {
    fn read(body: &mut Body, stored: Option<&Stored>, left_out: LeftOut, facts: &AccessFacts) -> Option<Self> {
        let document = stored.and_then(|stored| stored.document.as_ref());
        let kept = document.filter(|_| left_out == LeftOut::Kept);
        let mut old = stored
            .filter(|_| left_out == LeftOut::Kept)
            .map(|stored| stored.schedule.content.recipients.clone())
            .unwrap_or_default();
        let settings = &facts.settings;
        let unset = body.is_unset("locale");
        let locale = kept
            .filter(|_| !unset)
            .map(|kept| kept.locale.clone())
            .or_else(|| settings.languages.first().cloned());
        let locale = body.text("locale", locale, |given| {
            if settings.languages.contains(&given) {
                return Ok(given);
            }
            let languages = settings.languages.clone();
            Err(Fault::NotALanguage { given, languages })
        });
        let domains = settings.recipient_domains.as_deref();
        body.typed_addresses = kept.map(|kept| kept.typed_addresses.clone()).unwrap_or_default();
        let mut addresses = |name: &str, old: &mut Vec<String>| body.addresses(name, std::mem::take(old), domains);
        let to = addresses("mail_additional_recipients", &mut old.to);
        let cc = addresses("mail_additional_recipients_cc", &mut old.cc);
        let bcc = addresses("mail_additional_recipients_bcc", &mut old.bcc);
        let recipients = to.zip(cc).zip(bcc).map(|((to, cc), bcc)| Recipients { to, cc, bcc });
        let subject = body.text("mail_subject", kept.map(|kept| kept.subject.clone()), |subject| {
            text::not_blank(&subject)?;
            text::one_line(&subject, LONGEST_SUBJECT)?;
            Ok(subject)
        });
        let template = body.text("mail_template", kept.map(|kept| kept.template.clone()), |template| {
            text::not_blank(&template)?;
            text::lines(template, LONGEST_TEMPLATE)
        });
        let when = when::read(body, document, kept, facts);
        Some(Self {
            locale: locale?,
            typed_addresses: typed_addresses(body, recipients.as_ref()?),
            recipients: recipients?,
            subject: subject?,
            template: template?,
            when: when?,
        })
    }
}

/// How the recipients were typed. Addresses that are no recipients any more are left out.
fn typed_addresses(body: &mut Body, recipients: &Recipients) -> BTreeMap<String, String> {
    let mut typed = std::mem::take(&mut body.typed_addresses);
    let lists = [&recipients.to, &recipients.cc, &recipients.bcc];
    typed.retain(|ascii, _| lists.into_iter().flatten().any(|address| address == ascii));
    typed
}
