//! Files that are fetched with a link instead of being mailed.

use super::{
    HOUR, LEASE, T0, accepted, add_due, deliver, entries, failed, finish, in_memory, keep_file, mail, rejected,
    settle_one, start, take_one,
};
use crate::clock::Instant;
use crate::contract::Outcome;
use crate::{FILE_CHUNK, FileFacts, Finish, LeaseError, Leased, MailKind, Storage};

const DAY: Instant = 24 * HOUR;
/// When the links of these checks end.
const EXPIRES: Instant = T0 + 7 * DAY;
/// What a store knows of a secret.
const HASH: [u8; 32] = [7; 32];
const OTHER_HASH: [u8; 32] = [8; 32];

/// A started run with a file and a link to it, not submitted.
async fn linked_run(store: &dyn Storage) -> (Leased, u64) {
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    keep_file(store, &leased, run).await;
    store.keep_link(&leased.lease, run, &HASH, EXPIRES).await.unwrap();
    (leased, run)
}

async fn submit_linked(store: &dyn Storage, leased: &Leased, run: u64) {
    let submitted = Finish {
        mail: Some(mail(MailKind::Export, &["ann@example.org"])),
        ..finish(Outcome::Submitted)
    };
    store.finish(&leased.lease, run, &submitted).await.unwrap();
}

async fn settle(store: &dyn Storage, run: u64, outcome: Outcome) {
    let settle = settle_one(store, T0 + 6).await;
    let done = Finish {
        now: T0 + 7,
        ..finish(outcome)
    };
    store.finish(&settle.lease, run, &done).await.unwrap();
}

/// Is the run's file still in the store?
async fn file_is_there(store: &dyn Storage, run: u64) -> bool {
    let folder = tempfile::tempdir().unwrap();
    store
        .read_file(run, &folder.path().join("read"))
        .await
        .unwrap()
        .is_some()
}

pub async fn a_link_works_from_the_submission_until_it_expires(store: &dyn Storage) {
    add_due(store).await;
    let (leased, run) = linked_run(store).await;
    assert_eq!(store.linked(&HASH, T0).await.unwrap(), None, "not submitted");
    submit_linked(store, &leased, run).await;
    for now in [T0 + 5, EXPIRES - 1] {
        assert_eq!(store.linked(&HASH, now).await.unwrap(), Some(run));
        assert_eq!(store.linked(&OTHER_HASH, now).await.unwrap(), None);
    }
    assert_eq!(store.linked(&HASH, EXPIRES).await.unwrap(), None);
    deliver(store, T0 + 6, &accepted()).await;
    settle(store, run, Outcome::Delivered).await;
    assert_eq!(store.linked(&HASH, EXPIRES - 1).await.unwrap(), Some(run));
    assert_eq!(store.linked(&HASH, EXPIRES).await.unwrap(), None);
}

pub async fn a_linked_file_is_kept_until_its_link_expires(store: &dyn Storage) {
    let id = add_due(store).await;
    let (leased, run) = linked_run(store).await;
    submit_linked(store, &leased, run).await;
    deliver(store, T0 + 6, &accepted()).await;
    settle(store, run, Outcome::Delivered).await;
    store.collect(EXPIRES - 1).await.unwrap();
    assert!(file_is_there(store, run).await);
    store.collect(EXPIRES - 1).await.unwrap();
    assert_eq!(store.linked(&HASH, EXPIRES - 1).await.unwrap(), Some(run));
    assert!(file_is_there(store, run).await);
    store.collect(EXPIRES).await.unwrap();
    assert!(!file_is_there(store, run).await);
    assert_eq!(store.linked(&HASH, T0 + 8).await.unwrap(), None, "it was taken back");
    assert_eq!(entries(store, id).await[0].outcome, Some(Outcome::Delivered));
}

