//! `recurrence` and `about`: calls that need no handle.

use std::sync::Arc;

use tokio::time::timeout;

use super::{Engine, GuestFault, conclude};
use crate::clock::Instant;
use crate::contract::FieldError;
use crate::contract::exported::about::Description;
use crate::contract::exported::recurrence::{Occurrence, Rule, Stored};
use crate::imports::{Imports, instant};

impl<H: Imports> Engine<H> {
    /// Returns the component's description. Store the version of its time zone database with each plan: if a newer component has
    /// another version, reschedule every stored next run.
    ///
    /// # Errors
    /// See [`GuestFault`].
    pub async fn describe(&self, host: &Arc<H>) -> Result<Description, GuestFault> {
        let limits = &self.limits;
        let mut instance = self.instance(host, "describe", limits.call_compute).await?;
        let about = instance.plugin.ticketing_scheduled_exports_about();
        let asked = timeout(limits.call_deadline, about.call_describe(&mut instance.store)).await;
        conclude(asked, instance.store.data())
    }

    /// Returns the earliest run of a rule strictly after `after`, `None` if there is none.
    ///
    /// # Errors
    /// The outer error if the component fails, the inner one if the rule is invalid.
    pub async fn next_run(
        &self,
        host: &Arc<H>,
        rule: &Rule,
        after: Instant,
    ) -> Result<Result<Option<Instant>, Vec<FieldError>>, GuestFault> {
        let limits = &self.limits;
        let mut instance = self.instance(host, "next-run", limits.call_compute).await?;
        let recurrence = instance.plugin.ticketing_scheduled_exports_recurrence();
        let asked = timeout(
            limits.call_deadline,
            recurrence.call_next_run(&mut instance.store, rule, after),
        )
        .await;
        conclude(asked, instance.store.data())
    }

    /// Returns the next runs of a rule: at most `limit`, and at most 1,000.
    ///
    /// # Errors
    /// As [`Engine::next_run`].
    pub async fn preview(
        &self,
        host: &Arc<H>,
        rule: &Rule,
        after: Instant,
        limit: u32,
    ) -> Result<Result<Vec<Occurrence>, Vec<FieldError>>, GuestFault> {
        let limits = &self.limits;
        let mut instance = self.instance(host, "preview", limits.call_compute).await?;
        let recurrence = instance.plugin.ticketing_scheduled_exports_recurrence();
        let asked = timeout(
            limits.call_deadline,
            recurrence.call_preview(&mut instance.store, rule, after, limit),
        )
        .await;
        conclude(asked, instance.store.data())
    }

    /// Computes next runs of stored schedules after `after`: one result per schedule, in order. An error, whose text is for the
    /// log, leaves that schedule unchanged. Store a result only if version and old next run are unchanged.
    ///
    /// # Errors
    /// If the component fails, or does not return one result per schedule; then reschedule none.
    pub async fn replan(
        &self,
        host: &Arc<H>,
        rows: &[Stored],
        after: Instant,
    ) -> Result<Vec<Result<Option<Instant>, String>>, GuestFault> {
        let limits = &self.limits;
        let mut instance = self.instance(host, "replan", limits.run_compute).await?;
        let recurrence = instance.plugin.ticketing_scheduled_exports_recurrence();
        let asked = timeout(
            limits.call_deadline,
            recurrence.call_replan(&mut instance.store, rows, after),
        )
        .await;
        let mut plans = conclude(asked, instance.store.data())?;
        for plan in &mut plans {
            if let Ok(Some(next)) = plan
                && let Err(words) = instant(*next)
            {
                *plan = Err(words);
            }
        }
        if plans.len() != rows.len() {
            let (answered, asked) = (plans.len(), rows.len());
            return Err(GuestFault::Trapped(format!(
                "replan returned {answered} results for {asked} rows"
            )));
        }
        Ok(plans)
    }
}
