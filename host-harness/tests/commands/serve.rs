//! `serve`: a real process, real requests, real signals, real time.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use calamine::{Reader, Xlsx};
use chrono::{DateTime, Utc};
use reference_server::descriptors::Descriptors;
use scheduled_exports_test_servers::smtp_server::{SmtpServer, Stage};
use serde_json::{Value, json};

use super::process::{Log, MAILING, Serving, fixture, harness};

const JOHN: &str = "Bearer john-oauth";
const ORGANIZER: &str = "bigevents/scheduled_exports/";
const EVENT: &str = "bigevents/events/sampleconf/scheduled_exports/";

fn document() -> Value {
    json!({
        "export_identifier": "orderlist", "export_form_data": {"_format": "xlsx", "date_range": "past"},
        "mail_subject": "Order list", "mail_template": "As every day.",
        "schedule_rrule": "RRULE:FREQ=DAILY", "schedule_rrule_time": "04:00:00", "timezone": "UTC",
    })
}

/// Creates `count` daily schedules that are due at the same second, soon; answers their ids.
pub fn due_soon(serving: &Serving, count: u64, recipients: &str) -> Vec<u64> {
    loop {
        let due = DateTime::<Utc>::from(std::time::SystemTime::now()) + Duration::from_secs(2 + count);
        let mut wanted = document();
        wanted["schedule_rrule_time"] = due.format("%H:%M:%S").to_string().into();
        wanted["mail_additional_recipients"] = recipients.into();
        let made: Vec<Value> = (0..count)
            .map(|_| {
                let (status, made) = serving.request("POST", ORGANIZER, JOHN, Some(&wanted));
                assert_eq!(status, 201, "{made}");
                made
            })
            .collect();
        let ids = made.iter().map(|one| one["id"].as_u64().expect("an id")).collect();
        let next = |one: &Value| one["schedule_next_run"].as_str()?.parse::<DateTime<Utc>>().ok();
        if made
            .iter()
            .all(|one| next(one).is_some_and(|next| next.timestamp() == due.timestamp()))
        {
            return ids;
        }
        // A slow machine: the second was over before the last was there, and its next run is tomorrow's.
        for id in ids {
            serving.request("DELETE", &format!("{ORGANIZER}{id}/"), JOHN, None);
        }
    }
}

/// Opens the first attachment of a mail as a workbook, and answers its rows.
fn workbook_rows(mail: &[u8]) -> usize {
    let mail = mailparse::parse_mail(mail).expect("a mail");
    let attached = mail
        .parts()
        .find(|part| part.get_content_disposition().params.contains_key("filename"))
        .expect("an attachment");
    let bytes = std::io::Cursor::new(attached.get_body_raw().expect("bytes"));
    let mut book = Xlsx::new(bytes).expect("a workbook");
    book.worksheet_range_at(0).expect("a sheet").expect("cells").height()
}

fn envelopes(data: &Path) -> Vec<Value> {
    let text = fs::read_to_string(data.join("mail/envelopes.jsonl")).expect("the list of mails");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn schedules_outlive_a_stop_and_the_fixture_is_loaded_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut log = Log::new();
    let serving = Serving::start(&log, &data, &["--fixture", &fixture()]);
    log.wait_for(&["fixture loaded"]);
    assert_eq!(serving.request("GET", EVENT, "", None).0, 401);
    assert_eq!(serving.request("GET", EVENT, "Bearer nobody", None).0, 401);
    assert_eq!(serving.request("GET", EVENT, JOHN, None).1["count"], 1);
    let mut wanted = document();
    wanted.as_object_mut().expect("an object").remove("timezone");
    let (status, made) = serving.request("POST", EVENT, JOHN, Some(&wanted));
    assert_eq!(status, 201, "{made}");
    let (code, took) = serving.end("TERM");
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(5), "it took {took:?} to stop");

    let serving = Serving::start(&log, &data, &["--fixture", &fixture()]);
    log.wait_for(&["skipping fixture"]);
    let (_, listed) = serving.request("GET", EVENT, JOHN, None);
    assert_eq!(listed["count"], 2);
    assert_eq!(listed["results"][1], made);
    assert_eq!(serving.end("INT").0, Some(0));
    log.wait_for(&["shutting down"]);
}

