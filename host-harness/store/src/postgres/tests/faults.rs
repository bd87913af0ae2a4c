//! The server goes away, ends connections, makes transactions wait or refuses them.

use std::io::Cursor;
use std::sync::atomic::{AtomicU32, Ordering};

use scheduled_exports_test_servers::PostgresServer;
use scheduled_exports_test_servers::postgres::{FORGETFUL, Stop};
use tempfile::SpooledData;
use tokio::sync::watch;

use super::many::export;
use super::{connect, few, open, organizer, seed};
use crate::contract::Outcome;
use crate::contract::schedule_store::RunStart;
use crate::kit::{T0, ZONES};
use crate::port::*;
use crate::postgres::{PostgresStorage, TRIES, settled};
use crate::{FileFacts, Finish, LeaseError, StorageError, Visible};

const DAY: i64 = 86_400;

fn everything() -> Visible {
    Visible {
        scope: organizer("acme"),
        only_owner: None,
    }
}

fn plan(due: i64) -> RunStart {
    RunStart {
        due,
        missed: Vec::new(),
        next_run: Some(due + DAY),
    }
}

fn empty() -> Finish {
    Finish {
        outcome: Outcome::Empty,
        error_counter: 0,
        active: true,
        mail: None,
        now: T0,
        mail_limits: None,
    }
}

