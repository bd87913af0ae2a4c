//! Changes of the platform that tests and the command line make.

use std::str::FromStr;

use chrono_tz::Tz;

use super::{Credentials, Platform, PlatformError, credentials, fixture};

impl Platform {
    /// Moves an event to another zone. The host then plans its schedules again.
    ///
    /// # Errors
    /// No such event, no such zone, or the database is away.
    pub async fn set_event_timezone(&self, organizer: &str, event: &str, zone: &str) -> Result<(), PlatformError> {
        check_zone(zone)?;
        let query = sqlx::query("UPDATE platform_events SET timezone = ?3 WHERE organizer = ?1 AND slug = ?2");
        let query = query.bind(organizer).bind(event).bind(zone);
        self.change(query, || format!("event `{event}` of `{organizer}`")).await
    }

    /// Moves an organizer to another zone. The host then plans its organizer-level schedules again.
    ///
    /// # Errors
    /// No such organizer, no such zone, or the database is away.
    pub async fn set_organizer_timezone(&self, organizer: &str, zone: &str) -> Result<(), PlatformError> {
        check_zone(zone)?;
        let query = sqlx::query("UPDATE platform_organizers SET timezone = ?2 WHERE slug = ?1");
        self.change(query.bind(organizer).bind(zone), || format!("organizer `{organizer}`"))
            .await
    }

    /// Switches a user's account on or off.
    ///
    /// # Errors
    /// No such user, or the database is away.
    pub async fn set_user_active(&self, id: &str, active: bool) -> Result<(), PlatformError> {
        let query = sqlx::query("UPDATE platform_users SET active = ?2 WHERE id = ?1");
        self.change(query.bind(id).bind(active), || format!("user `{id}`"))
            .await
    }

    /// Gives a user another address.
    ///
    /// # Errors
    /// No such user, no address, another user has it, or the database is away.
    pub async fn set_user_email(&self, id: &str, email: &str) -> Result<(), PlatformError> {
        if !fixture::is_address(email) {
            return Err(PlatformError::Unfit(format!("`{email}` is no e-mail address")));
        }
        if self.user_by_email(email).await?.is_some_and(|other| other.id != id) {
            return Err(PlatformError::Unfit(format!("another user has the address `{email}`")));
        }
        let query = sqlx::query("UPDATE platform_users SET email = ?2 WHERE id = ?1");
        self.change(query.bind(id).bind(email), || format!("user `{id}`")).await
    }

    /// Removes a user, with his memberships and OAuth tokens.
    ///
    /// # Errors
    /// No such user, or the database is away.
    pub async fn remove_user(&self, id: &str) -> Result<(), PlatformError> {
        let query = sqlx::query("DELETE FROM platform_users WHERE id = ?1");
        self.change(query.bind(id), || format!("user `{id}`")).await
    }

    /// Takes a user out of a team.
    ///
    /// # Errors
    /// The user is in no such team, or the database is away.
    pub async fn remove_team_member(&self, organizer: &str, team: &str, user: &str) -> Result<(), PlatformError> {
        let query = sqlx::query(
            "DELETE FROM platform_team_members WHERE user_id = ?3
             AND team = (SELECT id FROM platform_teams WHERE organizer = ?1 AND name = ?2)",
        );
        let query = query.bind(organizer).bind(team).bind(user);
        self.change(query, || format!("user `{user}` in the team `{team}` of `{organizer}`"))
            .await
    }

    /// Deletes an event, with its orders.
    ///
    /// # Errors
    /// No such event, or the database is away.
    pub async fn delete_event(&self, organizer: &str, event: &str) -> Result<(), PlatformError> {
        let query = sqlx::query("DELETE FROM platform_events WHERE organizer = ?1 AND slug = ?2");
        let query = query.bind(organizer).bind(event);
        self.change(query, || format!("event `{event}` of `{organizer}`")).await
    }

    /// Revokes a token; it stays known, so that no other gets its id.
    ///
    /// # Errors
    /// No such token, or the database is away.
    pub async fn revoke(&self, token: &Credentials) -> Result<(), PlatformError> {
        let (statement, secret) = match token {
            Credentials::Bearer(secret) => ("UPDATE platform_oauth_tokens SET active = 0 WHERE hash = ?1", secret),
            Credentials::Token(secret) => ("UPDATE platform_api_tokens SET active = 0 WHERE hash = ?1", secret),
            Credentials::Device(secret) => ("UPDATE platform_devices SET active = 0 WHERE hash = ?1", secret),
        };
        let query = sqlx::query(statement).bind(credentials::hash(secret));
        self.change(query, || "such token".to_owned()).await
    }

    /// Runs one statement; where it touches no row, says what there is none of.
    async fn change(
        &self,
        query: sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
        what: impl FnOnce() -> String,
    ) -> Result<(), PlatformError> {
        let mut tx = self.write().await?;
        if query.execute(&mut *tx).await?.rows_affected() == 0 {
            return Err(PlatformError::NoSuch(what()));
        }
        tx.commit().await?;
        Ok(())
    }
}

fn check_zone(zone: &str) -> Result<(), PlatformError> {
    match Tz::from_str(zone) {
        Ok(_) => Ok(()),
        Err(_) => Err(PlatformError::Unfit(format!("`{zone}` is no IANA time zone"))),
    }
}
