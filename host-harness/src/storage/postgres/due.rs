//! Who has something due, in one table.

use sqlx::AssertSqlSafe;

use super::{PostgresStorage, read};
use crate::clock::Instant;
use crate::storage::turns::STEPS;

impl PostgresStorage {
    /// Organizers with something due at `now`, and since when; one can be there more than once.
    pub(super) async fn who_has_due(&self, table: &str, now: Instant) -> sqlx::Result<Vec<(String, Instant)>> {
        let by_time: Vec<(String, Instant)> = read!(
            sqlx::query_as(AssertSqlSafe(by_time_sql(table)))
                .bind(now)
                .bind(i64::from(STEPS))
                .fetch_all(&self.pool)
        )?;
        if by_time.len() < STEPS as usize {
            return Ok(by_time);
        }
        let mut all: Vec<(String, Instant)> = read!(
            sqlx::query_as(AssertSqlSafe(by_organizer_sql(table)))
                .bind(now)
                .fetch_all(&self.pool)
        )?;
        all.sort_by_key(|(_, since)| *since);
        Ok(all)
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
