//! `harness seed`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use reference_server::ports::HostFacts;
use scheduled_exports_host::clock::{Clock, VirtualClock};

use super::{Data, Failure, Output, PluginFile, host, instant, say};

/// Load a fixture file into an empty store.
#[derive(Args)]
#[command(
    after_help = "Example:\n  harness seed --data ./data --fixture tests/data/bigevents.json --now 2026-10-22T12:00:00Z"
)]
pub struct Seed {
    #[command(flatten)]
    data: Data,
    /// JSON fixture with organizers, events, users, orders and schedules
    #[arg(long, value_name = "FILE")]
    fixture: PathBuf,
    /// Time from which to schedule first runs [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    now: Option<i64>,
    #[command(flatten)]
    plugin: PluginFile,
    #[command(flatten)]
    output: Output,
}

impl Seed {
    pub async fn run(self) -> Result<(), Failure> {
        let fixture = host::read_fixture(&self.fixture)?;
        let clock = self.now.map(|now| Arc::new(VirtualClock::at(now)) as Arc<dyn Clock>);
        let service = host::open(&self.data, true, &self.plugin, clock, HostFacts::default()).await?;
        if !service.platform().is_empty().await? {
            return Err(Failure::Sentence(format!(
                "{} already contains data; a fixture can only be loaded into an empty store",
                self.data.named()?
            )));
        }
        let schedules = host::seed(&service, &self.data, &fixture).await?;
        let organizers = service.platform().organizers().await?.len();
        service.close().await;
        if self.output.json {
            say(serde_json::json!({ "organizers": organizers, "schedules": schedules }))?;
        } else {
            say(format_args!(
                "{}: {organizers} organizers, {schedules} schedules",
                self.data.named()?
            ))?;
        }
        Ok(())
    }
}
