//! What the component asks a driver to set up and to do.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::Job;
use crate::clock::Instant;

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Plan {
    /// The instant at which each check begins.
    pub clock: Instant,
    pub world: World,
    pub checks: Vec<Check>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Check {
    pub name: String,
    pub about: String,
    pub steps: Vec<Step>,
}

/// What a host has to set up before a check.
#[derive(Clone, Debug, Deserialize)]
pub struct World {
    /// All of them have scheduled exports switched on.
    pub organizers: Vec<Organizer>,
    /// Those of the organizers.
    pub events: Vec<Event>,
    /// All of them active.
    pub users: Vec<User>,
    /// Who calls in the steps.
    pub callers: Vec<Caller>,
}

/// An organizer, with the rules that the plugin is told in `settings`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Organizer {
    /// By which steps name it.
    pub slug: String,
    /// IANA name.
    pub zone: String,
    /// Most schedules; none: any number.
    pub quota: Option<u32>,
    /// Domains that mail may go to; none: any.
    pub recipient_domains: Option<Vec<String>>,
    /// Largest mail in bytes as sent.
    pub mail_bytes: u64,
}

/// An event. The exporter of [`Facts`](super::Facts) makes a file of at least one row of it.
#[derive(Clone, Debug, Deserialize)]
pub struct Event {
    /// Whose it is.
    pub organizer: String,
    /// By which steps name it.
    pub slug: String,
    /// IANA name.
    pub zone: String,
}

/// A user.
#[derive(Clone, Debug, Deserialize)]
pub struct User {
    /// By which steps name him; his id is the host's to choose.
    pub name: String,
    /// Address that mail reaches him by.
    pub email: String,
    /// BCP 47 tag.
    pub language: String,
    /// What he may do.
    pub rights: Vec<Right>,
}

/// What somebody may do at one organizer.
#[derive(Clone, Debug, Deserialize)]
pub struct Right {
    /// Whose data.
    pub organizer: String,
    /// At these events; none: at all of them, and at the organizer as a whole.
    pub events: Option<Vec<String>>,
    /// May change settings, and so sees and changes all schedules.
    pub settings: bool,
    /// May export.
    pub export: bool,
}

/// Somebody who calls.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Caller {
    /// By which steps name him.
    pub name: String,
    /// Whom he stands for.
    #[serde(flatten)]
    pub stands: Stands,
    /// False: his credentials are for reading only.
    pub may_write: bool,
}

/// Whom a caller stands for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stands {
    /// A user of this name.
    User(String),
    /// A token, with these rights of its own.
    Token(Right),
    /// A device at all events of this organizer.
    Device {
        /// Slug.
        organizer: String,
    },
}

/// What becomes of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// The account is switched off.
    Inactive,
    /// All rights are taken away.
    WithoutRights,
    /// There is no such user any more.
    Gone,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Step {
    Clock {
        clock: Instant,
    },
    Call {
        call: Call,
        by: String,
        organizer: String,
        event: Option<String>,
        ends: Vec<String>,
    },
    Take {
        take: String,
        workers: usize,
        count: usize,
    },
    Run {
        run: String,
        job: JobName,
        ends: Vec<String>,
    },
    Deliver {
        deliver: Delivering,
    },
    User {
        user: String,
        change: Change,
    },
    OpenHandles {
        #[serde(rename = "open-handles")]
        open_handles: usize,
    },
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Call {
    pub export: String,
    pub verb: Option<String>,
    /// The name under which the schedule is kept.
    pub id: Option<String>,
    pub document: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Delivering {
    pub refused: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum JobName {
    Execute,
    Abandon,
    Settle,
}

impl From<JobName> for Job {
    fn from(name: JobName) -> Self {
        match name {
            JobName::Execute => Self::Execute,
            JobName::Abandon => Self::Abandon,
            JobName::Settle => Self::Settle,
        }
    }
}

/// For people who look for what went wrong.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock { clock } => write!(f, "the clock is set to {clock}"),
            Self::Call {
                call,
                by,
                organizer,
                event,
                ..
            } => {
                let event = event.as_ref().map(|event| format!("/{event}")).unwrap_or_default();
                write!(f, "{by} calls `{}` at {organizer}{event}", call.export)
            }
            Self::Take { take, .. } => write!(f, "what is due is leased as `{take}`"),
            Self::Run { run, job, .. } => {
                let job = match job {
                    JobName::Execute => "execute",
                    JobName::Abandon => "abandon",
                    JobName::Settle => "settle",
                };
                write!(f, "`{job}` for the lease `{run}`")
            }
            Self::Deliver { .. } => f.write_str("the outbox is handed over"),
            Self::User { user, change } => {
                let change = match change {
                    Change::Inactive => "switched off",
                    Change::WithoutRights => "left without rights",
                    Change::Gone => "removed",
                };
                write!(f, "{user} is {change}")
            }
            Self::OpenHandles { .. } => f.write_str("handles are counted"),
        }
    }
}
