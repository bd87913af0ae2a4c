//! Builds the plugin into a component and puts it at `OUT_DIR/plugin.wasm`, for the harness to embed.
//!
//! With `HARNESS_PLUGIN_PREBUILT=FILE` that component is taken instead, for machines without rustup.

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
    let component = out.join("plugin.wasm");
    println!("cargo:rerun-if-env-changed={PREBUILT}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .ok_or("the harness must lie in its workspace")?;
    if let Some(file) = env::var_os(PREBUILT) {
        // A build script runs in its package's folder; who sets this stands in the workspace's.
        let file = root.join(file);
        println!("cargo:rerun-if-changed={}", file.display());
        return fs::copy(&file, &component)
            .map(drop)
            .map_err(|error| format!("{PREBUILT} names {}, which can't be read: {error}", file.display()));
    }

    let made_of = [
        "plugin/src",
        "plugin/Cargo.toml",
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
    guests.build(Some("plugin"))?;
    fs::write(&component, guests.component("plugin")?)
        .map_err(|error| format!("{} can't be written: {error}", component.display()))
}
