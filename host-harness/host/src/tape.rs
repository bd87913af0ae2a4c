//! A call of the component on tape: what it was asked, each call of an import with its answer, and what came of it.
//!
//! A tape is a file of JSON lines. The first says which call it was, of which component and with which facts; then there is one
//! line for each call of an import, in order; the last one is the end. [`Recorded`] writes it around any host; [`replay`] has a
//! component go through the same again without any host. What a tape holds is what the component was told: addresses and form
//! data are among it.
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

use crate::contract::auth_context::{AccessFacts, RunFacts};
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
    /// What was called, with its arguments.
    pub called: Called,
    /// What stood behind the handle that was lent, and with it the host's clock.
    pub facts: Facts,
}

/// An exported function that is lent a handle, with its other arguments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Called {
    /// Of `schedules`.
    Schedules(Operation),
    /// Of `jobs`.
    Jobs(Job),
}

/// What a handle stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Facts {
    /// A caller.
    Access(AccessFacts),
    /// A leased run.
    Run(RunFacts),
}

/// One call of an import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Interface and function: `schedule-store.start`.
    pub import: String,
    /// Its arguments, without the handle.
    pub with: Value,
    /// What the host answered; none: nothing before the call was over.
    pub answer: Option<Reply>,
}

/// What a host answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// What was asked for.
    Ok(Value),
    /// A refusal of the contract.
    Refused(Value),
    /// It could not go on.
    Fault(String),
    /// It found that the guest can't mean it.
    Mistake(String),
}

/// The last line: what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// What the run was finished with; none: it was not, or it was no run.
    pub finished: Option<Value>,
    /// What came of the call itself.
    pub came: Came,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Came {
    /// It answered.
    Answered(Value),
    /// It refused.
    Refused(Value),
    /// It trapped, with these words.
    Trapped(String),
    /// It ran past its deadline.
    OutOfTime,
    /// It asked for more memory than it may have.
    OutOfMemory,
    /// An import could not go on.
    Host(String),
}

impl From<&GuestFault> for Came {
    fn from(fault: &GuestFault) -> Self {
        match fault {
            GuestFault::Trapped(words) => Self::Trapped(words.clone()),
            GuestFault::OutOfTime => Self::OutOfTime,
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
            Came::OutOfTime => f.write_str("deadline exceeded"),
            Came::OutOfMemory => f.write_str("memory limit exceeded"),
            Came::Host(words) => write!(f, "host error: {words}"),
        }
    }
}

/// A call on tape.
#[derive(Clone, Debug, PartialEq)]
pub struct Tape {
    /// Which call.
    pub head: Head,
    /// What it asked.
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
    /// The text of the file.
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
    /// One sentence about the first line that is none.
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

/// SHA-256 of a component, as a tape names it.
#[must_use]
pub fn fingerprint(component: &[u8]) -> String {
    format!("{:x}", Sha256::digest(component))
}

/// What the last `finish` that was taken said.
fn finished(calls: &[Entry]) -> Option<Value> {
    let taken = |entry: &&Entry| entry.import == "schedule-store.finish" && matches!(entry.answer, Some(Reply::Ok(_)));
    calls.iter().rfind(taken).map(|entry| entry.with["outcome"].clone())
}

/// A value for one line of a message.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
