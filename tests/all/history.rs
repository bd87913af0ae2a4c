//! Run history and audit: what can be read of them, by whom, and for how long.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reference_server::scheduler::SchedulerOptions;
use scheduled_exports_host::contract::Outcome;
use scheduled_exports_mail::Refusal;
use scheduled_exports_testing::{Harness, at};
use serde_json::{Value, json};
use tests::{
    CONF, DEVICE, FEST, JOHN, JOHN_READING, MARY, ORDERS_TOKEN, SAM, SETTINGS_TOKEN, VERA, but, daily,
    without_schedules,
};
use tracing_subscriber::fmt::MakeWriter;

const NOON: &str = "2026-10-22T12:00:00Z";

#[tokio::test]
async fn a_run_says_when_how_how_often_how_much_and_who_got_it() {
    let host = Harness::start(&without_schedules(), NOON).await;
    host.mail.refuse(
        "gone@example.com",
        Some(Refusal::Permanent("550 5.1.1 no such user".into())),
    );
    let to = json!({"mail_additional_recipients": "gone@example.com,finance@example.com"});
    let id = host.create(CONF, JOHN, &but(daily(), to)).await;
    let path = format!("{CONF}{id}/runs/");
    let none = host.get(&path, JOHN).await;
    assert_eq!(
        (none.status, &none.body["count"], &none.body["results"]),
        (200, &json!(0), &json!([]))
    );
    host.advance_to("2026-10-23T12:00:00Z").await;
    let page = host.get(&path, JOHN).await.body;
    let entry = &host.history(id).await[0].entry;
    assert_eq!(
        page,
        json!({"count": 1, "next": null, "previous": null, "results": [{
            "id": entry.id, "kind": "scheduled", "requested_by": null,
            "due": "2026-10-23T02:00:00Z", "started": "2026-10-23T02:00:00Z", "ended": "2026-10-23T02:00:00Z",
            "outcome": "delivered", "reason": null, "attempts": 1, "rows": entry.rows, "bytes": entry.bytes,
            "recipients": [
                {"address": "gone@example.com", "status": "rejected", "response": "550 5.1.1 no such user"},
                {"address": "finance@example.com", "status": "accepted", "response": "250 kept"},
                {"address": "john@example.com", "status": "accepted", "response": "250 kept"},
            ],
        }]})
    );
    assert!(entry.rows.is_some() && entry.bytes.is_some());
}

#[tokio::test]
async fn a_failed_run_and_a_missed_one_say_why() {
    let host = Harness::start(&without_schedules(), NOON).await;
    let id = host.create(CONF, MARY, &daily()).await;
    let mary = host
        .platform()
        .user_by_email("mary@example.org")
        .await
        .expect("asked")
        .expect("mary");
    host.platform()
        .set_user_active(&mary.id, false)
        .await
        .expect("deactivated");
    host.jump_to("2026-10-25T12:00:00Z");
    host.step().await;
    let results = host.get(&format!("{CONF}{id}/runs/"), JOHN).await.body["results"].clone();
    assert_eq!(results[0]["outcome"], "failed");
    assert_eq!(results[0]["reason_code"], "owner-inactive");
    assert!(results[0]["reason"].as_str().is_some_and(|why| why.len() > 10));
    assert_eq!(results[1]["outcome"], "missed");
    assert_eq!(
        results[1]["missed"],
        json!({"first": "2026-10-23T02:00:00Z", "last": "2026-10-24T02:00:00Z", "count": 2, "reason": "unavailable"})
    );
    assert_eq!(results[1]["attempts"], 0);
}

#[tokio::test]
async fn history_comes_in_pages_latest_first() {
    let host = Harness::start(&without_schedules(), NOON).await;
    let id = host.create(CONF, JOHN, &daily()).await;
    host.advance_to("2026-10-27T12:00:00Z").await;
    let path = format!("{CONF}{id}/runs/");
    let mut dues = Vec::new();
    let mut next = json!(format!("{path}?page_size=2"));
    while let Some(url) = next.as_str() {
        let answer = host.get(url, JOHN).await;
        assert_eq!((answer.status, &answer.body["count"]), (200, &json!(5)));
        let results = answer.body["results"].as_array().expect("results").clone();
        dues.extend(
            results
                .iter()
                .map(|run| run["due"].as_str().expect("a due time").to_owned()),
        );
        next = answer.body["next"].clone();
    }
    let want: Vec<String> = (23..=27)
        .rev()
        .map(|day| format!("2026-10-{day}T0{}:00:00Z", if day < 25 { 2 } else { 3 }))
        .collect();
    assert_eq!(dues, want);
    assert_eq!(host.get(&format!("{path}?page=2"), JOHN).await.status, 404);
    assert_eq!(host.get(&format!("{path}?page=0"), JOHN).await.status, 404);
}

