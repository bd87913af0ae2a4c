//! Section 1: the exporter's form.

use scheduled_exports_testing::Harness;
use serde_json::{Value, json};
use tests::{BIG, CONF, FEST, JOHN, MARY, VERA, but, daily, with};

use super::super::{NOW, across, bad, host, wrong};

#[tokio::test]
async fn section_1_a_date_range_without_limits_exports_all() {
    let host = host().await;
    let mut ids = Vec::new();
    for range in ["/", "0001-01-01/9999-12-31"] {
        let form = json!({"export_form_data": {"_format": "excel", "date_range": range}});
        ids.push(host.create(CONF, JOHN, &but(daily(), form)).await);
    }
    host.advance_to("2026-10-23T12:00:00Z").await;
    let mut exported = Vec::new();
    for id in ids {
        exported.push(host.history(id).await[0].entry.rows);
    }
    assert!(exported[0].is_some_and(|rows| rows > 0), "{exported:?}");
    assert_eq!(exported[0], exported[1]);
}

#[tokio::test]
async fn section_1_the_form_is_checked_field_by_field_unknown_keys_are_dropped_and_defaults_not_stored() {
    let host = host().await;
    let stored = |form: Value| {
        let host = &host;
        async move { host.post(CONF, JOHN, &across(&form)).await.body["export_form_data"].to_string() }
    };
    for (given, kept) in [
        (json!({}), json!({})),
        (json!({"all_events": true, "events": "x", "surprise": 1}), json!({})),
        (
            json!({"surprise": null, "paid_only": false}),
            json!({"paid_only": false}),
        ),
        // As clients write what is not set.
        (
            json!({"_format": null, "paid_only": null, "date_range": null}),
            json!({}),
        ),
        (
            json!({"paid_only": true, "_format": "excel", "date_range": "2026-01-01/"}),
            json!({"paid_only": true, "_format": "excel", "date_range": "2026-01-01/"}),
        ),
    ] {
        assert_eq!(stored(given).await, kept.to_string());
    }
    for (form, keys) in [
        (json!({"_format": "pdf"}), vec!["_format"]),
        (
            json!({"_format": 1, "paid_only": "true", "date_range": 7}),
            vec!["_format", "paid_only", "date_range"],
        ),
    ] {
        let answer = host.post(CONF, JOHN, &across(&form)).await;
        assert_eq!(wrong(&answer), bad(&["export_form_data"]));
        let nested = answer.body["export_form_data"].as_object().expect("nested");
        assert_eq!(nested.keys().collect::<Vec<_>>(), keys, "{}", answer.body);
        assert!(nested.values().all(|words| words[0].is_string()), "{}", answer.body);
    }
    let statuses = |value: Value| {
        but(
            daily(),
            json!({"export_identifier": "dailysales", "export_form_data": {"statuses": value}}),
        )
    };
    for (value, status) in [
        (json!(["paid", "pending"]), 201),
        (json!(["paid", "paid"]), 400),
        (json!(["paid", "eaten"]), 400),
        (json!("paid"), 400),
        (json!([1]), 400),
    ] {
        assert_eq!(
            host.post(CONF, JOHN, &statuses(value.clone())).await.status,
            status,
            "{value}"
        );
    }
}

#[tokio::test]
async fn section_1_a_date_range_is_a_named_frame_or_fixed_dates_in_order() {
    let host = host().await;
    let mut frames: Vec<String> = ["today", "yesterday", "last7", "last14", "tomorrow", "next7", "next14"]
        .map(|days| format!("days_{days}"))
        .to_vec();
    for unit in ["week", "month", "quarter", "year"] {
        frames.extend(["this", "to_date", "previous", "next"].map(|which| format!("{unit}_{which}")));
    }
    let fixed = [
        "past",
        "future",
        "2026-01-01/2026-01-01",
        "2026-01-01/",
        "/2026-01-01",
        "2024-02-29/",
        "/",
    ];
    frames.extend(fixed.map(str::to_owned));
    let id = host.create(CONF, JOHN, &daily()).await;
    let path = format!("{CONF}{id}/");
    for frame in frames {
        let answer = host
            .patch(&path, JOHN, &json!({"export_form_data": {"date_range": frame}}))
            .await;
        assert_eq!(
            (answer.status, &answer.body["export_form_data"]["date_range"]),
            (200, &json!(frame)),
            "{}",
            answer.body
        );
    }
    for frame in [
        "",
        "today",
        "days_last8",
        "WEEK_THIS",
        "2026-01-02/2026-01-01",
        "2026-02-30/",
        "2026-1-1/",
        "2026-01-01",
        "2026-01-01/2026-01-02/",
        "2025-02-29/",
        "days_today ",
        "week_this/week_next",
    ] {
        let answer = host
            .patch(&path, JOHN, &json!({"export_form_data": {"date_range": frame}}))
            .await;
        assert_eq!(wrong(&answer), bad(&["export_form_data"]), "{frame:?}");
    }
}

