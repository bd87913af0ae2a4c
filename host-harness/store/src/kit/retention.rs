//! How long what is over is kept.

use super::telling;
use super::{
    HOUR, T0, ZONE, ZONES, accepted, acme, add_due, all, commit, content, deliver, entries, failed, finish, keep_file,
    mail, plan, rejected, settle_one, start, stored, submit, take_deliveries, take_one,
};
use crate::clock::Instant;
use crate::contract::Outcome;
use crate::{Change, Commit, Finish, Kept, MailKind, NOTICE_WINDOW, Storage};

const DAY: Instant = 24 * HOUR;
/// Long past everything that these checks do.
const LATER: Instant = T0 + 1000 * DAY;

/// Removes history up to this moment, and no audit.
async fn forget(store: &dyn Storage, history: Instant, most: u32) -> u64 {
    store.forget(Kept { history, audit: 0 }, most).await.unwrap()
}

/// Runs the schedule at [`T0`] and so many days in all; each run ends five seconds after its due time.
async fn run_daily(store: &dyn Storage, days: Instant) {
    for nth in 0..days {
        let due = T0 + nth * DAY;
        let leased = take_one(store, due).await;
        let run = store
            .start(&leased.lease, &plan(due, due + DAY), ZONES, ZONE, due)
            .await
            .unwrap();
        let done = Finish {
            now: due + 5,
            ..finish(Outcome::Empty)
        };
        store.finish(&leased.lease, run, &done).await.unwrap();
    }
}

/// Due times in the history, as days since [`T0`], latest first.
async fn days(store: &dyn Storage, id: u64) -> Vec<Instant> {
    let entries = entries(store, id).await;
    entries.iter().map(|entry| (entry.due - T0) / DAY).collect()
}

pub async fn a_run_is_forgotten_at_its_time_and_not_one_second_before(store: &dyn Storage) {
    let id = add_due(store).await;
    run_daily(store, 3).await;
    assert_eq!(forget(store, T0 + DAY + 4, 10).await, 1, "the first ended a day before");
    assert_eq!(days(store, id).await, [2, 1]);
    assert_eq!(forget(store, T0 + DAY + 4, 10).await, 0);
    assert_eq!(forget(store, T0 + DAY + 5, 10).await, 1);
    assert_eq!(days(store, id).await, [2]);
    let page = store.history(None, 10).await.unwrap();
    assert_eq!(page.len(), 1);
    // The schedule itself goes on.
    assert_eq!(take_one(store, T0 + 3 * DAY).await.row, stored(store, id).await);
}

pub async fn at_most_so_many_runs_are_forgotten_at_once(store: &dyn Storage) {
    let id = add_due(store).await;
    run_daily(store, 5).await;
    for left in [3, 1] {
        assert_eq!(forget(store, LATER, 2).await, 2);
        assert_eq!(entries(store, id).await.len(), left);
    }
    assert_eq!(forget(store, LATER, 2).await, 1);
    assert_eq!(forget(store, LATER, 2).await, 0);
    assert_eq!(entries(store, id).await, []);
}

pub async fn a_run_is_forgotten_with_its_mails_and_their_deliveries(store: &dyn Storage) {
    let id = add_due(store).await;
    let run = submit(store, &["ann@example.org", "bob@example.org"]).await;
    let export = take_deliveries(store, T0 + 5).await;
    store.record_delivery(&export[0], &accepted(), T0 + 6).await.unwrap();
    store.record_delivery(&export[1], &rejected(), T0 + 6).await.unwrap();
    let settle = settle_one(store, T0 + 6).await;
    let done = Finish {
        mail: Some(mail(MailKind::Undelivered, &["ann@example.org"])),
        ..finish(Outcome::Delivered)
    };
    store.finish(&settle.lease, run, &done).await.unwrap();
    let notice = take_deliveries(store, T0 + 7).await.remove(0);
    store.record_delivery(&notice, &accepted(), T0 + 8).await.unwrap();
    // A mail that stayed would hold its run, and a delivery its mail.
    assert_eq!(forget(store, LATER, 10).await, 1, "one run, whatever came with it");
    for mail in [export[0].mail, notice.mail] {
        assert_eq!(store.mail(mail).await.unwrap(), None);
    }
    assert_eq!(entries(store, id).await, []);
    assert_eq!(take_deliveries(store, LATER).await, []);
}

