//! The contract as Rust types: what `wit-bindgen` generates from `wit/`, and the names that the plugin uses for them.
//!
//! They are the domain's vocabulary, documented in `wit/`: the plugin has no second set of these records. Off WebAssembly they
//! are plain data. The imported functions, which only `component.rs` calls, panic there; tests implement the traits in
//! [`host`](crate::host) instead.

#[allow(unsafe_code, clippy::mem_forget, reason = "generated")]
pub(crate) mod bindings {
    wit_bindgen::generate!({
        world: "plugin",
        path: "../wit",
        additional_derives: [PartialEq, Eq],
    });
}

use bindings::exports::ticketing::scheduled_exports as exported;
use bindings::ticketing::scheduled_exports::{auth_context, exporters, mailer, manual_runs, schedule_store, types};

pub use auth_context::{AccessContext, Caller, OwnerRight, RunContext, Settings};
pub use exported::jobs::AbandonReason;
pub use exported::recurrence::{ClockNote, Stored};
pub use exported::schedules::{Acted, Page as DocumentPage, Versioned};
pub use exporters::{
    Choice, DownloadLink, ExportError, Exporter, Field, FieldKind, File, FormError, LookupError, Outage, Reach,
    RightsOf,
};
pub use mailer::{Audience, Mail, MailError, MailKind};
pub use manual_runs::{RequestError, RunRequest};
pub use schedule_store::{Page, RunPage, RunStart, StoreError};
pub use types::{
    Content, Delivery, DeliveryStatus, FieldError, Filter, Instant, MissedRange, MissedReason, Outcome, PageQuery,
    Position, Problem, Recipients, RunEntry, RunId, RunKind, RunQuery, RunState, Schedule, ScheduleId, ScheduleState,
    SortKey, StateKind, User,
};

impl Default for Recipients {
    /// None but the owner.
    fn default() -> Self {
        Self {
            to: Vec::new(),
            cc: Vec::new(),
            bcc: Vec::new(),
        }
    }
}

impl Default for Filter {
    /// All schedules.
    fn default() -> Self {
        Self {
            owner: None,
            export_identifier: None,
            recipient: None,
            state: None,
            failing: None,
            due_before: None,
        }
    }
}

impl ScheduleState {
    /// The state at `now`: a pause that has run out counts as active.
    #[must_use]
    pub const fn at(self, now: Instant) -> StateKind {
        match self {
            Self::Paused(Some(until)) if until <= now => StateKind::Active,
            Self::Active => StateKind::Active,
            Self::Paused(_) => StateKind::Paused,
            Self::Stopped => StateKind::Stopped,
        }
    }
}

impl Choice {
    /// The value as JSON: a string, a number or a boolean.
    #[must_use]
    pub fn scalar(&self) -> serde_json::Value {
        serde_json::from_str(&self.value).unwrap_or_default()
    }

    /// The value for people: a string without its quotes.
    #[must_use]
    pub fn text(&self) -> String {
        match self.scalar() {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        }
    }
}

impl RunQuery {
    /// A part of the whole history.
    #[must_use]
    pub const fn page(at: Position, size: u32) -> Self {
        Self {
            at,
            size,
            id: None,
            state: None,
            since: None,
            until: None,
        }
    }
}
