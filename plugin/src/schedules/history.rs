//! What a run looks like in the history.

use serde::Serialize;

use crate::contract::{DeliveryStatus, Outcome, RunEntry};

use super::instant::Utc;

/// Longest response of a server that is shown, in characters, so that 76 recipients fit a document.
const LONGEST_RESPONSE: usize = 400;

#[derive(Serialize)]
struct Run<'a> {
    due: Option<Utc>,
    started: Option<Utc>,
    ended: Option<Utc>,
    outcome: &'static str,
    /// Why it failed or was cancelled, for people.
    reason: Option<&'a str>,
    /// Why it failed, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_code: Option<&'a str>,
    attempts: u32,
    /// Of a run that is tried again: when.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt: Option<Option<Utc>>,
    rows: Option<u64>,
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missed: Option<Missed>,
    recipients: Vec<Recipient<'a>>,
}

#[derive(Serialize)]
struct Missed {
    first: Option<Utc>,
    last: Option<Utc>,
    count: u64,
}

#[derive(Serialize)]
struct Recipient<'a> {
    address: &'a str,
    status: &'static str,
    response: &'a str,
}

pub(super) fn to_json(entry: &RunEntry) -> String {
    let mut run = Run {
        due: Utc::of(entry.due),
        started: entry.started.and_then(Utc::of),
        ended: entry.ended.and_then(Utc::of),
        outcome: "in_progress",
        reason: None,
        reason_code: None,
        attempts: entry.attempts,
        next_attempt: None,
        rows: entry.rows,
        bytes: entry.bytes,
        missed: None,
        recipients: Vec::with_capacity(entry.deliveries.len()),
    };
    run.outcome = match &entry.outcome {
        None => "in_progress",
        Some(Outcome::Submitted) => "submitted",
        Some(Outcome::Delivered) => "delivered",
        Some(Outcome::Empty) => "empty",
        Some(Outcome::Failed((code, words))) => {
            run.reason = Some(words);
            run.reason_code = Some(code);
            "failed"
        }
        Some(Outcome::Retry(at)) => {
            run.next_attempt = Some(Utc::of(*at));
            "retrying"
        }
        Some(Outcome::Cancelled(why)) => {
            run.reason = Some(why);
            "cancelled"
        }
        Some(Outcome::Missed(range)) => {
            run.missed = Some(Missed {
                first: Utc::of(range.first),
                last: Utc::of(range.last),
                count: range.count,
            });
            "missed"
        }
    };
    run.recipients.extend(entry.deliveries.iter().map(|delivery| Recipient {
        address: &delivery.address,
        status: match delivery.status {
            DeliveryStatus::Queued => "queued",
            DeliveryStatus::Accepted => "accepted",
            DeliveryStatus::Retrying => "retrying",
            DeliveryStatus::Rejected => "rejected",
            DeliveryStatus::Cancelled => "cancelled",
        },
        response: cut(&delivery.words),
    }));
    serde_json::to_string(&run).expect("a run has string keys only")
}

fn cut(response: &str) -> &str {
    let end = response.char_indices().nth(LONGEST_RESPONSE).map(|(end, _)| end);
    end.and_then(|end| response.get(..end)).unwrap_or(response)
}
