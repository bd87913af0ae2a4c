//! The command line: what each command takes, and how all of them start, speak and fail.

mod audit;
mod backup;
mod bench;
mod chaos;
mod demo;
mod event;
mod history;
mod host;
mod mail;
mod next_run;
mod organizer;
mod plugin;
mod replay;
mod resume;
mod scale;
mod seed;
mod serve;
mod table;
mod tick;
mod usage;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::plugin::recurrence;
use chrono::{DateTime, FixedOffset, Offset as _};
use clap::{Args, Parser, Subcommand};
use host_harness::engine::{Limits, Permissions};

/// Exit codes: 0 success, 1 failure (reason on stderr), 2 usage error.
#[derive(Parser)]
#[command(
    name = "harness",
    version,
    about = "Reference host for the scheduled-exports component",
    max_term_width = 100
)]
#[command(
    after_help = "Exit codes: 0 success, 1 failure (reason on stderr), 2 usage error.\n\nExample:\n  harness serve --data ./data --fixture tests/data/bigevents.json"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Simulate ten days of scheduled exports with a sample platform (default command)
    Demo(demo::Demo),
    /// Serve the HTTP API and run scheduled exports until stopped
    Serve(serve::Serve),
    /// Load a fixture file into an empty store
    Seed(seed::Seed),
    /// Run and deliver everything due at one instant, then exit
    Tick(tick::Tick),
    /// Create, delete or list events of the platform
    Event(event::Event),
    /// Enable or disable scheduled exports for an organizer, or list organizers
    Organizer(organizer::Organizer),
    /// Resume schedules that were paused because no recipient accepted their mails
    Resume(resume::Resume),
    /// Show the run history
    History(history::History),
    /// Show the audit log
    Audit(audit::Audit),
    /// Copy the store of a data directory to a new file while hosts use it
    Backup(backup::Backup),
    /// Compute the next runs of a recurrence rule
    NextRun(next_run::NextRun),
    /// Replay a recorded component call
    Replay(replay::Replay),
    /// Inspect a plugin file or write the built-in one
    Plugin(plugin::Plugin),
    /// Kill hosts at random and check that no mail is lost or duplicated
    Chaos(chaos::Chaos),
    #[command(hide = true)]
    ChaosWorker(chaos::Worker),
    /// Benchmark a host, or compare two builds
    Bench(bench::Bench),
    #[command(hide = true)]
    BenchWorker(bench::Worker),
    /// Benchmark a store with a million schedules
    Scale(scale::Scale),
}

