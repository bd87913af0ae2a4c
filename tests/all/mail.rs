//! Mail through the whole host: a real SMTP server that is down, and a folder in which a dead host left half a mail.

mod headers;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use host_harness::contract::{DeliveryStatus, Outcome};
use host_harness::delivery::{EmlTransport, Refusal, SmtpTimeouts, SmtpTransport, Transport};
use host_harness::testing::smtp_server::{SmtpServer, Stage};
use host_harness::testing::{Harness, at};
use serde_json::{Value, json};
use tests::{CONF, JOHN, but, daily, without_schedules};
use tokio::sync::Notify;

const EVE: &str = "2026-10-22T12:00:00Z";
const DUE: &str = "2026-10-23T02:00:00Z";
const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

/// Due once, at [`DUE`].
fn once() -> Value {
    but(
        daily(),
        json!({"schedule_rrule": "DTSTART:20261023T000000\nRRULE:FREQ=DAILY;COUNT=1"}),
    )
}

/// A host whose mail goes to this server, with one schedule.
async fn host_with(server: &SmtpServer) -> (Harness, u64) {
    let smtp = SmtpTransport::from_url(&server.url(), SmtpTimeouts::default()).expect("the server's address");
    let host = Harness::start(&without_schedules(), EVE)
        .await
        .mailing_through(Arc::new(smtp));
    let id = host.create(CONF, JOHN, &once()).await;
    (host, id)
}

async fn outcome(host: &Harness, id: u64) -> Option<Outcome> {
    let mut history = host.history(id).await;
    assert_eq!(history.len(), 1);
    history.remove(0).entry.outcome
}

/// Waits after each failed try, in minutes, for a day of tries.
fn waits() -> Vec<i64> {
    let doubling = [1, 2, 4, 8, 16, 32, 64];
    let mut waits = doubling.to_vec();
    while waits.iter().sum::<i64>() + 120 < 24 * 60 {
        waits.push(120);
    }
    waits
}

#[tokio::test]
async fn a_mail_server_that_is_down_is_tried_after_1_2_4_and_more_minutes_and_gets_the_mail_once_when_it_is_back() {
    let server = SmtpServer::start().await;
    server.when(Stage::Connect).close();
    let (host, id) = host_with(&server).await;
    host.advance_to(DUE).await;
    let (mut tries, mut now) = (1, at(DUE));
    assert_eq!(server.connections(), tries);
    // Down for six hours.
    for minutes in &waits()[..9] {
        now += minutes * MINUTE;
        host.clock.set(now - 1);
        host.step().await;
        assert_eq!(
            server.connections(),
            tries,
            "a second before {minutes} minutes are over"
        );
        host.clock.set(now);
        host.step().await;
        tries += 1;
        assert_eq!(server.connections(), tries, "after {minutes} minutes");
        assert_eq!(outcome(&host, id).await, Some(Outcome::Submitted));
    }
    assert!(now > at(DUE) + 6 * 60 * MINUTE);
    let delivery = host.history(id).await.remove(0).entry.deliveries.remove(0);
    assert_eq!(delivery.status, DeliveryStatus::Retrying);
    server.forget_rules();
    host.clock.set(now + 120 * MINUTE);
    host.step().await;
    assert_eq!(outcome(&host, id).await, Some(Outcome::Delivered));
    host.clock.set(now + 2 * DAY);
    host.step().await;
    let mails = server.mails();
    assert_eq!(
        (mails.len(), &mails[0].recipients[..]),
        (1, &["john@example.com".to_owned()][..])
    );
    assert_eq!(mails[0].header("Subject").as_deref(), Some("Orders"));
    assert_eq!(host.get(&format!("{CONF}{id}/"), JOHN).await.body["error_counter"], 0);
}

#[tokio::test]
async fn a_mail_server_that_dies_after_the_message_gets_the_same_bytes_and_message_id_hours_later() {
    let server = SmtpServer::start().await;
    // It has the message, and nobody learns that it does.
    server.when(Stage::Taken).times(1).close();
    let (host, id) = host_with(&server).await;
    host.advance_to(DUE).await;
    assert_eq!(server.mails().len(), 1);
    assert_eq!(outcome(&host, id).await, Some(Outcome::Submitted));
    server.when(Stage::Connect).close();
    host.advance_to("2026-10-23T09:00:00Z").await;
    assert_eq!(server.mails().len(), 1);
    server.forget_rules();
    host.advance_to("2026-10-23T12:00:00Z").await;
    let mails = server.mails();
    assert_eq!((mails.len(), outcome(&host, id).await), (2, Some(Outcome::Delivered)));
    assert!(mails[0].header("Message-ID").is_some());
    assert_eq!(mails[0], mails[1], "the same message, from and to the same");
}

