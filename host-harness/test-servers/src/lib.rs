//! Servers for tests of what sends mail or stores in PostgreSQL: real ones on this machine, private to the test, that fail as they
//! are told.
//!
//! For whoever tests a transport, a store or a host. It uses no other crate of this project, so that the unit tests of all of them can
//! use it.

#![deny(missing_docs)]

pub mod certificate;
pub mod postgres;
pub mod smtp_server;

pub use postgres::PostgresServer;
pub use smtp_server::SmtpServer;
