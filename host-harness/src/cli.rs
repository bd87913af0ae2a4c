//! The options of each command.

mod audit;
mod backup;
mod demo;
mod event;
mod history;
mod mail;
mod next_run;
mod organizer;
mod plugin;
mod replay;
mod resume;
mod schedule;
mod seed;
mod serve;
mod tick;
mod usage;

use std::process::ExitCode;

use ::plugin::recurrence;
use chrono::{DateTime, FixedOffset, Offset as _};
use clap::{Parser, Subcommand};
use host_harness::command::table::table;
use host_harness::command::{
    Data, Failure, Output, PluginFile, Recording, Temporary, ended, failed, host, log_to_stderr, say,
    warn_of_visible_password,
};

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
    /// Serve the HTTP API and run scheduled exports until SIGTERM or SIGINT
    Serve(serve::Serve),
    /// Load a fixture file into an empty store
    Seed(seed::Seed),
    /// Run and deliver everything due at one instant, then exit
    Tick(tick::Tick),
    /// Create, delete or list events of the platform
    Event(event::Event),
    /// Manage schedules, over the API of a host or on a store
    Schedule(schedule::Schedule),
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
}

pub fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(matches!(cli.command, Some(Command::Serve(_))));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(reason) => {
            return ended("harness", Err(failed("could not start the async runtime")(&reason)));
        }
    };
    let done = runtime.block_on(async {
        match cli.command.unwrap_or_else(|| Command::Demo(demo::Demo::default())) {
            Command::Demo(demo) => demo.run().await,
            Command::Serve(serve) => serve.run().await,
            Command::Seed(seed) => seed.run().await,
            Command::Tick(tick) => tick.run().await,
            Command::Event(event) => event.run().await,
            Command::Schedule(schedule) => schedule.run().await,
            Command::Organizer(organizer) => organizer.run().await,
            Command::Resume(resume) => resume.run().await,
            Command::History(history) => history.run().await,
            Command::Audit(audit) => audit.run().await,
            Command::Backup(backup) => backup.run().await,
            Command::NextRun(next_run) => next_run.run().await,
            Command::Replay(replay) => replay.run().await,
            Command::Plugin(plugin) => plugin.run().await,
        }
    });
    ended("harness", done)
}

/// Reads an RFC 3339 timestamp as seconds since 1970.
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