#[test]
fn a_store_that_is_not_there_is_made_and_the_log_says_how_to_fill_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("new");
    let mut log = Log::new();
    let serving = Serving::start(&log, &data, &[]);
    let line = log.wait_for(&["WARN", "the store is empty"]);
    assert!(line.contains("harness seed --fixture FILE"), "{line}");
    assert_eq!(serving.request("GET", EVENT, JOHN, None).0, 401);
    // As the line says: filled while it is served, the store answers.
    let data_text = data.to_str().expect("text");
    harness(["seed", "--data", data_text, "--fixture", &fixture()]).well();
    assert_eq!(serving.request("GET", EVENT, JOHN, None).0, 200);
    assert_eq!(serving.end("TERM").0, Some(0));
}

#[test]
fn links_of_an_answer_begin_with_the_base_url_that_was_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = Log::new();
    let base = ["--fixture", &fixture(), "--base-url", "https://tickets.example/"];
    let serving = Serving::start(&log, folder.path(), &base);
    for _ in 0..2 {
        assert_eq!(serving.request("POST", ORGANIZER, JOHN, Some(&document())).0, 201);
    }
    let (_, page) = serving.request("GET", &format!("{ORGANIZER}?page_size=1"), JOHN, None);
    let next = format!("https://tickets.example/api/v1/organizers/{ORGANIZER}?page_size=1&page=2");
    assert_eq!(page["next"], next);
}

#[test]
fn a_stop_does_not_wait_for_an_idle_connection() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = Log::new();
    let serving = Serving::start(&log, folder.path(), &["--fixture", &fixture()]);
    let address = serving.url.strip_prefix("http://").expect("an URL").to_owned();
    let idle = std::net::TcpStream::connect(address).expect("a connection");
    let (code, took) = serving.end("TERM");
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(10), "it took {took:?} to stop");
    drop(idle);
}

#[test]
fn what_is_due_arrives_as_a_file_and_the_log_names_neither_people_nor_tokens() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut log = Log::new();
    let serving = Serving::start(&log, folder.path(), &["--fixture", &fixture()]);
    due_soon(&serving, 1, "finance@example.com");
    log.wait_for(&["delivery", "Accepted"]);
    log.wait_for(&["delivery", "Accepted"]);
    assert_eq!(serving.end("TERM").0, Some(0));
    let handed: Vec<String> = envelopes(folder.path())
        .iter()
        .map(|envelope| envelope["recipient"].as_str().expect("an address").to_owned())
        .collect();
    assert_eq!(handed.len(), 2);
    assert!(handed.contains(&"finance@example.com".into()) && handed.contains(&"john@example.com".into()));
    let file = envelopes(folder.path())[0]["file"].as_str().expect("a name").to_owned();
    let mail = fs::read(folder.path().join("mail").join(file)).expect("the mail");
    assert!(workbook_rows(&mail) > 1);
    for line in log.all() {
        for private in ["john@", "finance@", "john-oauth", "Bearer"] {
            assert!(!line.contains(private), "the log names {private}: {line}");
        }
    }
}

#[test]
fn a_stop_comes_to_its_end_though_the_mail_server_says_nothing_any_more() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let server = runtime.block_on(SmtpServer::start());
    server.when(Stage::Mail).hang();
    let folder = tempfile::tempdir().expect("a folder");
    let log = Log::new();
    let (fixture, url) = (fixture(), server.url());
    let more = [&["--fixture", &fixture, "--smtp", &url][..], &MAILING].concat();
    let serving = Serving::start(&log, folder.path(), &more);
    let id = due_soon(&serving, 1, "")[0].to_string();
    runtime.block_on(async {
        let hanging = tokio::time::timeout(Duration::from_secs(120), server.hanging(1));
        hanging.await.expect("a connection that hangs");
    });
    let (code, took) = serving.end("TERM");
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(20), "it took {took:?} to stop");
    let data = folder.path().display().to_string();
    let history = harness(["history", "--data", &data, "--schedule", &id]).well();
    assert!(
        history.contains("  submitted  "),
        "the mail is kept for the next start: {history}"
    );
}

