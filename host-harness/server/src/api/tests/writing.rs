use axum::body::Body;
use axum::body::Bytes;
use futures_util::stream;
use scheduled_exports_host::contract::{FieldError, Problem};
use serde_json::json;

use super::host::{Host, LIST, ONE, TAG};
use crate::service::{Answer, CallError, Operation};

#[tokio::test]
async fn each_write_is_its_own_question_to_the_component() {
    let host = Host::new();
    let status = async |method: &str, path: &str| {
        let got = host.john(method, path).json(r#"{"a": 1}"#).send().await;
        (got.status.as_u16(), got.header("etag").map(str::to_owned))
    };
    let tag = || Some(TAG.to_owned());
    assert_eq!(status("POST", LIST).await, (201, tag()));
    assert_eq!(status("PUT", ONE).await, (200, tag()));
    assert_eq!(status("PATCH", ONE).await, (200, tag()));
    assert_eq!(status("DELETE", ONE).await, (204, None));
    assert_eq!(status("POST", &format!("{LIST}preview/")).await, (200, None));
    assert_eq!(status("POST", &format!("{ONE}pause/")).await, (200, None));
    let sent = r#"{"a": 1}"#;
    let asked = host.asked();
    assert!(matches!(&asked[0], Operation::Create(document) if document == sent));
    assert!(matches!(&asked[1], Operation::Replace { id: 7, document, if_version: None } if document == sent));
    assert!(matches!(&asked[2], Operation::Patch { id: 7, document, if_version: None } if document == sent));
    assert!(matches!(
        &asked[3],
        Operation::Delete {
            id: 7,
            if_version: None
        }
    ));
    assert!(
        matches!(&asked[4], Operation::Act { id: None, verb, document, .. } if verb == "preview" && document == sent)
    );
    assert!(
        matches!(&asked[5], Operation::Act { id: Some(7), verb, document, .. } if verb == "pause" && document == sent)
    );
}

#[tokio::test]
async fn a_created_schedule_says_where_it_is() {
    let host = Host::new();
    let got = host
        .john("POST", LIST)
        .header("host", "[::1]:8080")
        .json("{}")
        .send()
        .await;
    assert_eq!(got.header("location"), Some(format!("http://[::1]:8080{ONE}").as_str()));
    let got = host.john("POST", LIST).header("host", "a b").json("{}").send().await;
    assert_eq!(got.header("location"), Some(ONE));
}

#[tokio::test]
async fn a_base_url_begins_every_link_whatever_the_request_says() {
    let host = Host::new();
    let ask = |method: &str, uri: &str| {
        let ask = host.ask_at("https://tickets.example/exports/", method, uri);
        ask.header("authorization", "Bearer john")
            .header("host", "evil.example")
            .header("x-forwarded-proto", "http")
    };
    let base = "https://tickets.example/exports";
    let got = ask("POST", LIST).json("{}").send().await;
    assert_eq!(got.header("location"), Some(format!("{base}{ONE}").as_str()));
    host.answers(Ok(Answer::Page {
        total: 3,
        documents: vec!["{}".into()],
        next: None,
    }));
    let got = ask("GET", &format!("{LIST}?page=2&page_size=1")).send().await;
    assert_eq!(got.json()["next"], format!("{base}{LIST}?page_size=1&page=3"));
    assert_eq!(got.json()["previous"], format!("{base}{LIST}?page_size=1&page=1"));
    let got = ask("GET", LIST.trim_end_matches('/')).send().await;
    assert_eq!(
        (got.status.as_u16(), got.header("location")),
        (301, Some(format!("{base}{LIST}").as_str()))
    );
}

#[tokio::test]
async fn what_the_component_refuses_has_its_status_and_shape() {
    let host = Host::new();
    let error = |path: &[&str], message: &str| FieldError {
        params: Vec::new(),
        path: path.iter().map(ToString::to_string).collect(),
        code: "wrong".into(),
        message: message.into(),
    };
    let errors = vec![
        error(&["mail_subject"], "a"),
        error(&["export_form_data", "date_range"], "b"),
    ];
    for (refusal, status, body) in [
        (
            CallError::Problem(Problem::Invalid(errors)),
            400,
            json!({ "mail_subject": ["a"], "export_form_data": { "date_range": ["b"] } }),
        ),
        (
            CallError::Problem(Problem::Malformed("line 1".into())),
            400,
            json!({ "detail": "line 1" }),
        ),
        (
            CallError::Problem(Problem::Other(("quota".into(), "full".into()))),
            400,
            json!({ "non_field_errors": ["full"] }),
        ),
        (
            CallError::Problem(Problem::Forbidden("not yours".into())),
            403,
            json!({ "detail": "not yours" }),
        ),
        (
            CallError::Problem(Problem::NotFound),
            404,
            json!({ "detail": "Not found." }),
        ),
    ] {
        host.answers(Err(refusal));
        let got = host.john("PUT", ONE).json("{}").send().await;
        assert_eq!((got.status.as_u16(), got.json()), (status, body));
    }
    for (refusal, status) in [
        (CallError::Problem(Problem::Stale), 412),
        (CallError::Problem(Problem::Unavailable("/srv/host.db".into())), 503),
        (CallError::Unavailable("/srv/host.db".into()), 503),
        (CallError::Superseded, 409),
        (CallError::Trapped("wasm trap at /srv/plugin.wasm".into()), 500),
    ] {
        host.answers(Err(refusal));
        let got = host.john("PUT", ONE).json("{}").send().await;
        assert_eq!(got.status, status);
        assert!(!got.detail().contains("/srv"));
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_is_415_and_none_is_for_the_component_to_refuse() {
    let host = Host::new();
    for content_type in [
        "text/plain",
        "application/json; charset=latin1",
        "",
        "application/x-www-form-urlencoded",
    ] {
        let ask = host.john("POST", LIST).header("content-type", content_type).body("{}");
        let got = ask.send().await;
        assert_eq!(got.status, 415, "{content_type}");
        let named = content_type.rsplit("charset=").next().expect("a last part");
        assert!(got.detail().contains(named), "{}", got.detail());
    }
    assert_eq!(host.john("POST", LIST).body("{}").send().await.status, 415);
    assert!(host.asked().is_empty());
    let merge_patch = host
        .john("PATCH", ONE)
        .header("content-type", "application/merge-patch+json");
    assert_eq!(merge_patch.body("{}").send().await.status, 200);
    host.john("POST", LIST).send().await;
    assert!(matches!(host.asked().last(), Some(Operation::Create(document)) if document.is_empty()));
    // A body of DELETE says nothing, so nothing can be wrong with it.
    assert_eq!(host.john("DELETE", ONE).body("{}").send().await.status, 204);
}

#[tokio::test]
async fn a_body_has_at_most_64_kib() {
    let host = Host::new();
    let most = "a".repeat(64 * 1024);
    assert_eq!(host.john("POST", LIST).json(&most).send().await.status, 201);
    let got = host.john("POST", LIST).json(&format!("{most}a")).send().await;
    assert_eq!(got.status, 413);
    assert!(got.detail().contains("65536"));
    // Also where the length is not announced.
    let chunks = |last: &str| {
        let chunks = [most[..40_000].to_owned(), most[40_000..].to_owned(), last.to_owned()];
        Body::from_stream(stream::iter(
            chunks.map(|chunk| Ok::<_, std::io::Error>(Bytes::from(chunk))),
        ))
    };
    let ask = || host.john("POST", LIST).header("content-type", "application/json");
    assert_eq!(ask().body(chunks("")).send().await.status, 201);
    assert_eq!(ask().body(chunks("a")).send().await.status, 413);
}

#[tokio::test]
async fn a_body_that_is_no_text_or_breaks_off_is_400() {
    let host = Host::new();
    let ask = || host.john("POST", LIST).header("content-type", "application/json");
    let got = ask().body(vec![b'"', 0xff, b'"']).send().await;
    assert_eq!(
        (got.status.as_u16(), got.detail().as_str()),
        (400, "The request body is not valid UTF-8.")
    );
    let broken = stream::iter([Ok(Bytes::from("{")), Err(std::io::Error::other("reset"))]);
    let got = ask().body(Body::from_stream(broken)).send().await;
    assert_eq!(
        (got.status.as_u16(), got.detail().as_str()),
        (400, "The request body is incomplete.")
    );
    assert!(host.asked().is_empty());
}

#[tokio::test]
async fn if_match_is_handed_to_the_component() {
    let host = Host::new();
    for method in ["PUT", "PATCH", "DELETE"] {
        for (tag, wanted) in [
            ("*", None),
            ("\"v3\"", Some(3)),
            ("\"v9\"", Some(9)),
            ("\"other\", \"v9\"", Some(9)),
        ] {
            host.john(method, ONE).header("if-match", tag).json("{}").send().await;
            let version = match host.asked().pop() {
                Some(Operation::Replace { if_version, .. } | Operation::Patch { if_version, .. }) => if_version,
                Some(Operation::Delete { if_version, .. }) => if_version,
                other => panic!("{other:?}"),
            };
            assert_eq!(version, wanted, "{method} {tag}");
        }
    }
    host.answers(Err(CallError::Problem(Problem::Stale)));
    assert_eq!(
        host.john("PUT", ONE)
            .header("if-match", "\"v2\"")
            .json("{}")
            .send()
            .await
            .status,
        412
    );
}

#[tokio::test]
async fn of_several_tags_the_stored_one_counts_and_nonsense_matches_nothing() {
    let host = Host::new();
    let got = host
        .john("PUT", ONE)
        .header("if-match", "\"v2\", \"v3\"")
        .json("{}")
        .send()
        .await;
    assert_eq!(got.status, 200);
    let asked = host.asked();
    assert!(
        matches!(
            asked.as_slice(),
            [
                Operation::Get(7),
                Operation::Replace {
                    if_version: Some(3),
                    ..
                }
            ]
        ),
        "{asked:?}"
    );
    for tags in ["\"v1\", \"v2\"", "W/\"v3\"", "nonsense", "", "\u{e4}"] {
        let got = host.john("DELETE", ONE).header("if-match", tags).send().await;
        assert_eq!(got.status, 412, "{tags}");
        assert!(matches!(host.asked().last(), Some(Operation::Get(7))), "{tags}");
    }
    // Where the caller may not see the schedule, that is all that he reads.
    host.answers(Err(CallError::Problem(Problem::NotFound)));
    assert_eq!(
        host.john("DELETE", ONE)
            .header("if-match", "nonsense")
            .send()
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_write_whose_if_none_match_names_what_is_there_is_412() {
    let host = Host::new();
    for method in ["PUT", "PATCH", "DELETE"] {
        for tags in ["*", TAG, "W/\"v3\"", "\"v1\", W/\"v3\""] {
            let got = host
                .john(method, ONE)
                .header("if-none-match", tags)
                .json("{}")
                .send()
                .await;
            assert_eq!(got.status, 412, "{method} {tags}");
            assert!(got.detail().contains("If-None-Match"), "{}", got.detail());
            assert!(
                matches!(host.asked().last(), Some(Operation::Get(7))),
                "{method} {tags}"
            );
        }
        for tags in ["\"v2\"", "W/\"v2\", \"v4\"", "nonsense"] {
            let got = host
                .john(method, ONE)
                .header("if-none-match", tags)
                .json("{}")
                .send()
                .await;
            assert!(got.status.is_success(), "{method} {tags}: {}", got.status);
            let version = match host.asked().pop() {
                Some(Operation::Replace { if_version, .. } | Operation::Patch { if_version, .. }) => if_version,
                Some(Operation::Delete { if_version, .. }) => if_version,
                other => panic!("{other:?}"),
            };
            assert_eq!(
                version,
                Some(3),
                "{method} {tags}: what was looked at is what is changed"
            );
        }
    }
    // Both: each must hold.
    let both = |matches: &str, none_match: &str| {
        let ask = host.john("PATCH", ONE).header("if-match", matches);
        ask.header("if-none-match", none_match).json("{}").send()
    };
    assert_eq!(both(TAG, "\"v2\"").await.status, 200);
    assert_eq!(both(TAG, TAG).await.status, 412);
    assert_eq!(both("\"v2\"", "\"v9\"").await.status, 412);
    // A caller who may not see the schedule reads just that.
    host.answers(Err(CallError::Problem(Problem::NotFound)));
    assert_eq!(
        host.john("PATCH", ONE)
            .header("if-none-match", "*")
            .json("{}")
            .send()
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_verb_of_a_schedule_is_held_to_if_match_and_if_none_match() {
    let host = Host::new();
    let act = async |name: &'static str, tags: &'static str| {
        let before = host.asked().len();
        let path = format!("{ONE}take_over/");
        let got = host.john("POST", &path).header(name, tags).json("{}").send().await;
        let acted = host
            .asked()
            .split_off(before)
            .into_iter()
            .find_map(|asked| match asked {
                Operation::Act { if_version, .. } => Some(if_version),
                _ => None,
            });
        (got.status.as_u16(), acted)
    };
    for tags in ["\"v3\"", "\"v1\", \"v3\""] {
        assert_eq!(act("if-match", tags).await, (200, Some(Some(3))), "{tags}");
    }
    assert_eq!(act("if-match", "*").await, (200, Some(None)));
    for tags in ["\"v2\"", "W/\"v3\"", "nonsense", ""] {
        assert_eq!(act("if-match", tags).await, (412, None), "{tags}");
    }
    assert_eq!(act("if-none-match", "\"v2\"").await, (200, Some(Some(3))));
    for tags in ["*", TAG, "W/\"v3\""] {
        assert_eq!(act("if-none-match", tags).await, (412, None), "{tags}");
    }
    // A preview is about no schedule.
    let preview = host.john("POST", &format!("{LIST}preview/"));
    assert_eq!(preview.header("if-match", "\"v2\"").json("{}").send().await.status, 200);
}

#[tokio::test]
async fn if_match_means_nothing_where_there_is_nothing_yet() {
    let host = Host::new();
    assert_eq!(
        host.john("POST", LIST)
            .header("if-match", "nonsense")
            .json("{}")
            .send()
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn an_answer_to_another_question_is_500() {
    let host = Host::new();
    host.answers(Ok(Answer::Exporters(vec![])));
    assert_eq!(host.john("POST", LIST).json("{}").send().await.status, 500);
}

#[tokio::test]
async fn a_body_in_another_encoding_or_with_a_mark_inside_is_told_what_it_is() {
    let host = Host::new();
    let utf16 = |mark: bool, order: fn(u16) -> [u8; 2]| {
        let units = "{\"a\": 1}".encode_utf16().flat_map(order);
        let mark = mark.then(|| order(0xfeff)).into_iter().flatten();
        mark.chain(units).collect::<Vec<u8>>()
    };
    for (body, words) in [
        (utf16(true, u16::to_le_bytes), "UTF-16"),
        (utf16(true, u16::to_be_bytes), "UTF-16"),
        (utf16(false, u16::to_le_bytes), "UTF-16"),
        (utf16(false, u16::to_be_bytes), "UTF-16"),
        ("\u{feff}\u{feff}{}".into(), "byte order mark"),
        (" \u{feff}{}".into(), "byte order mark"),
        ("\u{feff}\r\n\u{feff}{}".into(), "byte order mark"),
    ] {
        let ask = host.john("POST", LIST).header("content-type", "application/json");
        let got = ask.body(body.clone()).send().await;
        assert_eq!(got.status, 400, "{body:?}");
        assert!(got.detail().contains(words), "{body:?}: {}", got.detail());
    }
    assert!(host.asked().is_empty());
    let fine = host.john("POST", LIST).json("\u{feff} {}").send().await;
    assert_eq!(
        fine.status, 201,
        "one as the first character is the component's to drop"
    );
}
