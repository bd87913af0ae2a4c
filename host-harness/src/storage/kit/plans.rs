//! Plans computed again, and the next wake-up.

use super::{
    HOUR, LEASE, T0, ZONES, accepted, acme, add, add_due, change, content, finish, start, stored, submit, take,
    take_deliveries, take_one,
};
use crate::contract::Outcome;
use crate::storage::{Replan, Scope, Storage};

const DAY: i64 = 24 * HOUR;

pub async fn a_plan_is_written_where_nothing_has_changed(store: &dyn Storage) {
    let id = add_due(store).await;
    let all_of_acme = Replan::Scope(acme());
    assert_eq!(store.request_replan(&all_of_acme).await.unwrap(), 1);
    let by_version = store.replan_batch(10).await.unwrap().remove(0);
    assert_eq!((by_version.id, by_version.version, by_version.asleep), (id, 1, false));
    assert_eq!((&by_version.scope, by_version.old_next_run), (&acme(), Some(T0)));
    assert_eq!(by_version.document, content(T0).document);
    change(store, id, content(T0), T0).await.unwrap();
    store
        .write_plan(&by_version, Some(Some(T0 + HOUR)), "2027a")
        .await
        .unwrap();
    assert_eq!(stored(store, id).await.content.next_run, Some(T0), "another version");

    let by_next_run = store.replan_batch(10).await.unwrap().remove(0);
    assert_eq!(by_next_run.version, 2);
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    store.finish(&leased.lease, run, &finish(Outcome::Empty)).await.unwrap();
    store
        .write_plan(&by_next_run, Some(Some(T0 + HOUR)), "2027a")
        .await
        .unwrap();
    assert_eq!(stored(store, id).await.content.next_run, Some(T0 + DAY), "it has run");

    let fresh = store.replan_batch(10).await.unwrap().remove(0);
    store
        .write_plans(
            &[(fresh, Some(Some(T0 + 2 * HOUR))), (by_next_run, Some(None))],
            "2027a",
        )
        .await
        .unwrap();
    let now = stored(store, id).await;
    assert_eq!((now.content.next_run, now.version), (Some(T0 + 2 * HOUR), 2));
    assert_eq!(store.replan_batch(10).await.unwrap(), []);
    assert_eq!(take(store, T0 + 2 * HOUR - 1).await, []);
    take_one(store, T0 + 2 * HOUR).await;
}

pub async fn a_plan_waits_while_its_schedule_is_leased(store: &dyn Storage) {
    let id = add_due(store).await;
    store.request_replan(&Replan::Scope(acme())).await.unwrap();
    let read = store.replan_batch(10).await.unwrap().remove(0);
    let leased = take_one(store, T0).await;
    assert_eq!(store.replan_batch(10).await.unwrap(), []);
    store.write_plan(&read, Some(None), "2027a").await.unwrap();
    let run = start(store, &leased).await;
    store.finish(&leased.lease, run, &finish(Outcome::Empty)).await.unwrap();
    let read = store.replan_batch(10).await.unwrap().remove(0);
    assert_eq!((read.id, read.old_next_run), (id, Some(T0 + DAY)));
}

pub async fn a_schedule_that_cannot_be_planned_is_asked_for_once(store: &dyn Storage) {
    let id = add_due(store).await;
    assert_eq!(
        store
            .request_replan(&Replan::OlderThan("2027a".to_owned()))
            .await
            .unwrap(),
        1
    );
    let read = store.replan_batch(10).await.unwrap().remove(0);
    store.write_plan(&read, None, "2027a").await.unwrap();
    assert_eq!(stored(store, id).await.content, content(T0));
    assert_eq!(store.replan_batch(10).await.unwrap(), []);
    assert_eq!(
        store
            .request_replan(&Replan::OlderThan("2027a".to_owned()))
            .await
            .unwrap(),
        0
    );
}

pub async fn plans_of_one_scope_are_asked_for(store: &dyn Storage) {
    let event = Scope {
        event: Some("fest".to_owned()),
        ..acme()
    };
    add(store, acme(), content(T0)).await;
    let one = add(store, event.clone(), content(T0)).await;
    let other = add(store, event.clone(), content(None)).await;
    store.request_replan(&Replan::Scope(event)).await.unwrap();
    assert_eq!(store.replan_batch(1).await.unwrap()[0].id, one);
    let ids: Vec<_> = store.replan_batch(10).await.unwrap().iter().map(|row| row.id).collect();
    assert_eq!(ids, [one, other]);
}

pub async fn a_new_zone_database_asks_for_older_plans(store: &dyn Storage) {
    let id = add_due(store).await;
    for (release, older) in [("2026a", 0), (ZONES, 0), ("2026c", 1)] {
        let asked = store
            .request_replan(&Replan::OlderThan(release.to_owned()))
            .await
            .unwrap();
        assert_eq!(asked, older, "{release}");
    }
    let read = store.replan_batch(10).await.unwrap().remove(0);
    store.write_plan(&read, Some(Some(T0 + HOUR)), "2026c").await.unwrap();
    assert_eq!(
        store
            .request_replan(&Replan::OlderThan("2026c".to_owned()))
            .await
            .unwrap(),
        0
    );
    assert_eq!(stored(store, id).await.content.next_run, Some(T0 + HOUR));
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
