//! What has been made still goes out only while its owner may have it made: asked before each try of a mail, and for each link.

use std::collections::HashMap;

use async_trait::async_trait;
use scheduled_exports_host::contract::auth_context::OwnerRight;
use scheduled_exports_store::{MailStanding, OutgoingExport, StorageError, cancelled};

use super::Service;
use crate::called_off;
use crate::delivery::Permits;

#[async_trait]
impl Permits for Service {
    async fn withheld(&self, mails: &[u64]) -> Result<HashMap<u64, String>, StorageError> {
        let (storage, now) = (&self.services.storage, self.services.clock.now());
        let mut withheld = HashMap::new();
        for (mail, standing) in storage.standing(mails).await? {
            match standing {
                MailStanding::Notice => {}
                MailStanding::CalledOff(words) => drop(withheld.insert(mail, words)),
                MailStanding::Export(export) => {
                    if let Some(words) = self.lost(&export).await? {
                        // For good, and for all whom nobody is trying at this moment.
                        storage.call_off(export.run, words, now).await?;
                        withheld.insert(mail, words.to_owned());
                    }
                }
            }
        }
        Ok(withheld)
    }
}

impl Service {
    /// Why an export that was made may not go out any more; none: it may.
    async fn lost(&self, export: &OutgoingExport) -> Result<Option<&'static str>, StorageError> {
        let OutgoingExport {
            owner,
            scope,
            exporter,
            events,
            ..
        } = export;
        let ownership = self.platform().ownership(owner, scope, exporter).await?;
        if ownership.event_deleted {
            return Ok(Some(cancelled::EVENT_DELETED));
        }
        let lost = match ownership.right {
            OwnerRight::Yes => None,
            OwnerRight::NotAllowed => Some(called_off::OWNER_NOT_PERMITTED),
            OwnerRight::Inactive => Some(called_off::OWNER_INACTIVE),
            OwnerRight::Gone => Some(called_off::OWNER_GONE),
        };
        match (lost, events) {
            (None, Some(events)) if !self.platform().may_read_all(owner, &scope.organizer, events).await? => {
                Ok(Some(called_off::EVENTS_NOT_PERMITTED))
            }
            (lost, _) => Ok(lost),
        }
    }

    /// May the file of this run be fetched? If not, its link leads nowhere from now on.
    pub(super) async fn may_be_fetched(&self, run: u64) -> Result<bool, StorageError> {
        let storage = &self.services.storage;
        let Some(export) = storage.export(run).await? else {
            return Ok(false);
        };
        let Some(words) = self.lost(&export).await? else {
            return Ok(true);
        };
        storage.call_off(run, words, self.services.clock.now()).await?;
        Ok(false)
    }
}
