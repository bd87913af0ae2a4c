//! Writes the functions of `src/text.rs`, made of the catalogs in `locales`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    if let Err(sentence) = build() {
        // Cargo shows this as the build script's error.
        eprintln!("error: {sentence}");
        std::process::exit(1);
    }
}

fn build() -> Result<(), String> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set; run this through cargo")?);
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=locales");
    let texts = locale_build::compile(Path::new("locales"), "plugin::language")?;
    fs::write(out.join("texts.rs"), texts).map_err(|error| format!("could not write the texts: {error}"))
}
