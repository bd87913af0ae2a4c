//! What is due in one table, leased by turns.

use rusqlite::{Connection, Row as Columns, params};

use super::SqliteStorage;
use super::columns::json_list;
use super::statement::{all, values};
use crate::StorageError;
use crate::clock::Instant;
use crate::turns::{self, Due, Rooms, STEPS, Share, Turns};

/// A table that has the columns `organizer` and `wake_at`, and what is asked of it at ?1. Its rows go by their rowid.
pub(super) struct Table<Row> {
    /// What is due, with its organizers, in the order of time, organizer and id: at most ?2.
    pub rows: &'static str,
    /// Whose pairs of organizer and time are due, by time: at most ?2.
    pub by_time: &'static str,
    /// Every organizer that has something due, the one first that has waited longest.
    pub by_organizer: &'static str,
    /// What is due of the organizers that ?2 is a list of: at most ?3 each and ?4 in all.
    pub by_turns: &'static str,
    /// Leases those of these, a list, that are due, until then; and answers each with the time that it has been due since.
    pub take: Take<Row>,
}

type Take<Row> = fn(&Connection, &str, Instant, Instant) -> Result<Vec<(Instant, i64, Row)>, StorageError>;

/// [`Table::by_time`] of a table. A step is from one pair to the first row of the next: of a comparison of pairs only the first would be
/// looked up in the index.
macro_rules! due_by_time {
    ($table:literal) => {
        concat!(
            "with recursive step (id) as (
               select rowid from (select rowid from ",
            $table,
            " where wake_at <= ?1 order by wake_at, organizer limit 1)
               union all
               select coalesce(
                 (select n.rowid from ",
            $table,
            " n where n.wake_at = s.wake_at and n.organizer > s.organizer order by n.organizer limit 1),
                 (select n.rowid from ",
            $table,
            " n where n.wake_at > s.wake_at and n.wake_at <= ?1 order by n.wake_at, n.organizer limit 1))
               from step cross join ",
            $table,
            " s on s.rowid = step.id)
             select s.organizer from step cross join ",
            $table,
            " s on s.rowid = step.id limit ?2"
        )
    };
}

/// [`Table::by_organizer`] of a table and its index that begins with the organizer: which rows `n` are in it, which of them are due, and
/// in what order they lie there.
macro_rules! due_by_organizer {
    ($table:literal, $index:literal, $there:literal, $due:literal, $sorted:literal) => {
        concat!(
            "with recursive step (organizer) as (
               select organizer from (
                 select n.organizer from ",
            $table,
            " n indexed by ",
            $index,
            " where ",
            $there,
            " order by n.organizer limit 1)
               union all
               select (select n.organizer from ",
            $table,
            " n indexed by ",
            $index,
            " where ",
            $there,
            " and n.organizer > step.organizer order by n.organizer limit 1)
               from step where step.organizer is not null)
             select organizer from (
               select step.organizer, (
                 select n.wake_at from ",
            $table,
            " n indexed by ",
            $index,
            " where n.organizer = step.organizer and ",
            $due,
            " order by ",
            $sorted,
            " limit 1) as since
               from step where step.organizer is not null)
             where since is not null order by since"
        )
    };
}
pub(super) use {due_by_organizer, due_by_time};

impl SqliteStorage {
    /// Leases at most `limit` of what is due at `now`, until then.
    pub(super) async fn lease_by_turns<Row: Send>(
        &self,
        (table, turns): (&'static Table<Row>, &Turns<i64>),
        now: Instant,
        lease_until: Instant,
        limit: u32,
        rooms: Option<&Rooms>,
    ) -> Result<Vec<Row>, StorageError> {
        let due = DueRows {
            store: self,
            table,
            turns,
            now,
            lease_until,
        };
        turns::lease(&due, limit, rooms).await
    }
}

/// What is due at `now`, to be leased.
struct DueRows<'s, Row: 'static> {
    store: &'s SqliteStorage,
    table: &'static Table<Row>,
    turns: &'s Turns<i64>,
    now: Instant,
    lease_until: Instant,
}

impl<Row: Send> Due for DueRows<'_, Row> {
    type Id = i64;
    type Row = Row;

    fn turns(&self) -> &Turns<i64> {
        self.turns
    }

    // Nearly always there is nothing, and then nobody has to wait for a write transaction.
    async fn rows(&self, most: u32) -> Result<Vec<(String, i64)>, StorageError> {
        let read = |row: &Columns<'_>| Ok((row.get(0)?, row.get(1)?));
        self.store
            .reading
            .read(|on| all(on, self.table.rows, params![self.now, most], read))
    }

    async fn organizers(&self) -> Result<Vec<String>, StorageError> {
        let (now, by_time, by_organizer) = (self.now, self.table.by_time, self.table.by_organizer);
        let organizers = self.store.read_aside(move |on| {
            let found = values(on, by_time, params![now, STEPS])?;
            if found.len() < STEPS as usize {
                return Ok(found);
            }
            values(on, by_organizer, [now])
        });
        organizers.await
    }

    async fn lease(&self, share: &Share<i64>, most: u32) -> Result<Vec<(Instant, i64, Row)>, StorageError> {
        let (now, lease_until) = (self.now, self.lease_until);
        let (take, by_turns) = (self.table.take, self.table.by_turns);
        let (rows, each) = match share {
            Share::Rows(ids) => (json_list(ids), None),
            Share::Organizers(organizers, each) => (json_list(organizers), Some(*each)),
        };
        let leased = self.store.write(move |on| match each {
            None => take(on, &rows, now, lease_until),
            Some(each) => {
                let ids: Vec<i64> = values(on, by_turns, params![now, rows, each, most])?;
                take(on, &json_list(&ids), now, lease_until)
            }
        });
        leased.await
    }
}
