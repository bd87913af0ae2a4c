//! `schedule-store`: durable schedules, runs and their history.

use super::call::{LentAccess, Work};
use super::{ImportError, Imports, STOPS_AT, bounds, interface};
use crate::contract::schedule_store::{Page, RunPage, RunStart, StoreError};
use crate::contract::{Content, MissedRange, Outcome, PageQuery, RunEntry, RunQuery, Schedule};
use crate::contract::{
    Position,
    auth_context::{AccessContext, Caller},
};

interface! {
    /// Schedules, runs and their history, as the handle sees them: through an access nothing of another organizer or level exists,
    /// and no schedule that its caller may not see.
    ///
    /// Writes through an access are *staged on it* and committed by the host when the call has answered, all in one transaction
    /// that compares versions again. `start` and `finish` commit, durably, before they answer, if the run's lease holds then.
    ///
    /// Checked before a write gets here: the caller's right to write at all, and for `insert` and `take_over` that he is a user; that
    /// contents, due times and outcomes are what the contract allows; that the run is started and not over; that a page has 1 to 50
    /// rows; that a call makes at most 100 writes.
    pub trait ScheduleStore in schedule_store {
        /// A page of what is visible, rows and total of one snapshot. A page past the last is `not-found`; page 1 always exists.
        ///
        /// # Errors
        /// `not-found`, `unavailable`.
        fn list(&self, by: &Access, query: PageQuery) -> Answer<Page, StoreError> {
            check |_, _| { query.size = bounds::page_size(query.size); }
        }

        /// One schedule, as this call has staged it, else as it is stored.
        ///
        /// # Errors
        /// `not-found` where it is not there or not visible, which must read the same; `unavailable`.
        fn get(&self, by: &Access, id: u64) -> Answer<Schedule, StoreError> {}

        /// Stages a new schedule of the caller's at version 1, with an id that no schedule has had or will have.
        ///
        /// # Errors
        /// `quota`, `unavailable`.
        fn insert(&self, by: &mut Access, content: Content) -> Answer<Schedule, StoreError> {
            check |facts, access| {
                content = bounds::content(content)?;
                access.may_write(facts, true)?;
                bounds::one_more(access.writes)?;
            }
            done |access, ()| { access.writes += 1; }
        }

        /// Stages a new content, at a version one higher, where `version` is the stored one. With the commit a run in progress loses
        /// its lease and is due for lease at once, and `missed` becomes one entry of the history.
        ///
        /// # Errors
        /// `not-found`, `stale`, `unavailable`.
        fn update(
            &self,
            by: &mut Access,
            id: u64,
            version: u64,
            content: Content,
            missed: Vec<MissedRange>,
        ) -> Answer<Schedule, StoreError> {
            check |facts, access| {
                content = bounds::content(content)?;
                bounds::given_up(&missed, content.next_run, facts.settings.now)?;
                access.may_write(facts, false)?;
                bounds::one_more(access.writes)?;
            }
            done |access, ()| { access.wrote_about(id); }
        }

        /// As [`update`](Self::update), and the caller becomes the owner. Just that if left out: right where all schedules are one
        /// user's.
        ///
        /// # Errors
        /// As that.
        fn take_over(
            &self,
            by: &mut Access,
            id: u64,
            version: u64,
            content: Content,
            missed: Vec<MissedRange>,
        ) -> Answer<Schedule, StoreError> {
            check |facts, access| {
                content = bounds::content(content)?;
                bounds::given_up(&missed, content.next_run, facts.settings.now)?;
                access.may_write(facts, true)?;
                bounds::one_more(access.writes)?;
            }
            done |access, ()| { access.wrote_about(id); }
            default { self.update(by, id, version, content, missed).await }
        }

        /// Stages the removal where `version` is the stored one; none: any. With the commit its run is cancelled; history stays.
        ///
        /// # Errors
        /// `not-found`, `stale`, `unavailable`.
        fn delete(&self, by: &mut Access, id: u64, version: Option<u64>) -> Answer<(), StoreError> {
            check |facts, access| {
                access.may_write(facts, false)?;
                bounds::one_more(access.writes)?;
            }
            done |access, ()| { access.wrote_about(id); }
        }

        /// History of one schedule that is visible, latest due time first. A page past the last is `not-found`.
        ///
        /// # Errors
        /// `not-found`, `unavailable`.
        fn runs(&self, by: &Access, id: u64, query: RunQuery) -> Answer<RunPage, StoreError> {
            check |_, _| { query.size = bounds::page_size(query.size); }
        }

        /// The latest run that was due of each of these schedules, one answer each, in order; none: it never ran, or is not visible.
        /// One [`runs`](Self::runs) for each if left out: a database has one statement for all.
        ///
        /// # Errors
        /// `unavailable`.
        fn latest_runs(&self, by: &Access, ids: Vec<u64>) -> Answer<Vec<Option<RunEntry>>, StoreError> {
            check |_, _| { bounds::ids(&ids)?; }
            default {
                let mut latest = Vec::new();
                for id in ids {
                    latest.push(match self.runs(by, id, RunQuery::page(Position::Number(1), 1)).await {
                        Ok(page) => page.rows.into_iter().next(),
                        Err(ImportError::Refused(StoreError::NotFound)) => None,
                        Err(error) => return Err(error),
                    });
                }
                Ok(latest)
            }
        }

        /// Opens the run: pins `plan.due`, so that every later attempt has it, stores the next run, and writes the missed ones down;
        /// all in one transaction, if the lease holds. With an open run of the same due time it goes on with that.
        ///
        /// # Errors
        /// `lease-lost` where the lease is gone or this (schedule, due time) has ended, and nothing was written; `unavailable`.
        fn start(&self, of: &mut Run, plan: RunStart) -> Answer<(), StoreError> {
            check |facts, run| {
                let pinned_otherwise = run.due.is_some_and(|pinned| pinned != plan.due);
                if run.over() || run.work != Work::Execute || pinned_otherwise {
                    return Err(StoreError::LeaseLost.into());
                }
                bounds::plan(&plan, facts.schedule.content.next_run, facts.due, facts.kind, facts.settings.now)?;
                plan.due
            }
            done |run, due| { run.due = Some(due); }
        }

        /// Submits, ends or postpones the run: history, counter, `active` and the staged mail in one transaction, if the lease
        /// holds. Counter and `active` stay as they are where a person changed the schedule since the run was leased.
        ///
        /// # Errors
        /// `lease-lost` where the lease is gone, and nothing was written; `unavailable`.
        fn finish(&self, of: &mut Run, outcome: Outcome, error_counter: u32, active: bool) -> Answer<(), StoreError> {
            check |facts, run| {
                let due = run.open().ok_or(StoreError::LeaseLost)?;
                outcome = bounds::outcome(outcome, run.work, due, run.staged, facts.settings.now)?;
                active &= error_counter < STOPS_AT;
                error_counter = error_counter.min(STOPS_AT);
            }
            done |run, ()| { run.finished = true; }
        }
    }
}

impl<H: Imports> LentAccess<H> {
    /// Refuses whoever may not write, every caller in a call that only reads, and with `as_user` whoever is no user.
    pub(super) fn may_write(&self, facts: &AccessContext, as_user: bool) -> Result<(), StoreError> {
        let is_user = matches!(facts.caller, Caller::User(_));
        match facts.may_write && !self.only_reads && (is_user || !as_user) {
            true => Ok(()),
            false => Err(StoreError::Forbidden),
        }
    }

    /// Counts a change of a schedule that was there before.
    fn wrote_about(&mut self, id: u64) {
        self.changed.push(id);
        self.writes += 1;
    }
}
