//! The HTTP API: credentials, routing, codes. It mints no authority and knows no document: what a schedule is, and who may
//! change it, the component says. `docs/api.md` shows every call.
//!
//! [`serve`] puts a [`router`] on a socket, with limits on what one client takes up; [`service`](crate::service) shows how.

mod admission;
mod backend;
mod body;
mod credentials;
mod downloads;
mod etag;
mod filters;
mod flood;
mod idempotency;
mod links;
mod messages;
mod negotiation;
mod openapi;
mod pages;
mod peer;
mod places;
mod problems;
mod range;
mod reading;
mod reply;
mod routes;
mod row;
mod schemas;
mod serve;
mod strict;
mod table;
mod writing;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONTENT_TYPE, EXPECT, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use chrono::{DateTime, SecondsFormat};
use plugin::language::Language;
use tracing::Instrument;

pub use backend::{Backend, Fault};
pub use serve::serve;

use crate::delivery::MailTrouble;
use crate::download;
use downloads::Downloads;
use etag::Conditions;
use links::Here;
use negotiation::{error_format, preferred_language};
use openapi::Description;
use problems::Refusal;
use reply::Reply;
use routes::{Call, Route, TokenScope};
use row::{Action, Level, Row};
use strict::{PREFERENCE_APPLIED, STRICT};
use table::ROWS;
use writing::Writing;

/// What `GET /` says.
const HOME: &str = concat!(
    r#"{"scheduled_exports":["/api/v1/organizers/{organizer}/scheduled_exports/","#,
    r#""/api/v1/organizers/{organizer}/events/{event}/scheduled_exports/"],"health":"/healthz","readiness":"/readyz","#,
    r#""description":"/api/v1/openapi.json","documentation":"docs/api.md"}"#
);
/// A page for people, in which nothing is markup.
const TEXT: &str = "text/plain; charset=utf-8";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// How long a body is waited for before its sender is asked who he is. One that takes longer is asked twice: before, so that
/// strangers are refused at once, and after, so that nothing is written with credentials that were taken away meanwhile.
const PROMPT_BODY: Duration = Duration::from_millis(20);

/// What one client may take up.
#[derive(Clone, Debug)]
pub struct ApiLimits {
    /// Largest body of a request, in bytes. The contract knows no document past 65,536.
    pub body_bytes: usize,
    /// Time for the body of a request to arrive.
    pub body_timeout: Duration,
    /// Largest head of a request (its first line and its headers), in bytes.
    pub header_bytes: usize,
    /// Time for the head to arrive, from when the connection is open or the answer before it was sent.
    pub header_timeout: Duration,
    /// How long a client may take less than 16 KiB of an answer that waits for it.
    pub write_timeout: Duration,
    /// Connections at a time. For one more, an idle one is closed, or it waits.
    pub connections: usize,
    /// Of them, connections of one peer: an IPv4 address, or the first 64 bits of an IPv6 address. For one more, an idle one of that
    /// peer is closed, or it is refused.
    pub connections_per_peer: usize,
    /// How long a connection waits while all have requests under way and none of them ends; then it is refused.
    pub place_timeout: Duration,
    /// Files that are sent at a time, each of which has one piece of 256 KiB in memory; further ones are refused.
    pub downloads: usize,
    /// Of them, those of one link.
    pub downloads_per_link: usize,
    /// Time for requests to end when the server is asked to stop.
    pub drain: Duration,
}

impl Default for ApiLimits {
    fn default() -> Self {
        Self {
            body_bytes: 64 * 1024,
            body_timeout: Duration::from_secs(10),
            header_bytes: 16 * 1024,
            header_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            connections: 1024,
            connections_per_peer: 256,
            place_timeout: Duration::from_secs(5),
            downloads: 64,
            downloads_per_link: 4,
            drain: Duration::from_secs(10),
        }
    }
}

/// The whole API of a host. It routes by itself, so that each refusal, of an unknown path too, has its one shape.
///
/// Links in its answers begin with what the client says that it asked.
pub fn router(backend: Arc<dyn Backend>, limits: ApiLimits) -> Router {
    router_of(Api {
        backend,
        limits,
        base: None,
        downloads: Arc::default(),
        description: Description::default(),
    })
}

/// The same, with links that begin with `base_url`, whatever the client or a proxy says.
pub fn router_at(backend: Arc<dyn Backend>, limits: ApiLimits, base_url: &str) -> Router {
    router_of(Api {
        backend,
        limits,
        base: Some(base_url.trim_end_matches('/').to_owned()),
        downloads: Arc::default(),
        description: Description::default(),
    })
}

fn router_of(api: Api) -> Router {
    Router::new().fallback(handle).with_state(Arc::new(api))
}

