//! Limits of one call: its time in guest code, and its memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::{ResourceLimiter, Store, UpdateDeadline};

use crate::imports::{Call, Imports};

/// How often guest code can be stopped or made to yield.
const TICK: Duration = Duration::from_millis(5);

/// Increments the engine's epoch at every tick while a call runs, and sleeps otherwise.
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    running: AtomicUsize,
    stop: AtomicBool,
}

impl Ticker {
    pub(super) fn start(engine: &wasmtime::Engine) -> Self {
        let shared = Arc::new(Shared {
            running: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        });
        let (seen, engine) = (Arc::clone(&shared), engine.clone());
        let thread = std::thread::Builder::new()
            .name("epoch".into())
            .spawn(move || {
                while !seen.stop.load(Ordering::Acquire) {
                    if seen.running.load(Ordering::Acquire) == 0 {
                        std::thread::park();
                    } else {
                        std::thread::sleep(TICK);
                        engine.increment_epoch();
                    }
                }
            })
            .expect("the system gives a thread at start-up");
        Self {
            shared,
            thread: Some(thread),
        }
    }

    /// Gives the store's guest code `compute`, counted in ticks that pass while it runs. A tick during an import costs at most
    /// one, so a slow import does not use up the budget. Ends when the result is dropped.
    pub(super) fn run<H: Imports>(&self, store: &mut Store<Call<H>>, compute: Duration) -> Running<'_> {
        let mut left = u64::try_from(compute.as_nanos() / TICK.as_nanos())
            .unwrap_or(u64::MAX)
            .max(1);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| {
            left -= 1;
            Ok(if left == 0 {
                UpdateDeadline::Interrupt
            } else {
                UpdateDeadline::Yield(1)
            })
        });
        if self.shared.running.fetch_add(1, Ordering::AcqRel) == 0
            && let Some(thread) = &self.thread
        {
            thread.thread().unpark();
        }
        Running(&self.shared)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// A call in progress.
pub(super) struct Running<'a>(&'a Shared);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Limits the memory of one instance, and remembers whether it requested more: the trap that follows does not say so.
#[derive(Debug)]
pub struct MemoryLimiter {
    most: usize,
    refused: bool,
}

impl MemoryLimiter {
    /// Allows `most` bytes of linear memory.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, refused: false }
    }

    /// Returns whether the guest requested more.
    #[must_use]
    pub fn refused(&self) -> bool {
        self.refused
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, _current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= self.most && maximum.is_none_or(|maximum| desired <= maximum);
        self.refused |= !fits;
        Ok(fits)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= 10_000 && maximum.is_none_or(|maximum| desired <= maximum))
    }
}
