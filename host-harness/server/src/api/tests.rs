//! The API as a client sees it, in front of a scripted host.

mod admission;
mod anything;
mod description;
mod downloads;
mod host;
mod log;
mod once;
mod paths;
mod problems;
mod reading;
mod server;
mod strict;
mod writing;
