//! The next run of a changed schedule, and the anchor of its rule.

use plugin::contract::ScheduleState;
use plugin::document::Document;
use plugin::schedules;
use serde_json::json;

use crate::host::{Host, at};
use crate::{create, document, list, patch, put, shown, stored, with};

#[test]
fn the_anchor_is_the_local_day_of_saving_and_moves_only_with_the_text() {
    let host = Host::organizer();
    let anchor = || {
        Document::read(&host.row(1).content.document)
            .expect("a document")
            .anchor
            .to_string()
    };
    let every_other = json!({"schedule_rrule": "FREQ=DAILY;INTERVAL=2", "timezone": "Pacific/Kiritimati"});
    // 2026-10-14 in Berlin, and the 15th on Kiritimati.
    let late = "2026-10-14T20:00:00+02:00";
    shown(create(&host.owner().at(late), &with(every_other.clone())));
    assert_eq!(anchor(), "2026-10-15");
    let next_week = "2026-10-20T10:00:00+02:00";
    for unchanged in [
        json!({}),
        every_other.clone(),
        json!({"mail_subject": "x"}),
        json!({"timezone": "Asia/Tokyo"}),
    ] {
        shown(patch(&host.owner().at(next_week), 1, &unchanged));
        assert_eq!(anchor(), "2026-10-15", "{unchanged}");
    }
    shown(put(&host.owner().at(next_week), 1, &with(every_other)));
    assert_eq!(anchor(), "2026-10-15");
    shown(patch(
        &host.owner().at(next_week),
        1,
        &json!({"schedule_rrule": "FREQ=DAILY;INTERVAL=2 "}),
    ));
    assert_eq!(anchor(), "2026-10-20");
}

#[test]
fn a_rule_without_a_run_is_saved_has_none_next_and_its_schedule_says_why() {
    let host = Host::organizer();
    let never = "This rule never matches any date, so the export never runs.";
    for (rule, warning) in [
        (
            "DTSTART:20200101T000000\nRRULE:FREQ=DAILY;COUNT=3",
            "This rule has no future runs; the last one was 2020-01-03T06:00:00+01:00.",
        ),
        ("DTSTART:20230131T000000\nRRULE:FREQ=MONTHLY;BYMONTH=2", never),
        ("FREQ=MONTHLY;BYDAY=31MO", never),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6,-6", never),
        ("FREQ=DAILY;COUNT=0", never),
    ] {
        let made = shown(create(&host.owner(), &with(json!({"schedule_rrule": rule}))));
        assert_eq!(made["schedule_next_run"], json!(null), "{rule}");
        assert_eq!(made["warnings"], json!([warning]), "{rule}");
        assert_eq!(
            made.as_object().and_then(|made| made.keys().next_back()).unwrap(),
            "warnings"
        );
        let id = made["id"].as_u64().unwrap();
        let patched = shown(patch(&host.owner(), id, &json!({"mail_subject": "again"})));
        assert_eq!(patched["warnings"], json!([warning]), "{rule}");
        let replaced = shown(put(&host.owner(), id, &document()));
        assert_eq!(replaced.get("warnings"), None);
    }
    shown(create(
        &host.owner(),
        &with(json!({"schedule_rrule": "FREQ=DAILY;COUNT=0"})),
    ));
    let warned = |row: &serde_json::Value| row["warnings"] == json!([never]);
    assert_eq!(list(&host.owner()).iter().filter(|row| warned(row)).count(), 1);
    // A paused schedule has no next run for another reason.
    host.edit(6, |row| row.content.state = ScheduleState::Stopped);
    assert!(list(&host.owner()).iter().all(|row| row.get("warnings").is_none()));
}