#[tokio::test]
async fn who_does_not_see_a_schedule_does_not_see_its_history() {
    let host = Harness::start(&without_schedules(), NOON).await;
    let id = host.create(CONF, JOHN, &daily()).await;
    host.advance_to("2026-10-23T12:00:00Z").await;
    let path = format!("{CONF}{id}/runs/");
    for (who, status) in [
        ("", 401),
        (JOHN, 200),
        (JOHN_READING, 200),
        (VERA, 200),
        (SETTINGS_TOKEN, 200),
        (MARY, 404),
        (ORDERS_TOKEN, 403),
        (DEVICE, 403),
        (SAM, 403),
    ] {
        assert_eq!(host.get(&path, who).await.status, status, "{who}");
    }
    assert_eq!(host.get(&format!("{FEST}{id}/runs/"), JOHN).await.status, 404);
    assert_eq!(host.get(&format!("{CONF}999/runs/"), JOHN).await.status, 404);
    assert_eq!(host.post(&path, JOHN, &json!({})).await.status, 405);
    host.delete(&format!("{CONF}{id}/"), JOHN).await;
    assert_eq!(host.get(&path, JOHN).await.status, 404);
}

#[tokio::test]
async fn history_is_kept_for_90_days_and_the_audit_log_for_a_year() {
    let host = Harness::start(&without_schedules(), NOON).await;
    let once = json!({"schedule_rrule": "DTSTART:20261023T000000\nRRULE:FREQ=DAILY;COUNT=2"});
    let id = host.create(CONF, JOHN, &but(daily(), once)).await;
    let taken = host.create(CONF, MARY, &daily()).await;
    assert_eq!(
        host.post(&format!("{CONF}{taken}/take_over/"), JOHN, &json!({}))
            .await
            .status,
        200
    );
    host.delete(&format!("{CONF}{taken}/"), JOHN).await;
    host.advance_to("2026-10-24T12:00:00Z").await;
    let dues =
        |rows: Vec<scheduled_exports_store::HistoryRow>| rows.iter().map(|row| row.entry.due).collect::<Vec<_>>();
    let both = [at("2026-10-24T02:00:00Z"), at("2026-10-23T02:00:00Z")];
    assert_eq!(dues(host.history(id).await), both);
    // The first ended at 2026-10-23T02:00:00Z.
    host.jump_to("2027-01-21T01:59:59Z");
    host.tidy().await;
    assert_eq!(dues(host.history(id).await), both);
    host.jump_to("2027-01-21T02:00:00Z");
    host.tidy().await;
    assert_eq!(dues(host.history(id).await), both[..1]);
    let runs = host.get(&format!("{CONF}{id}/runs/"), JOHN).await.body;
    assert_eq!(
        (&runs["count"], &runs["results"][0]["recipients"][0]["status"]),
        (&json!(1), &json!("accepted"))
    );

    let first = async || {
        let audit = host
            .storage()
            .audit("bigevents", 1_000)
            .await
            .expect("the store answers");
        audit.last().map(|entry| entry.at)
    };
    host.jump_to("2027-10-22T11:59:59Z");
    host.tidy().await;
    assert_eq!(first().await, Some(at(NOON)));
    host.jump_to("2027-10-22T12:00:00Z");
    host.tidy().await;
    assert_eq!(first().await, Some(at("2026-10-23T02:00:00Z")));
}

