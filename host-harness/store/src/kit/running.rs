//! Leases, runs, and how they end.

use tempfile::SpooledData;

use super::{
    HOUR, LEASE, T0, ZONE, ZONES, acme, add, add_due, add_many, change, commit, content, entries, failed, finish,
    in_memory, plan, start, stored, take, take_one,
};
use crate::clock::Instant;
use crate::contract::{Content, MissedRange, Outcome, Position};
use crate::contract::{MissedReason, RunQuery, ScheduleState, schedule_store::RunStart};
use crate::{Change, Commit, CommitError, FileFacts, Finish, LeaseError, StartError, Storage, Work};

const DAY: i64 = 24 * HOUR;

pub async fn a_schedule_is_leased_at_its_time_and_not_one_second_before(store: &dyn Storage) {
    let id = add_due(store).await;
    add(store, acme(), content(None)).await;
    let stopped = Content {
        state: ScheduleState::Stopped,
        ..content(T0)
    };
    add(store, acme(), stopped).await;
    assert_eq!(take(store, T0 - 1).await, []);
    let leased = take_one(store, T0).await;
    assert_eq!(leased.row, stored(store, id).await);
    assert_eq!(leased.row.content.next_run, Some(T0));
    assert_eq!((leased.due, leased.attempt, leased.lease.run), (None, 1, None));
    assert_eq!((leased.lease.schedule, leased.lease.work), (id, Work::Execute));
    assert_eq!(leased.lease.until, T0 + LEASE);
    assert_eq!(take(store, T0).await, [], "it is leased");
}

pub async fn the_longest_due_is_leased_first(store: &dyn Storage) {
    let last = add_due(store).await;
    let first = add(store, acme(), content(T0 - 2)).await;
    let second = add(store, acme(), content(T0 - 1)).await;
    let leased = store.take_due(T0, T0 + LEASE, 2, None).await.unwrap();
    let ids: Vec<_> = leased.iter().map(|leased| leased.row.id).collect();
    assert_eq!(ids, [first, second]);
    assert_eq!(take_one(store, T0).await.row.id, last);
}

pub async fn much_that_is_due_of_one_organizer_holds_up_no_other(store: &dyn Storage) {
    const BATCH: u32 = 10;
    // All at one time, and at a time of its own each.
    for (nth, apart) in [0, 1].into_iter().enumerate() {
        let (many, single) = (format!("many-{nth}"), format!("single-{nth}"));
        add_many(store, &many, 300, T0 - 1_000, apart).await;
        let id = add_many(store, &single, 1, T0, 0).await[0];
        let mut leased = store.take_due(T0, T0 + LEASE, BATCH, None).await.unwrap();
        leased.extend(store.take_due(T0, T0 + LEASE, BATCH, None).await.unwrap());
        assert_eq!(leased.len(), 2 * BATCH as usize, "full batches");
        assert!(leased.iter().any(|leased| leased.row.id == id), "{apart} s apart");
        for slug in [many, single] {
            store.set_enabled(&slug, false, "user:1", T0).await.unwrap();
        }
    }
}

pub async fn batches_of_one_go_round_all_organizers(store: &dyn Storage) {
    for (due, slug) in (T0 - 100..).zip(["a", "b", "c", "d"]) {
        add_many(store, slug, 20, due, 0).await;
    }
    let mut seen = Vec::new();
    for _ in 0..4 {
        let leased = store.take_due(T0, T0 + LEASE, 1, None).await.unwrap();
        seen.extend(leased.into_iter().map(|leased| leased.row.scope.organizer));
    }
    seen.sort();
    assert_eq!(seen, ["a", "b", "c", "d"]);
    // And nothing is left out: batches larger than what each of them has.
    assert_eq!(store.take_due(T0, T0 + LEASE, 70, None).await.unwrap().len(), 70);
    assert_eq!(store.take_due(T0, T0 + LEASE, 70, None).await.unwrap().len(), 6);
    assert_eq!(store.take_due(T0, T0 + LEASE, 70, None).await.unwrap(), []);
}

