use scheduled_exports_host::contract::{Position, Problem, RunQuery, RunState, SortKey, StateKind};
use serde_json::json;

use super::host::{Host, LIST, ONE, TAG};
use crate::service::{Answer, CallError, Operation};

fn page(total: u64, documents: &[&str]) -> Result<Answer, CallError> {
    let documents = documents.iter().map(ToString::to_string).collect();
    Ok(Answer::Page {
        total,
        documents,
        next: None,
    })
}

#[tokio::test]
async fn a_list_is_a_page_of_documents_as_they_are() {
    let host = Host::new();
    host.answers(page(3, &[r#"{"id":  1}"#, r#"{"id":2,"x":"\u00e4"}"#]));
    let ask = host
        .john("GET", &format!("{LIST}?page_size=2&ordering=-id"))
        .header("host", "tickets.example");
    let got = ask.send().await;
    assert_eq!(got.status, 200);
    assert_eq!(got.header("cache-control"), Some("private, no-store"));
    assert!(
        got.body.ends_with(r#""results":[{"id":  1},{"id":2,"x":"\u00e4"}]}"#),
        "{}",
        got.body
    );
    let next = format!("http://tickets.example{LIST}?page_size=2&ordering=-id&page=2");
    assert_eq!(
        (&got.json()["next"], &got.json()["previous"]),
        (&json!(next), &json!(null))
    );
    assert_eq!(got.json()["count"], 3);
}

#[tokio::test]
async fn the_component_is_asked_for_the_page_that_the_query_names() {
    let host = Host::new();
    host.john(
        "GET",
        &format!("{LIST}?page=2&page_size=7&ordering=-schedule_next_run&other=1"),
    )
    .send()
    .await;
    host.john("GET", &format!("{LIST}?page_size=0&ordering=owner"))
        .send()
        .await;
    let asked: Vec<_> = host
        .asked()
        .into_iter()
        .map(|operation| match operation {
            Operation::List(query) => (query.order, query.descending, query.at, query.size),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        asked,
        [
            (SortKey::NextRun, true, Position::Number(2), 7),
            (SortKey::Id, false, Position::Number(1), 50)
        ]
    );
}

#[tokio::test]
async fn a_page_that_does_not_exist_is_404() {
    let host = Host::new();
    for page in ["0", "-1", "last", "", "%00", "%FF", "1e1", "4294967296"] {
        for path in [LIST, &format!("{ONE}runs/"), "/api/v1/organizers/big/exporters/"] {
            let got = host.john("GET", &format!("{path}?page={page}")).send().await;
            assert_eq!(
                (got.status.as_u16(), got.detail().as_str()),
                (404, "Invalid page: there is no such page."),
                "{path} {page}"
            );
        }
    }
    assert!(host.asked().is_empty());
    host.answers(Err(CallError::Problem(Problem::NotFound)));
    let got = host.john("GET", &format!("{LIST}?page=2")).send().await;
    assert_eq!(
        (got.status.as_u16(), got.detail().as_str()),
        (404, "Invalid page: there is no such page.")
    );
}

#[tokio::test]
async fn run_history_has_pages_too() {
    let host = Host::new();
    host.answers(page(5, &["{}", "{}"]));
    let got = host.john("GET", &format!("{ONE}runs/?page=2&page_size=2")).send().await;
    assert_eq!(got.json()["next"], format!("{ONE}runs/?page_size=2&page=3"));
    assert_eq!(got.json()["previous"], format!("{ONE}runs/?page_size=2&page=1"));
    assert!(matches!(
        host.asked().as_slice(),
        [Operation::Runs {
            id: 7,
            query: RunQuery {
                at: Position::Number(2),
                size: 2,
                ..
            }
        }]
    ));
    host.answers(Err(CallError::Problem(Problem::NotFound)));
    assert_eq!(host.john("GET", &format!("{ONE}runs/")).send().await.status, 404);
}

#[tokio::test]
async fn the_component_is_asked_for_what_the_conditions_name_and_links_keep_them() {
    let host = Host::new();
    host.answers(page(3, &["{}"]));
    let query = "owner=ann%40example.org&state=stopped&page_size=1";
    let got = host.john("GET", &format!("{LIST}?{query}&page=2")).send().await;
    assert_eq!(got.json()["next"], format!("{LIST}?{query}&page=3"));
    assert_eq!(got.json()["previous"], format!("{LIST}?{query}&page=1"));
    host.john("GET", &format!("{ONE}runs/?outcome=failed&since=2027-01-15T08:00:00Z"))
        .send()
        .await;
    match host.asked().as_slice() {
        [Operation::List(list), Operation::Runs { id: 7, query }] => {
            assert_eq!(list.filter.owner.as_deref(), Some("ann@example.org"));
            assert_eq!(list.filter.state, Some(StateKind::Stopped));
            assert_eq!(
                (query.state, query.since),
                (Some(RunState::Failed), Some(1_800_000_000))
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_condition_that_is_none_is_400_and_asks_nothing() {
    let host = Host::new();
    for (uri, name) in [
        (format!("{LIST}?state=off"), "state"),
        (format!("{LIST}?due_before=tomorrow"), "due_before"),
        (format!("{ONE}runs/?outcome=late"), "outcome"),
    ] {
        let got = host.john("GET", &uri).send().await;
        assert_eq!(got.status, 400, "{uri}");
        assert!(
            got.json()[name][0].as_str().unwrap().contains("expected"),
            "{}",
            got.body
        );
    }
    assert!(host.asked().is_empty());
}

#[tokio::test]
async fn one_run_of_the_history_is_an_object_or_404() {
    let host = Host::new();
    host.answers(page(1, &[r#"{"outcome":"empty"}"#]));
    let got = host.john("GET", &format!("{ONE}runs/812/")).send().await;
    assert_eq!(
        (got.status.as_u16(), got.body.as_str()),
        (200, r#"{"outcome":"empty"}"#)
    );
    assert!(matches!(
        host.asked().as_slice(),
        [Operation::Runs {
            id: 7,
            query: RunQuery {
                id: Some(812),
                at: Position::Number(1),
                ..
            }
        }]
    ));
    host.answers(page(0, &[]));
    assert_eq!(host.john("GET", &format!("{ONE}runs/813/")).send().await.status, 404);
    for none in ["0x1", "latest", "9223372036854775808"] {
        assert_eq!(host.john("GET", &format!("{ONE}runs/{none}/")).send().await.status, 404);
    }
    assert_eq!(host.asked().len(), 2);
}

#[tokio::test]
async fn exporters_are_a_list_and_each_is_an_object() {
    let host = Host::new();
    let path = "/api/v1/organizers/big/events/conf/exporters/";
    let got = host.john("GET", path).send().await;
    assert_eq!(
        got.body,
        r#"{"count":2,"next":null,"previous":null,"results":[{"identifier":"a"},{"identifier":"b"}]}"#
    );
    let got = host.john("GET", &format!("{path}?page_size=1&page=2")).send().await;
    assert_eq!(got.json()["results"], json!([{ "identifier": "b" }]));
    assert_eq!(host.john("GET", &format!("{path}?page=2")).send().await.status, 404);
    assert_eq!(
        host.john("GET", &format!("{path}a/")).send().await.body,
        r#"{"identifier":"a"}"#
    );
    host.answers(Err(CallError::Problem(Problem::NotFound)));
    assert_eq!(host.john("GET", &format!("{path}c/")).send().await.status, 404);
    host.answers(Ok(Answer::Exporters(vec![])));
    assert_eq!(host.john("GET", &format!("{path}c/")).send().await.status, 404);
    assert_eq!(host.john("GET", &format!("{path}%00/")).send().await.status, 404);
}

#[tokio::test]
async fn one_schedule_comes_with_its_etag_and_whole_whatever_the_client_has_seen() {
    let host = Host::new();
    for known in [TAG, "W/\"v3\"", "\"v2\"", "*", "nonsense", ""] {
        let got = host.john("GET", ONE).header("if-none-match", known).send().await;
        assert_eq!((got.status.as_u16(), got.header("etag")), (200, Some(TAG)), "{known}");
        assert_ne!(got.body, "", "{known}");
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let host = Host::new();
    for path in [
        LIST,
        ONE,
        "/",
        "/healthz",
        "/nowhere",
        "/api/v1/organizers/unknown/exporters/",
    ] {
        let get = host.john("GET", path).send().await;
        let head = host.john("HEAD", path).send().await;
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(
            head.header("content-length"),
            Some(get.body.len().to_string().as_str()),
            "{path}"
        );
        assert_eq!(head.header("content-type"), Some("application/json"), "{path}");
        assert_eq!(head.header("etag"), get.header("etag"), "{path}");
    }
}

#[tokio::test]
async fn answers_are_json_or_406() {
    let host = Host::new();
    for (accept, status) in [
        ("application/json", 200),
        ("*/*", 200),
        ("text/html", 406),
        ("*/*;q=0", 406),
        ("\u{e4}", 200),
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", 200),
    ] {
        assert_eq!(
            host.john("GET", ONE).header("accept", accept).send().await.status,
            status,
            "{accept}"
        );
    }
    // Health is for probes that ask for anything.
    assert_eq!(
        host.ask("GET", "/healthz")
            .header("accept", "text/plain")
            .send()
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn an_answer_to_another_question_is_500() {
    let host = Host::new();
    for path in [LIST, ONE, &format!("{ONE}runs/"), "/api/v1/organizers/big/exporters/"] {
        host.answers(Ok(Answer::Deleted));
        assert_eq!(host.john("GET", path).send().await.status, 500, "{path}");
    }
}
