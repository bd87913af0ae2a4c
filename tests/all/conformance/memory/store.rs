//! `schedule-store`: what people write.

use std::sync::PoisonError;

use scheduled_exports_host::contract::{
    Content, Filter, MissedRange, Outcome, PageQuery, Position, Schedule, ScheduleState,
};
use scheduled_exports_host::contract::{
    RunQuery,
    schedule_store::{Page, RunPage, RunStart, StoreError},
};
use scheduled_exports_host::imports::{Answer, ImportError, ScheduleStore};
use scheduled_exports_host::memory;

use super::{Access, Fault, Faulty, Run};

/// More than any check has.
const ALL: u32 = 10_000;

impl Faulty {
    /// What a call has staged so far.
    fn staged(&self, by: &mut Access, id: u64) {
        if let Some(user) = &by.of.user {
            let mut changed_by = self.changed_by.lock().unwrap_or_else(PoisonError::into_inner);
            changed_by.insert(id, user.clone());
        }
        if self.is(Fault::WritesAtOnce) {
            self.memory.state().clone_from(&by.of.draft);
            by.of.found.clone_from(&by.of.draft);
        }
    }

    /// Rows to leave out for a cursor that is a number of them.
    async fn counted(&self, by: &Access, query: PageQuery) -> Answer<Page, StoreError> {
        let from = match &query.at {
            Position::After(text) => text.parse().map_err(|_| StoreError::NotFound)?,
            Position::Number(_) => 0,
        };
        let (at, size) = (Position::Number(1), query.size as usize);
        let all = PageQuery { at, size: ALL, ..query };
        let mut page = self.memory.list(&by.of, all).await?;
        page.rows.drain(..from.min(page.rows.len()));
        page.next = (page.rows.len() > size).then(|| (from + size).to_string());
        page.rows.truncate(size);
        Ok(page)
    }

    /// A page of a filtered list, as one who reads the filter wrongly has it.
    async fn filtered(&self, by: &Access, mut query: PageQuery) -> Answer<Page, StoreError> {
        let given = query.filter.clone();
        match self.fault {
            Some(Fault::TakesEndedPausesForPauses) => query.filter.state = None,
            Some(Fault::IgnoresFailing) => query.filter.failing = None,
            Some(Fault::ListsTheStoppedAsDue) => query.filter.due_before = None,
            Some(Fault::IgnoresTheOwner) => query.filter.owner = None,
            _ => {}
        }
        let mut page = self.memory.list(&by.of, query.clone()).await?;
        let total = page.rows.len();
        match (self.fault, given) {
            (Some(Fault::TakesEndedPausesForPauses), Filter { state: Some(state), .. }) => {
                page.rows.retain(|row| row.content.state.at(i64::MIN) == state);
            }
            (
                Some(Fault::ListsTheStoppedAsDue),
                Filter {
                    due_before: Some(before),
                    ..
                },
            ) => {
                page.rows
                    .retain(|row| row.content.next_run.is_some_and(|next| next < before));
            }
            (
                Some(Fault::FindsRecipientsAlone),
                Filter {
                    recipient: Some(wanted),
                    ..
                },
            ) => {
                page.rows.retain(|row| {
                    row.content
                        .recipients
                        .all()
                        .any(|one| one.eq_ignore_ascii_case(&wanted))
                });
            }
            _ => {}
        }
        page.total -= (total - page.rows.len()) as u64;
        if self.is(Fault::CountsWithoutTheFilter) {
            query.filter = Filter::default();
            page.total = self
                .memory
                .list(
                    &by.of,
                    PageQuery {
                        at: Position::Number(1),
                        ..query
                    },
                )
                .await?
                .total;
        }
        Ok(page)
    }

    /// A change of a schedule, or a take-over.
    async fn change(
        &self,
        by: &mut Access,
        (id, mut version): (u64, u64),
        content: Content,
        mut missed: Vec<MissedRange>,
        takes_over: bool,
    ) -> Answer<Schedule, StoreError> {
        let before = by.of.draft.schedules.get(&id).cloned();
        let asked = by.of.draft.clone();
        if let Some(before) = before.as_ref().filter(|_| self.is(Fault::LetsStaleThrough)) {
            version = before.version;
        }
        if self.is(Fault::ForgetsWhatWasGivenUp) {
            missed.clear();
        }
        let schedule = match takes_over {
            true => self.memory.take_over(&mut by.of, id, version, content, missed).await?,
            false => self.memory.update(&mut by.of, id, version, content, missed).await?,
        };
        let before_it = before.as_ref().and_then(|before| before.open);
        if let Some(stored) = by.of.draft.schedules.get_mut(&id)
            && self.is(Fault::RunsThePaused)
            && let Some(open) = before_it
        {
            (stored.open, stored.content.state) = (Some(open), ScheduleState::Active);
            by.of.draft.runs[open].entry.outcome = None;
            by.of.draft.runs[open].entry.ended = None;
        }
        if let (Some(before), Some(stored)) = (before, by.of.draft.schedules.get_mut(&id))
            && self.is(Fault::LeavesTheRunAfterAChange)
        {
            (stored.fence, stored.lease_until) = (before.fence, before.lease_until);
            (stored.retry_at, stored.attempt) = (before.retry_at, before.attempt);
        }
        if self.is(Fault::LeavesRequests) {
            let of_it = asked.schedules.into_iter().filter(|(_, stored)| stored.asked.is_some());
            by.of.draft.schedules.extend(of_it);
            by.of.draft.runs = asked.runs;
        }
        self.staged(by, id);
        Ok(schedule)
    }

