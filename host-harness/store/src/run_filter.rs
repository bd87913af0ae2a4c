//! Which runs a page of a history has.

use crate::clock::Instant;
use crate::contract::{RunQuery, RunState};
use crate::state;

/// The conditions of a [`RunQuery`], as statements take them.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunFilter {
    pub(crate) id: Option<i64>,
    pub(crate) state: Option<&'static str>,
    pub(crate) since: Option<Instant>,
    pub(crate) until: Option<Instant>,
}

impl RunFilter {
    /// None: the whole history.
    pub(crate) fn of(query: &RunQuery) -> Option<Self> {
        let RunQuery {
            at: _,
            size: _,
            id,
            state,
            since,
            until,
        } = query;
        if id.is_none() && state.is_none() && since.is_none() && until.is_none() {
            return None;
        }
        Some(Self {
            // No run has the id 0.
            id: id.map(|id| i64::try_from(id).unwrap_or(0)),
            state: state.map(stored),
            since: *since,
            until: *until,
        })
    }
}

/// The state of a run as it is stored.
fn stored(state: RunState) -> &'static str {
    match state {
        RunState::InProgress => state::RunState::Open,
        RunState::Submitted => state::RunState::Submitted,
        RunState::Delivered => state::RunState::Delivered,
        RunState::Empty => state::RunState::Empty,
        RunState::Failed => state::RunState::Failed,
        RunState::Cancelled => state::RunState::Cancelled,
        RunState::Missed => state::RunState::Missed,
    }
    .as_str()
}
