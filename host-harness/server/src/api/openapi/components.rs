//! What the operations of the description share: security schemes, headers and errors.

use serde_json::{Map, Value, json};

use super::super::schemas::reference;

/// The headers of requests, besides `Accept`, `Authorization` and `Content-Type`.
pub fn header_parameters() -> Value {
    let key = json!({"type": "string", "pattern": "^[!-~]{1,255}$"});
    let text = json!({"type": "string"});
    let parameters = [
        (
            "Accept-Language",
            "Preferred language of messages: `en` or `de`.",
            text.clone(),
        ),
        (
            "X-Request-Id",
            "The client's id of this request, which the response and the log have; otherwise the host makes one.",
            json!({"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$"}),
        ),
        (
            "Prefer",
            "With `handling=strict` (RFC 7240), an unknown field of the body or parameter of the query is a 400.",
            json!({"type": "string", "examples": ["handling=strict"]}),
        ),
        (
            "Idempotency-Key",
            "A new key for each operation. A request that is repeated with its key gets the first response.",
            key.clone(),
        ),
        (
            "X-Idempotency-Key",
            "Another name of `Idempotency-Key`; both must not differ.",
            key,
        ),
        (
            "If-Match",
            "The request is a 412 unless one of these is the current `ETag`.",
            text.clone(),
        ),
        (
            "If-None-Match",
            "The request is a 412, and a GET a 304, if one of these is the current `ETag`.",
            text.clone(),
        ),
        ("Range", "One range of bytes; any other value is ignored.", text.clone()),
        (
            "If-Range",
            "`Range` is ignored unless this is the current `ETag`.",
            text,
        ),
    ];
    let parameter = |(name, description, schema): (&str, &str, Value)| {
        let parameter = json!({"name": name, "in": "header", "description": description, "schema": schema});
        (name.to_owned(), parameter)
    };
    parameters.into_iter().map(parameter).collect::<Map<_, _>>().into()
}

/// The schemes of `Authorization`.
pub fn security_schemes() -> Value {
    let header = |scheme: &str, whose: &str| {
        json!({
            "type": "apiKey", "in": "header", "name": "Authorization",
            "description": format!("`{scheme}`, a space and the token of {whose}."),
        })
    };
    json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": "An OAuth token of a user, with the scopes `read` and `write`."},
        "token": header("Token", "a team"),
        "device": header("Device", "a device"),
    })
}

/// What every response of the API has.
pub const COMMON_HEADERS: [&str; 4] = ["Vary", "Cache-Control", "X-Content-Type-Options", "X-Request-Id"];

/// References to the headers of these names.
pub fn header_references(names: &[&str]) -> Value {
    let reference = |name: &&str| {
        (
            (*name).to_owned(),
            json!({"$ref": format!("#/components/headers/{name}")}),
        )
    };
    names.iter().map(reference).collect::<Map<_, _>>().into()
}

/// The headers of responses.
pub fn headers() -> Value {
    let header = |(name, required, description): (&str, bool, &str)| {
        let header = json!({"required": required, "description": description, "schema": {"type": "string"}});
        (name.to_owned(), header)
    };
    let headers = [
        ("Vary", true, "`Accept, Accept-Language, Authorization`."),
        (
            "Cache-Control",
            true,
            "`private, no-store`, except for the description of the API.",
        ),
        ("X-Content-Type-Options", true, "`nosniff`."),
        ("X-Request-Id", true, "The id of this request."),
        ("ETag", true, "The version, for `If-Match` and `If-None-Match`."),
        ("Location", true, "URL of the created schedule."),
        ("Allow", true, "The methods of this path."),
        (
            "WWW-Authenticate",
            true,
            "The schemes of `Authorization`, with the error of the one that was used.",
        ),
        ("Retry-After", true, "Seconds to wait before the request is repeated."),
        ("Accept-Ranges", true, "`bytes`."),
        ("Content-Disposition", true, "`attachment`, with the name of the file."),
        ("Content-Length", true, "In bytes."),
        (
            "Content-Range",
            true,
            "Which bytes these are, and the size of the file.",
        ),
        ("Preference-Applied", false, "`handling=strict` if names were checked."),
        (
            "Idempotency-Replayed",
            false,
            "`true` if this is the response to an earlier request with this key.",
        ),
        // Two statuses have them in some cases only.
        (
            "Challenge",
            false,
            "`WWW-Authenticate`, if the scope of the token is too small.",
        ),
        (
            "Retry",
            false,
            "Seconds to wait before the request is repeated, if the first request is still running.",
        ),
    ];
    let mut headers: Map<String, Value> = headers.into_iter().map(header).collect();
    headers["Retry-After"]["schema"] = json!({"type": "string", "pattern": "^[0-9]+$"});
    headers.into()
}

