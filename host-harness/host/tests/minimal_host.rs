//! `examples/minimal-host.rs`, run as its reader runs it.

use std::path::Path;
use std::process::Command;

/// Cargo builds examples with the tests, and puts them beside.
fn told() -> String {
    let test = std::env::current_exe().expect("this test has a file");
    let folder = test.ancestors().nth(2).expect("…/deps/this");
    let example = folder.join("examples").join("minimal-host");
    let run = Command::new(&example).output();
    let run = run.unwrap_or_else(|error| {
        panic!(
            "could not run {}: {error}; build it with `cargo build --workspace --examples`",
            example.display()
        )
    });
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).expect("text")
}

#[test]
fn the_minimal_host_creates_a_schedule_mails_its_file_and_shows_what_became_of_it() {
    let told = told();
    let (created, rest) = told
        .split_once("-- mail to finance@harbour.example, mary@harbour.example:")
        .expect("one mail");
    let (mail, history) = rest.split_once("-- history:").expect("a history");
    assert!(
        created.contains(r#""schedule_next_run":"2026-10-27T03:00:00Z""#),
        "{created}"
    );
    for line in [
        "Message-ID: <1.1793070000.export@harbour.example>",
        "Subject: Visitors",
        "As every Tuesday.",
        "-- with visitors.csv (text/csv):",
        "Ada,London",
    ] {
        assert!(mail.lines().any(|one| one == line), "{line} is not in {mail}");
    }
    assert!(
        history.contains(r#""outcome":"delivered""#) && history.contains(r#""attempts":1"#),
        "{history}"
    );
    assert_eq!(history.trim().lines().count(), 1, "{history}");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the repository")
}

/// The fenced blocks of the guide in this language.
fn blocks(language: &str) -> Vec<String> {
    let guide = std::fs::read_to_string(root().join("docs/host-author.md")).expect("the guide");
    let opening = format!("```{language}\n");
    let rest = guide.split(&opening).skip(1);
    rest.map(|rest| rest.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn the_guide_shows_what_the_minimal_host_tells() {
    assert_eq!(blocks("text"), [told()]);
}

#[test]
fn following_the_guide_in_an_empty_folder_ends_in_the_minimal_host() {
    let folder = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink(root(), folder.path().join("scheduled-exports")).expect("the repository beside it");
    let [script] = &blocks("sh")[..] else {
        panic!("the guide's commands are one block");
    };
    // The last one compiles wasmtime once more. What it would compile and run is what stands beside this test: the same text,
    // with dependencies that are found.
    let steps = script.strip_suffix("cargo run\n").expect("it ends in a run");
    // For this machine alone: to resolve for every platform needs crates that nothing here has ever fetched.
    let resolved = "cargo tree >/dev/null";
    let run = Command::new("sh")
        .args(["-euc", &format!("{steps}{resolved}")])
        .env("CARGO_NET_OFFLINE", "true")
        .current_dir(folder.path())
        .output()
        .expect("a shell");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let written = std::fs::read_to_string(folder.path().join("my-host/src/main.rs")).expect("the program");
    let example = std::fs::read_to_string(root().join("examples/minimal-host.rs")).expect("the example");
    assert_eq!(written, example);
    assert!(example.lines().count() < 300, "it is not small any more");
    for block in blocks("rust") {
        for line in block.lines() {
            assert!(example.contains(line.trim()), "the minimal host does not have: {line}");
        }
    }
}
