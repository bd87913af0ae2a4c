//! What a run does: from the due time to its outcome.
//!
//! Every road through [`execute`], [`abandon`] and [`settle`] ends in one `finish`, but for two: the lease is lost (another
//! holds the run now), or the store did not answer. Then nothing more is tried: a fresh instance, or the host itself once the
//! attempts are used up, brings the run to its end.

#[cfg(test)]
pub(crate) mod fake;
mod letter;
mod opening;
#[cfg(test)]
mod tests;

use letter::NotStaged;
use opening::{Course, Opening, opening};

use crate::contract::{
    AbandonReason, Audience, Delivery, DeliveryStatus, ExportError, Instant, Mail, MailError, MailKind, Outcome,
    OwnerRight, Plan, RunFacts, StoreError,
};
use crate::document::Document;
use crate::host::Run;
use crate::language::Language;
use crate::notice::{self, Cancellation, Notice, Occasion, Reason, one_line};
use crate::passed::write_unrecorded;
use crate::recurrence::{self, RecurrenceError, Timetable};
use crate::window;

/// Consecutive failed runs at which a schedule is stopped.
pub const FAILURES_TO_STOP: u32 = 5;
/// Attempts at one due time in all, crashed ones included: the first and five retries.
pub const ATTEMPTS: u32 = 6;
/// Most characters of a reason of the host's that are repeated in the log.
const LONGEST_LOGGED: usize = 500;

/// One attempt at a run: opens it, makes the file, stages the mail, finishes.
///
/// Returns without `finish` only where the lease is lost, the store does not answer, or the schedule has no due time at all.
pub fn execute(run: &impl Run) {
    let attempt = Attempt::new(run);
    let (timetable, unfit) = match attempt.timetable() {
        Ok(timetable) => (Some(timetable), None),
        Err(reason) => (None, Some(reason)),
    };
    let Some(attempt) = attempt.open(timetable.as_ref()) else {
        return;
    };
    let end = unfit.map_or_else(|| attempt.export(), End::Failed);
    attempt.conclude(end);
}

/// Ends or postpones a run whose instance did not, in a fresh one. Of the exporter and the form it touches nothing.
///
/// [`AbandonReason::Unfinished`] (the store did not answer, say) is tried again like an exporter that is away; the others
/// are failures.
pub fn abandon(run: &impl Run, reason: AbandonReason) {
    let mut attempt = Attempt::new(run);
    if let Some(due) = attempt.facts.due {
        attempt.due = Some(due);
    } else {
        let timetable = attempt.timetable().ok();
        let Some(opened) = attempt.open(timetable.as_ref()) else {
            return;
        };
        attempt = opened;
    }
    let end = match reason {
        // What it said may hold data: the host logs it, nobody is mailed it.
        AbandonReason::Trapped(_) => End::Failed(Reason::Trapped),
        AbandonReason::OutOfTime => End::Failed(Reason::OutOfTime),
        AbandonReason::OutOfMemory => End::Failed(Reason::OutOfMemory),
        AbandonReason::Unfinished => attempt.again_or(Reason::Unfinished),
    };
    attempt.conclude(end);
}

/// Ends a submitted run all of whose recipients are final: delivered if at least one recipient's server took the mail.
///
/// What is not accepted counts as refused.
pub fn settle(run: &impl Run, deliveries: &[Delivery]) {
    let mut attempt = Attempt::new(run);
    attempt.due = attempt.facts.due;
    let refused: Vec<Delivery> = deliveries
        .iter()
        .filter(|delivery| delivery.status != DeliveryStatus::Accepted)
        .cloned()
        .collect();
    let end = if refused.len() == deliveries.len() {
        End::Failed(Reason::Undelivered(refused))
    } else {
        End::Delivered { refused }
    };
    attempt.conclude(end);
}

/// How an attempt ends.
enum End {
    Submitted,
    Delivered {
        refused: Vec<Delivery>,
    },
    Empty,
    Retry(Instant),
    Off(Outcome),
    Failed(Reason),
    /// Another holds the run now: nothing is to be written.
    LeaseLost,
}

/// One attempt, and what is known about it.
struct Attempt<'r, R> {
    run: &'r R,
    facts: RunFacts,
    /// None: unreadable.
    document: Option<Document>,
    /// The owner's; without an owner, the host's default.
    language: Language,
    /// What the run is for; none: not opened yet.
    due: Option<Instant>,
    /// The due time after it.
    next_run: Option<Instant>,
}

