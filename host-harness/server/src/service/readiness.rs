//! Whether this host can do its work: is the store there, and can it be written?

use std::time::Duration;

use scheduled_exports_host::clock::Instant;
use scheduled_exports_store::StorageError;
use tokio::sync::Mutex;

use super::Service;

/// For how many seconds an answer is good. Whoever reaches the API may ask, and each look writes to the disk twice.
pub(super) const GOOD_FOR: Instant = 5;
/// How long a store has to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The latest answer, and when it was given.
#[derive(Debug, Default)]
pub(super) struct Readiness(Mutex<Option<(Instant, Result<(), StorageError>)>>);

impl Service {
    /// Checks that the store can be written, by writing to it. Answers within five seconds are the same one, and requests that come at
    /// one time wait for one look.
    ///
    /// # Errors
    /// If it cannot be written: the disk is full, the database is away or only reads. The log says so once.
    pub async fn check_ready(&self) -> Result<(), StorageError> {
        let mut latest = self.readiness.0.lock().await;
        let now = self.clock().now();
        if let Some((at, answer)) = &*latest
            && (0..GOOD_FOR).contains(&now.saturating_sub(*at))
        {
            return answer.clone();
        }
        let looked = tokio::time::timeout(PATIENCE, self.storage().check_writable()).await;
        let answer = looked.unwrap_or_else(|_| Err(StorageError::Unavailable("no response within 10 s".to_owned())));
        let was_ready = latest.as_ref().is_none_or(|(_, answer)| answer.is_ok());
        match &answer {
            Err(error) if was_ready => {
                tracing::error!(%error, "the store cannot be written: this host is not ready, and looks again when it is asked");
            }
            Ok(()) if !was_ready => tracing::info!("the store can be written again: this host is ready"),
            _ => {}
        }
        *latest = Some((now, answer.clone()));
        answer
    }
}
