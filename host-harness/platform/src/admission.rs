//! What a call needs to know before the component is asked, each found in one query: whose the credentials are, what that
//! principal may there, and the rules of the place; or for a run, whose it is and may he still.

use scheduled_exports_host::clock::Instant;
use scheduled_exports_host::contract::User;
use scheduled_exports_host::contract::auth_context::{Caller, OwnerRight};
use scheduled_exports_store::Scope;

use super::credentials::hash;
use super::database::{listing, look_up};
use super::directory::{EventSet, Place, PlaceRow, UserRow, list_of, stored_list};
use super::reading::found;
use super::{Credentials, Platform, PlatformError, Principal, Rights, exporters};

/// Is a request let in, and as whom?
#[derive(Clone, Debug)]
pub enum Admission {
    /// The credentials are nobody's: unknown, expired, revoked, or of an inactive user.
    Nobody,
    /// Somebody's who has nothing to do with that organizer or event. One that is not there looks the same.
    NoAccess,
    /// Somebody who may ask there.
    Admitted(Box<Admitted>),
}

/// Who was let in, and what counts there.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// Whose credentials.
    pub principal: Principal,
    /// As the component is told.
    pub caller: Caller,
    /// What he may do at this organizer.
    pub rights: Rights,
    /// Scheduled exports are on for this organizer.
    pub enabled: bool,
    /// The organizer, and the event where one is named.
    pub place: Place,
    /// [`Event::key`](super::Event::key) of the event; none: the organizer as a whole.
    pub event: Option<String>,
    /// The event is gone: its schedules can be read and deleted, and nothing else.
    pub event_deleted: bool,
    /// He may change settings of the organizer, and that by a team for all events. Which other teams an event was in is forgotten
    /// with it, so nobody else has anything to do with what is left of it.
    pub reaches_deleted_events: bool,
}

/// The caller of an admission.
#[derive(Clone, Copy)]
enum Who<'a> {
    /// The principal of these credentials at this time.
    Shows(&'a Credentials, Instant),
    /// The user of this id.
    User(&'a str),
}

/// Whose a schedule is.
#[derive(Clone, Debug, PartialEq)]
pub struct Ownership {
    /// None: gone.
    pub owner: Option<User>,
    /// May he still run this exporter there?
    pub right: OwnerRight,
    /// Where it belongs.
    pub place: Place,
    /// It belongs to an event, and that is gone.
    pub event_deleted: bool,
}

/// Columns of [`PlaceRow`], from `o` and `e`.
macro_rules! place_columns {
    () => {
        "o.timezone AS organizer_zone, o.max_schedules, o.recipient_domains, o.max_mail_bytes, e.timezone AS event_zone, e.key AS event_key, \
         (SELECT next - 1 FROM platform_numbers WHERE name = 'event') AS latest_event"
    };
}

/// Is the team `$team` for the event `e`, or is no event asked about?
macro_rules! covers {
    ($team:literal, $event:literal) => {
        concat!(
            "(",
            $event,
            " IS NULL OR (e.slug IS NOT NULL AND (",
            $team,
            ".all_events OR EXISTS (",
            "SELECT 1 FROM platform_team_events te WHERE te.team = ",
            $team,
            ".id AND te.event = ",
            $event,
            "))))"
        )
    };
}

/// Is the organizer $2 switched on? That is the store's to know, which has its tables beside these: asked here, a request needs no
/// second look-up.
macro_rules! switched_on {
    () => {
        "EXISTS (SELECT 1 FROM organizer WHERE organizer.slug = $2 AND organizer.enabled) AS enabled"
    };
}

/// What a user `u` can do at the organizer $2 or its event $3. Rights are those of all their teams there together, as
/// [`Permissions::of_bits`] reads them.
macro_rules! user_columns {
    () => {
        concat!(
            "u.id, u.email, u.language, u.active, ",
            place_columns!(),
            ", ",
            switched_on!(),
            ", (SELECT CAST(coalesce(max(1)
           + max(CASE WHEN team.change_organizer_settings THEN 2 ELSE 0 END)
           + max(CASE WHEN team.change_event_settings THEN 4 ELSE 0 END)
           + max(CASE WHEN team.view_orders THEN 8 ELSE 0 END)
           + max(CASE WHEN team.change_organizer_settings AND team.all_events THEN 16 ELSE 0 END), 0) AS bigint)
         FROM platform_team_members m JOIN platform_teams team ON team.id = m.team
         WHERE m.user_id = u.id AND team.organizer = $2 AND ",
            covers!("team", "$3"),
            ") AS teams"
        )
    };
}

/// The place asked about, beside the rows of the query.
macro_rules! place_joins {
    () => {
        " LEFT JOIN platform_organizers o ON o.slug = $2 LEFT JOIN platform_events e ON e.organizer = $2 AND e.slug = $3 "
    };
}

