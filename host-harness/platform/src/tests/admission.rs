//! Admission is one query; what it must answer is said here in Rust, over platforms that are made up.

use serde_json::json;

use super::*;
use crate::generated::Random;

on_both! {
    admission_agrees_with_the_rules_on_made_up_platforms,
}

const ORGANIZERS: [&str; 2] = ["north", "south"];
const EVENTS: [&str; 3] = ["one", "two", "three"];

fn some<'a>(random: &mut Random, of: &[&'a str], percent: u64) -> Vec<&'a str> {
    of.iter().copied().filter(|_| random.percent(percent)).collect()
}

/// Organizers with the same slugs of events, so that a mistaken one would be let in; `three` is in `north` only.
fn made_up(seed: u64) -> Fixture {
    let mut random = Random(seed);
    let users: Vec<String> = (0..4).map(|number| format!("user{number}@example.com")).collect();
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    let events_of = |organizer: &str| {
        if organizer == "north" {
            &EVENTS[..]
        } else {
            &EVENTS[..2]
        }
    };
    let covered = |random: &mut Random, organizer: &str| match random.percent(40) {
        true => json!("all"),
        false => json!(some(random, events_of(organizer), 50)),
    };
    let permissions = ["change_organizer_settings", "change_event_settings", "view_orders"];
    let (mut events, mut teams, mut tokens, mut devices) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for organizer in ORGANIZERS {
        for slug in events_of(organizer) {
            events.push(
                json!({"organizer": organizer, "slug": slug, "name": slug, "timezone": "UTC", "currency": "EUR",
                "starts": "2026-12-01T09:00:00Z", "ends": "2026-12-02T18:00:00Z"}),
            );
        }
        for number in 0..3 {
            teams.push(json!({"organizer": organizer, "name": format!("team {number}"),
                "members": some(&mut random, &users, 40), "events": covered(&mut random, organizer),
                "permissions": some(&mut random, &permissions, 50),
                "api_tokens": [{"token": format!("team-{organizer}-{number}"), "active": random.percent(80)}]}));
        }
        devices.push(
            json!({"organizer": organizer, "name": "Gate", "token": format!("gate-{organizer}"),
            "events": covered(&mut random, organizer)}),
        );
    }
    for (number, user) in users.iter().enumerate() {
        let expires = random.one_of(&["2026-10-27T03:00:00Z", "2026-10-27T03:00:01Z", "2027-01-01T00:00:00Z"]);
        tokens.push(
            json!({"token": format!("user-{number}"), "user": user, "scopes": some(&mut random, &["read", "write"], 70),
            "organizers": some(&mut random, &ORGANIZERS, 70), "expires": expires}),
        );
    }
    let organizers = ORGANIZERS.map(|slug| {
        json!({"slug": slug, "name": slug, "timezone": "UTC", "locale": "en", "settings": {"max_schedules": random.below(9)}})
    });
    let users: Vec<Value> = users
        .iter()
        .map(|email| json!({"email": email, "name": email, "locale": "en", "active": random.percent(80)}))
        .collect();
    let fixture = json!({"organizers": organizers, "events": events, "users": users, "teams": teams,
        "oauth_tokens": tokens, "devices": devices, "orders": [], "orders_generated": [], "schedules": []});
    Fixture::from_json(&fixture.to_string()).expect("a fixture without faults")
}

