//! What people see: pages and single schedules, and the ids of new ones.

use async_trait::async_trait;

use super::client::{self, Found, Parameter};
use super::columns::{columns_within, event_of, row, row_columns, row_within, text};
use super::{PostgresStorage, read, settled};
use crate::clock::Instant;
use crate::contract::{Position, SortKey};
use crate::cursor::{Cursor, Key};
use crate::list_query::{self, Dialect};
use crate::values::{clamped, offset, signed, unsigned};
use crate::{Commit, CommitError, ListQuery, Row, Rows, Schedules, StorageError, Visible};

/// One page of [`Schedules::list`], each row with the number of all: parameters are $1 organizer,
/// $2 event, $3 owner, $4 limit, $5 offset, or after a cursor $5 its id and $6 its key.
///
/// Each order has an index of its own, which begins with organizer and event. A scope is a range of it: were it two equations, the
/// planner would find the order by id in another index too, and pass over the rows of all other scopes. The rows before a page are
/// passed over in the index alone.
pub(super) fn page_sql(order: SortKey, descending: bool, owner: bool, after: bool) -> String {
    if owner {
        return owners_page_sql(order, descending, after);
    }
    let mixed = order == SortKey::ExportIdentifier && descending;
    // Up in one column and down in the other is in no comparison of rows.
    let (key, down) = match order {
        SortKey::Id => ("", descending),
        SortKey::ExportIdentifier => (", exporter", false),
        SortKey::NextRun if descending => (", next_down", false),
        SortKey::NextRun => (", next_up", false),
    };
    let (first, last, way) = if down { ("<", ">=", " desc") } else { (">", "<=", "") };
    let sorted = match order {
        _ if mixed => "organizer, event, exporter desc, id".to_owned(),
        SortKey::Id => format!("organizer{way}, event{way}, id{way}"),
        _ => format!("organizer, event{key}, id"),
    };
    let scope =
        format!("(organizer, event) {first}= ($1, $2) and (organizer, event) {last} ($1, $2) and parent is null");
    let columns = page_columns(order, descending, false);
    let page = |within: &str, rest: &str| {
        format!("select {columns} from schedule s where {within} order by {sorted} limit $4{rest}")
    };
    match (after, mixed) {
        (false, true) => page(&scope, " offset $5"),
        (false, false) => page(
            &format!(
                "(organizer, event{key}, id) {first}= (select organizer, event{key}, id from schedule where {scope}
                   order by {sorted} limit 1 offset $5)
                 and (organizer, event) {last} ($1, $2) and parent is null"
            ),
            "",
        ),
        // The rest of the cursor's exporter, then those below it.
        (true, true) => format!(
            "select * from (({}) union all ({})) s order by s.exporter desc, s.id limit $4",
            page(
                "organizer = $1 and event = $2 and exporter = $6 and id > $5 and parent is null",
                ""
            ),
            page("organizer = $1 and event = $2 and exporter < $6 and parent is null", ""),
        ),
        (true, false) => {
            let key_of = if key.is_empty() { "" } else { ", $6" };
            page(
                &format!(
                    "(organizer, event{key}, id) {first} ($1, $2{key_of}, $5) and (organizer, event) {last} ($1, $2)
                     and parent is null"
                ),
                "",
            )
        }
    }
}

/// What is read of each row of a page: no more than it takes, as the server sends it with every row.
fn page_columns(order: SortKey, descending: bool, owner: bool) -> String {
    let key = match order {
        SortKey::NextRun if descending => ", s.next_down as key",
        SortKey::NextRun => ", s.next_up as key",
        SortKey::Id | SortKey::ExportIdentifier => "",
    };
    format!("{}, ({}) as total{key}", columns_within!(), count_sql(owner))
}

/// The same of an owner's own. They are few: rather sort those than look for them among everybody's in the order of the page. A sum
/// or a concatenation is in no index but that of the owner.
fn owners_page_sql(order: SortKey, descending: bool, after: bool) -> String {
    let key = match order {
        SortKey::Id => "s.id",
        SortKey::ExportIdentifier => "(s.exporter || '')",
        SortKey::NextRun if descending => "(s.next_down + 0)",
        SortKey::NextRun => "(s.next_up + 0)",
    };
    let down = order == SortKey::ExportIdentifier && descending;
    let sorted = match order {
        SortKey::Id if descending => "s.id desc".to_owned(),
        SortKey::Id => "s.id".to_owned(),
        _ if down => format!("{key} desc, s.id"),
        _ => format!("{key}, s.id"),
    };
    let beyond = match (after, order) {
        (false, _) => String::new(),
        (true, SortKey::Id) if descending => " and s.id < $5".to_owned(),
        (true, SortKey::Id) => " and s.id > $5".to_owned(),
        (true, _) if down => format!(" and ({key} < $6 or {key} = $6 and s.id > $5)"),
        (true, _) => format!(" and ({key}, s.id) > ($6, $5)"),
    };
    let offset = if after { "" } else { " offset $5" };
    format!(
        "select {} from schedule s where s.organizer = $1 and s.event = $2 and s.owner = $3 and s.parent is null{beyond} order by {sorted} limit $4{offset}",
        page_columns(order, descending, true)
    )
}

/// A filtered list as PostgreSQL reads it.
const FILTERED: Dialect = Dialect {
    mark: '$',
    columns: columns_within!(),
    event: "s.event = ?2",
    active: "s.active",
    owners: "(?4 is null or s.owner = any(?4))",
    recipient: "(s.owner = any(?7) or exists (
               select from jsonb_each(s.recipients::jsonb) list cross join jsonb_array_elements_text(list.value) a (address)
               where lower(a.address) = ?6))",
};

