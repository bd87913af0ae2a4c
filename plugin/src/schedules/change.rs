//! Creates and changes schedules: builds the content to store from a request body and the stored schedule.

use std::collections::BTreeMap;

use crate::contract::{
    AccessContext, Content, FieldError, Problem, Recipients, Schedule, ScheduleId, ScheduleState, StoreError, Versioned,
};
use crate::document::{Document, Pause};
use crate::form::{EVENTS, EventSelection, text};
use crate::host::Access;
use crate::language::Language;
use crate::message::{Forbidden, ValidationError};
use crate::notice::Change;
use crate::past_due::write_unrecorded;
use crate::recurrence::Recurrence;

use super::export_data::ExportData;
use super::request_body::RequestBody;
use super::reschedule::{PreviousRecurrence, Reschedule, reschedule};
use super::timing::Timing;
use super::{
    MAX_DOCUMENT_SIZE, MAX_SLUGS, export_data, lookup_problem, owner_notice, permissions, problem, read_stored,
    resource, timing,
};

/// Maximum length of subject and text of the mail, in characters.
pub(crate) const MAX_SUBJECT_LEN: usize = 250;
pub(crate) const MAX_TEMPLATE_LEN: usize = 10_000;
/// Maximum number of attempts at a change without `if_version` while others change the same schedule.
pub(super) const MAX_ATTEMPTS: usize = 3;
/// Upper bound, in bytes, of a resource without its stored document, recipients and exporter.
const RESOURCE_OVERHEAD: usize = 1_024;

/// The value of fields that a request omits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OmittedFields {
    Default,
    Unchanged,
}

/// The stored schedule that a request changes.
pub(super) struct ExistingSchedule {
    pub(super) schedule: Schedule,
    /// `None` if it cannot be read.
    pub(super) document: Option<Document>,
    /// `None` if the document is unreadable, or rule, time or zone is no longer valid.
    recurrence: Option<Recurrence>,
    /// The events that its form selects; all events if the selection is invalid.
    pub(super) selection: EventSelection,
    /// Whether the caller is its owner.
    pub(super) own: bool,
}

impl ExistingSchedule {
    pub(super) fn new(schedule: Schedule, facts: &AccessContext) -> Self {
        let document = read_stored(&schedule.content.document);
        let own = permissions::is_owner(facts, &schedule);
        let selection = document
            .as_ref()
            .map_or(EventSelection::All, |document| EventSelection::stored(&document.form));
        let recurrence = document
            .as_ref()
            .and_then(|document| document.recurrence(&facts.settings.zone).ok());
        Self {
            schedule,
            document,
            recurrence,
            selection,
            own,
        }
    }

    /// The schedule without the events in its form that no longer exist, for a takeover.
    ///
    /// # Errors
    /// `Forbidden` if none of the events is left.
    pub(super) fn without_missing_events(mut self, by: &impl Access, facts: &AccessContext) -> Result<Self, Problem> {
        let (EventSelection::Events(slugs), Some(document)) = (&mut self.selection, &mut self.document) else {
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
            .filter_map(|(index, _)| document.event_number(index))
            .collect();
        document.event_numbers = Document::shortened(numbers);
        slugs.retain(|slug| missing.binary_search(slug).is_err());
        if slugs.is_empty() {
            let language = Language::of_tag(&facts.language);
            return Err(Problem::Forbidden(Forbidden::EventsDeleted.message(language)));
        }
        document.form.insert(EVENTS.to_owned(), slugs.iter().cloned().collect());
        self.schedule.content.document = document.to_text();
        Ok(self)
    }

    pub(super) fn pause(&self) -> Option<&Pause> {
        self.document.as_ref().and_then(|document| document.paused.as_ref())
    }

    /// The recurrence before the change.
    pub(super) fn previous_recurrence(&self) -> PreviousRecurrence<'_> {
        PreviousRecurrence {
            recurrence: self.recurrence.as_ref(),
            kept_at: self.document.as_ref().and_then(|document| document.kept_at),
            pause: self.pause(),
        }
    }
}

