//! An exporter that is slow, away or broken when a test says so, and else the real one.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::contract::exporters::ExportError;
use crate::platform::{ExportGate, ExportJob};

/// What the exports to come are answered in the exporter's place; without a word here, the exporter works.
///
/// ```
/// use host_harness::contract::exporters::ExportError;
/// use host_harness::testing::ScriptedExports;
///
/// let exports = ScriptedExports::default();
/// exports.fail(2, &ExportError::Unavailable("the warehouse is closed".into())); // the next two, then it works again
/// exports.always(Some(ExportError::Failed("no such column".into()))); // all after those
/// ```
#[derive(Debug, Default)]
pub struct ScriptedExports {
    script: Mutex<Script>,
}

#[derive(Debug, Default)]
struct Script {
    next: VecDeque<ExportError>,
    always: Option<ExportError>,
    asked: usize,
}

impl ScriptedExports {
    /// The next `times` exports are answered so.
    pub fn fail(&self, times: usize, with: &ExportError) {
        let again = std::iter::repeat_n(with.clone(), times);
        self.script().next.extend(again);
    }

    /// All exports that [`fail`](Self::fail) says nothing about are answered so; with none they work again.
    pub fn always(&self, with: Option<ExportError>) {
        self.script().always = with;
    }

    /// Exports asked for so far, answered or not.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.script().asked
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ExportGate for ScriptedExports {
    async fn before(&self, _job: &ExportJob) -> Result<(), ExportError> {
        let mut script = self.script();
        script.asked += 1;
        match script.next.pop_front().or_else(|| script.always.clone()) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}
