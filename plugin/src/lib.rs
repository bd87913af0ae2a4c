//! Scheduled exports for ticketing hosts.
//!
//! The modules here are the domain, in the contract's records (`contract.rs`) and without I/O, so that they compile and are tested
//! natively. `component.rs` puts them behind the exports of `wit/`.

pub mod addresses;
#[cfg(target_arch = "wasm32")]
mod component;
pub mod contract;
pub mod date_range;
pub mod document;
pub mod form;
pub mod host;
pub mod language;
#[cfg(any(target_arch = "wasm32", test))]
mod memory;
pub mod message;
pub mod named_range;
pub mod notice;
pub mod past_due;
pub mod recurrence;
pub mod rule;
pub mod run;
pub mod schedules;
pub mod schema;
#[deny(dead_code)]
mod text;
