//! Connections that are kept, and transactions on them.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::future;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Address, Connection, Error, FromRow, Parameter, Result};

/// A connection that has been idle for this long is asked whether it still is one before it is used. A write that is one statement
/// is not made again where its connection turns out to be gone: the server may have carried it out. So that is found out before,
/// but by those who are in a hurry, one after the other.
const IDLE: Duration = Duration::from_millis(250);
/// One that nobody has used for this long is closed.
const UNUSED: Duration = Duration::from_secs(600);
/// How often is looked for those.
const LOOK: Duration = Duration::from_secs(60);
/// How long a connection has to come to rest, before it is hung up.
const REST: Duration = Duration::from_secs(5);
/// Pauses between attempts to reach a server that is starting.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(1)];

/// Connections to one database, at most so many. All clones are the same ones.
#[derive(Clone)]
pub struct Pool(Arc<Connections>);

struct Connections {
    address: Address,
    most: u32,
    /// How long a caller waits for a connection.
    turn: Duration,
    turns: Arc<Semaphore>,
    /// Those that nobody uses, with the moment since when; the last is taken first, so that as few are used as will do.
    idle: Mutex<Vec<(Instant, Connection)>>,
    /// Somebody closes those that are not used any more.
    looked_after: AtomicBool,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.0.address).finish()
    }
}

impl Pool {
    /// Connections that are made as they are needed, so many at most; who wants one waits so long at most for it.
    #[must_use]
    pub fn new(address: Address, most: u32, turn: Duration) -> Self {
        Self(Arc::new(Connections {
            address,
            most,
            turn,
            turns: Arc::new(Semaphore::new(most as usize)),
            idle: Mutex::default(),
            looked_after: AtomicBool::new(false),
        }))
    }

    /// A connection of one's own for a while.
    ///
    /// # Errors
    /// None comes free in time, or the server can't be reached in it; or the server refuses.
    pub async fn acquire(&self) -> Result<Pooled> {
        let mut last = None;
        match tokio::time::timeout(self.0.turn, self.turn(&mut last)).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::Late(last.map(Box::new))),
        }
    }

    async fn turn(&self, last: &mut Option<Error>) -> Result<Pooled> {
        let turns = Arc::clone(&self.0.turns);
        let turn = turns.acquire_owned().await.map_err(|_| Error::Closed)?;
        let connection = match self.resting().await {
            Some(connection) => connection,
            None => self.open(last).await?,
        };
        Ok(Pooled {
            connection: Some((connection, turn)),
            pool: Arc::clone(&self.0),
        })
    }

    /// One that is there already, and still is one.
    async fn resting(&self) -> Option<Connection> {
        loop {
            let (since, connection) = self.0.idle().pop()?;
            if since.elapsed() <= IDLE && !connection.is_closed() {
                return Some(connection);
            }
            if connection.ping().await.is_ok() {
                return Some(connection);
            }
        }
    }

    async fn open(&self, last: &mut Option<Error>) -> Result<Connection> {
        if !self.0.looked_after.swap(true, Ordering::Relaxed) {
            tokio::spawn(close_unused(Arc::downgrade(&self.0)));
        }
        let [mut pause, longest] = PAUSES;
        loop {
            match Connection::open(&self.0.address).await {
                Err(error) if error.may_pass() => *last = Some(error),
                done => return done,
            }
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(longest);
        }
    }

    /// A transaction; dropped without [`commit`](Transaction::commit), it leaves everything as it was.
    ///
    /// # Errors
    /// As those of [`Pool::acquire`]; the connection turns out to be gone.
    pub async fn begin(&self) -> Result<Transaction> {
        self.begin_with("begin").await
    }

    /// The same, begun with these words.
    ///
    /// # Errors
    /// As those of [`Pool::begin`].
    pub async fn begin_with(&self, how: &str) -> Result<Transaction> {
        let connection = self.acquire().await?;
        connection.begin(how).await?;
        Ok(Transaction(connection))
    }

    /// A transaction with the rows of its first statement, which goes to the server together with its beginning. It may lock and must
    /// not write: where the beginning is refused, it is carried out by itself.
    ///
    /// # Errors
    /// As those of [`Pool::begin`] and [`Connection::fetch_all`].
    pub async fn begin_reading<R: FromRow>(
        &self,
        sql: &str,
        parameters: &[&dyn Parameter],
    ) -> Result<(Transaction, Vec<R>)> {
        let connection = self.acquire().await?;
        // Both are polled in this order, and go to the server so.
        let (begun, rows) = future::join(connection.begin("begin"), connection.fetch_all(sql, parameters)).await;
        begun?;
        Ok((Transaction(connection), rows?))
    }

    /// [`Connection::fetch_all`] on any connection.
    ///
    /// # Errors
    /// As those of [`Pool::acquire`] too.
    pub async fn fetch_all<R: FromRow>(&self, sql: &str, parameters: &[&dyn Parameter]) -> Result<Vec<R>> {
        self.acquire().await?.fetch_all(sql, parameters).await
    }

    /// [`Connection::fetch_optional`] on any connection.
    ///
    /// # Errors
    /// As those of [`Pool::acquire`] too.
    pub async fn fetch_optional<R: FromRow>(&self, sql: &str, parameters: &[&dyn Parameter]) -> Result<Option<R>> {
        self.acquire().await?.fetch_optional(sql, parameters).await
    }

    /// [`Connection::fetch_one`] on any connection.
    ///
    /// # Errors
    /// As those of [`Pool::acquire`] too.
    pub async fn fetch_one<R: FromRow>(&self, sql: &str, parameters: &[&dyn Parameter]) -> Result<R> {
        self.acquire().await?.fetch_one(sql, parameters).await
    }

    /// [`Connection::execute`] on any connection.
    ///
    /// # Errors
    /// As those of [`Pool::acquire`] too.
    pub async fn execute(&self, sql: &str, parameters: &[&dyn Parameter]) -> Result<u64> {
        self.acquire().await?.execute(sql, parameters).await
    }

    /// [`Connection::run`] on any connection.
    ///
    /// # Errors
    /// As those of [`Pool::acquire`] too.
    pub async fn run(&self, script: &str) -> Result<()> {
        self.acquire().await?.run(script).await
    }

    /// Where they lead.
    pub(crate) fn address(&self) -> &Address {
        &self.0.address
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.turns.is_closed()
    }

    /// Closes all of them once what they do has ended. Nobody gets one any more.
    pub async fn close(&self) {
        let all = self.0.turns.acquire_many(self.0.most).await;
        self.0.turns.close();
        drop(all);
        let idle = std::mem::take(&mut *self.0.idle());
        future::join_all(idle.into_iter().map(|(_, connection)| connection.close())).await;
    }
}

