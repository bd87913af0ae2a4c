//! `tick --record`, and `replay`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::process::{fixture, harness_in};

/// A folder with the tapes of a tick in which every mail is too large.
fn recorded() -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().expect("a folder");
    let text = std::fs::read_to_string(fixture()).expect("the fixture");
    let name = r#""name": "Big Events","#;
    let small = text.replacen(name, &format!(r#"{name} "settings": {{"max_mail_bytes": 4000}},"#), 1);
    std::fs::write(folder.path().join("small.json"), small).expect("a fixture");
    let seed = "seed --data data --fixture small.json --now 2026-10-22T12:00:00Z";
    harness_in(folder.path(), seed.split(' '), "").well();
    let tick = "tick --data data --now 2026-10-27T03:00:00Z --record tapes";
    let ended = harness_in(folder.path(), tick.split(' '), "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mut tapes: Vec<PathBuf> = std::fs::read_dir(folder.path().join("tapes"))
        .expect("a folder of tapes")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    tapes.sort();
    (folder, tapes)
}

fn replay(tape: &Path) -> super::process::Ended {
    let tape = tape.display().to_string();
    harness_in(Path::new("."), ["replay", tape.as_str()], "")
}

#[test]
fn a_run_that_failed_is_on_a_tape_of_this_user_alone_and_fails_again_when_it_is_replayed() {
    let (_folder, tapes) = recorded();
    assert!(!tapes.is_empty());
    let mode = tapes[0].metadata().expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let said = replay(&tapes[0]).well();
    assert!(
        said.starts_with("same outcome: finished with {\"Failed\":[\"too-large\","),
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
    assert!(said.contains(": the tape has exporters.invent {"), "{said}");
    std::fs::write(&other, &text[..text.len() - 5]).expect("a file");
    let said = replay(&other);
    assert!(said.sentence().contains("is torn, or no line of a tape"), "{said:?}");
    assert!(replay(&folder.path().join("none")).sentence().contains("can't be read"));
}
