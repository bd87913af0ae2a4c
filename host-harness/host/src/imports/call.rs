//! The data of one instance: the host that implements its imports, and the handle that its one call borrows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::Refusal;
use super::log::Lines;
use super::{Answer, During, GuestMistake, Handle, ImportError, Imports};
use crate::clock::Instant;
use crate::contract::auth_context::{AccessContext, RunContext};
use crate::contract::mailer::MailKind;
use crate::engine::MemoryLimiter;

/// One call of an exported function: the host that implements its imports, and the handle that it borrows.
///
/// The guest cannot create a handle, and an instance exists for one call. So a handle that an import receives is the borrowed
/// one.
pub struct Call<H: Imports> {
    pub(super) host: Arc<H>,
    lent: Lent<H>,
    handles: OpenHandles,
    pub(crate) memory: MemoryLimiter,
    pub(super) lines: Lines,
    function: &'static str,
}

/// Functions of `schedules` during which nothing is written.
const READS: [&str; 5] = ["list", "get", "runs", "exporters", "view"];

/// How many handles are lent to calls of one engine.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenHandles(Arc<AtomicUsize>);

impl OpenHandles {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn one_more(&self) -> Open {
        self.0.fetch_add(1, Ordering::SeqCst);
        Open(self.clone())
    }
}

/// A borrowed handle, until it is returned or dropped with its instance.
struct Open(OpenHandles);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

enum Lent<H: Imports> {
    Nothing,
    Access(LentAccess<H>),
    Run(LentRun<H>),
}

/// An access, and the writes of its call.
pub(super) struct LentAccess<H: Imports> {
    pub(super) handle: H::Access,
    /// Changes staged so far.
    pub(super) writes: usize,
    /// Schedules updated, taken over or deleted so far.
    pub(super) changed: Vec<u64>,
    /// The call is one of [`READS`].
    pub(super) only_reads: bool,
    _open: Open,
}

/// A run, and the progress of its call.
pub(super) struct LentRun<H: Imports> {
    pub(super) handle: H::Run,
    pub(super) work: Work,
    /// The due time that an earlier attempt or this call has pinned; `None` if the run is not started.
    pub(super) due: Option<Instant>,
    /// This call has made a file.
    pub(super) file: bool,
    /// The kind of the staged mail.
    pub(super) staged: Option<MailKind>,
    /// `finish` was committed.
    pub(super) finished: bool,
    /// The host returned that the lease is lost.
    pub(super) lost: bool,
    _open: Open,
}

/// What a run was leased for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// To execute or abandon it.
    Execute,
    /// To settle it: its mail has been sent.
    Settle {
        /// At least one recipient's server accepted the mail.
        taken: bool,
    },
}

/// A run handle after its call.
pub(crate) struct Returned<R> {
    pub(crate) run: R,
    pub(crate) finished: bool,
    pub(crate) lost: bool,
}

impl<H: Imports> LentAccess<H> {
    pub(super) fn facts<'a>(&'a self, host: &'a H) -> &'a AccessContext {
        host.access_context(&self.handle)
    }

    /// An access has no lease that could be lost.
    pub(super) fn heard<T, E: Refusal>(&mut self, _: &Answer<T, E>) {}
}

impl<H: Imports> LentRun<H> {
    pub(super) fn facts<'a>(&'a self, host: &'a H) -> &'a RunContext {
        host.run_context(&self.handle)
    }

    /// Notes that the host has answered that the lease is lost.
    pub(super) fn heard<T, E: Refusal>(&mut self, answer: &Answer<T, E>) {
        self.lost |= matches!(answer, Err(ImportError::Refused(refusal)) if refusal.is_lease_lost());
    }

    /// Nothing is written through it any more.
    pub(super) fn over(&self) -> bool {
        self.finished || self.lost
    }

    /// Its due time; `None` if it is not started, or over.
    pub(super) fn open(&self) -> Option<Instant> {
        self.due.filter(|_| !self.over())
    }
}

impl<H: Imports> Call<H> {
    /// The data of a call of `function` that can use `memory` bytes.
    pub(crate) fn new(host: &Arc<H>, function: &'static str, memory: usize, handles: &OpenHandles) -> Self {
        Self {
            host: Arc::clone(host),
            lent: Lent::Nothing,
            handles: handles.clone(),
            memory: MemoryLimiter::new(memory),
            lines: Lines::default(),
            function,
        }
    }

    pub(crate) fn lend_access(&mut self, access: H::Access) {
        self.lent = Lent::Access(LentAccess {
            handle: access,
            writes: 0,
            changed: Vec::new(),
            only_reads: READS.contains(&self.function),
            _open: self.handles.one_more(),
        });
    }

    pub(crate) fn lend_run(&mut self, run: H::Run, work: Work) {
        let due = self.host.run_context(&run).due;
        self.lent = Lent::Run(LentRun {
            handle: run,
            work,
            due,
            file: false,
            staged: None,
            finished: false,
            lost: false,
            _open: self.handles.one_more(),
        });
    }

    /// Takes the access that the call borrowed, if there was one.
    pub(crate) fn take_access(&mut self) -> Option<H::Access> {
        match std::mem::replace(&mut self.lent, Lent::Nothing) {
            Lent::Access(lent) => Some(lent.handle),
            Lent::Run(_) | Lent::Nothing => None,
        }
    }

    /// Takes the run that the call borrowed, if there was one.
    pub(crate) fn take_run(&mut self) -> Option<Returned<H::Run>> {
        match std::mem::replace(&mut self.lent, Lent::Nothing) {
            Lent::Run(lent) => Some(Returned {
                run: lent.handle,
                finished: lent.finished,
                lost: lent.lost,
            }),
            Lent::Access(_) | Lent::Nothing => None,
        }
    }

    /// Returns the message of the guest's last panic, if it panicked.
    pub(crate) fn panic(&self) -> Option<&str> {
        self.lines.panic()
    }

    pub(super) fn access(&mut self) -> Result<(&H, &mut LentAccess<H>), GuestMistake> {
        match &mut self.lent {
            Lent::Access(lent) => Ok((&self.host, lent)),
            Lent::Run(_) | Lent::Nothing => Err(GuestMistake("invalid access handle".into())),
        }
    }

    pub(super) fn run(&mut self) -> Result<(&H, &mut LentRun<H>), GuestMistake> {
        match &mut self.lent {
            Lent::Run(lent) => Ok((&self.host, lent)),
            Lent::Access(_) | Lent::Nothing => Err(GuestMistake("invalid run handle".into())),
        }
    }

    pub(super) fn during(&self) -> During<'_, H::Access, H::Run> {
        During {
            function: self.function,
            handle: match &self.lent {
                Lent::Nothing => Handle::None,
                Lent::Access(lent) => Handle::Access(&lent.handle),
                Lent::Run(lent) => Handle::Run(&lent.handle),
            },
        }
    }
}

impl<H: Imports> crate::contract::types::Host for Call<H> {}
