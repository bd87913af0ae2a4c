//! behaviour.md, 3.4 and section 5: what happens when the owner loses rights or leaves, who is told, and how somebody else
//! takes a schedule over.

use scheduled_exports_host::contract::{Content, Outcome, Recipients};
use scheduled_exports_store::{Row, Scope, Visible};
use scheduled_exports_testing::{Harness, Mail, Method};
use serde_json::{Value, json};
use tests::{
    BIG, CONF, DEVICE, FEST, JOHN, JOHN_READING, MARY, ORDERS_TOKEN, SAM, SETTINGS_TOKEN, SMALL, VERA, but, daily,
    with, without_schedules,
};

const NOON: &str = "2026-10-22T12:00:00Z";
const NEXT_NOON: &str = "2026-10-23T12:00:00Z";

async fn id_of(host: &Harness, email: &str) -> String {
    let found = host
        .platform()
        .user_by_email(email)
        .await
        .expect("the platform answers");
    found.unwrap_or_else(|| panic!("{email}")).id
}

async fn latest(host: &Harness, schedule: u64) -> Outcome {
    let row = host.history(schedule).await.into_iter().next().expect("a run");
    row.entry.outcome.expect("an outcome")
}

fn code(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Failed((code, _)) => code,
        other => panic!("not failed: {other:?}"),
    }
}

fn told(mails: &[Mail]) -> Vec<&str> {
    let mut told: Vec<&str> = mails.iter().map(|mail| mail.recipient.as_str()).collect();
    told.sort_unstable();
    told
}

/// The fixture with `people` more users, all in a team that may change settings of Sample Conf.
fn with_managers(people: usize) -> String {
    with(|fixture| {
        fixture["schedules"] = json!([]);
        let emails: Vec<String> = (0..people).map(|at| format!("manager{at:02}@example.com")).collect();
        for email in &emails {
            let user = json!({"email": email, "name": "Manager", "locale": "en"});
            fixture["users"].as_array_mut().expect("users").push(user);
        }
        let team = json!({"organizer": "bigevents", "name": "Managers", "members": emails, "events": ["sampleconf"],
                          "permissions": ["change_event_settings"], "api_tokens": []});
        fixture["teams"].as_array_mut().expect("teams").push(team);
    })
}

#[tokio::test]
async fn without_an_active_owner_those_who_may_change_settings_are_told_and_at_most_ten() {
    // John and Vera may, too: 10 and 12 people in all.
    for (managers, want) in [(7, 9), (8, 10), (10, 10)] {
        for gone in [false, true] {
            let host = Harness::start(&with_managers(managers), NOON).await;
            let id = host.create(CONF, MARY, &daily()).await;
            let mary = id_of(&host, "mary@example.org").await;
            if gone {
                host.platform().remove_user(&mary).await.expect("removed");
            } else {
                host.platform()
                    .set_user_active(&mary, false)
                    .await
                    .expect("deactivated");
            }
            host.advance_to(NEXT_NOON).await;
            let want_code = if gone { "owner-gone" } else { "owner-inactive" };
            assert_eq!(code(&latest(&host, id).await), want_code);
            let mails = host.mails();
            assert_eq!(mails.len(), want, "{:?}", told(&mails));
            let mut once = told(&mails);
            once.dedup();
            assert_eq!(once.len(), want, "each once");
            assert!(!once.contains(&"mary@example.org"));
            assert!(mails.iter().all(|mail| mail.attachment.is_none()));
            // In her language; once she is gone, in the host's.
            let way_on = if gone { "take it over" } else { "übernehmen" };
            assert!(mails[0].text.contains(way_on), "{}", mails[0].text);
            let shown = host.get(&format!("{CONF}{id}/"), JOHN).await.body;
            let owner = if gone { json!(null) } else { json!("mary@example.org") };
            assert_eq!((&shown["owner"], &shown["error_counter"]), (&owner, &json!(1)));
        }
    }
}