pub async fn a_lease_is_taken_over_at_its_end_with_the_same_due_time(store: &dyn Storage) {
    let id = add_due(store).await;
    let dead = take_one(store, T0).await;
    let run = start(store, &dead).await;
    assert_eq!(stored(store, id).await.content.next_run, Some(T0 + DAY));
    assert_eq!(take(store, T0 + LEASE - 1).await, []);
    let heir = take_one(store, T0 + LEASE).await;
    assert_eq!((heir.due, heir.attempt, heir.lease.run), (Some(T0), 2, Some(run)));
    assert!(heir.lease.fence > dead.lease.fence);
    assert_eq!(start(store, &heir).await, run);
    assert!(matches!(
        store.start(&heir.lease, &plan(T0 + 1, T0 + DAY), ZONES, ZONE, T0).await,
        Err(StartError::Lost)
    ));

    let done = finish(Outcome::Empty);
    assert!(matches!(
        store.finish(&dead.lease, run, &done).await,
        Err(LeaseError::Lost)
    ));
    assert!(matches!(
        store.renew(&dead.lease, T0 + HOUR).await,
        Err(LeaseError::Lost)
    ));
    assert_eq!(entries(store, id).await[0].outcome, None);
    store.finish(&heir.lease, run, &done).await.unwrap();
    let entry = &entries(store, id).await[0];
    assert_eq!((entry.due, entry.attempts), (T0, 2));
    assert_eq!((entry.started, entry.ended), (Some(T0), Some(T0 + 5)));
    assert_eq!(entry.outcome, Some(Outcome::Empty));
}

pub async fn a_lease_that_ran_out_counts_until_somebody_takes_it(store: &dyn Storage) {
    add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    let late = Finish {
        now: T0 + DAY - 1,
        ..finish(Outcome::Empty)
    };
    store.finish(&leased.lease, run, &late).await.unwrap();
}

pub async fn a_renewed_lease_ends_later(store: &dyn Storage) {
    add_due(store).await;
    let leased = take_one(store, T0).await;
    store.renew(&leased.lease, T0 + 2 * LEASE).await.unwrap();
    assert_eq!(take(store, T0 + 2 * LEASE - 1).await, []);
    assert_eq!(take_one(store, T0 + 2 * LEASE).await.attempt, 2);
}

pub async fn a_lease_handed_back_is_not_counted(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    store.hand_back(&leased.lease, T0).await.unwrap();
    let again = store.hand_back(&leased.lease, T0).await;
    assert!(matches!(again, Err(LeaseError::Lost)), "{again:?}");
    let leased = take_one(store, T0).await;
    assert_eq!((leased.attempt, leased.due), (1, None));
    start(store, &leased).await;
    store.hand_back(&leased.lease, T0 + 1).await.unwrap();
    assert_eq!(entries(store, id).await[0].attempts, 0);
    let leased = take_one(store, T0 + 1).await;
    assert_eq!((leased.attempt, leased.due), (1, Some(T0)));
}

pub async fn a_change_takes_the_lease_away_and_keeps_the_due_time(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    change(store, id, content(T0 + HOUR), T0 + 1).await.unwrap();
    let done = Finish {
        error_counter: 4,
        ..finish(Outcome::Submitted)
    };
    let lost = store.finish(&leased.lease, run, &done).await;
    assert!(matches!(lost, Err(LeaseError::Lost)), "{lost:?}");
    assert_eq!(stored(store, id).await.content, content(T0 + HOUR));

    assert_eq!(take(store, T0).await, []);
    let leased = take_one(store, T0 + 1).await;
    assert_eq!((leased.due, leased.attempt, leased.lease.run), (Some(T0), 2, Some(run)));
    assert_eq!(leased.row.version, 2);
    let gone = Outcome::Cancelled("the rule does not have it any more".to_owned());
    store.finish(&leased.lease, run, &finish(gone.clone())).await.unwrap();
    assert_eq!(entries(store, id).await[0].outcome, Some(gone));
    assert_eq!(
        take_one(store, T0 + HOUR).await.attempt,
        1,
        "attempts of the next due time"
    );
}

pub async fn a_change_before_the_start_follows_the_new_plan(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    change(store, id, content(T0 + HOUR), T0 + 1).await.unwrap();
    let lost = store
        .start(&leased.lease, &plan(T0, T0 + DAY), ZONES, ZONE, T0 + 1)
        .await;
    assert!(matches!(lost, Err(StartError::Lost)), "{lost:?}");
    assert_eq!(entries(store, id).await, []);
    assert_eq!(take(store, T0 + HOUR - 1).await, []);
    let leased = take_one(store, T0 + HOUR).await;
    assert_eq!((leased.attempt, leased.due), (1, None));
}

