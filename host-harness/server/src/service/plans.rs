//! `recurrence`: questions to the component that need no caller.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant as Stopwatch;

use scheduled_exports_host::clock::Instant;
use scheduled_exports_host::contract::FieldError;
use scheduled_exports_host::contract::{
    ScheduleState,
    exported::recurrence::{Occurrence, Rule, Stored},
};
use scheduled_exports_host::engine::{GuestFault, SAME_DUE_TIME};
use scheduled_exports_store::{LeaseError, Leased, ReplanRow, Scope, StorageError, Work};

use super::{CallError, Service};
use crate::metrics::Called;

/// What the check of a leased due time's plan came to.
pub(super) enum Rechecked {
    /// To be worked on, with the plan of this host's zone database, or as it was.
    Due(Box<Leased>),
    /// Still to come: planned again, and the lease given back unused.
    StillToCome,
}

/// From where on the next due time is looked for. What has passed since the old plan was made, and would have been due by the
/// new one, is found and due at once; what has run is not found again where it has moved.
fn counted_from(row: &ReplanRow, now: Instant) -> Instant {
    if row.asleep {
        return now;
    }
    // A moved event has its due times in the new zone, also on the day of the last run. By another zone database the last one
    // is still the same one.
    let last_moved = row.last_due.filter(|_| !row.moved);
    let unplanned = last_moved.map_or(now, |last| now.max(last.saturating_add(SAME_DUE_TIME)));
    let from = row.old_next_run.map_or(unplanned, |planned| {
        unplanned.min(planned.saturating_sub(SAME_DUE_TIME))
    });
    row.last_due.map_or(from, |last| from.max(last))
}

