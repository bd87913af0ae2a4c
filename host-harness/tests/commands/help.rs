//! `--help`, and calls that are wrong.

use super::process::harness;

const COMMANDS: [&str; 35] = [
    "",
    "demo",
    "serve",
    "seed",
    "tick",
    "event",
    "event create",
    "event delete",
    "event list",
    "schedule",
    "schedule list",
    "schedule show",
    "schedule create",
    "schedule edit",
    "schedule preview",
    "schedule explain",
    "schedule pause",
    "schedule resume",
    "schedule run",
    "schedule test",
    "schedule hand-over",
    "schedule delete",
    "organizer",
    "organizer enable",
    "organizer disable",
    "organizer list",
    "resume",
    "history",
    "audit",
    "backup",
    "next-run",
    "replay",
    "plugin",
    "plugin inspect",
    "plugin write",
];

#[test]
fn every_command_shows_an_example_when_asked_for_help() {
    for command in COMMANDS {
        let help = harness(command.split_whitespace().chain(["--help"])).well();
        assert!(help.contains("Example"), "harness {command} --help: {help}");
        let name = command.split(' ').next().unwrap_or_default();
        let example = help.split_once("Example").expect("an example").1;
        assert!(example.contains(&format!("harness {name}")), "{example}");
    }
}

#[test]
fn help_lists_every_command() {
    let help = harness(["--help"]).well();
    let listed: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        // What is further in continues a line that was too long.
        .filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    let tested: Vec<&str> = COMMANDS
        .into_iter()
        .filter(|name| !name.is_empty() && !name.contains(' '))
        .collect();
    assert_eq!(listed, tested);
}

#[test]
fn a_wrong_call_ends_with_2() {
    for call in [
        "dance",
        "--loud",
        "demo --data",
        "demo --now 2026-10-22T12:00:00Z",
        "serve",
        "serve --data d --listen here",
        "serve --data d --listen 127.0.0.1:99999",
        "seed --data d",
        "seed --data d --fixture f --now yesterday",
        "seed --data d --fixture f --now 2026-02-30T00:00:00Z",
        "tick",
        "tick --data d --now 2026-10-22",
        "tick --data d --now 2026-10-22T12:00:00",
        "schedule",
        "schedule list --data d --as john@example.com",
        "schedule list --data d --organizer bigevents",
        "schedule list --organizer bigevents --as john@example.com",
        "schedule list --organizer bigevents --url http://127.0.0.1:1 --as john@example.com",
        "schedule list --organizer bigevents --url http://127.0.0.1:1",
        "schedule list --organizer bigevents",
        "schedule show --organizer bigevents --url http://127.0.0.1:1",
        "schedule show two --organizer bigevents --url http://127.0.0.1:1",
        "schedule preview -n 101 --organizer bigevents --url http://127.0.0.1:1",
        "schedule create --set locale --organizer bigevents --url http://127.0.0.1:1",
        "schedule test --organizer bigevents --url http://127.0.0.1:1",
        "schedule hand-over --data d --from john@example.com",
        "schedule hand-over --from john@example.com --to mary@example.org",
        "organizer",
        "organizer rename --data d bigevents",
        "organizer enable --data d",
        "history --data d --schedule seven",
        "history --data d --limit -1",
        "next-run",
        "next-run --rule RRULE:FREQ=DAILY",
        "next-run --rule RRULE:FREQ=DAILY --time 04:00:00 --zone UTC -n 0",
        "next-run --rule RRULE:FREQ=DAILY --time 04:00:00 --zone UTC --now soon",
        "next-run --jsonl --rule RRULE:FREQ=DAILY",
        "plugin",
        "plugin inspect a.wasm b.wasm",
    ] {
        let ended = harness(call.split(' '));
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "harness {call}");
        assert!(ended.err.contains("--help"), "harness {call}: {}", ended.err);
    }
}

#[test]
fn a_bad_instant_is_answered_with_one_that_would_be_right() {
    let ended = harness(["tick", "--data", "d", "--now", "noon"]);
    assert!(ended.err.contains("2026-10-25T02:30:00+01:00"), "{}", ended.err);
}
