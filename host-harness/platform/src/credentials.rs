//! Who a request comes from.

use sha2::{Digest, Sha256};

use super::directory::EventSet;

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
        /// Of the user.
        id: String,
        /// The token is good for reading.
        may_read: bool,
        /// The token is good for writing.
        may_write: bool,
        /// Slugs of the organizers that the token is good for.
        organizers: Vec<String>,
    },
    /// A program with a token of a team; it stands for nobody.
    Token {
        /// Of the token.
        id: i64,
        /// Whose rights it has.
        team: i64,
        /// Slug of the team's organizer.
        organizer: String,
    },
    /// A device at the gate or the box office.
    Device {
        /// Of the device.
        id: i64,
        /// Slug of its organizer.
        organizer: String,
        /// Those that it is used at.
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