pub async fn a_retry_comes_at_its_time_or_with_the_next_due_time(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    let retry = finish(Outcome::Retry(T0 + 120));
    store.finish(&leased.lease, run, &retry).await.unwrap();
    let entry = &entries(store, id).await[0];
    assert_eq!((&entry.outcome, entry.ended, entry.attempts), (&None, None, 1));
    assert_eq!(take(store, T0 + 119).await, []);
    let leased = take_one(store, T0 + 120).await;
    assert_eq!((leased.due, leased.attempt), (Some(T0), 2));
    let too_late = finish(Outcome::Retry(T0 + 2 * DAY));
    store.finish(&leased.lease, run, &too_late).await.unwrap();
    assert_eq!(take(store, T0 + DAY - 1).await, []);
    let leased = take_one(store, T0 + DAY).await;
    assert_eq!((leased.due, leased.attempt), (Some(T0), 3));
    let missed = Outcome::Missed(MissedRange {
        reason: MissedReason::Unavailable,
        first: T0,
        last: T0,
        count: 1,
    });
    store.finish(&leased.lease, run, &finish(missed.clone())).await.unwrap();
    assert_eq!(entries(store, id).await[0].outcome, Some(missed));
    let leased = take_one(store, T0 + DAY).await;
    assert_eq!((leased.due, leased.attempt), (None, 1));
}

pub async fn due_times_that_nobody_ran_are_one_entry(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0 + 3 * DAY).await;
    let missed = MissedRange {
        reason: MissedReason::Unavailable,
        first: T0,
        last: T0 + 2 * DAY,
        count: 3,
    };
    let plan = RunStart {
        due: T0 + 3 * DAY,
        missed: vec![missed],
        next_run: None,
    };
    for _ in 0..2 {
        store
            .start(&leased.lease, &plan, ZONES, ZONE, T0 + 3 * DAY)
            .await
            .unwrap();
    }
    let history = entries(store, id).await;
    assert_eq!(history.len(), 2);
    assert_eq!((history[0].due, &history[0].outcome), (T0 + 3 * DAY, &None));
    let missed = &history[1];
    assert_eq!((missed.due, missed.attempts, missed.started), (T0 + 2 * DAY, 0, None));
    assert_eq!(missed.ended, Some(T0 + 3 * DAY));
    assert_eq!(missed.outcome, Some(Outcome::Missed(plan.missed[0])));
    assert_eq!(stored(store, id).await.content.next_run, None);

    // A person who changes the rule gives up due times in the same way.
    let given_up = MissedRange {
        reason: MissedReason::Unavailable,
        first: T0 - HOUR,
        last: T0 - HOUR,
        count: 1,
    };
    let update = Change::Update {
        id,
        version: 1,
        content: content(None),
        missed: vec![given_up],
    };
    store.commit(commit(super::all(acme()), vec![update])).await.unwrap();
    let history = entries(store, id).await;
    assert_eq!(history[2].outcome, Some(Outcome::Missed(given_up)));
}

pub async fn missed_due_times_around_one_that_is_kept_are_an_entry_each(store: &dyn Storage) {
    let id = add_due(store).await;
    let range = |first: Instant, last: Instant, count| MissedRange {
        reason: MissedReason::Unavailable,
        first,
        last,
        count,
    };
    let missed = vec![
        range(T0, T0 + DAY, 2),
        range(T0 + 3 * DAY, T0 + 3 * DAY, 1),
        range(T0 + 4 * DAY, T0 + 6 * DAY, 3),
    ];
    let update = Change::Update {
        id,
        version: 1,
        content: content(T0 + 2 * DAY),
        missed: missed.clone(),
    };
    let now = T0 + 6 * DAY;
    let commit = Commit {
        now,
        ..commit(super::all(acme()), vec![update])
    };
    store.commit(commit).await.unwrap();
    let written: Vec<_> = entries(store, id)
        .await
        .into_iter()
        .rev()
        .map(|entry| entry.outcome)
        .collect();
    assert_eq!(
        written,
        missed
            .iter()
            .map(|range| Some(Outcome::Missed(*range)))
            .collect::<Vec<_>>()
    );
    let audited = store.audit("acme", 10).await.unwrap();
    assert_eq!(
        audited.iter().filter(|entry| entry.detail.contains("missed")).count(),
        3
    );

    // The one between them is still to be run, with ranges of its own.
    let leased = take_one(store, now + DAY).await;
    let missed = vec![range(T0 + 2 * DAY, T0 + 2 * DAY, 1), range(now + HOUR, now + HOUR, 1)];
    let plan = RunStart {
        due: now + DAY,
        missed,
        next_run: None,
    };
    store.start(&leased.lease, &plan, ZONES, ZONE, now + DAY).await.unwrap();
    assert_eq!(entries(store, id).await.len(), 6);
}

