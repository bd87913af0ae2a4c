//! Why a request is refused, and what that looks like over HTTP.

use axum::http::StatusCode;
use axum::http::header::{
    ALLOW, CONNECTION, CONTENT_RANGE, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use plugin::language::Language;
use scheduled_exports_host::contract::{FieldError, Problem};
use scheduled_exports_store::usage::Exceeded;
use serde_json::{Map, Value, json};

use super::backend::Fault;
use super::credentials::{Challenge, Shown};
use super::links::BadHost;
use super::messages;
use super::negotiation::{ErrorFormat, PROBLEM_JSON, UnsupportedBody};
use super::reply::Reply;
use crate::service::CallError;

/// Seconds after which a client may ask again while the store is away.
const RETRY_AWAY: u32 = 5;
/// … while others fetch files, which takes a while,
const RETRY_DOWNLOAD: u32 = 10;
/// … and while the first request with its idempotency key is running, or no place is free.
const RETRY_RUNNING: u32 = 1;
/// Deeper paths of field errors are cut off: nothing we know nests further.
const DEEPEST: usize = 8;
/// The key of what concerns no single field.
const NO_FIELD: &str = "non_field_errors";

/// Why a request is refused. [`messages`] has the words, [`Refusal::reply`] the shape.
#[derive(Debug, PartialEq)]
pub(super) enum Refusal {
    UnknownPath,
    /// Reading, without the slash at the end: it is there.
    Moved {
        location: String,
    },
    /// Writing, without the slash at the end: this path has it.
    MissingSlash {
        path: String,
    },
    MethodNotAllowed {
        allow: String,
    },
    /// Credentials are missing, or nobody's.
    Unauthorized(Shown),
    /// No such organizer or event, or no rights there.
    NoAccess,
    Disabled,
    EventDeleted,
    NoReadScope,
    NoWriteScope,
    NotFound,
    NoSuchPage,
    NotAcceptable,
    UnsupportedBody(UnsupportedBody),
    BodyTooLarge {
        limit: usize,
    },
    BodyTooSlow,
    BodyBroken,
    BodyNotUtf8,
    /// In UTF-16 or UTF-32, as files of some programs are.
    BodyWide,
    /// A byte order mark that is not the first character, or a second one.
    BodyMark,
    /// The body is compressed, say, on its way.
    TransferCoding,
    BadKey,
    SeveralKeys,
    KeyInUse,
    KeyOfAnother,
    Superseded,
    Malformed(String),
    Invalid(Vec<FieldError>),
    Forbidden(String),
    Stale,
    /// `If-None-Match` names what is there.
    Exists,
    /// A file is asked for from behind its end.
    NoSuchRange {
        size: u64,
    },
    /// The file of this link is being sent to as many as may have it at a time.
    LinkInUse,
    /// So many files are being sent as may be at a time.
    TooManyDownloads,
    /// The request has no usable `Host`.
    BadHost(BadHost),
    /// A code, and the words of the component.
    Other(String, String),
    /// The caller has used as much as the host's limits leave.
    Exceeded(Exceeded),
    /// More often than the plugin or the host allows.
    TooMany {
        seconds: u32,
        said: String,
    },
    /// No place became free in time: too many calls of this organizer, or of all.
    Busy,
    /// The words are for the log.
    Away(String),
    /// The words are for the log.
    Broken(String),
}

impl Refusal {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Moved { .. } => StatusCode::MOVED_PERMANENTLY,
            Self::Malformed(_)
            | Self::Invalid(_)
            | Self::Other(..)
            | Self::BadKey
            | Self::SeveralKeys
            | Self::BodyBroken
            | Self::BodyNotUtf8
            | Self::BodyWide
            | Self::BodyMark
            | Self::BadHost(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::NoAccess
            | Self::Disabled
            | Self::EventDeleted
            | Self::NoReadScope
            | Self::NoWriteScope
            | Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::UnknownPath | Self::MissingSlash { .. } | Self::NotFound | Self::NoSuchPage => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::KeyInUse | Self::Superseded => StatusCode::CONFLICT,
            Self::Stale | Self::Exists => StatusCode::PRECONDITION_FAILED,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoSuchRange { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::LinkInUse => StatusCode::TOO_MANY_REQUESTS,
            Self::UnsupportedBody(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::KeyOfAnother => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Exceeded(_) | Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::TransferCoding => StatusCode::NOT_IMPLEMENTED,
            Self::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Busy | Self::Away(_) | Self::TooManyDownloads => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The whole response.
    pub fn reply(&self, language: Language, format: ErrorFormat) -> Reply {
        let mut reply = match format {
            ErrorFormat::Json => Reply::new(self.status(), self.body(language)),
            ErrorFormat::Problem => Reply::new(self.status(), self.problem_details(language))
                .with(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON)),
        };
        let header = match self {
            Self::Moved { location } => HeaderValue::try_from(location).ok().map(|value| (LOCATION, value)),
            Self::MethodNotAllowed { allow } => HeaderValue::try_from(allow).ok().map(|value| (ALLOW, value)),
            Self::Unauthorized(shown) => Some((WWW_AUTHENTICATE, Challenge::InvalidToken(*shown).value())),
            Self::NoReadScope => Some((WWW_AUTHENTICATE, Challenge::InsufficientScope("read").value())),
            Self::NoWriteScope => Some((WWW_AUTHENTICATE, Challenge::InsufficientScope("write").value())),
            Self::KeyInUse | Self::Busy => Some((RETRY_AFTER, RETRY_RUNNING.into())),
            Self::Exceeded(exceeded) => Some((RETRY_AFTER, exceeded.retry_after.into())),
            Self::TooMany { seconds, .. } => Some((RETRY_AFTER, (*seconds).into())),
            Self::Away(_) => Some((RETRY_AFTER, RETRY_AWAY.into())),
            Self::LinkInUse | Self::TooManyDownloads => Some((RETRY_AFTER, RETRY_DOWNLOAD.into())),
            Self::NoSuchRange { size } => HeaderValue::try_from(format!("bytes */{size}"))
                .ok()
                .map(|value| (CONTENT_RANGE, value)),
            // The rest of the body is not read, so nothing can follow on this connection.
            Self::BodyTooSlow | Self::BodyBroken | Self::BadHost(_) | Self::TransferCoding => {
                Some((CONNECTION, HeaderValue::from_static("close")))
            }
            _ => None,
        };
        reply.headers.extend(header);
        reply
    }

    /// The JSON text alone.
    pub fn body(&self, language: Language) -> Vec<u8> {
        let body = match self {
            Self::Invalid(errors) => by_field(errors),
            Self::Other(_, said) => json!({ NO_FIELD: [said] }),
            _ => json!({ "detail": messages::detail(self, language) }),
        };
        body.to_string().into_bytes()
    }

    /// The same as problem details (RFC 9457). The status says what kind of problem it is, so `type` is `about:blank`.
    fn problem_details(&self, language: Language) -> Vec<u8> {
        let status = self.status();
        let mut problem = json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": messages::detail(self, language),
        });
        let error = |path: &[String], code: &str, params: &[(String, String)], message: &str| {
            let params: Map<String, Value> = params
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().into()))
                .collect();
            json!({"pointer": pointer(path), "code": code, "params": params, "detail": message})
        };
        match self {
            Self::Invalid(errors) => {
                let errors = errors
                    .iter()
                    .map(|one| error(shown(&one.path), &one.code, &one.params, &one.message));
                problem["errors"] = errors.collect();
            }
            Self::Other(code, said) => problem["errors"] = json!([error(&[], code, &[], said)]),
            _ => {}
        }
        problem.to_string().into_bytes()
    }

    /// Writes down what the client is not told.
    pub fn log(&self) {
        match self {
            Self::Away(why) => tracing::warn!(why, "store or platform unavailable"),
            Self::Broken(why) => tracing::error!(why, "request failed"),
            _ => {}
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Malformed(said) => Self::Malformed(said),
            Problem::Invalid(errors) => Self::Invalid(errors),
            Problem::Forbidden(said) => Self::Forbidden(said),
            Problem::NotFound => Self::NotFound,
            Problem::Stale => Self::Stale,
            Problem::Unavailable(why) => Self::Away(why),
            Problem::TooMany((seconds, said)) => Self::TooMany { seconds, said },
            Problem::Other((code, said)) => Self::Other(code, said),
        }
    }
}

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Problem(problem) => problem.into(),
            CallError::Unavailable(why) => Self::Away(why),
            CallError::Busy => Self::Busy,
            CallError::Exceeded(exceeded) => Self::Exceeded(exceeded),
            CallError::Superseded => Self::Superseded,
            CallError::Trapped(why) => Self::Broken(why),
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Away(why) => Self::Away(why),
            Fault::Broken(why) => Self::Broken(why),
        }
    }
}

