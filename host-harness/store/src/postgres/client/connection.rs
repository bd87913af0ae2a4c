//! One connection, and what is asked on it.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt as _};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, RowStream, Statement};

use super::{Address, Error, Found, FromRow, Parameter, Result};
use crate::StorageError;

/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS: usize = 256;
/// One of this age is not used again: what the server keeps for it grows, and another server may have come by now.
const OLD: Duration = Duration::from_secs(1800);
/// How long it may take to say good-bye.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection of its own: dropped, it is closed.
pub struct Connection {
    client: Client,
    statements: Mutex<HashMap<String, Statement>>,
    /// What carries questions to the server and answers back.
    carrying: JoinHandle<()>,
    /// Questions whose answers are still to come, perhaps with nobody left who waits for them.
    unanswered: AtomicUsize,
    in_transaction: AtomicBool,
    /// Its server only reads, as after a failover: another connection may lead to the one that writes.
    only_reads: AtomicBool,
    made: Instant,
    /// Told of each notice of the server, and when the connection ends.
    heard: Arc<Notify>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// The server can't be reached, or refuses.
    pub async fn open(address: &Address) -> Result<Self> {
        let connecting = address.config.connect(address.tls.clone());
        let (client, mut socket) = connecting.await.map_err(Error::Unreached)?;
        let heard = Arc::new(Notify::new());
        let hearing = Arc::clone(&heard);
        let carrying = tokio::spawn(async move {
            while let Some(message) = poll_fn(|cx| socket.poll_message(cx)).await {
                match message {
                    Ok(AsyncMessage::Notification(_)) => hearing.notify_one(),
                    Ok(AsyncMessage::Notice(notice)) => tracing::debug!(notice = notice.message(), "PostgreSQL"),
                    Ok(_) => {}
                    // Whoever asks next is told.
                    Err(_) => break,
                }
            }
            hearing.notify_one();
        });
        Ok(Self {
            client,
            statements: Mutex::default(),
            carrying,
            unanswered: AtomicUsize::new(0),
            in_transaction: AtomicBool::new(false),
            only_reads: AtomicBool::new(false),
            made: Instant::now(),
            heard,
        })
    }

    /// All rows that a statement answers.
    ///
    /// # Errors
    /// The server refuses, or the connection is gone; or the rows are others than expected.
    pub async fn fetch_all<R: FromRow>(&self, sql: &str, parameters: &[&dyn Parameter]) -> Result<Vec<R>> {
        let mut rows = self.stream(sql, parameters).await?;
        let mut read = Vec::new();
        while let Some(row) = rows.next().await {
            read.push(R::from_row(row?)?);
        }
        Ok(read)
    }

    /// The first row that a statement answers.
    ///
    /// # Errors
    /// As those of [`Connection::fetch_all`].
    pub async fn fetch_optional<R: FromRow>(&self, sql: &str, parameters: &[&dyn Parameter]) -> Result<Option<R>> {
        let mut rows = self.stream(sql, parameters).await?;
        let mut first = None;
        while let Some(row) = rows.next().await {
            first.get_or_insert(row?);
        }
        first.map(R::from_row).transpose()
    }

    /// The one row that a statement answers, whatever it is asked of.
    ///
    /// # Errors
    /// As those of [`Connection::fetch_all`]; there is none.
    pub async fn fetch_one<R: FromRow>(&self, sql: &str, parameters: &[&dyn Parameter]) -> Result<R> {
        let first = self.fetch_optional(sql, parameters).await?;
        first.ok_or_else(|| StorageError::Corrupt(format!("no row is answered to: {sql}")).into())
    }

    /// Carries a statement out; the number of rows that it has touched.
    ///
    /// # Errors
    /// The server refuses, or the connection is gone.
    pub async fn execute(&self, sql: &str, parameters: &[&dyn Parameter]) -> Result<u64> {
        tracing::debug!(target: "sql", summary = sql);
        let values: Vec<_> = parameters.iter().map(|parameter| parameter.value()).collect();
        let asking = async {
            let statement = self.prepared(sql, parameters).await?;
            Ok(self.client.execute_raw(&statement, values).await?)
        };
        self.answered(asking).await
    }

