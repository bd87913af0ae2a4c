//! What SQLite does for a page, a tick and a lease, in steps of its virtual machine: the same for few schedules and for many.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::{Connection, StatementStatus, params};
use tempfile::TempDir;

use super::{open, page_sql};
use crate::contract::{Position, SortKey};
use crate::kit::{T0, ZONES};
use crate::port::*;
use crate::sqlite::SqliteStorage;
use crate::sqlite::statement::execute;
use crate::{ListFilter, ListQuery, Scope, StorageError, Visible};

const LATER: i64 = T0 + 86_400;
const SIZE: u32 = 50;

/// Puts in schedules of an organizer: a third due at `due`, a third one second after the other from then on, and a third never. All of
/// them have one of two exporters.
pub(super) async fn put_in(store: &SqliteStorage, organizer: &str, ids: std::ops::Range<i64>, due: i64) {
    store.set_enabled(organizer, true, "host", T0).await.unwrap();
    let organizer = organizer.to_owned();
    let put = store.write(move |on| {
        execute(
            on,
            "with recursive n (id) as (select ?1 union all select id + 1 from n where id + 1 < ?2)
             insert into schedule (id, organizer, owner, version, exporter, recipients, next_run, active, error_counter,
               document, zone_database, created_at, changed_at)
             select id, ?3, '1', 1, 'x' || id % 2, '{\"to\":[],\"cc\":[],\"bcc\":[]}',
               case id % 3 when 0 then ?4 when 1 then ?4 + id end, 1, 0, '{}', ?5, 0, 0 from n",
            params![ids.start, ids.end, organizer, due, ZONES],
        )
    });
    put.await.unwrap();
}

/// A store with so many schedules that are due later, and 90 of which 30 are due at [`T0`].
async fn filled(count: i64) -> (SqliteStorage, TempDir) {
    let (store, kept) = open().await;
    put_in(&store, "many", 1_000..1_000 + count, LATER).await;
    put_in(&store, "few", 1..91, T0).await;
    (store, kept)
}

/// Steps of everything that is asked one after the other, from now on.
async fn counted(store: &SqliteStorage) -> Arc<AtomicU64> {
    let steps = Arc::new(AtomicU64::new(0));
    let count = |steps: &Arc<AtomicU64>| {
        let steps = Arc::clone(steps);
        move |on: &Connection| {
            let steps = Arc::clone(&steps);
            let counted = move || {
                steps.fetch_add(1, Ordering::Relaxed);
                false
            };
            on.progress_handler(1, Some(counted))
        }
    };
    let (of_writer, of_reader) = (count(&steps), count(&steps));
    let counted = store.write(move |on| Ok::<_, StorageError>(of_writer(on)?));
    counted.await.unwrap();
    // The one that is used first is used again.
    store.reading.read(of_reader).unwrap();
    steps
}

fn everything_of(organizer: &str) -> Visible {
    Visible {
        scope: Scope {
            organizer: organizer.to_owned(),
            event: None,
        },
        only_owner: None,
    }
}

/// Steps of a page, and where the page after it begins.
async fn page(store: &SqliteStorage, organizer: &str, order: SortKey, descending: bool, at: Position) -> (i32, String) {
    let sql = page_sql(order, descending, false, matches!(at, Position::After(_)));
    let steps = || {
        store
            .reading
            .read(|on| Ok::<_, rusqlite::Error>(on.prepare_cached(&sql)?.reset_status(StatementStatus::VmStep)))
            .unwrap()
    };
    let query = ListQuery {
        filter: ListFilter::default(),
        order,
        descending,
        at,
        size: SIZE,
    };
    steps();
    let rows = store.list(&everything_of(organizer), &query).await.unwrap().unwrap();
    assert_eq!(rows.rows.len(), SIZE as usize);
    (steps(), rows.next.unwrap_or_default())
}

#[tokio::test]
async fn a_page_takes_no_more_steps_deep_in_a_large_scope_than_at_the_beginning_of_a_small_one() {
    let (small, _kept) = filled(300).await;
    let (large, _kept) = filled(15_000).await;
    for order in [SortKey::Id, SortKey::ExportIdentifier, SortKey::NextRun] {
        for descending in [false, true] {
            let (few, _) = page(&small, "many", order, descending, Position::Number(1)).await;
            let (many, _) = page(&large, "many", order, descending, Position::Number(1)).await;
            assert_eq!(few, many, "{order:?} {descending}");
            // Among those of one key, at the end of them, and among those without a next run.
            for before in [2, 90, 101, 290] {
                let (_, next) = page(&large, "many", order, descending, Position::Number(before)).await;
                let (deep, _) = page(&large, "many", order, descending, Position::After(next)).await;
                // Each row of the two parts costs a little more than one of a single part.
                assert!(
                    deep * 2 <= few * 3,
                    "{order:?} {descending} behind page {before}: {deep} steps, {few} at the beginning"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_tick_takes_the_same_steps_of_few_and_of_many() {
    let mut taken = Vec::new();
    for count in [300, 15_000] {
        let (store, _kept) = filled(count).await;
        let steps = counted(&store).await;
        let now = T0 - 1;
        assert_eq!(store.take_settled(now, now + 60, 64).await.unwrap(), []);
        assert_eq!(store.take_due(now, now + 60, 64, None).await.unwrap(), []);
        assert_eq!(store.take_deliveries(now, now + 60, 64, None).await.unwrap(), []);
        assert_eq!(store.next_wake().await.unwrap(), Some(T0));
        let nothing = steps.swap(0, Ordering::Relaxed);
        // Enough for all, and not enough.
        assert_eq!(store.take_due(T0, T0 + 60, 20, None).await.unwrap().len(), 20);
        let some = steps.swap(0, Ordering::Relaxed);
        assert_eq!(store.take_due(T0, T0 + 60, 64, None).await.unwrap().len(), 10);
        let rest = steps.swap(0, Ordering::Relaxed);
        assert!(
            nothing > 0 && some > nothing && rest > nothing,
            "{nothing} {some} {rest}"
        );
        taken.push([nothing, some, rest]);
    }
    same(taken[0], taken[1]);
}

/// Where a step lands in a tree can cost one more.
fn same<const N: usize>(few: [u64; N], many: [u64; N]) {
    for (few, many) in few.into_iter().zip(many) {
        assert!(few.abs_diff(many) * 50 <= few, "{few} of few, {many} of many");
    }
}

#[tokio::test]
async fn a_batch_takes_the_same_steps_however_much_is_due() {
    let mut taken = Vec::new();
    // A third of these, and so more than is known row by row.
    for count in [9_000, 45_000] {
        let (store, _kept) = filled(count).await;
        let steps = counted(&store).await;
        assert_eq!(store.take_due(LATER, LATER + 60, 64, None).await.unwrap().len(), 64);
        taken.push([steps.load(Ordering::Relaxed)]);
    }
    same(taken[0], taken[1]);
}
