//! Due times that have passed and that nobody ran: the planned one, and those of the timetable after it.

use crate::contract::{Instant, MissedRange, StoreError};
use crate::recurrence::Timetable;

/// How many steps the search for a due time of both rules may take. Rules of one zone and time meet at once where they meet
/// at all; only a schedule that was left unrun for years, under rules that hardly meet, gets here. It then has none.
const STEPS: usize = 1_000;

/// Due times from a planned one on, which counts as one whatever the timetable says: it was planned.
#[derive(Clone, Copy, Debug)]
pub struct Passed<'a> {
    planned: Instant,
    /// Those of the timetable that are later than this count.
    after: Instant,
    /// A change kept the planned one, and those of the timetable between it and the change never were.
    kept: bool,
    timetable: Option<&'a Timetable>,
}

impl<'a> Passed<'a> {
    /// `kept_at`: as in [`Document`](crate::document::Document). Without a timetable the planned one is all there is.
    #[must_use]
    pub fn new(planned: Instant, kept_at: Option<Instant>, timetable: Option<&'a Timetable>) -> Self {
        let kept_at = kept_at.filter(|at| *at >= planned);
        Self {
            planned,
            after: kept_at.unwrap_or(planned),
            kept: kept_at.is_some(),
            timetable,
        }
    }

    /// The latest one at or before `until`.
    #[must_use]
    pub fn latest_until(&self, until: Instant) -> Option<Instant> {
        if until < self.planned {
            return None;
        }
        let run = self.timetable.and_then(|timetable| timetable.latest_until(until));
        Some(run.map_or(
            self.planned,
            |run| if run.at > self.after { run.at } else { self.planned },
        ))
    }

    /// The latest one at or before `until` that `other` has too: whichever of the two is ahead steps back to the other.
    #[must_use]
    pub fn latest_of(&self, other: &Timetable, until: Instant) -> Option<Instant> {
        let mut until = until;
        for _ in 0..STEPS {
            let mine = self.latest_until(until)?;
            let theirs = other.latest_until(mine)?.at;
            if theirs == mine {
                return Some(mine);
            }
            until = theirs;
        }
        None
    }

    /// Those from `from` to before `end`: one range, or two where between the planned one and the others there are some that
    /// never were, or that the history has already.
    #[must_use]
    pub fn ranges(&self, from: Instant, end: Instant) -> Vec<MissedRange> {
        let planned = (from..end).contains(&self.planned).then_some(MissedRange {
            first: self.planned,
            last: self.planned,
            count: 1,
        });
        let after = self.after.max(from.saturating_sub(1));
        let until = end.saturating_sub(1);
        let others = self.timetable.and_then(|timetable| range(timetable, after, until));
        match (planned, others) {
            (Some(planned), Some(others)) if !self.kept => vec![MissedRange {
                first: planned.first,
                last: others.last,
                count: others.count.saturating_add(1),
            }],
            (planned, others) => planned.into_iter().chain(others).collect(),
        }
    }
}

/// Due times of the timetable that are later than `after` and not later than `until`.
fn range(timetable: &Timetable, after: Instant, until: Instant) -> Option<MissedRange> {
    let first = timetable.next_after(after).filter(|first| first.at <= until)?.at;
    let last = timetable.latest_until(until)?.at;
    let count = timetable.count_between(after, until);
    Some(MissedRange { first, last, count })
}

/// Has `write` write missed due times down, without those that it answers are recorded already.
///
/// # Errors
/// As `write`; `Recorded` where it names a due time that is not among them.
pub fn write_unrecorded<T>(
    mut missed: Vec<MissedRange>,
    timetable: Option<&Timetable>,
    write: impl Fn(&[MissedRange]) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    loop {
        let recorded = match write(&missed) {
            Err(StoreError::Recorded(recorded)) => recorded,
            answer => return answer,
        };
        let place = missed
            .iter()
            .position(|range| (range.first..=range.last).contains(&recorded))
            .ok_or(StoreError::Recorded(recorded))?;
        let left = timetable.and_then(|timetable| range(timetable, recorded, missed[place].last));
        missed.splice(place..=place, left);
    }
}
