//! `harness organizer`.

use std::sync::Arc;

use clap::{Args, Subcommand};
use reference_server::ports::HostFacts;
use scheduled_exports_host::clock::{Clock, VirtualClock};

use super::{Data, Failure, Output, PluginFile, host, instant, say};

/// Enable or disable scheduled exports for an organizer, or list organizers.
#[derive(Args)]
#[command(
    after_help = "Example:\n  harness organizer disable --data ./data bigevents\n  harness organizer list --data ./data"
)]
pub struct Organizer {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Enable scheduled exports; schedules continue from now
    Enable(Switch),
    /// Disable scheduled exports; schedules are kept but do not run
    Disable(Switch),
    /// List organizers
    List(List),
}

#[derive(Args)]
#[command(after_help = "Example:\n  harness organizer enable --data ./data bigevents")]
struct Switch {
    #[command(flatten)]
    data: Data,
    /// Time from which to reschedule [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    now: Option<i64>,
    #[command(flatten)]
    plugin: PluginFile,
    /// Organizer slug
    slug: String,
}

#[derive(Args)]
#[command(after_help = "Example:\n  harness organizer list --data ./data")]
struct List {
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    output: Output,
}

impl Organizer {
    pub async fn run(self) -> Result<(), Failure> {
        match self.what {
            What::Enable(switch) => switch.to(true).await,
            What::Disable(switch) => switch.to(false).await,
            What::List(list) => list.run().await,
        }
    }
}

impl Switch {
    async fn to(self, enabled: bool) -> Result<(), Failure> {
        let clock = self.now.map(|now| Arc::new(VirtualClock::at(now)) as Arc<dyn Clock>);
        let service = host::open(&self.data, false, &self.plugin, clock, HostFacts::default()).await?;
        if service.platform().organizer(&self.slug).await?.is_none() {
            return Err(Failure::Sentence(format!(
                "organizer `{}` does not exist in this store",
                self.slug
            )));
        }
        let now = service.clock().now();
        service.storage().set_enabled(&self.slug, enabled, "host", now).await?;
        let mut planned = 0;
        loop {
            match service.replan_batch(500).await? {
                0 => break,
                more => planned += more,
            }
        }
        service.close().await;
        if enabled {
            say(format_args!("{}: enabled, {planned} schedules rescheduled", self.slug))?;
        } else {
            say(format_args!("{}: disabled", self.slug))?;
        }
        Ok(())
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let stores = host::stores(&self.data, false).await?;
        let host::Stores { storage, platform, .. } = &stores;
        for organizer in platform.organizers().await? {
            let (slug, name) = (&organizer.slug, &organizer.name);
            let enabled = storage.enabled(slug).await?;
            let schedules = storage.count(slug).await?;
            if self.output.json {
                say(serde_json::json!({ "slug": slug, "name": name, "enabled": enabled, "schedules": schedules }))?;
            } else {
                let switch = if enabled { "enabled" } else { "disabled" };
                say(format_args!("{slug}  {switch}  {schedules} schedules  {name}"))?;
            }
        }
        stores.close().await;
        Ok(())
    }
}
