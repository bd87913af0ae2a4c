//! Runs that people ask for, beside those that are due.

use super::people::query;
use super::{
    HOUR, LEASE, T0, ZONE, ZONES, accepted, acme, add, add_due, all, change, commit, content, deliver, entries, failed,
    finish, mail, plan, settle_one, start, stored, take, take_deliveries, take_one,
};
use crate::contract::{Content, Outcome, Position, Recipients, RunKind, RunQuery, ScheduleState, SortKey};
use crate::usage::{AskedOf, UsageLimit, WriteLimits};
use crate::{
    Asked, Change, Commit, CommitError, Finish, LeaseError, Leased, ListFilter, ListQuery, MailKind, RequestedRun,
    Requester, Scope, Storage, Visible,
};

const DAY: i64 = 24 * HOUR;
const CHANGED: &str = "the scheduled export was changed";
const DELETED: &str = "the scheduled export was deleted";

/// A run that user 2 asks for, not committed yet.
async fn asked(store: &dyn Storage, schedule: Option<u64>, kind: RunKind, due: i64) -> RequestedRun {
    RequestedRun {
        id: store.reserve_id().await.unwrap(),
        run: store.reserve_run().await.unwrap(),
        schedule,
        kind,
        due,
        content: None,
        by: Some(Requester {
            id: "2".to_owned(),
            address: "bob@example.org".to_owned(),
        }),
    }
}

async fn commit_run(
    store: &dyn Storage,
    run: RequestedRun,
    now: i64,
    limits: &WriteLimits,
) -> Result<u64, CommitError> {
    let id = run.run;
    let commit = Commit {
        now,
        limits: Some(limits.clone()),
        ..commit(all(acme()), vec![Change::RequestRun(Box::new(run))])
    };
    store.commit(commit).await.map(|()| id)
}

/// A run that user 2 asks for at `now`.
async fn ask(store: &dyn Storage, schedule: u64, kind: RunKind, due: i64, now: i64) -> Result<u64, CommitError> {
    let run = asked(store, Some(schedule), kind, due).await;
    commit_run(store, run, now, &WriteLimits::default()).await
}

/// Starts one that was asked for: it leaves the plan alone.
async fn start_asked(store: &dyn Storage, leased: &Leased, now: i64) -> u64 {
    let due = leased.due.or(leased.row.content.next_run).expect("a due time");
    let plan = plan(due, None);
    store.start(&leased.lease, &plan, ZONES, ZONE, now).await.unwrap()
}

fn refused(result: Result<u64, CommitError>) -> (UsageLimit, u32) {
    match result {
        Err(CommitError::Exceeded(exceeded)) => (exceeded.limit, exceeded.retry_after),
        other => panic!("not refused for a limit: {other:?}"),
    }
}

