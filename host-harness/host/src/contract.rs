//! The contract as Rust types: the types that `wasmtime` generates from `wit/`, and the names that the host uses for them.
//!
//! The host has no second set of these records. They *are* its vocabulary, documented in `wit/`. A later contract version maps
//! unchanged records back to these (`with:`) at no cost.
//!
//! ```
//! use scheduled_exports_host::contract::{Outcome, Recipients, RunEntry};
//!
//! let mut entry = RunEntry::new(812, 1_793_070_000, None); // seconds since 1970-01-01T00:00:00Z
//! entry.end(Outcome::Retry(1_793_070_120), 1_793_070_001);
//! assert_eq!(entry.outcome, None); // a retry ends nothing
//! entry.end(Outcome::Empty, 1_793_070_121);
//! assert_eq!((entry.outcome, entry.ended), (Some(Outcome::Empty), Some(1_793_070_121)));
//!
//! assert_eq!(Recipients::only("mary@example.org").to, ["mary@example.org"]);
//! ```

mod bindings {
    #![allow(missing_docs, unsafe_code, reason = "generated; documented in wit/")]
    wasmtime::component::bindgen!({
        path: "wit",
        world: "plugin",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "ticketing:scheduled-exports/auth-context.access": super::Access,
            "ticketing:scheduled-exports/auth-context.run": super::Run,
        },
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
    });
}

/// The name of the handle `access`. The host's own data behind it is
/// [`AuthContext::Access`](crate::imports::AuthContext::Access).
#[derive(Debug)]
pub enum Access {}

/// The name of the handle `run`. The host's own data behind it is [`AuthContext::Run`](crate::imports::AuthContext::Run).
#[derive(Debug)]
pub enum Run {}

pub use auth_context::{AccessContext, Caller, OwnerRight, RunContext, Settings};
pub use bindings::exports::ticketing::scheduled_exports as exported;
pub use exported::recurrence::Stored;
pub use exported::schedules::Acted;
pub use exporters::{ExportError, Exporter, File, FormError, LookupError, Outage, Reach, RightsOf};
pub use mailer::{Audience, Mail, MailError, MailKind};
pub use manual_runs::{RequestError, RunRequest};
pub use schedule_store::{Page, RunPage, RunStart, StoreError};

pub use bindings::ticketing::scheduled_exports::types::{
    Content, Delivery, DeliveryStatus, FieldError, Filter, MissedRange, MissedReason, Outcome, PageQuery, Position,
    Problem, Recipients, RunEntry, RunKind, RunQuery, RunState, Schedule, ScheduleState, SortKey, StateKind, User,
};
pub use bindings::ticketing::scheduled_exports::{
    auth_context, exporters, log, mailer, manual_runs, schedule_store, types,
};
pub use bindings::{Plugin, PluginPre};

impl RunEntry {
    /// A history entry for a due time that was never started: missed or cancelled if `outcome` says so, otherwise in progress.
    #[must_use]
    pub fn new(id: u64, due: i64, outcome: Option<Outcome>) -> Self {
        Self {
            id,
            kind: RunKind::Scheduled,
            requested_by: None,
            due,
            started: None,
            ended: None,
            attempts: 0,
            outcome,
            rows: None,
            bytes: None,
            deliveries: Vec::new(),
        }
    }

    /// Records the outcome of a run at `now`. `retry` does not end it, and neither does `submitted`.
    pub fn end(&mut self, outcome: Outcome, now: i64) {
        if !matches!(outcome, Outcome::Retry(_)) {
            self.ended = (outcome != Outcome::Submitted).then_some(now);
            self.outcome = Some(outcome);
        }
    }
}

impl MailKind {
    /// Returns its name in the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::NothingToExport => "nothing-to-export",
            Self::Failure => "failure",
            Self::Undelivered => "undelivered",
        }
    }
}

impl Recipients {
    /// One address, in To.
    #[must_use]
    pub fn only(address: impl Into<String>) -> Self {
        Self {
            to: vec![address.into()],
            cc: Vec::new(),
            bcc: Vec::new(),
        }
    }

    /// Returns all addresses, in the order To, Cc, Bcc.
    pub fn all(&self) -> impl Iterator<Item = &String> {
        [&self.to, &self.cc, &self.bcc].into_iter().flatten()
    }
    /// Returns one queued delivery per address, in that order: the history of a run that has just been submitted.
    #[must_use]
    pub fn queued(&self) -> Vec<Delivery> {
        let queued = |address: &String| Delivery {
            address: address.clone(),
            status: DeliveryStatus::Queued,
            response: String::new(),
        };
        self.all().map(queued).collect()
    }
}

impl Default for Filter {
    /// All schedules.
    fn default() -> Self {
        Self {
            owner: None,
            export_identifier: None,
            recipient: None,
            state: None,
            failing: None,
            due_before: None,
        }
    }
}

impl RunQuery {
    /// A part of the whole history.
    #[must_use]
    pub const fn page(at: Position, size: u32) -> Self {
        Self {
            at,
            size,
            id: None,
            state: None,
            since: None,
            until: None,
        }
    }
}

