//! `harness replay`.

use std::path::PathBuf;

use clap::Args;
use scheduled_exports_host::engine::{Cache, EMBEDDED, Engine};
use scheduled_exports_host::tape::{Tape, fingerprint, replay};

use super::{Failure, PluginFile, failed, say};

/// Replay a call recorded by `serve --record` or `tick --record`: imports return the recorded results. Prints `same outcome`, or
/// fails at the first difference.
#[derive(Args)]
#[command(after_help = "Example:\n  harness replay ./tapes/00000001-execute-7.tape.jsonl")]
pub struct Replay {
    /// Recording file
    #[arg(value_name = "FILE")]
    tape: PathBuf,
    #[command(flatten)]
    plugin: PluginFile,
}

impl Replay {
    pub async fn run(self) -> Result<(), Failure> {
        let named = self.tape.display().to_string();
        let text = std::fs::read_to_string(&self.tape)
            .map_err(|reason| failed(format!("could not read recording {named}"))(&reason))?;
        let tape = Tape::from_text(&text).map_err(|reason| failed(&named)(&reason))?;
        let limits = self.plugin.limits();
        let (engine, component) = match &self.plugin.plugin {
            None => (
                Engine::load(EMBEDDED, limits, &Cache::of_user())?,
                fingerprint(EMBEDDED),
            ),
            Some(file) => {
                let bytes = std::fs::read(file)
                    .map_err(|reason| failed(format!("could not read plugin {}", file.display()))(&reason))?;
                (Engine::load(&bytes, limits, &Cache::of_user())?, fingerprint(&bytes))
            }
        };
        if component != tape.head.component {
            say("note: the component differs from the recorded one")?;
        }
        let made = replay(&engine, &tape).await.map_err(|reason| failed(&named)(&reason))?;
        match made.difference {
            None => say(format_args!("same outcome: {}", made.end)),
            Some(difference) => Err(Failure::Sentence(difference)),
        }
    }
}