/// As after a clock was set back, and a new plan.
pub async fn what_the_history_has_is_not_missed_again(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    store.finish(&leased.lease, run, &finish(Outcome::Empty)).await.unwrap();
    let range = |first: Instant, last: Instant, count| MissedRange {
        reason: MissedReason::Unavailable,
        first,
        last,
        count,
    };
    let late = |days: Instant, missed| RunStart {
        due: T0 + days * DAY,
        missed,
        next_run: None,
    };
    let leased = take_one(store, T0 + 3 * DAY).await;
    let plan = late(3, vec![range(T0 + DAY, T0 + 2 * DAY, 2)]);
    let run = store.start(&leased.lease, &plan, ZONES, ZONE, plan.due).await.unwrap();
    store.finish(&leased.lease, run, &finish(Outcome::Empty)).await.unwrap();
    let before = entries(store, id).await;

    change(store, id, content(T0), T0 - HOUR).await.unwrap();
    let leased = take_one(store, T0 + 5 * DAY).await;
    let all = range(T0, T0 + 4 * DAY, 5);
    for (asked, recorded) in [
        (all, Some(T0 + 3 * DAY)),
        (range(T0 - DAY, T0, 2), Some(T0)),
        (range(T0 + DAY + 1, T0 + 2 * DAY - 1, 1), Some(T0 + 2 * DAY - 1)),
        (range(T0 - DAY, T0 - 1, 1), None),
        (range(T0 + 1, T0 + DAY - 1, 1), None),
        (range(T0 + 3 * DAY + 1, T0 + 4 * DAY, 1), None),
    ] {
        assert_eq!(store.recorded(id, &asked).await.unwrap(), recorded, "{asked:?}");
        assert_eq!(store.recorded(id + 1, &asked).await.unwrap(), None);
    }
    let refused = store
        .start(&leased.lease, &late(5, vec![all]), ZONES, ZONE, T0 + 5 * DAY)
        .await;
    assert!(
        matches!(refused, Err(StartError::Recorded(latest)) if latest == T0 + 3 * DAY),
        "{refused:?}"
    );
    let update = Change::Update {
        id,
        version: 2,
        content: content(None),
        missed: vec![range(T0 - DAY, T0 - DAY, 1), all],
    };
    let stale = store.commit(commit(super::all(acme()), vec![update])).await;
    assert!(matches!(stale, Err(CommitError::Stale)), "{stale:?}");
    assert_eq!(entries(store, id).await, before);

    let left = range(T0 + 4 * DAY, T0 + 4 * DAY, 1);
    store
        .start(&leased.lease, &late(5, vec![left]), ZONES, ZONE, T0 + 5 * DAY)
        .await
        .unwrap();
    let history = entries(store, id).await;
    assert_eq!(
        (history[1].outcome.clone(), history.len()),
        (Some(Outcome::Missed(left)), 5)
    );
}

pub async fn a_run_keeps_the_version_that_started_it(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    assert_eq!(leased.started_version, None);
    start(store, &leased).await;
    change(store, id, content(T0 + DAY), T0 + 1).await.unwrap();
    let leased = take_one(store, T0 + 1).await;
    assert_eq!((leased.started_version, leased.row.version), (Some(1), 2));
    start(store, &leased).await;
    assert_eq!(take_one(store, T0 + 1 + LEASE).await.started_version, Some(1));
}

