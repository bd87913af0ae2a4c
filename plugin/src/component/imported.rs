//! The domain's host traits on the contract's handles.

use super::imports::{auth_context, exporters, log, mailer, schedule_store};
use crate::contract::{
    AccessFacts, Content, DownloadLink, ExportError, Exporter, File, Instant, LookupError, Mail, MailError,
    MissedRange, Outcome, Page, PageQuery, Plan, Position, Reach, RunFacts, RunPage, Schedule, ScheduleId, StoreError,
    Subject,
};
use crate::host;

impl host::Access for auth_context::Access {
    fn facts(&self) -> AccessFacts {
        Self::facts(self)
    }

    fn list(&self, query: &PageQuery) -> Result<Page, StoreError> {
        schedule_store::list(self, query)
    }

    fn get(&self, id: ScheduleId) -> Result<Schedule, StoreError> {
        schedule_store::get(self, id)
    }

    fn insert(&self, content: &Content) -> Result<Schedule, StoreError> {
        schedule_store::insert(self, content)
    }

    fn update(
        &self,
        id: ScheduleId,
        version: u64,
        content: &Content,
        missed: &[MissedRange],
    ) -> Result<Schedule, StoreError> {
        schedule_store::update(self, id, version, content, missed)
    }

    fn take_over(
        &self,
        id: ScheduleId,
        version: u64,
        content: &Content,
        missed: &[MissedRange],
    ) -> Result<Schedule, StoreError> {
        schedule_store::take_over(self, id, version, content, missed)
    }

    fn delete(&self, id: ScheduleId, version: Option<u64>) -> Result<(), StoreError> {
        schedule_store::delete(self, id, version)
    }

    fn runs(&self, id: ScheduleId, at: &Position, size: u32) -> Result<RunPage, StoreError> {
        schedule_store::runs(self, id, at, size)
    }

    fn available(&self, whose: Subject, only: Option<&str>) -> Result<Vec<Exporter>, LookupError> {
        exporters::available(self, whose, only)
    }

    fn usable_events(&self, whose: Subject, exporter: &str, only: Option<&[String]>) -> Result<Reach, LookupError> {
        exporters::usable_events(self, whose, exporter, only)
    }

    fn visible_events(&self, slugs: &[String]) -> Result<Vec<String>, LookupError> {
        exporters::visible_events(self, slugs)
    }

    fn missing_events(&self, slugs: &[String]) -> Result<Vec<String>, LookupError> {
        exporters::missing_events(self, slugs)
    }

    fn notify_owner(&self, id: ScheduleId, subject: &str, text: &str) -> Result<(), MailError> {
        mailer::notify_owner(self, id, subject, text)
    }
}

impl host::Run for auth_context::Run {
    fn facts(&self) -> RunFacts {
        Self::facts(self)
    }

    fn start(&self, plan: &Plan) -> Result<(), StoreError> {
        schedule_store::start(self, plan)
    }

    fn finish(&self, outcome: &Outcome, error_counter: u32, active: bool) -> Result<(), StoreError> {
        schedule_store::finish(self, outcome, error_counter, active)
    }

    fn produce(&self, form: &str, language: &str, zone: &str, now: Instant) -> Result<File, ExportError> {
        exporters::produce(self, form, language, zone, now)
    }

    fn zip(&self) -> Result<File, ExportError> {
        exporters::zip(self)
    }

    fn link(&self) -> Result<Option<DownloadLink>, ExportError> {
        exporters::link(self)
    }

    fn stage(&self, mail: &Mail) -> Result<(), MailError> {
        mailer::stage(self, mail)
    }

    fn log(&self, text: &str) {
        log::write(log::Level::Info, text);
    }
}
