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
use bindings::ticketing::scheduled_exports::{auth_context, exporters, mailer, schedule_store, types};

pub use auth_context::{AccessFacts, Caller, OwnerRight, RunFacts, Settings};
pub use exported::jobs::AbandonReason;
pub use exported::recurrence::{ClockNote, Stored};
pub use exported::schedules::{Page as DocumentPage, Versioned};
pub use exporters::{Choice, DownloadLink, ExportError, Exporter, Field, FieldKind, File, LookupError, Reach, Subject};
pub use mailer::{Audience, Mail, MailError, MailKind};
pub use schedule_store::{Page, Plan, RunPage, StoreError};
pub use types::{
    Content, Delivery, DeliveryStatus, FieldError, Instant, MissedRange, Order, Outcome, PageQuery, Position, Problem,
    Recipients, RunEntry, Schedule, ScheduleId, User,
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
