//! Organizers, events, users and callers.

use serde::Deserialize;

/// The organizers, events, users and callers of a host. As JSON, it is the `world` of the conformance checks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct World {
    /// All have scheduled exports enabled.
    pub organizers: Vec<Organizer>,
    /// Events of the organizers.
    pub events: Vec<Event>,
    /// All are active.
    pub users: Vec<User>,
    /// The callers.
    pub callers: Vec<Caller>,
}

impl World {
    /// One organizer, `harbour` in Berlin's time zone, without events, and one user with all permissions: `mary`.
    #[must_use]
    pub fn of_one(email: &str) -> Self {
        let (organizer, name) = (String::from("harbour"), String::from("mary"));
        let right = Right {
            organizer: organizer.clone(),
            events: None,
            settings: true,
            export: true,
        };
        Self {
            organizers: vec![Organizer {
                slug: organizer,
                zone: "Europe/Berlin".into(),
                quota: None,
                recipient_domains: None,
                mail_bytes: 20_000_000,
            }],
            events: Vec::new(),
            users: vec![User {
                name: name.clone(),
                email: email.into(),
                language: "en".into(),
                rights: vec![right],
            }],
            callers: vec![Caller {
                name: name.clone(),
                stands: Stands::User(name),
                may_write: true,
            }],
        }
    }

    pub(super) fn organizer(&self, slug: &str) -> Option<&Organizer> {
        self.organizers.iter().find(|one| one.slug == slug)
    }
}

/// An organizer, with the rules that `settings` returns to the plugin.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Organizer {
    /// Its slug.
    pub slug: String,
    /// IANA name.
    pub zone: String,
    /// Maximum number of schedules; `None` for no limit.
    pub quota: Option<u32>,
    /// Domains that can receive mail; `None` for any.
    pub recipient_domains: Option<Vec<String>>,
    /// Maximum size of a mail in bytes as sent.
    pub mail_bytes: u64,
}

/// An event, for which the exporter makes a file of at least one row.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// Slug of its organizer.
    pub organizer: String,
    /// Its slug.
    pub slug: String,
    /// IANA name.
    pub zone: String,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct User {
    /// The name; the host chooses the id.
    pub name: String,
    /// Email address.
    pub email: String,
    /// BCP 47 tag.
    pub language: String,
    /// Permissions.
    pub rights: Vec<Right>,
}

/// Permissions at one organizer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Right {
    /// Slug of the organizer.
    pub organizer: String,
    /// At these events; `None` for all of them, and the organizer as a whole.
    pub events: Option<Vec<String>>,
    /// Can change settings, and so see and change all schedules.
    pub settings: bool,
    /// Can export.
    pub export: bool,
}

/// A caller.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Caller {
    /// The name.
    pub name: String,
    /// The user, token or device.
    #[serde(flatten)]
    pub stands: Stands,
    /// `false` for read-only credentials.
    pub may_write: bool,
}

/// The kind of a caller.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stands {
    /// A user of this name.
    User(String),
    /// A token, with its own permissions.
    Token(Right),
    /// A device at all events of this organizer.
    Device {
        /// Slug.
        organizer: String,
    },
}

/// A change of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// The account is deactivated.
    Inactive,
    /// All permissions are revoked.
    WithoutRights,
    /// The user is deleted.
    Gone,
}
