//! behaviour.md, section 6: a disk that is full while schedules are due. Nothing is lost, nothing doubled, and the runs go on when
//! there is room.

use std::collections::BTreeMap;

use axum::http::Method;
use reference_server::metrics;
use scheduled_exports_host::contract::Outcome;
use scheduled_exports_testing::{Harness, at};
use serde_json::json;
use tests::{CONF, JOHN, but, daily, without_schedules};

const EVE: &str = "2026-10-22T12:00:00Z";
const DUE: &str = "2026-10-23T02:00:00Z";
const SCHEDULES: u64 = 6;
/// Pages that are left on the disk: each lets a run get a little further before it is stopped.
const FREE: [u32; 8] = [0, 1, 2, 3, 5, 8, 16, 40];
/// A file of a few pages.
const YESTERDAY: &str = "days_yesterday";
/// A file that no disk here has room for.
const ALL: &str = "past";

/// Schedules 1 to [`SCHEDULES`], all due at [`DUE`], on a disk with so many pages left.
async fn on_full_disk(free: u32, range: &str) -> Harness {
    let host = Harness::start(&without_schedules(), EVE).await;
    for number in 1..=SCHEDULES {
        let form = json!({"_format": "xlsx", "date_range": range});
        let changes = json!({"mail_subject": format!("Orders {number}"), "export_form_data": form});
        host.create(CONF, JOHN, &but(daily(), changes)).await;
    }
    host.on_full_disk(free).await
}

/// What became of the one due time of each schedule.
async fn ended(host: &Harness) -> Vec<Option<Outcome>> {
    let mut ended = Vec::new();
    for id in 1..=SCHEDULES {
        let mut history = host.history(id).await;
        assert_eq!((history.len(), history[0].entry.due), (1, at(DUE)), "schedule {id}");
        ended.push(history.remove(0).entry.outcome);
    }
    ended
}

/// Mails by Message-ID, with how often they came; the same bytes each time.
fn mails(host: &Harness) -> BTreeMap<String, usize> {
    let mut bytes = BTreeMap::new();
    let mut mails = BTreeMap::new();
    for mail in host.mails() {
        let first = bytes
            .entry(mail.message_id.clone())
            .or_insert_with(|| mail.bytes.clone());
        assert_eq!(*first, mail.bytes, "{}", mail.message_id);
        *mails.entry(mail.message_id).or_default() += 1;
    }
    mails
}

#[tokio::test]
async fn a_disk_that_is_full_for_some_minutes_loses_and_doubles_nothing_however_much_room_was_left() {
    let mut held_up = 0;
    for free in FREE {
        let host = on_full_disk(free, YESTERDAY).await;
        // A lease runs out with each minute, and two are left to a run that has had four.
        for minute in 0..4 {
            host.clock.set(at(DUE) + minute * 60);
            // Whatever comes of it: the disk is full.
            let _ = host.try_step().await;
        }
        held_up += SCHEDULES - mails(&host).len() as u64;
        host.make_room().await;
        host.advance_to("2026-10-23T03:00:00Z").await;
        for outcome in ended(&host).await {
            assert_eq!(outcome, Some(Outcome::Delivered), "{free} pages were left");
        }
        let mails = mails(&host);
        assert_eq!(mails.len() as u64, SCHEDULES, "{free} pages were left");
        let shown = host.get(&format!("{CONF}1/"), JOHN).await.body;
        assert_eq!(
            (&shown["schedule_next_run"], &shown["error_counter"]),
            (&json!("2026-10-24T02:00:00Z"), &json!(0))
        );
    }
    assert!(held_up > 0, "no disk was full");
}

#[tokio::test]
async fn people_are_told_of_a_full_disk_and_what_they_sent_is_there_whole_or_not_at_all() {
    let host = on_full_disk(0, YESTERDAY).await;
    let mut refused = None;
    // The last page that there is has room for some.
    for number in 0..200 {
        let subject = json!({"mail_subject": format!("Another {number}"), "mail_template": "x".repeat(3_000)});
        let answer = host.post(CONF, JOHN, &but(daily(), subject)).await;
        if answer.status != 201 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("the disk is full at some time");
    assert_eq!(refused.status, 503, "{}", refused.body);
    let before = host.get(CONF, JOHN).await;
    assert_eq!(before.status, 200, "what is there can be read");
    host.make_room().await;
    assert_eq!(host.get(CONF, JOHN).await.body["count"], before.body["count"]);
    assert_eq!(host.post(CONF, JOHN, &daily()).await.status, 201);
}

#[tokio::test]
async fn a_disk_that_is_full_for_longer_than_six_attempts_ends_each_due_time_once_and_who_gets_no_export_is_told_when_there_is_room()
 {
    let mut failures = 0;
    for free in FREE {
        let host = on_full_disk(free, ALL).await;
        // The sixth and last attempt is 62 minutes after the first.
        for minute in 0..=65 {
            host.clock.set(at(DUE) + minute * 60);
            let _ = host.try_step().await;
        }
        host.make_room().await;
        host.advance_to("2026-10-23T06:00:00Z").await;
        let ended = ended(&host).await;
        let of = |wanted: fn(&Outcome) -> bool| ended.iter().flatten().filter(|outcome| wanted(outcome)).count();
        let delivered = of(|outcome| matches!(outcome, Outcome::Delivered));
        let failed = of(|outcome| matches!(outcome, Outcome::Failed(_)));
        assert_eq!(failed + delivered, ended.len(), "{free} pages were left: {ended:?}");
        let mails = mails(&host);
        let sent = |kind: &str| mails.keys().filter(|id| id.contains(kind)).count();
        assert_eq!((sent("-export@"), sent("-failure@")), (delivered, failed), "{mails:?}");
        failures += failed;
    }
    assert!(failures > 0, "every disk had room");
}

/// Is the store up, as it is scraped?
async fn is_up(host: &Harness) -> bool {
    let text = metrics::text(&host.service).await;
    let up = text
        .lines()
        .find_map(|line| line.strip_prefix("scheduled_exports_store_up "));
    up.expect("it is scraped") == "1"
}

#[tokio::test]
async fn a_host_whose_disk_is_full_lives_and_is_not_ready_until_there_is_room() {
    let host = on_full_disk(0, YESTERDAY).await;
    let health = async |path: &str| host.fetch(Method::GET, path).await.0;
    assert_eq!(health("/healthz").await, 200, "what is there can be read");
    let (status, headers, _) = host.fetch(Method::GET, "/readyz").await;
    assert_eq!(status, 503);
    assert!(headers.contains_key("retry-after"), "{headers:?}");
    assert!(!is_up(&host).await);

    host.make_room().await;
    let now = at(EVE);
    host.clock.set(now + 4);
    assert_eq!(health("/readyz").await, 503, "an answer is good for five seconds");
    host.clock.set(now + 5);
    assert_eq!(health("/readyz").await, 200);
    assert!(is_up(&host).await);
}

#[tokio::test]
async fn whoever_asks_whether_a_host_is_ready_writes_to_its_disk_once_in_five_seconds() {
    let host = Harness::start(&without_schedules(), EVE).await;
    for _ in 0..100 {
        assert_eq!(host.fetch(Method::GET, "/readyz").await.0, 200);
    }
    assert_eq!(host.store.calls("check_writable"), 1);
}
