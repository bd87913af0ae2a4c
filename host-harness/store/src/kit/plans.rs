//! Plans computed again, and the next wake-up.

use super::{
    HOUR, LEASE, T0, ZONE, ZONES, accepted, acme, add, add_due, change, content, finish, plan, start, stored, submit,
    take, take_deliveries, take_one,
};
use crate::contract::Outcome;
use crate::{Backlog, ReplanRow, Scope, Storage};

const DAY: i64 = 24 * HOUR;
/// Releases of the zone database around [`ZONES`].
const OLDER: &str = "2026a";
const NEWER: &str = "2026c";

pub async fn a_plan_is_written_where_nothing_has_changed(store: &dyn Storage) {
    let id = add_due(store).await;
    assert_eq!(store.request_replan(&acme()).await.unwrap(), 1);
    let by_version = store.replan_batch(10, ZONES).await.unwrap().remove(0);
    assert_eq!((by_version.id, by_version.version, by_version.asleep), (id, 1, false));
    assert!(by_version.moved);
    assert_eq!((&by_version.scope, by_version.old_next_run), (&acme(), Some(T0)));
    assert_eq!(by_version.document, content(T0).document);
    change(store, id, content(T0), T0).await.unwrap();
    store
        .write_plan(&by_version, Some(Some(T0 + HOUR)), "2027a")
        .await
        .unwrap();
    assert_eq!(stored(store, id).await.content.next_run, Some(T0), "another version");

    let by_next_run = store.replan_batch(10, ZONES).await.unwrap().remove(0);
    assert_eq!(by_next_run.version, 2);
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    store.finish(&leased.lease, run, &finish(Outcome::Empty)).await.unwrap();
    store
        .write_plan(&by_next_run, Some(Some(T0 + HOUR)), "2027a")
        .await
        .unwrap();
    assert_eq!(stored(store, id).await.content.next_run, Some(T0 + DAY), "it has run");

    let fresh = store.replan_batch(10, ZONES).await.unwrap().remove(0);
    store
        .write_plans(
            &[(fresh, Some(Some(T0 + 2 * HOUR))), (by_next_run, Some(None))],
            "2027a",
        )
        .await
        .unwrap();
    let now = stored(store, id).await;
    assert_eq!((now.content.next_run, now.version), (Some(T0 + 2 * HOUR), 2));
    assert_eq!(store.replan_batch(10, ZONES).await.unwrap(), []);
    assert_eq!(take(store, T0 + 2 * HOUR - 1).await, []);
    take_one(store, T0 + 2 * HOUR).await;
}

pub async fn a_plan_waits_while_its_schedule_is_leased(store: &dyn Storage) {
    let id = add_due(store).await;
    store.request_replan(&acme()).await.unwrap();
    let read = store.replan_batch(10, ZONES).await.unwrap().remove(0);
    let leased = take_one(store, T0).await;
    assert_eq!(store.replan_batch(10, ZONES).await.unwrap(), []);
    store.write_plan(&read, Some(None), "2027a").await.unwrap();
    let run = start(store, &leased).await;
    store.finish(&leased.lease, run, &finish(Outcome::Empty)).await.unwrap();
    let read = store.replan_batch(10, ZONES).await.unwrap().remove(0);
    assert_eq!((read.id, read.old_next_run), (id, Some(T0 + DAY)));
}

pub async fn a_schedule_that_cannot_be_planned_is_asked_for_once(store: &dyn Storage) {
    add_due(store).await;
    let id = add(store, acme(), content(T0)).await;
    let read = store.replan_batch(10, NEWER).await.unwrap().remove(1);
    assert_eq!((read.id, read.moved), (id, false));
    store.write_plan(&read, None, NEWER).await.unwrap();
    assert_eq!(stored(store, id).await.content, content(T0));
    let left: Vec<_> = store
        .replan_batch(10, NEWER)
        .await
        .unwrap()
        .iter()
        .map(|row| row.id)
        .collect();
    assert_eq!(left.len(), 1);
    assert!(!left.contains(&id));
}

pub async fn plans_of_one_scope_are_asked_for(store: &dyn Storage) {
    let event = Scope {
        event: Some("fest".to_owned()),
        ..acme()
    };
    add(store, acme(), content(T0)).await;
    let one = add(store, event.clone(), content(T0)).await;
    let other = add(store, event.clone(), content(None)).await;
    store.request_replan(&event).await.unwrap();
    assert_eq!(store.replan_batch(1, ZONES).await.unwrap()[0].id, one);
    let ids: Vec<_> = store
        .replan_batch(10, ZONES)
        .await
        .unwrap()
        .iter()
        .map(|row| row.id)
        .collect();
    assert_eq!(ids, [one, other]);
}

