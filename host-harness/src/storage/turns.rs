//! Whose turn it is: organizers with something due are served one after the other, so that one with much of it holds up nobody.
//!
//! Who has something due is read from the index by time, from one (time, organizer) to the next: what is due at one time of one
//! organizer costs one step, however much it is. Where there are too many of these steps, the organizers themselves are gone
//! through, one step each. While batches are full the answer is used for a second. So the cost depends on what is due, and never on
//! how many schedules there are.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Stopwatch};

use crate::clock::Instant;

/// Most steps from one (time, organizer) to the next.
pub(super) const STEPS: u32 = 1000;
/// How long an answer is used.
const KEPT: Duration = Duration::from_secs(1);

/// The turns at one table that has the columns `organizer` and `wake_at`, with an index that begins with each.
#[derive(Debug, Default)]
pub(super) struct Turns {
    round: Mutex<Round>,
}

/// Organizers that had something due when it was looked up, the one first that has waited longest.
#[derive(Debug, Default)]
struct Round {
    organizers: Vec<String>,
    /// Who is next.
    at: usize,
    /// Until when it may be used for more than the batch it was looked up for.
    until: Option<Stopwatch>,
}

/// Whom one batch is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) organizers: Vec<String>,
    /// Most for each of them.
    pub(super) each: u32,
    /// Nobody else has anything due, as far as is known.
    all: bool,
    /// By what has just been looked up.
    fresh: bool,
}

impl Turns {
    /// Whom `batch` is for by what was looked up before; none: it is to be looked up.
    pub(super) fn next(&self, batch: u32) -> Option<Turn> {
        let mut round = self.round();
        round
            .until
            .is_some_and(|until| until > Stopwatch::now())
            .then_some(())?;
        round.next(batch)
    }

    /// Keeps who has something due, as was looked up, whoever has waited longest first; and answers whom `batch` is for. None:
    /// nobody has.
    pub(super) fn keep(&self, found: Vec<(String, Instant)>, batch: u32) -> Option<Turn> {
        let mut seen = HashSet::new();
        let organizers: Vec<String> = found
            .into_iter()
            .map(|(organizer, _)| organizer)
            .filter(|organizer| seen.insert(organizer.clone()))
            .collect();
        let mut round = self.round();
        *round = Round {
            at: round.place_in(&organizers),
            until: Some(Stopwatch::now() + KEPT),
            organizers,
        };
        let turn = round.next(batch)?;
        Some(Turn { fresh: true, ..turn })
    }

    /// Can there be more, after a turn for a batch of `left` that got so many?
    pub(super) fn go_on(&self, turn: &Turn, got: usize, left: u32) -> bool {
        if got >= left as usize {
            return false;
        }
        if turn.fresh && (got == 0 || (turn.all && got < turn.each as usize)) {
            return false;
        }
        // What was looked up led to less than was asked for.
        self.round().until = None;
        true
    }

    fn round(&self) -> MutexGuard<'_, Round> {
        // A list and a place in it: whole at every moment.
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Round {
    fn next(&mut self, batch: u32) -> Option<Turn> {
        let all = self.organizers.len();
        if all == 0 {
            return None;
        }
        let most = all.min(batch.max(1) as usize);
        let organizers: Vec<String> = (0..most)
            .map(|nth| self.organizers[(self.at + nth) % all].clone())
            .collect();
        let each = batch.div_ceil(u32::try_from(most).unwrap_or(u32::MAX));
        // For the last ones the batch can be too small: the next one begins with them.
        let served = most.min((batch.max(1) / each.max(1)) as usize);
        self.at = (self.at + served) % all;
        Some(Turn {
            each,
            all: most == all,
            fresh: false,
            organizers,
        })
    }

    /// Where the round goes on in a new list: at whoever was next.
    fn place_in(&self, organizers: &[String]) -> usize {
        let next = self.organizers.get(self.at);
        next.and_then(|next| organizers.iter().position(|other| other == next))
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_go_round_and_a_batch_is_shared_among_those_it_is_for() {
        let mut round = Round {
            organizers: ["a", "b", "c"].map(str::to_owned).to_vec(),
            ..Round::default()
        };
        let turn = |organizers: &[&str], each, all| {
            let organizers = organizers.iter().map(|&one| one.to_owned()).collect();
            Some(Turn {
                organizers,
                each,
                all,
                fresh: false,
            })
        };
        assert_eq!(round.next(2), turn(&["a", "b"], 1, false));
        assert_eq!(round.next(2), turn(&["c", "a"], 1, false));
        assert_eq!(round.next(9), turn(&["b", "c", "a"], 3, true));
        assert_eq!(round.place_in(&["x".to_owned(), "b".to_owned()]), 1);
        assert_eq!(Round::default().next(1), None);
    }

    #[test]
    fn whom_a_batch_has_no_room_for_is_first_in_the_next() {
        let mut round = Round {
            organizers: ["a", "b", "c"].map(str::to_owned).to_vec(),
            ..Round::default()
        };
        // Two each: with four in all, there is nothing for the third.
        let first = round.next(4).map(|turn| (turn.organizers[0].clone(), turn.each));
        assert_eq!(first, Some(("a".to_owned(), 2)));
        let second = round.next(4).map(|turn| turn.organizers[0].clone());
        assert_eq!(second, Some("c".to_owned()));
    }
}
