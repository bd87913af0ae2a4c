//! `harness audit`.

use std::collections::HashMap;

use clap::Args;
use scheduled_exports_store::AuditEntry;
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
        // Each organizer's are latest first already, and stay so within a second.
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.at));
        entries.truncate(self.limit as usize);
        let mut ids: Vec<String> = entries.iter().filter_map(user).map(str::to_owned).collect();
        ids.sort_unstable();
        ids.dedup();
        let users = stores.platform.users(&ids).await?;
        stores.close().await;
        let addresses: HashMap<String, String> = users.into_iter().map(|user| (user.id, user.email)).collect();
        for entry in &entries {
            let address = user(entry).and_then(|id| addresses.get(id)).map(String::as_str);
            if self.output.json {
                say(document(entry, address))?;
            } else {
                say(line(entry, address))?;
            }
        }
        Ok(())
    }
}

/// The id of the user who made the change.
fn user(entry: &AuditEntry) -> Option<&str> {
    entry.actor.strip_prefix("user:")
}

/// `address`: the current address of that user, if the user still exists.
fn line(entry: &AuditEntry, address: Option<&str>) -> String {
    let mut line = format!("{}  {}", utc(entry.at), entry.scope.organizer);
    if let Some(event) = &entry.scope.event {
        line += &format!("/{event}");
    }
    if let Some(schedule) = entry.schedule {
        line += &format!("  schedule {schedule}");
    }
    line += &format!("  {}", entry.actor);
    if let Some(address) = address {
        line += &format!(" <{address}>");
    }
    line += &format!("  {}", entry.action);
    if !entry.detail.is_empty() {
        line += &format!("  ({})", entry.detail);
    }
    // Some of it was said by others, an exporter say: one entry is one line.
    line.replace(char::is_control, " ")
}

fn document(entry: &AuditEntry, address: Option<&str>) -> Value {
    json!({
        "at": utc(entry.at),
        "organizer": entry.scope.organizer,
        "event": entry.scope.event,
        "schedule": entry.schedule,
        "actor": entry.actor,
        "address": address,
        "action": entry.action,
        "detail": entry.detail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use scheduled_exports_store::Scope;

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
            line(&entry, None),
            "2026-10-26T05:30:00Z  bigevents/sampleconf  schedule 7  host  run  (failed: exporter-failed: one two)"
        );
        assert_eq!(document(&entry, None)["detail"], "failed: exporter-failed: one\ntwo");
        let entry = AuditEntry {
            actor: "user:u1".into(),
            ..entry
        };
        assert!(line(&entry, Some("a@x.org")).contains("  user:u1 <a@x.org>  run"));
        assert_eq!(document(&entry, Some("a@x.org"))["address"], "a@x.org");
        assert_eq!(document(&entry, None)["address"], Value::Null);
    }
}
