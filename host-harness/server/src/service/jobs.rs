//! `jobs`: one leased run through the component, to an end that is written down.

use std::time::{Duration, Instant as Stopwatch};

use reference_platform::Ownership;
use scheduled_exports_host::contract::auth_context::{OwnerRight, RunContext};
use scheduled_exports_host::contract::exported::jobs::AbandonReason;
use scheduled_exports_host::contract::{Schedule, User};
use scheduled_exports_host::engine::{End, GuestFault, WorkResult, Worked};
use scheduled_exports_host::imports::HostFault;
use scheduled_exports_host::tape::{Job, Taped};
use scheduled_exports_store::{Asked, Lease, LeaseError, Leased, Row, Work};
use tracing::Instrument as _;

use super::plans::Rechecked;
use super::{CallError, Service};
use crate::metrics::Called;
use crate::ports::Run;

/// How the handling of one leased run ended. What became of the due time is in the run history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// `finish` was committed: by the component, or by its `abandon`, or by the host in its place.
    Finished,
    /// The lease was lost on the way: somebody changed the schedule, or another host has it. Nothing was written.
    LeaseLost,
    /// By this component's zone database its time is still to come: planned again, and the lease given back unused.
    StillToCome,
    /// Nothing could be written; the lease runs out, and the run is taken again.
    LeftToItsLease(String),
}

/// What one call of the component for a leased run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    pub outcome: Result<(), GuestFault>,
    /// `finish` was committed.
    pub finished: bool,
    /// The lease was lost.
    pub lost: bool,
}

impl Service {
    /// Works on a leased run until it has been finished, renewing its lease meanwhile: `lease` long, renewed at a third of it.
    ///
    /// All that is logged meanwhile, by host and component, is about one lease, and says which run it is as soon as that is
    /// started.
    pub async fn work(&self, leased: Leased, lease: Duration) -> Ended {
        let (schedule, fence) = (leased.schedule(), leased.lease.fence);
        // Of the highest level, so that it is there whatever the log leaves out.
        let span = tracing::error_span!("run", run = leased.lease.run, schedule, fence);
        let work = async {
            let ended = self.work_on(leased, lease).await;
            report(&ended);
            ended
        };
        work.instrument(span).await
    }

    /// Has the component work on a leased run once, in a fresh instance, or with a reason give it up. Where it fails nothing
    /// more is done, and the lease is not renewed: [`Service::work`] is what a host wants.
    ///
    /// # Errors
    /// If the platform is away.
    pub async fn try_once(&self, mut leased: Leased, abandon: Option<AbandonReason>) -> Result<Tried, CallError> {
        let Worked { outcome, end, .. } = self.job(&mut leased, abandon).await?;
        Ok(Tried {
            outcome,
            finished: end == End::Finished,
            lost: end == End::LeaseLost,
        })
    }

    async fn work_on(&self, leased: Leased, lease: Duration) -> Ended {
        let leased = match self.rechecked(leased).await {
            Ok(Rechecked::Due(leased)) => *leased,
            Ok(Rechecked::StillToCome) => return Ended::StillToCome,
            Err(LeaseError::Lost) => return Ended::LeaseLost,
            Err(LeaseError::Storage(error)) => return Ended::LeftToItsLease(error.to_string()),
        };
        let work = leased.lease.clone();
        tokio::select! {
            ended = self.through_the_component(leased) => ended,
            // The handles and whatever an import was doing are dropped with the other branch.
            ended = self.renew(work, lease) => ended,
        }
    }

    async fn renew(&self, lease: Lease, length: Duration) -> Ended {
        loop {
            tokio::time::sleep(length / 3).await;
            let until = self.services.clock.now() + i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
            match self.services.storage.renew(&lease, until).await {
                Ok(()) => {}
                Err(LeaseError::Lost) => return Ended::LeaseLost,
                Err(LeaseError::Storage(error)) => {
                    tracing::warn!(%error, "could not renew lease; will retry");
                }
            }
        }
    }

    async fn through_the_component(&self, leased: Leased) -> Ended {
        let ownership = match self.ownership(&leased.row).await {
            Ok(ownership) => ownership,
            Err(error) => return Ended::LeftToItsLease(error.to_string()),
        };
        if leased.lease.work == Work::Execute && ownership.event_deleted {
            return self.retire(&leased.row.scope).await;
        }
        let deliveries = match leased.lease.work {
            Work::Execute => None,
            Work::Settle => Some(leased.deliveries.clone()),
        };
        let call = |run: Taped<Run>, job| async move {
            let Worked { run, end, outcome } = self.export(run.handle, job).await;
            let run = off_tape(run);
            Worked { run, end, outcome }
        };
        let again = |run: Taped<Run>| async move {
            // It may have been started: the fresh instance must see the pinned due time.
            let Run { mut leased, due, .. } = run.handle;
            leased.due = due;
            let run = self.mint_run(leased).await;
            run.map(off_tape).map_err(|error| HostFault(error.to_string()))
        };
        let requester = match self.requester(&leased).await {
            Ok(requester) => requester,
            Err(error) => return Ended::LeftToItsLease(error.to_string()),
        };
        let run = off_tape(self.run_of(leased, ownership, requester));
        let worked = self
            .engine
            .work_by(&self.services, run, deliveries.as_deref(), call, again)
            .await;
        match worked {
            Ok(WorkResult::Finished) => Ended::Finished,
            Ok(WorkResult::LeaseLost) => Ended::LeaseLost,
            Err(HostFault(words)) => Ended::LeftToItsLease(words),
        }
    }

