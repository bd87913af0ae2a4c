//! Requests to the HTTP API of a host, over a network or in this process.

use axum::http::header::{CONTENT_TYPE, HeaderValue, IF_MATCH, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use host_harness::command::Rejection;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::http::Http;
use super::store::Store;
use crate::cli::Failure;

/// Characters of a path or query that stand for something else.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The way to the HTTP API. Both lead to the same one, so a command does the same over both.
pub enum Transport {
    Http(Http),
    Store(Store),
}

/// The API of one organizer or event.
pub struct Api {
    transport: Transport,
    /// Path that all others are below: `/api/v1/organizers/bigevents/`.
    root: String,
    /// The organizer or event in messages.
    place: String,
}

/// A response of any status.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Null if it is empty; a string if it is not JSON.
    pub body: Value,
}

impl Api {
    pub fn of(transport: Transport, organizer: &str, event: Option<&str>) -> Self {
        let mut root = format!("/api/v1/organizers/{}/", encoded(organizer));
        let place = match event {
            Some(event) => {
                root += &format!("events/{}/", encoded(event));
                format!("event {organizer}/{event}")
            }
            None => format!("organizer {organizer} (its events need --event)"),
        };
        Self { transport, root, place }
    }

    /// Sends a request; `path` is below `scheduled_exports/`.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Reply, Failure> {
        let request = Request::builder().method(method);
        self.send_request(request, &format!("scheduled_exports/{path}"), body)
            .await
    }

    /// The document at this path, if the response is a success.
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        Ok(self.send(Method::GET, path, None).await?.accepted()?.body)
    }

    /// Sends a request that is about one schedule; `path` is below the schedule.
    pub async fn send_to(&self, method: Method, id: u64, path: &str, body: Option<&Value>) -> Result<Reply, Failure> {
        let reply = self.send(method, &format!("{id}/{path}"), body).await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Err(reply.rejected(self.missing(id)));
        }
        reply.accepted()
    }

    fn missing(&self, id: u64) -> String {
        format!(
            "schedule {id} does not exist at {}, or this caller cannot see it",
            self.place
        )
    }

    /// Changes fields of a schedule, if no other caller has changed it since the response with these headers.
    pub async fn patch(&self, id: u64, body: &Value, read: &HeaderMap) -> Result<Reply, Failure> {
        let mut request = Request::builder().method(Method::PATCH);
        if let Some(tag) = read.get(axum::http::header::ETAG) {
            request = request.header(IF_MATCH, tag);
        }
        self.send_request(request, &format!("scheduled_exports/{id}/"), Some(body))
            .await
    }

    /// Identifiers of the exporters that the caller is permitted to run.
    pub async fn exporters(&self) -> Result<Vec<String>, Failure> {
        let request = Request::builder().method(Method::GET);
        let page = self.send_request(request, "exporters/", None).await?.accepted()?.body;
        let exporters = page["results"].as_array().into_iter().flatten();
        Ok(exporters
            .filter_map(|one| Some(one["identifier"].as_str()?.to_owned()))
            .collect())
    }

    /// Sends a verb or view of a schedule. A plugin that does not know its name rejects it like a schedule that does not exist, so
    /// the schedule is looked up before the error is worded.
    pub async fn verb(
        &self,
        method: Method,
        id: u64,
        name: &str,
        query: &str,
        body: Option<&Value>,
    ) -> Result<Reply, Failure> {
        let reply = self.send(method, &format!("{id}/{name}/{query}"), body).await?;
        if reply.status != StatusCode::NOT_FOUND {
            return reply.accepted();
        }
        let exists = self.send(Method::GET, &format!("{id}/"), None).await?.is_success();
        let sentence = match exists {
            true => format!("this plugin has no `{name}` for a schedule"),
            false => self.missing(id),
        };
        Err(reply.rejected(sentence))
    }

    async fn send_request(
        &self,
        request: axum::http::request::Builder,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Reply, Failure> {
        let request = match body {
            Some(_) => request.header(CONTENT_TYPE, "application/json"),
            None => request,
        };
        let request = request
            .uri(format!("{}{path}", self.root))
            .body(body.map(Value::to_string))?;
        let (status, headers, body) = match &self.transport {
            Transport::Http(http) => http.send(request).await?,
            Transport::Store(store) => store.send(request).await?,
        };
        let body = match body.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&body)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned())),
        };
        Ok(Reply { status, headers, body })
    }

    /// Closes the store, if there is one.
    pub async fn close(&self) {
        match &self.transport {
            Transport::Http(_) => {}
            Transport::Store(store) => store.close().await,
        }
    }
}

impl Reply {
    pub fn is_success(&self) -> bool {
        self.status.is_success()
    }