pub async fn a_due_time_that_has_ended_does_not_start_again(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    store.finish(&leased.lease, run, &finish(Outcome::Empty)).await.unwrap();
    // A change that had been read before the start brings the due time back.
    change(store, id, content(T0), T0 + 6).await.unwrap();
    let leased = take_one(store, T0 + 6).await;
    let lost = store
        .start(&leased.lease, &plan(T0, T0 + DAY), ZONES, ZONE, T0 + 6)
        .await;
    assert!(matches!(lost, Err(StartError::Lost)), "{lost:?}");
    assert_eq!(entries(store, id).await.len(), 1);
    assert_eq!(entries(store, id).await[0].outcome, Some(Outcome::Empty));
    assert_eq!(stored(store, id).await.content.next_run, Some(T0 + DAY));
    assert_eq!(take(store, T0 + DAY - 1).await, [], "it does not go round in circles");
    assert_eq!(take_one(store, T0 + DAY).await.attempt, 1);
}

pub async fn a_finished_lease_is_spent(store: &dyn Storage) {
    add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    let delivered = store.finish(&leased.lease, run, &finish(Outcome::Delivered)).await;
    assert!(matches!(delivered, Err(LeaseError::Lost)), "only settling says so");
    let done = finish(Outcome::Empty);
    let other = store.finish(&leased.lease, run + 1, &done).await;
    assert!(matches!(other, Err(LeaseError::Lost)), "another run");
    store.finish(&leased.lease, run, &done).await.unwrap();
    for _ in 0..2 {
        let lost = store.finish(&leased.lease, run, &done).await;
        assert!(matches!(lost, Err(LeaseError::Lost)), "{lost:?}");
    }
    assert!(matches!(store.renew(&leased.lease, T0).await, Err(LeaseError::Lost)));
    assert!(matches!(
        store.start(&leased.lease, &plan(T0 + 1, None), ZONES, ZONE, T0).await,
        Err(StartError::Lost)
    ));
}

pub async fn a_failure_is_counted_and_stops_a_schedule(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    let last = Finish {
        error_counter: 5,
        active: false,
        ..finish(failed("too-large"))
    };
    store.finish(&leased.lease, run, &last).await.unwrap();
    let now = stored(store, id).await;
    assert_eq!((now.content.error_counter, now.content.is_active()), (5, false));
    assert_eq!(now.version, 1, "runs are no changes");
    assert_eq!(entries(store, id).await[0].outcome, Some(failed("too-large")));
    assert_eq!(take(store, T0 + 10 * DAY).await, []);
    assert_eq!(store.next_wake().await.unwrap(), None);
    let audit = store.audit("acme", 1).await.unwrap().remove(0);
    assert_eq!((audit.action.as_str(), audit.actor.as_str()), ("run", "host"));
    assert_eq!(audit.detail, "due 2027-01-15T08:00:00Z: failed: too-large: why");

    change(store, id, content(T0 + 2 * DAY), T0 + DAY).await.unwrap();
    assert_eq!(take_one(store, T0 + 2 * DAY).await.attempt, 1);
}

pub async fn a_deleted_schedule_cancels_its_run_and_keeps_its_history(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    super::delete(store, id).await;
    let lost = store.finish(&leased.lease, run, &finish(Outcome::Empty)).await;
    assert!(matches!(lost, Err(LeaseError::Lost)), "{lost:?}");
    assert!(matches!(store.renew(&leased.lease, T0).await, Err(LeaseError::Lost)));
    let history = store.history(Some(id), 10).await.unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!((history[0].schedule, &history[0].scope), (id, &acme()));
    let entry = &history[0].entry;
    assert!(matches!(entry.outcome, Some(Outcome::Cancelled(_))), "{entry:?}");
    assert_eq!((entry.ended, entry.attempts), (Some(T0), 1));
    assert_eq!(store.next_wake().await.unwrap(), None);
    let actions = store.audit("acme", 2).await.unwrap();
    assert_eq!([&*actions[0].action, &*actions[1].action], ["deleted", "run"]);
}

