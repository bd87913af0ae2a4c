//! Leasing, starting and finishing runs.

use super::store::{missed, recorded};
use super::{Asked, LEASE, Lease, Memory, Run, RunRow, State, Stored};
use crate::clock::Instant;
use crate::contract::schedule_store::{RunStart, StoreError};
use crate::contract::{Delivery, DeliveryStatus, Outcome, RunEntry};
use crate::contract::{
    RunKind,
    auth_context::{OwnerRight, RunContext},
};

fn is_final(delivery: &Delivery) -> bool {
    matches!(
        delivery.status,
        DeliveryStatus::Accepted | DeliveryStatus::Rejected | DeliveryStatus::Cancelled
    )
}

fn is_due(stored: &Stored, now: Instant) -> bool {
    let wake = match (stored.lease_until, stored.open) {
        (Some(until), _) => Some(until),
        (None, Some(_)) => stored.retry_at.min(stored.content.next_run.or(stored.retry_at)),
        (None, None) => stored.content.next_run,
    };
    stored.content.state.wakes() && wake.is_some_and(|wake| wake <= now)
}

/// Returns the schedule if the run's lease is still valid.
fn held<'a>(state: &'a mut State, of: &Run) -> Result<&'a mut Stored, StoreError> {
    let stored = state.schedules.get_mut(&of.lease.schedule);
    let holds = |stored: &&mut Stored| of.lease.fence == Some(stored.fence) && stored.lease_until.is_some();
    stored.filter(holds).ok_or(StoreError::LeaseLost)
}

impl Memory {
    /// Leases everything that is due, to execute or settle it.
    pub fn lease(&self) -> Vec<Lease> {
        let (now, mut leases) = (self.now(), Vec::new());
        let State { schedules, runs, .. } = &mut *self.state();
        for (place, run) in runs.iter_mut().enumerate() {
            let submitted = run.entry.outcome == Some(Outcome::Submitted) && run.entry.deliveries.iter().all(is_final);
            let ready = submitted && run.settle_until.is_none_or(|until| now >= until);
            let Some(stored) = schedules.get(&run.schedule).filter(|_| ready).cloned() else {
                continue;
            };
            (run.settle_fence, run.settle_until) = (run.settle_fence + 1, Some(now + LEASE));
            leases.push(Lease {
                schedule: run.schedule,
                stored,
                fence: None,
                settle_fence: run.settle_fence,
                run: Some(place),
            });
        }
        for (id, stored) in schedules.iter_mut().filter(|(_, stored)| is_due(stored, now)) {
            (stored.fence, stored.attempt) = (stored.fence + 1, stored.attempt + 1);
            stored.lease_until = Some(now + LEASE);
            leases.push(Lease {
                schedule: *id,
                stored: stored.clone(),
                fence: Some(stored.fence),
                settle_fence: 0,
                run: stored.open.filter(|open| runs[*open].entry.started.is_some()),
            });
        }
        leases
    }

    /// Creates the handle of a leased run from the current data.
    #[must_use]
    pub fn run(&self, lease: &Lease) -> Run {
        let state = &*self.state();
        let stored = &lease.stored;
        let run = lease.run.map(|run| &state.runs[run]);
        let executes = lease.fence.is_some();
        let settings = self.settings(&stored.scope);
        let asked = stored.asked.as_ref();
        let id = asked.and_then(|asked| asked.schedule).unwrap_or(lease.schedule);
        let mut schedule = self.shown(state, id, stored);
        // Until it is started, the due time of a run that a user asked for is the next run.
        let waits = stored.open.filter(|_| run.is_none() && asked.is_some());
        if let Some(waits) = waits {
            schedule.content.next_run = Some(state.runs[waits].entry.due);
        }
        let requester = asked.and_then(|asked| asked.by.as_deref());
        let facts = RunContext {
            kind: asked.map_or(RunKind::Scheduled, |asked| asked.kind),
            page_url: match asked {
                Some(Asked { schedule: None, .. }) => settings.configuration_url.clone(),
                _ => format!("{}?schedule={id}", settings.configuration_url),
            },
            requested_by: requester.and_then(|name| self.user(state, name)),
            schedule,
            event_level: stored.scope.event.is_some(),
            // Settling a mail that has been sent needs no permission.
            owner_right: match executes {
                true => self.owner_right(state, stored),
                false => OwnerRight::Yes,
            },
            due: run.map(|run| run.entry.due),
            started_version: run.map(|run| run.version),
            newer_zone_database: None,
            attempt: if executes { stored.attempt } else { 1 },
            settings,
        };
        let (lease, file, staged) = (lease.clone(), None, None);
        Run {
            lease,
            facts,
            file,
            staged,
        }
    }

