//! A host that answers by script and remembers what it was asked, and a client for it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use reference_platform::{Admission, Admitted, Credentials, EventSet, Place, Principal, Rights, Settings};
use scheduled_exports_host::clock::Instant;
use scheduled_exports_host::contract::auth_context::Caller;
use scheduled_exports_host::contract::{Problem, User};
use scheduled_exports_store::{FILE_CHUNK, FileFacts, KeptAnswer, RequestKey, RequestState, Scope};
use serde_json::Value;
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::api::negotiation::{ErrorFormat, PROBLEM_JSON, error_format};
use crate::api::{ApiLimits, Backend, Fault, router, router_at};
use crate::download::Download;
use crate::service::{Answer, CallError, Grant, Keep, Operation};

/// Organizer-level schedules of an organizer that everybody but `stranger` has rights at.
pub const LIST: &str = "/api/v1/organizers/big/scheduled_exports/";
pub const ONE: &str = "/api/v1/organizers/big/scheduled_exports/7/";
/// The version that [`ONE`] has unless scripted otherwise, as a tag.
pub const TAG: &str = "\"v3\"";

#[derive(Default)]
pub struct Host {
    script: Mutex<VecDeque<Result<Answer, CallError>>>,
    calls: Mutex<Vec<(Grant, Operation)>>,
    records: Mutex<HashMap<RequestKey, Record>>,
    pub now: Mutex<Instant>,
    /// The look-up that finds the store away.
    pub away: Mutex<Option<&'static str>>,
    gate: Option<Gate>,
    /// By link.
    files: Mutex<HashMap<[u8; 32], Vec<u8>>>,
    pieces: Mutex<Vec<u64>>,
}

/// What a link with this secret is known by.
fn link(secret: &str) -> [u8; 32] {
    let mut link = [0; 32];
    for (to, from) in link.iter_mut().zip(secret.bytes()) {
        *to = from;
    }
    link
}

/// Where calls wait until a test lets them go.
struct Gate {
    /// A permit for each call that has begun, and that no test has waited for.
    begun: Semaphore,
    open: Semaphore,
}

struct Record {
    fingerprint: [u8; 32],
    ticket: u64,
    lease_until: Instant,
    answer: Option<KeptAnswer>,
}

impl Host {
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Its calls wait until [`Host::let_one_go`].
    pub fn gated() -> Arc<Self> {
        let gate = Gate {
            begun: Semaphore::new(0),
            open: Semaphore::new(0),
        };
        Arc::new(Self {
            gate: Some(gate),
            ..Self::default()
        })
    }

    pub fn let_one_go(&self) {
        self.gate.as_ref().expect("a gate").open.add_permits(1);
    }

    /// Waits until another call has begun.
    pub async fn one_has_begun(&self) {
        let begun = &self.gate.as_ref().expect("a gate").begun;
        begun.acquire().await.expect("never closed").forget();
    }

    /// Calls that have begun and that nobody has waited for.
    pub fn begun_unseen(&self) -> usize {
        self.gate.as_ref().expect("a gate").begun.available_permits()
    }

    /// A link with this secret leads to these bytes.
    pub fn offers(&self, secret: &str, bytes: Vec<u8>) {
        self.files.lock().expect("unpoisoned").insert(link(secret), bytes);
    }

    pub fn offers_no_more(&self, secret: &str) {
        self.files.lock().expect("unpoisoned").remove(&link(secret));
    }

    /// Pieces of files that were read since this was last asked.
    pub fn pieces_read(&self) -> Vec<u64> {
        std::mem::take(&mut self.pieces.lock().expect("unpoisoned"))
    }

    /// The next call gets this answer; without a script, a likely one.
    pub fn answers(&self, answer: Result<Answer, CallError>) {
        self.script.lock().expect("unpoisoned").push_back(answer);
    }

    /// What the component was asked so far.
    pub fn asked(&self) -> Vec<Operation> {
        self.calls
            .lock()
            .expect("unpoisoned")
            .iter()
            .map(|(_, operation)| operation.clone())
            .collect()
    }

    pub fn last_grant(&self) -> Grant {
        self.calls.lock().expect("unpoisoned").last().expect("a call").0.clone()
    }

    pub fn ask(self: &Arc<Self>, method: &str, uri: &str) -> Ask {
        Ask::new(router(self.clone(), ApiLimits::default()), method, uri)
    }

    /// The same, of a host whose operator has said where it is.
    pub fn ask_at(self: &Arc<Self>, base_url: &str, method: &str, uri: &str) -> Ask {
        Ask::new(router_at(self.clone(), ApiLimits::default(), base_url), method, uri)
    }

    /// As a user who may everything.
    pub fn john(self: &Arc<Self>, method: &str, uri: &str) -> Ask {
        self.ask(method, uri).header("authorization", "Bearer john")
    }