/// The due time to store; none: the old one stays. One that has passed unrun is not planned away, only moved.
fn kept(row: &ReplanRow, plan: Option<Instant>, now: Instant) -> Option<Option<Instant>> {
    let passed = row.old_next_run.filter(|due| !row.asleep && *due <= now);
    let lost = passed.is_some_and(|due| plan.is_none_or(|next| next > due.saturating_add(SAME_DUE_TIME)));
    (!lost).then_some(plan)
}

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
        let began = Stopwatch::now();
        let answer = self.engine.next_run(&self.services, rule, after).await;
        self.asked("next-run", began, answer.as_ref().map(Result::is_ok));
        Ok(answer?)
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
        let began = Stopwatch::now();
        let answer = self.engine.preview(&self.services, rule, after, limit).await;
        self.asked("preview", began, answer.as_ref().map(Result::is_ok));
        Ok(answer?)
    }

    /// Plans a batch of schedules again that were marked for it; answers how many there were.
    ///
    /// # Errors
    /// Rows that were not reached stay marked.
    pub async fn replan_batch(&self, most: u32) -> Result<usize, CallError> {
        let release = &self.services.zone_database;
        let rows = self.services.storage.replan_batch(most, release).await.map_err(away)?;
        if rows.is_empty() {
            return Ok(0);
        }
        let now = self.services.clock.now();
        // As of this batch: many of its rows are of the same scope.
        let mut zones: HashMap<Scope, String> = HashMap::new();
        // One call for all that are counted from the same moment: most are counted from now.
        let mut asked: BTreeMap<Instant, Vec<(ReplanRow, Stored)>> = BTreeMap::new();
        for row in rows {
            let default_zone = match zones.get(&row.scope) {
                Some(zone) => zone.clone(),
                None => {
                    let zone = self.platform().place(&row.scope).await?.timezone;
                    zones.insert(row.scope.clone(), zone.clone());
                    zone
                }
            };
            let stored = Stored {
                document: row.document.clone(),
                default_zone,
                not_before: row.not_before,
            };
            asked.entry(counted_from(&row, now)).or_default().push((row, stored));
        }
        let mut written = Vec::new();
        for (after, asked) in asked {
            let (rows, stored): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
            let plans = self.plans_of_each(&stored, after).await?;
            written.extend(rows.into_iter().zip(plans).map(|(row, plan)| {
                let plan = match plan {
                    Ok(plan) => kept(&row, plan, now).or(Some(row.old_next_run)),
                    Err(reason) => {
                        tracing::warn!(
                            schedule = row.id,
                            reason,
                            "could not reschedule; keeping the current next run"
                        );
                        None
                    }
                };
                (row, plan)
            }));
        }
        self.services
            .storage
            .write_plans(&written, release)
            .await
            .map_err(away)?;
        Ok(written.len())
    }

    /// One answer for each, where one document brings the component down, too.
    async fn plans_of_each(
        &self,
        stored: &[Stored],
        after: Instant,
    ) -> Result<Vec<Result<Option<Instant>, String>>, CallError> {
        match self.plans(stored, after).await {
            // The others must not be kept from being planned.
            Err(CallError::Trapped(_)) => {
                let mut plans = Vec::with_capacity(stored.len());
                for one in stored {
                    plans.push(match self.plans(std::slice::from_ref(one), after).await {
                        Ok(mut plan) => plan.remove(0),
                        Err(CallError::Trapped(words)) => Err(words),
                        Err(error) => return Err(error),
                    });
                }
                Ok(plans)
            }
            answer => answer,
        }
    }

    /// Looks at a leased due time once more that was planned with an older zone database than the component's.
    ///
    /// # Errors
    /// If the lease is lost, or store or platform are away.
    pub(super) async fn rechecked(&self, mut leased: Leased) -> Result<Rechecked, LeaseError> {
        let (storage, release) = (&self.services.storage, &self.services.zone_database);
        let planned = leased.row.content.next_run;
        let older = leased.asked.is_none() && leased.zone_database < *release;
        if leased.lease.work != Work::Execute || leased.due.is_some() || planned.is_none() || !older {
            return Ok(Rechecked::Due(Box::new(leased)));
        }
        let now = self.services.clock.now();
        let last = storage.latest_runs(&[leased.row.id]).await?.pop().flatten();
        let row = ReplanRow {
            id: leased.row.id,
            version: leased.row.version,
            scope: leased.row.scope.clone(),
            document: leased.row.content.document.clone(),
            old_next_run: planned,
            not_before: match leased.row.content.state {
                ScheduleState::Paused(until) => until,
                ScheduleState::Active | ScheduleState::Stopped => None,
            },
            last_due: last.map(|entry| entry.due),
            moved: false,
            asleep: false,
        };
        let unavailable = |error: CallError| StorageError::Unavailable(error.to_string());
        let place = self.platform().place(&row.scope).await;
        let stored = Stored {
            document: row.document.clone(),
            default_zone: place.map_err(|error| unavailable(error.into()))?.timezone,
            not_before: row.not_before,
        };
        let mut plans = self
            .plans_of_each(&[stored], counted_from(&row, now))
            .await
            .map_err(unavailable)?;
        // What it can't say of this document it says again where the run fails of it.
        let Some(Some(next)) = plans.remove(0).ok().and_then(|plan| kept(&row, plan, now)) else {
            return Ok(Rechecked::Due(Box::new(leased)));
        };
        if next <= now {
            leased.row.content.next_run = Some(next);
            leased.zone_database.clone_from(release);
            return Ok(Rechecked::Due(Box::new(leased)));
        }
        // Whoever leases it between the two looks at it once more himself.
        storage.hand_back(&leased.lease, now).await?;
        storage.write_plan(&row, Some(Some(next)), release).await?;
        Ok(Rechecked::StillToCome)
    }

    async fn plans(
        &self,
        stored: &[Stored],
        after: Instant,
    ) -> Result<Vec<Result<Option<Instant>, String>>, CallError> {
        let began = Stopwatch::now();
        let answer = self.engine.replan(&self.services, stored, after).await;
        self.asked("replan", began, answer.as_ref().map(|_| true));
        Ok(answer?)
    }

    /// Counts a question to the component; the answer: did it say what was asked for?
    fn asked(&self, export: &'static str, began: Stopwatch, answer: Result<bool, &GuestFault>) {
        let how = match answer {
            Ok(true) => Called::Answered,
            Ok(false) => Called::Refused,
            Err(GuestFault::Host(_)) => Called::Away,
            Err(GuestFault::Trapped(_) | GuestFault::DeadlineExceeded | GuestFault::OutOfMemory) => Called::Failed,
        };
        self.metrics.called(export, how, began.elapsed());
    }

    /// Moves an event to another zone, and has its schedules planned again.
    ///
    /// # Errors
    /// If there is no such event or zone, or the platform or store is away.
    pub async fn move_event(&self, organizer: &str, event: &str, zone: &str) -> Result<(), CallError> {
        self.platform().set_event_timezone(organizer, event, zone).await?;
        // Its schedules go by its key: an earlier event can have had this slug.
        let key = self.platform().event(organizer, event).await?.map(|event| event.key);
        let scope = Scope {
            organizer: organizer.into(),
            event: Some(key.unwrap_or_else(|| event.into())),
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
        self.storage().request_replan(&scope).await.map_err(away)?;
        self.changed().notify_waiters();
        Ok(())
    }
}

fn away(error: StorageError) -> CallError {
    CallError::Unavailable(error.to_string())
}
