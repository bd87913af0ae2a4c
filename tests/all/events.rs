//! Events that are deleted: what is left of them is out of service, can be seen and deleted, and is never taken for what
//! belongs to another event of the same slug.

use reference_platform::Event;
use scheduled_exports_host::contract::{DeliveryStatus, Outcome};
use scheduled_exports_mail::Refusal;
use scheduled_exports_testing::{Harness, at};
use serde_json::{Value, json};
use tests::{BIG, CONF, DEVICE, JOHN, MARY, SETTINGS_TOKEN, VERA, but, daily, with, without_schedules};

const EVE: &str = "2026-10-22T12:00:00Z";
const LEFT: &str = "/api/v1/organizers/bigevents/scheduled_exports/deleted_events/";

/// Sample Conf, once more.
fn conf() -> Event {
    Event {
        organizer: "bigevents".into(),
        slug: "sampleconf".into(),
        name: "Another Conf".into(),
        timezone: "Europe/Berlin".into(),
        currency: "EUR".into(),
        starts: at("2027-11-02T09:00:00Z"),
        ends: at("2027-11-04T09:00:00Z"),
        number: 0,
        key: String::new(),
    }
}

/// By the host, or by the platform without a word to it.
async fn delete(host: &Harness, told: bool) {
    if told {
        let deleted = host.service.delete_event("bigevents", "sampleconf").await;
        deleted.expect("the platform answers");
    } else {
        let deleted = host.platform().delete_event("bigevents", "sampleconf").await;
        deleted.expect("the platform answers");
    }
}

async fn make_again(host: &Harness) {
    host.platform().create_event(&conf()).await.expect("an event");
}

async fn outcomes(host: &Harness, id: u64) -> Vec<Option<Outcome>> {
    let rows = host.history(id).await.into_iter().rev();
    rows.map(|row| row.entry.outcome).collect()
}

#[tokio::test]
async fn schedules_of_a_deleted_event_run_no_more_and_an_event_of_the_same_slug_does_not_inherit_them() {
    for told in [true, false] {
        let host = Harness::start(&without_schedules(), EVE).await;
        let id = host.create(CONF, JOHN, &daily()).await;
        host.advance_to("2026-10-23T12:00:00Z").await;
        assert_eq!(host.take_mails().len(), 1);
        delete(&host, told).await;
        make_again(&host).await;
        for (path, status) in [
            (CONF.to_owned(), 200),
            (format!("{CONF}{id}/"), 404),
            (format!("{CONF}{id}/runs/"), 404),
        ] {
            let answer = host.get(&path, JOHN).await;
            assert_eq!(answer.status, status, "{path}");
        }
        assert_eq!(host.get(CONF, JOHN).await.body["count"], 0);
        assert_eq!(host.delete(&format!("{CONF}{id}/"), JOHN).await.status, 404);

        host.advance_to("2026-10-30T12:00:00Z").await;
        assert_eq!(host.mails().len(), 0, "{told}");
        let ended = outcomes(&host, id).await;
        assert_eq!(ended[0], Some(Outcome::Delivered));
        for outcome in &ended[1..] {
            let words = "the event was deleted".to_owned();
            assert_eq!(outcome, &Some(Outcome::Cancelled(words)), "{told}");
        }
        assert!(ended.len() <= 2, "{ended:?}");

        // Nor does switching the organizer off and on bring anything back.
        for enabled in [false, true] {
            let now = host.service.clock().now();
            let switched = host.storage().set_enabled("bigevents", enabled, "host", now).await;
            switched.expect("the store answers");
        }
        // The new event has schedules of its own.
        let own = host.create(CONF, JOHN, &daily()).await;
        host.advance_to("2026-11-02T12:00:00Z").await;
        assert!(host.mails().iter().all(|mail| mail.attachment.is_none()));
        assert_eq!(outcomes(&host, own).await, vec![Some(Outcome::Empty); 3]);
        assert_eq!(outcomes(&host, id).await, ended);
    }
}

