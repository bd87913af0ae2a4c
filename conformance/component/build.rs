//! Builds the conformance checks into a component and puts it at `OUT_DIR/conformance.wasm`.
//!
//! With `HARNESS_PLUGIN_PREBUILT=FILE`, for machines without rustup, the checks are not there.

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
    let conformance = out.join("conformance.wasm");
    let written = |bytes: &[u8]| {
        fs::write(&conformance, bytes).map_err(|error| format!("could not write {}: {error}", conformance.display()))
    };
    println!("cargo:rerun-if-env-changed={PREBUILT}");
    if env::var_os(PREBUILT).is_some() {
        return written(&[]);
    }

    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .ok_or("this crate must be built inside its workspace")?;
    let made_of = [
        "conformance/src",
        "conformance/Cargo.toml",
        "wit",
        "Cargo.toml",
        "Cargo.lock",
        "rust-toolchain.toml",
        "conformance/component/build.rs",
    ];
    rerun_if_changed(made_of.map(|path| root.join(path)));
    ensure_target().map_err(|sentence| format!("{sentence}, or set {PREBUILT} to a built plugin.wasm"))?;
    let guests = Guests {
        workspace: root,
        target: &target_beside(&out, "guest")?,
    };
    guests.build(Some("conformance"))?;
    written(&guests.component("conformance")?)
}
