//! What the programs of this repository share: the options of the store, and their output and errors.

pub mod host;
pub mod table;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use scheduled_exports_host::engine::{Limits, Permissions};

/// The store: in a directory, or in a database and only the mails in a directory.
#[derive(Args, Clone, Debug, Default)]
#[group(required = true, multiple = true)]
pub struct Data {
    /// Data directory for the SQLite store and mail files; created if missing
    #[arg(long = "data", value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Use a PostgreSQL store, which many hosts can share: `postgres://USER[:PASS]@HOST[:PORT]/NAME` (honors PGPASSWORD and
    /// ~/.pgpass)
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
}

/// The component to run.
#[derive(Args, Clone, Debug, Default)]
pub struct PluginFile {
    /// Load this component instead of the built-in one
    #[arg(long, value_name = "FILE")]
    pub plugin: Option<PathBuf>,
    /// Allow only these imports: a manifest file or a comma-separated list such as `log,mailer.stage`
    #[arg(long, value_name = "FILE|LIST", value_parser = permissions)]
    pub allow_imports: Option<Permissions>,
}

impl PluginFile {
    /// Its limits and allowed imports.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            imports: self.allow_imports.clone().unwrap_or_default(),
            ..Limits::default()
        }
    }
}

/// Recordings of failed runs.
#[derive(Args, Clone, Debug, Default)]
pub struct Recording {
    /// Record the last 100 failed or unfinished runs in this directory for `harness replay`; recordings contain addresses and form
    /// data and are readable only by this user
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
}

/// The directory of temporary files.
#[derive(Args, Clone, Debug, Default)]
pub struct Temporary {
    /// Private directory for temporary files, which contain exports; files of killed hosts are removed
    /// [default: DIR/tmp of --data, otherwise scheduled-exports-UID in the system's temporary directory]
    #[arg(long, value_name = "DIR")]
    pub temp_dir: Option<PathBuf>,
}

/// The output format.
#[derive(Args, Clone, Debug, Default)]
pub struct Output {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Why a command ended early.
#[derive(Debug)]
pub enum Failure {
    /// One sentence for the terminal.
    Sentence(String),
    /// The reader of standard output is gone: `harness history … | head` has read enough.
    Unread,
    /// The call is wrong in a way that the parser of the options cannot see.
    Usage(String),
    /// A host rejected a request.
    Rejected(Box<Rejection>),
}

/// A request that a host rejected.
#[derive(Debug)]
pub struct Rejection {
    /// One sentence for the terminal.
    pub sentence: String,
    /// Invalid fields as dotted paths, each with its error.
    pub fields: Vec<(String, String)>,
    /// The body of the response, for programs.
    pub document: Value,
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Sentence(error.to_string())
    }
}

/// Creates a failure from the action that failed and its reason.
pub fn failed(doing: impl std::fmt::Display) -> impl FnOnce(&dyn std::fmt::Display) -> Failure {
    move |reason| Failure::Sentence(format!("{doing}: {reason}"))
}

/// Warns of a password in a URL on the command line, where other users of this machine can see it.
pub fn warn_of_visible_password(option: &str, url: &str, instead: &str) {
    if std::env::args_os().any(|argument| argument.to_string_lossy().contains(url)) {
        tracing::warn!("the password in {option} is visible to other users of this machine: use {instead}");
    }
}

/// Prints the error of a program and returns its exit code. A reason of several lines becomes one.
#[must_use]
pub fn ended(program: &str, done: Result<(), Failure>) -> ExitCode {
    match done {
        Ok(()) | Err(Failure::Unread) => ExitCode::SUCCESS,
        Err(Failure::Sentence(sentence)) => {
            eprintln!("{program}: {}", one_line(&sentence));
            ExitCode::FAILURE
        }
        Err(Failure::Usage(sentence)) => {
            eprintln!(
                "{program}: {}\n\nFor more information, try '--help'.",
                one_line(&sentence)
            );
            ExitCode::from(2)
        }
        Err(Failure::Rejected(rejection)) => {
            eprintln!("{program}: {}", one_line(&rejection.sentence));
            for (field, error) in &rejection.fields {
                eprintln!("  {}: {}", one_line(field), one_line(error));
            }
            ExitCode::FAILURE
        }
    }
}

fn one_line(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| table::visible(line.trim())).collect();
    lines.join("; ")
}

/// Prints a line on standard output, where all results go. `println!` would panic if the reader is gone.
///
/// # Errors
///
/// If the reader is gone, or the line cannot be written.
pub fn say(line: impl std::fmt::Display) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{line}") {
        Ok(()) => Ok(()),
        Err(reason) if reason.kind() == io::ErrorKind::BrokenPipe => Err(Failure::Unread),
        Err(reason) => Err(failed("could not write to standard output")(&reason)),
    }
}

/// Sends the log to standard error, filtered by `RUST_LOG`. By default it shows warnings, and for a program that serves also
/// `info`.
pub fn log_to_stderr(serving: bool) {
    let default = if serving { "info" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("RUST_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
}

/// Reads a manifest of imports, or a list of them.
fn permissions(text: &str) -> Result<Permissions, String> {
    let file = Path::new(text);
    if !file.is_file() {
        return Permissions::from_list(text);
    }
    let manifest = std::fs::read_to_string(file).map_err(|reason| format!("could not read manifest: {reason}"))?;
    Permissions::from_json(&manifest).map_err(|reason| format!("invalid import manifest: {reason}"))
}
