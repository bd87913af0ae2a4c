use scheduled_exports_host::contract::auth_context::Caller;

use super::host::{Host, LIST, ONE};

#[tokio::test]
async fn no_or_unknown_credentials_are_401() {
    let host = Host::new();
    assert_eq!(host.ask("GET", LIST).send().await.status, 401);
    for line in [
        "",
        "Bearer",
        "Bearer nobody",
        "Token john",
        "Basic am9objpq",
        "john",
        "Bearer john john",
        "Bearer \u{e4}",
    ] {
        assert_eq!(
            host.ask("GET", LIST).header("authorization", line).send().await.status,
            401,
            "{line}"
        );
    }
    let twice = host.john("GET", LIST).header("authorization", "Bearer john");
    assert_eq!(twice.send().await.status, 401);
    assert!(host.asked().is_empty());
}

#[tokio::test]
async fn a_401_names_the_error_at_the_scheme_that_was_used_and_none_without_credentials() {
    let host = Host::new();
    let challenges = async |line: Option<&str>| {
        let ask = host.ask("GET", LIST);
        let ask = match line {
            Some(line) => ask.header("authorization", line),
            None => ask,
        };
        let got = ask.send().await;
        assert_eq!(got.status, 401);
        let value = got.header("www-authenticate").expect("a challenge").to_owned();
        ["Bearer", "Token", "Device"].map(|scheme| {
            let start = value
                .find(&format!("{scheme} realm=\"scheduled exports\""))
                .expect(scheme);
            let rest = &value[start + scheme.len()..];
            let end = ["Bearer ", "Token ", "Device "]
                .iter()
                .filter_map(|next| rest.find(next))
                .min();
            rest[..end.unwrap_or(rest.len())].contains("error=\"invalid_token\"")
        })
    };
    assert_eq!(challenges(Some("Bearer nobody")).await, [true, false, false]);
    assert_eq!(challenges(Some("tOKEN nobody")).await, [false, true, false]);
    assert_eq!(challenges(Some("Device nobody")).await, [false, false, true]);
    for unreadable in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Basic am9objpq"),
        Some("Bearer a b"),
    ] {
        assert_eq!(challenges(unreadable).await, [false; 3], "{unreadable:?}");
    }
}

#[tokio::test]
async fn a_token_without_the_scope_is_told_which_one_it_lacks() {
    let host = Host::new();
    for (method, token, scope) in [("DELETE", "reader", "write"), ("GET", "writer", "read")] {
        let ask = host
            .ask(method, ONE)
            .header("authorization", &format!("Bearer {token}"));
        let got = ask.send().await;
        let challenge = got.header("www-authenticate").expect("a challenge");
        let wanted = format!("error=\"insufficient_scope\", scope=\"{scope}\"");
        assert!(got.status == 403 && challenge.contains(&wanted), "{challenge}");
    }
}

#[tokio::test]
async fn each_kind_of_credentials_acts_as_its_own_caller() {
    let host = Host::new();
    for (line, kind) in [
        ("bearer john", "user"),
        ("TOKEN team", "token"),
        ("Device gate", "device"),
    ] {
        assert_eq!(
            host.ask("GET", LIST).header("authorization", line).send().await.status,
            200,
            "{line}"
        );
        let found = match host.last_grant().caller {
            Caller::User(user) => {
                assert_eq!(user.email, "john@example.com");
                "user"
            }
            Caller::Token => "token",
            Caller::Device => "device",
        };
        assert_eq!(found, kind);
        assert!(host.last_grant().may_write && host.last_grant().may_change_settings);
    }
}

#[tokio::test]
async fn unknown_and_foreign_organizers_and_events_look_the_same() {
    let host = Host::new();
    let mut answers = Vec::new();
    for (caller, place) in [
        ("john", "nobody"),
        ("john", "%00"),
        ("john", "%FF"),
        ("john", "big/events/nothing"),
        ("john", "big/events/%0A"),
        ("stranger", "big"),
        ("stranger", "big/events/conf"),
        ("stranger", "off"),
    ] {
        let path = format!("/api/v1/organizers/{place}/scheduled_exports/");
        let got = host
            .ask("GET", &path)
            .header("authorization", &format!("Bearer {caller}"))
            .send()
            .await;
        answers.push((got.status.as_u16(), got.body));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0].0, 403);
    assert!(host.asked().is_empty());
}

