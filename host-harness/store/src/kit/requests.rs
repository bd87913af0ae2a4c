//! Requests under an idempotency key.

use super::{HOUR, LEASE, T0, acme, all, commit, content};
use crate::clock::Instant;
use crate::{Change, Commit, CommitError, Completion, KeptAnswer, RequestKey, RequestState, Storage};

const ONE: [u8; 32] = [1; 32];
const OTHER: [u8; 32] = [2; 32];
const DAY: Instant = 24 * HOUR;

fn key() -> RequestKey {
    RequestKey {
        caller: "user:1".to_owned(),
        key: "abc".to_owned(),
    }
}

fn answer() -> KeptAnswer {
    KeptAnswer {
        status: 201,
        etag: Some("\"1\"".to_owned()),
        body: b"{\"id\": 1}".to_vec(),
    }
}

/// A commit that keeps the answer, and changes nothing else.
fn answered(ticket: u64) -> Commit {
    Commit {
        completion: Some(Completion {
            key: key(),
            ticket,
            answer: answer(),
        }),
        ..commit(all(acme()), Vec::new())
    }
}

async fn begin(store: &dyn Storage, fingerprint: &[u8; 32], now: Instant) -> RequestState {
    store
        .begin_request(&key(), fingerprint, now, now + LEASE)
        .await
        .unwrap()
}

async fn begun(store: &dyn Storage, now: Instant) -> u64 {
    match begin(store, &ONE, now).await {
        RequestState::Begun { ticket } => ticket,
        other => panic!("not new: {other:?}"),
    }
}

pub async fn a_request_is_carried_out_once(store: &dyn Storage) {
    let ticket = begun(store, T0).await;
    assert_eq!(begin(store, &ONE, T0 + LEASE - 1).await, RequestState::Running);
    assert_eq!(begin(store, &OTHER, T0).await, RequestState::OtherRequest);
    let of_another = RequestKey {
        caller: "user:2".to_owned(),
        ..key()
    };
    let state = store.begin_request(&of_another, &OTHER, T0, T0 + LEASE).await.unwrap();
    assert!(matches!(state, RequestState::Begun { .. }), "{state:?}");
    store.commit(answered(ticket)).await.unwrap();
    assert_eq!(begin(store, &ONE, T0 + HOUR).await, RequestState::Answered(answer()));
    assert_eq!(begin(store, &OTHER, T0 + HOUR).await, RequestState::OtherRequest);
}

pub async fn an_answer_is_kept_for_a_day(store: &dyn Storage) {
    let ticket = begun(store, T0).await;
    store.commit(answered(ticket)).await.unwrap();
    store.collect(T0 + DAY - 1).await.unwrap();
    assert_eq!(begin(store, &ONE, T0 + DAY - 1).await, RequestState::Answered(answer()));
    // Whether it has been collected or not.
    begun(store, T0 + DAY).await;
    store.collect(T0 + 2 * DAY).await.unwrap();
    begun(store, T0 + 2 * DAY).await;
}

pub async fn a_request_that_ran_out_is_taken_over(store: &dyn Storage) {
    let dead = begun(store, T0).await;
    let heir = begun(store, T0 + LEASE).await;
    assert_ne!(dead, heir);
    store.end_request(&key(), dead).await.unwrap();
    assert_eq!(begin(store, &ONE, T0 + LEASE).await, RequestState::Running);

    let id = store.reserve_id().await.unwrap();
    let with = |ticket| Commit {
        completion: Some(Completion {
            key: key(),
            ticket,
            answer: answer(),
        }),
        ..commit(
            all(acme()),
            vec![Change::Insert {
                id,
                owner: "1".to_owned(),
                content: content(T0),
            }],
        )
    };
    let late = store.commit(with(dead)).await;
    assert!(matches!(late, Err(CommitError::Superseded)), "{late:?}");
    assert_eq!(store.count("acme").await.unwrap(), 0);
    store.commit(with(heir)).await.unwrap();
    assert_eq!(store.count("acme").await.unwrap(), 1);
    assert_eq!(begin(store, &ONE, T0 + HOUR).await, RequestState::Answered(answer()));
}

pub async fn a_forgotten_request_can_be_repeated(store: &dyn Storage) {
    let first = begun(store, T0).await;
    store.end_request(&key(), first).await.unwrap();
    let second = begun(store, T0).await;
    assert_ne!(first, second, "a ticket is never given twice");
}

pub async fn an_answer_is_kept_with_the_commit_or_not_at_all(store: &dyn Storage) {
    let ticket = begun(store, T0).await;
    let refused = store
        .commit(Commit {
            completion: Some(Completion {
                key: key(),
                ticket,
                answer: answer(),
            }),
            ..commit(all(acme()), vec![Change::Delete { id: 99, version: None }])
        })
        .await;
    assert!(matches!(refused, Err(CommitError::NotFound)), "{refused:?}");
    assert_eq!(begin(store, &ONE, T0).await, RequestState::Running);
    store.commit(answered(ticket)).await.unwrap();
    assert_eq!(begin(store, &ONE, T0).await, RequestState::Answered(answer()));
}
