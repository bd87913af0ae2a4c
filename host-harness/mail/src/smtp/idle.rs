//! Connections that are kept for the next recipient, and how they end: with QUIT, so that no server waits for its own limit.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::connection::Connection;

/// A connection that nothing is under way on.
pub struct Idle {
    pub connection: Connection,
    since: Instant,
    /// The last transaction ended half-way.
    pub reset_first: bool,
}

/// Those of one transport. Dropped, they are closed without a word.
pub struct IdleConnections {
    kept: Arc<Mutex<Kept>>,
    keep_for: Duration,
    /// How long a server has for its reply to QUIT.
    parting: Duration,
}

#[derive(Default)]
struct Kept {
    /// The oldest one first.
    all: Vec<Idle>,
    /// Somebody closes them when their time is over.
    watched: bool,
}

impl IdleConnections {
    pub fn new(keep_for: Duration, parting: Duration) -> Self {
        Self {
            kept: Arc::default(),
            keep_for,
            parting,
        }
    }

    /// The newest one that is still fresh.
    pub fn take(&self) -> Option<Idle> {
        let mut kept = lock(&self.kept);
        kept.all.pop_if(|idle| idle.since.elapsed() < self.keep_for)
    }

    /// Keeps one for a while. There are no more of them than deliveries at a time.
    pub fn put(&self, connection: Connection, reset_first: bool) {
        let since = Instant::now();
        let mut kept = lock(&self.kept);
        kept.all.push(Idle {
            connection,
            since,
            reset_first,
        });
        if !std::mem::replace(&mut kept.watched, true) {
            let kept = Arc::downgrade(&self.kept);
            tokio::spawn(close_in_time(kept, self.keep_for, self.parting));
        }
    }

    /// Ends one that is of no more use; nobody waits for that.
    pub fn part_with(&self, connection: Connection) {
        tokio::spawn(connection.quit(self.parting));
    }

    /// Ends all of them.
    pub async fn close(&self) {
        let all = std::mem::take(&mut lock(&self.kept).all);
        join_all(all.into_iter().map(|idle| idle.connection.quit(self.parting))).await;
    }
}

/// Ends each connection when its time is over, until there is none.
async fn close_in_time(kept: Weak<Mutex<Kept>>, keep_for: Duration, parting: Duration) {
    loop {
        let (over, next) = {
            let Some(kept) = kept.upgrade() else {
                return;
            };
            let mut kept = lock(&kept);
            let fresh = kept.all.partition_point(|idle| idle.since.elapsed() >= keep_for);
            let over: Vec<Idle> = kept.all.drain(..fresh).collect();
            let next = kept.all.first().map(|idle| idle.since + keep_for);
            kept.watched = next.is_some();
            (over, next)
        };
        join_all(over.into_iter().map(|idle| idle.connection.quit(parting))).await;
        match next {
            Some(next) => tokio::time::sleep_until(next).await,
            None => return,
        }
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