pub async fn a_run_that_is_not_over_is_not_forgotten(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    assert_eq!(forget(store, LATER, 10).await, 0, "open");
    let again = finish(Outcome::Retry(T0 + 120));
    store.finish(&leased.lease, run, &again).await.unwrap();
    assert_eq!(forget(store, LATER, 10).await, 0, "put off");
    let leased = take_one(store, T0 + 120).await;
    let submitted = Finish {
        mail: Some(mail(MailKind::Export, &["ann@example.org"])),
        ..finish(Outcome::Submitted)
    };
    store.finish(&leased.lease, run, &submitted).await.unwrap();
    assert_eq!(forget(store, LATER, 10).await, 0, "submitted");
    deliver(store, T0 + 120, &accepted()).await;
    assert_eq!(forget(store, LATER, 10).await, 0, "not settled");
    let settle = settle_one(store, T0 + 121).await;
    assert_eq!(forget(store, LATER, 10).await, 0, "leased to settle");
    store
        .finish(&settle.lease, run, &finish(Outcome::Delivered))
        .await
        .unwrap();
    assert_eq!(entries(store, id).await.len(), 1);
    assert_eq!(forget(store, LATER, 10).await, 1);
}

pub async fn a_run_with_a_mail_still_to_be_handed_over_is_not_forgotten(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    let told = Finish {
        mail: Some(mail(MailKind::Failure, &["ann@example.org"])),
        ..finish(failed("too-large"))
    };
    store.finish(&leased.lease, run, &told).await.unwrap();
    assert_eq!(forget(store, LATER, 10).await, 0, "queued");
    let task = take_deliveries(store, T0 + 5).await.remove(0);
    assert_eq!(forget(store, LATER, 10).await, 0, "on its way");
    store.record_delivery(&task, &accepted(), T0 + 6).await.unwrap();
    assert_eq!(entries(store, id).await.len(), 1);
    assert_eq!(forget(store, LATER, 10).await, 1);
}

pub async fn a_run_whose_file_can_be_fetched_is_not_forgotten(store: &dyn Storage) {
    let (hash, expires) = ([7; 32], T0 + 7 * DAY);
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    keep_file(store, &leased, run).await;
    store.keep_link(&leased.lease, run, &hash, expires).await.unwrap();
    let submitted = Finish {
        mail: Some(mail(MailKind::Export, &["ann@example.org"])),
        ..finish(Outcome::Submitted)
    };
    store.finish(&leased.lease, run, &submitted).await.unwrap();
    deliver(store, T0 + 5, &accepted()).await;
    let settle = settle_one(store, T0 + 6).await;
    store
        .finish(&settle.lease, run, &finish(Outcome::Delivered))
        .await
        .unwrap();
    assert_eq!(forget(store, LATER, 10).await, 0);
    assert_eq!(store.linked(&hash, expires - 1).await.unwrap(), Some(run));
    store.collect(expires).await.unwrap();
    assert_eq!(entries(store, id).await.len(), 1);
    assert_eq!(forget(store, LATER, 10).await, 1);
}