/// `{"field": ["message", …]}`, nested by path.
fn by_field(errors: &[FieldError]) -> Value {
    let mut fields = Map::new();
    for error in errors {
        put(&mut fields, shown(&error.path), &error.message);
    }
    Value::Object(fields)
}

/// As much of the path of a field as errors name.
fn shown(path: &[String]) -> &[String] {
    &path[..path.len().min(DEEPEST)]
}

/// The JSON Pointer (RFC 6901) of a field; empty for the whole document.
fn pointer(path: &[String]) -> String {
    path.iter()
        .map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1")))
        .collect()
}

fn put(fields: &mut Map<String, Value>, path: &[String], message: &str) {
    let (name, deeper) = match path {
        [] => (NO_FIELD, [].as_slice()),
        [name, deeper @ ..] => (name.as_str(), deeper),
    };
    let slot = fields.entry(name).or_insert_with(|| json!([]));
    if deeper.is_empty() {
        match slot {
            Value::Array(messages) => messages.push(message.into()),
            Value::Object(inner) => put(inner, &[], message),
            _ => {}
        }
        return;
    }
    if let Value::Array(of_the_whole) = slot {
        // There may be messages of the field as a whole already; they move inside.
        let mut inner = Map::new();
        if !of_the_whole.is_empty() {
            inner.insert(NO_FIELD.to_owned(), Value::Array(std::mem::take(of_the_whole)));
        }
        *slot = Value::Object(inner);
    }
    if let Value::Object(inner) = slot {
        put(inner, deeper, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invalid(errors: &[(&[&str], &str)]) -> String {
        let errors = errors.iter().map(|(path, message)| FieldError {
            params: Vec::new(),
            path: path.iter().map(ToString::to_string).collect(),
            code: "wrong".into(),
            message: (*message).into(),
        });
        String::from_utf8(Refusal::Invalid(errors.collect()).body(Language::English)).expect("JSON")
    }

    #[test]
    fn field_errors_are_nested_by_their_path() {
        assert_eq!(
            invalid(&[
                (&["mail_subject"], "blank"),
                (&["export_form_data", "date_range"], "unknown"),
                (&["mail_subject"], "long"),
                (&["export_form_data", "_format"], "not a choice"),
            ]),
            r#"{"mail_subject":["blank","long"],"export_form_data":{"date_range":["unknown"],"_format":["not a choice"]}}"#
        );
    }

    #[test]
    fn what_concerns_no_single_field_is_a_non_field_error() {
        assert_eq!(invalid(&[(&[], "no object")]), r#"{"non_field_errors":["no object"]}"#);
        let other = Refusal::Other("quota".into(), "over the quota".into()).body(Language::German);
        assert_eq!(other, br#"{"non_field_errors":["over the quota"]}"#);
    }

    #[test]
    fn errors_of_a_field_and_of_its_parts_are_both_kept_in_either_order() {
        let both = r#"{"form":{"non_field_errors":["whole"],"part":["half"]}}"#;
        assert_eq!(invalid(&[(&["form"], "whole"), (&["form", "part"], "half")]), both);
        let both = r#"{"form":{"part":["half"],"non_field_errors":["whole"]}}"#;
        assert_eq!(invalid(&[(&["form", "part"], "half"), (&["form"], "whole")]), both);
    }

    #[test]
    fn a_bottomless_path_is_cut() {
        let path = vec!["a"; 100_000];
        assert_eq!(invalid(&[(&path, "deep")]).matches("\"a\"").count(), DEEPEST);
    }

    fn problem(refusal: &Refusal) -> Value {
        let reply = refusal.reply(Language::English, ErrorFormat::Problem);
        assert_eq!(reply.headers[CONTENT_TYPE], PROBLEM_JSON);
        serde_json::from_slice(&reply.body).expect("JSON")
    }

    #[test]
    fn problem_details_point_to_each_field_by_its_json_pointer() {
        let error = |path: &[&str], code: &str| FieldError {
            params: vec![("field".into(), path.join("."))],
            path: path.iter().map(ToString::to_string).collect(),
            code: code.into(),
            message: format!("{code}."),
        };
        let errors = [error(&["form", "a/b~c"], "blank"), error(&[], "quota")];
        assert_eq!(
            problem(&Refusal::Invalid(errors.to_vec())),
            json!({
                "type": "about:blank", "title": "Bad Request", "status": 400, "detail": "The request body is not valid.",
                "errors": [
                    {"pointer": "/form/a~1b~0c", "code": "blank", "params": {"field": "form.a/b~c"}, "detail": "blank."},
                    {"pointer": "", "code": "quota", "params": {"field": ""}, "detail": "quota."},
                ],
            })
        );
        let other = problem(&Refusal::Other("quota".into(), "Over the quota.".into()));
        assert_eq!(
            other["errors"],
            json!([{"pointer": "", "code": "quota", "params": {}, "detail": "Over the quota."}])
        );
    }

    #[test]
    fn problem_details_of_all_else_are_the_same_sentence_with_the_status_and_the_same_headers() {
        let refusal = Refusal::MethodNotAllowed { allow: "GET".into() };
        let plain: Value = serde_json::from_slice(&refusal.body(Language::English)).expect("JSON");
        assert_eq!(
            problem(&refusal),
            json!({
                "type": "about:blank", "title": "Method Not Allowed", "status": 405, "detail": plain["detail"],
            })
        );
        let reply = refusal.reply(Language::English, ErrorFormat::Problem);
        assert_eq!(reply.headers[ALLOW], "GET");
    }

    #[test]
    fn words_for_the_log_stay_there() {
        for refusal in [
            Refusal::Away("/var/db locked".into()),
            Refusal::Broken("wasm trap".into()),
        ] {
            for language in [Language::English, Language::German] {
                let body = String::from_utf8(refusal.body(language)).expect("JSON");
                assert!(
                    body.starts_with(r#"{"detail":""#) && !body.contains("locked") && !body.contains("trap"),
                    "{body}"
                );
            }
        }
    }
}
