//! Writes that are repeated, and writes on what has changed meanwhile.

use serde_json::{Value, json};
use tests::{CONF, FEST, JOHN, MARY, but, daily};

use crate::crud::host;

#[tokio::test]
async fn section_2_a_repeated_write_with_the_same_key_answers_as_the_first_and_is_kept_across_a_restart() {
    let mut host = host().await;
    let body = daily().to_string();
    let post = || "POST".parse().expect("a method");
    let mut first = Vec::new();
    for (name, key) in [("Idempotency-Key", "one"), ("X-Idempotency-Key", "two")] {
        let answer = host.request(post(), CONF, JOHN, &[(name, key)], Some(&body)).await;
        assert_eq!((answer.status, answer.header("idempotency-replayed")), (201, ""));
        first.push((name, key, answer));
    }
    assert_eq!(host.get(CONF, JOHN).await.body["count"], 2);
    for restarted in [false, true] {
        if restarted {
            host = host.restart().await;
        }
        for (name, key, first) in &first {
            let again = host.request(post(), CONF, JOHN, &[(name, key)], Some(&body)).await;
            assert_eq!((again.status, again.header("idempotency-replayed")), (201, "true"));
            assert_eq!(
                (again.bytes, again.headers.get("etag"), again.headers.get("location")),
                (
                    first.bytes.clone(),
                    first.headers.get("etag"),
                    first.headers.get("location")
                )
            );
        }
    }
    assert_eq!(host.get(CONF, JOHN).await.body["count"], 2);
    // Another caller's key is another key.
    let marys = host
        .request(post(), CONF, MARY, &[("Idempotency-Key", "one")], Some(&body))
        .await;
    assert_eq!((marys.status, &marys.body["owner"]), (201, &json!("mary@example.org")));
    host.jump_to("2026-10-23T12:00:01Z");
    let later = host
        .request(post(), CONF, JOHN, &[("Idempotency-Key", "one")], Some(&body))
        .await;
    assert_eq!(
        (later.status, later.header("idempotency-replayed")),
        (201, ""),
        "after 24 hours it is new"
    );
}

#[tokio::test]
async fn section_2_the_same_key_with_another_request_is_422_and_a_refusal_leaves_it_free() {
    let host = host().await;
    let key = [("idempotency-key", "once")];
    let send = |method: &'static str, path: String, body: String| {
        let host = &host;
        async move {
            host.request(method.parse().expect("a method"), &path, JOHN, &key, Some(&body))
                .await
        }
    };
    let wrong_body = but(daily(), json!({"mail_subject": "", })).to_string();
    // What changed nothing is looked at again.
    for _ in 0..2 {
        let refused = send("POST", CONF.into(), wrong_body.clone()).await;
        assert_eq!((refused.status, refused.header("idempotency-replayed")), (400, ""));
    }
    let body = daily().to_string();
    let first = send("POST", CONF.into(), body.clone()).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, ""));
    let again = send("POST", CONF.into(), body.clone()).await;
    assert_eq!(
        (again.status, &again.bytes, again.header("idempotency-replayed")),
        (201, &first.bytes, "true")
    );
    for (method, path, body) in [
        ("POST", CONF.to_owned(), wrong_body.clone()),
        ("POST", FEST.to_owned(), body.clone()),
        ("POST", format!("{CONF}?x=1"), body.clone()),
        ("PATCH", format!("{CONF}1/"), body.clone()),
        ("DELETE", format!("{CONF}1/"), String::new()),
    ] {
        let answer = send(method, path, body).await;
        assert_eq!(
            (answer.status, answer.body["detail"].is_string()),
            (422, true),
            "{method}"
        );
    }
    assert_eq!(host.get(CONF, JOHN).await.body["count"], 1);

    let one = format!("{CONF}{}/", host.create(CONF, JOHN, &daily()).await);
    let key = [("idempotency-key", "away")];
    for replayed in ["", "true"] {
        let gone = host
            .request("DELETE".parse().expect("a method"), &one, JOHN, &key, None)
            .await;
        assert_eq!((gone.status, gone.header("idempotency-replayed")), (204, replayed));
    }
    for bad_key in ["", "two words", &"x".repeat(256)] {
        let key = [("idempotency-key", bad_key)];
        let answer = host
            .request("DELETE".parse().expect("a method"), &one, JOHN, &key, None)
            .await;
        assert_eq!(answer.status, 400, "{bad_key:?}");
    }
}