impl Connections {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(Instant, Connection)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps it for the next.
    fn keep(&self, connection: Connection) {
        if !connection.is_spent() {
            self.idle().push((Instant::now(), connection));
        }
    }
}

/// Closes what nobody uses, as long as there is somebody who could.
async fn close_unused(pool: Weak<Connections>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(pool) = pool.upgrade() else { return };
        pool.idle()
            .retain(|(since, connection)| since.elapsed() < UNUSED && !connection.is_spent());
    }
}

/// A connection that goes back when it is dropped.
pub struct Pooled {
    /// Until it goes back.
    connection: Option<(Connection, OwnedSemaphorePermit)>,
    pool: Arc<Connections>,
}

impl Deref for Pooled {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        let (connection, _) = self.connection.as_ref().expect("it goes back when this is dropped");
        connection
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let Some((connection, turn)) = self.connection.take() else {
            return;
        };
        if connection.is_at_rest() {
            self.pool.keep(connection);
        } else if let Ok(runtime) = Handle::try_current() {
            let pool = Arc::clone(&self.pool);
            runtime.spawn(async move {
                if let Ok(Ok(())) = tokio::time::timeout(REST, connection.tidy()).await {
                    pool.keep(connection);
                }
                drop(turn);
            });
        }
    }
}

/// A transaction: dropped without a commit, it leaves everything as it was.
pub struct Transaction(Pooled);

impl Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl Transaction {
    /// Makes it last.
    ///
    /// # Errors
    /// The server refuses, and everything is as it was; or the connection is gone, and it may have been made to last.
    pub async fn commit(self) -> Result<()> {
        self.0.end("commit").await
    }

    /// Makes it last together with this statement, which goes to the server with the word to do so. Where it is refused, so is all.
    ///
    /// # Errors
    /// As those of [`Transaction::commit`].
    pub async fn commit_after(self, sql: &str, parameters: &[&dyn Parameter]) -> Result<()> {
        self.0.prepare(sql, parameters).await?;
        let (done, committed) = future::join(self.0.execute(sql, parameters), self.0.end("commit")).await;
        done?;
        committed
    }

    /// Leaves everything as it was.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn rollback(self) -> Result<()> {
        self.0.end("rollback").await
    }
}