    fn look_up(&self, what: &str) -> Result<(), Fault> {
        match *self.away.lock().expect("unpoisoned") {
            Some("damaged") => Err(Fault::Broken("page 12 of /srv/host.db".into())),
            Some(away) if away == what => Err(Fault::Away("/srv/host.db is locked".into())),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Backend for Host {
    async fn download(&self, secret: &str) -> Result<Option<Download>, Fault> {
        let files = self.files.lock().expect("unpoisoned");
        Ok(files.get(&link(secret)).map(|bytes| Download {
            facts: FileFacts {
                name: "orders.csv".into(),
                content_type: "text/csv".into(),
                size: bytes.len() as u64,
                rows: None,
                events: None,
            },
            link: link(secret),
        }))
    }

    async fn download_piece(&self, link: &[u8; 32], piece: u64) -> Result<Option<Vec<u8>>, Fault> {
        self.pieces.lock().expect("unpoisoned").push(piece);
        let files = self.files.lock().expect("unpoisoned");
        let place = usize::try_from(piece).expect("a small file");
        let found = files.get(link).and_then(|bytes| bytes.chunks(FILE_CHUNK).nth(place));
        Ok(found.map(<[u8]>::to_vec))
    }

    fn now(&self) -> Instant {
        *self.now.lock().expect("unpoisoned")
    }

    async fn check_ready(&self) -> Result<(), Fault> {
        self.look_up("check_ready")
    }

    async fn ping(&self) -> Result<(), Fault> {
        self.look_up("ping")
    }

    async fn admission(&self, credentials: &Credentials, scope: Option<&Scope>) -> Result<Admission, Fault> {
        self.look_up("admission")?;
        let organizer = || "big".to_owned();
        let (principal, caller, (may_read, may_write)) = match credentials {
            Credentials::Bearer(token) => {
                let (id, scopes) = match token.as_str() {
                    "john" => ("1", (true, true)),
                    "mary" => ("2", (true, true)),
                    "reader" => ("1", (true, false)),
                    "writer" => ("1", (false, true)),
                    "stranger" => ("3", (true, true)),
                    _ => return Ok(Admission::Nobody),
                };
                let (may_read, may_write) = scopes;
                let user = User {
                    id: id.into(),
                    email: "john@example.com".into(),
                    language: "de".into(),
                    active: true,
                };
                let principal = Principal::User {
                    id: id.into(),
                    may_read,
                    may_write,
                    organizers: vec!["big".into(), "off".into()],
                };
                (principal, Caller::User(user), scopes)
            }
            Credentials::Token(token) if token == "team" => {
                let (id, team, organizer) = (1, 1, organizer());
                (Principal::Token { id, team, organizer }, Caller::Token, (true, true))
            }
            Credentials::Device(token) if token == "gate" => {
                let (id, organizer, events) = (1, organizer(), EventSet::All);
                (
                    Principal::Device { id, organizer, events },
                    Caller::Device,
                    (true, true),
                )
            }
            Credentials::Token(_) | Credentials::Device(_) => return Ok(Admission::Nobody),
        };
        let there = scope.is_some_and(|scope| {
            ["big", "off"].contains(&scope.organizer.as_str())
                && scope.event.as_deref().is_none_or(|event| event == "conf")
        });
        if !there || principal.audit_name() == "user:3" {
            return Ok(Admission::NoAccess);
        }
        Ok(Admission::Admitted(Box::new(Admitted {
            principal,
            caller,
            rights: Rights {
                may_change_settings: true,
                view_orders: true,
                may_read,
                may_write,
            },
            enabled: scope.is_some_and(|scope| scope.organizer != "off"),
            place: Place {
                timezone: "UTC".into(),
                settings: Settings::default(),
                latest_event: 0,
            },
            event: scope.and_then(|scope| scope.event.clone()),
            event_deleted: false,
            reaches_deleted_events: true,
        })))
    }

    async fn begin_request(
        &self,
        key: &RequestKey,
        fingerprint: &[u8; 32],
        now: Instant,
        lease_until: Instant,
    ) -> Result<RequestState, Fault> {
        self.look_up("begin_request")?;
        let mut records = self.records.lock().expect("unpoisoned");
        let ticket = match records.get(key) {
            Some(record) if record.fingerprint != *fingerprint => return Ok(RequestState::OtherRequest),
            Some(Record {
                answer: Some(answer), ..
            }) => return Ok(RequestState::Answered(answer.clone())),
            Some(record) if record.lease_until > now => return Ok(RequestState::Running),
            Some(record) => record.ticket + 1,
            None => 1,
        };
        let record = Record {
            fingerprint: *fingerprint,
            ticket,
            lease_until,
            answer: None,
        };
        records.insert(key.clone(), record);
        Ok(RequestState::Begun { ticket })
    }

    async fn end_request(&self, key: &RequestKey, ticket: u64) -> Result<(), Fault> {
        self.look_up("end_request")?;
        let mut records = self.records.lock().expect("unpoisoned");
        let record = records.remove(key).expect("a request that was begun");
        assert_eq!(record.ticket, ticket);
        Ok(())
    }

    async fn call(&self, grant: &Grant, operation: Operation, keep: Option<Keep<'_>>) -> Result<Answer, CallError> {
        if let Some(gate) = &self.gate {
            gate.begun.add_permits(1);
            gate.open.acquire().await.expect("never closed").forget();
        }
        let scripted = self.script.lock().expect("unpoisoned").pop_front();
        let answer = scripted.unwrap_or_else(|| likely(&operation));
        self.calls.lock().expect("unpoisoned").push((grant.clone(), operation));
        if let (Ok(answer), Some(keep)) = (&answer, keep) {
            let mut records = self.records.lock().expect("unpoisoned");
            let record = records.get_mut(&keep.key).expect("a request that was begun");
            if record.ticket != keep.ticket {
                return Err(CallError::Superseded);
            }
            record.answer = Some((keep.answer)(answer));
        }
        answer
    }
}

fn likely(operation: &Operation) -> Result<Answer, CallError> {
    let document = r#"{"id": 7, "owner": "john@example.com"}"#.to_owned();
    Ok(match operation {
        Operation::List(_) | Operation::Runs { .. } => Answer::Page {
            total: 1,
            documents: vec![document],
            next: None,
        },
        Operation::Delete { .. } => Answer::Deleted,
        Operation::Exporters(None) => {
            Answer::Exporters(vec![r#"{"identifier":"a"}"#.into(), r#"{"identifier":"b"}"#.into()])
        }
        Operation::Exporters(Some(identifier)) => {
            Answer::Exporters(vec![serde_json::json!({ "identifier": identifier }).to_string()])
        }
        Operation::View { name, .. } if name == "preview" => Answer::Viewed(r#"{"next_runs":[]}"#.into()),
        Operation::View { .. } => return Err(CallError::Problem(Problem::NotFound)),
        Operation::Act { .. } => Answer::Acted {
            document: r#"{"next_runs":[]}"#.into(),
            run: None,
        },
        Operation::Get(_) | Operation::Create(_) | Operation::Replace { .. } | Operation::Patch { .. } => {
            Answer::Document { document, version: 3 }
        }
    })
}

/// A request in the making.
pub struct Ask {
    router: Router,
    request: Request<Body>,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Got {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Ask {
    fn new(router: Router, method: &str, uri: &str) -> Self {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .body(Body::empty())
            .expect("a request");
        Self { router, request }
    }

    /// Adds a line, also where there is one of this name.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
        self.request.headers_mut().append(name, value);
        self
    }

    pub fn body(mut self, body: impl Into<Body>) -> Self {
        *self.request.body_mut() = body.into();
        self
    }

    pub fn json(self, body: &str) -> Self {
        self.header("content-type", "application/json").body(body.to_owned())
    }

    /// The answer, which has what every answer has.
    pub async fn send(self) -> Got {
        let head = self.request.method() == "HEAD";
        let format = error_format(self.request.headers());
        let got = Got::read(self.router.oneshot(self.request).await.expect("an answer")).await;
        got.check(head, format);
        got
    }

    /// The same, of what is a text for people.
    pub async fn page(self) -> Got {
        Got::read(self.router.oneshot(self.request).await.expect("an answer")).await
    }
}

impl Got {
    pub async fn read(response: axum::response::Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("the body");
        Self {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).expect("UTF-8"),
        }
    }

    pub fn check(&self, head: bool, format: ErrorFormat) {
        assert_eq!(
            self.header("vary"),
            Some("Accept, Accept-Language, Authorization"),
            "{self:?}"
        );
        assert!(self.header("x-request-id").is_some(), "{self:?}");
        if head {
            assert_eq!(self.body, "", "{self:?}");
        } else if self.body.is_empty() {
            assert_eq!(self.status.as_u16(), 204, "{self:?}");
            assert_eq!(self.header("content-type"), None, "{self:?}");
        } else {
            let problem = format == ErrorFormat::Problem && self.status.as_u16() >= 300;
            let media_type = if problem { PROBLEM_JSON } else { "application/json" };
            assert_eq!(self.header("content-type"), Some(media_type), "{self:?}");
            let status = self.json().get("status").and_then(Value::as_u64);
            assert!(!problem || status == Some(self.status.as_u16().into()), "{self:?}");
        }
        match self.status.as_u16() {
            401 => assert!(self.header("www-authenticate").is_some_and(|wanted| {
                ["Bearer ", "Token ", "Device "]
                    .into_iter()
                    .all(|scheme| wanted.contains(scheme))
            })),
            405 => assert!(self.header("allow").is_some()),
            503 => assert!(self.header("retry-after").is_some()),
            _ => {}
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.headers.get_all(name).iter();
        let line = lines.next()?;
        assert_eq!(lines.next(), None, "{name} once");
        Some(line.to_str().expect("ASCII"))
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    pub fn detail(&self) -> String {
        self.json()["detail"].as_str().expect("a detail").to_owned()
    }
}
