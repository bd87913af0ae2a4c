//! Changes of the platform that tests and the command line make.

use super::database::within;
use super::directory::{list_of, stored_list};
use super::{Credentials, Event, Platform, PlatformError, credentials, fixture, load};

/// Runs one statement; where it touches no row, says what there is none of.
macro_rules! change {
    ($platform:expr, $what:literal, $sql:expr $(, $parameter:expr)* $(,)?) => {{
        let mut change = $platform.write().await?;
        if within!(&mut change, execute: $sql $(, $parameter)*)? == 0 {
            return Err(PlatformError::NoSuch(format!($what)));
        }
        change.commit().await
    }};
}

impl Platform {
    /// Moves an event to another zone. The host then plans its schedules again.
    ///
    /// # Errors
    /// No such event, no such zone, or the database is away.
    pub async fn set_event_timezone(&self, organizer: &str, event: &str, zone: &str) -> Result<(), PlatformError> {
        check_zone(zone)?;
        change!(
            self,
            "event `{event}` of `{organizer}`",
            "UPDATE platform_events SET timezone = $3 WHERE organizer = $1 AND slug = $2",
            organizer,
            event,
            zone
        )
    }

    /// Moves an organizer to another zone. The host then plans its organizer-level schedules again.
    ///
    /// # Errors
    /// No such organizer, no such zone, or the database is away.
    pub async fn set_organizer_timezone(&self, organizer: &str, zone: &str) -> Result<(), PlatformError> {
        check_zone(zone)?;
        change!(
            self,
            "organizer `{organizer}`",
            "UPDATE platform_organizers SET timezone = $2 WHERE slug = $1",
            organizer,
            zone
        )
    }

    /// Switches a user's account on or off.
    ///
    /// # Errors
    /// No such user, or the database is away.
    pub async fn set_user_active(&self, id: &str, active: bool) -> Result<(), PlatformError> {
        change!(
            self,
            "user `{id}`",
            "UPDATE platform_users SET active = $2 WHERE id = $1",
            id,
            active
        )
    }

    /// Gives a user another address.
    ///
    /// # Errors
    /// No such user, no address, another user has it, or the database is away.
    pub async fn set_user_email(&self, id: &str, email: &str) -> Result<(), PlatformError> {
        if !fixture::is_address(email) {
            return Err(PlatformError::Unfit(format!("`{email}` is not a valid email address")));
        }
        if self.user_by_email(email).await?.is_some_and(|other| other.id != id) {
            return Err(PlatformError::Unfit(format!(
                "email address `{email}` is already in use"
            )));
        }
        change!(
            self,
            "user `{id}`",
            "UPDATE platform_users SET email = $2 WHERE id = $1",
            id,
            email
        )
    }

    /// Removes a user, with his memberships and OAuth tokens.
    ///
    /// # Errors
    /// No such user, or the database is away.
    pub async fn remove_user(&self, id: &str) -> Result<(), PlatformError> {
        change!(self, "user `{id}`", "DELETE FROM platform_users WHERE id = $1", id)
    }

    /// Puts a user into a team.
    ///
    /// # Errors
    /// There is no such team, the user is in it already, or the database is away.
    pub async fn add_team_member(&self, organizer: &str, team: &str, user: &str) -> Result<(), PlatformError> {
        change!(
            self,
            "team `{team}` of `{organizer}`",
            "INSERT INTO platform_team_members (team, user_id)
                 SELECT id, $3 FROM platform_teams WHERE organizer = $1 AND name = $2",
            organizer,
            team,
            user
        )
    }

    /// Takes a user out of a team.
    ///
    /// # Errors
    /// The user is in no such team, or the database is away.
    pub async fn remove_team_member(&self, organizer: &str, team: &str, user: &str) -> Result<(), PlatformError> {
        change!(
            self,
            "user `{user}` in the team `{team}` of `{organizer}`",
            "DELETE FROM platform_team_members WHERE user_id = $3
                 AND team = (SELECT id FROM platform_teams WHERE organizer = $1 AND name = $2)",
            organizer,
            team,
            user
        )
    }

