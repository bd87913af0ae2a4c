//! Scheduled exports for ticketing hosts.
//!
//! The modules here are the domain: no bindings and no I/O, so that they compile and are tested natively. `component.rs`
//! puts them behind the contract in `wit/`.

pub mod addresses;
#[cfg(target_arch = "wasm32")]
mod component;
pub mod date_range;
pub mod document;
pub mod form;
pub mod host;
pub mod language;
#[cfg(any(target_arch = "wasm32", test))]
mod memory;
pub mod message;
pub mod notice;
pub mod passed;
pub mod recurrence;
pub mod rule;
pub mod run;
pub mod schedules;
pub mod schema;
#[deny(dead_code)]
mod text;
pub mod window;
