//! The one writer of a process: writes that wait for their turn at the same time share one transaction, and its fsync.
//!
//! A batch is one `BEGIN IMMEDIATE … COMMIT`. Each [`Write`] in it has the connection to itself, and from the second on a
//! savepoint of its own, so that one which fails takes back what it did and nothing else. None is answered before the `COMMIT`
//! that covers it: what is shared is the wait for the disk, never the promise.
//!
//! Turns are taken in the order of asking. Whoever is first in a batch and sees others wait leaves the transaction open and lines
//! up for its `COMMIT` behind them; so a batch is what came together during the fsync before it, and a write that comes alone
//! waits for nobody.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant as Stopwatch};

use sqlx::{Executor as _, Sqlite, SqliteConnection, SqlitePool, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use crate::storage::StorageError;

/// Most writes of one batch.
const MOST: u32 = 256;
/// A batch that has been open for so long takes no further write: those in it wait to be answered.
const LONGEST: Duration = Duration::from_millis(50);

/// Whoever wants to write asks here.
#[derive(Debug)]
pub(super) struct Writer {
    /// Of one connection.
    pool: SqlitePool,
    turn: Arc<Mutex<Turn>>,
    waiting: Arc<AtomicUsize>,
}

/// Whose turn it is has the batch.
#[derive(Debug, Default)]
struct Turn {
    batch: Option<Batch>,
    /// Batches so far: tells them apart.
    number: u64,
}

impl Turn {
    /// Ends a batch of which nothing can be written any more.
    fn give_up(&mut self, reason: &StorageError) {
        if let Some(batch) = self.batch.take() {
            let words = format!("a write in the same transaction failed: {reason}");
            batch.outcome.send_replace(Some(Outcome::Unavailable(words)));
        }
    }
}

#[derive(Debug)]
struct Batch {
    transaction: Transaction<'static, Sqlite>,
    /// Writes that have done their part.
    done: u32,
    savepoint: Savepoint,
    began: Stopwatch,
    /// What the `COMMIT` came to; closed without: nobody could say.
    outcome: watch::Sender<Option<Outcome>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Savepoint {
    None,
    /// Of the write before, which has done its part.
    Old,
    /// A write was dropped while it was being set.
    Unknown,
}

/// [`StorageError`], for each write of the batch.
#[derive(Clone, Debug)]
enum Outcome {
    Durable,
    Unavailable(String),
    Corrupt(String),
}

impl From<Result<(), StorageError>> for Outcome {
    fn from(done: Result<(), StorageError>) -> Self {
        match done {
            Ok(()) => Self::Durable,
            Err(StorageError::Unavailable(words)) => Self::Unavailable(words),
            Err(StorageError::Corrupt(words)) => Self::Corrupt(words),
        }
    }
}

impl From<Outcome> for Result<(), StorageError> {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Durable => Ok(()),
            Outcome::Unavailable(words) => Err(StorageError::Unavailable(words)),
            Outcome::Corrupt(words) => Err(StorageError::Corrupt(words)),
        }
    }
}

/// One write, whose turn it is. Dropped without [`Write::commit`], it leaves everything as it was.
#[derive(Debug)]
pub struct Write {
    /// With a batch in it; none: handed on.
    turn: Option<OwnedMutexGuard<Turn>>,
    queue: Arc<Mutex<Turn>>,
    waiting: Arc<AtomicUsize>,
}

impl Writer {
    pub(super) fn new(pool: SqlitePool) -> Self {
        Self {
            pool,
            turn: Arc::default(),
            waiting: Arc::default(),
        }
    }

    /// For tests that tamper with the connection.
    #[cfg(test)]
    pub(super) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    pub(super) async fn begin(&self) -> Result<Write, StorageError> {
        let mut turn = {
            let _waiting = Waiting::among(&self.waiting);
            Arc::clone(&self.turn).lock_owned().await
        };
        match &mut turn.batch {
            Some(batch) => {
                let statement = match batch.savepoint {
                    Savepoint::Old => "release job; savepoint job",
                    Savepoint::None | Savepoint::Unknown => "savepoint job",
                };
                batch.savepoint = Savepoint::Unknown;
                if let Err(error) = batch.transaction.execute(statement).await {
                    let error = StorageError::from(error);
                    turn.give_up(&error);
                    return Err(error);
                }
                batch.savepoint = Savepoint::Old;
            }
            None => {
                let batch = Batch {
                    transaction: self.pool.begin_with("begin immediate").await?,
                    done: 0,
                    savepoint: Savepoint::None,
                    began: Stopwatch::now(),
                    outcome: watch::Sender::new(None),
                };
                turn.number += 1;
                turn.batch = Some(batch);
            }
        }
        Ok(Write {
            turn: Some(turn),
            queue: Arc::clone(&self.turn),
            waiting: Arc::clone(&self.waiting),
        })
    }

