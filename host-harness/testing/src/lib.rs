//! For whoever tests a plugin, a host or what is around one: a whole reference host with a clock that the test holds, and what stands in
//! for the world outside. Mail and PostgreSQL servers for tests are in [`scheduled_exports_test_servers`].
//!
//! ```
//! use scheduled_exports_testing::Harness;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let harness = Harness::builder().at("2026-10-26T12:00+01:00[Europe/Berlin]").build().await;
//! harness.advance_to("2026-10-27T03:59+01:00[Europe/Berlin]").await;
//! assert!(harness.mails().is_empty());
//! harness.advance_to("2026-10-27T04:00+01:00[Europe/Berlin]").await; // as the fixture has it: Tuesdays at four
//! assert_eq!(harness.mails()[0].subject, "Order list");
//! # });
//! ```
//!
//! [`conformance`] finds out whether a host of any making keeps what the contract promises.

#![deny(missing_docs)]

pub mod conformance;
mod exports;
mod host;
mod store;

pub use axum::http::Method;
pub use exports::ScriptedExports;
pub use host::{Answer, CapturedMail, Client, Harness, HarnessBuilder, Mail, STORE_VARIABLE, TestStore, at};
pub use store::{CrashPoint, Moment, StoreScript};
