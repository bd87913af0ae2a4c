//! `exporters`: one exporter, of three rows whatever the event.

use host_harness::contract::auth_context::OwnerRight;
use host_harness::contract::exporters::{ExportError, Exporter, File, LookupError, Reach, Subject};
use host_harness::contract::schedule_store::StoreError;
use host_harness::imports::{Exporters, ImportError};
use host_harness::storage::Scope;
use host_harness::testing::conformance::Right;

use super::people::may_export;
use super::{Access, Fault, Memory, Run, State};

/// Its identifier.
pub const ROWS: &str = "rows";

impl Memory {
    /// Rights of the subject.
    fn subject(&self, state: &State, by: &Access, whose: &Subject) -> Result<Vec<Right>, LookupError> {
        let Subject::OwnerOf(id) = whose else {
            return Ok(self.rights(state, &by.caller));
        };
        let visible = state.schedules.get(id).filter(|stored| self.visible(by, stored));
        let stored = visible.ok_or(LookupError::NotFound)?;
        Ok(match self.is(Fault::AsksTheCaller) {
            true => self.rights(state, &by.caller),
            false => self.rights_of(state, &stored.owner).to_vec(),
        })
    }

    /// Slugs of the events of the caller's organizer.
    fn slugs<'a>(&'a self, by: &Access) -> impl Iterator<Item = &'a String> {
        let organizer = by.scope.organizer.clone();
        let events = self.world.events.iter();
        events
            .filter(move |event| event.organizer == organizer)
            .map(|event| &event.slug)
    }

    fn kept(&self, of: &mut Run, file: File) -> Result<File, ImportError<ExportError>> {
        match self.keep_file(of, file.size, file.rows.unwrap_or_default()) {
            Ok(()) => {
                of.file = Some(file.clone());
                Ok(file)
            }
            Err(StoreError::LeaseLost) => Err(ExportError::LeaseLost.into()),
            Err(error) => Err(ExportError::Unavailable(format!("{error:?}")).into()),
        }
    }
}

impl Exporters for Memory {
    async fn available(
        &self,
        by: &Access,
        whose: Subject,
        only: Option<String>,
    ) -> Result<Vec<Exporter>, ImportError<LookupError>> {
        let rights = self.seen(by, |state| self.subject(state, by, &whose))?;
        let open = may_export(&rights, &by.scope) && only.is_none_or(|only| only == ROWS);
        let rows = open.then(|| Exporter {
            identifier: ROWS.into(),
            label: "Rows".into(),
            across_events: true,
            fields: Vec::new(),
        });
        Ok(rows.into_iter().collect())
    }

    async fn usable_events(
        &self,
        by: &Access,
        whose: Subject,
        exporter: String,
        only: Option<Vec<String>>,
    ) -> Result<Reach, ImportError<LookupError>> {
        let rights = self.seen(by, |state| self.subject(state, by, &whose))?;
        let organizer = &by.scope.organizer;
        let to_all = |right: &Right| right.export && right.organizer == *organizer && right.events.is_none();
        let asks_for_all = only.is_none() || self.is(Fault::AnswersAllForSome);
        if asks_for_all && exporter == ROWS && rights.iter().any(to_all) && !self.is(Fault::ListsTodaysEvents) {
            return Ok(Reach::AllEvents);
        }
        let may = |slug: &&String| {
            let scope = Scope {
                organizer: by.scope.organizer.clone(),
                event: Some((*slug).clone()),
            };
            exporter == ROWS && may_export(&rights, &scope) && only.as_ref().is_none_or(|only| only.contains(slug))
        };
        let usable: Vec<String> = self.slugs(by).filter(may).cloned().collect();
        if self.is(Fault::TakesTodaysEventsForAll) && only.is_none() && usable.len() == self.slugs(by).count() {
            return Ok(Reach::AllEvents);
        }
        Ok(Reach::Events(usable))
    }

    async fn visible_events(&self, by: &Access, slugs: Vec<String>) -> Result<Vec<String>, ImportError<LookupError>> {
        if self.is(Fault::ShowsForeignEvents) {
            return Ok(slugs);
        }
        let rights = self.seen(by, |state| self.rights(state, &by.caller));
        let seen = |slug: &&String| {
            let covers = |right: &Right| {
                let events = right.events.as_ref();
                right.organizer == by.scope.organizer && events.is_none_or(|events| events.contains(slug))
            };
            slugs.contains(slug) && rights.iter().any(covers)
        };
        Ok(self.slugs(by).filter(seen).cloned().collect())
    }

    async fn missing_events(&self, by: &Access, slugs: Vec<String>) -> Result<Vec<String>, ImportError<LookupError>> {
        let missing = |slug: &String| !self.slugs(by).any(|there| there == slug);
        Ok(slugs.into_iter().filter(missing).collect())
    }

    async fn produce(
        &self,
        of: &mut Run,
        form: String,
        _language: String,
        _zone: String,
        _now: i64,
    ) -> Result<File, ImportError<ExportError>> {
        let allowed = {
            let state = self.state();
            match self.fault {
                Some(Fault::RemembersRights) => of.lease.allowed,
                Some(Fault::ExportsForTheChanger) => may_export(
                    &self.rights(&state, &of.lease.stored.changed_by),
                    &of.lease.stored.scope,
                ),
                _ => self.owner_right(&state, &of.lease.stored) == OwnerRight::Yes,
            }
        };
        if !allowed {
            return Err(ExportError::NotAllowed.into());
        }
        if !form.starts_with('{') {
            return Err(ExportError::FormUnfit("the form is an object".into()).into());
        }
        let file = File {
            name: "rows.csv".into(),
            content_type: "text/csv".into(),
            size: 30,
            rows: Some(3),
        };
        self.kept(of, file)
    }

    async fn zip(&self, of: &mut Run) -> Result<File, ImportError<ExportError>> {
        let file = File {
            name: "rows.csv.zip".into(),
            content_type: "application/zip".into(),
            size: 130,
            rows: Some(3),
        };
        self.kept(of, file)
    }
}
