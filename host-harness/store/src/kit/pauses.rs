//! Schedules that a person has paused.

use super::{
    HOUR, LEASE, T0, ZONE, ZONES, accepted, add_due, change, content, deliver, entries, failed, finish, keep_file,
    plan, settle_one, start, stored, submit, take, take_one,
};
use crate::contract::{Content, Outcome, ScheduleState};
use crate::{Finish, Lease, LeaseError, Storage};

const PAUSED: &str = "the scheduled export was paused";
const DAY: i64 = 24 * HOUR;

fn paused(until: Option<i64>, next_run: i64) -> Content {
    Content {
        state: ScheduleState::Paused(until),
        ..content(next_run)
    }
}

/// Finishes with a fifth failure, which stops what is active.
fn fifth_failure(now: i64) -> Finish {
    Finish {
        error_counter: 5,
        active: false,
        now,
        ..finish(failed("trapped"))
    }
}

async fn is_lost(store: &dyn Storage, lease: &Lease, run: u64) {
    let late = store.finish(lease, run, &finish(Outcome::Empty)).await;
    assert!(matches!(late, Err(LeaseError::Lost)), "{late:?}");
}

pub async fn a_pause_cancels_the_run_that_is_open(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    keep_file(store, &leased, run).await;
    change(store, id, paused(None, T0 + DAY), T0 + 3).await.unwrap();
    let cancelled = &entries(store, id).await[0];
    assert_eq!(cancelled.outcome, Some(Outcome::Cancelled(PAUSED.to_owned())));
    assert_eq!((cancelled.ended, cancelled.attempts), (Some(T0 + 3), 1));
    is_lost(store, &leased.lease, run).await;
    let renewed = store.renew(&leased.lease, T0 + 2 * LEASE).await;
    assert!(matches!(renewed, Err(LeaseError::Lost)));
    assert_eq!(take(store, T0 + 2 * DAY).await, []);
    assert_eq!(store.next_wake().await.unwrap(), None);
    let audit = store.audit("acme", 10).await.unwrap();
    let told = audit.iter().find(|entry| entry.detail.contains("cancelled")).unwrap();
    assert_eq!((told.schedule, told.at), (Some(id), T0 + 3));

    change(store, id, content(T0 + DAY), T0 + 4).await.unwrap();
    let again = take_one(store, T0 + DAY).await;
    assert_eq!((again.lease.run, again.due, again.attempt), (None, None, 1));
}

pub async fn a_pause_cancels_a_run_that_waits_for_its_retry(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    let retry = finish(Outcome::Retry(T0 + HOUR));
    store.finish(&leased.lease, run, &retry).await.unwrap();
    change(store, id, paused(Some(T0 + DAY), T0 + DAY), T0 + 10)
        .await
        .unwrap();
    assert_eq!(
        entries(store, id).await[0].outcome,
        Some(Outcome::Cancelled(PAUSED.to_owned()))
    );
    assert_eq!(take(store, T0 + HOUR).await, []);
}

pub async fn a_pause_takes_the_lease_of_a_run_that_has_not_started_and_records_nothing(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    change(store, id, paused(None, T0 + DAY), T0 + 3).await.unwrap();
    let late = store
        .start(&leased.lease, &plan(T0, T0 + DAY), ZONES, ZONE, T0 + 4)
        .await;
    assert!(late.is_err(), "{late:?}");
    assert_eq!(entries(store, id).await, []);
}

pub async fn a_pause_leaves_a_mail_that_was_submitted(store: &dyn Storage) {
    let id = add_due(store).await;
    let run = submit(store, &["ann@example.org"]).await;
    change(store, id, paused(None, T0 + DAY), T0 + 6).await.unwrap();
    deliver(store, T0 + 7, &accepted()).await;
    let settled = settle_one(store, T0 + 8).await;
    let delivered = finish(Outcome::Delivered);
    store.finish(&settled.lease, run, &delivered).await.unwrap();
    assert_eq!(entries(store, id).await[0].outcome, Some(Outcome::Delivered));
    assert_eq!(stored(store, id).await.content.state, ScheduleState::Paused(None));
}