pub async fn a_run_that_was_asked_for_is_in_progress_from_the_commit_on_and_leaves_its_schedule_as_it_is(
    store: &dyn Storage,
) {
    store.set_enabled("acme", true, "user:1", T0 - HOUR).await.unwrap();
    let id = add(store, acme(), content(T0 + DAY)).await;
    let before = stored(store, id).await;
    let run = ask(store, id, RunKind::Now, T0 + 1, T0 + 1).await.unwrap();
    let entry = entries(store, id).await.remove(0);
    assert_eq!((entry.id, entry.kind, entry.due), (run, RunKind::Now, T0 + 1));
    assert_eq!(entry.requested_by.as_deref(), Some("bob@example.org"));
    assert_eq!((entry.started, entry.outcome, entry.attempts), (None, None, 0));
    assert_eq!(store.next_wake().await.unwrap(), Some(T0 + 1));

    let leased = take_one(store, T0 + 2).await;
    assert_ne!(leased.row.id, id);
    assert_eq!(
        (leased.schedule(), leased.lease.kind, leased.lease.run),
        (id, RunKind::Now, None)
    );
    let by = Some("2".to_owned());
    assert_eq!(leased.asked, Some(Asked { schedule: Some(id), by }));
    assert_eq!((leased.due, leased.attempt), (None, 1));
    assert_eq!((&leased.row.owner, leased.row.version), (&before.owner, before.version));
    let expected = Content {
        next_run: Some(T0 + 1),
        ..before.content.clone()
    };
    assert_eq!(leased.row.content, expected);
    assert_eq!(start_asked(store, &leased, T0 + 3).await, run);
    let submitted = Finish {
        error_counter: 4,
        active: false,
        mail: Some(mail(MailKind::Export, &["ann@example.org"])),
        ..finish(Outcome::Submitted)
    };
    store.finish(&leased.lease, run, &submitted).await.unwrap();
    deliver(store, T0 + 6, &accepted()).await;
    let settled = settle_one(store, T0 + 7).await;
    assert_eq!((settled.schedule(), settled.lease.kind), (id, RunKind::Now));
    assert_eq!((settled.lease.run, settled.due), (Some(run), Some(T0 + 1)));
    store
        .finish(&settled.lease, run, &finish(Outcome::Delivered))
        .await
        .unwrap();
    let entry = entries(store, id).await.remove(0);
    assert_eq!((entry.started, entry.attempts), (Some(T0 + 3), 1));
    assert_eq!((entry.outcome, entry.deliveries.len()), (Some(Outcome::Delivered), 1));
    assert_eq!(stored(store, id).await, before);
    let told: Vec<(Option<u64>, String)> = (store.audit("acme", 3).await.unwrap().into_iter())
        .map(|entry| (entry.schedule, entry.action))
        .collect();
    let told: Vec<(Option<u64>, &str)> = told.iter().map(|(id, action)| (*id, action.as_str())).collect();
    assert_eq!(
        told,
        [(Some(id), "run"), (Some(id), "run"), (Some(id), "run-requested")]
    );
    // What it was made of is gone, and the history stays.
    store.collect(T0 + 8).await.unwrap();
    assert_eq!(store.get(&all(acme()), leased.row.id).await.unwrap(), None);
    assert_eq!(entries(store, id).await.len(), 1);
    assert_eq!(store.next_wake().await.unwrap(), Some(T0 + DAY));
}

pub async fn nobody_sees_what_a_run_was_made_of(store: &dyn Storage) {
    store.set_enabled("acme", true, "user:1", T0 - HOUR).await.unwrap();
    let id = add(store, acme(), content(None)).await;
    let run = asked(store, Some(id), RunKind::Now, T0).await;
    let made_of = run.id;
    commit_run(store, run, T0, &WriteLimits::default()).await.unwrap();
    let own = Visible {
        scope: acme(),
        only_owner: Some("1".to_owned()),
    };
    for seen in [all(acme()), own] {
        assert_eq!(store.get(&seen, made_of).await.unwrap(), None);
        for order in [SortKey::Id, SortKey::ExportIdentifier, SortKey::NextRun] {
            for descending in [false, true] {
                let healthy = ListFilter {
                    failing: Some(false),
                    ..ListFilter::default()
                };
                for filter in [ListFilter::default(), healthy] {
                    let query = ListQuery {
                        filter,
                        ..query(order, descending, Position::Number(1), 50)
                    };
                    let page = store.list(&seen, &query).await.unwrap().expect("page one exists");
                    let ids: Vec<u64> = page.rows.iter().map(|row| row.id).collect();
                    assert_eq!((page.total, &ids[..]), (1, &[id][..]));
                }
            }
        }
    }
    assert_eq!(store.count("acme").await.unwrap(), 1);
    assert_eq!(store.scopes("acme").await.unwrap(), [(None, 1)]);
    store.request_replan(&acme()).await.unwrap();
    let to_plan = store.replan_batch(10, "9999z").await.unwrap();
    assert_eq!(to_plan.iter().map(|row| row.id).collect::<Vec<_>>(), [id]);
    for what in [
        Change::Delete {
            id: made_of,
            version: None,
        },
        Change::Update {
            id: made_of,
            version: 1,
            content: content(None),
            missed: Vec::new(),
        },
    ] {
        let refused = store.commit(commit(all(acme()), vec![what])).await;
        assert!(matches!(refused, Err(CommitError::NotFound)), "{refused:?}");
    }
    let again = ask(store, made_of, RunKind::Now, T0, T0).await;
    assert!(matches!(again, Err(CommitError::NotFound)), "{again:?}");
    let due = store.backlog(T0).await.unwrap().due;
    assert_eq!(due, 1, "it is due all the same");
}