#[tokio::test]
async fn section_2_if_match_is_412_on_a_stale_tag_which_changes_with_people_and_not_with_runs() {
    let host = host().await;
    let made = host.post(CONF, JOHN, &daily()).await;
    let one = format!("{CONF}{}/", made.body["id"]);
    let first = made.header("etag").to_owned();
    assert!(first.starts_with('"'), "{first}");
    host.advance_to("2026-10-23T12:00:00Z").await;
    let moved = host
        .platform()
        .set_event_timezone("bigevents", "sampleconf", "Asia/Tokyo")
        .await;
    moved.expect("the platform answers");
    host.advance_to("2026-10-24T12:00:00Z").await;
    let after_runs = host.get(&one, JOHN).await;
    assert_eq!(
        after_runs.header("etag"),
        first,
        "runs, and new plans, are no change of people's"
    );
    assert_ne!(after_runs.body["schedule_next_run"], made.body["schedule_next_run"]);
    let known = host
        .request(
            "GET".parse().expect("a method"),
            &one,
            JOHN,
            &[("if-none-match", &first)],
            None,
        )
        .await;
    assert_eq!(
        (known.status, known.bytes),
        (200, after_runs.bytes),
        "so there is no 304"
    );

    let send = |method: &'static str, tag: String, body: Value| {
        let (host, one) = (&host, &one);
        async move {
            let headers = [("if-match", tag.as_str())];
            host.request(
                method.parse().expect("a method"),
                one,
                JOHN,
                &headers,
                Some(&body.to_string()),
            )
            .await
        }
    };
    let patched = send("PATCH", first.clone(), json!({"locale": "de"})).await;
    let second = patched.header("etag").to_owned();
    assert_eq!(patched.status, 200);
    assert_ne!(second, first);
    for tag in [
        first.clone(),
        format!("W/{second}"),
        "\"other\"".into(),
        "nonsense".into(),
        String::new(),
    ] {
        for (method, body) in [
            ("PATCH", json!({"locale": "en"})),
            ("PUT", daily()),
            ("DELETE", json!({})),
        ] {
            let stale = send(method, tag.clone(), body).await;
            assert_eq!(
                (stale.status, stale.body["detail"].is_string()),
                (412, true),
                "{method} {tag}"
            );
        }
    }
    let shown = host.get(&one, JOHN).await;
    assert_eq!((shown.header("etag"), &shown.body["locale"]), (&*second, &json!("de")));
    let put = send("PUT", format!("{first}, {second}"), daily()).await;
    assert_eq!(put.status, 200);
    assert_eq!(send("PATCH", "*".into(), json!({})).await.status, 200);
    let last = host.get(&one, JOHN).await.header("etag").to_owned();
    assert_eq!(send("DELETE", last, json!({})).await.status, 204);
    assert_eq!(
        send("DELETE", first, json!({})).await.status,
        404,
        "visibility comes first"
    );
}

#[tokio::test]
async fn section_2_if_none_match_is_412_where_it_names_what_is_there() {
    let host = host().await;
    let made = host.post(CONF, JOHN, &daily()).await;
    let one = format!("{CONF}{}/", made.body["id"]);
    let tag = made.header("etag").to_owned();
    let ask = |method: &'static str, tag: String| {
        let (host, one) = (&host, &one);
        async move {
            let headers = [("if-none-match", tag.as_str())];
            let body = daily().to_string();
            let method = method.parse().expect("a method");
            host.request(method, one, JOHN, &headers, Some(&body)).await.status
        }
    };
    for method in ["PATCH", "PUT", "DELETE"] {
        for named in ["*".to_owned(), tag.clone(), format!("\"other\", W/{tag}")] {
            assert_eq!(ask(method, named.clone()).await, 412, "{method} {named}");
        }
    }
    assert_eq!(host.get(&one, JOHN).await.body, made.body, "nothing was changed");
    assert_eq!(ask("PATCH", "\"other\"".to_owned()).await, 200);
    assert_eq!(ask("DELETE", tag).await, 204, "that version is no longer there");
}