#[tokio::test]
async fn what_is_on_its_way_of_a_deleted_event_is_cancelled() {
    for told in [true, false] {
        let host = Harness::start(&without_schedules(), EVE).await;
        host.mail
            .refuse("john@example.com", Some(Refusal::Transient("421 later".into())));
        let id = host.create(CONF, JOHN, &daily()).await;
        host.advance_to("2026-10-23T02:00:00Z").await;
        delete(&host, told).await;
        make_again(&host).await;
        host.mail.refuse("john@example.com", None);
        host.advance_to("2026-10-23T12:00:00Z").await;
        assert_eq!(host.mails().len(), 0, "{told}");
        let entry = host.history(id).await.remove(0).entry;
        assert!(
            matches!(entry.outcome, Some(Outcome::Cancelled(_))),
            "{told}: {entry:?}"
        );
        assert_eq!(entry.deliveries[0].status, DeliveryStatus::Cancelled);
        assert_eq!(entry.deliveries[0].response, "the event was deleted");
    }
}

#[tokio::test]
async fn who_may_change_settings_of_the_organizer_sees_what_is_left_of_a_deleted_event_and_can_delete_it() {
    let host = Harness::start(&without_schedules(), EVE).await;
    let id = host.create(CONF, JOHN, &daily()).await;
    assert_eq!(host.get(LEFT, VERA).await.body["count"], 0);
    delete(&host, true).await;
    make_again(&host).await;
    host.create(CONF, JOHN, &daily()).await;
    for caller in [MARY, DEVICE] {
        assert_eq!(host.get(LEFT, caller).await.status, 403, "{caller}");
    }
    assert_eq!(host.post(LEFT, VERA, &json!({})).await.status, 405);
    for caller in [JOHN, VERA, SETTINGS_TOKEN] {
        let left = host.get(LEFT, caller).await;
        let number = left.body["results"][0]["path"].clone();
        let expected = json!([{
            "event": "sampleconf", "name": "Sample Conf", "schedules": 1,
            "path": "/api/v1/organizers/bigevents/events/sampleconf~1/scheduled_exports/",
        }]);
        assert_eq!((left.status, &left.body["results"]), (200, &expected), "{number}");
    }
    let path = "/api/v1/organizers/bigevents/events/sampleconf~1/scheduled_exports/";
    let one = format!("{path}{id}/");
    for caller in [MARY, DEVICE, tests::SAM] {
        for path in [path, one.as_str()] {
            assert_eq!(host.get(path, caller).await.status, 403, "{caller}");
            assert_eq!(
                host.delete(path, caller).await.status,
                if path == one { 403 } else { 405 }
            );
        }
    }
    let list = host.get(path, VERA).await;
    assert_eq!((list.status, &list.body["results"][0]["id"]), (200, &json!(id)));
    assert_eq!(list.body["results"][0]["schedule_next_run"], Value::Null);
    assert_eq!(host.get(&one, VERA).await.status, 200);
    assert_eq!(host.get(&format!("{one}runs/"), VERA).await.status, 200);
    for (method, path) in [("POST", path), ("PATCH", &one), ("PUT", &one)] {
        let headers = [
            ("authorization", JOHN.as_bytes()),
            ("content-type", b"application/json".as_slice()),
        ];
        let refused = host.send(method, path, &headers, daily().to_string().as_bytes()).await;
        let refused = refused.expect("a request");
        assert_eq!(refused.status, 403, "{method}");
        assert!(
            refused.body["detail"]
                .as_str()
                .expect("a detail")
                .contains("was deleted")
        );
    }
    for nothing in [
        "sampleconf~2",
        "sampleconf~",
        "summerfest~1",
        "sampleconf~01",
        "~1",
        "sampleconf~99",
    ] {
        let path = format!("/api/v1/organizers/bigevents/events/{nothing}/scheduled_exports/");
        assert_eq!(host.get(&path, JOHN).await.status, 403, "{nothing}");
    }
    assert_eq!(host.delete(&one, VERA).await.status, 204);
    assert_eq!(host.get(LEFT, VERA).await.body["count"], 0);
    assert_eq!(host.get(CONF, JOHN).await.body["count"], 1, "the new event's is there");
}

