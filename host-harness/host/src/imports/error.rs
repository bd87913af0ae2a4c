//! Why an import gave no answer: a refusal for the guest to read, a fault of the host, or a mistake of the guest.

use crate::contract::exporters::{ExportError, LookupError};
use crate::contract::mailer::MailError;
use crate::contract::schedule_store::StoreError;

/// A part of the host is away or broken, and the contract has no value that says so. The call ends at once as
/// [`GuestFault::Host`](crate::engine::GuestFault::Host); what was staged is dropped, and a run is left to its lease.
///
/// The words are for the log.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct HostFault(pub String);

/// The guest gave what the contract rules out, and for which it has no value: it traps.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct GuestMistake(pub(crate) String);

/// Why an import does not do what it was asked.
///
/// `?` makes it of a refusal of the contract and of a [`HostFault`]:
///
/// ```
/// use scheduled_exports_host::contract::schedule_store::StoreError;
/// use scheduled_exports_host::imports::{HostFault, ImportError};
///
/// fn version(stored: Option<Result<u64, String>>) -> Result<u64, ImportError<StoreError>> {
///     let row = stored.ok_or(StoreError::NotFound)?;
///     Ok(row.map_err(HostFault)?)
/// }
///
/// assert!(matches!(version(None), Err(ImportError::Refused(StoreError::NotFound))));
/// assert!(matches!(version(Some(Err("torn".into()))), Err(ImportError::Fault(_))));
/// ```
#[derive(Debug, thiserror::Error)]
pub enum ImportError<E: std::fmt::Debug> {
    /// An answer of the contract: the guest reads it and goes on.
    #[error("refused: {0:?}")]
    Refused(E),
    /// The host's own fault: the guest is not asked how to go on.
    #[error(transparent)]
    Fault(HostFault),
    /// What the guest gave can't be right; what, as a phrase for the log: `document too large: 4194304 bytes`. It
    /// traps. Whatever holds for every host is checked before an import is asked, so few hosts have more to add.
    #[error("{0}")]
    Mistake(String),
}

/// What an import answers.
pub type Answer<T, E> = Result<T, ImportError<E>>;

/// Errors of the contract that an import answers with.
pub(super) trait Refusal: std::fmt::Debug {
    /// The run's lease is gone, so nothing is written through its handle any more.
    fn is_lease_lost(&self) -> bool {
        false
    }
}

impl Refusal for StoreError {
    fn is_lease_lost(&self) -> bool {
        matches!(self, Self::LeaseLost)
    }
}

impl Refusal for ExportError {
    fn is_lease_lost(&self) -> bool {
        matches!(self, Self::LeaseLost)
    }
}

impl Refusal for LookupError {}
impl Refusal for MailError {}

impl<E: Refusal> From<E> for ImportError<E> {
    fn from(refusal: E) -> Self {
        Self::Refused(refusal)
    }
}

impl<E: std::fmt::Debug> From<HostFault> for ImportError<E> {
    fn from(fault: HostFault) -> Self {
        Self::Fault(fault)
    }
}

impl<E: std::fmt::Debug> From<GuestMistake> for ImportError<E> {
    fn from(mistake: GuestMistake) -> Self {
        Self::Mistake(mistake.0)
    }
}

/// As the linker wants it: refusals are values, all else traps.
pub(crate) fn answered<T, E: std::fmt::Debug>(answer: Result<T, ImportError<E>>) -> wasmtime::Result<Result<T, E>> {
    match answer {
        Ok(answer) => Ok(Ok(answer)),
        Err(ImportError::Refused(refusal)) => Ok(Err(refusal)),
        Err(ImportError::Fault(fault)) => Err(wasmtime::Error::new(fault)),
        Err(ImportError::Mistake(words)) => Err(wasmtime::Error::new(GuestMistake(words))),
    }
}
