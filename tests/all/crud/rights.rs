//! Section 3: who may do what, line by line. `matrix.rs` has every caller at every call.

use reference_platform::Credentials;
use scheduled_exports_host::contract::{Outcome, ScheduleState};
use scheduled_exports_store::Scope;
use scheduled_exports_testing::{Harness, at};
use serde_json::{Value, json};
use tests::{
    BIG, CONF, DEVICE, FEST, JOHN, JOHN_READING, MARY, ORDERS_TOKEN, SAM, SETTINGS_TOKEN, SMALL, VERA, but, daily,
};

use super::{NOW, across, bad, host, put_straight, stored, user, wrong};

/// Statuses of a PATCH and a PUT that say nothing new, and of a GET.
async fn changes(host: &Harness, path: &str, caller: &str) -> (u16, u16, u16) {
    let patch = host
        .patch(path, caller, &json!({"mail_template": "Other."}))
        .await
        .status;
    let put = host.put(path, caller, &daily()).await.status;
    (patch, put, host.get(path, caller).await.status)
}

async fn mary_leaves_the_box_office(host: &Harness) {
    let mary = user(host, "mary@example.org").await;
    let left = host.platform().remove_team_member("bigevents", "Box office", &mary);
    left.await.expect("the platform answers");
}

#[tokio::test]
async fn section_3_line_1_only_a_user_creates_and_becomes_the_owner_and_a_token_or_device_gets_403() {
    let host = host().await;
    for (caller, owner) in [(JOHN, "john@example.com"), (MARY, "mary@example.org")] {
        for path in [CONF, BIG] {
            let made = host.post(path, caller, &daily()).await;
            assert_eq!((made.status, &made.body["owner"]), (201, &json!(owner)));
            let location = format!("{path}{}/", made.body["id"]);
            assert_eq!(made.header("location"), location);
            assert_eq!(host.get(&location, caller).await.status, 200);
        }
    }
    for caller in [SETTINGS_TOKEN, ORDERS_TOKEN, DEVICE] {
        for path in [CONF, BIG] {
            for body in [daily(), json!({}), json!(1)] {
                let refused = host.post(path, caller, &body).await;
                assert_eq!(refused.status, 403, "{caller} {path}");
                assert!(refused.body["detail"].is_string());
            }
        }
    }
    assert_eq!(host.get(CONF, JOHN).await.body["count"], 2);
}

#[tokio::test]
async fn section_3_line_2_who_may_change_settings_sees_all_there_and_a_user_without_it_his_own() {
    let host = host().await;
    let mut all = Vec::new();
    for path in [CONF, BIG] {
        let (johns, marys) = (
            host.create(path, JOHN, &daily()).await,
            host.create(path, MARY, &daily()).await,
        );
        for (caller, sees) in [
            (JOHN, vec![johns, marys]),
            (JOHN_READING, vec![johns, marys]),
            (VERA, vec![johns, marys]),
            (SETTINGS_TOKEN, vec![johns, marys]),
            (MARY, vec![marys]),
        ] {
            let list = host.get(path, caller).await;
            let rows = list.body["results"].as_array().expect("results").clone();
            let ids: Vec<u64> = rows.iter().filter_map(|row| row["id"].as_u64()).collect();
            assert_eq!(
                (ids, &list.body["count"]),
                (sees.clone(), &json!(sees.len())),
                "{caller}"
            );
            for id in [johns, marys] {
                let status = if sees.contains(&id) { 200 } else { 404 };
                for below in ["", "runs/"] {
                    let answer = host.get(&format!("{path}{id}/{below}"), caller).await;
                    assert_eq!(answer.status, status, "{caller} {id} {below}");
                }
            }
        }
        all.push((path, johns));
    }
    for (path, johns) in all {
        let path = format!("{path}{johns}/");
        assert_eq!(changes(&host, &path, MARY).await, (404, 404, 404));
        assert_eq!(host.delete(&path, MARY).await.status, 404);
        assert_eq!(host.get(&path, JOHN).await.body["mail_template"], "Yesterday's orders.");
    }
}

