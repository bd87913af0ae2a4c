//! A host that keeps everything in memory: for tests of whatever is loaded into a host, and to wrap by one that gets something wrong.
//!
//! It keeps all that the contract asks of several organizers with events and users: a [`World`] says which. A call works on a copy of
//! everything, which takes the place of the original when the call has answered ok.
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
mod people;
mod runs;
mod store;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Scope;
use crate::clock::{Clock as _, Instant, VirtualClock};
use crate::contract::auth_context::{AccessFacts, RunFacts};
use crate::contract::exporters::File;
use crate::contract::mailer::MailKind;
use crate::contract::{Content, Delivery, RunEntry, StoreError};
use crate::imports::{AuthContext, Log};

pub use exporters::ROWS;
pub use mailer::HandedOver;
pub use people::{may_change_settings, may_export};
pub use world::{Caller, Change, Event, Organizer, Right, Stands, User, World};

/// How long a run is leased for, in seconds.
pub const LEASE: i64 = 60;

/// The host.
#[derive(Debug)]
pub struct Memory {
    world: World,
    clock: VirtualClock,
    next_id: AtomicU64,
    state: Mutex<State>,
}

/// All that it keeps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// By id.
    pub schedules: BTreeMap<u64, Stored>,
    /// In the order in which they were begun.
    pub runs: Vec<RunRow>,
    /// Mails, those that have left among them.
    pub outbox: Vec<Outgoing>,
    /// Names of users who are switched off.
    pub inactive: BTreeSet<String>,
    /// Names of users whose rights were taken away.
    pub without_rights: BTreeSet<String>,
    /// Names of users who are there no more.
    pub gone: BTreeSet<String>,
}

/// A schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Where it is.
    pub scope: Scope,
    /// Name of a user of the world.
    pub owner: String,
    /// As people see it.
    pub version: u64,
    /// What the component gave.
    pub content: Content,
    /// Goes up with each lease and each change of a person.
    pub fence: u64,
    /// When its lease runs out; none: it is not leased.
    pub lease_until: Option<Instant>,
    /// When its open run is tried again.
    pub retry_at: Option<Instant>,
    /// Place of its open run among all runs.
    pub open: Option<usize>,
    /// Leases of the open run.
    pub attempt: u32,
}

/// A due time that was begun, or missed.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// Of which schedule.
    pub schedule: u64,
    /// As the history has it.
    pub entry: RunEntry,
    /// Version of the schedule when it was started.
    pub version: u64,
    /// Goes up with each lease to settle it.
    pub settle_fence: u64,
    /// When such a lease runs out.
    pub settle_until: Option<Instant>,
}

/// A mail, kept with a run or in the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// About which schedule.
    pub schedule: u64,
    /// Due time and kind; none: about others' changes.
    pub about: Option<(Instant, MailKind)>,
    /// Whom it goes to, and what became of it.
    pub recipients: Vec<Delivery>,
    /// One line.
    pub subject: String,
    /// The file goes with it.
    pub attached: bool,
    /// Without angle brackets.
    pub message_id: String,
    /// Place of its run among all runs.
    pub run: Option<usize>,
    /// It waits until then: further notices to the same recipient about schedules of this organizer join it.
    pub waits: Option<(Instant, String)>,
}

/// One caller at one organizer or event.
#[derive(Clone, Debug)]
pub struct Access {
    /// What the component is told.
    pub facts: AccessFacts,
    /// Where.
    pub scope: Scope,
    /// Name of a caller of the world.
    pub caller: String,
    /// Name of the user that the caller stands for.
    pub user: Option<String>,
    /// Everything as the call has found it.
    pub found: State,
    /// Everything as the call has changed it.
    pub draft: State,
    /// Owners, before this call, of what it has changed.
    pub owners: BTreeMap<u64, String>,
    /// What owners are told when the call is committed, by schedule.
    pub notices: BTreeMap<u64, Outgoing>,
}

/// One leased run.
#[derive(Debug)]
pub struct Run {
    /// What every write about it has to show.
    pub lease: Lease,
    /// What the component is told.
    pub facts: RunFacts,
    /// What its call has made.
    pub file: Option<File>,
    /// The mail that leaves with `finish`.
    pub staged: Option<Outgoing>,
}

impl Run {
    /// Without what a call that has come to nothing has made of it.
    #[must_use]
    pub fn afresh(self) -> Self {
        let (file, staged) = (None, None);
        Self { file, staged, ..self }
    }
}

/// The right to write about one run.
#[derive(Clone, Debug)]
pub struct Lease {
    /// Of which schedule.
    pub schedule: u64,
    /// The schedule as it was leased.
    pub stored: Stored,
    /// That of the schedule; none: it is to be settled.
    pub fence: Option<u64>,
    /// That of the run, to settle it.
    pub settle_fence: u64,
    /// Place of the run among all runs, once it is started.
    pub run: Option<usize>,
}

impl Memory {
    /// With this world, at this moment.
    #[must_use]
    pub fn new(world: World, now: Instant) -> Self {
        Self {
            world,
            clock: VirtualClock::at(now),
            next_id: AtomicU64::new(1),
            state: Mutex::default(),
        }
    }

    /// What it was set up with.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Its clock, which stands until it is set.
    #[must_use]
    pub fn clock(&self) -> &VirtualClock {
        &self.clock
    }

    /// All that it keeps, to look at or to change by hand. Nothing else happens meanwhile.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits what a call has staged, and tells owners.
    ///
    /// # Errors
    /// `stale` where something has changed since the access was minted: nothing is written.
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

    fn access_facts<'a>(&self, access: &'a Access) -> &'a AccessFacts {
        &access.facts
    }

    fn run_facts<'a>(&self, run: &'a Run) -> &'a RunFacts {
        &run.facts
    }
}

impl Log for Memory {}
