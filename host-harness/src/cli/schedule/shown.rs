//! Documents of the API as text for people. Members that this program does not know are shown too, so that it remains useful with a
//! newer plugin.

use chrono::DateTime;
use host_harness::command::table::{pairs, table};
use serde_json::{Map, Value};

/// Columns of a list of schedules: heading, member.
const LIST: [(&str, &str); 6] = [
    ("id", "id"),
    ("exporter", "export_identifier"),
    ("next run (UTC)", "schedule_next_run"),
    ("failures", "error_counter"),
    ("owner", "owner"),
    ("subject", "mail_subject"),
];
/// Members of a run of a preview that have columns of their own.
const RUN: [&str; 3] = ["at", "local", "note"];

/// Schedules, one per line.
pub fn list(schedules: &[Value]) -> String {
    let rows: Vec<Vec<String>> = schedules
        .iter()
        .map(|schedule| LIST.iter().map(|(_, member)| cell(&schedule[*member])).collect())
        .collect();
    table(&LIST.map(|(heading, _)| heading), &rows)
}

/// Members of an object below each other, those of nested objects by dotted path; then each list of objects as a table.
pub fn object(members: &Map<String, Value>) -> String {
    let mut shown = Vec::new();
    let mut lists = Vec::new();
    flatten(members, "", &mut shown, &mut lists);
    let mut text = pairs(&shown);
    for (name, list) in lists {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!("{name}:\n{}", records(list)));
    }
    text
}

/// Any document.
pub fn document(document: &Value) -> String {
    match document {
        Value::Object(members) => object(members),
        Value::Array(list) if is_records(list) => records(list),
        other => format!("{}\n", cell(other)),
    }
}

/// Next runs as a table, then everything else that the response has.
pub fn preview(preview: &Value) -> String {
    let runs = preview["runs"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut text = match runs {
        [] => "no further runs\n".to_owned(),
        runs => run_table(runs),
    };
    let mut others = preview.as_object().cloned().unwrap_or_default();
    others.remove("runs");
    let warnings = others.remove("warnings");
    // For programs: the sentences say the same.
    others.remove("warning_codes");
    for warning in warnings.as_ref().and_then(Value::as_array).into_iter().flatten() {
        text.push_str(&pairs(&[("warning:".to_owned(), cell(warning))]));
    }
    if !others.is_empty() {
        text.push('\n');
        text.push_str(&object(&others));
    }
    text
}

fn run_table(runs: &[Value]) -> String {
    let others = members(runs).into_iter().filter(|name| !RUN.contains(name));
    let others: Vec<&str> = others.collect();
    let clock_changes = runs
        .iter()
        .any(|run| !matches!(run["note"].as_str(), None | Some("plain")));
    let mut headings = vec!["local time", "UTC offset", "UTC"];
    headings.extend(clock_changes.then_some("clock"));
    headings.extend(&others);
    let rows: Vec<Vec<String>> = runs
        .iter()
        .map(|run| {
            let local = run["local"]
                .as_str()
                .and_then(|text| DateTime::parse_from_rfc3339(text).ok());
            let (time, offset) = match local {
                Some(local) => (
                    local.format("%a %Y-%m-%d %H:%M:%S").to_string(),
                    local.format("%:z").to_string(),
                ),
                None => (cell(&run["local"]), String::new()),
            };
            let mut row = vec![time, offset, cell(&run["at"])];
            row.extend(clock_changes.then(|| match run["note"].as_str() {
                Some("plain") => String::new(),
                _ => cell(&run["note"]),
            }));
            row.extend(others.iter().map(|name| cell(&run[*name])));
            row
        })
        .collect();
    table(&headings, &rows)
}

/// Why a schedule did or did not run: the sentence first, then its parts.
pub fn explanation(explanation: &Value) -> String {
    let mut members = explanation.as_object().cloned().unwrap_or_default();
    let mut text = String::new();
    if let Some(Value::String(sentence)) = members.remove("sentence") {
        text = pairs(&[(sentence, String::new())]) + "\n";
    }
    text + &object(&members)
}

/// Collects what is shown in a line, and lists of objects apart from it.
fn flatten<'a>(
    members: &'a Map<String, Value>,
    path: &str,
    shown: &mut Vec<(String, String)>,
    lists: &mut Vec<(String, &'a [Value])>,
) {
    for (name, value) in members {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        match value {
            Value::Object(members) if !members.is_empty() => flatten(members, &path, shown, lists),
            Value::Array(list) if is_records(list) => lists.push((path, list)),
            other => shown.push((path, cell(other))),
        }
    }
}

fn is_records(list: &[Value]) -> bool {
    !list.is_empty() && list.iter().all(Value::is_object)
}

/// Objects as rows, with a column for every member that any of them has.
fn records(list: &[Value]) -> String {
    let headings = members(list);
    let rows: Vec<Vec<String>> = list
        .iter()
        .map(|one| headings.iter().map(|name| cell(&one[*name])).collect())
        .collect();
    table(&headings, &rows)
}

/// Names of the members of all these objects, in the order in which they first appear.
fn members(list: &[Value]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for name in list.iter().filter_map(Value::as_object).flat_map(Map::keys) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_preview_is_a_table_with_offset_and_whatever_else_a_run_has() {
        let shown = preview(&json!({
            "runs": [
                {"at": "2026-10-25T00:30:00Z", "local": "2026-10-25T02:30:00+02:00", "note": "repeated-hour", "window": "24 Oct"},
                {"at": "2026-10-26T01:30:00Z", "local": "2026-10-26T02:30:00+01:00", "note": "plain", "window": "25 Oct"},
            ],
            "warnings": ["At 2026-10-25T02:30:00 the hour repeats."],
            "recipients": ["a@x.org", "b@x.org"],
        }));
        assert_eq!(
            shown,
            "local time               UTC offset  UTC                   clock          window\n\
             Sun 2026-10-25 02:30:00  +02:00      2026-10-25T00:30:00Z  repeated-hour  24 Oct\n\
             Mon 2026-10-26 02:30:00  +01:00      2026-10-26T01:30:00Z                 25 Oct\n\
             warning:  At 2026-10-25T02:30:00 the hour repeats.\n\
             \n\
             recipients  a@x.org, b@x.org\n"
        );
        assert_eq!(preview(&json!({"runs": [], "warnings": []})), "no further runs\n");
    }

    #[test]
    fn an_explanation_begins_with_its_sentence_and_lists_what_can_be_done() {
        let shown = explanation(&json!({
            "state": "paused", "since": "2026-10-22T12:00:00Z", "sentence": "Paused by john@example.com.",
            "actions": [{"verb": "resume", "label": "Resume", "allowed": false, "why": "Read-only."}],
        }));
        assert_eq!(
            shown,
            "Paused by john@example.com.\n\n\
             state  paused\n\
             since  2026-10-22T12:00:00Z\n\
             \n\
             actions:\n\
             verb    label   allowed  why\n\
             resume  Resume  false    Read-only.\n"
        );
    }

    #[test]
    fn members_of_nested_objects_are_named_by_path() {
        let shown = document(&json!({"id": 7, "form": {"_format": "xlsx", "events": [], "more": {}}, "next": null}));
        assert_eq!(
            shown,
            "id            7\nform._format  xlsx\nform.events\nform.more     {}\nnext          -\n"
        );
        assert_eq!(document(&json!("done")), "done\n");
    }
}
