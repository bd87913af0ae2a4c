//! The usage limits of organizers and callers, as options.

use clap::Args;
use scheduled_exports_store::usage::UsageLimits;

/// How much an organizer and a caller can use of this host's store. 0 is no limit.
#[derive(Args)]
pub struct Usage {
    /// Maximum percentage of workers, export slots, API instances and mail server connections for one organizer
    #[arg(long, value_name = "PERCENT", default_value_t = UsageLimits::default().organizer_share,
        value_parser = clap::value_parser!(u32).range(1..=100))]
    organizer_share: u32,
    /// Maximum number of changes per minute by one caller; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = UsageLimits::default().writes_per_minute.unwrap_or(0))]
    writes_per_minute: u32,
    /// Maximum MiB per day that the changes of one caller add to the store; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = UsageLimits::default().write_bytes_per_day.unwrap_or(0) >> 20,
        value_parser = clap::value_parser!(u64).range(0..=1 << 20))]
    write_mib_per_day: u64,
    /// Maximum number of schedules of an organizer without its own limit; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = UsageLimits::default().schedules.unwrap_or(0))]
    schedules_per_organizer: u32,
    /// Maximum number of runs per hour that users request of one schedule; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = UsageLimits::default().manual_runs_per_schedule.unwrap_or(0))]
    manual_runs_per_schedule: u32,
    /// Maximum number of runs per hour that users request of one organizer; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = UsageLimits::default().manual_runs_per_organizer.unwrap_or(0))]
    manual_runs_per_organizer: u32,
    /// Maximum number of mails per day and organizer; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = UsageLimits::default().mails_per_day.unwrap_or(0))]
    mails_per_day: u32,
    /// Maximum number of recipients of these mails per day and organizer; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = UsageLimits::default().recipients_per_day.unwrap_or(0))]
    recipients_per_day: u32,
    /// Percentage of an organizer's mails and recipients of a day that the schedules of one owner get
    #[arg(long, value_name = "PERCENT", default_value_t = UsageLimits::default().owner_share,
        value_parser = clap::value_parser!(u32).range(1..=100))]
    owner_share: u32,
}

impl Usage {
    pub fn limits(&self) -> UsageLimits {
        let some = |most: u32| (most > 0).then_some(most);
        UsageLimits {
            organizer_share: self.organizer_share,
            writes_per_minute: some(self.writes_per_minute),
            write_bytes_per_day: (self.write_mib_per_day > 0).then_some(self.write_mib_per_day << 20),
            schedules: some(self.schedules_per_organizer),
            manual_runs_per_schedule: some(self.manual_runs_per_schedule),
            manual_runs_per_organizer: some(self.manual_runs_per_organizer),
            mails_per_day: some(self.mails_per_day),
            recipients_per_day: some(self.recipients_per_day),
            owner_share: self.owner_share,
            ..UsageLimits::default()
        }
    }
}
