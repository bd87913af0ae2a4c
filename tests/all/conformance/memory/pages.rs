//! Lists, sorted and cut into pages.

use host_harness::contract::schedule_store::{Page, RunPage, StoreError};
use host_harness::contract::{Order, PageQuery, Position};
use serde_json::{Value, json};

use super::{Access, Fault, Memory, State, Stored};

/// What a row is sorted by, apart from its id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(i64),
    Text(String),
}

fn key(order: Order, id: u64, stored: &Stored) -> Option<Key> {
    match order {
        Order::Id => i64::try_from(id).ok().map(Key::Number),
        Order::ExportIdentifier => Some(Key::Text(stored.content.export_identifier.clone())),
        Order::NextRun => stored.content.next_run.map(Key::Number),
    }
}

fn named(order: Order) -> &'static str {
    match order {
        Order::Id => "id",
        Order::ExportIdentifier => "export-identifier",
        Order::NextRun => "next-run",
    }
}

/// A row's place in an order.
type Place = (Option<Key>, u64);

impl Memory {
    fn compare(&self, descending: bool, one: &Place, other: &Place) -> std::cmp::Ordering {
        let absent_last = one.0.is_none().cmp(&other.0.is_none());
        let absent_last = match descending && self.is(Fault::SortsPagesOnly) {
            true => absent_last.reverse(),
            false => absent_last,
        };
        let by_key = match descending {
            true => other.0.cmp(&one.0),
            false => one.0.cmp(&other.0),
        };
        absent_last.then(by_key).then(one.1.cmp(&other.1))
    }

    pub(super) fn visible(&self, by: &Access, stored: &Stored) -> bool {
        stored.scope == by.scope
            && (by.facts.may_change_settings || by.user.as_ref().is_some_and(|user| stored.owner == *user))
    }

    pub(super) fn page(&self, state: &State, by: &Access, query: &PageQuery) -> Result<Page, StoreError> {
        let all = state.schedules.iter().filter(|(_, stored)| self.visible(by, stored));
        let mut rows: Vec<(Place, &Stored)> = all
            .map(|(id, stored)| ((key(query.order, *id, stored), *id), stored))
            .collect();
        rows.sort_by(|one, other| self.compare(query.descending, &one.0, &other.0));
        let total = match self.is(Fault::CountsWhatIsInvisible) {
            true => state
                .schedules
                .values()
                .filter(|row| row.scope.organizer == by.scope.organizer)
                .count(),
            false => rows.len(),
        };
        let size = query.size as usize;
        let from = match &query.at {
            Position::Number(0) => return Err(StoreError::NotFound),
            Position::Number(number) => (*number as usize - 1) * size,
            Position::After(text) => match self.after(text, query, &rows) {
                Some(from) => from,
                None if self.is(Fault::TakesAnyCursor) => 0,
                None => return Err(StoreError::NotFound),
            },
        };
        if from > 0 && from >= rows.len() && matches!(query.at, Position::Number(_)) {
            return Err(StoreError::NotFound);
        }
        let shown: Vec<_> = rows.iter().skip(from).take(size).collect();
        let next = match shown.last() {
            Some(last) if from + shown.len() < rows.len() => Some(self.cursor(query, &last.0, from + shown.len())),
            _ => None,
        };
        Ok(Page {
            total: total as u64,
            rows: shown
                .iter()
                .map(|((_, id), stored)| self.shown(state, *id, stored))
                .collect(),
            next,
        })
    }

    fn cursor(&self, query: &PageQuery, last: &Place, count: usize) -> String {
        if self.is(Fault::CountsInCursors) {
            return json!([named(query.order), query.descending, count]).to_string();
        }
        let key = match &last.0 {
            None => Value::Null,
            Some(Key::Number(number)) => json!(number),
            Some(Key::Text(text)) => json!(text),
        };
        json!([named(query.order), query.descending, key, last.1]).to_string()
    }

    /// How many rows are left out; none: the text is no cursor of this order.
    fn after(&self, text: &str, query: &PageQuery, rows: &[(Place, &Stored)]) -> Option<usize> {
        let cursor: Value = serde_json::from_str(text).ok()?;
        if cursor[0].as_str()? != named(query.order) || cursor[1].as_bool()? != query.descending {
            return None;
        }
        if self.is(Fault::CountsInCursors) {
            return cursor[2].as_u64().and_then(|count| usize::try_from(count).ok());
        }
        let key = match &cursor[2] {
            Value::Null => None,
            Value::Number(number) => Some(Key::Number(number.as_i64()?)),
            Value::String(text) => Some(Key::Text(text.clone())),
            _ => return None,
        };
        let last = (key, cursor[3].as_u64()?);
        let seen = |row: &&(Place, &Stored)| self.compare(query.descending, &row.0, &last).is_le();
        let seen = rows.iter().filter(seen).count();
        Some(if self.is(Fault::RepeatsTheLastRow) {
            seen.saturating_sub(1)
        } else {
            seen
        })
    }
}

/// The history of one schedule, latest due time first.
pub(super) fn history(state: &State, id: u64, at: &Position, size: u32) -> Result<RunPage, StoreError> {
    let mut rows: Vec<_> = state
        .runs
        .iter()
        .filter(|row| row.schedule == id)
        .map(|row| row.entry.clone())
        .collect();
    rows.sort_by_key(|entry| std::cmp::Reverse(entry.due));
    let from = match at {
        Position::Number(0) => return Err(StoreError::NotFound),
        Position::Number(number) => (*number as usize - 1) * size as usize,
        Position::After(text) => {
            let due: i64 = text.parse().map_err(|_| StoreError::NotFound)?;
            rows.iter().filter(|entry| entry.due >= due).count()
        }
    };
    if from > 0 && from >= rows.len() {
        return Err(StoreError::NotFound);
    }
    let total = rows.len();
    let shown: Vec<_> = rows.into_iter().skip(from).take(size as usize).collect();
    let next = shown
        .last()
        .filter(|_| from + shown.len() < total)
        .map(|entry| entry.due.to_string());
    Ok(RunPage {
        total: total as u64,
        rows: shown,
        next,
    })
}
