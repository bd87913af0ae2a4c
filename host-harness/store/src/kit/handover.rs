//! Schedules that get another owner.

use super::telling::tell;
use super::{
    HOUR, LEASE, T0, acme, add, add_due, all, commit, content, entries, finish, start, stored, take, take_deliveries,
    take_one,
};
use crate::contract::Outcome;
use crate::{Change, Commit, CommitError, LeaseError, Scope, Storage, Visible};

/// User 2 takes a schedule over from user 1.
fn take_over(id: u64, version: u64) -> Change {
    Change::TakeOver {
        id,
        version,
        owner: "2".to_owned(),
        former: "1".to_owned(),
        content: content(T0 + HOUR),
        missed: Vec::new(),
    }
}

/// The same as a commit of user 2, who may change settings.
fn by_user_2(changes: Vec<Change>, now: i64) -> Commit {
    Commit {
        actor: "user:2".to_owned(),
        now,
        ..commit(all(acme()), changes)
    }
}

fn owned_by(owner: &str) -> Visible {
    Visible {
        only_owner: Some(owner.to_owned()),
        ..all(acme())
    }
}

/// Nothing was written by a take-over that was refused.
async fn nothing_happened(store: &dyn Storage, id: u64) {
    let row = stored(store, id).await;
    assert_eq!((row.owner.as_str(), row.version), ("1", 1));
    assert_eq!(row.content, content(T0));
    assert_eq!(take_deliveries(store, T0 + HOUR).await, [], "no notice");
    let audit = store.audit("acme", 10).await.unwrap();
    assert!(audit.iter().all(|entry| entry.action != "taken-over"), "{audit:?}");
}

pub async fn a_schedule_taken_over_has_the_new_owner_and_the_next_version(store: &dyn Storage) {
    let id = add(store, acme(), content(T0)).await;
    let taken = by_user_2(vec![take_over(id, 1)], T0 + 1);
    store.commit(taken).await.unwrap();
    let row = stored(store, id).await;
    assert_eq!((row.owner.as_str(), row.version), ("2", 2));
    assert_eq!(row.content, content(T0 + HOUR));
    assert_eq!(store.get(&owned_by("1"), id).await.unwrap(), None);
    assert_eq!(store.get(&owned_by("2"), id).await.unwrap(), Some(row));
}

pub async fn a_take_over_is_audited_with_the_former_owner(store: &dyn Storage) {
    let id = add(store, acme(), content(T0)).await;
    let taken = by_user_2(vec![take_over(id, 1)], T0 + 1);
    store.commit(taken).await.unwrap();
    let entry = store.audit("acme", 1).await.unwrap().remove(0);
    assert_eq!((entry.action.as_str(), entry.actor.as_str()), ("taken-over", "user:2"));
    assert_eq!((entry.schedule, entry.at, entry.scope), (Some(id), T0 + 1, acme()));
    assert_eq!(entry.detail, "by user:2 from user:1");
    assert_eq!(store.audit("acme", 10).await.unwrap().len(), 2, "created, taken over");
}

pub async fn a_take_over_of_another_version_is_stale_and_tells_nobody(store: &dyn Storage) {
    let id = add(store, acme(), content(T0)).await;
    for version in [0, 2] {
        let taken = by_user_2(vec![take_over(id, version), tell(id, "1", "one@host.example")], T0 + 1);
        let refused = store.commit(taken).await;
        assert!(matches!(refused, Err(CommitError::Stale)), "{refused:?}");
    }
    nothing_happened(store, id).await;
}

pub async fn a_take_over_out_of_sight_is_not_found(store: &dyn Storage) {
    let id = add(store, acme(), content(T0)).await;
    let other = all(Scope {
        organizer: "other".to_owned(),
        ..acme()
    });
    let of_event = all(Scope {
        event: Some("fest".to_owned()),
        ..acme()
    });
    for by in [other, of_event, owned_by("2")] {
        let refused = store
            .commit(Commit {
                by,
                ..by_user_2(vec![take_over(id, 1)], T0 + 1)
            })
            .await;
        assert!(matches!(refused, Err(CommitError::NotFound)), "{refused:?}");
    }
    nothing_happened(store, id).await;
}

pub async fn a_take_over_in_a_commit_that_fails_tells_nobody(store: &dyn Storage) {
    let id = add(store, acme(), content(T0)).await;
    let absent = Change::Delete {
        id: id + 1,
        version: None,
    };
    let taken = by_user_2(
        vec![take_over(id, 1), tell(id, "1", "one@host.example"), absent],
        T0 + 1,
    );
    let refused = store.commit(taken).await;
    assert!(matches!(refused, Err(CommitError::NotFound)), "{refused:?}");
    nothing_happened(store, id).await;
}

pub async fn a_run_in_progress_when_its_schedule_is_taken_over_goes_on_with_its_due_time(store: &dyn Storage) {
    let id = add_due(store).await;
    let former = take_one(store, T0).await;
    let run = start(store, &former).await;
    let taken = by_user_2(vec![take_over(id, 1)], T0 + 1);
    store.commit(taken).await.unwrap();
    for lost in [
        store
            .finish(&former.lease, run, &finish(Outcome::Empty))
            .await
            .map(drop),
        store.renew(&former.lease, T0 + HOUR).await,
    ] {
        assert!(matches!(lost, Err(LeaseError::Lost)), "{lost:?}");
    }
    assert_eq!(take(store, T0).await, []);
    let leased = take_one(store, T0 + 1).await;
    assert_eq!((leased.due, leased.attempt, leased.lease.run), (Some(T0), 2, Some(run)));
    assert!(leased.lease.fence > former.lease.fence);
    assert_eq!((leased.row.owner.as_str(), leased.row.version), ("2", 2));
    let done = store.finish(&leased.lease, run, &finish(Outcome::Empty)).await;
    done.unwrap();
    assert_eq!(entries(store, id).await[0].outcome, Some(Outcome::Empty));
}

pub async fn a_schedule_taken_over_before_its_run_started_follows_the_new_plan(store: &dyn Storage) {
    let id = add_due(store).await;
    let former = take_one(store, T0).await;
    let taken = by_user_2(vec![take_over(id, 1)], T0 + 1);
    store.commit(taken).await.unwrap();
    let lost = store.renew(&former.lease, T0 + HOUR).await;
    assert!(matches!(lost, Err(LeaseError::Lost)), "{lost:?}");
    assert_eq!(take(store, T0 + LEASE).await, []);
    assert_eq!(take(store, T0 + HOUR - 1).await, []);
    let leased = take_one(store, T0 + HOUR).await;
    assert_eq!((leased.due, leased.attempt, leased.row.id), (None, 1, id));
}
