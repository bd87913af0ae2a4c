use super::host::{Host, LIST, ONE};
use crate::service::Operation;

#[tokio::test]
async fn an_unknown_path_is_404_for_everybody() {
    let host = Host::new();
    for path in [
        "/nothing",
        "/api/v1/",
        "/api/v1/organizers/big/",
        "/api/v1/organizers/big/orders/",
        "/healthz/",
    ] {
        for method in ["GET", "POST", "OPTIONS", "BREW"] {
            assert_eq!(host.ask(method, path).send().await.status, 404, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_method_that_is_not_there_is_405_before_credentials_are_looked_at() {
    let host = Host::new();
    for (method, path, allow) in [
        ("DELETE", LIST, "GET, HEAD, POST, OPTIONS"),
        ("POST", ONE, "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
        ("BREW", ONE, "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
        (
            "POST",
            "/api/v1/organizers/big/scheduled_exports/7/runs/",
            "GET, HEAD, OPTIONS",
        ),
        (
            "GET",
            "/api/v1/organizers/big/scheduled_exports/7/take_over/",
            "POST, OPTIONS",
        ),
        (
            "PUT",
            "/api/v1/organizers/big/scheduled_exports/7/archive/",
            "GET, HEAD, POST, OPTIONS",
        ),
        ("POST", "/api/v1/organizers/big/exporters/", "GET, HEAD, OPTIONS"),
        (
            "PUT",
            "/api/v1/organizers/big/events/conf/exporters/orderlist/",
            "GET, HEAD, OPTIONS",
        ),
        ("POST", "/", "GET, HEAD, OPTIONS"),
        ("DELETE", "/healthz", "GET, HEAD, OPTIONS"),
    ] {
        let got = host.ask(method, path).send().await;
        assert_eq!(
            (got.status.as_u16(), got.header("allow")),
            (405, Some(allow)),
            "{method} {path}"
        );
        assert!(got.detail().contains(allow));
        let got = host.ask("OPTIONS", path).send().await;
        assert_eq!(
            (got.status.as_u16(), got.header("allow")),
            (204, Some(allow)),
            "OPTIONS {path}"
        );
    }
}

#[tokio::test]
async fn the_path_of_a_preview_takes_get_and_post_and_says_so() {
    let host = Host::new();
    for level in ["big", "big/events/conf"] {
        let path = format!("/api/v1/organizers/{level}/scheduled_exports/preview/");
        let allow = Some("GET, HEAD, POST, OPTIONS");
        for method in ["PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
            for path in [path.as_str(), path.trim_end_matches('/')] {
                let got = host.john(method, path).send().await;
                let answer = (got.status.as_u16(), got.header("allow"));
                assert_eq!(answer, (405, allow), "{method} {path}");
            }
        }
        assert_eq!(host.ask("OPTIONS", &path).send().await.header("allow"), allow);
        assert_eq!(host.john("GET", &path).send().await.status, 200);
        assert_eq!(host.john("POST", &path).json("{}").send().await.status, 200);
    }
}

#[tokio::test]
async fn where_nothing_is_known_to_be_no_method_is_promised() {
    let host = Host::new();
    for id in ["abc", "1.5", "%FF", "previews"] {
        let path = format!("{LIST}{id}/");
        for method in ["OPTIONS", "GET", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
            let got = host.john(method, &path).send().await;
            assert_eq!(
                (got.status.as_u16(), got.header("allow")),
                (404, None),
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn readers_without_the_slash_are_sent_to_the_path_that_has_it() {
    let host = Host::new();
    for method in ["GET", "HEAD"] {
        for (uri, location) in [
            ("/api/v1/organizers/big/scheduled_exports", LIST.to_owned()),
            ("/api/v1/organizers/big/scheduled_exports/7", ONE.to_owned()),
            (
                "/api/v1/organizers/big/scheduled_exports?page=2&q=%22",
                format!("{LIST}?page=2&q=%22"),
            ),
            (
                "/api/v1/organizers/a%0Ab/exporters",
                "/api/v1/organizers/a%0Ab/exporters/".to_owned(),
            ),
        ] {
            let got = host.ask(method, uri).send().await;
            assert_eq!(
                (got.status.as_u16(), got.header("location")),
                (301, Some(location.as_str())),
                "{uri}"
            );
        }
    }
}

#[tokio::test]
async fn writers_without_the_slash_are_told_the_path_that_has_it() {
    let host = Host::new();
    for (method, path) in [("POST", LIST), ("PUT", ONE), ("PATCH", ONE), ("DELETE", ONE)] {
        let got = host.john(method, path.trim_end_matches('/')).json("{}").send().await;
        assert_eq!(got.status, 404);
        assert!(got.detail().contains(path), "{}", got.detail());
    }
    assert!(host.asked().is_empty());
}

#[tokio::test]
async fn an_id_that_is_no_number_is_404_once_the_caller_is_known() {
    let host = Host::new();
    for id in [
        "Abc",
        "+1",
        "-1",
        "1.5",
        "%00",
        "%FF",
        "18446744073709551616",
        "99999999999999999999999999",
        "1%20",
    ] {
        let path = format!("{LIST}{id}/");
        for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE"] {
            assert_eq!(host.john(method, &path).send().await.status, 404, "{method} {path}");
            assert_eq!(host.ask(method, &path).send().await.status, 401, "{method} {path}");
        }
        assert_eq!(
            host.john("GET", &format!("{path}runs/")).send().await.status,
            404,
            "{path}runs/"
        );
        assert_eq!(
            host.john("POST", &format!("{path}pause/"))
                .json("{}")
                .send()
                .await
                .status,
            404,
            "{path}pause/"
        );
    }
    assert!(host.asked().is_empty());
}

#[tokio::test]
async fn a_word_is_a_view_whose_name_the_component_knows_or_does_not() {
    let host = Host::new();
    let views = ["rule", "a_b-9", "x"];
    for name in views {
        for path in [format!("{LIST}{name}/"), format!("{ONE}{name}/")] {
            assert_eq!(host.john("GET", &path).send().await.status, 404, "{path}");
        }
    }
    let asked = host.asked();
    assert_eq!(asked.len(), 2 * views.len());
    assert!(
        asked
            .iter()
            .all(|one| matches!(one, Operation::View { name, .. } if views.contains(&&**name)))
    );
    // The component is not asked for a name that no view has.
    for name in ["Rule", "9a", "-a", "a.b", "a%20b", "\u{e4}"] {
        for path in [format!("{LIST}{name}/"), format!("{ONE}{name}/")] {
            let status = host.john("GET", &path.replace('\u{e4}', "%C3%A4")).send().await.status;
            assert_eq!(status, 404, "{path}");
        }
    }
    assert_eq!(host.asked().len(), asked.len());
}

#[tokio::test]
async fn the_home_and_health_need_no_credentials() {
    let host = Host::new();
    assert!(
        host.ask("GET", "/")
            .send()
            .await
            .body
            .contains(r#"documentation":"docs/api.md"#)
    );
    assert_eq!(host.ask("GET", "/healthz").send().await.status, 200);
    assert_eq!(host.ask("HEAD", "/healthz").send().await.status, 200);
    *host.away.lock().expect("unpoisoned") = Some("ping");
    let got = host.ask("GET", "/healthz").send().await;
    assert_eq!(got.status, 503);
    assert!(!got.body.contains("locked"));
    assert_eq!(host.ask("GET", "/").send().await.status, 200);
}

#[tokio::test]
async fn a_request_id_is_the_clients_if_it_is_a_plain_word() {
    let host = Host::new();
    let longest = "a".repeat(64);
    for id in ["abc-1_2.3", &longest] {
        assert_eq!(
            host.ask("GET", "/")
                .header("x-request-id", id)
                .send()
                .await
                .header("x-request-id"),
            Some(id)
        );
    }
    for id in ["", "a b", "a\"", &format!("{longest}a"), "\u{e4}"] {
        assert_ne!(
            host.ask("GET", "/")
                .header("x-request-id", id)
                .send()
                .await
                .header("x-request-id"),
            Some(id)
        );
    }
}

#[tokio::test]
async fn where_a_notice_leads_a_page_names_the_path_of_the_api_and_nothing_of_what_is_there() {
    let host = Host::new();
    // Nobody has to say who he is, and nothing is looked up.
    *host.away.lock().expect("unpoisoned") = Some("damaged");
    for (page, api) in [
        (
            "/control/big/scheduled-exports/",
            "/api/v1/organizers/big/scheduled_exports/",
        ),
        (
            "/control/nobodys/conf/scheduled-exports/",
            "/api/v1/organizers/nobodys/events/conf/scheduled_exports/",
        ),
        (
            "/control/%3Cb%3E/scheduled-exports/",
            "/api/v1/organizers/%3Cb%3E/scheduled_exports/",
        ),
    ] {
        for (language, words) in [("en", "with the API:"), ("de", "über die API verwaltet")] {
            let ask = host.ask("GET", page).header("accept-language", language);
            let got = ask.header("host", "a.example").page().await;
            assert_eq!(got.status, 200);
            assert_eq!(got.header("content-type"), Some("text/plain; charset=utf-8"));
            let (first, rest) = got.body.split_once("\n\n").expect("a line of its own");
            assert_eq!(first, page);
            assert!(rest.contains(words), "{rest}");
            assert!(rest.ends_with(&format!("\nhttp://a.example{api}\n")), "{rest}");
        }
        assert_eq!(host.ask("HEAD", page).page().await.body, "");
        assert_eq!(
            host.ask("OPTIONS", page).send().await.header("allow"),
            Some("GET, HEAD, OPTIONS")
        );
        assert_eq!(host.ask("POST", page).send().await.status, 405);
    }
    let based = host.ask_at("https://tickets.example/x", "GET", "/control/big/scheduled-exports/");
    let body = based.page().await.body;
    assert!(
        body.contains("https://tickets.example/x/api/v1/organizers/big/"),
        "{body}"
    );
    assert_eq!(host.ask("GET", "/control/big/").send().await.status, 404);
}

#[tokio::test]
async fn a_percent_encoded_plain_character_of_a_path_means_that_character() {
    let host = Host::new();
    for (path, same) in [
        ("/%68ealthz", "/healthz"),
        ("/api/v1/organizers/big/scheduled_exports/%37/", ONE),
        (
            "/api/v1/organizers/big/%73cheduled%5Fexports/7/%72uns/?page=%31",
            "/api/v1/organizers/big/scheduled_exports/7/runs/?page=1",
        ),
    ] {
        let (got, plain) = (host.john("GET", path).send().await, host.john("GET", same).send().await);
        assert_eq!((got.status.as_u16(), got.body), (200, plain.body), "{path}");
    }
    // A number that is encoded twice is none.
    assert_eq!(host.john("GET", &format!("{LIST}%2537/")).send().await.status, 404);
    let sent_on = host
        .ask("GET", "/api/v1/organizers/big/%73cheduled_exports")
        .send()
        .await;
    assert_eq!(sent_on.header("location"), Some(LIST));
}

#[tokio::test]
async fn the_host_that_a_request_line_names_begins_links_whatever_the_host_line_says() {
    let host = Host::new();
    let target = format!("http://abs.example:8080{LIST}");
    let made = host.john("POST", &target).header("host", "x").json("{}").send().await;
    let expected = format!("http://abs.example:8080{ONE}");
    assert_eq!(made.header("location"), Some(expected.as_str()));
    let odd = host
        .john("POST", &format!("http://u:p@abs.example{LIST}"))
        .header("host", "x");
    assert_eq!(odd.json("{}").send().await.header("location"), Some(ONE));
}
