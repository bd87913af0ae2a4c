//! How long a store that is away is told again how a delivery ended.

use std::time::Duration;

use scheduled_exports_store::{DeliveryTask, StorageError};

/// The first wait before a store that was away is told again how a try ended; each one after it is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// The longest of these waits.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The waits of a delivery that a store which is away is to be told of.
pub(super) struct Patience<'t> {
    task: &'t DeliveryTask,
    since: tokio::time::Instant,
    limit: Duration,
    next: Duration,
}

impl<'t> Patience<'t> {
    pub(super) fn of(task: &'t DeliveryTask, limit: Duration) -> Self {
        Self {
            task,
            since: tokio::time::Instant::now(),
            limit,
            next: FIRST_WAIT,
        }
    }

    /// Waits until the store can be asked again.
    ///
    /// # Errors
    /// What is wrong with it, where it is of no use to ask again, or has been for too long.
    pub(super) async fn wait(&mut self, error: StorageError) -> Result<(), StorageError> {
        if !matches!(error, StorageError::Unavailable(_)) || self.since.elapsed() >= self.limit {
            return Err(error);
        }
        if self.next == FIRST_WAIT {
            tracing::warn!(
                mail = self.task.mail,
                position = self.task.position,
                %error,
                "how a delivery ended could not be written down; tried again"
            );
        }
        tokio::time::sleep(self.next).await;
        self.next = (self.next * 2).min(LONGEST_WAIT);
        Ok(())
    }
}