/// Where the store is: in a folder, or in a database and at most the mails in a folder.
#[derive(Args, Default)]
#[group(required = true, multiple = true)]
struct Data {
    /// Data directory for the SQLite store and mail files; created if missing
    #[arg(long = "data", value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Use a PostgreSQL store, which many hosts can share: `postgres://USER[:PASS]@HOST[:PORT]/NAME` (honors PGPASSWORD and
    /// ~/.pgpass)
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

/// Which component runs.
#[derive(Args, Default)]
struct PluginFile {
    /// Load this component instead of the built-in one
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
    /// Allow only these imports: a manifest file or a comma-separated list such as `log,mailer.stage`
    #[arg(long, value_name = "FILE|LIST", value_parser = permissions)]
    allow_imports: Option<Permissions>,
}

impl PluginFile {
    fn limits(&self) -> Limits {
        Limits {
            imports: self.allow_imports.clone().unwrap_or_default(),
            ..Limits::default()
        }
    }
}

/// What is kept of runs that go wrong.
#[derive(Args, Default)]
struct Recording {
    /// Record the last 100 failed or unfinished runs in this directory for `harness replay`; recordings contain addresses and form
    /// data and are readable only by this user
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
}

/// Where files lie for the time of their use.
#[derive(Args, Default)]
struct Temporary {
    /// Private directory for temporary files, which contain exports; files of killed hosts are removed
    /// [default: DIR/tmp of --data, otherwise scheduled-exports-UID in the system's temporary directory]
    #[arg(long, value_name = "DIR")]
    temp_dir: Option<PathBuf>,
}

/// How answers are printed.
#[derive(Args, Default)]
struct Output {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Why a command ended early.
#[derive(Debug)]
enum Failure {
    /// One sentence for the person at the terminal.
    Sentence(String),
    /// Whoever read standard output has gone: `harness history … | head` has all that it wants.
    Unread,
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Sentence(error.to_string())
    }
}

/// A failure with the words of what was being done before the reason.
fn failed(doing: impl std::fmt::Display) -> impl FnOnce(&dyn std::fmt::Display) -> Failure {
    move |reason| Failure::Sentence(format!("{doing}: {reason}"))
}

/// Warns of a password in the URL of an option that is on the command line, where other users of this machine see it.
fn warn_of_visible_password(option: &str, url: &str, instead: &str) {
    if std::env::args_os().any(|argument| argument.to_string_lossy().contains(url)) {
        tracing::warn!("the password in {option} is visible to other users of this machine: use {instead}");
    }
}

pub fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(matches!(cli.command, Some(Command::Serve(_))));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(reason) => return fail(&format!("could not start the async runtime: {reason}")),
    };
    let done = runtime.block_on(async {
        match cli.command.unwrap_or_else(|| Command::Demo(demo::Demo::default())) {
            Command::Demo(demo) => demo.run().await,
            Command::Serve(serve) => serve.run().await,
            Command::Seed(seed) => seed.run().await,
            Command::Tick(tick) => tick.run().await,
            Command::Event(event) => event.run().await,
            Command::Organizer(organizer) => organizer.run().await,
            Command::Resume(resume) => resume.run().await,
            Command::History(history) => history.run().await,
            Command::Audit(audit) => audit.run().await,
            Command::Backup(backup) => backup.run().await,
            Command::NextRun(next_run) => next_run.run().await,
            Command::Replay(replay) => replay.run().await,
            Command::Plugin(plugin) => plugin.run().await,
            Command::Chaos(chaos) => chaos.run().await,
            Command::ChaosWorker(worker) => worker.run().await,
            Command::Bench(bench) => bench.run().await,
            Command::BenchWorker(worker) => worker.run().await,
            Command::Scale(scale) => scale.run().await,
        }
    });
    match done {
        Ok(()) | Err(Failure::Unread) => ExitCode::SUCCESS,
        Err(Failure::Sentence(sentence)) => fail(&sentence),
    }
}

/// A reason of several lines becomes one.
fn fail(sentence: &str) -> ExitCode {
    let lines: Vec<&str> = sentence.lines().map(str::trim).collect();
    eprintln!("harness: {}", lines.join("; "));
    ExitCode::FAILURE
}

/// A line on standard output, where every answer goes. `println!` would panic once nobody reads.
fn say(line: impl std::fmt::Display) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{line}") {
        Ok(()) => Ok(()),
        Err(reason) if reason.kind() == io::ErrorKind::BrokenPipe => Err(Failure::Unread),
        Err(reason) => Err(failed("could not write to standard output")(&reason)),
    }
}

fn log_to_stderr(serving: bool) {
    // What PostgreSQL notices (a table that is there already) is no news.
    let default = if serving {
        "info,sqlx::postgres::notice=warn"
    } else {
        "warn"
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("RUST_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
}

/// A manifest of imports, or a list of them.
fn permissions(text: &str) -> Result<Permissions, String> {
    let file = Path::new(text);
    if !file.is_file() {
        return Permissions::from_list(text);
    }
    let manifest = std::fs::read_to_string(file).map_err(|reason| format!("could not read manifest: {reason}"))?;
    Permissions::from_json(&manifest).map_err(|reason| format!("invalid import manifest: {reason}"))
}

/// An RFC 3339 instant as seconds since 1970.
fn instant(text: &str) -> Result<i64, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.timestamp())
        .map_err(|reason| format!("{reason}; expected an RFC 3339 date-time, such as 2026-10-25T02:30:00+01:00"))
}

/// `2026-10-25T01:30:00Z`.
fn utc(at: i64) -> String {
    DateTime::from_timestamp(at, 0).map_or_else(
        || at.to_string(),
        |at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    )
}

/// Local time with offset in an IANA zone: `2026-10-25 02:30 +01:00`.
fn local(at: i64, zone: &str) -> String {
    let zone = recurrence::zone(zone).unwrap_or(recurrence::Zone::UTC);
    let offset = FixedOffset::east_opt(recurrence::offset_at(at, zone)).unwrap_or(chrono::Utc.fix());
    DateTime::from_timestamp(at, 0).map_or_else(
        || at.to_string(),
        |at| at.with_timezone(&offset).format("%a %Y-%m-%d %H:%M %:z").to_string(),
    )
}