#[tokio::test]
async fn section_3_line_2_a_token_or_device_without_the_right_to_settings_gets_403_of_every_schedule() {
    let host = host().await;
    for path in [CONF, BIG] {
        let id = host.create(path, JOHN, &daily()).await;
        for caller in [ORDERS_TOKEN, DEVICE] {
            for id in [id.to_string(), "999".into()] {
                let one = format!("{path}{id}/");
                assert_eq!(changes(&host, &one, caller).await, (403, 403, 403));
                assert_eq!(host.delete(&one, caller).await.status, 403);
                assert_eq!(host.get(&format!("{one}runs/"), caller).await.status, 403);
            }
            assert_eq!(host.get(path, caller).await.status, 403);
        }
    }
}

#[tokio::test]
async fn section_3_line_3_nobody_changes_anothers_schedule_without_the_right_to_its_data_but_reads_and_deletes_it() {
    let host = host().await;
    for path in [CONF, BIG] {
        let one = format!("{path}{}/", host.create(path, JOHN, &daily()).await);
        let before = host.get(&one, JOHN).await;
        // Vera may change settings everywhere and has no orders: her own address may not be put in.
        let stolen = json!({"mail_additional_recipients": "vera@example.org"});
        let refused = host.patch(&one, VERA, &stolen).await;
        assert_eq!(refused.status, 403, "{}", refused.body);
        assert_eq!(changes(&host, &one, VERA).await, (403, 403, 200));
        assert_eq!(host.get(&one, JOHN).await.bytes, before.bytes);
        assert_eq!(
            changes(&host, &one, SETTINGS_TOKEN).await,
            (200, 200, 200),
            "a token with orders may"
        );
        assert_eq!(host.get(&format!("{one}runs/"), VERA).await.status, 200);
        assert_eq!(host.delete(&one, VERA).await.status, 204);
        assert_eq!(host.get(&one, JOHN).await.status, 404);
    }
}

#[tokio::test]
async fn section_3_line_3_of_a_wrong_body_the_caller_without_the_right_hears_400_first() {
    let host = host().await;
    let one = format!("{CONF}{}/", host.create(CONF, JOHN, &daily()).await);
    let answer = host.patch(&one, VERA, &json!({"mail_subject": ""})).await;
    assert_eq!(wrong(&answer), bad(&["mail_subject"]));
}

#[tokio::test]
async fn section_3_line_3_a_new_exporter_or_wider_events_must_be_open_to_the_owner_too() {
    let host = host().await;
    let form = json!({"events": ["sampleconf"]});
    let across_path = format!("{BIG}{}/", host.create(BIG, MARY, &across(&form)).await);
    for form in [
        json!({"events": ["sampleconf", "summerfest"]}),
        json!({"events": ["summerfest"]}),
    ] {
        let answer = host.patch(&across_path, JOHN, &json!({"export_form_data": form})).await;
        assert_eq!(wrong(&answer), bad(&["export_form_data"]), "{form}");
        assert!(answer.body["export_form_data"]["events"][0].is_string());
    }
    let other = json!({"export_identifier": "dailysales", "export_form_data": {"events": ["sampleconf"]}});
    assert_eq!(host.patch(&across_path, JOHN, &other).await.status, 200);

    let one = format!("{CONF}{}/", host.create(CONF, MARY, &daily()).await);
    mary_leaves_the_box_office(&host).await;
    let other = json!({"export_identifier": "orderpositions", "export_form_data": {}});
    let answer = host.patch(&one, JOHN, &other).await;
    assert_eq!(wrong(&answer), bad(&["export_identifier"]));
    let subject = json!({"mail_subject": "As it was, but for this"});
    assert_eq!(host.patch(&one, JOHN, &subject).await.status, 200, "nothing new");
}

#[tokio::test]
async fn section_3_line_3_an_exporter_not_open_to_the_caller_reads_like_one_that_does_not_exist() {
    let host = host().await;
    let refused = |path: &'static str, caller: &'static str, identifier: &'static str| {
        let host = &host;
        async move {
            let answer = host
                .post(path, caller, &but(daily(), json!({"export_identifier": identifier})))
                .await;
            (wrong(&answer), answer.body.to_string().replace(identifier, "…"))
        }
    };
    let none = refused(CONF, VERA, "no-such-exporter").await;
    assert_eq!(none.0, bad(&["export_identifier"]));
    assert_eq!(refused(CONF, VERA, "orderlist").await, none);
    // Opened to events alone, so that an organizer has no such exporter.
    let none = refused(BIG, JOHN, "no-such-exporter").await;
    assert_eq!(refused(BIG, JOHN, "checkinlist").await, none);
}

