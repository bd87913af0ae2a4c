//! What errors of the store are to the component: for a host that implements the imports on it.

use scheduled_exports_host::contract::exporters::ExportError;
use scheduled_exports_host::contract::schedule_store::StoreError;
use scheduled_exports_host::imports::ImportError;

use crate::{LeaseError, StartError, StorageError};

impl From<StorageError> for StoreError {
    fn from(error: StorageError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<StorageError> for ImportError<StoreError> {
    fn from(error: StorageError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<StartError> for ImportError<StoreError> {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Lost => Self::Refused(StoreError::LeaseLost),
            StartError::Recorded(latest) => Self::Refused(StoreError::AlreadyRecorded(latest)),
            StartError::Storage(error) => error.into(),
        }
    }
}

impl From<LeaseError> for ImportError<StoreError> {
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Lost => Self::Refused(StoreError::LeaseLost),
            LeaseError::Storage(error) => error.into(),
        }
    }
}

impl From<LeaseError> for ExportError {
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Lost => Self::LeaseLost,
            LeaseError::Storage(error) => Self::Unavailable(error.to_string().into()),
        }
    }
}
