//! A complete host of the scheduled-exports component. What any host needs is `scheduled-exports-host`, whose modules are here under
//! their own names: [`contract`], [`imports`], [`engine`], [`tape`], [`clock`].
//!
//! [`ports`] implements the traits on [`storage`], [`platform`] and a [`clock`]; [`service`], [`scheduler`], [`delivery`] and [`api`] are
//! the rest of a host; [`testing`] puts it all together for tests.

#![deny(missing_docs)]

pub mod api;
mod called_off;
pub mod command;
mod counted;
pub mod delivery;
pub mod descriptors;
pub mod download;
pub mod metrics;
pub mod ports;
pub mod scheduler;
pub mod service;
pub mod temp_files;
pub mod testing;
#[deny(dead_code)]
mod text;
pub mod zones;

pub use scheduled_exports_host::{clock, contract, engine, imports, private, tape};
