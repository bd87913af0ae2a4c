//! Paths, methods, types and languages.

use serde_json::json;
use tests::{BIG, CONF, JOHN, SETTINGS_TOKEN, VERA, daily};

use super::{CONF_EXPORTERS, EXPORTERS};
use crate::crud::{NOW, host};

const VARY: &str = "Accept, Accept-Language, Authorization";

#[tokio::test]
async fn section_2_paths_without_the_slash_are_301_for_readers_and_a_404_that_helps_for_writers() {
    let host = host().await;
    let one = format!("{CONF}{}/", host.create(CONF, JOHN, &daily()).await);
    let runs = format!("{one}runs/");
    for right in [CONF, &one, &runs, BIG, EXPORTERS, CONF_EXPORTERS] {
        let path = right.trim_end_matches('/');
        for method in ["GET", "HEAD"] {
            let credentials = [("authorization", JOHN.as_bytes())];
            let answer = host
                .send(method, &format!("{path}?page=1&x=%20"), &credentials, b"")
                .await
                .expect("a request");
            assert_eq!(
                (answer.status, answer.header("location")),
                (301, &*format!("{right}?page=1&x=%20"))
            );
            let answer = host.send(method, path, &credentials, b"").await.expect("a request");
            assert_eq!(
                (answer.status, answer.header("location"), answer.header("vary")),
                (301, right, VARY)
            );
        }
    }
    for (method, right) in [("POST", CONF), ("PUT", &one), ("PATCH", &one), ("DELETE", &one)] {
        let headers = [
            ("authorization", JOHN.as_bytes()),
            ("content-type", b"application/json".as_slice()),
        ];
        let path = right.trim_end_matches('/');
        let answer = host
            .send(method, path, &headers, daily().to_string().as_bytes())
            .await
            .expect("a request");
        assert_eq!(answer.status, 404);
        let detail = answer.body["detail"].as_str().expect("words");
        assert!(detail.contains(right), "{detail}");
    }
    assert_eq!(host.get(&one, JOHN).await.status, 200, "nothing was changed");
}

