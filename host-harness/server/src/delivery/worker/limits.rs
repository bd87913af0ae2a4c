//! What a pass over the deliveries is given, and what it answers.

use std::time::Duration;

use scheduled_exports_host::contract::DeliveryStatus;
use scheduled_exports_store::StorageError;
use scheduled_exports_store::usage::UsageLimits;

use crate::temp_files::TempFiles;

/// How much a pass does at once.
#[derive(Clone, Debug)]
pub struct DeliveryLimits {
    /// Deliveries under way at the same time: connections to the mail server.
    pub concurrency: u32,
    /// Percent of these that one organizer has at most.
    pub organizer_share: u32,
    /// One try takes no longer, whatever the transport's own limits.
    pub task_timeout: Duration,
    /// For how long a delivery is leased, in whole seconds. Another host tries it this long after its host has died.
    pub lease: Duration,
    /// How often the leases of what is under way are renewed.
    pub renew: Duration,
    /// While deliveries are under way, the store is asked this often for more.
    pub ask_again: Duration,
    /// For so long a store that is away is told again how a try ended. Past it the message is sent again.
    pub tell_for: Duration,
    /// Where attached files lie while a message is made.
    pub temp_files: TempFiles,
}

impl Default for DeliveryLimits {
    fn default() -> Self {
        Self {
            concurrency: 8,
            organizer_share: UsageLimits::default().organizer_share,
            // Longer than the limits of all steps of SMTP together.
            task_timeout: Duration::from_secs(45 * 60),
            lease: Duration::from_secs(60),
            renew: Duration::from_secs(20),
            ask_again: Duration::from_secs(1),
            tell_for: Duration::from_secs(24 * 60 * 60),
            temp_files: TempFiles::default(),
        }
    }
}

impl DeliveryLimits {
    /// Seconds for which a delivery is leased.
    #[must_use]
    pub fn lease_seconds(&self) -> i64 {
        i64::try_from(self.lease.as_secs()).unwrap_or(i64::MAX)
    }
}

/// How the tries of a pass ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Taken by the recipient's server.
    pub accepted: u32,
    /// To be tried again.
    pub retrying: u32,
    /// Refused, or given up.
    pub rejected: u32,
    /// Not tried: nobody gets the mail any more.
    pub cancelled: u32,
    /// Not written down: another host had taken the delivery over meanwhile.
    pub lost: u32,
}

impl Delivered {
    /// All tries, however they ended.
    #[must_use]
    pub fn total(&self) -> usize {
        [self.accepted, self.retrying, self.rejected, self.cancelled, self.lost]
            .into_iter()
            .map(|count| count as usize)
            .sum()
    }

    pub(super) fn count(
        &mut self,
        ended: Result<Option<DeliveryStatus>, StorageError>,
        away: &mut Option<StorageError>,
    ) {
        match ended {
            Ok(Some(DeliveryStatus::Accepted)) => self.accepted += 1,
            Ok(Some(DeliveryStatus::Rejected)) => self.rejected += 1,
            Ok(Some(DeliveryStatus::Cancelled)) => self.cancelled += 1,
            Ok(Some(DeliveryStatus::Retrying | DeliveryStatus::Queued)) => self.retrying += 1,
            Ok(None) => self.lost += 1,
            Err(error) => *away = Some(error),
        }
    }
}
