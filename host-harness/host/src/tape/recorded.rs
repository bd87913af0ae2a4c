//! A host whose answers are written down.

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};

use super::{Came, Ending, Entry, Head, Reply, Tape, finished};
use crate::clock::Instant;
use crate::contract::auth_context::{AccessFacts, RunFacts};
use crate::contract::log::Level;
use crate::imports::{Answer, AuthContext, During, Handle, ImportError, Imports, Log};

/// Most bytes of the calls of one tape: what is longer is not kept.
const MOST_BYTES: usize = 8 << 20;

/// A tape that is being written.
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
    /// Of a call that is about to be made.
    #[must_use]
    pub fn of(head: Head) -> Arc<Self> {
        let noted = Mutex::default();
        Arc::new(Self { head, noted })
    }

    /// The tape of a call that is over; none: it is too long to be kept.
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

    /// To the call that was the `number`th.
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

/// A handle, with the tape of its call.
#[derive(Debug)]
pub struct Taped<T> {
    /// What the recorded host has put behind it.
    pub handle: T,
    /// None: this call is not recorded.
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

/// Another host, which answers each call; the tape in its handle has it written down.
#[derive(Debug)]
pub struct Recorded<H> {
    /// Who answers.
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

    fn access_facts<'a>(&self, access: &'a Self::Access) -> &'a AccessFacts {
        self.host.access_facts(&access.handle)
    }

    fn run_facts<'a>(&self, run: &'a Self::Run) -> &'a RunFacts {
        self.host.run_facts(&run.handle)
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
