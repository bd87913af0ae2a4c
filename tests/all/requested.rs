//! Runs that people ask for, through the component: they are beside the plan, and change nothing of it.

use std::collections::BTreeMap;

use scheduled_exports_host::contract::{Content, ExportError, Outcome, RunKind};
use scheduled_exports_store::usage::UsageLimits;
use scheduled_exports_store::{Change, Commit, RequestedRun, Requester, Row, Scope, Visible};
use scheduled_exports_testing::{Harness, Mail, Method, at};
use serde_json::{Value, json};
use tests::{CONF, JOHN, MARY, SETTINGS_TOKEN, VERA, but, daily, without_schedules};

/// A Thursday, 14:00 in Berlin.
const NOON: &str = "2026-10-22T12:00:00Z";

async fn host() -> Harness {
    Harness::start(&without_schedules(), NOON).await
}

fn conf() -> Visible {
    Visible {
        scope: Scope {
            organizer: "bigevents".into(),
            event: Some("sampleconf".into()),
        },
        only_owner: None,
    }
}

async fn stored(host: &Harness, id: u64) -> Row {
    let row = host.storage().get(&conf(), id).await.expect("the store answers");
    row.expect("it is there")
}

/// Has a user ask for a run now; answers its id in the history.
async fn ask(
    host: &Harness,
    (user, address): (&str, &str),
    schedule: Option<u64>,
    (kind, due): (RunKind, &str),
    content: Option<Content>,
) -> u64 {
    let store = host.storage();
    let run = store.reserve_run().await.expect("the store answers");
    let requested = RequestedRun {
        id: store.reserve_id().await.expect("the store answers"),
        run,
        schedule,
        version: None,
        kind,
        due: at(due),
        content,
        by: Some(Requester {
            id: user.to_owned(),
            address: address.to_owned(),
        }),
    };
    let commit = Commit {
        by: conf(),
        actor: format!("user:{user}"),
        now: host.service.clock().now(),
        zone_database: host.service.about().zone_database.clone(),
        quota: None,
        changes: vec![Change::RequestRun(Box::new(requested))],
        details: BTreeMap::new(),
        completion: None,
        limits: None,
    };
    store.commit(commit).await.expect("it is asked for");
    run
}

const TO_FINANCE: &str = "finance@example.com";

async fn johns(host: &Harness) -> (u64, String) {
    let form = json!({"_format": "xlsx", "date_range": "2026-01-01/2026-12-31"});
    let document = but(
        daily(),
        json!({"mail_additional_recipients": TO_FINANCE, "export_form_data": form}),
    );
    let id = host.create(CONF, JOHN, &document).await;
    let owner = stored(host, id).await.owner;
    (id, owner)
}

async fn marys_id(host: &Harness) -> String {
    let id = host.create(CONF, MARY, &daily()).await;
    stored(host, id).await.owner
}

/// Who got these, in alphabetical order: they are handed over side by side.
fn recipients(mails: &[Mail]) -> Vec<&str> {
    let mut recipients: Vec<&str> = mails.iter().map(|mail| mail.recipient.as_str()).collect();
    recipients.sort_unstable();
    recipients
}

async fn outcome_of(host: &Harness, schedule: u64, run: u64) -> Option<Outcome> {
    let history = host.history(schedule).await;
    let row = history.into_iter().find(|row| row.entry.id == run);
    row.expect("it is in the history").entry.outcome
}

#[tokio::test]
async fn one_that_is_due_now_goes_to_everybody_and_the_schedule_runs_as_planned_all_the_same() {
    let host = host().await;
    let (id, john) = johns(&host).await;
    let before = stored(&host, id).await;
    let run = ask(&host, (&john, "john@example.com"), Some(id), (RunKind::Now, NOON), None).await;
    host.advance_to("2026-10-22T12:01:00Z").await;
    assert_eq!(outcome_of(&host, id, run).await, Some(Outcome::Delivered));
    let first = host.mails();
    assert_eq!(recipients(&first), [TO_FINANCE, "john@example.com"]);
    assert_eq!(
        (first[0].subject.as_str(), first[0].text.trim()),
        ("Orders", "Yesterday's orders.")
    );
    assert_eq!(stored(&host, id).await, before);
    host.advance_to("2026-10-23T12:00:00Z").await;
    let all = host.mails();
    assert_eq!(recipients(&all[2..]), [TO_FINANCE, "john@example.com"]);
    assert_ne!(all[2].message_id, first[0].message_id);
    let kinds: Vec<RunKind> = host.history(id).await.iter().map(|row| row.entry.kind).collect();
    assert_eq!(kinds, [RunKind::Scheduled, RunKind::Now]);
}

