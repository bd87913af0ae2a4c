//! The `harness-lab` command: what the reference host costs, and what it survives.

mod bench;
mod chaos;
mod scale;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use host_harness::command::{ended, failed, log_to_stderr};

/// Exit codes: 0 done, 1 failed (one sentence on standard error), 2 called wrongly.
#[derive(Parser)]
#[command(
    name = "harness-lab",
    version,
    about = "Measures the reference host of the scheduled-exports component, and kills it",
    max_term_width = 100
)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed (one sentence on standard error), 2 called wrongly.\n\nExample:\n  harness-lab bench"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
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

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(false);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(reason) => {
            return ended(
                "harness-lab",
                Err(failed("the async runtime could not be started")(&reason)),
            );
        }
    };
    let done = runtime.block_on(async {
        match cli.command {
            Command::Chaos(chaos) => chaos.run().await,
            Command::ChaosWorker(worker) => worker.run().await,
            Command::Bench(bench) => bench.run().await,
            Command::BenchWorker(worker) => worker.run().await,
            Command::Scale(scale) => scale.run().await,
        }
    });
    ended("harness-lab", done)
}
