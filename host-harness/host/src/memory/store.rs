//! `schedule-store`: changes by users.

use super::{Access, Memory, Run, RunRow, State, Stored};
use crate::clock::Instant;
use crate::contract::schedule_store::{Page, RunPage, RunStart, StoreError};
use crate::contract::{Content, MissedRange, Outcome, PageQuery, RunEntry, RunQuery, Schedule, StateKind};
use crate::imports::{Answer, ScheduleStore, runs_page, schedules_page};

/// An entry for missed due times.
pub(super) fn missed(id: u64, schedule: u64, range: MissedRange, now: Instant) -> RunRow {
    let mut entry = RunEntry::new(id, range.last, Some(Outcome::Missed(range)));
    entry.ended = Some(now);
    RunRow {
        schedule,
        history_of: schedule,
        entry,
        version: 0,
        settle_fence: 0,
        settle_until: None,
    }
}

/// Returns the latest due time in these ranges that has an entry already.
pub(super) fn recorded(state: &State, schedule: u64, ranges: &[MissedRange]) -> Option<Instant> {
    let rows = state.runs.iter().filter(|row| row.schedule == schedule);
    let inside = |due: &Instant| ranges.iter().any(|range| (range.first..=range.last).contains(due));
    rows.map(|row| row.entry.due).filter(inside).max()
}

/// Returns whether the caller can see the schedule.
pub(super) fn visible(by: &Access, stored: &Stored) -> bool {
    let own = by.user.as_ref().is_some_and(|user| stored.owner == *user);
    stored.asked.is_none() && stored.scope == by.scope && (by.facts.may_change_settings || own)
}

/// Returns the schedule if the caller can see it and this is its version.
pub(super) fn found(by: &Access, id: u64, version: Option<u64>) -> Result<Stored, StoreError> {
    let stored = by.draft.schedules.get(&id).filter(|stored| visible(by, stored));
    let stored = stored.ok_or(StoreError::NotFound)?;
    match version.is_none_or(|version| version == stored.version) {
        true => Ok(stored.clone()),
        false => Err(StoreError::Stale),
    }
}

impl Memory {
    fn replace(
        &self,
        by: &mut Access,
        (id, version): (u64, u64),
        content: Content,
        given_up: Vec<MissedRange>,
        new_owner: Option<String>,
    ) -> Answer<Schedule, StoreError> {
        let mut stored = found(by, id, Some(version))?;
        if let Some(latest) = recorded(&by.draft, id, &given_up) {
            return Err(StoreError::AlreadyRecorded(latest).into());
        }
        let now = self.now();
        by.owners.entry(id).or_insert_with(|| stored.owner.clone());
        stored.owner = new_owner.unwrap_or(stored.owner);
        (stored.version, stored.content) = (version + 1, content);
        // A run in progress is taken from its worker, and leased again with the new content.
        (stored.fence, stored.lease_until) = (stored.fence + 1, None);
        stored.retry_at = stored.open.map(|_| now);
        stored.attempt = stored.open.map_or(0, |_| stored.attempt);
        if let (StateKind::Paused, Some(open)) = (stored.content.state.at(now), stored.open) {
            by.draft.runs[open]
                .entry
                .end(Outcome::Cancelled("the schedule was paused".into()), now);
            (stored.open, stored.retry_at, stored.attempt) = (None, None, 0);
        }
        let shown = self.shown(&by.draft, id, &stored);
        by.draft.schedules.insert(id, stored);
        by.draft.cancel_asked(id, "the scheduled export was changed", now);
        let seen = by.draft.runs.len() as u64;
        let given_up = (1..)
            .zip(given_up)
            .map(|(number, range)| missed(seen + number, id, range, now));
        by.draft.runs.extend(given_up);
        Ok(shown)
    }
}

impl ScheduleStore for Memory {
    async fn list(&self, by: &Access, query: PageQuery) -> Answer<Page, StoreError> {
        let seen = by.draft.schedules.iter().filter(|(_, stored)| visible(by, stored));
        let rows: Vec<Schedule> = seen.map(|(id, stored)| self.shown(&by.draft, *id, stored)).collect();
        Ok(schedules_page(rows.iter(), &query, self.now())?)
    }

    async fn get(&self, by: &Access, id: u64) -> Answer<Schedule, StoreError> {
        Ok(self.shown(&by.draft, id, &found(by, id, None)?))
    }

    async fn insert(&self, by: &mut Access, content: Content) -> Answer<Schedule, StoreError> {
        let organizer = &by.scope.organizer;
        let quota = self.world.organizer(organizer).and_then(|one| one.quota);
        let all = by.draft.schedules.values();
        let used = all
            .filter(|stored| stored.asked.is_none() && stored.scope.organizer == *organizer)
            .count();
        if let Some(quota) = quota.filter(|quota| used >= *quota as usize) {
            return Err(StoreError::Quota(quota).into());
        }
        let stored = Stored {
            scope: by.scope.clone(),
            owner: by.user.clone().ok_or(StoreError::Forbidden)?,
            version: 1,
            content,
            fence: 0,
            lease_until: None,
            retry_at: None,
            open: None,
            attempt: 0,
            asked: None,
        };
        let id = self.new_id();
        let shown = self.shown(&by.draft, id, &stored);
        by.draft.schedules.insert(id, stored);
        Ok(shown)
    }

    async fn update(
        &self,
        by: &mut Access,
        id: u64,
        version: u64,
        content: Content,
        missed: Vec<MissedRange>,
    ) -> Answer<Schedule, StoreError> {
        self.replace(by, (id, version), content, missed, None)
    }

    async fn take_over(
        &self,
        by: &mut Access,
        id: u64,
        version: u64,
        content: Content,
        missed: Vec<MissedRange>,
    ) -> Answer<Schedule, StoreError> {
        let owner = by.user.clone();
        self.replace(by, (id, version), content, missed, owner)
    }

    async fn delete(&self, by: &mut Access, id: u64, version: Option<u64>) -> Answer<(), StoreError> {
        let stored = found(by, id, version)?;
        by.owners.entry(id).or_insert(stored.owner);
        by.draft.schedules.remove(&id);
        by.draft
            .cancel_asked(id, "the scheduled export was deleted", self.now());
        if let Some(open) = stored.open {
            let entry = &mut by.draft.runs[open].entry;
            entry.end(
                Outcome::Cancelled("the scheduled export was deleted".into()),
                self.now(),
            );
        }
        Ok(())
    }

    async fn runs(&self, by: &Access, id: u64, query: RunQuery) -> Answer<RunPage, StoreError> {
        found(by, id, None)?;
        let rows = by.draft.runs.iter().filter(|row| row.history_of == id);
        Ok(runs_page(rows.map(|row| &row.entry), &query)?)
    }

    async fn latest_runs(&self, by: &Access, ids: Vec<u64>) -> Answer<Vec<Option<RunEntry>>, StoreError> {
        let latest = |id: u64| {
            found(by, id, None).ok()?;
            let its = by.draft.runs.iter().filter(|row| row.schedule == id);
            its.max_by_key(|row| row.entry.due).map(|row| row.entry.clone())
        };
        Ok(ids.into_iter().map(latest).collect())
    }

    async fn start(&self, of: &mut Run, plan: RunStart) -> Answer<(), StoreError> {
        Ok(self.open_run(of, plan)?)
    }

    async fn finish(&self, of: &mut Run, outcome: Outcome, error_counter: u32, active: bool) -> Answer<(), StoreError> {
        Ok(self.end_run(of, outcome, error_counter, active)?)
    }
}
