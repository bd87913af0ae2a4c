//! Word from host to host that there is something to do.
//!
//! A notice is sent on its own, after the transaction that it is about: `NOTIFY` in a transaction makes all such transactions
//! commit one after the other. One that is lost costs nothing but the time until the others look again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::client::{self, Connection, Error, Pool};

const CHANNEL: &str = "scheduled_exports";
/// At most one notice in this time: what comes meanwhile goes with the next.
const PACE: Duration = Duration::from_millis(20);
/// How long a listener waits that can't listen.
const PAUSE: Duration = Duration::from_secs(2);

pub(super) struct Notices {
    /// To be told to others.
    told: Arc<Notify>,
    /// Told by others, or by ourselves.
    heard: Arc<Notify>,
    tasks: [JoinHandle<()>; 2],
}

impl Notices {
    pub(super) fn of(pool: Pool) -> Self {
        let (told, heard) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let speaking = tokio::spawn(speak(pool.clone(), Arc::clone(&told)));
        let listening = tokio::spawn(listen(pool, Arc::clone(&heard)));
        Self {
            told,
            heard,
            tasks: [speaking, listening],
        }
    }

    pub(super) fn tell(&self) {
        self.told.notify_one();
    }

    pub(super) async fn heard(&self) {
        self.heard.notified().await;
    }
}

impl Drop for Notices {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn speak(pool: Pool, told: Arc<Notify>) {
    loop {
        told.notified().await;
        let sent = pool.execute("select pg_notify($1, '')", &[&CHANNEL]).await;
        if let Err(error) = sent {
            tracing::debug!(%error, "could not send NOTIFY; other hosts will find the work by polling");
        }
        tokio::time::sleep(PACE).await;
    }
}

async fn listen(pool: Pool, heard: Arc<Notify>) {
    loop {
        match hear(&pool, &heard).await {
            Err(Error::Closed) => return,
            Err(error) => tracing::debug!(%error, "LISTEN failed; falling back to polling"),
            Ok(()) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Listens on a connection of its own until that is lost: what was told meanwhile is unknown.
async fn hear(pool: &Pool, heard: &Notify) -> client::Result<()> {
    let listener = Connection::open(pool.address()).await?;
    listener.run(&format!("LISTEN {CHANNEL}")).await?;
    while !listener.is_closed() {
        listener.heard().await;
        if pool.is_closed() {
            return Err(Error::Closed);
        }
        heard.notify_waiters();
    }
    Ok(())
}
