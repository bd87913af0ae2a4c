//! `harness-lab bench`: that it measures, not what.

mod process;

use scheduled_exports_test_servers::postgres::PostgresServer;
use serde_json::Value;

use process::lab;

const THIS: &str = env!("CARGO_BIN_EXE_harness-lab");

/// One row of a bench with two sides, which leaves nothing behind.
fn both_sides(row: &str, arguments: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().to_str().expect("a path in UTF-8");
    let short = ["bench", "--seconds", "0.2", "--only", row, "--folder", at, "--json"];
    let said = lab(short.into_iter().chain(arguments.iter().copied())).well();
    let report: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(report["sides"], serde_json::json!(["that", "this"]));
    let rows = report["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 1, "{report}");
    assert_eq!(rows[0]["what"], row);
    let sides = rows[0]["sides"].as_array().expect("sides");
    assert_eq!(sides.len(), 2, "{report}");
    for side in sides {
        assert!(side["done"].as_u64().is_some_and(|done| done > 0), "{report}");
        assert!(side["p99_us"].as_f64() >= side["p50_us"].as_f64(), "{report}");
    }
    assert_eq!(std::fs::read_dir(at).expect("the folder").count(), 0);
}

#[test]
fn a_bench_against_itself_has_both_sides_of_each_row_and_leaves_nothing_behind() {
    both_sides("get, 2 connections", &["--against", THIS]);
    both_sides("start to first answer", &["--against", THIS]);
}

#[test]
fn a_bench_compares_two_stores_and_two_builds_on_postgresql() {
    // Said on stderr where there is none.
    if PostgresServer::shared().is_none() {
        return;
    }
    both_sides("get, 2 connections", &["--against", "temporary"]);
    both_sides("get, 2 connections", &["--against", THIS, "--database", "temporary"]);
}

#[test]
fn two_builds_are_not_measured_on_one_database() {
    let refused = lab(["bench", "--against", THIS, "--database", "postgres://localhost/bench"]);
    assert!(
        refused
            .sentence()
            .contains("comparing two builds needs one database each"),
        "{refused:?}"
    );
}

#[test]
fn a_bench_against_what_is_not_there_says_so() {
    let failed = lab(["bench", "--against", "/nonexistent/harness-lab"]);
    assert!(
        failed.sentence().contains("could not use /nonexistent/harness-lab"),
        "{failed:?}"
    );
}
