//! What people see: pages and single schedules, and the ids of new ones.

use async_trait::async_trait;
use rusqlite::types::Value;
use rusqlite::{params, params_from_iter};

use super::columns::{json_list, row, row_columns, signed, unsigned};
use super::statement::{all, optional, value};
use super::{SqliteStorage, commit};
use crate::clock::Instant;
use crate::contract::{Position, SortKey};
use crate::cursor::{Cursor, Key};
use crate::list_query::{self, Dialect};
use crate::values::{clamped, offset};
use crate::{Commit, CommitError, ListFilter, ListQuery, Row, Rows, Schedules, StorageError, Visible};

/// One page of [`Schedules::list`]: parameters are ?1 organizer, ?2 event, ?3 owner, ?4 limit,
/// ?5 offset, or after a cursor ?5 its id and ?6 its key. Each order has an index of its own, and no row is read beyond the page.
pub(super) fn page_sql(order: SortKey, descending: bool, owner: bool, after: bool) -> String {
    let counted = count_sql(owner);
    // An owner's own rows are few: rather sort those than look for them among everybody's in the order of the page.
    let (index, own) = if owner {
        (" indexed by schedule_owner", " and s.owner = ?3")
    } else {
        ("", "")
    };
    let rows = |beyond: &str| {
        format!(
            "select {}, s.next_up, s.next_down, ({counted}) as total from schedule s{index}
             where s.organizer = ?1 and s.event is ?2 and s.parent is null{own}{beyond}",
            row_columns!(),
        )
    };
    let (key, sorted) = match (order, descending) {
        (SortKey::Id, false) => ("id", "id"),
        (SortKey::Id, true) => ("id", "id desc"),
        (SortKey::ExportIdentifier, false) => ("exporter", "exporter, id"),
        (SortKey::ExportIdentifier, true) => ("exporter", "exporter desc, id"),
        (SortKey::NextRun, false) => ("next_up", "next_up, id"),
        (SortKey::NextRun, true) => ("next_down", "next_down, id"),
    };
    let further = match order {
        SortKey::Id | SortKey::ExportIdentifier if descending => "<",
        _ => ">",
    };
    match (after, order) {
        (false, _) => format!("{} order by {sorted} limit ?4 offset ?5", rows("")),
        (true, SortKey::Id) => format!(
            "{} order by {sorted} limit ?4",
            rows(&format!(" and s.id {further} ?5"))
        ),
        // Of a comparison of pairs only the first is looked up in an index, and all that share the cursor's key would be gone
        // through: those are one part, the others behind them another.
        (true, _) => format!(
            "{} union all {} order by {sorted} limit ?4",
            rows(&format!(" and s.{key} = ?6 and s.id > ?5")),
            rows(&format!(" and s.{key} {further} ?6")),
        ),
    }
}

/// A filtered list as SQLite reads it; lists of users are JSON.
const FILTERED: Dialect = Dialect {
    mark: '?',
    columns: row_columns!(),
    event: "s.event is ?2",
    active: "s.active = 1",
    owners: "(?4 is null or s.owner in (select value from json_each(?4)))",
    recipient: "(s.owner in (select value from json_each(?7)) or exists (
               select 1 from json_tree(s.recipients) a where a.type = 'text' and lower(a.value) = ?6))",
};

/// The parameters of [`list_query::count`].
fn filtered(seen: &Visible, filter: &ListFilter) -> Vec<Value> {
    let text = |text: &str| Value::Text(text.to_owned());
    let or_null = |value: Option<Value>| value.unwrap_or(Value::Null);
    vec![
        text(&seen.scope.organizer),
        or_null(seen.scope.event.as_deref().map(text)),
        or_null(seen.only_owner.as_deref().map(text)),
        or_null(filter.owners.as_deref().map(json_list).map(Value::Text)),
        or_null(filter.export_identifier.as_deref().map(text)),
        or_null(filter.address().map(Value::Text)),
        or_null(filter.recipient.as_ref().map(|to| Value::Text(json_list(&to.users)))),
        Value::Integer(filter.now),
        or_null(filter.state_text().map(text)),
        or_null(filter.failing.map(|failing| Value::Integer(failing.into()))),
        or_null(filter.due_before.map(Value::Integer)),
    ]
}

/// How a row of a page says where the page after it begins.
fn key_of(order: SortKey, descending: bool) -> fn(&rusqlite::Row<'_>) -> rusqlite::Result<Key> {
    match (order, descending) {
        (SortKey::Id, _) => |_| Ok(Key::Id),
        (SortKey::ExportIdentifier, _) => |last| Ok(Key::Exporter(last.get("exporter")?)),
        (SortKey::NextRun, false) => |last| Ok(Key::NextRun(last.get("next_up")?)),
        (SortKey::NextRun, true) => |last| Ok(Key::NextRun(last.get("next_down")?)),
    }
}

/// How many there are of a scope, or of one owner there; parameters as in [`page_sql`].
pub(super) fn count_sql(owner: bool) -> &'static str {
    if owner {
        "select count(*) from schedule where organizer = ?1 and event is ?2 and owner = ?3 and parent is null"
    } else {
        "select coalesce(sum(schedules), 0) from scope_size where organizer = ?1 and event = coalesce(?2, '')"
    }
}