    /// One exported call for a leased run, and nothing after it: for whoever goes through a run step by step. What it has pinned
    /// is noted in `leased`.
    ///
    /// # Errors
    /// If the handle can't be minted, since the platform is away.
    pub async fn job(&self, leased: &mut Leased, abandon: Option<AbandonReason>) -> Result<Worked<Run>, CallError> {
        let run = self.mint_run(leased.clone()).await?;
        let job = match (abandon, leased.lease.work) {
            (Some(reason), _) => Job::Abandon(reason),
            (None, Work::Execute) => Job::Execute,
            (None, Work::Settle) => Job::Settle(leased.deliveries.clone()),
        };
        let worked = self.export(run, job).await;
        leased.due = worked.run.due;
        leased.started_version = worked.run.leased.started_version;
        leased.started_zone.clone_from(&worked.run.leased.started_zone);
        leased.lease = worked.run.leased.lease.clone();
        Ok(worked)
    }

    /// The export that this work is done by, counted.
    async fn export(&self, run: Run, job: Job) -> Worked<Run> {
        let began = Stopwatch::now();
        let export = job.name();
        let worked = self.make(run, job).await;
        let how = match &worked.outcome {
            Ok(()) => Called::Answered,
            Err(GuestFault::Host(_)) => Called::Away,
            Err(GuestFault::Trapped(_) | GuestFault::DeadlineExceeded | GuestFault::OutOfMemory) => Called::Failed,
        };
        self.metrics.called(export, how, began.elapsed());
        worked
    }

    async fn mint_run(&self, leased: Leased) -> Result<Run, CallError> {
        let ownership = self.ownership(&leased.row).await?;
        let requester = self.requester(&leased).await?;
        Ok(self.run_of(leased, ownership, requester))
    }

    /// The user who has asked for the run; none: it was due, a program asked, or that user is gone.
    async fn requester(&self, leased: &Leased) -> Result<Option<User>, CallError> {
        match leased.asked.as_ref().and_then(|asked| asked.by.as_deref()) {
            Some(id) => Ok(self.platform().user(id).await?),
            None => Ok(None),
        }
    }

    async fn ownership(&self, row: &Row) -> Result<Ownership, CallError> {
        let ownership = self
            .platform()
            .ownership(&row.owner, &row.scope, &row.content.export_identifier);
        Ok(ownership.await?)
    }

    fn run_of(&self, leased: Leased, ownership: Ownership, requester: Option<User>) -> Run {
        let row = &leased.row;
        let owner_right = match leased.lease.work {
            Work::Execute => ownership.right,
            // What is left to do needs no right.
            Work::Settle => OwnerRight::Yes,
        };
        let mut settings = self.settings(&row.scope, ownership.place);
        // Its window stays what it was when it was started. What a person has changed since is read where things are now.
        if let Some(zone) = &leased.started_zone
            && leased.started_version == Some(row.version)
        {
            settings.zone.clone_from(zone);
        }
        let due = leased.due;
        let facts = RunContext {
            kind: leased.lease.kind,
            page_url: match &leased.asked {
                Some(Asked { schedule: None, .. }) => settings.configuration_url.clone(),
                _ => format!("{}?schedule={}", settings.configuration_url, leased.schedule()),
            },
            requested_by: requester,
            schedule: Schedule {
                id: leased.schedule(),
                owner: ownership.owner,
                version: row.version,
                content: row.content.clone(),
            },
            event_level: row.scope.event.is_some(),
            owner_right,
            due,
            started_version: leased.started_version,
            newer_zone_database: Some(&leased.zone_database)
                .filter(|release| leased.asked.is_none() && **release > self.services.zone_database)
                .cloned(),
            attempt: leased.attempt,
            settings,
        };
        Run {
            leased,
            facts,
            due,
            file: None,
            staged: None,
        }
    }
}

/// Each call has a tape of its own, and what the host does between them has none.
fn off_tape(handle: Run) -> Taped<Run> {
    Taped { handle, tape: None }
}

fn report(ended: &Ended) {
    match ended {
        Ended::Finished => tracing::info!("run attempt finished"),
        Ended::StillToCome => tracing::info!("due time moved later by newer time zone data; rescheduled"),
        Ended::LeaseLost => tracing::info!("lease lost; attempt discarded"),
        Ended::LeftToItsLease(reason) => {
            tracing::warn!(
                reason,
                "could not finish run; it will be retried when its lease expires"
            );
        }
    }
}
