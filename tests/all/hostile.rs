//! behaviour.md, sections 5 and 6: a component that traps, loops, eats memory or lies costs its own run or call, and nobody
//! else's.

pub(crate) mod misbehaving;

use scheduled_exports_host::contract::Outcome;
use scheduled_exports_host::engine::{Limits, LoadError, inspect};
use scheduled_exports_testing::Harness;
use serde_json::json;
use std::time::Duration;
use tests::{CONF, JOHN, daily, without_schedules};

#[tokio::test]
async fn the_plugin_gives_up_a_run_that_ran_past_its_deadline() {
    // Over before the first import answers; giving up has a deadline of its own.
    let limits = Limits {
        run_deadline: Duration::ZERO,
        ..Limits::default()
    };
    let host = Harness::builder()
        .limits(limits)
        .fixture(&without_schedules())
        .build()
        .await;
    let id = host.create(CONF, JOHN, &daily()).await;
    host.advance_to("2026-10-23T03:00:00Z").await;
    let history = host.history(id).await;
    let outcome = history[0].entry.outcome.clone();
    assert!(
        matches!(&outcome, Some(Outcome::Failed((code, _))) if code == "deadline-exceeded"),
        "{outcome:?}"
    );
    let shown = host.get(&format!("{CONF}{id}/"), JOHN).await.body;
    assert_eq!(shown["error_counter"], json!(1));
    let told = host.mails();
    assert_eq!((told.len(), told[0].recipient.as_str()), (1, "john@example.com"));
    assert!(told[0].text.contains("https://tickets.example/"), "{}", told[0].text);
}

/// A component of nothing but names: one import and one export.
fn names_only(import: &str, export: &str) -> Vec<u8> {
    let text = |name: &str| {
        let mut text = vec![0, u8::try_from(name.len()).expect("a short name")];
        text.extend(name.as_bytes());
        text
    };
    let section = |id: u8, body: Vec<u8>| {
        let mut section = vec![id, u8::try_from(body.len()).expect("a short section")];
        section.extend(body);
        section
    };
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    // Type 0: an instance type without members; the import has it; the export is that instance again.
    bytes.extend(section(7, vec![1, 0x42, 0]));
    bytes.extend(section(10, [vec![1], text(import), vec![5, 0]].concat()));
    bytes.extend(section(11, [vec![1], text(export), vec![5, 0, 0]].concat()));
    bytes
}

#[test]
fn a_component_that_asks_for_more_or_offers_less_is_named_before_it_is_linked() {
    let foreign = names_only("wasi:sockets/tcp@0.2.0", "ticketing:scheduled-exports/jobs@0.1.0");
    let found = inspect(&foreign).expect("a component").misfit;
    assert!(
        matches!(&found, Some(LoadError::ForeignImport(name)) if name == "wasi:sockets/tcp@0.2.0"),
        "{found:?}"
    );
    let lacking = names_only(
        "ticketing:scheduled-exports/log@0.1.0",
        "ticketing:scheduled-exports/jobs@0.1.0",
    );
    let found = inspect(&lacking).expect("a component").misfit;
    assert!(
        matches!(&found, Some(LoadError::MissingExport(name)) if name.contains("schedules")),
        "{found:?}"
    );
}