pub(super) fn create(by: &impl Access, json: &str) -> Result<Versioned, Problem> {
    let facts = by.context();
    let language = Language::of_tag(&facts.language);
    permissions::check_create(&facts)?;
    permissions::check_write(&facts)?;
    let content = new_content(by, &facts, json)?;
    let schedule = by.insert(&content).map_err(|error| problem(error, language))?;
    resource::versioned(by, &facts, schedule)
}

/// The content of a new schedule.
pub(super) fn new_content(by: &impl Access, facts: &AccessContext, json: &str) -> Result<Content, Problem> {
    let mut body = RequestBody::read(json, Language::of_tag(&facts.language))?;
    let (identifier, form) = (identifier(&mut body, None), body.form(false));
    let fields = OtherFields::read(&mut body, None, OmittedFields::Default, facts);
    let mut errors = Vec::new();
    let data = export_data::validate(by, facts, None, None, identifier, form, &mut errors)?;
    let (data, fields) = complete(data, fields, errors, body)?;
    let plan = Reschedule::from(facts.settings.now, &fields.timing.recurrence);
    content(data, fields, &plan, None, facts)
}

pub(super) fn apply(
    by: &impl Access,
    id: ScheduleId,
    json: &str,
    if_version: Option<u64>,
    omitted: OmittedFields,
) -> Result<Versioned, Problem> {
    let facts = by.context();
    let language = Language::of_tag(&facts.language);
    permissions::check_read(&facts)?;
    permissions::check_write(&facts)?;
    for _ in 0..MAX_ATTEMPTS {
        let schedule = by.get(id).map_err(|error| problem(error, language))?;
        let version = schedule.version;
        if if_version.is_some_and(|expected| expected != version) {
            return Err(Problem::Stale);
        }
        let stored = ExistingSchedule::new(schedule, &facts);
        let (content, plan) = changed_content(by, &facts, &stored, json, omitted)?;
        let update = |missed: &[_]| by.update(id, version, &content, missed);
        match write_unrecorded(plan.missed, stored.previous_recurrence().recurrence, update) {
            Ok(schedule) => {
                owner_notice::notify_owner(by, &facts, &stored.schedule, Change::Updated(&schedule.content));
                return resource::versioned(by, &facts, schedule);
            }
            Err(StoreError::Stale) if if_version.is_none() => {}
            Err(error) => return Err(problem(error, language)),
        }
    }
    Err(Problem::Stale)
}

/// The content of a changed schedule, and its plan.
pub(super) fn changed_content(
    by: &impl Access,
    facts: &AccessContext,
    stored: &ExistingSchedule,
    json: &str,
    omitted: OmittedFields,
) -> Result<(Content, Reschedule), Problem> {
    let language = Language::of_tag(&facts.language);
    let mut body = RequestBody::read(json, language)?;
    let keep_omitted = omitted == OmittedFields::Unchanged;
    let old = &stored.schedule.content;
    let identifier = identifier(&mut body, keep_omitted.then(|| old.export_identifier.clone()));
    let form = body.form(keep_omitted && stored.document.is_some());
    let fields = OtherFields::read(&mut body, Some(stored), omitted, facts);
    let mut exporter = None;
    if !stored.own {
        exporter = match permissions::existing_exporter(by, facts, stored) {
            Err(Problem::Forbidden(_)) if !body.errors.is_empty() => return Err(Problem::Invalid(body.errors)),
            allowed => Some(allowed?),
        };
    }
    let mut errors = Vec::new();
    let data = export_data::validate(by, facts, Some(stored), exporter, identifier, form, &mut errors)?;
    let (data, fields) = complete(data, fields, errors, body)?;
    let plan = reschedule(
        old,
        stored.previous_recurrence(),
        &fields.timing.recurrence,
        facts.settings.now,
    );
    Ok((content(data, fields, &plan, Some(stored), facts)?, plan))
}

fn identifier(body: &mut RequestBody, omitted: Option<String>) -> Option<String> {
    body.text(export_data::EXPORTER, omitted, Ok)
}

/// All fields if there is no error; otherwise all errors, those of exporter and form first.
fn complete(
    data: Option<ExportData>,
    fields: Option<OtherFields>,
    mut errors: Vec<FieldError>,
    body: RequestBody,
) -> Result<(ExportData, OtherFields), Problem> {
    errors.extend(body.errors);
    match (data, fields) {
        (Some(data), Some(fields)) if errors.is_empty() => Ok((data, fields)),
        _ => Err(Problem::Invalid(errors)),
    }
}

