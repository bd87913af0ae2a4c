//! Which crate uses which, as cargo says and as `docs/DESIGN.md` draws it; and what an embedder compiles.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Most crates that a platform compiles to load the component, beside its own.
const MOST: usize = 110;
/// What it has parts of its own for.
const NOT_FOR_EMBEDDERS: [&str; 8] = [
    "axum",
    "hyper",
    "lettre",
    "libsqlite3-sys",
    "plugin",
    "ring",
    "rustls",
    "tokio-postgres",
];
const EMBEDDED: &str = "scheduled-exports-host";

/// What cargo answers about this workspace.
fn cargo(asked: &[&str]) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    let told = Command::new(env!("CARGO")).args(asked).current_dir(root).output();
    let told = told.expect("cargo runs");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    told.stdout
}

/// Resolved packages, for this machine: others need crates that nothing here may have fetched.
fn metadata() -> Value {
    let host = Command::new("rustc").args(["--print", "host-tuple"]).output();
    let host = String::from_utf8(host.expect("rustc runs").stdout).expect("text");
    let asked = [
        "metadata",
        "--format-version",
        "1",
        "--offline",
        "--filter-platform",
        host.trim(),
    ];
    serde_json::from_slice(&cargo(&asked)).expect("JSON")
}

/// Dependencies of each package that are of one of these kinds (none: what it is linked with), by its id.
fn arrows<'a>(metadata: &'a Value, kinds: &[Option<&str>]) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let text = |value: &'a Value| value.as_str().expect("a text");
    let list = |value: &'a Value| value.as_array().expect("a list").iter();
    let of_kind =
        |dependency: &&'a Value| list(&dependency["dep_kinds"]).any(|one| kinds.contains(&one["kind"].as_str()));
    let nodes = list(&metadata["resolve"]["nodes"]);
    nodes
        .map(|node| {
            let used = list(&node["deps"])
                .filter(of_kind)
                .map(|dependency| text(&dependency["pkg"]));
            (text(&node["id"]), used.collect())
        })
        .collect()
}

/// Names of packages, by their id.
fn names(metadata: &Value) -> BTreeMap<&str, &str> {
    let packages = metadata["packages"].as_array().expect("a list").iter();
    packages
        .map(|one| {
            (
                one["id"].as_str().expect("an id"),
                one["name"].as_str().expect("a name"),
            )
        })
        .collect()
}

/// The lines of the picture, from the top; each crate has its line's number.
fn picture() -> BTreeMap<&'static str, usize> {
    let design = include_str!("../../docs/DESIGN.md");
    let (_, rest) = design.split_once("```text\n").expect("the picture");
    let (picture, _) = rest.split_once("```").expect("its end");
    let lines = picture.lines().enumerate();
    lines
        .flat_map(|(line, names)| names.split_whitespace().map(move |name| (name, line)))
        .collect()
}

#[test]
fn crates_use_those_below_them_in_the_picture_of_the_design_and_no_others() {
    let (metadata, drawn) = (metadata(), picture());
    let names = names(&metadata);
    let members: BTreeSet<&str> = metadata["workspace_members"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|id| names[id.as_str().expect("an id")])
        .collect();
    assert_eq!(
        drawn.keys().copied().collect::<BTreeSet<_>>(),
        members,
        "in the picture, and in the workspace"
    );
    for (from, used) in arrows(&metadata, &[None, Some("build")]) {
        for to in used {
            let (from, to) = (names[from], names[to]);
            if let (Some(above), Some(below)) = (drawn.get(from), drawn.get(to)) {
                assert!(above < below, "{from} uses {to}, which is not below it");
            }
        }
    }
}

#[test]
fn a_platform_that_embeds_the_component_compiles_few_crates_and_no_store_server_or_mail() {
    // As for a project that has this crate alone: what others of the workspace ask of shared crates does not count.
    let tree = cargo(&["tree", "-p", EMBEDDED, "-e", "normal", "--prefix", "none", "--offline"]);
    let tree = String::from_utf8(tree).expect("text");
    let compiled: BTreeSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    assert!(compiled.len() <= MOST, "{}: {compiled:?}", compiled.len());
    let names: BTreeSet<&str> = compiled.iter().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains("wasmtime"), "{tree}");
    let foreign: Vec<&&str> = NOT_FOR_EMBEDDERS.iter().filter(|name| names.contains(**name)).collect();
    assert_eq!(foreign, Vec::<&&str>::new());
}