pub async fn a_notice_to_an_owner_is_forgotten_once_it_is_handed_over(store: &dyn Storage) {
    let id = add_due(store).await;
    for (version, message_id) in [
        (1, "one@host.example"),
        (2, "two@host.example"),
        (3, "three@host.example"),
    ] {
        let changed = Change::Update {
            id,
            version,
            content: content(LATER + DAY),
            missed: Vec::new(),
        };
        // To another user each time, so each is a mail of its own.
        let told = telling::tell(id, &version.to_string(), message_id);
        store.commit(commit(all(acme()), vec![changed, told])).await.unwrap();
    }
    assert_eq!(forget(store, LATER, 10).await, 0, "not handed over");
    let tasks = take_deliveries(store, T0 + NOTICE_WINDOW).await;
    deliver(store, T0 + HOUR, &accepted()).await;
    assert_eq!(forget(store, T0 - 1, 10).await, 0, "they were written at T0");
    assert_eq!(forget(store, T0, 2).await, 2);
    assert_eq!(forget(store, T0, 2).await, 1);
    assert_eq!(forget(store, T0, 2).await, 0);
    for task in tasks {
        assert_eq!(store.mail(task.mail).await.unwrap(), None);
    }
    assert_eq!(stored(store, id).await.version, 4);
    // Whom it told is told again in a new mail.
    let told = telling::tell(id, "1", "four@host.example");
    store.commit(commit(all(acme()), vec![told])).await.unwrap();
    let [task] = &take_deliveries(store, T0 + NOTICE_WINDOW).await[..] else {
        panic!("one mail");
    };
    let mail = store.mail(task.mail).await.unwrap().unwrap();
    assert_eq!(mail.mail.message_id, "four@host.example");
}

pub async fn the_oldest_notices_are_forgotten_first(store: &dyn Storage) {
    let id = add_due(store).await;
    for (nth, now) in [(1, T0 + 20), (2, T0), (3, T0 + 10)] {
        let told = telling::tell(id, &nth.to_string(), &format!("{nth}@host.example"));
        let told = Commit {
            now,
            ..commit(all(acme()), vec![told])
        };
        store.commit(told).await.unwrap();
    }
    let tasks = take_deliveries(store, T0 + HOUR).await;
    for task in &tasks {
        store.record_delivery(task, &accepted(), T0 + HOUR).await.unwrap();
    }
    let mut left: Vec<u64> = tasks.iter().map(|task| task.created.unsigned_abs()).collect();
    left.sort_unstable();
    // What was handed over has no text any more, but is known to have been accepted until it is forgotten.
    for nth in 0..tasks.len() {
        assert_eq!(forget(store, T0 + DAY, 1).await, 1);
        for task in &tasks {
            let is_there = store.mail_was_accepted(task.mail).await.unwrap();
            assert_eq!(
                is_there,
                left[nth + 1..].contains(&task.created.unsigned_abs()),
                "{nth}"
            );
        }
    }
}

pub async fn history_of_a_deleted_schedule_is_forgotten_too(store: &dyn Storage) {
    let id = add_due(store).await;
    run_daily(store, 2).await;
    super::delete(store, id).await;
    assert_eq!(entries(store, id).await.len(), 2);
    assert_eq!(forget(store, LATER, 10).await, 2);
    assert_eq!(entries(store, id).await, []);
}

pub async fn audit_has_a_time_of_its_own(store: &dyn Storage) {
    let id = add_due(store).await;
    run_daily(store, 3).await;
    let actions = async || {
        let audit = store.audit("acme", 20).await.unwrap();
        audit.into_iter().map(|entry| entry.action).collect::<Vec<_>>()
    };
    assert_eq!(actions().await, ["run", "run", "run", "created", "enabled"]);
    assert_eq!(forget(store, LATER, 10).await, 3);
    assert_eq!(actions().await.len(), 5, "history alone went");
    let kept = |audit| Kept { history: 0, audit };
    // The organizer was switched on an hour before the schedule came.
    assert_eq!(store.forget(kept(T0 - HOUR - 1), 10).await.unwrap(), 0);
    assert_eq!(store.forget(kept(T0 - HOUR), 10).await.unwrap(), 1);
    assert_eq!(actions().await, ["run", "run", "run", "created"]);
    // At most so many at once, oldest first.
    assert_eq!(store.forget(kept(T0 + DAY + 5), 2).await.unwrap(), 2);
    assert_eq!(actions().await, ["run", "run"]);
    assert_eq!(store.forget(kept(T0 + DAY + 5), 2).await.unwrap(), 1);
    assert_eq!(store.forget(kept(T0 + DAY + 5), 2).await.unwrap(), 0);
    assert_eq!(actions().await, ["run"]);
    assert_eq!(stored(store, id).await.version, 1);
}
