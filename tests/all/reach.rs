//! Who may change a schedule is decided by what it may ever export, not by what its owner can export today: attacks by editors
//! who can export some events only, and what stays open to them.

use scheduled_exports_testing::{Harness, Method};
use serde_json::{Value, json};
use tests::{BIG, CONF, JOHN, SETTINGS_TOKEN, but, daily, with};

const NOON: &str = "2026-10-22T12:00:00Z";
const NEXT_NOON: &str = "2026-10-23T12:00:00Z";

/// Owns schedules. In the team `Her team`, where she has one.
const OLGA: &str = "Bearer olga-oauth";
/// Changes settings everywhere. In the team `Lists`: each event of today, by a list.
const LENA: &str = "Bearer lena-oauth";
/// A token of the team `Lists`.
const LISTS_TOKEN: &str = "Token lists-token";
const EACH_EVENT: [&str; 2] = ["sampleconf", "summerfest"];

/// The fixture without schedules, with Olga, who covers `hers`, and Lena.
fn fixture(hers: Value) -> String {
    with(|fixture| {
        fixture["schedules"] = json!([]);
        let push = |list: &mut Value, entry: Value| list.as_array_mut().expect("a list").push(entry);
        for name in ["olga", "lena"] {
            let email = format!("{name}@example.com");
            push(
                &mut fixture["users"],
                json!({"email": email, "name": name, "locale": "en"}),
            );
            push(
                &mut fixture["oauth_tokens"],
                json!({"token": format!("{name}-oauth"), "user": email, "scopes": ["read", "write"], "organizers": ["bigevents"]}),
            );
        }
        for (name, member, events, permissions, tokens) in [
            ("Her team", "olga@example.com", hers, json!(["view_orders"]), json!([])),
            (
                "Lists",
                "lena@example.com",
                json!(EACH_EVENT),
                json!(["change_organizer_settings", "change_event_settings", "view_orders"]),
                json!(["lists-token"]),
            ),
            // A right to settings of all events, and none to their orders.
            (
                "Settings",
                "lena@example.com",
                json!("all"),
                json!(["change_organizer_settings", "change_event_settings"]),
                json!([]),
            ),
        ] {
            push(
                &mut fixture["teams"],
                json!({"organizer": "bigevents", "name": name, "members": [member], "events": events,
                       "permissions": permissions, "api_tokens": tokens}),
            );
        }
    })
}

/// A daily order list at organizer level, of these events.
fn across(events: &Value) -> Value {
    let form = but(json!({"_format": "xlsx", "date_range": "days_last14"}), events.clone());
    but(daily(), json!({ "export_form_data": form }))
}

async fn id_of(host: &Harness, email: &str) -> String {
    let found = host.platform().user_by_email(email).await;
    found
        .expect("the platform answers")
        .unwrap_or_else(|| panic!("{email}"))
        .id
}

/// All that a change may be about.
fn changes() -> Vec<Value> {
    let mut changes = vec![
        json!({}),
        json!({"mail_subject": "Mine"}),
        json!({"mail_template": "Mine."}),
        json!({"locale": "de"}),
        json!({"timezone": "America/New_York"}),
        json!({"schedule_rrule_time": "05:00:00"}),
        json!({"schedule_rrule": "FREQ=WEEKLY;BYDAY=MO"}),
        json!({"export_form_data": {"_format": "xlsx", "events": ["sampleconf"]}}),
        json!({"export_identifier": "dailysales", "export_form_data": {"events": ["sampleconf"]}}),
    ];
    for list in ["", "_cc", "_bcc"] {
        changes.push(json!({ format!("mail_additional_recipients{list}"): "lena@example.com" }));
    }
    changes
}

async fn take_over(host: &Harness, path: &str, who: &str) -> u16 {
    let path = format!("{path}take_over/");
    host.request(Method::POST, &path, who, &[], None).await.status
}