#[tokio::test]
async fn an_inactive_manager_is_not_told_of_an_owner_who_is_gone() {
    let host = Harness::start(&without_schedules(), NOON).await;
    host.create(CONF, MARY, &daily()).await;
    for (email, gone) in [("mary@example.org", true), ("vera@example.org", false)] {
        let user = id_of(&host, email).await;
        if gone {
            host.platform().remove_user(&user).await.expect("removed");
        } else {
            host.platform()
                .set_user_active(&user, false)
                .await
                .expect("deactivated");
        }
    }
    host.advance_to(NEXT_NOON).await;
    assert_eq!(told(&host.mails()), ["john@example.com"]);
}

#[tokio::test]
async fn an_active_owner_who_left_the_team_is_told_himself_and_nobody_gets_data() {
    let host = Harness::start(&without_schedules(), NOON).await;
    let document = but(daily(), json!({"mail_additional_recipients": "finance@example.com"}));
    let id = host.create(CONF, MARY, &document).await;
    let mary = id_of(&host, "mary@example.org").await;
    let left = host
        .platform()
        .remove_team_member("bigevents", "Box office", &mary)
        .await;
    left.expect("removed");
    host.advance_to(NEXT_NOON).await;
    assert_eq!(code(&latest(&host, id).await), "owner-not-permitted");
    assert_eq!(told(&host.mails()), ["mary@example.org"]);
}

/// John reads orders of each event through a team of its own, and nowhere else.
fn team_for_each_event() -> String {
    with(|fixture| {
        fixture["schedules"] = json!([]);
        let teams = fixture["teams"].as_array_mut().expect("teams");
        teams[0]["permissions"] = json!(["change_organizer_settings", "change_event_settings"]);
        for (name, event) in [("Conf", "sampleconf"), ("Fest", "summerfest")] {
            teams.push(
                json!({"organizer": "bigevents", "name": name, "members": ["john@example.com"],
                              "events": [event], "permissions": ["view_orders"], "api_tokens": []}),
            );
        }
    })
}

#[tokio::test]
async fn an_owner_who_loses_one_event_exports_the_rest_and_with_the_last_one_nothing() {
    for form in [
        json!({"_format": "default", "date_range": "days_last14", "all_events": true}),
        json!({"_format": "default", "date_range": "days_last14", "events": ["sampleconf", "summerfest"]}),
    ] {
        let host = Harness::start(&team_for_each_event(), NOON).await;
        let id = host
            .create(BIG, JOHN, &but(daily(), json!({"export_form_data": form})))
            .await;
        let john = id_of(&host, "john@example.com").await;
        let csv = |mails: &[Mail]| {
            let (_, bytes) = mails[0].attachment.clone().expect("a file");
            String::from_utf8(bytes).expect("text")
        };
        host.advance_to(NEXT_NOON).await;
        let both = csv(&host.take_mails());
        assert!(both.contains("Sample Conf") && both.contains("Summer Fest"), "{both}");

        let platform = host.platform();
        platform
            .remove_team_member("bigevents", "Fest", &john)
            .await
            .expect("removed");
        host.advance_to("2026-10-24T12:00:00Z").await;
        assert_eq!(latest(&host, id).await, Outcome::Delivered);
        let one = csv(&host.take_mails());
        assert!(one.contains("Sample Conf") && !one.contains("Summer Fest"), "{one}");

        platform
            .remove_team_member("bigevents", "Conf", &john)
            .await
            .expect("removed");
        host.advance_to("2026-10-25T12:00:00Z").await;
        assert_eq!(code(&latest(&host, id).await), "owner-not-permitted");
        let mails = host.take_mails();
        assert_eq!(
            (told(&mails), mails[0].attachment.is_none()),
            (vec!["john@example.com"], true)
        );
    }
}

