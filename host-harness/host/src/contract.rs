//! The contract as Rust types: what `wasmtime` generates from `wit/`, and the names that the host uses for them.
//!
//! The host keeps no second set of these records. They *are* its vocabulary, documented in `wit/`, and a later contract
//! version maps the unchanged ones back to these (`with:`) at no cost.
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

/// The name of the handle `access`. What is behind it is the host's own: [`AuthContext::Access`](crate::imports::AuthContext::Access).
#[derive(Debug)]
pub enum Access {}

/// The name of the handle `run`. What is behind it is the host's own: [`AuthContext::Run`](crate::imports::AuthContext::Run).
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
    /// A line of the history about a due time that nobody has begun: as missed or cancelled if it says so, else in progress.
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

    /// Writes down how a run came out at `now`. `retry` ends nothing, and `submitted` is not the end.
    pub fn end(&mut self, outcome: Outcome, now: i64) {
        if !matches!(outcome, Outcome::Retry(_)) {
            self.ended = (outcome != Outcome::Submitted).then_some(now);
            self.outcome = Some(outcome);
        }
    }
}

impl MailKind {
    /// Its name in the contract.
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

    /// All addresses, in the order To, Cc, Bcc.
    pub fn all(&self) -> impl Iterator<Item = &String> {
        [&self.to, &self.cc, &self.bcc].into_iter().flatten()
    }
    /// A delivery to each, in that order, not tried yet: what the history says when a run is submitted.
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
