//! The description of the HTTP API against what the built component and the host respond, and the page that is made of it.

mod page;
#[path = "../../plugin/tests/crud/validator.rs"]
mod validator;

use std::collections::BTreeSet;

use axum::http::Method;
use scheduled_exports_testing::{Answer, Harness};
use serde_json::{Value, json};
use tests::{BIG, CONF, JOHN, JOHN_READING, MARY, VERA, but, daily, with};

const DESCRIPTION: &str = "/api/v1/openapi.json";
/// Keywords that say nothing of what is valid, or that only apply to requests.
const ANNOTATIONS: [&str; 6] = [
    "description",
    "default",
    "format",
    "readOnly",
    "examples",
    "contentMediaType",
];

/// Why a value is invalid, and where; nothing if it is valid.
fn misfit(root: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    let Some(keywords) = schema.as_object() else {
        return (!validator::is_valid(schema, value)).then(|| format!("{at}: {value} is not allowed"));
    };
    let mut rest = keywords.clone();
    ANNOTATIONS.iter().for_each(|name| drop(rest.remove(*name)));
    if let Some(to) = rest.remove("$ref") {
        let pointer = to.as_str().expect("a reference").trim_start_matches('#');
        return misfit(root, root.pointer(pointer).expect("a component"), value, at);
    }
    if let Some(Value::Array(known)) = rest.remove("enum")
        && !known.contains(value)
    {
        return Some(format!("{at}: {value} is none of {known:?}"));
    }
    if let Some(Value::Array(any)) = rest.remove("anyOf") {
        let misfits: Vec<String> = any.iter().map_while(|schema| misfit(root, schema, value, at)).collect();
        if misfits.len() == any.len() {
            return Some(misfits.join(", and "));
        }
    }
    let (properties, others) = (rest.remove("properties"), rest.remove("additionalProperties"));
    let items = rest.remove("items");
    let fewest = rest
        .remove("minProperties")
        .and_then(|fewest| fewest.as_u64())
        .unwrap_or(0);
    for (name, member) in value.as_object().into_iter().flatten() {
        let schema = properties
            .as_ref()
            .and_then(|schemas| schemas.get(name))
            .or(others.as_ref());
        // The schemas allow members that a later version adds; those that there are today are described.
        let Some(schema) = schema else {
            if properties.is_some() {
                return Some(format!("{at}: {name} is not described"));
            }
            continue;
        };
        if let Some(misfit) = misfit(root, schema, member, &format!("{at}/{name}")) {
            return Some(misfit);
        }
    }
    if value.as_object().is_some_and(|members| (members.len() as u64) < fewest) {
        return Some(format!("{at}: too few members"));
    }
    for item in value.as_array().into_iter().flatten() {
        if let Some(misfit) = items.as_ref().and_then(|schema| misfit(root, schema, item, at)) {
            return Some(misfit);
        }
    }
    (!validator::is_valid(&rest.into(), value)).then(|| format!("{at}: {value} is not valid for {schema}"))
}

/// Compares responses with the description.
struct Comparison {
    host: Harness,
    description: Value,
    /// Operations with the statuses that were seen.
    seen: BTreeSet<(String, u16)>,
}

/// A request, as its line and what else it has.
#[derive(Default)]
struct Ask<'a> {
    credentials: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: Option<&'a str>,
}

impl Comparison {
    async fn start(host: Harness) -> Self {
        let description = host.get(DESCRIPTION, "").await;
        assert_eq!(description.status, 200);
        Self {
            host,
            description: description.body,
            seen: BTreeSet::new(),
        }
    }

    /// The operation that a path leads to: names in braces stand for any segment, and words come before them.
    fn operation(&self, method: &str, path: &str) -> Value {
        let path = path.split('?').next().unwrap_or_default();
        let fits = |template: &str| {
            let (names, segments) = (template.split('/'), path.split('/'));
            template.matches('/').count() == path.matches('/').count()
                && names
                    .zip(segments)
                    .all(|(name, segment)| name.starts_with('{') || name == segment)
        };
        let paths = self.description["paths"].as_object().expect("paths");
        let fitting = paths.iter().filter(|(template, _)| fits(template));
        let (_, item) = fitting
            .min_by_key(|(template, _)| template.matches('{').count())
            .unwrap_or_else(|| panic!("{path} is not described"));
        item[method.to_ascii_lowercase()].clone()
    }