#[tokio::test]
async fn a_withdrawn_exporter_fails_the_run_and_the_owner_can_choose_another() {
    let host = Harness::start(&without_schedules(), NOON).await;
    let id = host.create(CONF, MARY, &daily()).await;
    let seen = Visible {
        scope: Scope {
            organizer: "bigevents".into(),
            event: Some("sampleconf".into()),
        },
        only_owner: None,
    };
    let row = host.storage().get(&seen, id).await;
    let row = row.expect("the store answers").expect("the schedule");
    // Put straight into the store: no caller can choose an exporter that is not there.
    let withdrawn = Row {
        id: 900,
        content: Content {
            export_identifier: "withdrawn".into(),
            recipients: Recipients {
                to: vec!["finance@example.com".into()],
                cc: Vec::new(),
                bcc: Vec::new(),
            },
            ..row.content
        },
        ..row
    };
    host.delete(&format!("{CONF}{id}/"), MARY).await;
    host.storage().seed(&withdrawn, "2026a", 0).await.expect("seeded");
    host.advance_to(NEXT_NOON).await;
    assert_eq!(code(&latest(&host, 900).await), "owner-not-permitted");
    let mails = host.take_mails();
    assert_eq!(told(&mails), ["mary@example.org"]);
    assert!(
        mails[0].text.contains("Exportart"),
        "in her language: {}",
        mails[0].text
    );
    let path = format!("{CONF}900/");
    let kept = host.patch(&path, MARY, &json!({"mail_subject": "Still here"})).await;
    assert_eq!(
        (kept.status, &kept.body["error_counter"]),
        (200, &json!(0)),
        "{}",
        kept.body
    );
    let chosen = host
        .patch(&path, MARY, &json!({"export_identifier": "orderlist"}))
        .await;
    assert_eq!(chosen.status, 200, "{}", chosen.body);
    host.advance_to("2026-10-24T12:00:00Z").await;
    assert_eq!(latest(&host, 900).await, Outcome::Delivered);
}

#[tokio::test]
async fn a_deleted_event_ends_its_schedules_runs_and_who_listed_it_is_told() {
    let host = Harness::start(&without_schedules(), NOON).await;
    let id = host.create(FEST, JOHN, &daily()).await;
    let form = json!({"_format": "xlsx", "date_range": "days_last14", "events": ["summerfest"]});
    let across = host
        .create(BIG, JOHN, &but(daily(), json!({"export_form_data": form})))
        .await;
    let deleted = host.platform().delete_event("bigevents", "summerfest").await;
    deleted.expect("deleted");
    assert_eq!(host.get(&format!("{FEST}{id}/"), JOHN).await.status, 403);
    host.advance_to(NEXT_NOON).await;
    let called_off = latest(&host, id).await;
    assert_eq!(called_off, Outcome::Cancelled("the event was deleted".into()));
    let of_event = latest(&host, across).await;
    assert!(matches!(of_event, Outcome::Failed(_)), "{of_event:?}");
    let mails = host.mails();
    assert_eq!(told(&mails), ["john@example.com"]);
    assert!(mails.iter().all(|mail| mail.attachment.is_none()));
}

async fn take_over(host: &Harness, list: &str, id: u64, who: &str) -> (u16, Value) {
    let path = format!("{list}{id}/take_over/");
    let answer = host.request(Method::POST, &path, who, &[], None).await;
    (answer.status, answer.body)
}

