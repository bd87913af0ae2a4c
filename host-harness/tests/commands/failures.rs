//! What can't be done ends with 1 and one sentence that says why.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::process::{MAILING, fixture, harness, root, seeded};

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn a_store_that_is_not_there_is_named_and_nothing_is_made_in_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = text(&folder.path().join("typo"));
    for command in [
        vec!["tick", "--data", &data],
        vec!["history", "--data", &data],
        vec!["organizer", "list", "--data", &data],
        vec!["organizer", "enable", "--data", &data, "bigevents"],
    ] {
        let ended = harness(command.iter().copied());
        assert!(
            ended.sentence().starts_with(&format!("no store found in {data}")),
            "{ended:?}"
        );
        assert!(!Path::new(&data).exists(), "{command:?} made the folder");
    }
}

#[test]
fn a_file_that_is_no_store_is_said_to_be_none() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("harness.db"), "a letter, and not a database at all").expect("written");
    let data = text(folder.path());
    let ended = harness(["history", "--data", &data]);
    assert!(ended.sentence().contains("not a database"), "{ended:?}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("written");
    let below = text(&file.join("data"));
    for command in [
        vec!["seed", "--data", &below, "--fixture", &fixture()],
        vec!["demo", "--data", &below],
    ] {
        let ended = harness(command);
        assert!(ended.sentence().contains(&below), "{ended:?}");
    }
}

#[test]
fn a_fixture_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, missing) = (
        text(&folder.path().join("data")),
        text(&folder.path().join("none.json")),
    );
    for command in ["seed", "serve"] {
        let ended = harness([command, "--data", &data, "--fixture", &missing]);
        let wanted = format!("could not read fixture {missing}: ");
        assert!(ended.sentence().starts_with(&wanted), "{ended:?}");
        assert!(!Path::new(&data).exists());
    }
}

#[test]
fn all_that_is_wrong_with_a_fixture_is_named_with_its_place_in_one_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, file) = (text(&folder.path().join("data")), folder.path().join("bad.json"));
    for (content, places) in [
        ("{", vec!["not JSON", "line 1"]),
        (
            r#"{"organizers": 3, "swallows": 1}"#,
            vec!["/organizers: ", "/swallows: "],
        ),
    ] {
        fs::write(&file, content).expect("written");
        let ended = harness(["seed", "--data", &data, "--fixture", &text(&file)]);
        for place in places {
            assert!(ended.sentence().contains(place), "{ended:?}");
        }
        assert!(!Path::new(&data).exists());
    }
}

#[test]
fn a_schedule_that_the_component_refuses_leaves_no_half_filled_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, file) = (text(&folder.path().join("data")), folder.path().join("bad.json"));
    let mut platform: Value = serde_json::from_str(&fs::read_to_string(fixture()).expect("text")).expect("JSON");
    let good = platform["schedules"][1]["schedule_rrule"].clone();
    platform["schedules"][1]["schedule_rrule"] = "RRULE:FREQ=SOMETIMES".into();
    fs::write(&file, platform.to_string()).expect("written");
    let seed = ["seed", "--data", &data, "--fixture", &text(&file)];
    let ended = harness(seed);
    assert!(ended.sentence().contains("/schedules/1"), "{ended:?}");
    assert!(ended.sentence().contains("schedule_rrule"), "{ended:?}");
    platform["schedules"][1]["schedule_rrule"] = good;
    fs::write(&file, platform.to_string()).expect("written");
    harness(seed).well();
}

#[test]
fn a_store_is_filled_once() {
    let folder = seeded("2026-10-22T12:00:00Z");
    let data = text(folder.path());
    let ended = harness(["seed", "--data", &data, "--fixture", &fixture()]);
    let wanted = format!("the store in {data} already contains data");
    assert!(ended.sentence().starts_with(&wanted), "{ended:?}");
}

#[test]
fn an_organizer_that_is_not_there_is_named() {
    let folder = seeded("2026-10-22T12:00:00Z");
    let data = text(folder.path());
    for command in ["enable", "disable"] {
        let ended = harness(["organizer", command, "--data", &data, "nobody"]);
        assert!(ended.sentence().contains("`nobody`"), "{ended:?}");
    }
}

#[test]
fn an_address_of_a_mail_server_that_is_none_is_refused_before_anything_is_done() {
    let folder = seeded("2026-10-22T12:00:00Z");
    let data = text(folder.path());
    for (url, why) in [
        ("mail.example.com", "the scheme must be smtp://"),
        ("smtp://", "expected smtp://"),
        ("smtp://john:secret@", "expected smtp://"),
        ("smtp://mail.example.com?tls=perhaps", "tls must be"),
    ] {
        for command in ["tick", "serve"] {
            let call = [command, "--data", &data, "--smtp", url];
            let ended = harness(call.into_iter().chain(MAILING));
            assert!(ended.sentence().contains(why), "{url}: {ended:?}");
            assert!(!ended.err.contains("secret"), "{ended:?}");
        }
    }
    assert!(!folder.path().join("mail").exists());
}

#[test]
fn a_port_that_is_taken_is_named_and_nothing_is_written() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let ended = harness([
        "serve",
        "--data",
        &text(&data),
        "--listen",
        &address,
        "--fixture",
        &fixture(),
    ]);
    assert!(
        ended
            .sentence()
            .starts_with(&format!("could not listen on {address}: ")),
        "{ended:?}"
    );
    assert!(!data.exists());
}

#[test]
fn a_text_that_is_no_rule_time_or_zone_is_said_to_be_none() {
    let ended = harness(["next-run", "--rule", "daily", "--time", "4pm", "--zone", "Berlin"]);
    for word in ["daily", "4pm", "Berlin"] {
        assert!(ended.sentence().contains(word), "{ended:?}");
    }
    assert!(
        root().join("tests/data/next_run.jsonl").exists(),
        "that of the help's example"
    );
}
