//! The kit on SQLite, and what only a file has: other processes on it, crashes, indexes.

mod effort;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use tempfile::TempDir;

use super::delivery::DELIVERIES;
use super::leases::SCHEDULES;
use super::lists::page_sql;
use super::plans::{NEXT_WAKE, TO_REPLAN};
use super::statement::{execute, value, values};
use super::{ASIDE, MIGRATIONS, SqliteStorage, migrate, opened};
use crate::contract::schedule_store::RunStart;
use crate::contract::{Content, Recipients, ScheduleState, SortKey};
use crate::kit::{T0, ZONES, add_due, batches_of_two_hosts_are_full, change, content, store_kit};
use crate::migrations::{Migration, Migrations};
use crate::port::*;
use crate::{Row, Scope, StorageError};

async fn open() -> (SqliteStorage, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStorage::open(&folder.path().join("store.sqlite")).await.unwrap();
    (store, folder)
}

async fn open_for_kit() -> Option<(SqliteStorage, TempDir)> {
    Some(open().await)
}

store_kit!(open_for_kit);

/// Switches `acme` on and puts in schedules 1 to `count`, all due at [`T0`].
async fn seed(store: &SqliteStorage, count: u64) {
    store.set_enabled("acme", true, "host", T0).await.unwrap();
    for id in 1..=count {
        let row = Row {
            id,
            scope: Scope {
                organizer: "acme".to_owned(),
                event: None,
            },
            owner: "1".to_owned(),
            version: 1,
            content: Content {
                export_identifier: "orderlist".to_owned(),
                recipients: Recipients {
                    to: Vec::new(),
                    cc: Vec::new(),
                    bcc: Vec::new(),
                },
                next_run: Some(T0),
                state: ScheduleState::Active,
                error_counter: 0,
                document: "{}".to_owned(),
            },
        };
        store.seed(&row, ZONES, T0).await.unwrap();
    }
}

/// From now on a file of at most so many pages, or of as many as it has.
pub(super) async fn limit(store: &SqliteStorage, pages: u32) {
    let limited = store.write(move |on| {
        on.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        Ok::<_, StorageError>(())
    });
    limited.await.unwrap();
}

