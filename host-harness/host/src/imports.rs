//! What a host implements: one trait for each import of the contract.
//!
//! | trait | import | what it is about |
//! | --- | --- | --- |
//! | [`AuthContext`] | `auth-context` | the handles, and what they stand for |
//! | [`ScheduleStore`] | `schedule-store` | schedules, runs, history |
//! | [`Exporters`] | `exporters` | makers of files, and who may run them |
//! | [`Mailer`] | `mailer` | the outbox |
//! | [`Log`] | `log` | lines for the operator |
//!
//! A type with all five is a host ([`Imports`]), and [`Engine`](crate::engine::Engine) links the component to it. Arguments and
//! answers are the records of the contract ([`crate::contract`]); where the contract lends a handle, a trait is given what the
//! host itself has put behind it. What the guest gives is checked before a trait is asked: that it keeps to the contract's limits,
//! that the handle allows it, that a run is started and not over. So an implementation has its own promises to keep, and
//! no more.
//!
//! What each trait *promises* is in its documentation.
//!
//! A host can be wrapped: a type that implements the five by asking another host ([`AuthContext::Access`] and
//! [`AuthContext::Run`] being the other's, or something around them) sees each call of an import and its answer. [`Recorded`](crate::tape::Recorded) is such a
//! host.
//!
//! Two of the five, for a host that keeps a mail with the run until that is committed. A refusal that the contract has a word for
//! becomes an answer by `into`; a [`HostFault`] ends the call.
//!
//! ```
//! use scheduled_exports_host::contract::{AccessFacts, Audience, Mail, MailError, RunFacts};
//! use scheduled_exports_host::imports::{Answer, AuthContext, Mailer};
//!
//! struct Host;
//!
//! /// One call of a person's: whatever the host has to know to serve it.
//! struct Access {
//!     facts: AccessFacts,
//! }
//!
//! /// One leased run, and the mail that leaves when `finish` is committed.
//! struct Run {
//!     facts: RunFacts,
//!     responsible: Vec<String>,
//!     mail: Option<Mail>,
//! }
//!
//! impl AuthContext for Host {
//!     type Access = Access;
//!     type Run = Run;
//!
//!     fn access_facts<'a>(&self, access: &'a Access) -> &'a AccessFacts {
//!         &access.facts
//!     }
//!
//!     fn run_facts<'a>(&self, run: &'a Run) -> &'a RunFacts {
//!         &run.facts
//!     }
//! }
//!
//! impl Mailer for Host {
//!     async fn stage(&self, of: &mut Run, mail: Mail) -> Answer<(), MailError> {
//!         if matches!(mail.audience, Audience::Responsible) && of.responsible.is_empty() {
//!             return Err(MailError::Nobody.into());
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
pub use rows::{record, runs_page, schedules_page};
pub use schedule_store::ScheduleStore;

pub(crate) use bounds::{cut, instant};
pub(crate) use call::{OpenHandles, Returned, Work};
pub(crate) use error::{GuestMistake, answered};
pub(crate) use mailer::LONGEST_SUBJECT;
pub(crate) use table::{dashed, declared, interface, lent, wit_name};

/// Interfaces that this host offers, and the functions of each, as the contract names them. A test compares them with `wit/`.
pub const OFFERED: [(&str, &[&str]); 6] = [
    ("types", &[]),
    auth_context::OFFERED,
    schedule_store::OFFERED,
    exporters::OFFERED,
    mailer::OFFERED,
    log::OFFERED,
];

/// All that the component imports: what a host is to it. Every type with the five traits has this one.
pub trait Imports: AuthContext + ScheduleStore + Exporters + Mailer + Log {}

impl<H: AuthContext + ScheduleStore + Exporters + Mailer + Log> Imports for H {}
