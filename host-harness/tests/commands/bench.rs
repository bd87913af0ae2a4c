//! `harness bench`: that it measures, not what.

use super::process::harness;

#[test]
fn a_bench_against_itself_has_both_sides_of_each_row_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().to_str().expect("a path in UTF-8");
    let program = env!("CARGO_BIN_EXE_harness");
    let said = harness([
        "bench",
        "--seconds",
        "0.2",
        "--only",
        "get, 2",
        "--against",
        program,
        "--folder",
        at,
        "--json",
    ])
    .well();
    let report: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(report["sides"], serde_json::json!(["that", "this"]));
    let rows = report["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 1, "{report}");
    assert_eq!(rows[0]["what"], "get, 2 connections");
    for side in rows[0]["sides"].as_array().expect("sides") {
        assert!(side["done"].as_u64().is_some_and(|done| done > 0), "{report}");
        assert!(side["p99_us"].as_f64() >= side["p50_us"].as_f64(), "{report}");
    }
    assert_eq!(std::fs::read_dir(at).expect("the folder").count(), 0);
}

#[test]
fn a_bench_against_what_is_not_there_says_so() {
    let failed = harness(["bench", "--against", "/nonexistent/harness"]);
    assert!(
        failed.sentence().contains("/nonexistent/harness can't be used"),
        "{failed:?}"
    );
}
