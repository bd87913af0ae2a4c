use std::collections::BTreeSet;

use serde_json::Value;

use super::host::Host;
use crate::api::openapi::document;

const PATH: &str = "/api/v1/openapi.json";

/// Calls `visit` with each reference in it.
fn references(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(to)) = members.get("$ref") {
                visit(to);
            }
            members.values().for_each(|member| references(member, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, visit)),
        _ => {}
    }
}

#[tokio::test]
async fn the_description_needs_no_credentials_and_caches_can_keep_it() {
    let host = Host::new();
    let got = host.ask("GET", PATH).send().await;
    assert_eq!(got.status, 200);
    assert_eq!(got.header("cache-control"), Some("public, max-age=3600"));
    assert_eq!(got.json()["openapi"], "3.1.1");
    let tag = got.header("etag").expect("a tag");
    let again = host.ask("GET", PATH).header("if-none-match", tag).page().await;
    assert_eq!(
        (again.status.as_u16(), &*again.body, again.header("etag")),
        (304, "", Some(tag))
    );
    let other = host.ask("GET", PATH).header("if-none-match", "\"other\"").send().await;
    assert_eq!(other.status, 200);
    let elsewhere = host.ask_at("https://tickets.example/exports", "GET", PATH).send().await;
    assert_eq!(elsewhere.json()["servers"][0]["url"], "https://tickets.example/exports");
    assert_eq!(
        host.ask("POST", PATH).send().await.header("allow"),
        Some("GET, HEAD, OPTIONS")
    );
    let home = host.ask("GET", "/").send().await;
    assert_eq!(home.json()["description"], PATH);
}

#[test]
fn every_reference_of_the_description_leads_to_a_component_and_every_component_is_used() {
    let document = document(None);
    let mut used = BTreeSet::new();
    references(&document, &mut |to| {
        let pointer = to.strip_prefix('#').expect("a reference inside the document");
        assert!(document.pointer(pointer).is_some(), "{to}");
        used.insert(to.to_owned());
    });
    let mut unused = Vec::new();
    for (kind, components) in document["components"].as_object().expect("components") {
        // Named by `security`, and by texts.
        if kind == "securitySchemes" {
            continue;
        }
        for name in components.as_object().expect("components").keys() {
            let place = format!("#/components/{kind}/{name}");
            if !used.contains(&place) {
                unused.push(place);
            }
        }
    }
    assert_eq!(unused, Vec::<String>::new());
}

#[test]
fn each_operation_has_an_id_of_its_own_and_says_what_it_does() {
    let document = document(None);
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let Some(id) = operation["operationId"].as_str() else {
                continue;
            };
            assert!(ids.insert(id.to_owned()), "{method} {path}: {id}");
            assert!(
                operation["summary"].as_str().is_some_and(|summary| summary.len() > 10),
                "{id}"
            );
            assert!(
                operation["responses"]
                    .as_object()
                    .is_some_and(|responses| responses.len() > 3),
                "{id}"
            );
        }
    }
    assert!(ids.len() > 30, "{ids:?}");
}
