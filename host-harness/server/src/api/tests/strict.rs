use serde_json::json;

use super::host::{Host, LIST, ONE};
use crate::service::{Answer, Operation};

const STRICT: &str = "handling=strict";
const APPLIED: &str = "preference-applied";

#[tokio::test]
async fn an_unknown_parameter_is_named_only_if_the_client_prefers_strict_handling() {
    let host = Host::new();
    let path = format!("{LIST}?page=1&pagesize=5&q=");
    let lenient = host.john("GET", &path).send().await;
    assert_eq!((lenient.status.as_u16(), lenient.header(APPLIED)), (200, None));
    assert_eq!(host.asked().len(), 1);
    let strict = host.john("GET", &path).header("prefer", STRICT).send().await;
    let message = "Unknown parameter. Known parameters are: page, page_size, ordering, owner, export_identifier, recipient, state, failing, due_before.";
    assert_eq!(
        (strict.status.as_u16(), strict.header(APPLIED), strict.json()),
        (400, Some(STRICT), json!({"pagesize": [message], "q": [message]}))
    );
    assert_eq!(host.asked().len(), 1, "the component is not asked");
    let fine = host.john("GET", &format!("{LIST}?page=1&ordering=-id"));
    let fine = fine.header("prefer", STRICT).send().await;
    assert_eq!((fine.status.as_u16(), fine.header(APPLIED)), (200, Some(STRICT)));
    let none = host
        .john("GET", &format!("{ONE}?page=1"))
        .header("prefer", STRICT)
        .send()
        .await;
    assert_eq!(
        none.json(),
        json!({"page": ["Unknown parameter: this path has no parameters."]})
    );
}

#[tokio::test]
async fn an_unknown_field_is_named_and_the_fields_that_a_client_has_read_are_known() {
    let host = Host::new();
    let path = format!("{LIST}preview/");
    let ask = |body: &str| host.john("POST", &path).header("prefer", STRICT).json(body).send();
    let unknown = ask(r#"{"schedule_rrule": "RRULE:FREQ=DAILY", "time": "04:00"}"#).await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.header(APPLIED), unknown.json()),
        (
            400,
            Some(STRICT),
            json!({"time": ["Unknown field. Known fields are: schedule_rrule, schedule_rrule_time, timezone, limit, export_identifier, \
                export_form_data, locale, mail_additional_recipients, mail_additional_recipients_cc, mail_additional_recipients_bcc, \
                mail_subject, mail_template, id, owner, schedule_next_run, error_counter, state, paused, warnings."]})
        )
    );
    assert!(host.asked().is_empty());
    let known = ask(r#"{"schedule_rrule": "RRULE:FREQ=DAILY", "limit": 1}"#).await;
    assert_eq!((known.status.as_u16(), known.header(APPLIED)), (200, Some(STRICT)));

    let read =
        r#"{"id": 7, "owner": "john@example.com", "schedule_next_run": null, "error_counter": 0, "warnings": []}"#;
    let patch = host.john("PATCH", ONE).header("prefer", STRICT).json(read).send().await;
    assert_eq!(patch.status, 200);
    let take_over = host.john("POST", &format!("{ONE}take_over/")).header("prefer", STRICT);
    let take_over = take_over.json(r#"{"owner": "mary@example.org"}"#).send().await;
    assert_eq!(
        take_over.json(),
        json!({"owner": ["Unknown field: this request has no fields."]})
    );
}

#[tokio::test]
async fn the_fields_of_the_form_are_those_of_its_exporter() {
    let host = Host::new();
    let schema = r#"{"properties": {"export_form_data": {"properties": {"_format": {}, "date_range": {}}}}}"#;
    let body =
        r#"{"export_identifier": "orderlist", "export_form_data": {"date_rnge": "days_yesterday", "_format": "xlsx"}}"#;
    host.answers(Ok(Answer::Viewed(schema.into())));
    let created = host.john("POST", LIST).header("prefer", STRICT).json(body).send().await;
    let message = "Unknown field. Known fields are: _format, date_range.";
    assert_eq!(
        (created.status.as_u16(), created.json()),
        (400, json!({"export_form_data": {"date_rnge": [message]}}))
    );
    let [Operation::View { id: None, name, params }] = &host.asked()[..] else {
        panic!("{:?}", host.asked());
    };
    assert_eq!(
        (&**name, &params[..]),
        ("form", &[("export_identifier".into(), "orderlist".into())][..])
    );

    // A PATCH that does not name the exporter means the stored one.
    host.answers(Ok(Answer::Viewed(format!(r#"{{"schema": {schema}}}"#))));
    let patch = host.john("PATCH", ONE).header("prefer", STRICT);
    let patch = patch.json(r#"{"export_form_data": {"events": []}}"#).send().await;
    assert_eq!(patch.json(), json!({"export_form_data": {"events": [message]}}));

    // Of an exporter without a schema, the component says what is wrong.
    let unknown = host.john("POST", LIST).header("prefer", STRICT).json(body).send().await;
    assert_eq!((unknown.status.as_u16(), unknown.header(APPLIED)), (201, Some(STRICT)));
}

#[tokio::test]
async fn names_are_checked_after_credentials_and_not_where_the_host_knows_none() {
    let host = Host::new();
    let path = format!("{LIST}?q=1");
    let nobody = host.ask("GET", &path).header("prefer", STRICT).send().await;
    assert_eq!((nobody.status.as_u16(), nobody.header(APPLIED)), (401, None));
    let verb = host.john("POST", &format!("{ONE}dance/?q=1")).header("prefer", STRICT);
    let verb = verb.json(r#"{"tune": 1}"#).send().await;
    assert_eq!((verb.status.as_u16(), verb.header(APPLIED)), (200, None));
    let broken = host.john("POST", LIST).header("prefer", STRICT).json("{").send().await;
    assert_eq!(
        broken.status, 201,
        "a body that is no object is for the component to reject"
    );
}

#[tokio::test]
async fn a_request_with_many_unknown_names_gets_an_answer_of_bounded_size() {
    let host = Host::new();
    let query: Vec<String> = (0..5_000).map(|number| format!("x{number}=")).collect();
    let ask = host.john("GET", &format!("{LIST}?{}", query.join("&")));
    let got = ask.header("prefer", STRICT).send().await;
    assert_eq!(got.json().as_object().map(serde_json::Map::len), Some(50));
}
