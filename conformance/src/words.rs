//! The contract's records as JSON, and back.

use serde_json::{Value, json};

use crate::component::imports;
use imports::auth_context::{AccessContext, Caller, OwnerRight, RunContext, Settings};
use imports::exporters::{Exporter, File, LookupError};
use imports::mailer::MailError;
use imports::manual_runs::{RequestError, RunRequest};
use imports::schedule_store::StoreError;
use imports::types::{
    Content, Delivery, DeliveryStatus, Filter, MissedRange, MissedReason, Outcome, Recipients, RunEntry, RunKind,
    RunState, Schedule, ScheduleState, StateKind, User,
};

/// An answer as it is compared.
pub(crate) fn ok(value: impl Into<Value>) -> Value {
    json!({"ok": value.into()})
}

fn error(word: &str, with: impl Into<Value>) -> Value {
    json!({"error": word, "with": with.into()})
}

pub(crate) fn store_error(of: StoreError) -> Value {
    match of {
        StoreError::NotFound => error("not-found", Value::Null),
        StoreError::Stale => error("stale", Value::Null),
        StoreError::Quota(quota) => error("quota", quota),
        StoreError::Forbidden => error("forbidden", Value::Null),
        StoreError::LeaseLost => error("lease-lost", Value::Null),
        StoreError::AlreadyRecorded(until) => error("already-recorded", until),
        StoreError::Unavailable(words) => error("unavailable", words),
    }
}

pub(crate) fn lookup_error(of: LookupError) -> Value {
    match of {
        LookupError::NotFound => error("not-found", Value::Null),
        LookupError::Unavailable(words) => error("unavailable", words),
    }
}

pub(crate) fn export_error(of: imports::exporters::ExportError) -> Value {
    use imports::exporters::ExportError as Error;
    match of {
        Error::NothingToExport => error("nothing-to-export", Value::Null),
        Error::NotAllowed => error("not-allowed", Value::Null),
        Error::InvalidFormData(words) => error("invalid-form-data", words),
        Error::Failed(words) => error("failed", words),
        Error::Unavailable(outage) => error("unavailable", outage.reason),
        Error::LeaseLost => error("lease-lost", Value::Null),
    }
}

pub(crate) fn mail_error(of: MailError) -> Value {
    match of {
        MailError::RecipientNotAllowed(addresses) => error("recipient-not-allowed", addresses),
        MailError::NoRecipient => error("no-recipient", Value::Null),
        MailError::TooLarge(size) => error("too-large", size),
        MailError::NoFile => error("no-file", Value::Null),
        MailError::BadSubject => error("bad-subject", Value::Null),
        MailError::LeaseLost => error("lease-lost", Value::Null),
        MailError::Unavailable(words) => error("unavailable", words),
    }
}

pub(crate) fn request_error(of: RequestError) -> Value {
    match of {
        RequestError::NotFound => error("not-found", Value::Null),
        RequestError::Forbidden => error("forbidden", Value::Null),
        RequestError::TooMany(seconds) => error("too-many", seconds),
        RequestError::Unavailable(words) => error("unavailable", words),
    }
}

fn user(of: &User) -> Value {
    json!({"id": of.id, "email": of.email, "language": of.language, "active": of.active})
}

fn recipients(of: &Recipients) -> Value {
    json!({"to": of.to, "cc": of.cc, "bcc": of.bcc})
}

fn state(of: ScheduleState) -> Value {
    match of {
        ScheduleState::Active => json!("active"),
        ScheduleState::Paused(until) => json!({"paused": until}),
        ScheduleState::Stopped => json!("stopped"),
    }
}

fn content(of: &Content) -> Value {
    json!({
        "export-identifier": of.export_identifier,
        "recipients": recipients(&of.recipients),
        "next-run": of.next_run,
        "state": state(of.state),
        "error-counter": of.error_counter,
        "document": of.document,
    })
}

pub(crate) fn schedule(of: &Schedule) -> Value {
    json!({"id": of.id, "owner": of.owner.as_ref().map(user), "version": of.version, "content": content(&of.content)})
}

