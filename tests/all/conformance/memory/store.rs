//! `schedule-store`: what people write.

use std::sync::atomic::Ordering;

use host_harness::contract::schedule_store::{Page, Plan, RunPage, StoreError};
use host_harness::contract::{Content, MissedRange, Outcome, PageQuery, Position, RunEntry, Schedule};
use host_harness::imports::{ImportError, ScheduleStore};

use super::{Access, Fault, Memory, Run, RunRow, State, Stored, pages};

type Answer<T> = Result<T, ImportError<StoreError>>;

/// A line about due times that nobody ran.
pub(super) fn missed(schedule: u64, range: MissedRange, now: i64) -> RunRow {
    RunRow {
        schedule,
        entry: RunEntry {
            due: range.last,
            started: None,
            ended: Some(now),
            attempts: 0,
            outcome: Some(Outcome::Missed(range)),
            rows: None,
            bytes: None,
            deliveries: Vec::new(),
        },
        version: 0,
        settle_fence: 0,
        settle_until: None,
    }
}

/// The latest due time in these ranges that has a line already.
pub(super) fn recorded(state: &State, schedule: u64, ranges: &[MissedRange]) -> Option<i64> {
    let rows = state
        .runs
        .iter()
        .filter(|row| row.schedule == schedule)
        .map(|row| row.entry.due);
    let inside = |due: &i64| ranges.iter().any(|range| (range.first..=range.last).contains(due));
    rows.filter(inside).max()
}

impl Memory {
    /// What the caller may see of it.
    fn found(&self, state: &State, by: &Access, id: u64) -> Result<Stored, StoreError> {
        let stored = state.schedules.get(&id).ok_or(StoreError::NotFound)?;
        if self.visible(by, stored) || self.is(Fault::ShowsForeignIds) {
            return Ok(stored.clone());
        }
        Err(match self.is(Fault::ForbidsForeignIds) {
            true => StoreError::Forbidden,
            false => StoreError::NotFound,
        })
    }

    /// The same at the stored version.
    fn found_at(&self, by: &Access, id: u64, version: Option<u64>) -> Result<Stored, StoreError> {
        let stored = self.seen(by, |state| self.found(state, by, id))?;
        let same = version.is_none_or(|version| version == stored.version);
        if same || self.is(Fault::LetsStaleThrough) {
            Ok(stored)
        } else {
            Err(StoreError::Stale)
        }
    }

    /// Keeps whose it was before this call.
    fn remember(&self, by: &mut Access, id: u64, owner: &str, taken_over: bool) {
        if taken_over || !self.is(Fault::TellsOnlyOfTakeOvers) {
            by.owners.entry(id).or_insert_with(|| owner.to_owned());
        }
    }

    fn replace(
        &self,
        by: &mut Access,
        (id, version): (u64, u64),
        content: Content,
        given_up: &[MissedRange],
        owner: Option<String>,
    ) -> Answer<Schedule> {
        let stored = self.found_at(by, id, Some(version))?;
        if let Some(latest) = self.seen(by, |state| recorded(state, id, given_up)) {
            return Err(StoreError::Recorded(latest).into());
        }
        let now = self.now();
        let former = stored.owner.clone();
        self.remember(by, id, &former, owner.is_some());
        let changed = Stored {
            version: stored.version + 1,
            content,
            owner: owner.unwrap_or_else(|| former.clone()),
            changed_by: by.caller.clone(),
            ..stored
        };
        let (keeps_run, forgets) = (
            self.is(Fault::LeavesTheRunAfterAChange),
            self.is(Fault::ForgetsWhatWasGivenUp),
        );
        self.change(by, |state| {
            let mut changed = changed.clone();
            if !keeps_run {
                changed.fence += 1;
                changed.lease_until = None;
                changed.retry_at = changed.open.map(|_| now);
                changed.attempt = changed.open.map_or(0, |_| changed.attempt);
            }
            state.schedules.insert(id, changed);
            if !forgets {
                state.runs.extend(given_up.iter().map(|range| missed(id, *range, now)));
            }
        });
        Ok(self.seen(by, |state| self.shown(state, id, &changed)))
    }
}

