//! The description of the API (OpenAPI 3.1), made of the [table](super::table) and the [schemas](super::schemas).

mod components;

use std::sync::OnceLock;

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, ETAG, HeaderValue, IF_NONE_MATCH};
use axum::http::request::Parts;
use data_encoding::HEXLOWER;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::etag::Tags;
use super::reply::Reply;
use super::routes::{TokenScope, allow, paths};
use super::row::{Level, Row, Success};
use super::schemas::{self, reference};
use super::table::ROOT;
use components::{COMMON_HEADERS, header_references};

/// The description of one host, made when it is first asked for.
#[derive(Default)]
pub(super) struct Description(OnceLock<(Vec<u8>, String)>);

impl Description {
    /// The response. It is the same for everybody, so caches can keep it.
    pub fn reply(&self, parts: &Parts, base: Option<&str>) -> Reply {
        let (text, tag) = self.0.get_or_init(|| {
            let text = document(base).to_string().into_bytes();
            let tag = format!("\"{}\"", &HEXLOWER.encode(&Sha256::digest(&text))[..32]);
            (text, tag)
        });
        let known = Tags::of(&parts.headers, &IF_NONE_MATCH).is_some_and(|tags| tags.names(tag));
        let reply = match known {
            true => Reply::new(StatusCode::NOT_MODIFIED, Vec::new()),
            false => Reply::new(StatusCode::OK, text.clone()),
        };
        reply
            .with(ETAG, tag.as_str())
            .with(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"))
    }
}

/// The description, with paths that are relative to `base`.
pub(super) fn document(base: Option<&str>) -> Value {
    let mut paths = Map::new();
    for rows in self::paths().filter(|rows| rows[0].operation.is_some()) {
        for (prefix, suffix) in prefixes(rows[0].level) {
            let path = format!("{prefix}{}", rows[0].path);
            let mut item = Map::new();
            item.insert("parameters".to_owned(), names(&path));
            item.insert("description".to_owned(), format!("`Allow: {}`", allow(rows)).into());
            for row in rows {
                item.insert(row.method.to_ascii_lowercase(), operation(row, suffix));
            }
            paths.insert(path, item.into());
        }
    }
    let mut document = json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Scheduled exports",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT"},
            "description": "Scheduled data exports by mail. `HEAD` works wherever `GET` does. `OPTIONS` returns 204 with `Allow`; any other \
                method is a 405 with `Allow`. Paths end with a slash: without it, `GET` and `HEAD` get a 301, and writes get a 404. Errors of \
                the HTTP parser (400, 431) have no body.",
        },
        "tags": [
            {"name": "schedules", "description": "Schedules of an organizer or event."},
            {"name": "exporters", "description": "The exporters that the caller can run."},
            {"name": "host", "description": "Paths that need no credentials."},
        ],
        "paths": paths,
        "components": {
            "securitySchemes": components::security_schemes(),
            "schemas": all_schemas(),
            "parameters": components::header_parameters(),
            "headers": components::headers(),
            "responses": components::errors(),
        },
    });
    if let Some(base) = base {
        document["servers"] = json!([{"url": base}]);
    }
    document
}

/// Where paths of this level begin, and how the ids of their operations end.
fn prefixes(level: Level) -> Vec<(String, &'static str)> {
    let organizer = (format!("{ROOT}{{organizer}}/"), "");
    match level {
        Level::Host => vec![(String::new(), "")],
        Level::Organizer => vec![organizer],
        Level::Both => vec![
            organizer,
            (format!("{ROOT}{{organizer}}/events/{{event}}/"), "_of_event"),
        ],
    }
}

fn operation(row: &Row, suffix: &str) -> Value {
    let tag = match row.level {
        Level::Host => "host",
        _ if row.path.starts_with("exporters/") => "exporters",
        _ => "schedules",
    };
    let mut parameters: Vec<Value> = row
        .query
        .iter()
        .map(|parameter| {
            let schema: Value = serde_json::from_str(parameter.schema).expect("a schema of the table is JSON");
            json!({
                "name": parameter.name, "in": "query", "required": parameter.required,
                "description": parameter.description, "schema": schema,
            })
        })
        .collect();
    parameters.extend(
        header_names(row)
            .into_iter()
            .map(|name| json!({"$ref": format!("#/components/parameters/{name}")})),
    );
    let responses: Map<String, Value> = row
        .statuses()
        .into_iter()
        .map(|status| (status.to_string(), response(row, status)))
        .collect();
    let mut operation = json!({
        "operationId": format!("{}{suffix}", row.operation.unwrap_or_default()),
        "summary": row.summary,
        "tags": [tag],
        "security": security(row),
        "parameters": parameters,
        "responses": responses,
    });
    if let Some((schema, required)) = row.body {
        operation["requestBody"] = json!({
            "description": "JSON in UTF-8, of at most 65,536 bytes.",
            "required": required,
            "content": {"application/json": {"schema": reference(schema)}},
        });
    }
    operation
}

