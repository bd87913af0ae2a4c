//! The domain's host traits on the contract's handles.

use super::imports::{auth_context, exporters, log, mailer, manual_runs, schedule_store};
use crate::contract::{
    AccessContext, Content, DownloadLink, ExportError, Exporter, File, FormError, Instant, LookupError, Mail,
    MailError, MissedRange, Outcome, Page, PageQuery, Reach, RequestError, RightsOf, RunContext, RunEntry, RunId,
    RunPage, RunQuery, RunRequest, RunStart, Schedule, ScheduleId, StoreError,
};
use crate::host;

impl host::Access for auth_context::Access {
    fn context(&self) -> AccessContext {
        Self::context(self)
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

    fn runs(&self, id: ScheduleId, query: &RunQuery) -> Result<RunPage, StoreError> {
        schedule_store::runs(self, id, query)
    }

    fn latest_runs(&self, ids: &[ScheduleId]) -> Result<Vec<Option<RunEntry>>, StoreError> {
        schedule_store::latest_runs(self, ids)
    }

    fn request_run(&self, id: Option<ScheduleId>, what: &RunRequest) -> Result<RunId, RequestError> {
        manual_runs::request(self, id, what)
    }

    fn available(&self, whose: RightsOf, only: Option<&str>) -> Result<Vec<Exporter>, LookupError> {
        exporters::available(self, whose, only)
    }

    fn usable_events(&self, whose: RightsOf, exporter: &str, only: Option<&[String]>) -> Result<Reach, LookupError> {
        exporters::usable_events(self, whose, exporter, only)
    }

    fn check_form(&self, whose: RightsOf, exporter: &str, form: &str) -> Result<String, FormError> {
        exporters::check_form(self, whose, exporter, form)
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
    fn context(&self) -> RunContext {
        Self::context(self)
    }

    fn start(&self, plan: &RunStart) -> Result<(), StoreError> {
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