pub async fn a_change_that_keeps_a_pause_that_has_run_out_leaves_the_run_open(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    change(store, id, paused(Some(T0 + 3), T0 + DAY), T0 + 3).await.unwrap();
    assert_eq!(entries(store, id).await[0].outcome, None);
    let again = take_one(store, T0 + 3).await;
    assert_eq!((again.lease.run, again.due), (Some(run), Some(T0)));
}

pub async fn a_schedule_that_is_paused_until_an_instant_is_leased_at_its_next_run(store: &dyn Storage) {
    let id = add_due(store).await;
    change(store, id, paused(Some(T0 + HOUR), T0 + 2 * HOUR), T0)
        .await
        .unwrap();
    assert_eq!(store.next_wake().await.unwrap(), Some(T0 + 2 * HOUR));
    assert_eq!(take(store, T0 + 2 * HOUR - 1).await, []);
    let leased = take_one(store, T0 + 2 * HOUR).await;
    assert_eq!(leased.row.content.state, ScheduleState::Paused(Some(T0 + HOUR)));
}

pub async fn failures_stop_a_schedule_whose_pause_has_run_out(store: &dyn Storage) {
    let id = add_due(store).await;
    change(store, id, paused(Some(T0), T0), T0 - HOUR).await.unwrap();
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    store.finish(&leased.lease, run, &fifth_failure(T0)).await.unwrap();
    let stopped = stored(store, id).await.content;
    assert_eq!((stopped.state, stopped.error_counter), (ScheduleState::Stopped, 5));
}

/// Settles a run to a fifth failure after its schedule has been paused until then.
async fn settled_while_paused(store: &dyn Storage, until: Option<i64>) {
    let id = add_due(store).await;
    let run = submit(store, &["ann@example.org"]).await;
    change(store, id, paused(until, T0 + DAY), T0 + 6).await.unwrap();
    deliver(store, T0 + 7, &super::rejected()).await;
    let settled = settle_one(store, T0 + 8).await;
    let failure = Finish {
        outcome: failed("undelivered"),
        ..fifth_failure(T0 + 8)
    };
    store.finish(&settled.lease, run, &failure).await.unwrap();
    let content = stored(store, id).await.content;
    assert_eq!(
        (content.state, content.error_counter),
        (ScheduleState::Paused(until), 5)
    );
}

pub async fn a_run_that_is_settled_while_its_schedule_is_paused_leaves_the_pause(store: &dyn Storage) {
    settled_while_paused(store, None).await;
}

pub async fn a_run_that_is_settled_while_its_schedule_is_paused_leaves_the_end_of_the_pause(store: &dyn Storage) {
    settled_while_paused(store, Some(T0 + DAY)).await;
}

pub async fn a_plan_that_is_made_again_is_not_before_the_end_of_a_pause(store: &dyn Storage) {
    let id = add_due(store).await;
    change(store, id, paused(Some(T0 + HOUR), T0 + 2 * HOUR), T0)
        .await
        .unwrap();
    store.request_replan(&super::acme()).await.unwrap();
    let row = store.replan_batch(10, ZONES).await.unwrap().remove(0);
    assert_eq!((row.id, row.not_before), (id, Some(T0 + HOUR)));
    store.write_plan(&row, Some(Some(T0 + 3 * HOUR)), ZONES).await.unwrap();
    let planned = stored(store, id).await.content;
    assert_eq!(
        (planned.state, planned.next_run),
        (ScheduleState::Paused(Some(T0 + HOUR)), Some(T0 + 3 * HOUR))
    );
    change(store, id, paused(None, T0 + 2 * HOUR), T0).await.unwrap();
    store.request_replan(&super::acme()).await.unwrap();
    assert_eq!(store.replan_batch(10, ZONES).await.unwrap()[0].not_before, None);
}

pub async fn a_paused_schedule_is_not_resumed_with_those_that_undelivered_mail_stopped(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    let failure = Finish {
        outcome: failed("undelivered"),
        ..fifth_failure(T0 + 5)
    };
    store.finish(&leased.lease, run, &failure).await.unwrap();
    change(store, id, paused(None, T0 + DAY), T0 + 6).await.unwrap();
    let resumed = store.resume_undelivered(None, None, "host", T0 + HOUR).await.unwrap();
    assert_eq!(resumed, Vec::<u64>::new());
    assert_eq!(stored(store, id).await.content.state, ScheduleState::Paused(None));
}
