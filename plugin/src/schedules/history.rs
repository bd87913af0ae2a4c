//! The JSON of a run in the history.

use serde::Serialize;

use crate::contract::{Delivery, DeliveryStatus, MissedRange, MissedReason, Outcome, RunEntry, RunKind};
use crate::language::Language;
use crate::notice::{one_line, zoned_time};
use crate::text;

use super::timestamp::UtcTimestamp;

/// Maximum number of characters of a server's reply, so that 76 recipients fit in a document.
const MAX_RESPONSE_LEN: usize = 400;

#[derive(Serialize)]
pub(super) struct HistoryItem<'a> {
    id: u64,
    kind: &'static str,
    /// Address of the user who requested the run; null if it was due.
    requested_by: Option<&'a str>,
    due: Option<UtcTimestamp>,
    started: Option<UtcTimestamp>,
    ended: Option<UtcTimestamp>,
    pub(super) outcome: &'static str,
    /// What became of it, in one sentence; omitted in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sentence: Option<String>,
    /// Why it failed or was cancelled.
    reason: Option<&'a str>,
    /// The machine-readable code of a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_code: Option<&'a str>,
    attempts: u32,
    /// Of a run that is retried.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt: Option<Option<UtcTimestamp>>,
    rows: Option<u64>,
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missed: Option<Missed>,
    recipients: Vec<Recipient<'a>>,
}

#[derive(Serialize)]
struct Missed {
    first: Option<UtcTimestamp>,
    last: Option<UtcTimestamp>,
    count: u64,
    reason: &'static str,
}

#[derive(Serialize)]
struct Recipient<'a> {
    address: &'a str,
    status: &'static str,
    response: &'a str,
    /// What became of the mail, in one sentence; omitted in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    sentence: Option<String>,
}

pub(super) fn to_json(entry: &RunEntry) -> String {
    serde_json::to_string(&item(entry)).expect("a run has string keys only")
}

/// With sentences in this language.
pub(super) fn explained<'a>(entry: &'a RunEntry, zone: &str, language: Language) -> HistoryItem<'a> {
    let mut run = item(entry);
    run.sentence = Some(sentence(entry, zone, language));
    for (recipient, delivery) in run.recipients.iter_mut().zip(&entry.deliveries) {
        recipient.sentence = Some(recipient_sentence(delivery, language));
    }
    run
}

fn sentence(entry: &RunEntry, zone: &str, language: Language) -> String {
    let time = |at| zoned_time(at, zone, language);
    match &entry.outcome {
        None => text::run_in_progress(language).to_owned(),
        Some(Outcome::Submitted) => text::run_submitted(language).to_owned(),
        Some(Outcome::Delivered) => {
            let accepted = |delivery: &&Delivery| delivery.status == DeliveryStatus::Accepted;
            let accepted = entry.deliveries.iter().filter(accepted).count();
            match entry.deliveries.len() {
                all if all == accepted => text::run_delivered(language).to_owned(),
                all => text::run_delivered_to_some(language, accepted, all),
            }
        }
        Some(Outcome::Empty) => text::run_empty(language).to_owned(),
        Some(Outcome::Failed((_, reason))) => text::run_failed(language, &one_line(reason, MAX_RESPONSE_LEN)),
        Some(Outcome::Retry(at)) => text::run_retrying(language, &time(*at)),
        Some(Outcome::Cancelled(reason)) => text::run_cancelled(language, &one_line(reason, MAX_RESPONSE_LEN)),
        Some(Outcome::Missed(MissedRange {
            first,
            last,
            count,
            reason,
        })) => {
            let why = match reason {
                MissedReason::Unavailable => text::run_missed_unavailable(language),
                MissedReason::Paused => text::run_missed_paused(language),
            };
            match count {
                1 => why.to_owned(),
                _ => text::run_missed_range(language, *count, &time(*first), &time(*last), why),
            }
        }
    }
}

fn recipient_sentence(delivery: &Delivery, language: Language) -> String {
    let sentence = match delivery.status {
        DeliveryStatus::Queued => text::recipient_queued(language),
        DeliveryStatus::Accepted => text::recipient_accepted(language),
        DeliveryStatus::Retrying => text::recipient_retrying(language),
        DeliveryStatus::Rejected => text::recipient_rejected(language),
        DeliveryStatus::Cancelled => text::recipient_cancelled(language),
    };
    let response = one_line(&delivery.response, MAX_RESPONSE_LEN);
    if response.is_empty() {
        format!("{sentence}.")
    } else {
        format!("{sentence}: {}", text::quoted(language, &response))
    }
}

fn item(entry: &RunEntry) -> HistoryItem<'_> {
    let mut run = HistoryItem {
        id: entry.id,
        kind: match entry.kind {
            RunKind::Scheduled => "scheduled",
            RunKind::Now => "now",
            RunKind::Rerun => "rerun",
            RunKind::Test => "test",
        },
        requested_by: entry.requested_by.as_deref(),
        sentence: None,
        due: UtcTimestamp::of(entry.due),
        started: entry.started.and_then(UtcTimestamp::of),
        ended: entry.ended.and_then(UtcTimestamp::of),
        outcome: outcome_name(entry.outcome.as_ref()),
        reason: None,
        reason_code: None,
        attempts: entry.attempts,
        next_attempt: None,
        rows: entry.rows,
        bytes: entry.bytes,
        missed: None,
        recipients: Vec::with_capacity(entry.deliveries.len()),
    };
    match &entry.outcome {
        Some(Outcome::Failed((code, message))) => {
            run.reason = Some(message);
            run.reason_code = Some(code);
        }
        Some(Outcome::Retry(at)) => run.next_attempt = Some(UtcTimestamp::of(*at)),
        Some(Outcome::Cancelled(why)) => run.reason = Some(why),
        Some(Outcome::Missed(range)) => {
            run.missed = Some(Missed {
                first: UtcTimestamp::of(range.first),
                last: UtcTimestamp::of(range.last),
                count: range.count,
                reason: match range.reason {
                    MissedReason::Unavailable => "unavailable",
                    MissedReason::Paused => "paused",
                },
            });
        }
        None | Some(Outcome::Submitted | Outcome::Delivered | Outcome::Empty) => {}
    }
    run.recipients.extend(entry.deliveries.iter().map(|delivery| Recipient {
        address: &delivery.address,
        status: match delivery.status {
            DeliveryStatus::Queued => "queued",
            DeliveryStatus::Accepted => "accepted",
            DeliveryStatus::Retrying => "retrying",
            DeliveryStatus::Rejected => "rejected",
            DeliveryStatus::Cancelled => "cancelled",
        },
        response: cut(&delivery.response),
        sentence: None,
    }));
    run
}

fn cut(response: &str) -> &str {
    let end = response.char_indices().nth(MAX_RESPONSE_LEN).map(|(end, _)| end);
    end.and_then(|end| response.get(..end)).unwrap_or(response)
}

/// The name of an outcome; `None` is in progress.
pub(super) const fn outcome_name(outcome: Option<&Outcome>) -> &'static str {
    match outcome {
        None => "in_progress",
        Some(Outcome::Submitted) => "submitted",
        Some(Outcome::Delivered) => "delivered",
        Some(Outcome::Empty) => "empty",
        Some(Outcome::Failed(_)) => "failed",
        Some(Outcome::Retry(_)) => "retrying",
        Some(Outcome::Cancelled(_)) => "cancelled",
        Some(Outcome::Missed(_)) => "missed",
    }
}
