//! What people see and change.

use super::{HOUR, T0, ZONES, acme, add, add_many, all, change, commit, content, stored};
use crate::contract::{Content, MissedRange, MissedReason, Position, RunQuery, ScheduleState, SortKey};
use crate::{Change, Commit, CommitError, ListFilter, ListQuery, Row, Rows, Scope, Storage, Visible};

pub(super) fn query(order: SortKey, descending: bool, at: Position, size: u32) -> ListQuery {
    ListQuery {
        filter: ListFilter::default(),
        order,
        descending,
        at,
        size,
    }
}

async fn page(store: &dyn Storage, order: SortKey, descending: bool, at: Position, size: u32) -> Option<Rows<Row>> {
    store
        .list(&all(acme()), &query(order, descending, at, size))
        .await
        .unwrap()
}

fn ids(rows: &[Row]) -> Vec<u64> {
    rows.iter().map(|row| row.id).collect()
}

/// Ids of the whole list in one order.
async fn order(store: &dyn Storage, order: SortKey, descending: bool) -> Vec<u64> {
    ids(&page(store, order, descending, Position::Number(1), 50)
        .await
        .unwrap()
        .rows)
}

pub async fn ids_go_up_and_none_is_given_twice(store: &dyn Storage) {
    let mut last = 0;
    for _ in 0..100 {
        let id = store.reserve_id().await.unwrap();
        assert!(id > last, "{id} after {last}");
        last = id;
    }
}

pub async fn a_seeded_id_is_not_given_again(store: &dyn Storage) {
    store.reserve_id().await.unwrap();
    let row = Row {
        id: 1000,
        scope: acme(),
        owner: "1".to_owned(),
        version: 7,
        content: content(T0),
    };
    store.seed(&row, ZONES, T0).await.unwrap();
    assert_eq!(stored(store, 1000).await, row);
    assert!(store.reserve_id().await.unwrap() > 1000);
    assert!(matches!(store.seed(&row, ZONES, T0).await, Err(CommitError::Stale)));
}

pub async fn a_page_shows_its_own_scope_and_owner_only(store: &dyn Storage) {
    let event = Scope {
        event: Some("fest".to_owned()),
        ..acme()
    };
    let other = Scope {
        organizer: "other".to_owned(),
        ..acme()
    };
    let own = add(store, acme(), content(T0)).await;
    let of_event = add(store, event.clone(), content(T0)).await;
    let of_other = add(store, other.clone(), content(T0)).await;
    let by_user_2 = store.reserve_id().await.unwrap();
    let insert = Change::Insert {
        id: by_user_2,
        owner: "2".to_owned(),
        content: content(T0),
    };
    store.commit(commit(all(acme()), vec![insert])).await.unwrap();

    let of_user_2 = Visible {
        only_owner: Some("2".to_owned()),
        ..all(acme())
    };
    for (seen, expected) in [
        (all(acme()), vec![own, by_user_2]),
        (all(event), vec![of_event]),
        (all(other), vec![of_other]),
        (of_user_2.clone(), vec![by_user_2]),
    ] {
        for order in [SortKey::Id, SortKey::ExportIdentifier, SortKey::NextRun] {
            let query = query(order, false, Position::Number(1), 50);
            let page = store.list(&seen, &query).await.unwrap().unwrap();
            assert_eq!((ids(&page.rows), page.total), (expected.clone(), expected.len() as u64));
        }
        for id in [own, of_event, of_other, by_user_2] {
            let visible = store.get(&seen, id).await.unwrap().is_some();
            assert_eq!(visible, expected.contains(&id), "{id} for {seen:?}");
        }
    }
    assert_eq!(store.get(&of_user_2, u64::MAX).await.unwrap(), None);
    assert_eq!(store.count("acme").await.unwrap(), 3);
}

pub async fn pages_have_numbers_and_page_one_always_exists(store: &dyn Storage) {
    let empty = page(store, SortKey::Id, false, Position::Number(1), 2).await.unwrap();
    assert_eq!((empty.total, empty.rows.len(), empty.next), (0, 0, None));
    for _ in 0..4 {
        add(store, acme(), content(T0)).await;
    }
    let first = page(store, SortKey::Id, false, Position::Number(1), 2).await.unwrap();
    assert_eq!((first.total, first.rows.len()), (4, 2));
    let second = page(store, SortKey::Id, false, Position::Number(2), 2).await.unwrap();
    assert_eq!((second.rows.len(), &second.next), (2, &None));
    assert_eq!(
        page(store, SortKey::Id, false, Position::After(first.next.unwrap()), 2).await,
        Some(second)
    );
    for none in [0, 3, u32::MAX] {
        assert_eq!(page(store, SortKey::Id, false, Position::Number(none), 2).await, None);
    }
}