/// How many an organizer has, with those of all its events.
pub(super) const COUNT_ALL: &str = "select coalesce(sum(schedules), 0) from scope_size where organizer = ?1";

#[async_trait]
impl Schedules for SqliteStorage {
    async fn list(&self, seen: &Visible, query: &ListQuery) -> Result<Option<Rows<Row>>, StorageError> {
        let ListQuery {
            filter,
            order,
            descending,
            at,
            size,
        } = query;
        let (order, descending, size) = (*order, *descending, clamped(*size));
        let owner = seen.only_owner.as_deref();
        let (page, cursor) = match at {
            Position::Number(page) => (Some(*page), None),
            Position::After(text) => match Cursor::of_list(text, order, descending) {
                Some(cursor) => (None, Some(cursor)),
                None => return Ok(None),
            },
        };
        let first = match page.map(|page| offset(page, size)) {
            Some(None) => return Ok(None),
            Some(Some(first)) => first,
            None => 0,
        };

        let text = |text: &str| Value::Text(text.to_owned());
        let (sql, counted, mut parameters) = if filter.is_empty() {
            (
                page_sql(order, descending, owner.is_some(), cursor.is_some()),
                count_sql(owner.is_some()).to_owned(),
                vec![
                    text(&seen.scope.organizer),
                    seen.scope.event.as_deref().map_or(Value::Null, text),
                    owner.map_or(Value::Null, text),
                ],
            )
        } else {
            (
                list_query::page(&FILTERED, order, descending, cursor.is_some()),
                list_query::count(&FILTERED),
                filtered(seen, filter),
            )
        };
        let of_all = match filter.is_empty() && owner.is_none() {
            true => 2,
            false => parameters.len(),
        };
        parameters.push(Value::Integer(i64::from(size) + 1));
        match cursor {
            None => parameters.push(Value::Integer(first)),
            Some(Cursor { key, id, .. }) => {
                parameters.push(Value::Integer(id));
                match key {
                    Key::Exporter(identifier) => parameters.push(Value::Text(identifier)),
                    Key::NextRun(key) => parameters.push(Value::Integer(key)),
                    Key::Id | Key::Due(_) => {}
                }
            }
        }
        let key = key_of(order, descending);
        let mut found: Vec<(Row, Key, i64)> = self.reading.read(|on| {
            all(on, &sql, params_from_iter(&parameters), |listed| {
                Ok((row(listed)?, key(listed)?, listed.get("total")?))
            })
        })?;
        let total = match found.first() {
            // Counted in the same statement, so of the same snapshot.
            Some((_, _, total)) => *total,
            None if page.is_some_and(|page| page > 1) => return Ok(None),
            None if page.is_some() => 0,
            None => self
                .reading
                .read(|on| value(on, &counted, params_from_iter(&parameters[..of_all])))?,
        };

        let size = size as usize;
        let next = if found.len() > size {
            found.truncate(size);
            let (last, key, _) = found.last().expect("a page has at least one row before the next");
            let cursor = Cursor {
                key: key.clone(),
                descending,
                id: signed(last.id)?,
            };
            Some(cursor.to_text())
        } else {
            None
        };
        Ok(Some(Rows {
            total: unsigned(total)?,
            rows: found.into_iter().map(|(row, _, _)| row).collect(),
            next,
        }))
    }

    async fn get(&self, seen: &Visible, id: u64) -> Result<Option<Row>, StorageError> {
        let Ok(id) = i64::try_from(id) else {
            return Ok(None);
        };
        let Visible { scope, only_owner } = seen;
        self.reading.read(|on| {
            optional(
                on,
                concat!(
                    "select ",
                    row_columns!(),
                    " from schedule s where s.id = ?1 and s.organizer = ?2 and s.event is ?3 and (?4 is null or s.owner = ?4) and s.parent is null"
                ),
                params![id, scope.organizer, scope.event, only_owner],
                row,
            )
        })
    }

    async fn count(&self, organizer: &str) -> Result<u64, StorageError> {
        let count: i64 = self.reading.read(|on| value(on, COUNT_ALL, [organizer]))?;
        unsigned(count)
    }

    async fn reserve_id(&self) -> Result<u64, StorageError> {
        let block = match self.reserved().next() {
            Ok(id) => return Ok(id),
            Err(block) => block,
        };
        let reserved = self.write(move |on| {
            value(
                on,
                "update sequence set next = next + ?1 where name = 'schedule' returning next",
                [signed(block)?],
            )
        });
        let end: i64 = reserved.await?;
        Ok(self.reserved().take_in(block, unsigned(end)?))
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.write(move |on| commit::write(on, &commit)).await
    }

    async fn seed(&self, row: &Row, zone_database: &str, now: Instant) -> Result<(), CommitError> {
        let (row, zone_database) = (row.clone(), zone_database.to_owned());
        self.write(move |on| commit::seed(on, &row, &zone_database, now))
            .await?;
        self.reserved().give_up();
        Ok(())
    }
}
