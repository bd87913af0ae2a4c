//! Why an import did not return its result: an error for the guest, a host error, or a contract violation of the guest.

use crate::contract::exporters::{ExportError, FormError, LookupError};
use crate::contract::mailer::MailError;
use crate::contract::manual_runs::RequestError;
use crate::contract::schedule_store::StoreError;

/// A part of the host is unavailable or broken, and the contract defines no error for it. The call ends at once as
/// [`GuestFault::Host`](crate::engine::GuestFault::Host); staged writes are dropped, and a run is leased again after its lease
/// expires.
///
/// The text is for the log.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct HostFault(pub String);

/// A contract violation of the guest that has no error value: it traps.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct GuestMistake(pub(crate) String);

/// Why an import failed.
///
/// `?` creates it from an error of the contract and from a [`HostFault`]:
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
    /// An error that the contract defines: the guest reads it and continues.
    #[error("refused: {0:?}")]
    Refused(E),
    /// A host error: the call ends.
    #[error(transparent)]
    Fault(HostFault),
    /// A contract violation of the guest, as a phrase for the log: `document too large: 4194304 bytes`. It traps. The library
    /// checks everything that holds for every host before it calls an import, so few hosts need this.
    #[error("{0}")]
    Mistake(String),
}

/// The result of an import.
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
impl Refusal for FormError {}
impl Refusal for RequestError {}

impl Refusal for MailError {
    fn is_lease_lost(&self) -> bool {
        matches!(self, Self::LeaseLost)
    }
}

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