    /// Adds an event. It has nothing of an earlier one of the same slug: no schedule, order, team or device.
    ///
    /// # Errors
    /// No such organizer or zone, an event of this slug is there, the slug does not fit, or the database is away.
    pub async fn create_event(&self, event: &Event) -> Result<(), PlatformError> {
        let Event { organizer, slug, .. } = event;
        check_zone(&event.timezone)?;
        if !fixture::is_slug(slug) {
            return Err(PlatformError::Unfit(format!("`{slug}` is no slug: {}", fixture::SLUG)));
        }
        if self.organizer(organizer).await?.is_none() {
            return Err(PlatformError::NoSuch(format!("organizer `{organizer}`")));
        }
        if self.event(organizer, slug).await?.is_some() {
            return Err(PlatformError::Unfit(format!("`{organizer}` has an event `{slug}`")));
        }
        let mut change = self.write().await?;
        load::insert_event(&mut change, event).await?;
        change.commit().await
    }

    /// Deletes an event, with its orders. What is known of it elsewhere is never taken for what another event is known by.
    ///
    /// # Errors
    /// No such event, or the database is away.
    pub async fn delete_event(&self, organizer: &str, event: &str) -> Result<(), PlatformError> {
        let mut change = self.write().await?;
        let kept = within!(&mut change, execute: "INSERT INTO platform_deleted_events (number, organizer, slug, key, name)
             SELECT number, organizer, slug, key, name FROM platform_events WHERE organizer = $1 AND slug = $2",
            organizer, event)?;
        if kept == 0 {
            return Err(PlatformError::NoSuch(format!("event `{event}` of `{organizer}`")));
        }
        within!(&mut change, execute: "DELETE FROM platform_events WHERE organizer = $1 AND slug = $2", organizer, event)?;
        // Teams lose it with the row; devices have a list of their own.
        let devices: Vec<(i64, String)> = within!(&mut change, fetch_all:
            "SELECT id, events FROM platform_devices WHERE organizer = $1 AND events IS NOT NULL", organizer)?;
        for (device, events) in devices {
            let mut events = list_of(&events)?;
            events.retain(|slug| slug != event);
            within!(&mut change, execute: "UPDATE platform_devices SET events = $2 WHERE id = $1",
                device, stored_list(&events))?;
        }
        change.commit().await
    }

    /// Takes everything out, as a fixture is taken out again whose schedules were refused.
    ///
    /// # Errors
    /// The database is away.
    pub async fn empty(&self) -> Result<(), PlatformError> {
        let mut change = self.write().await?;
        // What belongs to them goes with them.
        within!(&mut change, execute: "DELETE FROM platform_organizers")?;
        within!(&mut change, execute: "DELETE FROM platform_users")?;
        change.commit().await
    }

    /// Revokes a token; it stays known, so that no other gets its id.
    ///
    /// # Errors
    /// No such token, or the database is away.
    pub async fn revoke(&self, token: &Credentials) -> Result<(), PlatformError> {
        let (statement, secret) = match token {
            Credentials::Bearer(secret) => (
                "UPDATE platform_oauth_tokens SET active = false WHERE hash = $1",
                secret,
            ),
            Credentials::Token(secret) => ("UPDATE platform_api_tokens SET active = false WHERE hash = $1", secret),
            Credentials::Device(secret) => ("UPDATE platform_devices SET active = false WHERE hash = $1", secret),
        };
        change!(self, "such token", statement, credentials::hash(secret))
    }
}

fn check_zone(zone: &str) -> Result<(), PlatformError> {
    match plugin::recurrence::zone(zone) {
        Some(_) => Ok(()),
        None => Err(PlatformError::Unfit(format!("`{zone}` is not an IANA time zone"))),
    }
}