pub async fn history_has_pages(store: &dyn Storage) {
    let id = add_due(store).await;
    for nth in 0..5 {
        let due = T0 + nth * DAY;
        let leased = take_one(store, due).await;
        let run = store
            .start(&leased.lease, &plan(due, due + DAY), ZONES, ZONE, due)
            .await
            .unwrap();
        store.finish(&leased.lease, run, &finish(Outcome::Empty)).await.unwrap();
    }
    let mut walked = Vec::new();
    let mut at = Position::Number(1);
    loop {
        let page = store.runs(id, &RunQuery::page(at, 2)).await.unwrap().unwrap();
        assert_eq!(page.total, 5);
        walked.extend(page.rows.iter().map(|entry| (entry.due - T0) / DAY));
        let Some(next) = page.next else { break };
        at = Position::After(next);
    }
    assert_eq!(walked, [4, 3, 2, 1, 0]);
    let third = store
        .runs(id, &RunQuery::page(Position::Number(3), 2))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((third.rows.len(), third.rows[0].due, third.next), (1, T0, None));
    for none in [0, 4] {
        assert_eq!(
            store
                .runs(id, &RunQuery::page(Position::Number(none), 2))
                .await
                .unwrap(),
            None
        );
    }
    let nothing = store
        .runs(id + 1, &RunQuery::page(Position::Number(1), 2))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((nothing.total, nothing.rows.len()), (0, 0));
    assert_eq!(store.history(None, 3).await.unwrap().len(), 3);
}

pub async fn a_file_is_kept_until_its_run_ends(store: &dyn Storage) {
    let folder = tempfile::tempdir().unwrap();
    let (made, read) = (folder.path().join("made"), folder.path().join("read"));
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    assert_eq!(store.read_file(run, &read).await.unwrap(), None);
    let on_disk = || SpooledData::OnDisk(std::fs::File::open(&made).unwrap());
    // The second is smaller, and takes the place of the first.
    for size in [0, 256 * 1024 * 2 + 1, 256 * 1024] {
        let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
        std::fs::write(&made, &bytes).unwrap();
        let facts = FileFacts {
            name: "orders.xlsx".to_owned(),
            content_type: "application/octet-stream".to_owned(),
            size: size as u64,
            rows: Some(3),
            events: None,
        };
        for made in [&on_disk(), &in_memory(&bytes)] {
            store.keep_file(&leased.lease, run, &facts, made).await.unwrap();
            assert_eq!(store.read_file(run, &read).await.unwrap(), Some(facts.clone()));
            assert!(std::fs::read(&read).unwrap() == bytes, "{size} bytes come back");
        }

        let wrong = FileFacts {
            size: facts.size + 1,
            ..facts.clone()
        };
        let refused = store.keep_file(&leased.lease, run, &wrong, &on_disk()).await;
        assert!(matches!(refused, Err(LeaseError::Storage(_))), "{refused:?}");
        assert_eq!(store.read_file(run, &read).await.unwrap(), Some(facts));
    }
    store
        .finish(&leased.lease, run, &finish(failed("too-large")))
        .await
        .unwrap();
    assert_eq!(store.read_file(run, &read).await.unwrap(), None);
    let entry = &entries(store, id).await[0];
    assert_eq!((entry.bytes, entry.rows), (Some(256 * 1024), Some(3)));
    let facts = FileFacts {
        name: "late".to_owned(),
        content_type: "text/plain".to_owned(),
        size: 256 * 1024,
        rows: None,
        events: None,
    };
    let lost = store.keep_file(&leased.lease, run, &facts, &on_disk()).await;
    assert!(matches!(lost, Err(LeaseError::Lost)), "{lost:?}");
}

pub async fn a_plan_that_misses_a_due_time_twice_is_refused_with_the_latest_of_them(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0 + 5 * DAY).await;
    let range = |first: Instant, last: Instant, count| MissedRange {
        reason: MissedReason::Unavailable,
        first,
        last,
        count,
    };
    let plan = RunStart {
        due: T0 + 5 * DAY,
        missed: vec![range(T0, T0 + 2 * DAY, 3), range(T0 + DAY, T0 + 4 * DAY, 4)],
        next_run: None,
    };
    let refused = store.start(&leased.lease, &plan, ZONES, ZONE, plan.due).await;
    assert!(
        matches!(refused, Err(StartError::Recorded(latest)) if latest == T0 + 2 * DAY),
        "{refused:?}"
    );
    assert_eq!(entries(store, id).await, []);
}
