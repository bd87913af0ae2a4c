//! The view `overview`.

use plugin::contract::{Filter, Outcome, PageQuery, Position, Problem, ScheduleState, SortKey, StateKind};
use plugin::host::Access;
use plugin::schedules;
use serde_json::{Value, json};

use crate::host::{Host, at, run};
use crate::views::view;
use crate::{create, document, errors, forbidden, shown, with, with_form};

fn overview(by: &impl Access) -> Value {
    view(by, None, "overview", &[]).expect("a page")
}

#[test]
fn a_row_has_what_a_table_shows() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    host.runs.borrow_mut().push(run(
        "2026-10-14T06:00:00+02:00",
        Some(Outcome::Failed(("mail-too-large".to_owned(), "x".to_owned()))),
    ));
    let mut page = overview(&host.owner());
    let actions = page["rows"][0].as_object_mut().expect("a row").remove("actions");
    assert_eq!(
        page,
        json!({
            "total": 1,
            "next": null,
            "rows": [{
                "id": 1,
                "title": "Orders",
                "export_identifier": "orders",
                "exporter": "All orders",
                "owner": "owner@example.org",
                "rule": "every day at 06:00",
                "next_run": "2026-10-15T04:00:00Z",
                "next_run_local": "2026-10-15T06:00:00+02:00",
                "last_run": {"due": "2026-10-14T04:00:00Z", "outcome": "failed", "reason_code": "mail-too-large"},
                "status": "waiting",
                "state": "active",
            }],
        })
    );
    let explained = view(&host.owner(), Some(1), "explain", &[]).expect("one");
    assert_eq!(actions.as_ref(), Some(&explained["actions"]));
    let german = overview(&host.owner().in_german());
    assert_eq!(german["rows"][0]["rule"], "jeden Tag um 06:00 Uhr");
}

#[test]
fn filter_order_and_position_are_parameters() {
    let host = Host::organizer();
    let asked = |params: &[(&str, &str)]| {
        view(&host.editor(), None, "overview", params).expect("a page");
        host.queries.take().remove(0)
    };
    let nothing = PageQuery {
        filter: Filter::default(),
        order: SortKey::Id,
        descending: false,
        at: Position::Number(1),
        size: 50,
    };
    assert_eq!(asked(&[("nonsense", "x")]), nothing);
    let all = [
        ("state", "paused"),
        ("owner", "john@example.com"),
        ("recipient", "a@example.com"),
        ("exporter", "orders"),
        ("due_before", "2026-10-15T00:00:00Z"),
        ("failing", "false"),
        ("order", "-schedule_next_run"),
        ("page_size", "7"),
    ];
    assert_eq!(
        asked(&all),
        PageQuery {
            filter: Filter {
                owner: Some("john@example.com".to_owned()),
                export_identifier: Some("orders".to_owned()),
                recipient: Some("a@example.com".to_owned()),
                state: Some(StateKind::Paused),
                failing: Some(false),
                due_before: Some(at("2026-10-15T00:00:00Z")),
            },
            order: SortKey::NextRun,
            descending: true,
            size: 7,
            ..nothing.clone()
        }
    );
    let by_name = asked(&[("export_identifier", "orders"), ("order", "export_identifier")]);
    assert_eq!(
        (by_name.filter.export_identifier.as_deref(), by_name.order),
        (Some("orders"), SortKey::ExportIdentifier)
    );
    for params in [&[("page", "2")][..], &[("after", "x")]] {
        assert_eq!(view(&host.editor(), None, "overview", params), Err(Problem::NotFound));
    }
    let at: Vec<_> = host.queries.take().into_iter().map(|query| query.at).collect();
    assert_eq!(at, [Position::Number(2), Position::After("x".to_owned())]);
    let wrong = [
        ("state", "broken"),
        ("failing", "yes"),
        ("due_before", "tomorrow"),
        ("order", "owner"),
        ("page", "0"),
        ("page_size", "51"),
    ];
    assert_eq!(
        errors(view(&host.editor(), None, "overview", &wrong)),
        [
            "state: invalid-choice",
            "failing: invalid-boolean",
            "due_before: invalid-date-time",
            "order: invalid-choice",
            "page: out-of-range",
            "page_size: out-of-range",
        ]
    );
}

#[test]
fn a_page_asks_the_host_a_few_times_however_many_rows_it_has() {
    let host = Host::organizer();
    for form in [
        json!({"all_events": true}),
        json!({"events": ["conf"]}),
        json!({"events": ["fest"]}),
    ] {
        for _ in 0..10 {
            shown(create(&host.owner(), &with_form(form.clone())));
        }
    }
    host.calls.take();
    let page = overview(&host.editor());
    assert_eq!(page["rows"].as_array().map(Vec::len), Some(30));
    assert_eq!(
        host.calls.take(),
        ["latest_runs", "available", "usable_events", "usable_events"]
    );
    let page = overview(&host.owner());
    assert_eq!(page["rows"].as_array().map(Vec::len), Some(30));
    assert_eq!(host.calls.take(), ["latest_runs", "available", "usable_events"]);
}

#[test]
fn rows_that_cannot_be_read_and_lost_owners_are_shown() {
    let host = Host::organizer();
    for _ in 0..3 {
        shown(create(&host.owner(), &document()));
    }
    host.edit(1, |row| row.content.document = "?".to_owned());
    host.edit(2, |row| row.owner = None);
    host.edit(3, |row| row.content.state = ScheduleState::Stopped);
    host.forbid("editor", "orders");
    let page = overview(&host.editor());
    let row = |index: usize, name: &str| page["rows"][index][name].clone();
    assert_eq!(
        (row(0, "title"), row(0, "rule"), row(0, "status")),
        (json!(null), json!(null), json!("waiting"))
    );
    assert_eq!((row(1, "owner"), row(1, "exporter")), (json!(null), json!(null)));
    assert_eq!(
        (row(1, "status"), row(1, "state")),
        (json!("owner-lost"), json!("active"))
    );
    assert_eq!((row(2, "status"), row(2, "next_run")), (json!("stopped"), json!(null)));
}

#[test]
fn a_page_of_long_texts_stays_a_document() {
    let host = Host::organizer();
    for _ in 0..50 {
        let long = json!({"mail_subject": "ß".repeat(250), "schedule_rrule": "FREQ=YEARLY;BYDAY=1MO,2TU,3WE,4TH,5FR,6SA;BYMONTH=1,2,3,4,5"});
        shown(create(&host.owner(), &with(long)));
    }
    host.forbid("editor", "orders");
    let mut sizes = Vec::new();
    for by in [host.owner(), host.editor(), host.editor().reading_only().in_german()] {
        let page = schedules::view(&by, None, "overview", &[]).expect("a page");
        assert!(page.len() <= 64 * 1024, "{}", page.len());
        let rows: Value = serde_json::from_str(&page).expect("JSON");
        assert_eq!(rows["rows"].as_array().map(Vec::len), Some(50));
        assert_eq!(rows["rows"][0]["actions"].as_array().map(Vec::len), Some(7));
        sizes.push(page.len());
    }
    assert!(sizes.iter().all(|size| *size > 20_000), "{sizes:?}");
}

#[test]
fn whoever_sees_no_schedule_gets_no_overview() {
    let host = Host::organizer();
    let token = host.seat(plugin::contract::Caller::Token, false);
    assert!(forbidden(view(&token, None, "overview", &[])));
    assert_eq!(view(&host.owner(), Some(1), "overview", &[]), Err(Problem::NotFound));
    assert_eq!(overview(&host.user("stranger"))["total"], 0);
}