impl ScheduleStore for Memory {
    async fn list(&self, by: &Access, query: PageQuery) -> Answer<Page> {
        Ok(self.seen(by, |state| self.page(state, by, &query))?)
    }

    async fn get(&self, by: &Access, id: u64) -> Answer<Schedule> {
        let look = |state: &State| self.found(state, by, id).map(|stored| self.shown(state, id, &stored));
        Ok(match self.is(Fault::ShowsOldContent) {
            true => look(&self.state()),
            false => self.seen(by, look),
        }?)
    }

    async fn insert(&self, by: &mut Access, content: Content) -> Answer<Schedule> {
        let organizer = by.scope.organizer.clone();
        let quota = self
            .world
            .organizers
            .iter()
            .find(|one| one.slug == organizer)
            .and_then(|one| one.quota);
        let of_it = |state: &State| {
            let all = state.schedules.values();
            all.filter(|stored| stored.scope.organizer == organizer).count()
        };
        if let Some(quota) = quota.filter(|_| !self.is(Fault::ForgetsTheQuota))
            && self.seen(by, of_it) >= quota as usize
        {
            return Err(StoreError::Quota(quota).into());
        }
        let highest = self.seen(by, |state| state.schedules.keys().max().copied());
        let id = match self.is(Fault::GivesIdsAgain) {
            true => highest.unwrap_or_default() + 1,
            false => self.next_id.fetch_add(1, Ordering::SeqCst),
        };
        let owner = by.user.clone().ok_or(StoreError::Forbidden)?;
        let stored = Stored {
            scope: by.scope.clone(),
            owner,
            changed_by: by.caller.clone(),
            version: 1,
            content,
            fence: 0,
            lease_until: None,
            retry_at: None,
            open: None,
            attempt: 0,
        };
        self.change(by, |state| state.schedules.insert(id, stored.clone()));
        Ok(self.seen(by, |state| self.shown(state, id, &stored)))
    }

    async fn update(
        &self,
        by: &mut Access,
        id: u64,
        version: u64,
        content: Content,
        missed: Vec<MissedRange>,
    ) -> Answer<Schedule> {
        let owner = by.user.clone().filter(|_| self.is(Fault::MakesTheChangerOwner));
        self.replace(by, (id, version), content, &missed, owner)
    }

    async fn take_over(
        &self,
        by: &mut Access,
        id: u64,
        version: u64,
        content: Content,
        missed: Vec<MissedRange>,
    ) -> Answer<Schedule> {
        let owner = by.user.clone().filter(|_| !self.is(Fault::KeepsTheOwner));
        self.replace(by, (id, version), content, &missed, owner)
    }

    async fn delete(&self, by: &mut Access, id: u64, version: Option<u64>) -> Answer<()> {
        let stored = self.found_at(by, id, version)?;
        self.remember(by, id, &stored.owner, false);
        let now = self.now();
        let runs_on = self.is(Fault::RunsTheDeleted);
        self.change(by, |state| {
            let Some(gone) = state.schedules.get_mut(&id) else {
                return;
            };
            let open = gone.open;
            if runs_on {
                // Out of sight, and still there for its worker.
                gone.scope.organizer = "deleted".into();
                return;
            }
            state.schedules.remove(&id);
            if let Some(entry) = open.map(|open| &mut state.runs[open].entry) {
                entry.outcome = Some(Outcome::Cancelled("the schedule was deleted".into()));
                entry.ended = Some(now);
            }
        });
        Ok(())
    }

    async fn runs(&self, by: &Access, id: u64, at: Position, size: u32) -> Answer<RunPage> {
        Ok(self.seen(by, |state| {
            self.found(state, by, id)?;
            pages::history(state, id, &at, size)
        })?)
    }

    async fn start(&self, of: &mut Run, plan: Plan) -> Answer<()> {
        Ok(self.open_run(of, plan)?)
    }

    async fn finish(&self, of: &mut Run, outcome: Outcome, error_counter: u32, active: bool) -> Answer<()> {
        Ok(self.end_run(of, outcome, error_counter, active)?)
    }
}
