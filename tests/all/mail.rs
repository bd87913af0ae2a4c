//! Mail through the whole host: a real SMTP server that is down, and a folder in which a dead host left half a mail.

mod headers;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use scheduled_exports_host::contract::{DeliveryStatus, Outcome};
use scheduled_exports_mail::{EmlTransport, Refusal, SmtpTimeouts, SmtpTransport, Transport};
use scheduled_exports_test_servers::smtp_server::{SmtpServer, Stage};
use scheduled_exports_testing::{Harness, at};
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

/// Pauses while the mail server is down, in minutes.
const PAUSES: [i64; 9] = [1, 2, 4, 5, 5, 5, 5, 5, 5];

#[tokio::test]
async fn a_mail_server_that_is_down_is_tried_after_1_2_4_and_5_minutes_and_gets_the_mail_once_when_it_is_back() {
    let server = SmtpServer::start().await;
    server.when(Stage::Connect).close();
    let (host, id) = host_with(&server).await;
    host.advance_to(DUE).await;
    let (mut tries, mut now) = (1, at(DUE));
    assert_eq!(server.connections(), tries);
    for minutes in PAUSES {
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
    let delivery = host.history(id).await.remove(0).entry.deliveries.remove(0);
    assert_eq!(delivery.status, DeliveryStatus::Retrying);
    server.forget_rules();
    host.clock.set(now + 5 * MINUTE);
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
async fn what_the_operator_has_to_repair_fails_no_run_in_days_and_the_mail_goes_out_once_it_is_repaired() {
    for (stage, said) in [
        (Stage::Connect, "554 5.7.1 no service"),
        (Stage::Hello, "504 5.5.2 Helo rejected"),
        (Stage::Mail, "553 5.7.1 sender not owned"),
        (Stage::Recipient, "554 5.7.1 Relay access denied"),
        (Stage::Recipient, "504 5.5.2 Helo rejected"),
        (Stage::Recipient, "550 Access denied"),
    ] {
        let server = SmtpServer::start().await;
        server.when(stage).reply(said);
        let (host, id) = host_with(&server).await;
        // What is said of one address alone is that one's.
        let others = json!({"mail_additional_recipients": "ann@example.org, bob@example.net"});
        let patched = host.patch(&format!("{CONF}{id}/"), JOHN, &others).await;
        assert_eq!(patched.status, 200, "{}", patched.body);
        host.advance_to("2026-10-26T02:00:00Z").await;
        assert_eq!(outcome(&host, id).await, Some(Outcome::Submitted), "{said}");
        let delivery = host.history(id).await.remove(0).entry.deliveries.remove(0);
        assert_eq!(delivery.status, DeliveryStatus::Retrying);
        assert!(delivery.response.ends_with(said), "{}", delivery.response);
        let shown = host.get("/healthz", "").await.body;
        assert_eq!(shown["mail"]["since"], DUE, "{shown}");
        assert_eq!(host.get(&format!("{CONF}{id}/"), JOHN).await.body["error_counter"], 0);

        server.forget_rules();
        host.advance_to("2026-10-26T02:05:00Z").await;
        assert_eq!(outcome(&host, id).await, Some(Outcome::Delivered), "{said}");
        assert_eq!(server.mails().len(), 3);
        assert_eq!(host.get("/healthz", "").await.body, json!({"status": "ok"}));
    }
}

#[tokio::test]
async fn a_relay_that_rejects_everybody_fails_no_run_also_where_everybody_is_one_recipient_or_two() {
    for said in ["554 5.7.1 Relay access denied", "504 5.5.2 Helo rejected"] {
        for others in ["", "finance@example.org"] {
            let server = SmtpServer::start().await;
            server.when(Stage::Recipient).reply(said);
            let (host, id) = host_with(&server).await;
            let recipients = json!({"mail_additional_recipients": others});
            let patched = host.patch(&format!("{CONF}{id}/"), JOHN, &recipients).await;
            assert_eq!(patched.status, 200, "{}", patched.body);
            host.advance_to("2026-10-26T02:00:00Z").await;
            assert_eq!(outcome(&host, id).await, Some(Outcome::Submitted), "{said}, {others}");
            let shown = host.get("/healthz", "").await.body;
            assert_eq!(shown["mail"]["since"], DUE, "{shown}");
            assert_eq!(host.get(&format!("{CONF}{id}/"), JOHN).await.body["error_counter"], 0);

            server.forget_rules();
            host.advance_to("2026-10-26T02:05:00Z").await;
            assert_eq!(outcome(&host, id).await, Some(Outcome::Delivered), "{said}, {others}");
            assert_eq!(host.get("/healthz", "").await.body, json!({"status": "ok"}));
        }
    }
}

#[tokio::test]
async fn a_recipient_that_defers_for_24_hours_of_tries_fails_the_run_and_the_owner_is_told() {
    let server = SmtpServer::start().await;
    server.when(Stage::Recipient).reply("452 4.2.2 mailbox full");
    let (host, id) = host_with(&server).await;
    host.advance_to("2026-10-24T01:59:59Z").await;
    assert_eq!(outcome(&host, id).await, Some(Outcome::Submitted));
    host.advance_to("2026-10-24T02:00:00Z").await;
    let ended = outcome(&host, id).await;
    assert!(
        matches!(&ended, Some(Outcome::Failed((code, _))) if code == "delivery-failed"),
        "{ended:?}"
    );
    let delivery = host.history(id).await.remove(0).entry.deliveries.remove(0);
    assert_eq!(delivery.status, DeliveryStatus::Rejected);
    assert!(delivery.response.contains("24 hours"), "{}", delivery.response);
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

/// All orders as CSV, on three days: a text, which a zip makes smaller.
async fn all_orders(server: &SmtpServer) -> (Harness, u64) {
    let smtp = SmtpTransport::from_url(&server.url(), SmtpTimeouts::default()).expect("the server's address");
    let host = Harness::start(&without_schedules(), EVE)
        .await
        .mailing_through(Arc::new(smtp));
    let thrice = json!({"schedule_rrule": "DTSTART:20261023T000000\nRRULE:FREQ=DAILY;COUNT=3",
        "export_form_data": {"_format": "default", "date_range": "past"}});
    let id = host.create(CONF, JOHN, &but(daily(), thrice)).await;
    host.advance_to(DUE).await;
    (host, id)
}

#[tokio::test]
async fn a_host_that_has_just_begun_asks_for_the_announced_size_and_its_first_file_is_zipped() {
    let server = SmtpServer::start().await;
    let (host, id) = all_orders(&server).await;
    let size = server.mails()[0].data.len();
    server.offer(&[&format!("SIZE {}", size - 1)]);

    // A process a day, as `tick` is.
    let host = host.restart().await;
    host.advance_to("2026-10-24T02:00:00Z").await;
    let entry = host.history(id).await.remove(0).entry;
    assert_eq!(entry.outcome, Some(Outcome::Delivered), "{entry:?}");
    assert!(server.mails()[1].text().contains(".csv.zip"));

    // In a new store as well.
    let server = SmtpServer::start().await;
    server.offer(&[&format!("SIZE {}", size - 1)]);
    let (host, id) = all_orders(&server).await;
    let entry = host.history(id).await.remove(0).entry;
    assert_eq!(entry.outcome, Some(Outcome::Delivered), "{entry:?}");
    assert!(server.mails()[0].text().contains(".csv.zip"));
    assert_eq!(server.connections(), 1, "what was asked is used for the mail");
}

#[tokio::test]
async fn a_mail_over_the_announced_size_fails_for_that_reason_without_an_upload_and_the_next_file_is_zipped() {
    let server = SmtpServer::start().await;
    let (host, _) = all_orders(&server).await;
    host.advance_to("2026-10-24T02:00:00Z").await;
    let size = server.mails()[1].data.len();

    let server = SmtpServer::start().await;
    let (host, id) = all_orders(&server).await;
    // It takes less from now on.
    server.offer(&[&format!("SIZE {}", size - 1)]);
    host.advance_to("2026-10-24T02:00:00Z").await;
    let first = host.history(id).await.remove(0).entry;
    assert!(
        matches!(&first.outcome, Some(Outcome::Failed((code, _))) if code == "delivery-failed"),
        "{first:?}"
    );
    let words = format!(
        "the mail has {size} bytes, and the mail server accepts at most {} (SIZE)",
        size - 1
    );
    assert_eq!(first.deliveries[0].response, words);
    // The owner is told, in a mail that fits.
    let mails = server.mails();
    assert_eq!((mails.len(), mails[1].text().contains("(SIZE)")), (2, true));
    host.advance_to("2026-10-25T03:00:00Z").await;
    let second = host.history(id).await.remove(0).entry;
    assert_eq!(second.outcome, Some(Outcome::Delivered));
    assert!(server.mails()[2].text().contains(".csv.zip"));
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
    host.clock.set(at(DUE) + 59);
    host.step().await;
    assert_eq!(messages(folder.path()).len(), 0, "the dead host's lease holds");
    assert_eq!(outcome(&host, id).await, Some(Outcome::Submitted));
    host.clock.set(at(DUE) + 60);
    host.step().await;
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
