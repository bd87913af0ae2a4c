//! The reference host's [imports](scheduled_exports_host::imports), one module for each, on storage, platform and clock; and the two handles that
//! carry authority.
//!
//! The service mints an [`Access`] or a [`Run`] for one exported call, lends it to the guest, and takes it back with what was
//! staged on it. The imports know nothing but the handle they are given.

mod auth_context;
mod exporters;
mod log;
mod mail_limits;
mod mailer;
mod manual_runs;
mod schedule_store;

use std::sync::Arc;

pub use auth_context::{Access, Run};

use reference_platform::Platform;
use scheduled_exports_host::clock::Clock;
use scheduled_exports_host::imports::HostFault;
use scheduled_exports_mail::{Origin, Sender};
use scheduled_exports_store::Storage;
use scheduled_exports_store::usage::UsageLimits;

use crate::temp_files::TempFiles;

/// What the host tells the component about itself.
#[derive(Clone, Debug)]
pub struct HostFacts {
    /// Languages (BCP 47), default first.
    pub languages: Vec<String>,
    /// Where the host's pages are, without a slash at the end: `https://tickets.example`.
    pub base_url: String,
    /// Who mails come from; the domain is that of Message-IDs too.
    pub mail_from: Sender,
    /// Files too large for a mail can be fetched at [`HostFacts::base_url`], which then has to lead to the HTTP API.
    pub download_links: bool,
    /// How much an organizer and a caller can use.
    pub limits: UsageLimits,
}

impl HostFacts {
    /// Without limits on what an organizer and a caller use: for measurements.
    #[must_use]
    pub fn unlimited() -> Self {
        Self {
            limits: UsageLimits::none(),
            ..Self::default()
        }
    }
}

impl Default for HostFacts {
    fn default() -> Self {
        Self {
            languages: vec!["en".into(), "de".into()],
            base_url: "http://127.0.0.1:8080".into(),
            mail_from: Sender::default(),
            download_links: false,
            limits: UsageLimits::default(),
        }
    }
}

/// What the imports are served from.
pub struct Services {
    /// Schedules, runs, outbox and files.
    pub storage: Arc<dyn Storage>,
    /// Organizers, people, orders and exporters.
    pub platform: Platform,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What the component is told about this host.
    pub facts: HostFacts,
    /// Where files lie for the time of their use.
    pub temp_files: TempFiles,
    /// Release of the component's zone database: written beside each plan.
    pub zone_database: String,
    /// Where the mails of this store come from.
    pub origin: Origin,
}

/// An import that can't go on at all, as opposed to one with a refusal to tell.
fn away(reason: impl std::fmt::Display) -> HostFault {
    HostFault(reason.to_string())
}
