//! Lists and histories of what meets conditions.

use super::people::query;
use super::{HOUR, T0, acme, add, add_due, all, commit, content, entries, finish, plan, take_one};
use crate::contract::{
    Content, MissedRange, MissedReason, Outcome, Position, Recipients, RunEntry, RunQuery, RunState, ScheduleState,
    SortKey, StateKind,
};
use crate::{Change, ListFilter, ListQuery, Recipient, Row, Rows, Scope, Storage, Visible};

const NONE: [u64; 0] = [];

/// Adds a schedule of this user.
async fn add_of(store: &dyn Storage, owner: &str, content: Content) -> u64 {
    let id = store.reserve_id().await.unwrap();
    let owner = owner.to_owned();
    let insert = Change::Insert { id, owner, content };
    store.commit(commit(all(acme()), vec![insert])).await.unwrap();
    id
}

fn in_state(state: ScheduleState) -> Content {
    Content {
        state,
        ..content(T0 + HOUR)
    }
}

async fn page(store: &dyn Storage, seen: &Visible, query: &ListQuery) -> Option<Rows<Row>> {
    store.list(seen, query).await.unwrap()
}

/// Ids of the schedules that meet the filter at [`T0`], and their total.
async fn ids(store: &dyn Storage, filter: ListFilter) -> Vec<u64> {
    let mut found = Vec::new();
    for order in [SortKey::Id, SortKey::ExportIdentifier, SortKey::NextRun] {
        let query = ListQuery {
            filter: ListFilter {
                now: T0,
                ..filter.clone()
            },
            ..query(order, false, Position::Number(1), 50)
        };
        let page = page(store, &all(acme()), &query).await.expect("page one exists");
        assert_eq!(page.total, page.rows.len() as u64, "{order:?}");
        let mut these: Vec<u64> = page.rows.iter().map(|row| row.id).collect();
        these.sort_unstable();
        assert!(found.is_empty() || found == these, "{order:?}: {found:?} {these:?}");
        found = these;
    }
    found
}

fn owned_by(users: &[&str]) -> ListFilter {
    ListFilter {
        owners: Some(users.iter().map(|&user| user.to_owned()).collect()),
        ..ListFilter::default()
    }
}

fn mailed_to(address: &str, users: &[&str]) -> ListFilter {
    ListFilter {
        recipient: Some(Recipient {
            address: address.to_owned(),
            users: users.iter().map(|&user| user.to_owned()).collect(),
        }),
        ..ListFilter::default()
    }
}

pub async fn a_list_has_the_schedules_of_the_owners_asked_for(store: &dyn Storage) {
    let first = add_of(store, "1", content(T0)).await;
    let second = add_of(store, "2", content(T0)).await;
    assert_eq!(ids(store, owned_by(&["1"])).await, [first]);
    assert_eq!(ids(store, owned_by(&["1", "2", "3"])).await, [first, second]);
    assert_eq!(ids(store, owned_by(&["3"])).await, NONE);
    assert_eq!(ids(store, owned_by(&[])).await, NONE, "an address that nobody has");
    let own = Visible {
        only_owner: Some("2".to_owned()),
        ..all(acme())
    };
    for (filter, expected) in [(owned_by(&["1"]), 0), (owned_by(&["1", "2"]), 1)] {
        let query = ListQuery {
            filter,
            ..query(SortKey::Id, false, Position::Number(1), 50)
        };
        assert_eq!(page(store, &own, &query).await.unwrap().total, expected);
    }
}

pub async fn a_filtered_list_has_its_own_scope_only(store: &dyn Storage) {
    let event = Scope {
        event: Some("fest".to_owned()),
        ..acme()
    };
    add(store, acme(), content(T0)).await;
    let of_event = add(store, event.clone(), content(T0)).await;
    let other = Scope {
        organizer: "other".to_owned(),
        event: Some("fest".to_owned()),
    };
    add(store, other, content(T0)).await;
    let query = ListQuery {
        filter: owned_by(&["1"]),
        ..query(SortKey::Id, false, Position::Number(1), 50)
    };
    let page = page(store, &all(event.clone()), &query).await.unwrap();
    assert_eq!((page.total, page.rows[0].id), (1, of_event));
    assert_eq!(page.rows[0].scope, event);
}

