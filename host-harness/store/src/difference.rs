//! What a person's change of a schedule changed, in words for the audit log: each field with its old and its new value.
//!
//! The host does not read what a plugin stores: it compares two JSON documents, whatever their members mean.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::contract::{Content, ScheduleState};
use crate::values::written;

/// Most characters of one value. A longer one is cut, and says how long it is.
const MAX_VALUE: usize = 200;
/// Most characters of one entry beside its recipients. Those are never cut, or an address could hide behind long ones; the contract
/// bounds them (three lists of 25), and what a caller can write a day counts them.
pub const MAX_ENTRY: usize = 4_000;

/// What is there of a schedule before and after a change. None: there is no schedule.
#[must_use]
pub fn difference(old: Option<&Content>, new: Option<&Content>) -> String {
    let mut told = Told::default();
    // Who gets the data comes first, so that nothing else can push it out of the entry.
    for (name, of) in [
        (
            "bcc",
            (|content: &Content| &content.recipients.bcc) as fn(&Content) -> &Vec<String>,
        ),
        ("cc", |content| &content.recipients.cc),
        ("to", |content| &content.recipients.to),
    ] {
        told.recipients(name, old.map(of), new.map(of));
    }
    let exporter = |of: &Content| Value::from(of.export_identifier.as_str());
    told.field(
        "export_identifier",
        old.map(exporter).as_ref(),
        new.map(exporter).as_ref(),
    );
    let state = |of: &Content| match of.state {
        ScheduleState::Active => "active".into(),
        ScheduleState::Paused(None) => "paused".into(),
        ScheduleState::Paused(Some(until)) => format!("paused until {}", written(until)).into(),
        ScheduleState::Stopped => Value::from("stopped"),
    };
    told.field("state", old.map(state).as_ref(), new.map(state).as_ref());
    let document = |of: Option<&Content>| match of.map(|of| serde_json::from_str::<Map<String, Value>>(&of.document)) {
        None => Some(Map::new()),
        Some(read) => read.ok(),
    };
    if old.map(|of| &of.document) == new.map(|of| &of.document) {
        // Reading both costs more than everything else here.
        return told.text;
    }
    match (document(old), document(new)) {
        (Some(old), Some(new)) => told.members("", &old, &new),
        // What the plugin stores is its own affair.
        _ => told.add("document: changed"),
    }
    told.text
}

#[derive(Default)]
struct Told {
    text: String,
    /// Length of what the text says of recipients.
    recipients: usize,
    full: bool,
}

impl Told {
    fn add(&mut self, part: &str) {
        if self.full {
            return;
        }
        let between = if self.text.is_empty() { "" } else { "; " };
        if self.text.len() - self.recipients + between.len() + part.len() > MAX_ENTRY {
            self.full = true;
            self.text += "; …";
            return;
        }
        let _ = write!(self.text, "{between}{part}");
    }

    fn field(&mut self, name: &str, old: Option<&Value>, new: Option<&Value>) {
        if old != new {
            self.add(&format!("{name}: {} → {}", shown(old), shown(new)));
        }
    }

    fn members(&mut self, prefix: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let added = new.keys().filter(|name| !old.contains_key(*name));
        for name in old.keys().chain(added) {
            let (old, new) = (old.get(name), new.get(name));
            if old == new {
                continue;
            }
            let path = format!("{prefix}{}", characters(name, MAX_VALUE));
            match (old, new) {
                (Some(Value::Object(old)), Some(Value::Object(new))) => self.members(&format!("{path}."), old, new),
                (Some(Value::Object(old)), None) => self.members(&format!("{path}."), old, &Map::new()),
                (None, Some(Value::Object(new))) => self.members(&format!("{path}."), &Map::new(), new),
                (old, new) => self.field(&path, old, new),
            }
        }
    }

    /// Both lists where they are short, else what was added and removed: an address must not hide in a long list.
    fn recipients(&mut self, name: &str, old: Option<&Vec<String>>, new: Option<&Vec<String>>) {
        let none = Vec::new();
        let (old, new) = (old.unwrap_or(&none), new.unwrap_or(&none));
        if old == new {
            return;
        }
        let list = |of: &[String]| match of.is_empty() {
            true => "none".to_owned(),
            false => of.join(", "),
        };
        let (before, after) = (list(old), list(new));
        let between = if self.text.is_empty() { "" } else { "; " };
        if before.len() <= MAX_VALUE && after.len() <= MAX_VALUE {
            let _ = write!(self.text, "{between}{name}: {before} → {after}");
            self.recipients = self.text.len();
            return;
        }
        let (was, is): (BTreeSet<&String>, BTreeSet<&String>) = (old.iter().collect(), new.iter().collect());
        let added: Vec<String> = new.iter().filter(|one| !was.contains(one)).cloned().collect();
        let removed: Vec<String> = old.iter().filter(|one| !is.contains(one)).cloned().collect();
        let _ = write!(
            self.text,
            "{between}{name}: added {}, removed {}",
            list(&added),
            list(&removed)
        );
        self.recipients = self.text.len();
    }
}

