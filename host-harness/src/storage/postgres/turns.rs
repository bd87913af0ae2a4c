//! Whose turn it is: organizers with something due are served one after the other, so that one with much of it holds up nobody.
//!
//! Who has something due is read from the index by time, from one (time, organizer) to the next: what is due at one time of one
//! organizer costs one step, however much it is. Where there are too many of these steps, the organizers themselves are gone
//! through, one step each. While batches are full the answer is used for a second. So the cost depends on what is due, and never on
//! how many schedules there are.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Stopwatch};

use sqlx::{AssertSqlSafe, PgPool};

use super::read;
use crate::clock::Instant;

/// Most steps from one (time, organizer) to the next.
const STEPS: i64 = 1000;
/// How long an answer is used.
const KEPT: Duration = Duration::from_secs(1);

/// The turns at one table that has the columns `organizer` and `wake_at`, with an index that begins with each.
#[derive(Debug)]
pub(super) struct Turns {
    by_time: String,
    by_organizer: String,
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
    pub(super) all: bool,
}

impl Turns {
    pub(super) fn of(table: &'static str) -> Self {
        Self {
            by_time: by_time_sql(table),
            by_organizer: by_organizer_sql(table),
            round: Mutex::default(),
        }
    }

    /// Whom `batch` is for by what was looked up before; none: it is to be looked up.
    pub(super) fn next(&self, batch: u32) -> Option<Turn> {
        let mut round = self.round();
        round
            .until
            .is_some_and(|until| until > Stopwatch::now())
            .then_some(())?;
        round.next(batch)
    }

    /// Looks up who has something due at `now`, and answers whom `batch` is for; none: nobody has.
    pub(super) async fn look_up(&self, pool: &PgPool, now: Instant, batch: u32) -> sqlx::Result<Option<Turn>> {
        let mut found: Vec<(String, i64)> = read!(
            sqlx::query_as(AssertSqlSafe(self.by_time.clone()))
                .bind(now)
                .bind(STEPS)
                .fetch_all(pool)
        )?;
        if found.len() as i64 >= STEPS {
            found = read!(
                sqlx::query_as(AssertSqlSafe(self.by_organizer.clone()))
                    .bind(now)
                    .fetch_all(pool)
            )?;
            found.sort_by_key(|(_, wake_at)| *wake_at);
        }
        let mut seen = std::collections::HashSet::new();
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
        Ok(round.next(batch))
    }

    /// What was looked up is not used again: it led to less than was asked for.
    pub(super) fn forget(&self) {
        self.round().until = None;
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

/// Pairs of organizer and time that are due at $1, by time, at most $2.
pub(super) fn by_time_sql(table: &str) -> String {
    format!(
        "with recursive step (wake_at, organizer) as (
           (select wake_at, organizer from {table} where wake_at <= $1 order by wake_at, organizer limit 1)
           union all
           select next.wake_at, next.organizer from step cross join lateral (
             select wake_at, organizer from {table}
             where wake_at <= $1 and (wake_at, organizer) > (step.wake_at, step.organizer)
             order by wake_at, organizer limit 1) next)
         select organizer, wake_at from step limit $2"
    )
}

/// Every organizer with its earliest time, where that is due at $1.
pub(super) fn by_organizer_sql(table: &str) -> String {
    format!(
        "with recursive step (organizer, wake_at) as (
           (select organizer, wake_at from {table} where wake_at is not null order by organizer, wake_at limit 1)
           union all
           select next.organizer, next.wake_at from step cross join lateral (
             select organizer, wake_at from {table} where wake_at is not null and organizer > step.organizer
             order by organizer, wake_at limit 1) next)
         select organizer, wake_at from step where wake_at <= $1"
    )
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
            Some(Turn { organizers, each, all })
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
