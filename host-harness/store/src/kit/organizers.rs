//! Organizers switched on and off.

use super::{
    HOUR, T0, ZONE, ZONES, acme, add, add_due, change, content, entries, failed, finish, plan, start, stored, submit,
    take, take_one,
};
use crate::contract::Outcome;
use crate::{Change, CommitError, Finish, LeaseError, Scope, Storage};

pub async fn an_organizer_switched_off_has_nothing_due(store: &dyn Storage) {
    let running = add_due(store).await;
    let waiting = add(store, acme(), content(T0 + 1)).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    store.set_enabled("acme", false, "user:9", T0 + 1).await.unwrap();
    assert!(!store.enabled("acme").await.unwrap());
    assert_eq!(take(store, T0 + HOUR).await, []);
    assert_eq!(store.next_wake().await.unwrap(), None);
    let lost = store.finish(&leased.lease, run, &finish(Outcome::Empty)).await;
    assert!(matches!(lost, Err(LeaseError::Lost)), "{lost:?}");
    let entry = &entries(store, running).await[0];
    assert!(matches!(entry.outcome, Some(Outcome::Cancelled(_))), "{entry:?}");
    assert_eq!(entry.ended, Some(T0 + 1));
    assert_eq!(stored(store, waiting).await.content, content(T0 + 1), "schedules stay");
    change(store, waiting, content(T0 + 2), T0 + 1).await.unwrap();
    assert_eq!(
        take(store, T0 + HOUR).await,
        [],
        "a change that came in meanwhile wakes nothing"
    );

    let audit = store.audit("acme", 10).await.unwrap();
    let switched = audit.iter().filter(|entry| entry.action == "disabled");
    assert_eq!(
        switched.map(|entry| entry.actor.as_str()).collect::<Vec<_>>(),
        ["user:9"]
    );
    store.set_enabled("acme", false, "user:9", T0 + 1).await.unwrap();
    assert_eq!(store.audit("acme", 10).await.unwrap(), audit, "off already");
}

pub async fn an_organizer_switched_on_sleeps_until_it_is_planned(store: &dyn Storage) {
    let id = add_due(store).await;
    let other = Scope {
        organizer: "other".to_owned(),
        event: None,
    };
    store.set_enabled("other", true, "user:1", T0).await.unwrap();
    add(store, other, content(T0 + 2 * HOUR)).await;
    let run = submit(store, &["ann@example.org"]).await;
    store.set_enabled("acme", false, "user:1", T0).await.unwrap();
    store.set_enabled("acme", true, "user:1", T0 + HOUR).await.unwrap();
    assert_eq!(take(store, T0 + HOUR).await, [], "not planned yet");
    let rows = store.replan_batch(10, ZONES).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].id, rows[0].version, rows[0].asleep), (id, 1, true));
    store
        .write_plan(&rows[0], Some(Some(T0 + HOUR + 1)), ZONES)
        .await
        .unwrap();
    assert_eq!(store.replan_batch(10, ZONES).await.unwrap(), []);
    let leased = take_one(store, T0 + HOUR + 1).await;
    assert_eq!((leased.row.id, leased.attempt), (id, 1));
    let next = store
        .start(&leased.lease, &plan(T0 + HOUR + 1, None), ZONES, ZONE, T0 + HOUR + 1)
        .await
        .unwrap();
    assert_ne!(next, run);

    // What was submitted before it was switched off stays called off.
    assert_eq!(super::take_deliveries(store, T0 + HOUR).await, []);
}

pub async fn an_organizer_nobody_switched_on_is_off(store: &dyn Storage) {
    let id = add(store, acme(), content(T0)).await;
    assert!(!store.enabled("acme").await.unwrap());
    assert_eq!(store.organizers().await.unwrap(), []);
    assert_eq!(take(store, T0).await, []);
    store.set_enabled("acme", true, "host", T0).await.unwrap();
    store.set_enabled("zoo", false, "host", T0).await.unwrap();
    let switched = [("acme".to_owned(), true), ("zoo".to_owned(), false)];
    assert_eq!(store.organizers().await.unwrap(), switched);
    assert_eq!(store.replan_batch(10, ZONES).await.unwrap()[0].id, id);
}

