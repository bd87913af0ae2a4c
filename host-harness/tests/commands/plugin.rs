//! `plugin inspect`, and component files that this host can't run.

use serde_json::{Value, json};

use super::process::{command, fixture, harness, root};

/// A file's name and bytes, and what the sentence about it holds.
fn misfits() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let component = |wat: &str| wat::parse_str(wat).expect("a component");
    let exports = |names: &[&str]| {
        let exports: String = names
            .iter()
            .map(|name| format!("(export \"ticketing:scheduled-exports/{name}@0.1.0\" (instance $none))"))
            .collect();
        component(&format!("(component (instance $none) {exports})"))
    };
    vec![
        (
            "empty.wasm",
            Vec::new(),
            "is not a WebAssembly component: the file is empty",
        ),
        (
            "letter.wasm",
            b"Dear plugin".to_vec(),
            "is not a WebAssembly component: missing WebAssembly magic number",
        ),
        (
            "torn.wasm",
            scheduled_exports_host::engine::EMBEDDED[..1000].to_vec(),
            "is not a WebAssembly component: ",
        ),
        (
            "module.wasm",
            component("(module)"),
            "is not a WebAssembly component: the file is a core module; encode it as a component with `wasm-tools component new`",
        ),
        (
            "bare.wasm",
            component("(component)"),
            "does not export `ticketing:scheduled-exports/schedules@0.1.0`",
        ),
        (
            "mute.wasm",
            exports(&["schedules", "recurrence", "jobs"]),
            "does not export `ticketing:scheduled-exports/about@0.1.0`",
        ),
        (
            "hollow.wasm",
            exports(&["schedules", "recurrence", "jobs", "about"]),
            "is incompatible with this host: ",
        ),
        (
            "nosy.wasm",
            component("(component (import \"wasi:filesystem/types@0.2.6\" (instance)))"),
            "imports `wasi:filesystem/types@0.2.6`, which this host does not provide",
        ),
        (
            "later.wasm",
            component("(component (import \"ticketing:scheduled-exports/log@0.2.0\" (instance)))"),
            "uses contract version 0.2.0, but this host supports 0.1.0",
        ),
    ]
}

#[test]
fn a_component_that_this_host_cannot_run_is_told_why_by_every_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data").display().to_string();
    for (name, bytes, why) in misfits() {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).expect("written");
        let file = file.display().to_string();
        let rule = ["--rule", "RRULE:FREQ=DAILY", "--time", "04:00:00", "--zone", "UTC"];
        let seed = ["seed", "--data", &data, "--fixture", &fixture(), "--plugin", &file];
        let serve = ["serve", "--listen", "127.0.0.1:0", "--plugin", &file, "--data", &data];
        for call in [
            vec!["plugin", "inspect", &file],
            [&["next-run", "--plugin", &file][..], &rule].concat(),
            seed.to_vec(),
            [&serve[..], &["--fixture", &fixture()]].concat(),
        ] {
            let ended = harness(call.iter().copied());
            assert!(ended.sentence().starts_with("the plugin "), "{ended:?}");
            assert!(ended.sentence().contains(why), "{call:?}: {}", ended.sentence());
        }
    }
    assert!(
        !folder.path().join("data").exists(),
        "a store was made before the plugin was read"
    );
}

#[test]
fn a_plugin_file_that_is_not_there_is_named() {
    for call in [
        vec!["plugin", "inspect", "/no/such.wasm"],
        vec!["next-run", "--jsonl", "--plugin", "/no/such.wasm"],
    ] {
        let ended = harness(call);
        assert!(
            ended.sentence().starts_with("could not read plugin /no/such.wasm: "),
            "{ended:?}"
        );
    }
}

#[test]
fn the_built_in_component_asks_for_the_contract_and_nothing_else() {
    let found: Value = serde_json::from_str(&harness(["plugin", "inspect", "--json"]).well()).expect("JSON");
    assert_eq!((&found["runs_here"], &found["reason"]), (&true.into(), &Value::Null));
    assert_eq!(found["size"], scheduled_exports_host::engine::EMBEDDED.len());
    let imports = found["imports"].as_object().expect("an object");
    assert!(!imports.is_empty());
    for import in imports.keys() {
        assert!(import.starts_with("ticketing:scheduled-exports/"), "{import}");
    }
    let told = harness(["plugin", "inspect"]).well();
    assert!(told.ends_with("compatible with this host\n"), "{told}");
    // Host and component have the same release, so its age is known, whatever today is.
    let release = plugin::recurrence::ZONE_DATABASE;
    assert_eq!(found["zone_database"], release);
    let days = found["zone_database_age_days"].as_u64().expect("a number");
    let line = told.lines().next().unwrap_or_default();
    assert!(line.contains(&format!("time zones {release}, {days} day")), "{told}");
}

#[test]
fn the_manifest_beside_the_plugin_says_what_the_built_in_component_asks_for() {
    let manifest = std::fs::read_to_string(root().join("plugin/imports.json")).expect("the manifest");
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    let found: Value = serde_json::from_str(&harness(["plugin", "inspect", "--json"]).well()).expect("JSON");
    // After a wanted change, what `harness plugin inspect --json` prints goes there.
    assert_eq!(manifest["imports"], found["imports"]);
    assert_eq!(manifest["exports"], found["exports"]);
}

#[test]
fn the_component_is_not_larger_than_1_3_mb() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("plugin.wasm");
    harness(["plugin", "write", &file.display().to_string()]).well();
    let bytes = std::fs::metadata(&file).expect("the component").len();
    assert!(
        bytes <= 1_300_000,
        "{bytes} bytes: see what has come into it with `cargo tree -p plugin -e normal`, and how large its tables are \
         (`plugin/build.rs`). A library for hosts only, or tables of names, do not belong there."
    );
}

