//! What operators rely on later: backups that are taken while hosts write, and the audit log.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::process::{Log, Serving, fixture, harness, request};

const JOHN: &str = "Bearer john-oauth";
const PATH: &str = "bigevents/scheduled_exports/";

fn create(url: &str, nth: u64) -> u64 {
    let document = json!({
        "export_identifier": "orderlist", "export_form_data": {"_format": "xlsx"},
        "mail_subject": format!("Orders {nth}"), "mail_template": "All of them.",
        "schedule_rrule": "RRULE:FREQ=DAILY", "schedule_rrule_time": "04:00:00",
    });
    let (status, made) = request(url, "POST", PATH, JOHN, Some(&document));
    assert_eq!(status, 201, "{made}");
    made["id"].as_u64().expect("an id")
}

#[test]
fn a_backup_under_load_has_each_schedule_that_was_answered_before_it_and_is_restored_with_cp() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let log = Log::new();
    let serving = Serving::start(&log, &data, &["--fixture", &fixture()]);
    let before: Vec<u64> = (0..7).map(|nth| create(&serving.url, nth)).collect();
    let copies: Vec<_> = (0..3)
        .map(|nth| folder.path().join(format!("store-{nth}.backup")))
        .collect();
    let url = serving.url.clone();
    std::thread::scope(|threads| {
        let writing = threads.spawn(|| (0..60).map(|nth| create(&url, nth)).collect::<Vec<_>>());
        for copy in &copies {
            let arguments = [
                "backup",
                "--data",
                data.to_str().expect("text"),
                copy.to_str().expect("text"),
            ];
            let said = harness(arguments).well();
            assert!(said.contains(" schedules, "), "{said}");
        }
        assert_eq!(writing.join().expect("all are created").len(), 60);
    });
    assert_eq!(serving.end("TERM").0, Some(0));

    for (nth, copy) in copies.iter().enumerate() {
        assert_eq!(
            fs::metadata(copy).expect("the copy").permissions().mode() & 0o777,
            0o600
        );
        let restored = folder.path().join(format!("restored-{nth}"));
        fs::create_dir(&restored).expect("made");
        fs::copy(copy, restored.join("harness.db")).expect("copied");
        let serving = Serving::start(&log, &restored, &[]);
        for id in &before {
            let (status, found) = serving.request("GET", &format!("{PATH}{id}/"), JOHN, None);
            assert_eq!((status, found["id"].as_u64()), (200, Some(*id)));
        }
        create(&serving.url, 1);
        assert_eq!(serving.end("TERM").0, Some(0));
    }
    let left = fs::read_dir(folder.path())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name());
    let left: Vec<_> = left
        .filter(|name| name.to_string_lossy().starts_with(".backup-"))
        .collect();
    assert_eq!(left, [""; 0], "nothing temporary is left");
}

#[test]
fn the_audit_log_shows_who_added_a_bcc_address_and_what_was_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let log = Log::new();
    let serving = Serving::start(&log, &data, &["--fixture", &fixture()]);
    let one = format!("{PATH}{}/", create(&serving.url, 1));
    let bcc = json!({"mail_additional_recipients_bcc": "archive@example.com"});
    assert_eq!(serving.request("PATCH", &one, JOHN, Some(&bcc)).0, 200);
    assert_eq!(serving.request("DELETE", &one, JOHN, None).0, 204);
    assert_eq!(serving.end("TERM").0, Some(0));
    let shown = harness(["audit", "--data", data.to_str().expect("text"), "--limit", "2"]).well();
    let [deleted, changed] = shown.lines().collect::<Vec<_>>()[..] else {
        panic!("two entries: {shown}");
    };
    assert!(
        changed.contains("  changed  (bcc: none → archive@example.com)"),
        "{changed}"
    );
    assert!(
        deleted.contains("  deleted  (bcc: archive@example.com → none; "),
        "{deleted}"
    );
    for line in [changed, deleted] {
        let (_, actor) = line.split_once("  user:").expect("who did it");
        let who = actor.split("  ").next().expect("one column");
        assert!(who.ends_with(" <john@example.com>"), "{line}");
    }
}

#[test]
fn a_backup_replaces_no_file_and_says_what_to_use_for_postgresql() {
    let folder = super::process::seeded("2026-10-22T12:00:00Z");
    let data = folder.path().to_str().expect("text");
    let store = folder.path().join("harness.db");
    let bytes = fs::read(&store).expect("the store");
    let refused = harness(["backup", "--data", data, store.to_str().expect("text")]);
    assert!(refused.sentence().ends_with("exists: name a new file"), "{refused:?}");
    assert_eq!(fs::read(&store).expect("the store"), bytes);

    let missing = folder.path().join("nowhere/store.backup");
    let refused = harness(["backup", "--data", data, missing.to_str().expect("text")]);
    assert!(refused.sentence().starts_with("could not back up to "), "{refused:?}");

    let refused = harness([
        "backup",
        "--data",
        folder.path().join("none").to_str().expect("text"),
        "store.backup",
    ]);
    assert!(refused.sentence().starts_with("no store found in "), "{refused:?}");

    let refused = harness(["backup", "--database", "postgres://db.example/exports", "store.backup"]);
    assert!(refused.sentence().contains("use `pg_dump`"), "{refused:?}");

    let copy = folder.path().join("store.backup");
    let said = harness(["backup", "--json", "--data", data, copy.to_str().expect("text")]).well();
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(said["schedules"], 2);
    assert_eq!(said["bytes"], fs::metadata(&copy).expect("the copy").len());
}
