//! Runs: from the due time to the outcome.
//!
//! Every path through [`execute`], [`abandon`] and [`settle`] ends in one `finish`, unless the lease is lost (another host has the run
//! now) or the store is unavailable. Then a new instance finishes the run, or the host itself after the last attempt.

mod export_mail;
#[cfg(test)]
pub(crate) mod fake;
mod opening;
#[cfg(test)]
mod tests;

pub(crate) use export_mail::recipients;
use export_mail::{StageError, Wording};
use opening::{RunDecision, RunOpening, opening};

use crate::contract::{
    AbandonReason, Audience, Delivery, DeliveryStatus, ExportError, Instant, Mail, MailError, MailKind, Outcome,
    OwnerRight, Recipients, RunContext, RunKind, RunStart, ScheduleState, StoreError,
};
use crate::document::Document;
use crate::host::Run;
use crate::language::Language;
use crate::named_range;
use crate::notice::{self, Cancellation, Notice, NoticeContext, Reason, Requested, one_line};
use crate::past_due::write_unrecorded;
use crate::recurrence::{self, Recurrence, RecurrenceError};

/// Number of consecutive failed runs after which a schedule is paused.
pub const MAX_CONSECUTIVE_FAILURES: u32 = 5;
/// Maximum number of attempts at one due time, including crashed ones: the first and five retries.
pub const MAX_ATTEMPTS: u32 = 6;
/// Maximum number of characters of the host's reason in a log line.
const MAX_LOGGED_LEN: usize = 500;

/// One attempt at a run: opens it, creates the file, stages the mail, finishes.
///
/// Returns without `finish` only if the lease is lost, the store is unavailable, or the schedule has no due time.
pub fn execute(run: &impl Run) {
    let attempt = Attempt::new(run);
    // A run that a user requested does not need the recurrence.
    let (recurrence, invalid) = match attempt.is_scheduled().then(|| attempt.recurrence()) {
        None => (None, None),
        Some(Ok(recurrence)) => (Some(recurrence), None),
        Some(Err(reason)) => (None, Some(reason)),
    };
    let Some(attempt) = attempt.open(recurrence.as_ref()) else {
        return;
    };
    let result = invalid.map_or_else(|| attempt.export(), AttemptResult::Failed);
    attempt.finish(result);
}

/// Ends a run that `execute` left open, or schedules its retry, in a new instance. Does not call the exporter.
///
/// [`AbandonReason::Unfinished`] (the store was unavailable, for example) is retried like an unavailable exporter; the others are
/// failures.
pub fn abandon(run: &impl Run, reason: AbandonReason) {
    let mut attempt = Attempt::new(run);
    if let Some(due) = attempt.facts.due {
        attempt.due = Some(due);
    } else {
        let recurrence = attempt.is_scheduled().then(|| attempt.recurrence().ok()).flatten();
        let Some(opened) = attempt.open(recurrence.as_ref()) else {
            return;
        };
        attempt = opened;
    }
    let result = match reason {
        // The panic message might contain data: the host logs it, and no mail repeats it.
        AbandonReason::Trapped(_) => AttemptResult::Failed(Reason::Trapped),
        AbandonReason::DeadlineExceeded => AttemptResult::Failed(Reason::DeadlineExceeded),
        AbandonReason::OutOfMemory => AttemptResult::Failed(Reason::OutOfMemory),
        AbandonReason::Unfinished => attempt.retry_or(Reason::Unfinished),
    };
    attempt.finish(result);
}

/// Ends a submitted run whose recipients are all final: delivered if at least one recipient's server accepted the mail.
///
/// Every delivery that is not accepted counts as rejected.
pub fn settle(run: &impl Run, deliveries: &[Delivery]) {
    let mut attempt = Attempt::new(run);
    attempt.due = attempt.facts.due;
    let rejected: Vec<Delivery> = deliveries
        .iter()
        .filter(|delivery| delivery.status != DeliveryStatus::Accepted)
        .cloned()
        .collect();
    let result = if rejected.len() == deliveries.len() {
        AttemptResult::Failed(Reason::Undelivered(rejected))
    } else {
        AttemptResult::Delivered { rejected }
    };
    attempt.finish(result);
}