/// Parameters are $1 hash, $2 organizer, $3 event, $4 now.
const BEARER: &str = concat!(
    "SELECT t.may_read, t.may_write, t.organizers, ",
    user_columns!(),
    " FROM platform_oauth_tokens t JOIN platform_users u ON u.id = t.user_id",
    place_joins!(),
    "WHERE t.hash = $1 AND t.active AND u.active AND (t.expires IS NULL OR t.expires > $4)"
);

/// Parameters are $1 user, $2 organizer, $3 event.
const USER: &str = concat!(
    "SELECT ",
    user_columns!(),
    " FROM platform_users u",
    place_joins!(),
    "WHERE u.id = $1 AND u.active"
);

/// Parameters are $1 hash, $2 organizer, $3 event.
const TOKEN: &str = concat!(
    "SELECT a.id, a.team, team.organizer, ",
    place_columns!(),
    ", ",
    switched_on!(),
    ", team.change_organizer_settings, team.change_event_settings, team.view_orders,
       team.change_organizer_settings AND team.all_events AS settings_of_all, ",
    covers!("team", "$3"),
    " AS covers
     FROM platform_api_tokens a JOIN platform_teams team ON team.id = a.team
       LEFT JOIN platform_organizers o ON o.slug = $2
       LEFT JOIN platform_events e ON e.organizer = $2 AND e.slug = $3
     WHERE a.hash = $1 AND a.active"
);

/// Parameters are $1 hash, $2 organizer, $3 event.
const DEVICE: &str = concat!(
    "SELECT d.id, d.organizer, d.events, ",
    place_columns!(),
    ", ",
    switched_on!(),
    " FROM platform_devices d
       LEFT JOIN platform_organizers o ON o.slug = $2
       LEFT JOIN platform_events e ON e.organizer = $2 AND e.slug = $3
     WHERE d.hash = $1 AND d.active"
);

/// Parameters are $1 user, $2 organizer, $3 key of the event. One row, whoever and whatever is gone.
const OWNERSHIP: &str = concat!(
    "SELECT u.id, u.email, u.language, u.active, ",
    place_columns!(),
    ", EXISTS (
         SELECT 1 FROM platform_team_holders h JOIN platform_teams team ON team.id = h.team
           JOIN platform_team_covers c ON c.team = team.id
         WHERE h.user_id = $1 AND team.organizer = $2 AND team.view_orders AND ($3 IS NULL OR c.event = e.slug)
       ) AS readable
     FROM (SELECT 1 AS one) AS this
       LEFT JOIN platform_users u ON u.id = $1
       LEFT JOIN platform_organizers o ON o.slug = $2
       LEFT JOIN platform_events e ON e.organizer = $2 AND e.key = $3"
);

/// Parameters are $1 keys of events, $2 user, $3 organizer. How many of the events he may read the orders of.
const READABLE: (&str, &str) = listing!(
    "SELECT count(*) AS readable FROM platform_events e
     WHERE e.organizer = $3 AND EXISTS (
         SELECT 1 FROM platform_team_holders h JOIN platform_teams t ON t.id = h.team
         WHERE h.user_id = $2 AND t.organizer = $3 AND t.view_orders AND (t.all_events OR EXISTS (
             SELECT 1 FROM platform_team_events te WHERE te.team = t.id AND te.event = e.slug)))
       AND e.key IN ",
    ""
);

struct Counted {
    readable: i64,
}

found!(Counted { readable });

/// Permissions of the teams that count.
struct Permissions {
    change_organizer_settings: bool,
    change_event_settings: bool,
    view_orders: bool,
    /// The first of them, of a team for all events.
    settings_of_all: bool,
}

found!(Permissions {
    change_organizer_settings,
    change_event_settings,
    view_orders,
    settings_of_all
});

impl Permissions {
    /// Those of no team have no bit, those of any have the first.
    fn of_bits(teams: i64) -> Option<Self> {
        (teams & 1 != 0).then_some(Self {
            change_organizer_settings: teams & 2 != 0,
            change_event_settings: teams & 4 != 0,
            view_orders: teams & 8 != 0,
            settings_of_all: teams & 16 != 0,
        })
    }

    fn at(&self, scope: &Scope, (may_read, may_write): (bool, bool)) -> Rights {
        Rights {
            may_change_settings: match scope.event {
                None => self.change_organizer_settings,
                Some(_) => self.change_event_settings,
            },
            view_orders: self.view_orders,
            may_read,
            may_write,
        }
    }
}

struct UserFound {
    user: UserRow,
    enabled: bool,
    /// Permissions of those that count at the place asked about.
    teams: i64,
    place: PlaceRow,
}

found!(UserFound { enabled, teams; user, place });

