//! Handing mails over.

use std::collections::HashMap;

use super::{HOUR, LEASE, T0, accepted, add_due, entries, rejected, submit, take_deliveries};
use crate::contract::{DeliveryStatus, Outcome};
use crate::{DeliveryResult, LeaseError, Rooms, Storage};

pub async fn a_delivery_is_leased_once(store: &dyn Storage) {
    add_due(store).await;
    submit(store, &["ann@example.org", "bob@example.org", "cy@example.org"]).await;
    assert_eq!(take_deliveries(store, T0 + 4).await, [], "committed at T0 + 5");
    let first = store.take_deliveries(T0 + 5, T0 + HOUR, 2, None).await.unwrap();
    assert_eq!(first.len(), 2);
    assert_eq!((first[0].tries, first[0].created), (0, T0 + 5));
    let second = store.take_deliveries(T0 + 5, T0 + HOUR, 2, None).await.unwrap();
    assert_eq!(second.len(), 1);
    assert_eq!(take_deliveries(store, T0 + HOUR - 1).await, []);
    assert_eq!(take_deliveries(store, T0 + HOUR).await.len(), 3);
}

pub async fn of_deliveries_an_organizer_gets_no_more_than_it_has_room_for(store: &dyn Storage) {
    add_due(store).await;
    submit(store, &["ann@example.org", "bob@example.org", "cy@example.org"]).await;
    let take = async |each, under_way: u32| {
        let rooms = Rooms::new(each, HashMap::from([("acme".to_owned(), under_way)]));
        let taken = store.take_deliveries(T0 + 5, T0 + HOUR, 9, Some(&rooms)).await.unwrap();
        assert!(taken.iter().all(|task| task.organizer == "acme"), "{taken:?}");
        taken.len()
    };
    assert_eq!(take(2, 2).await, 0);
    assert_eq!(take(2, 0).await, 2);
    assert_eq!(take(2, 2).await, 0);
    assert_eq!(take(2, 1).await, 1);
    assert_eq!(take(2, 0).await, 0);
}

pub async fn a_late_result_of_a_delivery_taken_over_is_lost(store: &dyn Storage) {
    let id = add_due(store).await;
    submit(store, &["ann@example.org"]).await;
    let dead = take_deliveries(store, T0 + 5).await.remove(0);
    let heir = take_deliveries(store, T0 + 5 + LEASE).await.remove(0);
    assert_eq!(heir.tries, 1, "a try that killed its host counts");
    let lost = store.record_delivery(&dead, &rejected(), T0 + 70).await;
    assert!(matches!(lost, Err(LeaseError::Lost)), "{lost:?}");
    store.record_delivery(&heir, &accepted(), T0 + 71).await.unwrap();
    let lost = store.record_delivery(&heir, &rejected(), T0 + 72).await;
    assert!(matches!(lost, Err(LeaseError::Lost)), "final: {lost:?}");
    assert_eq!(
        entries(store, id).await[0].deliveries[0].status,
        DeliveryStatus::Accepted
    );
    assert_eq!(take_deliveries(store, T0 + HOUR).await, []);
}

pub async fn a_put_off_delivery_waits_for_its_time(store: &dyn Storage) {
    let id = add_due(store).await;
    submit(store, &["ann@example.org", "bob@example.org"]).await;
    let tasks = take_deliveries(store, T0 + 5).await;
    let put_off = DeliveryResult {
        status: DeliveryStatus::Retrying,
        words: "451 later".to_owned(),
        next_try: Some(T0 + 300),
        counts: true,
    };
    store.record_delivery(&tasks[0], &put_off, T0 + 6).await.unwrap();
    // Not tried at all, as by a host that is asked to stop.
    let untried = DeliveryResult {
        status: DeliveryStatus::Queued,
        words: String::new(),
        next_try: None,
        counts: false,
    };
    store.record_delivery(&tasks[1], &untried, T0 + 6).await.unwrap();
    let again = take_deliveries(store, T0 + 299).await;
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].position, again[0].tries), (1, 0));
    store.record_delivery(&again[0], &accepted(), T0 + 299).await.unwrap();
    let again = take_deliveries(store, T0 + 300).await;
    assert_eq!((again[0].position, again[0].tries), (0, 1));
    assert_eq!(entries(store, id).await[0].deliveries[0].response, "451 later");
}

pub async fn a_renewed_lease_of_a_delivery_holds_longer(store: &dyn Storage) {
    add_due(store).await;
    submit(store, &["ann@example.org", "bob@example.org"]).await;
    let tasks = take_deliveries(store, T0 + 5).await;
    let until = T0 + 5 + LEASE + 40;
    assert_eq!(store.renew_deliveries(&tasks[..1], until).await.unwrap(), []);
    let dead = take_deliveries(store, T0 + 5 + LEASE).await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].position, 1, "the other one is renewed");
    assert_eq!(take_deliveries(store, until - 1).await, []);
    // The first holder of both has lost the second, and keeps the first.
    let lost = store.renew_deliveries(&tasks, until + 1).await.unwrap();
    assert_eq!(lost, [(tasks[1].mail, 1)]);
    store.record_delivery(&tasks[0], &accepted(), until).await.unwrap();
    let lost = store.renew_deliveries(&tasks[..1], until + HOUR).await.unwrap();
    assert_eq!(lost, [(tasks[0].mail, 0)], "what is recorded is not leased any more");
    assert_eq!(store.renew_deliveries(&[], until).await.unwrap(), []);
    let heir = take_deliveries(store, T0 + HOUR).await;
    assert_eq!(heir.len(), 1, "the renewal of one that was lost changed nothing");
    assert_eq!(heir[0].fence, dead[0].fence + 1);
}

