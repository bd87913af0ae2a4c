//! Pages of what a host has at hand.

use std::cmp::Ordering;

use crate::contract::schedule_store::StoreError;
use crate::contract::{Order, Position, Schedule};

/// What a row is sorted by: whether the value is absent (last either way), the value, and for ties a number, upwards.
pub type SortKey = (bool, String, u64);

/// What a schedule is sorted by in this order.
#[must_use]
pub fn sort_key(order: Order, of: &Schedule) -> SortKey {
    let (absent, value) = match (order, of.content.next_run) {
        (Order::Id, _) => (false, format!("{:020}", of.id)),
        (Order::ExportIdentifier, _) => (false, of.content.export_identifier.clone()),
        (Order::NextRun, next) => (next.is_none(), format!("{:020}", next.unwrap_or(0))),
    };
    (absent, value, of.id)
}

/// One page, for a store that has all rows at hand: their number, those of the page, and where the next one begins.
///
/// A place is the key of the row before it, so rows that are added or removed meanwhile shift nothing. A database does this with
/// an index instead.
///
/// # Errors
/// `not-found` for a page that does not exist; the first always does.
pub fn page<T>(
    mut rows: Vec<(SortKey, T)>,
    descending: bool,
    at: &Position,
    size: u32,
) -> Result<(u64, Vec<T>, Option<String>), StoreError> {
    let order = |a: &SortKey, b: &SortKey| {
        let by_value = if descending { b.1.cmp(&a.1) } else { a.1.cmp(&b.1) };
        a.0.cmp(&b.0).then(by_value).then(a.2.cmp(&b.2))
    };
    rows.sort_by(|a, b| order(&a.0, &b.0));
    let (total, size) = (rows.len(), size.max(1) as usize);
    let begin = match at {
        Position::Number(1) => Some(0),
        Position::Number(number) => (*number as usize)
            .checked_sub(1)
            .and_then(|pages| pages.checked_mul(size)),
        Position::After(text) => serde_json::from_str::<SortKey>(text)
            .ok()
            .map(|last| rows.partition_point(|(key, _)| order(key, &last) != Ordering::Greater)),
    };
    let first = *at == Position::Number(1);
    let begin = begin
        .filter(|begin| first || *begin < total)
        .ok_or(StoreError::NotFound)?;
    let end = total.min(begin.saturating_add(size));
    let next = (end < total).then(|| serde_json::json!(rows[end - 1].0).to_string());
    let page = rows.drain(begin..end).map(|(_, row)| row).collect();
    Ok((total as u64, page, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(of: &[(Option<i64>, u64)]) -> Vec<(SortKey, u64)> {
        let key =
            |(value, id): &(Option<i64>, u64)| ((value.is_none(), format!("{:020}", value.unwrap_or(0)), *id), *id);
        of.iter().map(key).collect()
    }

    const FOUR: [(Option<i64>, u64); 4] = [(None, 1), (Some(7), 2), (Some(7), 3), (Some(9), 4)];

    #[test]
    fn absent_values_are_last_and_ties_by_id_either_way() {
        let all = |descending| {
            page(rows(&FOUR), descending, &Position::Number(1), 50)
                .expect("a page")
                .1
        };
        assert_eq!(all(false), [2, 3, 4, 1]);
        assert_eq!(all(true), [4, 2, 3, 1]);
    }

    #[test]
    fn pages_end_with_the_last_and_the_first_is_there_without_rows() {
        assert_eq!(
            page(rows(&FOUR), false, &Position::Number(2), 3).expect("a page"),
            (4, vec![1], None)
        );
        for gone in [Position::Number(0), Position::Number(3), Position::Number(u32::MAX)] {
            assert_eq!(page(rows(&FOUR), false, &gone, 2), Err(StoreError::NotFound));
        }
        assert_eq!(
            page(rows(&[]), false, &Position::Number(1), 50),
            Ok((0, Vec::new(), None))
        );
        let no_place = Position::After("here".into());
        assert_eq!(page(rows(&FOUR), false, &no_place, 2), Err(StoreError::NotFound));
    }

    #[test]
    fn a_place_stays_where_it_is_when_its_row_goes() {
        let (_, seen, next) = page(rows(&FOUR), false, &Position::Number(1), 2).expect("a page");
        assert_eq!(seen, [2, 3]);
        let place = Position::After(next.expect("there is more"));
        let without_three = [FOUR[0], FOUR[1], FOUR[3]];
        assert_eq!(page(rows(&without_three), false, &place, 2), Ok((3, vec![4, 1], None)));
    }
}