struct BearerFound {
    may_read: bool,
    may_write: bool,
    organizers: String,
    user: UserFound,
}

found!(BearerFound { may_read, may_write, organizers; user });

impl UserFound {
    /// `may`: read, and write.
    fn admitted(
        self,
        scope: Option<&Scope>,
        may: (bool, bool),
        organizers: Vec<String>,
    ) -> Result<Admission, PlatformError> {
        let (Some(scope), Some(permissions)) = (scope, Permissions::of_bits(self.teams)) else {
            return Ok(Admission::NoAccess);
        };
        let user = User::from(self.user);
        Ok(Admission::Admitted(Box::new(Admitted {
            principal: Principal::User {
                id: user.id.clone(),
                may_read: may.0,
                may_write: may.1,
                organizers,
            },
            caller: Caller::User(user),
            rights: permissions.at(scope, may),
            enabled: self.enabled,
            event: self.place.event_key.clone(),
            event_deleted: false,
            reaches_deleted_events: permissions.settings_of_all,
            place: self.place.try_into()?,
        })))
    }
}

struct TokenFound {
    id: i64,
    team: i64,
    organizer: String,
    covers: bool,
    enabled: bool,
    permissions: Permissions,
    place: PlaceRow,
}

found!(TokenFound { id, team, organizer, covers, enabled; permissions, place });

struct DeviceFound {
    id: i64,
    organizer: String,
    events: Option<String>,
    enabled: bool,
    place: PlaceRow,
}

found!(DeviceFound { id, organizer, events, enabled; place });

struct OwnerFound {
    id: Option<String>,
    email: Option<String>,
    language: Option<String>,
    active: Option<bool>,
    readable: bool,
    place: PlaceRow,
}

found!(OwnerFound { id, email, language, active, readable; place });

impl Platform {
    /// Whose the credentials are, and what that principal may at this organizer or event at this moment; without a scope, at
    /// none. The event goes by its slug, or one that is gone by its [`DeletedEvent::address`](super::DeletedEvent::address):
    /// [`Admitted::reaches_deleted_events`] says who has access to what is left of that.
    ///
    /// # Errors
    /// The database is away.
    pub async fn admission(
        &self,
        credentials: &Credentials,
        scope: Option<&Scope>,
        now: Instant,
    ) -> Result<Admission, PlatformError> {
        self.admission_of(Who::Shows(credentials, now), scope).await
    }

    /// The same for a user by id, without credentials and the limits that those can have: for an operator.
    ///
    /// # Errors
    /// The database is away.
    pub async fn user_admission(&self, user: &str, scope: &Scope) -> Result<Admission, PlatformError> {
        self.admission_of(Who::User(user), Some(scope)).await
    }

    async fn admission_of(&self, who: Who<'_>, scope: Option<&Scope>) -> Result<Admission, PlatformError> {
        let address = scope.and_then(|scope| Some((scope, scope.event.as_deref()?)));
        let Some((scope, address)) = address.filter(|(_, event)| event.contains('~')) else {
            return self.admit(who, scope).await;
        };
        let organizer = Scope {
            organizer: scope.organizer.clone(),
            event: None,
        };
        let mut admitted = match self.admit(who, Some(&organizer)).await? {
            Admission::Admitted(admitted) if admitted.reaches_deleted_events => admitted,
            Admission::Admitted(_) | Admission::NoAccess => return Ok(Admission::NoAccess),
            Admission::Nobody => return Ok(Admission::Nobody),
        };
        let Some(event) = self.deleted_event(&scope.organizer, address).await? else {
            return Ok(Admission::NoAccess);
        };
        (admitted.event, admitted.event_deleted) = (Some(event.key), true);
        Ok(Admission::Admitted(admitted))
    }

    async fn admit(&self, who: Who<'_>, scope: Option<&Scope>) -> Result<Admission, PlatformError> {
        match who {
            Who::Shows(Credentials::Bearer(secret), now) => self.admit_bearer(secret, scope, now).await,
            Who::Shows(Credentials::Token(secret), _) => self.admit_token(secret, scope).await,
            Who::Shows(Credentials::Device(secret), _) => self.admit_device(secret, scope).await,
            Who::User(id) => self.admit_user(id, scope).await,
        }
    }

    async fn admit_bearer(
        &self,
        secret: &str,
        scope: Option<&Scope>,
        now: Instant,
    ) -> Result<Admission, PlatformError> {
        let (organizer, event) = parts(scope);
        let found: Option<BearerFound> = look_up!(self, fetch_optional: BEARER, hash(secret), organizer, event, now)?;
        let Some(found) = found else {
            return Ok(Admission::Nobody);
        };
        let organizers = list_of(&found.organizers)?;
        let scope = scope.filter(|scope| organizers.contains(&scope.organizer));
        found
            .user
            .admitted(scope, (found.may_read, found.may_write), organizers)
    }

