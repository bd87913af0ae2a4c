//! Pages of rows that a host has in memory.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::clock::Instant;
use crate::contract::{
    MissedRange, Outcome, Page, PageQuery, Position, RunEntry, RunPage, RunQuery, Schedule, SortKey, StoreError,
};

/// The sort key of a row: whether the value is absent (always last), the value, and for ties a number, ascending.
type RowKey = (bool, String, u64);

/// The sort key of a schedule in this order.
fn row_key(order: SortKey, of: &Schedule) -> RowKey {
    let (absent, value) = match (order, of.content.next_run) {
        (SortKey::Id, _) => (false, format!("{:020}", of.id)),
        (SortKey::ExportIdentifier, _) => (false, of.content.export_identifier.clone()),
        (SortKey::NextRun, next) => (next.is_none(), format!("{:020}", next.unwrap_or(0))),
    };
    (absent, value, of.id)
}

/// One page: the number of rows, the rows of the page, and the cursor of the next one. `sorted` names the order, and whether it
/// is descending.
///
/// A cursor is the key of the row before it, so rows that are added or deleted in between shift nothing. It is valid in this
/// order only. A database does this with an index instead.
fn page<T>(
    mut rows: Vec<(RowKey, T)>,
    sorted: (&str, bool),
    at: &Position,
    size: u32,
) -> Result<(u64, Vec<T>, Option<String>), StoreError> {
    let order = |a: &RowKey, b: &RowKey| {
        let by_value = if sorted.1 { b.1.cmp(&a.1) } else { a.1.cmp(&b.1) };
        a.0.cmp(&b.0).then(by_value).then(a.2.cmp(&b.2))
    };
    rows.sort_by(|a, b| order(&a.0, &b.0));
    let (total, size) = (rows.len(), size.max(1) as usize);
    let begin = match at {
        Position::Number(1) => Some(0),
        Position::Number(number) => (*number as usize)
            .checked_sub(1)
            .and_then(|pages| pages.checked_mul(size)),
        Position::After(text) => serde_json::from_str::<((String, bool), RowKey)>(text)
            .ok()
            .filter(|((name, descending), _)| (&**name, *descending) == sorted)
            .map(|(_, last)| rows.partition_point(|(key, _)| order(key, &last) != Ordering::Greater)),
    };
    let first = *at == Position::Number(1);
    let begin = begin
        .filter(|begin| first || *begin < total)
        .ok_or(StoreError::NotFound)?;
    let end = total.min(begin.saturating_add(size));
    let next = (end < total).then(|| serde_json::json!((sorted, &rows[end - 1].0)).to_string());
    let page = rows.drain(begin..end).map(|(_, row)| row).collect();
    Ok((total as u64, page, next))
}

/// A page of schedules, the result of `list` at `now`, for a store that has all rows in memory.
///
/// # Errors
/// `not-found` for a page that does not exist; the first always does.
pub fn schedules_page<'a>(
    rows: impl Iterator<Item = &'a Schedule>,
    query: &PageQuery,
    now: Instant,
) -> Result<Page, StoreError> {
    let rows = rows.filter(|row| query.filter.matches(row, now));
    let rows = rows.map(|row| (row_key(query.order, row), row.clone())).collect();
    let name = match query.order {
        SortKey::Id => "id",
        SortKey::ExportIdentifier => "export-identifier",
        SortKey::NextRun => "next-run",
    };
    let (total, rows, next) = page(rows, (name, query.descending), &query.at, query.size)?;
    Ok(Page { total, rows, next })
}

/// A page of one schedule's history, the result of `runs`: latest due time first.
///
/// # Errors
/// Like [`schedules_page`].
pub fn runs_page<'a>(rows: impl Iterator<Item = &'a RunEntry>, query: &RunQuery) -> Result<RunPage, StoreError> {
    let rows = rows.filter(|run| query.matches(run));
    let rows = rows.map(|run| ((false, format!("{:020}", run.due), run.id), run.clone()));
    let (total, rows, next) = page(rows.collect(), ("due", true), &query.at, query.size)?;
    Ok(RunPage { total, rows, next })
}