    /// Sends the request, and compares status, headers, type and body of the response.
    async fn ask(&mut self, method: &str, path: &str, ask: Ask<'_>, status: u16) -> Answer {
        let verb: Method = method.parse().expect("a method");
        let answer = self
            .host
            .request(verb, path, ask.credentials, ask.headers, ask.body)
            .await;
        let what = format!("{method} {path}: {} {}", answer.status, answer.body);
        assert_eq!(answer.status, status, "{what}");
        let operation = self.operation(method, path);
        let id = operation["operationId"]
            .as_str()
            .unwrap_or_else(|| panic!("{what} is not described"));
        let mut response = &operation["responses"][status.to_string()];
        if let Some(to) = response["$ref"].as_str() {
            response = self.description.pointer(&to[1..]).expect("a component");
        }
        assert!(response.is_object(), "{what} is not described");
        for (name, header) in response["headers"].as_object().expect("headers") {
            let component = &header["$ref"].as_str().expect("a reference")[1..];
            let header = self.description.pointer(component).expect("a component");
            let required = header["required"] == true;
            assert!(!required || !answer.header(name).is_empty(), "{what}: without {name}");
        }
        let media_type = answer.header("content-type");
        match response.get("content").and_then(Value::as_object) {
            None => assert!(answer.bytes.is_empty() && media_type.is_empty(), "{what}"),
            Some(content) => {
                let schema = &content
                    .get(media_type)
                    .unwrap_or_else(|| panic!("{what}: {media_type}"))["schema"];
                assert_eq!(misfit(&self.description, schema, &answer.body, ""), None, "{what}");
            }
        }
        self.seen.insert((id.to_owned(), status));
        answer
    }

    async fn get(&mut self, path: &str) -> Answer {
        let credentials = JOHN;
        let ask = Ask {
            credentials,
            ..Ask::default()
        };
        self.ask("GET", path, ask, 200).await
    }

    async fn send(&mut self, method: &str, path: &str, body: &Value, status: u16) -> Answer {
        let ask = Ask {
            credentials: JOHN,
            body: Some(&body.to_string()),
            ..Ask::default()
        };
        self.ask(method, path, ask, status).await
    }
}

/// With an event that is deleted later, and few orders.
async fn host() -> Harness {
    let fixture = with(|fixture| {
        fixture["schedules"] = json!([]);
        fixture["orders_generated"] = json!([]);
    });
    Harness::start(&fixture, "2026-10-22T12:00:00Z").await
}