/// Executes what is due at [`T0`] to a failure of this code, after which the schedule is stopped.
async fn stopped_by(store: &dyn Storage, code: &str) -> u64 {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    let stopped = Finish {
        error_counter: 5,
        active: false,
        ..finish(failed(code))
    };
    store.finish(&leased.lease, run, &stopped).await.unwrap();
    id
}

pub async fn what_was_stopped_by_mail_that_nobody_accepted_is_resumed_from_now_and_nothing_else(store: &dyn Storage) {
    let undelivered = stopped_by(store, "undelivered").await;
    let second = stopped_by(store, "undelivered").await;
    let trapped = stopped_by(store, "trapped").await;
    let before = stored(store, undelivered).await;
    for none in [
        (Some("other"), None),
        (None, Some(trapped)),
        (Some("other"), Some(second)),
    ] {
        let resumed = store
            .resume_undelivered(none.0, none.1, "host", T0 + HOUR)
            .await
            .unwrap();
        assert_eq!(resumed, Vec::<u64>::new(), "{none:?}");
    }
    let one = store.resume_undelivered(Some("acme"), Some(second), "host", T0 + HOUR);
    assert_eq!(one.await.unwrap(), [second]);
    let all = store.resume_undelivered(None, None, "host", T0 + HOUR);
    assert_eq!(
        all.await.unwrap(),
        [undelivered],
        "the other one is not stopped any more"
    );
    let resumed = stored(store, undelivered).await;
    assert!(resumed.content.is_active() && resumed.content.error_counter == 0);
    assert_eq!(resumed.version, before.version + 1);
    assert!(!stored(store, trapped).await.content.is_active());

    assert_eq!(take(store, T0 + 24 * HOUR).await, [], "not planned yet");
    let rows = store.replan_batch(10, ZONES).await.unwrap();
    let planned: Vec<_> = rows.iter().map(|row| (row.id, row.asleep)).collect();
    assert_eq!(
        planned,
        [(undelivered, true), (second, true)],
        "from now, as those of an organizer"
    );
    for row in &rows {
        store.write_plan(row, Some(Some(T0 + 2 * HOUR)), ZONES).await.unwrap();
    }
    assert_eq!(take(store, T0 + 2 * HOUR - 1).await, []);
    assert_eq!(take(store, T0 + 2 * HOUR).await.len(), 2);
    let audit = store.audit("acme", 50).await.unwrap();
    let resumed = audit.iter().filter(|entry| entry.action == "resumed");
    let resumed: Vec<_> = resumed
        .map(|entry| (entry.schedule, entry.actor.as_str(), entry.at))
        .collect();
    assert_eq!(resumed.len(), 2);
    assert!(resumed.contains(&(Some(undelivered), "host", T0 + HOUR)));
}

pub async fn schedules_of_an_event_that_is_gone_are_out_of_service_for_good_and_others_are_not(store: &dyn Storage) {
    let at = |event: &str| Scope {
        organizer: "acme".to_owned(),
        event: Some(event.to_owned()),
    };
    let submitted = {
        store.set_enabled("acme", true, "user:1", T0 - HOUR).await.unwrap();
        add(store, at("gone"), content(T0)).await
    };
    submit(store, &["ann@example.org"]).await;
    let running = add(store, at("gone"), content(T0)).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    let waiting = add(store, at("gone"), content(T0)).await;
    let there = add(store, at("there"), content(T0 + 1)).await;
    let whole = add_due(store).await;
    let scopes = [(None, 1), (Some("gone".to_owned()), 3), (Some("there".to_owned()), 1)];
    assert_eq!(store.scopes("acme").await.unwrap(), scopes);

    store.retire(&at("gone"), T0 + 6).await.unwrap();
    for id in [submitted, running, waiting] {
        let entry = &entries(store, id).await[0];
        let called_off = Some(Outcome::Cancelled("the event was deleted".to_owned()));
        assert_eq!(entry.outcome, called_off, "{id}");
    }
    let lost = store.finish(&leased.lease, run, &finish(Outcome::Empty)).await;
    assert!(matches!(lost, Err(LeaseError::Lost)), "{lost:?}");
    assert_eq!(super::take_deliveries(store, T0 + HOUR).await, []);
    let due: Vec<u64> = take(store, T0 + 48 * HOUR)
        .await
        .iter()
        .map(|leased| leased.row.id)
        .collect();
    assert_eq!(due, [whole, there]);

    // Nothing brings them back.
    store.set_enabled("acme", false, "user:1", T0 + HOUR).await.unwrap();
    store.set_enabled("acme", true, "user:1", T0 + HOUR).await.unwrap();
    for row in store.replan_batch(10, ZONES).await.unwrap() {
        store.write_plan(&row, Some(Some(T0 + 2 * HOUR)), ZONES).await.unwrap();
    }
    let due = take(store, T0 + 48 * HOUR).await;
    assert!(
        due.iter().all(|leased| [whole, there].contains(&leased.row.id)),
        "{due:?}"
    );
    assert_eq!(due.len(), 2);
    let seen = super::all(at("gone"));
    let row = store.get(&seen, waiting).await.unwrap().expect("it can be seen");
    assert!(!row.content.is_active());
    let audit = store.audit("acme", 50).await.unwrap();
    let told = audit.iter().filter(|entry| entry.action == "event-deleted");
    assert_eq!(told.map(|entry| &entry.scope).collect::<Vec<_>>(), [&at("gone")]);
}