    /// Returns the deliveries of a run that is leased to be settled.
    #[must_use]
    pub fn deliveries(&self, lease: &Lease) -> Vec<Delivery> {
        let state = self.state();
        lease
            .run
            .map(|run| state.runs[run].entry.deliveries.clone())
            .unwrap_or_default()
    }

    pub(super) fn open_run(&self, of: &mut Run, plan: RunStart) -> Result<(), StoreError> {
        let (now, id, state) = (self.now(), of.lease.schedule, &mut *self.state());
        let stored = held(state, of)?;
        let (attempt, version) = (stored.attempt, stored.version);
        if let Some(open) = stored.open {
            let RunRow {
                entry, version: of_run, ..
            } = &mut state.runs[open];
            if entry.due != plan.due {
                return Err(StoreError::LeaseLost);
            }
            if entry.started.is_none() {
                (entry.started, *of_run) = (Some(now), version);
            }
            (entry.attempts, of.lease.run) = (attempt, Some(open));
            return Ok(());
        }
        let mut its = state.runs.iter().filter(|row| row.schedule == id);
        if its.any(|row| row.entry.due == plan.due) {
            return Err(StoreError::LeaseLost);
        }
        if let Some(latest) = recorded(state, id, &plan.missed) {
            return Err(StoreError::AlreadyRecorded(latest));
        }
        let seen = state.runs.len() as u64;
        state.runs.extend(
            (1..)
                .zip(&plan.missed)
                .map(|(number, range)| missed(seen + number, id, *range, now)),
        );
        let place = state.runs.len();
        let mut entry = RunEntry::new(place as u64 + 1, plan.due, None);
        (entry.started, entry.attempts) = (Some(now), attempt);
        state.runs.push(RunRow {
            schedule: id,
            history_of: id,
            entry,
            version,
            settle_fence: 0,
            settle_until: None,
        });
        let stored = held(state, of)?;
        (stored.open, stored.retry_at, stored.content.next_run) = (Some(place), None, plan.next_run);
        of.lease.run = Some(place);
        Ok(())
    }

    /// Stores the size of the file with the run, if the lease is valid.
    pub(super) fn keep_file(&self, of: &Run, size: u64, rows: Option<u64>) -> Result<(), StoreError> {
        let state = &mut *self.state();
        held(state, of)?;
        let entry = &mut state.runs[of.lease.run.ok_or(StoreError::LeaseLost)?].entry;
        (entry.bytes, entry.rows) = (Some(size), rows);
        Ok(())
    }

    pub(super) fn end_run(
        &self,
        of: &mut Run,
        outcome: Outcome,
        error_counter: u32,
        active: bool,
    ) -> Result<(), StoreError> {
        let (now, state) = (self.now(), &mut *self.state());
        let place = of.lease.run.ok_or(StoreError::LeaseLost)?;
        if of.lease.fence.is_none() {
            let run = &mut state.runs[place];
            if run.settle_fence != of.lease.settle_fence || run.entry.outcome != Some(Outcome::Submitted) {
                return Err(StoreError::LeaseLost);
            }
            run.entry.end(outcome, now);
            let stored = state.schedules.get_mut(&of.lease.schedule);
            // A user's change takes precedence over the result of a run that did not know it.
            if let Some(stored) = stored.filter(|stored| stored.version == of.lease.stored.version) {
                stored.content.count(error_counter, active, now);
            }
        } else {
            let stored = held(state, of)?;
            stored.content.count(error_counter, active, now);
            (stored.lease_until, stored.retry_at) = (None, None);
            let attempts = stored.attempt;
            match outcome {
                Outcome::Retry(at) => stored.retry_at = Some(at),
                _ => (stored.open, stored.attempt) = (None, 0),
            }
            let entry = &mut state.runs[place].entry;
            entry.attempts = attempts;
            if let (Outcome::Submitted, Some(mail)) = (&outcome, &of.staged) {
                entry.deliveries.clone_from(&mail.recipients);
            }
            entry.end(outcome, now);
        }
        let over = state.runs[place].entry.ended.is_some();
        if over && of.lease.stored.asked.is_some() {
            state.schedules.remove(&of.lease.schedule);
        }
        if let Some(mail) = of.staged.take() {
            Self::send(state, mail);
        }
        Ok(())
    }
}
