//! Hosts killed for real: a small `harness-lab chaos`.

mod process;

use std::path::Path;
use std::process::Command;

use scheduled_exports_test_servers::postgres::PostgresServer;
use serde_json::Value;

use process::lab;

/// Has it kill hosts, and answers what came of it: nothing lost, nothing doubled.
fn chaos(arguments: &[&str]) -> Value {
    let run = Command::new(env!("CARGO_BIN_EXE_harness-lab"))
        .args(["chaos", "--seed", "5", "--kills", "15", "--schedules", "40", "--json"])
        .args(arguments)
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&run.stdout);
    let words = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}{words}");
    let verdict: Value = serde_json::from_str(&said).expect("JSON");
    for (count, wanted) in [
        ("kills", 15),
        ("due_times", 40),
        ("lost", 0),
        ("doubled", 0),
        ("moved", 0),
    ] {
        assert_eq!(verdict[count], wanted, "{count} of {verdict}");
    }
    let requested = verdict["requested_runs"].as_u64().filter(|requested| *requested > 0);
    let ended = verdict["delivered"].as_u64().zip(verdict["failed"].as_u64());
    assert_eq!(
        ended.map(|(delivered, failed)| delivered + failed),
        requested.map(|requested| 40 + requested),
        "{verdict}"
    );
    assert_eq!(verdict["crashed_at"].as_array().map(Vec::len), Some(14), "{verdict}");
    verdict
}

#[test]
fn two_hosts_killed_again_and_again_lose_nothing_and_double_nothing() {
    assert_eq!(chaos(&[])["store"], "SQLite");
}

#[test]
fn three_hosts_lose_nothing_and_double_nothing_on_a_postgresql_server_that_crashes() {
    // Said on stderr where there is none.
    if PostgresServer::shared().is_none() {
        return;
    }
    let verdict = chaos(&["--database", "temporary", "--hosts", "3", "--database-crashes", "2"]);
    assert_eq!(
        (&verdict["store"], &verdict["database_crashes"]),
        (&"PostgreSQL".into(), &2.into())
    );
}

#[test]
fn chaos_keeps_off_a_database_that_is_filled() {
    let Some(server) = PostgresServer::shared() else { return };
    let url = server.new_database();
    // Cargo puts the programs of a workspace side by side.
    let harness = Path::new(env!("CARGO_BIN_EXE_harness-lab")).with_file_name("harness");
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/bigevents.json");
    let filled = Command::new(harness)
        .args(["seed", "--database", &url, "--fixture", fixture])
        .output();
    let filled = filled.expect("`harness` is there: `cargo build --workspace` makes it");
    assert!(filled.status.success(), "{}", String::from_utf8_lossy(&filled.stderr));
    let ended = lab(["chaos", "--database", &url]);
    assert!(ended.sentence().contains("already contains data"), "{ended:?}");
    let crashing = lab(["chaos", "--database", &url, "--database-crashes", "1"]);
    assert!(crashing.sentence().contains("--database temporary"), "{crashing:?}");
}
