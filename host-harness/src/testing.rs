//! For tests of plugins and hosts: what stands in for the world outside.

pub mod smtp_server;
