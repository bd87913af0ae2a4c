//! Who and what is there.

use serde::Deserialize;

/// Who and what is there. As JSON, it is the `world` of the conformance checks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct World {
    /// All of them have scheduled exports switched on.
    pub organizers: Vec<Organizer>,
    /// Those of the organizers.
    pub events: Vec<Event>,
    /// All of them active.
    pub users: Vec<User>,
    /// Who calls.
    pub callers: Vec<Caller>,
}

impl World {
    /// One organizer, `harbour` in Berlin's time, without events, and one user of it: `mary`, who may do everything.
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

/// An organizer, with the rules that the plugin is told in `settings`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Organizer {
    /// By which it is named.
    pub slug: String,
    /// IANA name.
    pub zone: String,
    /// Most schedules; none: any number.
    pub quota: Option<u32>,
    /// Domains that mail may go to; none: any.
    pub recipient_domains: Option<Vec<String>>,
    /// Largest mail in bytes as sent.
    pub mail_bytes: u64,
}

/// An event, of which the exporter makes a file of at least one row.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// Whose it is.
    pub organizer: String,
    /// By which it is named.
    pub slug: String,
    /// IANA name.
    pub zone: String,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct User {
    /// By which he is named; his id is the host's to choose.
    pub name: String,
    /// Address that mail reaches him by.
    pub email: String,
    /// BCP 47 tag.
    pub language: String,
    /// What he may do.
    pub rights: Vec<Right>,
}

/// What somebody may do at one organizer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Right {
    /// Whose data.
    pub organizer: String,
    /// At these events; none: at all of them, and at the organizer as a whole.
    pub events: Option<Vec<String>>,
    /// May change settings, and so sees and changes all schedules.
    pub settings: bool,
    /// May export.
    pub export: bool,
}

/// Somebody who calls.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Caller {
    /// By which he is named.
    pub name: String,
    /// Whom he stands for.
    #[serde(flatten)]
    pub stands: Stands,
    /// False: his credentials are for reading only.
    pub may_write: bool,
}

/// Whom a caller stands for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stands {
    /// A user of this name.
    User(String),
    /// A token, with these rights of its own.
    Token(Right),
    /// A device at all events of this organizer.
    Device {
        /// Slug.
        organizer: String,
    },
}

/// What becomes of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// The account is switched off.
    Inactive,
    /// All rights are taken away.
    WithoutRights,
    /// There is no such user any more.
    Gone,
}
