//! JSON Schemas of the documents of the API.
//!
//! `documents.json` has those that the component reads and returns. A view of the component that returns them can take its place:
//! nothing else in this crate knows a field of a document.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

const DOCUMENTS: &str = include_str!("documents.json");
/// Where a schema of the description is.
pub(super) const PLACE: &str = "#/components/schemas/";

/// Every schema except those of pages, by its name.
pub(super) static ALL: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let mut schemas: Map<String, Value> = serde_json::from_str(DOCUMENTS).expect("documents.json is an object");
    let mut patch = schemas["ScheduleInput"].clone();
    if let Value::Object(patch) = &mut patch {
        patch.remove("required");
        patch["description"] = "The fields of a schedule that change.".into();
    }
    schemas.insert("SchedulePatch".to_owned(), patch);
    // A preview is of a rule, or of a whole schedule with it.
    let whole = schemas["ScheduleInput"]["properties"].clone();
    if let (Value::Object(whole), Value::Object(fields)) = (whole, &mut schemas["PreviewInput"]["properties"]) {
        for (name, schema) in whole {
            fields.entry(name).or_insert(schema);
        }
    }
    let mut changes = schemas["PreviewInput"].clone();
    if let Value::Object(changes) = &mut changes {
        changes.remove("required");
        changes["description"] = "The fields of a schedule that a preview changes.".into();
    }
    schemas.insert("PreviewChanges".to_owned(), changes);
    let own = own();
    schemas.extend(own.as_object().cloned().unwrap_or_default());
    schemas
});

/// The names of the fields of a schema.
pub(super) fn fields(schema: &str) -> Vec<String> {
    match &ALL[schema]["properties"] {
        Value::Object(fields) => fields.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("{PLACE}{name}")})
}

/// The name of the schema for a page of these documents.
pub(super) fn page_name(of: &str) -> String {
    format!("{of}Page")
}

/// The schema for a page of these documents.
pub(super) fn page(of: &str) -> Value {
    let link = json!({"type": ["string", "null"], "format": "uri-reference"});
    json!({
        "description": "A page of a list. `next` and `previous` are URLs, or null if there is no such page.",
        "type": "object",
        "required": ["count", "next", "previous", "results"],
        "properties": {
            "count": {"description": "Rows of all pages.", "type": "integer", "minimum": 0},
            "next": link,
            "previous": link,
            "results": {"type": "array", "maxItems": 50, "items": reference(of)},
        },
    })
}

/// The documents that the host itself makes.
fn own() -> Value {
    let path = json!({"type": "string"});
    json!({
        "DeletedEvent": {
            "description": "A deleted event that still has schedules.",
            "type": "object",
            "required": ["event", "name", "schedules", "path"],
            "properties": {
                "event": {"description": "The slug that it had.", "type": "string"},
                "name": {"type": "string"},
                "schedules": {"description": "How many are left.", "type": "integer", "minimum": 1},
                "path": {"description": "The list of these schedules.", "type": "string"},
            },
        },
        "Home": {
            "description": "The paths of this API.",
            "type": "object",
            "required": ["scheduled_exports", "health", "readiness", "description", "documentation"],
            "properties": {
                "scheduled_exports": {"type": "array", "items": path},
                "health": path,
                "readiness": path,
                "description": path,
                "documentation": path,
            },
        },
        "Health": {
            "description": "The store responds.",
            "type": "object",
            "required": ["status"],
            "properties": {
                "status": {"const": "ok"},
                "mail": {
                    "description": "Only while no mail can be sent.",
                    "type": "object",
                    "required": ["trouble", "since"],
                    "properties": {
                        "trouble": {"type": "string"},
                        "since": {"type": ["string", "null"], "format": "date-time"},
                    },
                },
            },
        },
        "Readiness": {
            "description": "The store can be written.",
            "type": "object",
            "required": ["status"],
            "properties": {"status": {"const": "ready"}},
        },
        "Detail": {
            "description": "An error that concerns no field.",
            "type": "object",
            "required": ["detail"],
            "properties": {"detail": {"description": "In the language of the request.", "type": "string"}},
            "additionalProperties": false,
        },
        "FieldErrors": {
            "description": "Messages by field, nested like the document. `non_field_errors` concern no single field.",
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "anyOf": [
                    {"type": "array", "items": {"type": "string"}, "minItems": 1},
                    reference("FieldErrors"),
                ],
            },
        },
        "Problem": {
            "description": "An error as problem details (RFC 9457).",
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": {"const": "about:blank"},
                "title": {"description": "The phrase of the status, in English.", "type": "string"},
                "status": {"type": "integer", "minimum": 300, "maximum": 599},
                "detail": {"description": "In the language of the request.", "type": "string"},
                "errors": {
                    "description": "Only if fields are invalid.",
                    "type": "array",
                    "minItems": 1,
                    "items": reference("ProblemError"),
                },
            },
        },
        "ProblemError": {
            "description": "What is wrong with a field.",
            "type": "object",
            "required": ["pointer", "code", "params", "detail"],
            "properties": {
                "pointer": {
                    "description": "JSON Pointer (RFC 6901) of the field; empty for the whole document.",
                    "type": "string",
                },
                "code": {"description": "Machine-readable.", "type": "string"},
                "params": {"description": "Values that the message contains.", "type": "object", "additionalProperties": true},
                "detail": {"description": "In the language of the request.", "type": "string"},
            },
        },
    })
}
