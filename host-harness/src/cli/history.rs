//! `harness history`, and the format of its lines.

use clap::Args;
use scheduled_exports_host::contract::{DeliveryStatus, Outcome, RunKind};
use scheduled_exports_store::HistoryRow;
use serde_json::{Value, json};

use super::{Data, Failure, Output, host, say, utc};

/// Show the run history, latest due time first.
#[derive(Args)]
#[command(after_help = "Example:\n  harness history --data ./data --schedule 7")]
pub struct History {
    #[command(flatten)]
    data: Data,
    /// Show only this schedule
    #[arg(long, value_name = "ID")]
    schedule: Option<u64>,
    /// Maximum number of entries
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    #[command(flatten)]
    output: Output,
}

impl History {
    pub async fn run(self) -> Result<(), Failure> {
        let stores = host::stores(&self.data, false).await?;
        let rows = stores.storage.history(self.schedule, self.limit).await?;
        stores.close().await;
        for row in rows {
            if self.output.json {
                say(document(&row))?;
            } else {
                say(line(&row))?;
            }
        }
        Ok(())
    }
}

/// The name of an outcome, as in the API's run history.
pub fn word(outcome: Option<&Outcome>) -> &'static str {
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

/// The reason as text; empty if the outcome says everything.
pub fn reason(outcome: Option<&Outcome>) -> String {
    match outcome {
        Some(Outcome::Failed((_, words)) | Outcome::Cancelled(words)) => words.clone(),
        Some(Outcome::Retry(at)) => format!("retry at {}", utc(*at)),
        Some(Outcome::Missed(range)) => format!("{} due times since {}", range.count, utc(range.first)),
        None | Some(Outcome::Submitted | Outcome::Delivered | Outcome::Empty) => String::new(),
    }
}

/// Why a run takes place, as in the API's run history; `None` if it was due.
fn kind(kind: RunKind) -> Option<&'static str> {
    match kind {
        RunKind::Scheduled => None,
        RunKind::Now => Some("now"),
        RunKind::Rerun => Some("rerun"),
        RunKind::Test => Some("test"),
    }
}

pub fn line(row: &HistoryRow) -> String {
    let entry = &row.entry;
    let mut line = format!(
        "{}  schedule {}  {}",
        utc(entry.due),
        row.schedule,
        word(entry.outcome.as_ref())
    );
    if let Some(kind) = kind(entry.kind) {
        line += &format!("  {kind}");
        if let Some(address) = &entry.requested_by {
            line += &format!(" requested by {address}");
        }
    }
    if let Some(rows) = entry.rows {
        line += &format!("  {rows} rows");
    }
    if let Some(bytes) = entry.bytes {
        line += &format!("  {bytes} bytes");
    }
    if !entry.deliveries.is_empty() {
        let accepted = entry
            .deliveries
            .iter()
            .filter(|one| one.status == DeliveryStatus::Accepted)
            .count();
        line += &format!("  {accepted} of {} recipients", entry.deliveries.len());
    }
    let reason = reason(entry.outcome.as_ref());
    if !reason.is_empty() {
        line += &format!("  ({reason})");
    }
    line
}

pub fn document(row: &HistoryRow) -> Value {
    let entry = &row.entry;
    let status = |status: DeliveryStatus| match status {
        DeliveryStatus::Queued => "queued",
        DeliveryStatus::Accepted => "accepted",
        DeliveryStatus::Retrying => "retrying",
        DeliveryStatus::Rejected => "rejected",
        DeliveryStatus::Cancelled => "cancelled",
    };
    let recipients: Vec<Value> = entry
        .deliveries
        .iter()
        .map(|one| json!({ "address": one.address, "status": status(one.status), "response": one.response }))
        .collect();
    json!({
        "schedule": row.schedule,
        "organizer": row.scope.organizer,
        "event": row.scope.event,
        "id": entry.id,
        "kind": kind(entry.kind).unwrap_or("scheduled"),
        "requested_by": entry.requested_by,
        "due": utc(entry.due),
        "started": entry.started.map(utc),
        "ended": entry.ended.map(utc),
        "outcome": word(entry.outcome.as_ref()),
        "reason": reason(entry.outcome.as_ref()),
        "attempts": entry.attempts,
        "rows": entry.rows,
        "bytes": entry.bytes,
        "recipients": recipients,
    })
}
