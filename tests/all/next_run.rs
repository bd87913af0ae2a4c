//! The corpus of next runs, answered by the component.

use scheduled_exports_host::contract::exported::recurrence::Rule;
use scheduled_exports_testing::{Harness, at};
use serde_json::Value;
use tests::without_schedules;

const CORPUS: &str = include_str!("../data/next_run.jsonl");

#[tokio::test]
async fn every_row_of_the_corpus_is_answered_by_the_component_as_wanted() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let mut wrong = Vec::new();
    let mut rows = 0;
    for line in CORPUS.lines() {
        let row: Value = serde_json::from_str(line).expect("a row is JSON");
        let text = |key: &str| row[key].as_str().expect("a string").to_owned();
        let rule = Rule {
            text: text("rule"),
            time: text("time"),
            zone: text("tz"),
            anchor: None,
        };
        let answer = host
            .service
            .next_run(&rule, at(&text("now")))
            .await
            .expect("the component answers");
        let valid = row["want"]["valid"].as_bool().expect("a bool");
        let next = row["want"]["next"].as_str().map(at);
        let right = match &answer {
            Ok(found) => valid && *found == next,
            Err(errors) => !valid && errors.iter().all(|error| !error.message.is_empty()),
        };
        if !right {
            wrong.push(format!("{}: {answer:?}, wanted {}", text("id"), row["want"]));
        }
        rows += 1;
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(rows, 3_396);
}
