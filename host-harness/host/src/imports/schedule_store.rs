//! `schedule-store`: durable schedules, runs and their history.

use std::future::Future;

use wasmtime::component::Resource;

use super::call::{LentAccess, Work};
use super::error::answered;
use super::{Answer, AuthContext, Call, Imports, STOPS_AT, bounds};
use crate::contract;
use crate::contract::auth_context::Caller;
use crate::contract::schedule_store::{Host, Page, Plan, RunPage, StoreError};
use crate::contract::{Content, MissedRange, Outcome, PageQuery, Position, Schedule};

/// Schedules, runs and their history, as the handle sees them: through an access, nothing of another organizer or level exists,
/// and no schedule that its caller cannot see.
///
/// Writes through an access are *staged on it*. The host commits them when the call has returned ok, all in one transaction that
/// checks versions again. `start` and `finish` commit durably before they return, if the run still has its lease then.
///
/// Validated before a write gets here: the caller has write permission, and for `insert` and `take_over` is a user; contents, due
/// times and outcomes are valid by the contract; the run is started and not over; a page has 1 to 50 rows; a call makes at most
/// 100 writes.
pub trait ScheduleStore: AuthContext {
    /// Returns a page of the visible schedules, rows and total of one snapshot. A page past the last is `not-found`; page 1
    /// always exists.
    ///
    /// # Errors
    /// `not-found`, `unavailable`.
    fn list(&self, by: &Self::Access, query: PageQuery) -> impl Future<Output = Answer<Page, StoreError>> + Send;

    /// Returns one schedule, as this call has staged it, otherwise as it is stored.
    ///
    /// # Errors
    /// `not-found` if it does not exist or is not visible, which must look the same; `unavailable`.
    fn get(&self, by: &Self::Access, id: u64) -> impl Future<Output = Answer<Schedule, StoreError>> + Send;

    /// Stages a new schedule that the caller owns, at version 1, with an id that no schedule has had or will have.
    ///
    /// # Errors
    /// `quota`, `unavailable`.
    fn insert(
        &self,
        by: &mut Self::Access,
        content: Content,
    ) -> impl Future<Output = Answer<Schedule, StoreError>> + Send;

    /// Stages a new content, at a version one higher, if `version` is the stored one. With the commit, a run in progress loses
    /// its lease and can be leased again at once, and `missed` becomes one entry of the history.
    ///
    /// # Errors
    /// `not-found`, `stale`, `unavailable`.
    fn update(
        &self,
        by: &mut Self::Access,
        id: u64,
        version: u64,
        content: Content,
        missed: Vec<MissedRange>,
    ) -> impl Future<Output = Answer<Schedule, StoreError>> + Send;

    /// Like [`update`](Self::update), and the caller becomes the owner. By default only an update, which is correct if all
    /// schedules belong to one user.
    ///
    /// # Errors
    /// Like [`update`](Self::update).
    fn take_over(
        &self,
        by: &mut Self::Access,
        id: u64,
        version: u64,
        content: Content,
        missed: Vec<MissedRange>,
    ) -> impl Future<Output = Answer<Schedule, StoreError>> + Send {
        self.update(by, id, version, content, missed)
    }

    /// Stages the deletion if `version` is the stored one; `None` for any. With the commit its run is cancelled; the history
    /// stays.
    ///
    /// # Errors
    /// `not-found`, `stale`, `unavailable`.
    fn delete(
        &self,
        by: &mut Self::Access,
        id: u64,
        version: Option<u64>,
    ) -> impl Future<Output = Answer<(), StoreError>> + Send;

    /// Returns the history of one visible schedule, latest due time first. A page past the last is `not-found`.
    ///
    /// # Errors
    /// `not-found`, `unavailable`.
    fn runs(
        &self,
        by: &Self::Access,
        id: u64,
        at: Position,
        size: u32,
    ) -> impl Future<Output = Answer<RunPage, StoreError>> + Send;

    /// Opens the run: pins `plan.due`, so that every later attempt has it, stores the next run, and records the missed due times,
    /// all in one transaction, if the lease holds. If a run of the same due time is open, it continues with that.
    ///
    /// # Errors
    /// `lease-lost` if the lease is lost or this (schedule, due time) has ended, and nothing was written; `unavailable`.
    fn start(&self, of: &mut Self::Run, plan: Plan) -> impl Future<Output = Answer<(), StoreError>> + Send;

    /// Submits, ends or postpones the run: history, counter, `active` and the staged mail in one transaction, if the lease holds.
    /// Counter and `active` stay unchanged if a user changed the schedule since the run was leased.
    ///
    /// # Errors
    /// `lease-lost` if the lease is lost, and nothing was written; `unavailable`.
    fn finish(
        &self,
        of: &mut Self::Run,
        outcome: Outcome,
        error_counter: u32,
        active: bool,
    ) -> impl Future<Output = Answer<(), StoreError>> + Send;
}

/// The error for a caller without write permission, and with `as_user` for a caller who is no user.
fn may_write<H: Imports>(host: &H, lent: &LentAccess<H>, as_user: bool) -> bool {
    let facts = host.access_facts(&lent.access);
    facts.may_write && (!as_user || matches!(facts.caller, Caller::User(_)))
}

impl<H: Imports> LentAccess<H> {
    /// Counts a staged write.
    fn wrote<T>(&mut self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        self.writes += usize::from(answer.is_ok());
        answer
    }

