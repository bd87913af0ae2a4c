//! Events that are deleted, and what is left of them.

use reference_platform::{DeletedEvent, PlatformError};
use scheduled_exports_store::{Scope, StorageError};

use super::{CallError, Service};
use crate::service::jobs::Ended;

/// What is left of an event that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOver {
    /// Which.
    pub event: DeletedEvent,
    /// Schedules that nobody has deleted.
    pub schedules: u64,
}

impl Service {
    /// Deletes an event, and takes its schedules out of service.
    ///
    /// Should this host end in between, or the platform delete an event by itself, they are taken out when the first is due.
    ///
    /// # Errors
    /// If there is no such event, or the platform or store is away.
    pub async fn delete_event(&self, organizer: &str, slug: &str) -> Result<(), CallError> {
        let event = self.platform().event(organizer, slug).await?;
        let event = event.ok_or_else(|| PlatformError::NoSuch(format!("event `{slug}` of `{organizer}`")))?;
        self.platform().delete_event(organizer, slug).await?;
        let scope = Scope {
            organizer: organizer.to_owned(),
            event: Some(event.key),
        };
        let retired = self.storage().retire(&scope, self.clock().now()).await;
        retired.map_err(|error| CallError::Unavailable(error.to_string()))
    }

    /// Events of an organizer that are gone and have schedules left, the latest first.
    ///
    /// # Errors
    /// If the platform or store is away.
    pub async fn left_over(&self, organizer: &str) -> Result<Vec<LeftOver>, StorageError> {
        let gone = self.platform().deleted_events(organizer).await?;
        if gone.is_empty() {
            return Ok(Vec::new());
        }
        let left = self.storage().scopes(organizer).await?;
        let left: std::collections::HashMap<String, u64> = left
            .into_iter()
            .filter_map(|(event, schedules)| Some((event?, schedules)))
            .collect();
        let left_over = gone.into_iter().filter_map(|event| {
            let schedules = *left.get(&event.key)?;
            Some(LeftOver { event, schedules })
        });
        Ok(left_over.collect())
    }

    /// Takes the schedules of an event out of service that was found to be gone.
    pub(super) async fn retire(&self, scope: &Scope) -> Ended {
        tracing::warn!(%scope, "the event of a schedule is gone: its schedules are out of service");
        match self.storage().retire(scope, self.clock().now()).await {
            Ok(()) => Ended::Finished,
            Err(error) => Ended::LeftToItsLease(error.to_string()),
        }
    }
}
