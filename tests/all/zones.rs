//! Zones that change under planned schedules: an event or an organizer that moves, a newer zone database, and two plugins with
//! different ones on one store, as in a rolling upgrade.

use std::time::Duration;

use reference_server::metrics;
use reference_server::service::Ended;
use scheduled_exports_host::contract::Outcome;
use scheduled_exports_host::contract::exported::recurrence::Rule;
use scheduled_exports_host::contract::exporters::ExportError;
use scheduled_exports_store::{Row, Scope, Visible};
use scheduled_exports_testing::{Harness, at};
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

/// The event that the schedules of these tests are of.
fn conf() -> Scope {
    Scope {
        organizer: "bigevents".into(),
        event: Some("sampleconf".into()),
    }
}

/// Plans the schedule as a plugin with another zone database would have done: at this time, under that release.
async fn planned_by_another(host: &Harness, id: u64, next_run: &str, release: &str) {
    let storage = host.storage();
    storage.request_replan(&conf()).await.expect("the store answers");
    let rows = storage.replan_batch(10, release).await.expect("the store answers");
    let row = rows.into_iter().find(|row| row.id == id).expect("marked");
    let written = storage.write_plan(&row, Some(Some(at(next_run))), release).await;
    written.expect("the store answers");
}

/// The runs of a rule at 09:00 after an instant, as the component has them: instant and offset.
async fn runs_at_nine(host: &Harness, rule: &str, zone: &str, after: &str) -> (i64, i32) {
    let rule = Rule {
        text: rule.into(),
        time: "09:00:00".into(),
        zone: zone.into(),
        anchor: None,
    };
    let runs = host.service.preview(&rule, at(after), 1).await;
    let runs = runs.expect("the component answers").expect("a rule");
    (runs[0].at, runs[0].utc_offset_seconds)
}

#[tokio::test]
async fn what_governments_decided_in_2026_counts_and_clocks_are_put_forward_after_2099_as_before() {
    let host = Harness::start(&without_schedules(), EVE).await;
    for (zone, due) in [
        ("America/Vancouver", "2026-12-01T16:00:00Z"),
        ("America/Winnipeg", "2026-12-01T14:00:00Z"),
        ("Africa/Casablanca", "2026-12-01T09:00:00Z"),
    ] {
        let (run, _) = runs_at_nine(&host, "RRULE:FREQ=DAILY", zone, "2026-12-01T00:00:00Z").await;
        assert_eq!(run, at(due), "{zone}");
    }
    for year in ["2099", "2100", "2101", "2128", "2129", "2130", "2500", "9998"] {
        let july = format!("DTSTART:{year}0701\nRRULE:FREQ=YEARLY");
        for (zone, offset) in [
            ("Europe/Berlin", 7200),
            ("Australia/Sydney", 36_000),
            ("America/New_York", -14_400),
        ] {
            let (run, got) = runs_at_nine(&host, &july, zone, &format!("{year}-01-01T00:00:00Z")).await;
            let due = at(&format!("{year}-07-01T09:00:00Z")) - i64::from(offset);
            assert_eq!((run, got), (due, offset), "{zone} in {year}");
        }
    }
}