/// These callers change nothing of the schedule, and cannot take it over.
async fn is_closed_to(host: &Harness, path: &str, callers: &[&str], place: &str) {
    let before = host.get(path, JOHN).await;
    for caller in callers {
        for change in changes() {
            let refused = host.patch(path, caller, &change).await;
            assert_eq!(refused.status, 403, "{place}: {caller} {change}: {}", refused.body);
        }
        let whole = but(
            across(&json!({"all_events": true})),
            json!({"mail_additional_recipients": "lena@example.com"}),
        );
        assert_eq!(host.put(path, caller, &whole).await.status, 403, "{place}: {caller}");
        assert_eq!(take_over(host, path, caller).await, 403, "{place}: {caller}");
    }
    let after = host.get(path, JOHN).await;
    assert_eq!(
        (&after.body, &after.headers["etag"]),
        (&before.body, &before.headers["etag"]),
        "{place}"
    );
}

/// What Olga can export: her team covers these events, and then this happens to her.
#[derive(Clone, Copy, Debug)]
enum Olga {
    ReachesAll,
    HasEachEventByAList,
    HasOneEventByAList,
    IsInNoTeam,
    IsInactive,
    IsGone,
}

const OLGAS: [Olga; 6] = [
    Olga::ReachesAll,
    Olga::HasEachEventByAList,
    Olga::HasOneEventByAList,
    Olga::IsInNoTeam,
    Olga::IsInactive,
    Olga::IsGone,
];

/// A host where Olga has this schedule, and then is so. With its path.
async fn owned(olga: Olga, events: &Value) -> (Harness, String) {
    let hers = match olga {
        Olga::HasEachEventByAList => json!(EACH_EVENT),
        Olga::HasOneEventByAList => json!(["sampleconf"]),
        _ => json!("all"),
    };
    let host = Harness::start(&fixture(hers), NOON).await;
    let path = format!("{BIG}{}/", host.create(BIG, OLGA, &across(events)).await);
    let id = id_of(&host, "olga@example.com").await;
    let platform = host.platform();
    let done = match olga {
        Olga::IsInNoTeam => platform.remove_team_member("bigevents", "Her team", &id).await,
        Olga::IsInactive => platform.set_user_active(&id, false).await,
        Olga::IsGone => platform.remove_user(&id).await,
        _ => Ok(()),
    };
    done.expect("the platform answers");
    (host, path)
}

#[tokio::test]
async fn a_schedule_of_all_events_is_closed_to_editors_of_some_whatever_its_owner_can_export_today() {
    for olga in OLGAS {
        for events in [json!({"all_events": true}), json!({})] {
            let (host, path) = owned(olga, &events).await;
            let place = format!("{olga:?}, {events}");
            is_closed_to(&host, &path, &[LENA, LISTS_TOKEN], &place).await;
            // They see it, and can stop it.
            assert_eq!(host.get(&path, LENA).await.status, 200, "{place}");
            assert_eq!(host.delete(&path, LENA).await.status, 204, "{place}");
        }
    }
}

#[tokio::test]
async fn a_schedule_of_all_events_is_open_to_editors_of_all_whatever_its_owner_can_export_today() {
    for olga in OLGAS {
        let (host, path) = owned(olga, &json!({"all_events": true})).await;
        for caller in [JOHN, SETTINGS_TOKEN] {
            let changed = host.patch(&path, caller, &json!({"mail_template": "Other."})).await;
            assert_eq!(changed.status, 200, "{olga:?}: {caller}: {}", changed.body);
        }
        assert_eq!(take_over(&host, &path, JOHN).await, 200, "{olga:?}");
    }
}

#[tokio::test]
async fn a_schedule_of_some_events_is_open_to_who_can_export_these_whatever_its_owner_can_export_today() {
    for olga in [Olga::ReachesAll, Olga::IsInNoTeam, Olga::IsInactive, Olga::IsGone] {
        let (host, path) = owned(olga, &json!({"events": EACH_EVENT})).await;
        let both = json!({"mail_additional_recipients": "lena@example.com"});
        assert_eq!(host.patch(&path, LENA, &both).await.status, 200, "{olga:?}");
        assert_eq!(take_over(&host, &path, LENA).await, 200, "{olga:?}");
    }
}

