//! Scheduled exports for ticketing hosts.
//!
//! The modules here are the domain: no bindings and no I/O, so that they compile and are tested natively.

pub mod document;
pub mod host;
pub mod language;
pub mod notice;
pub mod recurrence;
pub mod run;
pub mod window;
