//! `demo`, which is what a bare call does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use calamine::{Reader, Xlsx, open_workbook};
use serde_json::Value;

use super::process::{command, harness_in};

/// Names and contents of all files below a folder but the store's.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if !path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .starts_with("harness.db")
            {
                let mut bytes = fs::read(&path).expect("a file");
                // A line for each recipient, and those of one mail are handed it side by side.
                if path.ends_with("envelopes.jsonl") {
                    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
                    lines.sort_unstable();
                    bytes = lines.join(&b'\n');
                }
                found.push((path, bytes));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_bare_call_shows_ten_days_over_the_change_of_the_clocks_and_leaves_what_it_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let shown = harness_in(folder.path(), [], "").well();
    let heading = shown.lines().next().expect("a heading");
    for column in ["due (local time)", "schedule", "outcome", "rows", "bytes", "recipients"] {
        assert!(heading.contains(column), "{heading}");
    }
    for offset in ["02:30 +02:00", "02:30 +01:00", "20:00 -04:00"] {
        assert!(shown.contains(offset), "no row at {offset}: {shown}");
    }
    assert!(shown.contains("What to try next:"));

    let left = files(&folder.path().join("demo"));
    let of_kind = |kind: &str| {
        let matching = left
            .iter()
            .filter(|(path, _)| path.extension().is_some_and(|of| of == kind));
        matching.cloned().collect::<Vec<_>>()
    };
    let (mails, workbooks) = (of_kind("eml"), of_kind("xlsx"));
    assert!(shown.contains("demo/mail") && shown.contains("demo/files"));
    assert!(!mails.is_empty() && !workbooks.is_empty());
    for (path, bytes) in mails {
        let mail = mailparse::parse_mail(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(!mail.subparts.is_empty() || !mail.get_body().expect("text").is_empty());
    }
    for (path, _) in workbooks {
        let mut book: Xlsx<_> = open_workbook(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let sheet = book.worksheet_range_at(0).expect("a sheet").expect("cells");
        assert!(sheet.height() > 1, "{} has a heading only", path.display());
    }
}

/// A mail, or a list of mails, without what tells its store from others: each demo makes a new one.
fn without_store(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let digits = |rest: &str| {
        rest.get(..16)
            .filter(|id| id.bytes().all(|b| b.is_ascii_hexdigit()))
            .map(str::to_owned)
    };
    let id = text.split('@').find_map(digits).expect("a Message-ID");
    // The Message-ID is among what a boundary is made of.
    let boundary = text.split("boundary=\"").nth(1).and_then(|rest| rest.split('"').next());
    let boundary = boundary.unwrap_or("no boundary").to_owned();
    text.replace(&id, "").replace(&boundary, "")
}

#[test]
fn a_second_demo_replaces_the_first_to_the_byte_and_leaves_other_files_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let demo = folder.path().join("demo");
    let first = harness_in(folder.path(), ["demo"], "").well();
    let left = files(&demo);
    fs::write(demo.join("mail/old.eml"), "left by an earlier version").expect("written");
    fs::write(demo.join("notes.txt"), "mine").expect("written");
    let second = harness_in(folder.path(), ["demo"], "").well();
    assert_eq!(first, second);
    assert_eq!(fs::read(demo.join("notes.txt")).expect("still there"), b"mine");
    fs::remove_file(demo.join("notes.txt")).expect("removed");
    let again = files(&demo);
    let names = |of: &[(PathBuf, Vec<u8>)]| of.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&left), names(&again));
    for ((path, before), (_, after)) in left.iter().zip(&again) {
        let of_store = path.extension().is_some_and(|kind| kind == "eml" || kind == "jsonl");
        if of_store {
            assert_eq!(without_store(before), without_store(after), "{}", path.display());
        } else {
            assert!(before == after, "{} differs", path.display());
        }
    }
}

#[test]
fn a_store_that_no_demo_made_is_not_replaced_by_one() {
    let folder = super::process::seeded("2026-10-22T12:00:00Z");
    let data = folder.path().display().to_string();
    let before = fs::read(folder.path().join("harness.db")).expect("the store");
    let ended = harness_in(folder.path(), ["demo", "--data", &data], "");
    assert!(ended.sentence().contains("not created by a demo"), "{ended:?}");
    assert_eq!(fs::read(folder.path().join("harness.db")).expect("the store"), before);
}

#[test]
fn for_machines_it_prints_a_json_object_a_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = harness_in(folder.path(), ["demo", "--data", "elsewhere", "--json"], "").well();
    let rows: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!(rows.len() > 10);
    for row in rows {
        for key in ["schedule", "due", "outcome", "rows", "bytes", "recipients"] {
            assert!(row.get(key).is_some(), "{key} in {row}");
        }
    }
    assert!(folder.path().join("elsewhere/files").exists());
    assert!(!folder.path().join("demo").exists());
}

#[test]
fn a_reader_that_has_seen_enough_is_no_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [&["demo"][..], &["demo", "--json"], &["plugin", "inspect"]] {
        let mut child = command()
            .current_dir(folder.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        drop(child.stdout.take());
        let ended = child.wait_with_output().expect("its end");
        let err = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!((ended.status.code(), err.as_str()), (Some(0), ""), "{arguments:?}");
    }
}
