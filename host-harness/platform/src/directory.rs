//! Who and what there is: organizers, events and users.

use scheduled_exports_host::clock::Instant;
use scheduled_exports_host::contract::User;
use scheduled_exports_store::Scope;

use super::database::{listing, look_up};
use super::reading::found;
use super::{Platform, PlatformError};

/// Largest mail in bytes as sent, where an organizer has no limit of its own.
pub const DEFAULT_MAIL_BYTES: u64 = 20_000_000;

/// Somebody who sells tickets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organizer {
    /// As in paths of the API.
    pub slug: String,
    /// As people are shown it.
    pub name: String,
    /// IANA name: the default of organizer-level schedules.
    pub timezone: String,
    /// BCP 47 tag.
    pub locale: String,
    /// Scheduled exports are on at first; what counts later is kept by the store.
    pub enabled: bool,
    /// Its rules for schedules and mail.
    pub settings: Settings,
}

/// Rules of one organizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Most schedules over all events; none: no limit.
    pub max_schedules: Option<u32>,
    /// Domains that mail may go to, in lower case; none: any.
    pub recipient_domains: Option<Vec<String>>,
    /// Largest mail in bytes as sent.
    pub max_mail_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_schedules: None,
            recipient_domains: None,
            max_mail_bytes: DEFAULT_MAIL_BYTES,
        }
    }
}

/// What counts at one organizer or event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// IANA name: the event's zone, at organizer level or where the event is gone the organizer's.
    pub timezone: String,
    /// Of the organizer.
    pub settings: Settings,
    /// Number of the latest event that was made, wherever.
    pub latest_event: u64,
}

/// Something that tickets are sold for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Slug of the organizer.
    pub organizer: String,
    /// As in paths of the API, unique at its organizer.
    pub slug: String,
    /// As people are shown it.
    pub name: String,
    /// IANA name.
    pub timezone: String,
    /// Code of ISO 4217.
    pub currency: String,
    /// The first moment.
    pub starts: Instant,
    /// The last.
    pub ends: Instant,
    /// Higher than that of every event that was made before it. Given when it is put in.
    pub number: i64,
    /// What schedules know it by ([`Scope::event`]): its slug, or `slug~number` where an earlier event had that slug. No other event
    /// of this organizer has or will have it. Given when it is put in.
    pub key: String,
}

found!(Event {
    organizer,
    slug,
    name,
    timezone,
    currency,
    starts,
    ends,
    number,
    key
});

/// An event that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedEvent {
    /// The slug that it had.
    pub slug: String,
    /// As that of [`Event`].
    pub number: i64,
    /// As that of [`Event`].
    pub key: String,
    /// As people were shown it.
    pub name: String,
}

found!(DeletedEvent {
    slug,
    number,
    key,
    name
});

/// The slug of the event of this key.
#[must_use]
pub fn slug_of(key: &str) -> &str {
    key.split('~').next().unwrap_or(key)
}

impl DeletedEvent {
    /// What paths of the API name it by: its slug may be another event's by now.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}~{}", self.slug, self.number)
    }
}

/// Events of one organizer: all of them, those to come included, or the ones named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventSet {
    /// Whatever there is and will be.
    All,
    /// By slug.
    Only(Vec<String>),
}

impl Default for EventSet {
    fn default() -> Self {
        Self::Only(Vec::new())
    }
}

impl EventSet {
    /// Is the event of this slug among them?
    #[must_use]
    pub fn covers(&self, slug: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(slugs) => slugs.iter().any(|one| one == slug),
        }
    }
}

struct OrganizerRow {
    slug: String,
    name: String,
    timezone: String,
    locale: String,
    enabled: bool,
    max_schedules: Option<i64>,
    recipient_domains: Option<String>,
    max_mail_bytes: i64,
}

found!(OrganizerRow {
    slug,
    name,
    timezone,
    locale,
    enabled,
    max_schedules,
    recipient_domains,
    max_mail_bytes
});

