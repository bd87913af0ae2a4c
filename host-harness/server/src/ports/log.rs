//! `log`: the guest's lines, with the call they come from.

use std::fmt;

use scheduled_exports_host::contract::log::Level;
use scheduled_exports_host::imports::{During, Handle, Log};

use super::{Access, Run, Services};

/// `create bigevents/sampleconf`, `execute bigevents schedule 7 fence 3`.
struct Label<'a>(&'a During<'a, Access, Run>);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.function)?;
        match self.0.handle {
            Handle::None => Ok(()),
            Handle::Access(access) => write!(f, " {}", access.visible.scope),
            Handle::Run(run) => {
                let (row, fence) = (&run.leased.row, run.leased.lease.fence);
                write!(f, " {} schedule {} fence {fence}", row.scope, row.id)
            }
        }
    }
}

impl Log for Services {
    fn write(&self, during: &During<'_, Access, Run>, level: Level, text: &str) {
        let call = Label(during);
        match level {
            Level::Error => tracing::error!(target: "plugin", %call, "{text}"),
            Level::Warn => tracing::warn!(target: "plugin", %call, "{text}"),
            Level::Info => tracing::info!(target: "plugin", %call, "{text}"),
            Level::Debug => tracing::debug!(target: "plugin", %call, "{text}"),
        }
    }
}
