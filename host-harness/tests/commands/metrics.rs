//! `serve --metrics`: what is scraped, by a process that works.

use std::collections::BTreeMap;

use scheduled_exports_test_servers::smtp_server::SmtpServer;

use super::process::{Log, MAILING, Serving, fixture};
use super::serve::due_soon;

/// Reads an OpenMetrics text: each sample by its name and labels, after the family that it is of has said what it is.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let (mut families, mut samples) = (Vec::new(), BTreeMap::new());
    let mut lines = text.lines();
    assert_eq!(lines.next_back(), Some("# EOF"));
    for line in lines {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, kind) = family.split_once(' ').expect("a name and a type");
            assert!(["counter", "gauge", "histogram", "info"].contains(&kind), "{line}");
            families.push(name);
        } else if !line.starts_with("# HELP ") && !line.starts_with("# UNIT ") {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            let family = families.last().expect("a family before its samples");
            assert!(name.starts_with(family), "{line} after {family}");
            let twice = samples.insert(name.to_owned(), value.parse().expect("a number"));
            assert_eq!(twice, None, "{line}");
        }
    }
    samples
}

/// Where the metrics are, as the log says.
fn address(log: &mut Log) -> String {
    let line = log.wait_for(&["serving metrics"]);
    let (_, address) = line.rsplit_once("address=").expect("where");
    address.to_owned()
}

fn scrape(address: &str) -> BTreeMap<String, f64> {
    let mut answer = ureq::get(format!("http://{address}/metrics"))
        .call()
        .expect("an answer");
    let kind = answer.headers()["content-type"].to_str().expect("text").to_owned();
    assert!(
        kind.starts_with("application/openmetrics-text; version=1.0.0"),
        "{kind}"
    );
    samples(&answer.body_mut().read_to_string().expect("text"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_host_does_and_what_waits_is_scraped_at_an_address_of_its_own() {
    let server = SmtpServer::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (mut log, fixture) = (Log::new(), fixture());
    let more = [
        "--fixture",
        &fixture,
        "--smtp",
        &server.url(),
        "--metrics",
        "127.0.0.1:0",
    ];
    let more = [&more[..], &MAILING].concat();
    let serving = Serving::start(&log, &folder.path().join("data"), &more);
    let metrics = address(&mut log);
    due_soon(&serving, 3, "finance@example.com");
    let (status, _) = serving.request("GET", "bigevents/scheduled_exports/4711/", "Bearer john-oauth", None);
    assert_eq!(status, 404);
    let api = ureq::get(format!("{}/metrics", serving.url)).call();
    assert!(matches!(api, Err(ureq::Error::StatusCode(404))), "{api:?}");
    server.received(3).await;
    // A mail can arrive before the run that sent it has been counted.
    for _ in 0..3 {
        log.wait_for(&["run attempt finished"]);
    }
    let found = scrape(&metrics);
    let value = |name: &str| *found.get(name).unwrap_or_else(|| panic!("no {name} in {found:#?}"));
    let of = |name: &str| value(&format!("scheduled_exports_{name}"));
    assert!(of("calls_total{export=\"create\",outcome=\"ok\"}") >= 3.0);
    assert!((of("calls_total{export=\"get\",outcome=\"rejected\"}") - 1.0).abs() < 0.1);
    assert!(of("calls_total{export=\"execute\",outcome=\"ok\"}") >= 3.0);
    assert!(of("call_duration_seconds_bucket{le=\"+Inf\",export=\"execute\"}") >= 3.0);
    assert!(of("runs_total{outcome=\"submitted\",kind=\"scheduled\"}") >= 3.0);
    assert!(of("waiting_schedules") >= 3.0);
    assert!(of("instances_max") >= of("instances_in_use"));
    assert!(of("store_up") > 0.5);
    for name in [
        "due_schedules",
        "oldest_due_seconds",
        "outbox_deliveries",
        "leases_lost_total",
        "store_errors_total",
        "platform_errors_total",
    ] {
        assert!(of(name) >= 0.0, "{name}");
    }
}
