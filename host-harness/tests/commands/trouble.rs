//! What an operator sees when mail cannot go out: one warning, `/healthz`, the metrics; and how it is repaired.

use std::path::Path;

use scheduled_exports_test_servers::smtp_server::{SmtpServer, Stage};
use serde_json::Value;

use super::process::{Ended, Log, MAILING, Serving, command, fixture, harness, seeded};
use super::serve::due_soon;

const SEEDED: &str = "2026-10-26T12:00:00Z";
const DUE: &str = "2026-10-27T12:00:00Z";
const LATER: &str = "2026-10-27T12:05:00Z";

/// All that is due at that time, with the CA of this file.
fn tick(data: &Path, now: &str, smtp: &str, ca: Option<&Path>) -> Ended {
    let mut command = command();
    if let Some(ca) = ca {
        command.env("SSL_CERT_FILE", ca);
    }
    let data = data.display().to_string();
    let ended = command
        .env("HARNESS_SMTP", smtp)
        .args(["tick", "--data", &data, "--now", now])
        .args(MAILING)
        .output()
        .expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ended {
        code: ended.status.code(),
        out: text(ended.stdout),
        err: text(ended.stderr),
    }
}

/// The only warning of a command.
#[track_caller]
fn warning(ended: &Ended) -> &str {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines: Vec<_> = ended.err.lines().collect();
    let [line] = lines[..] else { panic!("{lines:#?}") };
    assert!(
        line.contains("WARN") && line.contains("mail is not going out"),
        "{line}"
    );
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_ca_is_one_warning_with_the_way_out_and_with_ssl_cert_file_the_mail_goes_out() {
    let server = SmtpServer::with_tls().await;
    let folder = seeded(SEEDED);
    let url = format!("smtp://{}", server.address());
    let ended = tick(folder.path(), DUE, &url, None);
    let line = warning(&ended);
    for part in ["kind=\"certificate\"", "UnknownIssuer", "SSL_CERT_FILE", "tls=none"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(server.mails().is_empty());
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, SmtpServer::CA).expect("a file");
    let ended = tick(folder.path(), LATER, &url, Some(&ca));
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(!server.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_password_is_one_warning_with_the_servers_reply() {
    let server = SmtpServer::start().await;
    server.when(Stage::Auth).reply("535 5.7.8 wrong password");
    let folder = seeded(SEEDED);
    let url = format!("smtp://user:secret@{}?tls=none", server.address());
    let ended = tick(folder.path(), DUE, &url, None);
    let line = warning(&ended);
    assert!(
        line.contains("kind=\"login\"") && line.contains("535 5.7.8 user or password is not accepted"),
        "{line}"
    );
    assert!(!ended.err.contains("secret"), "{}", ended.err);
    server.forget_rules();
    let ended = tick(folder.path(), LATER, &url, None);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(!server.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_with_mail_is_shown_by_health_and_metrics() {
    let server = SmtpServer::start().await;
    server.when(Stage::Mail).reply("553 5.7.1 sender not owned");
    let folder = tempfile::tempdir().expect("a folder");
    let (mut log, fixture) = (Log::new(), fixture());
    let more = [
        "--fixture",
        &fixture,
        "--smtp",
        &server.url(),
        "--smtp-connections",
        "1",
        "--metrics",
        "127.0.0.1:0",
    ];
    let more = [&more[..], &MAILING].concat();
    let serving = Serving::start(&log, &folder.path().join("data"), &more);
    let metrics = log.wait_for(&["serving metrics"]);
    let (_, address) = metrics.rsplit_once("address=").expect("where");
    let get = |url: &str| {
        let mut answer = ureq::get(url).call().expect("an answer");
        answer.body_mut().read_to_string().expect("text")
    };
    let metrics = || get(&format!("http://{address}/metrics"));
    assert!(metrics().contains("scheduled_exports_mail_up 1\n"));
    due_soon(&serving, 3, "");
    log.wait_for(&["WARN", "mail is not going out", "553 5.7.1 sender not owned"]);
    let health: Value = serde_json::from_str(&get(&format!("{}/healthz", serving.url))).expect("JSON");
    assert_eq!(
        (&health["status"], &health["mail"]["trouble"]),
        (&"ok".into(), &"sender".into())
    );
    let text = metrics();
    for line in [
        "scheduled_exports_mail_up 0\n",
        "scheduled_exports_mail_trouble{kind=\"sender\"} 1\n",
        "scheduled_exports_mail_trouble{kind=\"login\"} 0\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert_eq!(server.connections(), 1, "the others wait");
    assert_eq!(serving.end("TERM").0, Some(0));
    let warnings = log.all().iter().filter(|line| line.contains("mail is not going out"));
    assert_eq!(warnings.count(), 1);
}

#[test]
fn resume_names_what_it_has_started_again() {
    let folder = seeded(SEEDED);
    let data = folder.path().display().to_string();
    let out = harness(["resume", "--data", &data, "--now", DUE]).well();
    assert_eq!(out, "0 schedules resumed, planned from now\n");
    let out = harness(["resume", "--data", &data, "--now", DUE, "--organizer", "bigevents"]).well();
    assert_eq!(out, "0 schedules resumed, planned from now\n");
    let unknown = harness(["resume", "--data", &data, "--now", DUE, "--organizer", "nope"]);
    assert!(
        unknown.sentence().contains("organizer `nope` does not exist"),
        "{unknown:?}"
    );
}