impl ScheduleState {
    /// The state at `now` (seconds since 1970-01-01T00:00:00Z): a pause that has run out counts as active.
    #[must_use]
    pub const fn at(self, now: i64) -> StateKind {
        match self {
            Self::Paused(Some(until)) if until <= now => StateKind::Active,
            Self::Active => StateKind::Active,
            Self::Paused(_) => StateKind::Paused,
            Self::Stopped => StateKind::Stopped,
        }
    }

    /// Whether the host wakes for the next run: it is active, or paused until an instant, before which the next run is not.
    #[must_use]
    pub const fn wakes(self) -> bool {
        matches!(self, Self::Active | Self::Paused(Some(_)))
    }
}

impl Exporter {
    /// An exporter of one event or of the organizer as a whole, whose form has no fields.
    #[must_use]
    pub fn new(identifier: &str, label: &str) -> Self {
        Self {
            identifier: identifier.to_owned(),
            label: label.to_owned(),
            across_events: false,
            fields: Vec::new(),
        }
    }
}

impl Settings {
    /// Where everything is in English, mail can go to any domain and have 20,000,000 bytes, and there are no events.
    #[must_use]
    pub fn new(now: i64, zone: &str, configuration_url: &str) -> Self {
        Self {
            now,
            zone: zone.to_owned(),
            languages: vec!["en".to_owned()],
            recipient_domains: None,
            mail_bytes: 20_000_000,
            configuration_url: configuration_url.to_owned(),
            latest_event: 0,
        }
    }
}

impl AccessContext {
    /// A user who can see and change everything of an organizer.
    #[must_use]
    pub fn new(user: User, settings: Settings) -> Self {
        Self {
            language: user.language.clone(),
            caller: Caller::User(user),
            event_level: false,
            may_change_settings: true,
            may_write: true,
            settings,
        }
    }
}

impl RunContext {
    /// The first attempt at a run that is due, of a schedule of the organizer as a whole whose owner can run it. Mails link to
    /// `settings.configuration_url`.
    #[must_use]
    pub fn new(schedule: Schedule, settings: Settings) -> Self {
        Self {
            schedule,
            event_level: false,
            owner_right: OwnerRight::Yes,
            due: None,
            started_version: None,
            newer_zone_database: None,
            kind: RunKind::Scheduled,
            requested_by: None,
            page_url: settings.configuration_url.clone(),
            attempt: 1,
            settings,
        }
    }
}

impl Filter {
    /// Whether a schedule meets every condition at `now` (seconds since 1970-01-01T00:00:00Z).
    #[must_use]
    pub fn matches(&self, of: &Schedule, now: i64) -> bool {
        let content = &of.content;
        let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
        let owner = of.owner.as_ref().map(|owner| owner.email.as_str());
        let state = content.state.at(now);
        self.owner
            .as_deref()
            .is_none_or(|wanted| owner.is_some_and(|owner| same(owner, wanted)))
            && self
                .export_identifier
                .as_ref()
                .is_none_or(|wanted| *wanted == content.export_identifier)
            && self.recipient.as_deref().is_none_or(|wanted| {
                let mut addresses = content.recipients.all().map(String::as_str).chain(owner);
                addresses.any(|address| same(address, wanted))
            })
            && self.state.is_none_or(|wanted| wanted == state)
            && self.failing.is_none_or(|wanted| wanted == (content.error_counter > 0))
            && self
                .due_before
                .is_none_or(|before| state == StateKind::Active && content.next_run.is_some_and(|next| next < before))
    }
}

impl RunEntry {
    /// Where the run stands.
    #[must_use]
    pub const fn state(&self) -> RunState {
        match &self.outcome {
            None | Some(Outcome::Retry(_)) => RunState::InProgress,
            Some(Outcome::Submitted) => RunState::Submitted,
            Some(Outcome::Delivered) => RunState::Delivered,
            Some(Outcome::Empty) => RunState::Empty,
            Some(Outcome::Failed(_)) => RunState::Failed,
            Some(Outcome::Cancelled(_)) => RunState::Cancelled,
            Some(Outcome::Missed(_)) => RunState::Missed,
        }
    }
}

impl RunQuery {
    /// Whether a run meets every condition.
    #[must_use]
    pub fn matches(&self, run: &RunEntry) -> bool {
        self.id.is_none_or(|id| id == run.id)
            && self.state.is_none_or(|state| state == run.state())
            && self.since.is_none_or(|since| run.due >= since)
            && self.until.is_none_or(|until| run.due <= until)
    }
}

impl Content {
    /// Whether it is neither stopped nor paused, with or without an end.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state == ScheduleState::Active
    }

    /// Writes what a run has come to at `now`, as `finish` of the contract says: without `active`, a schedule that is active is
    /// stopped.
    pub fn count(&mut self, error_counter: u32, active: bool, now: i64) {
        self.error_counter = error_counter;
        if !active && self.state.at(now) == StateKind::Active {
            self.state = ScheduleState::Stopped;
        }
    }
}

impl<T: Into<String>> From<T> for Outage {
    /// Why, where the host cannot say when it ends.
    fn from(reason: T) -> Self {
        Self {
            reason: reason.into(),
            retry_after: None,
        }
    }
}