pub async fn a_rerun_has_the_due_time_once_more_and_a_key_of_its_own(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let first = start(store, &leased).await;
    store
        .finish(&leased.lease, first, &finish(Outcome::Empty))
        .await
        .unwrap();
    let run = ask(store, id, RunKind::Rerun, T0, T0 + HOUR).await.unwrap();
    assert!(run > first);
    // It waits since it was asked for, and not since its due time.
    assert_eq!(store.backlog(T0 + HOUR).await.unwrap().oldest_due, Some(T0 + HOUR));
    let again = take_one(store, T0 + HOUR).await;
    assert_eq!(again.row.content.next_run, Some(T0));
    assert_eq!(start_asked(store, &again, T0 + HOUR).await, run);
    store.finish(&again.lease, run, &finish(failed("late"))).await.unwrap();
    let history = entries(store, id).await;
    let shown: Vec<_> = history.iter().map(|entry| (entry.id, entry.kind, entry.due)).collect();
    assert_eq!(shown, [(run, RunKind::Rerun, T0), (first, RunKind::Scheduled, T0)]);
    let latest = store.latest_runs(&[id]).await.unwrap();
    assert_eq!(
        latest[0].as_ref().map(|entry| entry.id),
        Some(first),
        "the latest that was due"
    );
    // Neither the counter nor the plan has moved, nor what counts as recorded.
    let content = stored(store, id).await.content;
    assert_eq!((content.error_counter, content.next_run), (0, Some(T0 + DAY)));
    assert!(content.is_active());
    let operators: Vec<_> = (store.history(Some(id), 10).await.unwrap().into_iter())
        .map(|row| (row.schedule, row.entry.id))
        .collect();
    assert_eq!(operators, [(id, run), (id, first)]);
    assert_eq!(store.history(None, 10).await.unwrap()[0].schedule, id);
}

pub async fn pages_of_the_history_have_each_run_once_where_they_share_a_due_time(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let mut runs = vec![start(store, &leased).await];
    store
        .finish(&leased.lease, runs[0], &finish(Outcome::Empty))
        .await
        .unwrap();
    for nth in 0..4 {
        let now = T0 + HOUR + nth;
        runs.push(ask(store, id, RunKind::Rerun, T0, now).await.unwrap());
        let leased = take_one(store, now).await;
        let run = start_asked(store, &leased, now).await;
        store.finish(&leased.lease, run, &finish(Outcome::Empty)).await.unwrap();
    }
    runs.reverse();
    let (mut at, mut seen) = (Position::Number(1), Vec::new());
    loop {
        let page = store.runs(id, &RunQuery::page(at, 2)).await.unwrap().expect("a page");
        assert_eq!(page.total, 5);
        seen.extend(page.rows.iter().map(|entry| entry.id));
        match page.next {
            Some(next) => at = Position::After(next),
            None => break,
        }
    }
    assert_eq!(seen, runs);
    let second = store
        .runs(id, &RunQuery::page(Position::Number(2), 2))
        .await
        .unwrap()
        .expect("a page");
    assert_eq!(second.rows.iter().map(|entry| entry.id).collect::<Vec<_>>(), runs[2..4]);
}

pub async fn a_test_is_of_who_asks_for_it_and_goes_to_nobody_else(store: &dyn Storage) {
    store.set_enabled("acme", true, "user:1", T0 - HOUR).await.unwrap();
    let id = add(store, acme(), content(T0 + DAY)).await;
    ask(store, id, RunKind::Test, T0, T0).await.unwrap();
    let not_stored = Content {
        export_identifier: "attendees".to_owned(),
        state: ScheduleState::Paused(None),
        ..content(T0 + 7 * DAY)
    };
    let run = RequestedRun {
        content: Some(not_stored),
        ..asked(store, None, RunKind::Test, T0).await
    };
    commit_run(store, run, T0, &WriteLimits::default()).await.unwrap();
    let leased = take(store, T0).await;
    assert_eq!(leased.len(), 2);
    for leased in &leased {
        assert_eq!((leased.lease.kind, leased.row.owner.as_str()), (RunKind::Test, "2"));
        let content = &leased.row.content;
        let nobody = Recipients {
            to: Vec::new(),
            cc: Vec::new(),
            bcc: Vec::new(),
        };
        assert_eq!((&content.recipients, content.state), (&nobody, ScheduleState::Active));
        assert_eq!(content.next_run, Some(T0));
    }
    let of_none = leased
        .iter()
        .find(|leased| leased.asked.as_ref().is_some_and(|asked| asked.schedule.is_none()));
    let of_none = of_none.expect("that of the content");
    assert_eq!((of_none.schedule(), of_none.row.version), (of_none.row.id, 1));
    assert_eq!(of_none.row.content.export_identifier, "attendees");
    assert_eq!(entries(store, id).await.len(), 1);
    assert_eq!(store.count("acme").await.unwrap(), 1);
}

