//! What happens before or after the calls of a store that is watched, or has it fail. Every step boundary of a run is one of them:
//! `take_due`, `start`, `keep_file`, `finish`, `take_deliveries`, `record_delivery`, `take_settled`.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use scheduled_exports_store::StorageError;
use scheduled_exports_store::port::Observer;

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
        self.plan().faults = Some(SeededFaults {
            random: fastrand::Rng::with_seed(seed),
            one_in,
        });
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

impl Observer for StoreScript {
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

/// The same faults for the same seed.
#[derive(Clone, Debug)]
struct SeededFaults {
    random: fastrand::Rng,
    one_in: u64,
}

impl SeededFaults {
    /// None: not this time; else whether after the call.
    fn strikes(&mut self) -> Option<bool> {
        // Asked twice a call, before and after.
        (self.random.u64(..self.one_in.max(1)) == 0).then(|| self.random.bool())
    }
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

impl Observer for CrashPoint {
    async fn before(&self, call: &'static str) -> Result<(), StorageError> {
        self.pass(call, false);
        Ok(())
    }

    async fn after(&self, call: &'static str) -> Result<(), StorageError> {
        self.pass(call, true);
        Ok(())
    }
}
