//! behaviour.md, section 4: when a schedule runs. Each numbered line has a test here whose name says it.

use scheduled_exports_host::contract::Outcome;
use scheduled_exports_testing::{Harness, at};
use serde_json::json;
use tests::{BIG, CONF, FEST, JOHN, but, daily, without_schedules};

/// Due times and outcomes of a schedule, earliest first.
async fn ran(host: &Harness, schedule: u64) -> Vec<(i64, Option<Outcome>)> {
    let mut history = host.history(schedule).await;
    history.reverse();
    history
        .into_iter()
        .map(|row| (row.entry.due, row.entry.outcome))
        .collect()
}

/// Due times of a schedule's runs that were delivered or found nothing, earliest first.
async fn executed(host: &Harness, schedule: u64) -> Vec<i64> {
    let ran = ran(host, schedule).await;
    let ended = ran
        .into_iter()
        .filter(|(_, outcome)| matches!(outcome, Some(Outcome::Delivered | Outcome::Empty)));
    ended.map(|(due, _)| due).collect()
}

fn instants(of: &[&str]) -> Vec<i64> {
    of.iter().map(|text| at(text)).collect()
}

#[tokio::test]
async fn line_1_the_wall_clock_holds_through_both_changes_of_the_year() {
    let host = Harness::start(&without_schedules(), "2026-03-27T12:00:00Z").await;
    let id = host.create(CONF, JOHN, &daily()).await;
    host.advance_to("2026-03-30T12:00:00Z").await;
    let spring = [
        "2026-03-28T04:00:00+01:00",
        "2026-03-29T04:00:00+02:00",
        "2026-03-30T04:00:00+02:00",
    ];
    assert_eq!(executed(&host, id).await, instants(&spring));

    let host = Harness::start(&without_schedules(), "2026-10-23T12:00:00Z").await;
    let id = host.create(CONF, JOHN, &daily()).await;
    host.advance_to("2026-10-26T12:00:00Z").await;
    let autumn = [
        "2026-10-24T04:00:00+02:00",
        "2026-10-25T04:00:00+01:00",
        "2026-10-26T04:00:00+01:00",
    ];
    assert_eq!(executed(&host, id).await, instants(&autumn));
}

#[tokio::test]
async fn line_1_a_time_that_the_clock_skips_runs_once_with_the_offset_before_and_one_that_it_repeats_runs_once() {
    let host = Harness::start(&without_schedules(), "2026-03-28T12:00:00Z").await;
    let at_half_past_two = but(daily(), json!({"schedule_rrule_time": "02:30:00"}));
    let id = host.create(CONF, JOHN, &at_half_past_two).await;
    host.advance_to("2026-03-30T12:00:00Z").await;
    let gap = ["2026-03-29T02:30:00+01:00", "2026-03-30T02:30:00+02:00"];
    assert_eq!(executed(&host, id).await, instants(&gap));

    let host = Harness::start(&without_schedules(), "2026-10-24T12:00:00Z").await;
    let id = host.create(CONF, JOHN, &at_half_past_two).await;
    host.advance_to("2026-10-26T12:00:00Z").await;
    let fold = ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"];
    assert_eq!(executed(&host, id).await, instants(&fold));
}

#[tokio::test]
async fn line_1_an_event_that_moves_to_another_zone_takes_its_schedules_along() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let id = host.create(CONF, JOHN, &daily()).await;
    let elsewhere = host.create(FEST, JOHN, &daily()).await;
    host.service
        .move_event("bigevents", "sampleconf", "Asia/Tokyo")
        .await
        .expect("moved");
    host.step().await;
    let shown = host.get(&format!("{CONF}{id}/"), JOHN).await;
    assert_eq!(shown.body["schedule_next_run"], "2026-10-22T19:00:00Z"); // 04:00 in Tokyo
    let shown = host.get(&format!("{FEST}{elsewhere}/"), JOHN).await;
    assert_eq!(shown.body["schedule_next_run"], "2026-10-23T08:00:00Z"); // 04:00 in New York, as before
    host.advance_to("2026-10-23T00:00:00Z").await;
    assert_eq!(executed(&host, id).await, instants(&["2026-10-23T04:00:00+09:00"]));
}

#[tokio::test]
async fn line_1_a_schedule_of_the_organizer_goes_by_its_own_zone_and_without_one_by_the_organizers() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let own = host
        .create(BIG, JOHN, &but(daily(), json!({"timezone": "America/New_York"})))
        .await;
    let organizers = host.create(BIG, JOHN, &daily()).await;
    host.service
        .move_organizer("bigevents", "Asia/Tokyo")
        .await
        .expect("moved");
    host.step().await;
    assert_eq!(
        host.get(&format!("{BIG}{own}/"), JOHN).await.body["schedule_next_run"],
        "2026-10-23T08:00:00Z"
    );
    let moved = host.get(&format!("{BIG}{organizers}/"), JOHN).await.body;
    assert_eq!(
        (&moved["schedule_next_run"], &moved["timezone"]),
        (&json!("2026-10-22T19:00:00Z"), &json!("Asia/Tokyo"))
    );
}