/// The names in a path.
fn names(path: &str) -> Value {
    let names = path.split('/').filter(|segment| segment.starts_with('{'));
    let parameter = |segment: &str| {
        let name = segment.trim_matches(['{', '}']);
        let (description, schema) = match name {
            "organizer" => (
                "Slug of the organizer.",
                json!({"type": "string", "minLength": 1, "maxLength": 255}),
            ),
            "event" => (
                "Slug of the event; of a deleted one, `slug~number`.",
                json!({"type": "string", "minLength": 1, "maxLength": 255}),
            ),
            "id" => ("Id of the schedule.", reference("Id")),
            "run" => ("Id of the run.", reference("Id")),
            "secret" => (
                "The secret of a link in a mail.",
                json!({"type": "string", "minLength": 1}),
            ),
            _ => (
                "Identifier of the exporter.",
                json!({"type": "string", "minLength": 1, "maxLength": 255}),
            ),
        };
        json!({"name": name, "in": "path", "required": true, "description": description, "schema": schema})
    };
    names.map(parameter).collect()
}

/// The headers of a request that an operation looks at, besides `Accept`, `Authorization` and `Content-Type`.
fn header_names(row: &Row) -> Vec<&'static str> {
    let mut names = vec!["Accept-Language", "X-Request-Id"];
    match row.success {
        Success::File => names.extend(["Range", "If-Range", "If-Match", "If-None-Match"]),
        Success::Description => names.push("If-None-Match"),
        _ => {}
    }
    if row.level != Level::Host {
        names.push("Prefer");
    }
    if !row.is_read() {
        names.extend(["Idempotency-Key", "X-Idempotency-Key"]);
    }
    if row.conditional {
        names.extend(["If-Match", "If-None-Match"]);
    }
    names
}

/// Any of these is enough. Only bearer tokens have scopes.
fn security(row: &Row) -> Value {
    if row.level == Level::Host {
        return json!([]);
    }
    let scopes = match row.scope {
        TokenScope::Read => &["read"][..],
        TokenScope::Write => &["write"],
        TokenScope::Either => &["read", "write"],
    };
    let bearer = scopes.iter().map(|scope| json!({"bearer": [scope]}));
    bearer.chain([json!({"token": []}), json!({"device": []})]).collect()
}

/// The schemas of documents, and of each page that a row returns.
fn all_schemas() -> Map<String, Value> {
    let mut all = schemas::ALL.clone();
    for row in self::paths().flatten() {
        if let Success::PageOf(of) = row.success {
            all.insert(schemas::page_name(of), schemas::page(of));
        }
    }
    all
}

fn response(row: &Row, status: u16) -> Value {
    let json_of = |schema: Value| json!({"application/json": {"schema": schema}});
    let bytes = || json!({"*/*": {"schema": {}}});
    let (description, content, names) = match (status, row.success) {
        (200, Success::Document(schema)) => ("The document.", json_of(reference(schema)), vec![]),
        (200, Success::PageOf(schema)) => (
            "The page. `next` and `previous` have the URLs of the pages around it.",
            json_of(reference(&schemas::page_name(schema))),
            vec![],
        ),
        (200, Success::Versioned(schema)) => ("The document.", json_of(reference(schema)), vec!["ETag"]),
        (201, Success::Created(schema)) => ("Created.", json_of(reference(schema)), vec!["ETag", "Location"]),
        (202, Success::Accepted(schema)) => {
            // What is not stored has no run history.
            let names = if row.path.contains("{id}") {
                vec!["Location"]
            } else {
                vec![]
            };
            ("Requested.", json_of(reference(schema)), names)
        }
        (204, Success::Nothing) => ("Deleted.", Value::Null, vec![]),
        (200, Success::Text) => (
            "A text for people.",
            json!({"text/plain": {"schema": {"type": "string"}}}),
            vec![],
        ),
        (200, Success::File) => (
            "The file.",
            bytes(),
            vec!["ETag", "Accept-Ranges", "Content-Disposition", "Content-Length"],
        ),
        (206, Success::File) => (
            "A part of the file.",
            bytes(),
            vec![
                "ETag",
                "Accept-Ranges",
                "Content-Disposition",
                "Content-Length",
                "Content-Range",
            ],
        ),
        (304, _) => ("Not modified.", Value::Null, vec!["ETag"]),
        (200, Success::Description) => ("This description.", json_of(json!({"type": "object"})), vec!["ETag"]),
        // A health check without a store, say.
        _ => return json!({"$ref": format!("#/components/responses/{}", error_name(row, status))}),
    };
    let mut names: Vec<&str> = COMMON_HEADERS.into_iter().chain(names).collect();
    if row.level != Level::Host {
        names.push("Preference-Applied");
    }
    if !row.is_read() {
        names.push("Idempotency-Replayed");
    }
    let mut response = json!({"description": description, "headers": header_references(&names)});
    if !content.is_null() {
        response["content"] = content;
    }
    response
}

/// The name of the component that describes this error.
fn error_name(row: &Row, status: u16) -> String {
    match (status, row.level) {
        (400, Level::Host) => "Error400OfHost".to_owned(),
        _ => format!("Error{status}"),
    }
}
