//! The domain's host traits on the contract's imports.

use super::imports;
use super::records::ranges;
use crate::host;

impl host::Access for imports::auth_context::Access {
    fn facts(&self) -> host::AccessFacts {
        use imports::auth_context::Caller as Wire;
        let facts = imports::auth_context::Access::facts(self);
        host::AccessFacts {
            caller: match facts.caller {
                Wire::User(user) => host::Caller::User(user.into()),
                Wire::Token => host::Caller::Token,
                Wire::Device => host::Caller::Device,
            },
            language: facts.language,
            event_level: facts.event_level,
            may_change_settings: facts.may_change_settings,
            may_write: facts.may_write,
            settings: facts.settings.into(),
        }
    }

    fn list(&self, query: &host::PageQuery) -> Result<host::Page<host::Schedule>, host::StoreError> {
        let page = imports::schedule_store::list(self, &query.clone().into())?;
        Ok(host::Page {
            total: page.total,
            rows: page.rows.into_iter().map(Into::into).collect(),
            next: page.next,
        })
    }

    fn get(&self, id: u64) -> Result<host::Schedule, host::StoreError> {
        Ok(imports::schedule_store::get(self, id)?.into())
    }

    fn insert(&self, content: &host::Content) -> Result<host::Schedule, host::StoreError> {
        Ok(imports::schedule_store::insert(self, &content.clone().into())?.into())
    }

    fn update(
        &self,
        id: u64,
        version: u64,
        content: &host::Content,
        missed: &[host::MissedRange],
    ) -> Result<host::Schedule, host::StoreError> {
        let content = content.clone().into();
        Ok(imports::schedule_store::update(self, id, version, &content, &ranges(missed))?.into())
    }

    fn take_over(
        &self,
        id: u64,
        version: u64,
        content: &host::Content,
        missed: &[host::MissedRange],
    ) -> Result<host::Schedule, host::StoreError> {
        let content = content.clone().into();
        Ok(imports::schedule_store::take_over(self, id, version, &content, &ranges(missed))?.into())
    }

    fn delete(&self, id: u64, version: Option<u64>) -> Result<(), host::StoreError> {
        Ok(imports::schedule_store::delete(self, id, version)?)
    }

    fn runs(&self, id: u64, at: &host::Position, size: u32) -> Result<host::Page<host::RunEntry>, host::StoreError> {
        let page = imports::schedule_store::runs(self, id, &at.clone().into(), size)?;
        Ok(host::Page {
            total: page.total,
            rows: page.rows.into_iter().map(Into::into).collect(),
            next: page.next,
        })
    }

    fn available(&self, whose: host::Subject, only: Option<&str>) -> Result<Vec<host::Exporter>, host::LookupError> {
        let found = imports::exporters::available(self, whose.into(), only)?;
        Ok(found.into_iter().map(Into::into).collect())
    }

    fn usable_events(
        &self,
        whose: host::Subject,
        exporter: &str,
        only: Option<&[String]>,
    ) -> Result<host::Reach, host::LookupError> {
        Ok(imports::exporters::usable_events(self, whose.into(), exporter, only)?.into())
    }

    fn visible_events(&self, slugs: &[String]) -> Result<Vec<String>, host::LookupError> {
        Ok(imports::exporters::visible_events(self, slugs)?)
    }

    fn missing_events(&self, slugs: &[String]) -> Result<Vec<String>, host::LookupError> {
        Ok(imports::exporters::missing_events(self, slugs)?)
    }

    fn notify_owner(&self, id: u64, subject: &str, text: &str) -> Result<(), host::MailError> {
        Ok(imports::mailer::notify_owner(self, id, subject, text)?)
    }
}

impl host::Run for imports::auth_context::Run {
    fn facts(&self) -> host::RunFacts {
        use imports::auth_context::OwnerRight as Wire;
        let facts = imports::auth_context::Run::facts(self);
        host::RunFacts {
            schedule: facts.schedule.into(),
            event_level: facts.event_level,
            owner_right: match facts.owner_right {
                Wire::Yes => host::OwnerRight::Yes,
                Wire::Inactive => host::OwnerRight::Inactive,
                Wire::Gone => host::OwnerRight::Gone,
                Wire::NotAllowed => host::OwnerRight::NotAllowed,
            },
            due: facts.due,
            started_version: facts.started_version,
            newer_zone_database: facts.newer_zone_database,
            attempt: facts.attempt,
            settings: facts.settings.into(),
        }
    }

    fn start(&self, plan: &host::Plan) -> Result<(), host::StoreError> {
        let plan = imports::schedule_store::Plan {
            due: plan.due,
            missed: ranges(&plan.missed),
            next_run: plan.next_run,
        };
        Ok(imports::schedule_store::start(self, &plan)?)
    }

    fn finish(&self, outcome: &host::Outcome, error_counter: u32, active: bool) -> Result<(), host::StoreError> {
        Ok(imports::schedule_store::finish(
            self,
            &outcome.clone().into(),
            error_counter,
            active,
        )?)
    }

    fn produce(
        &self,
        form: &str,
        language: &str,
        zone: &str,
        now: host::Instant,
    ) -> Result<host::File, host::ExportError> {
        Ok(imports::exporters::produce(self, form, language, zone, now)?.into())
    }

    fn zip(&self) -> Result<host::File, host::ExportError> {
        Ok(imports::exporters::zip(self)?.into())
    }

    fn link(&self) -> Result<Option<host::DownloadLink>, host::ExportError> {
        let link = imports::exporters::link(self)?;
        Ok(link.map(|link| host::DownloadLink {
            url: link.url,
            expires: link.expires,
        }))
    }

    fn stage(&self, mail: &host::Mail) -> Result<(), host::MailError> {
        use imports::mailer as wire;
        let mail = wire::Mail {
            kind: match mail.kind {
                host::MailKind::Export => wire::MailKind::Export,
                host::MailKind::NothingToExport => wire::MailKind::NothingToExport,
                host::MailKind::Failure => wire::MailKind::Failure,
                host::MailKind::Undelivered => wire::MailKind::Undelivered,
            },
            audience: match &mail.audience {
                host::Audience::People(people) => wire::Audience::People(people.clone().into()),
                host::Audience::Responsible => wire::Audience::Responsible,
            },
            subject: mail.subject.clone(),
            text: mail.text.clone(),
            attach_file: mail.attach_file,
        };
        Ok(wire::stage(self, &mail)?)
    }

    fn log(&self, text: &str) {
        imports::log::write(imports::log::Level::Info, text);
    }
}