    /// The reply, if it is a success.
    pub fn accepted(self) -> Result<Self, Failure> {
        if !self.is_success() {
            let sentence = self.sentence();
            return Err(self.rejected(sentence));
        }
        if self.body.is_string() {
            return Err(Failure::Sentence(format!(
                "the response with status {} is not JSON: expected the address of a host's API",
                self.status.as_u16()
            )));
        }
        Ok(self)
    }

    /// The last part of `Location`: the id of what was created.
    pub fn created(&self) -> Option<&str> {
        let location = self.headers.get(LOCATION)?.to_str().ok()?;
        location.trim_end_matches('/').rsplit('/').next()
    }

    /// The reason for a rejection, in the words of the API.
    pub fn reason(&self) -> String {
        match (&self.body["detail"], &self.body) {
            (Value::String(detail), _) => detail.trim_end_matches('.').to_owned(),
            (_, Value::Object(_)) => "the request is invalid".to_owned(),
            _ => {
                let reason = self.status.canonical_reason().unwrap_or("no reason given");
                format!("{reason}, without a reason in JSON: expected the address of a host's API")
            }
        }
    }

    fn sentence(&self) -> String {
        let retry = self.headers.get(RETRY_AFTER).and_then(|after| after.to_str().ok());
        let retry = retry
            .map(|after| format!("; retry after {after} s"))
            .unwrap_or_default();
        format!(
            "rejected with status {}: {}{retry}",
            self.status.as_u16(),
            self.reason()
        )
    }

    /// The failure of this reply.
    pub fn rejected(self, sentence: String) -> Failure {
        let mut fields = Vec::new();
        if self.body.get("detail").is_none() {
            collect(&self.body, "", &mut fields);
        }
        Failure::Rejected(Box::new(Rejection {
            sentence,
            fields,
            document: self.body,
        }))
    }
}

/// Errors by dotted path, from an object that is nested like the request.
fn collect(errors: &Value, path: &str, fields: &mut Vec<(String, String)>) {
    match errors {
        Value::Object(members) => {
            for (name, errors) in members {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                collect(errors, &path, fields);
            }
        }
        Value::Array(errors) => errors.iter().for_each(|error| collect(error, path, fields)),
        Value::String(error) if !path.is_empty() => fields.push((path.to_owned(), error.clone())),
        _ => {}
    }
}

/// A part of a path, or a value of a query.
pub fn encoded(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, RESERVED)
}

/// The value of a header.
pub fn header(name: &str, text: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| Failure::Usage(format!("{name} has characters that an HTTP header cannot have")))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reply(status: u16, headers: &[(&'static str, &'static str)], body: Value) -> Reply {
        let headers = headers.iter().map(|(name, value)| {
            let name = axum::http::HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        Reply {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: headers.collect(),
            body,
        }
    }

    fn rejection(reply: Reply) -> Rejection {
        match reply.accepted().map(|_| ()) {
            Err(Failure::Rejected(rejection)) => *rejection,
            other => panic!("not rejected: {other:?}"),
        }
    }

    #[test]
    fn invalid_fields_are_listed_by_path_in_the_order_of_the_response() {
        let body = json!({"mail_subject": ["Blank.", "Too long."], "export_form_data": {"date_range": ["Unknown."]}});
        let rejection = rejection(reply(400, &[], body));
        assert_eq!(rejection.sentence, "rejected with status 400: the request is invalid");
        let fields: Vec<(&str, &str)> = rejection
            .fields
            .iter()
            .map(|(path, error)| (&**path, &**error))
            .collect();
        assert_eq!(
            fields,
            [
                ("mail_subject", "Blank."),
                ("mail_subject", "Too long."),
                ("export_form_data.date_range", "Unknown.")
            ]
        );
    }

    #[test]
    fn a_reason_is_shown_with_the_time_to_wait() {
        let busy = rejection(reply(
            429,
            &[("retry-after", "12")],
            json!({"detail": "Too many changes."}),
        ));
        assert_eq!(
            busy.sentence,
            "rejected with status 429: Too many changes; retry after 12 s"
        );
        assert!(busy.fields.is_empty());
    }

    #[test]
    fn a_page_of_a_proxy_is_no_reason() {
        let proxy = rejection(reply(502, &[], "<html>".into()));
        assert!(
            proxy.sentence.starts_with("rejected with status 502: Bad Gateway"),
            "{}",
            proxy.sentence
        );
        assert!(reply(200, &[], "<html>".into()).accepted().is_err());
    }

    #[test]
    fn what_was_created_is_the_end_of_its_location() {
        let created = reply(
            202,
            &[("location", "https://t.example/api/v1/x/7/runs/812/")],
            Value::Null,
        );
        assert_eq!(created.created(), Some("812"));
    }
}