#[tokio::test]
async fn every_operation_responds_as_it_is_described() {
    let mut api = Comparison::start(host().await).await;
    let rule = "schedule_rrule=RRULE%3AFREQ%3DWEEKLY%3BBYDAY%3DMO&schedule_rrule_time=04%3A00";
    for level in [CONF, BIG] {
        let across = json!({"_format": "xlsx", "all_events": true});
        let form = if level == BIG {
            across
        } else {
            daily()["export_form_data"].clone()
        };
        let document = but(
            daily(),
            json!({"export_form_data": form, "mail_additional_recipients": "a@example.com"}),
        );
        let created = api.send("POST", level, &document, 201).await;
        let one = format!("{level}{}/", created.body["id"]);
        assert!(
            created.header("location").ends_with(&one),
            "{}",
            created.header("location")
        );
        api.get(level).await;
        api.get(&format!("{level}?page_size=1&ordering=-id")).await;
        api.get(&one).await;
        api.send("PUT", &one, &document, 200).await;
        api.send("PATCH", &one, &json!({"schedule_rrule_time": "05:00"}), 200)
            .await;
        api.get(&format!("{one}form/")).await;
        api.get(&format!("{one}rule/")).await;
        api.get(&format!("{level}preview/?{rule}&limit=3")).await;
        api.get(&format!("{level}rule/?{rule}")).await;
        api.get(&format!("{level}form/?export_identifier=orderlist")).await;
        let body = json!({"schedule_rrule": "RRULE:FREQ=YEARLY;UNTIL=20200101", "schedule_rrule_time": "04:00", "limit": null});
        let preview = api.send("POST", &format!("{level}preview/"), &body, 200).await;
        assert_ne!(preview.body["warnings"], json!([]));
        api.get(&format!("{one}preview/?limit=2")).await;
        let changes = json!({"schedule_rrule_time": "06:00"});
        api.send("POST", &format!("{one}preview/"), &changes, 200).await;
        let whole = api.send("POST", &format!("{level}preview/"), &document, 200).await;
        assert!(whole.body["recipients"].is_object(), "{}", whole.body);
        let until = json!({"reason": "Summer", "until": "2026-10-23"});
        let paused = api.send("POST", &format!("{one}pause/"), &until, 200).await;
        assert_eq!(paused.body["paused"]["reason"], "Summer");
        api.get(&format!("{one}explain/")).await;
        api.send("POST", &format!("{one}resume/"), &json!({}), 200).await;
        api.get(&format!("{one}explain/?due=2026-10-21T02:00:00Z")).await;
        let requested = api.send("POST", &format!("{one}run/"), &json!({}), 202).await;
        let run = format!("{one}runs/{}/", requested.body["run"]);
        assert!(requested.header("location").ends_with(&run));
        assert_eq!(api.get(&run).await.body["kind"], "now");
        api.send("POST", &format!("{level}test/"), &document, 202).await;
        api.host.step().await;
        api.send("POST", &format!("{one}test/"), &json!({}), 202).await;
        api.get(&format!("{level}overview/?state=active&page_size=1")).await;
        let exporters = level.replace("scheduled_exports", "exporters");
        api.get(&exporters).await;
        api.get(&format!("{exporters}orderlist/")).await;
        api.send("POST", &format!("{one}take_over/"), &json!({}), 200).await;
        // A schedule without another run has one more field.
        let rule = json!({"schedule_rrule": "RRULE:FREQ=DAILY;UNTIL=20200101"});
        let over = api.send("POST", level, &but(document, rule), 201).await;
        assert!(over.body["warnings"].is_array());
        let gone = format!("{level}{}/", over.body["id"]);
        let ask = Ask {
            credentials: JOHN,
            ..Ask::default()
        };
        api.ask("DELETE", &gone, ask, 204).await;
    }

    // Runs that were delivered or empty, failed, and missed.
    api.host.advance_to("2026-10-24T12:00:00Z").await;
    api.host.jump_to("2026-10-27T12:00:00Z");
    api.host.step().await;
    for level in [CONF, BIG] {
        let list = api.get(level).await;
        let id = &list.body["results"][0]["id"];
        let runs = api.get(&format!("{level}{id}/runs/")).await;
        let outcomes: BTreeSet<&str> = runs.body["results"]
            .as_array()
            .expect("runs")
            .iter()
            .filter_map(|run| run["outcome"].as_str())
            .collect();
        assert!(outcomes.contains("missed") && outcomes.len() > 1, "{outcomes:?}");
    }
    api.get(&format!("{BIG}deleted_events/")).await;
    for path in ["/", "/healthz", "/readyz", DESCRIPTION] {
        api.ask("GET", path, Ask::default(), 200).await;
    }

    // A text and a file, which are no JSON, are compared in the host's own tests.
    let others = ["show_page", "show_event_page", "download_file"];
    for item in api.description["paths"].as_object().expect("paths").values() {
        for operation in item.as_object().expect("operations").values() {
            let Some(id) = operation["operationId"].as_str() else {
                continue;
            };
            let succeeded = api.seen.iter().any(|(seen, status)| seen == id && *status < 300);
            assert!(succeeded || others.contains(&id), "{id}");
        }
    }
}