fn settings(of: &Settings) -> Value {
    json!({
        "now": of.now,
        "zone": of.zone,
        "languages": of.languages,
        "recipient-domains": of.recipient_domains,
        "mail-bytes": of.mail_bytes,
        "configuration-url": of.configuration_url,
        "latest-event": of.latest_event,
    })
}

pub(crate) fn access_context(of: &AccessContext) -> Value {
    let caller = match &of.caller {
        Caller::User(who) => json!({"user": user(who)}),
        Caller::Token => json!("token"),
        Caller::Device => json!("device"),
    };
    json!({
        "caller": caller,
        "language": of.language,
        "event-level": of.event_level,
        "may-change-settings": of.may_change_settings,
        "may-write": of.may_write,
        "settings": settings(&of.settings),
    })
}

pub(crate) fn run_context(of: &RunContext) -> Value {
    let right = match of.owner_right {
        OwnerRight::Yes => "yes",
        OwnerRight::Inactive => "inactive",
        OwnerRight::Gone => "gone",
        OwnerRight::NotAllowed => "not-allowed",
    };
    json!({
        "schedule": schedule(&of.schedule),
        "event-level": of.event_level,
        "owner-right": right,
        "due": of.due,
        "started-version": of.started_version,
        "attempt": of.attempt,
        "kind": run_kind(of.kind),
        "requested-by": of.requested_by.as_ref().map(user),
        "page-url": of.page_url,
        "settings": settings(&of.settings),
    })
}

pub(crate) fn exporter(of: &Exporter) -> Value {
    let fields: Vec<&str> = of.fields.iter().map(|field| field.name.as_str()).collect();
    json!({"identifier": of.identifier, "across-events": of.across_events, "fields": fields})
}

pub(crate) fn file(of: &File) -> Value {
    json!({"name": of.name, "content-type": of.content_type, "size": of.size, "rows": of.rows})
}

fn missed_range(of: &MissedRange) -> Value {
    let reason = match of.reason {
        MissedReason::Unavailable => "unavailable",
        MissedReason::Paused => "paused",
    };
    json!({"first": of.first, "last": of.last, "count": of.count, "reason": reason})
}

fn outcome(of: &Outcome) -> Value {
    match of {
        Outcome::Submitted => json!("submitted"),
        Outcome::Delivered => json!("delivered"),
        Outcome::Empty => json!("empty"),
        Outcome::Failed((code, words)) => json!({"failed": [code, words]}),
        Outcome::Retry(at) => json!({"retry": at}),
        Outcome::Cancelled(words) => json!({"cancelled": words}),
        Outcome::Missed(range) => json!({"missed": missed_range(range)}),
    }
}

pub(crate) fn delivery(of: &Delivery) -> Value {
    let status = match of.status {
        DeliveryStatus::Queued => "queued",
        DeliveryStatus::Accepted => "accepted",
        DeliveryStatus::Retrying => "retrying",
        DeliveryStatus::Rejected => "rejected",
        DeliveryStatus::Cancelled => "cancelled",
    };
    json!({"address": of.address, "status": status})
}

fn run_kind(of: RunKind) -> &'static str {
    match of {
        RunKind::Scheduled => "scheduled",
        RunKind::Now => "now",
        RunKind::Rerun => "rerun",
        RunKind::Test => "test",
    }
}

pub(crate) fn run_entry(of: &RunEntry) -> Value {
    json!({
        "id": of.id,
        "kind": run_kind(of.kind),
        "requested-by": of.requested_by,
        "due": of.due,
        "started": of.started,
        "ended": of.ended,
        "attempts": of.attempts,
        "outcome": of.outcome.as_ref().map(outcome),
        "rows": of.rows,
        "bytes": of.bytes,
        "deliveries": of.deliveries.iter().map(delivery).collect::<Vec<_>>(),
    })
}

// ---- from a script ----

pub(crate) fn text(of: &Value) -> String {
    of.as_str().unwrap_or_default().to_owned()
}

pub(crate) fn texts(of: &Value) -> Vec<String> {
    of.as_array()
        .map(|all| all.iter().map(text).collect())
        .unwrap_or_default()
}

pub(crate) fn number(of: &Value) -> i64 {
    of.as_i64().unwrap_or_default()
}

