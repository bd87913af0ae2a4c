//! A host that returns the results of a recording.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Called, Came, Ending, Entry, Facts, Reply, Tape, finished, short};
use crate::contract::auth_context::{AccessContext, RunContext};
use crate::contract::log::Level;
use crate::engine::{Accepted, Engine, Unaccepted};
use crate::imports::{Answer, AuthContext, During, HostFault, ImportError, Log};

/// Returns the recorded results in order, as long as the component makes the same import calls.
#[derive(Debug)]
pub struct Replayed {
    calls: Vec<Entry>,
    place: Mutex<Place>,
}

#[derive(Debug, Default)]
struct Place {
    /// Number of import calls so far.
    answered: usize,
    /// The first difference from the recording.
    difference: Option<String>,
    /// The component waits for a result that the recording does not have either.
    waiting: bool,
}

impl Replayed {
    pub(super) fn of(calls: &[Entry]) -> Self {
        Self {
            calls: calls.to_vec(),
            place: Mutex::default(),
        }
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the next recorded import call if it is this one; otherwise notes the difference.
    fn next(&self, import: &str, with: &Value) -> Option<&Entry> {
        let mut place = self.place();
        let number = place.answered + 1;
        let has = match self.calls.get(place.answered) {
            Some(entry) if entry.import == import && entry.with == *with => {
                place.answered += 1;
                return Some(entry);
            }
            Some(entry) => format!("the recording has {} {}", entry.import, short(&entry.with)),
            None => "the recording ends".into(),
        };
        let difference = format!(
            "call {number} differs: {has}, but the plugin called {import} {}",
            short(with)
        );
        place.difference.get_or_insert(difference);
        None
    }

    pub(crate) fn answer<T: DeserializeOwned, E: DeserializeOwned + std::fmt::Debug>(
        &self,
        import: &str,
        with: &Value,
    ) -> Answer<T, E> {
        let stop = |words: &str| Err(ImportError::Fault(HostFault(words.into())));
        let Some(entry) = self.next(import, with) else {
            return stop("call differs from the recording");
        };
        let unread = |reason: serde_json::Error| {
            let mut place = self.place();
            let words = format!("call {}: invalid recorded result: {reason}", place.answered);
            place.difference.get_or_insert(words.clone());
            ImportError::Fault(HostFault(words))
        };
        match entry.answer.clone() {
            Some(Reply::Ok(value)) => serde_json::from_value(value).map_err(unread),
            Some(Reply::Refused(value)) => {
                let refusal = serde_json::from_value(value).map_err(unread)?;
                Err(ImportError::Refused(refusal))
            }
            Some(Reply::Fault(words)) => stop(&words),
            Some(Reply::Mistake(words)) => Err(ImportError::Mistake(words)),
            None => {
                self.place().waiting = true;
                stop("the recording has no result for this call")
            }
        }
    }
}

impl AuthContext for Replayed {
    type Access = AccessContext;
    type Run = RunContext;

    fn access_context<'a>(&self, access: &'a AccessContext) -> &'a AccessContext {
        access
    }

    fn run_context<'a>(&self, run: &'a RunContext) -> &'a RunContext {
        run
    }
}

/// Has an interface of `imports/table.rs` answer from the tape.
macro_rules! replayed {
    ($trait:ident in $interface:ident:
        $($function:ident(&$($lent:ident)+ $(, $name:ident: $of:ty)*) -> $answer:ty, $refusal:ty;)*) => {
        impl $trait for crate::tape::Replayed {
            $(
                async fn $function(
                    &self,
                    _: crate::imports::lent!(type $($lent)+),
                    $($name: $of),*
                ) -> crate::imports::Answer<$answer, $refusal> {
                    let import = crate::imports::wit_name!($interface.$function);
                    self.answer(import, &serde_json::json!({$((stringify!($name)): $name),*}))
                }
            )*
        }
    };
}
pub(crate) use replayed;

impl Log for Replayed {
    fn write(&self, _during: &During<'_, AccessContext, RunContext>, level: Level, text: &str) {
        self.next("log.write", &json!({"level": level, "text": text}));
    }
}

/// The result of a replay.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// The first difference from the recording, as text; `None` if there is none.
    pub difference: Option<String>,
    /// How the call ended.
    pub end: Ending,
}

/// Replays a recorded call with the component of an engine.
///
/// # Errors
/// If the handle of the recording is not of the kind that its call borrows.
pub async fn replay(engine: &Engine<Replayed>, tape: &Tape) -> Result<Replay, String> {
    let host = Arc::new(Replayed::of(&tape.calls));
    let came = match (&tape.head.called, &tape.head.facts) {
        (Called::Jobs(job), Facts::Run(facts)) => match engine.job(&host, facts.clone(), job).await.outcome {
            Ok(()) => Came::Answered(Value::Null),
            Err(fault) => Came::from(&fault),
        },
        (Called::Schedules(operation), Facts::Access(facts)) => {
            match engine.schedules(&host, facts.clone()).ask(operation.clone()).await {
                Ok(Accepted { answer, .. }) => Came::Answered(json!(answer)),
                Err(Unaccepted::Problem(problem)) => Came::Refused(json!(problem)),
                Err(Unaccepted::Fault(fault)) => Came::from(&fault),
            }
        }
        (Called::Jobs(_), Facts::Access(_)) | (Called::Schedules(_), Facts::Run(_)) => {
            return Err("the recorded handle does not match the recorded call".into());
        }
    };
    let mut place = host.place();
    let (made, left) = tape.calls.split_at(place.answered);
    let end = match place.waiting {
        // The call stopped where the host ended it in the recording.
        true => tape.end.clone(),
        false => Ending {
            finished: finished(made),
            came,
        },
    };
    let ended_early = left.first().map(|next| {
        format!(
            "the plugin stopped after call {}, but the recording continues with {} {}",
            made.len(),
            next.import,
            short(&next.with)
        )
    });
    let ended_otherwise = (end != tape.end).then(|| format!("recorded result: {}; actual result: {end}", tape.end));
    let difference = place.difference.take().or(ended_early).or(ended_otherwise);
    Ok(Replay { difference, end })
}