struct Api {
    backend: Arc<dyn Backend>,
    limits: ApiLimits,
    /// Where this host is, if its operator says so.
    base: Option<String>,
    downloads: Arc<Downloads>,
    description: Description,
}

async fn handle(State(api): State<Arc<Api>>, request: Request) -> Response {
    let started = Instant::now();
    let (mut parts, body) = request.into_parts();
    links::normalize(&mut parts.uri);
    let id = request_id(&parts.headers);
    let span = tracing::info_span!("request", %id);
    let reply = async {
        let language = preferred_language(&parts.headers);
        let reply = api.answer(&parts, body, language).await.unwrap_or_else(|refusal| {
            refusal.log();
            refusal.reply(language, error_format(&parts.headers))
        });
        debug_assert!(
            is_described(&parts, reply.status),
            "{} {}: {}",
            parts.method,
            parts.uri,
            reply.status
        );
        let (method, path) = (&parts.method, logged(parts.uri.path()));
        let (status, ms) = (reply.status.as_u16(), started.elapsed().as_millis());
        tracing::info!(%method, %path, status, ms, "request completed");
        reply
    };
    let reply = reply.instrument(span).await;
    reply.with(REQUEST_ID, id).into_response(&parts.method)
}

/// Whether the description of the API has this status for this request, if it has the request at all.
fn is_described(parts: &Parts, status: StatusCode) -> bool {
    let route = Route::find(parts.uri.path()).filter(|route| route.slash);
    let row = route.and_then(|route| route.row(&parts.method));
    row.is_none_or(|row| row.operation.is_none() || row.statuses().contains(&status.as_u16()))
}

/// What `/healthz` tells everybody: without the mail server's reply, which is for the log.
fn health(trouble: Option<MailTrouble>) -> serde_json::Value {
    match trouble {
        None => serde_json::json!({"status": "ok"}),
        Some(trouble) => {
            let since = DateTime::from_timestamp(trouble.since, 0);
            let since = since.map(|since| since.to_rfc3339_opts(SecondsFormat::Secs, true));
            serde_json::json!({"status": "ok", "mail": {"trouble": trouble.kind.as_str(), "since": since}})
        }
    }
}

impl Api {
    async fn answer(&self, parts: &Parts, body: Body, language: Language) -> Result<Reply, Refusal> {
        let method = &parts.method;
        if method == Method::OPTIONS && parts.uri.path() == "*" {
            return Ok(options(&routes::allow(ROWS)));
        }
        let route = Route::find(parts.uri.path()).ok_or(Refusal::UnknownPath)?;
        let allow = route.allow();
        if method == Method::OPTIONS {
            return allow.as_deref().map(options).ok_or(Refusal::NotFound);
        }
        let row = route.row(method);
        match (row, allow) {
            (Some(row), _) if row.level == Level::Host => self.answer_at_root(&route, row, parts, language).await,
            (None, Some(allow)) => Err(Refusal::MethodNotAllowed { allow }),
            _ => self.answer_below(&route, row, parts, body, language).await,
        }
    }

