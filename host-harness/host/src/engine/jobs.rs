//! `jobs`: one leased run. The handle comes back whatever comes of the call, also out of an instance that trapped.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use wasmtime::component::Resource;

use super::{Engine, GuestFault, Instance, conclude};
use crate::contract::exported::jobs::AbandonReason;
use crate::contract::{self, Delivery, DeliveryStatus};
use crate::imports::{Call, Imports, Returned, Work};

/// What came of a call with a leased run, and the run back.
#[derive(Debug)]
#[must_use = "an unfinished run must be abandoned, or its lease must be left to expire"]
pub struct Worked<R> {
    /// The handle that was lent.
    pub run: R,
    /// How far it has come.
    pub end: End,
    /// How the call itself ended: it can trap after it has finished its run.
    pub outcome: Result<(), GuestFault>,
}

/// How far a leased run has come.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// `finish` was committed, whatever came of the call after it. The lease is spent.
    Finished,
    /// The host has answered that the lease is lost: another has the run, or nobody any more. Nothing is left to do.
    LeaseLost,
    /// Neither. After `execute`: mint the run again, from what is stored by now, and [`Engine::abandon`] it for this reason.
    /// After `abandon` or `settle`: the host ends the run itself.
    Unfinished(AbandonReason),
    /// A part of the host was away: the run is left to its lease, and taken again when that has run out. For the log.
    HostFault(String),
}

/// A function of `jobs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Job {
    /// One attempt.
    Execute,
    /// Giving up what an attempt left.
    Abandon(AbandonReason),
    /// The end of a submitted run.
    Settle(Vec<Delivery>),
}

impl Job {
    /// The function, as the contract names it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Execute => "execute",
            Self::Abandon(_) => "abandon",
            Self::Settle(_) => "settle",
        }
    }
}

/// The handle, lent for a call.
fn lent() -> Resource<contract::Run> {
    Resource::new_borrow(0)
}

impl<H: Imports> Engine<H> {
    /// Gives a leased run to one of the three functions below.
    pub async fn job(&self, host: &Arc<H>, run: H::Run, job: &Job) -> Worked<H::Run> {
        match job {
            Job::Execute => self.execute(host, run).await,
            Job::Abandon(reason) => self.abandon(host, run, reason).await,
            Job::Settle(deliveries) => self.settle(host, run, deliveries).await,
        }
    }

    /// One attempt at a leased run, within [`Limits::run_compute`](super::Limits::run_compute) and
    /// [`Limits::run_deadline`](super::Limits::run_deadline). The host renews the lease meanwhile.
    pub async fn execute(&self, host: &Arc<H>, run: H::Run) -> Worked<H::Run> {
        let mut instance = match self.open(host, "execute", run, Work::Execute).await {
            Ok(instance) => instance,
            Err(worked) => return worked,
        };
        let jobs = instance.plugin.ticketing_scheduled_exports_jobs();
        let asked = timeout(self.limits.run_deadline, jobs.call_execute(&mut instance.store, lent())).await;
        let outcome = conclude(asked, instance.store.data());
        ended(outcome, instance.store.data_mut())
    }

    /// Gives up a run that `execute` did not finish, within
    /// [`Limits::abandon_deadline`](super::Limits::abandon_deadline).
    pub async fn abandon(&self, host: &Arc<H>, run: H::Run, reason: &AbandonReason) -> Worked<H::Run> {
        let mut instance = match self.open(host, "abandon", run, Work::Execute).await {
            Ok(instance) => instance,
            Err(worked) => return worked,
        };
        let jobs = instance.plugin.ticketing_scheduled_exports_jobs();
        let asked = timeout(
            self.limits.abandon_deadline,
            jobs.call_abandon(&mut instance.store, lent(), reason),
        )
        .await;
        let outcome = conclude(asked, instance.store.data());
        ended(outcome, instance.store.data_mut())
    }

    /// Ends a submitted run whose recipients are all final; `deliveries` are those of its export mail.
    pub async fn settle(&self, host: &Arc<H>, run: H::Run, deliveries: &[Delivery]) -> Worked<H::Run> {
        let taken = deliveries.iter().any(|one| one.status == DeliveryStatus::Accepted);
        let mut instance = match self.open(host, "settle", run, Work::Settle { taken }).await {
            Ok(instance) => instance,
            Err(worked) => return worked,
        };
        let jobs = instance.plugin.ticketing_scheduled_exports_jobs();
        let asked = timeout(
            self.limits.run_deadline,
            jobs.call_settle(&mut instance.store, lent(), deliveries),
        )
        .await;
        let outcome = conclude(asked, instance.store.data());
        ended(outcome, instance.store.data_mut())
    }

    /// The instance, with the run in it.
    async fn open(
        &self,
        host: &Arc<H>,
        function: &'static str,
        run: H::Run,
        work: Work,
    ) -> Result<Instance<'_, H>, Worked<H::Run>> {
        let mut call = Call::new(host, function, self.limits.memory, &self.handles);
        call.lend_run(run, work);
        let compute: Duration = self.limits.run_compute;
        let opened = self.instance_for(call, compute, &self.places).await;
        opened.map_err(|(fault, mut call)| ended(Err(fault), &mut call))
    }
}

fn ended<H: Imports>(outcome: Result<(), GuestFault>, call: &mut Call<H>) -> Worked<H::Run> {
    let Returned { run, finished, lost } = call.take_run().expect("it was lent, and the guest can't keep it");
    let end = match outcome.clone() {
        // What `finish` committed counts, even if the guest trapped after it.
        _ if finished => End::Finished,
        _ if lost => End::LeaseLost,
        Ok(()) => End::Unfinished(AbandonReason::Unfinished),
        Err(GuestFault::Host(words)) => End::HostFault(words),
        Err(GuestFault::Trapped(words)) => End::Unfinished(AbandonReason::Trapped(words)),
        Err(GuestFault::OutOfTime) => End::Unfinished(AbandonReason::OutOfTime),
        Err(GuestFault::OutOfMemory) => End::Unfinished(AbandonReason::OutOfMemory),
    };
    Worked { run, end, outcome }
}
