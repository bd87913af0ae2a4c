//! `jobs`: one leased run. Every call returns the run, even if its instance trapped.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use wasmtime::component::Resource;

use super::{Engine, GuestFault, Instance, conclude};
use crate::contract::exported::jobs::AbandonReason;
use crate::contract::{self, Delivery, DeliveryStatus};
use crate::imports::{Call, Imports, Returned, Work};

/// The result of a `jobs` call, with the run handle that it borrowed.
#[derive(Debug)]
#[must_use = "an unfinished run must be abandoned, or its lease must be left to expire"]
pub struct Worked<R> {
    /// The handle that the call borrowed.
    pub run: R,
    /// The progress of the run.
    pub end: End,
    /// How the call itself ended: it can trap after it has finished its run.
    pub outcome: Result<(), GuestFault>,
}

/// The progress of a leased run.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// `finish` was committed, however the call ended afterwards. The lease is spent.
    Finished,
    /// The host returned that the lease is lost: another worker has the run, or the run has ended. Nothing is left to do.
    LeaseLost,
    /// Neither. After `execute`, create the run handle again from the current data, and call [`Engine::abandon`] with this
    /// reason. After `abandon` or `settle`, the host ends the run itself.
    Unfinished(AbandonReason),
    /// A part of the host was unavailable: the run is leased again after its lease expires. The text is for the log.
    HostFault(String),
}

/// A function of `jobs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Job {
    /// One attempt.
    Execute,
    /// Ends a run that an attempt left open.
    Abandon(AbandonReason),
    /// Ends a submitted run.
    Settle(Vec<Delivery>),
}

impl Job {
    /// Returns the function's name in the contract.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Execute => "execute",
            Self::Abandon(_) => "abandon",
            Self::Settle(_) => "settle",
        }
    }
}

/// The handle that the call borrows.
fn lent() -> Resource<contract::Run> {
    Resource::new_borrow(0)
}

impl<H: Imports> Engine<H> {
    /// Calls one of the three functions below for a leased run.
    pub async fn job(&self, host: &Arc<H>, run: H::Run, job: &Job) -> Worked<H::Run> {
        match job {
            Job::Execute => self.execute(host, run).await,
            Job::Abandon(reason) => self.abandon(host, run, reason).await,
            Job::Settle(deliveries) => self.settle(host, run, deliveries).await,
        }
    }

    /// Makes one attempt at a leased run, within [`Limits::run_compute`](super::Limits::run_compute) and
    /// [`Limits::run_deadline`](super::Limits::run_deadline). The host renews the lease in the meantime.
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

    /// Ends a run that `execute` did not finish, within [`Limits::abandon_deadline`](super::Limits::abandon_deadline).
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
        // A committed `finish` counts, even if the guest trapped after it.
        _ if finished => End::Finished,
        _ if lost => End::LeaseLost,
        Ok(()) => End::Unfinished(AbandonReason::Unfinished),
        Err(GuestFault::Host(words)) => End::HostFault(words),
        Err(GuestFault::Trapped(words)) => End::Unfinished(AbandonReason::Trapped(words)),
        Err(GuestFault::DeadlineExceeded) => End::Unfinished(AbandonReason::DeadlineExceeded),
        Err(GuestFault::OutOfMemory) => End::Unfinished(AbandonReason::OutOfMemory),
    };
    Worked { run, end, outcome }
}