pub async fn a_size_is_clamped(store: &dyn Storage) {
    for _ in 0..51 {
        add(store, acme(), content(T0)).await;
    }
    for (asked, got) in [(0, 1), (1, 1), (50, 50), (51, 50), (u32::MAX, 50)] {
        let page = page(store, SortKey::Id, false, Position::Number(1), asked)
            .await
            .unwrap();
        assert_eq!(page.rows.len(), got, "{asked}");
    }
}

pub async fn absent_next_runs_are_last_in_both_directions(store: &dyn Storage) {
    let late = add(store, acme(), content(T0 + HOUR)).await;
    let never = add(store, acme(), content(None)).await;
    let soon = add(store, acme(), content(T0)).await;
    let stopped = Content {
        state: ScheduleState::Stopped,
        ..content(T0 - HOUR)
    };
    let stopped = add(store, acme(), stopped).await;
    let long_ago = add(store, acme(), content(-HOUR)).await;
    assert_eq!(
        order(store, SortKey::NextRun, false).await,
        [long_ago, soon, late, never, stopped]
    );
    assert_eq!(
        order(store, SortKey::NextRun, true).await,
        [late, soon, long_ago, never, stopped]
    );
}

pub async fn ties_go_by_id_upwards_in_both_directions(store: &dyn Storage) {
    let mut added = Vec::new();
    for exporter in ["b", "a", "b", "a"] {
        let content = Content {
            export_identifier: exporter.to_owned(),
            ..content(T0)
        };
        added.push(add(store, acme(), content).await);
    }
    let [b1, a1, b2, a2] = added[..] else { unreachable!() };
    assert_eq!(order(store, SortKey::ExportIdentifier, false).await, [a1, a2, b1, b2]);
    assert_eq!(order(store, SortKey::ExportIdentifier, true).await, [b1, b2, a1, a2]);
    assert_eq!(order(store, SortKey::NextRun, false).await, [b1, a1, b2, a2]);
    assert_eq!(order(store, SortKey::NextRun, true).await, [b1, a1, b2, a2]);
    assert_eq!(order(store, SortKey::Id, false).await, [b1, a1, b2, a2]);
    assert_eq!(order(store, SortKey::Id, true).await, [a2, b2, a1, b1]);
}

pub async fn a_cursor_is_not_moved_by_rows_that_come_and_go(store: &dyn Storage) {
    for at in [Some(T0 + 3), None, Some(T0), Some(T0 + 3), None, Some(T0 + 1), Some(T0)] {
        let content = Content {
            export_identifier: format!("exporter {}", at.unwrap_or(T0) - T0),
            ..content(at)
        };
        add(store, acme(), content).await;
    }
    for by in [SortKey::Id, SortKey::ExportIdentifier, SortKey::NextRun] {
        for descending in [false, true] {
            let before = order(store, by, descending).await;
            let mut at = Position::Number(1);
            let mut walked = Vec::new();
            let mut come = Vec::new();
            loop {
                let page = page(store, by, descending, at, 2).await.unwrap();
                walked.extend(ids(&page.rows));
                // One more at each end of the order, seen or not seen according to where it falls.
                for (name, at) in [("a", Some(T0 - HOUR)), ("z", Some(T0 + HOUR))] {
                    let content = Content {
                        export_identifier: name.to_owned(),
                        ..content(at)
                    };
                    come.push(add(store, acme(), content).await);
                }
                let Some(next) = page.next.filter(|_| walked.len() < 40) else {
                    break;
                };
                at = Position::After(next);
                // What was the last row of the page is gone when the next one is asked for.
                if let Some(gone) = come.pop() {
                    super::delete(store, gone).await;
                }
            }
            walked.retain(|id| before.contains(id));
            assert_eq!(walked, before, "{by:?}, descending {descending}");
            for id in come {
                super::delete(store, id).await;
            }
        }
    }
}