/// The result of an attempt.
enum AttemptResult {
    Submitted,
    Delivered {
        rejected: Vec<Delivery>,
    },
    Empty,
    Retry(Instant),
    /// Missed or cancelled.
    NotRun(Outcome),
    Failed(Reason),
    /// Another host has the run now: nothing can be written.
    LeaseLost,
}

/// One attempt at a run.
struct Attempt<'r, R> {
    run: &'r R,
    facts: RunContext,
    /// `None` if it is unreadable.
    document: Option<Document>,
    /// The owner's language; without an owner, the default of the host.
    language: Language,
    /// `None` if the run is not open yet.
    due: Option<Instant>,
    /// The due time after it.
    next_run: Option<Instant>,
}

impl<'r, R: Run> Attempt<'r, R> {
    fn new(run: &'r R) -> Self {
        let facts = run.context();
        let document = match Document::read(&facts.schedule.content.document) {
            Ok(document) => Some(document),
            Err(error) => {
                // The parser's message quotes the document.
                let (kind, line, column) = (error.classify(), error.line(), error.column());
                run.log(&format!("stored document is invalid: {kind:?} at {line}:{column}"));
                None
            }
        };
        let tag = match &facts.schedule.owner {
            Some(owner) => Some(&owner.language),
            None => facts.settings.languages.first(),
        };
        let language = tag.map_or(Language::English, |tag| Language::of_tag(tag));
        let next_run = facts.schedule.content.next_run;
        Self {
            run,
            facts,
            document,
            language,
            due: None,
            next_run,
        }
    }

    /// Whether the run was due; otherwise a user requested it, and it counts for nothing.
    fn is_scheduled(&self) -> bool {
        self.facts.kind == RunKind::Scheduled
    }

    /// IANA name of the schedule's zone.
    fn zone(&self) -> &str {
        let default = &self.facts.settings.zone;
        self.document
            .as_ref()
            .map_or(default, |document| document.zone(default))
    }

    fn recurrence(&self) -> Result<Recurrence, Reason> {
        let document = self.document.as_ref().ok_or(Reason::Unreadable)?;
        document.recurrence(&self.facts.settings.zone).map_err(|errors| {
            let codes: Vec<&str> = errors.iter().map(RecurrenceError::code).collect();
            self.run.log(&format!(
                "recurrence settings are no longer valid: {}",
                codes.join(", ")
            ));
            let messages: Vec<String> = errors.iter().map(|error| error.message(self.language)).collect();
            Reason::InvalidRecurrence(messages.join(" "))
        })
    }

    /// Opens the run. Returns `None` if the attempt ends here: the run has been finished, `start` failed, or there is no due time.
    fn open(mut self, recurrence: Option<&Recurrence>) -> Option<Self> {
        let rule = self.document.as_ref().zip(recurrence);
        let Some(RunOpening { plan, decision }) = opening(&self.facts, rule) else {
            self.run.log("schedule has no due time; nothing to run");
            return None;
        };
        let start = |missed: &[_]| {
            self.run.start(&RunStart {
                missed: missed.to_vec(),
                ..plan
            })
        };
        if let Err(error) = write_unrecorded(plan.missed.clone(), recurrence, start) {
            self.log_store_error("start", &error);
            return None;
        }
        self.due = Some(plan.due);
        self.next_run = plan.next_run;
        let result = match decision {
            RunDecision::Run => return Some(self),
            // No user changed the rule: the zone has changed, as it does when the event is deleted. The next due time would fail
            // in the same way, and the notice should not wait for it.
            RunDecision::Cancel(Cancellation::NoLongerDue)
                if self.facts.due.is_none() && self.facts.owner_right != OwnerRight::Yes =>
            {
                return Some(self);
            }
            RunDecision::Wait(until) => AttemptResult::Retry(until),
            RunDecision::Missed(range) => AttemptResult::NotRun(Outcome::Missed(range)),
            RunDecision::Cancel(why) => {
                AttemptResult::NotRun(Outcome::Cancelled(why.message(self.language).to_owned()))
            }
        };
        self.finish(result);
        None
    }

