//! `harness tick`.

use std::sync::Arc;

use clap::Args;
use scheduled_exports_host::clock::{Clock, VirtualClock};

use super::history::{document, line};
use super::mail::Mailing;
use super::{Data, Failure, Output, PluginFile, Recording, Temporary, host, instant, say};

/// Run and deliver everything due at one instant, print one line per run, then exit.
#[derive(Args)]
#[command(after_help = "Example:\n  harness tick --data ./data --now 2026-10-27T03:00:00Z")]
pub struct Tick {
    #[command(flatten)]
    data: Data,
    /// Time to run at [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    now: Option<i64>,
    #[command(flatten)]
    mailing: Mailing,
    #[command(flatten)]
    temporary: Temporary,
    #[command(flatten)]
    recording: Recording,
    #[command(flatten)]
    plugin: PluginFile,
    #[command(flatten)]
    output: Output,
}

impl Tick {
    pub async fn run(self) -> Result<(), Failure> {
        let clock = self.now.map(|now| Arc::new(VirtualClock::at(now)) as Arc<dyn Clock>);
        let mailing = self.mailing.check()?;
        host::check(&self.data, mailing.smtp.is_some())?;
        let facts = mailing.facts_without_api()?;
        let service = host::open_recording(
            &self.data,
            false,
            &self.plugin,
            clock,
            facts,
            &self.recording,
            &self.temporary,
        )
        .await?;
        let (transport, _) = host::transport(&self.data, mailing.smtp)?;
        let step = host::scheduler(&service, transport).step().await?;
        for schedule in step.schedules {
            let Some(latest) = service.storage().history(Some(schedule), 1).await?.pop() else {
                continue;
            };
            if self.output.json {
                say(document(&latest))?;
            } else {
                say(line(&latest))?;
            }
        }
        service.close().await;
        Ok(())
    }
}
