//! `next-run`.

use std::path::Path;

use serde_json::{Value, json};

use super::process::{harness, harness_in, root};

const DAILY: [&str; 7] = [
    "next-run",
    "--rule",
    "RRULE:FREQ=DAILY",
    "--time",
    "02:30:00",
    "--zone",
    "Europe/Berlin",
];

fn rows(input: &str) -> super::process::Ended {
    harness_in(Path::new("."), ["next-run", "--jsonl"], input)
}

fn answers(out: &str) -> Vec<Value> {
    out.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn local_times_are_shown_with_their_offset_and_what_the_clock_did() {
    let more = ["--now", "2026-10-23T12:00:00Z", "-n", "3"];
    let out = harness(DAILY.into_iter().chain(more)).well();
    assert_eq!(
        out,
        "2026-10-24T00:30:00Z  Sat 2026-10-24 02:30 +02:00\n\
         2026-10-25T00:30:00Z  Sun 2026-10-25 02:30 +02:00  (repeated-hour)\n\
         2026-10-26T01:30:00Z  Mon 2026-10-26 02:30 +01:00\n"
    );
}

#[test]
fn ten_runs_are_shown_unless_another_number_is_asked_for() {
    for (more, lines) in [(&[][..], 10), (&["-n", "1000"], 1000), (&["-n", "1", "--json"], 1)] {
        let out = harness(DAILY.into_iter().chain(more.iter().copied())).well();
        assert_eq!(out.lines().count(), lines);
    }
}

#[test]
fn a_rule_that_is_over_says_so() {
    let rule = "DTSTART:20200101T000000\nRRULE:FREQ=DAILY;COUNT=1";
    let call = ["next-run", "--rule", rule, "--time", "04:00:00", "--zone", "UTC"];
    assert_eq!(harness(call).well(), "no further runs\n");
    assert_eq!(harness(call.into_iter().chain(["--json"])).well(), "");
}

#[test]
fn rows_of_the_corpus_are_answered_in_order_as_it_wants_them() {
    let corpus = std::fs::read_to_string(root().join("tests/data/next_run.jsonl")).expect("the corpus");
    let wanted: Vec<&str> = corpus.lines().step_by(37).take(50).collect();
    let answers = answers(&rows(&wanted.join("\n")).well());
    assert_eq!(answers.len(), wanted.len());
    for (row, answer) in wanted.into_iter().zip(answers) {
        let row: Value = serde_json::from_str(row).expect("JSON");
        assert_eq!(answer["id"], row["id"]);
        assert_eq!(answer["valid"], row["want"]["valid"], "{answer}");
        assert_eq!(answer["next"], row["want"]["next"], "{answer}");
        assert_eq!(answer["error"].is_null(), answer["valid"] == true, "{answer}");
    }
}

#[test]
fn a_row_that_is_json_is_answered_whatever_is_wrong_with_it() {
    let good = json!({"id": "good", "rule": "RRULE:FREQ=DAILY", "time": "04:00:00", "tz": "UTC", "now": "2026-10-22T04:00:00Z"});
    let with = |name: &str, value: Value| {
        let mut row = good.clone();
        row["id"] = name.into();
        row[name] = value;
        row.to_string()
    };
    let mut without = good.clone();
    without.as_object_mut().expect("an object").remove("id");
    let input = [
        with("rule", json!("RRULE:FREQ=NEVER")),
        with("time", json!(4)),
        with("tz", Value::Null),
        with("now", json!("today")),
        "[1, 2]".into(),
        String::new(),
        without.to_string(),
        format!("{good}\r"),
    ];
    let answers = answers(&rows(&input.join("\n")).well());
    assert_eq!(answers.len(), 7, "a row each, none for the empty line");
    for (answer, name) in answers.iter().zip(["rule", "time", "tz", "now"]) {
        assert_eq!((&answer["id"], &answer["valid"]), (&name.into(), &false.into()));
        assert!(!answer["error"].as_str().expect("words").is_empty());
    }
    assert!(answers[3]["error"].as_str().expect("words").starts_with("now: "));
    assert_eq!((&answers[4]["id"], &answers[4]["valid"]), (&Value::Null, &false.into()));
    let next = json!("2026-10-23T04:00:00Z");
    assert_eq!((&answers[5]["id"], &answers[5]["next"]), (&Value::Null, &next));
    assert_eq!(
        answers[6],
        json!({"id": "good", "valid": true, "next": next, "error": null})
    );
}

#[test]
fn a_row_that_is_not_json_is_named_after_those_before_it_were_answered() {
    let good =
        r#"{"id": 1, "rule": "RRULE:FREQ=DAILY", "time": "04:00:00", "tz": "UTC", "now": "2026-10-22T04:00:00Z"}"#;
    let ended = rows(&format!("{good}\n\n{good} and so on\n{good}\n"));
    assert!(ended.sentence().starts_with("line 3: "), "{ended:?}");
    assert_eq!(answers(&ended.out).len(), 1);
}