pub async fn a_linked_file_is_read_piece_by_piece_while_its_link_holds(store: &dyn Storage) {
    add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    assert_eq!(store.file_facts(run).await.unwrap(), None);
    let bytes: Vec<u8> = (0..=250).cycle().take(2 * FILE_CHUNK + 5).collect();
    let facts = FileFacts {
        name: "orders.csv".to_owned(),
        content_type: "text/csv".to_owned(),
        size: bytes.len() as u64,
        rows: Some(3),
        events: None,
    };
    let file = in_memory(&bytes);
    store.keep_file(&leased.lease, run, &facts, &file).await.unwrap();
    store.keep_link(&leased.lease, run, &HASH, EXPIRES).await.unwrap();
    assert_eq!(store.linked_piece(&HASH, T0, 0).await.unwrap(), None, "not submitted");
    submit_linked(store, &leased, run).await;
    assert_eq!(store.file_facts(run).await.unwrap(), Some(facts));
    let mut read = Vec::new();
    for (piece, size) in [(0, FILE_CHUNK), (1, FILE_CHUNK), (2, 5)] {
        let found = store.linked_piece(&HASH, EXPIRES - 1, piece).await.unwrap().unwrap();
        assert_eq!(found.len(), size);
        read.extend(found);
    }
    assert!(read == bytes);
    assert_eq!(store.linked_piece(&HASH, T0 + 5, 3).await.unwrap(), None);
    assert_eq!(store.linked_piece(&OTHER_HASH, T0 + 5, 0).await.unwrap(), None);
    assert_eq!(store.linked_piece(&HASH, EXPIRES, 0).await.unwrap(), None);
    store.collect(EXPIRES).await.unwrap();
    assert_eq!(store.linked_piece(&HASH, T0 + 5, 0).await.unwrap(), None);
}

pub async fn a_later_file_takes_a_link_back(store: &dyn Storage) {
    add_due(store).await;
    let (leased, run) = linked_run(store).await;
    keep_file(store, &leased, run).await;
    store
        .keep_link(&leased.lease, run, &OTHER_HASH, EXPIRES + DAY)
        .await
        .unwrap();
    submit_linked(store, &leased, run).await;
    assert_eq!(store.linked(&HASH, T0 + 5).await.unwrap(), None);
    assert_eq!(store.linked(&OTHER_HASH, EXPIRES).await.unwrap(), Some(run));
}

pub async fn a_later_file_without_a_link_can_not_be_fetched(store: &dyn Storage) {
    add_due(store).await;
    let (leased, run) = linked_run(store).await;
    keep_file(store, &leased, run).await;
    submit_linked(store, &leased, run).await;
    assert_eq!(store.linked(&HASH, T0 + 5).await.unwrap(), None);
    deliver(store, T0 + 6, &accepted()).await;
    settle(store, run, Outcome::Delivered).await;
    assert!(!file_is_there(store, run).await, "nothing leads to it");
}

pub async fn a_link_of_a_run_that_reaches_nobody_dies_with_its_file(store: &dyn Storage) {
    add_due(store).await;
    let (leased, run) = linked_run(store).await;
    submit_linked(store, &leased, run).await;
    deliver(store, T0 + 6, &rejected()).await;
    settle(store, run, failed("not-delivered")).await;
    assert_eq!(store.linked(&HASH, T0 + 7).await.unwrap(), None);
    assert!(!file_is_there(store, run).await);
}

pub async fn a_link_of_a_run_that_is_not_submitted_leads_nowhere(store: &dyn Storage) {
    add_due(store).await;
    let (leased, run) = linked_run(store).await;
    let again = finish(Outcome::Retry(T0 + 120));
    store.finish(&leased.lease, run, &again).await.unwrap();
    assert_eq!(store.linked(&HASH, T0 + 6).await.unwrap(), None, "put off");
    let leased = take_one(store, T0 + 120).await;
    let too_large = finish(failed("too-large"));
    store.finish(&leased.lease, run, &too_large).await.unwrap();
    assert_eq!(store.linked(&HASH, T0 + 121).await.unwrap(), None, "failed");
    assert!(!file_is_there(store, run).await);
}

pub async fn a_link_is_for_the_holder_of_the_lease_and_a_run_with_a_file(store: &dyn Storage) {
    add_due(store).await;
    let dead = take_one(store, T0).await;
    let run = start(store, &dead).await;
    let lost = store.keep_link(&dead.lease, run, &HASH, EXPIRES).await;
    assert!(matches!(lost, Err(LeaseError::Lost)), "no file: {lost:?}");
    keep_file(store, &dead, run).await;
    let heir = take_one(store, T0 + LEASE).await;
    for (lease, run) in [(&dead.lease, run), (&heir.lease, run + 1)] {
        let lost = store.keep_link(lease, run, &HASH, EXPIRES).await;
        assert!(matches!(lost, Err(LeaseError::Lost)), "{lost:?}");
    }
    submit_linked(store, &heir, run).await;
    assert_eq!(store.linked(&HASH, T0 + LEASE).await.unwrap(), None);
    deliver(store, T0 + LEASE, &accepted()).await;
    let settle = settle_one(store, T0 + LEASE).await;
    let lost = store.keep_link(&settle.lease, run, &HASH, EXPIRES).await;
    assert!(matches!(lost, Err(LeaseError::Lost)), "to settle: {lost:?}");
}
