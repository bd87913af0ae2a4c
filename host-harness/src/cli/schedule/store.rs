//! Requests to the API on a store, in this process and on behalf of a named user.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, HOST, HeaderValue};
use axum::http::{HeaderMap, Request, StatusCode};
use reference_platform::{Admission, Credentials};
use reference_server::api::{self, ApiLimits, Backend, Fault};
use reference_server::download::Download;
use reference_server::service::{Answer, CallError, Grant, Keep, LeftOver, Operation, Service};
use scheduled_exports_store::{RequestKey, RequestState, Scope};
use tower::ServiceExt as _;

use crate::cli::Failure;

/// The whole API on a store.
pub struct Store {
    router: Router,
    service: Arc<Service>,
}

/// The user on whose behalf requests are, and what an operator adds.
pub struct Caller {
    /// User id.
    pub user: String,
    /// Lets the user see every schedule at an organizer or event where they have any permission. What they can export stays
    /// theirs alone.
    pub sees_all: bool,
    /// Drops all changes.
    pub rehearses: bool,
}

impl Store {
    pub fn new(service: Arc<Service>, caller: Caller, base_url: &str) -> Self {
        let backend = Named {
            service: Arc::clone(&service),
            caller,
        };
        Self {
            router: api::router_at(Arc::new(backend), ApiLimits::default(), base_url),
            service,
        }
    }

    /// Status, headers and body of the response.
    pub async fn send(&self, request: Request<Option<String>>) -> Result<(StatusCode, HeaderMap, Vec<u8>), Failure> {
        let mut request = request.map(|body| body.map_or_else(Body::empty, Body::from));
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_static("localhost"));
        // The API rejects a request without credentials before it asks for the admission, which `Named` grants without them.
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer operator"));
        let (parts, body) = self.router.clone().oneshot(request).await?.into_parts();
        let body = to_bytes(body, usize::MAX).await?;
        Ok((parts.status, parts.headers, body.into()))
    }

    pub async fn close(&self) {
        self.service.close().await;
    }
}

/// The host, to which every request is the named user's.
struct Named {
    service: Arc<Service>,
    caller: Caller,
}

impl Named {
    fn host(&self) -> &dyn Backend {
        &*self.service
    }
}

#[async_trait]
impl Backend for Named {
    async fn admission(&self, _: &Credentials, scope: Option<&Scope>) -> Result<Admission, Fault> {
        let Some(scope) = scope else {
            return Ok(Admission::NoAccess);
        };
        let platform = self.service.platform();
        let mut admission = platform.user_admission(&self.caller.user, scope).await?;
        if let Admission::Admitted(admitted) = &mut admission {
            admitted.rights.may_change_settings |= self.caller.sees_all;
        }
        Ok(admission)
    }

    async fn call(&self, grant: &Grant, operation: Operation, keep: Option<Keep<'_>>) -> Result<Answer, CallError> {
        match self.caller.rehearses {
            true => self.service.rehearse(grant, operation).await,
            false => self.service.call(grant, operation, keep).await,
        }
    }

    fn now(&self) -> i64 {
        self.host().now()
    }

    async fn ping(&self) -> Result<(), Fault> {
        self.host().ping().await
    }

    async fn check_ready(&self) -> Result<(), Fault> {
        self.host().check_ready().await
    }

    async fn begin_request(
        &self,
        key: &RequestKey,
        fingerprint: &[u8; 32],
        now: i64,
        lease_until: i64,
    ) -> Result<RequestState, Fault> {
        self.host().begin_request(key, fingerprint, now, lease_until).await
    }

    async fn end_request(&self, key: &RequestKey, ticket: u64) -> Result<(), Fault> {
        self.host().end_request(key, ticket).await
    }

    async fn left_over(&self, organizer: &str) -> Result<Vec<LeftOver>, Fault> {
        self.host().left_over(organizer).await
    }

    async fn download(&self, secret: &str) -> Result<Option<Download>, Fault> {
        self.host().download(secret).await
    }

    async fn download_piece(&self, link: &[u8; 32], piece: u64) -> Result<Option<Vec<u8>>, Fault> {
        self.host().download_piece(link, piece).await
    }
}
