//! Parts of the `harness` command that other programs around the reference host share.
//!
//! [`command`] has the arguments that say which host a command is about, and opens it.

#![deny(missing_docs)]

pub mod command;