fn event(event: &str) -> Scope {
    Scope {
        organizer: "acme".to_owned(),
        event: Some(event.to_owned()),
    }
}

/// Submits what is due at [`T0`], and has no recipient's server take it.
async fn submit_in_vain(store: &dyn Storage) {
    submit(store, &["ann@example.org"]).await;
    super::deliver(store, T0 + 6, &super::rejected()).await;
}

pub async fn a_run_that_is_settled_after_its_event_is_gone_brings_nothing_back(store: &dyn Storage) {
    store.set_enabled("acme", true, "user:1", T0 - HOUR).await.unwrap();
    let id = add(store, event("gone"), content(T0)).await;
    submit_in_vain(store).await;
    let before = store.get(&super::all(event("gone")), id).await.unwrap().unwrap();
    let leased = super::settle_one(store, T0 + 7).await;
    store.retire(&event("gone"), T0 + 8).await.unwrap();
    // The lease may hold or not: the schedule stays as it was left.
    let late = finish(failed("undelivered"));
    let _ = store.finish(&leased.lease, leased.lease.run.unwrap(), &late).await;
    let after = store.get(&super::all(event("gone")), id).await.unwrap().unwrap();
    assert!(!after.content.is_active());
    assert!(after.version > before.version, "who has read it before changes nothing");
}

pub async fn nothing_of_an_event_that_is_gone_is_resumed_or_changed(store: &dyn Storage) {
    store.set_enabled("acme", true, "user:1", T0 - HOUR).await.unwrap();
    let id = add(store, event("gone"), content(T0)).await;
    submit_in_vain(store).await;
    let leased = super::settle_one(store, T0 + 7).await;
    let run = leased.lease.run.unwrap();
    let stopped = Finish {
        error_counter: 5,
        active: false,
        ..finish(failed("undelivered"))
    };
    store.finish(&leased.lease, run, &stopped).await.unwrap();
    store.retire(&event("gone"), T0 + 8).await.unwrap();
    let resumed = store.resume_undelivered(None, None, "host", T0 + HOUR).await.unwrap();
    assert_eq!(resumed, Vec::<u64>::new());
    let seen = super::all(event("gone"));
    let row = store.get(&seen, id).await.unwrap().unwrap();
    let update = Change::Update {
        id,
        version: row.version,
        content: content(T0 + 2 * HOUR),
        missed: Vec::new(),
    };
    let refused = store.commit(super::commit(seen.clone(), vec![update])).await;
    assert!(matches!(refused, Err(CommitError::NotFound)), "{refused:?}");
    assert_eq!(store.get(&seen, id).await.unwrap().unwrap(), row);
    let delete = Change::Delete { id, version: None };
    store.commit(super::commit(seen, vec![delete])).await.unwrap();
}

pub async fn an_event_that_is_gone_takes_no_schedule_of_the_organizer_with_it(store: &dyn Storage) {
    let whole = add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    let there = add(store, event("there"), content(T0 + 1)).await;
    store.retire(&acme(), T0 + 6).await.unwrap();
    store.finish(&leased.lease, run, &finish(Outcome::Empty)).await.unwrap();
    assert!(stored(store, whole).await.content.is_active());
    let due = take(store, T0 + 48 * HOUR).await;
    let due: Vec<u64> = due.iter().map(|leased| leased.row.id).collect();
    assert_eq!(due, [there, whole]);
}
