//! The contract as Rust types: the types that `wasmtime` generates from `wit/`, and the names that the host uses for them.
//!
//! The host has no second set of these records. They *are* its vocabulary, documented in `wit/`. A later contract version maps
//! unchanged records back to these (`with:`) at no cost.
//!
//! ```
//! use scheduled_exports_host::contract::{Outcome, Recipients, RunEntry};
//!
//! let mut entry = RunEntry::new(1_793_070_000, None); // seconds since 1970-01-01T00:00:00Z
//! entry.end(Outcome::Retry(1_793_070_120), 1_793_070_001);
//! assert_eq!(entry.outcome, None); // a retry ends nothing
//! entry.end(Outcome::Empty, 1_793_070_121);
//! assert_eq!((entry.outcome, entry.ended), (Some(Outcome::Empty), Some(1_793_070_121)));
//!
//! assert_eq!(Recipients::only("mary@example.org").to, ["mary@example.org"]);
//! ```

mod bindings {
    #![allow(missing_docs, unsafe_code, reason = "generated; documented in wit/")]
    wasmtime::component::bindgen!({
        path: "wit",
        world: "plugin",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "ticketing:scheduled-exports/auth-context.access": super::Access,
            "ticketing:scheduled-exports/auth-context.run": super::Run,
        },
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
    });
}

/// The name of the handle `access`. The host's own data behind it is
/// [`AuthContext::Access`](crate::imports::AuthContext::Access).
#[derive(Debug)]
pub enum Access {}

/// The name of the handle `run`. The host's own data behind it is [`AuthContext::Run`](crate::imports::AuthContext::Run).
#[derive(Debug)]
pub enum Run {}

pub use auth_context::{AccessFacts, Caller, OwnerRight, RunFacts, Settings};
pub use bindings::exports::ticketing::scheduled_exports as exported;
pub use exported::recurrence::Stored;
pub use exporters::{ExportError, Exporter, File, LookupError, Reach, Subject};
pub use mailer::{Audience, Mail, MailError, MailKind};
pub use schedule_store::{Page, Plan, RunPage, StoreError};

pub use bindings::ticketing::scheduled_exports::types::{
    Content, Delivery, DeliveryStatus, FieldError, MissedRange, Order, Outcome, PageQuery, Position, Problem,
    Recipients, RunEntry, Schedule, User,
};
pub use bindings::ticketing::scheduled_exports::{auth_context, exporters, log, mailer, schedule_store, types};
pub use bindings::{Plugin, PluginPre};

impl RunEntry {
    /// A history entry for a due time that was never started: missed or cancelled if `outcome` says so, otherwise in progress.
    #[must_use]
    pub fn new(due: i64, outcome: Option<Outcome>) -> Self {
        Self {
            due,
            started: None,
            ended: None,
            attempts: 0,
            outcome,
            rows: None,
            bytes: None,
            deliveries: Vec::new(),
        }
    }

    /// Records the outcome of a run at `now`. `retry` does not end it, and neither does `submitted`.
    pub fn end(&mut self, outcome: Outcome, now: i64) {
        if !matches!(outcome, Outcome::Retry(_)) {
            self.ended = (outcome != Outcome::Submitted).then_some(now);
            self.outcome = Some(outcome);
        }
    }
}

impl MailKind {
    /// Returns its name in the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::NothingToExport => "nothing-to-export",
            Self::Failure => "failure",
            Self::Undelivered => "undelivered",
        }
    }
}

impl Recipients {
    /// One address, in To.
    #[must_use]
    pub fn only(address: impl Into<String>) -> Self {
        Self {
            to: vec![address.into()],
            cc: Vec::new(),
            bcc: Vec::new(),
        }
    }

    /// Returns all addresses, in the order To, Cc, Bcc.
    pub fn all(&self) -> impl Iterator<Item = &String> {
        [&self.to, &self.cc, &self.bcc].into_iter().flatten()
    }
    /// Returns one queued delivery per address, in that order: the history of a run that has just been submitted.
    #[must_use]
    pub fn queued(&self) -> Vec<Delivery> {
        let queued = |address: &String| Delivery {
            address: address.clone(),
            status: DeliveryStatus::Queued,
            words: String::new(),
        };
        self.all().map(queued).collect()
    }
}