#[tokio::test]
async fn line_2_a_rule_without_dtstart_counts_from_the_day_its_text_was_saved_and_moves_only_with_the_text() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let third_day = but(daily(), json!({"schedule_rrule": "RRULE:FREQ=DAILY;INTERVAL=3"}));
    let path = format!("{CONF}{}/", host.create(CONF, JOHN, &third_day).await);
    // Saved on the 22nd: the 22nd itself has passed, the 25th is next. 04:00 is after the change of the clock.
    assert_eq!(
        host.get(&path, JOHN).await.body["schedule_next_run"],
        "2026-10-25T03:00:00Z"
    );
    host.jump_to("2026-10-23T12:00:00Z");
    let same = json!({"mail_subject": "Other", "schedule_rrule": "RRULE:FREQ=DAILY;INTERVAL=3"});
    let same = host.patch(&path, JOHN, &same).await;
    assert_eq!(same.body["schedule_next_run"], "2026-10-25T03:00:00Z");
    let other = host
        .patch(&path, JOHN, &json!({"schedule_rrule": "RRULE:INTERVAL=3;FREQ=DAILY"}))
        .await;
    assert_eq!(other.body["schedule_next_run"], "2026-10-26T03:00:00Z");
}

#[tokio::test]
async fn line_3_nothing_runs_a_second_too_early_and_everything_at_its_second() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let id = host.create(CONF, JOHN, &daily()).await;
    host.jump_to("2026-10-23T01:59:59Z");
    assert_eq!(host.step().await.runs, 0);
    assert_eq!(ran(&host, id).await, []);
    host.jump_to("2026-10-23T02:00:00Z");
    host.step().await;
    assert_eq!(executed(&host, id).await, instants(&["2026-10-23T02:00:00Z"]));
}

#[tokio::test]
async fn line_4_after_a_day_down_there_is_one_run_for_the_latest_due_time_and_one_entry_for_the_missed() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let id = host.create(CONF, JOHN, &daily()).await;
    host.jump_to("2026-10-26T12:00:00Z");
    host.step().await;
    let ran = ran(&host, id).await;
    assert_eq!(ran.len(), 2, "{ran:?}");
    let (last, Some(Outcome::Missed(range))) = &ran[0] else {
        panic!("{ran:?}")
    };
    assert_eq!(*last, at("2026-10-25T04:00:00+01:00"));
    assert_eq!(
        (range.first, range.last, range.count),
        (at("2026-10-23T04:00:00+02:00"), *last, 3)
    );
    assert_eq!(ran[1], (at("2026-10-26T04:00:00+01:00"), Some(Outcome::Delivered)));
    assert_eq!(host.mails().len(), 1);
}

#[tokio::test]
async fn line_4_a_clock_set_back_a_new_plan_and_a_downtime_record_no_due_time_twice() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let id = host.create(CONF, JOHN, &daily()).await;
    host.advance_to("2026-10-25T12:00:00Z").await;
    host.clock.set(at("2026-10-22T12:00:00Z"));
    for zone in ["Asia/Tokyo", "Europe/Berlin"] {
        let moved = host.service.move_event("bigevents", "sampleconf", zone).await;
        moved.expect("moved");
        host.step().await;
    }
    let shown = host.get(&format!("{CONF}{id}/"), JOHN).await;
    let next = &shown.body["schedule_next_run"];
    assert_eq!(*next, "2026-10-26T03:00:00Z", "what has run is not planned again");
    host.jump_to("2026-10-28T12:00:00Z");
    host.step().await;
    let days = instants(&[
        "2026-10-23T02:00:00Z",
        "2026-10-24T02:00:00Z",
        "2026-10-25T03:00:00Z",
        "2026-10-28T03:00:00Z",
    ]);
    assert_eq!(executed(&host, id).await, days);
    let missed: Vec<_> = ran(&host, id)
        .await
        .into_iter()
        .filter_map(|(_, outcome)| match outcome {
            Some(Outcome::Missed(range)) => Some((range.first, range.last, range.count)),
            _ => None,
        })
        .collect();
    let (first, last) = (at("2026-10-26T03:00:00Z"), at("2026-10-27T03:00:00Z"));
    assert_eq!(missed, [(first, last, 2)]);
}