#[tokio::test]
async fn who_can_take_what_over() {
    let host = Harness::start(&without_schedules(), NOON).await;
    let id = host.create(CONF, MARY, &daily()).await;
    let others = host.create(CONF, JOHN, &daily()).await;
    for (who, schedule, status) in [
        ("", id, 401),
        (JOHN_READING, id, 403),
        (VERA, id, 403),           // settings, no orders
        (MARY, others, 404),       // orders, no settings: she does not see it
        (SETTINGS_TOKEN, id, 403), // nobody
        (ORDERS_TOKEN, id, 403),
        (DEVICE, id, 403),
        (SAM, id, 403), // not his organizer
        (JOHN, 999, 404),
    ] {
        let (answered, body) = take_over(&host, CONF, schedule, who).await;
        assert_eq!(answered, status, "{who} {schedule}: {body}");
    }
    // By another path it is not there, and by another organizer's neither.
    assert_eq!(take_over(&host, BIG, id, JOHN).await.0, 404);
    assert_eq!(take_over(&host, FEST, id, JOHN).await.0, 404);
    assert_eq!(take_over(&host, SMALL, id, SAM).await.0, 404);
    let before = host.get(&format!("{CONF}{id}/"), JOHN).await;
    assert_eq!(
        (&before.body["owner"], &before.headers["etag"]),
        (&json!("mary@example.org"), &"\"v1\"".parse().expect("a header"))
    );
    // Nobody is told of what was refused.
    host.advance_to("2026-10-22T13:00:00Z").await;
    assert_eq!(told(&host.mails()), Vec::<&str>::new());

    let (status, body) = take_over(&host, CONF, id, JOHN).await;
    assert_eq!(
        (status, &body["owner"], &body["id"]),
        (200, &json!("john@example.com"), &json!(id))
    );
    // Hers no longer, so out of her sight.
    assert_eq!(host.get(&format!("{CONF}{id}/"), MARY).await.status, 404);
    assert_eq!(take_over(&host, CONF, id, MARY).await.0, 404);
    // His own stays as it is.
    assert_eq!(take_over(&host, CONF, id, JOHN).await.0, 200);
    let after = host.get(&format!("{CONF}{id}/"), JOHN).await;
    assert_eq!(after.headers["etag"], "\"v2\"");
}

#[tokio::test]
async fn a_take_over_of_a_version_that_is_no_longer_stored_changes_nothing() {
    let host = Harness::start(&without_schedules(), NOON).await;
    let made = host.post(CONF, MARY, &daily()).await;
    let one = format!("{CONF}{}/", made.body["id"]);
    let take_over = async |name: &str, tag: &str| {
        let path = format!("{one}take_over/");
        host.request(Method::POST, &path, JOHN, &[(name, tag)], None)
            .await
            .status
    };
    let seen = made.header("etag");
    let bcc = json!({"mail_additional_recipients_bcc": "eve@example.org"});
    assert_eq!(host.patch(&one, JOHN, &bcc).await.status, 200);
    for (name, tag) in [
        ("if-match", seen),
        ("if-match", "W/\"v2\""),
        ("if-match", ""),
        ("if-none-match", "*"),
        ("if-none-match", "\"v2\""),
    ] {
        assert_eq!(take_over(name, tag).await, 412, "{name}: {tag}");
    }
    let after = host.get(&one, JOHN).await;
    assert_eq!(
        (&after.body["owner"], after.header("etag")),
        (&json!("mary@example.org"), "\"v2\"")
    );
    assert_eq!(take_over("if-match", "\"v1\", \"v2\"").await, 200);
    let after = host.get(&one, JOHN).await;
    assert_eq!(
        (&after.body["owner"], after.header("etag")),
        (&json!("john@example.com"), "\"v3\"")
    );
    assert_eq!(
        take_over("if-match", seen).await,
        412,
        "it is his, and not what he has seen"
    );
}

