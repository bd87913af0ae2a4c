//! Builds Rust crates into WebAssembly components, the same bytes wherever they are built: for the build scripts that embed
//! them, and for `scripts/reproducible.sh`.

mod sbom;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use sbom::sbom;

/// What guests are compiled for: no WASI, so nothing but what the contract offers.
pub const TARGET: &str = "wasm32-unknown-unknown";
/// The profile of guests, in the manifest of their workspace.
const PROFILE: &str = "guest";
/// Linear memory that an instance begins with, in bytes: room for a page of schedules beside stack and tables, so that it does
/// not grow. A host that makes it from empty pages spends nothing on what is not used.
const INITIAL_MEMORY: u32 = 4 << 20;
// What a caller sets for its own build would change the guests, or make the two builds wait for each other.
const NOT_FOR_GUESTS: [&str; 7] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_RUSTFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
];

/// A workspace with guests in it, and where they are built.
#[derive(Clone, Copy, Debug)]
pub struct Guests<'a> {
    /// Its folder.
    pub workspace: &'a Path,
    /// A target folder of their own: in a shared one, cargo would wait for the cargo that started it.
    pub target: &'a Path,
}

impl Guests<'_> {
    /// Compiles one package of the workspace, or all of them.
    ///
    /// # Errors
    /// One sentence, and below it what cargo said.
    pub fn build(&self, package: Option<&str>) -> Result<(), String> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.current_dir(self.workspace).arg("build");
        match package {
            Some(package) => command.args(["--package", package]),
            None => command.arg("--workspace"),
        };
        command
            .args(["--lib", "--profile", PROFILE, "--locked", "--target", TARGET])
            .arg("--target-dir")
            .arg(self.target);
        for name in NOT_FOR_GUESTS {
            command.env_remove(name);
        }
        let mut flags = self.remapped();
        flags.push(format!("-Clink-arg=--initial-memory={INITIAL_MEMORY}"));
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        let built = command
            .output()
            .map_err(|error| format!("could not run cargo to build {}: {error}", self.what(package)))?;
        if built.status.success() {
            return Ok(());
        }
        Err(format!(
            "{} does not build for {TARGET}:\n{}",
            self.what(package),
            String::from_utf8_lossy(&built.stderr)
        ))
    }

    /// The component made of a package that has been built.
    ///
    /// # Errors
    /// One sentence: there is no such module, or it is not one of the contract in `wit/`.
    pub fn component(&self, package: &str) -> Result<Vec<u8>, String> {
        let name = format!("{}.wasm", package.replace('-', "_"));
        let module = self.target.join(TARGET).join(PROFILE).join(name);
        let bytes = fs::read(&module).map_err(|error| format!("{} can't be read: {error}", module.display()))?;
        wit_component::ComponentEncoder::default()
            .module(&bytes)
            .and_then(|encoder| encoder.validate(true).encode())
            .map_err(|error| format!("{package} does not implement the contract in wit/: {error:#}"))
    }

    /// Paths of this machine must not get into the component: the same sources give the same bytes anywhere.
    fn remapped(&self) -> Vec<String> {
        let cargo_home = env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
        let mut from = vec![(self.workspace, "/workspace"), (self.target, "/target")];
        from.extend(cargo_home.as_deref().map(|home| (home, "/cargo")));
        // The last that fits counts, and one of them may lie in another.
        from.sort_by_key(|(path, _)| path.components().count());
        from.into_iter()
            .map(|(path, to)| format!("--remap-path-prefix={}={to}", path.display()))
            .collect()
    }

    fn what(&self, package: Option<&str>) -> String {
        match package {
            Some(package) => package.to_owned(),
            None => format!("what is in {}", self.workspace.display()),
        }
    }
}

/// Sees to it that Rust's standard library for guests is there: asks rustup for it where it is not.
///
/// # Errors
/// One sentence that says what to run.
pub fn ensure_target() -> Result<(), String> {
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
        "the Rust target {TARGET} is not installed; run `rustup target add {TARGET}`"
    ))
}

/// The target folder `name` beside the profile's own that a build script's `OUT_DIR` lies in.
///
/// # Errors
/// Where this is not called from a build script.
pub fn target_beside(out_dir: &Path, name: &str) -> Result<PathBuf, String> {
    let target = out_dir
        .ancestors()
        .nth(4)
        .ok_or("OUT_DIR is not below a target folder")?;
    Ok(target.join(name))
}

/// Has cargo run the build script again when one of these paths changes.
pub fn rerun_if_changed(paths: impl IntoIterator<Item = PathBuf>) {
    // A path that is not there would make every build run the script.
    for path in paths.into_iter().filter(|path| path.exists()) {
        println!("cargo:rerun-if-changed={}", path.display());
    }
}