pub async fn a_list_has_the_schedules_of_one_exporter(store: &dyn Storage) {
    let other = Content {
        export_identifier: "o'rders".to_owned(),
        ..content(T0)
    };
    add(store, acme(), content(T0)).await;
    let other = add(store, acme(), other).await;
    let of = |identifier: &str| ListFilter {
        export_identifier: Some(identifier.to_owned()),
        ..ListFilter::default()
    };
    assert_eq!(ids(store, of("o'rders")).await, [other]);
    assert_eq!(ids(store, of("O'rders")).await, NONE);
    assert_eq!(ids(store, of("order")).await, NONE);
    assert_eq!(ids(store, of("order\0list")).await, NONE);
}

pub async fn a_recipient_is_found_in_every_list_and_as_the_owner_whatever_the_case(store: &dyn Storage) {
    let mailed = |to: &str, cc: &str, bcc: &str| {
        let list = |address: &str| match address {
            "" => Vec::new(),
            address => vec!["zoe@example.org".to_owned(), address.to_owned()],
        };
        Content {
            recipients: Recipients {
                to: list(to),
                cc: list(cc),
                bcc: list(bcc),
            },
            ..content(T0)
        }
    };
    let to = add_of(store, "1", mailed("Ann@Example.org", "", "")).await;
    let cc = add_of(store, "1", mailed("", "ann@example.org", "")).await;
    let bcc = add_of(store, "1", mailed("", "", "ANN@example.org")).await;
    let owner = add_of(store, "2", mailed("", "", "")).await;
    let other = add_of(store, "1", mailed("joann@example.org", "", "\"a\\\"b\"@example.org")).await;
    for address in ["ann@example.org", "aNN@eXample.org"] {
        assert_eq!(ids(store, mailed_to(address, &[])).await, [to, cc, bcc]);
        assert_eq!(ids(store, mailed_to(address, &["2"])).await, [to, cc, bcc, owner]);
    }
    assert_eq!(ids(store, mailed_to("\"a\\\"b\"@example.org", &[])).await, [other]);
    for none in ["nn@example.org", "ann@example", "to", "", "%", "\0@example.org"] {
        assert_eq!(ids(store, mailed_to(none, &[])).await, NONE, "{none:?}");
    }
}

pub async fn a_list_has_one_state_and_a_pause_that_has_run_out_is_active(store: &dyn Storage) {
    let active = add(store, acme(), in_state(ScheduleState::Active)).await;
    let ended = add(store, acme(), in_state(ScheduleState::Paused(Some(T0)))).await;
    let until = add(store, acme(), in_state(ScheduleState::Paused(Some(T0 + 1)))).await;
    let paused = add(store, acme(), in_state(ScheduleState::Paused(None))).await;
    let stopped = add(store, acme(), in_state(ScheduleState::Stopped)).await;
    for (state, expected) in [
        (StateKind::Active, vec![active, ended]),
        (StateKind::Paused, vec![until, paused]),
        (StateKind::Stopped, vec![stopped]),
    ] {
        let filter = ListFilter {
            state: Some(state),
            ..ListFilter::default()
        };
        assert_eq!(ids(store, filter).await, expected, "{state:?}");
    }
}

pub async fn a_list_has_what_fails_or_what_does_not(store: &dyn Storage) {
    let well = add(store, acme(), content(T0)).await;
    let failing = Content {
        error_counter: 1,
        ..content(T0)
    };
    let failing = add(store, acme(), failing).await;
    for (wanted, expected) in [(true, failing), (false, well)] {
        let filter = ListFilter {
            failing: Some(wanted),
            ..ListFilter::default()
        };
        assert_eq!(ids(store, filter).await, [expected]);
    }
}

pub async fn a_list_has_what_is_due_before_an_instant_and_active(store: &dyn Storage) {
    let soon = add(store, acme(), content(T0 + HOUR - 1)).await;
    add(store, acme(), content(T0 + HOUR)).await;
    add(store, acme(), content(None)).await;
    let paused = |until| Content {
        state: ScheduleState::Paused(until),
        ..content(T0 + 10)
    };
    let ended = add(store, acme(), paused(Some(T0))).await;
    add(store, acme(), paused(Some(T0 + 10))).await;
    add(store, acme(), paused(None)).await;
    let stopped = Content {
        state: ScheduleState::Stopped,
        ..content(T0)
    };
    add(store, acme(), stopped).await;
    let filter = ListFilter {
        due_before: Some(T0 + HOUR),
        ..ListFilter::default()
    };
    assert_eq!(ids(store, filter).await, [soon, ended]);
}

