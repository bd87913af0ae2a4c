//! What a host counts while it works, and what waits in its store, as an OpenMetrics text: what Prometheus and others scrape.
//!
//! Counting costs some nanoseconds and no lock that anybody holds for longer. What waits is asked of the store when somebody scrapes,
//! from the beginning of indexes.
//!
//! ```no_run
//! # async fn page(service: std::sync::Arc<reference_server::service::Service>) -> std::io::Result<()> {
//! // On an address of its own, which only those can reach who may read it.
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:9090").await?;
//! axum::serve(listener, reference_server::metrics::router(service)).await
//! # }
//! ```

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use reference_platform::Platform;
use scheduled_exports_host::contract::{DeliveryStatus, Outcome, RunKind};
use scheduled_exports_mail::TroubleKind;

use crate::service::Service;
use crate::zones;
use scheduled_exports_store::port::{Failure, Observer};
use scheduled_exports_store::{DeliveryResult, Finish, Lease, Written};

/// What all names begin with.
const PREFIX: &str = "scheduled_exports";
/// Of OpenMetrics 1.0.
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Upper ends of the durations of calls, in seconds: from a look-up to an export of minutes.
const SECONDS: [f64; 12] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0, 10.0, 60.0, 600.0,
];

type One = [(&'static str, &'static str); 1];
type Two = [(&'static str, &'static str); 2];

/// How a call of the component ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called {
    /// It answered.
    Answered,
    /// It refused, in its own words.
    Refused,
    /// The host could not go on.
    Away,
    /// No instance became free in time.
    Busy,
    /// It trapped, or ran past a limit.
    Failed,
}

impl Called {
    fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "ok",
            Self::Refused => "rejected",
            Self::Away => "unavailable",
            Self::Busy => "busy",
            Self::Failed => "failed",
        }
    }
}

/// What one host has counted since it started.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    calls: Family<Two, Counter>,
    durations: Family<One, Histogram, fn() -> Histogram>,
    runs: Family<Two, Counter>,
    deliveries: Family<One, Counter>,
    leases_lost: Counter,
    store_errors: Counter,
}

impl Metrics {
    /// Nothing counted yet, but for what the platform counts itself.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        let durations: fn() -> Histogram = || Histogram::new(SECONDS);
        let mut metrics = Self {
            registry: Registry::with_prefix(PREFIX),
            calls: Family::default(),
            durations: Family::new_with_constructor(durations),
            runs: Family::default(),
            deliveries: Family::default(),
            leases_lost: Counter::default(),
            store_errors: Counter::default(),
        };
        let to = &mut metrics.registry;
        to.register("calls", "Component calls by export and result", metrics.calls.clone());
        to.register(
            "call_duration_seconds",
            "Duration of component calls, including the wait for an instance",
            metrics.durations.clone(),
        );
        to.register("runs", "Run state changes by outcome and kind", metrics.runs.clone());
        to.register("deliveries", "Delivery attempts by status", metrics.deliveries.clone());
        to.register(
            "leases_lost",
            "Writes rejected because the lease was lost",
            metrics.leases_lost.clone(),
        );
        to.register("store_errors", "Store calls that failed", metrics.store_errors.clone());
        to.register(
            "platform_errors",
            "Platform database queries that failed",
            platform.errors().clone(),
        );
        metrics
    }

    /// A call of an export of the component has ended.
    pub fn called(&self, export: &'static str, how: Called, took: Duration) {
        let labels = [("export", export), ("outcome", how.as_str())];
        self.calls.get_or_create(&labels).inc();
        self.durations
            .get_or_create(&[("export", export)])
            .observe(took.as_secs_f64());
    }
}

impl Observer for Metrics {
    fn failed(&self, failure: Failure) {
        match failure {
            Failure::Store => self.store_errors.inc(),
            Failure::Lease => self.leases_lost.inc(),
            Failure::Refusal => return,
        };
    }