fn file(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("store.sqlite")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_on_one_file_lease_each_schedule_once() {
    let (one, folder) = open().await;
    let other = SqliteStorage::open(&file(&folder)).await.unwrap();
    seed(&one, 60).await;
    let mut ids = Vec::new();
    for _ in 0..10 {
        let (by_one, by_other) = tokio::join!(one.take_due(T0, T0 + 60, 3, None), other.take_due(T0, T0 + 60, 3, None));
        for leased in [by_one.unwrap(), by_other.unwrap()] {
            assert_eq!(leased.len(), 3);
            ids.extend(leased.iter().map(|leased| leased.row.id));
        }
    }
    ids.sort_unstable();
    assert_eq!(ids, (1..=60).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_another_process_has_taken_is_passed_over_and_a_batch_is_full() {
    let (one, folder) = open().await;
    let other = SqliteStorage::open(&file(&folder)).await.unwrap();
    seed(&one, 30).await;
    batches_of_two_hosts_are_full(&one, &other).await;
}

#[tokio::test]
async fn a_single_schedule_is_in_the_first_batch_however_much_another_organizer_has_due() {
    // Three thousand due at one time; and as many more, at a time of its own each.
    for now in [T0, T0 + 20_000] {
        let (store, _kept) = open().await;
        effort::put_in(&store, "many", 3..9_003, T0).await;
        effort::put_in(&store, "single", 30_000..30_001, now).await;
        let first = store.take_due(now, now + 60, 10, None).await.unwrap();
        assert_eq!(first.len(), 10);
        assert!(first.iter().any(|leased| leased.row.id == 30_000), "{now}");
    }
}

/// Pages that the write-ahead log has, of which each commit adds those that it changed.
fn logged(folder: &TempDir) -> u64 {
    let log = std::fs::metadata(folder.path().join("store.sqlite-wal")).unwrap();
    (log.len() - 32) / (24 + 4096)
}

#[tokio::test]
async fn a_change_of_texts_alone_writes_to_no_index_of_the_schedules() {
    let (store, folder) = open().await;
    let id = add_due(&store).await;
    let logged_by = async |next_run, document: &str| {
        let before = logged(&folder);
        let document = document.to_owned();
        let content = Content {
            document,
            ..content(next_run)
        };
        change(&store, id, content, T0).await.unwrap();
        logged(&folder) - before
    };
    // The schedule, and the entry of the audit log with its index.
    assert_eq!(logged_by(T0, "{\"a\": 1}").await, 3);
    // Pages go by the next run, and so does what is due.
    let later = T0 + 60;
    assert!(logged_by(later, "{}").await > 5);
    let leased = store.take_due(later, later + 60, 1, None).await.unwrap().remove(0);
    assert_eq!((leased.row.version, leased.row.content.document.as_str()), (3, "{}"));
    // Any change ends a lease.
    assert!(logged_by(later, "{\"a\": 2}").await > 3);
    let leased = store.take_due(later, later + 60, 1, None).await.unwrap().remove(0);
    assert_eq!((leased.row.version, leased.attempt), (4, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_on_one_file_never_give_the_same_id() {
    let (one, folder) = open().await;
    let other = SqliteStorage::open(&file(&folder)).await.unwrap();
    let some_of = async |store: &SqliteStorage| {
        let mut ids = Vec::new();
        for _ in 0..100 {
            ids.push(store.reserve_id().await.unwrap());
        }
        ids
    };
    let (a, b, c) = tokio::join!(some_of(&one), some_of(&one), some_of(&other));
    let mut ids = [a, b, c].concat();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_that_start_at_once_make_the_tables_once() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder);
        let stores = futures_util::future::join_all((0..6).map(|_| {
            let path = path.clone();
            tokio::spawn(async move { SqliteStorage::open(&path).await })
        }))
        .await;
        for store in stores {
            store.unwrap().unwrap().ping().await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_was_answered_is_there_after_the_process_is_gone() {
    let (store, folder) = open().await;
    seed(&store, 1).await;
    let leased = store.take_due(T0, T0 + 60, 1, None).await.unwrap().remove(0);
    let plan = RunStart {
        due: T0,
        missed: Vec::new(),
        next_run: Some(T0 + 3600),
    };
    let run = store.start(&leased.lease, &plan, ZONES, "UTC", T0).await.unwrap();
    // In the midst of a write, and nothing is closed.
    let (path, copy) = (folder.path().to_owned(), tempfile::tempdir().unwrap());
    let target = copy.path().to_owned();
    let half = store.write(move |on| {
        on.execute("delete from schedule", [])?;
        for entry in std::fs::read_dir(&path).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), target.join(entry.file_name())).unwrap();
        }
        Ok::<_, StorageError>(())
    });
    half.await.unwrap();
    let after = SqliteStorage::open(&file(&copy)).await.unwrap();
    assert_eq!(after.take_due(T0 + 59, T0 + 99, 1, None).await.unwrap(), []);
    let again = after.take_due(T0 + 60, T0 + 99, 1, None).await.unwrap().remove(0);
    assert_eq!((again.due, again.attempt, again.lease.run), (Some(T0), 2, Some(run)));
    let sound = after.read_aside(|on| value::<String>(on, "pragma integrity_check", []));
    assert_eq!(sound.await.unwrap(), "ok");
}

#[tokio::test]
async fn the_log_is_emptied_by_whoever_closes_also_where_another_goes_on() {
    let (store, folder) = open().await;
    let second = SqliteStorage::open(&file(&folder)).await.unwrap();
    seed(&store, 1).await;
    assert_eq!(second.count("acme").await.unwrap(), 1);
    let log = folder.path().join("store.sqlite-wal");
    assert!(std::fs::metadata(&log).unwrap().len() > 0);
    store.close().await;
    assert_eq!(std::fs::metadata(&log).unwrap().len(), 0);
    second.close().await;
    assert!(!log.exists(), "the last one leaves the file alone");
}

#[tokio::test]
async fn a_store_that_others_can_read_is_taken_from_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let (store, folder) = open().await;
    seed(&store, 1).await;
    let names = ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm"];
    let mode = |name: &str| {
        let facts = std::fs::metadata(folder.path().join(name)).unwrap();
        facts.permissions().mode() & 0o777
    };
    assert_eq!(names.map(mode), [0o600; 3]);
    for name in names {
        let wide = std::fs::Permissions::from_mode(0o664);
        std::fs::set_permissions(folder.path().join(name), wide).unwrap();
    }
    let second = SqliteStorage::open(&file(&folder)).await.unwrap();
    assert_eq!(names.map(mode), [0o600; 3]);
    assert_eq!(second.count("acme").await.unwrap(), 1);
}

#[tokio::test]
async fn a_file_of_a_later_version_is_refused_in_words() {
    let (store, folder) = open().await;
    let later = store.write(|on| {
        execute(
            on,
            "update _sqlx_migrations set version = 9999 where version = (select max(version) from _sqlx_migrations)",
            [],
        )
    });
    later.await.unwrap();
    store.close().await;
    let refused = SqliteStorage::open(&file(&folder)).await.unwrap_err();
    assert!(matches!(refused, StorageError::Corrupt(_)), "{refused}");
    assert!(
        refused.to_string().contains("schema version 9999 is newer"),
        "{refused}"
    );
}

#[tokio::test]
async fn what_cannot_be_opened_is_away_and_what_is_no_store_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let away = SqliteStorage::open(Path::new("/nonexistent/store.sqlite"))
        .await
        .unwrap_err();
    assert!(matches!(away, StorageError::Unavailable(_)), "{away}");
    std::fs::write(
        file(&folder),
        "no database, but long enough to be read as one\n".repeat(50),
    )
    .unwrap();
    let damaged = SqliteStorage::open(&file(&folder)).await.unwrap_err();
    assert!(matches!(damaged, StorageError::Corrupt(_)), "{damaged}");
}

#[tokio::test]
async fn another_module_keeps_its_tables_in_the_same_file() {
    let (store, folder) = open().await;
    static OTHER: Migrations = Migrations {
        table: "_platform_migrations",
        all: &[Migration {
            version: 7,
            description: "platform",
            sql: "create table platform_order (id integer primary key) strict",
        }],
    };
    for _ in 0..2 {
        store.migrate(&OTHER).await.unwrap();
    }
    let again = SqliteStorage::open(&file(&folder)).await.unwrap();
    let found = again.read_aside(|on| values::<i64>(on, "select id from platform_order", []));
    assert_eq!(found.await.unwrap(), Vec::<i64>::new());
}

#[tokio::test]
async fn a_store_of_each_earlier_version_is_opened_and_keeps_what_is_in_it() {
    for version in 0..=MIGRATIONS.all.len() {
        let folder = tempfile::tempdir().unwrap();
        let earlier = Migrations {
            table: MIGRATIONS.table,
            all: &MIGRATIONS.all[..version],
        };
        let mut on = opened(&file(&folder)).unwrap();
        migrate::run(&mut on, &earlier).unwrap();
        let identity = (version > 0).then(|| value::<String>(&on, "select id from identity", []).unwrap());
        drop(on);
        let store = SqliteStorage::open(&file(&folder)).await.unwrap();
        let kept = store.store_id().await.unwrap();
        assert!(identity.is_none_or(|identity| identity == kept), "{version}");
        seed(&store, 1).await;
        assert_eq!(
            store.take_due(T0, T0 + 60, 5, None).await.unwrap().len(),
            1,
            "{version}"
        );
    }
}

/// As `sqlx` wrote down what it had carried out.
#[tokio::test]
async fn tables_that_were_made_by_another_program_from_the_same_files_are_taken_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let on = opened(&file(&folder)).unwrap();
    let [first, ..] = MIGRATIONS.all else { unreachable!() };
    on.execute_batch(
        "create table _sqlx_migrations (
           version bigint primary key, description text not null, installed_on timestamp not null default current_timestamp,
           success boolean not null, checksum blob not null, execution_time bigint not null)",
    )
    .unwrap();
    on.execute_batch(first.sql).unwrap();
    let done = "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (1, 'store', true, ?1, 7)";
    execute(&on, done, [first.checksum()]).unwrap();
    drop(on);
    let store = SqliteStorage::open(&file(&folder)).await.unwrap();
    seed(&store, 1).await;
}