pub async fn a_list_has_what_meets_every_condition(store: &dyn Storage) {
    let both = Content {
        error_counter: 2,
        ..content(T0)
    };
    let wanted = add_of(store, "2", both.clone()).await;
    add_of(store, "1", both).await;
    add_of(store, "2", content(T0)).await;
    let filter = ListFilter {
        failing: Some(true),
        export_identifier: Some("orderlist".to_owned()),
        state: Some(StateKind::Active),
        due_before: Some(T0 + 1),
        ..mailed_to("ann@example.org", &["2"])
    };
    let owners = owned_by(&["2"]).owners;
    assert_eq!(ids(store, ListFilter { owners, ..filter }).await, [wanted]);
}

pub async fn a_filtered_list_has_pages_by_number_and_by_cursor_in_every_order(store: &dyn Storage) {
    let mut failing = Vec::new();
    for nth in 0..7 {
        let content = Content {
            export_identifier: format!("exporter{}", nth % 2),
            error_counter: 1,
            ..content((nth % 3 > 0).then_some(T0 + nth % 3))
        };
        failing.push(add(store, acme(), content).await);
        add(store, acme(), super::content(T0)).await;
    }
    let filter = ListFilter {
        failing: Some(true),
        now: T0,
        ..ListFilter::default()
    };
    for order in [SortKey::Id, SortKey::ExportIdentifier, SortKey::NextRun] {
        for descending in [false, true] {
            let asked = |at: Position, size: u32| ListQuery {
                filter: filter.clone(),
                ..query(order, descending, at, size)
            };
            let whole = page(store, &all(acme()), &asked(Position::Number(1), 50))
                .await
                .unwrap();
            let mut sorted: Vec<u64> = whole.rows.iter().map(|row| row.id).collect();
            let (mut at, mut read) = (Position::Number(1), Vec::new());
            for number in 1..=3 {
                let by_number = page(store, &all(acme()), &asked(Position::Number(number), 3)).await;
                let by_cursor = page(store, &all(acme()), &asked(at.clone(), 3)).await;
                assert_eq!(by_number, by_cursor, "{order:?} {descending} {number}");
                let part = by_cursor.unwrap();
                assert_eq!(part.total, 7);
                read.extend(part.rows);
                match part.next {
                    Some(next) => at = Position::After(next),
                    None => assert_eq!(number, 3),
                }
            }
            assert_eq!(read, whole.rows, "{order:?} {descending}");
            assert_eq!(page(store, &all(acme()), &asked(Position::Number(4), 3)).await, None);
            sorted.sort_unstable();
            assert_eq!(sorted, failing);
        }
    }
    let nothing = ListQuery {
        filter: owned_by(&[]),
        ..query(SortKey::Id, false, Position::Number(1), 50)
    };
    let empty = page(store, &all(acme()), &nothing).await.unwrap();
    assert_eq!((empty.total, empty.rows.len(), empty.next), (0, 0, None));
    let second = ListQuery {
        at: Position::Number(2),
        ..nothing
    };
    assert_eq!(page(store, &all(acme()), &second).await, None);
}

pub async fn a_cursor_of_a_filtered_list_outlives_the_rows_around_it(store: &dyn Storage) {
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(add_of(store, "2", content(T0)).await);
    }
    let asked = |at: Position| ListQuery {
        filter: owned_by(&["2"]),
        ..query(SortKey::NextRun, false, at, 1)
    };
    let first = page(store, &all(acme()), &asked(Position::Number(1))).await.unwrap();
    let next = Position::After(first.next.unwrap());
    super::delete(store, made[0]).await;
    super::delete(store, made[1]).await;
    let rest = page(store, &all(acme()), &asked(next.clone())).await.unwrap();
    assert_eq!((rest.total, rest.rows[0].id), (1, made[2]));
    super::delete(store, made[2]).await;
    let nothing = page(store, &all(acme()), &asked(next)).await.unwrap();
    assert_eq!((nothing.total, nothing.rows.len(), nothing.next), (0, 0, None));
}

