//! Every row of `tests/data/next_run.jsonl`.

use chrono::{DateTime, NaiveDate};
use plugin::recurrence::{Recurrence, Zone, local_date, zone};
use serde_json::Value;

const CORPUS: &str = include_str!("../../../tests/data/next_run.jsonl");

#[test]
fn every_row_of_the_corpus_gets_the_next_run_it_wants() {
    let mut wrong = Vec::new();
    for line in CORPUS.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let (got, want) = (next_run(&row), &row["want"]);
        if *want != got {
            wrong.push(format!("{}: expected {want}, got {got} for {row}", row["id"]));
        }
    }
    assert_eq!(CORPUS.lines().count(), 3396);
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The rules of the corpus that are valid, each with the anchor of its row.
pub fn valid_rules() -> impl Iterator<Item = (String, NaiveDate)> {
    let rows = CORPUS.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["want"]["valid"] == true)
        .map(|row| (row["rule"].as_str().unwrap().to_owned(), anchor(&row)))
}

fn anchor(row: &Value) -> NaiveDate {
    let now = DateTime::parse_from_rfc3339(row["now"].as_str().unwrap())
        .unwrap()
        .timestamp();
    local_date(now, zone(row["tz"].as_str().unwrap()).unwrap_or(Zone::UTC))
}

fn next_run(row: &Value) -> Value {
    let text = |name: &str| row[name].as_str().unwrap();
    let now = DateTime::parse_from_rfc3339(text("now")).unwrap().timestamp();
    let recurrence = Recurrence::parse(text("rule"), text("time"), text("tz"), anchor(row));
    let next = recurrence
        .as_ref()
        .ok()
        .and_then(|recurrence| recurrence.next_after(now));
    let next = next.map(|run| {
        DateTime::from_timestamp(run.at, 0)
            .unwrap()
            .format("%Y-%m-%dT%H:%M:%SZ")
            .to_string()
    });
    serde_json::json!({ "valid": recurrence.is_ok(), "next": next })
}