    /// Creates the file and stages its mail.
    fn export(&self) -> AttemptResult {
        let (Some(due), Some(document)) = (self.due, &self.document) else {
            return AttemptResult::Failed(Reason::Unreadable);
        };
        let owner = match (self.facts.owner_right, &self.facts.schedule.owner) {
            (OwnerRight::Inactive, _) => return AttemptResult::Failed(Reason::OwnerInactive),
            (OwnerRight::NotAllowed, _) => return AttemptResult::Failed(Reason::OwnerNotAllowed),
            (OwnerRight::Gone, _) | (OwnerRight::Yes, None) => return AttemptResult::Failed(Reason::OwnerGone),
            (OwnerRight::Yes, Some(owner)) => owner,
        };
        let zone = self.zone();
        let form = match form(document, zone, due) {
            Ok(form) => form,
            Err(reason) => return AttemptResult::Failed(reason),
        };
        match self.run.produce(&form, &document.locale, zone, due) {
            Ok(_) => {}
            Err(ExportError::NothingToExport) => return AttemptResult::Empty,
            Err(ExportError::NotAllowed) => return AttemptResult::Failed(Reason::OwnerNotAllowed),
            Err(ExportError::InvalidFormData(why)) => return AttemptResult::Failed(Reason::InvalidFormData(why)),
            Err(ExportError::Failed(why)) => return AttemptResult::Failed(Reason::ExporterFailed(why)),
            Err(ExportError::Unavailable(outage)) => return self.unavailable(&outage.reason),
            Err(ExportError::LeaseLost) => return AttemptResult::LeaseLost,
        }
        let (given, limit) = (&self.facts.schedule.content.recipients, self.facts.settings.mail_bytes);
        let nobody = Recipients::default();
        let (given, wording) = match self.facts.kind {
            RunKind::Test => (&nobody, Wording::of_test(document, &owner.email, self.language)),
            RunKind::Scheduled | RunKind::Now | RunKind::Rerun => (given, Wording::of(document)),
        };
        match export_mail::stage(self.run, &wording, given, &owner.email, (limit, zone)) {
            Ok(()) => AttemptResult::Submitted,
            Err(StageError::Failed(reason)) => AttemptResult::Failed(reason),
            Err(StageError::Unavailable(why)) => self.unavailable(&why),
            Err(StageError::LeaseLost) => AttemptResult::LeaseLost,
        }
    }

    fn unavailable(&self, why: &str) -> AttemptResult {
        self.run
            .log(&format!("exporter unavailable: {}", one_line(why, MAX_LOGGED_LEN)));
        self.retry_or(Reason::Unavailable(self.facts.attempt))
    }

    /// A retry after 2, 4, 8, 16 or 32 minutes; after the last attempt, a failure. A retry is not later than the next due time: the run
    /// then ends as missed and does not delay the next one.
    fn retry_or(&self, reason: Reason) -> AttemptResult {
        let attempt = self.facts.attempt;
        if attempt >= MAX_ATTEMPTS {
            return AttemptResult::Failed(reason);
        }
        let now = self.facts.settings.now;
        let at = now.saturating_add(60 << attempt.max(1));
        AttemptResult::Retry(self.next_run.filter(|next| *next > now).map_or(at, |next| at.min(next)))
    }

    /// Stages the notice, if there is one, and finishes the run.
    fn finish(&self, result: AttemptResult) {
        let content = &self.facts.schedule.content;
        let (counter, active) = (content.error_counter, content.state != ScheduleState::Stopped);
        let (outcome, counter, active) = match result {
            AttemptResult::LeaseLost => return self.log_store_error("export", &StoreError::LeaseLost),
            AttemptResult::Submitted => (Outcome::Submitted, counter, active),
            AttemptResult::Retry(at) => (Outcome::Retry(at), counter, active),
            AttemptResult::NotRun(outcome) => (outcome, counter, active),
            AttemptResult::Empty => {
                self.notify(
                    MailKind::NothingToExport,
                    notice::nothing_to_export(&self.notice_context()),
                );
                (Outcome::Empty, counter, active)
            }
            AttemptResult::Delivered { rejected } => {
                if !rejected.is_empty() {
                    self.notify(
                        MailKind::Undelivered,
                        notice::undelivered(&self.notice_context(), &rejected),
                    );
                }
                // An older mail that is delivered does not resume a schedule that later failures have paused.
                let counter = if active && self.is_scheduled() { 0 } else { counter };
                (Outcome::Delivered, counter, active)
            }
            AttemptResult::Failed(reason) => {
                let counter = match self.is_scheduled() {
                    true => counter.saturating_add(1).min(MAX_CONSECUTIVE_FAILURES),
                    false => counter,
                };
                self.notify(
                    MailKind::Failure,
                    notice::failure(&self.notice_context(), &reason, counter),
                );
                let (code, message) = (reason.code(), reason.message(self.language));
                self.run
                    .log(&format!("run failed: {code}; consecutive failures: {counter}"));
                (
                    Outcome::Failed((code.to_owned(), message)),
                    counter,
                    active && (counter < MAX_CONSECUTIVE_FAILURES || !self.is_scheduled()),
                )
            }
        };
        if let Err(error) = self.run.finish(&outcome, counter, active) {
            self.log_store_error("finish", &error);
        }
    }

