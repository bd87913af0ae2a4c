//! The host in memory, wrapped so that it gets one thing wrong if it is told so.

mod driver;
mod exporters;
mod fault;
mod mailer;
mod manual_runs;
mod runs;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use scheduled_exports_host::Scope;
use scheduled_exports_host::clock::Clock as _;
use scheduled_exports_host::contract::auth_context::{AccessContext, RunContext};
use scheduled_exports_host::contract::{Schedule, StoreError};
use scheduled_exports_host::imports::{AuthContext, Log};
use scheduled_exports_host::memory::{self, Memory, World};

pub use driver::InMemory;
pub use fault::{Fault, WRONG};

/// The host in memory, but for one thing.
pub struct Faulty {
    memory: Memory,
    fault: Option<Fault>,
    handles: Arc<AtomicUsize>,
    /// Who changed a schedule last, by its id.
    changed_by: Mutex<BTreeMap<u64, String>>,
    /// The last row of a page, by the cursor that begins the next one.
    last_rows: Mutex<BTreeMap<String, Schedule>>,
}

/// Counts itself while it is there.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One caller at one organizer or event.
pub struct Access {
    of: memory::Access,
    taken_over: BTreeSet<u64>,
    open: Open,
}

/// One leased run.
pub struct Run {
    of: memory::Run,
    /// Its owner could export when it was leased.
    allowed: bool,
    open: Open,
}

impl Faulty {
    fn new(mut world: World, now: i64, fault: Option<Fault>) -> Self {
        if fault == Some(Fault::ForgetsTheQuota) {
            world.organizers.iter_mut().for_each(|one| one.quota = None);
        }
        Self {
            memory: Memory::new(world, now),
            fault,
            handles: Arc::default(),
            changed_by: Mutex::default(),
            last_rows: Mutex::default(),
        }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn now(&self) -> i64 {
        self.memory.clock().now()
    }

    fn open(&self) -> Open {
        self.handles.fetch_add(1, Ordering::SeqCst);
        Open(Arc::clone(&self.handles))
    }

    /// A handle that is over.
    #[expect(clippy::mem_forget, reason = "that is the fault")]
    fn close(&self, handle: Open) {
        match self.is(Fault::KeepsHandles) {
            true => std::mem::forget(handle),
            false => drop(handle),
        }
    }

    fn access(&self, caller: &str, at: &Scope) -> Result<Access, String> {
        Ok(Access {
            of: self.memory.access(caller, at)?,
            taken_over: BTreeSet::new(),
            open: self.open(),
        })
    }

    fn commit(&self, access: Access) -> Result<(), StoreError> {
        let Access { mut of, open, .. } = access;
        self.close(open);
        if self.is(Fault::CommitsNothing) {
            of.draft.clone_from(&of.found);
        }
        let notices = match self.is(Fault::TellsWithoutCommit) || self.is(Fault::SendsEachNotice) {
            true => std::mem::take(&mut of.notices),
            false => BTreeMap::new(),
        };
        self.memory.commit(of)?;
        if self.is(Fault::SendsEachNotice) {
            self.memory.state().outbox.extend(notices.into_values());
        }
        Ok(())
    }
}

impl AuthContext for Faulty {
    type Access = Access;
    type Run = Run;

    fn access_context<'a>(&self, access: &'a Access) -> &'a AccessContext {
        &access.of.facts
    }

    fn run_context<'a>(&self, run: &'a Run) -> &'a RunContext {
        &run.of.facts
    }
}

impl Log for Faulty {}