#[tokio::test]
async fn a_full_disk_is_away_and_loses_nothing() {
    let (store, _kept) = open().await;
    seed(&store, 1).await;
    limit(&store, 1).await;
    let slug = "o".repeat(100_000);
    let full = store.set_enabled(&slug, true, "host", T0).await.unwrap_err();
    assert!(matches!(full, StorageError::Unavailable(_)), "{full}");
    assert!(full.to_string().contains("full"), "{full}");
    assert!(!store.enabled(&slug).await.unwrap());
    assert_eq!(store.take_due(T0, T0 + 60, 5, None).await.unwrap().len(), 1);
    limit(&store, u32::MAX - 1).await;
    store.set_enabled(&slug, true, "host", T0).await.unwrap();
}

#[tokio::test]
async fn readers_cannot_write() {
    let (store, _kept) = open().await;
    let refused = store.read_aside(|on| execute(on, "delete from schedule", [])).await;
    assert!(refused.unwrap_err().to_string().contains("readonly"));
}

#[tokio::test]
async fn each_connection_has_pages_of_its_own() {
    let (store, _kept) = open().await;
    let built = store.read_aside(|on| values::<String>(on, "pragma compile_options", []));
    assert!(
        !built.await.unwrap().contains(&"ENABLE_MEMORY_MANAGEMENT".to_owned()),
        "built without .cargo/config.toml: run cargo in this repository"
    );
}