pub async fn a_run_that_was_asked_for_is_retried_and_taken_over_as_any_other(store: &dyn Storage) {
    store.set_enabled("acme", true, "user:1", T0 - HOUR).await.unwrap();
    let id = add(store, acme(), content(T0 + DAY)).await;
    let run = ask(store, id, RunKind::Now, T0, T0).await.unwrap();
    let lost = take_one(store, T0).await;
    store.hand_back(&lost.lease, T0).await.unwrap();
    let lost = take_one(store, T0).await;
    assert_eq!((lost.attempt, lost.due), (1, None));
    let started = start_asked(store, &lost, T0).await;
    assert_eq!(started, run);
    // The host dies.
    let late = T0 + LEASE;
    let taken = take_one(store, late).await;
    assert_eq!((taken.attempt, taken.due, taken.lease.run), (2, Some(T0), Some(run)));
    assert_eq!(
        (taken.started_version, taken.started_zone.as_deref()),
        (Some(1), Some(ZONE))
    );
    assert_eq!(taken.row.content.next_run, None);
    assert!(matches!(
        store.finish(&lost.lease, run, &finish(Outcome::Empty)).await,
        Err(LeaseError::Lost)
    ));
    assert_eq!(start_asked(store, &taken, late).await, run);
    let again = finish(Outcome::Retry(late + 120));
    store.finish(&taken.lease, run, &again).await.unwrap();
    assert_eq!(take(store, late + 119).await, []);
    let taken = take_one(store, late + 120).await;
    store.finish(&taken.lease, run, &finish(failed("again"))).await.unwrap();
    let entry = entries(store, id).await.remove(0);
    assert_eq!((entry.started, entry.attempts), (Some(T0), 3));
    assert_eq!(entry.outcome, Some(failed("again")));
    assert_eq!(take(store, T0 + DAY - 1).await, []);
}

pub async fn one_that_was_not_started_ends_as_it_should_and_not_by_a_finish(store: &dyn Storage) {
    store.set_enabled("acme", true, "user:1", T0 - HOUR).await.unwrap();
    let id = add(store, acme(), content(T0 + DAY)).await;
    let run = ask(store, id, RunKind::Now, T0, T0).await.unwrap();
    store.set_enabled("acme", false, "user:1", T0 + 1).await.unwrap();
    let entry = entries(store, id).await.remove(0);
    assert_eq!((entry.id, entry.started, entry.ended), (run, None, Some(T0 + 1)));
    assert!(matches!(entry.outcome, Some(Outcome::Cancelled(_))));
    let off = ask(store, id, RunKind::Now, T0, T0).await;
    assert!(matches!(off, Err(CommitError::NotFound)), "{off:?}");
    store.set_enabled("acme", true, "user:1", T0 + 2).await.unwrap();
    let to_plan = store.replan_batch(10, ZONES).await.unwrap();
    assert_eq!(to_plan.iter().map(|row| row.id).collect::<Vec<_>>(), [id]);
    assert_eq!(take(store, T0 + 10).await, []);
}

