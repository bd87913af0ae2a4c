//! A host that keeps everything in memory, and does what the contract asks; or all of it but one thing, if it is told so.
//!
//! A call works on a copy of everything, which takes the place of the original when the call has answered ok.

mod driver;
mod exporters;
mod fault;
mod mailer;
mod pages;
mod people;
mod runs;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use host_harness::contract::auth_context::{AccessFacts, RunFacts};
use host_harness::contract::exporters::File;
use host_harness::contract::mailer::MailKind;
use host_harness::contract::{Content, Delivery, DeliveryStatus, RunEntry};
use host_harness::imports::{AuthContext, Log};
use host_harness::storage::Scope;
use host_harness::testing::conformance::World;

pub use driver::InMemory;
pub use fault::{Fault, WRONG};

/// How long a run is leased for, in seconds.
const LEASE: i64 = 60;

/// The host.
pub struct Memory {
    world: World,
    fault: Option<Fault>,
    clock: AtomicI64,
    next_id: AtomicU64,
    state: Mutex<State>,
    handles: Arc<AtomicUsize>,
}

/// All that it keeps.
#[derive(Clone, Default)]
struct State {
    schedules: BTreeMap<u64, Stored>,
    runs: Vec<RunRow>,
    outbox: Vec<Outgoing>,
    inactive: BTreeSet<String>,
    without_rights: BTreeSet<String>,
    gone: BTreeSet<String>,
}

#[derive(Clone)]
struct Stored {
    scope: Scope,
    /// Name of a user of the world.
    owner: String,
    /// Who changed it last.
    changed_by: String,
    version: u64,
    content: Content,
    fence: u64,
    lease_until: Option<i64>,
    retry_at: Option<i64>,
    /// Place of its open run among all runs.
    open: Option<usize>,
    attempt: u32,
}

#[derive(Clone)]
struct RunRow {
    schedule: u64,
    entry: RunEntry,
    /// Version of the schedule when it was started.
    version: u64,
    settle_fence: u64,
    settle_until: Option<i64>,
}

/// A mail, kept with a run or in the outbox.
#[derive(Clone)]
struct Outgoing {
    schedule: u64,
    /// None: about others' changes.
    about: Option<(i64, MailKind)>,
    recipients: Vec<Delivery>,
    subject: String,
    attached: bool,
    message_id: String,
    run: Option<usize>,
    /// It waits until then: further notices to the same recipient about schedules of this organizer join it.
    waits: Option<(i64, String)>,
}

impl Outgoing {
    fn to(addresses: impl IntoIterator<Item = String>) -> Vec<Delivery> {
        let queued = |address| Delivery {
            address,
            status: DeliveryStatus::Queued,
            words: String::new(),
        };
        addresses.into_iter().map(queued).collect()
    }
}

/// Counts itself while it is there.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One caller at one organizer or event.
pub struct Access {
    facts: AccessFacts,
    scope: Scope,
    /// Name of a caller of the world.
    caller: String,
    /// Name of the user that the caller stands for.
    user: Option<String>,
    /// Everything as this call has changed it; none: it has changed nothing.
    draft: Option<State>,
    /// Owners, before this call, of what it has changed.
    owners: BTreeMap<u64, String>,
    notices: BTreeMap<u64, Outgoing>,
    open: Option<Open>,
}

/// One leased run.
pub struct Run {
    lease: Lease,
    facts: RunFacts,
    file: Option<File>,
    staged: Option<Outgoing>,
    open: Option<Open>,
}

#[derive(Clone)]
struct Lease {
    schedule: u64,
    stored: Stored,
    /// None: to be settled.
    fence: Option<u64>,
    settle_fence: u64,
    /// Place of the run among all runs, once it is started.
    run: Option<usize>,
    /// The owner could export when it was leased.
    allowed: bool,
}

impl Memory {
    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn now(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while it is held")
    }

    /// What the call sees: its own copy, once it has one.
    fn seen<T>(&self, by: &Access, look: impl FnOnce(&State) -> T) -> T {
        match &by.draft {
            Some(draft) => look(draft),
            None => look(&self.state()),
        }
    }

    /// Changes the call's copy.
    fn change<T>(&self, by: &mut Access, change: impl Fn(&mut State) -> T) -> T {
        if self.is(Fault::WritesAtOnce) {
            return change(&mut self.state());
        }
        change(by.draft.get_or_insert_with(|| self.state().clone()))
    }
}

impl AuthContext for Memory {
    type Access = Access;
    type Run = Run;

    fn access_facts<'a>(&self, access: &'a Access) -> &'a AccessFacts {
        &access.facts
    }

    fn run_facts<'a>(&self, run: &'a Run) -> &'a RunFacts {
        &run.facts
    }
}

impl Log for Memory {}