    async fn admit_user(&self, id: &str, scope: Option<&Scope>) -> Result<Admission, PlatformError> {
        let (organizer, event) = parts(scope);
        let found: Option<UserFound> = look_up!(self, fetch_optional: USER, id, organizer, event)?;
        let Some(found) = found else {
            return Ok(Admission::Nobody);
        };
        let organizers = organizer.map(str::to_owned).into_iter().collect();
        found.admitted(scope, (true, true), organizers)
    }

    async fn admit_token(&self, secret: &str, scope: Option<&Scope>) -> Result<Admission, PlatformError> {
        let (organizer, event) = parts(scope);
        let found: Option<TokenFound> = look_up!(self, fetch_optional: TOKEN, hash(secret), organizer, event)?;
        let Some(found) = found else {
            return Ok(Admission::Nobody);
        };
        let Some(scope) = scope.filter(|scope| scope.organizer == found.organizer && found.covers) else {
            return Ok(Admission::NoAccess);
        };
        Ok(Admission::Admitted(Box::new(Admitted {
            principal: Principal::Token {
                id: found.id,
                team: found.team,
                organizer: found.organizer,
            },
            caller: Caller::Token,
            rights: found.permissions.at(scope, (true, true)),
            enabled: found.enabled,
            event: found.place.event_key.clone(),
            event_deleted: false,
            reaches_deleted_events: found.permissions.settings_of_all,
            place: found.place.try_into()?,
        })))
    }

    async fn admit_device(&self, secret: &str, scope: Option<&Scope>) -> Result<Admission, PlatformError> {
        let (organizer, event) = parts(scope);
        let found: Option<DeviceFound> = look_up!(self, fetch_optional: DEVICE, hash(secret), organizer, event)?;
        let Some(found) = found else {
            return Ok(Admission::Nobody);
        };
        let events = found.events.as_deref().map(list_of).transpose()?;
        let events = events.map_or(EventSet::All, EventSet::Only);
        let there = match event {
            None => true,
            Some(slug) => found.place.event_zone.is_some() && events.covers(slug),
        };
        if !there || organizer != Some(found.organizer.as_str()) {
            return Ok(Admission::NoAccess);
        }
        Ok(Admission::Admitted(Box::new(Admitted {
            principal: Principal::Device {
                id: found.id,
                organizer: found.organizer,
                events,
            },
            caller: Caller::Device,
            rights: Rights {
                may_change_settings: false,
                view_orders: false,
                may_read: true,
                may_write: true,
            },
            enabled: found.enabled,
            event: found.place.event_key.clone(),
            event_deleted: false,
            reaches_deleted_events: false,
            place: found.place.try_into()?,
        })))
    }

    /// The owner of a schedule of this scope, whether he may still run its exporter there, and the rules of the place.
    ///
    /// # Errors
    /// The database is away.
    pub async fn ownership(&self, owner: &str, scope: &Scope, exporter: &str) -> Result<Ownership, PlatformError> {
        let found: OwnerFound = look_up!(self, fetch_one: OWNERSHIP, owner, &scope.organizer, &scope.event)?;
        let user = match (found.id, found.email, found.language, found.active) {
            (Some(id), Some(email), Some(language), Some(active)) => Some(User {
                id,
                email,
                language,
                active,
            }),
            _ => None,
        };
        let may = found.readable
            && exporters::of_identifier(exporter)
                .is_some_and(|exporter| scope.event.is_some() || exporter.across_events());
        let right = match &user {
            None => OwnerRight::Gone,
            Some(user) if !user.active => OwnerRight::Inactive,
            Some(_) if may => OwnerRight::Yes,
            Some(_) => OwnerRight::NotAllowed,
        };
        Ok(Ownership {
            owner: user,
            right,
            event_deleted: scope.event.is_some() && found.place.event_key.is_none(),
            place: found.place.try_into()?,
        })
    }
}

impl Platform {
    /// May this user read the orders of all these events, each named once by its key? Of one that is gone nobody may.
    ///
    /// # Errors
    /// The database is away.
    pub async fn may_read_all(&self, user: &str, organizer: &str, events: &[String]) -> Result<bool, PlatformError> {
        let counted: Counted =
            look_up!(self, fetch_one: self.database.pick(READABLE), stored_list(events), user, organizer)?;
        Ok(usize::try_from(counted.readable) == Ok(events.len()))
    }
}

/// A scope as two parameters.
fn parts(scope: Option<&Scope>) -> (Option<&str>, Option<&str>) {
    (
        scope.map(|scope| scope.organizer.as_str()),
        scope.and_then(|scope| scope.event.as_deref()),
    )
}
