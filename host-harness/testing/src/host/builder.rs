//! What a test says of its host before there is one.

use std::sync::Arc;

use reference_platform::Fixture;
use reference_server::ports::HostFacts;
use reference_server::scheduler::{Scheduler, SchedulerOptions};
use scheduled_exports_host::clock::{Clock as _, Instant, VirtualClock};
use scheduled_exports_host::engine::{EMBEDDED, Limits};
use scheduled_exports_mail::Transport;
use scheduled_exports_store::usage::UsageLimits;

use super::{CapturedMail, Harness, TestStore, at, open};
use crate::{Client, ScriptedExports, StoreScript};

/// The platform that the demo runs on.
const PLATFORM: &str = include_str!("../../../../tests/data/bigevents.json");
/// 2026-10-22T12:00:00Z, as in the demo: clocks go back in Berlin three days later.
const NOW: Instant = 1_792_670_400;
/// Of so many calls of the store one fails, before or after it is done.
const ONE_IN: u64 = 20;

/// A host to be. Whatever is not said is as in the demo: the built-in component with its usual limits, the platform of
/// `tests/data/bigevents.json`, and the noon of 22 October 2026 (UTC).
///
/// ```
/// use scheduled_exports_host::contract::exporters::ExportError;
/// use scheduled_exports_testing::{Harness, ScriptedExports};
/// use serde_json::json;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let exports = ScriptedExports::default();
/// exports.fail(1, &ExportError::Unavailable("the warehouse is closed".into()));
/// let harness = Harness::builder().at("2026-10-24T12:00+02:00[Europe/Berlin]").exports(exports).build().await;
/// let document = json!({
///     "export_identifier": "orderlist", "export_form_data": {"_format": "default"},
///     "mail_subject": "Orders", "mail_template": "All of them.",
///     "schedule_rrule": "RRULE:FREQ=DAILY", "schedule_rrule_time": "03:30:00",
/// });
/// let path = "/api/v1/organizers/bigevents/events/sampleconf/scheduled_exports/";
/// harness.create(path, "Bearer john-oauth", &document).await;
///
/// harness.advance_to("2026-10-25T03:29+01:00[Europe/Berlin]").await;
/// assert!(!harness.mails().iter().any(|mail| mail.subject == "Orders"));
/// harness.advance_to("2026-10-25T06:00+01:00[Europe/Berlin]").await;
/// assert!(harness.mails().iter().any(|mail| mail.subject == "Orders"));
/// # });
/// ```
#[must_use = "there is no host before it is built"]
pub struct HarnessBuilder {
    kept: Option<TestStore>,
    plugin: Vec<u8>,
    limits: Limits,
    facts: HostFacts,
    fixture: String,
    now: Instant,
    faults: Option<u64>,
    exports: ScriptedExports,
    recorded: bool,
}

impl Default for HarnessBuilder {
    fn default() -> Self {
        Self {
            kept: None,
            plugin: EMBEDDED.to_vec(),
            limits: Limits::default(),
            facts: HostFacts {
                base_url: "https://tickets.example".into(),
                limits: UsageLimits::none(),
                ..HostFacts::default()
            },
            fixture: PLATFORM.to_owned(),
            now: NOW,
            faults: None,
            exports: ScriptedExports::default(),
            recorded: false,
        }
    }
}

impl HarnessBuilder {
    /// Another component than the built-in one.
    pub fn plugin(self, bytes: impl Into<Vec<u8>>) -> Self {
        let plugin = bytes.into();
        Self { plugin, ..self }
    }

    /// What a call may use.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Platform and schedules: the text of a fixture file, as `tests/data/README.md` describes it.
    pub fn fixture(self, text: &str) -> Self {
        let fixture = text.to_owned();
        Self { fixture, ..self }
    }

    /// The instant at which the clock stands, as [`at`] reads it.
    ///
    /// # Panics
    /// As [`at`].
    pub fn at(self, instant: &str) -> Self {
        Self {
            now: at(instant),
            ..self
        }
    }

    /// Where everything is kept, if it is not for [`STORE_VARIABLE`](super::STORE_VARIABLE) to say.
    pub fn store(self, kept: TestStore) -> Self {
        let kept = Some(kept);
        Self { kept, ..self }
    }

    /// What an organizer and a caller can use: without a word, as much as they like.
    pub fn usage(mut self, limits: UsageLimits) -> Self {
        self.facts.limits = limits;
        self
    }

    /// Files that are too large for a mail are offered for download.
    pub fn downloads(mut self) -> Self {
        self.facts.download_links = true;
        self
    }

    /// Once it is built, one in twenty calls of the store fails, half of them after the store has done it: which, the seed says.
    pub fn faults(self, seed: u64) -> Self {
        let faults = Some(seed);
        Self { faults, ..self }
    }

    /// What exporters are answered in their place.
    pub fn exports(self, exports: ScriptedExports) -> Self {
        Self { exports, ..self }
    }

    /// Each call that is lent a handle is kept on tape: see [`Harness::tapes`].
    pub fn record(self) -> Self {
        Self { recorded: true, ..self }
    }

    /// The host.
    ///
    /// # Panics
    /// If any part does not start: a test can't go on without.
    pub async fn build(self) -> Harness {
        let Self {
            kept,
            plugin,
            limits,
            facts,
            fixture,
            now,
            faults,
            exports,
            recorded,
        } = self;
        let kept = kept.unwrap_or_else(TestStore::of_environment);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = Arc::new(VirtualClock::at(now));
        let mail = Arc::<CapturedMail>::default();
        let (exports, store) = (Arc::new(exports), Arc::<StoreScript>::default());
        let service = open(
            (&kept, folder.path(), None, recorded),
            &plugin,
            limits.clone(),
            facts,
            Arc::clone(&clock),
            &exports,
            &store,
        )
        .await;
        let fixture = Fixture::from_json(&fixture).expect("a fixture");
        service.platform().load(&fixture).await.expect("the fixture's platform");
        for organizer in service.platform().organizers().await.expect("organizers") {
            let switched = service
                .storage()
                .set_enabled(&organizer.slug, organizer.enabled, "host", clock.now())
                .await;
            switched.expect("the organizer is switched");
        }
        for schedule in &fixture.schedules {
            service.seed(schedule).await.expect("the fixture's schedule");
        }
        if let Some(seed) = faults {
            store.fail_by_seed(seed, ONE_IN);
        }
        let (transport, options) = (Arc::clone(&mail) as Arc<dyn Transport>, SchedulerOptions::default());
        Harness {
            scheduler: Scheduler::new(Arc::clone(&service), Arc::clone(&transport), options.clone()),
            client: Client::of(&service),
            service,
            clock,
            mail,
            exports,
            store,
            transport,
            options,
            folder: Arc::new(folder),
            kept,
            pages: None,
            plugin,
            limits,
            faulty: faults.is_some(),
            recorded,
        }
    }
}
