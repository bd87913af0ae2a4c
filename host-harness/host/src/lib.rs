//! Loads the scheduled-exports component into your platform.
//!
//! Implement the five traits of [`imports`] on your own type, load an [`engine::Engine`] for it, and call:
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use scheduled_exports_host::engine::{Accepted, Cache, Engine, Limits, LoadError, Unaccepted};
//! use scheduled_exports_host::imports::Imports;
//!
//! /// Loaded once per process; every call gets a new instance.
//! fn load<H: Imports>(component: &[u8]) -> Result<Engine<H>, LoadError> {
//!     Engine::load(component, Limits::default(), &Cache::of_user())
//! }
//!
//! /// One request: the access identifies the caller, and returns the staged writes to commit.
//! async fn create<H: Imports>(engine: &Engine<H>, host: &Arc<H>, access: H::Access) -> Result<String, Unaccepted> {
//!     let Accepted { answer, access } = engine.schedules(host, access).create("{}".into()).await?;
//!     let _staged = access; // committed here, in one transaction
//!     Ok(answer.document)
//! }
//! ```
//!
//! Pass the component's bytes, or use `engine::EMBEDDED` with the feature `embedded`. The records of the calls are in
//! [`contract`]; the WIT files in the package document them. [`tape`] records failed calls and replays them. [`memory`] is a
//! complete host for tests.

#![deny(missing_docs)]

pub mod clock;
pub mod contract;
pub mod engine;
pub mod imports;
pub mod memory;
pub mod private;
mod scope;
pub mod tape;
pub mod wording;

pub use scope::Scope;
