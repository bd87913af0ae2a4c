//! The time that the host works with: the system clock, or one that a test, the demo or `tick --now` sets.
//!
//! ```
//! use scheduled_exports_host::clock::{Clock as _, SystemClock, VirtualClock};
//!
//! let clock = VirtualClock::at(1_792_670_400); // 2026-10-22T12:00:00Z
//! clock.set(clock.now() + 60);
//! assert_eq!(clock.now(), 1_792_670_460); // and there it stands
//! assert!(SystemClock.now() > clock.now() - 100 * 365 * 86_400);
//! ```

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970-01-01T00:00:00Z, not counting leap seconds.
pub type Instant = i64;

/// The source of the host's time.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Instant;
}

/// The system clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
        }
    }
}

/// A clock that stands still until it is set.
#[derive(Debug)]
pub struct VirtualClock(AtomicI64);

impl VirtualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: Instant) -> Self {
        Self(AtomicI64::new(now))
    }

    /// Sets the clock, forwards or back.
    pub fn set(&self, now: Instant) {
        self.0.store(now, Ordering::SeqCst);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Instant {
        self.0.load(Ordering::SeqCst)
    }
}
