//! Builds the guests in `tests/guests/` into components below `OUT_DIR`, and writes `guests.rs`: each one's bytes, and
//! `foreach_guest!`, which a test module calls to be sure that each has a test.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-unknown-unknown";
// As in host-harness/build.rs: what a caller sets for its own build would change the guests, or make the builds wait for
// each other.
const NOT_FOR_THE_GUESTS: [&str; 7] = [
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
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guests = here.join("guests");
    let names = names(&guests)?;
    let workspace = ["guests/Cargo.toml", "guests/Cargo.lock", "../wit", "build.rs"].map(|path| here.join(path));
    let sources = names.iter().map(|name| guests.join(name));
    for made_of in sources.chain(workspace) {
        println!("cargo:rerun-if-changed={}", made_of.display());
    }

    let folder = out
        .ancestors()
        .nth(4)
        .ok_or("OUT_DIR is not below a target folder")?
        .join("test-guests");
    build_modules(&guests, &folder)?;
    let mut list = String::new();
    let mut each = String::new();
    for name in &names {
        let module = folder.join(TARGET).join("guest").join(format!("{name}.wasm"));
        let bytes = fs::read(&module).map_err(|error| format!("{} can't be read: {error}", module.display()))?;
        let encoded = wit_component::ComponentEncoder::default()
            .module(&bytes)
            .and_then(|encoder| encoder.validate(true).encode())
            .map_err(|error| format!("the guest {name} is not a component of the contract in wit/: {error:#}"))?;
        let file = out.join(format!("{name}.wasm"));
        fs::write(&file, encoded).map_err(|error| format!("{} can't be written: {error}", file.display()))?;
        let constant = name.to_uppercase();
        let _ = writeln!(
            list,
            "/// The component made of `tests/guests/{name}/`.\npub const {constant}: &[u8] = include_bytes!({file:?});"
        );
        let _ = write!(each, " $do!({name});");
    }
    let _ = writeln!(
        list,
        "/// Calls a macro with the name of each guest.\n#[macro_export]\nmacro_rules! foreach_guest {{ ($do:ident) => {{{each} }}; }}"
    );
    let file = out.join("guests.rs");
    fs::write(&file, list).map_err(|error| format!("{} can't be written: {error}", file.display()))
}

/// The folders of the guests.
fn names(guests: &Path) -> Result<Vec<String>, String> {
    let unreadable = |error: std::io::Error| format!("{} can't be read: {error}", guests.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(guests).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.path().join("Cargo.toml").exists() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The core modules that cargo makes of the guests. The target itself is there: the harness's own build script saw to it.
fn build_modules(guests: &Path, folder: &Path) -> Result<(), String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(guests)
        .args([
            "build",
            "--workspace",
            "--lib",
            "--profile",
            "guest",
            "--locked",
            "--target",
            TARGET,
        ])
        .arg("--target-dir")
        .arg(folder);
    for name in NOT_FOR_THE_GUESTS {
        command.env_remove(name);
    }
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    let mut flags = vec![
        format!("--remap-path-prefix={}=/target", folder.display()),
        format!("--remap-path-prefix={}=/guests", guests.display()),
    ];
    if let Some(home) = cargo_home {
        flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
    }
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    let built = command
        .output()
        .map_err(|error| format!("cargo could not be started to build the guests: {error}"))?;
    if built.status.success() {
        return Ok(());
    }
    Err(format!(
        "the guests do not build for {TARGET}:\n{}",
        String::from_utf8_lossy(&built.stderr)
    ))
}