/// Records missed due times of a schedule in the history by schedule and due time: one entry per range, under its last due time.
///
/// # Errors
/// `recorded`, with the latest due time among them that has an entry. Nothing is written then.
pub fn record(
    history: &mut BTreeMap<(u64, Instant), RunEntry>,
    schedule: u64,
    missed: Vec<MissedRange>,
) -> Result<(), StoreError> {
    let recorded = |range: &MissedRange| {
        history
            .range((schedule, range.first)..=(schedule, range.last))
            .next_back()
    };
    if let Some((&(_, due), _)) = missed.iter().rev().find_map(recorded) {
        return Err(StoreError::AlreadyRecorded(due));
    }
    for of in missed {
        let id = history.values().map(|entry| entry.id).max().unwrap_or(0) + 1;
        history.insert(
            (schedule, of.last),
            RunEntry::new(id, of.last, Some(Outcome::Missed(of))),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::MissedReason;

    fn rows(of: &[(Option<i64>, u64)]) -> Vec<(RowKey, u64)> {
        let key =
            |(value, id): &(Option<i64>, u64)| ((value.is_none(), format!("{:020}", value.unwrap_or(0)), *id), *id);
        of.iter().map(key).collect()
    }

    const UP: (&str, bool) = ("value", false);
    const FOUR: [(Option<i64>, u64); 4] = [(None, 1), (Some(7), 2), (Some(7), 3), (Some(9), 4)];

    #[test]
    fn absent_values_are_last_and_ties_by_id_either_way() {
        let all = |descending| {
            page(rows(&FOUR), ("value", descending), &Position::Number(1), 50)
                .expect("a page")
                .1
        };
        assert_eq!(all(false), [2, 3, 4, 1]);
        assert_eq!(all(true), [4, 2, 3, 1]);
    }

    #[test]
    fn pages_end_with_the_last_and_the_first_is_there_without_rows() {
        assert_eq!(
            page(rows(&FOUR), UP, &Position::Number(2), 3).expect("a page"),
            (4, vec![1], None)
        );
        for gone in [Position::Number(0), Position::Number(3), Position::Number(u32::MAX)] {
            assert_eq!(page(rows(&FOUR), UP, &gone, 2), Err(StoreError::NotFound));
        }
        assert_eq!(page(rows(&[]), UP, &Position::Number(1), 50), Ok((0, Vec::new(), None)));
        let no_place = Position::After("here".into());
        assert_eq!(page(rows(&FOUR), UP, &no_place, 2), Err(StoreError::NotFound));
    }

    #[test]
    fn a_place_in_one_order_is_none_in_another() {
        let (_, _, next) = page(rows(&FOUR), UP, &Position::Number(1), 2).expect("a page");
        let place = Position::After(next.expect("there is more"));
        for other in [("value", true), ("another", false)] {
            assert_eq!(page(rows(&FOUR), other, &place, 2), Err(StoreError::NotFound));
        }
        page(rows(&FOUR), UP, &place, 2).expect("its own order");
    }

    #[test]
    fn a_place_stays_where_it_is_when_its_row_goes() {
        let (_, seen, next) = page(rows(&FOUR), UP, &Position::Number(1), 2).expect("a page");
        assert_eq!(seen, [2, 3]);
        let place = Position::After(next.expect("there is more"));
        let without_three = [FOUR[0], FOUR[1], FOUR[3]];
        assert_eq!(page(rows(&without_three), UP, &place, 2), Ok((3, vec![4, 1], None)));
    }

    #[test]
    fn what_was_missed_is_written_down_once() {
        let mut history = BTreeMap::new();
        let range = |first, last| {
            vec![MissedRange {
                reason: MissedReason::Unavailable,
                first,
                last,
                count: 2,
            }]
        };
        record(&mut history, 1, range(10, 20)).expect("nothing is there yet");
        assert!(matches!(
            record(&mut history, 1, range(20, 30)),
            Err(StoreError::AlreadyRecorded(20))
        ));
        record(&mut history, 1, range(21, 30)).expect("a second later");
        record(&mut history, 2, range(10, 20)).expect("another schedule's");
        let written: Vec<_> = history.keys().copied().collect();
        assert_eq!(written, [(1, 20), (1, 30), (2, 20)]);
    }
}
