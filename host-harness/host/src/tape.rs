//! Recordings of component calls: the call, each import with its result, and the end.
//!
//! A recording is a file of JSON lines. The first names the call, the component and the context of the handle; then comes one
//! line per import call, in order; the last one is the end. [`Recorded`] records the calls of any host; [`replay`] repeats a call
//! with a component and no host. A recording contains everything that the component saw, including addresses and form data.
//!
//! ```no_run
//! use scheduled_exports_host::engine::{Cache, Engine, Limits};
//! use scheduled_exports_host::tape::{Tape, replay};
//!
//! # async fn again(component: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! let tape = Tape::from_text(&std::fs::read_to_string("00000812-execute-7.tape.jsonl")?)?;
//! let engine = Engine::load(component, Limits::default(), &Cache::of_user())?;
//! let again = replay(&engine, &tape).await?;
//! assert_eq!((again.difference, again.end), (None, tape.end));
//! # Ok(())
//! # }
//! ```

mod kept;
mod recorded;
mod replayed;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::contract::auth_context::{AccessContext, RunContext};
use crate::engine::{GuestFault, Operation};

pub use crate::engine::Job;
pub use kept::{Keep, Tapes};
pub use recorded::{Recorded, Recording, Taped};
pub use replayed::{Replay, Replayed, replay};

pub(crate) use recorded::recorded;
pub(crate) use replayed::replayed;

/// The first line: the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Version of the contract.
    pub contract: String,
    /// SHA-256 of the component, in hexadecimal digits.
    pub component: String,
    /// The called function, with its arguments.
    pub called: Called,
    /// The context of the handle, which includes the host's time.
    pub facts: Facts,
}

/// An exported function that borrows a handle, with its other arguments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Called {
    /// A function of `schedules`.
    Schedules(Operation),
    /// A function of `jobs`.
    Jobs(Job),
}

/// The context of a handle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant, reason = "there is one of each recording")]
pub enum Facts {
    /// A caller.
    Access(AccessContext),
    /// A leased run.
    Run(RunContext),
}

/// An import call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Interface and function: `schedule-store.start`.
    pub import: String,
    /// Its arguments, without the handle.
    pub with: Value,
    /// The result; `None` if there was none before the call was over.
    pub answer: Option<Reply>,
}

/// The result of an import call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// The requested value.
    Ok(Value),
    /// An error that the contract defines.
    Refused(Value),
    /// A host error.
    Fault(String),
    /// A contract violation of the guest.
    Mistake(String),
}

/// The last line: how the call ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// The outcome that the run was finished with; `None` if it was not finished, or if the call had no run.
    pub finished: Option<Value>,
    /// How the call itself ended.
    pub came: Came,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Came {
    /// It returned ok.
    Answered(Value),
    /// It returned an error.
    Refused(Value),
    /// It trapped, with this message.
    Trapped(String),
    /// It exceeded its deadline.
    DeadlineExceeded,
    /// It exceeded its memory.
    OutOfMemory,
    /// A host error in an import.
    Host(String),
}

impl From<&GuestFault> for Came {
    fn from(fault: &GuestFault) -> Self {
        match fault {
            GuestFault::Trapped(words) => Self::Trapped(words.clone()),
            GuestFault::DeadlineExceeded => Self::DeadlineExceeded,
            GuestFault::OutOfMemory => Self::OutOfMemory,
            GuestFault::Host(words) => Self::Host(words.clone()),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(finished) = &self.finished {
            write!(f, "finished with {finished}, ")?;
        }
        match &self.came {
            Came::Answered(Value::Null) => f.write_str("answered"),
            Came::Answered(answer) => write!(f, "returned {}", short(answer)),
            Came::Refused(problem) => write!(f, "failed with {problem}"),
            Came::Trapped(words) => write!(f, "trapped: {words}"),
            Came::DeadlineExceeded => f.write_str("deadline exceeded"),
            Came::OutOfMemory => f.write_str("memory limit exceeded"),
            Came::Host(words) => write!(f, "host error: {words}"),
        }
    }
}

/// A recorded call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tape {
    /// The call.
    pub head: Head,
    /// Its import calls.
    pub calls: Vec<Entry>,
    /// How it ended.
    pub end: Ending,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Head(Box<Head>),
    Call(Entry),
    End(Ending),
}

impl Tape {
    /// Returns the text of the file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let Self { head, calls, end } = self.clone();
        let lines = std::iter::once(Line::Head(Box::new(head)))
            .chain(calls.into_iter().map(Line::Call))
            .chain([Line::End(end)]);
        lines.fold(String::new(), |text, line| {
            text + &serde_json::to_string(&line).expect("a record of texts and numbers is JSON") + "\n"
        })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// One sentence about the first invalid line.
    pub fn from_text(text: &str) -> Result<Self, String> {
        let mut lines = Vec::new();
        for (place, line) in text.lines().enumerate() {
            let line: Line = serde_json::from_str(line)
                .map_err(|reason| format!("line {} is truncated or not a recording entry: {reason}", place + 1))?;
            lines.push(line);
        }
        let mut lines = lines.into_iter();
        let Some(Line::Head(head)) = lines.next() else {
            return Err("line 1 is not a recording header".into());
        };
        let mut calls = Vec::new();
        for line in lines.by_ref() {
            match line {
                Line::Call(entry) => calls.push(entry),
                Line::Head(_) => return Err("contains a second recording header".into()),
                Line::End(end) => {
                    let head = *head;
                    return match lines.next() {
                        None => Ok(Self { head, calls, end }),
                        Some(_) => Err("contains entries after the end".into()),
                    };
                }
            }
        }
        Err("incomplete recording: the last line is missing".into())
    }
}

/// SHA-256 of a component, as in a recording.
#[must_use]
pub fn fingerprint(component: &[u8]) -> String {
    format!("{:x}", Sha256::digest(component))
}

/// Returns the outcome of the last `finish` that was accepted.
fn finished(calls: &[Entry]) -> Option<Value> {
    let taken = |entry: &&Entry| entry.import == "schedule-store.finish" && matches!(entry.answer, Some(Reply::Ok(_)));
    calls.iter().rfind(taken).map(|entry| entry.with["outcome"].clone())
}

/// Shortens a value to one line of a message.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
