//! The reference host of the scheduled-exports component: what is around the engine of
//! [`scheduled_exports_host`] in a server, on the store, the mail and the platform of the crates below.
//!
//! For whoever operates or changes the reference host. [`ports`] implements the imports; [`service`] is the component as the rest of
//! the host sees it; [`scheduler`] leases what is due and has it executed; [`delivery`] takes mails from the outbox to a transport; [`api`]
//! is the HTTP API, [`metrics`] what a host counts.

#![deny(missing_docs)]

pub mod api;
mod called_off;
pub mod delivery;
pub mod descriptors;
pub mod download;
pub mod metrics;
pub mod ports;
pub mod scheduler;
pub mod service;
pub mod temp_files;
#[deny(dead_code)]
mod text;
pub mod zones;