#[tokio::test]
async fn a_mail_server_that_is_down_for_a_day_fails_the_run_and_the_owner_is_told_once_it_is_back() {
    let server = SmtpServer::start().await;
    server.when(Stage::Connect).close();
    let (host, id) = host_with(&server).await;
    host.advance_to("2026-10-24T01:59:59Z").await;
    assert_eq!(outcome(&host, id).await, Some(Outcome::Submitted));
    let tries = server.connections();
    // The first, one after each wait, and one more when the 24 hours are over.
    assert_eq!(tries, waits().len() + 1);
    host.advance_to("2026-10-24T02:00:00Z").await;
    let ended = outcome(&host, id).await;
    assert!(
        matches!(&ended, Some(Outcome::Failed((code, _))) if code == "undelivered"),
        "{ended:?}"
    );
    let delivery = host.history(id).await.remove(0).entry.deliveries.remove(0);
    assert_eq!(delivery.status, DeliveryStatus::Rejected);
    assert!(delivery.words.contains("24 hours"), "{}", delivery.words);
    assert_eq!(host.get(&format!("{CONF}{id}/"), JOHN).await.body["error_counter"], 1);
    assert_eq!(server.mails().len(), 0);

    // The notice has 24 hours of its own.
    server.forget_rules();
    host.advance_to("2026-10-24T12:00:00Z").await;
    let mails = server.mails();
    assert_eq!(
        (mails.len(), &mails[0].recipients[..]),
        (1, &["john@example.com".to_owned()][..])
    );
    let id = mails[0].header("Message-ID").unwrap_or_default();
    assert!(id.contains("-failure@"), "{id}");
}

/// A folder of mails whose host dies while it writes the first one.
struct DiesWriting {
    folder: EmlTransport,
    /// What it was to write.
    whole: std::sync::Mutex<Option<Arc<[u8]>>>,
    dead: AtomicBool,
    died: Notify,
}

#[async_trait]
impl Transport for DiesWriting {
    async fn hand_over(&self, from: &str, recipient: &str, id: &str, bytes: Arc<[u8]>) -> Result<String, Refusal> {
        if self.dead.swap(true, Ordering::SeqCst) {
            return self.folder.hand_over(from, recipient, id, bytes).await;
        }
        let half = &bytes[..bytes.len() / 2];
        // The name under which a mail is written until it is whole.
        fs::write(self.folder.dir().join(".writing-x1Y2z3"), half).expect("half a mail");
        *self.whole.lock().expect("no panic") = Some(bytes);
        self.died.notify_one();
        std::future::pending().await
    }
}

/// The files in a folder that people take for mails.
fn messages(folder: &std::path::Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("a file").path());
    files
        .filter(|path| path.extension().is_some_and(|end| end == "eml"))
        .collect()
}

#[tokio::test]
async fn half_a_mail_that_a_killed_host_left_is_never_taken_for_one_and_the_mail_is_written_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let dying = Arc::new(DiesWriting {
        folder: EmlTransport::new(folder.path()).expect("a folder"),
        whole: std::sync::Mutex::default(),
        dead: AtomicBool::new(false),
        died: Notify::new(),
    });
    let host = Harness::start(&without_schedules(), EVE)
        .await
        .mailing_through(Arc::clone(&dying) as _);
    let id = host.create(CONF, JOHN, &once()).await;
    host.jump_to(DUE);
    tokio::select! {
        _ = host.step() => panic!("it dies on the way"),
        () = dying.died.notified() => {}
    }
    assert_eq!(messages(folder.path()), Vec::<PathBuf>::new());

    let host = host.restart().await;
    host.step().await;
    assert_eq!(messages(folder.path()).len(), 0, "the dead host's lease holds");
    assert_eq!(outcome(&host, id).await, Some(Outcome::Submitted));
    host.advance_to("2026-10-23T03:00:00Z").await;
    assert_eq!(outcome(&host, id).await, Some(Outcome::Delivered));
    let messages = messages(folder.path());
    assert_eq!(messages.len(), 1, "{messages:?}");
    let whole = dying.whole.lock().expect("no panic").clone().expect("written");
    assert!(fs::read(&messages[0]).expect("a mail") == *whole, "all of it");
    let envelopes = fs::read_to_string(folder.path().join("envelopes.jsonl")).expect("envelopes");
    let got: Vec<Value> = envelopes
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    assert_eq!((got.len(), &got[0]["recipient"]), (1, &json!("john@example.com")));
}
