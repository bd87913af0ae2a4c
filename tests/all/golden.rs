//! The main answers of the HTTP API, whole, as clients see them. What a run of the tests may change is hidden, and checked where
//! it is hidden. `INSTA_UPDATE=always cargo test -p tests golden` writes them anew; read the difference before you commit it.

use insta::assert_json_snapshot;
use scheduled_exports_testing::Harness;
use serde_json::{Value, json};
use tests::{BIG, CONF, FEST, JOHN, but, daily, with, without_schedules};

const NOW: &str = "2026-10-22T12:00:00Z";

/// Puts a name in the place of a value that fits.
fn hide(body: &mut Value, pointer: &str, name: &str, fits: impl Fn(&Value) -> bool) {
    let place = body
        .pointer_mut(pointer)
        .unwrap_or_else(|| panic!("{pointer} is missing"));
    assert!(fits(place), "{pointer}: {place}");
    *place = format!("[{name}]").into();
}

fn is_id(value: &Value) -> bool {
    value.as_u64().is_some_and(|id| id > 0)
}

#[tokio::test]
async fn a_schedule_of_each_level_as_created() {
    let host = Harness::start(&without_schedules(), NOW).await;
    let full = json!({
        "export_form_data": {"_format": "excel", "date_range": "month_previous", "paid_only": true},
        "locale": "de", "mail_additional_recipients": "finance@example.com, board@example.com",
        "mail_additional_recipients_cc": "mary@example.org", "mail_additional_recipients_bcc": "archive@example.com",
        "mail_subject": "Bestellungen für Müller", "mail_template": "Grüße\n\nJohn",
        "schedule_rrule": "RRULE:FREQ=MONTHLY;BYDAY=1MO", "schedule_rrule_time": "06:30",
    });
    let mut event = host.post(CONF, JOHN, &but(daily(), full.clone())).await.body;
    hide(&mut event, "/id", "id", is_id);
    assert_json_snapshot!("schedule_of_an_event", event);
    let organizer = json!({
        "export_form_data": {"events": ["summerfest", "sampleconf"], "_format": "xlsx"}, "timezone": "Asia/Tokyo",
    });
    let mut organizer = host.post(BIG, JOHN, &but(but(daily(), full), organizer)).await.body;
    hide(&mut organizer, "/id", "id", is_id);
    assert_json_snapshot!("schedule_of_an_organizer", organizer);
}

#[tokio::test]
async fn a_page_of_a_list() {
    let host = Harness::start(&without_schedules(), NOW).await;
    for time in ["04:00", "05:00", "06:00"] {
        host.create(CONF, JOHN, &but(daily(), json!({"schedule_rrule_time": time})))
            .await;
    }
    let path = format!("{CONF}?page_size=1&page=2&ordering=-schedule_next_run");
    let mut page = host.get(&path, JOHN).await.body;
    hide(&mut page, "/results/0/id", "id", is_id);
    assert_json_snapshot!("page_of_a_list", page);
}

#[tokio::test]
async fn everything_wrong_at_once_in_both_languages() {
    let host = Harness::start(&without_schedules(), NOW).await;
    let body = json!({
        "export_identifier": "orderlist", "export_form_data": {"_format": "pdf", "date_range": "soon", "events": ["nowhere"]},
        "locale": "tlh", "mail_additional_recipients": "nobody", "mail_additional_recipients_cc": null,
        "mail_additional_recipients_bcc": 7, "mail_subject": "two\nlines", "schedule_rrule": "RRULE:FREQ=HOURLY",
        "schedule_rrule_time": "25:00", "timezone": "Mars/Olympus",
    });
    for (language, name) in [("en", "everything_wrong_en"), ("de", "everything_wrong_de")] {
        let headers = [("accept-language", language)];
        let post = "POST".parse().expect("a method");
        let answer = host.request(post, BIG, JOHN, &headers, Some(&body.to_string())).await;
        assert_eq!(answer.status, 400);
        assert_json_snapshot!(name, answer.body);
    }
}

#[tokio::test]
async fn the_exporters_of_an_organizer_in_both_languages() {
    let host = Harness::start(&without_schedules(), NOW).await;
    for (language, name) in [("en", "exporters_en"), ("de", "exporters_de")] {
        let headers = [("accept-language", language)];
        let path = BIG.replace("scheduled_exports", "exporters");
        let answer = host
            .request("GET".parse().expect("a method"), &path, JOHN, &headers, None)
            .await;
        assert_json_snapshot!(name, answer.body);
    }
}

#[tokio::test]
async fn a_preview_over_an_hour_that_is_skipped_and_one_that_is_repeated() {
    let host = Harness::start(&without_schedules(), NOW).await;
    let body = json!({"schedule_rrule": "DTSTART:20261001T000000\nRRULE:FREQ=MONTHLY;BYDAY=-1SU;BYMONTH=3,10", "schedule_rrule_time": "02:30", "limit": 3});
    let fold_and_gap = host.post(&format!("{CONF}preview/"), JOHN, &body).await.body;
    assert_json_snapshot!("preview_with_fold_and_gap_in_berlin", fold_and_gap);
    let elsewhere = host.post(&format!("{FEST}preview/"), JOHN, &body).await.body;
    assert_json_snapshot!("preview_of_the_same_in_new_york", elsewhere);
}

#[tokio::test]
async fn a_page_of_the_run_history() {
    let fixture = with(|fixture| {
        fixture["schedules"] = json!([]);
        fixture["orders_generated"] = json!([]);
        fixture["orders"] = json!([{
            "organizer": "bigevents", "event": "sampleconf", "code": "AAAAA", "email": "buyer@example.com", "name": "Ann",
            "status": "paid", "placed": "2026-10-22T10:00:00Z", "total": "12.50",
            "positions": [{"product": "Ticket", "price": "12.50", "attendee_name": "Ann", "attendee_email": "ann@example.com",
                           "checked_in": null}],
        }]);
    });
    let host = Harness::start(&fixture, NOW).await;
    let form = json!({"export_form_data": {"_format": "xlsx", "date_range": "days_yesterday"}, "mail_additional_recipients": "finance@example.com"});
    let id = host.create(CONF, JOHN, &but(daily(), form)).await;
    // Delivered, empty, two missed.
    host.advance_to("2026-10-24T12:00:00Z").await;
    host.jump_to("2026-10-27T12:00:00Z");
    host.step().await;
    let mut page = host.get(&format!("{CONF}{id}/runs/"), JOHN).await.body;
    hide(&mut page, "/results/3/bytes", "bytes", |bytes| {
        bytes.as_u64().is_some_and(|bytes| bytes > 1_000)
    });
    assert_json_snapshot!("page_of_the_run_history", page);
}
