//! Runs a leased run to completion, whatever the component does.

use std::future::Future;
use std::sync::Arc;

use super::{End, Engine};
use crate::contract::{
    Audience, Delivery, DeliveryStatus, Mail, MailError, MailKind, Outcome, Plan, StoreError, Stored,
};
use crate::imports::{Answer, HostFault, ImportError, Imports, STOPS_AT};
use crate::wording::{HostReason, RunFacts, language_of};

impl<H: Imports> Engine<H> {
    /// Runs a leased run to completion: executes it, or settles it with `deliveries`, those of its export mail, which are all
    /// final.
    ///
    /// It first calls `execute` or `settle`, each within its limits. If `execute` does not finish the run, it calls `abandon` in
    /// a new instance; if that does not finish it either, the run ends as failed, counts as a failure, and the responsible users
    /// are notified. If `settle` does not finish the run, it ends by its deliveries. `again` creates the handle of its run once
    /// more, from the data that is stored by then, so that it has the pinned due time.
    ///
    /// When this returns `Ok`, the run has ended or its lease is lost. Renew the lease in the meantime. The future can be dropped
    /// at any time, which leaves the run until its lease expires.
    ///
    /// # Errors
    /// A part of the host was unavailable: the run is leased again after its lease expires.
    pub async fn work<F: Future<Output = Result<H::Run, HostFault>>>(
        &self,
        host: &Arc<H>,
        run: H::Run,
        deliveries: Option<&[Delivery]>,
        again: impl Fn(H::Run) -> F,
    ) -> Result<(), HostFault> {
        let worked = match deliveries {
            Some(deliveries) => self.settle(host, run, deliveries).await,
            None => self.execute(host, run).await,
        };
        let Some(reason) = unfinished(worked.end)? else {
            return Ok(());
        };
        tracing::error!(?reason, "plugin did not finish the run");
        let run = again(worked.run).await?;
        if let Some(deliveries) = deliveries {
            return over(settled_by(&**host, run, deliveries).await);
        }
        let worked = self.abandon(host, run, &reason).await;
        let Some(reason) = unfinished(worked.end)? else {
            return Ok(());
        };
        tracing::error!(?reason, "plugin did not finish the abandoned run");
        let run = again(worked.run).await?;
        over(self.failed(host, run).await)
    }

    /// Ends a run as failed. Starts it first if it was not started.
    async fn failed(&self, host: &Arc<H>, mut run: H::Run) -> Answer<(), StoreError> {
        let facts = host.run_facts(&run).clone();
        let content = facts.schedule.content;
        let zone = facts.settings.zone;
        if let (None, Some(due)) = (facts.due, content.next_run) {
            // Planned from the due time on: later due times that are past as well belong to the next lease, and must not be lost.
            let row = Stored {
                document: content.document,
                default_zone: zone.clone(),
            };
            let plans = self
                .replan(host, &[row], due)
                .await
                .ok()
                .and_then(|mut plans| plans.pop());
            let plan = Plan {
                due,
                missed: Vec::new(),
                // A schedule that cannot be planned stops, visibly.
                next_run: plan_or_nothing(plans),
            };
            host.start(&mut run, plan).await?;
        }
        let counter = content.error_counter.saturating_add(1).min(STOPS_AT);
        let language = language_of(facts.schedule.owner.as_ref(), &facts.settings.languages);
        let reason = HostReason::PluginFailed;
        let due = facts.due.or(content.next_run).unwrap_or(facts.settings.now);
        let said = RunFacts {
            language,
            exporter: &content.export_identifier,
            schedule: facts.schedule.id,
            due: host.moment(due, &zone, language.tag()),
            url: &facts.settings.configuration_url,
        };
        let said = said.failure(&reason, counter >= STOPS_AT);
        let mail = Mail {
            kind: MailKind::Failure,
            audience: Audience::Responsible,
            subject: said.subject,
            text: said.text,
            attach_file: false,
        };
        told(host.stage(&mut run, mail).await)?;
        let outcome = Outcome::Failed((reason.code().into(), reason.sentence(language)));
        host.finish(&mut run, outcome, counter, content.active && counter < STOPS_AT)
            .await
    }
}

fn plan_or_nothing(plan: Option<Result<Option<i64>, String>>) -> Option<i64> {
    match plan {
        Some(Ok(next_run)) => next_run,
        Some(Err(_)) | None => None,
    }
}

/// Ends a run by the results of its mail's deliveries.
async fn settled_by<H: Imports>(host: &H, mut run: H::Run, deliveries: &[Delivery]) -> Answer<(), StoreError> {
    let facts = host.run_facts(&run);
    let (counter, active) = (facts.schedule.content.error_counter, facts.schedule.content.active);
    let language = language_of(facts.schedule.owner.as_ref(), &facts.settings.languages);
    if deliveries.iter().any(|one| one.status == DeliveryStatus::Accepted) {
        let counter = if active { 0 } else { counter };
        return host.finish(&mut run, Outcome::Delivered, counter, active).await;
    }
    let counter = counter.saturating_add(1).min(STOPS_AT);
    let reason = HostReason::Undelivered(String::new());
    let outcome = Outcome::Failed((reason.code().into(), reason.sentence(language)));
    host.finish(&mut run, outcome, counter, active && counter < STOPS_AT)
        .await
}

/// Returns why the run is not finished, `None` if it is.
fn unfinished(end: End) -> Result<Option<crate::contract::exported::jobs::AbandonReason>, HostFault> {
    match end {
        End::Finished | End::LeaseLost => Ok(None),
        End::Unfinished(reason) => Ok(Some(reason)),
        End::HostFault(words) => Err(HostFault(words)),
    }
}

/// If the lease is lost, another worker ends the run.
fn over(answer: Answer<(), StoreError>) -> Result<(), HostFault> {
    match answer {
        Ok(()) | Err(ImportError::Refused(StoreError::LeaseLost)) => Ok(()),
        Err(ImportError::Fault(fault)) => Err(fault),
        Err(other) => Err(HostFault(other.to_string())),
    }
}

/// If no user can be notified, the history has the reason.
fn told(answer: Answer<(), MailError>) -> Result<(), HostFault> {
    match answer {
        Err(ImportError::Fault(fault)) => Err(fault),
        Ok(()) | Err(ImportError::Refused(_) | ImportError::Mistake(_)) => Ok(()),
    }
}