#[tokio::test]
async fn the_release_of_the_zones_and_its_age_are_among_the_metrics() {
    let host = Harness::start(&without_schedules(), EVE).await;
    let release = &host.service.about().zone_database;
    let days = |text: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("scheduled_exports_zone_database_age_days "));
        line.and_then(|days| days.parse::<u64>().ok())
            .expect("a number of days")
    };
    let before = metrics::text(&host.service).await;
    let line = format!("scheduled_exports_zone_database_info{{release=\"{release}\"}} 1");
    assert!(before.lines().any(|one| one == line), "{before}");
    host.clock.set(at("2096-10-22T12:00:00Z"));
    let then = days(&metrics::text(&host.service).await);
    host.clock.set(at("2096-10-25T12:00:00Z"));
    assert_eq!(days(&metrics::text(&host.service).await), then + 3);
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
async fn plans_made_again_are_counted_with_the_calls() {
    let (host, _) = daily_at(EVE).await;
    let moved = host.service.move_event("bigevents", "sampleconf", "America/New_York");
    moved.await.expect("moved");
    assert_eq!(host.step().await.planned, 1);
    let counted = metrics::text(&host.service).await;
    let line = "scheduled_exports_calls_total{export=\"replan\",outcome=\"ok\"} 1";
    assert!(counted.lines().any(|one| one == line), "{counted}");
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
    let seen = Visible {
        scope: conf(),
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
    assert_eq!(host.step().await.planned, 501);
    assert!(host.store.calls("replan_batch") >= 2, "not all at once");
    for id in old {
        let row = host.storage().get(&seen, id).await.expect("asked").expect("stored");
        assert_eq!((row.content.next_run, row.version), (Some(at(DUE)), 1));
    }
    assert_eq!(host.step().await.planned, 0);
}

#[tokio::test]
async fn an_older_plugin_beside_a_newer_one_leaves_its_plans_as_they_are() {
    let (host, id) = daily_at(EVE).await;
    planned_by_another(&host, id, "2026-10-23T03:00:00Z", NEWER).await;
    assert_eq!(host.step().await.planned, 0);
    let host = host.restart().await;
    host.jump_to("2026-10-23T02:59:59Z");
    host.step().await;
    assert_eq!(ran(&host, id).await, []);
    assert_eq!(next_run(&host, CONF, id).await, "2026-10-23T03:00:00Z");
}

/// Works on what is due as a host does that has planned nothing again before.
async fn work_on_what_is_due(host: &Harness) -> Vec<Ended> {
    let now = host.service.clock().now();
    let due = host
        .storage()
        .take_due(now, now + 60, 10, None)
        .await
        .expect("the store answers");
    let mut ended = Vec::new();
    for leased in due {
        ended.push(host.service.work(leased, Duration::from_secs(60)).await);
    }
    ended
}

#[tokio::test]
async fn a_due_time_that_an_older_zone_database_had_too_early_is_given_back_and_run_at_its_time() {
    let (host, id) = daily_at(EVE).await;
    // An hour too early, and due before anything could be planned again.
    planned_by_another(&host, id, "2026-10-23T01:00:00Z", OLDER).await;
    host.jump_to("2026-10-23T01:00:00Z");
    assert_eq!(work_on_what_is_due(&host).await, [Ended::StillToCome]);
    assert_eq!(next_run(&host, CONF, id).await, "2026-10-23T02:00:00Z");
    assert_eq!(work_on_what_is_due(&host).await, []);
    host.jump_to("2026-10-23T01:59:59Z");
    assert_eq!(work_on_what_is_due(&host).await, []);
    host.jump_to(DUE);
    assert_eq!(work_on_what_is_due(&host).await, [Ended::Finished]);
    host.advance_to("2026-10-23T12:00:00Z").await;
    assert_eq!(ran(&host, id).await, [(at(DUE), Some(Outcome::Delivered))]);
    assert_eq!((host.history(id).await[0].entry.attempts, host.mails().len()), (1, 1));
}

#[tokio::test]
async fn a_due_time_that_an_older_zone_database_had_too_late_is_run_when_it_is_leased() {
    let (host, id) = daily_at(EVE).await;
    planned_by_another(&host, id, "2026-10-23T03:00:00Z", OLDER).await;
    host.jump_to("2026-10-23T03:00:00Z");
    assert_eq!(work_on_what_is_due(&host).await, [Ended::Finished]);
    host.advance_to("2026-10-23T12:00:00Z").await;
    assert_eq!(ran(&host, id).await, [(at(DUE), Some(Outcome::Delivered))]);
    assert_eq!(next_run(&host, CONF, id).await, "2026-10-24T02:00:00Z");
}

#[tokio::test]
async fn a_due_time_that_has_run_is_not_run_again_where_a_newer_zone_database_has_it_later() {
    for wait in ["2026-10-23T01:30:00Z", "2026-10-23T02:30:00Z"] {
        let (host, id) = daily_at(EVE).await;
        // Run by an older plugin at 01:00, which planned the next day's an hour early, too.
        planned_by_another(&host, id, "2026-10-23T01:00:00Z", NEWER).await;
        host.advance_to("2026-10-23T01:00:00Z").await;
        planned_by_another(&host, id, "2026-10-24T01:00:00Z", OLDER).await;
        host.jump_to(wait);
        host.advance_to("2026-10-24T12:00:00Z").await;
        let due = ["2026-10-23T01:00:00Z", "2026-10-24T02:00:00Z"];
        assert_eq!(
            ran(&host, id).await,
            due.map(|due| (at(due), Some(Outcome::Delivered))),
            "{wait}"
        );
        assert_eq!(host.mails().len(), 2);
    }
}

#[tokio::test]
async fn a_retry_reads_its_window_in_the_zone_that_its_run_was_started_in() {
    let (host, id) = daily_at(EVE).await;
    host.exports
        .fail(1, &ExportError::Unavailable("the warehouse is closed".into()));
    host.advance_to(DUE).await;
    // There the due time is on the evening of the 22nd.
    let moved = host.service.move_event("bigevents", "sampleconf", "America/New_York");
    moved.await.expect("moved");
    host.advance_to("2026-10-23T03:00:00Z").await;
    assert_eq!(ran(&host, id).await, [(at(DUE), Some(Outcome::Delivered))]);
    let ranges: Vec<_> = host
        .exports
        .forms()
        .iter()
        .map(|form| form["date_range"].clone())
        .collect();
    assert_eq!(ranges, ["2026-10-22/2026-10-22", "2026-10-22/2026-10-22"]);
    host.advance_to("2026-10-23T12:00:00Z").await;
    assert_eq!(
        ran(&host, id).await[1].0,
        at("2026-10-23T08:00:00Z"),
        "the next one has moved"
    );
}

#[tokio::test]
async fn a_due_time_that_passed_while_a_newer_zone_database_came_is_run_and_not_planned_away() {
    let (host, id) = daily_at(EVE).await;
    planned_by_another(&host, id, DUE, OLDER).await;
    host.jump_to("2026-10-23T02:30:00Z");
    let host = host.restart().await;
    assert!(host.step().await.planned >= 1);
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
    let marked = host.storage().request_replan(&conf()).await;
    assert_eq!(marked.expect("the store answers"), 1);
    assert_eq!(host.step().await.planned, 1);
    assert_eq!(ran(&host, id).await, [(at(DUE), None)]);
    assert_eq!(next_run(&host, CONF, id).await, "2026-10-24T02:00:00Z");
    host.advance_to("2026-10-23T12:00:00Z").await;
    assert_eq!(ran(&host, id).await, [(at(DUE), Some(Outcome::Delivered))]);
    assert_eq!((host.history(id).await[0].entry.attempts, host.mails().len()), (3, 1));
}

/// The day's export, planned an hour later than this plugin's rules have it, is delivered once, as of `due`.
async fn planned_an_hour_late(release: &str, from: &str, due: &str) {
    let (host, id) = daily_at(EVE).await;
    planned_by_another(&host, id, "2026-10-23T03:00:00Z", release).await;
    host.jump_to(from);
    host.advance_to("2026-10-23T12:00:00Z").await;
    assert_eq!(ran(&host, id).await, [(at(due), Some(Outcome::Delivered))]);
    assert_eq!(host.mails().len(), 1);
    assert_eq!(next_run(&host, CONF, id).await, "2026-10-24T02:00:00Z");
}

#[tokio::test]
async fn a_due_time_of_a_newer_zone_database_that_an_older_plugin_leases_is_not_lost() {
    planned_an_hour_late(NEWER, EVE, "2026-10-23T03:00:00Z").await;
}

#[tokio::test]
async fn a_due_time_that_an_older_zone_database_had_too_late_is_not_lost_when_it_is_leased_before_it_is_planned_again()
{
    planned_an_hour_late(OLDER, "2026-10-23T03:00:00Z", DUE).await;
}

#[tokio::test]
async fn a_due_time_that_an_older_zone_database_had_too_late_is_not_lost_when_it_is_planned_again_between_the_two() {
    planned_an_hour_late(OLDER, "2026-10-23T02:30:00Z", DUE).await;
}
