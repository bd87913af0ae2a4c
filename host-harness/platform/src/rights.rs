//! Who may see and export what, read afresh at every question.
//!
//! A user's rights in an organizer are those of all his teams there together; a token has those of its team; a device sees
//! its events and may nothing. All order exporters need `view_orders` on each event they read.

use std::collections::HashSet;

use plugin::language::Language;
use scheduled_exports_host::contract::User;
use scheduled_exports_host::contract::exporters::Reach;
use scheduled_exports_store::Scope;

use super::database::{listing, look_up};
use super::directory::{EventSet, UserRow, stored_list};
use super::exporters::{self, Exporter};
use super::reading::found;
use super::{Event, Platform, PlatformError, Principal};

/// Whose rights a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Those of whom the credentials belong to, with the limits of these credentials.
    Caller(Principal),
    /// Those of this user; none where the user is inactive or gone.
    Owner(String),
    /// Those that this user has as soon as he is active; none where the user is gone.
    OwnerOnceActive(String),
}

impl Subject {
    /// None: no teams of this organizer count.
    fn holder<'a>(&'a self, organizer: &str) -> Option<Holder<'a>> {
        match self {
            Self::Caller(principal) => Holder::of(principal, organizer),
            Self::Owner(id) => Some(Holder::user(id)),
            Self::OwnerOnceActive(id) => Some(Holder {
                member: Some(id),
                ..Holder::default()
            }),
        }
    }
}

/// What a principal may at one organizer or event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Sees and changes all schedules of this scope.
    pub may_change_settings: bool,
    /// May read orders of this event, or of some event of the organizer.
    pub view_orders: bool,
    /// The credentials are good for reading.
    pub may_read: bool,
    /// The credentials are good for writing.
    pub may_write: bool,
}

/// Whose teams count: those that a user is in, while active or at any time, or the one that a token is of. At most one of them
/// is set.
#[derive(Clone, Copy, Default)]
struct Holder<'a> {
    user: Option<&'a str>,
    team: Option<i64>,
    /// A user, active or not: for events only.
    member: Option<&'a str>,
}

/// The key of an event.
struct Slug {
    slug: String,
}

found!(Slug { slug });

/// Those of the events in the list $1 that teams of the holder cover at organizer $2: team $3, user $4, member $6; $5: only with
/// `view_orders`. Found by their keys, however many events the organizer has.
const COVERED: (&str, &str) = listing!(
    "SELECT e.slug FROM platform_events e WHERE e.organizer = $2 AND e.slug IN ",
    " AND EXISTS (
        SELECT 1 FROM platform_teams t JOIN platform_team_covers c ON c.team = t.id AND c.event = e.slug
        WHERE t.organizer = e.organizer
          AND (t.id = $3
               OR EXISTS (SELECT 1 FROM platform_team_holders h WHERE h.team = t.id AND h.user_id = $4)
               OR EXISTS (SELECT 1 FROM platform_team_members m WHERE m.team = t.id AND m.user_id = $6))
          AND (t.view_orders OR NOT $5))
     ORDER BY e.starts, e.slug"
);

/// Those of the events in the list $1 that organizer $2 has.
const EXISTING: (&str, &str) = listing!(
    "SELECT e.slug FROM platform_events e WHERE e.organizer = $2 AND e.slug IN ",
    ""
);

/// Whether a database could have an event of this slug: PostgreSQL takes no NUL in a text.
fn is_possible(slug: &str) -> bool {
    !slug.contains('\0')
}

fn list_of_possible(slugs: &[String]) -> String {
    let possible: Vec<String> = slugs.iter().filter(|slug| is_possible(slug)).cloned().collect();
    stored_list(&possible)
}

impl<'a> Holder<'a> {
    /// None: no teams of this organizer count for this principal, whoever is in them.
    fn of(principal: &'a Principal, organizer: &str) -> Option<Self> {
        match principal {
            Principal::User { id, organizers, .. } if organizers.iter().any(|slug| slug == organizer) => {
                Some(Self::user(id))
            }
            Principal::Token {
                team, organizer: own, ..
            } if own == organizer => Some(Self {
                team: Some(*team),
                ..Self::default()
            }),
            _ => None,
        }
    }

    fn user(id: &'a str) -> Self {
        Self {
            user: Some(id),
            ..Self::default()
        }
    }
}

