//! For tests of plugins and hosts: a whole host with a clock that the test holds, and what stands in for the world outside.

pub mod conformance;
mod exports;
mod host;
pub mod postgres;
pub mod smtp_server;
mod store;

pub use axum::http::Method;
pub use exports::ScriptedExports;
pub use host::{Answer, CapturedMail, Client, Harness, HarnessBuilder, Mail, STORE_VARIABLE, TestStore, at};
pub use postgres::PostgresServer;
pub use store::{CrashPoint, Moment, StoreScript, StoreWatch, WatchedStorage};
