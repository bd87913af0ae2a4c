//! The conformance checks: hosts that are right pass them all, and a host that gets one thing wrong fails at the check of it.

mod ends;
mod memory;
mod minimal;
// Formatted where it stands, by the rules beside it.
#[rustfmt::skip]
#[path = "../../examples/minimal-host.rs"]
mod minimal_host;

use scheduled_exports_test_servers::PostgresServer;
use scheduled_exports_testing::conformance::reference::{OnPostgres, OnSqlite};
use scheduled_exports_testing::conformance::{Conformance, Report, Verdict, conformance};

use memory::{InMemory, WRONG};
use minimal::Minimal;

/// Checks that a host could not show its part of, and why.
fn not_known(report: &Report) -> Vec<(&str, &str)> {
    let lacking = report.checks.iter().map(|checked| match &checked.verdict {
        Verdict::CannotTell(words) => Some((&*checked.name, &**words)),
        Verdict::Right | Verdict::Wrong(_) => None,
    });
    lacking.flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_host_on_sqlite_keeps_what_the_contract_promises() {
    let report = conformance(&OnSqlite).await.expect("the component brings its checks");
    assert_eq!(report.wrong().count(), 0, "{report}");
    assert_eq!(not_known(&report), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_host_on_postgres_keeps_what_the_contract_promises() {
    if PostgresServer::shared().is_none() {
        return;
    }
    let report = conformance(&OnPostgres).await.expect("the component brings its checks");
    assert_eq!(report.wrong().count(), 0, "{report}");
    assert_eq!(not_known(&report), []);
}

/// What the minimal host can't be asked for, and what it would need for that. It has one person at one organizer, who stays.
const BEYOND_ONE_PERSON: [(&str, &str); 31] = [
    (
        "an-access-says-who-calls-and-where",
        "this host has no ada at north/autumn",
    ),
    ("a-run-says-what-was-leased", "this host has no ben at north/spring"),
    ("the-quota-is-kept", "this host has no eve at narrow"),
    (
        "a-list-shows-what-the-caller-may-see",
        "this host has no ada at north/spring",
    ),
    ("a-list-has-the-schedules-of-an-owner", "this host has no cleo at north"),
    (
        "a-list-has-what-is-mailed-to-an-address",
        "this host has no cleo at north",
    ),
    (
        "a-foreign-id-reads-as-one-that-nobody-has",
        "this host has no ada at north/spring",
    ),
    ("only-a-user-inserts-and-takes-over", "this host has no token at north"),
    (
        "an-owner-is-who-inserted-it-and-stays-so-when-others-change-it",
        "this host has no cleo at north",
    ),
    (
        "a-take-over-makes-the-caller-the-owner",
        "this host has no cleo at north",
    ),
    (
        "exporters-are-those-of-the-subject",
        "this host has no ben at north/spring",
    ),
    (
        "events-are-those-of-the-subject",
        "this host has no ben at north/spring",
    ),
    (
        "a-reach-of-all-events-includes-those-to-come",
        "this host has no fay at north/spring",
    ),
    (
        "a-file-is-made-with-its-owners-rights",
        "this host has no ada at north/spring",
    ),
    (
        "a-file-is-made-with-the-rights-of-that-moment",
        "this host has no ben at north/spring",
    ),
    (
        "a-run-says-whether-its-owner-may-still",
        "this host has no ben at north/spring",
    ),
    (
        "an-owner-is-told-when-others-change-a-schedule",
        "this host has no cleo at north",
    ),
    (
        "what-an-owner-is-told-within-a-quarter-of-an-hour-is-one-mail",
        "this host has no cleo at north",
    ),
    (
        "an-owner-who-is-inactive-or-gone-is-not-told",
        "this host has no ada at north/spring",
    ),
    ("a-file-is-kept-with-its-run", "this host has no ada at north/spring"),
    ("a-take-over-takes-the-run-away", "this host has no cleo at north"),
    ("mail-keeps-to-the-organizers-rules", "this host has no eve at narrow"),
    (
        "without-an-active-owner-others-are-responsible",
        "users do not change at this host",
    ),
    (
        "a-requested-run-has-a-key-and-mails-of-its-own",
        "this host has no ada at north/spring",
    ),
    (
        "a-requested-run-says-what-it-is",
        "this host has no ada at north/spring",
    ),
    (
        "a-requested-run-moves-neither-plan-nor-counter",
        "this host has no ada at north/spring",
    ),
    (
        "a-request-is-dropped-with-its-call",
        "this host has no ada at north/spring",
    ),
    (
        "a-test-goes-to-who-asked-for-it-alone",
        "this host has no ben at north/spring",
    ),
    (
        "a-content-is-tested-without-a-schedule",
        "this host has no ada at north/spring",
    ),
    ("a-change-ends-a-requested-run", "this host has no ada at north/spring"),
    (
        "who-may-not-write-requests-nothing",
        "this host has no ada at north/spring",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_minimal_host_keeps_what_one_person_can_ask_for() {
    let report = conformance(&Minimal).await.expect("the component brings its checks");
    assert_eq!(report.wrong().count(), 0, "{report}");
    assert_eq!(not_known(&report), BEYOND_ONE_PERSON);
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
    assert_eq!(not_known(&report), []);
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
