//! What is due in one table, and who has it.

use super::client::{self, FromRow};
use super::{PostgresStorage, read};
use crate::clock::Instant;
use crate::turns::STEPS;

/// A table that has the columns `organizer` and `wake_at`, with an index that begins with each; what else is true of a row that is
/// due at $1; and what a row is named by.
pub(super) type Table = (&'static str, &'static str, &'static str);

/// A schedule that is leased is so until its lease ends, whatever it is due for.
pub(super) const SCHEDULES: Table = ("schedule", " and (lease_until is null or lease_until <= $1)", "id");
pub(super) const DELIVERIES: Table = ("delivery", "", "mail, position");

impl PostgresStorage {
    /// What is due at `now`, at most so much: organizer, and what a row is named by.
    pub(super) async fn what_is_due<R>(&self, table: Table, now: Instant, most: u32) -> client::Result<Vec<R>>
    where
        R: FromRow,
    {
        read!(self.pool.fetch_all(&rows_sql(table), &[&now, &i64::from(most)]))
    }

    /// Organizers with something due at `now`, the one first that has waited longest; one can be there more than once.
    pub(super) async fn who_has_due(&self, table: Table, now: Instant) -> client::Result<Vec<String>> {
        let by_time: Vec<String> = read!(self.pool.fetch_all(&by_time_sql(table), &[&now, &i64::from(STEPS)]))?;
        if by_time.len() < STEPS as usize {
            return Ok(by_time);
        }
        let mut all: Vec<(String, Instant)> = read!(self.pool.fetch_all(&by_organizer_sql(table), &[&now]))?;
        all.sort_by_key(|(_, since)| *since);
        Ok(all.into_iter().map(|(organizer, _)| organizer).collect())
    }
}

/// What is due at $1, by time, at most $2.
pub(super) fn rows_sql((table, free, id): Table) -> String {
    format!("select organizer, {id} from {table} where wake_at <= $1{free} order by wake_at, organizer, {id} limit $2")
}

/// Pairs of organizer and time that are due at $1, by time, at most $2.
pub(super) fn by_time_sql((table, free, _): Table) -> String {
    format!(
        "with recursive step (wake_at, organizer) as (
           (select wake_at, organizer from {table} where wake_at <= $1{free} order by wake_at, organizer limit 1)
           union all
           select next.wake_at, next.organizer from step cross join lateral (
             select wake_at, organizer from {table}
             where wake_at <= $1{free} and (wake_at, organizer) > (step.wake_at, step.organizer)
             order by wake_at, organizer limit 1) next)
         select organizer from step limit $2"
    )
}

/// Every organizer that has something due at $1, and since when.
pub(super) fn by_organizer_sql((table, free, _): Table) -> String {
    format!(
        "with recursive step (organizer) as (
           (select organizer from {table} where wake_at is not null order by organizer limit 1)
           union all
           select next.organizer from step cross join lateral (
             select organizer from {table} where wake_at is not null and organizer > step.organizer
             order by organizer limit 1) next)
         select step.organizer, first.wake_at from step cross join lateral (
           select wake_at from {table} where organizer = step.organizer and wake_at <= $1{free}
           order by wake_at limit 1) first"
    )
}
