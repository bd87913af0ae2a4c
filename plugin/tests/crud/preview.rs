//! Previews of whole documents and of stored schedules, and what then happens.

use std::cell::RefCell;

use plugin::contract::{
    Audience, Caller, DownloadLink, ExportError, File, Instant, Mail, MailError, Outcome, OwnerRight, Problem,
    Recipients, RunContext, RunKind, RunStart, Schedule, Settings, StoreError,
};
use plugin::host::{Access, Run};
use plugin::named_range::NAMED_RANGES;
use plugin::{run, schedules};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::host::{Host, at};
use crate::views::view;
use crate::{create, document, errors, forbidden, patch, shown, stored, with, with_form, without};

fn preview(by: &impl Access, id: Option<u64>, body: &Value) -> Result<Value, Problem> {
    let acted = schedules::act(by, id, "preview", &body.to_string())?;
    Ok(serde_json::from_str(&acted.document).expect("JSON"))
}

#[test]
fn a_whole_document_is_previewed_with_windows_recipients_and_whose_permissions() {
    let host = Host::organizer();
    let given = with(json!({
        "export_form_data": {"date_range": "week_previous"}, "schedule_rrule": "FREQ=WEEKLY;BYDAY=TU", "limit": 2,
        "mail_additional_recipients": "a@example.org, A@example.org", "mail_additional_recipients_bcc": "b@example.org",
    }));
    let previewed = preview(&host.owner(), None, &given).expect("a preview");
    assert_eq!(
        previewed,
        json!({
            "runs": [
                {
                    "at": "2026-10-20T04:00:00Z", "local": "2026-10-20T06:00:00+02:00", "note": "plain",
                    "windows": [{
                        "field": "date_range", "from": "2026-10-12", "to": "2026-10-18", "words": "12–18 October 2026",
                    }],
                },
                {
                    "at": "2026-10-27T05:00:00Z", "local": "2026-10-27T06:00:00+01:00", "note": "plain",
                    "windows": [{
                        "field": "date_range", "from": "2026-10-19", "to": "2026-10-25", "words": "19–25 October 2026",
                    }],
                },
            ],
            "warnings": [],
            "warning_codes": [],
            "rule": "every Tuesday at 06:00",
            "recipients": {"to": ["a@example.org"], "cc": ["owner@example.org"], "bcc": ["b@example.org"]},
            "runs_as": "owner@example.org",
        })
    );
    let form = given["export_form_data"].to_string();
    let mut params: Vec<(&str, &str)> = vec![("export_form_data", &form), ("limit", "2")];
    for (name, value) in given.as_object().expect("fields") {
        params.extend(value.as_str().map(|value| (name.as_str(), value)));
    }
    assert_eq!(view(&host.owner(), None, "preview", &params), Ok(previewed));
    assert!(host.rows.borrow().is_empty());
}

#[test]
fn a_preview_has_every_error_that_saving_would_have() {
    let host = Host::organizer();
    for body in [
        with(json!({"mail_subject": "", "schedule_rrule": "x", "mail_additional_recipients": "nobody"})),
        without("export_form_data"),
        with_form(json!({"_format": "pdf", "few": 99, "events": ["nowhere"]})),
        with(json!({"export_identifier": "nosuch"})),
        json!({"mail_subject": "x"}),
    ] {
        let saved = errors(create(&host.owner(), &body));
        assert_eq!(errors(preview(&host.owner(), None, &body)), saved, "{body}");
    }
    let wrong = with(json!({"limit": 0, "mail_subject": ""}));
    assert_eq!(
        errors(preview(&host.owner(), None, &wrong)),
        ["limit: out-of-range", "mail_subject: blank"]
    );
    shown(create(&host.owner(), &document()));
    host.allow("editor", "orders", &["conf"]);
    assert!(forbidden(preview(&host.editor(), Some(1), &json!({}))));
    assert_eq!(
        preview(&host.user("stranger"), Some(1), &json!({})),
        Err(Problem::NotFound)
    );
}

#[test]
fn whoever_only_reads_may_ask_for_a_preview_and_a_device_may_not() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    assert!(preview(&host.owner().reading_only(), None, &document()).is_ok());
    assert!(preview(&host.owner().reading_only(), Some(1), &json!({})).is_ok());
    host.allow_all("token", "orders");
    let token = preview(&host.seat(Caller::Token, true), None, &document()).expect("a preview");
    assert_eq!(token["runs_as"], json!(null));
    for id in [None, Some(1)] {
        assert!(forbidden(preview(&host.seat(Caller::Device, true), id, &document())));
    }
}

