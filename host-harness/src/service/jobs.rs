//! `jobs`: one leased run through the component, to an end that is written down.

use std::time::Duration;

use tokio::time::timeout;
use wasmtime::component::Resource;

use super::{ABANDON_DEADLINE, CallError, Service, label_of};
use crate::contract::Outcome;
use crate::contract::auth_context::OwnerRight;
use crate::contract::exported::jobs::AbandonReason;
use crate::contract::schedule_store::Plan;
use crate::engine::{GuestFault, conclude};
use crate::ports::Run;
use crate::storage::{Finish, LeaseError, Leased, MailKind, NewMail, Work};

/// How the handling of one leased run ended. What became of the due time is in the run history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// `finish` was committed: by the component, or by its `abandon`, or by the host in its place.
    Finished,
    /// The lease was lost on the way: somebody changed the schedule, or another host has it. Nothing was written.
    LeaseLost,
    /// Nothing could be written; the lease runs out, and the run is taken again.
    LeftToItsLease(String),
}

/// Most leases of one due time: a run that kills its host must end.
pub const MOST_ATTEMPTS: u32 = 6;

impl Service {
    /// Works on a leased run until it has been finished, renewing its lease meanwhile: `lease` long, renewed at a third of it.
    pub async fn work(&self, leased: Leased, lease: Duration) -> Ended {
        if leased.lease.work == Work::Execute && leased.attempt > MOST_ATTEMPTS {
            return self
                .fail_in_its_place(leased, "did-not-come-back", "The run did not come back, six times.")
                .await;
        }
        let work = leased.lease.clone();
        tokio::select! {
            ended = self.through_the_component(leased) => ended,
            // The handles and whatever an import was doing are dropped with the other branch.
            ended = self.renew(work, lease) => ended,
        }
    }

    async fn renew(&self, lease: crate::storage::Lease, length: Duration) -> Ended {
        loop {
            tokio::time::sleep(length / 3).await;
            let until = self.services.clock.now() + i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
            match self.services.storage.renew(&lease, until).await {
                Ok(()) => {}
                Err(LeaseError::Lost) => return Ended::LeaseLost,
                Err(LeaseError::Storage(error)) => {
                    tracing::warn!(schedule = lease.schedule, %error, "the lease could not be renewed; tried again");
                }
            }
        }
    }

    async fn through_the_component(&self, mut leased: Leased) -> Ended {
        let run = match self.mint_run(leased.clone()).await {
            Ok(run) => run,
            Err(error) => return Ended::LeftToItsLease(error.to_string()),
        };
        let (outcome, run) = self.call_job(run, None).await;
        let reason = match outcome {
            Err(GuestFault::Host(words)) => return Ended::LeftToItsLease(words),
            // What `finish` committed counts, even if the guest trapped after it.
            _ if run.finished => return Ended::Finished,
            _ if run.lost => return Ended::LeaseLost,
            Ok(()) => AbandonReason::Unfinished,
            Err(GuestFault::Trapped(words)) => AbandonReason::Trapped(words),
            Err(GuestFault::OutOfTime) => AbandonReason::OutOfTime,
            Err(GuestFault::OutOfMemory) => AbandonReason::OutOfMemory,
        };
        tracing::error!(schedule = leased.row.id, ?reason, "the component did not finish a run");
        // It may have been started: the fresh instance must see the pinned due time.
        leased.due = run.due;
        leased.lease = run.leased.lease;
        let run = match self.mint_run(leased.clone()).await {
            Ok(run) => run,
            Err(error) => return Ended::LeftToItsLease(error.to_string()),
        };
        let words = format!("The component failed twice: {reason:?}.");
        let (outcome, run) = self.call_job(run, Some(reason)).await;
        match outcome {
            Err(GuestFault::Host(words)) => Ended::LeftToItsLease(words),
            _ if run.finished => Ended::Finished,
            _ if run.lost => Ended::LeaseLost,
            Ok(()) | Err(_) => {
                leased.due = run.due;
                leased.lease = run.leased.lease;
                self.fail_in_its_place(leased, "component-failed", &words).await
            }
        }
    }

    async fn mint_run(&self, leased: Leased) -> Result<Run, CallError> {
        let row = &leased.row;
        let platform = &self.services.platform;
        let owner = platform.user(&row.owner).await?;
        let owner_right = match leased.lease.work {
            Work::Execute => {
                platform
                    .owner_right(&row.owner, &row.scope, &row.content.export_identifier)
                    .await?
            }
            // What is left to do needs no right.
            Work::Settle => OwnerRight::Yes,
        };
        let (settings, _) = self.settings(&row.scope).await?;
        let (run, due) = (leased.lease.run, leased.due);
        Ok(Run {
            leased,
            owner,
            owner_right,
            settings,
            run,
            due,
            file: None,
            staged: None,
            finished: false,
            lost: false,
        })
    }

