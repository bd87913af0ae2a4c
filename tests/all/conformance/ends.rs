//! `Engine::work` ends a run whatever the component does: here, what the schedule's document says.

use std::sync::Arc;

use conformance_component::COMPONENT;
use scheduled_exports_host::contract::{
    Content, Delivery, DeliveryStatus, Outcome, Position, Recipients, RunEntry, RunQuery, ScheduleState, User,
};
use scheduled_exports_host::engine::{Cache, Engine, Limits};
use scheduled_exports_host::imports::ScheduleStore as _;
use serde_json::{Value, json};

use super::minimal_host::{Host, Letter, afresh};

const DUE: i64 = 1_900_000_000;

/// What becomes of the due time of a schedule with this document, and the subjects of the mails about it. Recipients are refused or
/// not.
async fn ends(document: Value, refused: bool) -> (RunEntry, u32, Vec<String>) {
    let engine = Engine::load(COMPONENT, Limits::default(), &Cache::of_user()).expect("the component loads");
    let person = User {
        id: "1".into(),
        email: "ada@example.com".into(),
        language: "en".into(),
        active: true,
    };
    let host = Arc::new(Host::new(person, DUE));
    let mut access = host.access(true);
    let content = Content {
        export_identifier: "visitors".into(),
        recipients: Recipients {
            to: Vec::new(),
            cc: Vec::new(),
            bcc: Vec::new(),
        },
        next_run: Some(DUE),
        state: ScheduleState::Active,
        error_counter: 2,
        document: document.to_string(),
    };
    let schedule = host.insert(&mut access, content).await.expect("it is staged");
    host.commit(access).expect("nobody else is there");

    let (run, _) = host.lease().expect("it is due");
    engine.work(&host, run, None, afresh).await.expect("the host is there");
    assert!(host.lease().is_none(), "it has not come to an end");
    let mut subjects = Vec::new();
    let mut hand_over = |letter: &Letter| {
        subjects.push(letter.mail.subject.clone());
        let status = match refused {
            true => DeliveryStatus::Rejected,
            false => DeliveryStatus::Accepted,
        };
        let words = String::from("as told");
        let said = |one| Delivery {
            status,
            response: words.clone(),
            ..one
        };
        letter.people.queued().into_iter().map(said).collect()
    };
    host.deliver(&mut hand_over);
    if let Some((run, said)) = host.lease() {
        let settled = engine.work(&host, run, said.as_deref(), afresh).await;
        settled.expect("the host is there");
        host.deliver(&mut hand_over);
    }

    let access = host.access(false);
    let counter = host
        .get(&access, schedule.id)
        .await
        .expect("it is there")
        .content
        .error_counter;
    let mut history = host
        .runs(&access, schedule.id, RunQuery::page(Position::Number(1), 50))
        .await
        .expect("a page");
    assert_eq!(history.rows.len(), 1);
    (history.rows.remove(0), counter, subjects)
}

fn code(entry: &RunEntry) -> &str {
    match &entry.outcome {
        Some(Outcome::Failed((code, _))) => code,
        other => panic!("it did not fail: {other:?}"),
    }
}

#[tokio::test]
async fn a_run_that_traps_is_abandoned() {
    let abandons = json!([{"do": "finish", "outcome": {"failed": ["abandoned", "as told"]}, "error-counter": 3}]);
    let document = json!({"execute": [[{"do": "start"}, {"do": "trap"}]], "abandon": abandons});
    let (entry, counter, subjects) = ends(document, false).await;
    assert_eq!((code(&entry), entry.due, counter), ("abandoned", DUE, 3));
    assert_eq!(subjects, Vec::<String>::new());
}

#[tokio::test]
async fn a_run_that_is_not_abandoned_either_fails_in_the_hosts_words_and_the_owner_is_told() {
    for started in [json!([[{"do": "start"}, {"do": "trap"}]]), json!([[{"do": "trap"}]])] {
        let document = json!({"execute": started, "abandon": [{"do": "trap"}]});
        let (entry, counter, subjects) = ends(document, false).await;
        assert_eq!((code(&entry), entry.due, counter), ("plugin-failed", DUE, 3));
        assert_eq!(subjects, ["Scheduled export failed: visitors"]);
    }
}

#[tokio::test]
async fn a_mail_that_was_staged_before_a_trap_does_not_leave() {
    let stages = json!({"do": "stage", "kind": "export", "to": ["$owner"], "subject": "half done"});
    let document = json!({"execute": [[{"do": "start"}, stages, {"do": "trap"}]], "abandon": [{"do": "trap"}]});
    let (_, _, subjects) = ends(document, false).await;
    assert_eq!(subjects, ["Scheduled export failed: visitors"]);
}

#[tokio::test]
async fn a_run_that_is_not_settled_ends_by_what_became_of_its_mail() {
    let stages = json!({"do": "stage", "kind": "export", "to": ["$owner"], "subject": "the export"});
    let submits = json!([[{"do": "start"}, stages, {"do": "finish", "outcome": "submitted"}]]);
    let document = json!({"execute": submits, "settle": [{"do": "trap"}]});
    let (entry, counter, subjects) = ends(document.clone(), false).await;
    assert_eq!((entry.outcome, counter), (Some(Outcome::Delivered), 0));
    assert_eq!(subjects, ["the export"]);
    let (entry, counter, subjects) = ends(document, true).await;
    assert_eq!((code(&entry), counter), ("delivery-failed", 3));
    assert_eq!(subjects, ["the export", "Scheduled export failed: visitors"]);
}
