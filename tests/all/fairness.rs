//! One organizer cannot starve the others: workers, export slots and instances are shared, and calls have their own.

use std::sync::Arc;
use std::time::Duration;

use reference_server::scheduler::{Scheduler, SchedulerOptions};
use scheduled_exports_host::contract::Outcome;
use scheduled_exports_host::engine::Limits;
use scheduled_exports_mail::Transport;
use scheduled_exports_testing::{Harness, Method, Moment, at};
use serde_json::{Value, json};
use tests::{BIG, CONF, JOHN, SAM, SMALL, but, daily, without_schedules};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

const EVENING: &str = "2026-10-22T18:00:00Z";
/// 04:00 in Berlin.
const FIRST: &str = "2026-10-23T02:00:00Z";
/// Half a minute later: 22:00:30 in New York.
const SECOND: &str = "2026-10-23T02:00:30Z";

fn plain() -> Value {
    but(daily(), json!({"export_form_data": {"_format": "xlsx"}}))
}

fn later() -> Value {
    but(plain(), json!({"schedule_rrule_time": "22:00:30"}))
}

struct Served {
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
}

impl Served {
    /// The host's own loops, as `harness serve` has them.
    fn start(host: &Harness, options: SchedulerOptions) -> Self {
        let transport: Arc<dyn Transport> = Arc::clone(&host.mail) as _;
        let scheduler = Arc::new(Scheduler::new(Arc::clone(&host.service), transport, options));
        let (stop, stopped) = watch::channel(false);
        let served = tokio::spawn(scheduler.serve(stopped));
        Self { stop, served }
    }

    async fn stop(self) {
        self.stop.send(true).expect("it listens");
        self.served.await.expect("it stops in order");
    }
}

/// Told when the store has next done this.
fn once_done(host: &Harness, call: &'static str) -> oneshot::Receiver<()> {
    let (done, told) = oneshot::channel();
    host.store.once(Moment::After(call), async move {
        let _ = done.send(());
    });
    told
}

#[tokio::test]
async fn while_100_exports_of_one_organizer_are_held_another_ones_run_ends_and_its_calls_are_answered() {
    let host = Harness::start(&without_schedules(), EVENING).await;
    for _ in 0..100 {
        host.create(CONF, JOHN, &plain()).await;
    }
    let other = host.create(SMALL, SAM, &later()).await;
    host.exports.hold_of("bigevents", 100);
    host.jump_to(FIRST);
    let served = Served::start(&host, SchedulerOptions::default());
    // Half of the eight slots: no more of its exports read at a time.
    host.exports.held(4).await;

    let ended = once_done(&host, "finish");
    host.jump_to(SECOND);
    ended.await.expect("a run that is not held ends");
    let ran = host.history(other).await;
    assert_eq!(ran.len(), 1);
    assert!(
        !matches!(ran[0].entry.outcome, None | Some(Outcome::Failed(_))) && ran[0].entry.due == at(SECOND),
        "{ran:?}"
    );
    for path in [
        SMALL.to_owned(),
        format!("{SMALL}{other}/"),
        format!("{SMALL}{other}/runs/"),
    ] {
        assert_eq!(host.get(&path, SAM).await.status, 200, "{path}");
    }
    host.create(SMALL, SAM, &plain()).await;
    assert_eq!(host.get(BIG, JOHN).await.status, 200, "its own calls are answered too");
    assert_eq!(host.exports.asked(), 5, "four that are held, and the other's");

    host.exports.hold(0);
    host.exports.release();
    served.stop().await;
}

/// Nothing of the API waits for a run, whatever runs there are.
#[tokio::test]
async fn calls_are_answered_while_runs_have_all_their_instances() {
    let limits = Limits {
        instances: 2,
        ..Limits::default()
    };
    let host = Harness::builder()
        .limits(limits)
        .fixture(&without_schedules())
        .at(EVENING)
        .build()
        .await;
    for _ in 0..2 {
        host.create(CONF, JOHN, &plain()).await;
        host.create(SMALL, SAM, &later()).await;
    }
    host.exports.hold(4);
    host.jump_to(SECOND);
    let served = Served::start(&host, SchedulerOptions::default());
    host.exports.held(2).await;
    assert_eq!(host.service.instances(), (2, 34));
    for (path, caller) in [(CONF, JOHN), (SMALL, SAM)] {
        assert_eq!(host.get(path, caller).await.status, 200);
        host.create(path, caller, &plain()).await;
    }
    host.exports.hold(0);
    host.exports.release();
    served.stop().await;
}

#[tokio::test]
async fn calls_of_one_organizer_get_half_of_the_instances_and_past_that_a_503() {
    let limits = Limits {
        call_instances: 4,
        // So that what gets no place is told at once.
        call_wait: Duration::ZERO,
        ..Limits::default()
    };
    let host = Harness::builder()
        .limits(limits)
        .fixture(&without_schedules())
        .at(EVENING)
        .build()
        .await;
    let (mut held, mut released) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let (arrived, here) = oneshot::channel();
        let (release, go_on) = oneshot::channel::<()>();
        host.store.once(Moment::Before("list"), async move {
            let _ = arrived.send(());
            let _ = go_on.await;
        });
        let client = host.client();
        held.push(tokio::spawn(async move { client.get(CONF, JOHN).await.status }));
        here.await.expect("a call that has its instance");
        released.push(release);
    }
    let refused = host.get(CONF, JOHN).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert_eq!(refused.header("retry-after"), "1");
    assert!(refused.body["detail"].is_string());
    // Not a record of it either: the same key is carried out later.
    let key = [("idempotency-key", "k")];
    let body = plain().to_string();
    let create = || host.request(Method::POST, CONF, JOHN, &key, Some(&body));
    assert_eq!(create().await.status, 503);
    assert_eq!(host.get(SMALL, SAM).await.status, 200, "another organizer's calls");

    for release in released {
        release.send(()).expect("it waits");
    }
    for call in held {
        assert_eq!(call.await.expect("it ends"), 200);
    }
    assert_eq!(create().await.status, 201);
    assert_eq!(host.get(CONF, JOHN).await.status, 200);
}
