//! `seed`, `tick`, `history` and `organizer`, as one who operates a host without a server uses them.

use serde_json::Value;

use super::process::{harness, seeded};

/// The folder and what is asked of it.
struct Operator(tempfile::TempDir);

impl Operator {
    fn at(now: &str) -> Self {
        Self(seeded(now))
    }

    /// A command on the folder, and its standard output.
    #[track_caller]
    fn says(&self, command: &str, more: &[&str]) -> String {
        let data = self.0.path().display().to_string();
        let call = command.split(' ').chain(["--data", &data]).chain(more.iter().copied());
        harness(call).well()
    }

    #[track_caller]
    fn tick(&self, now: &str) -> String {
        self.says("tick", &["--now", now])
    }
}

#[test]
fn what_is_due_runs_once_at_its_instant_and_is_in_the_history() {
    let operator = Operator::at("2026-10-22T12:00:00Z");
    assert_eq!(operator.tick("2026-10-27T02:59:59Z"), "");
    let line = operator.tick("2026-10-27T03:00:00Z");
    assert!(
        line.starts_with("2026-10-27T03:00:00Z  schedule 1  delivered  9 rows  "),
        "{line}"
    );
    assert!(line.ends_with("2 of 2 recipients\n"), "{line}");
    assert_eq!(line.lines().count(), 1);
    assert_eq!(operator.tick("2026-10-27T03:00:00Z"), "");
    assert_eq!(operator.says("history", &[]), line);
    assert_eq!(operator.says("history", &["--schedule", "1"]), line);
    assert_eq!(operator.says("history", &["--schedule", "2"]), "");
    let told: Value = serde_json::from_str(&operator.says("history", &["--json"])).expect("one JSON line");
    assert_eq!(told["due"], "2026-10-27T03:00:00Z");
    assert_eq!((&told["schedule"], &told["outcome"]), (&1.into(), &"delivered".into()));
    assert_eq!(told["recipients"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_late_tick_runs_the_latest_due_time_and_notes_those_missed() {
    let operator = Operator::at("2026-10-22T12:00:00Z");
    let line = operator.tick("2026-10-29T12:00:00Z");
    assert!(
        line.starts_with("2026-10-29T03:00:00Z  schedule 1  delivered"),
        "{line}"
    );
    let history = operator.says("history", &["--schedule", "1"]);
    assert_eq!(history.lines().count(), 2, "{history}");
    assert!(
        history.contains("missed  (2 due times since 2026-10-27T03:00:00Z)"),
        "{history}"
    );
}

#[test]
fn a_machine_reads_a_tick_and_a_seed_as_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().display().to_string();
    let fixture = super::process::fixture();
    let now = ["--now", "2026-10-22T12:00:00Z", "--json"];
    let seed = harness(["seed", "--data", &data, "--fixture", &fixture].into_iter().chain(now)).well();
    assert_eq!(seed, "{\"organizers\":2,\"schedules\":2}\n");
    let tick = harness(["tick", "--data", &data, "--now", "2026-10-27T03:00:00Z", "--json"]).well();
    let told: Value = serde_json::from_str(&tick).expect("one JSON line");
    assert_eq!(told["outcome"], "delivered");
}

#[test]
fn a_disabled_organizer_runs_nothing_and_an_enabled_one_is_planned_from_then() {
    let operator = Operator::at("2026-10-22T12:00:00Z");
    assert_eq!(
        operator.says("organizer list", &[]),
        "bigevents  enabled  2 schedules  Big Events\nsmallgigs  enabled  0 schedules  Small Gigs\n"
    );
    assert_eq!(
        operator.says("organizer disable", &["bigevents", "--now", "2026-10-22T12:00:00Z"]),
        "bigevents: disabled\n"
    );
    assert_eq!(operator.tick("2026-10-27T03:00:00Z"), "");
    let listed = operator.says("organizer list", &["--json"]);
    let first: Value = serde_json::from_str(listed.lines().next().expect("a line")).expect("JSON");
    assert_eq!(
        (&first["slug"], &first["enabled"]),
        (&"bigevents".into(), &false.into())
    );

    let enabled = operator.says("organizer enable", &["bigevents", "--now", "2026-10-27T12:00:00Z"]);
    assert_eq!(enabled, "bigevents: enabled, 2 schedules rescheduled\n");
    assert_eq!(operator.tick("2026-10-27T12:00:00Z"), "");
    assert_eq!(operator.tick("2026-10-28T02:59:59Z"), "");
    let line = operator.tick("2026-10-28T03:00:00Z");
    assert!(
        line.starts_with("2026-10-28T03:00:00Z  schedule 1  delivered"),
        "{line}"
    );
    assert_eq!(
        operator.says("history", &[]),
        line,
        "nothing was missed while it was off"
    );
}
