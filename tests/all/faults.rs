//! Catching up, two hosts on one store, and a store that fails.

use scheduled_exports_host::contract::Outcome;
use scheduled_exports_testing::{Harness, Moment, at};
use serde_json::json;
use tests::{CONF, FEST, JOHN, but, daily, without_schedules};

async fn ran(host: &Harness, schedule: u64) -> Vec<(i64, Option<Outcome>)> {
    let mut history = host.history(schedule).await;
    history.reverse();
    history
        .into_iter()
        .map(|row| (row.entry.due, row.entry.outcome))
        .collect()
}

#[tokio::test]
async fn after_a_year_down_there_is_one_run_and_one_missed_entry_with_first_last_and_count() {
    let host = Harness::start(&without_schedules(), "2027-06-01T12:00:00Z").await;
    let all = json!({"export_form_data": {"_format": "default", "date_range": "past"}});
    let id = host.create(CONF, JOHN, &but(daily(), all)).await;
    host.jump_to("2028-06-01T12:00:00Z"); // over the leap day, and both changes of the clock
    let step = host.step().await;
    let ran = ran(&host, id).await;
    let Some(Outcome::Missed(range)) = ran[0].1 else {
        panic!("{ran:?}")
    };
    assert_eq!(
        (range.first, range.last, range.count),
        (at("2027-06-02T02:00:00Z"), at("2028-05-31T02:00:00Z"), 365)
    );
    assert_eq!(ran[1], (at("2028-06-01T02:00:00Z"), Some(Outcome::Delivered)));
    assert_eq!((ran.len(), host.mails().len()), (2, 1));
    assert_eq!(step.runs, 2, "the run and its settling, whatever the year");
    assert_eq!((host.store.calls("start"), host.store.calls("finish")), (1, 2));
}

#[tokio::test]
async fn a_host_down_for_a_minute_runs_late_and_misses_nothing() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let id = host.create(CONF, JOHN, &daily()).await;
    host.jump_to("2026-10-23T02:01:00Z");
    host.step().await;
    assert_eq!(
        ran(&host, id).await,
        [(at("2026-10-23T02:00:00Z"), Some(Outcome::Delivered))]
    );
}

#[tokio::test]
async fn a_clock_set_back_over_a_due_time_does_not_run_it_again_even_when_the_schedule_is_planned_anew() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let id = host.create(CONF, JOHN, &daily()).await;
    host.advance_to("2026-10-23T02:00:00Z").await;
    host.jump_to("2026-10-23T01:00:00Z");
    host.step().await;
    let changed = host
        .patch(&format!("{CONF}{id}/"), JOHN, &json!({"mail_subject": "Again"}))
        .await;
    assert_eq!(changed.body["schedule_next_run"], "2026-10-23T02:00:00Z");
    host.advance_to("2026-10-24T02:00:00Z").await;
    let due = ["2026-10-23T02:00:00Z", "2026-10-24T02:00:00Z"];
    assert_eq!(ran(&host, id).await, due.map(|due| (at(due), Some(Outcome::Delivered))));
    assert_eq!(host.mails().len(), 2);
}

#[tokio::test]
async fn a_clock_set_back_below_the_due_time_of_a_leased_run_waits_for_it() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let id = host.create(CONF, JOHN, &daily()).await;
    let (clock, before) = (std::sync::Arc::clone(&host.clock), at("2026-10-23T01:30:00Z"));
    host.store
        .once(Moment::After("take_due"), async move { clock.set(before) });
    host.jump_to("2026-10-23T02:00:00Z");
    host.step().await;
    assert_eq!(ran(&host, id).await, [(at("2026-10-23T02:00:00Z"), None)]);
    assert_eq!(host.mails().len(), 0);
    host.advance_to("2026-10-23T02:00:00Z").await;
    assert_eq!(
        ran(&host, id).await,
        [(at("2026-10-23T02:00:00Z"), Some(Outcome::Delivered))]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hosts_on_one_store_at_the_same_instant_mail_each_due_time_once() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    for number in 0..12 {
        let subject = json!({"mail_subject": format!("Orders {number}")});
        host.create(if number % 2 == 0 { CONF } else { FEST }, JOHN, &but(daily(), subject))
            .await;
    }
    let other = host.second().await;
    host.jump_to("2026-10-23T12:00:00Z");
    let (one, two) = tokio::join!(host.try_step(), other.try_step());
    assert!(one.is_ok() && two.is_ok());
    host.step().await;
    let mut ids: Vec<String> = host.mails().into_iter().map(|mail| mail.message_id).collect();
    ids.sort();
    let all = ids.len();
    ids.dedup();
    assert_eq!((all, ids.len()), (12, 12));
    for id in 1..=12 {
        assert!(
            matches!(ran(&host, id).await[..], [(_, Some(Outcome::Delivered))]),
            "{id}"
        );
    }
}

#[tokio::test]
async fn an_answer_of_the_store_that_is_lost_after_the_commit_doubles_nothing() {
    for seed in 1..=12 {
        let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
        let id = host.create(CONF, JOHN, &daily()).await;
        host.jump_to("2026-10-23T02:00:00Z");
        host.store.fail_by_seed(seed, 4);
        for _ in 0..3 {
            // Whatever comes of it: the store fails as it likes.
            let _ = host.try_step().await;
        }
        host.store.works();
        host.advance_to("2026-10-23T12:00:00Z").await;
        let ran = ran(&host, id).await;
        assert!(
            matches!(&ran[..], [(_, Some(Outcome::Delivered))]),
            "seed {seed}: {ran:?}"
        );
        // A host that could not write down a server's yes hands the same bytes over again.
        let mails = host.mails();
        assert!(mails.iter().all(|mail| mail.bytes == mails[0].bytes), "seed {seed}");
    }
}

#[tokio::test]
async fn a_story_goes_on_through_the_faults_of_a_seed() {
    let harness = Harness::builder().faults(7).build().await;
    harness.advance_to("2026-10-27T08:00+01:00[Europe/Berlin]").await;
    harness.store.works();
    let due = at("2026-10-27T04:00+01:00[Europe/Berlin]");
    assert_eq!(ran(&harness, 1).await, [(due, Some(Outcome::Delivered))]);
    let mut recipients: Vec<String> = harness.mails().into_iter().map(|mail| mail.recipient).collect();
    recipients.sort();
    recipients.dedup(); // a mail whose handing-over could not be written down is handed over again
    assert_eq!(recipients, ["john@example.com", "mary@example.org"]);
}