    /// As if the caller stood where this schedule is, and saw all of it.
    pub(super) fn beside(&self, by: &Access, id: u64) -> memory::Access {
        let mut beside = by.of.clone();
        if let Some(stored) = by.of.draft.schedules.get(&id) {
            beside.scope = stored.scope.clone();
            beside.facts.may_change_settings = true;
        }
        beside
    }
}

impl ScheduleStore for Faulty {
    async fn list(&self, by: &Access, query: PageQuery) -> Answer<Page, StoreError> {
        if self.is(Fault::CountsInCursors) {
            return self.counted(by, query).await;
        }
        let mut page = match self.filtered(by, query.clone()).await {
            Err(ImportError::Refused(StoreError::NotFound))
                if self.is(Fault::TakesAnyCursor) && matches!(query.at, Position::After(_)) =>
            {
                let at = Position::Number(1);
                self.memory.list(&by.of, PageQuery { at, ..query.clone() }).await?
            }
            other => other?,
        };
        if self.is(Fault::SortsPagesOnly) && query.descending {
            page.rows.sort_by_key(|row| row.content.next_run.is_some());
        }
        if self.is(Fault::CountsWhatIsInvisible) {
            let all = by.of.draft.schedules.values();
            let of_it = all.filter(|stored| stored.scope.organizer == by.of.scope.organizer);
            page.total = of_it.count() as u64;
        }
        if self.is(Fault::RepeatsTheLastRow) {
            let mut last_rows = self.last_rows.lock().unwrap_or_else(PoisonError::into_inner);
            if let (Some(next), Some(last)) = (&page.next, page.rows.last()) {
                last_rows.insert(next.clone(), last.clone());
            }
            if let Position::After(text) = &query.at
                && let Some(last) = last_rows.get(text)
            {
                page.rows.insert(0, last.clone());
            }
        }
        Ok(page)
    }

    async fn get(&self, by: &Access, id: u64) -> Answer<Schedule, StoreError> {
        match self.fault {
            Some(Fault::ShowsOldContent) => {
                let mut before = by.of.clone();
                before.draft.clone_from(&before.found);
                self.memory.get(&before, id).await
            }
            Some(Fault::ShowsForeignIds) => self.memory.get(&self.beside(by, id), id).await,
            Some(Fault::ForbidsForeignIds) => match self.memory.get(&by.of, id).await {
                Err(_) if by.of.draft.schedules.contains_key(&id) => Err(StoreError::Forbidden.into()),
                other => other,
            },
            _ => self.memory.get(&by.of, id).await,
        }
    }

    async fn insert(&self, by: &mut Access, content: Content) -> Answer<Schedule, StoreError> {
        let highest = by.of.draft.schedules.keys().max().copied();
        let mut schedule = self.memory.insert(&mut by.of, content).await?;
        if self.is(Fault::GivesIdsAgain)
            && let Some(stored) = by.of.draft.schedules.remove(&schedule.id)
        {
            schedule.id = highest.unwrap_or_default() + 1;
            by.of.draft.schedules.insert(schedule.id, stored);
        }
        self.staged(by, schedule.id);
        Ok(schedule)
    }

    async fn update(
        &self,
        by: &mut Access,
        id: u64,
        version: u64,
        content: Content,
        missed: Vec<MissedRange>,
    ) -> Answer<Schedule, StoreError> {
        let takes_over = self.is(Fault::MakesTheChangerOwner) && by.of.user.is_some();
        self.change(by, (id, version), content, missed, takes_over).await
    }

    async fn take_over(
        &self,
        by: &mut Access,
        id: u64,
        version: u64,
        content: Content,
        missed: Vec<MissedRange>,
    ) -> Answer<Schedule, StoreError> {
        by.taken_over.insert(id);
        let takes_over = !self.is(Fault::KeepsTheOwner);
        self.change(by, (id, version), content, missed, takes_over).await
    }

    async fn delete(&self, by: &mut Access, id: u64, version: Option<u64>) -> Answer<(), StoreError> {
        let before = by.of.draft.clone();
        self.memory.delete(&mut by.of, id, version).await?;
        if let Some(stored) = before.schedules.get(&id).filter(|_| self.is(Fault::RunsTheDeleted)) {
            // Out of sight, and still there for its worker.
            let mut stored = stored.clone();
            stored.scope.organizer = "deleted".into();
            by.of.draft.schedules.insert(id, stored);
            by.of.draft.runs = before.runs;
        }
        self.staged(by, id);
        Ok(())
    }

    async fn runs(&self, by: &Access, id: u64, query: RunQuery) -> Answer<RunPage, StoreError> {
        match self.is(Fault::IgnoresTheRunQuery) {
            true => self.memory.runs(&by.of, id, RunQuery::page(query.at, query.size)).await,
            false => self.memory.runs(&by.of, id, query).await,
        }
    }

    async fn start(&self, of: &mut Run, plan: RunStart) -> Answer<(), StoreError> {
        self.open_run(of, plan).await
    }

    async fn finish(&self, of: &mut Run, outcome: Outcome, error_counter: u32, active: bool) -> Answer<(), StoreError> {
        self.end_run(of, outcome, error_counter, active).await
    }
}