#[tokio::test]
async fn a_schedule_that_lists_a_deleted_event_never_exports_a_later_one_of_its_slug_until_it_is_listed_again() {
    let host = Harness::start(&without_schedules(), EVE).await;
    let listed = |events: Value| json!({"export_form_data": {"_format": "xlsx", "events": events}});
    let document = but(daily(), listed(json!(["sampleconf"])));
    let id = host.create(BIG, JOHN, &document).await;
    let one = format!("{BIG}{id}/");
    host.advance_to("2026-10-23T12:00:00Z").await;
    delete(&host, true).await;
    make_again(&host).await;
    // Neither another subject nor the same list, given again, means the new event.
    for (day, changes) in [
        ("24", json!({"mail_subject": "Renamed"})),
        ("25", listed(json!(["sampleconf"]))),
    ] {
        let changed = host.patch(&one, JOHN, &changes).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        host.advance_to(&format!("2026-10-{day}T12:00:00Z")).await;
        let last = outcomes(&host, id).await.pop().expect("a run");
        assert!(matches!(&last, Some(Outcome::Failed(_))), "{last:?}");
    }
    assert_eq!(host.put(&one, JOHN, &document).await.status, 200);
    host.advance_to("2026-10-26T12:00:00Z").await;
    let last = outcomes(&host, id).await.pop().expect("a run");
    assert!(matches!(&last, Some(Outcome::Failed(_))), "{last:?}");
    // Taken out and listed again, it is the one that there is now. It has no orders.
    for events in [json!(["summerfest"]), json!(["sampleconf"])] {
        let changed = host.patch(&one, JOHN, &listed(events)).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
    }
    host.advance_to("2026-10-27T12:00:00Z").await;
    let last = outcomes(&host, id).await.pop().expect("a run");
    assert_eq!(last, Some(Outcome::Empty));
}

#[tokio::test]
async fn who_takes_a_list_over_does_not_export_a_later_event_of_a_listed_slug_until_it_is_listed_again() {
    let fixture = with(|fixture| {
        fixture["schedules"] = json!([]);
        let team = json!({"organizer": "bigevents", "name": "Deputies", "members": ["mary@example.org"], "events": "all",
                          "permissions": ["change_organizer_settings", "view_orders"], "api_tokens": []});
        fixture["teams"].as_array_mut().expect("teams").push(team);
    });
    let host = Harness::start(&fixture, EVE).await;
    let listed = |events: Value| json!({"export_form_data": {"_format": "xlsx", "events": events}});
    let id = host
        .create(BIG, JOHN, &but(daily(), listed(json!(["sampleconf"]))))
        .await;
    delete(&host, true).await;
    make_again(&host).await;
    let taken = host.post(&format!("{BIG}{id}/take_over/"), MARY, &json!({})).await;
    assert_eq!((taken.status, &taken.body["owner"]), (200, &json!("mary@example.org")));
    host.advance_to("2026-10-23T12:00:00Z").await;
    let last = outcomes(&host, id).await.pop().expect("a run");
    assert!(matches!(&last, Some(Outcome::Failed(_))), "{last:?}");
    let one = format!("{BIG}{id}/");
    for events in [json!(["summerfest"]), json!(["sampleconf"])] {
        assert_eq!(host.patch(&one, MARY, &listed(events)).await.status, 200);
    }
    host.advance_to("2026-10-24T12:00:00Z").await;
    assert_eq!(outcomes(&host, id).await.pop().expect("a run"), Some(Outcome::Empty));
}