/// The errors, each with the headers that it always has.
pub fn errors() -> Map<String, Value> {
    let detail = || reference("Detail");
    let invalid = || json!({"anyOf": [detail(), reference("FieldErrors")]});
    let error = |(name, description, schema, headers): (&str, &str, Value, &[(&str, &str)])| {
        // The HTTP parser and the limit of connections respond without these.
        let common = if ["Error400", "Error400OfHost", "Error503"].contains(&name) {
            &[][..]
        } else {
            &COMMON_HEADERS
        };
        let mut all = header_references(common);
        for (name, component) in headers {
            all[*name] = json!({"$ref": format!("#/components/headers/{component}")});
        }
        let content = json!({
            "application/json": {"schema": schema},
            "application/problem+json": {"schema": reference("Problem")},
        });
        (
            name.to_owned(),
            json!({"description": description, "headers": all, "content": content}),
        )
    };
    let errors = [
        (
            "Error400",
            "The body, a parameter or an idempotency key is invalid, or `Host` is.",
            invalid(),
            &[("Preference-Applied", "Preference-Applied")][..],
        ),
        ("Error400OfHost", "`Host` is missing or invalid.", detail(), &[]),
        (
            "Error401",
            "The credentials are missing, unknown, expired or revoked.",
            detail(),
            &[("WWW-Authenticate", "WWW-Authenticate")],
        ),
        (
            "Error403",
            "No such organizer or event for this caller, or the caller is not allowed to do this.",
            detail(),
            &[("WWW-Authenticate", "Challenge")],
        ),
        ("Error404", "It does not exist, or not for this caller.", detail(), &[]),
        (
            "Error405",
            "The path has no such method.",
            detail(),
            &[("Allow", "Allow")],
        ),
        ("Error406", "`Accept` excludes JSON.", detail(), &[]),
        ("Error408", "The body did not arrive in time.", detail(), &[]),
        (
            "Error409",
            "The first request with this idempotency key is still running, or another one has taken over.",
            detail(),
            &[("Retry-After", "Retry")],
        ),
        (
            "Error412",
            "`If-Match` or `If-None-Match` does not hold.",
            detail(),
            &[],
        ),
        ("Error413", "The body is too large.", detail(), &[]),
        ("Error415", "The body is not declared as JSON in UTF-8.", detail(), &[]),
        (
            "Error416",
            "The range is past the end of the file.",
            detail(),
            &[("Content-Range", "Content-Range")],
        ),
        (
            "Error422",
            "The idempotency key was used for another request.",
            detail(),
            &[],
        ),
        (
            "Error429",
            "A limit is reached.",
            detail(),
            &[("Retry-After", "Retry-After")],
        ),
        ("Error500", "An error of the host. Nothing was changed.", detail(), &[]),
        ("Error501", "The transfer coding is not supported.", detail(), &[]),
        (
            "Error503",
            "A part of the host is unavailable.",
            detail(),
            &[("Retry-After", "Retry-After")],
        ),
    ];
    let mut errors: Map<String, Value> = errors.into_iter().map(error).collect();
    errors.insert(
        "Error431".to_owned(),
        json!({"description": "The request headers are too large."}),
    );
    errors
}