#[tokio::test]
async fn history_kept_for_longer_than_the_audit_log_keeps_that_as_long() {
    let kept = SchedulerOptions {
        keep_history: Duration::from_secs(2 * 365 * 24 * 60 * 60),
        ..SchedulerOptions::default()
    };
    let host = Harness::start(&without_schedules(), NOON).await.scheduling(kept);
    let once = json!({"schedule_rrule": "DTSTART:20261023T000000\nRRULE:FREQ=DAILY;COUNT=1"});
    let id = host.create(CONF, JOHN, &but(daily(), once)).await;
    host.advance_to("2026-10-23T12:00:00Z").await;
    let left = async || {
        let audit = host
            .storage()
            .audit("bigevents", 1_000)
            .await
            .expect("the store answers");
        (host.history(id).await.len(), audit.len())
    };
    let all = left().await;
    assert_eq!(all.0, 1);
    // 730 days after the run ended, less a second; the entries before it are older.
    host.jump_to("2028-10-22T01:59:59Z");
    host.tidy().await;
    assert_eq!(left().await.0, 1);
    assert!(left().await.1 > 0, "the run is in the audit log, too");
    host.jump_to("2028-10-22T02:00:00Z");
    host.tidy().await;
    assert_eq!(left().await, (0, 0));
}

#[tokio::test]
async fn what_is_not_over_stays_however_old_it_is() {
    let host = Harness::start(&without_schedules(), NOON).await;
    host.mail
        .refuse("john@example.com", Some(Refusal::Transient("451 later".into())));
    let once = json!({"schedule_rrule": "DTSTART:20261023T000000\nRRULE:FREQ=DAILY;COUNT=1"});
    let id = host.create(CONF, JOHN, &but(daily(), once)).await;
    host.advance_to("2026-10-23T03:00:00Z").await;
    // The host is down for half a year.
    host.jump_to("2027-04-23T12:00:00Z");
    host.tidy().await;
    assert_eq!(host.history(id).await[0].entry.outcome, Some(Outcome::Submitted));
    host.mail.refuse("john@example.com", None);
    host.step().await;
    let ended = host.history(id).await.remove(0).entry;
    assert!(matches!(ended.outcome, Some(Outcome::Delivered)), "{ended:?}");
    // It has ended just now.
    host.tidy().await;
    assert_eq!(host.history(id).await.len(), 1);
}

/// What is logged while it is set, for this thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn all_lines_of_a_run_name_it() {
    let host = Harness::start(&without_schedules(), NOON).await;
    let ok = host.create(CONF, JOHN, &daily()).await;
    let fails = host.create(CONF, MARY, &daily()).await;
    let mary = host
        .platform()
        .user_by_email("mary@example.org")
        .await
        .expect("asked")
        .expect("mary");
    host.platform()
        .set_user_active(&mary.id, false)
        .await
        .expect("deactivated");
    host.jump_to("2026-10-23T02:00:00Z");
    let lines = Lines::default();
    // With only one subscriber in the process, `tracing` lets the thread that comes by a line first decide for all whether it is
    // ever written; the other tests' threads have none.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().with_max_level(tracing::Level::ERROR).finish());
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::INFO)
        .with_writer(lines.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    host.step().await;
    drop(guard);
    let text = String::from_utf8(lines.0.lock().expect("no panic").clone()).expect("text");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    // The run that a line is about: its own, or of a span that it is in.
    let run = |line: &Value| {
        let spans = line["spans"].as_array().cloned().unwrap_or_default();
        let own = line["fields"]["run"].as_u64();
        own.or_else(|| spans.iter().find_map(|span| span["run"].as_u64()))
    };
    let named: Vec<(Option<u64>, &str, &str)> = lines
        .iter()
        .map(|line| {
            (
                run(line),
                line["target"].as_str().unwrap_or_default(),
                line["fields"]["message"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    assert!(named.len() >= 7, "{text}");
    for (run, target, message) in &named {
        assert!(run.is_some(), "{target}: {message}\n{text}");
    }
    // Of the delivered one: started, worked on, delivered, and worked on again to settle.
    let (first, second) = (named[0].0, if named[0].0 == Some(1) { Some(2) } else { Some(1) });
    let of = |run: Option<u64>| {
        named
            .iter()
            .filter(|line| line.0 == run)
            .map(|line| line.2)
            .collect::<Vec<_>>()
    };
    let (mut one, mut other) = (of(first), of(second));
    if other.iter().any(|line| line.starts_with("run failed: ")) {
        std::mem::swap(&mut one, &mut other);
    }
    assert!(
        one.iter().any(|line| line.contains("run failed: owner-inactive")),
        "the plugin's own line too: {one:?}"
    );
    assert_eq!(
        other,
        [
            "run started",
            "run attempt finished",
            "delivery attempt",
            "run attempt finished"
        ],
        "{text}"
    );
    assert!(ok != fails);
}
