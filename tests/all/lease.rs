//! A lease that is renewed while a slow export runs, up to the run's deadline.
//!
//! Renewals come by the machine's clock, at a third of the lease; what they write goes by the test's, which moves a second at each
//! of them. No test waits for a time: each waits for a renewal.

use std::time::Duration;

use reference_server::scheduler::SchedulerOptions;
use scheduled_exports_host::contract::Outcome;
use scheduled_exports_host::engine::Limits;
use scheduled_exports_testing::{Harness, Moment, at};
use serde_json::json;
use tests::{CONF, JOHN, daily, without_schedules};

const EVE: &str = "2026-10-22T12:00:00Z";
const DUE: &str = "2026-10-23T02:00:00Z";

/// The shortest lease that a clock of whole seconds can show to be renewed.
fn short_leases() -> SchedulerOptions {
    SchedulerOptions {
        lease: Duration::from_secs(2),
        ..SchedulerOptions::default()
    }
}

/// Returns after the next renewal that this host has written.
async fn renewed(host: &Harness) {
    let (tell, told) = tokio::sync::oneshot::channel();
    host.store.once(Moment::After("renew"), async move {
        // Who asked has got what he wanted where he is gone.
        let _ = tell.send(());
    });
    told.await.expect("the host lives");
}

/// What another host would lease at this host's time.
async fn taken_by_another(other: &Harness, now: i64) -> usize {
    let taken = other.storage().take_due(now, now + 60, 9, None).await;
    taken.expect("the store answers").len()
}

#[tokio::test]
async fn a_lease_is_renewed_while_an_export_runs_longer_than_it_and_no_other_host_gets_the_run() {
    let host = Harness::start(&without_schedules(), EVE)
        .await
        .scheduling(short_leases());
    let id = host.create(CONF, JOHN, &daily()).await;
    let other = host.second().await;
    host.jump_to(DUE);
    host.exports.hold(1);
    let slow = async {
        host.exports.held(1).await;
        // Twice as long as the lease, and the other host looks after each second.
        for second in 1..=4 {
            renewed(&host).await;
            host.clock.set(at(DUE) + second);
            assert_eq!(other.step().await.runs, 0, "second {second}");
        }
        host.exports.release();
    };
    tokio::join!(host.step(), slow);
    let history = host.history(id).await;
    assert_eq!((history.len(), history[0].entry.attempts), (1, 1));
    assert_eq!(history[0].entry.outcome, Some(Outcome::Delivered));
    assert_eq!((host.exports.asked(), host.mails().len()), (1, 1));
}

#[tokio::test]
async fn a_lease_is_renewed_up_to_the_deadline_and_the_run_is_then_given_up_once() {
    let limits = Limits {
        run_deadline: Duration::from_secs(3),
        ..Limits::default()
    };
    let host = Harness::builder()
        .limits(limits)
        .fixture(&without_schedules())
        .at(EVE)
        .build()
        .await
        .scheduling(short_leases());
    let id = host.create(CONF, JOHN, &daily()).await;
    let other = host.second().await;
    host.jump_to(DUE);
    host.exports.hold(1);
    let watched = async {
        for second in 1.. {
            renewed(&host).await;
            let now = at(DUE) + second;
            host.clock.set(now);
            assert_eq!(taken_by_another(&other, now).await, 0, "second {second}");
        }
    };
    tokio::select! {
        _ = host.step() => {}
        () = watched => unreachable!("it watches for ever"),
    }
    let history = host.history(id).await;
    let outcome = &history[0].entry.outcome;
    assert!(
        matches!(outcome, Some(Outcome::Failed((code, _))) if code == "deadline-exceeded"),
        "{outcome:?}"
    );
    assert_eq!((history.len(), history[0].entry.attempts), (1, 1));
    assert_eq!(
        host.get(&format!("{CONF}{id}/"), JOHN).await.body["error_counter"],
        json!(1)
    );
    // The exporter comes back too late: nobody waits for it any more.
    host.exports.release();
    host.step().await;
    other.step().await;
    let mails = host.mails();
    assert_eq!((mails.len(), mails[0].recipient.as_str()), (1, "john@example.com"));
    assert!(mails[0].attachment.is_none(), "told, and no export");
    assert_eq!((host.exports.asked(), host.history(id).await.len()), (1, 1));
}

#[tokio::test]
async fn a_change_during_a_slow_export_stops_it_at_the_next_renewal_and_the_due_time_is_executed_with_what_it_says() {
    let host = Harness::start(&without_schedules(), EVE)
        .await
        .scheduling(short_leases());
    let id = host.create(CONF, JOHN, &daily()).await;
    let other = host.second().await;
    host.jump_to(DUE);
    host.exports.hold(1);
    let changed = async {
        host.exports.held(1).await;
        let changed = host
            .patch(&format!("{CONF}{id}/"), JOHN, &json!({"mail_subject": "Changed"}))
            .await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        // Its export is not held, and it does not wait for the first one's end.
        assert!(other.step().await.runs > 0);
    };
    // Never released: the first host gives its export up by itself.
    tokio::join!(host.step(), changed);
    let history = host.history(id).await;
    assert_eq!((history.len(), history[0].entry.due), (1, at(DUE)));
    assert_eq!(
        (history[0].entry.attempts, &history[0].entry.outcome),
        (2, &Some(Outcome::Delivered))
    );
    let subjects: Vec<String> = host.mails().into_iter().map(|mail| mail.subject).collect();
    assert_eq!((host.exports.asked(), subjects), (2, vec!["Changed".to_owned()]));
}