    /// Rows as they come. Where not all of them are read, the connection waits for the rest before it is used again.
    ///
    /// # Errors
    /// As those of [`Connection::fetch_all`].
    pub async fn stream(&self, sql: &str, parameters: &[&dyn Parameter]) -> Result<Rows<'_>> {
        tracing::debug!(target: "sql", summary = sql);
        let values: Vec<_> = parameters.iter().map(|parameter| parameter.value()).collect();
        let asking = async {
            let statement = self.prepared(sql, parameters).await?;
            Ok(Box::pin(self.client.query_raw(&statement, values).await?))
        };
        let rows = self.answered(asking).await?;
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        Ok(Rows {
            rows,
            connection: self,
            ended: false,
        })
    }

    /// Carries out statements without parameters, one after the other.
    ///
    /// # Errors
    /// As those of [`Connection::execute`].
    pub async fn run(&self, script: &str) -> Result<()> {
        self.answered(async { Ok(self.client.batch_execute(script).await?) })
            .await
    }

    /// Waits for a notice after `LISTEN`, or for the end of the connection.
    pub async fn heard(&self) {
        self.heard.notified().await;
    }

    /// Closes it, and answers when it is closed.
    pub async fn close(self) {
        let ended = Arc::clone(&self.heard);
        drop(self);
        let _ = tokio::time::timeout(FAREWELL, ended.notified()).await;
    }

    /// Is nobody at the other end any more?
    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Does it wait for nothing, and has nothing open?
    pub(super) fn is_at_rest(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) == 0 && !self.in_transaction.load(Ordering::Relaxed)
    }

    /// Is another connection worth more than this one?
    pub(super) fn is_spent(&self) -> bool {
        self.is_closed() || self.only_reads.load(Ordering::Relaxed) || self.made.elapsed() > OLD
    }

    /// Asks whether it still is one.
    pub(super) async fn ping(&self) -> Result<()> {
        self.run("").await
    }

    pub(super) async fn begin(&self, how: &str) -> Result<()> {
        self.in_transaction.store(true, Ordering::Relaxed);
        self.run(how).await
    }

    /// Ends a transaction with `commit` or `rollback`.
    pub(super) async fn end(&self, how: &str) -> Result<()> {
        self.run(how).await?;
        self.in_transaction.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Waits for what nobody waits for any more, and leaves everything as it was before what is open.
    pub(super) async fn tidy(&self) -> Result<()> {
        // Every answer comes after those to what was asked before.
        self.end("rollback").await?;
        self.unanswered.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// Prepares a statement that is asked next.
    pub(super) async fn prepare(&self, sql: &str, parameters: &[&dyn Parameter]) -> Result<()> {
        self.answered(self.prepared(sql, parameters)).await.map(drop)
    }

    /// What is asked counts as unanswered until it is; where it is dropped before, for good.
    async fn answered<T>(&self, asking: impl Future<Output = Result<T>>) -> Result<T> {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        let answer = asking.await;
        self.unanswered.fetch_sub(1, Ordering::Relaxed);
        self.heed(answer.as_ref().err());
        answer
    }

    fn heed(&self, error: Option<&Error>) {
        if error.is_some_and(|error| error.sql_state() == Some("25006")) {
            self.only_reads.store(true, Ordering::Relaxed);
        }
    }

    async fn prepared(&self, sql: &str, parameters: &[&dyn Parameter]) -> Result<Statement> {
        if let Some(known) = self.statements().get(sql) {
            return Ok(known.clone());
        }
        let types: Vec<_> = parameters.iter().map(|parameter| parameter.said()).collect();
        let statement = self.client.prepare_typed(sql, &types).await?;
        let mut statements = self.statements();
        if statements.len() >= STATEMENTS {
            statements.clear();
        }
        statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    fn statements(&self) -> std::sync::MutexGuard<'_, HashMap<String, Statement>> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // One at rest is taken leave of in the background; of another, nobody knows how long that takes.
        if !self.is_at_rest() {
            self.carrying.abort();
        }
    }
}

/// Rows as they come from the server.
pub struct Rows<'c> {
    rows: Pin<Box<RowStream>>,
    connection: &'c Connection,
    ended: bool,
}

impl Stream for Rows<'_> {
    type Item = Result<Found>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.rows.as_mut().poll_next(context);
        if matches!(next, Poll::Ready(None | Some(Err(_)))) && !std::mem::replace(&mut self.ended, true) {
            self.connection.unanswered.fetch_sub(1, Ordering::Relaxed);
        }
        let next = next.map(|next| next.map(|row| Ok(Found(row?))));
        if let Poll::Ready(Some(Err(error))) = &next {
            self.connection.heed(Some(error));
        }
        next
    }
}