#[tokio::test]
async fn section_1_across_events_a_form_takes_all_events_or_a_list_of_usable_ones_each_once_or_neither() {
    let host = host().await;
    for form in [
        json!({}),
        json!({"all_events": true}),
        json!({"events": ["sampleconf"]}),
        json!({"events": ["summerfest", "sampleconf"]}),
        json!({"all_events": false, "events": ["summerfest"]}),
    ] {
        let answer = host.post(BIG, JOHN, &across(&form)).await;
        assert_eq!(
            (answer.status, &answer.body["export_form_data"]),
            (201, &form),
            "nothing is added"
        );
    }
    for (given, stored) in [
        (json!({"all_events": true, "events": []}), json!({"all_events": true})),
        (json!({"all_events": true, "events": null}), json!({"all_events": true})),
        (
            json!({"all_events": null, "events": ["sampleconf"]}),
            json!({"events": ["sampleconf"]}),
        ),
        (json!({"all_events": null, "events": null}), json!({})),
    ] {
        let answer = host.post(BIG, JOHN, &across(&given)).await;
        assert_eq!(
            (answer.status, &answer.body["export_form_data"]),
            (201, &stored),
            "{given}"
        );
    }
    for (form, key) in [
        (json!({"events": []}), "events"),
        (json!({"events": ["sampleconf", "sampleconf"]}), "events"),
        (json!({"events": ["nowhere"]}), "events"),
        (json!({"events": ["jazznight"]}), "events"),
        (json!({"events": "sampleconf"}), "events"),
        (json!({"events": [1]}), "events"),
        (json!({"all_events": false, "events": []}), "events"),
        (json!({"all_events": false, "events": null}), "events"),
        (json!({"all_events": "yes"}), "all_events"),
        (json!({"all_events": true, "events": ["sampleconf"]}), "all_events"),
        (json!({"all_events": false}), "events"),
    ] {
        let answer = host.post(BIG, JOHN, &across(&form)).await;
        assert_eq!(wrong(&answer), bad(&["export_form_data"]), "{form}");
        assert!(
            answer.body["export_form_data"][key][0].is_string(),
            "{form}: {}",
            answer.body
        );
    }
    // Mary has orders of one event only, and another organizer's slug reads like no slug at all.
    let refused = |slug: &'static str| {
        let host = &host;
        async move {
            let answer = host.post(BIG, MARY, &across(&json!({"events": [slug]}))).await;
            (answer.status, answer.body.to_string().replace(slug, "…"))
        }
    };
    let nowhere = refused("nowhere").await;
    assert_eq!(nowhere.0, 400);
    assert_eq!(refused("summerfest").await, nowhere);
    assert_eq!(refused("jazznight").await, nowhere);
    assert_eq!(
        host.post(BIG, MARY, &across(&json!({"events": ["sampleconf"]})))
            .await
            .status,
        201
    );
}

/// The fixture with somebody who may change the organizer's settings, and has one event's orders and no other event.
fn with_ida() -> String {
    with(|fixture| {
        fixture["schedules"] = json!([]);
        let push = |list: &mut Value, entry: Value| list.as_array_mut().expect("a list").push(entry);
        push(
            &mut fixture["users"],
            json!({"email": "ida@example.org", "name": "Ida", "locale": "en"}),
        );
        push(
            &mut fixture["teams"],
            json!({"organizer": "bigevents", "name": "Half", "members": ["ida@example.org"], "events": ["sampleconf"],
                   "permissions": ["change_organizer_settings", "change_event_settings", "view_orders"], "api_tokens": []}),
        );
        push(
            &mut fixture["oauth_tokens"],
            json!({"token": "ida-oauth", "user": "ida@example.org", "scopes": ["read", "write"], "organizers": ["bigevents"]}),
        );
    })
}

const IDA: &str = "Bearer ida-oauth";

#[tokio::test]
async fn section_1_slugs_of_events_that_the_caller_may_not_see_are_not_shown() {
    let host = Harness::start(&with_ida(), NOW).await;
    let id = host
        .create(BIG, JOHN, &across(&json!({"events": ["summerfest", "sampleconf"]})))
        .await;
    let hidden = host
        .create(BIG, JOHN, &across(&json!({"events": ["summerfest"]})))
        .await;
    let path = format!("{BIG}{id}/");
    let events = |of: &Value| of["export_form_data"]["events"].clone();
    assert_eq!(events(&host.get(&path, IDA).await.body), json!(["sampleconf"]));
    assert_eq!(events(&host.get(&format!("{BIG}{hidden}/"), IDA).await.body), json!([]));
    for path in [
        BIG.to_owned(),
        path.clone(),
        format!("{BIG}{hidden}/"),
        format!("{path}runs/"),
    ] {
        let answer = host.get(&path, IDA).await;
        assert_eq!(answer.status, 200);
        assert!(
            !answer.body.to_string().contains("summerfest"),
            "{path}: {}",
            answer.body
        );
    }
    // Vera sees every event, though not its orders.
    assert_eq!(
        events(&host.get(&path, VERA).await.body),
        json!(["summerfest", "sampleconf"])
    );
    assert_eq!(host.get(FEST, IDA).await.status, 403);
}

#[tokio::test]
async fn section_1_widening_somebody_elses_schedule_to_events_one_may_not_read_is_refused() {
    let host = Harness::start(&with_ida(), NOW).await;
    let id = host
        .create(BIG, JOHN, &across(&json!({"events": ["sampleconf"]})))
        .await;
    let path = format!("{BIG}{id}/");
    assert_eq!(
        host.patch(&path, IDA, &json!({"mail_subject": "By Ida"})).await.status,
        200
    );
    for form in [
        json!({"events": ["sampleconf", "summerfest"]}),
        json!({"events": ["summerfest"]}),
        json!({"all_events": true}),
        json!({}),
    ] {
        let answer = host.patch(&path, IDA, &json!({"export_form_data": form})).await;
        assert_eq!(wrong(&answer), bad(&["export_form_data"]), "{form}");
    }
    let shown = host.get(&path, JOHN).await.body;
    assert_eq!(
        (&shown["export_form_data"], &shown["mail_subject"]),
        (&json!({"events": ["sampleconf"]}), &json!("By Ida"))
    );
    // Her own, on all events: those that she may read at run time.
    let own = host.create(BIG, IDA, &across(&json!({"all_events": true}))).await;
    assert_eq!(host.patch(&format!("{BIG}{own}/"), IDA, &json!({})).await.status, 200);
}