#[tokio::test]
async fn it_runs_where_the_schedule_is_stopped_and_its_failure_counts_for_nothing() {
    let host = host().await;
    let (id, john) = johns(&host).await;
    host.exports.fail(5, &ExportError::Failed("broken".into()));
    host.advance_to("2026-10-28T12:00:00Z").await;
    let stopped = stored(&host, id).await;
    assert!(!stopped.content.is_active());
    let told = host.mails().len();
    host.exports.fail(1, &ExportError::Failed("broken still".into()));
    let now = "2026-10-28T12:00:00Z";
    let failed = ask(&host, (&john, "john@example.com"), Some(id), (RunKind::Now, now), None).await;
    host.advance_to("2026-10-28T12:01:00Z").await;
    assert!(matches!(outcome_of(&host, id, failed).await, Some(Outcome::Failed(_))));
    let notice = host.mails().remove(told);
    assert_eq!(notice.subject, "Scheduled export failed: Orders");
    assert!(
        notice.text.contains("Requested by: john@example.com"),
        "{}",
        notice.text
    );
    assert!(!notice.text.contains("Consecutive failures"), "{}", notice.text);
    assert_eq!(stored(&host, id).await, stopped);
    let sent = ask(
        &host,
        (&john, "john@example.com"),
        Some(id),
        (RunKind::Now, "2026-10-28T12:01:00Z"),
        None,
    )
    .await;
    host.advance_to("2026-10-28T12:02:00Z").await;
    assert_eq!(outcome_of(&host, id, sent).await, Some(Outcome::Delivered));
    assert_eq!(stored(&host, id).await, stopped);
}

#[tokio::test]
async fn a_test_is_marked_and_mailed_to_who_asked_for_it_alone() {
    let host = host().await;
    let (id, _) = johns(&host).await;
    let mary = marys_id(&host).await;
    let run = ask(
        &host,
        (&mary, "mary@example.org"),
        Some(id),
        (RunKind::Test, NOON),
        None,
    )
    .await;
    host.advance_to("2026-10-22T12:01:00Z").await;
    assert_eq!(outcome_of(&host, id, run).await, Some(Outcome::Delivered));
    let mails = host.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert!(mails[0].recipient.starts_with("mary@"), "{mails:?}");
    assert_eq!(mails[0].subject, "Test: Orders");
    let text = &mails[0].text;
    assert!(
        text.starts_with("Yesterday's orders.") && text.contains(&mails[0].recipient),
        "{text}"
    );
    assert!(mails[0].attachment.is_some());
}

#[tokio::test]
async fn a_content_is_tested_without_being_stored() {
    let host = host().await;
    let (id, john) = johns(&host).await;
    let row = stored(&host, id).await;
    assert_eq!(host.delete(&format!("{CONF}{id}/"), JOHN).await.status, 204);
    let by = (john.as_str(), "john@example.com");
    ask(&host, by, None, (RunKind::Test, NOON), Some(row.content)).await;
    host.advance_to("2026-10-22T12:01:00Z").await;
    let mails = host.mails();
    assert_eq!(recipients(&mails), ["john@example.com"]);
    assert_eq!(mails[0].subject, "Test: Orders");
    assert_eq!(host.get(CONF, JOHN).await.body["count"], 0);
}

#[tokio::test]
async fn a_rerun_has_the_data_of_its_due_time() {
    let host = host().await;
    // Workbooks say when they were made.
    let form = json!({"_format": "default", "date_range": "days_yesterday"});
    let document = but(
        daily(),
        json!({"mail_additional_recipients": TO_FINANCE, "export_form_data": form}),
    );
    let id = host.create(CONF, JOHN, &document).await;
    let john = stored(&host, id).await.owner;
    host.advance_to("2026-10-25T12:00:00Z").await;
    let sent = host.mails().len();
    let due = "2026-10-23T02:00:00Z";
    let run = ask(
        &host,
        (&john, "john@example.com"),
        Some(id),
        (RunKind::Rerun, due),
        None,
    )
    .await;
    host.advance_to("2026-10-25T12:01:00Z").await;
    assert_eq!(outcome_of(&host, id, run).await, Some(Outcome::Delivered));
    let mails = host.mails();
    assert_eq!(recipients(&mails[sent..]), [TO_FINANCE, "john@example.com"]);
    // The run of then had the same rows, under another Message-ID.
    let to_john = |mails: &[Mail]| mails.iter().find(|mail| mail.recipient == "john@example.com").cloned();
    let (then, now) = (
        to_john(&mails).expect("a mail"),
        to_john(&mails[sent..]).expect("a mail"),
    );
    assert_eq!(now.attachment, then.attachment);
    assert_ne!(now.message_id, then.message_id);
    let dues: Vec<(i64, RunKind)> = (host.history(id).await.iter())
        .map(|row| (row.entry.due, row.entry.kind))
        .collect();
    assert_eq!(dues[2..], [(at(due), RunKind::Rerun), (at(due), RunKind::Scheduled)]);
    let next: Value = host.get(&format!("{CONF}{id}/"), JOHN).await.body["schedule_next_run"].clone();
    assert!(
        next.as_str().is_some_and(|next| next.starts_with("2026-10-26")),
        "{next}"
    );
}

