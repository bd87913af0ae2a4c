//! Word from host to host that there is something to do.
//!
//! A notice is sent on its own, after the transaction that it is about: `NOTIFY` in a transaction makes all such transactions
//! commit one after the other. One that is lost costs nothing but the time until the others look again.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

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
    pub(super) fn of(pool: PgPool) -> Self {
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

async fn speak(pool: PgPool, told: Arc<Notify>) {
    loop {
        told.notified().await;
        let sent = sqlx::query("select pg_notify($1, '')")
            .bind(CHANNEL)
            .execute(&pool)
            .await;
        if let Err(error) = sent {
            tracing::debug!(%error, "could not send NOTIFY; other hosts will find the work by polling");
        }
        tokio::time::sleep(PACE).await;
    }
}

async fn listen(pool: PgPool, heard: Arc<Notify>) {
    loop {
        match hear(&pool, &heard).await {
            Err(sqlx::Error::PoolClosed) => return,
            Err(error) => tracing::debug!(%error, "LISTEN failed; falling back to polling"),
            Ok(()) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn hear(pool: &PgPool, heard: &Notify) -> sqlx::Result<()> {
    let options = pool.connect_options();
    let own = sqlx::postgres::PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .connect_lazy_with((*options).clone());
    let mut listener = PgListener::connect_with(&own).await?;
    listener.listen(CHANNEL).await?;
    // None: the connection was lost, and what was told meanwhile is unknown.
    while listener.try_recv().await?.is_some() {
        if pool.is_closed() {
            return Err(sqlx::Error::PoolClosed);
        }
        heard.notify_waiters();
    }
    heard.notify_waiters();
    Ok(())
}