#[tokio::test]
async fn a_handover_starts_a_stopped_schedule_again_is_audited_and_the_former_owner_is_told_once() {
    let fixture = with(|fixture| {
        let own = json!({"id": 70, "organizer": "bigevents", "event": "sampleconf", "owner": "mary@example.org",
                         "error_counter": 5, "mail_additional_recipients": "finance@example.com"});
        fixture["schedules"] = json!([but(daily(), own)]);
    });
    let host = Harness::start(&fixture, NOON).await;
    let stopped = host.get(&format!("{CONF}70/"), JOHN).await.body;
    assert_eq!(stopped["schedule_next_run"], json!(null));
    let path = format!("{CONF}70/take_over/");
    let key = [("idempotency-key", "once")];
    for replay in [false, true] {
        let answer = host.request(Method::POST, &path, JOHN, &key, None).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.headers.contains_key("idempotency-replayed"), replay);
        assert_eq!(answer.body["schedule_next_run"], "2026-10-23T02:00:00Z");
        assert_eq!(answer.body["error_counter"], 0);
    }
    host.advance_to("2026-10-22T12:15:00Z").await;
    let mails = host.take_mails();
    assert_eq!(told(&mails), ["mary@example.org"]);
    assert_eq!(mails[0].subject, "Geplanter Export übernommen: Orders");
    assert!(mails[0].text.contains("john@example.com"), "{}", mails[0].text);
    let audit = host.storage().audit("bigevents", 1).await.expect("the store answers");
    let [john, mary] = [
        id_of(&host, "john@example.com").await,
        id_of(&host, "mary@example.org").await,
    ];
    assert_eq!(
        (
            audit[0].action.as_str(),
            audit[0].actor.as_str(),
            audit[0].detail.as_str()
        ),
        (
            "taken-over",
            &*format!("user:{john}"),
            &*format!("by user:{john} from user:{mary}; state: \"stopped\" → \"active\"")
        )
    );
    // It runs with his rights, and he is in Cc where she was.
    host.advance_to(NEXT_NOON).await;
    assert_eq!(latest(&host, 70).await, Outcome::Delivered);
    let mails = host.take_mails();
    assert_eq!(told(&mails), ["finance@example.com", "john@example.com"]);
}

#[tokio::test]
async fn a_former_owner_who_is_gone_or_inactive_is_no_obstacle_and_gets_no_mail() {
    for gone in [false, true] {
        let host = Harness::start(&without_schedules(), NOON).await;
        let id = host.create(CONF, MARY, &daily()).await;
        let mary = id_of(&host, "mary@example.org").await;
        if gone {
            host.platform().remove_user(&mary).await.expect("removed");
        } else {
            host.platform()
                .set_user_active(&mary, false)
                .await
                .expect("deactivated");
        }
        let (status, body) = take_over(&host, CONF, id, JOHN).await;
        assert_eq!((status, &body["owner"]), (200, &json!("john@example.com")));
        host.advance_to(NEXT_NOON).await;
        assert_eq!(latest(&host, id).await, Outcome::Delivered);
        assert_eq!(told(&host.mails()), ["john@example.com"]);
    }
}

/// Vera changes settings and may export Sample Conf, Mary both events.
fn vera_reads_one_event_and_mary_both() -> String {
    with(|fixture| {
        fixture["schedules"] = json!([]);
        let teams = fixture["teams"].as_array_mut().expect("teams");
        // Beside what they had.
        teams.push(
            json!({"organizer": "bigevents", "name": "Conf", "members": ["vera@example.org"],
                          "events": ["sampleconf"], "permissions": ["view_orders"], "api_tokens": []}),
        );
        teams.push(
            json!({"organizer": "bigevents", "name": "Both", "members": ["mary@example.org"],
                          "events": "all", "permissions": ["view_orders"], "api_tokens": []}),
        );
    })
}

/// A daily order list at organizer level, of these events.
fn across(events: Value) -> Value {
    let form = but(json!({"_format": "xlsx", "date_range": "days_last14"}), events);
    but(daily(), json!({ "export_form_data": form }))
}