pub async fn a_text_that_is_no_cursor_is_no_page(store: &dyn Storage) {
    for _ in 0..3 {
        add(store, acme(), content(T0)).await;
    }
    let next = page(store, SortKey::Id, false, Position::Number(1), 1)
        .await
        .unwrap()
        .next
        .unwrap();
    for (by, descending) in [
        (SortKey::Id, true),
        (SortKey::NextRun, false),
        (SortKey::ExportIdentifier, false),
    ] {
        assert_eq!(
            page(store, by, descending, Position::After(next.clone()), 1).await,
            None
        );
    }
    for text in [
        "",
        "2",
        "nonsense",
        "'; drop table schedule; --",
        "\u{0}",
        &"9".repeat(10_000),
    ] {
        for by in [SortKey::Id, SortKey::NextRun, SortKey::ExportIdentifier] {
            assert_eq!(page(store, by, false, Position::After(text.to_owned()), 1).await, None);
        }
        let runs = store
            .runs(1, &RunQuery::page(Position::After(text.to_owned()), 1))
            .await
            .unwrap();
        assert_eq!(runs, None);
    }
}

pub async fn a_change_of_another_version_is_stale(store: &dyn Storage) {
    let id = add(store, acme(), content(T0)).await;
    assert_eq!(stored(store, id).await.version, 1);
    change(store, id, content(T0 + HOUR), T0).await.unwrap();
    let now = stored(store, id).await;
    assert_eq!((now.version, now.content), (2, content(T0 + HOUR)));
    let update = Change::Update {
        id,
        version: 1,
        content: content(None),
        missed: Vec::new(),
    };
    let version = Some(1);
    for stale in [update, Change::Delete { id, version }] {
        let refused = store.commit(commit(all(acme()), vec![stale])).await;
        assert!(matches!(refused, Err(CommitError::Stale)), "{refused:?}");
    }
    let version = Some(2);
    store
        .commit(commit(all(acme()), vec![Change::Delete { id, version }]))
        .await
        .unwrap();
    assert_eq!(store.get(&all(acme()), id).await.unwrap(), None);
}

pub async fn a_change_out_of_sight_is_not_found(store: &dyn Storage) {
    let id = add(store, acme(), content(T0)).await;
    let blind = [
        all(Scope {
            event: Some("fest".to_owned()),
            ..acme()
        }),
        all(Scope {
            organizer: "other".to_owned(),
            ..acme()
        }),
        Visible {
            only_owner: Some("2".to_owned()),
            ..all(acme())
        },
    ];
    for by in blind {
        let update = Change::Update {
            id,
            version: 1,
            content: content(None),
            missed: Vec::new(),
        };
        for change in [update, Change::Delete { id, version: None }] {
            let refused = store.commit(commit(by.clone(), vec![change])).await;
            assert!(matches!(refused, Err(CommitError::NotFound)), "{refused:?}");
        }
    }
    assert_eq!(stored(store, id).await.version, 1);
}

pub async fn pages_by_cursor_have_each_row_once_however_many_share_a_key(store: &dyn Storage) {
    let mut changes = Vec::new();
    for nth in 0..45 {
        changes.push(Change::Insert {
            id: store.reserve_id().await.unwrap(),
            owner: format!("{}", nth % 2),
            content: Content {
                export_identifier: ["checkinlist", "orderlist"][nth % 5 / 4].to_owned(),
                state: if nth % 7 == 0 {
                    ScheduleState::Stopped
                } else {
                    ScheduleState::Active
                },
                ..content([Some(T0), Some(T0 + 1), None][nth % 4 / 2 + nth % 3 / 2])
            },
        });
    }
    store.commit(commit(all(acme()), changes)).await.unwrap();
    let of_user_1 = Visible {
        only_owner: Some("1".to_owned()),
        ..all(acme())
    };
    for seen in [all(acme()), of_user_1] {
        for order in [SortKey::Id, SortKey::ExportIdentifier, SortKey::NextRun] {
            for descending in [false, true] {
                let whole = query(order, descending, Position::Number(1), 50);
                let whole = store.list(&seen, &whole).await.unwrap().unwrap();
                assert_eq!(whole.next, None);
                let (mut walked, mut at) = (Vec::new(), Position::Number(1));
                loop {
                    let part = query(order, descending, at, 4);
                    let part = store.list(&seen, &part).await.unwrap().unwrap();
                    assert_eq!(part.total, whole.total);
                    walked.extend(ids(&part.rows));
                    match part.next {
                        Some(next) => at = Position::After(next),
                        None => break,
                    }
                }
                assert_eq!(walked, ids(&whole.rows), "{order:?} {descending} {:?}", seen.only_owner);
            }
        }
    }
}

