//! `auth-context`: the two handles, and their context.

use wasmtime::component::Resource;

use super::{Call, Imports};
use crate::clock::Instant;
use crate::contract;
use crate::contract::auth_context::{AccessContext, Host, HostAccess, HostRun, RunContext};

/// The host's data behind the two handles.
///
/// All authority of a call is in the handle that it borrows. When a host creates a handle, it puts everything that it needs to
/// serve the call (organizer, permissions, lease) into [`Access`](Self::Access) or [`Run`](Self::Run), and the other imports need
/// nothing else.
pub trait AuthContext: Send + Sync + 'static {
    /// One caller at one organizer or event, and the writes that the call has staged so far. Created for one call. A successful
    /// call returns it for the host to commit; otherwise it is dropped.
    type Access: Send + Sync + 'static;
    /// One leased run, and its progress so far. Created for one call, which always returns it.
    type Run: Send + Sync + 'static;

    /// Returns the context of an access. It is the same during the whole call, so fix it when you create the handle.
    fn access_context<'a>(&self, access: &'a Self::Access) -> &'a AccessContext;

    /// Returns the context of a run. It is the same during the whole call, so fix it when you create the handle.
    fn run_context<'a>(&self, run: &'a Self::Run) -> &'a RunContext;

    /// Formats a time in `zone` (an IANA name) and `language` (a BCP 47 tag), for the mail about a run that the host had to end
    /// in the component's place. By default in UTC: `2026-10-27 03:00 UTC`.
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
pub(crate) const OFFERED: (&str, &[&str]) = ("auth-context", &["[method]access.context", "[method]run.context"]);

impl<H: Imports> Host for Call<H> {}

impl<H: Imports> HostAccess for Call<H> {
    async fn context(&mut self, _by: Resource<contract::Access>) -> wasmtime::Result<AccessContext> {
        let (host, lent) = self.access()?;
        Ok(lent.facts(host).clone())
    }

    /// Drops an owned handle; the guest only ever borrows one.
    async fn drop(&mut self, _by: Resource<contract::Access>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl<H: Imports> HostRun for Call<H> {
    async fn context(&mut self, _of: Resource<contract::Run>) -> wasmtime::Result<RunContext> {
        let (host, lent) = self.run()?;
        Ok(lent.facts(host).clone())
    }

    /// Like that of an access.
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