    fn notice_context(&self) -> NoticeContext<'_> {
        NoticeContext {
            language: self.language,
            title: self.document.as_ref().map(|document| document.subject.as_str()),
            exporter: &self.facts.schedule.content.export_identifier,
            zone: self.zone(),
            due: self.due,
            next_run: self.next_run,
            requested: self.requested(),
            configuration_url: &self.facts.settings.configuration_url,
        }
    }

    fn requested(&self) -> Option<Requested<'_>> {
        let by = self.facts.requested_by.as_ref().map(|user| user.email.as_str());
        match self.facts.kind {
            RunKind::Scheduled => None,
            RunKind::Now => Some(Requested::Now { by }),
            RunKind::Rerun => Some(Requested::Rerun { by }),
            RunKind::Test => Some(Requested::Test { by }),
        }
    }

    /// Stages a notice to the responsible users. The run ends in the same way if there are none.
    fn notify(&self, kind: MailKind, notice: Notice) {
        let Notice { subject, text } = notice;
        let mail = Mail {
            kind,
            audience: Audience::Responsible,
            subject,
            text,
            attach_file: false,
        };
        if let Err(error) = self.run.stage(&mail) {
            let why = match error {
                MailError::RecipientNotAllowed(_) => "not a recipient",
                MailError::NoRecipient => "no recipient",
                MailError::TooLarge(_) => "too large",
                MailError::NoFile => "no file",
                MailError::BadSubject => "bad subject",
                MailError::LeaseLost => "lease lost",
                MailError::Unavailable(_) => "store unavailable",
            };
            self.run.log(&format!("notice not sent: {why}"));
        }
    }

    fn log_store_error(&self, call: &str, error: &StoreError) {
        let why = match error {
            StoreError::LeaseLost => "lease lost".to_owned(),
            StoreError::Unavailable(why) => format!("store unavailable: {}", one_line(why, MAX_LOGGED_LEN)),
            StoreError::NotFound => "run not found".to_owned(),
            StoreError::Stale => "version conflict".to_owned(),
            StoreError::Quota(_) => "quota exceeded".to_owned(),
            StoreError::Forbidden => "not permitted".to_owned(),
            StoreError::AlreadyRecorded(_) => "missed due times are already recorded".to_owned(),
        };
        self.run.log(&format!("{call} failed: {why}"));
    }
}

/// Key of [`Document::event_numbers`] in the form for exporters.
const EVENT_NUMBERS: &str = "event_numbers";

/// The form for exporters: date ranges are resolved for the local date of the due time.
fn form(document: &Document, zone: &str, due: Instant) -> Result<String, Reason> {
    let mut form = document.form.clone();
    if !document.event_numbers.is_empty() {
        form.insert(EVENT_NUMBERS.to_owned(), document.event_numbers.clone().into());
    }
    for key in &document.date_ranges {
        let Some(value) = form.get_mut(key) else { continue };
        let range = value
            .as_str()
            .zip(recurrence::zone(zone))
            .and_then(|(name, tz)| named_range::resolve(name, recurrence::local_date(due, tz)));
        *value = named_range::text(range.ok_or_else(|| Reason::InvalidDateRange(key.clone()))?).into();
    }
    Ok(serde_json::Value::Object(form).to_string())
}
