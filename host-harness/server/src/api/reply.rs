//! An answer on its way out, with what every answer carries.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Method, StatusCode};
use axum::response::Response;

use scheduled_exports_store::KeptAnswer;

/// Says that an answer was kept from an earlier request with the same idempotency key.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// An answer: JSON unless its headers name something else, a file, or nothing.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Sent in place of the body.
    stream: Option<Body>,
}

impl Reply {
    pub fn new(status: StatusCode, body: Vec<u8>) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body,
            stream: None,
        }
    }

    /// With a body that comes bit by bit, in place of what there is.
    pub fn streaming(self, stream: Body) -> Self {
        Self {
            stream: Some(stream),
            ..self
        }
    }

    #[must_use]
    pub fn with(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        if let Ok(value) = value.try_into() {
            self.headers.insert(name, value);
        }
        self
    }

    /// The answer to a write, fresh or replayed.
    pub fn from_kept(kept: KeptAnswer) -> Self {
        let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let reply = Self::new(status, kept.body);
        match kept.etag {
            Some(etag) => reply.with(ETAG, etag),
            None => reply,
        }
    }

    /// With the headers that every answer has.
    pub fn into_response(self, method: &Method) -> Response {
        let Self {
            status,
            mut headers,
            body,
            stream,
        } = self;
        headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Language, Authorization"));
        headers
            .entry(CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("private, no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if !body.is_empty() {
            headers
                .entry(CONTENT_TYPE)
                .or_insert(HeaderValue::from_static("application/json"));
        }
        let body = if method == Method::HEAD {
            // A file has said how long it is; of what has not changed, nobody asks (RFC 9110, 8.6).
            if status != StatusCode::NOT_MODIFIED {
                headers.entry(CONTENT_LENGTH).or_insert_with(|| body.len().into());
            }
            Body::empty()
        } else {
            stream.unwrap_or_else(|| Body::from(body))
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}
