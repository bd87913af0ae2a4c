//! `auth-context`: the two handles, and the facts that they stand for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use plugin::language::Language;
use reference_platform::Principal;
use scheduled_exports_host::clock::Instant;
use scheduled_exports_host::contract::auth_context::{AccessContext, RunContext};
use scheduled_exports_host::imports::AuthContext;
use scheduled_exports_store::{Change, FileFacts, Leased, NewMail, Row, Visible};

use super::Services;

/// One caller at one organizer or event, and what the call has staged so far.
#[derive(Debug)]
pub struct Access {
    /// What the component is told.
    pub facts: AccessContext,
    /// For the audit log, and idempotency.
    pub principal: Principal,
    /// What the caller sees; nothing outside of it is read or changed.
    pub visible: Visible,
    /// Most schedules that the organizer may have.
    pub quota: Option<u32>,
    /// A commit was refused for it: now the guest is told before it stages.
    pub counts_schedules: bool,
    /// To be committed when the call answers ok.
    pub staged: Vec<Change>,
    /// Owner and version, before this call, of each schedule that it has changed.
    pub owners: HashMap<u64, (String, u64)>,
    /// What the staged changes of a schedule change, by its id: for the audit log.
    pub details: BTreeMap<u64, String>,
    /// The schedule that this call has read last: a change of it need not read it again, and its commit asks whether it is still so.
    pub read: Mutex<Option<Row>>,
}

/// One leased run, and what has been made of it so far.
#[derive(Debug)]
pub struct Run {
    /// What every write about the run has to show.
    pub leased: Leased,
    /// What the component is told.
    pub facts: RunContext,
    /// Its pinned due time, once it is started.
    pub due: Option<i64>,
    /// What `produce` or `zip` has made.
    pub file: Option<FileFacts>,
    /// The mail that leaves with `finish`.
    pub staged: Option<NewMail>,
}

impl AuthContext for Services {
    type Access = Access;
    type Run = Run;

    fn access_context<'a>(&self, access: &'a Access) -> &'a AccessContext {
        &access.facts
    }

    fn run_context<'a>(&self, run: &'a Run) -> &'a RunContext {
        &run.facts
    }

    fn moment(&self, at: Instant, zone: &str, language: &str) -> String {
        plugin::notice::zoned_time(at, zone, Language::of_tag(language))
    }
}
