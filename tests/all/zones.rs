//! Zones that change under planned schedules: an event or an organizer that moves, a newer zone database, and two plugins with
//! different ones on one store, as in a rolling upgrade.

use host_harness::contract::Outcome;
use host_harness::contract::exporters::ExportError;
use host_harness::storage::{Replan, Row, Scope, Visible};
use host_harness::testing::{Harness, at};
use serde_json::json;
use tests::{BIG, CONF, FEST, JOHN, but, daily, without_schedules};

const EVE: &str = "2026-10-22T12:00:00Z";
const DUE: &str = "2026-10-23T02:00:00Z";
/// Releases that no plugin of these tests has.
const OLDER: &str = "1999a";
const NEWER: &str = "2999a";

async fn daily_at(now: &str) -> (Harness, u64) {
    let host = Harness::start(&without_schedules(), now).await;
    let id = host.create(CONF, JOHN, &daily()).await;
    (host, id)
}

/// Due times and outcomes, earliest first.
async fn ran(host: &Harness, schedule: u64) -> Vec<(i64, Option<Outcome>)> {
    let mut history = host.history(schedule).await;
    history.reverse();
    history
        .into_iter()
        .map(|row| (row.entry.due, row.entry.outcome))
        .collect()
}

async fn next_run(host: &Harness, path: &str, id: u64) -> serde_json::Value {
    host.get(&format!("{path}{id}/"), JOHN).await.body["schedule_next_run"].clone()
}

/// Plans the schedule as a plugin with another zone database would have done: at this time, under that release.
async fn planned_by_another(host: &Harness, id: u64, next_run: &str, release: &str) {
    let storage = host.storage();
    let all = Replan::OlderThan("9999z".into());
    storage.request_replan(&all).await.expect("the store answers");
    let rows = storage.replan_batch(10).await.expect("the store answers");
    let row = rows.into_iter().find(|row| row.id == id).expect("marked");
    let written = storage.write_plan(&row, Some(Some(at(next_run))), release).await;
    written.expect("the store answers");
}

#[tokio::test]
async fn an_event_that_moves_between_two_runs_has_the_next_one_at_its_new_time_and_none_twice() {
    let (host, id) = daily_at(EVE).await;
    host.advance_to("2026-10-23T03:00:00Z").await;
    // 04:00 in New York is 08:00 UTC, and it is the 23rd there, too.
    let moved = host.service.move_event("bigevents", "sampleconf", "America/New_York");
    moved.await.expect("moved");
    host.advance_to("2026-10-24T12:00:00Z").await;
    let due = [DUE, "2026-10-23T08:00:00Z", "2026-10-24T08:00:00Z"];
    assert_eq!(ran(&host, id).await, due.map(|due| (at(due), Some(Outcome::Delivered))));
    assert_eq!(host.mails().len(), 3);
}

#[tokio::test]
async fn an_organizer_that_moves_takes_its_own_schedules_along_and_those_of_its_events_stay() {
    let host = Harness::start(&without_schedules(), EVE).await;
    let form = json!({"export_form_data": {"_format": "default", "date_range": "past"}});
    let own = host.create(BIG, JOHN, &but(daily(), form)).await;
    let conf = host.create(CONF, JOHN, &daily()).await;
    let fest = host.create(FEST, JOHN, &daily()).await;
    host.service
        .move_organizer("bigevents", "Asia/Tokyo")
        .await
        .expect("moved");
    host.advance_to("2026-10-23T12:00:00Z").await;
    for (id, due) in [
        (own, "2026-10-23T04:00:00+09:00"),
        (conf, "2026-10-23T04:00:00+02:00"),
        (fest, "2026-10-23T04:00:00-04:00"),
    ] {
        assert_eq!(ran(&host, id).await, [(at(due), Some(Outcome::Delivered))], "{due}");
    }
    assert_eq!(next_run(&host, BIG, own).await, "2026-10-23T19:00:00Z");
}

#[tokio::test]
async fn plans_of_an_older_zone_database_are_made_again_in_batches_and_those_of_this_one_are_left() {
    let host = Harness::start(&without_schedules(), EVE).await;
    let id = host.create(CONF, JOHN, &daily()).await;
    let scope = Scope {
        organizer: "bigevents".into(),
        event: Some("sampleconf".into()),
    };
    let seen = Visible {
        scope,
        only_owner: None,
    };
    let mut row = host.storage().get(&seen, id).await.expect("asked").expect("stored");
    // An hour early, as by rules that have changed since; more than one batch of them.
    row.content.next_run = Some(at("2026-10-23T01:00:00Z"));
    let old = 1_001..=1_501_u64;
    for id in old.clone() {
        let row = Row { id, ..row.clone() };
        let seeded = host.storage().seed(&row, OLDER, at(EVE)).await;
        seeded.expect("seeded");
    }
    let marked = host.service.plan_with_this_zone_database().await;
    assert_eq!(marked.expect("the store answers"), 501);
    assert_eq!(host.step().await.planned, 501);
    assert!(host.store.calls("replan_batch") >= 2, "not all at once");
    for id in old {
        let row = host.storage().get(&seen, id).await.expect("asked").expect("stored");
        assert_eq!((row.content.next_run, row.version), (Some(at(DUE)), 1));
    }
    let marked = host.service.plan_with_this_zone_database().await;
    assert_eq!((marked.expect("the store answers"), host.step().await.planned), (0, 0));
}

