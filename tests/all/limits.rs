//! What one caller and one organizer can use, through the API and through runs: each limit on both of its sides.

use scheduled_exports_host::contract::Outcome;
use scheduled_exports_store::usage::UsageLimits;
use scheduled_exports_testing::{Answer, Harness, Method};
use serde_json::{Value, json};
use tests::{BIG, CONF, DEVICE, FEST, JOHN, MARY, SAM, SMALL, but, daily, without_schedules};

/// The first second of a minute.
const NOON: &str = "2026-10-22T12:00:00Z";

async fn host(limits: UsageLimits) -> Harness {
    Harness::builder()
        .usage(limits)
        .fixture(&without_schedules())
        .at(NOON)
        .build()
        .await
}

fn refused(answer: &Answer) -> (u16, String, bool) {
    let retry_after = answer.header("retry-after").to_owned();
    (answer.status, retry_after, answer.body["detail"].is_string())
}

#[tokio::test]
async fn a_caller_changes_so_much_a_minute_and_then_gets_429_with_the_seconds_to_wait() {
    let host = host(UsageLimits {
        writes_per_minute: Some(3),
        ..UsageLimits::none()
    })
    .await;
    let id = host.create(CONF, JOHN, &daily()).await;
    let one = format!("{CONF}{id}/");
    assert_eq!(host.patch(&one, JOHN, &json!({"locale": "de"})).await.status, 200);
    // What changes nothing is not counted: refusals, previews, reads.
    for _ in 0..5 {
        assert_eq!(host.post(CONF, JOHN, &json!({})).await.status, 400);
        let rule = json!({"schedule_rrule": "RRULE:FREQ=DAILY", "schedule_rrule_time": "04:00"});
        assert_eq!(host.post(&format!("{CONF}preview/"), JOHN, &rule).await.status, 200);
        assert_eq!(host.get(CONF, JOHN).await.status, 200);
    }
    host.create(BIG, JOHN, &daily()).await;
    host.jump_to("2026-10-22T12:00:18Z");
    let wait = || (429, "42".to_owned(), true);
    assert_eq!(refused(&host.post(FEST, JOHN, &daily()).await), wait());
    assert_eq!(refused(&host.patch(&one, JOHN, &json!({"locale": "en"})).await), wait());
    assert_eq!(refused(&host.delete(&one, JOHN).await), wait());
    assert_eq!(host.get(&one, JOHN).await.body["locale"], "de", "nothing was changed");
    let german = host
        .request(
            Method::POST,
            CONF,
            JOHN,
            &[("accept-language", "de")],
            Some(&daily().to_string()),
        )
        .await;
    assert!(
        german.body["detail"]
            .as_str()
            .is_some_and(|said| said.contains("pro Minute")),
        "{}",
        german.body
    );
    // Others have limits of their own, on each host of the store.
    host.create(CONF, MARY, &daily()).await;
    let second = host.second().await;
    assert_eq!(refused(&second.post(CONF, JOHN, &daily()).await), wait());
    host.jump_to("2026-10-22T12:01:00Z");
    host.create(CONF, JOHN, &daily()).await;
}

#[tokio::test]
async fn a_caller_fills_so_many_bytes_a_day() {
    let host = host(UsageLimits {
        write_bytes_per_day: Some(40_000),
        ..UsageLimits::none()
    })
    .await;
    let large = but(daily(), json!({"mail_template": "x".repeat(9000)}));
    for _ in 0..3 {
        host.create(CONF, JOHN, &large).await;
    }
    assert_eq!(
        refused(&host.post(CONF, JOHN, &large).await),
        (429, "43200".to_owned(), true)
    );
    let first = host.get(CONF, JOHN).await.body["results"][0]["id"].to_string();
    assert_eq!(
        host.delete(&format!("{CONF}{first}/"), JOHN).await.status,
        204,
        "what is too much can go"
    );
    host.jump_to("2026-10-23T00:00:00Z");
    host.create(CONF, JOHN, &large).await;
}

#[tokio::test]
async fn an_organizer_without_a_limit_of_its_own_has_the_hosts_for_schedules() {
    let host = host(UsageLimits {
        schedules: Some(2),
        ..UsageLimits::none()
    })
    .await;
    host.create(CONF, JOHN, &daily()).await;
    host.create(BIG, JOHN, &daily()).await;
    let third = host.post(FEST, JOHN, &daily()).await;
    assert_eq!(third.status, 400);
    assert!(third.body["non_field_errors"][0].is_string(), "{}", third.body);
    host.create(SMALL, SAM, &daily()).await;
}

#[tokio::test]
async fn neither_previews_nor_refusals_leave_a_record_under_their_key() {
    let host = host(UsageLimits::default()).await;
    let key = [("idempotency-key", "k")];
    let send = |path: String, body: Value| {
        let client = host.client();
        async move {
            client
                .request(Method::POST, &path, JOHN, &key, Some(&body.to_string()))
                .await
        }
    };
    let rule = json!({"schedule_rrule": "RRULE:FREQ=DAILY", "schedule_rrule_time": "04:00"});
    for _ in 0..2 {
        let preview = send(format!("{CONF}preview/"), rule.clone()).await;
        assert_eq!((preview.status, preview.header("idempotency-replayed")), (200, ""));
        let refused = send(CONF.to_owned(), json!({})).await;
        assert_eq!((refused.status, refused.header("idempotency-replayed")), (400, ""));
    }
    // The key is free for what changes something, which is kept.
    for replayed in ["", "true"] {
        let made = send(CONF.to_owned(), daily()).await;
        assert_eq!((made.status, made.header("idempotency-replayed")), (201, replayed));
    }
    assert_eq!(host.get(CONF, JOHN).await.body["count"], 1);
}

