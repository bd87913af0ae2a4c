//! What was allowed is allowed until the last byte and no longer: credentials while a request comes in, and what is on its way
//! to recipients.

use std::sync::Arc;

use axum::http::Method;
use host_harness::platform::Credentials;
use host_harness::service::Service;
use host_harness::testing::{Harness, at};
use serde_json::json;
use tests::{CONF, JOHN, VERA, but, daily, without_schedules};

const EVE: &str = "2026-10-22T12:00:00Z";

/// How somebody's access ends.
#[derive(Clone, Copy, Debug)]
enum Ends {
    TokenRevoked,
    UserDeactivated,
    OutOfTheTeam,
    OrganizerOff,
}

async fn john(service: &Service) -> String {
    let john = service.platform().user_by_email("john@example.com").await;
    john.expect("the platform answers").expect("a user of the fixture").id
}

async fn end(service: &Service, how: Ends) {
    let (platform, john) = (service.platform(), john(service).await);
    match how {
        Ends::TokenRevoked => platform.revoke(&Credentials::Bearer("john-oauth".into())).await,
        Ends::UserDeactivated => platform.set_user_active(&john, false).await,
        Ends::OutOfTheTeam => platform.remove_team_member("bigevents", "Management", &john).await,
        Ends::OrganizerOff => {
            let off = service.storage().set_enabled("bigevents", false, "host", at(EVE)).await;
            off.expect("the store answers");
            Ok(())
        }
    }
    .expect("the platform answers");
}

#[tokio::test]
async fn access_that_ends_while_the_body_comes_in_writes_nothing() {
    let document = daily().to_string();
    let halves = document.split_at(document.len() / 2);
    for (how, status) in [
        (Ends::TokenRevoked, 401),
        (Ends::UserDeactivated, 401),
        (Ends::OutOfTheTeam, 403),
        (Ends::OrganizerOff, 403),
    ] {
        // A client that waits to be asked for its body is let in before it sends any.
        for headers in [
            &[("authorization", JOHN)][..],
            &[("authorization", JOHN), ("expect", "100-continue")],
            &[
                ("authorization", JOHN),
                ("expect", "100-continue"),
                ("idempotency-key", "k"),
            ],
        ] {
            let host = Harness::start(&without_schedules(), EVE).await;
            let whole = host.post(CONF, JOHN, &daily()).await;
            assert_eq!(whole.status, 201, "{}", whole.body);
            let service = Arc::clone(&host.service);
            let ends = async move { end(&service, how).await };
            let answer = host
                .client()
                .send_in_two(Method::POST, CONF, headers, halves, ends)
                .await;
            assert_eq!(answer.status, status, "{how:?} {headers:?}: {}", answer.body);
            let written = host.storage().count("bigevents").await.expect("the store answers");
            assert_eq!(written, 1, "{how:?} {headers:?}");
        }
    }
}

#[tokio::test]
async fn a_right_that_comes_while_the_body_comes_in_counts_as_one_that_was_there() {
    let host = Harness::start(&without_schedules(), EVE).await;
    let document = but(daily(), json!({"mail_subject": "Late"})).to_string();
    let halves = document.split_at(document.len() / 2);
    let headers = [("authorization", JOHN), ("expect", "100-continue")];
    let answer = host
        .client()
        .send_in_two(Method::POST, CONF, &headers, halves, std::future::ready(()))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(host.get(CONF, VERA).await.body["count"], 1);
}
