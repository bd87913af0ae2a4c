//! The HTTP API of a host in one process, without a network.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use tower::ServiceExt as _;

use reference_server::api::{self, ApiLimits};
use reference_server::service::Service;

/// An answer of the HTTP API.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// As they came.
    pub headers: HeaderMap,
    /// Null where the body is empty.
    pub body: Value,
    /// The body as it came.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// A header; empty where there is none, or not as text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }
}

/// Asks the HTTP API of one host.
#[derive(Clone)]
pub struct Client {
    router: Router,
}

impl Client {
    pub(super) fn of(service: &Arc<Service>) -> Self {
        Self {
            router: api::router(Arc::clone(service) as _, ApiLimits::default()),
        }
    }

    /// A request to the HTTP API. `credentials` as in `Authorization`; an empty path segment list is the caller's to give.
    ///
    /// # Panics
    /// If the request can't be written, or the answer is not JSON.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        credentials: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Answer {
        let mut all: Vec<(&str, &[u8])> = Vec::new();
        if !credentials.is_empty() {
            all.push(("authorization", credentials.as_bytes()));
        }
        if body.is_some()
            && !headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        {
            all.push(("content-type", b"application/json"));
        }
        all.extend(headers.iter().map(|(name, value)| (*name, value.as_bytes())));
        self.send(method.as_str(), path, &all, body.unwrap_or_default().as_bytes())
            .await
            .expect("a request")
    }

    /// Any bytes as a request to the HTTP API. None: HTTP can't carry them.
    ///
    /// # Panics
    /// If the answer is not JSON.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Option<Answer> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_vec())).ok()?;
        Some(self.answer(request).await)
    }

    async fn answer(&self, request: Request<Body>) -> Answer {
        let answer = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("the router never fails");
        let (parts, body) = answer.into_parts();
        let bytes = axum::body::to_bytes(body, 16 << 20).await.expect("the answer's body");
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes)
                .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(&bytes)))
        };
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
            bytes: bytes.into(),
        }
    }

    /// A request whose body comes in two writes, and what happens between them: `between` ends before the second one comes.
    ///
    /// # Panics
    /// If the request can't be written, or the answer is not JSON.
    pub async fn send_in_two(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        (first, second): (&str, &str),
        between: impl Future<Output = ()> + Send + 'static,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (first, second) = (first.to_owned(), second.to_owned());
        let rest = async move {
            between.await;
            Ok::<_, Infallible>(second)
        };
        let body = stream::once(std::future::ready(Ok(first))).chain(stream::once(rest));
        let request = request.body(Body::from_stream(body)).expect("a request");
        self.answer(request).await
    }

    /// Fetches a file without credentials: status, headers and bytes.
    ///
    /// # Panics
    /// If the request can't be written.
    pub async fn fetch(&self, method: Method, path: &str) -> (u16, HeaderMap, Vec<u8>) {
        self.fetch_with(method, path, &[]).await
    }

    /// [`Client::fetch`] with headers.
    ///
    /// # Panics
    /// As there.
    pub async fn fetch_with(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty());
        let answer = self.router.clone().oneshot(request.expect("a request")).await;
        let (parts, body) = answer.expect("the router never fails").into_parts();
        let bytes = axum::body::to_bytes(body, 64 << 20).await.expect("the answer's body");
        (parts.status.as_u16(), parts.headers, bytes.to_vec())
    }

    /// Asks for a page or resource.
    pub async fn get(&self, path: &str, credentials: &str) -> Answer {
        self.request(Method::GET, path, credentials, &[], None).await
    }

    /// Sends a document to be made into something new.
    pub async fn post(&self, path: &str, credentials: &str, body: &Value) -> Answer {
        self.request(Method::POST, path, credentials, &[], Some(&body.to_string()))
            .await
    }

    /// Sends a document that takes the place of the one there.
    pub async fn put(&self, path: &str, credentials: &str, body: &Value) -> Answer {
        self.request(Method::PUT, path, credentials, &[], Some(&body.to_string()))
            .await
    }

    /// Sends the fields that change.
    pub async fn patch(&self, path: &str, credentials: &str, body: &Value) -> Answer {
        self.request(Method::PATCH, path, credentials, &[], Some(&body.to_string()))
            .await
    }

    /// Has it removed.
    pub async fn delete(&self, path: &str, credentials: &str) -> Answer {
        self.request(Method::DELETE, path, credentials, &[], None).await
    }

    /// Creates a schedule and answers its id.
    ///
    /// # Panics
    /// If the API does not answer 201.
    pub async fn create(&self, path: &str, credentials: &str, body: &Value) -> u64 {
        let answer = self.post(path, credentials, body).await;
        assert_eq!(answer.status, StatusCode::CREATED.as_u16(), "{}", answer.body);
        answer.body["id"].as_u64().expect("an id")
    }
}
