//! What a host leaves on the disk is for its own user, whatever the umask; and what it deletes is gone.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::process::{Log, Serving, fixture, harness, harness_in, seeded};
use super::serve::due_soon;

const JOHN: &str = "Bearer john-oauth";

/// Everything below a folder, itself included, with modes.
fn modes(folder: &Path) -> Vec<(PathBuf, u32, bool)> {
    let (mut found, mut left) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(path) = left.pop() {
        // What a host that runs has removed meanwhile has no mode.
        let Ok(facts) = fs::symlink_metadata(&path) else {
            continue;
        };
        if facts.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder");
            left.extend(entries.map(|entry| entry.expect("an entry").path()));
        }
        found.push((path, facts.permissions().mode() & 0o7777, facts.is_dir()));
    }
    found
}

/// Directories are 0700 and files 0600; answers their names.
#[track_caller]
fn all_private(folder: &Path) -> Vec<String> {
    let found = modes(folder);
    for (path, mode, directory) in &found {
        let right = if *directory { 0o700 } else { 0o600 };
        assert_eq!(*mode, right, "{} has mode {mode:o}", path.display());
    }
    let below = |path: &PathBuf| path.strip_prefix(folder).expect("below").display().to_string();
    found.iter().map(|(path, ..)| below(path)).collect()
}

fn temporary(data: &Path) -> Vec<String> {
    let entries = fs::read_dir(data.join("tmp")).expect("the folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("host-")).collect()
}

#[test]
fn directories_are_0700_and_files_0600_whatever_the_umask_and_however_wide_they_were() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, tapes) = (folder.path().join("deep/data"), folder.path().join("tapes"));
    let (mut log, fixture) = (Log::new(), fixture());
    let more = ["--fixture", &fixture, "--record", tapes.to_str().expect("text")];
    let serving = Serving::start_with_umask("000", &log, &data, &more);
    due_soon(&serving, 1, "");
    log.wait_for(&["delivery", "Accepted"]);
    let names = all_private(&data);
    all_private(&tapes);
    for name in [
        "harness.db",
        "harness.db-wal",
        "harness.db-shm",
        "mail",
        "mail/envelopes.jsonl",
        "tmp",
    ] {
        assert!(names.iter().any(|one| one == name), "{name} is not in {names:?}");
    }
    assert!(names.iter().any(|name| name.ends_with(".eml")), "{names:?}");
    let killed = temporary(&data);
    assert_eq!(killed.len(), 1, "one process: {killed:?}");
    assert_eq!(serving.end("KILL").0, None);

    // As a version of before has left them, with a file of a run that was under way.
    fs::write(data.join("tmp").join(&killed[0]).join("export.csv"), "Name,Secret").expect("written");
    for (path, _, directory) in modes(folder.path()) {
        let wide = if directory { 0o777 } else { 0o666 };
        fs::set_permissions(path, Permissions::from_mode(wide)).expect("own file");
    }
    let serving = Serving::start_with_umask("077", &log, &data, &more);
    log.wait_for(&["removed temporary files of a host that was killed"]);
    all_private(&data);
    all_private(&tapes);
    let living = temporary(&data);
    assert!(living.len() == 1 && living != killed, "{living:?}");
    assert_eq!(serving.end("TERM").0, Some(0));
    all_private(&data);
    assert_eq!(temporary(&data), [""; 0], "a host that stops removes its own");
}

#[test]
fn a_second_host_leaves_the_temporary_files_of_the_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = Log::new();
    let first = Serving::start(&log, folder.path(), &["--fixture", &fixture()]);
    let [own] = &temporary(folder.path())[..] else {
        panic!("one process");
    };
    let file = folder.path().join("tmp").join(own).join("export.csv");
    fs::write(&file, "under way").expect("written");
    let second = Serving::start(&log, folder.path(), &[]);
    assert!(file.exists());
    assert_eq!(temporary(folder.path()).len(), 2);
    assert_eq!(second.end("TERM").0, Some(0));
    assert!(file.exists());
    assert_eq!(first.end("TERM").0, Some(0));
}

#[test]
fn a_link_in_place_of_the_directory_for_temporary_files_is_not_followed() {
    let folder = seeded("2026-10-22T12:00:00Z");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let others = elsewhere.path().join("host-of-others");
    fs::create_dir(&others).expect("made");
    let tmp = folder.path().join("tmp");
    if tmp.exists() {
        fs::remove_dir_all(&tmp).expect("removed");
    }
    std::os::unix::fs::symlink(elsewhere.path(), &tmp).expect("linked");
    let data = folder.path().to_str().expect("text");
    let tick = ["tick", "--data", data, "--now", "2026-10-22T13:00:00Z"];
    let refused = harness(tick);
    assert!(refused.sentence().contains("is a symbolic link"), "{refused:?}");
    assert!(others.exists());
    // Named by the operator, it may be anywhere.
    let named = folder.path().join("named");
    harness(tick.into_iter().chain(["--temp-dir", named.to_str().expect("text")])).well();
}

#[test]
fn what_the_demo_leaves_is_private() {
    let folder = tempfile::tempdir().expect("a folder");
    harness_in(folder.path(), [], "").well();
    let names = all_private(&folder.path().join("demo"));
    assert!(names.iter().any(|name| name.ends_with(".xlsx")), "{names:?}");
}

/// Is this text in any file of the store?
fn in_store(data: &Path, text: &str) -> bool {
    let files = fs::read_dir(data)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path());
    files.filter(|path| path.is_file()).any(|path| {
        let bytes = fs::read(path).expect("the file");
        bytes.windows(text.len()).any(|part| part == text.as_bytes())
    })
}

#[test]
fn a_host_that_stops_leaves_one_file_and_in_it_nothing_that_was_deleted() {
    const SECRET: &str = "known-to-two-people-only";
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let log = Log::new();
    let serving = Serving::start(&log, &data, &["--fixture", &fixture()]);
    let path = "bigevents/events/sampleconf/scheduled_exports/";
    let document = json!({
        "export_identifier": "orderlist", "export_form_data": {"_format": "xlsx"},
        // The audit log has the beginning of what was deleted.
        "mail_subject": "Orders", "mail_template": "All of them. ".repeat(100) + SECRET,
        "schedule_rrule": "RRULE:FREQ=DAILY", "schedule_rrule_time": "04:00:00",
    });
    let (status, made) = serving.request("POST", path, JOHN, Some(&document));
    assert_eq!(status, 201, "{made}");
    assert!(in_store(&data, SECRET), "it is stored in clear");
    let (status, _) = serving.request("DELETE", &format!("{path}{}/", made["id"]), JOHN, None);
    assert_eq!(status, 204);
    assert_eq!(serving.end("TERM").0, Some(0));
    for beside in ["harness.db-wal", "harness.db-shm"] {
        let left = fs::metadata(data.join(beside)).map_or(0, |facts| facts.len());
        assert_eq!(left, 0, "{beside}");
    }
    assert!(!in_store(&data, SECRET), "what was deleted is overwritten");
    // Nor does a command that reads leave anything beside it.
    harness(["history", "--data", data.to_str().expect("text")]).well();
    assert!(!data.join("harness.db-wal").exists());
}