#[tokio::test]
async fn an_owner_who_comes_back_to_all_teams_sends_nothing_to_an_editor_of_some_events() {
    let (host, path) = owned(Olga::IsInNoTeam, &json!({"all_events": true})).await;
    let to_lena = json!({"mail_additional_recipients_bcc": "lena@example.com"});
    assert_eq!(host.patch(&path, LENA, &to_lena).await.status, 403);
    let olga = id_of(&host, "olga@example.com").await;
    let back = host.platform().add_team_member("bigevents", "Her team", &olga).await;
    back.expect("the platform answers");
    host.advance_to(NEXT_NOON).await;
    let recipients: Vec<String> = host.mails().into_iter().map(|mail| mail.recipient).collect();
    assert_eq!(recipients, ["olga@example.com"]);
}

#[tokio::test]
async fn an_editor_of_each_event_of_today_does_not_widen_a_schedule_to_all() {
    let (host, path) = owned(Olga::ReachesAll, &json!({"events": ["sampleconf"]})).await;
    for caller in [LENA, LISTS_TOKEN] {
        for events in [json!({"all_events": true}), json!({})] {
            let form = json!({"export_form_data": across(&events)["export_form_data"]});
            let refused = host.patch(&path, caller, &form).await;
            let why = &refused.body["export_form_data"]["all_events"][0];
            assert_eq!(refused.status, 400, "{caller} {events}: {}", refused.body);
            assert!(
                why.as_str().is_some_and(|why| why.contains("future events")),
                "{}",
                refused.body
            );
            // By way of another exporter neither.
            let other = json!({"export_identifier": "dailysales", "export_form_data": events});
            assert_eq!(host.patch(&path, caller, &other).await.status, 400, "{caller} {events}");
        }
        let each = json!({"export_form_data": {"_format": "xlsx", "events": EACH_EVENT}});
        assert_eq!(host.patch(&path, caller, &each).await.status, 200, "{caller}: by name");
    }
    let all = json!({"export_form_data": {"_format": "xlsx", "all_events": true}});
    assert_eq!(host.patch(&path, JOHN, &all).await.status, 200, "who reaches all does");
}

/// Who adds an event to the list of another user adds none that this one could not export.
#[tokio::test]
async fn an_event_is_added_for_an_inactive_owner_only_if_they_reach_it_once_active() {
    for (hers, status) in [(json!(EACH_EVENT), 200), (json!(["sampleconf"]), 400)] {
        let host = Harness::start(&fixture(hers.clone()), NOON).await;
        let id = host
            .create(BIG, OLGA, &across(&json!({"events": ["sampleconf"]})))
            .await;
        let olga = id_of(&host, "olga@example.com").await;
        let inactive = host.platform().set_user_active(&olga, false).await;
        inactive.expect("the platform answers");
        let both = json!({"export_form_data": {"_format": "xlsx", "events": EACH_EVENT}});
        let answer = host.patch(&format!("{BIG}{id}/"), LENA, &both).await;
        assert_eq!(answer.status, status, "{hers}: {}", answer.body);
    }
}

#[tokio::test]
async fn an_owner_makes_a_schedule_of_all_events_of_those_by_a_list() {
    let host = Harness::start(&fixture(json!(["sampleconf"])), NOON).await;
    let path = format!(
        "{BIG}{}/",
        host.create(BIG, OLGA, &across(&json!({"all_events": true}))).await
    );
    for change in changes() {
        let answer = host.patch(&path, OLGA, &change).await;
        assert_eq!(answer.status, 200, "{change}: {}", answer.body);
    }
}

#[tokio::test]
async fn at_an_event_the_right_to_export_it_is_all_that_a_change_needs() {
    let host = Harness::start(&fixture(json!("all")), NOON).await;
    let path = format!("{CONF}{}/", host.create(CONF, OLGA, &daily()).await);
    let olga = id_of(&host, "olga@example.com").await;
    let left = host.platform().remove_team_member("bigevents", "Her team", &olga).await;
    left.expect("the platform answers");
    for caller in [LENA, LISTS_TOKEN] {
        let changed = host.patch(&path, caller, &json!({"mail_template": "Other."})).await;
        assert_eq!(changed.status, 200, "{caller}: {}", changed.body);
    }
    assert_eq!(take_over(&host, &path, LENA).await, 200);
}