#[test]
fn mail_goes_to_the_server_that_is_named() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let server = runtime.block_on(SmtpServer::start());
    let folder = tempfile::tempdir().expect("a folder");
    let log = Log::new();
    let (fixture, url) = (fixture(), server.url());
    let more = [&["--fixture", &fixture, "--smtp", &url][..], &MAILING].concat();
    let serving = Serving::start(&log, folder.path(), &more);
    due_soon(&serving, 1, "finance@example.com");
    let mails = runtime.block_on(async {
        let received = tokio::time::timeout(Duration::from_secs(120), server.received(2));
        received.await.expect("two mails")
    });
    assert_eq!(serving.end("TERM").0, Some(0));
    let mut recipients: Vec<String> = mails.iter().flat_map(|mail| mail.recipients.clone()).collect();
    recipients.sort();
    assert_eq!(recipients, ["finance@example.com", "john@example.com"]);
    for mail in &mails {
        assert_eq!(mail.header("Subject").as_deref(), Some("Order list"));
        assert!(workbook_rows(&mail.data) > 1);
    }
    assert!(!folder.path().join("mail").exists());
}

#[test]
fn two_processes_on_one_folder_deliver_each_due_time_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut log = Log::new();
    let first = Serving::start(&log, folder.path(), &["--fixture", &fixture()]);
    let second = Serving::start(&log, folder.path(), &[]);
    let ids = due_soon(&first, 4, "");
    assert_eq!(second.request("GET", ORGANIZER, JOHN, None).1["count"], 5);
    for _ in &ids {
        log.wait_for(&["delivery", "Accepted"]);
    }
    assert_eq!(first.end("TERM").0, Some(0));
    assert_eq!(second.end("TERM").0, Some(0));
    let mut messages: Vec<String> = envelopes(folder.path())
        .iter()
        .map(|envelope| envelope["message_id"].to_string())
        .collect();
    messages.sort();
    let all = messages.len();
    messages.dedup();
    assert_eq!((all, messages.len()), (ids.len(), ids.len()));
    let data = folder.path().display().to_string();
    for id in ids {
        let history = harness(["history", "--data", &data, "--schedule", &id.to_string()]).well();
        assert_eq!(history.lines().count(), 1, "{history}");
    }
}

#[test]
fn what_was_answered_with_201_outlives_a_killed_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = Log::new();
    let serving = Serving::start(&log, folder.path(), &["--fixture", &fixture()]);
    let (status, made) = serving.request("POST", ORGANIZER, JOHN, Some(&document()));
    assert_eq!(status, 201, "{made}");
    assert_eq!(serving.end("KILL").0, None, "it had no say in it");

    let serving = Serving::start(&log, folder.path(), &[]);
    let (status, found) = serving.request("GET", &format!("{ORGANIZER}{}/", made["id"]), JOHN, None);
    assert_eq!((status, &found), (200, &made));
}

#[test]
fn a_host_raises_its_limit_of_open_files_as_far_as_it_may() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut log = Log::new();
    let serving = Serving::with_open_files((300, 900), &log, folder.path(), &["--fixture", &fixture()]);
    let line = log.wait_for(&["open files"]);
    for part in ["before=300", "limit=900", "connections=644"] {
        assert!(line.contains(part), "{line}");
    }
    assert_eq!(serving.end("TERM").0, Some(0));
}

#[test]
fn a_flood_of_connections_past_all_open_files_fails_neither_requests_nor_runs() {
    let here = Descriptors::raise().expect("room for the flood's side");
    assert!(here.limit > 1300, "this test holds 1,100 connections: {here:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let mut log = Log::new();
    // 1,100 connections are more than twice as many as it can have files open.
    let serving = Serving::with_open_files((512, 512), &log, folder.path(), &["--fixture", &fixture()]);
    let line = log.wait_for(&["open files"]);
    for limit in ["limit=512", "connections=256", "connections_per_peer=128"] {
        assert!(line.contains(limit), "{line}");
    }
    let address = serving.url.strip_prefix("http://").expect("an URL").to_owned();
    let flood: Vec<_> = (0..1100)
        .map(|_| {
            let mut connection = std::net::TcpStream::connect(&address).expect("a connection");
            // One that was closed for a later one can no longer take it.
            drop(connection.write_all(b"G"));
            connection
        })
        .collect();
    log.wait_for(&["WARN", "more connections than there are places", "closed="]);
    due_soon(&serving, 1, "");
    log.wait_for(&["delivery", "Accepted"]);
    let (_, runs) = serving.request("GET", &format!("{ORGANIZER}?page_size=50"), JOHN, None);
    let counters: Vec<&Value> = runs["results"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["error_counter"])
        .collect();
    assert!(counters.iter().all(|counter| **counter == 0), "{runs}");
    drop(flood);
    assert_eq!(serving.end("TERM").0, Some(0));
}
