//! The resources that callers see, including those of schedules that are no longer valid.

use plugin::schedules;
use serde_json::{Value, json};

use crate::host::Host;
use crate::{create, document, errors, first_page, list, patch, put, shown, with, with_form};

#[test]
fn a_caller_is_not_shown_events_that_he_may_not_know_of_and_the_host_is_asked_once_a_page() {
    let host = Host::organizer();
    shown(create(
        &host.owner(),
        &with_form(json!({"events": ["fest", "conf"], "_format": "csv"})),
    ));
    shown(create(&host.owner(), &with_form(json!({"events": ["fest"]}))));
    shown(create(&host.owner(), &document()));
    host.known
        .borrow_mut()
        .get_mut("editor")
        .expect("the editor")
        .remove("fest");
    host.calls.take();
    let forms: Vec<Value> = list(&host.editor())
        .into_iter()
        .map(|row| row["export_form_data"].clone())
        .collect();
    assert_eq!(forms[0].to_string(), r#"{"events":["conf"],"_format":"csv"}"#);
    assert_eq!(forms[1], json!({"events": []}));
    assert_eq!(forms[2], document()["export_form_data"]);
    assert_eq!(host.calls.take(), ["visible_events"]);
    assert_eq!(
        shown(schedules::get(&host.editor(), 1))["export_form_data"]["events"],
        json!(["conf"])
    );
    assert_eq!(
        list(&host.owner())[0]["export_form_data"]["events"],
        json!(["fest", "conf"])
    );
}

#[test]
fn events_of_a_page_are_looked_up_in_parts_that_a_host_takes() {
    for (schedules, each, calls) in [(32_u64, 512, 1), (33, 512, 2), (50, 1000, 4)] {
        let host = Host::organizer();
        shown(create(&host.owner(), &with_form(json!({"events": ["fest"]}))));
        let first = host.rows.borrow_mut().remove(&1).expect("the schedule");
        let mut all = Vec::new();
        for id in 1..=schedules {
            let slugs: Vec<String> = (0..each).map(|nth| format!("e{id}-{nth}")).collect();
            let mut schedule = first.clone();
            schedule.id = id;
            let named = serde_json::to_string(&slugs).expect("JSON");
            schedule.content.document = schedule.content.document.replace(r#"["fest"]"#, &named);
            host.rows.borrow_mut().insert(id, schedule);
            all.extend(slugs);
        }
        host.allow("owner", "orders", &all.iter().map(String::as_str).collect::<Vec<_>>());
        host.calls.take();
        let rows = list(&host.owner());
        assert_eq!(host.calls.take(), vec!["visible_events"; calls]);
        for row in rows {
            assert_eq!(row["export_form_data"]["events"].as_array().map(Vec::len), Some(each));
        }
    }
}

#[test]
fn a_page_without_events_asks_nobody() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    host.registry_unavailable.set(true);
    host.calls.take();
    assert_eq!(list(&host.owner()).len(), 1);
    assert!(host.calls.take().is_empty());
}

#[test]
fn an_exporters_own_field_of_that_name_is_shown_whole_at_an_event() {
    let mut host = Host::event();
    host.exporters[2].fields[0].name = "events".to_owned();
    let given = with(json!({"export_identifier": "badges", "export_form_data": {"events": "gala"}}));
    assert_eq!(
        shown(create(&host.owner(), &given))["export_form_data"],
        json!({"events": "gala"})
    );
}

#[test]
fn a_stored_document_that_no_longer_fits_is_shown_as_it_is_and_spoils_no_list() {
    let mut host = Host::organizer();
    for _ in 0..4 {
        shown(create(
            &host.owner(),
            &with(json!({"mail_additional_recipients": "a@x.org"})),
        ));
    }
    // The host no longer has exporter, fields and locale.
    host.exporters.clear();
    host.settings.languages = vec!["fr".to_owned()];
    host.edit(2, |row| row.content.document = "no JSON".to_owned());
    host.edit(3, |row| row.content.document = r#"{"mail_subject": 5}"#.to_owned());
    host.edit(4, |row| {
        row.content.document = row.content.document.replace("FREQ=DAILY", "FREQ=EVER")
    });
    let rows = list(&host.owner());
    assert_eq!(rows[0]["locale"], "en");
    assert_eq!(rows[0]["export_form_data"], document()["export_form_data"]);
    assert_eq!(rows[3]["schedule_rrule"], "FREQ=EVER");
    for row in [&rows[1], &rows[2]] {
        assert_eq!(row["export_identifier"], "orders");
        assert_eq!(row["mail_additional_recipients"], "a@x.org");
        assert_eq!(row["schedule_next_run"], "2026-10-15T04:00:00Z");
        assert_eq!(row["export_form_data"], json!({}));
        for name in [
            "locale",
            "mail_subject",
            "mail_template",
            "schedule_rrule",
            "schedule_rrule_time",
            "timezone",
        ] {
            assert_eq!(row[name], json!(null), "{name}");
        }
    }
}

#[test]
fn a_schedule_that_cannot_be_read_any_more_is_mended_by_giving_everything() {
    let host = Host::organizer();
    shown(create(
        &host.owner(),
        &with(json!({"mail_additional_recipients": "a@x.org"})),
    ));
    host.edit(1, |row| row.content.document = "?".to_owned());
    assert_eq!(
        errors(patch(&host.owner(), 1, &json!({"mail_subject": "x"}))),
        [
            "export_form_data: required",
            "mail_template: required",
            "schedule_rrule: required",
            "schedule_rrule_time: required"
        ]
    );
    let mut rest = document();
    rest.as_object_mut().expect("fields").remove("export_identifier");
    let mended = shown(patch(&host.owner(), 1, &rest));
    assert_eq!(mended["mail_additional_recipients"], "a@x.org");
    assert!(put(&host.owner(), 1, &document()).is_ok());
}

#[test]
fn a_kept_rule_that_no_longer_fits_is_told_on_its_field() {
    let host = Host::organizer();
    shown(create(&host.owner(), &with(json!({"timezone": "UTC"}))));
    host.edit(1, |row| {
        let old = &row.content.document;
        row.content.document = old
            .replace("FREQ=DAILY", "FREQ=EVER")
            .replace("\"UTC\"", "\"Gone/City\"");
    });
    assert_eq!(
        errors(patch(&host.owner(), 1, &json!({"mail_subject": "x"}))),
        ["schedule_rrule: freq-not-supported", "timezone: unknown-time-zone"]
    );
    assert!(
        patch(
            &host.owner(),
            1,
            &json!({"schedule_rrule": "FREQ=DAILY", "timezone": "UTC"})
        )
        .is_ok()
    );
}

#[test]
fn totals_and_where_the_next_page_begins_are_the_hosts() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    let page = schedules::list(&host.owner(), &first_page()).expect("a page");
    assert_eq!((page.total, page.next), (1, None));
    let mut beyond = first_page();
    beyond.at = plugin::contract::Position::Number(2);
    assert_eq!(
        schedules::list(&host.owner(), &beyond).map(|_| ()),
        Err(plugin::contract::Problem::NotFound)
    );
}
