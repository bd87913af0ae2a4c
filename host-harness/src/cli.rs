//! The command line: what each command takes.

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
}

pub fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(matches!(cli.command, Some(Command::Serve(_))));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(reason) => {
            return ended(
                "harness",
                Err(failed("the async runtime could not be started")(&reason)),
            );
        }
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
        }
    });
    ended("harness", done)
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