#[test]
fn a_passed_due_time_stays_if_the_new_rule_has_it_and_is_missed_if_not() {
    let host = Host::organizer();
    shown(create(&host.owner().at("2026-10-01T10:00:00+02:00"), &document()));
    let due = at("2026-10-12T06:00:00+02:00");
    host.edit(1, |row| row.content.next_run = Some(due));
    // Due on the 12th, 13th and 14th; of these, the new rule has the 13th, a Tuesday.
    let tuesdays = json!({"schedule_rrule": "DTSTART:20260101T000000\nRRULE:FREQ=WEEKLY;BYDAY=TU"});
    let answer = shown(patch(&host.owner(), 1, &tuesdays));
    assert_eq!(answer["schedule_next_run"], "2026-10-13T04:00:00Z");
    let missed = host.missed.take();
    assert_eq!((missed[0].first, missed[0].last, missed[0].count), (due, due, 1));
    let wednesday = at("2026-10-14T06:00:00+02:00");
    assert_eq!(
        (missed[1].first, missed[1].last, missed.len()),
        (wednesday, wednesday, 2)
    );
    // Another time of day has none of them.
    let answer = shown(patch(&host.owner(), 1, &json!({"schedule_rrule_time": "07:00"})));
    assert_eq!(answer["schedule_next_run"], "2026-10-20T05:00:00Z");
    assert_eq!(host.missed.take()[0].count, 1);
}

#[test]
fn a_changed_rule_without_dtstart_has_no_due_time_before_the_day_it_is_saved() {
    let host = Host::organizer();
    let row = |next_run: &str| host.edit(1, |row| row.content.next_run = Some(at(next_run)));
    shown(create(&host.owner(), &document()));
    row("2026-10-13T06:00:00+02:00");
    let weekdays = json!({"schedule_rrule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"});
    // Those of the 13th and the 14th are past due; the anchor of the rule is the 14th.
    let answer = shown(patch(&host.owner(), 1, &weekdays));
    assert_eq!(answer["schedule_next_run"], "2026-10-14T04:00:00Z");
    assert_eq!(host.missed.take()[0].last, at("2026-10-13T06:00:00+02:00"));
    row("2026-10-13T06:00:00+02:00");
    let answer = shown(patch(
        &host.owner().at("2026-10-14T05:00:00+02:00"),
        1,
        &json!({"schedule_rrule": "FREQ=DAILY"}),
    ));
    assert_eq!(answer["schedule_next_run"], "2026-10-14T04:00:00Z");
    assert_eq!(host.missed.take()[0].count, 1);
}

#[test]
fn a_change_without_the_old_document_keeps_the_planned_due_time_if_it_can() {
    let due = at("2026-10-12T06:00:00+02:00");
    let daily = "DTSTART:20260101T000000\nRRULE:FREQ=DAILY";
    for (time, kept) in [("06:00", true), ("07:00", false)] {
        let host = Host::organizer();
        shown(create(&host.owner(), &document()));
        host.edit(1, |row| {
            row.content.next_run = Some(due);
            row.content.document = "{}".to_owned();
        });
        shown(put(
            &host.owner(),
            1,
            &with(json!({"schedule_rrule": daily, "schedule_rrule_time": time})),
        ));
        assert_eq!(host.row(1).content.next_run == Some(due), kept);
        assert_eq!(host.missed.take().len(), usize::from(!kept));
    }
}

#[test]
fn replanning_answers_for_each_row_on_its_own() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    shown(create(&host.owner(), &with(json!({"timezone": "UTC"}))));
    shown(create(
        &host.owner(),
        &with(json!({"schedule_rrule": "DTSTART:20200101T000000\nRRULE:FREQ=DAILY;COUNT=1"})),
    ));
    let [follows, fixed, over] = [1, 2, 3].map(|id| host.row(id).content.document);
    let rows = [
        (follows.as_str(), "Asia/Tokyo"),
        ("not JSON", "UTC"),
        (&fixed, "Asia/Tokyo"),
        (&follows, "Nowhere/City"),
        (&fixed, "Nowhere/City"),
        (&over, "UTC"),
        ("{}", "UTC"),
    ]
    .map(|(document, zone)| stored(document, zone));
    let after = at("2026-10-14T10:00:00+02:00");
    let answers = schedules::replan(&rows, after);
    assert_eq!(answers[0], Ok(Some(at("2026-10-15T06:00:00+09:00"))));
    assert!(answers[1].is_err());
    assert_eq!(answers[2], Ok(Some(at("2026-10-15T06:00:00Z"))));
    assert!(answers[3].as_ref().is_err_and(|why| why.contains("Nowhere/City")));
    assert_eq!(answers[4], answers[2]);
    assert_eq!(answers[5], Ok(None));
    assert!(answers[6].is_err());
    assert_eq!(schedules::replan(&[], after), []);
}
