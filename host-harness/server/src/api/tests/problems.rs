use scheduled_exports_host::contract::{FieldError, Problem};
use serde_json::json;

use super::host::{Host, LIST, ONE};
use crate::service::CallError;

const PROBLEM: &str = "application/problem+json";

#[tokio::test]
async fn a_client_that_accepts_problem_details_gets_every_error_so_and_no_success() {
    let host = Host::new();
    let unknown = host.ask("GET", "/nothing").header("accept", PROBLEM).send().await;
    assert_eq!(unknown.json()["status"], 404);
    let german = host.ask("GET", LIST).header("accept", PROBLEM);
    let german = german.header("accept-language", "de").send().await;
    assert_eq!(
        (german.status.as_u16(), &german.json()["title"]),
        (401, &json!("Unauthorized"))
    );
    assert!(german.detail().contains("Zugangsdaten"), "{}", german.detail());
    let missing = host.john("GET", &format!("{LIST}?page=99"));
    host.answers(Err(CallError::Problem(Problem::NotFound)));
    let missing = missing
        .header("accept", "application/json, application/problem+json")
        .send()
        .await;
    assert_eq!(missing.json()["status"], 404);
    let found = host.john("GET", ONE).header("accept", PROBLEM).send().await;
    assert_eq!(
        (found.status.as_u16(), found.header("content-type")),
        (200, Some("application/json"))
    );
}

#[tokio::test]
async fn the_same_errors_are_nested_by_field_or_pointed_to() {
    let host = Host::new();
    let invalid = || {
        Err(CallError::Problem(Problem::Invalid(vec![FieldError {
            params: Vec::new(),
            path: vec!["export_form_data".into(), "date_range".into()],
            code: "required".into(),
            message: "Missing.".into(),
        }])))
    };
    host.answers(invalid());
    let plain = host.john("POST", LIST).json("{}").send().await;
    assert_eq!(
        (plain.status.as_u16(), plain.json()),
        (400, json!({"export_form_data": {"date_range": ["Missing."]}}))
    );
    host.answers(invalid());
    let pointed = host
        .john("POST", LIST)
        .json("{}")
        .header("accept", PROBLEM)
        .send()
        .await;
    assert_eq!(
        pointed.json()["errors"],
        json!([{"pointer": "/export_form_data/date_range", "code": "required", "params": {}, "detail": "Missing."}])
    );
}
