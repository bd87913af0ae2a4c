//! Runs: leased, opened, ended.

use host_harness::contract::auth_context::OwnerRight;
use host_harness::contract::schedule_store::{Plan, StoreError};
use host_harness::contract::{DeliveryStatus, Outcome, RunEntry};

use super::store::{missed, recorded};
use super::{Fault, LEASE, Lease, Memory, Run, RunRow, State, Stored};

fn is_final(status: DeliveryStatus) -> bool {
    matches!(
        status,
        DeliveryStatus::Accepted | DeliveryStatus::Rejected | DeliveryStatus::Cancelled
    )
}

impl Memory {
    /// Leases all that is due, to be executed or settled.
    pub(super) fn lease(&self) -> Vec<Lease> {
        let now = self.now();
        let mut state = self.state();
        let state = &mut *state;
        let mut leases = Vec::new();
        for place in 0..state.runs.len() {
            let run = &mut state.runs[place];
            let all_final = run.entry.deliveries.iter().all(|one| is_final(one.status));
            let ready = run.entry.outcome == Some(Outcome::Submitted)
                && (all_final || self.is(Fault::SettlesEarly))
                && run.settle_until.is_none_or(|until| now >= until);
            let Some(stored) = state.schedules.get(&run.schedule).filter(|_| ready).cloned() else {
                continue;
            };
            run.settle_fence += 1;
            run.settle_until = Some(now + LEASE);
            leases.push(Lease {
                schedule: run.schedule,
                stored,
                fence: None,
                settle_fence: run.settle_fence,
                run: Some(place),
                allowed: true,
            });
        }
        let due: Vec<u64> = state
            .schedules
            .iter()
            .filter(|(_, one)| self.due(one, now))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            let allowed = self.owner_right(state, &state.schedules[&id]) == OwnerRight::Yes;
            let stored = state.schedules.get_mut(&id).expect("it is due");
            stored.fence += 1;
            stored.attempt += 1;
            stored.lease_until = Some(now + LEASE);
            leases.push(Lease {
                schedule: id,
                stored: stored.clone(),
                fence: Some(stored.fence),
                settle_fence: 0,
                run: stored.open,
                allowed,
            });
        }
        leases
    }

    fn due(&self, stored: &Stored, now: i64) -> bool {
        let now = if self.is(Fault::LeasesEarly) { now + 1 } else { now };
        let wake = match (stored.lease_until, stored.open) {
            (Some(_), _) if self.is(Fault::LeasesTwice) => stored.content.next_run,
            (Some(_), _) if self.is(Fault::KeepsDeadLeases) => None,
            (Some(until), _) => Some(until),
            (None, Some(_)) if self.is(Fault::RetriesAtOnce) => Some(now),
            (None, Some(_)) => stored.retry_at.min(stored.content.next_run.or(stored.retry_at)),
            (None, None) => stored.content.next_run,
        };
        (stored.content.active || self.is(Fault::LeasesTheStopped)) && wake.is_some_and(|wake| wake <= now)
    }

    /// The schedule, if the run's lease still holds.
    fn held<'a>(&self, state: &'a mut State, of: &Run, unfenced: Fault) -> Result<&'a mut Stored, StoreError> {
        let stored = state
            .schedules
            .get_mut(&of.lease.schedule)
            .ok_or(StoreError::LeaseLost)?;
        let holds = of.lease.fence == Some(stored.fence) && stored.lease_until.is_some();
        if holds || self.is(unfenced) {
            Ok(stored)
        } else {
            Err(StoreError::LeaseLost)
        }
    }

    pub(super) fn open_run(&self, of: &mut Run, plan: Plan) -> Result<(), StoreError> {
        let now = self.now();
        let mut state = self.state();
        let id = of.lease.schedule;
        if let Some(open) = self.held(&mut state, of, Fault::StartsUnfenced)?.open {
            if state.runs[open].entry.due != plan.due {
                return Err(StoreError::LeaseLost);
            }
            let attempts = state.schedules[&id].attempt;
            state.runs[open].entry.attempts = attempts;
            of.lease.run = Some(open);
            return Ok(());
        }
        let ended = state
            .runs
            .iter()
            .any(|row| row.schedule == id && row.entry.due == plan.due);
        if ended && !self.is(Fault::StartsAgain) {
            return Err(StoreError::LeaseLost);
        }
        if let Some(latest) = recorded(&state, id, &plan.missed) {
            return Err(StoreError::Recorded(latest));
        }
        if !self.is(Fault::ForgetsWhatWasMissed) {
            state
                .runs
                .extend(plan.missed.iter().map(|range| missed(id, *range, now)));
        }
        let place = state.runs.len();
        let forgets = self.is(Fault::ForgetsTheNextRun);
        let stored = self.held(&mut state, of, Fault::StartsUnfenced)?;
        stored.open = Some(place);
        stored.retry_at = None;
        if !forgets {
            stored.content.next_run = plan.next_run;
        }
        let row = RunRow {
            schedule: id,
            entry: RunEntry {
                due: plan.due,
                started: Some(now),
                ended: None,
                attempts: stored.attempt,
                outcome: None,
                rows: None,
                bytes: None,
                deliveries: Vec::new(),
            },
            version: stored.version,
            settle_fence: 0,
            settle_until: None,
        };
        state.runs.push(row);
        of.lease.run = Some(place);
        Ok(())
    }

    /// Keeps what the file is like with the run, if the lease holds.
    pub(super) fn keep_file(&self, of: &Run, size: u64, rows: u64) -> Result<(), StoreError> {
        let mut state = self.state();
        self.held(&mut state, of, Fault::ProducesUnfenced)?;
        let place = of.lease.run.ok_or(StoreError::LeaseLost)?;
        let entry = &mut state.runs[place].entry;
        (entry.bytes, entry.rows) = (Some(size), Some(rows));
        Ok(())
    }

    pub(super) fn end_run(
        &self,
        of: &mut Run,
        outcome: Outcome,
        error_counter: u32,
        active: bool,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let place = of.lease.run.ok_or(StoreError::LeaseLost)?;
        let mut state = self.state();
        let writes_counter = !self.is(Fault::ForgetsTheCounter);
        if of.lease.fence.is_none() {
            let run = &mut state.runs[place];
            let held = run.settle_fence == of.lease.settle_fence && run.entry.outcome == Some(Outcome::Submitted);
            if !held && !self.is(Fault::SettlesUnfenced) {
                return Err(StoreError::LeaseLost);
            }
            run.entry.outcome = Some(outcome);
            run.entry.ended = Some(now);
            if let Some(stored) = state.schedules.get_mut(&of.lease.schedule)
                && (stored.version == of.lease.stored.version || self.is(Fault::CountsAgainstAPerson))
            {
                (stored.content.error_counter, stored.content.active) = (error_counter, active);
            }
        } else {
            let raises = self.is(Fault::CountsRunsAsChanges);
            let unfenced = match outcome {
                Outcome::Submitted => Fault::SubmitsUnfenced,
                _ => Fault::FinishesUnfenced,
            };
            let stored = self.held(&mut state, of, unfenced)?;
            if writes_counter {
                (stored.content.error_counter, stored.content.active) = (error_counter, active);
            }
            stored.version += u64::from(raises);
            stored.lease_until = None;
            let attempts = stored.attempt;
            let retry = match outcome {
                Outcome::Retry(at) => Some(at),
                _ => None,
            };
            stored.retry_at = retry;
            if retry.is_none() {
                (stored.open, stored.attempt) = (None, 0);
            }
            let entry = &mut state.runs[place].entry;
            entry.attempts = attempts;
            if retry.is_none() {
                entry.ended = (outcome != Outcome::Submitted).then_some(now);
                entry.outcome = Some(outcome);
                if let Some(mail) = of.staged.as_ref().filter(|_| entry.ended.is_none()) {
                    entry.deliveries.clone_from(&mail.recipients);
                }
            }
        }
        if let Some(mail) = of.staged.take() {
            self.send(&mut state, mail);
        }
        Ok(())
    }
}
