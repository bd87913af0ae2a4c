//! Commands on a PostgreSQL database: any number of processes, none of which keeps anything. Where no server can be started, that
//! is said on stderr.

use std::path::Path;

use scheduled_exports_test_servers::postgres::PostgresServer;
use scheduled_exports_test_servers::smtp_server::SmtpServer;
use serde_json::Value;

use super::process::{Log, Serving, fixture, harness};
use super::serve::due_soon;

const JOHN: &str = "Bearer john-oauth";
const ORGANIZER: &str = "bigevents/scheduled_exports/";

/// A new database, by its URL.
fn database() -> Option<String> {
    Some(PostgresServer::shared()?.new_database())
}

/// The same one, with a password that no server asks for here.
fn with_password(url: &str) -> String {
    url.replacen('@', ":hush-hush@", 1)
}

#[test]
fn three_processes_on_one_database_deliver_each_due_time_once_though_one_is_killed() {
    let Some(url) = database() else { return };
    let open = url;
    let url = with_password(&open);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let server = runtime.block_on(SmtpServer::start());
    let mut log = Log::new();
    let fixture = fixture();
    let start = |log: &Log| Serving::on_database(log, &url, &server.url(), &["--fixture", &fixture]);
    let hosts = [start(&log), start(&log), start(&log)];
    // What one has written, the others read.
    let ids = due_soon(&hosts[0], 6, "");
    let (_, made) = hosts[0].request("GET", &format!("{ORGANIZER}{}/", ids[0]), JOHN, None);
    for host in &hosts {
        assert_eq!(host.request("GET", ORGANIZER, JOHN, None).1["count"], 7);
        assert_eq!(
            host.request("GET", &format!("{ORGANIZER}{}/", ids[0]), JOHN, None),
            (200, made.clone())
        );
    }
    let [first, second, third] = hosts;
    assert_eq!(first.end("KILL").0, None, "it had no say in it");
    let mails = runtime.block_on(async {
        let all = tokio::time::timeout(std::time::Duration::from_secs(120), server.received(ids.len()));
        all.await.expect("a mail for each")
    });
    let mut messages: Vec<_> = mails.iter().filter_map(|mail| mail.header("Message-ID")).collect();
    messages.sort();
    messages.dedup();
    assert_eq!(messages.len(), ids.len());
    for host in [second, third] {
        assert_eq!(host.end("TERM").0, Some(0));
    }
    for id in ids {
        let history = harness(["history", "--database", &open, "--schedule", &id.to_string()]).well();
        assert_eq!(history.lines().count(), 1, "{history}");
    }
    for line in log.all() {
        assert!(!line.contains("hush-hush"), "{line}");
    }
}

#[test]
fn a_database_is_seeded_ticked_and_looked_at_without_a_server() {
    let Some(url) = database() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mails = folder.path().display().to_string();
    let seed = [
        "seed",
        "--database",
        &url,
        "--fixture",
        &fixture(),
        "--now",
        "2026-10-22T12:00:00Z",
    ];
    assert!(harness(seed).well().ends_with(": 2 organizers, 2 schedules\n"));
    assert!(harness(seed).sentence().contains("already contains data"));
    let tick = ["tick", "--now", "2026-10-27T03:00:00Z", "--database", &url];
    assert!(
        harness(tick).sentence().contains("--smtp"),
        "there is nowhere for mails to go"
    );
    let ticked = harness(tick.into_iter().chain(["--data", &mails])).well();
    assert!(ticked.contains("delivered"), "{ticked}");
    assert_eq!(harness(["history", "--database", &url]).well(), ticked);
    assert!(Path::new(&mails).join("mail").exists() && !Path::new(&mails).join("harness.db").exists());
    let audit = harness(["audit", "--database", &url]).well();
    assert!(audit.contains("  host  run"), "{audit}");
    harness(["organizer", "disable", "--database", &url, "smallgigs"]).well();
    let listed = harness(["organizer", "list", "--database", &url]).well();
    assert!(listed.contains("smallgigs  disabled"), "{listed}");
}

#[test]
fn a_schedule_that_the_component_refuses_leaves_the_database_empty() {
    let Some(url) = database() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bad.json");
    let mut platform: Value = serde_json::from_str(&std::fs::read_to_string(fixture()).expect("text")).expect("JSON");
    platform["schedules"][1]["schedule_rrule"] = "RRULE:FREQ=SOMETIMES".into();
    std::fs::write(&file, platform.to_string()).expect("written");
    let ended = harness(["seed", "--database", &url, "--fixture", &file.display().to_string()]);
    assert!(ended.sentence().contains("/schedules/1"), "{ended:?}");
    harness(["seed", "--database", &url, "--fixture", &fixture()]).well();
}

#[test]
fn a_database_that_cannot_be_used_is_named_without_its_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().display().to_string();
    let nobody = format!("postgres://john:hush-hush@localhost/exports?host={socket}");
    let mut cases = vec![
        (nobody, "could not connect"),
        (
            "postgres://john:hush-hush@127.0.0.1:1/exports".to_owned(),
            "could not connect",
        ),
        (
            "postgres://john:hush-hush@127.0.0.1:port/exports".to_owned(),
            "expected postgres://",
        ),
        (
            "mysql://john:hush-hush@127.0.0.1/exports".to_owned(),
            "expected postgres://",
        ),
    ];
    if let (Some(server), Some(url)) = (PostgresServer::shared(), database()) {
        cases.push((with_password(&server.url("none_such")), "none_such"));
        harness(["seed", "--database", &url, "--fixture", &fixture()]).well();
        let name = url
            .rsplit('/')
            .find_map(|part| part.split_once("?host="))
            .expect("its name")
            .0
            .to_owned();
        server.sql(&name, "update platform_migrations set version = 999");
        cases.push((with_password(&url), "newer than this program supports"));
    }
    for (url, why) in cases {
        for command in ["history", "serve", "tick"] {
            let more: &[&str] = match command {
                "history" => &[],
                "serve" => &["--listen", "127.0.0.1:0", "--data", &socket],
                _ => &["--data", &socket],
            };
            let ended = harness([command, "--database", &url].into_iter().chain(more.iter().copied()));
            // A URL that is one was given with its password where other users see it: a warning goes before the sentence.
            let warned = usize::from(why != "expected postgres://");
            let lines: Vec<_> = ended.err.lines().collect();
            assert_eq!(lines.len(), warned + 1, "{ended:?}");
            let warning = |line: &&str| line.contains("the password in --database is visible");
            assert!(lines[..warned].iter().all(warning), "{ended:?}");
            assert!(lines[warned].starts_with("harness: "), "{ended:?}");
            assert!(lines[warned].contains(why), "{url}: {ended:?}");
            assert!(!ended.err.contains("hush-hush"), "{ended:?}");
        }
    }
    let unnamed = harness(["history"]);
    assert_eq!(unnamed.code, Some(2));
    assert!(
        unnamed.err.contains("--data") && unnamed.err.contains("--database"),
        "{unnamed:?}"
    );
}