pub async fn a_host_plans_again_what_an_older_zone_database_planned_and_nothing_of_a_newer_one(store: &dyn Storage) {
    let id = add_due(store).await;
    for release in [OLDER, ZONES] {
        assert_eq!(store.replan_batch(10, release).await.unwrap(), [], "{release}");
    }
    let read = store.replan_batch(10, NEWER).await.unwrap().remove(0);
    store.write_plan(&read, Some(Some(T0 + HOUR)), NEWER).await.unwrap();
    for release in [OLDER, ZONES, NEWER] {
        assert_eq!(store.replan_batch(10, release).await.unwrap(), [], "{release}");
    }
    assert_eq!(stored(store, id).await.content.next_run, Some(T0 + HOUR));

    // An older host that has read it before undoes nothing.
    let old_next_run = Some(T0 + HOUR);
    let late = ReplanRow { old_next_run, ..read };
    store.write_plan(&late, Some(Some(T0)), ZONES).await.unwrap();
    assert_eq!(stored(store, id).await.content.next_run, Some(T0 + HOUR));

    // Where its zone has moved, any host plans it, and the newer one once more.
    store.request_replan(&acme()).await.unwrap();
    let read = store.replan_batch(10, OLDER).await.unwrap().remove(0);
    assert!(read.moved);
    store.write_plan(&read, Some(Some(T0 + 2 * HOUR)), OLDER).await.unwrap();
    assert_eq!(store.replan_batch(10, OLDER).await.unwrap(), []);
    let read = store.replan_batch(10, NEWER).await.unwrap().remove(0);
    assert_eq!((read.moved, read.old_next_run), (false, Some(T0 + 2 * HOUR)));

    let leased = take_one(store, T0 + 2 * HOUR).await;
    assert_eq!(leased.zone_database, OLDER);
    assert_eq!(store.replan_batch(10, NEWER).await.unwrap(), [], "while it is leased");
}

pub async fn a_plan_to_be_made_again_comes_with_the_latest_due_time_of_the_history(store: &dyn Storage) {
    add_due(store).await;
    let read = store.replan_batch(10, NEWER).await.unwrap().remove(0);
    assert_eq!(read.last_due, None);
    for due in [T0, T0 + DAY] {
        let leased = take_one(store, due).await;
        let plan = plan(due, due + DAY);
        let run = store.start(&leased.lease, &plan, ZONES, ZONE, due).await.unwrap();
        store.finish(&leased.lease, run, &finish(Outcome::Empty)).await.unwrap();
    }
    let read = store.replan_batch(10, NEWER).await.unwrap().remove(0);
    assert_eq!((read.last_due, read.old_next_run), (Some(T0 + DAY), Some(T0 + 2 * DAY)));
}

pub async fn a_lease_tells_the_zone_that_its_run_was_started_in(store: &dyn Storage) {
    add_due(store).await;
    let leased = take_one(store, T0).await;
    assert_eq!((&leased.started_zone, leased.zone_database.as_str()), (&None, ZONES));
    let run = start(store, &leased).await;
    let later = finish(Outcome::Retry(T0 + 240));
    store.finish(&leased.lease, run, &later).await.unwrap();
    let leased = take_one(store, T0 + 240).await;
    assert_eq!(leased.started_zone.as_deref(), Some(ZONE));
    // Where it was started stays, wherever the later attempt is.
    let plan = plan(T0, T0 + DAY);
    store
        .start(&leased.lease, &plan, ZONES, "Asia/Tokyo", T0 + 240)
        .await
        .unwrap();
    store
        .finish(&leased.lease, run, &finish(Outcome::Retry(T0 + 500)))
        .await
        .unwrap();
    assert_eq!(take_one(store, T0 + 500).await.started_zone.as_deref(), Some(ZONE));
}

pub async fn what_waits_is_counted(store: &dyn Storage) {
    assert_eq!(store.backlog(T0).await.unwrap(), Backlog::default());
    add_due(store).await;
    add(store, acme(), content(T0 - 60)).await;
    add(store, acme(), content(T0 + 60)).await;
    let (two, one) = (store.backlog(T0).await.unwrap(), store.backlog(T0 - 1).await.unwrap());
    assert_eq!(
        (two.due, two.oldest_due, two.waiting, two.outbox),
        (2, Some(T0 - 60), 1, 0)
    );
    assert_eq!((one.due, one.oldest_due, one.waiting), (1, Some(T0 - 60), 2));
    let leased = store.take_due(T0, T0 + LEASE, 2, None).await.unwrap();
    assert_eq!(leased.len(), 2);
    let leased = store.backlog(T0).await.unwrap();
    assert_eq!((leased.due, leased.oldest_due, leased.waiting), (0, None, 3));
}

pub async fn the_next_wake_is_the_earliest_of_all(store: &dyn Storage) {
    assert_eq!(store.next_wake().await.unwrap(), None);
    let id = add_due(store).await;
    add(store, acme(), content(T0 + 2 * DAY)).await;
    assert_eq!(store.next_wake().await.unwrap(), Some(T0));
    let leased = take_one(store, T0).await;
    assert_eq!(store.next_wake().await.unwrap(), Some(T0 + LEASE), "the lease's end");
    let run = start(store, &leased).await;
    store
        .finish(&leased.lease, run, &finish(Outcome::Retry(T0 + 240)))
        .await
        .unwrap();
    assert_eq!(store.next_wake().await.unwrap(), Some(T0 + 240), "the retry");
    let leased = take_one(store, T0 + 240).await;
    store.finish(&leased.lease, run, &finish(Outcome::Empty)).await.unwrap();
    assert_eq!(store.next_wake().await.unwrap(), Some(T0 + DAY), "the next due time");
    super::delete(store, id).await;

    let again = add(store, acme(), content(T0)).await;
    submit(store, &["ann@example.org"]).await;
    assert_eq!(store.next_wake().await.unwrap(), Some(T0 + 5), "the delivery");
    let task = take_deliveries(store, T0 + 5).await.remove(0);
    assert_eq!(
        store.next_wake().await.unwrap(),
        Some(T0 + 5 + LEASE),
        "the delivery's lease"
    );
    store.record_delivery(&task, &accepted(), T0 + 7).await.unwrap();
    assert_eq!(store.next_wake().await.unwrap(), Some(T0 + 7), "settling");
    super::delete(store, again).await;
    assert_eq!(store.next_wake().await.unwrap(), Some(T0 + 2 * DAY));
}
