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

/// Exit codes: 0 done, 1 failed (one sentence on standard error), 2 called wrongly.
#[derive(Parser)]
#[command(
    name = "harness",
    version,
    about = "Reference host of the scheduled-exports component",
    max_term_width = 100
)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed (one sentence on standard error), 2 called wrongly.\n\nExample:\n  harness serve --data ./data --fixture tests/data/bigevents.json"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Shows ten days of scheduled exports in seconds: a small platform, real files, real mails (what a bare call does)
    Demo(demo::Demo),
    /// Serves the HTTP API and runs what is due, until it is told to stop
    Serve(serve::Serve),
    /// Fills a new store with the platform of a fixture file
    Seed(seed::Seed),
    /// Runs and delivers all that is due at one instant, prints one line a run, and stops
    Tick(tick::Tick),
    /// Makes, deletes or lists events of the platform
    Event(event::Event),
    /// Switches scheduled exports on or off for an organizer, or lists who has them
    Organizer(organizer::Organizer),
    /// Starts schedules again that were stopped since no recipient accepted their mails
    Resume(resume::Resume),
    /// Shows what became of each due time
    History(history::History),
    /// Shows who changed what, and how runs ended
    Audit(audit::Audit),
    /// Copies the store of a data directory to a new file while hosts use it
    Backup(backup::Backup),
    /// Says when a rule fires next, by the component
    NextRun(next_run::NextRun),
    /// Has the component go through a call again that failed and was kept on tape
    Replay(replay::Replay),
    /// Looks into a plugin file
    Plugin(plugin::Plugin),
    /// Kills hosts at random while they work, and counts what was lost or doubled
    Chaos(chaos::Chaos),
    #[command(hide = true)]
    ChaosWorker(chaos::Worker),
    /// Measures requests, runs, start and memory, and compares two builds
    Bench(bench::Bench),
    #[command(hide = true)]
    BenchWorker(bench::Worker),
    /// Measures what a million schedules cost: ticks, pages, a burst, memory
    Scale(scale::Scale),
}

/// Where the store is: in a folder, or in a database and at most the mails in a folder.
#[derive(Args, Default)]
#[group(required = true, multiple = true)]
struct Data {
    /// Folder of the store and of mails written as files; made if it is missing
    #[arg(long = "data", value_name = "DIR")]
    folder: Option<PathBuf>,
    /// PostgreSQL database of the store instead, for any number of hosts: `postgres://USER[:PASS]@HOST[:PORT]/NAME`; PGPASSWORD
    /// and ~/.pgpass count too
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

/// Which component runs.
#[derive(Args, Default)]
struct PluginFile {
    /// Component to run instead of the one built into this program
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
    /// Imports it may ask for, and no others: a manifest, or names with commas between them, like `log,mailer.stage`
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
    /// Keep a tape of each run that failed or did not finish in this folder, the last 100, for `harness replay`; tapes hold
    /// addresses and form data, and only this user may read them
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
}

/// Where files lie for the time of their use.
#[derive(Args, Default)]
struct Temporary {
    /// Directory for temporary files, which hold exports; private, and emptied of what killed hosts have left
    /// [default: DIR/tmp of --data, else scheduled-exports-UID in the system's directory for temporary files]
    #[arg(long, value_name = "DIR")]
    temp_dir: Option<PathBuf>,
}

/// How answers are printed.
#[derive(Args, Default)]
struct Output {
    /// Print JSON for machines
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
        Err(reason) => return fail(&format!("the async runtime could not be started: {reason}")),
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
        Err(reason) => Err(failed("standard output can't be written")(&reason)),
    }
}

fn log_to_stderr(serving: bool) {
    let default = if serving { "info" } else { "warn" };
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
    let manifest = std::fs::read_to_string(file).map_err(|reason| format!("it can't be read: {reason}"))?;
    Permissions::from_json(&manifest).map_err(|reason| format!("it is no manifest of imports: {reason}"))
}

/// An RFC 3339 instant as seconds since 1970.
fn instant(text: &str) -> Result<i64, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.timestamp())
        .map_err(|reason| format!("{reason}; write an RFC 3339 instant, like 2026-10-25T02:30:00+01:00"))
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
