//! A host that stores everything in memory: for tests of components, and as the inner host of one that gets something wrong on
//! purpose.
//!
//! It implements the whole contract for several organizers with events and users, which a [`World`] describes. A call works on a
//! copy of everything, which replaces the original when the call has returned ok.
//!
//! ```
//! # #[cfg(not(feature = "embedded"))]
//! # fn main() {}
//! # #[cfg(feature = "embedded")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use scheduled_exports_host::Scope;
//! use scheduled_exports_host::engine::{Accepted, Cache, EMBEDDED, Engine, Limits};
//! use scheduled_exports_host::memory::{Memory, World};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let engine = Engine::load(EMBEDDED, Limits::default(), &Cache::of_user())?;
//! let host = Arc::new(Memory::new(World::of_one("mary@harbour.example"), 1_792_670_400)); // 2026-10-22T12:00:00Z
//! let document = r#"{"export_identifier": "rows", "export_form_data": {}, "mail_subject": "Rows", "mail_template": "As ever.",
//!     "schedule_rrule": "RRULE:FREQ=WEEKLY;BYDAY=TU", "schedule_rrule_time": "04:00:00"}"#;
//! let access = host.access("mary", &Scope::organizer("harbour"))?;
//! let Accepted { access, .. } = engine.schedules(&host, access).create(document.into()).await?;
//! host.commit(access)?;
//!
//! host.clock().set(1_793_070_000); // 2026-10-27T03:00:00Z
//! for lease in host.lease() {
//!     let again = |run: scheduled_exports_host::memory::Run| async { Ok(run.afresh()) };
//!     engine.work(&host, host.run(&lease), None, again).await?;
//! }
//! assert_eq!(host.hand_over(&[])[0].to, "mary@harbour.example");
//! # Ok(())
//! # })
//! # }
//! ```

mod exporters;
mod mailer;
mod manual_runs;
mod people;
mod runs;
mod store;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Scope;
use crate::clock::{Clock as _, Instant, VirtualClock};
use crate::contract::auth_context::{AccessContext, RunContext};
use crate::contract::exporters::File;
use crate::contract::mailer::MailKind;
use crate::contract::{Content, Delivery, RunEntry, RunKind, StoreError};
use crate::imports::{AuthContext, Log};

pub use exporters::ROWS;
pub use mailer::HandedOver;
pub use people::{may_change_settings, may_export};
pub use world::{Caller, Change, Event, Organizer, Right, Stands, User, World};

/// The lease of a run, in seconds.
pub const LEASE: i64 = 60;

/// The host.
#[derive(Debug)]
pub struct Memory {
    world: World,
    clock: VirtualClock,
    next_id: AtomicU64,
    state: Mutex<State>,
}

/// The stored data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// By id.
    pub schedules: BTreeMap<u64, Stored>,
    /// In the order in which they were started.
    pub runs: Vec<RunRow>,
    /// All mails, sent ones included.
    pub outbox: Vec<Outgoing>,
    /// Names of deactivated users.
    pub inactive: BTreeSet<String>,
    /// Names of users whose permissions were revoked.
    pub without_rights: BTreeSet<String>,
    /// Names of deleted users.
    pub gone: BTreeSet<String>,
}

/// A schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Its organizer or event.
    pub scope: Scope,
    /// Name of a user of the world.
    pub owner: String,
    /// The version that users see.
    pub version: u64,
    /// The content that the component wrote.
    pub content: Content,
    /// The fencing token: increases with each lease and each change by a user.
    pub fence: u64,
    /// When its lease expires; `None` if it is not leased.
    pub lease_until: Option<Instant>,
    /// When its open run is retried.
    pub retry_at: Option<Instant>,
    /// Index of its open run among all runs.
    pub open: Option<usize>,
    /// Number of leases of the open run.
    pub attempt: u32,
    /// It is what a run was made of that a user asked for, and no schedule; it goes with that run.
    pub asked: Option<Asked>,
}

/// A run that a user asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Why.
    pub kind: RunKind,
    /// Id of its schedule; `None` for a test of content that is not stored.
    pub schedule: Option<u64>,
    /// Name of the user; `None` for a program.
    pub by: Option<String>,
}