impl Platform {
    /// Events that the holder's teams cover, the earliest start first: all of them, or `only` the one of this key. With `view_orders`, only those
    /// with that permission.
    async fn team_events(
        &self,
        holder: Holder<'_>,
        organizer: &str,
        only: Option<&str>,
        view_orders: bool,
    ) -> Result<Vec<Event>, PlatformError> {
        let events = look_up!(self, fetch_all: "SELECT e.* FROM platform_events e
             WHERE e.organizer = $1 AND ($6 IS NULL OR e.key = $6) AND EXISTS (
                SELECT 1 FROM platform_teams t JOIN platform_team_covers c ON c.team = t.id AND c.event = e.slug
                WHERE t.organizer = e.organizer
                  AND (t.id = $2
                       OR EXISTS (SELECT 1 FROM platform_team_holders h WHERE h.team = t.id AND h.user_id = $3)
                       OR EXISTS (SELECT 1 FROM platform_team_members m WHERE m.team = t.id AND m.user_id = $5))
                  AND (t.view_orders OR NOT $4))
             ORDER BY e.starts, e.slug", organizer, holder.team, holder.user, view_orders, holder.member, only)?;
        Ok(events)
    }

    /// Those of these events that the holder's teams cover, the earliest start first. With `view_orders`, only those with that
    /// permission.
    async fn covered(
        &self,
        holder: Holder<'_>,
        organizer: &str,
        slugs: &[String],
        view_orders: bool,
    ) -> Result<Vec<String>, PlatformError> {
        let rows: Vec<Slug> = look_up!(self, fetch_all: self.database.pick(COVERED), list_of_possible(slugs), organizer, holder.team,
            holder.user, view_orders, holder.member)?;
        Ok(rows.into_iter().map(|row| row.slug).collect())
    }

    /// Those of these events that exist, in no order.
    async fn existing(&self, organizer: &str, slugs: &[String]) -> Result<Vec<String>, PlatformError> {
        let rows: Vec<Slug> =
            look_up!(self, fetch_all: self.database.pick(EXISTING), list_of_possible(slugs), organizer)?;
        Ok(rows.into_iter().map(|row| row.slug).collect())
    }

    /// Those of the slugs that no event of the organizer has, in the order given.
    ///
    /// # Errors
    /// The database is away.
    pub async fn missing_events(&self, organizer: &str, slugs: Vec<String>) -> Result<Vec<String>, PlatformError> {
        let existing: HashSet<String> = self.existing(organizer, &slugs).await?.into_iter().collect();
        Ok(slugs.into_iter().filter(|slug| !existing.contains(slug)).collect())
    }

    /// Those of the slugs that the principal may know of, in the order given.
    ///
    /// # Errors
    /// The database is away.
    pub async fn visible_events(
        &self,
        principal: &Principal,
        organizer: &str,
        slugs: &[String],
    ) -> Result<Vec<String>, PlatformError> {
        let known = match principal {
            Principal::Device {
                organizer: own, events, ..
            } if own == organizer => {
                let named: Vec<String> = match events {
                    EventSet::All => slugs.to_vec(),
                    EventSet::Only(covered) => {
                        let covered: HashSet<&String> = covered.iter().collect();
                        slugs.iter().filter(|slug| covered.contains(slug)).cloned().collect()
                    }
                };
                self.existing(organizer, &named).await?
            }
            principal => match Holder::of(principal, organizer) {
                None => Vec::new(),
                Some(holder) => self.covered(holder, organizer, slugs, false).await?,
            },
        };
        let known: HashSet<String> = known.into_iter().collect();
        Ok(slugs.iter().filter(|slug| known.contains(*slug)).cloned().collect())
    }

    /// Whether one of the holder's teams reads orders of all events, those to come included.
    async fn reads_all_events(&self, holder: Holder<'_>, organizer: &str) -> Result<bool, PlatformError> {
        let (reads,): (bool,) = look_up!(self, fetch_one: "SELECT EXISTS (
             SELECT 1 FROM platform_teams t
             WHERE t.organizer = $1 AND t.all_events AND t.view_orders
               AND (t.id = $2
                    OR EXISTS (SELECT 1 FROM platform_team_holders h WHERE h.team = t.id AND h.user_id = $3)
                    OR EXISTS (SELECT 1 FROM platform_team_members m WHERE m.team = t.id AND m.user_id = $4)))",
             organizer, holder.team, holder.user, holder.member)?;
        Ok(reads)
    }

    /// The events whose data the subject may export with this exporter, the earliest start first; with `only`, always
    /// [`Reach::Events`]: those among these.
    ///
    /// A user reaches all events by a team for all of them, however many there are today. A user who covers each of them by
    /// lists gets no event that is added.
    ///
    /// # Errors
    /// The database is away.
    pub async fn usable_events(
        &self,
        who: &Subject,
        organizer: &str,
        exporter: &str,
        only: Option<&[String]>,
    ) -> Result<Reach, PlatformError> {
        let Some(holder) = who.holder(organizer) else {
            return Ok(Reach::Events(Vec::new()));
        };
        if exporters::of_identifier(exporter).is_none() {
            return Ok(Reach::Events(Vec::new()));
        }
        match only {
            Some(slugs) => Ok(Reach::Events(self.covered(holder, organizer, slugs, true).await?)),
            None if self.reads_all_events(holder, organizer).await? => Ok(Reach::AllEvents),
            None => {
                let usable = self.team_events(holder, organizer, None, true).await?;
                Ok(Reach::Events(usable.into_iter().map(|event| event.slug).collect()))
            }
        }
    }

