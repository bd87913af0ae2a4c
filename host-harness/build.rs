//! Builds the plugin and the conformance checks into components and puts them at `OUT_DIR/plugin.wasm` and
//! `OUT_DIR/conformance.wasm`, for the harness to embed.
//!
//! With `HARNESS_PLUGIN_PREBUILT=FILE` that component is taken instead, for machines without rustup; the checks are then not
//! there.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use guest_build::{Guests, ensure_target, rerun_if_changed, target_beside};

const PREBUILT: &str = "HARNESS_PLUGIN_PREBUILT";

fn main() {
    if let Err(sentence) = build() {
        // Cargo shows this as the build script's error.
        eprintln!("error: {sentence}");
        std::process::exit(1);
    }
}

fn build() -> Result<(), String> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set; run this through cargo")?);
    let [component, conformance] = ["plugin", "conformance"].map(|name| out.join(format!("{name}.wasm")));
    println!("cargo:rerun-if-env-changed={PREBUILT}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .ok_or("the harness must lie in its workspace")?;
    if let Some(file) = env::var_os(PREBUILT) {
        // A build script runs in its package's folder; who sets this stands in the workspace's.
        let file = root.join(file);
        println!("cargo:rerun-if-changed={}", file.display());
        fs::write(&conformance, []).map_err(|error| format!("{} can't be written: {error}", conformance.display()))?;
        return fs::copy(&file, &component)
            .map(drop)
            .map_err(|error| format!("{PREBUILT} names {}, which can't be read: {error}", file.display()));
    }

    let made_of = [
        "plugin/build.rs",
        "plugin/src",
        "plugin/Cargo.toml",
        "conformance/src",
        "conformance/Cargo.toml",
        "wit",
        "Cargo.toml",
        "Cargo.lock",
        "rust-toolchain.toml",
        "host-harness/build.rs",
    ];
    rerun_if_changed(made_of.map(|path| root.join(path)));
    ensure_target().map_err(|sentence| format!("{sentence}, or set {PREBUILT} to a built plugin.wasm"))?;
    let guests = Guests {
        workspace: root,
        target: &target_beside(&out, "guest")?,
    };
    for (package, file) in [("plugin", component), ("conformance", conformance)] {
        guests.build(Some(package))?;
        fs::write(&file, guests.component(package)?)
            .map_err(|error| format!("{} can't be written: {error}", file.display()))?;
    }
    Ok(())
}