#[tokio::test]
async fn however_many_read_at_a_time_there_are_few_connections() {
    let (store, _kept) = open().await;
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    // As many as there may be wait for each other in here, and so for as long as there are more than that.
    let all_in = Arc::new(Barrier::new(ASIDE));
    let reads = (0..3 * ASIDE).map(|_| {
        let (now, most, all_in) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&all_in));
        store.read_aside(move |_| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            all_in.wait();
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        })
    });
    for read in futures_util::future::join_all(reads).await {
        read.unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), ASIDE);
}

/// How SQLite goes about a statement: one line a step.
async fn steps(store: &SqliteStorage, statement: &str) -> Vec<String> {
    let explain = format!("explain query plan {statement}");
    let steps = store.read_aside(move |on| {
        let mut plan = on.prepare(&explain)?;
        let steps: Result<_, _> = plan.raw_query().mapped(|step| step.get("detail")).collect();
        Ok(steps?)
    });
    steps.await.unwrap()
}

#[tokio::test]
async fn a_page_reads_rows_of_its_scope_and_sorts_none() {
    let (store, _kept) = open().await;
    for order in [SortKey::Id, SortKey::ExportIdentifier, SortKey::NextRun] {
        for (descending, after) in [(false, false), (false, true), (true, false), (true, true)] {
            let steps_of_all = steps(&store, &page_sql(order, descending, false, after)).await;
            for step in &steps_of_all {
                let of_both_parts = ["MERGE (UNION ALL)", "LEFT", "RIGHT"].contains(&step.as_str());
                assert!(
                    of_both_parts || step.contains("(organizer=? AND event=?") || step.starts_with("SCALAR SUBQUERY"),
                    "{order:?} {descending} {after}: {steps_of_all:?}"
                );
            }
            // Behind a cursor, what shares its key and is before it is passed over by the index.
            if after && order != SortKey::Id {
                assert!(
                    steps_of_all.iter().any(|step| step.contains("=? AND id>?)")),
                    "{order:?} {descending}: {steps_of_all:?}"
                );
            }
            let steps_of_own = steps(&store, &page_sql(order, descending, true, after)).await;
            let of_own = "schedule_owner (organizer=? AND event=? AND owner=?";
            assert!(
                steps_of_own
                    .iter()
                    .all(|step| !step.contains(" s USING ") || step.contains(of_own)),
                "{order:?} {descending} {after}: {steps_of_own:?}"
            );
            assert!(
                steps_of_own.iter().any(|step| step.contains(of_own)),
                "{steps_of_own:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_tick_reads_what_is_due_and_no_table() {
    let (store, _kept) = open().await;
    for statement in [
        SCHEDULES.rows,
        DELIVERIES.rows,
        "select exists (select 1 from run where settle_wake <= $1)",
        TO_REPLAN,
        "select id from run where file_kept = 1 and ended is not null",
        "delete from request where expires_at <= $1",
        NEXT_WAKE,
    ] {
        for step in steps(&store, statement).await {
            assert!(!step.contains("TEMP B-TREE"), "{statement}: {step}");
            let scans_a_table = step.starts_with("SCAN ") && !step.contains("INDEX");
            let constant = step == "SCAN CONSTANT ROW" || step.starts_with("SCAN (");
            assert!(!scans_a_table || constant, "{statement}: {step}");
        }
    }
}

#[tokio::test]
async fn whose_turn_it_is_is_read_from_indexes() {
    let (store, _kept) = open().await;
    for statement in [
        SCHEDULES.rows,
        SCHEDULES.by_time,
        SCHEDULES.by_organizer,
        SCHEDULES.by_turns,
        DELIVERIES.rows,
        DELIVERIES.by_time,
        DELIVERIES.by_organizer,
        DELIVERIES.by_turns,
    ] {
        let mut by_an_index = 0;
        for step in steps(&store, statement).await {
            let names = [" s ", " n ", " d ", " schedule ", " delivery "];
            let of_the_table = names.iter().any(|name| step.contains(name));
            let by_index = step.contains("_wake") || step.contains("_turn");
            let by_id = step.contains("INTEGER PRIMARY KEY (rowid=?)");
            assert!(!of_the_table || by_index || by_id, "{statement}: {step}");
            by_an_index += u32::from(by_index);
        }
        assert!(by_an_index > 0, "{statement}");
    }
}