#[test]
fn a_component_that_asks_for_more_than_the_operator_allows_is_refused_by_function() {
    let manifest = root().join("plugin/imports.json").display().to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let less = folder.path().join("less.json");
    let text = std::fs::read_to_string(&manifest).expect("the manifest");
    std::fs::write(&less, text.replace("\"notify-owner\", ", "")).expect("written");
    let less = less.display().to_string();
    let data = folder.path().join("data").display().to_string();
    let why = "harness: the plugin imports `notify-owner` of `ticketing:scheduled-exports/mailer@0.1.0`, \
               which --allow-imports does not permit";
    let listed = "auth-context,exporters,log,mailer.stage,manual-runs,schedule-store";
    for allowed in [listed, &less] {
        let rule = ["--rule", "RRULE:FREQ=DAILY", "--time", "04:00:00", "--zone", "UTC"];
        let ended = harness(["next-run", "--allow-imports", allowed].into_iter().chain(rule));
        assert_eq!(ended.err.trim_end(), why);
        let seed = [
            "seed",
            "--data",
            &data,
            "--fixture",
            &fixture(),
            "--allow-imports",
            allowed,
        ];
        assert_eq!(harness(seed).err.trim_end(), why);
    }
    assert!(!folder.path().join("data").exists(), "a store was made all the same");
    let rule = ["--rule", "RRULE:FREQ=DAILY", "--time", "04:00:00", "--zone", "UTC"];
    for allowed in [
        &manifest,
        "auth-context,exporters,log,mailer,manual-runs,schedule-store",
    ] {
        harness(["next-run", "--allow-imports", allowed].into_iter().chain(rule)).well();
    }
}

#[test]
fn an_import_made_up_by_the_component_is_refused_whatever_the_operator_allows() {
    let wat = r#"(component
        (type $mailer (instance (export "stage" (func)) (export "send-to-anybody" (func))))
        (import "ticketing:scheduled-exports/mailer@0.1.0" (instance (type $mailer)))
        (instance $none)
        (export "ticketing:scheduled-exports/schedules@0.1.0" (instance $none))
        (export "ticketing:scheduled-exports/recurrence@0.1.0" (instance $none))
        (export "ticketing:scheduled-exports/jobs@0.1.0" (instance $none))
        (export "ticketing:scheduled-exports/about@0.1.0" (instance $none)))"#;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("made-up.wasm");
    std::fs::write(&file, wat::parse_str(wat).expect("a component")).expect("written");
    let file = file.display().to_string();
    let manifest = root().join("plugin/imports.json").display().to_string();
    let rule = ["--rule", "RRULE:FREQ=DAILY", "--time", "04:00:00", "--zone", "UTC"];
    let call = ["next-run", "--plugin", &file, "--allow-imports", &manifest];
    let ended = harness(call.into_iter().chain(rule));
    assert!(
        ended
            .sentence()
            .starts_with("the plugin imports `send-to-anybody` of `ticketing:scheduled-exports/mailer@0.1.0`"),
        "{ended:?}"
    );
}

#[test]
fn a_list_of_imports_that_is_neither_file_nor_list_is_a_wrong_call() {
    let folder = tempfile::tempdir().expect("a folder");
    let torn = folder.path().join("torn.json");
    std::fs::write(&torn, "{").expect("written");
    let torn = torn.display().to_string();
    for (given, why) in [
        ("log,mailr", "`mailr` is not an import of the contract"),
        (&torn, "invalid import manifest"),
    ] {
        let ended = harness(["tick", "--data", "nowhere", "--allow-imports", given]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(why), "{ended:?}");
    }
}

#[test]
fn the_built_in_component_can_be_written_to_a_file_that_every_command_takes() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("plugin.wasm");
    let path = file.display().to_string();
    harness(["plugin", "write", &path]).well();
    assert_eq!(
        std::fs::read(&file).expect("written"),
        scheduled_exports_host::engine::EMBEDDED
    );
    let read = |call: &[&str]| harness(call.iter().copied()).well();
    assert_eq!(
        read(&["plugin", "inspect", "--json", &path]),
        read(&["plugin", "inspect", "--json"])
    );
    harness(["plugin", "write", "--conformance", &path]).well();
    let checks = std::fs::read(&file).expect("written");
    assert_eq!(checks, conformance_component::COMPONENT);
    assert!(
        read(&["plugin", "inspect", &path]).starts_with("conformance "),
        "it is a component like any other"
    );
    let ended = harness(["plugin", "write", "/no/such/folder/plugin.wasm"]);
    assert!(
        ended.sentence().contains("could not write /no/such/folder/plugin.wasm"),
        "{ended:?}"
    );
}

#[test]
fn a_cache_that_others_may_write_to_is_not_used_and_the_log_says_so() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o770)).expect("own folder");
    let ended = command()
        .args(["plugin", "inspect"])
        .env("HARNESS_CACHE_DIR", folder.path())
        .output()
        .expect("the binary starts");
    let log = String::from_utf8(ended.stderr).expect("text");
    assert_eq!(ended.status.code(), Some(0), "{log}");
    assert!(log.contains("WARN") && log.contains("writable by other users"), "{log}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0);
}

#[test]
fn a_misfit_is_shown_before_it_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nosy.wasm");
    let bytes = wat::parse_str("(component (import \"wasi:cli/environment@0.2.6\" (instance)))").expect("a component");
    std::fs::write(&file, bytes).expect("written");
    let ended = harness(["plugin", "inspect", "--json", &file.display().to_string()]);
    let found: Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!(found["runs_here"], false);
    assert_eq!(found["imports"], json!({ "wasi:cli/environment@0.2.6": [] }));
    assert_eq!(found["reason"], ended.sentence());
}
