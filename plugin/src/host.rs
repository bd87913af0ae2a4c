//! What the host supplies, in the domain's own words: the imports of `wit/`, without bindings.
//!
//! `component/imported.rs` implements [`Access`] and [`Run`] on the contract's handles; native tests implement them in memory.
//! What each item means, its units and its errors, is said once, in `wit/`.

/// Seconds since 1970-01-01T00:00:00Z.
pub type Instant = i64;
pub type ScheduleId = u64;

/// Addresses of a schedule beside its owner's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipients {
    pub to: Vec<String>,
    pub cc: Vec<String>,
    pub bcc: Vec<String>,
}

/// What the plugin decides about a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub export_identifier: String,
    pub recipients: Recipients,
    pub next_run: Option<Instant>,
    pub active: bool,
    pub error_counter: u32,
    /// See [`crate::document::Document`].
    pub document: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: String,
    pub email: String,
    pub language: String,
    pub active: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub id: ScheduleId,
    pub owner: Option<User>,
    pub version: u64,
    pub content: Content,
}

/// Due times that passed unrun, `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissedRange {
    pub first: Instant,
    pub last: Instant,
    pub count: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Submitted,
    Delivered,
    Empty,
    Failed { code: String, words: String },
    Retry(Instant),
    Cancelled(String),
    Missed(MissedRange),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    Queued,
    Accepted,
    Retrying,
    Rejected,
    Cancelled,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub address: String,
    pub status: DeliveryStatus,
    pub words: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEntry {
    pub due: Instant,
    pub started: Option<Instant>,
    pub ended: Option<Instant>,
    pub attempts: u32,
    pub outcome: Option<Outcome>,
    pub rows: Option<u64>,
    pub bytes: Option<u64>,
    pub deliveries: Vec<Delivery>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Id,
    ExportIdentifier,
    NextRun,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    Number(u32),
    After(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageQuery {
    pub order: Order,
    pub descending: bool,
    pub at: Position,
    pub size: u32,
}

/// Rows of one page, and where the next one begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub total: u64,
    pub rows: Vec<T>,
    pub next: Option<String>,
}

/// One thing wrong with one field of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    pub path: Vec<String>,
    pub code: &'static str,
    pub message: String,
}

/// Why a call changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    Malformed(String),
    Invalid(Vec<FieldError>),
    Forbidden(String),
    NotFound,
    Stale,
    Unavailable(String),
    Other { code: String, words: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    User(User),
    Token,
    Device,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub now: Instant,
    pub zone: String,
    pub languages: Vec<String>,
    pub recipient_domains: Option<Vec<String>>,
    pub mail_bytes: u64,
    pub configuration_url: String,
    pub latest_event: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessFacts {
    pub caller: Caller,
    pub language: String,
    pub event_level: bool,
    pub may_change_settings: bool,
    pub may_write: bool,
    pub settings: Settings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerRight {
    Yes,
    Inactive,
    Gone,
    NotAllowed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFacts {
    pub schedule: Schedule,
    pub event_level: bool,
    pub owner_right: OwnerRight,
    pub due: Option<Instant>,
    pub started_version: Option<u64>,
    pub newer_zone_database: Option<String>,
    pub attempt: u32,
    pub settings: Settings,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    NotFound,
    Stale,
    Quota(u32),
    Forbidden,
    LeaseLost,
    Recorded(Instant),
    Unavailable(String),
}

/// What is settled when a run starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub due: Instant,
    pub missed: Vec<MissedRange>,
    pub next_run: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub value: String,
    pub label: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    Text { longest: u32 },
    MultiLineText { longest: u32 },
    Boolean,
    Integer { smallest: i64, largest: i64 },
    Decimal,
    Date,
    DateTime,
    DateRange,
    Choice(Vec<Choice>),
    MultipleChoice(Vec<Choice>),
    Other(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub label: String,
    pub kind: FieldKind,
    pub required: bool,
    /// A JSON document.
    pub default: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exporter {
    pub identifier: String,
    pub label: String,
    pub across_events: bool,
    pub fields: Vec<Field>,
}

/// Which events of the organizer a subject may export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    AllEvents,
    Events(Vec<String>),
}

/// Whose rights a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Caller,
    OwnerOf(ScheduleId),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupError {
    NotFound,
    Unavailable(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub content_type: String,
    pub size: u64,
    pub rows: Option<u64>,
}

/// Where a file can be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadLink {
    pub url: String,
    pub expires: Instant,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportError {
    NothingToExport,
    NotAllowed,
    FormUnfit(String),
    Failed(String),
    Unavailable(String),
    LeaseLost,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    People(Recipients),
    Responsible,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailKind {
    Export,
    NothingToExport,
    Failure,
    Undelivered,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub kind: MailKind,
    pub audience: Audience,
    pub subject: String,
    pub text: String,
    pub attach_file: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailError {
    NotARecipient(Vec<String>),
    Nobody,
    TooLarge(u64),
    NoFile,
    BadSubject,
}

/// Why an instance did not finish its run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AbandonReason {
    Trapped(String),
    OutOfTime,
    OutOfMemory,
    Unfinished,
}

/// One caller at one organizer or event.
pub trait Access {
    fn facts(&self) -> AccessFacts;
    fn list(&self, query: &PageQuery) -> Result<Page<Schedule>, StoreError>;
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
    fn runs(&self, id: ScheduleId, at: &Position, size: u32) -> Result<Page<RunEntry>, StoreError>;
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
