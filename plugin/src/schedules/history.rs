//! The JSON of a run in the history.

use serde::Serialize;

use crate::contract::{DeliveryStatus, Outcome, RunEntry};

use super::timestamp::UtcTimestamp;

/// Maximum number of characters of a server's reply, so that 76 recipients fit in a document.
const MAX_RESPONSE_LEN: usize = 400;

#[derive(Serialize)]
struct HistoryItem<'a> {
    due: Option<UtcTimestamp>,
    started: Option<UtcTimestamp>,
    ended: Option<UtcTimestamp>,
    outcome: &'static str,
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
}

#[derive(Serialize)]
struct Recipient<'a> {
    address: &'a str,
    status: &'static str,
    response: &'a str,
}

pub(super) fn to_json(entry: &RunEntry) -> String {
    let mut run = HistoryItem {
        due: UtcTimestamp::of(entry.due),
        started: entry.started.and_then(UtcTimestamp::of),
        ended: entry.ended.and_then(UtcTimestamp::of),
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
        Some(Outcome::Failed((code, message))) => {
            run.reason = Some(message);
            run.reason_code = Some(code);
            "failed"
        }
        Some(Outcome::Retry(at)) => {
            run.next_attempt = Some(UtcTimestamp::of(*at));
            "retrying"
        }
        Some(Outcome::Cancelled(why)) => {
            run.reason = Some(why);
            "cancelled"
        }
        Some(Outcome::Missed(range)) => {
            run.missed = Some(Missed {
                first: UtcTimestamp::of(range.first),
                last: UtcTimestamp::of(range.last),
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
        response: cut(&delivery.response),
    }));
    serde_json::to_string(&run).expect("a run has string keys only")
}

fn cut(response: &str) -> &str {
    let end = response.char_indices().nth(MAX_RESPONSE_LEN).map(|(end, _)| end);
    end.and_then(|end| response.get(..end)).unwrap_or(response)
}
