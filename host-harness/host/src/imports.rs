//! The traits that a host implements: one for each import of the contract.
//!
//! | trait | import | subject |
//! | --- | --- | --- |
//! | [`AuthContext`] | `auth-context` | the handles and their context |
//! | [`ScheduleStore`] | `schedule-store` | schedules, runs, history |
//! | [`ManualRuns`] | `manual-runs` | runs that a person asks for |
//! | [`Exporters`] | `exporters` | exporters, and who can run them |
//! | [`Mailer`] | `mailer` | the outbox |
//! | [`Log`] | `log` | lines for the operator |
//!
//! A type with all six is a host ([`Imports`]), and [`Engine`](crate::engine::Engine) links the component to it. Arguments and
//! results are the records of the contract ([`crate::contract`]). Instead of a handle, a trait gets the data that the host itself
//! stored behind it. The guest's input is validated before a trait is called: contract limits, handle permissions, and that a run
//! is started and not over. So an implementation has to keep only its own promises.
//!
//! The documentation of each trait states what it *promises*.
//!
//! A host can be wrapped: a type that implements the six traits by calling another host ([`AuthContext::Access`] and
//! [`AuthContext::Run`] are the other's types, or contain them) sees each import call and its result.
//! [`Recorded`](crate::tape::Recorded) is such a host.
//!
//! Two of the six traits, for a host that stores a mail with the run until that is committed. `into` converts an error that the
//! contract defines; a [`HostFault`] ends the call.
//!
//! ```
//! use scheduled_exports_host::contract::{AccessContext, Audience, Mail, MailError, RunContext};
//! use scheduled_exports_host::imports::{Answer, AuthContext, Mailer};
//!
//! struct Host;
//!
//! /// One call of a user: everything that the host needs to serve it.
//! struct Access {
//!     facts: AccessContext,
//! }
//!
//! /// One leased run, and the mail that leaves when `finish` is committed.
//! struct Run {
//!     facts: RunContext,
//!     responsible: Vec<String>,
//!     mail: Option<Mail>,
//! }
//!
//! impl AuthContext for Host {
//!     type Access = Access;
//!     type Run = Run;
//!
//!     fn access_context<'a>(&self, access: &'a Access) -> &'a AccessContext {
//!         &access.facts
//!     }
//!
//!     fn run_context<'a>(&self, run: &'a Run) -> &'a RunContext {
//!         &run.facts
//!     }
//! }
//!
//! impl Mailer for Host {
//!     async fn stage(&self, of: &mut Run, mail: Mail) -> Answer<(), MailError> {
//!         if matches!(mail.audience, Audience::Responsible) && of.responsible.is_empty() {
//!             return Err(MailError::NoRecipient.into());
//!         }
//!         of.mail = Some(mail);
//!         Ok(())
//!     }
//! }
//! ```

mod auth_context;
mod bounds;
mod call;
mod domain;
mod error;
mod exporters;
mod log;
mod mailer;
mod manual_runs;
mod rows;
mod schedule_store;
mod table;

pub use auth_context::AuthContext;
pub use bounds::STOPS_AT;
pub use call::Call;
pub use error::{Answer, HostFault, ImportError};
pub use exporters::Exporters;
pub use log::{During, Handle, Log};
pub use mailer::Mailer;
pub use manual_runs::ManualRuns;
pub use rows::{record, runs_page, schedules_page};
pub use schedule_store::ScheduleStore;

pub(crate) use bounds::{cut, instant};
pub(crate) use call::{OpenHandles, Returned, Work};
pub(crate) use error::{GuestMistake, answered};
pub(crate) use mailer::LONGEST_SUBJECT;
pub(crate) use table::{dashed, declared, interface, lent, wit_name};

/// Interfaces that this host offers, and the functions of each, as the contract names them. A test compares them with `wit/`.
pub const OFFERED: [(&str, &[&str]); 7] = [
    ("types", &[]),
    auth_context::OFFERED,
    schedule_store::OFFERED,
    manual_runs::OFFERED,
    exporters::OFFERED,
    mailer::OFFERED,
    log::OFFERED,
];

/// All imports of the component. Every type with the six traits has this one.
pub trait Imports: AuthContext + ScheduleStore + ManualRuns + Exporters + Mailer + Log {}

impl<H: AuthContext + ScheduleStore + ManualRuns + Exporters + Mailer + Log> Imports for H {}
