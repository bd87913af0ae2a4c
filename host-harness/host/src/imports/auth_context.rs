//! `auth-context`: the two handles, and the facts that they stand for.

use wasmtime::component::Resource;

use super::{Call, Imports};
use crate::clock::Instant;
use crate::contract;
use crate::contract::auth_context::{AccessFacts, Host, HostAccess, HostRun, RunFacts};

/// What stands behind the two handles in this host.
///
/// All authority of a call is in the handle that is lent for it. So whatever the host has to know to serve that call (which
/// organizer, whose rights, which lease) goes into [`Access`](Self::Access) or [`Run`](Self::Run) when it mints one, and the
/// other imports need nothing else.
pub trait AuthContext: Send + Sync + 'static {
    /// One caller at one organizer or event, and what the call has staged so far. Minted for one call; given back with the
    /// answer for the host to commit, and dropped where there is nothing to commit.
    type Access: Send + Sync + 'static;
    /// One leased run, and what has been made of it so far. Minted for one call, and given back whatever comes of that.
    type Run: Send + Sync + 'static;

    /// What an access stands for: the same answer during the whole call, so settled when it is minted.
    fn access_facts<'a>(&self, access: &'a Self::Access) -> &'a AccessFacts;

    /// What a run stands for: the same answer during the whole call, so settled when it is minted.
    fn run_facts<'a>(&self, run: &'a Self::Run) -> &'a RunFacts;

    /// A moment as people in `zone` (an IANA name) say it in `language` (a BCP 47 tag), for the mail about a run that the component
    /// has left to the host. In UTC if left out: `2026-10-27 03:00 UTC`.
    fn moment(&self, at: Instant, _zone: &str, _language: &str) -> String {
        in_utc(at)
    }
}

fn in_utc(at: Instant) -> String {
    let (days, second) = (at.div_euclid(86_400), at.rem_euclid(86_400));
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    // Days are counted from 0000-03-01, so that the leap day is the last of its year, in cycles of 400 years.
    let shifted = days.saturating_add(719_468);
    let (cycle, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..10 => (year + 400 * cycle, month + 3),
        _ => (year + 400 * cycle + 1, month - 9),
    };
    format!("{year:04}-{month:02}-{of_month:02} {hour:02}:{minute:02} UTC")
}

/// The interface and its functions, as the contract names them.
pub(crate) const OFFERED: (&str, &[&str]) = ("auth-context", &["[method]access.facts", "[method]run.facts"]);

impl<H: Imports> Host for Call<H> {}

impl<H: Imports> HostAccess for Call<H> {
    async fn facts(&mut self, _by: Resource<contract::Access>) -> wasmtime::Result<AccessFacts> {
        let (host, lent) = self.access()?;
        Ok(lent.facts(host).clone())
    }

    /// Of a handle of its own; the guest is only ever lent one.
    async fn drop(&mut self, _by: Resource<contract::Access>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl<H: Imports> HostRun for Call<H> {
    async fn facts(&mut self, _of: Resource<contract::Run>) -> wasmtime::Result<RunFacts> {
        let (host, lent) = self.run()?;
        Ok(lent.facts(host).clone())
    }

    /// As that of an access.
    async fn drop(&mut self, _of: Resource<contract::Run>) -> wasmtime::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_said_in_utc_where_a_host_says_nothing_else() {
        for (at, said) in [
            (0, "1970-01-01 00:00 UTC"),
            (-1, "1969-12-31 23:59 UTC"),
            (951_782_399, "2000-02-28 23:59 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (951_868_800, "2000-03-01 00:00 UTC"),
            (1_793_070_000, "2026-10-27 03:00 UTC"),
            (4_107_542_399, "2100-02-28 23:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00 UTC"),
            (253_402_300_799, "9999-12-31 23:59 UTC"),
        ] {
            assert_eq!(in_utc(at), said);
        }
    }
}
