//! An exporter that is slow, away or broken when a test says so, and else the real one.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use reference_platform::{ExportGate, ExportJob};
use serde_json::Value;
use tokio::sync::watch;

use scheduled_exports_host::contract::exporters::ExportError;

/// What the exports to come are answered in the exporter's place; without a word here, the exporter works.
///
/// ```
/// use scheduled_exports_host::contract::exporters::ExportError;
/// use scheduled_exports_testing::ScriptedExports;
///
/// let exports = ScriptedExports::default();
/// exports.fail(2, &ExportError::Unavailable("the warehouse is closed".into())); // the next two, then it works again
/// exports.always(Some(ExportError::Failed("no such column".into()))); // all after those
/// exports.hold(1); // the next one takes as long as it likes, and is answered as said above when it is released
/// ```
#[derive(Debug, Default)]
pub struct ScriptedExports {
    script: Mutex<Script>,
    /// Exports that were held so far.
    held: watch::Sender<usize>,
    released: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Script {
    next: VecDeque<ExportError>,
    always: Option<ExportError>,
    hold: usize,
    /// Only exports of this organizer are held; `None`: of any.
    held_of: Option<String>,
    forms: Vec<Value>,
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

    /// The next `times` exports wait until [`release`](Self::release).
    pub fn hold(&self, times: usize) {
        let mut script = self.script();
        (script.hold, script.held_of) = (times, None);
    }

    /// The next `times` exports of this organizer wait until [`release`](Self::release); others go on.
    pub fn hold_of(&self, organizer: &str, times: usize) {
        let mut script = self.script();
        (script.hold, script.held_of) = (times, Some(organizer.to_owned()));
    }

    /// Returns when `times` exports have been held since the start.
    pub async fn held(&self, times: usize) {
        // The sender lives as long as `self`.
        let _ = self.held.subscribe().wait_for(|held| *held >= times).await;
    }

    /// Lets the exports go on that are held now.
    pub fn release(&self) {
        self.released.send_replace(());
    }

    /// Exports asked for so far, answered or not.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.script().forms.len()
    }

    /// The form of each of them, date ranges resolved to dates.
    #[must_use]
    pub fn forms(&self) -> Vec<Value> {
        self.script().forms.clone()
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is the export that has just been asked for one to be held?
    fn holds(&self, job: &ExportJob) -> bool {
        let mut script = self.script();
        script.forms.push(job.form.clone());
        let of_it = script.held_of.as_ref().is_none_or(|held| *held == job.scope.organizer);
        let holds = script.hold > 0 && of_it;
        script.hold -= usize::from(holds);
        holds
    }
}

#[async_trait]
impl ExportGate for ScriptedExports {
    async fn before(&self, job: &ExportJob) -> Result<(), ExportError> {
        if self.holds(job) {
            let mut released = self.released.subscribe();
            self.held.send_modify(|held| *held += 1);
            let _ = released.changed().await;
        }
        let mut script = self.script();
        match script.next.pop_front().or_else(|| script.always.clone()) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}