#[tokio::test]
async fn section_3_line_3_the_owner_may_still_change_his_schedule_whose_exporter_is_gone() {
    let host = host().await;
    let id = host.create(CONF, JOHN, &daily()).await;
    let scope = Scope {
        organizer: "bigevents".into(),
        event: Some("sampleconf".into()),
    };
    let document = stored(&host, scope, id).await.content.document;
    put_straight(&host, 900, "retired", &document).await;
    let one = format!("{CONF}900/");
    let subject = json!({"mail_subject": "Mine"});
    assert_eq!(host.patch(&one, JOHN, &subject).await.status, 200);
    assert_eq!(host.patch(&one, SETTINGS_TOKEN, &subject).await.status, 403);
    let same = but(daily(), json!({"export_identifier": "retired"}));
    assert_eq!(host.put(&one, JOHN, &same).await.status, 200, "the form as it was");
    let other_form = json!({"export_form_data": {"_format": "excel"}});
    assert_eq!(
        wrong(&host.patch(&one, JOHN, &other_form).await),
        bad(&["export_form_data"])
    );
    let chosen = host.patch(&one, JOHN, &json!({"export_identifier": "orderlist"})).await;
    assert_eq!(
        (chosen.status, &chosen.body["export_identifier"]),
        (200, &json!("orderlist"))
    );
}

#[tokio::test]
async fn section_3_line_4_at_run_time_the_owners_rights_of_that_moment_count() {
    let host = host().await;
    let id = host.create(CONF, MARY, &daily()).await;
    host.advance_to("2026-10-23T12:00:00Z").await;
    mary_leaves_the_box_office(&host).await;
    host.advance_to("2026-10-24T12:00:00Z").await;
    let john = user(&host, "john@example.com").await;
    let johns = host.create(CONF, JOHN, &daily()).await;
    let off = host.platform().set_user_active(&john, false).await;
    off.expect("the platform answers");
    host.advance_to("2026-10-25T12:00:00Z").await;
    let outcomes = |schedule| {
        let host = &host;
        async move {
            let history = host.history(schedule).await;
            history
                .into_iter()
                .rev()
                .map(|row| row.entry.outcome)
                .collect::<Vec<_>>()
        }
    };
    let of_mary = outcomes(id).await;
    assert!(
        matches!(
            of_mary.as_slice(),
            [
                Some(Outcome::Delivered),
                Some(Outcome::Failed(_)),
                Some(Outcome::Failed(_))
            ]
        ),
        "{of_mary:?}"
    );
    assert!(matches!(outcomes(johns).await.as_slice(), [Some(Outcome::Failed(_))]));
    let with_file = host
        .mails()
        .into_iter()
        .filter(|mail| mail.attachment.is_some())
        .count();
    assert_eq!(with_file, 1);
}

