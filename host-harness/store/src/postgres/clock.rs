//! The database's clock, as near as a host can have it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::task::JoinHandle;

use super::client::{self, Pool};
use super::read;
use crate::StorageError;
use crate::clock::{Clock, Instant};

/// How often the difference is measured again.
const AGAIN: Duration = Duration::from_secs(60);

/// The machine's clock, put right by the difference to the database's: when this was made, and every minute since. While the
/// database is away, the last difference stands. It is off by half of what a question takes there and back.
#[derive(Debug)]
pub struct DatabaseClock {
    /// Milliseconds that the database's clock is ahead of the machine's.
    ahead: Arc<AtomicI64>,
    measuring: JoinHandle<()>,
}

impl DatabaseClock {
    pub(super) async fn of(pool: Pool) -> Result<Self, StorageError> {
        let ahead = Arc::new(AtomicI64::new(measured(&pool).await?));
        let kept = Arc::clone(&ahead);
        let measuring = tokio::spawn(async move {
            loop {
                tokio::time::sleep(AGAIN).await;
                match measured(&pool).await {
                    Ok(ahead) => kept.store(ahead, Ordering::Relaxed),
                    Err(error) => tracing::warn!(%error, "could not read the database clock; will retry"),
                }
            }
        });
        Ok(Self { ahead, measuring })
    }
}

impl Clock for DatabaseClock {
    fn now(&self) -> Instant {
        (milliseconds() + self.ahead.load(Ordering::Relaxed)).div_euclid(1000)
    }
}

impl Drop for DatabaseClock {
    fn drop(&mut self) {
        self.measuring.abort();
    }
}

async fn measured(pool: &Pool) -> client::Result<i64> {
    let (before, theirs, after) = read!(async {
        let before = milliseconds();
        let theirs: i64 = pool
            .fetch_one(
                "select floor(extract(epoch from clock_timestamp()) * 1000)::bigint",
                &[],
            )
            .await?;
        client::Result::Ok((before, theirs, milliseconds()))
    })?;
    Ok(theirs - before.midpoint(after))
}

fn milliseconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