    /// Waits until nobody writes, and closes the connection.
    pub(super) async fn close(&self) {
        let turn = self.turn.lock().await;
        self.pool.close().await;
        drop(turn);
    }
}

/// Counts somebody as waiting for his turn.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn among(all: &'a AtomicUsize) -> Self {
        all.fetch_add(1, Ordering::Relaxed);
        Self(all)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Write {
    /// Makes the write durable, with those that share its transaction.
    ///
    /// # Errors
    /// Nothing of the batch was written.
    pub async fn commit(mut self) -> Result<(), StorageError> {
        let mut turn = self.turn.take().expect("it is handed on once");
        let number = turn.number;
        let batch = turn.batch.as_mut().expect("whose turn it is has the batch");
        batch.done += 1;
        if batch.done == 1 && self.waiting.load(Ordering::Relaxed) == 0 {
            let alone = turn.batch.take().expect("it was there");
            return Ok(alone.transaction.commit().await?);
        }
        let mut outcome = batch.outcome.subscribe();
        if batch.done >= MOST || batch.began.elapsed() >= LONGEST {
            // Tasks of their own: whoever stops waiting for its write must not leave the others' undone.
            tokio::spawn(finish(turn));
        } else {
            if batch.done == 1 {
                let queue = Arc::clone(&self.queue);
                tokio::spawn(async move {
                    let turn = queue.lock_owned().await;
                    if turn.number == number {
                        finish(turn).await;
                    }
                });
            }
            drop(turn);
        }
        match outcome.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(Outcome::Durable).into(),
            Err(_) => Err(StorageError::Unavailable(
                "the write was given up with others".to_owned(),
            )),
        }
    }
}

/// Commits the batch, and tells those in it.
async fn finish(mut turn: OwnedMutexGuard<Turn>) {
    if let Some(batch) = turn.batch.take() {
        let committed = batch.transaction.commit().await.map_err(StorageError::from);
        // The next may begin before those in this one have been woken.
        drop(turn);
        batch.outcome.send_replace(Some(committed.into()));
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        let Some(mut turn) = self.turn.take() else { return };
        let alone = turn.batch.as_ref().is_none_or(|batch| batch.done == 0);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            turn.batch = None;
            return;
        };
        if alone {
            // Dropping the transaction rolls it back.
            turn.batch = None;
            return;
        }
        runtime.spawn(async move {
            let Some(batch) = &mut turn.batch else { return };
            match batch.transaction.execute("rollback to job; release job").await {
                Ok(_) => batch.savepoint = Savepoint::None,
                // SQLite has rolled back by itself all that was in the transaction: the disk is full, say.
                Err(error) => turn.give_up(&error.into()),
            }
        });
    }
}

impl Deref for Write {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        let batch = self.turn.as_ref().and_then(|turn| turn.batch.as_ref());
        &batch.expect("whose turn it is has the batch").transaction
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        let batch = self.turn.as_mut().and_then(|turn| turn.batch.as_mut());
        &mut batch.expect("whose turn it is has the batch").transaction
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::Context;

    use futures_util::future::join_all;
    use tempfile::TempDir;

    use super::super::SqliteStorage;
    use super::*;

    async fn open() -> (SqliteStorage, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStorage::open(&folder.path().join("store.sqlite")).await.unwrap();
        let mut write = store.write().await.unwrap();
        sqlx::query("create table note (text text primary key) strict")
            .execute(&mut *write)
            .await
            .unwrap();
        write.commit().await.unwrap();
        (store, folder)
    }

    /// Commits in the write-ahead log: frames that say how large the file is after them (SQLite file format, 4.1).
    fn commits(folder: &TempDir) -> usize {
        let log = std::fs::read(folder.path().join("store.sqlite-wal")).unwrap();
        let page = u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
        log[32..]
            .chunks_exact(24 + page)
            .filter(|frame| frame[4..8] != [0; 4])
            .count()
    }

    async fn put(store: &SqliteStorage, text: &str) -> Result<(), StorageError> {
        let mut write = store.write().await?;
        sqlx::query("insert into note (text) values ($1)")
            .bind(text)
            .execute(&mut *write)
            .await?;
        write.commit().await
    }