    /// Runs `execute` or `settle`, or with a reason `abandon`, and takes the handle back, also from an instance that trapped.
    async fn call_job(&self, run: Run, abandon: Option<AbandonReason>) -> (Result<(), GuestFault>, Run) {
        let limits = self.engine.limits();
        let (work, deliveries) = (run.leased.lease.work, run.leased.deliveries.clone());
        let verb = match (&abandon, work) {
            (Some(_), _) => "abandon",
            (None, Work::Execute) => "execute",
            (None, Work::Settle) => "settle",
        };
        let row = &run.leased.row;
        let label = format!(
            "{verb} {} schedule {} fence {}",
            label_of(&row.scope),
            row.id,
            run.leased.lease.fence
        );
        let mut instance = match self.engine.instance(self.state(label), limits.run_compute).await {
            Ok(instance) => instance,
            Err(fault) => return (Err(fault), run),
        };
        let handle = instance
            .store
            .data_mut()
            .table
            .push(run)
            .expect("the table of a fresh instance is empty");
        let lent = Resource::new_borrow(handle.rep());
        let jobs = instance.plugin.ticketing_scheduled_exports_jobs();
        let store = &mut instance.store;
        let outcome = match (&abandon, work) {
            (Some(reason), _) => timeout(ABANDON_DEADLINE, jobs.call_abandon(store, lent, reason)).await,
            (None, Work::Execute) => timeout(limits.run_deadline, jobs.call_execute(store, lent)).await,
            (None, Work::Settle) => timeout(limits.run_deadline, jobs.call_settle(store, lent, &deliveries)).await,
        };
        let outcome = conclude(outcome, instance.store.data());
        let run = instance
            .store
            .data_mut()
            .table
            .delete(handle)
            .expect("the guest can't drop what it was lent");
        (outcome, run)
    }

    /// Writes `failed` where the component can't: counted, and the owner told in the host's own words.
    async fn fail_in_its_place(&self, mut leased: Leased, code: &str, words: &str) -> Ended {
        let now = self.services.clock.now();
        let content = &leased.row.content;
        let due = leased.due.or(content.next_run).unwrap_or(now);
        let storage = &self.services.storage;
        let run = match leased.lease.run {
            Some(run) => run,
            None => {
                // From the due time on: those that have passed beside it are the next lease's, and must not be forgotten.
                let next_run = match self.plan_of(&leased.row, due).await {
                    Ok(next_run) => next_run,
                    Err(error) => return Ended::LeftToItsLease(error.to_string()),
                };
                let plan = Plan {
                    due,
                    missed: None,
                    next_run,
                };
                match storage
                    .start(&leased.lease, &plan, &self.services.zone_database, now)
                    .await
                {
                    Ok(run) => run,
                    Err(LeaseError::Lost) => return Ended::LeaseLost,
                    Err(LeaseError::Storage(error)) => return Ended::LeftToItsLease(error.to_string()),
                }
            }
        };
        leased.lease.run = Some(run);
        let counter = content.error_counter.saturating_add(1).min(super::STOPS_AT);
        let finish = Finish {
            outcome: Outcome::Failed((code.into(), words.into())),
            error_counter: counter,
            active: content.active && counter < super::STOPS_AT,
            mail: self.plain_failure_mail(&leased, due, words).await,
            now,
        };
        match storage.finish(&leased.lease, run, &finish).await {
            Ok(()) => Ended::Finished,
            Err(LeaseError::Lost) => Ended::LeaseLost,
            Err(LeaseError::Storage(error)) => Ended::LeftToItsLease(error.to_string()),
        }
    }

    async fn plain_failure_mail(&self, leased: &Leased, due: i64, words: &str) -> Option<NewMail> {
        let row = &leased.row;
        let owner = self
            .services
            .platform
            .user(&row.owner)
            .await
            .ok()
            .flatten()
            .filter(|owner| owner.active);
        let to = match owner {
            Some(owner) => vec![owner.email],
            None => {
                let found = self.services.platform.responsible(&row.scope, 10).await.ok()?;
                found.into_iter().map(|user| user.email).collect()
            }
        };
        if to.is_empty() {
            return None;
        }
        let settings = self.settings(&row.scope).await.ok()?.0;
        let due_text = chrono::DateTime::from_timestamp(due, 0).map_or_else(|| due.to_string(), |at| at.to_rfc3339());
        let from = self.services.facts.mail_from.clone();
        Some(NewMail {
            kind: MailKind::Failure,
            message_id: crate::delivery::message_id(
                row.id,
                due,
                MailKind::Failure,
                from.rsplit('@').next().unwrap_or_default(),
            ),
            from,
            to,
            cc: Vec::new(),
            bcc: Vec::new(),
            subject: format!("Scheduled export {} failed", row.id),
            text: format!(
                "The scheduled export \"{}\" (number {}), due at {due_text}, failed: {words}\n\nYou find it at {}\n",
                row.content.export_identifier, row.id, settings.configuration_url
            ),
            attach_file: false,
        })
    }
}
