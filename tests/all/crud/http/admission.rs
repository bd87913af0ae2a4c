//! Who is let in, to what, and in which order that is found out.

use scheduled_exports_testing::Harness;
use serde_json::json;
use tests::{CONF, FEST, JOHN, JOHN_READING, MARY, SAM, SMALL, VERA, daily, with};

use super::encoded;
use crate::crud::{NOW, bad, host, wrong};

#[tokio::test]
async fn section_2_no_unknown_or_unreadable_credentials_are_401_and_the_scheme_is_taken_in_any_case() {
    let fixture = with(|fixture| {
        let more = json!({"token": "john-expired", "user": "john@example.com", "scopes": ["read", "write"],
                          "organizers": ["bigevents"], "expires": NOW});
        fixture["oauth_tokens"].as_array_mut().expect("a list").push(more);
    });
    let host = Harness::start(&fixture, "2026-10-22T11:59:59Z").await;
    assert_eq!(host.get(CONF, "Bearer john-expired").await.status, 200);
    host.jump_to(NOW);
    for credentials in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Basic am9objpvYXV0aA==",
        "john-oauth",
        "Token john-oauth",
        "Device john-oauth",
        "Bearer bigevents-settings-token",
        "Bearer john-oauth extra",
        "Bearer JOHN-OAUTH",
        "Bearer john-expired",
    ] {
        for path in [
            CONF,
            "/api/v1/organizers/nowhere/scheduled_exports/",
            &format!("{CONF}1/"),
        ] {
            let answer = host.get(path, credentials).await;
            assert_eq!(answer.status, 401, "{credentials}");
            assert!(answer.body["detail"].is_string());
            for scheme in ["Bearer", "Token", "Device"] {
                assert!(answer.header("www-authenticate").contains(scheme));
            }
            let shown = [
                "Bearer nonsense",
                "Bearer john-expired",
                "Token john-oauth",
                "Bearer JOHN-OAUTH",
            ];
            let invalid = answer.header("www-authenticate").contains("error=\"invalid_token\"");
            assert!(invalid || !shown.contains(&credentials), "{credentials}");
            assert!(
                !invalid || !["", "Bearer", "Basic am9objpvYXV0aA=="].contains(&credentials),
                "{credentials}"
            );
        }
        assert_eq!(host.post(CONF, credentials, &daily()).await.status, 401);
    }
    for credentials in [
        "bearer john-oauth",
        "BEARER john-oauth",
        "tOKEN bigevents-settings-token",
    ] {
        assert_eq!(host.get(CONF, credentials).await.status, 200, "{credentials}");
    }
    assert_eq!(host.get(CONF, "DEVICE gate-1-device").await.status, 403);
}

#[tokio::test]
async fn section_2_no_right_and_no_such_organizer_or_event_look_the_same() {
    let host = host().await;
    let theirs = host.get(SMALL, JOHN).await;
    assert_eq!((theirs.status, theirs.body["detail"].is_string()), (403, true));
    for path in [
        "/api/v1/organizers/nowhere/scheduled_exports/",
        "/api/v1/organizers/nowhere/events/sampleconf/scheduled_exports/",
        "/api/v1/organizers/bigevents/events/nowhere/scheduled_exports/",
        "/api/v1/organizers/bigevents/events/jazznight/scheduled_exports/",
        "/api/v1/organizers/smallgigs/events/jazznight/scheduled_exports/",
        "/api/v1/organizers/smallgigs/exporters/",
        "/api/v1/organizers/%00/scheduled_exports/",
    ] {
        let answer = host.get(path, JOHN).await;
        assert_eq!((answer.status, &answer.bytes), (403, &theirs.bytes), "{path}");
    }
    assert_eq!(host.get(FEST, MARY).await.bytes, theirs.bytes);
    assert_eq!(host.get(CONF, SAM).await.bytes, theirs.bytes);
}

#[tokio::test]
async fn section_2_missing_and_invisible_schedules_and_ids_that_are_no_number_are_404_and_look_the_same() {
    let host = host().await;
    let johns = host.create(CONF, JOHN, &daily()).await;
    let missing = host.get(&format!("{CONF}999/"), MARY).await;
    assert_eq!((missing.status, missing.body["detail"].is_string()), (404, true));
    for id in [
        &johns.to_string(),
        "abc",
        "-1",
        "1.0",
        "0x1",
        "9223372036854775808",
        "99999999999999999999999",
        "%31%00",
        "١",
    ] {
        for (method, body) in [("GET", ""), ("DELETE", ""), ("PATCH", "{}"), ("PUT", "{}")] {
            let headers = [
                ("authorization", MARY.as_bytes()),
                ("content-type", b"application/json".as_slice()),
            ];
            let path = format!("{CONF}{}/", if id.is_ascii() { (*id).to_owned() } else { encoded(id) });
            let answer = host
                .send(method, &path, &headers, body.as_bytes())
                .await
                .expect("a request");
            assert_eq!((answer.status, &answer.bytes), (404, &missing.bytes), "{method} {id}");
        }
    }
    assert_eq!(
        host.get(&format!("{CONF}0{johns}/"), JOHN).await.status,
        200,
        "still that number"
    );
}

#[tokio::test]
async fn section_2_checks_come_in_the_order_given() {
    let host = host().await;
    let one = format!("{CONF}{}/", host.create(CONF, JOHN, &daily()).await);
    let nowhere = "/api/v1/organizers/nowhere/scheduled_exports/1/";
    let nonsense = json!({"mail_subject": 1, "export_identifier": "nothing"});
    // credentials, organizer and event, scope of the token, visibility, validity, right to the exporter
    assert_eq!(host.patch(nowhere, "Bearer no", &nonsense).await.status, 401);
    assert_eq!(
        host.patch(nowhere, JOHN_READING, &nonsense).await.bytes,
        host.get(nowhere, JOHN).await.bytes
    );
    let scope = host.patch(&one, JOHN_READING, &nonsense).await;
    let of_missing = host.patch(&format!("{CONF}999/"), JOHN_READING, &nonsense).await;
    assert_eq!((scope.status, scope.bytes), (403, of_missing.bytes));
    assert_eq!(host.patch(&one, MARY, &nonsense).await.status, 404);
    assert_eq!(wrong(&host.patch(&one, VERA, &nonsense).await), bad(&["mail_subject"]));
    assert_eq!(
        host.patch(&one, VERA, &json!({"export_identifier": "nothing"}))
            .await
            .status,
        403
    );
    assert_eq!(
        wrong(&host.patch(&one, JOHN, &nonsense).await),
        bad(&["export_identifier", "mail_subject"])
    );
}
