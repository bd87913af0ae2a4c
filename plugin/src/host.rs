//! The host as the domain sees it: two traits over the contract's records.
//!
//! `component/imported.rs` implements them on the contract's handles; native tests implement them in memory. `wit/` documents each
//! function.

use crate::contract::{
    AccessContext, Content, DownloadLink, ExportError, Exporter, File, FormError, Instant, LookupError, Mail,
    MailError, MissedRange, Outcome, Page, PageQuery, Reach, RequestError, RightsOf, RunContext, RunEntry, RunId,
    RunPage, RunQuery, RunRequest, RunStart, Schedule, ScheduleId, StoreError,
};

/// One caller at one organizer or event.
pub trait Access {
    fn context(&self) -> AccessContext;
    fn list(&self, query: &PageQuery) -> Result<Page, StoreError>;
    fn get(&self, id: ScheduleId) -> Result<Schedule, StoreError>;
    fn insert(&self, content: &Content) -> Result<Schedule, StoreError>;
    fn update(
        &self,
        id: ScheduleId,
        version: u64,
        content: &Content,
        missed: &[MissedRange],
    ) -> Result<Schedule, StoreError>;
    fn take_over(
        &self,
        id: ScheduleId,
        version: u64,
        content: &Content,
        missed: &[MissedRange],
    ) -> Result<Schedule, StoreError>;
    fn delete(&self, id: ScheduleId, version: Option<u64>) -> Result<(), StoreError>;
    fn runs(&self, id: ScheduleId, query: &RunQuery) -> Result<RunPage, StoreError>;
    fn latest_runs(&self, ids: &[ScheduleId]) -> Result<Vec<Option<RunEntry>>, StoreError>;
    fn request_run(&self, id: Option<ScheduleId>, what: &RunRequest) -> Result<RunId, RequestError>;
    fn available(&self, whose: RightsOf, only: Option<&str>) -> Result<Vec<Exporter>, LookupError>;
    fn usable_events(&self, whose: RightsOf, exporter: &str, only: Option<&[String]>) -> Result<Reach, LookupError>;
    fn check_form(&self, whose: RightsOf, exporter: &str, form: &str) -> Result<String, FormError>;
    fn visible_events(&self, slugs: &[String]) -> Result<Vec<String>, LookupError>;
    fn missing_events(&self, slugs: &[String]) -> Result<Vec<String>, LookupError>;
    fn notify_owner(&self, id: ScheduleId, subject: &str, text: &str) -> Result<(), MailError>;
}

/// One leased run of one schedule.
pub trait Run {
    fn context(&self) -> RunContext;
    fn start(&self, plan: &RunStart) -> Result<(), StoreError>;
    fn finish(&self, outcome: &Outcome, error_counter: u32, active: bool) -> Result<(), StoreError>;
    fn produce(&self, form: &str, language: &str, zone: &str, now: Instant) -> Result<File, ExportError>;
    fn zip(&self) -> Result<File, ExportError>;
    fn link(&self) -> Result<Option<DownloadLink>, ExportError>;
    fn stage(&self, mail: &Mail) -> Result<(), MailError>;
    /// A line for the operator: no addresses, form data or tokens.
    fn log(&self, text: &str);
}