#[tokio::test]
async fn section_2_other_methods_are_405_with_allow_and_options_answers_allow() {
    let host = host().await;
    let one = format!("{CONF}{}/", host.create(CONF, JOHN, &daily()).await);
    let (runs, exporter) = (format!("{one}runs/"), format!("{EXPORTERS}orderlist/"));
    let (preview, of_big, take_over) = (
        format!("{CONF}preview/"),
        format!("{BIG}preview/"),
        format!("{one}take_over/"),
    );
    for (path, allow) in [
        (CONF, "GET, HEAD, POST, OPTIONS"),
        (BIG, "GET, HEAD, POST, OPTIONS"),
        (&one, "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
        (&runs, "GET, HEAD, OPTIONS"),
        (EXPORTERS, "GET, HEAD, OPTIONS"),
        (&exporter, "GET, HEAD, OPTIONS"),
        (&preview, "GET, HEAD, POST, OPTIONS"),
        (&of_big, "GET, HEAD, POST, OPTIONS"),
        (&take_over, "POST, OPTIONS"),
    ] {
        let headers = [("authorization", JOHN.as_bytes())];
        for method in [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW", "get",
        ] {
            let answer = host.send(method, path, &headers, b"").await;
            // Not every method goes with every target.
            let Some(answer) = answer else { continue };
            let allowed = allow.split(", ").any(|known| known == method);
            assert_eq!(answer.status == 405, !allowed, "{method} {path}: {}", answer.body);
            if !allowed {
                assert_eq!(answer.header("allow"), allow);
                assert!(answer.body["detail"].is_string() || method == "HEAD");
            }
            if method == "DELETE" && allowed {
                break;
            }
        }
        let options = host.send("OPTIONS", path, &[], b"").await.expect("a request");
        assert_eq!(
            (options.status, options.header("allow"), options.bytes.len()),
            (204, allow, 0)
        );
        assert_eq!(options.header("vary"), VARY);
    }
}

#[tokio::test]
async fn section_2_other_types_are_406_and_415_and_every_answer_varies() {
    let host = host().await;
    let id = host.create(CONF, JOHN, &daily()).await;
    let one = format!("{CONF}{id}/");
    let body = daily().to_string();
    for (accept, status) in [
        ("application/json", 200),
        ("*/*", 200),
        ("application/*;q=0.1", 200),
        ("text/html, */*;q=0.5", 200),
        ("text/html", 406),
        ("application/json;q=0", 406),
        ("application/xml, text/*", 406),
        // The HTTP client of the Java runtime.
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", 200),
        ("*", 200),
        ("*;q=0", 406),
        ("json", 200),
    ] {
        for path in [CONF, &one, EXPORTERS] {
            let answer = host
                .request(
                    "GET".parse().expect("a method"),
                    path,
                    JOHN,
                    &[("accept", accept)],
                    None,
                )
                .await;
            assert_eq!((answer.status, answer.header("vary")), (status, VARY), "{accept}");
            assert!(status == 200 || answer.body["detail"].is_string());
        }
    }
    for (content_type, status) in [
        ("application/json", 201),
        ("Application/JSON; charset=UTF-8", 201),
        ("application/merge-patch+json", 201),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/json; charset=latin1", 415),
        ("", 415),
    ] {
        let headers = [("content-type", content_type)];
        let answer = host
            .request("POST".parse().expect("a method"), CONF, JOHN, &headers, Some(&body))
            .await;
        assert_eq!((answer.status, answer.header("vary")), (status, VARY), "{content_type}");
        assert!(status == 201 || answer.body["detail"].is_string());
    }
    let gzip = [("content-encoding", "gzip")];
    let answer = host
        .request("POST".parse().expect("a method"), CONF, JOHN, &gzip, Some(&body))
        .await;
    assert_eq!(answer.status, 415);
    for path in ["/", "/healthz", "/nothing", "/api/v1/", "//", CONF] {
        for credentials in ["", JOHN] {
            assert_eq!(host.get(path, credentials).await.header("vary"), VARY, "{path}");
        }
    }
    assert_eq!(host.delete(&one, JOHN).await.header("vary"), VARY);
}

#[tokio::test]
async fn section_2_messages_are_in_the_language_of_accept_language() {
    let host = host().await;
    let one = format!("{CONF}{}/", host.create(CONF, JOHN, &daily()).await);
    let empty = json!({"mail_subject": "", "export_form_data": {"_format": "x"}}).to_string();
    let nowhere = "/api/v1/organizers/nowhere/scheduled_exports/";
    for (method, path, caller, body) in [
        ("GET", CONF, "", None),
        ("GET", nowhere, JOHN, None),
        (
            "GET",
            "/api/v1/organizers/bigevents/events/sampleconf/scheduled_exports/999/",
            JOHN,
            None,
        ),
        ("POST", CONF, SETTINGS_TOKEN, Some("{}")),
        ("POST", CONF, JOHN, Some("{}")),
        ("POST", CONF, JOHN, Some("[]")),
        ("POST", CONF, JOHN, Some("{")),
        ("PATCH", &one, JOHN, Some(&*empty)),
        ("PATCH", &one, VERA, Some("{}")),
        ("GET", CONF_EXPORTERS, JOHN, None),
    ] {
        let asked = |language: &'static str| {
            let host = &host;
            async move {
                let headers = [("accept-language", language)];
                host.request(method.parse().expect("a method"), path, caller, &headers, body)
                    .await
            }
        };
        let (english, german) = (asked("en").await, asked("de").await);
        assert_eq!(english.status, german.status);
        assert_ne!(english.bytes, german.bytes, "{method} {path}: {}", english.body);
        assert_eq!(asked("de-AT, en;q=0.5").await.bytes, german.bytes);
        assert_eq!(asked("fr, *;q=0.1").await.bytes, english.bytes);
    }
    let headers = [("accept-language", "de")];
    let answer = host
        .request("PATCH".parse().expect("a method"), &one, JOHN, &headers, Some(&empty))
        .await;
    assert_eq!(
        answer.body["mail_subject"],
        json!(["Dieses Feld darf nicht leer sein."])
    );
}

#[tokio::test]
async fn section_2_head_is_get_without_the_body_and_a_disabled_organizer_answers_403_with_a_reason() {
    let host = host().await;
    let one = format!("{CONF}{}/", host.create(CONF, JOHN, &daily()).await);
    for path in [CONF, &one, EXPORTERS] {
        let got = host.get(path, JOHN).await;
        let head = host
            .send("HEAD", path, &[("authorization", JOHN.as_bytes())], b"")
            .await
            .expect("a request");
        assert_eq!((head.status, head.bytes.len()), (200, 0));
        assert_eq!(head.header("content-length"), got.bytes.len().to_string());
        assert_eq!(head.headers.get("etag"), got.headers.get("etag"));
    }
    let now = scheduled_exports_testing::at(NOW);
    let off = host.storage().set_enabled("bigevents", false, "test", now).await;
    off.expect("the store answers");
    for path in [CONF, &one, BIG, EXPORTERS] {
        let refused = host.get(path, JOHN).await;
        assert_eq!(refused.status, 403);
        assert!(refused.body["detail"].as_str().expect("words").contains("disabled"));
    }
    assert_eq!(host.delete(&one, JOHN).await.status, 403);
    let on = host.storage().set_enabled("bigevents", true, "test", now).await;
    on.expect("the store answers");
    assert_eq!(host.get(&one, JOHN).await.status, 200);
}
