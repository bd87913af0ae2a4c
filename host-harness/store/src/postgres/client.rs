//! The client: connections to one PostgreSQL database, and what is asked on them.
//!
//! A statement is prepared once a connection, with the types of its parameters said and not guessed. What is asked on one connection
//! at the same time goes to the server together and is answered in that order, so that two statements of which neither waits for the
//! other cost one way there and back.
//!
//! Between host and server there can be a pooler that gives each client a connection of its own (PgBouncer's `pool_mode = session`).
//! One that changes connections between transactions can't: settings, prepared statements and `LISTEN` belong to a connection.

mod address;
mod connection;
mod error;
mod pool;
#[cfg(test)]
mod tests;
mod tls;
mod values;

pub use address::{Address, AddressError};
pub use connection::Connection;
pub use error::Error;
pub use pool::{Pool, Pooled, Transaction};
pub use values::{Found, FromRow, Parameter};

/// What the database answers.
pub type Result<T> = std::result::Result<T, Error>;
