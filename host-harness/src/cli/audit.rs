//! `harness audit`.

use clap::Args;
use host_harness::storage::AuditEntry;
use serde_json::{Value, json};

use super::{Data, Failure, Output, host, say, utc};

/// Show the audit log, latest entry first.
#[derive(Args)]
#[command(after_help = "Example:\n  harness audit --data ./data --organizer bigevents")]
pub struct Audit {
    #[command(flatten)]
    data: Data,
    /// Show only this organizer
    #[arg(long, value_name = "SLUG")]
    organizer: Option<String>,
    /// Maximum number of entries
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    #[command(flatten)]
    output: Output,
}

impl Audit {
    pub async fn run(self) -> Result<(), Failure> {
        let stores = host::stores(&self.data, false).await?;
        let storage = &stores.storage;
        let organizers = match self.organizer {
            Some(slug) => vec![slug],
            // Whoever has an entry was switched on once.
            None => storage.organizers().await?.into_iter().map(|(slug, _)| slug).collect(),
        };
        let mut entries = Vec::new();
        for organizer in &organizers {
            entries.extend(storage.audit(organizer, self.limit).await?);
        }
        stores.close().await;
        // Each organizer's are latest first already, and stay so within a second.
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.at));
        entries.truncate(self.limit as usize);
        for entry in &entries {
            if self.output.json {
                say(document(entry))?;
            } else {
                say(line(entry))?;
            }
        }
        Ok(())
    }
}

fn line(entry: &AuditEntry) -> String {
    let mut line = format!("{}  {}", utc(entry.at), entry.scope.organizer);
    if let Some(event) = &entry.scope.event {
        line += &format!("/{event}");
    }
    if let Some(schedule) = entry.schedule {
        line += &format!("  schedule {schedule}");
    }
    line += &format!("  {}  {}", entry.actor, entry.action);
    if !entry.detail.is_empty() {
        line += &format!("  ({})", entry.detail);
    }
    // Some of it was said by others, an exporter say: one entry is one line.
    line.replace(char::is_control, " ")
}

fn document(entry: &AuditEntry) -> Value {
    json!({
        "at": utc(entry.at),
        "organizer": entry.scope.organizer,
        "event": entry.scope.event,
        "schedule": entry.schedule,
        "actor": entry.actor,
        "action": entry.action,
        "detail": entry.detail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use host_harness::storage::Scope;

    #[test]
    fn an_entry_is_one_line_for_people_and_one_object_for_machines() {
        let entry = AuditEntry {
            at: 1_792_992_600,
            scope: Scope {
                organizer: "bigevents".into(),
                event: Some("sampleconf".into()),
            },
            schedule: Some(7),
            actor: "host".into(),
            action: "run".into(),
            detail: "failed: exporter-failed: one\ntwo".into(),
        };
        assert_eq!(
            line(&entry),
            "2026-10-26T05:30:00Z  bigevents/sampleconf  schedule 7  host  run  (failed: exporter-failed: one two)"
        );
        assert_eq!(document(&entry)["detail"], "failed: exporter-failed: one\ntwo");
    }
}
