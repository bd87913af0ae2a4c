//! `examples/minimal-host.rs`, run as its reader runs it.

use std::path::Path;
use std::process::Command;

/// Cargo builds examples with the tests, and puts them beside.
fn told() -> String {
    let test = std::env::current_exe().expect("this test has a file");
    let folder = test.ancestors().nth(2).expect("…/deps/this");
    let example = folder.join("examples").join("minimal-host");
    let run = Command::new(&example).output();
    let run = run.unwrap_or_else(|error| panic!("{}: {error}", example.display()));
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).expect("text")
}

#[test]
fn the_minimal_host_creates_a_schedule_mails_its_file_and_shows_what_became_of_it() {
    let told = told();
    let (created, rest) = told
        .split_once("-- mail to finance@harbour.example:")
        .expect("one mail");
    let (mail, history) = rest.split_once("-- history:").expect("a history");
    assert!(
        created.contains(r#""schedule_next_run":"2026-10-27T03:00:00Z""#),
        "{created}"
    );
    for line in [
        "Date: Tue, 27 Oct 2026 03:00:00 +0000",
        "Message-ID: <2026-10-27T030000Z-schedule-1-export@harbour.example>",
        "To: finance@harbour.example",
        "Cc: mary@harbour.example",
        "Subject: Visitors",
        "As every Tuesday.",
        r#"Content-Disposition: attachment; filename="visitors.csv""#,
        // Name,City / Ada,London / Grace,New York
        "TmFtZSxDaXR5DQpBZGEsTG9uZG9uDQpHcmFjZSxOZXcgWW9yaw0K",
    ] {
        assert!(mail.lines().any(|one| one == line), "{line} is not in {mail}");
    }
    assert!(
        history.contains(r#""outcome":"delivered""#) && history.contains(r#""attempts":1"#),
        "{history}"
    );
    assert_eq!(history.trim().lines().count(), 1, "{history}");
}

#[test]
fn the_guide_shows_what_the_minimal_host_tells() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/host-author.md");
    let guide = std::fs::read_to_string(guide).expect("the guide");
    let shown = guide
        .split("```text\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    assert_eq!(shown.expect("what it tells"), told());
}