impl TryFrom<OrganizerRow> for Organizer {
    type Error = PlatformError;

    fn try_from(row: OrganizerRow) -> Result<Self, PlatformError> {
        Ok(Self {
            slug: row.slug,
            name: row.name,
            timezone: row.timezone,
            locale: row.locale,
            enabled: row.enabled,
            settings: settings_of(row.max_schedules, row.recipient_domains, Some(row.max_mail_bytes))?,
        })
    }
}

/// Rules as their columns keep them; without an organizer, those that hold where none are set.
fn settings_of(
    max_schedules: Option<i64>,
    recipient_domains: Option<String>,
    max_mail_bytes: Option<i64>,
) -> Result<Settings, PlatformError> {
    Ok(Settings {
        max_schedules: max_schedules.map(|most| u32::try_from(most).unwrap_or(u32::MAX)),
        recipient_domains: recipient_domains.as_deref().map(list_of).transpose()?,
        max_mail_bytes: max_mail_bytes.map_or(DEFAULT_MAIL_BYTES, i64::unsigned_abs),
    })
}

/// A [`Place`] as a row: of an organizer and an event that may both be gone.
pub(super) struct PlaceRow {
    organizer_zone: Option<String>,
    max_schedules: Option<i64>,
    recipient_domains: Option<String>,
    max_mail_bytes: Option<i64>,
    pub event_zone: Option<String>,
    pub event_key: Option<String>,
    latest_event: i64,
}

found!(PlaceRow {
    organizer_zone,
    max_schedules,
    recipient_domains,
    max_mail_bytes,
    event_zone,
    event_key,
    latest_event
});

impl TryFrom<PlaceRow> for Place {
    type Error = PlatformError;

    fn try_from(row: PlaceRow) -> Result<Self, PlatformError> {
        let zone = row.event_zone.or(row.organizer_zone);
        Ok(Self {
            timezone: zone.unwrap_or_else(|| "UTC".to_owned()),
            settings: settings_of(row.max_schedules, row.recipient_domains, row.max_mail_bytes)?,
            latest_event: row.latest_event.unsigned_abs(),
        })
    }
}

/// Texts as one column keeps them, and as one parameter takes them: a JSON list.
pub(super) fn stored_list(texts: &[String]) -> String {
    serde_json::Value::from(texts).to_string()
}

/// Texts of a column that [`stored_list`] wrote.
pub(super) fn list_of(stored: &str) -> Result<Vec<String>, PlatformError> {
    serde_json::from_str(stored).map_err(|error| PlatformError::Corrupt(format!("{stored}: {error}")))
}

/// A [`User`] as a row.
pub(super) struct UserRow {
    id: String,
    email: String,
    language: String,
    active: bool,
}

found!(UserRow {
    id,
    email,
    language,
    active
});

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.id,
            email: row.email,
            language: row.language,
            active: row.active,
        }
    }
}

impl Platform {
    /// The organizer of this slug.
    ///
    /// # Errors
    /// The database is away.
    pub async fn organizer(&self, slug: &str) -> Result<Option<Organizer>, PlatformError> {
        let row: Option<OrganizerRow> =
            look_up!(self, fetch_optional: "SELECT * FROM platform_organizers WHERE slug = $1", slug)?;
        row.map(Organizer::try_from).transpose()
    }

    /// All organizers, by slug.
    ///
    /// # Errors
    /// The database is away.
    pub async fn organizers(&self) -> Result<Vec<Organizer>, PlatformError> {
        let rows: Vec<OrganizerRow> = look_up!(self, fetch_all: "SELECT * FROM platform_organizers ORDER BY slug")?;
        rows.into_iter().map(Organizer::try_from).collect()
    }

