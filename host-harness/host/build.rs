//! Writes `wording::Language` and the functions of `wording::texts`, made of the catalogs in `locales`.
//!
//! With the feature `embedded`: makes the component that `engine::EMBEDDED` is, at `OUT_DIR/plugin.wasm`.
//!
//! With `HARNESS_PLUGIN_PREBUILT=FILE` that component is taken, for machines without rustup and builds from a package.

use std::path::{Path, PathBuf};
use std::{env, fs};

#[cfg(feature = "embedded")]
#[path = "guest-build/lib.rs"]
#[allow(dead_code, unused_imports, reason = "what is in a component is asked elsewhere")]
mod guest_build;

// As the guest builder above: a published crate cannot depend on one that is not, so both are parts of the package, by links.
#[path = "locale-build/lib.rs"]
#[allow(dead_code, reason = "not every plural category has a language yet")]
mod locale_build;

fn main() {
    let built = texts();
    #[cfg(feature = "embedded")]
    let built = built.and_then(|()| embedded::build());
    if let Err(sentence) = built {
        // Cargo shows this as the build script's error.
        eprintln!("error: {sentence}");
        std::process::exit(1);
    }
}

fn texts() -> Result<(), String> {
    for path in ["build.rs", "locales", "locale-build"] {
        println!("cargo:rerun-if-changed={path}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set; run this through cargo")?);
    for (file, code) in [
        ("languages.rs", locale_build::languages()),
        ("texts.rs", locale_build::compile(Path::new("locales"), "super")?),
    ] {
        fs::write(out.join(file), code).map_err(|error| format!("could not write the texts: {error}"))?;
    }
    Ok(())
}

#[cfg(feature = "embedded")]
mod embedded {
    use std::env;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::guest_build::{Guests, ensure_target, rerun_if_changed, target_beside};

    const PREBUILT: &str = "HARNESS_PLUGIN_PREBUILT";

    pub fn build() -> Result<(), String> {
        let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set; run this through cargo")?);
        let component = out.join("plugin.wasm");
        println!("cargo:rerun-if-env-changed={PREBUILT}");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .ok_or("this crate must be built inside its workspace")?;
        if let Some(file) = env::var_os(PREBUILT) {
            // A build script runs in its package's folder; who sets this stands in the workspace's.
            let file = root.join(file);
            println!("cargo:rerun-if-changed={}", file.display());
            return fs::copy(&file, &component)
                .map(drop)
                .map_err(|error| format!("could not read {} (from {PREBUILT}): {error}", file.display()));
        }

        let made_of = [
            "plugin/build.rs",
            "plugin/locales",
            "plugin/src",
            "plugin/Cargo.toml",
            "locale-build/Cargo.toml",
            "locale-build/src",
            "wit",
            "Cargo.toml",
            "Cargo.lock",
            "rust-toolchain.toml",
            "host-harness/host/build.rs",
        ];
        rerun_if_changed(made_of.map(|path| root.join(path)));
        ensure_target().map_err(|sentence| format!("{sentence}, or set {PREBUILT} to a built plugin.wasm"))?;
        let guests = Guests {
            workspace: root,
            target: &target_beside(&out, "guest")?,
        };
        guests.build(Some("plugin"))?;
        fs::write(&component, guests.component("plugin")?)
            .map_err(|error| format!("could not write {}: {error}", component.display()))
    }
}