#[tokio::test]
async fn section_3_line_5_a_read_only_scope_never_writes_and_one_without_reading_never_reads() {
    let fixture = tests::with(|fixture| {
        let more = json!({"token": "john-writing", "user": "john@example.com", "scopes": ["write"], "organizers": ["bigevents"]});
        fixture["oauth_tokens"].as_array_mut().expect("a list").push(more);
    });
    let host = Harness::start(&fixture, NOW).await;
    let before = host.get(CONF, JOHN).await.bytes;
    let id = host.get(CONF, JOHN).await.body["results"][0]["id"].clone();
    let one = format!("{CONF}{id}/");
    assert_eq!(host.post(CONF, JOHN_READING, &daily()).await.status, 403);
    assert_eq!(changes(&host, &one, JOHN_READING).await, (403, 403, 200));
    assert_eq!(host.delete(&one, JOHN_READING).await.status, 403);
    let when = json!({"schedule_rrule": "FREQ=DAILY", "schedule_rrule_time": "04:00"});
    let preview = host.post(&format!("{CONF}preview/"), JOHN_READING, &when).await;
    assert_eq!(preview.status, 200, "it changes nothing: {}", preview.body);
    assert_eq!(preview.body["runs"].as_array().map(Vec::len), Some(10));
    let query = "schedule_rrule=FREQ%3DDAILY&schedule_rrule_time=04%3A00";
    let shown = host.get(&format!("{CONF}preview/?{query}"), JOHN_READING).await;
    assert_eq!((shown.status, &shown.body), (200, &preview.body));
    assert_eq!(
        host.delete(&format!("{CONF}999/"), JOHN_READING).await.status,
        403,
        "before the look-up"
    );
    assert_eq!(host.get(CONF, JOHN).await.bytes, before);
    let writing = "Bearer john-writing";
    for path in [CONF.to_owned(), one.clone(), format!("{one}runs/")] {
        assert_eq!(host.get(&path, writing).await.status, 403);
    }
    assert_eq!(host.delete(&one, writing).await.status, 204);
}

#[tokio::test]
async fn section_3_line_5_nobody_gets_anything_of_another_organizer_by_any_id() {
    let host = host().await;
    let ours = host.create(BIG, JOHN, &daily()).await;
    let theirs = host.create(SMALL, SAM, &daily()).await;
    for (path, id, caller) in [
        (BIG, ours, SAM),
        (SMALL, theirs, JOHN),
        (SMALL, theirs, SETTINGS_TOKEN),
        (SMALL, theirs, DEVICE),
    ] {
        let one = format!("{path}{id}/");
        let nowhere = host
            .get(
                &one.replace(path, "/api/v1/organizers/nowhere/scheduled_exports/"),
                caller,
            )
            .await;
        let refused = host.get(&one, caller).await;
        assert_eq!((refused.status, &refused.bytes), (403, &nowhere.bytes));
        assert_eq!(changes(&host, &one, caller).await, (403, 403, 403));
        assert_eq!(host.delete(&one, caller).await.status, 403);
        assert_eq!(host.post(path, caller, &daily()).await.status, 403);
    }
    // Their id, below one's own organizer and event.
    for path in [BIG, CONF, FEST] {
        let one = format!("{path}{theirs}/");
        assert_eq!(changes(&host, &one, JOHN).await, (404, 404, 404));
        assert_eq!(host.delete(&one, JOHN).await.status, 404);
        assert_eq!(host.get(&format!("{one}runs/"), JOHN).await.status, 404);
    }
    assert_eq!(host.get(&format!("{SMALL}{theirs}/"), SAM).await.status, 200);
}

#[tokio::test]
async fn section_3_line_6_every_accepted_put_or_patch_resets_the_counter_starts_again_and_plans_from_now() {
    let host = host().await;
    let id = host.create(CONF, JOHN, &daily()).await;
    let scope = || Scope {
        organizer: "bigevents".into(),
        event: Some("sampleconf".into()),
    };
    let zones = host.service.about().zone_database.clone();
    for (place, put) in [(1, false), (2, true)] {
        let mut row = stored(&host, scope(), id).await;
        row.id += 1_000 * place;
        (row.content.state, row.content.error_counter, row.content.next_run) =
            (ScheduleState::Stopped, 5, Some(at("2026-10-20T02:00:00Z")));
        host.storage()
            .seed(&row, &zones, at(NOW))
            .await
            .expect("the store takes it");
        let one = format!("{CONF}{}/", row.id);
        let refused = host.patch(&one, JOHN, &json!({"locale": "xx"})).await;
        assert_eq!(refused.status, 400);
        assert_eq!(
            host.get(&one, JOHN).await.body["error_counter"],
            5,
            "only an accepted one"
        );
        let answer = if put {
            host.put(&one, JOHN, &daily()).await
        } else {
            host.patch(&one, JOHN, &json!({})).await
        };
        assert_eq!(
            (
                answer.status,
                &answer.body["error_counter"],
                &answer.body["schedule_next_run"]
            ),
            (200, &json!(0), &json!("2026-10-23T02:00:00Z")),
            "a stopped one keeps no due time that passed"
        );
        assert_eq!(host.history(row.id).await.len(), 0);
    }
}

