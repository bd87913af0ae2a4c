//! A leased run, brought to its end whatever the component does.

use std::future::Future;
use std::sync::Arc;

use super::{End, Engine};
use crate::contract::{
    Audience, Delivery, DeliveryStatus, Mail, MailError, MailKind, Outcome, Plan, StoreError, Stored,
};
use crate::imports::{Answer, HostFault, ImportError, Imports, STOPS_AT};
use crate::wording::{HostReason, RunFacts, language_of};

impl<H: Imports> Engine<H> {
    /// Brings a leased run to its end: to be made, or with `deliveries`, which are those of its export mail and all final, to be
    /// settled.
    ///
    /// `execute` or `settle` comes first, each within its limits. A run that `execute` has not finished is given to `abandon` in
    /// a fresh instance, and one that `abandon` has not finished either ends as failed: counted, the responsible told. One that
    /// `settle` has not finished ends by its deliveries. `again` mints the run that it is given once more, from what is stored by
    /// then, so that what was pinned is seen.
    ///
    /// It is over when this answers, or its lease is lost. The host renews the lease meanwhile; it may drop the future at any
    /// time, and leaves the run to its lease by that.
    ///
    /// # Errors
    /// A part of the host was away: the run is left to its lease.
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

    /// Ends a run, which it starts where nobody has, as failed.
    async fn failed(&self, host: &Arc<H>, mut run: H::Run) -> Answer<(), StoreError> {
        let facts = host.run_facts(&run).clone();
        let content = facts.schedule.content;
        let zone = facts.settings.zone;
        if let (None, Some(due)) = (facts.due, content.next_run) {
            // From the due time on: those that have passed beside it are the next lease's, and must not be forgotten.
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
                // What can't be planned stops, and is seen to have.
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

/// Ends a run by what became of its mail.
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

/// Why there is more to do; none: there is not.
fn unfinished(end: End) -> Result<Option<crate::contract::exported::jobs::AbandonReason>, HostFault> {
    match end {
        End::Finished | End::LeaseLost => Ok(None),
        End::Unfinished(reason) => Ok(Some(reason)),
        End::HostFault(words) => Err(HostFault(words)),
    }
}

/// A lease that is lost is another's to bring to an end.
fn over(answer: Answer<(), StoreError>) -> Result<(), HostFault> {
    match answer {
        Ok(()) | Err(ImportError::Refused(StoreError::LeaseLost)) => Ok(()),
        Err(ImportError::Fault(fault)) => Err(fault),
        Err(other) => Err(HostFault(other.to_string())),
    }
}

/// Where nobody can be told, the history says it.
fn told(answer: Answer<(), MailError>) -> Result<(), HostFault> {
    match answer {
        Err(ImportError::Fault(fault)) => Err(fault),
        Ok(()) | Err(ImportError::Refused(_) | ImportError::Mistake(_)) => Ok(()),
    }
}
