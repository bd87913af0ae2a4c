//! Who reaches all events, those to come included, and who each event of today.

use serde_json::json;

use super::*;

on_both! {
    all_events_are_reached_by_a_team_of_all_with_the_right_to_orders_and_by_no_sum_of_others,
}

async fn all_events_are_reached_by_a_team_of_all_with_the_right_to_orders_and_by_no_sum_of_others(on: On) {
    let mut fixture: Value = serde_json::from_str(BIGEVENTS).expect("JSON");
    fixture["schedules"] = json!([]);
    let each = json!(["sampleconf", "summerfest"]);
    let push = |list: &mut Value, entry: Value| list.as_array_mut().expect("a list").push(entry);
    let people = [
        // Settings of all events, and orders of each by a list.
        (
            "sum",
            vec![(json!("all"), "change_event_settings"), (each.clone(), "view_orders")],
        ),
        (
            "lists",
            vec![
                (json!(["sampleconf"]), "view_orders"),
                (json!(["summerfest"]), "view_orders"),
            ],
        ),
        (
            "all",
            vec![(json!(["sampleconf"]), "view_orders"), (json!("all"), "view_orders")],
        ),
        ("off", vec![(json!("all"), "view_orders")]),
    ];
    for (name, teams) in &people {
        let email = format!("{name}@example.com");
        push(
            &mut fixture["users"],
            json!({"email": email, "name": name, "locale": "en", "active": *name != "off"}),
        );
        for (number, (events, permission)) in teams.iter().enumerate() {
            push(
                &mut fixture["teams"],
                json!({"organizer": "bigevents", "name": format!("{name} {number}"), "members": [email], "events": events,
                       "permissions": [permission], "api_tokens": [format!("{name}-{number}-token")]}),
            );
        }
    }
    let world = World::of(on, &fixture.to_string()).await;
    let platform = &world.platform;
    let reach = |who: Subject, organizer: &'static str| async move {
        let reach = platform.usable_events(&who, organizer, "orderlist", None).await;
        match reach.expect("answers") {
            Reach::AllEvents => "all".to_owned(),
            Reach::Events(slugs) => slugs.join(" "),
        }
    };
    for (name, active, once_active) in [
        ("sum", "sampleconf summerfest", "sampleconf summerfest"),
        ("lists", "sampleconf summerfest", "sampleconf summerfest"),
        ("all", "all", "all"),
        ("off", "", "all"),
    ] {
        let user = platform.user_by_email(&format!("{name}@example.com")).await;
        let id = user.expect("answers").expect("a user").id;
        assert_eq!(reach(Subject::Owner(id.clone()), "bigevents").await, active, "{name}");
        let once = reach(Subject::OwnerOnceActive(id.clone()), "bigevents").await;
        assert_eq!(once, once_active, "{name}");
        assert_eq!(reach(Subject::OwnerOnceActive(id), "smallgigs").await, "", "{name}");
    }
    for (token, reached) in [
        ("sum-0-token", ""),
        ("sum-1-token", "sampleconf summerfest"),
        ("all-1-token", "all"),
    ] {
        let team = world.principal(Credentials::Token(token.into())).await.expect("known");
        assert_eq!(
            reach(Subject::Caller(team.clone()), "bigevents").await,
            reached,
            "{token}"
        );
        assert_eq!(reach(Subject::Caller(team), "smallgigs").await, "", "{token}");
    }
    let device = world.principal(Credentials::Device("gate-1-device".into())).await;
    assert_eq!(reach(Subject::Caller(device.expect("known")), "bigevents").await, "");
    assert_eq!(reach(Subject::Owner("nobody".into()), "bigevents").await, "");
}