impl<'r, R: Run> Attempt<'r, R> {
    fn new(run: &'r R) -> Self {
        let facts = run.facts();
        let document = match Document::read(&facts.schedule.content.document) {
            Ok(document) => Some(document),
            Err(error) => {
                // Its own words repeat what is in the document.
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

    /// IANA name of the zone that the schedule is read in.
    fn zone(&self) -> &str {
        let default = &self.facts.settings.zone;
        self.document
            .as_ref()
            .map_or(default, |document| document.zone(default))
    }

    fn timetable(&self) -> Result<Timetable, Reason> {
        let document = self.document.as_ref().ok_or(Reason::Unreadable)?;
        document.timetable(&self.facts.settings.zone).map_err(|errors| {
            let codes: Vec<&str> = errors.iter().map(RecurrenceError::code).collect();
            self.run.log(&format!(
                "recurrence settings are no longer valid: {}",
                codes.join(", ")
            ));
            let words: Vec<String> = errors.iter().map(|error| error.message(self.language)).collect();
            Reason::TimetableUnfit(words.join(" "))
        })
    }

    /// Opens the run; none: it is not to go on now, and whatever there was to write is written.
    fn open(mut self, timetable: Option<&Timetable>) -> Option<Self> {
        let rule = self.document.as_ref().zip(timetable);
        let Some(Opening { plan, course }) = opening(&self.facts, rule) else {
            self.run.log("schedule has no due time; nothing to run");
            return None;
        };
        let start = |missed: &[_]| {
            self.run.start(&Plan {
                missed: missed.to_vec(),
                ..plan
            })
        };
        if let Err(error) = write_unrecorded(plan.missed.clone(), timetable, start) {
            self.not_written("start", &error);
            return None;
        }
        self.due = Some(plan.due);
        self.next_run = plan.next_run;
        let end = match course {
            Course::Run => return Some(self),
            // Nobody changed the rule: the zone has moved, as it does when the event is gone. The next due time would fail the
            // same way; whoever is to be told should not have to wait for it.
            Course::Cancel(Cancellation::NoLongerDue)
                if self.facts.due.is_none() && self.facts.owner_right != OwnerRight::Yes =>
            {
                return Some(self);
            }
            Course::Wait(until) => End::Retry(until),
            Course::Missed(range) => End::Off(Outcome::Missed(range)),
            Course::Cancel(why) => End::Off(Outcome::Cancelled(why.words(self.language).to_owned())),
        };
        self.conclude(end);
        None
    }

    /// Makes the file and stages its mail.
    fn export(&self) -> End {
        let (Some(due), Some(document)) = (self.due, &self.document) else {
            return End::Failed(Reason::Unreadable);
        };
        let owner = match (self.facts.owner_right, &self.facts.schedule.owner) {
            (OwnerRight::Inactive, _) => return End::Failed(Reason::OwnerInactive),
            (OwnerRight::NotAllowed, _) => return End::Failed(Reason::OwnerNotAllowed),
            (OwnerRight::Gone, _) | (OwnerRight::Yes, None) => return End::Failed(Reason::OwnerGone),
            (OwnerRight::Yes, Some(owner)) => owner,
        };
        let zone = self.zone();
        let form = match form(document, zone, due) {
            Ok(form) => form,
            Err(reason) => return End::Failed(reason),
        };
        match self.run.produce(&form, &document.locale, zone, due) {
            Ok(_) => {}
            Err(ExportError::NothingToExport) => return End::Empty,
            Err(ExportError::NotAllowed) => return End::Failed(Reason::OwnerNotAllowed),
            Err(ExportError::FormUnfit(why)) => return End::Failed(Reason::FormUnfit(why)),
            Err(ExportError::Failed(why)) => return End::Failed(Reason::ExporterFailed(why)),
            Err(ExportError::Unavailable(why)) => return self.away(&why),
            Err(ExportError::LeaseLost) => return End::LeaseLost,
        }
        let (given, limit) = (&self.facts.schedule.content.recipients, self.facts.settings.mail_bytes);
        match letter::stage(self.run, document, given, &owner.email, (limit, zone)) {
            Ok(()) => End::Submitted,
            Err(NotStaged::Failed(reason)) => End::Failed(reason),
            Err(NotStaged::Unavailable(why)) => self.away(&why),
            Err(NotStaged::LeaseLost) => End::LeaseLost,
        }
    }

    fn away(&self, why: &str) -> End {
        self.run
            .log(&format!("exporter unavailable: {}", one_line(why, LONGEST_LOGGED)));
        self.again_or(Reason::Unavailable(self.facts.attempt))
    }

    /// Another attempt after 2, 4, 8, 16 and 32 minutes, and then the reason. Where the next due time comes sooner, at that
    /// one: the attempt then ends as missed, and does not hold it up.
    fn again_or(&self, reason: Reason) -> End {
        let attempt = self.facts.attempt;
        if attempt >= ATTEMPTS {
            return End::Failed(reason);
        }
        let now = self.facts.settings.now;
        let at = now.saturating_add(60 << attempt.max(1));
        End::Retry(self.next_run.filter(|next| *next > now).map_or(at, |next| at.min(next)))
    }

    /// Stages what people are to be told, and finishes.
    fn conclude(&self, end: End) {
        let content = &self.facts.schedule.content;
        let (counter, active) = (content.error_counter, content.active);
        let (outcome, counter, active) = match end {
            End::LeaseLost => return self.not_written("export", &StoreError::LeaseLost),
            End::Submitted => (Outcome::Submitted, counter, active),
            End::Retry(at) => (Outcome::Retry(at), counter, active),
            End::Off(outcome) => (outcome, counter, active),
            End::Empty => {
                self.tell(MailKind::NothingToExport, notice::nothing_to_export(&self.occasion()));
                (Outcome::Empty, counter, active)
            }
            End::Delivered { refused } => {
                if !refused.is_empty() {
                    self.tell(MailKind::Undelivered, notice::undelivered(&self.occasion(), &refused));
                }
                // An older mail that arrives does not start a schedule again that later failures have stopped.
                let counter = if active { 0 } else { counter };
                (Outcome::Delivered, counter, active)
            }
            End::Failed(reason) => {
                let counter = counter.saturating_add(1).min(FAILURES_TO_STOP);
                self.tell(MailKind::Failure, notice::failure(&self.occasion(), &reason, counter));
                let (code, words) = (reason.code(), reason.words(self.language));
                self.run
                    .log(&format!("run failed: {code}; consecutive failures: {counter}"));
                (
                    Outcome::Failed((code.to_owned(), words)),
                    counter,
                    active && counter < FAILURES_TO_STOP,
                )
            }
        };
        if let Err(error) = self.run.finish(&outcome, counter, active) {
            self.not_written("finish", &error);
        }
    }

    fn occasion(&self) -> Occasion<'_> {
        Occasion {
            language: self.language,
            title: self.document.as_ref().map(|document| document.subject.as_str()),
            exporter: &self.facts.schedule.content.export_identifier,
            zone: self.zone(),
            due: self.due,
            next_run: self.next_run,
            configuration_url: &self.facts.settings.configuration_url,
        }
    }

    /// Stages a notice to the owner, or whom the host finds responsible. A run ends the same way where nobody can be told.
    fn tell(&self, kind: MailKind, notice: Notice) {
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
                MailError::NotARecipient(_) => "not a recipient",
                MailError::Nobody => "no recipient",
                MailError::TooLarge(_) => "too large",
                MailError::NoFile => "no file",
                MailError::BadSubject => "bad subject",
            };
            self.run.log(&format!("notice not sent: {why}"));
        }
    }

    fn not_written(&self, call: &str, error: &StoreError) {
        let why = match error {
            StoreError::LeaseLost => "lease lost".to_owned(),
            StoreError::Unavailable(why) => format!("store unavailable: {}", one_line(why, LONGEST_LOGGED)),
            StoreError::NotFound => "run not found".to_owned(),
            StoreError::Stale => "version conflict".to_owned(),
            StoreError::Quota(_) => "quota exceeded".to_owned(),
            StoreError::Forbidden => "not permitted".to_owned(),
            StoreError::Recorded(_) => "missed due times are already recorded".to_owned(),
        };
        self.run.log(&format!("{call} failed: {why}"));
    }
}

/// Key of the numbers that tell listed events from later ones of the same slug, in the form as exporters see it.
const EVENT_NUMBERS: &str = "event_numbers";

/// The form as exporters see it: date ranges as fixed dates, by the local date of the due time.
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
            .and_then(|(frame, tz)| window::resolve(frame, recurrence::local_date(due, tz)));
        *value = window::text(range.ok_or_else(|| Reason::DateRangeUnfit(key.clone()))?).into();
    }
    Ok(serde_json::Value::Object(form).to_string())
}
