//! One module for each import of the contract, and the two handles that carry authority.
//!
//! The host mints an [`Access`] or a [`Run`] for one exported call, lends it to the guest, and takes it back with what was
//! staged on it. The imports know nothing but the handle they are given.

mod auth_context;
pub(crate) mod bounds;
mod exporters;
mod log;
mod mailer;
mod schedule_store;

use std::sync::Arc;

use wasmtime::component::ResourceTable;

pub use auth_context::{Access, Run};
pub use log::LogLines;

use crate::clock::Clock;
use crate::engine::{GuestMistake, HostFault, MemoryLimiter};
use crate::platform::Platform;
use crate::storage::Storage;

/// What the host tells the component about itself.
#[derive(Clone, Debug)]
pub struct HostFacts {
    /// Languages (BCP 47), default first.
    pub languages: Vec<String>,
    /// Where the host's pages are, without a slash at the end: `https://tickets.example`.
    pub base_url: String,
    /// Address (RFC 5322 addr-spec) that mails come from; its domain is that of Message-IDs.
    pub mail_from: String,
    /// Files too large for a mail can be fetched at [`HostFacts::base_url`], which then has to lead to the HTTP API.
    pub download_links: bool,
}

impl HostFacts {
    /// The domain of the sender's address: that of Message-IDs.
    pub(crate) fn mail_domain(&self) -> &str {
        self.mail_from.rsplit('@').next().unwrap_or_default()
    }
}

impl Default for HostFacts {
    fn default() -> Self {
        Self {
            languages: vec!["en".into(), "de".into()],
            base_url: "http://127.0.0.1:8080".into(),
            mail_from: "exports@tickets.invalid".into(),
            download_links: false,
        }
    }
}

/// What the imports are served from.
pub struct Services {
    pub storage: Arc<dyn Storage>,
    pub platform: Platform,
    pub clock: Arc<dyn Clock>,
    pub facts: HostFacts,
    /// Release of the component's zone database: written beside each plan.
    pub zone_database: String,
}

/// The data of one instance: one call's handles, and the way to the services.
pub struct State {
    pub(crate) services: Arc<Services>,
    pub(crate) table: ResourceTable,
    pub(crate) memory: MemoryLimiter,
    log: LogLines,
}

impl State {
    /// For one call; `label` names it in the log.
    #[must_use]
    pub fn new(services: Arc<Services>, memory: usize, label: String) -> Self {
        Self {
            services,
            table: ResourceTable::new(),
            memory: MemoryLimiter::new(memory),
            log: LogLines::new(label),
        }
    }

    /// The words of the guest's last panic, if it had one.
    #[must_use]
    pub fn panic(&self) -> Option<&str> {
        self.log.panic()
    }
}

impl crate::contract::types::Host for State {}

/// A guest that gives what the contract rules out, and for which it has no value: a trap.
fn mistake(words: impl Into<String>) -> wasmtime::Error {
    wasmtime::Error::new(GuestMistake(words.into()))
}

/// An import that can't go on at all, as opposed to one with a refusal to tell.
fn away(reason: impl std::fmt::Display) -> wasmtime::Error {
    wasmtime::Error::new(HostFault(reason.to_string()))
}
