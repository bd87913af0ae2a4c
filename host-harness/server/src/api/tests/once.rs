use std::sync::Arc;

use scheduled_exports_host::contract::Problem;

use super::host::{Ask, Got, Host, LIST, ONE, TAG};
use crate::service::{Answer, CallError};

fn created(id: u64) -> Result<Answer, CallError> {
    Ok(Answer::Document {
        document: format!(r#"{{"id":{id}}}"#),
        version: 1,
    })
}

fn keyed(host: &Arc<Host>, key: &str, body: &str) -> Ask {
    host.john("POST", LIST).header("idempotency-key", key).json(body)
}

fn is_replay(got: &Got) -> bool {
    got.header("idempotency-replayed") == Some("true")
}

#[tokio::test]
async fn a_repeated_request_answers_as_the_first_did() {
    let host = Host::new();
    host.answers(created(11));
    host.answers(created(12));
    let first = keyed(&host, "k", "{}").send().await;
    let again = keyed(&host, "k", "{}").send().await;
    assert_eq!(host.asked().len(), 1);
    assert!(!is_replay(&first) && is_replay(&again));
    for got in [&first, &again] {
        assert_eq!((got.status.as_u16(), got.body.as_str()), (201, r#"{"id":11}"#));
        assert_eq!(got.header("etag"), Some("\"v1\""));
        assert_eq!(got.header("location"), Some(format!("{LIST}11/").as_str()));
    }
    let under_the_other_name = host.john("POST", LIST).header("x-idempotency-key", "k").json("{}");
    assert!(is_replay(&under_the_other_name.send().await));
    assert_eq!(keyed(&host, "other", "{}").send().await.body, r#"{"id":12}"#);
}

#[tokio::test]
async fn every_write_can_be_repeated() {
    let host = Host::new();
    for (method, path, status) in [
        ("PUT", ONE, 200),
        ("PATCH", ONE, 200),
        ("DELETE", ONE, 204),
        ("POST", "/api/v1/organizers/big/scheduled_exports/preview/", 200),
    ] {
        // The tag of the first is stale by now: what counts is that it was carried out.
        let ask = || {
            host.john(method, path)
                .header("idempotency-key", method)
                .header("if-match", TAG)
                .json("{}")
        };
        let asked = host.asked().len();
        let (first, again) = (ask().send().await, ask().send().await);
        assert_eq!(
            (first.status.as_u16(), again.status.as_u16()),
            (status, status),
            "{method}"
        );
        assert_eq!((is_replay(&first), is_replay(&again)), (false, true), "{method}");
        assert_eq!(first.body, again.body);
        assert_eq!(host.asked().len(), asked + 1);
    }
}

#[tokio::test]
async fn a_key_used_for_another_request_is_422_for_the_same_caller_only() {
    let host = Host::new();
    keyed(&host, "k", "{}").send().await;
    assert_eq!(keyed(&host, "k", "{ }").send().await.status, 422);
    assert_eq!(
        host.john("PUT", ONE)
            .header("idempotency-key", "k")
            .json("{}")
            .send()
            .await
            .status,
        422
    );
    let level = "/api/v1/organizers/big/events/conf/scheduled_exports/";
    assert_eq!(
        host.john("POST", level)
            .header("idempotency-key", "k")
            .json("{}")
            .send()
            .await
            .status,
        422
    );
    let mary = host
        .ask("POST", LIST)
        .header("authorization", "Bearer mary")
        .header("idempotency-key", "k")
        .json("[]");
    assert_eq!(mary.send().await.status, 201);
}

#[tokio::test]
async fn neither_refusals_nor_faults_are_kept() {
    let host = Host::new();
    host.answers(Err(CallError::Problem(Problem::Malformed("not JSON".into()))));
    assert_eq!(keyed(&host, "a", "{").send().await.status, 400);
    // It changed nothing, and leaves the key free, for another body too.
    let again = keyed(&host, "a", "{}").send().await;
    assert!(again.status == 201 && !is_replay(&again));
    for (key, fault, status) in [
        ("b", CallError::Trapped("trap".into()), 500),
        ("c", CallError::Unavailable("away".into()), 503),
        ("d", CallError::Problem(Problem::Unavailable("away".into())), 503),
    ] {
        host.answers(Err(fault));
        assert_eq!(keyed(&host, key, "{}").send().await.status, status);
        let again = keyed(&host, key, "{}").send().await;
        assert!(again.status == 201 && !is_replay(&again));
    }
}

#[tokio::test]
async fn a_request_refused_before_it_began_leaves_the_key_free() {
    let host = Host::new();
    let stranger = host
        .ask("POST", LIST)
        .header("authorization", "Bearer reader")
        .header("idempotency-key", "k");
    assert_eq!(stranger.json("{}").send().await.status, 403);
    assert_eq!(
        host.john("POST", LIST)
            .header("idempotency-key", "k")
            .body("x")
            .send()
            .await
            .status,
        415
    );
    assert_eq!(keyed(&host, "k", "{}").send().await.status, 201);
}

#[tokio::test]
async fn a_stale_tag_is_looked_at_again_like_any_refusal() {
    let host = Host::new();
    let ask = || {
        host.john("DELETE", ONE)
            .header("idempotency-key", "k")
            .header("if-match", "\"v1\", \"v2\"")
    };
    assert_eq!(ask().send().await.status, 412);
    let again = ask().send().await;
    assert!(again.status == 412 && !is_replay(&again));
}

#[tokio::test]
async fn a_bad_key_is_400_and_two_different_ones_are_too() {
    let host = Host::new();
    for key in ["", "a b", "\u{e4}", &"k".repeat(256)] {
        assert_eq!(keyed(&host, key, "{}").send().await.status, 400, "{key}");
    }
    assert_eq!(keyed(&host, &"k".repeat(255), "{}").send().await.status, 201);
    let asked = host.asked().len();
    assert_eq!(
        keyed(&host, "a", "{}")
            .header("x-idempotency-key", "b")
            .send()
            .await
            .status,
        400
    );
    assert_eq!(host.asked().len(), asked);
    // Reading needs no key, so there none is wrong.
    assert_eq!(
        host.john("GET", ONE)
            .header("idempotency-key", "a b")
            .send()
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn while_the_first_runs_the_second_is_409_until_the_lease_ends() {
    let host = Host::gated();
    let first = tokio::spawn(keyed(&host, "k", "{}").send());
    host.one_has_begun().await;
    *host.now.lock().expect("unpoisoned") = 59;
    let second = keyed(&host, "k", "{}").send().await;
    assert_eq!((second.status.as_u16(), second.header("retry-after")), (409, Some("1")));
    // One that does not come back in time: another takes over, and what the first does then no longer counts.
    *host.now.lock().expect("unpoisoned") = 60;
    let third = tokio::spawn(keyed(&host, "k", "{}").send());
    host.one_has_begun().await;
    host.let_one_go();
    assert_eq!(first.await.expect("an answer").status, 409);
    host.let_one_go();
    assert_eq!(third.await.expect("an answer").status, 201);
}

#[tokio::test]
async fn a_client_that_hangs_up_finds_the_answer_later() {
    let host = Host::gated();
    let first = tokio::spawn(keyed(&host, "k", "{}").send());
    host.one_has_begun().await;
    first.abort();
    assert!(first.await.is_err_and(|error| error.is_cancelled()));
    host.let_one_go();
    let again = loop {
        let again = keyed(&host, "k", "{}").send().await;
        if again.status != 409 {
            break again;
        }
        tokio::task::yield_now().await;
    };
    assert!(again.status == 201 && is_replay(&again));
}

#[tokio::test]
async fn a_superseded_request_is_409_and_leaves_the_record_alone() {
    let host = Host::new();
    host.answers(Err(CallError::Superseded));
    assert_eq!(keyed(&host, "k", "{}").send().await.status, 409);
    // The record is the other request's: ours neither ended nor forgot it.
    assert_eq!(keyed(&host, "k", "{}").send().await.status, 409);
}

#[tokio::test]
async fn where_the_record_cannot_be_written_nothing_is_asked() {
    let host = Host::new();
    *host.away.lock().expect("unpoisoned") = Some("begin_request");
    assert_eq!(keyed(&host, "k", "{}").send().await.status, 503);
    assert!(host.asked().is_empty());
    *host.away.lock().expect("unpoisoned") = Some("end_request");
    host.answers(Err(CallError::Problem(Problem::NotFound)));
    assert_eq!(keyed(&host, "k", "{}").send().await.status, 404);
}
