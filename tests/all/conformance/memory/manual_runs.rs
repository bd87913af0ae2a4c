//! `manual-runs`: what people ask for.

use scheduled_exports_host::contract::RunKind;
use scheduled_exports_host::contract::manual_runs::{RequestError, RunRequest};
use scheduled_exports_host::imports::{Answer, ManualRuns};
use scheduled_exports_host::memory::Asked;

use super::{Access, Fault, Faulty};

const DAY: i64 = 86_400;

impl ManualRuns for Faulty {
    async fn request(&self, by: &mut Access, id: Option<u64>, what: RunRequest) -> Answer<u64, RequestError> {
        let run = match id.filter(|_| self.is(Fault::RunsForeignIds)) {
            Some(foreign) => {
                let mut beside = self.beside(by, foreign);
                let run = self.memory.request(&mut beside, id, what).await?;
                by.of.draft = beside.draft;
                run
            }
            None => self.memory.request(&mut by.of, id, what).await?,
        };
        let schedules = &mut by.of.draft.schedules;
        let mut made_of = schedules
            .values_mut()
            .rev()
            .filter_map(|stored| Some((stored.asked.clone()?, stored)));
        let Some((Asked { kind, .. }, stored)) = made_of.next() else {
            return Ok(run);
        };
        if self.is(Fault::ListsWhatIsTested) && id.is_none() {
            stored.asked = None;
        }
        if let Some(schedule) = id.and_then(|id| schedules.get(&id).cloned()) {
            let last = schedules.values_mut().next_back();
            if let Some(made_of) = last.filter(|_| self.is(Fault::MailsTestsToOthers) && kind == RunKind::Test) {
                made_of.content.recipients = schedule.content.recipients;
            }
        }
        if let Some(schedule) = id.and_then(|id| schedules.get_mut(&id))
            && self.is(Fault::MovesThePlan)
        {
            schedule.content.next_run = schedule.content.next_run.map(|next| next + DAY);
        }
        if self.is(Fault::KeepsRequests) {
            self.memory.state().clone_from(&by.of.draft);
            by.of.found.clone_from(&by.of.draft);
        }
        Ok(run)
    }
}