#[tokio::test]
async fn across_events_one_takes_over_only_what_he_could_export_himself() {
    let host = Harness::start(&vera_reads_one_event_and_mary_both(), NOON).await;
    let all = host.create(BIG, MARY, &across(json!({"all_events": true}))).await;
    let fest = host.create(BIG, MARY, &across(json!({"events": ["summerfest"]}))).await;
    let conf = host.create(BIG, MARY, &across(json!({"events": ["sampleconf"]}))).await;
    for (id, status) in [(all, 403), (fest, 403), (conf, 200)] {
        let (answered, body) = take_over(&host, BIG, id, VERA).await;
        assert_eq!(answered, status, "{id}: {body}");
    }
    for id in [all, fest, conf] {
        assert_eq!(take_over(&host, BIG, id, JOHN).await.0, 200, "{id}");
    }
    host.advance_to("2026-10-22T12:15:00Z").await;
    // Mary of all three in one mail, and Vera, who had one for a moment.
    let mails = host.mails();
    assert_eq!(told(&mails), ["mary@example.org", "vera@example.org"]);
    let marys = mails.iter().find(|mail| mail.recipient == "mary@example.org");
    assert_eq!(marys.expect("a mail").text.matches("übernommen").count(), 3);
}

#[tokio::test]
async fn while_an_owner_is_inactive_his_events_count_for_who_may_change_his_schedule_of_all_events() {
    let host = Harness::start(&vera_reads_one_event_and_mary_both(), NOON).await;
    let all = host.create(BIG, MARY, &across(json!({"all_events": true}))).await;
    let conf = host.create(BIG, MARY, &across(json!({"events": ["sampleconf"]}))).await;
    let mary = id_of(&host, "mary@example.org").await;
    let platform = host.platform();
    platform.set_user_active(&mary, false).await.expect("deactivated");
    let to_vera = json!({"mail_additional_recipients": "vera@example.com"});
    let path = |id: u64| format!("{BIG}{id}/");
    assert_eq!(host.patch(&path(all), VERA, &to_vera).await.status, 403);
    assert_eq!(take_over(&host, BIG, all, VERA).await.0, 403);
    // What she reads herself she may have sent to her; and John reads all that Mary does.
    assert_eq!(host.patch(&path(conf), VERA, &to_vera).await.status, 200);
    let renamed = json!({"mail_subject": "All orders"});
    assert_eq!(host.patch(&path(all), JOHN, &renamed).await.status, 200);
    platform.set_user_active(&mary, true).await.expect("activated");
    host.advance_to(NEXT_NOON).await;
    let mails = host.mails();
    let subjects = |address: &str| {
        let own = mails.iter().filter(move |mail| mail.recipient == address);
        own.map(|mail| mail.subject.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(subjects("vera@example.com"), ["Orders"]);
    let mut marys = subjects("mary@example.org");
    marys.sort_unstable();
    assert_eq!(marys, ["All orders", "Orders"]);
}

#[tokio::test]
async fn a_schedule_that_lists_a_deleted_event_is_taken_over_without_it() {
    for gone in [true, false] {
        let host = Harness::start(&vera_reads_one_event_and_mary_both(), NOON).await;
        let both = json!({"events": ["summerfest", "sampleconf"]});
        let both = host.create(BIG, MARY, &across(both)).await;
        let only = host.create(BIG, MARY, &across(json!({"events": ["summerfest"]}))).await;
        assert_eq!(take_over(&host, BIG, both, VERA).await.0, 403, "summerfest is there");
        let deleted = host.platform().delete_event("bigevents", "summerfest").await;
        deleted.expect("deleted");
        if gone {
            let mary = id_of(&host, "mary@example.org").await;
            host.platform().remove_user(&mary).await.expect("removed");
        }
        let (status, body) = take_over(&host, BIG, both, VERA).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["export_form_data"]["events"], json!(["sampleconf"]));
        let (status, body) = take_over(&host, BIG, only, VERA).await;
        let words = body["detail"].as_str().expect("words");
        assert!(
            status == 403 && words.contains("Delete it and create a new one"),
            "{words}"
        );
        assert_eq!(host.delete(&format!("{BIG}{only}/"), VERA).await.status, 204);
        host.advance_to(NEXT_NOON).await;
        assert_eq!(latest(&host, both).await, Outcome::Delivered);
    }
}