#[tokio::test]
async fn a_device_previews_nothing() {
    let host = host(UsageLimits::default()).await;
    let rule = json!({"schedule_rrule": "RRULE:FREQ=DAILY", "schedule_rrule_time": "04:00"});
    for path in [CONF, BIG] {
        assert_eq!(host.post(&format!("{path}preview/"), DEVICE, &rule).await.status, 403);
    }
}

/// The attack: a schedule that is moved to "in two minutes" after each of its runs.
#[tokio::test]
async fn a_schedule_moved_again_and_again_meets_a_limit_after_ten_runs() {
    let host = host(UsageLimits::default()).await;
    let id = host.create(CONF, JOHN, &daily()).await;
    let one = format!("{CONF}{id}/");
    let mut runs = 0;
    let refused_at = loop {
        let minute = 4 + 2 * runs;
        let moved = json!({"schedule_rrule_time": format!("14:{minute:02}:00")});
        let answer = host.patch(&one, JOHN, &moved).await;
        if answer.status != 200 {
            break answer;
        }
        host.advance_to(&format!("2026-10-22T12:{minute:02}:00Z")).await;
        runs += 1;
        assert_eq!(host.history(id).await.len(), runs);
    };
    assert_eq!((runs, refused_at.status), (10, 429), "{}", refused_at.body);
    let wait: u32 = refused_at.header("retry-after").parse().expect("seconds");
    // Until the first of the ten, at 12:04, is a day ago.
    assert_eq!(wait, 24 * 60 * 60 - 18 * 60);
    // Everything else can be changed, and it goes on as it was planned.
    assert_eq!(
        host.patch(&one, JOHN, &json!({"mail_subject": "Other"})).await.status,
        200
    );
    assert_eq!(host.delete(&one, JOHN).await.status, 204);
}

#[tokio::test]
async fn a_run_past_the_mails_of_the_day_fails_with_a_reason_and_is_told_and_counts_for_nothing() {
    let host = host(UsageLimits {
        mails_per_day: Some(2),
        owner_share: 100,
        ..UsageLimits::none()
    })
    .await;
    let mut ids = Vec::new();
    for minute in 0..3 {
        let time = format!("04:0{minute}:00");
        let document = but(
            daily(),
            json!({"export_form_data": {"_format": "xlsx"}, "schedule_rrule_time": time}),
        );
        ids.push(host.create(CONF, JOHN, &document).await);
    }
    let others = host.create(SMALL, SAM, &daily()).await;
    host.advance_to("2026-10-23T12:00:00Z").await;
    let mut outcomes = Vec::new();
    for &id in ids.iter().chain([&others]) {
        outcomes.push(host.history(id).await.remove(0).entry.outcome);
    }
    assert!(
        matches!(outcomes[..2], [Some(Outcome::Delivered), Some(Outcome::Delivered)]),
        "{outcomes:?}"
    );
    assert!(
        matches!(&outcomes[2], Some(Outcome::Failed((code, why))) if code == "mail-limit" && why.contains("2 emails")),
        "{outcomes:?}"
    );
    assert!(
        !matches!(outcomes[3], Some(Outcome::Failed(_))),
        "another organizer's go out: {outcomes:?}"
    );
    let told: Vec<_> = host
        .take_mails()
        .into_iter()
        .filter(|mail| mail.subject.contains("was not sent"))
        .collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].recipient, "john@example.com");
    assert!(
        told[0].text.contains("2 emails per day") && told[0].attachment.is_none(),
        "{}",
        told[0].text
    );
    let shown = host.get(&format!("{CONF}{}/", ids[2]), JOHN).await.body;
    assert_eq!(
        (&shown["error_counter"], &shown["schedule_next_run"]),
        (&json!(0), &json!("2026-10-24T02:02:00Z"))
    );
    // The next day is a new one, for the first two.
    host.advance_to("2026-10-24T12:00:00Z").await;
    assert_eq!(
        host.history(ids[0]).await.remove(0).entry.outcome,
        Some(Outcome::Delivered)
    );
}

#[tokio::test]
async fn an_owner_who_uses_up_their_share_of_the_mails_leaves_the_rest_to_others() {
    let host = host(UsageLimits {
        mails_per_day: Some(4),
        owner_share: 25,
        ..UsageLimits::none()
    })
    .await;
    let mut ids = Vec::new();
    for (who, minute) in [(JOHN, 0), (JOHN, 1), (MARY, 2)] {
        let document = but(
            daily(),
            json!({"export_form_data": {"_format": "xlsx"}, "schedule_rrule_time": format!("04:0{minute}:00")}),
        );
        ids.push(host.create(CONF, who, &document).await);
    }
    host.advance_to("2026-10-23T12:00:00Z").await;
    let mut outcomes = Vec::new();
    for &id in &ids {
        outcomes.push(host.history(id).await.remove(0).entry.outcome);
    }
    let [
        Some(Outcome::Delivered),
        Some(Outcome::Failed((code, why))),
        Some(Outcome::Delivered),
    ] = &outcomes[..]
    else {
        panic!("{outcomes:?}");
    };
    assert_eq!(code, "mail-limit");
    assert_eq!(
        why,
        "The owner's scheduled exports have reached their share of the organizer's daily limit: 1 email per day (UTC)."
    );
    let told: Vec<_> = host
        .take_mails()
        .into_iter()
        .filter(|mail| mail.subject.contains("was not sent"))
        .collect();
    assert_eq!(
        told.iter().map(|mail| &*mail.recipient).collect::<Vec<_>>(),
        ["john@example.com"]
    );
}