    fn finished(&self, lease: &Lease, finish: &Finish, written: Written) {
        let limits = finish.mail_limits.as_ref();
        let otherwise = limits.and_then(|limits| limits.otherwise.as_ref());
        let outcome = match (written, otherwise) {
            (Written::PastMailLimit(user), Some(otherwise)) => &otherwise.of(user).outcome,
            _ => &finish.outcome,
        };
        let outcome = match outcome {
            Outcome::Submitted => "submitted",
            Outcome::Delivered => "delivered",
            Outcome::Empty => "empty",
            Outcome::Failed(_) => "failed",
            Outcome::Retry(_) => "retrying",
            Outcome::Cancelled(_) => "cancelled",
            Outcome::Missed(_) => "missed",
        };
        let kind = match lease.kind {
            RunKind::Scheduled => "scheduled",
            RunKind::Now => "now",
            RunKind::Rerun => "rerun",
            RunKind::Test => "test",
        };
        self.runs.get_or_create(&[("outcome", outcome), ("kind", kind)]).inc();
    }

    fn tried(&self, result: &DeliveryResult) {
        let status = match result.status {
            DeliveryStatus::Queued => "queued",
            DeliveryStatus::Accepted => "accepted",
            DeliveryStatus::Retrying => "retrying",
            DeliveryStatus::Rejected => "rejected",
            DeliveryStatus::Cancelled => "cancelled",
        };
        self.deliveries.get_or_create(&[("status", status)]).inc();
    }
}

/// `GET /metrics`, and nothing else: for an address of its own, since whoever reaches it is let in.
pub fn router(service: Arc<Service>) -> Router {
    Router::new().route("/metrics", get(page)).with_state(service)
}

async fn page(State(service): State<Arc<Service>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, TEXT)], text(&service).await)
}

/// All of it. Without the store what waits there is left out, and `store_up` is 0, as it is where the store only reads.
pub async fn text(service: &Service) -> String {
    let mut registry = Registry::with_prefix(PREFIX);
    let mut put = |name: &str, help: &str, value: u64| {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    };
    let (used, all) = service.instances();
    put("instances_in_use", "Component instances in use", used as u64);
    put("instances_max", "Maximum number of component instances", all as u64);
    let now = service.clock().now();
    let release = &service.about().zone_database;
    if let Some(days) = zones::age_in_days(release, now) {
        put(
            "zone_database_age_days",
            "Days since the component's release of the tz database was published; absent if this host does not know the release",
            days,
        );
    }
    let trouble = service.mail().trouble();
    put(
        "mail_up",
        "Does mail go out: 0 while the mail server cannot be used, for a reason that the operator has to repair",
        u64::from(trouble.is_none()),
    );
    let since = trouble.as_ref().map_or(0, |trouble| now.saturating_sub(trouble.since));
    put(
        "mail_trouble_seconds",
        "For how long no mail has gone out; 0 where it does",
        u64::try_from(since).unwrap_or_default(),
    );
    let backlog = service.storage().backlog(now).await;
    put(
        "store_up",
        "Whether the store responded to this scrape and was writable a moment ago (1 or 0)",
        u64::from(backlog.is_ok() && service.check_ready().await.is_ok()),
    );
    if let Ok(backlog) = backlog {
        let oldest = backlog.oldest_due.map_or(0, |since| now.saturating_sub(since));
        put(
            "due_schedules",
            "Due schedules not leased by any host, capped at 1,000,000",
            backlog.due,
        );
        put(
            "oldest_due_seconds",
            "Age in seconds of the oldest due schedule; 0 if none",
            u64::try_from(oldest).unwrap_or_default(),
        );
        put(
            "waiting_schedules",
            "Schedules with a future due time, capped at 1,000,000",
            backlog.waiting,
        );
        put(
            "outbox_deliveries",
            "Deliveries not yet final, capped at 1,000,000",
            backlog.outbox,
        );
    }
    registry.register(
        "zone_database",
        "The component's release of the tz database",
        Info::new([("release", release.clone())]),
    );
    let kinds: Family<One, Gauge> = Family::default();
    for kind in TroubleKind::ALL {
        let now = trouble.as_ref().is_some_and(|trouble| trouble.kind == kind);
        kinds.get_or_create(&[("kind", kind.as_str())]).set(i64::from(now));
    }
    registry.register(
        "mail_trouble",
        "Why mail does not go out: 1 for the kind of trouble",
        kinds,
    );
    let mut text = String::new();
    let written = encode_registry(&mut text, &registry)
        .and_then(|()| encode_registry(&mut text, &service.metrics().registry))
        .and_then(|()| encode_eof(&mut text));
    written.expect("a text takes all that is written to it");
    text
}
