//! Due times that are past due and were not run: the planned one, and later ones of the recurrence.

use crate::contract::{Content, Instant, MissedRange, MissedReason, ScheduleState, StoreError};
use crate::document::Pause;
use crate::recurrence::Recurrence;

/// Maximum number of steps of the search for a due time that two rules have in common. Rules with the same zone and time of day have
/// one within a few steps or not at all; only a schedule that was not run for years, with rules that rarely coincide, reaches the
/// limit. It then counts as having none.
const MAX_STEPS: usize = 1_000;

/// Due times from the planned one on. The planned one counts as a due time even if the recurrence does not have it.
#[derive(Clone, Copy, Debug)]
pub struct PastDueTimes<'a> {
    planned: Instant,
    /// Only later due times of the recurrence count.
    after: Instant,
    /// Whether a change kept the planned one: due times of the recurrence between it and the change never existed.
    kept: bool,
    recurrence: Option<&'a Recurrence>,
}

impl<'a> PastDueTimes<'a> {
    /// `kept_at` is the one of the [`Document`](crate::document::Document). Without a recurrence, the planned one is the only due time.
    #[must_use]
    pub fn new(planned: Instant, kept_at: Option<Instant>, recurrence: Option<&'a Recurrence>) -> Self {
        let kept_at = kept_at.filter(|at| *at >= planned);
        Self {
            planned,
            after: kept_at.unwrap_or(planned),
            kept: kept_at.is_some(),
            recurrence,
        }
    }

    /// The latest one at or before `until`.
    #[must_use]
    pub fn latest_until(&self, until: Instant) -> Option<Instant> {
        if until < self.planned {
            return None;
        }
        let run = self.recurrence.and_then(|recurrence| recurrence.latest_until(until));
        Some(run.map_or(
            self.planned,
            |run| if run.at > self.after { run.at } else { self.planned },
        ))
    }

    /// The latest one at or before `until` that `other` also has. The later of the two steps back until both agree.
    #[must_use]
    pub fn latest_common(&self, other: &Recurrence, until: Instant) -> Option<Instant> {
        let mut until = until;
        for _ in 0..MAX_STEPS {
            let mine = self.latest_until(until)?;
            let theirs = other.latest_until(mine)?.at;
            if theirs == mine {
                return Some(mine);
            }
            until = theirs;
        }
        None
    }

    /// The due times from `from` to before `end`: one range, or two if due times between the planned one and the others never
    /// existed or are already in the history.
    #[must_use]
    pub fn ranges(&self, from: Instant, end: Instant) -> Vec<MissedRange> {
        let planned = (from..end).contains(&self.planned).then_some(MissedRange {
            reason: MissedReason::Unavailable,
            first: self.planned,
            last: self.planned,
            count: 1,
        });
        let after = self.after.max(from.saturating_sub(1));
        let until = end.saturating_sub(1);
        let others = self
            .recurrence
            .and_then(|recurrence| range(recurrence, after, until, MissedReason::Unavailable));
        match (planned, others) {
            (Some(planned), Some(others)) if !self.kept => vec![MissedRange {
                reason: MissedReason::Unavailable,
                first: planned.first,
                last: others.last,
                count: others.count.saturating_add(1),
            }],
            (planned, others) => planned.into_iter().chain(others).collect(),
        }
    }
}

/// The due times of a pause that are not in the run history yet, as one range: those until `now` while the pause lasts, and those
/// until its end once it has run out. `None` if there are none, if the schedule is not paused, and from the first run after the pause
/// on, which records them.
#[must_use]
pub fn unrecorded_pause(
    content: &Content,
    pause: Option<&Pause>,
    recurrence: &Recurrence,
    now: Instant,
) -> Option<MissedRange> {
    let (ScheduleState::Paused(until), Some(pause)) = (content.state, pause) else {
        return None;
    };
    let over = until.filter(|until| *until <= now);
    if let Some(until) = over {
        let first = recurrence.next_after(until.saturating_sub(1));
        let has_run = first.is_some_and(|first| content.next_run.is_none_or(|planned| first.at < planned));
        if has_run {
            return None;
        }
    }
    let last = over.map_or(now, |until| until.saturating_sub(1));
    range(recurrence, pause.recorded, last, MissedReason::Paused)
}

/// The due times of the recurrence after `after` and not after `until`.
fn range(recurrence: &Recurrence, after: Instant, until: Instant, reason: MissedReason) -> Option<MissedRange> {
    let first = recurrence.next_after(after).filter(|first| first.at <= until)?.at;
    let last = recurrence.latest_until(until)?.at;
    let count = recurrence.count_between(after, until);
    Some(MissedRange {
        reason,
        first,
        last,
        count,
    })
}

/// Calls `write` with the missed due times, and again without those that it reports as already recorded.
///
/// # Errors
/// As `write`; `Recorded` if it reports a due time that is not among them.
pub fn write_unrecorded<T>(
    mut missed: Vec<MissedRange>,
    recurrence: Option<&Recurrence>,
    write: impl Fn(&[MissedRange]) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    loop {
        let recorded = match write(&missed) {
            Err(StoreError::AlreadyRecorded(recorded)) => recorded,
            result => return result,
        };
        let index = missed
            .iter()
            .position(|range| (range.first..=range.last).contains(&recorded))
            .ok_or(StoreError::AlreadyRecorded(recorded))?;
        let MissedRange { last, reason, .. } = missed[index];
        let rest = recurrence.and_then(|recurrence| range(recurrence, recorded, last, reason));
        missed.splice(index..=index, rest);
    }
}
