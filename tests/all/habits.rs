//! What is said once and relied on in several places: the lints of all crates, and the stages of CI.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests lie in the workspace")
        .to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Name and description of each stage; of those alone that a run without names has, or of all.
fn stages(with_those_on_request: bool) -> Vec<(String, String)> {
    let told = Command::new("bash")
        .current_dir(root())
        .args([".ci/run", "--list"])
        .output()
        .expect("bash starts");
    assert!(told.status.success(), "{told:?}");
    let told = String::from_utf8(told.stdout).expect("text");
    let stages = told.lines().map(|line| {
        let (name, what) = line.split_once(' ').expect("a name and what it is");
        (name.to_owned(), what.trim().to_owned())
    });
    stages
        .filter(|(_, what)| with_those_on_request || !what.starts_with("on request"))
        .collect()
}

#[test]
fn every_crate_inherits_the_lints_of_the_workspace() {
    let told = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .output()
        .expect("cargo starts");
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).expect("what cargo knows of the workspace");
    let members = told["packages"].as_array().expect("a list");
    assert!(members.len() > 4, "{members:?}");
    for member in members {
        let manifest = member["manifest_path"].as_str().expect("a path");
        let text = fs::read_to_string(manifest).expect(manifest);
        assert!(
            text.contains("\n[lints]\nworkspace = true\n"),
            "{manifest} lacks `[lints]` with `workspace = true`"
        );
    }
}

#[test]
fn the_workflow_runs_every_stage_in_the_order_of_ci_run() {
    let workflow = read(".github/workflows/ci.yml");
    let listed = workflow
        .lines()
        .skip_while(|line| line.trim() != "stages:")
        .skip(1)
        .map_while(|line| line.trim().strip_prefix("- "))
        .flat_map(str::split_whitespace);
    let stages = stages(false);
    assert_eq!(
        listed.collect::<Vec<_>>(),
        stages.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>()
    );
    assert!(workflow.contains("run: bash .ci/run ${{ matrix.stages }}\n"));
}

#[test]
fn the_guide_for_contributors_names_every_stage_as_ci_run_does() {
    let page = read("CONTRIBUTING.md");
    let rows = page
        .lines()
        .skip_while(|line| *line != "| stage | |")
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let stages = stages(true);
    let wanted = stages.iter().map(|(name, what)| format!("| `{name}` | {what} |"));
    assert_eq!(rows.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
}

#[test]
fn each_stage_of_ci_run_is_there() {
    let script = read(".ci/run");
    for (name, _) in stages(true) {
        assert!(script.contains(&format!("\nstage_{name}() {{")), "{name}");
    }
    let told = Command::new("bash")
        .current_dir(root())
        .args([".ci/run", "no-such-stage"])
        .output()
        .expect("bash starts");
    assert_eq!(told.status.code(), Some(2), "{told:?}");
}
