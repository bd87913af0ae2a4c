//! Builds the plugin and the conformance checks into components and puts them at `OUT_DIR/plugin.wasm` and
//! `OUT_DIR/conformance.wasm`, for the harness to embed.
//!
//! With `HARNESS_PLUGIN_PREBUILT=FILE` that component is taken instead, for machines without rustup; the checks are then not
//! there.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-unknown-unknown";
const PREBUILT: &str = "HARNESS_PLUGIN_PREBUILT";
// What a caller sets for its own build would change the guest, or make the two builds wait for each other.
const NOT_FOR_THE_GUEST: [&str; 7] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_RUSTFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
];

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

    for made_of in [
        "plugin/src",
        "plugin/Cargo.toml",
        "conformance/src",
        "conformance/Cargo.toml",
        "wit",
        "Cargo.toml",
        "Cargo.lock",
        "rust-toolchain.toml",
    ] {
        let path = root.join(made_of);
        // A path that is not there would make every build run this script.
        if path.exists() {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
    println!("cargo:rerun-if-changed=build.rs");

    ensure_target()?;
    let folder = out
        .ancestors()
        .nth(4)
        .ok_or("OUT_DIR is not below a target folder")?
        .join("guest");
    build_modules(root, &folder)?;
    for (name, file) in [("plugin", component), ("conformance", conformance)] {
        let module = folder.join(TARGET).join("guest").join(format!("{name}.wasm"));
        let bytes = fs::read(&module).map_err(|error| format!("{} can't be read: {error}", module.display()))?;
        let encoded = wit_component::ComponentEncoder::default()
            .module(&bytes)
            .and_then(|encoder| encoder.validate(true).encode())
            .map_err(|error| format!("{name} is not a component of the contract in wit/: {error:#}"))?;
        fs::write(&file, encoded).map_err(|error| format!("{} can't be written: {error}", file.display()))?;
    }
    Ok(())
}

fn ensure_target() -> Result<(), String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let installed = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .is_ok_and(|answer| {
            answer.status.success() && Path::new(String::from_utf8_lossy(&answer.stdout).trim()).exists()
        });
    if installed {
        return Ok(());
    }
    let added = Command::new("rustup")
        .args(["target", "add", TARGET])
        .status()
        .is_ok_and(|status| status.success());
    if added {
        return Ok(());
    }
    Err(format!(
        "the plugin needs Rust's {TARGET} target: run `rustup target add {TARGET}`, or set {PREBUILT} to a built plugin.wasm"
    ))
}

/// The core modules that cargo makes of the plugin and the checks.
fn build_modules(root: &Path, folder: &Path) -> Result<(), String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(root)
        .args([
            "build",
            "--package",
            "plugin",
            "--package",
            "conformance",
            "--lib",
            "--profile",
            "guest",
            "--locked",
            "--target",
            TARGET,
            "--target-dir",
        ])
        .arg(folder);
    for name in NOT_FOR_THE_GUEST {
        command.env_remove(name);
    }
    // Paths of this machine must not get into the component: the same sources give the same bytes anywhere.
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    let mut flags = vec![
        format!("--remap-path-prefix={}=/target", folder.display()),
        format!("--remap-path-prefix={}=/workspace", root.display()),
    ];
    if let Some(home) = cargo_home {
        flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
    }
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));

    let built = command
        .output()
        .map_err(|error| format!("cargo could not be started to build the plugin: {error}"))?;
    if !built.status.success() {
        return Err(format!(
            "plugin and checks do not build for {TARGET}:\n{}",
            String::from_utf8_lossy(&built.stderr)
        ));
    }
    Ok(())
}