/// A number, or a text of digits where a driver's JSON could not hold the number.
pub(crate) fn id(of: &Value) -> u64 {
    let digits = || of.as_str().and_then(|digits| digits.parse().ok());
    of.as_u64().or_else(digits).unwrap_or_default()
}

/// A document may be a value of the script, or the very text.
fn document_of(of: &Value) -> String {
    match of {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(crate) fn recipients_of(of: &Value) -> Recipients {
    Recipients {
        to: texts(&of["to"]),
        cc: texts(&of["cc"]),
        bcc: texts(&of["bcc"]),
    }
}

pub(crate) fn content_of(of: &Value) -> Content {
    Content {
        export_identifier: text(&of["export-identifier"]),
        recipients: recipients_of(&of["recipients"]),
        next_run: of["next-run"].as_i64(),
        state: state_of(&of["state"]),
        error_counter: of["error-counter"]
            .as_u64()
            .and_then(|count| count.try_into().ok())
            .unwrap_or_default(),
        document: document_of(&of["document"]),
    }
}

/// `"active"`, `"stopped"`, or `{"paused": INSTANT}`, null for no end.
fn state_of(of: &Value) -> ScheduleState {
    match (of.as_str(), of.get("paused")) {
        (Some("active"), _) => ScheduleState::Active,
        (_, Some(until)) => ScheduleState::Paused(until.as_i64()),
        _ => ScheduleState::Stopped,
    }
}

/// The conditions that are given.
pub(crate) fn filter_of(of: &Value) -> Filter {
    let given = |name: &str| of[name].as_str().map(str::to_owned);
    Filter {
        owner: given("owner"),
        export_identifier: given("export-identifier"),
        recipient: given("recipient"),
        state: match of["state"].as_str() {
            Some("active") => Some(StateKind::Active),
            Some("paused") => Some(StateKind::Paused),
            Some("stopped") => Some(StateKind::Stopped),
            _ => None,
        },
        failing: of["failing"].as_bool(),
        due_before: of["due-before"].as_i64(),
    }
}

pub(crate) fn run_state_of(of: &Value) -> Option<RunState> {
    Some(match of.as_str()? {
        "in-progress" => RunState::InProgress,
        "submitted" => RunState::Submitted,
        "delivered" => RunState::Delivered,
        "empty" => RunState::Empty,
        "failed" => RunState::Failed,
        "cancelled" => RunState::Cancelled,
        "missed" => RunState::Missed,
        _ => return None,
    })
}

/// `"now"`, `{"rerun": INSTANT}` or `{"test": CONTENT}`, null for that of the schedule.
pub(crate) fn request_of(of: &Value) -> RunRequest {
    match (of["rerun"].as_i64(), of.get("test")) {
        (Some(due), _) => RunRequest::Rerun(due),
        (None, Some(test)) => RunRequest::Test(test.is_object().then(|| content_of(test))),
        (None, None) => RunRequest::Now,
    }
}

fn range_of(of: &Value) -> MissedRange {
    MissedRange {
        reason: match of["reason"].as_str() {
            Some("paused") => MissedReason::Paused,
            _ => MissedReason::Unavailable,
        },
        first: number(&of["first"]),
        last: number(&of["last"]),
        count: id(&of["count"]),
    }
}

pub(crate) fn missed_of(of: &Value) -> Vec<MissedRange> {
    of.as_array()
        .map(|ranges| ranges.iter().map(range_of).collect())
        .unwrap_or_default()
}

pub(crate) fn outcome_of(of: &Value) -> Outcome {
    match of.as_str() {
        Some("submitted") => return Outcome::Submitted,
        Some("delivered") => return Outcome::Delivered,
        Some("empty") => return Outcome::Empty,
        _ => {}
    }
    if let Some(at) = of["retry"].as_i64() {
        return Outcome::Retry(at);
    }
    if of["missed"].is_object() {
        return Outcome::Missed(range_of(&of["missed"]));
    }
    if let Some(words) = of["cancelled"].as_str() {
        return Outcome::Cancelled(words.to_owned());
    }
    Outcome::Failed((text(&of["failed"][0]), text(&of["failed"][1])))
}