    /// A path that needs no credentials.
    async fn answer_at_root(
        &self,
        route: &Route,
        row: &Row,
        parts: &Parts,
        language: Language,
    ) -> Result<Reply, Refusal> {
        match row.action {
            Action::Health => {
                self.backend.ping().await?;
                let health = health(self.backend.mail_trouble());
                Ok(Reply::new(StatusCode::OK, health.to_string().into_bytes()))
            }
            Action::Ready => {
                self.backend.check_ready().await?;
                Ok(Reply::new(StatusCode::OK, br#"{"status":"ready"}"#.to_vec()))
            }
            Action::Description => Ok(self.description.reply(parts, self.base.as_deref())),
            Action::Download => {
                let downloads = &self.downloads;
                downloads
                    .answer(&self.backend, &self.limits, parts, route.secret())
                    .await
            }
            Action::Page => {
                if route.scope.is_none() {
                    return Err(Refusal::NotFound);
                }
                let here = Here {
                    path: &routes::managed(parts.uri.path()),
                    ..self.here(parts)
                };
                let text = messages::page(&links::safe(parts.uri.path()), &here.below(""), language);
                Ok(Reply::new(StatusCode::OK, text.into_bytes()).with(CONTENT_TYPE, TEXT))
            }
            _ => Ok(Reply::new(StatusCode::OK, HOME.into())),
        }
    }

    /// Something of an organizer or event. Without a row, it is a word that nothing is known of.
    async fn answer_below(
        &self,
        route: &Route,
        row: Option<&Row>,
        parts: &Parts,
        body: Body,
        language: Language,
    ) -> Result<Reply, Refusal> {
        let (call, needs) = match row {
            Some(row) => (route.call(row), row.scope),
            None => (Call::Nothing, TokenScope::Write),
        };
        if !route.slash {
            return Err(without_slash(parts, self.base.as_deref()));
        }
        let admit = || admission::admit(&*self.backend, &parts.headers, route.scope.clone(), needs, language);
        let mut document = pin!(body::document(&parts.headers, body, &self.limits));
        // Nearly every body comes with its head: then one look at the credentials is enough, after it.
        let prompt = match &call {
            Call::Write(write) if write.has_body() && !parts.headers.contains_key(EXPECT) => {
                tokio::time::timeout(PROMPT_BODY, document.as_mut()).await.ok()
            }
            _ => None,
        };
        let mut grant = admit().await?;
        if !negotiation::takes_json(&parts.headers) {
            return Err(Refusal::NotAcceptable);
        }
        let strict = row.filter(|row| row.operation.is_some() && strict::is_preferred(&parts.headers));
        let write = match call {
            Call::Read(read) => {
                let read = async {
                    if let Some(row) = strict {
                        strict::check_query(row, parts.uri.query(), language)?;
                    }
                    reading::read(&*self.backend, &grant, read, &self.here(parts)).await
                };
                let done = read.await;
                return applied(strict, done, parts, language);
            }
            Call::Nothing => return Err(Refusal::NotFound),
            Call::Write(write) => write,
        };
        if grant.event_deleted && write.has_body() {
            return Err(Refusal::EventDeleted);
        }
        let key = idempotency::key(&parts.headers)?;
        let document = match prompt {
            Some(document) => document?,
            // A body says nothing here, and is not read.
            None if !write.has_body() => String::new(),
            None => {
                let document = document.await?;
                // What was allowed when the body began may be no more.
                grant = admit().await?;
                document
            }
        };
        let done = async {
            if let Some(row) = strict {
                strict::check_query(row, parts.uri.query(), language)?;
                strict::check_body(&*self.backend, &grant, (row, &write), &document, language).await?;
            }
            let writing = Writing {
                backend: Arc::clone(&self.backend),
                grant,
                write,
                document,
                conditions: Conditions::of(&parts.headers),
            };
            writing.answer(key, parts, &self.here(parts)).await
        };
        applied(strict, done.await, parts, language)
    }

    fn here<'a>(&'a self, parts: &'a Parts) -> Here<'a> {
        Here {
            base: self.base.as_deref(),
            target: parts.uri.authority(),
            headers: &parts.headers,
            path: parts.uri.path(),
            query: parts.uri.query(),
        }
    }
}

fn options(allow: &str) -> Reply {
    Reply::new(StatusCode::NO_CONTENT, Vec::new()).with(ALLOW, allow)
}

/// Says of a response that its names were checked, if they were.
fn applied(
    strict: Option<&Row>,
    done: Result<Reply, Refusal>,
    parts: &Parts,
    language: Language,
) -> Result<Reply, Refusal> {
    if strict.is_none() {
        return done;
    }
    let reply = done.unwrap_or_else(|refusal| {
        refusal.log();
        refusal.reply(language, error_format(&parts.headers))
    });
    Ok(reply.with(PREFERENCE_APPLIED, HeaderValue::from_static(STRICT)))
}

/// Where the path with a slash is: readers are sent there, writers are told.
fn without_slash(parts: &Parts, base: Option<&str>) -> Refusal {
    let path = format!("{}/", links::safe(parts.uri.path()));
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return Refusal::MissingSlash { path };
    }
    let base = base.unwrap_or_default();
    let location = match parts.uri.query() {
        Some(query) => format!("{base}{path}?{}", links::safe(query)),
        None => format!("{base}{path}"),
    };
    Refusal::Moved { location }
}

/// The client's own id of this request if it is a short plain word, or a new one.
fn request_id(headers: &HeaderMap) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match given {
        Some(id) if (1..=64).contains(&id.len()) && id.bytes().all(plain) => id.to_owned(),
        _ => {
            let nanos = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_nanos());
            // The counter tells requests of the same nanosecond apart, and those of a clock that went back.
            format!("{nanos:x}-{:x}", NEXT.fetch_add(1, Ordering::Relaxed))
        }
    }
}

/// A path as the log shows it: without secrets, cut, and nothing in it that could begin another line.
fn logged(path: &str) -> Cow<'_, str> {
    const LONGEST: usize = 200;
    if path.starts_with(download::PATH) {
        // The rest is a secret.
        return download::PATH.into();
    }
    if path.len() <= LONGEST && path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return path.into();
    }
    path.chars()
        .take(LONGEST)
        .flat_map(char::escape_default)
        .collect::<String>()
        .into()
}
