//! The verb `take_over`: permissions and effects.

use plugin::contract::{Caller, Problem, ScheduleState};
use plugin::host::Access;
use plugin::schedules;
use serde_json::{Value, json};

use crate::host::{Host, at, user};
use crate::{create, document, forbidden, shown, with_form};

fn take_over(by: &impl Access, id: u64) -> Result<Value, Problem> {
    let taken = schedules::act(by, Some(id), "take_over", "")?;
    Ok(serde_json::from_str(&taken.document).expect("JSON"))
}

fn host() -> Host {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    host
}

#[test]
fn whoever_could_run_it_himself_becomes_the_owner_and_the_former_one_is_told() {
    let host = host();
    host.edit(1, |row| {
        row.content.state = ScheduleState::Stopped;
        row.content.error_counter = 5;
        row.content.next_run = Some(at("2026-10-10T06:00:00+02:00"));
        row.owner.as_mut().expect("an owner").language = "de".to_owned();
    });
    let taken = take_over(&host.editor(), 1).expect("taken over");
    assert_eq!(taken["owner"], "editor@example.org");
    assert_eq!(
        (&taken["error_counter"], &taken["schedule_next_run"]),
        (&json!(0), &json!("2026-10-15T04:00:00Z"))
    );
    let row = host.row(1);
    assert_eq!((row.version, row.content.state), (2, ScheduleState::Active));
    let notices = host.notices.borrow();
    let [(address, subject, text)] = notices.as_slice() else {
        panic!("{notices:?}")
    };
    assert_eq!(address, "owner@example.org");
    assert_eq!(subject, "Geplanter Export übernommen: Orders");
    assert!(
        text.contains("editor@example.org") && text.contains("https://tickets.example/exports"),
        "{text}"
    );
}

#[test]
fn whoever_could_not_run_it_himself_does_not() {
    let host = host();
    host.allow("editor", "orders", &["conf", "fest", "gala"]);
    assert!(
        forbidden(take_over(&host.editor(), 1)),
        "events to come are closed to the editor"
    );
    host.allow_all("editor", "orders");
    assert!(take_over(&host.editor(), 1).is_ok());

    let host = host_with_some(&["conf"]);
    host.allow("editor", "orders", &["fest"]);
    assert!(forbidden(take_over(&host.editor(), 1)));
    host.forbid("editor", "orders");
    assert!(forbidden(take_over(&host.editor(), 1)), "the exporter is closed to him");
    assert_eq!(host.row(1).version, 1);
    assert_eq!(host.notices.borrow().len(), 0);
}

fn host_with_some(events: &[&str]) -> Host {
    let host = Host::organizer();
    host.allow("owner", "orders", &["conf", "fest", "old"]);
    shown(create(
        &host.owner(),
        &with_form(json!({"_format": "csv", "events": events})),
    ));
    host
}

#[test]
fn a_program_a_reader_and_somebody_who_does_not_see_it_cannot() {
    let host = host();
    host.allow("token", "orders", &["conf", "fest", "gala"]);
    assert!(forbidden(take_over(&host.seat(Caller::Token, true), 1)));
    assert!(forbidden(take_over(&host.seat(Caller::Device, true), 1)));
    assert!(forbidden(take_over(&host.editor().reading_only(), 1)));
    assert_eq!(take_over(&host.user("stranger"), 1), Err(Problem::NotFound));
    assert_eq!(take_over(&host.editor(), 2), Err(Problem::NotFound));
    assert_eq!(host.row(1).version, 1);
}

#[test]
fn whose_it_is_already_keeps_it_as_it_is() {
    let host = host();
    assert_eq!(
        take_over(&host.owner(), 1).expect("as it is")["owner"],
        "owner@example.org"
    );
    assert_eq!((host.row(1).version, host.notices.borrow().len()), (1, 0));
}

#[test]
fn an_owner_who_is_gone_or_inactive_is_no_obstacle_and_is_not_told() {
    for gone in [true, false] {
        let host = host();
        host.edit(1, |row| {
            row.owner = (!gone).then(|| plugin::contract::User {
                active: false,
                ..user("owner")
            });
        });
        assert_eq!(
            take_over(&host.editor(), 1).expect("taken over")["owner"],
            "editor@example.org"
        );
        assert_eq!(host.notices.borrow().len(), 0);
    }
}

#[test]
fn a_rival_change_is_met_with_another_look_and_a_body_is_an_object_or_nothing() {
    let host = host();
    host.rivals.set(2);
    assert!(take_over(&host.editor(), 1).is_ok());
    for (body, fits) in [("{}", true), (r#"{"owner": "x"}"#, true), ("[]", false), ("{", false)] {
        let answer = schedules::act(&host.editor(), Some(1), "take_over", body);
        assert_eq!(answer.is_ok(), fits, "{body}");
    }
}

#[test]
fn a_document_that_cannot_be_read_is_taken_over_with_its_plan() {
    let host = host();
    host.edit(1, |row| row.content.document = "{".to_owned());
    let before = host.row(1).content.next_run;
    let taken = take_over(&host.editor(), 1).expect("taken over");
    assert_eq!(
        (taken["owner"].as_str(), host.row(1).content.next_run),
        (Some("editor@example.org"), before)
    );
}

#[test]
fn an_event_that_is_gone_is_left_behind_and_where_none_is_left_there_is_nothing_to_take_over() {
    let host = host_with_some(&["fest", "old", "conf"]);
    host.edit(1, |row| row.owner = None);
    for known in host.known.borrow_mut().values_mut() {
        known.remove("old");
    }
    host.allow("editor", "orders", &["conf"]);
    host.allow("editor", "checkins", &["conf"]);
    assert!(forbidden(take_over(&host.editor(), 1)), "fest is closed to him");
    assert_eq!(host.row(1).version, 1);
    host.allow("editor", "orders", &["conf", "fest"]);
    let taken = take_over(&host.editor(), 1).expect("taken over");
    assert_eq!(taken["export_form_data"]["events"], json!(["fest", "conf"]));

    let host = host_with_some(&["old"]);
    for known in host.known.borrow_mut().values_mut() {
        known.remove("old");
    }
    let Err(Problem::Forbidden(words)) = take_over(&host.editor(), 1) else {
        panic!("taken over")
    };
    assert!(words.contains("Delete it"), "{words}");
}