    /// The event of this slug.
    ///
    /// # Errors
    /// The database is away.
    pub async fn event(&self, organizer: &str, slug: &str) -> Result<Option<Event>, PlatformError> {
        Ok(
            look_up!(self, fetch_optional: "SELECT * FROM platform_events WHERE organizer = $1 AND slug = $2", organizer, slug)?,
        )
    }

    /// Events that this organizer had, the latest first.
    ///
    /// # Errors
    /// The database is away.
    pub async fn deleted_events(&self, organizer: &str) -> Result<Vec<DeletedEvent>, PlatformError> {
        Ok(
            look_up!(self, fetch_all: "SELECT slug, number, key, name FROM platform_deleted_events
             WHERE organizer = $1 ORDER BY number DESC", organizer)?,
        )
    }

    /// The event that is gone of this [`DeletedEvent::address`].
    pub(super) async fn deleted_event(
        &self,
        organizer: &str,
        address: &str,
    ) -> Result<Option<DeletedEvent>, PlatformError> {
        let number = address
            .rsplit_once('~')
            .and_then(|(_, number)| number.parse::<i64>().ok());
        let Some(number) = number else {
            return Ok(None);
        };
        let found: Option<DeletedEvent> = look_up!(self, fetch_optional: "SELECT slug, number, key, name
             FROM platform_deleted_events WHERE number = $1 AND organizer = $2", number, organizer)?;
        Ok(found.filter(|event| event.address() == address))
    }

    /// All events of an organizer, the earliest start first.
    ///
    /// # Errors
    /// The database is away.
    pub async fn events(&self, organizer: &str) -> Result<Vec<Event>, PlatformError> {
        Ok(
            look_up!(self, fetch_all: "SELECT * FROM platform_events WHERE organizer = $1 ORDER BY starts, slug", organizer)?,
        )
    }

    /// The rules of an organizer or event. Where the event is gone, its organizer's zone counts; where that is gone too, UTC
    /// and no rules.
    ///
    /// # Errors
    /// The database is away.
    pub async fn place(&self, scope: &Scope) -> Result<Place, PlatformError> {
        let row: PlaceRow = look_up!(self, fetch_one: "SELECT o.timezone AS organizer_zone, o.max_schedules, o.recipient_domains, o.max_mail_bytes,
                    e.timezone AS event_zone, e.key AS event_key, (SELECT next - 1 FROM platform_numbers WHERE name = 'event') AS latest_event
             FROM (SELECT 1 AS one) AS this
               LEFT JOIN platform_organizers o ON o.slug = $1
               LEFT JOIN platform_events e ON e.organizer = $1 AND e.key = $2", &scope.organizer, &scope.event)?;
        row.try_into()
    }

    /// The user of this id, active or not; none: gone, or never there.
    ///
    /// # Errors
    /// The database is away.
    pub async fn user(&self, id: &str) -> Result<Option<User>, PlatformError> {
        let row: Option<UserRow> =
            look_up!(self, fetch_optional: "SELECT id, email, language, active FROM platform_users WHERE id = $1", id)?;
        Ok(row.map(User::from))
    }

    /// Those of these users that there are, each once, by id.
    ///
    /// # Errors
    /// The database is away.
    pub async fn users(&self, ids: &[String]) -> Result<Vec<User>, PlatformError> {
        const USERS: (&str, &str) = listing!(
            "SELECT id, email, language, active FROM platform_users WHERE id IN ",
            " ORDER BY id"
        );
        let rows: Vec<UserRow> = look_up!(self, fetch_all: self.database.pick(USERS), stored_list(ids))?;
        Ok(rows.into_iter().map(User::from).collect())
    }

    /// The user of this address, in any case.
    ///
    /// # Errors
    /// The database is away.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>, PlatformError> {
        let row: Option<UserRow> = look_up!(self, fetch_optional: "SELECT id, email, language, active FROM platform_users WHERE lower(email) = $1", email.to_ascii_lowercase())?;
        Ok(row.map(User::from))
    }
}