/// Where the page after this row begins.
fn cursor_at(last: &Found, order: SortKey, descending: bool) -> client::Result<Cursor> {
    Ok(Cursor {
        key: match order {
            SortKey::Id => Key::Id,
            SortKey::ExportIdentifier => Key::Exporter(last.try_get("exporter")?),
            SortKey::NextRun => Key::NextRun(last.try_get("key")?),
        },
        descending,
        id: last.try_get("id")?,
    })
}

/// How many there are of a scope, or of one owner there; parameters as in [`page_sql`].
pub(super) fn count_sql(owner: bool) -> &'static str {
    if owner {
        "select count(*) from schedule where organizer = $1 and event = $2 and owner = $3 and parent is null"
    } else {
        "select coalesce(sum(schedules), 0)::bigint from scope_size where organizer = $1 and event = $2 and $3::text is null"
    }
}

/// How many an organizer has, with those of all its events.
pub(super) const COUNT_ALL: &str = "select coalesce(sum(schedules), 0)::bigint from scope_size where organizer = $1";

/// One of them, if it is visible. That is asked of the row, so that the planner can't take it for a way to find it: with young
/// figures any index looks as good to it as the one of ids.
pub(super) const ONE: &str = concat!(
    "select ",
    row_columns!(),
    " from schedule s
     where s.id = $1 and (s.organizer = $2 and s.event = $3) is true and ($4::text is null or s.owner = $4) and s.parent is null"
);

#[async_trait]
impl Schedules for PostgresStorage {
    async fn list(&self, seen: &Visible, query: &ListQuery) -> Result<Option<Rows<Row>>, StorageError> {
        let ListQuery {
            filter,
            order,
            descending,
            at,
            size,
        } = query;
        let (order, descending, size) = (*order, *descending, clamped(*size));
        let owner = seen.only_owner.as_deref().map(text);
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
        let (organizer, event, most) = (text(&seen.scope.organizer), event_of(&seen.scope), i64::from(size) + 1);
        let mut parameters: Vec<&dyn Parameter> = vec![&organizer, &event, &owner];
        let exported = filter.export_identifier.as_deref().map(text);
        let (address, users) = (filter.address(), filter.recipient.as_ref().map(|to| to.users.clone()));
        let (state, failing) = (filter.state_text(), filter.failing.map(i64::from));
        let (sql, counted) = if filter.is_empty() {
            let sql = page_sql(order, descending, owner.is_some(), cursor.is_some());
            (sql, count_sql(owner.is_some()).to_owned())
        } else {
            parameters.extend::<[&dyn Parameter; 8]>([
                &filter.owners,
                &exported,
                &address,
                &users,
                &filter.now,
                &state,
                &failing,
                &filter.due_before,
            ]);
            let sql = list_query::page(&FILTERED, order, descending, cursor.is_some());
            (sql, list_query::count(&FILTERED))
        };
        let of_all = parameters.len();
        parameters.push(&most);
        let exporter;
        match &cursor {
            None => parameters.push(&first),
            Some(Cursor { key, id, .. }) => {
                parameters.push(id);
                match key {
                    Key::Exporter(identifier) => {
                        exporter = text(identifier);
                        parameters.push(&exporter);
                    }
                    Key::NextRun(key) => parameters.push(key),
                    Key::Id | Key::Due(_) => {}
                }
            }
        }
        let mut found: Vec<Found> = read!(self.pool.fetch_all(&sql, &parameters))?;
        let total: i64 = match found.first() {
            Some(row) => row.try_get("total")?,
            None => read!(self.pool.fetch_one(&counted, &parameters[..of_all]))?,
        };
        if found.is_empty() && page.is_some_and(|page| page > 1) {
            return Ok(None);
        }
        let size = size as usize;
        let next = if found.len() > size {
            found.truncate(size);
            let last = found.last().expect("a page has at least one row before the next");
            Some(cursor_at(last, order, descending)?.to_text())
        } else {
            None
        };
        Ok(Some(Rows {
            total: unsigned(total)?,
            rows: found
                .iter()
                .map(|found| row_within(found, seen.scope.clone()))
                .collect::<client::Result<_>>()?,
            next,
        }))
    }

    async fn get(&self, seen: &Visible, id: u64) -> Result<Option<Row>, StorageError> {
        let Ok(id) = i64::try_from(id) else {
            return Ok(None);
        };
        let found = read!(self.pool.fetch_optional::<Found>(
            ONE,
            &[
                &id,
                &text(&seen.scope.organizer),
                &event_of(&seen.scope),
                &seen.only_owner.as_deref().map(text)
            ]
        ))?;
        Ok(found.as_ref().map(row).transpose()?)
    }

    async fn count(&self, organizer: &str) -> Result<u64, StorageError> {
        let count: i64 = read!(self.pool.fetch_one(COUNT_ALL, &[&text(organizer)]))?;
        unsigned(count)
    }

    async fn reserve_id(&self) -> Result<u64, StorageError> {
        let block = match self.reserved().next() {
            Ok(id) => return Ok(id),
            Err(block) => block,
        };
        let end: i64 = settled!(self.pool.fetch_one(
            "update sequence set next = next + $1 where name = 'schedule' returning next",
            &[&signed(block)?]
        ))?;
        Ok(self.reserved().take_in(block, unsigned(end)?))
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        if !settled!(self.try_write_at_once(&commit))? {
            settled!(self.try_write_commit(&commit))??;
        }
        self.tell();
        Ok(())
    }

    async fn seed(&self, row: &Row, zone_database: &str, now: Instant) -> Result<(), CommitError> {
        if !settled!(self.try_seed(row, zone_database, now))? {
            return Err(CommitError::Stale);
        }
        self.reserved().give_up();
        Ok(())
    }
}