#[tokio::test]
async fn every_error_is_as_it_is_described_in_both_formats() {
    let mut api = Comparison::start(host().await).await;
    let one = format!("{CONF}{}/", api.host.create(CONF, JOHN, &daily()).await);
    let preview = format!("{CONF}preview/");
    let form = format!("{one}form/");
    let (valid, large) = (daily().to_string(), "[".repeat(70_000));
    let key = ("idempotency-key", "k-1");
    let nested = but(
        daily(),
        json!({"export_form_data": {"_format": "pdf"}, "mail_subject": ""}),
    )
    .to_string();
    let json = ("content-type", "application/json");
    type Case<'a> = (
        u16,
        &'a str,
        &'a str,
        &'a str,
        &'a [(&'a str, &'a str)],
        Option<&'a str>,
    );
    let cases: [Case<'_>; 19] = [
        (201, "POST", CONF, JOHN, &[key, json], Some(&valid)),
        (400, "POST", CONF, JOHN, &[json], Some(&nested)),
        (400, "POST", CONF, JOHN, &[json], Some("{")),
        (400, "POST", CONF, JOHN, &[json], Some("[]")),
        (400, "POST", &preview, JOHN, &[json], Some("{}")),
        (400, "GET", &preview, JOHN, &[], None),
        (
            400,
            "POST",
            CONF,
            JOHN,
            &[json, ("prefer", "handling=strict")],
            Some(r#"{"subject": 1}"#),
        ),
        (400, "GET", CONF, JOHN, &[("prefer", "handling=strict")], None),
        (401, "GET", CONF, "", &[], None),
        (401, "GET", &one, "Bearer nobody", &[], None),
        (403, "POST", CONF, JOHN_READING, &[json], Some(&valid)),
        (403, "PATCH", &one, VERA, &[json], Some("{}")),
        (
            403,
            "GET",
            "/api/v1/organizers/nosuch/scheduled_exports/",
            JOHN,
            &[],
            None,
        ),
        (404, "GET", &form, MARY, &[], None),
        (412, "PATCH", &one, JOHN, &[json, ("if-match", "\"v99\"")], Some("{}")),
        (413, "POST", CONF, JOHN, &[json], Some(&large)),
        (415, "POST", CONF, JOHN, &[("content-type", "text/plain")], Some(&valid)),
        (422, "POST", CONF, JOHN, &[key, json], Some("{}")),
        (404, "GET", "/download/nosuch", "", &[], None),
    ];
    for (status, method, path, credentials, headers, body) in cases {
        for accept in ["application/json", "application/problem+json"] {
            let mut headers = headers.to_vec();
            headers.push(("accept", accept));
            let strict = headers.iter().any(|(name, _)| *name == "prefer");
            let path = if strict {
                format!("{path}?nosuch=1")
            } else {
                path.to_owned()
            };
            let ask = Ask {
                credentials,
                headers: &headers,
                body,
            };
            let answer = api.ask(method, &path, ask, status).await;
            let problem = status >= 400 && accept.contains("problem");
            assert_eq!(answer.header("content-type").contains("problem"), problem);
            assert_eq!(answer.header("preference-applied").is_empty(), !strict);
        }
    }
    let ask = Ask {
        credentials: JOHN,
        headers: &[("accept", "text/html")],
        body: None,
    };
    api.ask("GET", CONF, ask, 406).await;
}

#[tokio::test]
async fn a_strict_client_can_send_back_what_it_has_read_and_learns_of_a_misspelled_form_field() {
    let host = host().await;
    let one = format!("{CONF}{}/", host.create(CONF, JOHN, &daily()).await);
    let strict = [("prefer", "handling=strict")];
    let read = host.get(&one, JOHN).await.body.to_string();
    let put = host.request(Method::PUT, &one, JOHN, &strict, Some(&read)).await;
    assert_eq!((put.status, put.header("preference-applied")), (200, "handling=strict"));
    let body = json!({"export_form_data": {"date_rnge": "days_yesterday"}}).to_string();
    let patch = host.request(Method::PATCH, &one, JOHN, &strict, Some(&body)).await;
    assert_eq!(patch.status, 400);
    assert!(patch.body["export_form_data"]["date_rnge"].is_array(), "{}", patch.body);
    let lenient = host.request(Method::PATCH, &one, JOHN, &[], Some(&body)).await;
    assert_eq!((lenient.status, lenient.header("preference-applied")), (200, ""));
}

/// `docs/openapi.md` is the description, for reading. After a wanted change, `UPDATE_DOCS=1 cargo test -p tests the_openapi_page`
/// writes it anew.
#[tokio::test]
async fn the_openapi_page_is_what_the_description_says() {
    let host = host().await;
    let made = page::of(&host.get(DESCRIPTION, "").await.body);
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &made).expect("docs/openapi.md can be written");
    }
    let kept = std::fs::read_to_string(&path).expect("docs/openapi.md");
    assert!(
        kept == made,
        "docs/openapi.md is not what the description says: UPDATE_DOCS=1 cargo test -p tests the_openapi_page"
    );
}
