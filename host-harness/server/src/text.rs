//! The texts of the catalogs in `host-harness/server/locales`: a function for each message, written by `build.rs`.

include!(concat!(env!("OUT_DIR"), "/texts.rs"));