/// A schedule with a history: a missed range until [`T0`] less an hour, an empty run at [`T0`], and one in progress a day later.
async fn with_history(store: &dyn Storage) -> u64 {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let missed = MissedRange {
        first: T0 - 3 * HOUR,
        last: T0 - HOUR,
        count: 3,
        reason: MissedReason::Unavailable,
    };
    let started = crate::contract::schedule_store::RunStart {
        missed: vec![missed],
        ..plan(T0, T0 + 24 * HOUR)
    };
    let begun = store.start(&leased.lease, &started, super::ZONES, super::ZONE, T0);
    let run = begun.await.unwrap();
    store.finish(&leased.lease, run, &finish(Outcome::Empty)).await.unwrap();
    let leased = take_one(store, T0 + 24 * HOUR).await;
    let next = plan(T0 + 24 * HOUR, T0 + 48 * HOUR);
    let begun = store.start(&leased.lease, &next, super::ZONES, super::ZONE, T0 + 24 * HOUR);
    begun.await.unwrap();
    id
}

async fn runs(store: &dyn Storage, id: u64, query: RunQuery) -> Option<Rows<RunEntry>> {
    store.runs(id, &query).await.unwrap()
}

pub async fn a_history_has_the_runs_that_meet_every_condition(store: &dyn Storage) {
    let id = with_history(store).await;
    let whole = entries(store, id).await;
    let [running, empty, missed] = &whole[..] else {
        panic!("{whole:?}");
    };
    let first = || RunQuery::page(Position::Number(1), 50);
    for (query, expected) in [
        (
            RunQuery {
                id: Some(empty.id),
                ..first()
            },
            vec![empty],
        ),
        (
            RunQuery {
                id: Some(u64::MAX),
                ..first()
            },
            vec![],
        ),
        (
            RunQuery {
                state: Some(RunState::InProgress),
                ..first()
            },
            vec![running],
        ),
        (
            RunQuery {
                state: Some(RunState::Missed),
                ..first()
            },
            vec![missed],
        ),
        (
            RunQuery {
                state: Some(RunState::Failed),
                ..first()
            },
            vec![],
        ),
        (
            RunQuery {
                since: Some(T0),
                ..first()
            },
            vec![running, empty],
        ),
        (
            RunQuery {
                since: Some(T0 + 1),
                ..first()
            },
            vec![running],
        ),
        (
            RunQuery {
                until: Some(T0),
                ..first()
            },
            vec![empty, missed],
        ),
        (
            RunQuery {
                until: Some(T0 - 1),
                ..first()
            },
            vec![missed],
        ),
        (
            RunQuery {
                since: Some(T0),
                until: Some(T0),
                ..first()
            },
            vec![empty],
        ),
        (
            RunQuery {
                id: Some(empty.id),
                state: Some(RunState::Missed),
                ..first()
            },
            vec![],
        ),
    ] {
        let page = runs(store, id, query.clone()).await.expect("page one exists");
        assert_eq!(page.rows.iter().collect::<Vec<_>>(), expected, "{query:?}");
        assert_eq!((page.total, page.next), (expected.len() as u64, None), "{query:?}");
    }
    let other = add(store, acme(), content(T0 + 72 * HOUR)).await;
    let of_other = RunQuery {
        id: Some(empty.id),
        ..first()
    };
    assert_eq!(
        runs(store, other, of_other).await.unwrap().total,
        0,
        "a run of another schedule"
    );
}

pub async fn a_filtered_history_has_pages(store: &dyn Storage) {
    let id = with_history(store).await;
    let whole = entries(store, id).await;
    let since = |at: Position| RunQuery {
        since: Some(T0),
        ..RunQuery::page(at, 1)
    };
    let first = runs(store, id, since(Position::Number(1))).await.unwrap();
    assert_eq!((first.total, &first.rows[0]), (2, &whole[0]));
    let next = Position::After(first.next.unwrap());
    for at in [Position::Number(2), next] {
        let second = runs(store, id, since(at)).await.unwrap();
        assert_eq!((second.total, &second.rows[0], second.next), (2, &whole[1], None));
    }
    assert_eq!(runs(store, id, since(Position::Number(3))).await, None);
    let nothing = RunQuery {
        state: Some(RunState::Failed),
        ..RunQuery::page(Position::Number(2), 1)
    };
    assert_eq!(runs(store, id, nothing).await, None);
}
