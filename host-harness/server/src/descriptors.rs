//! File descriptors: how many this process may have, and how many of them are for connections of clients.
//!
//! A process that runs out can neither open its store nor a mail server, so connections must never take them all.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More would only be searched in vain by what closes all of them.
const HIGHEST: u64 = 65_536;
/// Kept for the store, exports, mail and the log, which need some 150 at their busiest: 64 connections of SQLite with 2 each, or 19 to
/// PostgreSQL, 8 exports and 8 mails with a file and a socket each.
const RESERVE: u64 = 256;

/// How many file descriptors this process may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// Before it was raised.
    pub before: u64,
    /// Now.
    pub limit: u64,
}

impl Descriptors {
    /// Raises the soft limit to the hard one, or to 65,536.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn raise() -> io::Result<Self> {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let before = current.unwrap_or(u64::MAX);
        let limit = maximum.unwrap_or(u64::MAX).min(HIGHEST).max(before);
        if limit > before {
            let raised = Rlimit {
                current: Some(limit),
                maximum,
            };
            setrlimit(Resource::Nofile, raised)?;
        }
        Ok(Self { before, limit })
    }

    /// How many clients can be connected of `wanted`: what is left beside the reserve, which is half of a limit that is smaller
    /// than two of it.
    #[must_use]
    pub fn connections(self, wanted: usize) -> usize {
        let left = self.limit - RESERVE.min(self.limit / 2);
        wanted.min(usize::try_from(left).unwrap_or(usize::MAX)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_a_reserve_of_descriptors() {
        let of = |limit| Descriptors { before: 0, limit }.connections(1024);
        assert_eq!([of(1280), of(1279), of(1_048_576)], [1024, 1023, 1024]);
        assert_eq!([of(1024), of(512), of(511), of(256), of(1)], [768, 256, 256, 128, 1]);
    }

    #[test]
    fn a_raised_limit_is_raised_no_further() {
        let raised = Descriptors::raise().expect("the system allows it");
        assert!(raised.limit >= raised.before);
        let again = Descriptors::raise().expect("the system allows it");
        assert_eq!((again.before, again.limit), (raised.limit, raised.limit));
    }
}
