//! Builds the guests in `tests/guests/` into components below `OUT_DIR`, and writes `guests.rs`: each one's bytes, and
//! `foreach_guest!`, which a test module calls to be sure that each has a test.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use guest_build::{Guests, ensure_target, rerun_if_changed, target_beside};

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
    let folder = here.join("guests");
    let names = names(&folder)?;
    let workspace = [
        "guests/Cargo.toml",
        "guests/Cargo.lock",
        "guests/plain.rs",
        "contract",
        "../wit",
        "build.rs",
    ]
    .map(|path| here.join(path));
    let sources = names.iter().map(|name| folder.join(name));
    rerun_if_changed(sources.chain(workspace));

    ensure_target()?;
    let guests = Guests {
        workspace: &folder,
        target: &target_beside(&out, "test-guests")?,
    };
    guests.build(None)?;
    let mut list = String::new();
    let mut each = String::new();
    for name in &names {
        let file = out.join(format!("{name}.wasm"));
        fs::write(&file, guests.component(name)?)
            .map_err(|error| format!("{} can't be written: {error}", file.display()))?;
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
