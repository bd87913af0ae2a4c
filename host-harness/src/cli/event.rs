//! `harness event`.

use std::sync::Arc;

use clap::{Args, Subcommand};
use host_harness::clock::{Clock, VirtualClock};
use host_harness::ports::HostFacts;

use super::{Data, Failure, Output, PluginFile, host, instant, say, utc};

/// Makes, deletes or lists events of the platform.
#[derive(Args)]
#[command(
    after_help = "Example:\n  harness event delete --data ./data bigevents summerfest\n  harness event list --data ./data bigevents"
)]
pub struct Event {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make one; it has nothing of an earlier event of its slug
    Create(Create),
    /// Delete one with its orders: its schedules are out of service for good
    Delete(Delete),
    /// List those of an organizer
    List(List),
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  harness event create --data ./data --name 'Summer Fest' --zone Europe/Berlin \\\n    --starts 2027-07-03T12:00:00+02:00 --ends 2027-07-04T23:00:00+02:00 bigevents summerfest"
)]
struct Create {
    #[command(flatten)]
    data: Data,
    /// As people are shown it
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// IANA name of its time zone
    #[arg(long, value_name = "ZONE")]
    zone: String,
    /// Code of ISO 4217
    #[arg(long, value_name = "CODE", default_value = "EUR")]
    currency: String,
    /// Its first moment
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    starts: i64,
    /// Its last moment
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    ends: i64,
    /// The organizer
    organizer: String,
    /// Slug of the event
    event: String,
}

#[derive(Args)]
#[command(after_help = "Example:\n  harness event delete --data ./data bigevents summerfest")]
struct Delete {
    #[command(flatten)]
    data: Data,
    /// When, for the history; else the time of the call
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    now: Option<i64>,
    #[command(flatten)]
    plugin: PluginFile,
    /// The organizer
    organizer: String,
    /// Slug of the event
    event: String,
}

#[derive(Args)]
#[command(after_help = "Example:\n  harness event list --data ./data bigevents")]
struct List {
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    output: Output,
    /// The organizer
    organizer: String,
}

impl Event {
    pub async fn run(self) -> Result<(), Failure> {
        match self.what {
            What::Create(create) => create.run().await,
            What::Delete(delete) => delete.run().await,
            What::List(list) => list.run().await,
        }
    }
}

impl Create {
    async fn run(self) -> Result<(), Failure> {
        let host::Stores { platform, .. } = host::stores(&self.data, false).await?;
        let (organizer, slug) = (self.organizer, self.event);
        let event = host_harness::platform::Event {
            organizer: organizer.clone(),
            slug: slug.clone(),
            name: self.name,
            timezone: self.zone,
            currency: self.currency,
            starts: self.starts,
            ends: self.ends,
            number: 0,
            key: String::new(),
        };
        platform.create_event(&event).await?;
        say(format_args!("{organizer}/{slug}: made"))
    }
}

impl Delete {
    async fn run(self) -> Result<(), Failure> {
        let clock = self.now.map(|now| Arc::new(VirtualClock::at(now)) as Arc<dyn Clock>);
        let service = host::open(&self.data, false, &self.plugin, clock, HostFacts::default()).await?;
        let (organizer, slug) = (&self.organizer, &self.event);
        if service.platform().event(organizer, slug).await?.is_none() {
            return Err(Failure::Sentence(format!(
                "there is no event `{slug}` of `{organizer}` in this store"
            )));
        }
        service.delete_event(organizer, slug).await?;
        let left = service.left_over(organizer).await?;
        let left = left.iter().find(|left| left.event.slug == *slug);
        let schedules = left.map_or(0, |left| left.schedules);
        say(format_args!(
            "{organizer}/{slug}: deleted, {schedules} schedules out of service"
        ))
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let host::Stores { platform, .. } = host::stores(&self.data, false).await?;
        for event in platform.events(&self.organizer).await? {
            let (slug, name, zone) = (&event.slug, &event.name, &event.timezone);
            if self.output.json {
                let (starts, ends) = (utc(event.starts), utc(event.ends));
                say(serde_json::json!({"slug": slug, "name": name, "timezone": zone, "starts": starts, "ends": ends}))?;
            } else {
                say(format_args!("{slug}  {zone}  {}  {name}", utc(event.starts)))?;
            }
        }
        Ok(())
    }
}