    /// The same, for a schedule that existed before.
    fn wrote_about<T>(&mut self, id: u64, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if answer.is_ok() {
            self.changed.push(id);
        }
        self.wrote(answer)
    }
}

impl<H: Imports> Host for Call<H> {
    async fn list(
        &mut self,
        _by: Resource<contract::Access>,
        query: PageQuery,
    ) -> wasmtime::Result<Result<Page, StoreError>> {
        let (host, lent) = self.access()?;
        let query = PageQuery {
            size: bounds::page_size(query.size),
            ..query
        };
        answered(host.list(&lent.access, query).await)
    }

    async fn get(
        &mut self,
        _by: Resource<contract::Access>,
        id: u64,
    ) -> wasmtime::Result<Result<Schedule, StoreError>> {
        let (host, lent) = self.access()?;
        answered(host.get(&lent.access, id).await)
    }

    async fn insert(
        &mut self,
        _by: Resource<contract::Access>,
        content: Content,
    ) -> wasmtime::Result<Result<Schedule, StoreError>> {
        let content = bounds::content(content)?;
        let (host, lent) = self.access()?;
        if !may_write(host, lent, true) {
            return Ok(Err(StoreError::Forbidden));
        }
        bounds::one_more(lent.writes)?;
        let answer = answered(host.insert(&mut lent.access, content).await)?;
        Ok(lent.wrote(answer))
    }

    async fn update(
        &mut self,
        _by: Resource<contract::Access>,
        id: u64,
        version: u64,
        content: Content,
        missed: Vec<MissedRange>,
    ) -> wasmtime::Result<Result<Schedule, StoreError>> {
        let content = bounds::content(content)?;
        let (host, lent) = self.access()?;
        bounds::given_up(&missed, content.next_run, host.access_facts(&lent.access).settings.now)?;
        if !may_write(host, lent, false) {
            return Ok(Err(StoreError::Forbidden));
        }
        bounds::one_more(lent.writes)?;
        let answer = answered(host.update(&mut lent.access, id, version, content, missed).await)?;
        Ok(lent.wrote_about(id, answer))
    }

    async fn take_over(
        &mut self,
        _by: Resource<contract::Access>,
        id: u64,
        version: u64,
        content: Content,
        missed: Vec<MissedRange>,
    ) -> wasmtime::Result<Result<Schedule, StoreError>> {
        let content = bounds::content(content)?;
        let (host, lent) = self.access()?;
        bounds::given_up(&missed, content.next_run, host.access_facts(&lent.access).settings.now)?;
        if !may_write(host, lent, true) {
            return Ok(Err(StoreError::Forbidden));
        }
        bounds::one_more(lent.writes)?;
        let answer = answered(host.take_over(&mut lent.access, id, version, content, missed).await)?;
        Ok(lent.wrote_about(id, answer))
    }

    async fn delete(
        &mut self,
        _by: Resource<contract::Access>,
        id: u64,
        version: Option<u64>,
    ) -> wasmtime::Result<Result<(), StoreError>> {
        let (host, lent) = self.access()?;
        if !may_write(host, lent, false) {
            return Ok(Err(StoreError::Forbidden));
        }
        bounds::one_more(lent.writes)?;
        let answer = answered(host.delete(&mut lent.access, id, version).await)?;
        Ok(lent.wrote_about(id, answer))
    }

    async fn runs(
        &mut self,
        _by: Resource<contract::Access>,
        id: u64,
        at: Position,
        size: u32,
    ) -> wasmtime::Result<Result<RunPage, StoreError>> {
        let (host, lent) = self.access()?;
        answered(host.runs(&lent.access, id, at, bounds::page_size(size)).await)
    }

    async fn start(&mut self, _of: Resource<contract::Run>, plan: Plan) -> wasmtime::Result<Result<(), StoreError>> {
        let (host, lent) = self.run()?;
        let pinned_otherwise = lent.due.is_some_and(|pinned| pinned != plan.due);
        if lent.over() || lent.work != Work::Execute || pinned_otherwise {
            return Ok(Err(StoreError::LeaseLost));
        }
        let facts = host.run_facts(&lent.run);
        bounds::plan(&plan, facts.schedule.content.next_run, facts.due, facts.settings.now)?;
        let due = plan.due;
        let answer = answered(host.start(&mut lent.run, plan).await)?;
        if answer.is_ok() {
            lent.due = Some(due);
        }
        lent.lost |= answer == Err(StoreError::LeaseLost);
        Ok(answer)
    }

    async fn finish(
        &mut self,
        _of: Resource<contract::Run>,
        outcome: Outcome,
        error_counter: u32,
        active: bool,
    ) -> wasmtime::Result<Result<(), StoreError>> {
        let (host, lent) = self.run()?;
        let (Some(due), false) = (lent.due, lent.over()) else {
            return Ok(Err(StoreError::LeaseLost));
        };
        let now = host.run_facts(&lent.run).settings.now;
        let outcome = bounds::outcome(outcome, lent.work, due, lent.staged, now)?;
        let (counter, active) = (error_counter.min(STOPS_AT), active && error_counter < STOPS_AT);
        let answer = answered(host.finish(&mut lent.run, outcome, counter, active).await)?;
        lent.finished = answer.is_ok();
        lent.lost |= answer == Err(StoreError::LeaseLost);
        Ok(answer)
    }
}
