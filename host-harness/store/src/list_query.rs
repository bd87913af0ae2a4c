//! What a list is asked for: its filter with the users that addresses belong to, its order and its page.

use crate::clock::Instant;
use crate::contract::{PageQuery, Position, SortKey, StateKind};
use crate::values::{recipient_key, text};

/// A page of a list. A store knows owners by user id, so the addresses of the contract's filter are looked up first.
#[derive(Clone, Debug, PartialEq)]
pub struct ListQuery {
    /// Applies to the total and to the rows.
    pub filter: ListFilter,
    /// What rows are sorted by.
    pub order: SortKey,
    /// The other way round.
    pub descending: bool,
    /// Where the page begins.
    pub at: Position,
    /// Rows per page: clamped.
    pub size: u32,
}

/// Which schedules a list has: those that meet every condition given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Ids of the users that one of is the owner; with none of them, no schedule meets it.
    pub owners: Option<Vec<String>>,
    /// The exporter.
    pub export_identifier: Option<String>,
    /// Whom the export is mailed to.
    pub recipient: Option<Recipient>,
    /// The state at `now`: a pause that has run out counts as active.
    pub state: Option<StateKind>,
    /// Whether the latest run failed.
    pub failing: Option<bool>,
    /// Active at `now`, with a next run before this instant.
    pub due_before: Option<Instant>,
    /// The time of the call. It counts with `state` and `due_before` only.
    pub now: Instant,
}

/// An address that exports are mailed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Compared without regard to case.
    pub address: String,
    /// Ids of the users who have it: the export is mailed to its owner too.
    pub users: Vec<String>,
}

impl ListQuery {
    /// The page that is asked for, of the schedules that meet `filter`.
    #[must_use]
    pub fn new(query: PageQuery, filter: ListFilter) -> Self {
        let PageQuery {
            filter: _,
            order,
            descending,
            at,
            size,
        } = query;
        Self {
            filter,
            order,
            descending,
            at,
            size,
        }
    }
}

impl ListFilter {
    /// Whether every schedule meets it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self {
            owners,
            export_identifier,
            recipient,
            state,
            failing,
            due_before,
            now: _,
        } = self;
        owners.is_none()
            && export_identifier.is_none()
            && recipient.is_none()
            && state.is_none()
            && failing.is_none()
            && due_before.is_none()
    }

    /// Parameter 6 of [`count`].
    pub(crate) fn address(&self) -> Option<String> {
        let recipient = self.recipient.as_ref()?;
        Some(text(&recipient_key(&recipient.address)).into_owned())
    }

    /// Parameter 9 of [`count`].
    pub(crate) fn state_text(&self) -> Option<&'static str> {
        self.state.map(|state| match state {
            StateKind::Active => "active",
            StateKind::Paused => "paused",
            StateKind::Stopped => "stopped",
        })
    }
}

/// How a database writes the parts of a filter that each writes in its own way.
pub(crate) struct Dialect {
    /// What stands before the number of a parameter.
    pub mark: char,
    /// The columns of a row, of `s`.
    pub columns: &'static str,
    /// Is the event of `s` that of parameter 2?
    pub event: &'static str,
    /// Is the flag `active` of `s` set?
    pub active: &'static str,
    /// Is there no list in parameter 4, or the owner of `s` in it?
    pub owners: &'static str,
    /// Is the owner of `s` in the list of parameter 7, or parameter 6 among the recipients of `s`?
    pub recipient: &'static str,
}

/// The schedules that meet a filter, as `found`. Parameters: 1 organizer, 2 event, 3 the owner that the caller is limited to, 4 owners,
/// 5 exporter, 6 address and 7 its users, 8 now, 9 state, 10 failing (1 or 0), 11 due before. Each from 3 to 7 and from 9 on can be
/// null: then it is no condition.
///
/// The rows of the scope are read one by one: what people filter by is rarely asked for, and not worth an index each.
fn found(of: &Dialect) -> String {
    let Dialect {
        columns,
        event,
        active,
        owners,
        recipient,
        ..
    } = of;
    format!(
        "with found as (
           select {columns}, s.next_up, s.next_down from schedule s
           where s.organizer = ?1 and {event} and s.parent is null and (?3 is null or s.owner = ?3) and {owners}
             and (?5 is null or s.exporter = ?5)
             and (?6 is null or {recipient})
             and (?9 is null or ?9 = case
               when s.paused_until is not null and (not {active} or s.paused_until > ?8) then 'paused'
               when {active} then 'active' else 'stopped' end)
             and (?10 is null or ?10 = case when s.error_counter > 0 then 1 else 0 end)
             and (?11 is null
               or {active} and coalesce(s.paused_until, ?8) <= ?8 and s.next_run < ?11)) "
    )
}

/// How many schedules meet a filter; parameters 1 to 11.
pub(crate) fn count(of: &Dialect) -> String {
    marked(of, &format!("{}select count(*) from found", found(of)))
}

/// One page of those that meet a filter, each row with `total` and `key`: parameters as in [`count`], 12 limit, 13 offset, or after a
/// cursor 13 its id and 14 its key.
pub(crate) fn page(of: &Dialect, order: SortKey, descending: bool, after: bool) -> String {
    let down = if descending { " desc" } else { "" };
    let (key, sorted) = match order {
        SortKey::Id => ("id", format!("id{down}")),
        SortKey::ExportIdentifier => ("exporter", format!("exporter{down}, id")),
        SortKey::NextRun if descending => ("next_down", "next_down, id".to_owned()),
        SortKey::NextRun => ("next_up", "next_up, id".to_owned()),
    };
    let further = match order {
        SortKey::Id | SortKey::ExportIdentifier if descending => "<",
        _ => ">",
    };
    let rest = match (after, order) {
        (false, _) => format!("order by {sorted} limit ?12 offset ?13"),
        (true, SortKey::Id) => format!("where s.id {further} ?13 order by {sorted} limit ?12"),
        (true, _) => {
            format!("where s.{key} {further} ?14 or s.{key} = ?14 and s.id > ?13 order by {sorted} limit ?12")
        }
    };
    let text = format!(
        "{}select s.*, s.{key} as key, (select count(*) from found) as total from found s {rest}",
        found(of)
    );
    marked(of, &text)
}

/// With the parameters as this database has them.
fn marked(of: &Dialect, text: &str) -> String {
    text.replace('?', of.mark.encode_utf8(&mut [0; 4]))
}