pub async fn a_page_tells_how_many_there_are_whatever_came_and_went(store: &dyn Storage) {
    let event = |slug: &str| Scope {
        event: Some(slug.to_owned()),
        ..acme()
    };
    let told = async |scope: Scope| {
        let first = query(SortKey::Id, false, Position::Number(1), 1);
        store.list(&all(scope), &first).await.unwrap().unwrap().total
    };
    let insert = |id: u64| Change::Insert {
        id,
        owner: "1".to_owned(),
        content: content(T0),
    };
    // Made, seeded, seeded where the id is taken, refused with what was made beside it, and deleted.
    let mut made = add_many(store, "acme", 20, T0, 0).await;
    let in_fest = add(store, event("fest"), content(T0)).await;
    let seeded = Row {
        id: made[19] + 1_000,
        scope: event("fair"),
        owner: "1".to_owned(),
        version: 1,
        content: content(T0),
    };
    store.seed(&seeded, ZONES, T0).await.unwrap();
    assert!(store.seed(&seeded, ZONES, T0).await.is_err());
    let id = store.reserve_id().await.unwrap();
    let stale = Change::Delete {
        id: made[0],
        version: Some(9),
    };
    let refused = store.commit(commit(all(acme()), vec![insert(id), stale])).await;
    assert!(matches!(refused, Err(CommitError::Stale)), "{refused:?}");
    for id in made.drain(..7) {
        super::delete(store, id).await;
    }
    assert_eq!(told(acme()).await, 13);
    assert_eq!(told(event("fest")).await, 1);
    assert_eq!(told(event("fair")).await, 1);
    assert_eq!(store.count("acme").await.unwrap(), 15);
    // The last one of a scope, and one after it.
    let delete = Change::Delete {
        id: in_fest,
        version: None,
    };
    store.commit(commit(all(event("fest")), vec![delete])).await.unwrap();
    assert_eq!(told(event("fest")).await, 0);
    add(store, event("fest"), content(T0)).await;
    assert_eq!((told(event("fest")).await, told(event("none")).await), (1, 0));
}

pub async fn a_quota_counts_all_of_an_organizer(store: &dyn Storage) {
    let event = Scope {
        event: Some("fest".to_owned()),
        ..acme()
    };
    add(store, event, content(T0)).await;
    for (quota, fits) in [(1, false), (2, true), (2, false)] {
        let insert = Change::Insert {
            id: store.reserve_id().await.unwrap(),
            owner: "1".to_owned(),
            content: content(T0),
        };
        let answer = store
            .commit(Commit {
                quota: Some(quota),
                ..commit(all(acme()), vec![insert])
            })
            .await;
        if fits {
            answer.unwrap();
        } else {
            assert!(matches!(answer, Err(CommitError::Quota(q)) if q == quota), "{answer:?}");
        }
    }
    assert_eq!(store.count("acme").await.unwrap(), 2);
}

pub async fn a_schedule_that_the_same_commit_deletes_leaves_its_place_to_a_later_one(store: &dyn Storage) {
    let there = add(store, acme(), content(T0)).await;
    let id = store.reserve_id().await.unwrap();
    let insert = Change::Insert {
        id,
        owner: "1".to_owned(),
        content: content(T0),
    };
    let delete = Change::Delete {
        id: there,
        version: None,
    };
    let limited = |changes| Commit {
        quota: Some(1),
        ..commit(all(acme()), changes)
    };
    let early = store.commit(limited(vec![insert.clone(), delete.clone()])).await;
    assert!(matches!(early, Err(CommitError::Quota(1))), "{early:?}");
    store.commit(limited(vec![delete, insert])).await.unwrap();
    assert_eq!(store.get(&all(acme()), there).await.unwrap(), None);
    assert_eq!(stored(store, id).await.id, id);
}

