//! The state of a schedule as users see it: what it does now, and what keeps it from running.

use crate::contract::{Instant, Outcome, RunEntry, Schedule, StateKind};

/// What a schedule does now. The first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// A run is in progress.
    Running {
        due: Instant,
        started: Instant,
    },
    /// A run is retried at this instant.
    Retrying {
        due: Instant,
        at: Instant,
    },
    Paused,
    /// It is due, but its runs fail.
    Lost(Lost),
    Stopped,
    /// The rule has no run left; with the last one.
    Finished(Instant),
    /// The rule has no run, or cannot be read.
    Never,
    Waiting(Instant),
}

/// Why the runs of a schedule fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    OwnerGone,
    OwnerInactive,
    OwnerNotPermitted,
    ExporterGone,
}

impl Lost {
    /// What the stored schedule tells of its owner.
    pub(super) fn of_owner(schedule: &Schedule) -> Option<Self> {
        match &schedule.owner {
            None => Some(Self::OwnerGone),
            Some(owner) if !owner.active => Some(Self::OwnerInactive),
            Some(_) => None,
        }
    }

    /// The code of the failure of its runs.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::OwnerGone => "owner-gone",
            Self::OwnerInactive => "owner-inactive",
            Self::OwnerNotPermitted => "owner-not-permitted",
            Self::ExporterGone => "exporter-gone",
        }
    }
}

impl Status {
    /// `latest` is the latest run that was due. `last_due` returns the last due time of the rule until now; it is called only if there
    /// is no next run.
    pub(super) fn of(
        schedule: &Schedule,
        latest: Option<&RunEntry>,
        lost: Option<Lost>,
        last_due: impl FnOnce() -> Option<Instant>,
        now: Instant,
    ) -> Self {
        if let Some(run) = latest {
            match (&run.outcome, run.started) {
                (None, Some(started)) => return Self::Running { due: run.due, started },
                (Some(Outcome::Retry(at)), _) => return Self::Retrying { due: run.due, at: *at },
                _ => {}
            }
        }
        let content = &schedule.content;
        match (content.state.at(now), lost, content.next_run) {
            (StateKind::Paused, ..) => Self::Paused,
            (_, Some(lost), _) => Self::Lost(lost),
            (StateKind::Stopped, ..) => Self::Stopped,
            (StateKind::Active, None, Some(next)) => Self::Waiting(next),
            (StateKind::Active, None, None) => match last_due() {
                Some(last) => Self::Finished(last),
                None => Self::Never,
            },
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Running { .. } => "running",
            Self::Retrying { .. } => "retrying",
            Self::Paused => "paused",
            Self::Lost(Lost::ExporterGone) => "exporter-gone",
            Self::Lost(_) => "owner-lost",
            Self::Stopped => "stopped",
            Self::Finished(_) => "finished",
            Self::Never => "never",
            Self::Waiting(_) => "waiting",
        }
    }

    /// The verb that helps; `None` if nothing has to be done.
    pub(super) fn help(self) -> Option<&'static str> {
        match self {
            Self::Paused | Self::Stopped => Some("resume"),
            Self::Lost(Lost::ExporterGone) | Self::Finished(_) | Self::Never => Some("change"),
            Self::Lost(_) => Some("take_over"),
            Self::Running { .. } | Self::Retrying { .. } | Self::Waiting(_) => None,
        }
    }
}
