//! A store that is watched: something happens before or after its calls, or it fails as it is told.

use std::collections::HashMap;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use scheduled_exports_store::{
    AuditEntry, Backlog, Commit, CommitError, DeliveryResult, DeliveryTask, FileFacts, Finish, HistoryRow, Kept, Lease,
    LeaseError, Leased, MailStanding, OutboxMail, OutgoingExport, ReplanRow, RequestKey, RequestState, Rooms, Row,
    Rows, Scope, StartError, Storage, StorageError, Visible, Wakes, Written,
};
use tempfile::SpooledData;

use scheduled_exports_host::clock::Instant;
use scheduled_exports_host::contract::schedule_store::Plan;
use scheduled_exports_host::contract::{MissedRange, PageQuery, Position, RunEntry};

/// Where a step of the host meets its store. Every step boundary of a run is one of these: `take_due`, `start`, `keep_file`,
/// `finish`, `take_deliveries`, `record_delivery`, `take_settled`.
#[async_trait]
pub trait StoreWatch: Send + Sync {
    /// The call has not reached the store. An error is answered in its place.
    async fn before(&self, call: &'static str) -> Result<(), StorageError>;
    /// The store has done it. An error is answered although it is done, as when a connection breaks on the way back.
    async fn after(&self, call: &'static str) -> Result<(), StorageError>;
}

/// A store, and who watches it.
pub struct WatchedStorage {
    store: Arc<dyn Storage>,
    watch: Arc<dyn StoreWatch>,
}

impl WatchedStorage {
    /// Tells `watch` of each call of `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Storage>, watch: Arc<dyn StoreWatch>) -> Self {
        Self { store, watch }
    }
}

macro_rules! watched {
    ($($call:ident($($name:ident: $of:ty),*) -> $answer:ty, $error:ty;)*) => {
        #[async_trait]
        impl Storage for WatchedStorage {
            $(async fn $call(&self, $($name: $of),*) -> Result<$answer, $error> {
                self.watch.before(stringify!($call)).await?;
                let answer = self.store.$call($($name),*).await?;
                self.watch.after(stringify!($call)).await?;
                Ok(answer)
            })*

            /// To whoever watches, the same step.
            async fn take_due_within(
                &self,
                now: Instant,
                lease_until: Instant,
                limit: u32,
                rooms: &Rooms,
            ) -> Result<Vec<Leased>, StorageError> {
                self.watch.before("take_due").await?;
                let leased = self.store.take_due_within(now, lease_until, limit, rooms).await?;
                self.watch.after("take_due").await?;
                Ok(leased)
            }

            /// To whoever watches, the same step.
            async fn take_deliveries_within(
                &self,
                now: Instant,
                lease_until: Instant,
                limit: u32,
                rooms: &Rooms,
            ) -> Result<Vec<DeliveryTask>, StorageError> {
                self.watch.before("take_deliveries").await?;
                let leased = self.store.take_deliveries_within(now, lease_until, limit, rooms).await?;
                self.watch.after("take_deliveries").await?;
                Ok(leased)
            }

            async fn changed(&self) {
                self.store.changed().await;
            }

            async fn close(&self) {
                self.store.close().await;
            }
        }
    };
}

watched! {
    list(seen: &Visible, query: &PageQuery) -> Option<Rows<Row>>, StorageError;
    get(seen: &Visible, id: u64) -> Option<Row>, StorageError;
    runs(schedule: u64, at: &Position, size: u32) -> Option<Rows<RunEntry>>, StorageError;
    count(organizer: &str) -> u64, StorageError;
    reserve_id() -> u64, StorageError;
    commit(commit: Commit) -> (), CommitError;
    seed(row: &Row, zone_database: &str, now: Instant) -> (), CommitError;
    begin_request(key: &RequestKey, fingerprint: &[u8; 32], now: Instant, lease_until: Instant) -> RequestState, StorageError;
    end_request(key: &RequestKey, ticket: u64) -> (), StorageError;
    enabled(organizer: &str) -> bool, StorageError;
    set_enabled(organizer: &str, enabled: bool, actor: &str, now: Instant) -> (), StorageError;
    retire(event: &Scope, now: Instant) -> (), StorageError;
    scopes(organizer: &str) -> Vec<(Option<String>, u64)>, StorageError;
    organizers() -> Vec<(String, bool)>, StorageError;
    take_due(now: Instant, lease_until: Instant, limit: u32) -> Vec<Leased>, StorageError;
    take_settled(now: Instant, lease_until: Instant, limit: u32) -> Vec<Leased>, StorageError;
    renew(lease: &Lease, until: Instant) -> (), LeaseError;
    hand_back(lease: &Lease, now: Instant) -> (), LeaseError;
    start(lease: &Lease, plan: &Plan, zone_database: &str, zone: &str, now: Instant) -> u64, StartError;
    recorded(schedule: u64, range: &MissedRange) -> Option<Instant>, StorageError;
    keep_file(lease: &Lease, run: u64, facts: &FileFacts, file: &SpooledData) -> (), LeaseError;
    read_file(run: u64, path: &Path) -> Option<FileFacts>, StorageError;
    file_facts(run: u64) -> Option<FileFacts>, StorageError;
    linked_piece(hash: &[u8; 32], now: Instant, piece: u64) -> Option<Vec<u8>>, StorageError;
    keep_link(lease: &Lease, run: u64, hash: &[u8; 32], expires: Instant) -> (), LeaseError;
    linked(hash: &[u8; 32], now: Instant) -> Option<u64>, StorageError;
    finish(lease: &Lease, run: u64, finish: &Finish) -> Written, LeaseError;
    take_deliveries(now: Instant, lease_until: Instant, limit: u32) -> Vec<DeliveryTask>, StorageError;
    mail(id: u64) -> Option<OutboxMail>, StorageError;
    standing(mails: &[u64]) -> Vec<(u64, MailStanding)>, StorageError;
    export(run: u64) -> Option<OutgoingExport>, StorageError;
    call_off(run: u64, words: &str, now: Instant) -> (), StorageError;
    renew_deliveries(tasks: &[DeliveryTask], until: Instant) -> Vec<(u64, u32)>, StorageError;
    mail_was_accepted(mail: u64) -> bool, StorageError;
    waiting_recipients(most: u32) -> Vec<(String, String)>, StorageError;
    record_delivery(task: &DeliveryTask, result: &DeliveryResult, now: Instant) -> (), LeaseError;
    resume_undelivered(organizer: Option<&str>, schedule: Option<u64>, actor: &str, now: Instant) -> Vec<u64>, StorageError;
    request_replan(moved: &Scope) -> u64, StorageError;
    replan_batch(limit: u32, zone_database: &str) -> Vec<ReplanRow>, StorageError;
    write_plan(row: &ReplanRow, plan: Option<Option<Instant>>, zone_database: &str) -> (), StorageError;
    write_plans(plans: &[(ReplanRow, Option<Option<Instant>>)], zone_database: &str) -> (), StorageError;
    next_wakes() -> Wakes, StorageError;
    backlog(now: Instant) -> Backlog, StorageError;
    collect(now: Instant) -> (), StorageError;
    forget(before: Kept, most: u32) -> u64, StorageError;
    history(schedule: Option<u64>, limit: u32) -> Vec<HistoryRow>, StorageError;
    audit(organizer: &str, limit: u32) -> Vec<AuditEntry>, StorageError;
    store_id() -> String, StorageError;
    ping() -> (), StorageError;
    check_writable() -> (), StorageError;
}

/// A moment of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The call of this name is about to begin.
    Before(&'static str),
    /// It has answered; the answer is still to be passed on.
    After(&'static str),
}

type Action = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a test has happen at the store's calls. Without a word from the test, nothing.
#[derive(Default)]
pub struct StoreScript {
    plan: Mutex<Script>,
}

#[derive(Default)]
struct Script {
    actions: Vec<(Moment, Action)>,
    /// How many of the next calls of this name fail.
    failing: HashMap<&'static str, usize>,
    faults: Option<SeededFaults>,
    calls: HashMap<&'static str, usize>,
}

impl StoreScript {
    /// Does this at the next such moment, once; the call goes on when it is done. Calls that it makes itself are not watched
    /// for another action of the same moment.
    pub fn once(&self, at: Moment, action: impl Future<Output = ()> + Send + 'static) {
        self.plan().actions.push((at, Box::pin(action)));
    }

    /// Actions whose moment has not come.
    #[must_use]
    pub fn left(&self) -> usize {
        self.plan().actions.len()
    }

    /// The next `times` calls of this name fail before they reach the store.
    pub fn fail(&self, call: &'static str, times: usize) {
        self.plan().failing.insert(call, times);
    }

    /// From now on calls fail by this seed, one in `one_in`: half of those before they reach the store, half when it has
    /// done them.
    pub fn fail_by_seed(&self, seed: u64, one_in: u64) {
        self.plan().faults = Some(SeededFaults { state: seed, one_in });
    }

    /// From now on the store works.
    pub fn works(&self) {
        let mut plan = self.plan();
        plan.faults = None;
        plan.failing.clear();
    }

    /// How often this was called.
    #[must_use]
    pub fn calls(&self, call: &str) -> usize {
        self.plan().calls.get(call).copied().unwrap_or_default()
    }

    fn plan(&self) -> MutexGuard<'_, Script> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn at(&self, moment: Moment) {
        let action = {
            let mut plan = self.plan();
            let place = plan.actions.iter().position(|(at, _)| *at == moment);
            place.map(|place| plan.actions.remove(place).1)
        };
        if let Some(action) = action {
            action.await;
        }
    }

    fn fault(&self, call: &str, after: bool) -> Result<(), StorageError> {
        let mut plan = self.plan();
        if let Some(left) = plan.failing.get_mut(call).filter(|left| **left > 0 && !after) {
            *left -= 1;
            return Err(StorageError::Unavailable(format!("told to fail at {call}")));
        }
        match plan.faults.as_mut().map(SeededFaults::strikes) {
            Some(Some(strikes_after)) if strikes_after == after => {
                let when = if after { "after" } else { "before" };
                Err(StorageError::Unavailable(format!("told to fail {when} {call}")))
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl StoreWatch for StoreScript {
    async fn before(&self, call: &'static str) -> Result<(), StorageError> {
        *self.plan().calls.entry(call).or_default() += 1;
        self.at(Moment::Before(call)).await;
        self.fault(call, false)
    }

    async fn after(&self, call: &'static str) -> Result<(), StorageError> {
        self.at(Moment::After(call)).await;
        self.fault(call, true)
    }
}

/// The same faults for the same seed: xorshift64* (Vigna, 2016).
#[derive(Clone, Debug)]
struct SeededFaults {
    state: u64,
    one_in: u64,
}

impl SeededFaults {
    /// None: not this time; else whether after the call.
    fn strikes(&mut self) -> Option<bool> {
        let drawn = next_random(&mut self.state);
        // Asked twice a call, before and after.
        drawn
            .is_multiple_of(self.one_in.max(1))
            .then_some(drawn & (1 << 40) != 0)
    }
}

/// The next number of a seeded row.
fn next_random(state: &mut u64) -> u64 {
    let mut x = (*state).max(1);
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    x.wrapping_mul(0x2545_F491_4F6C_DD1D)
}

/// Kills this process at a step boundary, as a kill -9 would: `after-start:3` at the third time that `start` has been done,
/// `before-finish:1` at the first that is about to be.
#[derive(Debug)]
pub struct CrashPoint {
    after: bool,
    call: String,
    left: std::sync::atomic::AtomicI64,
}

impl CrashPoint {
    /// Reads `before-CALL:N` or `after-CALL:N`, the call written with `-` or `_`; none: it is no such text.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let (point, times) = text.split_once(':')?;
        let (when, call) = point.split_once('-')?;
        Some(Self {
            after: match when {
                "before" => false,
                "after" => true,
                _ => return None,
            },
            call: call.replace('-', "_"),
            left: i64::from(times.parse::<u32>().ok()?.max(1)).into(),
        })
    }

    fn pass(&self, call: &str, after: bool) {
        if call == self.call && after == self.after && self.left.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) == 1
        {
            std::process::abort();
        }
    }
}

#[async_trait]
impl StoreWatch for CrashPoint {
    async fn before(&self, call: &'static str) -> Result<(), StorageError> {
        self.pass(call, false);
        Ok(())
    }

    async fn after(&self, call: &'static str) -> Result<(), StorageError> {
        self.pass(call, true);
        Ok(())
    }
}
