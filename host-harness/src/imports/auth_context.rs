//! `auth-context`: the two handles, and the facts that they stand for.

use wasmtime::component::Resource;

use super::{Call, Imports};
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
}

impl<H: Imports> Host for Call<H> {}

impl<H: Imports> HostAccess for Call<H> {
    async fn facts(&mut self, _by: Resource<contract::Access>) -> wasmtime::Result<AccessFacts> {
        let (host, lent) = self.access()?;
        Ok(host.access_facts(&lent.access).clone())
    }

    /// Of a handle of its own; the guest is only ever lent one.
    async fn drop(&mut self, _by: Resource<contract::Access>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl<H: Imports> HostRun for Call<H> {
    async fn facts(&mut self, _of: Resource<contract::Run>) -> wasmtime::Result<RunFacts> {
        let (host, lent) = self.run()?;
        Ok(host.run_facts(&lent.run).clone())
    }

    /// As that of an access.
    async fn drop(&mut self, _of: Resource<contract::Run>) -> wasmtime::Result<()> {
        Ok(())
    }
}
