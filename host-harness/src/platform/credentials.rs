//! Who a request comes from.

use sha2::{Digest, Sha256};

use super::directory::{EventSet, list_of};
use super::{Platform, PlatformError};
use crate::clock::Instant;

/// What a request shows in `Authorization`, by its scheme.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// An OAuth access token, for a user.
    Bearer(String),
    /// An API token of a team.
    Token(String),
    /// The token of a device.
    Device(String),
}

/// Without the secret: credentials never get into a log.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bearer(_) => "Bearer(…)",
            Self::Token(_) => "Token(…)",
            Self::Device(_) => "Device(…)",
        })
    }
}

/// Whom credentials belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A user, through an OAuth token.
    User {
        id: String,
        /// The token is good for reading.
        may_read: bool,
        /// The token is good for writing.
        may_write: bool,
        /// Slugs of the organizers that the token is good for.
        organizers: Vec<String>,
    },
    /// A program with a token of a team; it stands for nobody.
    Token { id: i64, team: i64, organizer: String },
    /// A device at the gate or the box office.
    Device {
        id: i64,
        organizer: String,
        events: EventSet,
    },
}

impl Principal {
    /// As the audit log and idempotency records name it: `user:u7`, `token:3`, `device:1`.
    #[must_use]
    pub fn audit_name(&self) -> String {
        match self {
            Self::User { id, .. } => format!("user:{id}"),
            Self::Token { id, .. } => format!("token:{id}"),
            Self::Device { id, .. } => format!("device:{id}"),
        }
    }
}

/// What is kept of a secret.
pub(super) fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

impl Platform {
    /// Whom the credentials belong to. None: unknown, expired, revoked, or of an inactive user.
    ///
    /// # Errors
    /// The database is away.
    pub async fn principal(&self, credentials: &Credentials, now: Instant) -> Result<Option<Principal>, PlatformError> {
        match credentials {
            Credentials::Bearer(secret) => self.user_of_token(secret, now).await,
            Credentials::Token(secret) => self.team_of_token(secret).await,
            Credentials::Device(secret) => self.device_of_token(secret).await,
        }
    }

    async fn user_of_token(&self, secret: &str, now: Instant) -> Result<Option<Principal>, PlatformError> {
        let found: Option<(String, bool, bool, String)> = sqlx::query_as(
            "SELECT t.user_id, t.may_read, t.may_write, t.organizers
             FROM platform_oauth_tokens t JOIN platform_users u ON u.id = t.user_id
             WHERE t.hash = ?1 AND t.active AND u.active AND (t.expires IS NULL OR t.expires > ?2)",
        )
        .bind(hash(secret))
        .bind(now)
        .fetch_optional(&self.readers)
        .await?;
        let Some((id, may_read, may_write, organizers)) = found else {
            return Ok(None);
        };
        Ok(Some(Principal::User {
            id,
            may_read,
            may_write,
            organizers: list_of(&organizers)?,
        }))
    }

    async fn team_of_token(&self, secret: &str) -> Result<Option<Principal>, PlatformError> {
        let found: Option<(i64, i64, String)> = sqlx::query_as(
            "SELECT a.id, a.team, t.organizer FROM platform_api_tokens a JOIN platform_teams t ON t.id = a.team
             WHERE a.hash = ?1 AND a.active",
        )
        .bind(hash(secret))
        .fetch_optional(&self.readers)
        .await?;
        Ok(found.map(|(id, team, organizer)| Principal::Token { id, team, organizer }))
    }

    async fn device_of_token(&self, secret: &str) -> Result<Option<Principal>, PlatformError> {
        let found: Option<(i64, String, Option<String>)> =
            sqlx::query_as("SELECT id, organizer, events FROM platform_devices WHERE hash = ?1 AND active")
                .bind(hash(secret))
                .fetch_optional(&self.readers)
                .await?;
        let Some((id, organizer, events)) = found else {
            return Ok(None);
        };
        let events = events.as_deref().map(list_of).transpose()?;
        Ok(Some(Principal::Device {
            id,
            organizer,
            events: events.map_or(EventSet::All, EventSet::Only),
        }))
    }
}