pub async fn a_change_or_deletion_ends_what_was_asked_for_and_has_not_submitted(store: &dyn Storage) {
    store.set_enabled("acme", true, "user:1", T0 - HOUR).await.unwrap();
    let id = add(store, acme(), content(T0 + DAY)).await;
    // One whose mail is in the outbox stays as it is.
    let submitted = ask(store, id, RunKind::Now, T0, T0).await.unwrap();
    let leased = take_one(store, T0).await;
    start_asked(store, &leased, T0).await;
    let mailed = Finish {
        mail: Some(mail(MailKind::Export, &["ann@example.org"])),
        ..finish(Outcome::Submitted)
    };
    store.finish(&leased.lease, submitted, &mailed).await.unwrap();

    let waits = ask(store, id, RunKind::Now, T0 + 6, T0 + 6).await.unwrap();
    change(store, id, content(T0 + DAY), T0 + 7).await.unwrap();
    let outcomes = |entries: Vec<crate::contract::RunEntry>| -> Vec<(u64, Option<Outcome>)> {
        entries.into_iter().map(|entry| (entry.id, entry.outcome)).collect()
    };
    let cancelled = |words: &str| Some(Outcome::Cancelled(words.to_owned()));
    let of_a_change = [(waits, cancelled(CHANGED)), (submitted, Some(Outcome::Submitted))];
    assert_eq!(outcomes(entries(store, id).await), of_a_change);

    let runs = ask(store, id, RunKind::Now, T0 + 8, T0 + 8).await.unwrap();
    let leased = take_one(store, T0 + 8).await;
    start_asked(store, &leased, T0 + 8).await;
    let version = stored(store, id).await.version;
    let taken_over = Change::TakeOver {
        id,
        version,
        owner: "3".to_owned(),
        former: "1".to_owned(),
        content: content(T0 + DAY),
        missed: Vec::new(),
    };
    store.commit(commit(all(acme()), vec![taken_over])).await.unwrap();
    assert_eq!(outcomes(entries(store, id).await)[0], (runs, cancelled(CHANGED)));
    assert!(matches!(
        store.finish(&leased.lease, runs, &finish(Outcome::Empty)).await,
        Err(LeaseError::Lost)
    ));
    assert!(matches!(
        store.renew(&leased.lease, T0 + HOUR).await,
        Err(LeaseError::Lost)
    ));

    let last = ask(store, id, RunKind::Now, T0 + 9, T0 + 9).await.unwrap();
    super::delete(store, id).await;
    let after = outcomes(entries(store, id).await);
    assert_eq!(after[0], (last, cancelled(DELETED)));
    assert_eq!(after.last(), Some(&(submitted, cancelled(DELETED))));
    assert_eq!(take_deliveries(store, T0 + DAY).await, []);
    assert_eq!(take(store, T0 + DAY).await, []);
    assert_eq!(store.next_wake().await.unwrap(), None);
}

pub async fn of_an_event_that_is_gone_nothing_runs_that_was_asked_for(store: &dyn Storage) {
    let event = Scope {
        organizer: "acme".to_owned(),
        event: Some("e1".to_owned()),
    };
    store.set_enabled("acme", true, "user:1", T0 - HOUR).await.unwrap();
    let id = add(store, event.clone(), content(T0 + DAY)).await;
    let of_event = |run: RequestedRun| commit(all(event.clone()), vec![Change::RequestRun(Box::new(run))]);
    let run = asked(store, Some(id), RunKind::Now, T0).await;
    store.commit(of_event(run)).await.unwrap();
    store.retire(&event, T0 + 1).await.unwrap();
    let entry = entries(store, id).await.remove(0);
    assert!(matches!(entry.outcome, Some(Outcome::Cancelled(_))), "{entry:?}");
    assert_eq!(take(store, T0 + 10).await, []);
    let run = asked(store, Some(id), RunKind::Now, T0).await;
    let refused = store.commit(of_event(run)).await;
    assert!(matches!(refused, Err(CommitError::NotFound)), "{refused:?}");
}

pub async fn so_many_runs_are_asked_for_in_an_hour_and_not_one_more(store: &dyn Storage) {
    store.set_enabled("acme", true, "user:1", T0 - HOUR).await.unwrap();
    let id = add(store, acme(), content(T0 + 30 * DAY)).await;
    let other = add(store, acme(), content(T0 + 30 * DAY)).await;
    let limits = WriteLimits {
        manual_runs_per_schedule: Some(2),
        manual_runs_per_organizer: Some(3),
        ..WriteLimits::default()
    };
    let ask = async |schedule: u64, now: i64| {
        let run = asked(store, Some(schedule), RunKind::Now, now).await;
        let asked = commit_run(store, run, now, &limits).await;
        // Over at once, so that the next can follow.
        for leased in take(store, now).await {
            let run = start_asked(store, &leased, now).await;
            let over = Finish {
                now,
                ..finish(Outcome::Empty)
            };
            store.finish(&leased.lease, run, &over).await.unwrap();
        }
        asked
    };
    ask(id, T0).await.unwrap();
    ask(id, T0 + 10).await.unwrap();
    let full = (UsageLimit::ManualRunsPerSchedule(2), 3580);
    assert_eq!(refused(ask(id, T0 + 20).await), full);
    let of = AskedOf {
        organizer: "acme",
        schedule: Some(id),
        by: Some("2"),
    };
    let told = store
        .refuses_run(of, &limits, T0 + 20)
        .await
        .unwrap()
        .expect("it refuses");
    assert_eq!((told.limit, told.retry_after), full);
    ask(other, T0 + 30).await.unwrap();
    let full = UsageLimit::ManualRunsPerOrganizer(3);
    assert_eq!(refused(ask(other, T0 + 40).await), (full, 3560));
    // What was refused is in no history, and an hour later there is room.
    assert_eq!(entries(store, id).await.len(), 2);
    assert_eq!(refused(ask(id, T0 + HOUR - 1).await).1, 1);
    ask(id, T0 + HOUR).await.unwrap();
    assert_eq!(entries(store, id).await.len(), 3);
}

