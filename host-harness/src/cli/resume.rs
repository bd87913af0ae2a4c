//! `harness resume`.

use std::sync::Arc;

use clap::Args;
use reference_server::ports::HostFacts;
use scheduled_exports_host::clock::{Clock, VirtualClock};

use super::{Data, Failure, PluginFile, host, instant, say};

/// Resume schedules that were paused because no recipient accepted their mails
#[derive(Args)]
#[command(after_help = "Example:\n  harness resume --data ./data --organizer bigevents")]
pub struct Resume {
    #[command(flatten)]
    data: Data,
    /// Resume only schedules of this organizer
    #[arg(long, value_name = "SLUG")]
    organizer: Option<String>,
    /// Resume only this schedule
    #[arg(long, value_name = "ID")]
    schedule: Option<u64>,
    /// Time from which to reschedule [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    now: Option<i64>,
    #[command(flatten)]
    plugin: PluginFile,
}

impl Resume {
    pub async fn run(self) -> Result<(), Failure> {
        let clock = self.now.map(|now| Arc::new(VirtualClock::at(now)) as Arc<dyn Clock>);
        let service = host::open(&self.data, false, &self.plugin, clock, HostFacts::default()).await?;
        if let Some(slug) = &self.organizer
            && service.platform().organizer(slug).await?.is_none()
        {
            return Err(Failure::Sentence(format!(
                "organizer `{slug}` does not exist in this store"
            )));
        }
        let (storage, now) = (service.storage(), service.clock().now());
        let resumed = storage
            .resume_undelivered(self.organizer.as_deref(), self.schedule, "host", now)
            .await?;
        while service.replan_batch(500).await? > 0 {}
        for id in &resumed {
            say(format_args!("schedule {id}: resumed"))?;
        }
        say(format_args!("{} schedules resumed, planned from now", resumed.len()))
    }
}