#[tokio::test]
async fn a_server_that_is_stopped_is_away_and_back_when_it_is() {
    let Some(server) = PostgresServer::launch(FORGETFUL) else {
        return;
    };
    let store = connect(&server.new_database()).await;
    seed(&store, 1).await;
    for how in [Stop::Fast, Stop::Immediate] {
        server.stop(how);
        let away = store.get(&everything(), 1).await.unwrap_err();
        assert!(matches!(away, StorageError::Unavailable(_)), "{away}");
        let away = store.take_due(T0, T0 + 60, 1, None).await.unwrap_err();
        assert!(matches!(away, StorageError::Unavailable(_)), "{away}");
        server.start();
        assert!(store.get(&everything(), 1).await.unwrap().is_some());
    }
    assert_eq!(store.take_due(T0, T0 + 60, 1, None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_run_whose_file_the_server_has_lost_is_not_submitted() {
    let Some((store, _url)) = open().await else {
        return;
    };
    seed(&store, 1).await;
    let lease = store.take_due(T0, T0 + 60, 1, None).await.unwrap().remove(0).lease;
    let run = store.start(&lease, &plan(T0), ZONES, "UTC", T0).await.unwrap();
    let facts = FileFacts {
        name: "orders.csv".to_owned(),
        content_type: "text/csv".to_owned(),
        size: 3,
        rows: Some(1),
        events: None,
    };
    let file = SpooledData::InMemory(Cursor::new(b"a,b".to_vec()));
    let keep = || store.keep_file(&lease, run, &facts, &file);
    keep().await.unwrap();
    // As it can be after a crash: the commit of a file is not waited for.
    let lost = "delete from file_chunk; update run set file_kept = false, file_name = null, file_type = null, rows = null, bytes = null";
    store.pool().run(lost).await.unwrap();
    let submitted = Finish {
        outcome: Outcome::Submitted,
        mail: Some(export(1, true)),
        ..empty()
    };
    let refused = store.finish(&lease, run, &submitted).await.unwrap_err();
    assert!(matches!(refused, LeaseError::Lost), "{refused}");
    assert_eq!(store.take_deliveries(T0, T0 + 60, 10, None).await.unwrap(), []);
    keep().await.unwrap();
    store.finish(&lease, run, &submitted).await.unwrap();
    assert_eq!(store.take_deliveries(T0, T0 + 60, 10, None).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_answered_is_there_after_a_crash_and_every_due_time_ends_once() {
    const SCHEDULES: u64 = 40;
    let Some(server) = PostgresServer::launch(FORGETFUL) else {
        return;
    };
    let url = server.new_database();
    let store = connect(&url).await;
    seed(&store, SCHEDULES).await;
    let (is_up, up) = watch::channel(true);
    let (ended, mut all_ended) = watch::channel(0_usize);
    // Hosts that go on whatever happens, each with a clock that makes leases of the crashed run out.
    let work = async |store: &PostgresStorage, ended: watch::Sender<usize>| {
        let mut up = up.clone();
        let mut finished: Vec<u64> = Vec::new();
        for tick in 0.. {
            let now = T0 + 100 * tick;
            let leased = match store.take_due(now, now + 60, 3, None).await {
                Ok(leased) => leased,
                Err(StorageError::Unavailable(_)) => {
                    up.wait_for(|up| *up).await.unwrap();
                    continue;
                }
                Err(damaged) => panic!("{damaged}"),
            };
            let idle = leased.is_empty();
            for leased in leased {
                let due = leased.due.unwrap_or(T0);
                let Ok(run) = store.start(&leased.lease, &plan(due), ZONES, "UTC", now).await else {
                    continue;
                };
                match store.finish(&leased.lease, run, &empty()).await {
                    Ok(_) => {
                        finished.push(leased.row.id);
                        ended.send_modify(|ended| *ended += 1);
                    }
                    Err(LeaseError::Lost | LeaseError::Storage(StorageError::Unavailable(_))) => {}
                    Err(damaged) => panic!("{damaged}"),
                }
            }
            if idle && now > T0 + 2000 {
                return finished;
            }
        }
        unreachable!("the loop has no end")
    };
    let other = connect(&url).await;
    let crash = async {
        for crashes in 0..3 {
            let more = all_ended.wait_for(|ended| *ended > crashes * 10).await;
            more.expect("there is work left");
            is_up.send_replace(false);
            tokio::task::block_in_place(|| {
                server.stop(Stop::Immediate);
                server.start();
            });
            is_up.send_replace(true);
        }
    };
    let (by_one, by_other, ()) = tokio::join!(work(&store, ended.clone()), work(&other, ended), crash);
    let mut finished = [by_one, by_other].concat();
    let answered = finished.len();
    finished.sort_unstable();
    finished.dedup();
    assert_eq!(finished.len(), answered, "none was answered twice");
    let history = store.history(None, 1000).await.unwrap();
    assert_eq!(history.len() as u64, SCHEDULES, "none is lost or doubled");
    for row in &history {
        assert_eq!((row.entry.due, &row.entry.outcome), (T0, &Some(Outcome::Empty)));
    }
}

#[tokio::test]
async fn a_connection_that_the_server_ends_is_replaced() {
    let (Some(server), Some((store, url))) = (PostgresServer::shared(), open().await) else {
        return;
    };
    seed(&store, 1).await;
    let database = url
        .split('?')
        .next()
        .and_then(|before| before.rsplit('/').next())
        .unwrap();
    let end_all = || {
        let ended = server.sql(
            "postgres",
            &format!("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{database}'"),
        );
        assert!(ended.contains('t'), "there was one");
    };
    // Reads are made again, and so are first words of a transaction.
    for enabled in [true, false, true] {
        end_all();
        assert!(store.get(&everything(), 1).await.unwrap().is_some());
        end_all();
        store.set_enabled("other", enabled, "host", T0).await.unwrap();
    }
}

#[tokio::test]
async fn a_statement_past_its_time_or_a_lock_that_is_not_had_is_away() {
    let Some((store, url)) = open().await else {
        return;
    };
    seed(&store, 1).await;
    for setting in ["statement_timeout", "lock_timeout"] {
        let hasty = PostgresStorage::connect_with(&format!("{url}&options=-c%20{setting}=100ms"), &few())
            .await
            .unwrap();
        let leased = store.take_due(T0, T0 + 60, 1, None).await.unwrap().remove(0);
        let held = store.pool().begin().await.unwrap();
        held.execute("select id from schedule where id = 1 for update", &[])
            .await
            .unwrap();
        let late = hasty.renew(&leased.lease, T0 + 90).await;
        assert!(
            matches!(late, Err(LeaseError::Storage(StorageError::Unavailable(_)))),
            "{setting}: {late:?}"
        );
        held.rollback().await.unwrap();
        hasty.renew(&leased.lease, T0 + 90).await.unwrap();
        hasty.hand_back(&leased.lease, T0).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stricter_transactions_only_make_it_try_again() {
    let Some((store, url)) = open().await else {
        return;
    };
    seed(&store, 30).await;
    let strict = format!("{url}&options=-c%20default_transaction_isolation=serializable");
    let (one, other) = (connect(&strict).await, connect(&strict).await);
    let work = async |store: &PostgresStorage| {
        let mut done = 0;
        loop {
            let leased = match store.take_due(T0, T0 + 60, 5, None).await {
                Ok(leased) if leased.is_empty() => return done,
                Ok(leased) => leased,
                Err(StorageError::Unavailable(_)) => continue,
                Err(damaged) => panic!("{damaged}"),
            };
            for leased in leased {
                let Ok(run) = store.start(&leased.lease, &plan(T0), ZONES, "UTC", T0).await else {
                    continue;
                };
                if store.finish(&leased.lease, run, &empty()).await.is_ok() {
                    done += 1;
                }
            }
        }
    };
    let (by_one, by_other) = tokio::join!(work(&one), work(&other));
    assert!(by_one + by_other <= 30);
    let ended = store.history(None, 100).await.unwrap();
    assert_eq!(
        ended.iter().filter(|row| row.entry.ended.is_some()).count(),
        by_one + by_other
    );
}

#[tokio::test]
async fn a_refused_statement_is_tried_again_so_many_times_and_no_more() {
    let Some((store, _url)) = open().await else {
        return;
    };
    for (state, tries) in [("40001", TRIES), ("40P01", TRIES), ("23505", 1)] {
        let asked = AtomicU32::new(0);
        let raise = format!("do $$ begin raise exception 'refused' using errcode = '{state}'; end $$");
        let refused = settled!(async {
            asked.fetch_add(1, Ordering::Relaxed);
            store.pool().run(&raise).await
        });
        assert!(refused.is_err());
        assert_eq!(asked.into_inner(), tries, "{state}");
    }
}

#[tokio::test]
async fn errors_have_no_password_in_them() {
    let Some((store, _url)) = open().await else {
        return;
    };
    let secret = "sesame-open";
    for url in [
        format!("postgres://harness:{secret}@127.0.0.1:1/none"),
        format!("postgres://harness:{secret}@localhost/none?host=/nonexistent"),
        format!("postgres://harness:{secret}@127.0.0.1:notaport/none"),
        format!("harness:{secret}@127.0.0.1"),
    ] {
        let pool = PostgresStorage::pool_of(&url, &few());
        let words = match pool {
            Err(error) => error.to_string(),
            Ok(pool) => match pool.acquire().await {
                Ok(_) => panic!("nobody is there"),
                Err(error) => StorageError::from(error).to_string(),
            },
        };
        assert!(!words.contains(secret), "{words}");
    }
    assert!(!format!("{store:?}").contains("host"), "{store:?}");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_away_and_what_is_no_url_is_not() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let away = PostgresStorage::connect(&server.url("nobody_made_it"))
        .await
        .unwrap_err();
    assert!(matches!(away, StorageError::Unavailable(_)), "{away}");
    let wrong = PostgresStorage::connect("no url").await.unwrap_err();
    assert!(matches!(wrong, StorageError::Corrupt(_)), "{wrong}");
}

#[tokio::test]
async fn a_server_that_only_reads_is_away_for_who_writes() {
    let Some((store, url)) = open().await else {
        return;
    };
    seed(&store, 1).await;
    let standby = format!("{url}&options=-c%20default_transaction_read_only=on");
    let after_failover = PostgresStorage::pool_of(&standby, &few()).unwrap();
    let refused = after_failover
        .execute("update schedule set version = 2", &[])
        .await
        .map_err(StorageError::from);
    assert!(matches!(refused, Err(StorageError::Unavailable(_))), "{refused:?}");
}
