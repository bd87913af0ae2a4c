//! The host side of the scheduled-exports component: a library to load it with, and a complete reference host.
//!
//! # To load the component into a platform of your own
//!
//! Implement the five traits of [`imports`] on a type of yours, load an [`engine::Engine`] for it, and call:
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use host_harness::engine::{Accepted, Cache, EMBEDDED, Engine, Limits, Unaccepted};
//! use host_harness::imports::Imports;
//!
//! /// Loaded once for a process; every call gets a fresh instance.
//! fn load<H: Imports>() -> Result<Engine<H>, host_harness::engine::LoadError> {
//!     Engine::load(EMBEDDED, Limits::default(), &Cache::of_user())
//! }
//!
//! /// One request: the access says whose, and carries back what is to be committed.
//! async fn create<H: Imports>(engine: &Engine<H>, host: &Arc<H>, access: H::Access) -> Result<String, Unaccepted> {
//!     let Accepted { answer, access } = engine.schedules(host, access).create("{}".into()).await?;
//!     let _staged = access; // committed here, in one transaction
//!     Ok(answer.document)
//! }
//! ```
//!
//! `examples/minimal-host.rs` is a whole host, and `docs/host-author.md` the way from an empty project to the first mail. The
//! records that go back and forth are in [`contract`]; `wit/` documents them.
//!
//! # The reference host
//!
//! [`ports`] implements the traits on [`storage`], [`platform`] and a [`clock`]; [`service`], [`scheduler`], [`delivery`] and [`api`] are
//! the rest of a host; [`tape`] keeps what failed, to be gone through again; [`testing`] puts it all together for tests.

#![deny(missing_docs)]

pub mod api;
pub mod clock;
pub mod contract;
pub mod delivery;
pub mod descriptors;
pub mod download;
pub mod engine;
pub mod imports;
pub mod metrics;
pub mod platform;
pub mod ports;
pub mod private;
pub mod scheduler;
pub mod service;
pub mod shares;
pub mod storage;
pub mod tape;
pub mod temp_files;
pub mod testing;
pub mod usage;
mod wording;
pub mod zones;
