//! Calls with a handle, on tape where that is wanted.

use std::sync::Arc;

use scheduled_exports_host::engine::{Accepted, CONTRACT, End, Unaccepted, Worked};
use scheduled_exports_host::tape::{Called, Came, Facts, Head, Job, Recording, Taped, Tapes, fingerprint};
use serde_json::{Value, json};

use super::{Answer, CallError, Operation, Service};
use crate::ports::{Access, Run};

/// Where tapes go, and what each of them begins with.
pub(super) struct Kept {
    tapes: Tapes,
    component: String,
}

impl Service {
    /// Keeps tapes of calls from now on; `component` is what was loaded.
    #[must_use]
    pub fn recording(self, tapes: Tapes, component: &[u8]) -> Self {
        let component = fingerprint(component);
        Self {
            kept: Some(Kept { tapes, component }),
            ..self
        }
    }

    pub(super) async fn ask_on_tape(
        &self,
        access: Access,
        operation: Operation,
    ) -> Result<(Answer, Access), CallError> {
        let facts = || Facts::Access(access.facts.clone());
        let tape = self.tape(|| (Called::Schedules(operation.clone()), facts()));
        let access = Taped {
            handle: access,
            tape: tape.clone(),
        };
        let asked = self.engine.schedules(&self.services, access).ask(operation).await;
        if let (Some(tape), Some(kept)) = (tape, &self.kept) {
            let came = match &asked {
                Ok(Accepted { answer, .. }) => Came::Answered(json!(answer)),
                Err(Unaccepted::Problem(problem)) => Came::Refused(json!(problem)),
                Err(Unaccepted::Fault(fault)) => Came::from(fault),
            };
            let failed = matches!(came, Came::Trapped(_) | Came::DeadlineExceeded | Came::OutOfMemory);
            kept.tapes.take(tape.ended(came), failed);
        }
        let Accepted { answer, access } = asked?;
        Ok((answer, access.handle))
    }

    /// One call of the component for a leased run.
    pub(super) async fn make(&self, run: Run, job: Job) -> Worked<Run> {
        let facts = || Facts::Run(run.facts.clone());
        let tape = self.tape(|| (Called::Jobs(job.clone()), facts()));
        let taped = Taped {
            handle: run,
            tape: tape.clone(),
        };
        let Worked { run, end, outcome } = self.engine.job(&self.services, taped, &job).await;
        if let (Some(tape), Some(kept)) = (tape, &self.kept) {
            let came = match &outcome {
                Ok(()) => Came::Answered(Value::Null),
                Err(fault) => Came::from(fault),
            };
            kept.tapes.take(tape.ended(came), matches!(end, End::Unfinished(_)));
        }
        let run = run.handle;
        Worked { run, end, outcome }
    }

    /// None: nothing is recorded.
    fn tape(&self, of: impl FnOnce() -> (Called, Facts)) -> Option<Arc<Recording>> {
        let kept = self.kept.as_ref()?;
        let (called, facts) = of();
        Some(Recording::of(Head {
            contract: CONTRACT.into(),
            component: kept.component.clone(),
            called,
            facts,
        }))
    }
}