fn content(
    data: ExportData,
    fields: OtherFields,
    plan: &Reschedule,
    stored: Option<&ExistingSchedule>,
    facts: &AccessContext,
) -> Result<Content, Problem> {
    let mut document = Document {
        form: data.form,
        date_ranges: data.date_ranges,
        event_numbers: data.event_numbers,
        locale: fields.locale,
        subject: fields.subject,
        template: fields.template,
        typed_addresses: fields.typed_addresses,
        rule: fields.timing.rule,
        time: fields.timing.time,
        anchor: fields.timing.anchor,
        timezone: fields.timing.timezone,
        kept_at: plan.kept.then_some(facts.settings.now),
        replaced_version: None,
        paused: stored.and_then(|stored| still_paused(stored.pause()?, plan, facts)),
    };
    if let Some(stored) = stored {
        document.replaced_version = match &stored.document {
            Some(old) if old.is_timed_like(&document) => old.replaced_version,
            _ => Some(stored.schedule.version),
        };
    }
    let content = Content {
        export_identifier: data.identifier,
        recipients: fields.recipients,
        next_run: plan.next_run,
        state: plan.state,
        error_counter: 0,
        document: document.to_text(),
    };
    check_size(&content, facts)?;
    Ok(content)
}

/// Neither the stored document nor the resource can be larger than a document of the contract.
pub(super) fn check_size(content: &Content, facts: &AccessContext) -> Result<(), Problem> {
    let recipients = &content.recipients;
    let addresses = [&recipients.to, &recipients.cc, &recipients.bcc].into_iter().flatten();
    let other_len = content.export_identifier.len() + addresses.map(|address| address.len() + 1).sum::<usize>();
    if content.document.len() + other_len + RESOURCE_OVERHEAD > MAX_DOCUMENT_SIZE {
        let error = ValidationError::TooLarge(MAX_DOCUMENT_SIZE - RESOURCE_OVERHEAD);
        let language = Language::of_tag(&facts.language);
        return Err(Problem::Invalid(vec![error.at(&[], language)]));
    }
    Ok(())
}

/// The record of a pause after a change; `None` if the schedule is no longer paused.
pub(super) fn still_paused(pause: &Pause, plan: &Reschedule, facts: &AccessContext) -> Option<Pause> {
    matches!(plan.state, ScheduleState::Paused(_)).then(|| Pause {
        recorded: facts.settings.now,
        ..pause.clone()
    })
}

/// All fields except exporter and form.
struct OtherFields {
    locale: String,
    recipients: Recipients,
    typed_addresses: BTreeMap<String, String>,
    subject: String,
    template: String,
    timing: Timing,
}

impl OtherFields {
    fn read(
        body: &mut RequestBody,
        stored: Option<&ExistingSchedule>,
        omitted: OmittedFields,
        facts: &AccessContext,
    ) -> Option<Self> {
        let document = stored.and_then(|stored| stored.document.as_ref());
        let kept = document.filter(|_| omitted == OmittedFields::Unchanged);
        let mut old = stored
            .filter(|_| omitted == OmittedFields::Unchanged)
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
            Err(ValidationError::UnsupportedLanguage { given, languages })
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
            text::one_line(&subject, MAX_SUBJECT_LEN)?;
            Ok(subject)
        });
        let template = body.text("mail_template", kept.map(|kept| kept.template.clone()), |template| {
            text::not_blank(&template)?;
            text::lines(template, MAX_TEMPLATE_LEN)
        });
        let timing = timing::read(body, document, kept, facts);
        Some(Self {
            locale: locale?,
            typed_addresses: typed_addresses(body, recipients.as_ref()?),
            recipients: recipients?,
            subject: subject?,
            template: template?,
            timing: timing?,
        })
    }
}

/// The recipients as they were typed, without addresses that are no longer recipients.
fn typed_addresses(body: &mut RequestBody, recipients: &Recipients) -> BTreeMap<String, String> {
    let mut typed = std::mem::take(&mut body.typed_addresses);
    let lists = [&recipients.to, &recipients.cc, &recipients.bcc];
    typed.retain(|ascii, _| lists.into_iter().flatten().any(|address| address == ascii));
    typed
}