#[tokio::test]
async fn a_disabled_organizer_is_403_with_the_reason_for_those_with_access() {
    let host = Host::new();
    for (method, path) in [
        ("GET", "scheduled_exports/"),
        ("POST", "scheduled_exports/"),
        ("GET", "exporters/"),
    ] {
        let got = host
            .john(method, &format!("/api/v1/organizers/off/{path}"))
            .json("{}")
            .send()
            .await;
        assert_eq!(got.status, 403);
        assert_eq!(got.detail(), "Scheduled exports are disabled for this organizer.");
    }
    // Even where the token could not have read anyway: the organizer is checked before the scope.
    let writer = host
        .ask("GET", "/api/v1/organizers/off/exporters/")
        .header("authorization", "Bearer writer");
    assert!(writer.send().await.detail().contains("disabled"));
}

#[tokio::test]
async fn a_token_writes_and_reads_only_within_its_scope() {
    let host = Host::new();
    let status = async |method: &str, path: &str, token: &str| {
        let ask = host
            .ask(method, path)
            .header("authorization", &format!("Bearer {token}"));
        ask.json("{}").send().await.status.as_u16()
    };
    let preview = format!("{LIST}preview/");
    for (method, path) in [
        ("POST", LIST),
        ("PUT", ONE),
        ("PATCH", ONE),
        ("DELETE", ONE),
        ("POST", &format!("{ONE}take_over/")),
    ] {
        assert_eq!(status(method, path, "reader").await, 403, "{method} {path}");
        assert!(
            (200..300).contains(&status(method, path, "writer").await),
            "{method} {path}"
        );
    }
    for (method, path) in [
        ("GET", LIST),
        ("HEAD", ONE),
        ("GET", "/api/v1/organizers/big/exporters/"),
    ] {
        assert_eq!(status(method, path, "writer").await, 403, "{method} {path}");
        assert_eq!(status(method, path, "reader").await, 200, "{method} {path}");
    }
    // A preview is a POST that changes nothing. The component is told what the token may.
    for (token, may_write) in [("reader", false), ("writer", true), ("john", true)] {
        assert_eq!(status("POST", &preview, token).await, 200, "{token}");
        assert_eq!(host.last_grant().may_write, may_write, "{token}");
    }
    // An unknown schedule looks the same as a known one to a token without the scope.
    assert_eq!(status("DELETE", &format!("{LIST}abc/"), "reader").await, 403);
    assert_eq!(status("GET", &format!("{LIST}abc/"), "writer").await, 403);
}

#[tokio::test]
async fn a_store_that_is_away_is_503_and_a_damaged_one_500_without_its_words() {
    for (away, status) in [("admission", 503), ("damaged", 500)] {
        let host = Host::new();
        *host.away.lock().expect("unpoisoned") = Some(away);
        let got = host.john("GET", LIST).send().await;
        assert_eq!(got.status, status, "{away}");
        assert!(!got.body.contains("/srv"), "{}", got.body);
    }
}

#[tokio::test]
async fn checks_come_in_their_order() {
    let host = Host::new();
    let ask = |path: &str, token: &str| {
        host.ask("POST", path)
            .header("authorization", &format!("Bearer {token}"))
            .header("accept", "text/html")
            .header("idempotency-key", "a b")
            .header("content-type", "text/plain")
            .body("x")
    };
    assert_eq!(ask("/nowhere", "nobody").send().await.status, 404);
    assert_eq!(ask(ONE, "nobody").send().await.status, 405);
    assert_eq!(ask(LIST, "nobody").send().await.status, 401);
    assert_eq!(
        ask("/api/v1/organizers/unknown/scheduled_exports/", "reader")
            .send()
            .await
            .status,
        403
    );
    assert!(ask(LIST, "reader").send().await.detail().contains("scope"));
    assert_eq!(ask(LIST, "john").send().await.status, 406);
}

#[tokio::test]
async fn messages_are_in_the_language_of_the_request() {
    let host = Host::new();
    for (line, detail) in [
        ("de-AT, en;q=0.5", "Ungültige Seite: Diese Seite gibt es nicht."),
        ("en", "Invalid page: there is no such page."),
        ("fr", "Invalid page: there is no such page."),
        ("\u{e4};;q=", "Invalid page: there is no such page."),
    ] {
        let got = host
            .john("GET", &format!("{LIST}?page=0"))
            .header("accept-language", line)
            .send()
            .await;
        assert_eq!(got.detail(), detail);
        host.john("GET", LIST).header("accept-language", line).send().await;
        assert_eq!(
            host.last_grant().language,
            if line.starts_with("de") { "de" } else { "en" }
        );
    }
    // The user's own language is for mail.
    host.john("GET", LIST).send().await;
    assert_eq!(host.last_grant().language, "en");
}