#[tokio::test]
async fn an_older_plugin_beside_a_newer_one_leaves_its_plans_as_they_are() {
    let (host, id) = daily_at(EVE).await;
    planned_by_another(&host, id, "2026-10-23T03:00:00Z", NEWER).await;
    let marked = host.service.plan_with_this_zone_database().await;
    assert_eq!((marked.expect("the store answers"), host.step().await.planned), (0, 0));
    let host = host.restart().await;
    host.jump_to("2026-10-23T02:59:59Z");
    host.step().await;
    assert_eq!(ran(&host, id).await, []);
    assert_eq!(next_run(&host, CONF, id).await, "2026-10-23T03:00:00Z");
}

#[tokio::test]
async fn a_due_time_planned_with_other_zone_rules_is_checked_when_it_is_leased_and_the_right_one_runs_the_same_day() {
    let (host, id) = daily_at(EVE).await;
    // An hour too early, and due before anything could be planned again.
    planned_by_another(&host, id, "2026-10-23T01:00:00Z", OLDER).await;
    host.jump_to("2026-10-23T01:00:00Z");
    host.step().await;
    host.advance_to("2026-10-23T12:00:00Z").await;
    let ran = ran(&host, id).await;
    assert!(
        matches!(&ran[0], (due, Some(Outcome::Cancelled(_))) if *due == at("2026-10-23T01:00:00Z")),
        "{ran:?}"
    );
    assert_eq!(ran[1..], [(at(DUE), Some(Outcome::Delivered))]);
    assert_eq!(host.mails().len(), 1);
}

#[tokio::test]
async fn a_due_time_that_passed_while_a_newer_zone_database_came_is_run_and_not_planned_away() {
    let (host, id) = daily_at(EVE).await;
    planned_by_another(&host, id, DUE, OLDER).await;
    host.jump_to("2026-10-23T02:30:00Z");
    let host = host.restart().await;
    let marked = host.service.plan_with_this_zone_database().await;
    assert_eq!(marked.expect("the store answers"), 1);
    host.step().await;
    assert_eq!(ran(&host, id).await, [(at(DUE), Some(Outcome::Delivered))]);
    assert_eq!(next_run(&host, CONF, id).await, "2026-10-24T02:00:00Z");
}

#[tokio::test]
async fn an_open_run_keeps_its_due_time_when_everything_is_planned_again() {
    let (host, id) = daily_at(EVE).await;
    host.exports
        .fail(2, &ExportError::Unavailable("the warehouse is closed".into()));
    host.advance_to(DUE).await;
    assert_eq!(ran(&host, id).await, [(at(DUE), None)]);
    let marked = host.storage().request_replan(&Replan::OlderThan(NEWER.into())).await;
    assert_eq!(marked.expect("the store answers"), 1);
    assert_eq!(host.step().await.planned, 1);
    assert_eq!(ran(&host, id).await, [(at(DUE), None)]);
    assert_eq!(next_run(&host, CONF, id).await, "2026-10-24T02:00:00Z");
    host.advance_to("2026-10-23T12:00:00Z").await;
    assert_eq!(ran(&host, id).await, [(at(DUE), Some(Outcome::Delivered))]);
    assert_eq!((host.history(id).await[0].entry.attempts, host.mails().len()), (3, 1));
}

/// The day's export, planned an hour later than this plugin's rules have it, gets to somebody.
async fn planned_an_hour_late(release: &str, from: &str) {
    let (host, id) = daily_at(EVE).await;
    planned_by_another(&host, id, "2026-10-23T03:00:00Z", release).await;
    host.jump_to(from);
    let _ = host
        .service
        .plan_with_this_zone_database()
        .await
        .expect("the store answers");
    host.advance_to("2026-10-23T12:00:00Z").await;
    let ran = ran(&host, id).await;
    assert!(
        ran.iter().any(|(_, outcome)| *outcome == Some(Outcome::Delivered)),
        "nobody got the export of that day: {ran:?}"
    );
}

#[tokio::test]
#[ignore = "known: called off, and planned again from the next day"]
async fn a_due_time_of_a_newer_zone_database_that_an_older_plugin_leases_is_not_lost() {
    planned_an_hour_late(NEWER, EVE).await;
}

#[tokio::test]
#[ignore = "known: called off, and planned again from the next day"]
async fn a_due_time_that_an_older_zone_database_had_too_late_is_not_lost_when_it_is_leased_before_it_is_planned_again()
{
    planned_an_hour_late(OLDER, "2026-10-23T03:00:00Z").await;
}

#[tokio::test]
#[ignore = "known: planned again from the next day"]
async fn a_due_time_that_an_older_zone_database_had_too_late_is_not_lost_when_it_is_planned_again_between_the_two() {
    planned_an_hour_late(OLDER, "2026-10-23T02:30:00Z").await;
}
