//! The states of a run and every move between them. `docs/runs.md` draws this table; a store writes a run's state only by a
//! move that is in it, and names the state that it saw.

use std::fmt;

use super::StorageError;
use crate::contract::Outcome;

/// What has become of one due time. `Open` and `Submitted` are left again; the others are terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunState {
    /// Started, its mail not submitted. The schedule's lease or retry time says when it goes on.
    Open,
    /// Its mail is in the outbox; recipients are served one by one.
    Submitted,
    /// At least one recipient's server took the mail, and all are final.
    Delivered,
    /// The exporter found nothing.
    Empty,
    /// Ended with a reason, counted and told.
    Failed,
    /// Called off by a person, or no longer a due time.
    Cancelled,
    /// Passed while nobody could run it: the last of a range.
    Missed,
}

impl RunState {
    /// Every state, open ones first.
    pub const ALL: [Self; 7] = [
        Self::Open,
        Self::Submitted,
        Self::Delivered,
        Self::Empty,
        Self::Failed,
        Self::Cancelled,
        Self::Missed,
    ];

    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Submitted => "submitted",
            Self::Delivered => "delivered",
            Self::Empty => "empty",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Missed => "missed",
        }
    }

    /// Is this the end of the run?
    #[must_use]
    pub fn terminal(self) -> bool {
        !matches!(self, Self::Open | Self::Submitted)
    }

    /// What a run becomes with this outcome. A retry leaves it open.
    #[must_use]
    pub fn after(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Retry(_) => Self::Open,
            Outcome::Submitted => Self::Submitted,
            Outcome::Delivered => Self::Delivered,
            Outcome::Empty => Self::Empty,
            Outcome::Failed(_) => Self::Failed,
            Outcome::Cancelled(_) => Self::Cancelled,
            Outcome::Missed(_) => Self::Missed,
        }
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Every move: from (none: the due time has no run yet), to, and by what.
pub const MOVES: [(Option<RunState>, RunState, &str); 13] = [
    (None, RunState::Open, "start"),
    (None, RunState::Missed, "start, or an update that drops it"),
    (None, RunState::Cancelled, "delete or disable, after the due time"),
    (Some(RunState::Open), RunState::Open, "finish: retry"),
    (Some(RunState::Open), RunState::Submitted, "finish"),
    (Some(RunState::Open), RunState::Empty, "finish"),
    (Some(RunState::Open), RunState::Failed, "finish"),
    (
        Some(RunState::Open),
        RunState::Cancelled,
        "finish, delete, disable or pause",
    ),
    (Some(RunState::Open), RunState::Missed, "finish"),
    (
        Some(RunState::Submitted),
        RunState::Submitted,
        "one recipient reached a final status",
    ),
    (
        Some(RunState::Submitted),
        RunState::Delivered,
        "settle: accepted for at least one recipient",
    ),
    (
        Some(RunState::Submitted),
        RunState::Failed,
        "settle: rejected for all recipients",
    ),
    (
        Some(RunState::Submitted),
        RunState::Cancelled,
        "called off before anybody's did",
    ),
];

/// May a run go from `from` to `to`?
#[must_use]
pub fn allowed(from: Option<RunState>, to: RunState) -> bool {
    MOVES.iter().any(|(seen, next, _)| *seen == from && *next == to)
}

/// Passes a move that is in the table.
///
/// # Errors
/// `Corrupt` for any other: the caller has taken the run for something that it is not, and nothing may be written.
pub fn step(from: Option<RunState>, to: RunState) -> Result<(), StorageError> {
    if allowed(from, to) {
        return Ok(());
    }
    let from = from.map_or("none", RunState::as_str);
    Err(StorageError::Corrupt(format!(
        "invalid run state transition from {from} to {to}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWN: &str = include_str!("../../../docs/runs.md");

    #[test]
    fn the_drawing_has_every_move_and_no_other() {
        let name = |of: Option<RunState>| of.map_or("[*]", RunState::as_str);
        let mut drawn: Vec<(String, String)> = DRAWN
            .lines()
            .filter_map(|line| line.trim().split_once(" --> "))
            .map(|(from, to)| (from.to_owned(), to.split(':').next().unwrap_or(to).trim().to_owned()))
            .filter(|(_, to)| to != "[*]")
            .collect();
        let mut table: Vec<(String, String)> = MOVES
            .iter()
            .map(|(from, to, _)| (name(*from).to_owned(), to.as_str().to_owned()))
            .collect();
        drawn.sort();
        table.sort();
        assert_eq!(drawn, table);
    }

    #[test]
    fn nothing_leaves_a_terminal_state_and_the_drawing_ends_exactly_those() {
        for state in RunState::ALL {
            let left = RunState::ALL.iter().any(|to| allowed(Some(state), *to));
            assert_eq!(left, !state.terminal(), "{state}");
            assert_eq!(
                DRAWN.contains(&format!("{state} --> [*]\n")),
                state.terminal(),
                "{state}"
            );
        }
    }

    #[test]
    fn a_move_that_is_not_in_the_table_is_refused_in_words() {
        let refused = step(Some(RunState::Delivered), RunState::Failed).unwrap_err();
        assert!(refused.to_string().contains("from delivered to failed"), "{refused}");
        assert!(step(None, RunState::Delivered).is_err());
        assert!(step(Some(RunState::Submitted), RunState::Empty).is_err());
    }
}
