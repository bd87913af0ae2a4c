//! An answer on its way out, with what every answer carries.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use futures_util::stream::try_unfold;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::AsyncReadExt as _;

use crate::download::Download;
use crate::storage::KeptAnswer;

/// Says that an answer was kept from an earlier request with the same idempotency key.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");
/// Bytes of a file that are read at a time.
const CHUNK: usize = 64 * 1024;
/// What has no place in the value of an extended parameter (RFC 8187, 3.2.1).
const EXTENDED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An answer: JSON, a file, or nothing.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Sent in place of the body.
    file: Option<Download>,
}

impl Reply {
    pub fn new(status: StatusCode, body: Vec<u8>) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body,
            file: None,
        }
    }

    /// A file to be saved, whatever the client could do with it.
    pub fn file(download: Download) -> Self {
        let disposition = disposition(&download.facts.name);
        let reply = Self::new(StatusCode::OK, Vec::new())
            .with(CONTENT_TYPE, download.facts.content_type.as_str())
            .with(CONTENT_LENGTH, download.facts.size)
            .with(CONTENT_DISPOSITION, disposition)
            .with(REFERRER_POLICY, HeaderValue::from_static("no-referrer"))
            .with(ROBOTS, HeaderValue::from_static("noindex"));
        Self {
            file: Some(download),
            ..reply
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
            file,
        } = self;
        headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Language, Authorization"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if !body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let body = if method == Method::HEAD {
            if file.is_none() {
                headers.insert(CONTENT_LENGTH, body.len().into());
            }
            Body::empty()
        } else {
            file.map_or_else(|| Body::from(body), stream)
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

/// RFC 6266: a plain name for old clients, and the real one.
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-._ ".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    format!(
        "attachment; filename=\"{plain}\"; filename*=UTF-8''{}",
        utf8_percent_encode(name, EXTENDED)
    )
}

/// The bytes of a file, chunk by chunk. One that can't be read to its end breaks the connection off, which the announced
/// length shows.
fn stream(download: Download) -> Body {
    Body::from_stream(try_unfold(download, |mut download| async move {
        let mut chunk = Vec::with_capacity(CHUNK);
        (&mut download.file).take(CHUNK as u64).read_to_end(&mut chunk).await?;
        std::io::Result::Ok((!chunk.is_empty()).then_some((chunk, download)))
    }))
}
