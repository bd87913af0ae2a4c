//! `harness event`.

use std::sync::Arc;

use clap::{Args, Subcommand};
use reference_server::ports::HostFacts;
use scheduled_exports_host::clock::{Clock, VirtualClock};

use super::{Data, Failure, Output, PluginFile, host, instant, say, utc};

/// Create, delete or list events of the platform.
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
    /// Create an event; it inherits nothing from an earlier event with its slug
    Create(Create),
    /// Delete an event and its orders; its schedules never run again
    Delete(Delete),
    /// List the events of an organizer
    List(List),
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  harness event create --data ./data --name 'Summer Fest' --zone Europe/Berlin \\\n    --starts 2027-07-03T12:00:00+02:00 --ends 2027-07-04T23:00:00+02:00 bigevents summerfest"
)]
struct Create {
    #[command(flatten)]
    data: Data,
    /// Name that users see
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// IANA time zone name
    #[arg(long, value_name = "ZONE")]
    zone: String,
    /// ISO 4217 currency code
    #[arg(long, value_name = "CODE", default_value = "EUR")]
    currency: String,
    /// Start of the event
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    starts: i64,
    /// End of the event
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    ends: i64,
    /// Organizer slug
    organizer: String,
    /// Event slug
    event: String,
}

#[derive(Args)]
#[command(after_help = "Example:\n  harness event delete --data ./data bigevents summerfest")]
struct Delete {
    #[command(flatten)]
    data: Data,
    /// Time of deletion, for the history [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    now: Option<i64>,
    #[command(flatten)]
    plugin: PluginFile,
    /// Organizer slug
    organizer: String,
    /// Event slug
    event: String,
}

#[derive(Args)]
#[command(after_help = "Example:\n  harness event list --data ./data bigevents")]
struct List {
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    output: Output,
    /// Organizer slug
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
        let event = reference_platform::Event {
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
                "event `{slug}` of `{organizer}` does not exist in this store"
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
