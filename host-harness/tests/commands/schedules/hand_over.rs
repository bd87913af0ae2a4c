//! `harness schedule hand-over`.

use std::path::Path;

use scheduled_exports_test_servers::postgres::PostgresServer;

use super::{NOW, as_john, objects, schedule};
use crate::commands::process::{Ended, fixture, harness, seeded};

fn hand_over(folder: &Path, from: &str, to: &str, more: &[&str]) -> Ended {
    let data = folder.to_str().expect("text");
    let arguments = ["hand-over", "--data", data, "--from", from, "--to", to, "--now", NOW];
    schedule(None, &[&arguments, more].concat(), "")
}

fn owner(folder: &Path, arguments: &[&str]) -> String {
    let shown = as_john(folder, &[&["list", "--json"], arguments].concat()).well();
    objects(&shown)[0]["owner"].as_str().expect("an owner").to_owned()
}

const EVENT: [&str; 2] = ["--event", "sampleconf"];

#[test]
fn a_schedule_moves_only_if_the_new_owner_can_export_all_of_it() {
    let folder = seeded(NOW);
    let (john, mary) = ("john@example.com", "mary@example.org");
    let report = |result: &str| {
        format!(
            "schedule  place                 exporter   result\n\
             2         bigevents             orderlist  stays: You cannot change this scheduled export: it exports all events, \
             including future ones, and you can export only some events\n\
             1         bigevents/sampleconf  orderlist  {result}\n\
             1 of 2 schedules {result} to mary@example.org\n"
        )
    };
    let dry = hand_over(folder.path(), john, mary, &["--dry-run"]);
    assert_eq!(dry.out, report("can be handed over"));
    assert_eq!(dry.sentence(), "1 of 2 schedules stay with john@example.com");
    assert_eq!(owner(folder.path(), &EVENT), john, "a dry run changes nothing");

    // Mary could not see the schedule before: the operator decides that she gets it.
    let moved = hand_over(folder.path(), john, mary, &[]);
    assert_eq!((moved.out, moved.code), (report("handed over"), Some(1)));
    assert_eq!(
        (owner(folder.path(), &EVENT), owner(folder.path(), &[])),
        (mary.into(), john.into())
    );
    let data = folder.path().to_str().expect("text");
    let audit = harness(["audit", "--data", data, "--organizer", "bigevents", "--limit", "1"]).well();
    assert!(
        audit.contains("  schedule 1  ") && audit.contains("taken-over"),
        "{audit}"
    );

    // What is left is tried again, and nothing else.
    let rest = hand_over(folder.path(), john, mary, &["--json"]);
    let rest = objects(&rest.out);
    assert_eq!(rest.len(), 1);
    assert_eq!(
        (&rest[0]["schedule"], &rest[0]["handed_over"]),
        (&2.into(), &false.into())
    );
    assert!(
        rest[0]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("future ones")),
        "{rest:?}"
    );
}

#[test]
fn the_former_owner_is_notified_with_the_sender_and_the_links_of_the_host() {
    let folder = seeded(NOW);
    let host = [
        "--mail-from",
        "Big Events <exports@tickets.example>",
        "--base-url",
        "https://tickets.example",
    ];
    hand_over(folder.path(), "john@example.com", "mary@example.org", &host);
    let data = folder.path().to_str().expect("text");
    harness(["tick", "--data", data, "--now", "2026-10-22T12:16:00Z"]).well();
    let mails = std::fs::read_dir(folder.path().join("mail")).expect("mails");
    let mails = mails.map(|mail| std::fs::read_to_string(mail.expect("a mail").path()).expect("text"));
    let mails: Vec<String> = mails.filter(|mail| mail.contains("\nTo: ")).collect();
    let [mail] = &mails[..] else {
        panic!("one mail: {mails:#?}");
    };
    for part in [
        "exports@tickets.example",
        "john@example.com",
        "mary@example.org",
        "https://tickets.example/",
    ] {
        assert!(mail.contains(part), "{part}: {mail}");
    }
}

#[test]
fn in_a_database_changes_need_the_sender_and_the_links_of_the_hosts() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let url = server.new_database();
    harness(["seed", "--database", &url, "--fixture", &fixture(), "--now", NOW]).well();
    let hand_over = |more: &[&str]| {
        let arguments = [
            "hand-over",
            "--database",
            &url,
            "--from",
            "john@example.com",
            "--to",
            "mary@example.org",
        ];
        schedule(None, &[&arguments, more].concat(), "")
    };
    let refused = hand_over(&[]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("--mail-from and --base-url"), "{refused:?}");
    assert!(
        hand_over(&["--dry-run"])
            .out
            .ends_with("1 of 2 schedules can be handed over to mary@example.org\n")
    );
    let moved = hand_over(&[
        "--mail-from",
        "exports@tickets.example",
        "--base-url",
        "https://tickets.example",
    ]);
    assert!(
        moved
            .out
            .ends_with("1 of 2 schedules handed over to mary@example.org\n"),
        "{moved:?}"
    );
    let target = [
        "--database",
        &url,
        "--as",
        "mary@example.org",
        "--organizer",
        "bigevents",
        "--event",
        "sampleconf",
    ];
    let listed = schedule(None, &[&["list"], &target[..]].concat(), "");
    assert!(listed.out.contains("  mary@example.org  Order list\n"), "{listed:?}");
}

#[test]
fn schedules_of_a_deleted_event_and_of_other_organizers_stay() {
    let folder = seeded(NOW);
    let data = folder.path().to_str().expect("text");
    harness(["event", "delete", "--data", data, "bigevents", "sampleconf"]).well();
    let sam = hand_over(folder.path(), "john@example.com", "sam@example.net", &[]);
    let lines: Vec<&str> = sam.out.lines().skip(1).collect();
    assert!(
        lines[0].contains("  bigevents  ") && lines[0].contains("stays: "),
        "{sam:?}"
    );
    assert!(
        lines[1].ends_with("stays: its event was deleted, so it can only be read or deleted"),
        "{sam:?}"
    );
    assert_eq!(sam.code, Some(1));
    let none = hand_over(
        folder.path(),
        "john@example.com",
        "sam@example.net",
        &["--organizer", "smallgigs"],
    );
    assert_eq!(none.well(), "0 of 0 schedules handed over to sam@example.net\n");
}

#[test]
fn both_users_have_to_be_there() {
    let folder = seeded(NOW);
    let (john, nobody) = ("john@example.com", "nobody@example.com");
    assert_eq!(
        hand_over(folder.path(), john, nobody, &[]).sentence(),
        "--to: no user in this store has the address nobody@example.com"
    );
    let from = hand_over(folder.path(), nobody, john, &[]);
    assert!(
        from.sentence()
            .starts_with("--from: no user in this store has the address nobody@example.com"),
        "{from:?}"
    );
    let same = hand_over(folder.path(), john, "JOHN@example.com", &[]);
    assert_eq!(same.code, Some(2), "{same:?}");
    let organizer = hand_over(folder.path(), john, "mary@example.org", &["--organizer", "other"]);
    assert_eq!(organizer.sentence(), "organizer `other` does not exist in this store");
}