/// The same as [`Platform::admission`], by looking through the fixture: what the principal is called and may, and whether what is
/// left of deleted events is in reach. An error: nobody, or without access.
fn by_the_rules(
    fixture: &Fixture,
    credentials: &Credentials,
    at: &Scope,
) -> Result<(String, Rights, bool), &'static str> {
    let there = |slug: &str| {
        let mut events = fixture.events.iter();
        events.any(|event| event.organizer == at.organizer && event.slug == slug)
    };
    let covers = |events: &EventSet| {
        at.event
            .as_deref()
            .is_none_or(|slug| there(slug) && events.covers(slug))
    };
    let (name, teams, may_read, may_write): (_, Vec<&super::super::fixture::FixtureTeam>, _, _) = match credentials {
        Credentials::Bearer(secret) => {
            let mut tokens = fixture.oauth_tokens.iter();
            let token = tokens.find(|token| token.token == *secret).ok_or("nobody")?;
            let place = fixture.users.iter().position(|user| user.email == token.user);
            let place = place.ok_or("nobody")?;
            if !fixture.users[place].active || token.expires.is_some_and(|expires| expires <= NOW) {
                return Err("nobody");
            }
            let member = |team: &&super::super::fixture::FixtureTeam| team.members.contains(&token.user);
            let teams = match token.organizers.contains(&at.organizer) {
                true => fixture.teams.iter().filter(member).collect(),
                false => Vec::new(),
            };
            (format!("user:u{}", place + 1), teams, token.may_read, token.may_write)
        }
        Credentials::Token(secret) => {
            let known = |team: &&super::super::fixture::FixtureTeam| {
                team.api_tokens.iter().any(|(token, active)| token == secret && *active)
            };
            let team = fixture.teams.iter().find(known).ok_or("nobody")?;
            let all = fixture.teams.iter().flat_map(|team| &team.api_tokens);
            let id = all.take_while(|(token, _)| token != secret).count() + 1;
            (format!("token:{id}"), vec![team], true, true)
        }
        Credentials::Device(secret) => {
            let place = fixture.devices.iter().position(|device| device.token == *secret);
            let place = place.ok_or("nobody")?;
            let device = &fixture.devices[place];
            let rights = Rights {
                may_change_settings: false,
                view_orders: false,
                may_read: true,
                may_write: true,
            };
            let seen = device.organizer == at.organizer && covers(&device.events);
            return seen
                .then(|| (format!("device:{}", place + 1), rights, false))
                .ok_or("no access");
        }
    };
    let teams: Vec<_> = teams
        .into_iter()
        .filter(|team| team.organizer == at.organizer && covers(&team.events))
        .collect();
    if teams.is_empty() {
        return Err("no access");
    }
    let rights = Rights {
        may_change_settings: teams.iter().any(|team| match at.event {
            None => team.change_organizer_settings,
            Some(_) => team.change_event_settings,
        }),
        view_orders: teams.iter().any(|team| team.view_orders),
        may_read,
        may_write,
    };
    let of_all =
        |team: &&&super::super::fixture::FixtureTeam| team.change_organizer_settings && team.events == EventSet::All;
    Ok((name, rights, teams.iter().any(|team| of_all(&team))))
}

async fn admission_agrees_with_the_rules_on_made_up_platforms(on: On) {
    let (mut nobody, mut without, mut admitted) = (0, 0, 0);
    for seed in 0..12 {
        let fixture = made_up(seed);
        let folder = tempfile::tempdir().expect("a folder");
        let platform = Place::new(on, folder.path()).open().await;
        platform.load(&fixture).await.expect("loads");
        let bearers = (0..5).map(|number| Credentials::Bearer(format!("user-{number}")));
        let teams = ORGANIZERS
            .iter()
            .flat_map(|organizer| (0..3).map(move |number| Credentials::Token(format!("team-{organizer}-{number}"))));
        let gates = ORGANIZERS.map(|organizer| Credentials::Device(format!("gate-{organizer}")));
        for (place, user) in fixture.users.iter().enumerate() {
            let id = format!("u{}", place + 1);
            for at in ["north", "south/two", "west"] {
                let found = platform.user_admission(&id, &scope(at)).await.expect("answers");
                let inactive = matches!(found, Admission::Nobody);
                assert_eq!(inactive, !user.active, "seed {seed}: {id} at {at}");
            }
        }
        for credentials in bearers.chain(teams).chain(gates) {
            for at in [
                "north",
                "north/one",
                "north/three",
                "north/four",
                "south",
                "south/two",
                "south/three",
                "west",
            ] {
                let at = scope(at);
                let found = platform.admission(&credentials, Some(&at), NOW).await.expect("answers");
                let expected = by_the_rules(&fixture, &credentials, &at);
                let answered = match found {
                    Admission::Nobody => Err("nobody"),
                    Admission::NoAccess => Err("no access"),
                    Admission::Admitted(admitted) => {
                        assert_eq!(admitted.place, platform.place(&at).await.expect("answers"));
                        let name = admitted.principal.audit_name();
                        Ok((name, admitted.rights, admitted.reaches_deleted_events))
                    }
                };
                assert_eq!(answered, expected, "seed {seed}: {credentials:?} at {at:?}");
                if let Ok((name, rights, reaches)) = &expected
                    && let Some(id) = name.strip_prefix("user:")
                {
                    // Without a token, the user can do all that a token could be good for.
                    let whole = Rights {
                        may_read: true,
                        may_write: true,
                        ..*rights
                    };
                    let named = platform.user_admission(id, &at).await.expect("answers");
                    let Admission::Admitted(named) = named else {
                        panic!("seed {seed}: {name} at {at:?}: {named:?}");
                    };
                    assert_eq!(
                        (named.principal.audit_name(), named.rights, named.reaches_deleted_events),
                        (name.clone(), whole, *reaches)
                    );
                }
                match expected {
                    Err("nobody") => nobody += 1,
                    Err(_) => without += 1,
                    Ok(_) => admitted += 1,
                }
            }
            let nowhere = platform.admission(&credentials, None, NOW).await.expect("answers");
            assert!(
                !matches!(nowhere, Admission::Admitted(_)),
                "{credentials:?} at no place"
            );
        }
    }
    // Each answer has been tried often.
    assert!(nobody.min(without).min(admitted) > 100, "{nobody} {without} {admitted}");
}
