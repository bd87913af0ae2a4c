//! The conformance checks as a component: for what checks hosts with it, and to be written to a file for hosts of other making.

#![deny(missing_docs)]

/// The component; empty where it was built with a ready plugin, without rustup.
pub static COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/conformance.wasm"));