#[tokio::test]
async fn an_owner_without_the_right_is_told_as_of_any_run() {
    let host = host().await;
    let mary = marys_id(&host).await;
    let id = host.create(CONF, MARY, &daily()).await;
    host.platform()
        .set_user_active(&mary, false)
        .await
        .expect("the platform answers");
    let run = ask(&host, (&mary, "mary@example.org"), Some(id), (RunKind::Now, NOON), None).await;
    let test = host.create(CONF, JOHN, &daily()).await;
    let of_mary = ask(
        &host,
        (&mary, "mary@example.org"),
        Some(test),
        (RunKind::Test, NOON),
        None,
    )
    .await;
    host.advance_to("2026-10-22T12:01:00Z").await;
    for (id, run) in [(id, run), (test, of_mary)] {
        let outcome = outcome_of(&host, id, run).await;
        let Some(Outcome::Failed((code, _))) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(code, "owner-inactive");
    }
    // Those who are responsible in place of an owner hear of the schedule, and nobody of the test.
    assert!(host.mails().iter().all(|mail| !mail.subject.starts_with("Test")));
    assert!(!host.mails().is_empty());
}

#[tokio::test]
async fn over_http_a_run_is_accepted_and_refused_while_one_is_under_way() {
    let host = host().await;
    let (id, _) = johns(&host).await;
    let verb = format!("{CONF}{id}/run/");
    let other_version = [("if-match", "\"v7\"")];
    let stale = host
        .request(Method::POST, &verb, JOHN, &other_version, Some("{}"))
        .await;
    assert_eq!(stale.status, 412, "{}", stale.body);
    let asked = host.post(&verb, JOHN, &json!({})).await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    let place = asked.header("location").to_owned();
    assert!(place.contains(&format!("{CONF}{id}/runs/")), "{place}");
    let again = host.post(&verb, JOHN, &json!({})).await;
    assert_eq!(
        (again.status, again.header("retry-after")),
        (429, "10"),
        "{}",
        again.body
    );
    assert_eq!(host.history(id).await.len(), 1, "what was refused is nowhere");
    host.advance_to("2026-10-22T12:01:00Z").await;
    let entry = &host.history(id).await[0].entry;
    assert_eq!((entry.kind, &entry.outcome), (RunKind::Now, &Some(Outcome::Delivered)));
    assert!(place.ends_with(&format!("/runs/{}/", entry.id)), "{place}");
    assert_eq!(recipients(&host.mails()), [TO_FINANCE, "john@example.com"]);
}

#[tokio::test]
async fn over_http_tests_are_for_who_could_export_it_and_of_what_is_not_stored_too() {
    let host = host().await;
    let (id, _) = johns(&host).await;
    let verb = format!("{CONF}{id}/test/");
    assert_eq!(
        host.post(&verb, MARY, &json!({})).await.status,
        404,
        "she does not see it"
    );
    assert_eq!(
        host.post(&verb, VERA, &json!({})).await.status,
        403,
        "she may not export"
    );
    assert_eq!(
        host.post(&verb, SETTINGS_TOKEN, &json!({})).await.status,
        403,
        "it is nobody"
    );
    assert_eq!(host.post(&verb, JOHN, &json!({})).await.status, 202);
    let form = json!({"_format": "xlsx", "date_range": "2026-01-01/2026-12-31"});
    let not_stored = but(
        daily(),
        json!({"mail_additional_recipients": TO_FINANCE, "export_form_data": form}),
    );
    let asked = host.post(&format!("{CONF}test/"), MARY, &not_stored).await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    host.advance_to("2026-10-22T12:01:00Z").await;
    let mails = host.mails();
    assert_eq!(recipients(&mails), ["john@example.com", "mary@example.org"]);
    assert!(mails.iter().all(|mail| mail.subject == "Test: Orders"), "{mails:?}");
    assert_eq!(host.get(CONF, JOHN).await.body["count"], 1);
}

#[tokio::test]
async fn over_http_ten_runs_of_a_schedule_are_asked_for_in_an_hour() {
    let usual = Harness::builder().usage(UsageLimits::default());
    let host = usual.fixture(&without_schedules()).at(NOON).build().await;
    let (id, _) = johns(&host).await;
    let verb = format!("{CONF}{id}/run/");
    for minute in 1..=10 {
        assert_eq!(host.post(&verb, JOHN, &json!({})).await.status, 202, "{minute}");
        host.advance_to(&format!("2026-10-22T12:{minute:02}:00Z")).await;
    }
    let refused = host.post(&verb, JOHN, &json!({})).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "3000"));
    host.advance_to("2026-10-22T13:00:00Z").await;
    assert_eq!(host.post(&verb, JOHN, &json!({})).await.status, 202);
    assert_eq!(host.history(id).await.len(), 11);
}
