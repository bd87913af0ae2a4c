//! For tests of plugins and hosts: a whole host with a clock that the test holds, and what stands in for the world outside.

mod host;
pub mod smtp_server;

pub use axum::http::Method;
pub use host::{Answer, CapturedMail, Mail, TestHost, at};
