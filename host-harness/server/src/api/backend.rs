//! What the HTTP API asks of the rest of the host.

use async_trait::async_trait;
use reference_platform::{Admission, Credentials, PlatformError};
use scheduled_exports_host::clock::Instant;
use scheduled_exports_store::{RequestKey, RequestState, Scope, StorageError};

use crate::delivery::MailTrouble;
use crate::download::Download;
use crate::service::{Answer, CallError, Grant, Keep, LeftOver, Operation, Service};

/// Why a look-up has no answer. The words are for the log.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Store or platform are away; the same request can work later.
    #[error("away: {0}")]
    Away(String),
    /// Something that trying again does not mend.
    #[error("broken: {0}")]
    Broken(String),
}

/// The host behind the API: [`Service`], or a scripted one in tests.
#[async_trait]
pub trait Backend: Send + Sync {
    /// The time of this request.
    fn now(&self) -> Instant;
    /// Does the store answer?
    async fn ping(&self) -> Result<(), Fault>;
    /// What keeps mail from going out, if anything does.
    fn mail_trouble(&self) -> Option<MailTrouble> {
        None
    }
    /// Can the store be written? See [`Service::check_ready`].
    async fn check_ready(&self) -> Result<(), Fault>;
    /// Whose credentials these are, and what that principal may do there; without a scope, nothing.
    async fn admission(&self, credentials: &Credentials, scope: Option<&Scope>) -> Result<Admission, Fault>;
    /// See [`scheduled_exports_store::Requests::begin_request`].
    async fn begin_request(
        &self,
        key: &RequestKey,
        fingerprint: &[u8; 32],
        now: Instant,
        lease_until: Instant,
    ) -> Result<RequestState, Fault>;
    /// See [`scheduled_exports_store::Requests::end_request`].
    async fn end_request(&self, key: &RequestKey, ticket: u64) -> Result<(), Fault>;
    /// Asks the component. See [`Service::call`].
    async fn call(&self, grant: &Grant, operation: Operation, keep: Option<Keep<'_>>) -> Result<Answer, CallError>;
    /// See [`Service::left_over`].
    async fn left_over(&self, organizer: &str) -> Result<Vec<LeftOver>, Fault> {
        let _ = organizer;
        Ok(Vec::new())
    }
    /// The file that a link with this secret leads to. See [`Service::download`].
    async fn download(&self, secret: &str) -> Result<Option<Download>, Fault>;
    /// A piece of it. See [`Service::download_piece`].
    async fn download_piece(&self, link: &[u8; 32], piece: u64) -> Result<Option<Vec<u8>>, Fault>;
}

impl From<StorageError> for Fault {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable(words) => Self::Away(words),
            StorageError::Corrupt(words) => Self::Broken(words),
        }
    }
}

impl From<PlatformError> for Fault {
    fn from(error: PlatformError) -> Self {
        match error {
            PlatformError::Unavailable(words) => Self::Away(words),
            other => Self::Broken(other.to_string()),
        }
    }
}

#[async_trait]
impl Backend for Service {
    fn now(&self) -> Instant {
        self.clock().now()
    }

    fn mail_trouble(&self) -> Option<MailTrouble> {
        self.mail().trouble()
    }

    async fn ping(&self) -> Result<(), Fault> {
        Ok(self.storage().ping().await?)
    }

    async fn check_ready(&self) -> Result<(), Fault> {
        Ok(Self::check_ready(self).await?)
    }

    async fn admission(&self, credentials: &Credentials, scope: Option<&Scope>) -> Result<Admission, Fault> {
        Ok(self
            .platform()
            .admission(credentials, scope, self.clock().now())
            .await?)
    }

    async fn begin_request(
        &self,
        key: &RequestKey,
        fingerprint: &[u8; 32],
        now: Instant,
        lease_until: Instant,
    ) -> Result<RequestState, Fault> {
        Ok(self.storage().begin_request(key, fingerprint, now, lease_until).await?)
    }

    async fn end_request(&self, key: &RequestKey, ticket: u64) -> Result<(), Fault> {
        Ok(self.storage().end_request(key, ticket).await?)
    }

    async fn call(&self, grant: &Grant, operation: Operation, keep: Option<Keep<'_>>) -> Result<Answer, CallError> {
        Service::call(self, grant, operation, keep).await
    }

    async fn left_over(&self, organizer: &str) -> Result<Vec<LeftOver>, Fault> {
        Ok(Service::left_over(self, organizer).await?)
    }

    async fn download(&self, secret: &str) -> Result<Option<Download>, Fault> {
        Ok(Service::download(self, secret).await?)
    }

    async fn download_piece(&self, link: &[u8; 32], piece: u64) -> Result<Option<Vec<u8>>, Fault> {
        Ok(Service::download_piece(self, link, piece).await?)
    }
}
