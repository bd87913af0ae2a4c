//! The conformance checks: hosts that are right pass them all, and a host that gets one thing wrong fails at the check of it.

mod ends;
mod memory;
mod minimal;
// Formatted where it stands, by the rules beside it.
#[rustfmt::skip]
#[path = "../../examples/minimal-host.rs"]
mod minimal_host;

use host_harness::testing::PostgresServer;
use host_harness::testing::conformance::reference::{OnPostgres, OnSqlite};
use host_harness::testing::conformance::{Conformance, Report, Verdict, conformance};

use memory::{InMemory, WRONG};
use minimal::Minimal;

/// Checks that a host could not show its part of.
fn not_known(report: &Report) -> Vec<&str> {
    let not_known = |verdict: &Verdict| matches!(verdict, Verdict::CannotTell(_));
    let checks = report.checks.iter().filter(|checked| not_known(&checked.verdict));
    checks.map(|checked| &*checked.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_host_on_sqlite_keeps_what_the_contract_promises() {
    let report = conformance(&OnSqlite).await.expect("the component brings its checks");
    assert_eq!(report.wrong().count(), 0, "{report}");
    assert_eq!(not_known(&report), ["handles-are-closed-when-the-call-is-over"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_host_on_postgres_keeps_what_the_contract_promises() {
    if PostgresServer::shared().is_none() {
        return;
    }
    let report = conformance(&OnPostgres).await.expect("the component brings its checks");
    assert_eq!(report.wrong().count(), 0, "{report}");
    assert_eq!(not_known(&report), ["handles-are-closed-when-the-call-is-over"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_minimal_host_keeps_what_it_can_be_asked_for() {
    let report = conformance(&Minimal::new())
        .await
        .expect("the component brings its checks");
    assert_eq!(report.wrong().count(), 0, "{report}");
    let right = report
        .checks
        .iter()
        .filter(|checked| checked.verdict.is_right())
        .count();
    assert_eq!(right, 39, "{report}");
}

#[test]
fn the_minimal_host_tells_its_story() {
    minimal_host::main().expect("it comes to its end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_in_memory_keeps_what_the_contract_promises() {
    let report = conformance(&InMemory::right())
        .await
        .expect("the component brings its checks");
    assert_eq!(report.wrong().count(), 0, "{report}");
    assert_eq!(not_known(&report), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_gets_one_thing_wrong_fails_at_the_check_of_it() {
    let right = InMemory::right();
    let mut passed = Vec::new();
    for (fault, check) in WRONG {
        let hosts = right.but(*fault);
        let conformance = Conformance::of(&hosts).await.expect("the component brings its checks");
        let checked = conformance.check(check).await;
        match &checked.verdict {
            Verdict::Wrong(words) => println!("{fault:?}: {check}: {words}"),
            Verdict::Right | Verdict::CannotTell(_) => passed.push(format!("{fault:?}: {checked}")),
        }
    }
    assert!(passed.is_empty(), "{}", passed.join("\n"));
}
