//! Runs: leased, opened, ended.

use scheduled_exports_host::contract::{Delivery, Outcome, OwnerRight};
use scheduled_exports_host::contract::{
    ScheduleState,
    schedule_store::{RunStart, StoreError},
};
use scheduled_exports_host::imports::{Answer, ScheduleStore as _};
use scheduled_exports_host::memory::{LEASE, Lease, RunRow};

use super::{Fault, Faulty, Run};

impl Faulty {
    /// Leases all that is due; for each, whether its owner may export at the moment.
    pub(super) fn lease(&self) -> Vec<(Lease, bool)> {
        let now = self.now();
        let deliveries = self.disturb(now);
        if self.is(Fault::LeasesEarly) {
            self.memory.clock().set(now + 1);
        }
        let leases = self.memory.lease();
        self.memory.clock().set(now);
        for (run, deliveries) in self.memory.state().runs.iter_mut().zip(deliveries) {
            run.entry.deliveries = deliveries;
        }
        let allowed = |lease: &Lease| self.memory.run(lease).facts.owner_right == OwnerRight::Yes;
        leases
            .into_iter()
            .map(|lease| {
                let allowed = allowed(&lease);
                (lease, allowed)
            })
            .collect()
    }

    /// Makes of what is stored what this host takes it for when it looks what is due. Answers the deliveries that it overlooks.
    fn disturb(&self, now: i64) -> Vec<Vec<Delivery>> {
        let state = &mut *self.memory.state();
        for stored in state.schedules.values_mut() {
            match self.fault {
                Some(Fault::LeasesTheStopped) => stored.content.state = ScheduleState::Active,
                Some(Fault::LeasesTwice) if stored.content.next_run.is_some_and(|next| next <= now) => {
                    stored.lease_until = stored.lease_until.map(|_| now);
                }
                Some(Fault::KeepsDeadLeases) => stored.lease_until = stored.lease_until.map(|_| i64::MAX),
                Some(Fault::RetriesAtOnce) if stored.open.is_some() && stored.lease_until.is_none() => {
                    stored.retry_at = Some(now);
                }
                _ => {}
            }
        }
        let runs = state.runs.iter_mut().filter(|_| self.is(Fault::SettlesEarly));
        runs.map(|run| std::mem::take(&mut run.entry.deliveries)).collect()
    }

    /// As if the lease held.
    pub(super) fn unfence(&self, of: &mut Run) {
        let state = &mut *self.memory.state();
        let lease = &mut of.of.lease;
        match (state.schedules.get_mut(&lease.schedule), lease.fence, lease.run) {
            (Some(stored), Some(_), _) => {
                lease.fence = Some(stored.fence);
                stored.lease_until.get_or_insert(self.now() + LEASE);
            }
            (_, None, Some(run)) => {
                lease.settle_fence = state.runs[run].settle_fence;
                state.runs[run].entry.outcome = Some(Outcome::Submitted);
            }
            _ => {}
        }
    }

    pub(super) async fn open_run(&self, of: &mut Run, mut plan: RunStart) -> Answer<(), StoreError> {
        let (id, due) = (of.of.lease.schedule, plan.due);
        let planned = self
            .memory
            .state()
            .schedules
            .get(&id)
            .and_then(|stored| stored.content.next_run);
        match self.fault {
            Some(Fault::StartsUnfenced) => self.unfence(of),
            Some(Fault::ForgetsWhatWasMissed) => plan.missed.clear(),
            Some(Fault::StartsAgain) => {
                let state = &mut *self.memory.state();
                let ended = |row: &&mut RunRow| is_ended(row, id, due);
                // Nobody's, so that it is not found again.
                state.runs.iter_mut().filter(ended).for_each(|row| row.schedule = 0);
            }
            _ => {}
        }
        self.memory.start(&mut of.of, plan).await?;
        if let Some(stored) = self.memory.state().schedules.get_mut(&id)
            && self.is(Fault::ForgetsTheNextRun)
        {
            stored.content.next_run = planned;
        }
        Ok(())
    }

    pub(super) async fn end_run(
        &self,
        of: &mut Run,
        outcome: Outcome,
        mut error_counter: u32,
        mut active: bool,
    ) -> Answer<(), StoreError> {
        let (id, executes) = (of.of.lease.schedule, of.of.lease.fence.is_some());
        let unfenced = match outcome {
            _ if !executes => Fault::SettlesUnfenced,
            Outcome::Submitted => Fault::SubmitsUnfenced,
            _ => Fault::FinishesUnfenced,
        };
        if self.is(unfenced) {
            self.unfence(of);
        }
        if let Some(stored) = self.memory.state().schedules.get(&id) {
            if self.is(Fault::ForgetsTheCounter) && executes {
                (error_counter, active) = (stored.content.error_counter, stored.content.is_active());
            }
            if self.is(Fault::CountsAgainstAPerson) {
                of.of.lease.stored.version = stored.version;
            }
        }
        let mail = of.of.staged.clone().filter(|_| self.is(Fault::SendsAKindTwice));
        let again = mail.filter(|mail| self.memory.state().outbox.iter().any(|other| other.about == mail.about));
        self.memory.finish(&mut of.of, outcome, error_counter, active).await?;
        let now = self.now();
        let state = &mut *self.memory.state();
        if let Some(stored) = state.schedules.get_mut(&id)
            && self.is(Fault::CountsRunsAsChanges)
            && executes
        {
            stored.version += 1;
        }
        let of = of.of.lease.stored.asked.as_ref().and_then(|asked| asked.schedule);
        if let Some(stored) = of.and_then(|id| state.schedules.get_mut(&id))
            && self.is(Fault::CountsWhatWasAskedFor)
        {
            stored.content.count(error_counter, active, now);
        }
        state.outbox.extend(again);
        Ok(())
    }
}

fn is_ended(row: &RunRow, id: u64, due: i64) -> bool {
    row.schedule == id && row.entry.due == due && row.entry.outcome.is_some()
}
