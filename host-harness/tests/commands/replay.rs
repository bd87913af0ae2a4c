//! `tick --record`, `serve --record`, and `replay`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::process::{Ended, Log, Serving, fixture, harness, harness_in};
use super::serve::due_soon;

/// A folder with a fixture by which every mail is too large.
fn too_small() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let text = std::fs::read_to_string(fixture()).expect("the fixture");
    let name = r#""name": "Big Events","#;
    let small = text.replacen(name, &format!(r#"{name} "settings": {{"max_mail_bytes": 4000}},"#), 1);
    std::fs::write(folder.path().join("small.json"), small).expect("a fixture");
    folder
}

/// Does in it what is due, with tapes in `tapes`.
fn tick(folder: &Path) {
    let seed = "seed --data data --fixture small.json --now 2026-10-22T12:00:00Z";
    harness_in(folder, seed.split(' '), "").well();
    let tick = "tick --data data --now 2026-10-27T03:00:00Z --record tapes";
    let ended = harness_in(folder, tick.split(' '), "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

fn tapes(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("tapes")).expect("a folder of tapes");
    let mut tapes: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    tapes.sort();
    tapes
}

/// A folder with the tapes of a tick in which every mail is too large.
fn recorded() -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = too_small();
    tick(folder.path());
    let tapes = tapes(folder.path());
    (folder, tapes)
}

fn replay(tape: &Path) -> Ended {
    let tape = tape.display().to_string();
    harness_in(Path::new("."), ["replay", tape.as_str()], "")
}

fn replay_by(plugin: &Path, tape: &Path) -> Ended {
    let [plugin, tape] = [plugin, tape].map(|path| path.display().to_string());
    harness_in(Path::new("."), ["replay", "--plugin", &plugin, &tape], "")
}

#[test]
fn a_run_that_failed_is_on_a_tape_of_this_user_alone_and_fails_again_when_it_is_replayed() {
    let (_folder, tapes) = recorded();
    assert!(!tapes.is_empty());
    let mode = tapes[0].metadata().expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let said = replay(&tapes[0]).well();
    assert!(
        said.starts_with("same outcome: finished with {\"Failed\":[\"mail-too-large\","),
        "{said}"
    );
}

#[test]
fn a_tape_that_was_changed_or_torn_fails_with_one_sentence() {
    let (folder, tapes) = recorded();
    let text = std::fs::read_to_string(&tapes[0]).expect("a tape");
    let other = folder.path().join("other.tape.jsonl");
    std::fs::write(&other, text.replace("exporters.produce", "exporters.invent")).expect("a file");
    let said = replay(&other);
    let said = said.sentence();
    assert!(
        said.contains(" differs: the recording has exporters.invent {"),
        "{said}"
    );
    std::fs::write(&other, &text[..text.len() - 5]).expect("a file");
    let said = replay(&other);
    assert!(
        said.sentence().contains("is truncated or not a recording entry"),
        "{said:?}"
    );
    assert!(
        replay(&folder.path().join("none"))
            .sentence()
            .contains("could not read recording")
    );
}

#[test]
fn the_last_hundred_tapes_are_kept() {
    let folder = too_small();
    let kept = folder.path().join("tapes");
    std::fs::create_dir(&kept).expect("a folder");
    let old = |number: usize| kept.join(format!("{number:08}-execute-1.tape.jsonl"));
    for number in 1..=100 {
        std::fs::write(old(number), "").expect("a file");
    }
    tick(folder.path());
    let left = tapes(folder.path());
    assert_eq!(left.len(), 100);
    let new = left.iter().filter(|tape| **tape > old(100)).count();
    assert!(new > 0, "{left:?}");
    assert_eq!(left[..100 - new], (new + 1..=100).map(old).collect::<Vec<_>>()[..]);
}

#[test]
fn a_server_keeps_a_tape_of_a_run_that_fails() {
    let folder = too_small();
    let mut log = Log::new();
    let more = ["--fixture", "small.json", "--record", "tapes"];
    let serving = Serving::start_in(folder.path(), &log, Path::new("data"), &more);
    let schedule = due_soon(&serving, 1, "")[0];
    let line = log.wait_for(&["recorded a failed call"]);
    assert_eq!(serving.end("TERM").0, Some(0));
    let tapes = tapes(folder.path());
    let [tape] = &tapes[..] else {
        panic!("one run failed: {tapes:?}");
    };
    let name = format!("00000001-execute-{schedule}.tape.jsonl");
    assert!(tape.ends_with(&name) && line.contains(&name), "{line}");
    let said = replay(tape).well();
    assert!(
        said.starts_with("same outcome: finished with {\"Failed\":[\"mail-too-large\","),
        "{said}"
    );
}

#[test]
fn another_component_goes_through_the_tape_and_where_it_does_something_else_is_said_in_words() {
    let (folder, tapes) = recorded();
    let [same, other] = ["same.wasm", "other.wasm"].map(|name| folder.path().join(name));
    harness(["plugin", "write", &same.display().to_string()]).well();
    let said = replay_by(&same, &tapes[0]).well();
    assert!(said.starts_with("same outcome: "), "{said}");

    // Built another time, say: other bytes, and the same behaviour.
    let mut bytes = std::fs::read(&same).expect("the component");
    bytes.extend(b"\0\x05\x04note"); // a custom section without content
    std::fs::write(&same, bytes).expect("a component");
    let said = replay_by(&same, &tapes[0]).well();
    assert!(
        said.starts_with("note: the component differs from the recorded one\nsame outcome: finished with {\"Failed\""),
        "{said}"
    );

    // It does what the schedule's document says, and here that is nothing.
    harness(["plugin", "write", "--conformance", &other.display().to_string()]).well();
    let ended = replay_by(&other, &tapes[0]);
    assert_eq!(ended.out, "note: the component differs from the recorded one\n");
    let words = ended.sentence();
    assert!(
        words.starts_with("the plugin stopped after call 0, but the recording continues with schedule-store.start {"),
        "{words}"
    );
}
