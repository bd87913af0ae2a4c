//! The description of the HTTP API as a page for reading.

use std::fmt::Write as _;

use serde_json::Value;

/// Where paths of an organizer begin; the page leaves it out.
const ORGANIZER: &str = "/api/v1/organizers/{organizer}/";
const EVENT: &str = "/api/v1/organizers/{organizer}/events/{event}/";

pub fn of(description: &Value) -> String {
    let mut page = String::from(
        "# OpenAPI reference\n\nMade from the description that a host serves at `/api/v1/openapi.json` (OpenAPI 3.1): change \
         `host-harness/server/src/api/table.rs`\nor `host-harness/server/src/api/documents.json`. [api.md](api.md) explains the API, with examples.\n",
    );
    let _ = writeln!(
        page,
        "\nPaths without a leading slash are below `{ORGANIZER}`; those marked \u{2020} also below `{EVENT}`."
    );
    operations(&mut page, description);
    errors(&mut page, description);
    headers(&mut page, description);
    schemas(&mut page, description);
    page
}

/// The members of an object in the description.
fn members<'a>(description: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    description
        .pointer(pointer)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

fn operations(page: &mut String, description: &Value) {
    let _ = writeln!(page, "\n## Operations\n");
    let paths = &description["paths"];
    for (path, item) in members(description, "/paths") {
        let below = path.strip_prefix(ORGANIZER);
        if below.is_some_and(|below| below.starts_with("events/")) {
            continue;
        }
        let both = below.is_some_and(|below| paths.get(format!("{EVENT}{below}")).is_some());
        for (method, operation) in item.as_object().into_iter().flatten() {
            let Some(id) = operation["operationId"].as_str() else {
                continue;
            };
            let mark = if both { " \u{2020}" } else { "" };
            let method = method.to_ascii_uppercase();
            let _ = writeln!(page, "### {id}\n\n`{method} {}`{mark}", below.unwrap_or(path));
            let _ = writeln!(page, "\n{}.\n", text(&operation["summary"]));
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if parameter["in"] == "query" {
                    let required = if parameter["required"] == true {
                        ", required"
                    } else {
                        ""
                    };
                    let (name, kind) = (text(&parameter["name"]), kind(&parameter["schema"]));
                    let _ = writeln!(
                        page,
                        "- `{name}` ({kind}{required}): {}",
                        text(&parameter["description"])
                    );
                }
            }
            let references = operation["parameters"].as_array().into_iter().flatten();
            let names = references
                .filter_map(|parameter| Some(format!("`{}`", parameter["$ref"].as_str()?.rsplit('/').next()?)));
            let _ = writeln!(page, "- Headers: {}", names.collect::<Vec<_>>().join(", "));
            if let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") {
                let optional = if operation["requestBody"]["required"] == true {
                    ""
                } else {
                    ", or none"
                };
                let _ = writeln!(page, "- Body: {}{optional}", kind(schema));
            }
            let _ = writeln!(page, "- Responses: {}\n", responses(&operation["responses"]));
        }
    }
}

/// Successes with their document, errors by their status.
fn responses(responses: &Value) -> String {
    let shown = responses.as_object().into_iter().flatten().map(|(status, response)| {
        let content = response.pointer("/content/application~1json/schema");
        match content.and_then(|schema| schema["$ref"].as_str()) {
            Some(_) => format!("{status} ({})", content.map(kind).unwrap_or_default()),
            None => status.clone(),
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn errors(page: &mut String, description: &Value) {
    let _ = writeln!(
        page,
        "## Errors\n\n| response | meaning | headers, besides those of every response |\n| --- | --- | --- |"
    );
    for (name, response) in members(description, "/components/responses") {
        let common = ["Vary", "Cache-Control", "X-Content-Type-Options", "X-Request-Id"];
        let headers = response["headers"].as_object().into_iter().flatten();
        let headers = headers
            .filter(|(name, _)| !common.contains(&&***name))
            .map(|(name, _)| format!("`{name}`"));
        let headers = headers.collect::<Vec<_>>().join(", ");
        let _ = writeln!(page, "| {name} | {} | {headers} |", text(&response["description"]));
    }
}

fn headers(page: &mut String, description: &Value) {
    for (title, pointer) in [
        ("Headers of requests", "/components/parameters"),
        ("Headers of responses", "/components/headers"),
    ] {
        let _ = writeln!(page, "\n## {title}\n\n| header | meaning |\n| --- | --- |");
        for (name, header) in members(description, pointer) {
            let _ = writeln!(page, "| `{name}` | {} |", text(&header["description"]));
        }
    }
}

fn schemas(page: &mut String, description: &Value) {
    let _ = writeln!(page, "\n## Schemas");
    for (name, schema) in members(description, "/components/schemas") {
        let _ = writeln!(page, "\n### {name}\n\n{}", text(&schema["description"]));
        let Some(fields) = schema["properties"].as_object().filter(|fields| !fields.is_empty()) else {
            let _ = writeln!(page, "\nType: {}", kind(schema));
            continue;
        };
        let _ = writeln!(page, "\n| field | type | |\n| --- | --- | --- |");
        for (field, schema_of_field) in fields {
            let required = schema["required"]
                .as_array()
                .is_some_and(|names| names.contains(&field.as_str().into()));
            let mut notes = Vec::from([text(&schema_of_field["description"]).to_owned()]);
            if required {
                notes.insert(0, "Required.".to_owned());
            }
            if schema_of_field["readOnly"] == true {
                notes.push("Read-only.".to_owned());
            }
            notes.retain(|note| !note.is_empty());
            let _ = writeln!(page, "| `{field}` | {} | {} |", kind(schema_of_field), notes.join(" "));
        }
    }
}

/// The type of a value, in few words.
fn kind(schema: &Value) -> String {
    if let Some(to) = schema["$ref"].as_str() {
        let name = to.rsplit('/').next().unwrap_or_default();
        return format!("[{name}](#{})", name.to_lowercase());
    }
    let alternatives = |schemas: &Value| {
        let kinds = schemas.as_array().into_iter().flatten().map(kind);
        kinds.collect::<Vec<_>>().join(" or ")
    };
    if schema["anyOf"].is_array() {
        return alternatives(&schema["anyOf"]);
    }
    if let Some(known) = schema["enum"].as_array() {
        let known = known.iter().map(|value| format!("`{}`", text(value)));
        return known.collect::<Vec<_>>().join(", ");
    }
    if let Some(value) = schema.get("const") {
        return format!("`{}`", text(value));
    }
    let names = match &schema["type"] {
        Value::String(name) => name.clone(),
        Value::Array(names) => names.iter().map(text).collect::<Vec<_>>().join(" or "),
        _ => "any".to_owned(),
    };
    let mut kind = match schema.get("items") {
        Some(items) => format!("{names} of {}", self::kind(items)),
        None => names,
    };
    if let Some(format) = schema["format"].as_str() {
        let _ = write!(kind, ", {format}");
    }
    if let (Some(least), Some(most)) = (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
        let _ = write!(kind, ", {least} to {most}");
    }
    if let Some(default) = schema.get("default") {
        let _ = write!(kind, ", default {default}");
    }
    kind
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