pub async fn due_times_that_a_change_gives_up_twice_are_stale(store: &dyn Storage) {
    let id = add(store, acme(), content(T0)).await;
    let range = |first, last, count| MissedRange {
        reason: MissedReason::Unavailable,
        first,
        last,
        count,
    };
    for missed in [
        vec![range(T0, T0 + 2 * HOUR, 3), range(T0 + HOUR, T0 + 3 * HOUR, 3)],
        vec![range(T0 + HOUR, T0 + 3 * HOUR, 3), range(T0, T0 + HOUR, 2)],
        vec![range(T0, T0, 1), range(T0, T0, 1)],
    ] {
        let update = Change::Update {
            id,
            version: 1,
            content: content(T0 + 9 * HOUR),
            missed: missed.clone(),
        };
        let refused = store.commit(commit(all(acme()), vec![update])).await;
        assert!(matches!(refused, Err(CommitError::Stale)), "{missed:?}: {refused:?}");
    }
    assert_eq!(super::entries(store, id).await, []);
}

pub async fn a_commit_is_all_or_nothing(store: &dyn Storage) {
    let kept = add(store, acme(), content(T0)).await;
    let id = store.reserve_id().await.unwrap();
    let changes = vec![
        Change::Insert {
            id,
            owner: "1".to_owned(),
            content: content(T0),
        },
        Change::Update {
            id: kept,
            version: 1,
            content: content(None),
            missed: Vec::new(),
        },
        Change::Delete {
            id: 9999,
            version: None,
        },
    ];
    let refused = store.commit(commit(all(acme()), changes)).await;
    assert!(matches!(refused, Err(CommitError::NotFound)), "{refused:?}");
    assert_eq!(store.count("acme").await.unwrap(), 1);
    assert_eq!(stored(store, kept).await.content, content(T0));
    assert_eq!(store.audit("acme", 10).await.unwrap().len(), 1);
}

pub async fn a_change_is_audited_with_what_it_changed(store: &dyn Storage) {
    let id = add(store, acme(), content(T0)).await;
    let told = |words: &str| [(id, words.to_owned())].into();
    let range = |due| MissedRange {
        reason: MissedReason::Unavailable,
        first: due,
        last: due,
        count: 1,
    };
    // On PostgreSQL, with and without due times that were missed are two ways.
    for (version, missed, words) in [(1, vec![], "bcc: none → one"), (2, vec![range(T0)], "bcc: one → two")] {
        let update = Change::Update {
            id,
            version,
            content: content(T0 + HOUR),
            missed,
        };
        let update = Commit {
            details: told(words),
            ..commit(all(acme()), vec![update])
        };
        store.commit(update).await.unwrap();
    }
    let taken = Change::TakeOver {
        id,
        version: 3,
        owner: "2".to_owned(),
        former: "1".to_owned(),
        content: content(T0 + HOUR),
        missed: Vec::new(),
    };
    for (change, words) in [
        (taken, "state: \"stopped\" → \"active\""),
        (Change::Delete { id, version: None }, "to: ann → none"),
    ] {
        let commit = Commit {
            details: told(words),
            ..commit(all(acme()), vec![change])
        };
        store.commit(commit).await.unwrap();
    }
    let audit = store.audit("acme", 10).await.unwrap();
    let people = audit.iter().filter(|entry| entry.action != "run");
    let told: Vec<_> = people
        .map(|entry| (entry.action.as_str(), entry.detail.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("deleted", "to: ann → none"),
            ("taken-over", "by user:2 from user:1; state: \"stopped\" → \"active\""),
            ("changed", "bcc: one → two"),
            ("changed", "bcc: none → one"),
            ("created", ""),
        ]
    );
}

pub async fn every_change_is_audited(store: &dyn Storage) {
    let id = add(store, acme(), content(T0)).await;
    change(store, id, content(None), T0).await.unwrap();
    super::delete(store, id).await;
    let audit = store.audit("acme", 10).await.unwrap();
    let actions: Vec<_> = audit.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["deleted", "changed", "created"]);
    for entry in audit {
        assert_eq!(
            (entry.schedule, entry.actor.as_str(), entry.at, entry.scope),
            (Some(id), "user:1", T0, acme())
        );
    }
    assert_eq!(store.audit("other", 10).await.unwrap(), []);
}

pub async fn a_store_that_can_be_written_says_so_and_keeps_nothing_of_it(store: &dyn Storage) {
    for _ in 0..3 {
        store.check_writable().await.unwrap();
    }
    assert_eq!(store.count("acme").await.unwrap(), 0);
    assert_eq!(store.audit("acme", 10).await.unwrap(), []);
}
