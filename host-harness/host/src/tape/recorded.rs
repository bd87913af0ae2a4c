//! A host whose import calls are recorded.

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};

use super::{Came, Ending, Entry, Head, Reply, Tape, finished};
use crate::clock::Instant;
use crate::contract::auth_context::{AccessContext, RunContext};
use crate::contract::log::Level;
use crate::imports::{Answer, AuthContext, During, Handle, ImportError, Imports, Log};

/// Maximum size of the import calls of one recording, in bytes; a longer one is not stored.
const MOST_BYTES: usize = 8 << 20;

/// A recording in progress.
#[derive(Debug)]
pub struct Recording {
    head: Head,
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    calls: Vec<Entry>,
    bytes: usize,
}

impl Recording {
    /// Starts the recording of a call.
    #[must_use]
    pub fn of(head: Head) -> Arc<Self> {
        let noted = Mutex::default();
        Arc::new(Self { head, noted })
    }

    /// Returns the recording of a finished call; `None` if it is too long to be stored.
    #[must_use]
    pub fn ended(&self, came: Came) -> Option<Tape> {
        let mut noted = self.noted();
        let calls = std::mem::take(&mut noted.calls);
        let finished = finished(&calls);
        (noted.bytes <= MOST_BYTES).then(|| Tape {
            head: self.head.clone(),
            calls,
            end: Ending { finished, came },
        })
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, import: &str, with: Value) -> usize {
        let mut noted = self.noted();
        noted.bytes += with.to_string().len();
        if noted.bytes <= MOST_BYTES {
            noted.calls.push(Entry {
                import: import.to_owned(),
                with,
                answer: None,
            });
        }
        noted.calls.len()
    }

    /// Adds the result of import call `number`.
    fn hear(&self, number: usize, reply: Reply) {
        let mut noted = self.noted();
        if let Reply::Ok(value) | Reply::Refused(value) = &reply {
            noted.bytes += value.to_string().len();
        }
        if let Some(entry) = number.checked_sub(1).and_then(|place| noted.calls.get_mut(place)) {
            entry.answer = Some(reply);
        }
    }
}

/// A handle, with the recording of its call.
#[derive(Debug)]
pub struct Taped<T> {
    /// The recorded host's data behind it.
    pub handle: T,
    /// `None` if this call is not recorded.
    pub tape: Option<Arc<Recording>>,
}

impl<T> Taped<T> {
    pub(crate) fn ask(&self, import: &str, with: impl FnOnce() -> Value) -> usize {
        self.tape.as_ref().map_or(0, |tape| tape.ask(import, with()))
    }

    pub(crate) fn hear<A: Serialize, E: Serialize + std::fmt::Debug>(
        &self,
        number: usize,
        answer: Answer<A, E>,
    ) -> Answer<A, E> {
        if let Some(tape) = &self.tape {
            let reply = match &answer {
                Ok(answer) => Reply::Ok(json!(answer)),
                Err(ImportError::Refused(refusal)) => Reply::Refused(json!(refusal)),
                Err(ImportError::Fault(fault)) => Reply::Fault(fault.0.clone()),
                Err(ImportError::Mistake(words)) => Reply::Mistake(words.clone()),
            };
            tape.hear(number, reply);
        }
        answer
    }
}

/// A host that passes each import call to another host, and adds it to the recording in the handle.
#[derive(Debug)]
pub struct Recorded<H> {
    /// The other host.
    pub host: H,
}

impl<H> Deref for Recorded<H> {
    type Target = H;

    fn deref(&self) -> &H {
        &self.host
    }
}

impl<H: Imports> AuthContext for Recorded<H> {
    type Access = Taped<H::Access>;
    type Run = Taped<H::Run>;

    fn access_context<'a>(&self, access: &'a Self::Access) -> &'a AccessContext {
        self.host.access_context(&access.handle)
    }

    fn run_context<'a>(&self, run: &'a Self::Run) -> &'a RunContext {
        self.host.run_context(&run.handle)
    }

    fn moment(&self, at: Instant, zone: &str, language: &str) -> String {
        self.host.moment(at, zone, language)
    }
}

/// Writes an interface of `imports/table.rs` down.
macro_rules! recorded {
    ($trait:ident in $interface:ident:
        $($function:ident(&$($lent:ident)+ $(, $name:ident: $of:ty)*) -> $answer:ty, $refusal:ty;)*) => {
        impl<H: crate::imports::Imports> $trait for crate::tape::Recorded<H> {
            $(
                async fn $function(
                    &self,
                    handle: crate::imports::lent!(type $($lent)+),
                    $($name: $of),*
                ) -> crate::imports::Answer<$answer, $refusal> {
                    let import = crate::imports::wit_name!($interface.$function);
                    let asked = handle.ask(import, || serde_json::json!({$((stringify!($name)): $name),*}));
                    let lent = crate::imports::lent!(pass handle.handle, $($lent)+);
                    let answer = self.host.$function(lent, $($name),*).await;
                    handle.hear(asked, answer)
                }
            )*
        }
    };
}
pub(crate) use recorded;

impl<H: Imports> Log for Recorded<H> {
    fn write(&self, during: &During<'_, Self::Access, Self::Run>, level: Level, text: &str) {
        let (handle, tape) = match during.handle {
            Handle::None => (Handle::None, None),
            Handle::Access(access) => (Handle::Access(&access.handle), access.tape.as_ref()),
            Handle::Run(run) => (Handle::Run(&run.handle), run.tape.as_ref()),
        };
        if let Some(tape) = tape {
            let asked = tape.ask("log.write", json!({"level": level, "text": text}));
            tape.hear(asked, Reply::Ok(Value::Null));
        }
        let function = during.function;
        self.host.write(&During { function, handle }, level, text);
    }
}

#[cfg(test)]
mod tests {
    use super::super::kept::tests::tape;
    use super::*;

    #[test]
    fn a_recording_has_at_most_8_mib_of_import_calls() {
        // As JSON, the text has two quotes more.
        let kept = |bytes: usize| {
            let recording = Recording::of(tape().head);
            recording.ask("log.write", Value::from("x".repeat(bytes - 2)));
            recording.ended(Came::DeadlineExceeded).map(|tape| tape.calls.len())
        };
        assert_eq!((kept(MOST_BYTES), kept(MOST_BYTES + 1)), (Some(1), None));
    }
}