#[tokio::test]
async fn of_several_listed_events_the_others_are_exported_and_one_that_is_added_later_is_meant_as_it_is_then() {
    let host = Harness::start(&without_schedules(), EVE).await;
    let listed =
        |events: Value| json!({"export_form_data": {"_format": "xlsx", "date_range": "past", "events": events}});
    let id = host
        .create(BIG, JOHN, &but(daily(), listed(json!(["summerfest"]))))
        .await;
    let one = format!("{BIG}{id}/");
    let rows = async || {
        let entry = host.history(id).await.remove(0).entry;
        assert_eq!(entry.outcome, Some(Outcome::Delivered));
        entry.rows.expect("rows")
    };
    host.advance_to("2026-10-23T02:00:00Z").await;
    let alone = rows().await;
    let both = listed(json!(["sampleconf", "summerfest"]));
    assert_eq!(host.patch(&one, JOHN, &both).await.status, 200);
    host.advance_to("2026-10-24T02:00:00Z").await;
    assert!(rows().await > alone + 100);
    delete(&host, true).await;
    make_again(&host).await;
    host.advance_to("2026-10-25T12:00:00Z").await;
    let later = rows().await;
    assert!(later >= alone && later < alone + 100, "{alone} {later}");
}

#[tokio::test]
async fn a_team_and_a_device_for_a_deleted_event_have_nothing_to_do_with_a_later_one_of_its_slug() {
    let fixture = with(|fixture| {
        fixture["schedules"] = json!([]);
        fixture["devices"][0]["events"] = json!(["sampleconf", "summerfest"]);
    });
    let host = Harness::start(&fixture, EVE).await;
    let foreign = host.get(tests::SMALL, JOHN).await;
    assert_eq!(host.get(CONF, MARY).await.status, 200);
    assert_ne!(
        host.get(CONF, DEVICE).await.bytes,
        foreign.bytes,
        "it sees that the event is there"
    );
    delete(&host, true).await;
    make_again(&host).await;
    let (team, device) = (host.get(CONF, MARY).await, host.get(CONF, DEVICE).await);
    assert_eq!((team.status, &team.bytes), (403, &foreign.bytes));
    assert_eq!((device.status, &device.bytes), (403, &foreign.bytes));
    assert_eq!(host.get(CONF, JOHN).await.status, 200);
}

#[tokio::test]
async fn what_is_left_of_a_deleted_event_is_for_settings_editors_of_all_events_alone() {
    let fixture = with(|fixture| {
        fixture["schedules"] = json!([]);
        let mut user = fixture["users"][2].clone();
        user["email"] = json!("olga@example.org");
        fixture["users"].as_array_mut().expect("users").push(user);
        let oauth = json!({"token": "olga-oauth", "user": "olga@example.org", "scopes": ["read", "write"],
                           "organizers": ["bigevents"]});
        fixture["oauth_tokens"].as_array_mut().expect("tokens").push(oauth);
        // Of all events she has no settings, of the organizer's settings no event but one. The deleted event she was never for.
        for (name, events, permissions) in [
            (
                "Some",
                json!(["summerfest"]),
                json!(["change_organizer_settings", "change_event_settings", "view_orders"]),
            ),
            ("Readers", json!("all"), json!(["change_event_settings", "view_orders"])),
        ] {
            let team = json!({"organizer": "bigevents", "name": name, "members": ["olga@example.org"], "events": events,
                              "permissions": permissions, "api_tokens": [format!("token-{name}")]});
            fixture["teams"].as_array_mut().expect("teams").push(team);
        }
    });
    let host = Harness::start(&fixture, EVE).await;
    let id = host.create(CONF, JOHN, &daily()).await;
    delete(&host, true).await;
    let path = "/api/v1/organizers/bigevents/events/sampleconf~1/scheduled_exports/";
    let one = format!("{path}{id}/");
    let foreign = host.get(tests::SMALL, JOHN).await;
    for caller in ["Bearer olga-oauth", "Token token-Some", "Token token-Readers"] {
        for path in [LEFT, path, &one, &format!("{one}runs/")] {
            let refused = host.get(path, caller).await;
            assert_eq!(
                (refused.status, &refused.bytes),
                (403, &foreign.bytes),
                "{caller} {path}"
            );
        }
        assert_eq!(host.delete(&one, caller).await.status, 403, "{caller}");
        if caller != "Token token-Readers" {
            assert_eq!(
                host.get(BIG, caller).await.status,
                200,
                "{caller} has the organizer's own"
            );
        }
    }
    assert_eq!(host.get(&one, VERA).await.status, 200);
    assert_eq!(host.get(LEFT, SETTINGS_TOKEN).await.body["count"], 1);
}
