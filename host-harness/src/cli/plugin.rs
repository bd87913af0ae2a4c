//! `harness plugin`: inspects and writes component files.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use conformance_component::COMPONENT;
use reference_server::ports::HostFacts;
use reference_server::service::Service;
use reference_server::zones;
use scheduled_exports_host::clock::{Clock as _, SystemClock};
use scheduled_exports_host::engine::{Cache, EMBEDDED, Engine, Limits, LoadError, inspect};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Data, Failure, Output, failed, host, say};

/// Inspect a plugin file, or write the built-in one.
#[derive(Args)]
#[command(after_help = "Example:\n  harness plugin inspect ./plugin.wasm")]
pub struct Plugin {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Show name, version, size, imports and exports, and whether this host can load it
    Inspect(Inspect),
    /// Write the built-in component to a file
    Write(Write),
}

#[derive(Args)]
#[command(after_help = "Example:\n  harness plugin write ./plugin.wasm")]
struct Write {
    /// Output file; overwritten if it exists
    file: PathBuf,
    /// Write the conformance-check component instead (see docs/conformance.md)
    #[arg(long)]
    conformance: bool,
}

#[derive(Args)]
#[command(after_help = "Example:\n  harness plugin inspect ./plugin.wasm")]
struct Inspect {
    /// Component file [default: the built-in component]
    file: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

impl Plugin {
    pub async fn run(self) -> Result<(), Failure> {
        match self.what {
            What::Inspect(inspect) => inspect.run().await,
            What::Write(write) => write.run(),
        }
    }
}

impl Write {
    fn run(self) -> Result<(), Failure> {
        let bytes = if self.conformance { COMPONENT } else { EMBEDDED };
        if bytes.is_empty() {
            let sentence = "this binary was built without the conformance component (no wasm target)";
            return Err(Failure::Sentence(sentence.into()));
        }
        std::fs::write(&self.file, bytes)
            .map_err(|reason| failed(format!("could not write {}", self.file.display()))(&reason))?;
        say(format_args!("{}: {} bytes", self.file.display(), bytes.len()))
    }
}

impl Inspect {
    async fn run(self) -> Result<(), Failure> {
        let bytes = match &self.file {
            Some(path) => std::fs::read(path).map_err(|reason| LoadError::Unreadable {
                path: path.clone(),
                reason,
            })?,
            None => EMBEDDED.to_vec(),
        };
        let found = inspect(&bytes)?;
        let sha256 = format!("{:x}", Sha256::digest(&bytes));
        let about = match &found.misfit {
            Some(misfit) => Err(misfit.to_string()),
            None => about(&bytes).await.map_err(|failure| match failure {
                Failure::Sentence(sentence) | Failure::Usage(sentence) => sentence,
                Failure::Rejected(rejection) => rejection.sentence,
                Failure::Unread => String::new(),
            }),
        };
        if self.output.json {
            let (name, version, zones) = match &about {
                Ok(about) => (Some(&about.name), Some(&about.version), Some(&about.zone_database)),
                Err(_) => (None, None, None),
            };
            say(json!({
                "name": name, "version": version, "zone_database": zones,
                "zone_database_age_days": zones.and_then(|release| age(release)), "size": found.size,
                "sha256": sha256, "imports": found.functions, "exports": found.exports,
                "runs_here": about.is_ok(), "reason": about.as_ref().err(),
            }))?;
        } else {
            if let Ok(about) = &about {
                let release = &about.zone_database;
                let age = match age(release) {
                    Some(1) => "1 day old".to_owned(),
                    Some(days) => format!("{days} days old"),
                    None => "of unknown age".to_owned(),
                };
                say(format_args!(
                    "{} {}, time zones {release}, {age}",
                    about.name, about.version
                ))?;
            }
            say(format_args!("{} bytes, SHA-256 {sha256}", found.size))?;
            for name in &found.exports {
                say(format_args!("exports {name}"))?;
            }
            for (name, functions) in &found.functions {
                say(format_args!("imports {name}"))?;
                for function in functions {
                    say(format_args!("  {function}"))?;
                }
            }
            if about.is_ok() {
                say("compatible with this host")?;
            }
        }
        about.map(drop).map_err(Failure::Sentence)
    }
}

fn age(release: &str) -> Option<u64> {
    zones::age_in_days(release, SystemClock.now())
}

async fn about(bytes: &[u8]) -> Result<scheduled_exports_host::contract::exported::about::Description, Failure> {
    let engine = Engine::load(bytes, Limits::default(), &Cache::of_user())?;
    let folder = tempfile::tempdir()?;
    let host::Stores {
        storage,
        platform,
        clock,
    } = host::stores(&Data::of_folder(folder.path()), true).await?;
    let service = Service::new(engine, storage, platform, clock, HostFacts::default()).await;
    Ok(service?.about().clone())
}
