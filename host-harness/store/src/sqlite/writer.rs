//! The one writer of a process: a thread with the connection that writes, which takes writes in the order of asking.
//!
//! Those that wait for their turn at the same time share one transaction, and its fsync. A batch is one
//! `BEGIN IMMEDIATE … COMMIT`; from the second on each write in it has a savepoint of its own, so that one which fails takes back
//! what it did and nothing else. None is answered before the `COMMIT` that covers what it has read and written: what is shared is
//! the wait for the disk, never the promise. A batch is what came together during the fsync before it, so a write that comes
//! alone waits for nobody.
//!
//! A write is a function of the connection that is carried out on this thread from its first statement to its last: a
//! statement costs what SQLite does for it, and whoever asked is woken once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant as Stopwatch};

use rusqlite::Connection;
use tokio::sync::oneshot;
use tracing::Span;

use super::statement::execute;
use crate::StorageError;

/// Most writes of one batch.
const MOST: usize = 256;
/// A batch that has been open for so long takes no further write: those in it wait to be answered.
const LONGEST: Duration = Duration::from_millis(50);
/// How long the end of a store waits for other processes to let go of its log.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// Whoever wants to write asks here.
#[derive(Debug)]
pub(super) struct Writer {
    asks: Sender<Ask>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum Ask {
    Write(Box<dyn Write>),
    /// Those before it are carried out, none after it.
    Close,
}

/// What the thread knows of a write.
trait Write: Send {
    /// Nobody waits for it any more.
    fn abandoned(&self) -> bool;
    /// Does what it has to, or some of it; true: that is to be kept.
    fn carry_out(&mut self, on: &Connection) -> bool;
    /// Answers what it came to, or that the transaction it was in did not come to an end.
    fn answer(self: Box<Self>, shared: Result<(), StorageError>);
}

struct Asked<F, T, E> {
    work: F,
    came_to: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
    /// What is logged of it belongs where it was asked.
    span: Span,
}

impl<F, T, E> Write for Asked<F, T, E>
where
    F: FnMut(&Connection) -> Result<T, E> + Send,
    T: Send,
    E: From<StorageError> + Send,
{
    fn abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn carry_out(&mut self, on: &Connection) -> bool {
        let within = self.span.enter();
        // What a panic leaves half done is rolled back, and the thread is needed for years.
        let came_to = catch_unwind(AssertUnwindSafe(|| (self.work)(on)))
            .unwrap_or_else(|_| Err(StorageError::Unavailable("the write panicked".to_owned()).into()));
        drop(within);
        self.came_to.insert(came_to).is_ok()
    }

    fn answer(self: Box<Self>, shared: Result<(), StorageError>) {
        let answer = match (shared, self.came_to) {
            (Ok(()), Some(came_to)) => came_to,
            (Ok(()), None) => Err(gone().into()),
            (Err(error), _) => Err(error.into()),
        };
        // Whoever does not wait any more does not need it.
        let _ = self.answer.send(answer);
    }
}

fn gone() -> StorageError {
    StorageError::Unavailable("the store is closed".to_owned())
}

impl Writer {
    /// Writes by this connection from now on.
    pub(super) fn of(connection: Connection) -> Result<Self, StorageError> {
        let (asks, asked) = channel();
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || serve(&connection, &asked))
            .map_err(|error| StorageError::Unavailable(format!("could not start the writer thread: {error}")))?;
        Ok(Self {
            asks,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Carries `work` out in a transaction, which it shares with what others write; its answer, once that is durable. Where it
    /// answers an error, nothing of it is written; the same if this future is dropped before its turn has come. It is called again
    /// where the first transaction came to nothing.
    ///
    /// # Errors
    /// Those of `work`, or the transaction came to nothing.
    pub(super) async fn write<T, E>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let asked = Asked {
            work,
            came_to: None,
            answer,
            span: Span::current(),
        };
        self.asks.send(Ask::Write(Box::new(asked))).map_err(|_| gone())?;
        answered.await.unwrap_or_else(|_| Err(gone().into()))
    }

    /// Waits until all that was asked is written, and closes the connection.
    pub(super) async fn close(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && self.asks.send(Ask::Close).is_ok()
        {
            let ended = tokio::task::spawn_blocking(|| thread.join()).await;
            debug_assert!(matches!(ended, Ok(Ok(()))), "a panic of a write stays in it");
        }
    }
}

fn serve(on: &Connection, asked: &Receiver<Ask>) {
    while let Ok(Ask::Write(first)) = asked.recv() {
        if Batch::default().fill(on, first, asked) {
            break;
        }
    }
    empty_log(on);
}

/// Writes all of the write-ahead log to the file, and makes it empty. Another process that reads or writes keeps it from that; then
/// that one does it.
fn empty_log(on: &Connection) {
    let emptied = on
        .busy_timeout(LAST_WAIT)
        .and_then(|()| on.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get(0)));
    match emptied {
        Ok(0) => {}
        Ok(_) => tracing::debug!("another process uses the store's log, and empties it when it stops"),
        Err(error) => tracing::debug!(%error, "the store's log could not be emptied"),
    }
}

/// Writes of one transaction.
#[derive(Default)]
struct Batch {
    /// Those that have done their part; none: no transaction is open.
    done: Vec<Box<dyn Write>>,
}

impl Batch {
    /// Carries out the first and those that wait; true: the next is to close.
    fn fill(mut self, on: &Connection, first: Box<dyn Write>, asked: &Receiver<Ask>) -> bool {
        let began = Stopwatch::now();
        let mut next = Some(first);
        let mut close = false;
        while let Some(write) = next.take() {
            if !write.abandoned() && !self.take_in(on, write) {
                return false;
            }
            if self.done.len() < MOST && began.elapsed() < LONGEST {
                match asked.try_recv() {
                    Ok(Ask::Write(write)) => next = Some(write),
                    Ok(Ask::Close) => close = true,
                    Err(_) => {}
                }
            }
        }
        self.commit(on);
        close
    }

