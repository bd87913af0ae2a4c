//! `exporters`: one exporter, of three rows for every event.

use super::store::visible;
use super::{Access, Memory, Right, Run, may_export};
use crate::Scope;
use crate::contract::auth_context::OwnerRight;
use crate::contract::exporters::{ExportError, Exporter, File, LookupError, Reach, RightsOf};
use crate::imports::{Answer, Exporters};

/// Identifier of the exporter.
pub const ROWS: &str = "rows";

impl Memory {
    /// Permissions of the subject.
    fn subject(&self, by: &Access, whose: &RightsOf) -> Result<Vec<Right>, LookupError> {
        let RightsOf::OwnerOf(id) = whose else {
            return Ok(self.rights(&by.draft, &by.caller));
        };
        let stored = by.draft.schedules.get(id).filter(|stored| visible(by, stored));
        let stored = stored.ok_or(LookupError::NotFound)?;
        Ok(self.rights_of(&by.draft, &stored.owner).to_vec())
    }

    /// Slugs of the events of the caller's organizer.
    fn slugs<'a>(&'a self, by: &'a Access) -> impl Iterator<Item = &'a String> {
        let of_it = |event: &&super::Event| event.organizer == by.scope.organizer;
        self.world.events.iter().filter(of_it).map(|event| &event.slug)
    }

    fn kept(&self, of: &mut Run, name: &str, content_type: &str, size: u64) -> Answer<File, ExportError> {
        let file = File {
            name: name.into(),
            content_type: content_type.into(),
            size,
            rows: Some(3),
        };
        let kept = self.keep_file(of, file.size, file.rows);
        kept.map_err(|_| ExportError::LeaseLost)?;
        of.file = Some(file.clone());
        Ok(file)
    }
}

impl Exporters for Memory {
    async fn available(
        &self,
        by: &Access,
        whose: RightsOf,
        only: Option<String>,
    ) -> Answer<Vec<Exporter>, LookupError> {
        let rights = self.subject(by, &whose)?;
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
        whose: RightsOf,
        exporter: String,
        only: Option<Vec<String>>,
    ) -> Answer<Reach, LookupError> {
        let rights = self.subject(by, &whose)?;
        let organizer = &by.scope.organizer;
        let to_all = |right: &Right| right.export && right.organizer == *organizer && right.events.is_none();
        if only.is_none() && exporter == ROWS && rights.iter().any(to_all) {
            return Ok(Reach::AllEvents);
        }
        let may = |slug: &&String| {
            let scope = Scope {
                organizer: organizer.clone(),
                event: Some((*slug).clone()),
            };
            exporter == ROWS && may_export(&rights, &scope) && only.as_ref().is_none_or(|only| only.contains(slug))
        };
        Ok(Reach::Events(self.slugs(by).filter(may).cloned().collect()))
    }

    async fn visible_events(&self, by: &Access, slugs: Vec<String>) -> Answer<Vec<String>, LookupError> {
        let rights = self.rights(&by.draft, &by.caller);
        let seen = |slug: &&String| {
            let covers = |right: &Right| {
                let events = right.events.as_ref();
                right.organizer == by.scope.organizer && events.is_none_or(|events| events.contains(slug))
            };
            slugs.contains(slug) && rights.iter().any(covers)
        };
        Ok(self.slugs(by).filter(seen).cloned().collect())
    }

    async fn missing_events(&self, by: &Access, slugs: Vec<String>) -> Answer<Vec<String>, LookupError> {
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
    ) -> Answer<File, ExportError> {
        if self.owner_right(&self.state(), &of.lease.stored) != OwnerRight::Yes {
            return Err(ExportError::NotAllowed.into());
        }
        if !form.starts_with('{') {
            return Err(ExportError::InvalidFormData("the form is an object".into()).into());
        }
        self.kept(of, "rows.csv", "text/csv", 30)
    }

    async fn zip(&self, of: &mut Run) -> Answer<File, ExportError> {
        self.kept(of, "rows.csv.zip", "application/zip", 130)
    }
}