#[tokio::test]
async fn line_4_a_restart_in_the_middle_of_a_day_loses_nothing_and_repeats_nothing() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let id = host.create(CONF, JOHN, &daily()).await;
    host.advance_to("2026-10-23T12:00:00Z").await;
    let host = host.restart().await;
    host.step().await;
    assert_eq!(host.mails().len(), 1);
    host.advance_to("2026-10-24T12:00:00Z").await;
    let host = host.restart().await;
    host.step().await;
    assert_eq!(
        executed(&host, id).await,
        instants(&["2026-10-23T02:00:00Z", "2026-10-24T02:00:00Z"])
    );
    assert_eq!(host.mails().len(), 2);
}

#[tokio::test]
async fn line_5_the_window_is_that_of_the_due_time_in_the_schedules_zone_however_late_it_runs() {
    let punctual = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    punctual.create(CONF, JOHN, &daily()).await;
    punctual.advance_to("2026-10-23T02:00:00Z").await;
    let late = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    late.create(CONF, JOHN, &daily()).await;
    // 23:30 in Berlin: still the day of the due time there, and "yesterday" must not become the 23rd.
    late.jump_to("2026-10-23T21:30:00Z");
    late.step().await;
    let file = |host: &Harness| host.mails().pop().and_then(|mail| mail.attachment).expect("a file").0;
    assert_eq!(file(&punctual), file(&late));
    let rows = |row: &scheduled_exports_store::HistoryRow| row.entry.rows;
    let (punctual, late) = (punctual.history(1).await, late.history(1).await);
    assert_eq!(rows(&punctual[0]), rows(&late[0]));
}

#[tokio::test]
async fn line_6_nothing_runs_for_an_organizer_switched_off_and_switched_on_it_is_planned_from_now() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let id = host.create(CONF, JOHN, &daily()).await;
    let now = at("2026-10-22T12:00:00Z");
    host.storage()
        .set_enabled("bigevents", false, "host", now)
        .await
        .expect("switched off");
    host.advance_to("2026-10-25T12:00:00Z").await;
    assert_eq!(ran(&host, id).await, []);
    let refused = host.get(CONF, JOHN).await;
    assert_eq!(refused.status, 403);
    assert!(refused.body["detail"].as_str().is_some_and(|reason| !reason.is_empty()));
    let now = at("2026-10-25T12:00:00Z");
    host.storage()
        .set_enabled("bigevents", true, "host", now)
        .await
        .expect("switched on");
    host.step().await;
    let shown = host.get(&format!("{CONF}{id}/"), JOHN).await;
    assert_eq!(shown.body["schedule_next_run"], "2026-10-26T03:00:00Z");
    host.advance_to("2026-10-26T12:00:00Z").await;
    assert_eq!(executed(&host, id).await, instants(&["2026-10-26T03:00:00Z"]));
}

#[tokio::test]
async fn line_7_a_rule_that_never_runs_again_is_saved_with_no_next_run_and_preview_and_save_warn_in_the_same_words() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    for rule in [
        "DTSTART:20200101T000000\nRRULE:FREQ=DAILY;COUNT=3",
        "DTSTART:20200131T000000\nRRULE:FREQ=MONTHLY;BYMONTH=2",
        "DTSTART:20200101T000000\nRRULE:FREQ=YEARLY;BYMONTH=2;BYDAY=5MO;INTERVAL=4294967295",
        "FREQ=MONTHLY;BYDAY=31MO",
    ] {
        let saved = host
            .post(CONF, JOHN, &but(daily(), json!({"schedule_rrule": rule})))
            .await;
        assert_eq!(
            (saved.status, &saved.body["schedule_next_run"]),
            (201, &json!(null)),
            "{rule}"
        );
        let asked = json!({"schedule_rrule": rule, "schedule_rrule_time": "04:00:00"});
        let preview = host.post(&format!("{CONF}preview/"), JOHN, &asked).await;
        assert_eq!((preview.status, &preview.body["runs"]), (200, &json!([])), "{rule}");
        assert_eq!(
            preview.body["warnings"].as_array().map(Vec::len),
            Some(1),
            "{rule}: {}",
            preview.body
        );
        assert_eq!(saved.body["warnings"], preview.body["warnings"], "{rule}");
        let path = format!("{CONF}{}/", saved.body["id"]);
        assert_eq!(host.get(&path, JOHN).await.bytes, saved.bytes, "{rule}");
        let moved = host.patch(&path, JOHN, &json!({"schedule_rrule_time": "05:00"})).await;
        assert_eq!(
            moved.body["warnings"].as_array().map(Vec::len),
            Some(1),
            "{}",
            moved.body
        );
        let mended = host
            .patch(&path, JOHN, &json!({"schedule_rrule": "DTSTART:20270101\nFREQ=DAILY"}))
            .await;
        assert_eq!(
            (mended.status, mended.body.get("warnings")),
            (200, None),
            "{}",
            mended.body
        );
    }
    host.advance_to("2026-10-29T12:00:00Z").await;
    assert_eq!(host.mails().len(), 0);
}