    async fn notes(store: &SqliteStorage) -> Vec<String> {
        sqlx::query_scalar("select text from note order by text")
            .fetch_all(store.readers())
            .await
            .unwrap()
    }

    /// Many that ask while one writes; none has its turn before all of them wait.
    async fn together(store: &SqliteStorage, texts: &[&str]) -> Vec<Result<(), StorageError>> {
        let first = store.write().await.unwrap();
        let mut writes: Vec<_> = texts.iter().map(|text| Box::pin(put(store, text))).collect();
        let mut context = Context::from_waker(std::task::Waker::noop());
        for write in &mut writes {
            assert!(write.as_mut().poll(&mut context).is_pending());
        }
        drop(first);
        join_all(writes).await
    }

    #[tokio::test]
    async fn writes_that_wait_together_are_one_commit_and_one_alone_is_its_own() {
        let (store, folder) = open().await;
        let before = commits(&folder);
        put(&store, "alone").await.unwrap();
        assert_eq!(commits(&folder), before + 1);
        for done in together(&store, &["a", "b", "c", "d"]).await {
            done.unwrap();
        }
        assert_eq!(commits(&folder), before + 2);
        assert_eq!(notes(&store).await, ["a", "alone", "b", "c", "d"]);
    }

    #[tokio::test]
    async fn a_write_that_fails_takes_back_its_own_and_nobody_elses() {
        let (store, _folder) = open().await;
        put(&store, "taken").await.unwrap();
        for place in 0..4 {
            let names: Vec<String> = (0..4).map(|n| format!("{place} {n}")).collect();
            let mut texts: Vec<&str> = names.iter().map(String::as_str).collect();
            texts[place] = "taken";
            let done = together(&store, &texts).await;
            let refused: Vec<usize> = (0..4).filter(|n| done[*n].is_err()).collect();
            assert_eq!(refused, [place]);
        }
        assert_eq!(notes(&store).await.len(), 1 + 4 * 3);
    }

    #[tokio::test]
    async fn whoever_stops_waiting_leaves_the_others_their_answer() {
        let (store, _folder) = open().await;
        let first = store.write().await.unwrap();
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut kept = pin!(put(&store, "kept"));
        let mut dropped = Box::pin(put(&store, "dropped"));
        let mut last = pin!(put(&store, "last"));
        assert!(kept.as_mut().poll(&mut context).is_pending());
        assert!(dropped.as_mut().poll(&mut context).is_pending());
        assert!(last.as_mut().poll(&mut context).is_pending());
        drop(first);
        drop(dropped);
        let (kept, last) = tokio::join!(kept, last);
        kept.unwrap();
        last.unwrap();
        assert_eq!(notes(&store).await, ["kept", "last"]);
    }

    #[tokio::test]
    async fn nobody_is_answered_before_the_commit_that_covers_him() {
        let (store, _folder) = open().await;
        let first = store.write().await.unwrap();
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut waits = pin!(put(&store, "waits"));
        let mut holds = pin!(store.write());
        assert!(waits.as_mut().poll(&mut context).is_pending());
        assert!(holds.as_mut().poll(&mut context).is_pending());
        drop(first);
        // The one behind has its turn only when the one before has done its part.
        let held = tokio::select! {
            done = &mut waits => panic!("answered in an open transaction: {done:?}"),
            held = &mut holds => held.unwrap(),
        };
        assert_eq!(notes(&store).await, Vec::<String>::new());
        assert!(waits.as_mut().poll(&mut context).is_pending());
        drop(held);
        waits.await.unwrap();
        assert_eq!(notes(&store).await, ["waits"]);
    }

    #[tokio::test]
    async fn a_disk_that_is_full_takes_the_whole_batch_back_and_the_next_one_goes_on() {
        let (store, _folder) = open().await;
        sqlx::query("pragma max_page_count = 1")
            .execute(store.writer.pool())
            .await
            .unwrap();
        let long = "x".repeat(100_000);
        let done = together(&store, &["a", &long, "b"]).await;
        assert!(
            matches!(&done[1], Err(StorageError::Unavailable(words)) if words.contains("full")),
            "{done:?}"
        );
        let kept = notes(&store).await;
        for (text, done) in ["a", &long, "b"].iter().zip(&done) {
            assert_eq!(done.is_ok(), kept.iter().any(|kept| kept == text), "{done:?}");
        }
        put(&store, &long).await.unwrap();
    }
}
