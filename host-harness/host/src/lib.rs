//! Loads the scheduled-exports component into a platform of your own.
//!
//! Implement the five traits of [`imports`] on a type of yours, load an [`engine::Engine`] for it, and call:
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use scheduled_exports_host::engine::{Accepted, Cache, Engine, Limits, LoadError, Unaccepted};
//! use scheduled_exports_host::imports::Imports;
//!
//! /// Loaded once for a process; every call gets a fresh instance.
//! fn load<H: Imports>(component: &[u8]) -> Result<Engine<H>, LoadError> {
//!     Engine::load(component, Limits::default(), &Cache::of_user())
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
//! The component's bytes are given, or inside: `engine::EMBEDDED`, with the feature `embedded`. The records that go back and forth
//! are in [`contract`]; the WIT files in the package document them. [`tape`] keeps what failed, to be gone through again; [`memory`] is a whole host, for
//! tests.

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