    /// Carries a write out; false: the batch is over, and all in it are answered.
    fn take_in(&mut self, on: &Connection, mut write: Box<dyn Write>) -> bool {
        if self.done.is_empty() {
            return self.begin(on, write);
        }
        if let Err(error) = execute(on, "savepoint write", []) {
            write.answer(Err(error));
            return self.go_on(on);
        }
        let kept = write.carry_out(on);
        self.done.push(write);
        if on.is_autocommit() {
            return self.go_on(on);
        }
        let undone = if kept {
            Ok(0)
        } else {
            execute(on, "rollback to write", [])
        };
        match undone.and_then(|_| execute(on, "release write", [])) {
            Ok(_) => true,
            Err(_) => {
                self.one_by_one(on);
                false
            }
        }
    }

    /// The first of a batch: with it goes all that there is in the transaction.
    fn begin(&mut self, on: &Connection, mut write: Box<dyn Write>) -> bool {
        if let Err(error) = execute(on, "begin immediate", []) {
            write.answer(Err(error));
        } else if write.carry_out(on) {
            self.done.push(write);
        } else {
            write.answer(rollback(on));
        }
        true
    }

    /// Is the transaction still open? Where the disk is full, say, SQLite takes back by itself all that was in it.
    fn go_on(&mut self, on: &Connection) -> bool {
        let open = !on.is_autocommit();
        if !open {
            self.one_by_one(on);
        }
        open
    }

    fn commit(mut self, on: &Connection) {
        if self.done.is_empty() {
            return;
        }
        match execute(on, "commit", []) {
            Ok(_) => self.done.drain(..).for_each(|write| write.answer(Ok(()))),
            Err(_) => self.one_by_one(on),
        }
    }

