//! What the component asks a driver to set up and to do.

use std::fmt;

use scheduled_exports_host::clock::Instant;
use scheduled_exports_host::memory::{Change, World};
use serde::Deserialize;
use serde_json::Value;

use super::Job;

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
