//! `guest-build component WORKSPACE FILE` makes the component of the workspace's `plugin`; `guest-build sbom WORKSPACE` says
//! what is in it.

use std::env;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use guest_build::{Guests, ensure_target, sbom};

fn main() -> ExitCode {
    let given: Vec<String> = env::args().skip(1).collect();
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    let done = match given.as_slice() {
        ["component", workspace, file] => component(Path::new(workspace), Path::new(file)),
        ["sbom", workspace] => sbom(Path::new(workspace)).map(|bill| println!("{bill:#}")),
        _ => {
            eprintln!("usage: guest-build component WORKSPACE FILE, or guest-build sbom WORKSPACE");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("guest-build: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn component(workspace: &Path, file: &Path) -> Result<(), String> {
    let workspace = workspace
        .canonicalize()
        .map_err(|error| format!("{} can't be read: {error}", workspace.display()))?;
    let guests = Guests {
        workspace: &workspace,
        target: &workspace.join("target").join("guest"),
    };
    ensure_target()?;
    guests.build(Some("plugin"))?;
    fs::write(file, guests.component("plugin")?)
        .map_err(|error| format!("{} can't be written: {error}", file.display()))
}