/// The beginning of a text.
fn characters(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// A value as JSON, cut.
fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else {
        return "none".to_owned();
    };
    let text = value.to_string();
    let length = text.chars().count();
    if length <= MAX_VALUE {
        return text;
    }
    format!("{}… ({length} characters)", characters(&text, MAX_VALUE))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contract::Recipients;

    fn content(bcc: &[&str], document: &Value) -> Content {
        Content {
            export_identifier: "orderlist".into(),
            recipients: Recipients {
                to: vec!["finance@example.org".into()],
                cc: Vec::new(),
                bcc: bcc.iter().map(|one| (*one).to_owned()).collect(),
            },
            next_run: Some(0),
            state: ScheduleState::Active,
            error_counter: 0,
            document: document.to_string(),
        }
    }

    #[test]
    fn each_field_that_changed_is_told_with_its_old_and_its_new_value_and_no_other() {
        let old = content(
            &[],
            &json!({"export_form_data": {"_format": "xlsx", "paid": true}, "mail_subject": "Orders"}),
        );
        let mut new = content(
            &["spy@example.net"],
            &json!({"export_form_data": {"_format": "xlsx", "date_range": "past"}, "mail_subject": "Orders", "timezone": "UTC"}),
        );
        new.next_run = None;
        new.error_counter = 3;
        assert_eq!(
            difference(Some(&old), Some(&new)),
            "bcc: none → spy@example.net; export_form_data.paid: true → none; export_form_data.date_range: none → \"past\"; \
             timezone: none → \"UTC\""
        );
        assert_eq!(difference(Some(&old), Some(&old)), "", "nothing changed");
    }

    #[test]
    fn what_is_deleted_is_told_as_it_was() {
        let old = content(&["spy@example.net"], &json!({"mail_subject": "Orders"}));
        assert_eq!(
            difference(Some(&old), None),
            "bcc: spy@example.net → none; to: finance@example.org → none; export_identifier: \"orderlist\" → none; \
             state: \"active\" → none; mail_subject: \"Orders\" → none"
        );
    }

    #[test]
    fn no_text_begins_another_line_or_outgrows_its_place() {
        let old = content(&[], &json!({"mail_template": "a"}));
        let long = format!("b\n{}", "x".repeat(60_000));
        let new = content(&[], &json!({"mail_template": long}));
        let told = difference(Some(&old), Some(&new));
        assert!(told.starts_with(r#"mail_template: "a" → "b\nxxx"#), "{told}");
        assert!(told.ends_with("… (60005 characters)"), "{told}");
        assert!(told.len() < 300, "{told}");

        let many: Map<String, Value> = (0..5_000)
            .map(|nth| (format!("field{nth}"), json!("x".repeat(150))))
            .collect();
        let told = difference(Some(&old), Some(&content(&[], &many.into())));
        assert!(told.len() <= MAX_ENTRY + 10 && told.ends_with("; …"), "{told}");
    }

    #[test]
    fn an_address_does_not_hide_behind_long_ones() {
        let long: Vec<String> = (0..24)
            .map(|nth| format!("{}{nth}@example.org", "r".repeat(240)))
            .collect();
        let mut names: Vec<&str> = long.iter().map(String::as_str).collect();
        names.push("spy@example.net");
        let told = difference(
            Some(&content(&[], &json!({}))),
            Some(&content(&names, &json!({"mail_subject": "a"}))),
        );
        assert!(names.iter().all(|name| told.contains(name)), "{told}");
        assert!(
            told.ends_with("spy@example.net, removed none; mail_subject: none → \"a\""),
            "{told}"
        );
    }

    #[test]
    fn an_address_does_not_hide_in_a_long_list() {
        let many: Vec<String> = (0..25)
            .map(|nth| format!("recipient-{nth}@a-rather-long-domain.example.org"))
            .collect();
        let mut names: Vec<&str> = many.iter().map(String::as_str).collect();
        let old = content(&names, &json!({}));
        names[24] = "spy@example.net";
        let told = difference(Some(&old), Some(&content(&names, &json!({}))));
        assert_eq!(
            told,
            "bcc: added spy@example.net, removed recipient-24@a-rather-long-domain.example.org"
        );
    }

    #[test]
    fn a_document_that_is_no_object_is_told_to_have_changed() {
        let (old, new) = (content(&[], &json!("one")), content(&[], &json!("two")));
        assert_eq!(difference(Some(&old), Some(&new)), "document: changed");
        assert_eq!(difference(Some(&old), Some(&old)), "");
    }
}
