//! `recurrence`: questions to the component that need no caller.

use super::{CallError, Service};
use crate::clock::Instant;
use crate::contract::FieldError;
use crate::contract::exported::recurrence::{Occurrence, Rule, Stored};
use crate::storage::{Replan, Row, Scope};

impl Service {
    /// The earliest run of a rule strictly after `after`.
    ///
    /// # Errors
    /// The outer one if the component fails, the inner one for what is wrong with the rule.
    pub async fn next_run(
        &self,
        rule: &Rule,
        after: Instant,
    ) -> Result<Result<Option<Instant>, Vec<FieldError>>, CallError> {
        Ok(self.engine.next_run(&self.services, rule, after).await?)
    }

    /// The next runs of a rule.
    ///
    /// # Errors
    /// As [`Service::next_run`].
    pub async fn preview(
        &self,
        rule: &Rule,
        after: Instant,
        limit: u32,
    ) -> Result<Result<Vec<Occurrence>, Vec<FieldError>>, CallError> {
        Ok(self.engine.preview(&self.services, rule, after, limit).await?)
    }

    /// Plans a batch of schedules again that were marked for it; answers how many there were.
    ///
    /// # Errors
    /// Rows that were not reached stay marked.
    pub async fn replan_batch(&self, most: u32) -> Result<usize, CallError> {
        let away = |error: crate::storage::StorageError| CallError::Unavailable(error.to_string());
        let rows = self.services.storage.replan_batch(most).await.map_err(away)?;
        if rows.is_empty() {
            return Ok(0);
        }
        let mut stored = Vec::with_capacity(rows.len());
        for row in &rows {
            let (settings, _) = self.settings(&row.scope).await?;
            stored.push(Stored {
                document: row.document.clone(),
                default_zone: settings.zone,
            });
        }
        let after = self.services.clock.now();
        let plans = match self.plans(&stored, after).await {
            Ok(plans) => plans,
            // One document that brings the component down must not keep the others from being planned.
            Err(CallError::Trapped(_)) => {
                let mut plans = Vec::with_capacity(stored.len());
                for one in &stored {
                    plans.push(match self.plans(std::slice::from_ref(one), after).await {
                        Ok(mut plan) => plan.remove(0),
                        Err(CallError::Trapped(words)) => Err(words),
                        Err(error) => return Err(error),
                    });
                }
                plans
            }
            Err(error) => return Err(error),
        };
        let mut written = Vec::with_capacity(rows.len());
        for (row, plan) in rows.into_iter().zip(plans) {
            let plan = match plan {
                // A due time that has passed while nobody could run it is not planned away; one that passed in its sleep is.
                Ok(_) if !row.asleep && row.old_next_run.is_some_and(|due| due <= after) => Some(row.old_next_run),
                Ok(plan) => Some(plan),
                Err(reason) => {
                    tracing::warn!(
                        schedule = row.id,
                        reason,
                        "this schedule can't be planned again and stays as it was"
                    );
                    None
                }
            };
            written.push((row, plan));
        }
        self.services
            .storage
            .write_plans(&written, &self.services.zone_database)
            .await
            .map_err(away)?;
        Ok(written.len())
    }

    /// The first run of a stored schedule after `after`; none also where the component can't say.
    ///
    /// # Errors
    /// Store or platform are away.
    pub(super) async fn plan_of(&self, row: &Row, after: Instant) -> Result<Option<Instant>, CallError> {
        let (settings, _) = self.settings(&row.scope).await?;
        let stored = Stored {
            document: row.content.document.clone(),
            default_zone: settings.zone,
        };
        let reason = match self.plans(&[stored], after).await {
            Ok(mut plans) => match plans.remove(0) {
                Ok(plan) => return Ok(plan),
                Err(reason) => reason,
            },
            Err(CallError::Trapped(words)) => words,
            Err(error) => return Err(error),
        };
        tracing::error!(
            schedule = row.id,
            reason,
            "this schedule has no next run: nothing can say when"
        );
        Ok(None)
    }

    async fn plans(
        &self,
        stored: &[Stored],
        after: Instant,
    ) -> Result<Vec<Result<Option<Instant>, String>>, CallError> {
        Ok(self.engine.replan(&self.services, stored, after).await?)
    }

    /// Moves an event to another zone, and has its schedules planned again.
    ///
    /// # Errors
    /// If there is no such event or zone, or the platform or store is away.
    pub async fn move_event(&self, organizer: &str, event: &str, zone: &str) -> Result<(), CallError> {
        self.platform().set_event_timezone(organizer, event, zone).await?;
        let scope = Scope {
            organizer: organizer.into(),
            event: Some(event.into()),
        };
        self.replan_scope(scope).await
    }

    /// Moves an organizer to another zone, and has its own schedules planned again.
    ///
    /// # Errors
    /// If there is no such organizer or zone, or the platform or store is away.
    pub async fn move_organizer(&self, organizer: &str, zone: &str) -> Result<(), CallError> {
        self.platform().set_organizer_timezone(organizer, zone).await?;
        self.replan_scope(Scope {
            organizer: organizer.into(),
            event: None,
        })
        .await
    }

    async fn replan_scope(&self, scope: Scope) -> Result<(), CallError> {
        let marked = self.storage().request_replan(&Replan::Scope(scope)).await;
        marked.map_err(|error| CallError::Unavailable(error.to_string()))?;
        self.changed().notify_waiters();
        Ok(())
    }
}