#[test]
fn a_stored_schedule_is_previewed_with_the_given_changes_and_without_a_write() {
    let host = Host::organizer();
    shown(create(&host.owner(), &document()));
    let changed = json!({"schedule_rrule_time": "07:00", "export_form_data": {"date_range": "days_today"}});
    let previewed = preview(&host.editor(), Some(1), &changed).expect("a preview");
    assert_eq!(previewed["runs"][0]["local"], "2026-10-15T07:00:00+02:00");
    assert_eq!(previewed["runs"][0]["windows"][0]["words"], "15 October 2026");
    assert_eq!(previewed["runs_as"], "owner@example.org");
    assert_eq!(host.row(1).version, 1);
    assert_eq!(
        errors(preview(&host.owner(), Some(1), &json!({"mail_subject": ""}))),
        ["mail_subject: blank"]
    );
    // A due time that is kept is the first.
    host.edit(1, |row| row.content.next_run = Some(at("2026-10-14T06:00:00+02:00")));
    let kept = view(&host.owner(), Some(1), "preview", &[("limit", "2")]).expect("a preview");
    assert_eq!(kept["runs"][0]["at"], "2026-10-14T04:00:00Z");
    assert_eq!(kept["runs"][1]["at"], "2026-10-15T04:00:00Z");
    schedules::act(&host.owner(), Some(1), "pause", r#"{"until": "2026-10-20"}"#).expect("paused");
    let paused = preview(&host.owner(), Some(1), &json!({})).expect("a preview");
    assert_eq!(paused["runs"][0]["at"], "2026-10-20T04:00:00Z");
    schedules::act(&host.owner(), Some(1), "pause", "{}").expect("paused");
    let paused = preview(&host.owner(), Some(1), &json!({})).expect("a preview");
    assert_eq!(paused["warning_codes"], json!(["paused"]));
}

#[test]
fn what_may_surprise_is_warned_of() {
    let host = Host::organizer();
    let codes =
        |fields: Value| preview(&host.owner(), None, &with(fields)).expect("a preview")["warning_codes"].clone();
    for (fields, want) in [
        (json!({}), json!([])),
        (
            json!({"schedule_rrule": "FREQ=DAILY;COUNT=0"}),
            json!(["never-matches"]),
        ),
        (
            json!({"schedule_rrule": "DTSTART:20261001T090000\nRRULE:FREQ=DAILY;UNTIL=20261231"}),
            json!(["until-ends-early"]),
        ),
        (
            json!({"schedule_rrule": "DTSTART:20261001T090000\nRRULE:FREQ=DAILY;UNTIL=20261231T090000"}),
            json!([]),
        ),
        // The last day is not one of the rule.
        (
            json!({"schedule_rrule": "DTSTART:20261005T090000\nRRULE:FREQ=WEEKLY;UNTIL=20261231"}),
            json!([]),
        ),
        (json!({"schedule_rrule": "FREQ=DAILY;UNTIL=20261231"}), json!([])),
        (
            json!({"schedule_rrule": "DTSTART:20261031T000000\nRRULE:FREQ=MONTHLY"}),
            json!(["skips-months"]),
        ),
        (
            json!({"schedule_rrule": "DTSTART:20261029T000000\nRRULE:FREQ=MONTHLY"}),
            json!(["skips-months"]),
        ),
        (
            json!({"schedule_rrule": "DTSTART:20261028T000000\nRRULE:FREQ=MONTHLY"}),
            json!([]),
        ),
        (
            json!({"schedule_rrule": "DTSTART:20261031T000000\nRRULE:FREQ=MONTHLY;BYMONTH=1,3"}),
            json!([]),
        ),
        (
            json!({"color": 1, "id": 7, "owner": "x", "timezone": "UTC"}),
            json!(["unknown-field"]),
        ),
        (
            json!({"export_form_data": {"_format": "csv", "few": null, "many": 1, "all_events": null}}),
            json!(["unknown-field"]),
        ),
    ] {
        assert_eq!(codes(fields.clone()), want, "{fields}");
    }
    let warned = preview(&host.owner().in_german(), None, &with_form(json!({"many": 1}))).expect("a preview");
    assert_eq!(
        warned["warnings"],
        json!(["Das Feld „export_form_data.many“ ist unbekannt und wird ignoriert."])
    );
}

/// The next runs of a stored schedule, one after the other, as the host has them planned.
fn planned(host: &Host, count: usize) -> Vec<i64> {
    let row: Schedule = host.row(1);
    let mut runs: Vec<i64> = row.content.next_run.into_iter().collect();
    while let (Some(last), true) = (runs.last(), runs.len() < count) {
        let next = schedules::replan(&[stored(&row.content.document, &host.settings.zone)], *last).remove(0);
        match next.expect("a plan") {
            Some(next) => runs.push(next),
            None => break,
        }
    }
    runs
}

/// One execution of a stored schedule, with what it exported and mailed.
struct Execution {
    context: RunContext,
    form: RefCell<Value>,
    recipients: RefCell<Recipients>,
}

impl Execution {
    /// At this due time, on time.
    fn of(host: &Host, due: Instant) -> Self {
        let mut schedule = host.row(1);
        schedule.content.next_run = Some(due);
        let execution = Self {
            context: RunContext {
                schedule,
                event_level: false,
                owner_right: OwnerRight::Yes,
                due: None,
                started_version: None,
                newer_zone_database: None,
                kind: RunKind::Scheduled,
                requested_by: None,
                page_url: String::new(),
                attempt: 1,
                settings: Settings {
                    now: due,
                    ..host.settings.clone()
                },
            },
            form: RefCell::default(),
            recipients: RefCell::default(),
        };
        run::execute(&execution);
        execution
    }
}

impl Run for Execution {
    fn context(&self) -> RunContext {
        self.context.clone()
    }

    fn start(&self, plan: &RunStart) -> Result<(), StoreError> {
        assert_eq!(plan.due, self.context.settings.now);
        Ok(())
    }

    fn finish(&self, outcome: &Outcome, _: u32, _: bool) -> Result<(), StoreError> {
        assert_eq!(*outcome, Outcome::Submitted);
        Ok(())
    }

    fn produce(&self, form: &str, _: &str, _: &str, _: Instant) -> Result<File, ExportError> {
        self.form.replace(serde_json::from_str(form).expect("JSON"));
        Ok(File {
            name: "orders.csv".to_owned(),
            content_type: "text/csv".to_owned(),
            size: 1,
            rows: None,
        })
    }

    fn zip(&self) -> Result<File, ExportError> {
        unreachable!("the file is small")
    }

    fn link(&self) -> Result<Option<DownloadLink>, ExportError> {
        unreachable!("the file is small")
    }

    fn stage(&self, mail: &Mail) -> Result<(), MailError> {
        let Audience::People(recipients) = &mail.audience else {
            panic!("{mail:?}")
        };
        self.recipients.replace(recipients.clone());
        Ok(())
    }

    fn log(&self, text: &str) {
        panic!("{text}");
    }
}

fn rule() -> impl Strategy<Value = String> {
    let days = prop::sample::subsequence(vec!["MO", "TU", "WE", "TH", "FR", "SA", "SU"], 1..4);
    let rest = prop_oneof![
        Just(String::new()),
        (0_u32..5).prop_map(|count| format!(";COUNT={count}")),
        (1_u32..29).prop_map(|day| format!(";UNTIL=202611{day:02}")),
    ];
    let rule = prop_oneof![
        (1_u32..4).prop_map(|every| format!("FREQ=DAILY;INTERVAL={every}")),
        (1_u32..3, days).prop_map(|(every, days)| format!("FREQ=WEEKLY;INTERVAL={every};BYDAY={}", days.join(","))),
        (1_i32..5).prop_map(|nth| format!("FREQ=MONTHLY;BYDAY={nth}TU")),
        Just("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1".to_owned()),
    ];
    (1_u32..29, rule, rest).prop_map(|(day, rule, rest)| format!("DTSTART:202610{day:02}T000000\nRRULE:{rule}{rest}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_a_preview_says_is_what_then_happens(
        rule in rule(),
        hour in 0_u32..24,
        zone in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "UTC"]),
        range in prop::sample::select(NAMED_RANGES.as_slice()),
        to in prop::sample::subsequence(vec!["a@x.org", "owner@example.org", "b@x.org"], 0..4),
        cc in prop::sample::subsequence(vec!["a@x.org", "c@x.org"], 0..3),
        changes in any::<bool>(),
    ) {
        let host = Host::organizer();
        let given = with(json!({
            "schedule_rrule": rule, "schedule_rrule_time": format!("{hour:02}:30"), "timezone": zone,
            "export_form_data": {"date_range": range},
            "mail_additional_recipients": to.join(","), "mail_additional_recipients_cc": cc.join(","),
        }));
        let previewed = if changes {
            shown(create(&host.owner(), &document()));
            let previewed = preview(&host.editor(), Some(1), &given).expect("a preview");
            shown(patch(&host.editor(), 1, &given));
            previewed
        } else {
            let previewed = preview(&host.owner(), None, &given).expect("a preview");
            shown(create(&host.owner(), &given));
            previewed
        };
        let runs = previewed["runs"].as_array().expect("runs");
        let told: Vec<i64> = runs.iter().map(|run| at(run["at"].as_str().expect("an instant"))).collect();
        prop_assert_eq!(&told, &planned(&host, 10));
        prop_assert_eq!(previewed["runs_as"].as_str(), Some("owner@example.org"));
        for run in runs {
            let due = at(run["at"].as_str().expect("an instant"));
            let executed = Execution::of(&host, due);
            let (form, recipients) = (executed.form.take(), executed.recipients.take());
            prop_assert_eq!(&form["date_range"], &json!(window(&run["windows"][0])));
            prop_assert_eq!(&previewed["recipients"]["to"], &json!(recipients.to));
            prop_assert_eq!(&previewed["recipients"]["cc"], &json!(recipients.cc));
            prop_assert_eq!(&previewed["recipients"]["bcc"], &json!(recipients.bcc));
        }
    }
}

fn window(window: &Value) -> String {
    let side = |name: &str| window[name].as_str().unwrap_or_default().to_owned();
    format!("{}/{}", side("from"), side("to"))
}