    /// Takes all of it back, and carries each out again in a transaction of its own.
    fn one_by_one(&mut self, on: &Connection) {
        let taken_back = rollback(on);
        for mut write in self.done.drain(..) {
            let begun = taken_back.clone().and_then(|()| execute(on, "begin immediate", []));
            let ended = begun.and_then(|_| match write.carry_out(on) {
                true => execute(on, "commit", []).map(drop),
                false => rollback(on),
            });
            if ended.is_err() {
                // What could not be committed is still open.
                let _ = rollback(on);
            }
            write.answer(ended);
        }
    }
}

/// Takes back what SQLite has not taken back by itself.
fn rollback(on: &Connection) -> Result<(), StorageError> {
    match on.is_autocommit() {
        true => Ok(()),
        false => execute(on, "rollback", []).map(drop),
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::Context;

    use futures_util::future::join_all;
    use tempfile::TempDir;
    use tokio::task::JoinHandle;

    use super::super::SqliteStorage;
    use super::super::statement::values;
    use super::super::tests::limit;
    use super::*;
    use crate::Storage as _;

    async fn open() -> (SqliteStorage, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStorage::open(&folder.path().join("store.sqlite")).await.unwrap();
        let made = store.write(|on| execute(on, "create table note (text text primary key) strict", []));
        made.await.unwrap();
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
        let text = text.to_owned();
        let put = store.write(move |on| execute(on, "insert into note (text) values (?1)", [&text]));
        put.await.map(drop)
    }

    async fn notes(store: &SqliteStorage) -> Vec<String> {
        let notes = store.read_aside(|on| values(on, "select text from note order by text", []));
        notes.await.unwrap()
    }

    /// A write whose turn it is until it is let go.
    struct Held {
        go: Sender<()>,
        write: JoinHandle<Result<(), StorageError>>,
    }

    impl Held {
        async fn of(store: &Arc<SqliteStorage>) -> Self {
            let (go, gone) = channel();
            let (begun, begins) = oneshot::channel();
            let mut begun = Some(begun);
            let store = Arc::clone(store);
            let write = tokio::spawn(async move {
                let held = store.write(move |_| {
                    if let Some(begun) = begun.take() {
                        let _ = begun.send(());
                    }
                    let _ = gone.recv();
                    Ok(())
                });
                held.await
            });
            begins.await.unwrap();
            Self { go, write }
        }

        async fn let_go(self) -> Result<(), StorageError> {
            drop(self.go);
            self.write.await.unwrap()
        }
    }

    /// Many that ask while one writes; none has its turn before all of them wait.
    async fn together(store: &Arc<SqliteStorage>, texts: &[&str]) -> Vec<Result<(), StorageError>> {
        let first = Held::of(store).await;
        let mut writes: Vec<_> = texts.iter().map(|text| Box::pin(put(store, text))).collect();
        let mut context = Context::from_waker(std::task::Waker::noop());
        for write in &mut writes {
            assert!(write.as_mut().poll(&mut context).is_pending());
        }
        // What becomes of them becomes of it: they share a transaction.
        let (done, _) = tokio::join!(join_all(writes), first.let_go());
        done
    }

    #[tokio::test]
    async fn writes_that_wait_together_are_one_commit_and_one_alone_is_its_own() {
        let (store, folder) = open().await;
        let store = Arc::new(store);
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
        let store = Arc::new(store);
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
    async fn a_write_that_fails_or_panics_halfway_leaves_nothing_and_the_next_one_goes_on() {
        let (store, _folder) = open().await;
        let half = store.write(|on| {
            execute(on, "insert into note (text) values ('half')", [])?;
            Err::<(), _>(StorageError::Corrupt("no more".to_owned()))
        });
        assert!(half.await.is_err());
        let panicked = store.write(|on| {
            execute(on, "insert into note (text) values ('half')", [])?;
            let nothing: Vec<StorageError> = Vec::new();
            Err::<(), _>(nothing.into_iter().next().expect("somebody made a mistake"))
        });
        assert!(panicked.await.unwrap_err().to_string().contains("panicked"));
        put(&store, "next").await.unwrap();
        assert_eq!(notes(&store).await, ["next"]);
    }

    #[tokio::test]
    async fn whoever_stops_waiting_leaves_the_others_their_answer() {
        let (store, _folder) = open().await;
        let store = Arc::new(store);
        let first = Held::of(&store).await;
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut kept = pin!(put(&store, "kept"));
        let mut dropped = Box::pin(put(&store, "dropped"));
        let mut last = pin!(put(&store, "last"));
        assert!(kept.as_mut().poll(&mut context).is_pending());
        assert!(dropped.as_mut().poll(&mut context).is_pending());
        assert!(last.as_mut().poll(&mut context).is_pending());
        drop(dropped);
        first.let_go().await.unwrap();
        let (kept, last) = tokio::join!(kept, last);
        kept.unwrap();
        last.unwrap();
        assert_eq!(notes(&store).await, ["kept", "last"]);
    }

    #[tokio::test]
    async fn nobody_is_answered_before_the_commit_that_covers_him() {
        let (store, _folder) = open().await;
        let store = Arc::new(store);
        let first = Held::of(&store).await;
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut waits = pin!(put(&store, "waits"));
        assert!(waits.as_mut().poll(&mut context).is_pending());
        let behind = tokio::spawn({
            let store = Arc::clone(&store);
            async move { Held::of(&store).await }
        });
        // Both ask before the first has ended, so all three are one batch; the last has its turn when the others did theirs.
        tokio::task::yield_now().await;
        drop(first.go);
        let behind = behind.await.unwrap();
        assert_eq!(notes(&store).await, Vec::<String>::new());
        assert!(waits.as_mut().poll(&mut context).is_pending());
        behind.let_go().await.unwrap();
        waits.await.unwrap();
        first.write.await.unwrap().unwrap();
        assert_eq!(notes(&store).await, ["waits"]);
    }

    #[tokio::test]
    async fn what_a_full_disk_has_no_room_for_takes_back_its_own_and_nobody_elses() {
        let (store, _folder) = open().await;
        let store = Arc::new(store);
        limit(&store, 1).await;
        let long = "x".repeat(100_000);
        let done = together(&store, &["a", &long, "b"]).await;
        assert!(
            matches!(&done[1], Err(StorageError::Unavailable(words)) if words.contains("full")),
            "{done:?}"
        );
        assert!(done[0].is_ok() && done[2].is_ok(), "{done:?}");
        assert_eq!(notes(&store).await, ["a", "b"]);
        limit(&store, u32::MAX - 1).await;
        put(&store, &long).await.unwrap();
    }

    #[tokio::test]
    async fn what_was_asked_before_closing_is_written_and_what_is_asked_after_it_is_refused() {
        let (store, folder) = open().await;
        let store = Arc::new(store);
        let first = Held::of(&store).await;
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut before = pin!(put(&store, "before"));
        assert!(before.as_mut().poll(&mut context).is_pending());
        let (before, (), first) = tokio::join!(before, store.close(), first.let_go());
        before.unwrap();
        first.unwrap();
        assert!(put(&store, "after").await.unwrap_err().to_string().contains("closed"));
        let again = SqliteStorage::open(&folder.path().join("store.sqlite")).await.unwrap();
        assert_eq!(notes(&again).await, ["before"]);
    }
}