/// A due time that was started, or missed, or a run that a user asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// Id of its schedule, or of what it was made of.
    pub schedule: u64,
    /// Id of the schedule in whose history it is.
    pub history_of: u64,
    /// Its entry in the history.
    pub entry: RunEntry,
    /// Version of the schedule when it was started.
    pub version: u64,
    /// The fencing token of settling: increases with each such lease.
    pub settle_fence: u64,
    /// When such a lease expires.
    pub settle_until: Option<Instant>,
}

/// A mail, stored with a run or in the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Id of the schedule that it is about.
    pub schedule: u64,
    /// Due time and kind; `None` for a notice about other users' changes.
    pub about: Option<(Instant, MailKind)>,
    /// Its recipients, with the result of each delivery.
    pub recipients: Vec<Delivery>,
    /// One line.
    pub subject: String,
    /// Whether the file is attached.
    pub attached: bool,
    /// Without angle brackets.
    pub message_id: String,
    /// Index of its run among all runs.
    pub run: Option<usize>,
    /// It waits until then: further notices to the same recipient about schedules of this organizer join it.
    pub waits: Option<(Instant, String)>,
}

/// One caller at one organizer or event.
#[derive(Clone, Debug)]
pub struct Access {
    /// The context that the component sees.
    pub facts: AccessContext,
    /// The organizer or event.
    pub scope: Scope,
    /// Name of a caller of the world.
    pub caller: String,
    /// Name of the user that the caller stands for.
    pub user: Option<String>,
    /// The data at the beginning of the call.
    pub found: State,
    /// The data as the call has changed it.
    pub draft: State,
    /// The owners, before this call, of the schedules that it has changed.
    pub owners: BTreeMap<u64, String>,
    /// Notices to owners that leave when the call is committed, by schedule.
    pub notices: BTreeMap<u64, Outgoing>,
}

/// One leased run.
#[derive(Debug)]
pub struct Run {
    /// The lease that every write about it must present.
    pub lease: Lease,
    /// The context that the component sees.
    pub facts: RunContext,
    /// The file that its call has made.
    pub file: Option<File>,
    /// The mail that leaves with `finish`.
    pub staged: Option<Outgoing>,
}

impl Run {
    /// The run without the results of a call that failed.
    #[must_use]
    pub fn afresh(self) -> Self {
        let (file, staged) = (None, None);
        Self { file, staged, ..self }
    }
}

/// The lease that permits writes about one run.
#[derive(Clone, Debug)]
pub struct Lease {
    /// Id of the schedule.
    pub schedule: u64,
    /// The schedule as it was leased.
    pub stored: Stored,
    /// The fencing token of the schedule; `None` to settle the run.
    pub fence: Option<u64>,
    /// The fencing token of the run, to settle it.
    pub settle_fence: u64,
    /// Index of the run among all runs, once it is started.
    pub run: Option<usize>,
}

impl Memory {
    /// Creates a host of this world, at this time.
    #[must_use]
    pub fn new(world: World, now: Instant) -> Self {
        Self {
            world,
            clock: VirtualClock::at(now),
            next_id: AtomicU64::new(1),
            state: Mutex::default(),
        }
    }

    /// Returns the world that it was created with.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Returns its clock, which stands still until it is set.
    #[must_use]
    pub fn clock(&self) -> &VirtualClock {
        &self.clock
    }

    /// Locks the stored data, to read or change it directly.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits the staged writes of a call, and its notices to owners.
    ///
    /// # Errors
    /// `stale` if something has changed since the access was created: nothing is written.
    pub fn commit(&self, access: Access) -> Result<(), StoreError> {
        let mut state = self.state();
        if access.draft != access.found {
            if *state != access.found {
                return Err(StoreError::Stale);
            }
            *state = access.draft;
        }
        for notice in access.notices.into_values() {
            self.tell(&mut state, notice);
        }
        Ok(())
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::SeqCst)
    }
}

impl AuthContext for Memory {
    type Access = Access;
    type Run = Run;

    fn access_context<'a>(&self, access: &'a Access) -> &'a AccessContext {
        &access.facts
    }

    fn run_context<'a>(&self, run: &'a Run) -> &'a RunContext {
        &run.facts
    }
}

impl Log for Memory {}
