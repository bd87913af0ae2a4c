//! `harness schedule`: schedules over the HTTP API of a host, or on a store through the same API in this process.

mod api;
mod documents;
mod fields;
mod hand_over;
mod http;
mod shown;
mod store;
mod target;
mod verbs;

use clap::{Args, Subcommand};
use serde_json::Value;

use self::api::Api;
use self::documents::{Create, Delete, Edit, List, Preview, Show};
use self::hand_over::HandOver;
use self::target::{Purpose, Target};
use self::verbs::{Explain, Pause, Resume, Run, Test};
use super::{Failure, Output, say};

/// Manage schedules of an organizer or event, over the API of a host or on a store.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  HARNESS_TOKEN=… harness schedule list --url https://tickets.example --organizer bigevents\n  harness schedule list --data ./data --as john@example.com --organizer bigevents\n\nExit codes: 0 success, 1 rejected or failed (reason on stderr), 2 usage error."
)]
pub struct Schedule {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// List schedules
    List(List),
    /// Show a schedule
    Show(Show),
    /// Create a schedule
    Create(Create),
    /// Change fields of a schedule
    Edit(Edit),
    /// Show the next runs of a schedule, or of fields that are not saved
    Preview(Preview),
    /// Explain the state of a schedule, or why a due time did not run
    Explain(Explain),
    /// Pause a schedule
    Pause(Pause),
    /// Resume a paused schedule
    Resume(Resume),
    /// Run a schedule now, or a past due time once more
    Run(Run),
    /// Send a test to yourself alone, of a schedule or of fields that are not saved
    Test(Test),
    /// Give all schedules of a user to another one (operators)
    HandOver(HandOver),
    /// Delete a schedule
    Delete(Delete),
}

/// Where a command works, and how it prints its result.
#[derive(Args)]
struct At {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    target: Target,
}

/// A result, for people and for programs.
struct Shown {
    text: String,
    /// A list is printed one element per line.
    document: Value,
}

impl Schedule {
    pub async fn run(self) -> Result<(), Failure> {
        use Purpose::{Changes, Reads};
        match &self.what {
            What::List(it) => it.at.run(Reads, async |api| it.ask(api).await).await,
            What::Show(it) => it.at.run(Reads, async |api| it.ask(api).await).await,
            What::Create(it) => it.at.run(Changes, async |api| it.ask(api).await).await,
            What::Edit(it) => it.at.run(Changes, async |api| it.ask(api).await).await,
            What::Preview(it) => it.at.run(Reads, async |api| it.ask(api).await).await,
            What::Explain(it) => it.at.run(Reads, async |api| it.ask(api).await).await,
            What::Pause(it) => it.at.run(Changes, async |api| it.ask(api).await).await,
            What::Resume(it) => it.at.run(Changes, async |api| it.ask(api).await).await,
            What::Run(it) => it.at.run(Changes, async |api| it.ask(api).await).await,
            What::Test(it) => it.at.run(Changes, async |api| it.ask(api).await).await,
            What::HandOver(it) => it.run().await,
            What::Delete(it) => it.at.run(Changes, async |api| it.ask(api).await).await,
        }
    }
}

impl At {
    async fn run(
        &self,
        purpose: Purpose,
        ask: impl AsyncFnOnce(&Api) -> Result<Shown, Failure>,
    ) -> Result<(), Failure> {
        let api = self.target.open(purpose).await?;
        let done = ask(&api).await;
        api.close().await;
        match done {
            Ok(Shown { document, .. }) if self.output.json => match &document {
                Value::Array(list) => list.iter().try_for_each(say),
                one => say(one),
            },
            Ok(Shown { text, .. }) => say(text.trim_end_matches('\n')),
            Err(Failure::Rejected(rejection)) => {
                // Programs read the fields from the response itself.
                if self.output.json {
                    say(&rejection.document)?;
                }
                Err(Failure::Rejected(rejection))
            }
            Err(other) => Err(other),
        }
    }
}
