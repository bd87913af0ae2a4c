//! Many hosts on one database, and organizers that share it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use scheduled_exports_test_servers::PostgresServer;

use super::{connect, few, open, organizer, row, seed};
use crate::clock::{Clock as _, SystemClock};
use crate::contract::schedule_store::RunStart;
use crate::contract::{DeliveryStatus, Outcome};
use crate::kit::{T0, ZONES, batches_of_two_hosts_are_full};
use crate::migrations::{Migration, Migrations};
use crate::port::*;
use crate::postgres::{PostgresOptions, PostgresStorage};
use crate::usage::UsageLimits;
use crate::{Change, Commit, CommitError, DeliveryResult, Finish, Leased, MailKind, NewMail, StorageError, Visible};

fn slugs(leased: &[Leased]) -> BTreeSet<&str> {
    leased.iter().map(|one| one.row.scope.organizer.as_str()).collect()
}

/// Puts in `count` schedules of an organizer, the first due at `due` and each `apart` seconds after the one before.
async fn put_in(store: &PostgresStorage, organizer: &str, ids_from: u64, count: u64, due: i64, apart: i64) {
    store.set_enabled(organizer, true, "host", T0).await.unwrap();
    store.pool().execute(
        "insert into schedule (id, organizer, event, owner, version, exporter, recipients, next_run, active, error_counter,
           document, zone_database, created_at, changed_at)
         select $1 + nth, $2, '', '1', 1, 'orderlist', '{\"to\":[],\"cc\":[],\"bcc\":[]}', $4 + nth * $5, true, 0, '{}', $6,
           0, 0
         from generate_series(0, $3 - 1) nth",
        &[&i64::try_from(ids_from).unwrap(), &organizer, &i64::try_from(count).unwrap(), &due, &apart, &ZONES],
    )
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hosts_on_one_database_lease_each_schedule_once() {
    let Some((one, url)) = open().await else {
        return;
    };
    let other = connect(&url).await;
    seed(&one, 60).await;
    let mut ids = Vec::new();
    while ids.len() < 60 {
        let (by_one, by_other) = tokio::join!(one.take_due(T0, T0 + 60, 3, None), other.take_due(T0, T0 + 60, 3, None));
        let (by_one, by_other) = (by_one.unwrap(), by_other.unwrap());
        assert!(by_one.len() + by_other.len() > 0, "what is due is found");
        ids.extend([by_one, by_other].concat().iter().map(|leased| leased.row.id));
    }
    ids.sort_unstable();
    assert_eq!(ids, (1..=60).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_another_host_has_taken_is_passed_over_and_a_batch_is_full() {
    let Some((one, url)) = open().await else {
        return;
    };
    let other = connect(&url).await;
    seed(&one, 30).await;
    batches_of_two_hosts_are_full(&one, &other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hosts_on_one_database_never_give_the_same_id() {
    let Some((one, url)) = open().await else {
        return;
    };
    let other = connect(&url).await;
    let some_of = async |store: &PostgresStorage| {
        let mut ids = Vec::new();
        for _ in 0..100 {
            ids.push(store.reserve_id().await.unwrap());
        }
        ids
    };
    let (a, b, c) = tokio::join!(some_of(&one), some_of(&one), some_of(&other));
    let ids: BTreeSet<u64> = [a, b, c].concat().into_iter().collect();
    assert_eq!(ids.len(), 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hosts_that_start_at_once_make_the_tables_once() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    for _ in 0..3 {
        let url = server.new_database();
        let stores = futures_util::future::join_all((0..6).map(|_| {
            let url = url.clone();
            tokio::spawn(async move { PostgresStorage::connect_with(&url, &few()).await })
        }))
        .await;
        for store in stores {
            store.unwrap().unwrap().ping().await.unwrap();
        }
    }
}

#[tokio::test]
async fn another_module_keeps_its_tables_in_the_same_database() {
    let Some((store, url)) = open().await else {
        return;
    };
    let other = Migrations {
        table: "other_migrations",
        all: &[Migration {
            version: 7,
            description: "other",
            sql: "create table other_order (id bigint primary key)",
        }],
    };
    for _ in 0..2 {
        store.migrate(&other).await.unwrap();
    }
    let again = connect(&url).await;
    again.pool().run("select id from other_order").await.unwrap();
}

#[tokio::test]
async fn a_database_of_a_later_version_is_refused_in_words() {
    let Some((store, url)) = open().await else {
        return;
    };
    store
        .pool()
        .execute(
            "update _sqlx_migrations set version = 9999 where version = (select max(version) from _sqlx_migrations)",
            &[],
        )
        .await
        .unwrap();
    let refused = PostgresStorage::connect(&url).await.unwrap_err();
    assert!(matches!(refused, StorageError::Corrupt(_)), "{refused}");
    assert!(
        refused.to_string().contains("schema version 9999 is newer"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_single_schedule_is_in_the_first_batch_however_much_another_organizer_has_due() {
    let Some((store, _url)) = open().await else {
        return;
    };
    // More at one time than is known row by row; few enough for that; and more times than are gone through one by one.
    for (round, (count, apart)) in [(5_000, 0), (300, 1), (5_000, 1)].into_iter().enumerate() {
        let round = i64::try_from(round).unwrap();
        let (many, single) = (format!("many-{round}"), format!("single-{round}"));
        let from = 100_000 * u64::try_from(round + 1).unwrap();
        put_in(&store, &many, from, count, T0 - 10_000, apart).await;
        put_in(&store, &single, from + 50_000, 1, T0, 0).await;
        let first = store.take_due(T0, T0 + 60, 10, None).await.unwrap();
        assert_eq!(first.len(), 10);
        assert!(slugs(&first).contains(single.as_str()), "{round}: {:?}", slugs(&first));
        for slug in [many, single] {
            store.set_enabled(&slug, false, "host", T0).await.unwrap();
        }
    }
}

/// A mail to so many.
pub(super) fn export(recipients: usize, attach_file: bool) -> NewMail {
    NewMail {
        kind: MailKind::Export,
        message_id: "export@host.example".to_owned(),
        from: "exports@host.example".to_owned(),
        from_name: None,
        reply_to: None,
        to: (0..recipients).map(|nth| format!("ann+{nth}@example.org")).collect(),
        cc: Vec::new(),
        bcc: Vec::new(),
        subject: "Orders".to_owned(),
        text: "None attached.".to_owned(),
        attach_file,
    }
}

/// Switches `acme` on, runs its schedule 1 and submits its mail to so many recipients.
async fn submit(store: &PostgresStorage, recipients: usize) -> u64 {
    seed(store, 1).await;
    let leased = store.take_due(T0, T0 + 60, 1, None).await.unwrap().remove(0);
    let plan = RunStart {
        due: T0,
        missed: Vec::new(),
        next_run: Some(T0 + 86_400),
    };
    let run = store.start(&leased.lease, &plan, ZONES, "UTC", T0).await.unwrap();
    let submitted = Finish {
        outcome: Outcome::Submitted,
        error_counter: 0,
        active: true,
        mail: Some(export(recipients, false)),
        now: T0,
        mail_limits: None,
    };
    store.finish(&leased.lease, run, &submitted).await.unwrap();
    run
}

fn accepted() -> DeliveryResult {
    DeliveryResult {
        status: DeliveryStatus::Accepted,
        words: "250 ok".to_owned(),
        next_try: None,
        counts: true,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn recipients_that_become_final_at_once_have_their_run_settled() {
    for _ in 0..5 {
        let Some((store, url)) = open().await else {
            return;
        };
        let other = connect(&url).await;
        let run = submit(&store, 8).await;
        let tasks = store.take_deliveries(T0, T0 + 60, 10, None).await.unwrap();
        let said = accepted();
        let both = [&store, &other].into_iter().cycle();
        let results = tasks
            .iter()
            .zip(both)
            .map(|(task, store)| store.record_delivery(task, &said, T0 + 1));
        for result in futures_util::future::join_all(results).await {
            result.unwrap();
        }
        let settle = store.take_settled(T0 + 1, T0 + 61, 10).await.unwrap();
        assert_eq!(settle.iter().map(|one| one.lease.run).collect::<Vec<_>>(), [Some(run)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_schedule_deleted_while_its_last_recipient_becomes_final_ends_its_run() {
    for _ in 0..10 {
        let Some((store, url)) = open().await else {
            return;
        };
        let other = connect(&url).await;
        submit(&store, 1).await;
        let task = store.take_deliveries(T0, T0 + 60, 1, None).await.unwrap().remove(0);
        let delete = Commit {
            by: Visible {
                scope: organizer("acme"),
                only_owner: None,
            },
            actor: "user:1".to_owned(),
            now: T0 + 1,
            zone_database: ZONES.to_owned(),
            quota: None,
            changes: vec![Change::Delete { id: 1, version: None }],
            details: Default::default(),
            completion: None,
            limits: None,
        };
        let said = accepted();
        let (deleted, recorded) = tokio::join!(store.commit(delete), other.record_delivery(&task, &said, T0 + 1));
        deleted.unwrap();
        recorded.unwrap();
        let entry = store.history(Some(1), 1).await.unwrap().remove(0).entry;
        assert_eq!(entry.outcome, Some(Outcome::Delivered));
        assert_eq!(store.next_wake().await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_quota_holds_for_those_who_create_at_once() {
    let Some((store, url)) = open().await else {
        return;
    };
    let other = connect(&url).await;
    let create = async |store: &PostgresStorage| {
        let id = store.reserve_id().await.unwrap();
        let insert = Change::Insert {
            id,
            owner: "1".to_owned(),
            content: row(id, "acme", T0).content,
        };
        let commit = Commit {
            by: Visible {
                scope: organizer("acme"),
                only_owner: None,
            },
            actor: "user:1".to_owned(),
            now: T0,
            zone_database: ZONES.to_owned(),
            quota: Some(5),
            changes: vec![insert],
            details: Default::default(),
            completion: None,
            limits: None,
        };
        store.commit(commit).await
    };
    let answers = futures_util::future::join_all([&store, &other].into_iter().cycle().take(12).map(create)).await;
    let refused = answers
        .iter()
        .filter(|answer| matches!(answer, Err(CommitError::Quota(5))))
        .count();
    assert_eq!((refused, store.count("acme").await.unwrap()), (7, 5), "{answers:?}");
    assert_eq!(store.organizers().await.unwrap(), [], "locked is not switched");
}

/// A change by whoever sees all of `acme`.
fn change(change: Change) -> Commit {
    Commit {
        by: Visible {
            scope: organizer("acme"),
            only_owner: None,
        },
        actor: "user:1".to_owned(),
        now: T0,
        zone_database: ZONES.to_owned(),
        quota: None,
        changes: vec![change],
        details: Default::default(),
        completion: None,
        limits: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_schedule_made_while_its_organizer_is_switched_off_is_asleep() {
    for nth in 0..10 {
        let Some((store, url)) = open().await else {
            return;
        };
        let other = connect(&url).await;
        seed(&store, 1).await;
        let (seeded, made) = (row(2, "acme", T0), row(3, "acme", T0));
        let insert = change(Change::Insert {
            id: made.id,
            owner: made.owner,
            content: made.content,
        });
        let (switched, put_in, created) = tokio::join!(
            store.set_enabled("acme", false, "user:1", T0),
            other.seed(&seeded, ZONES, T0),
            other.commit(insert)
        );
        switched.unwrap();
        put_in.unwrap();
        created.unwrap();
        assert_eq!(store.take_due(T0, T0 + 60, 10, None).await.unwrap(), [], "{nth}");
    }
}

/// How many connections to this database wait for notices, as the server says.
async fn listening(store: &PostgresStorage) -> i64 {
    let listening =
        "select count(*) from pg_stat_activity where datname = current_database() and query like 'LISTEN %'";
    store.pool().fetch_one(listening, &[]).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_changes_of_one_version_at_once_one_is_written_and_the_others_are_stale() {
    let Some((store, url)) = open().await else {
        return;
    };
    let other = connect(&url).await;
    seed(&store, 1).await;
    for version in 1..=10 {
        let update = || {
            change(Change::Update {
                id: 1,
                version,
                content: row(1, "acme", T0 + 60).content,
                missed: Vec::new(),
            })
        };
        let answers = [&store, &other].into_iter().cycle().take(6);
        let answers = futures_util::future::join_all(answers.map(|store| store.commit(update()))).await;
        let stale = answers
            .iter()
            .filter(|answer| matches!(answer, Err(CommitError::Stale)))
            .count();
        assert_eq!(stale, 5, "{answers:?}");
    }
    assert_eq!(
        store.audit("acme", 50).await.unwrap().len(),
        11,
        "its making and ten changes"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_host_hears_of_what_another_has_written() {
    let Some((deaf, url)) = open().await else {
        return;
    };
    let options = PostgresOptions { notify: true, ..few() };
    let one = PostgresStorage::connect_with(&url, &options).await.unwrap();
    let other = PostgresStorage::connect_with(&url, &options).await.unwrap();
    seed(&one, 1).await;
    let heard = tokio::time::timeout(Duration::from_secs(20), async {
        while listening(&one).await < 2 {}
        tokio::join!(other.changed(), async {
            for leased in one.take_due(T0, T0 + 60, 1, None).await.unwrap() {
                one.hand_back(&leased.lease, T0).await.unwrap();
            }
        })
    });
    heard.await.expect("a notice comes");
    let silent = tokio::time::timeout(Duration::from_millis(50), deaf.changed());
    assert!(silent.await.is_err(), "notices are off");
}

/// What a URL says of statements is meant for look-ups: an export of many rows has the run's deadline.
#[tokio::test]
async fn an_export_is_not_ended_by_the_time_that_a_statement_may_take() {
    let Some((_store, url)) = open().await else {
        return;
    };
    let url = format!(
        "{url}{}options=-c%20statement_timeout%3D7s",
        if url.contains('?') { '&' } else { '?' }
    );
    let store = connect(&url).await;
    let exports = store.for_exports(1, std::time::Duration::from_secs(10));
    for (pool, wanted) in [(store.pool(), "7s"), (&exports, "0")] {
        let most: String = pool.fetch_one("show statement_timeout", &[]).await.unwrap();
        assert_eq!(most, wanted);
    }
}

#[tokio::test]
async fn the_database_has_the_time() {
    let Some((store, _url)) = open().await else {
        return;
    };
    let clock = store.clock().await.unwrap();
    let apart = clock.now() - SystemClock.now();
    assert!(apart.abs() <= 1, "the same machine, and {apart} s apart");
}

#[tokio::test]
async fn words_with_a_nul_are_kept_without_it() {
    let Some((store, _url)) = open().await else {
        return;
    };
    submit(&store, 1).await;
    let task = store.take_deliveries(T0, T0 + 60, 1, None).await.unwrap().remove(0);
    let said = DeliveryResult {
        words: "250 o\0k".to_owned(),
        ..accepted()
    };
    store.record_delivery(&task, &said, T0 + 1).await.unwrap();
    let entry = store.history(Some(1), 1).await.unwrap().remove(0).entry;
    assert_eq!(entry.deliveries[0].response, "250 o\u{fffd}k");
    let nowhere = Visible {
        scope: organizer("ac\0me"),
        only_owner: None,
    };
    assert_eq!(store.get(&nowhere, 1).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_that_another_one_of_its_schedule_comes_before_is_not_counted() {
    let Some((store, _url)) = open().await else {
        return;
    };
    seed(&store, 1).await;
    let other = store.pool().begin().await.unwrap();
    let backend: i64 = other.fetch_one("select pg_backend_pid()::bigint", &[]).await.unwrap();
    other.run("update schedule set version = version + 1").await.unwrap();
    let row = row(1, "acme", T0);
    let change = Change::Update {
        id: 1,
        version: 1,
        content: row.content,
        missed: Vec::new(),
    };
    let commit = Commit {
        by: Visible {
            scope: row.scope,
            only_owner: None,
        },
        actor: "user:1".to_owned(),
        now: T0,
        zone_database: ZONES.to_owned(),
        quota: None,
        changes: vec![change],
        details: BTreeMap::new(),
        completion: None,
        limits: UsageLimits::default().writes(),
    };
    let store = Arc::new(store);
    let late = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.commit(commit).await }
    });
    // It has found the schedule as it should be, and waits for the other one.
    let waits = "select exists (select from pg_stat_activity where $1 = any(pg_blocking_pids(pid)))";
    let is_waited_for = async || -> bool { store.pool().fetch_one(waits, &[&backend]).await.unwrap() };
    while !is_waited_for().await {}
    other.commit().await.unwrap();
    let refused = late.await.unwrap();
    assert!(matches!(refused, Err(CommitError::Stale)), "{refused:?}");
    let counted = "select writes, bytes from caller_usage where caller = 'user:1'";
    let counted: Option<(i64, i64)> = store.pool().fetch_optional(counted, &[]).await.unwrap();
    assert_eq!(counted, Some((0, 0)));
}