    /// Whether the subject may read orders of this event, or at organizer level of any event.
    async fn reads_orders(&self, who: &Subject, scope: &Scope) -> Result<bool, PlatformError> {
        let Some(holder) = who.holder(&scope.organizer) else {
            return Ok(false);
        };
        let first: Option<Slug> = look_up!(self, fetch_optional: "SELECT c.event AS slug
             FROM platform_teams t JOIN platform_team_covers c ON c.team = t.id
             WHERE t.organizer = $1 AND t.view_orders AND ($5 IS NULL OR EXISTS (
                   SELECT 1 FROM platform_events e WHERE e.organizer = $1 AND e.slug = c.event AND e.key = $5))
               AND (t.id = $2
                    OR EXISTS (SELECT 1 FROM platform_team_holders h WHERE h.team = t.id AND h.user_id = $3)
                    OR EXISTS (SELECT 1 FROM platform_team_members m WHERE m.team = t.id AND m.user_id = $4))
             LIMIT 1", &scope.organizer, holder.team, holder.user, holder.member, &scope.event)?;
        Ok(first.is_some())
    }

    /// Events whose orders the subject may read: all of the organizer's, or `only` the one of this key.
    pub(super) async fn readable_events(
        &self,
        who: &Subject,
        organizer: &str,
        only: Option<&str>,
    ) -> Result<Vec<Event>, PlatformError> {
        match who.holder(organizer) {
            None => Ok(Vec::new()),
            Some(holder) => self.team_events(holder, organizer, only, true).await,
        }
    }

    /// Exporters that the subject may run here, in the order to show them, in the language of this tag; with `only`, that
    /// one or nothing.
    ///
    /// # Errors
    /// The database is away.
    pub async fn available(
        &self,
        who: &Subject,
        scope: &Scope,
        only: Option<&str>,
        language: &str,
    ) -> Result<Vec<scheduled_exports_host::contract::exporters::Exporter>, PlatformError> {
        let readable = self.reads_orders(who, scope).await?;
        let language = Language::of_tag(language);
        Ok(exporters::all()
            .filter(|exporter| {
                only.is_none_or(|only| exporter.identifier() == only) && open(*exporter, scope, readable)
            })
            .map(|exporter| exporters::described(exporter, language))
            .collect())
    }

    /// Active users who may change settings of this scope, at most `limit`, by id.
    ///
    /// # Errors
    /// The database is away.
    pub async fn responsible(&self, scope: &Scope, limit: usize) -> Result<Vec<User>, PlatformError> {
        let rows: Vec<UserRow> = look_up!(self, fetch_all: "SELECT u.id, u.email, u.language, u.active FROM platform_users u
             WHERE EXISTS (
                SELECT 1 FROM platform_team_holders h JOIN platform_teams t ON t.id = h.team
                WHERE h.user_id = u.id AND t.organizer = $1
                  AND CASE WHEN $2 IS NULL THEN t.change_organizer_settings
                      ELSE t.change_event_settings AND EXISTS (
                        SELECT 1 FROM platform_team_covers c
                          JOIN platform_events e ON e.organizer = $1 AND e.slug = c.event
                        WHERE c.team = t.id AND e.key = $2)
                      END)
             ORDER BY u.id LIMIT $3", &scope.organizer, &scope.event, i64::try_from(limit).unwrap_or(i64::MAX))?;
        Ok(rows.into_iter().map(User::from).collect())
    }
}

/// Whether the exporter is offered at this scope to a user who may read its orders, at organizer level those of any event.
pub(super) fn open(exporter: &dyn Exporter, scope: &Scope, readable: bool) -> bool {
    readable && (scope.event.is_some() || exporter.across_events())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{BIGEVENTS, On, Place, World};

    #[tokio::test]
    async fn events_of_a_list_are_found_by_their_keys_and_not_by_going_through_those_of_the_organizer() {
        let world = World::of(On::Sqlite, BIGEVENTS).await;
        let Place::File(path) = &world.place else {
            unreachable!("it is a file");
        };
        let on = rusqlite::Connection::open(path).expect("the file");
        for (sql, _) in [COVERED, EXISTING] {
            let mut plan = on.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a plan");
            let steps = plan.raw_query().mapped(|step| step.get("detail"));
            let steps: Vec<String> = steps.collect::<Result<_, _>>().expect("its steps");
            let events: Vec<&String> = steps.iter().filter(|step| step.contains(" e ")).collect();
            let by_key = |step: &&String| step.starts_with("SEARCH") && step.contains("slug=?");
            assert!(!events.is_empty() && events.iter().all(by_key), "{steps:#?}");
        }
    }
}
