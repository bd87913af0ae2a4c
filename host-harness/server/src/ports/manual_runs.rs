//! `manual-runs`: runs that a person asks for.

use scheduled_exports_host::contract::RunKind;
use scheduled_exports_host::contract::auth_context::Caller;
use scheduled_exports_host::contract::manual_runs::{RequestError, RunRequest};
use scheduled_exports_host::contract::schedule_store::StoreError;
use scheduled_exports_host::imports::{Answer, ManualRuns};
use scheduled_exports_store::usage::AskedOf;
use scheduled_exports_store::{Change, RequestedRun, Requester, StorageError};

use super::schedule_store::seen;
use super::{Access, Services};

/// Where a call asks for a run of what it has asked for a run of already: that one is to be over first.
const ASKED_TWICE: u32 = 10;

impl ManualRuns for Services {
    async fn request(&self, access: &mut Access, id: Option<u64>, what: RunRequest) -> Answer<u64, RequestError> {
        let now = access.facts.settings.now;
        if let Some(id) = id {
            seen(self, access, id).await.map_err(|error| match error {
                StoreError::Unavailable(words) => RequestError::Unavailable(words),
                _ => RequestError::NotFound,
            })?;
        }
        let (kind, due, content) = match what {
            RunRequest::Now => (RunKind::Now, now, None),
            RunRequest::Rerun(due) => (RunKind::Rerun, due, None),
            RunRequest::Test(content) => (RunKind::Test, now, content),
        };
        let by = match &access.facts.caller {
            Caller::User(user) => Some(Requester {
                id: user.id.clone(),
                address: user.email.clone(),
            }),
            Caller::Token | Caller::Device => None,
        };
        let same = |change: &Change| matches!(change, Change::RequestRun(run) if run.schedule == id);
        if access.staged.iter().any(same) {
            return Err(RequestError::TooMany(ASKED_TWICE).into());
        }
        let of = AskedOf {
            organizer: &access.visible.scope.organizer,
            schedule: id,
            by: by.as_ref().map(|by| &*by.id),
        };
        let away = |error: StorageError| RequestError::Unavailable(error.to_string());
        let limits = self.facts.limits.writes().unwrap_or_default();
        if let Some(exceeded) = self.storage.refuses_run(of, &limits, now).await.map_err(away)? {
            return Err(RequestError::TooMany(exceeded.retry_after).into());
        }
        let made_of = self.storage.reserve_id().await.map_err(away)?;
        let run = self.storage.reserve_run().await.map_err(away)?;
        access.staged.push(Change::RequestRun(Box::new(RequestedRun {
            id: made_of,
            run,
            schedule: id,
            kind,
            due,
            content,
            by,
        })));
        Ok(run)
    }
}