#[tokio::test]
async fn section_3_line_6_a_due_time_that_passed_unrun_is_kept_if_the_new_rule_has_it_and_else_recorded_missed() {
    let host = host().await;
    let kept = host.create(CONF, JOHN, &daily()).await;
    let given_up = host.create(CONF, JOHN, &daily()).await;
    let between = host.create(CONF, JOHN, &daily()).await;
    // Nobody ran the due times of the 23rd, 24th and 25th.
    host.jump_to("2026-10-25T12:00:00Z");
    let one = |id: u64| format!("{CONF}{id}/");
    let answer = host.patch(&one(kept), JOHN, &json!({"mail_subject": "Late"})).await;
    assert_eq!(answer.body["schedule_next_run"], "2026-10-25T03:00:00Z");
    let answer = host
        .patch(&one(given_up), JOHN, &json!({"schedule_rrule_time": "05:00"}))
        .await;
    assert_eq!(answer.body["schedule_next_run"], "2026-10-26T04:00:00Z");
    let missed = |runs: &Value, place: usize| runs["results"][place]["missed"].clone();
    let runs = host.get(&format!("{}runs/", one(kept)), JOHN).await.body;
    let range =
        json!({"first": "2026-10-23T02:00:00Z", "last": "2026-10-24T02:00:00Z", "count": 2, "reason": "unavailable"});
    assert_eq!((&runs["count"], missed(&runs, 0)), (&json!(1), range));
    let runs = host.get(&format!("{}runs/", one(given_up)), JOHN).await.body;
    let range =
        json!({"first": "2026-10-23T02:00:00Z", "last": "2026-10-25T03:00:00Z", "count": 3, "reason": "unavailable"});
    assert_eq!((&runs["count"], missed(&runs, 0)), (&json!(1), range));
    // The new rule has the 24th, a Saturday, and would have had the 22nd.
    let saturdays = json!({"mail_subject": "Saturdays and Thursdays",
        "schedule_rrule": "DTSTART:20260101T000000\nRRULE:FREQ=WEEKLY;BYDAY=SA,TH"});
    let answer = host.patch(&one(between), JOHN, &saturdays).await;
    assert_eq!(answer.body["schedule_next_run"], "2026-10-24T02:00:00Z");
    let runs = host.get(&format!("{}runs/", one(between)), JOHN).await.body;
    let single = |day: &str| json!({"first": day, "last": day, "count": 1, "reason": "unavailable"});
    assert_eq!(
        (&runs["count"], missed(&runs, 0), missed(&runs, 1)),
        (
            &json!(2),
            single("2026-10-25T03:00:00Z"),
            single("2026-10-23T02:00:00Z")
        )
    );
    host.step().await;
    let runs = host.get(&format!("{}runs/", one(between)), JOHN).await.body;
    let outcomes: Vec<_> = (0..3).map(|place| runs["results"][place]["outcome"].clone()).collect();
    assert_eq!(
        (&runs["count"], outcomes.as_slice()),
        (
            &json!(3),
            [json!("missed"), json!("delivered"), json!("missed")].as_slice()
        )
    );
    let answer = host.get(&one(between), JOHN).await;
    assert_eq!(answer.body["schedule_next_run"], "2026-10-29T03:00:00Z");
    let mut subjects: Vec<String> = host.mails().into_iter().map(|mail| mail.subject).collect();
    subjects.sort();
    assert_eq!(subjects, ["Late", "Saturdays and Thursdays"]);
}

#[tokio::test]
async fn section_2_revoked_credentials_and_those_of_an_inactive_user_are_401() {
    let host = host().await;
    let token = Credentials::Token("bigevents-settings-token".into());
    host.platform().revoke(&token).await.expect("the platform answers");
    let mary = user(&host, "mary@example.org").await;
    let off = host.platform().set_user_active(&mary, false).await;
    off.expect("the platform answers");
    for caller in [SETTINGS_TOKEN, MARY] {
        assert_eq!(host.get(CONF, caller).await.status, 401);
    }
}
