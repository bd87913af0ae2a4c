//! `exporters`: one exporter, of three rows whatever the event.

use std::sync::PoisonError;

use scheduled_exports_host::contract::exporters::{ExportError, Exporter, File, LookupError, Reach, RightsOf};
use scheduled_exports_host::imports::{Answer, Exporters, ScheduleStore as _};

use super::{Access, Fault, Faulty, Run};

impl Faulty {
    /// Whose rights are asked for.
    async fn subject(&self, by: &Access, whose: RightsOf) -> RightsOf {
        match whose {
            RightsOf::OwnerOf(id) if self.is(Fault::AsksTheCaller) && self.memory.get(&by.of, id).await.is_ok() => {
                RightsOf::Caller
            }
            whose => whose,
        }
    }

    /// Slugs of the events of the caller's organizer.
    fn slugs(&self, by: &Access) -> Vec<String> {
        let events = self.memory.world().events.iter();
        let of_it = events.filter(|event| event.organizer == by.of.scope.organizer);
        of_it.map(|event| event.slug.clone()).collect()
    }
}

impl Exporters for Faulty {
    async fn available(
        &self,
        by: &Access,
        whose: RightsOf,
        only: Option<String>,
    ) -> Answer<Vec<Exporter>, LookupError> {
        let whose = self.subject(by, whose).await;
        self.memory.available(&by.of, whose, only).await
    }

    async fn usable_events(
        &self,
        by: &Access,
        whose: RightsOf,
        exporter: String,
        only: Option<Vec<String>>,
    ) -> Answer<Reach, LookupError> {
        let whose = self.subject(by, whose).await;
        let all = only.is_none();
        if self.is(Fault::AnswersAllForSome)
            && let Ok(Reach::AllEvents) = self.memory.usable_events(&by.of, whose, exporter.clone(), None).await
        {
            return Ok(Reach::AllEvents);
        }
        let slugs = self.slugs(by);
        Ok(match self.memory.usable_events(&by.of, whose, exporter, only).await? {
            Reach::AllEvents if self.is(Fault::ListsTodaysEvents) => Reach::Events(slugs),
            Reach::Events(some) if all && some.len() == slugs.len() && self.is(Fault::TakesTodaysEventsForAll) => {
                Reach::AllEvents
            }
            reach => reach,
        })
    }

    async fn visible_events(&self, by: &Access, slugs: Vec<String>) -> Answer<Vec<String>, LookupError> {
        match self.is(Fault::ShowsForeignEvents) {
            true => Ok(slugs),
            false => self.memory.visible_events(&by.of, slugs).await,
        }
    }

    async fn missing_events(&self, by: &Access, slugs: Vec<String>) -> Answer<Vec<String>, LookupError> {
        self.memory.missing_events(&by.of, slugs).await
    }

    async fn produce(
        &self,
        of: &mut Run,
        form: String,
        language: String,
        zone: String,
        now: i64,
    ) -> Answer<File, ExportError> {
        if self.is(Fault::ProducesUnfenced) {
            self.unfence(of);
        }
        let run = &mut of.of;
        let owner = run.lease.stored.owner.clone();
        if self.is(Fault::ExportsForTheChanger) {
            let changed_by = self.changed_by.lock().unwrap_or_else(PoisonError::into_inner);
            run.lease.stored.owner = changed_by.get(&run.lease.schedule).cloned().unwrap_or(owner.clone());
        }
        let taken = {
            let state = &mut *self.memory.state();
            let taken = state.without_rights.clone();
            if self.is(Fault::RemembersRights) && of.allowed {
                state.without_rights.clear();
            }
            taken
        };
        let made = self.memory.produce(run, form, language, zone, now).await;
        self.memory.state().without_rights = taken;
        run.lease.stored.owner = owner;
        made
    }

    async fn zip(&self, of: &mut Run) -> Answer<File, ExportError> {
        self.memory.zip(&mut of.of).await
    }
}