pub async fn a_try_that_does_not_count_leaves_the_tries_as_they_were(store: &dyn Storage) {
    add_due(store).await;
    submit(store, &["ann@example.org"]).await;
    for nth in 0..3 {
        let now = T0 + 5 + nth;
        let task = take_deliveries(store, now).await.remove(0);
        assert_eq!(task.tries, 0);
        let held = DeliveryResult {
            status: DeliveryStatus::Retrying,
            words: "553 5.7.1 sender not owned".to_owned(),
            next_try: Some(now + 1),
            counts: false,
        };
        store.record_delivery(&task, &held, now).await.unwrap();
    }
}

pub async fn a_mail_tells_whether_it_was_accepted_for_anybody(store: &dyn Storage) {
    add_due(store).await;
    submit(store, &["ann@example.org", "bob@example.org"]).await;
    let tasks = take_deliveries(store, T0 + 5).await;
    let mail = tasks[0].mail;
    assert!(!store.mail_was_accepted(mail).await.unwrap());
    store.record_delivery(&tasks[0], &rejected(), T0 + 6).await.unwrap();
    assert!(!store.mail_was_accepted(mail).await.unwrap());
    store.record_delivery(&tasks[1], &accepted(), T0 + 6).await.unwrap();
    assert!(store.mail_was_accepted(mail).await.unwrap());
    assert!(!store.mail_was_accepted(mail + 1).await.unwrap());
}

pub async fn who_was_tried_and_waits_is_known_with_the_last_words(store: &dyn Storage) {
    add_due(store).await;
    submit(store, &["ann@example.org", "bob@example.org", "zoe@example.org"]).await;
    let tasks = take_deliveries(store, T0 + 5).await;
    assert_eq!(store.waiting_recipients(9).await.unwrap(), []);
    let later = DeliveryResult {
        status: DeliveryStatus::Retrying,
        words: "554 5.7.1 no".to_owned(),
        next_try: Some(T0 + HOUR),
        counts: true,
    };
    store.record_delivery(&tasks[0], &later, T0 + 6).await.unwrap();
    store.record_delivery(&tasks[1], &rejected(), T0 + 6).await.unwrap();
    let waiting = [("ann@example.org".to_owned(), "554 5.7.1 no".to_owned())];
    assert_eq!(store.waiting_recipients(9).await.unwrap(), waiting);
    store.record_delivery(&tasks[2], &later, T0 + 6).await.unwrap();
    assert_eq!(store.waiting_recipients(9).await.unwrap().len(), 2);
    assert_eq!(store.waiting_recipients(1).await.unwrap().len(), 1);
}

pub async fn deliveries_are_in_the_history_in_their_order(store: &dyn Storage) {
    let id = add_due(store).await;
    submit(store, &["zoe@example.org", "ann@example.org"]).await;
    let tasks = take_deliveries(store, T0 + 5).await;
    store.record_delivery(&tasks[1], &rejected(), T0 + 6).await.unwrap();
    for entry in [
        entries(store, id).await.remove(0),
        store.history(Some(id), 5).await.unwrap().remove(0).entry,
        store.history(None, 5).await.unwrap().remove(0).entry,
    ] {
        let seen: Vec<_> = entry.deliveries.iter().map(|one| (&*one.address, one.status)).collect();
        assert_eq!(
            seen,
            [
                ("zoe@example.org", DeliveryStatus::Queued),
                ("ann@example.org", DeliveryStatus::Rejected)
            ]
        );
    }
}

pub async fn words_that_hold_a_nul_are_kept_with_a_sign_in_its_place(store: &dyn Storage) {
    let id = add_due(store).await;
    submit(store, &["ann@example.org"]).await;
    let odd = DeliveryResult {
        words: "550 no\0such user".to_owned(),
        ..rejected()
    };
    super::deliver(store, T0 + 6, &odd).await;
    assert_eq!(
        entries(store, id).await[0].deliveries[0].response,
        "550 no\u{fffd}such user"
    );
    let leased = super::settle_one(store, T0 + 7).await;
    let failed = Outcome::Failed(("undelivered".to_owned(), "no\0body".to_owned()));
    let run = leased.lease.run.unwrap();
    store.finish(&leased.lease, run, &super::finish(failed)).await.unwrap();
    let told = Outcome::Failed(("undelivered".to_owned(), "no\u{fffd}body".to_owned()));
    assert_eq!(entries(store, id).await[0].outcome, Some(told));
}
