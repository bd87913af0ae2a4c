//! The host as the domain sees it: two traits over the contract's records.
//!
//! `component/imported.rs` implements them on the contract's handles; native tests implement them in memory. `wit/` documents each
//! function.

use crate::contract::{
    AccessFacts, Content, DownloadLink, ExportError, Exporter, File, Instant, LookupError, Mail, MailError,
    MissedRange, Outcome, Page, PageQuery, Plan, Position, Reach, RunFacts, RunPage, Schedule, ScheduleId, StoreError,
    Subject,
};

/// One caller at one organizer or event.
pub trait Access {
    fn facts(&self) -> AccessFacts;
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
    fn runs(&self, id: ScheduleId, at: &Position, size: u32) -> Result<RunPage, StoreError>;
    fn available(&self, whose: Subject, only: Option<&str>) -> Result<Vec<Exporter>, LookupError>;
    fn usable_events(&self, whose: Subject, exporter: &str, only: Option<&[String]>) -> Result<Reach, LookupError>;
    fn visible_events(&self, slugs: &[String]) -> Result<Vec<String>, LookupError>;
    fn missing_events(&self, slugs: &[String]) -> Result<Vec<String>, LookupError>;
    fn notify_owner(&self, id: ScheduleId, subject: &str, text: &str) -> Result<(), MailError>;
}

/// One leased run of one schedule.
pub trait Run {
    fn facts(&self) -> RunFacts;
    fn start(&self, plan: &Plan) -> Result<(), StoreError>;
    fn finish(&self, outcome: &Outcome, error_counter: u32, active: bool) -> Result<(), StoreError>;
    fn produce(&self, form: &str, language: &str, zone: &str, now: Instant) -> Result<File, ExportError>;
    fn zip(&self) -> Result<File, ExportError>;
    fn link(&self) -> Result<Option<DownloadLink>, ExportError>;
    fn stage(&self, mail: &Mail) -> Result<(), MailError>;
    /// A line for the operator: no addresses, form data or tokens.
    fn log(&self, text: &str);
}