pub async fn one_run_is_to_be_over_before_the_next_is_asked_for(store: &dyn Storage) {
    store.set_enabled("acme", true, "user:1", T0 - HOUR).await.unwrap();
    let id = add(store, acme(), content(T0 + DAY)).await;
    ask(store, id, RunKind::Now, T0, T0).await.unwrap();
    let refused_one = refused(ask(store, id, RunKind::Test, T0 + 1, T0 + 1).await);
    assert_eq!(refused_one, (UsageLimit::ManualRunUnderWay, 10));
    let leased = take_one(store, T0 + 1).await;
    let run = start_asked(store, &leased, T0 + 1).await;
    let later = finish(Outcome::Retry(T0 + 500));
    store.finish(&leased.lease, run, &later).await.unwrap();
    let refused_one = refused(ask(store, id, RunKind::Now, T0 + 100, T0 + 100).await);
    assert_eq!(refused_one, (UsageLimit::ManualRunUnderWay, 400));
    // Of contents that are not stored a user has one, and others have theirs.
    let test = async |by: &str| {
        let run = RequestedRun {
            content: Some(content(None)),
            by: Some(Requester {
                id: by.to_owned(),
                address: "a@example.org".to_owned(),
            }),
            ..asked(store, None, RunKind::Test, T0).await
        };
        commit_run(store, run, T0, &WriteLimits::default()).await
    };
    test("2").await.unwrap();
    assert_eq!(refused(test("2").await).0, UsageLimit::ManualRunUnderWay);
    test("3").await.unwrap();
}

pub async fn a_run_of_what_is_out_of_sight_is_not_found(store: &dyn Storage) {
    store.set_enabled("acme", true, "user:1", T0 - HOUR).await.unwrap();
    let id = add(store, acme(), content(None)).await;
    let elsewhere = Scope {
        organizer: "acme".to_owned(),
        event: Some("e1".to_owned()),
    };
    let others = Visible {
        scope: acme(),
        only_owner: Some("2".to_owned()),
    };
    for by in [all(elsewhere), others] {
        let run = asked(store, Some(id), RunKind::Now, T0).await;
        let refused = store.commit(commit(by, vec![Change::RequestRun(Box::new(run))])).await;
        assert!(matches!(refused, Err(CommitError::NotFound)), "{refused:?}");
    }
    let nobodys = ask(store, id + 100, RunKind::Now, T0, T0).await;
    assert!(matches!(nobodys, Err(CommitError::NotFound)), "{nobodys:?}");
    assert_eq!(take(store, T0).await, []);
}

pub async fn no_id_of_a_run_is_given_twice(store: &dyn Storage) {
    let id = add_due(store).await;
    let mut ids = vec![store.reserve_run().await.unwrap(), store.reserve_run().await.unwrap()];
    let leased = take_one(store, T0).await;
    ids.push(start(store, &leased).await);
    store
        .finish(&leased.lease, ids[2], &finish(Outcome::Empty))
        .await
        .unwrap();
    ids.push(ask(store, id, RunKind::Now, T0, T0 + 6).await.unwrap());
    ids.push(store.reserve_run().await.unwrap());
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    // Nor where those that had the latest are forgotten.
    let leased = take_one(store, T0 + 6).await;
    start_asked(store, &leased, T0 + 6).await;
    let over = finish(Outcome::Empty);
    store.finish(&leased.lease, ids[3], &over).await.unwrap();
    let kept = crate::Kept {
        history: T0 + HOUR,
        audit: T0,
    };
    assert!(store.forget(kept, 10).await.unwrap() >= 2);
    assert_eq!(entries(store, id).await, []);
    let next = ask(store, id, RunKind::Now, T0 + 2 * HOUR, T0 + 2 * HOUR)
        .await
        .unwrap();
    assert!(next > ids[4], "{next} after {ids:?}");
}
