//! A fixture goes into an empty platform: all of it, or nothing.

use std::collections::{HashMap, HashSet};

use sqlx::{Encode, QueryBuilder, Type};

use super::credentials::hash;
use super::database::{Open, within};
use super::directory::{Event, EventSet, Organizer, stored_list};
use super::fixture::{
    Fixture, FixtureDevice, FixtureOauthToken, FixtureOrder, FixturePosition, FixtureTeam, FixtureUser,
};
use super::generated::Generator;
use super::{Platform, PlatformError};

/// Orders that go into one statement: with all columns far under SQLite's 32,766 parameters, and PostgreSQL's 65,535.
const ORDERS_AT_ONCE: usize = 500;

impl Platform {
    /// Puts everything but the schedules of a fixture into this platform, in one transaction. Users get the ids `u1`, `u2`, …
    /// in the order of the file.
    ///
    /// # Errors
    /// The platform is not empty, or the database is away. Nothing was written then.
    pub async fn load(&self, fixture: &Fixture) -> Result<(), PlatformError> {
        let mut tx = self.write().await?;
        let taken: bool = within!(&mut tx, fetch_one: sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM platform_organizers)",
        ))?;
        if taken {
            return Err(PlatformError::NotEmpty);
        }
        for organizer in &fixture.organizers {
            insert_organizer(&mut tx, organizer).await?;
        }
        for event in &fixture.events {
            insert_event(&mut tx, event).await?;
        }
        let mut ids = HashMap::new();
        for (i, user) in fixture.users.iter().enumerate() {
            let id = format!("u{}", i + 1);
            insert_user(&mut tx, &id, user).await?;
            ids.insert(user.email.to_lowercase(), id);
        }
        let id_of = |email: &str| {
            let id = ids.get(&email.to_lowercase());
            id.map(String::as_str)
                .ok_or_else(|| PlatformError::NoSuch(format!("user `{email}`")))
        };
        for team in &fixture.teams {
            insert_team(&mut tx, team, id_of).await?;
        }
        for token in &fixture.oauth_tokens {
            insert_oauth_token(&mut tx, token, id_of(&token.user)?).await?;
        }
        for device in &fixture.devices {
            insert_device(&mut tx, device).await?;
        }
        insert_orders(&mut tx, fixture).await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn insert_organizer(tx: &mut Open, organizer: &Organizer) -> Result<(), PlatformError> {
    let settings = &organizer.settings;
    let put_in = within!(tx, execute: sqlx::query("INSERT INTO platform_organizers VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(&organizer.slug)
        .bind(&organizer.name)
        .bind(&organizer.timezone)
        .bind(&organizer.locale)
        .bind(organizer.enabled)
        .bind(settings.max_schedules.map(i64::from))
        .bind(settings.recipient_domains.as_deref().map(stored_list))
        .bind(i64::try_from(settings.max_mail_bytes).unwrap_or(i64::MAX)));
    match put_in {
        Ok(_) => Ok(()),
        // Another process has put it in since we looked.
        Err(error)
            if error
                .as_database_error()
                .is_some_and(|error| error.is_unique_violation()) =>
        {
            Err(PlatformError::NotEmpty)
        }
        Err(error) => Err(error.into()),
    }
}

/// Puts an event in, with a number and a key that no other has had.
pub(super) async fn insert_event(tx: &mut Open, event: &Event) -> Result<(), PlatformError> {
    let number: i64 = within!(tx, fetch_one: sqlx::query_scalar(
        "UPDATE platform_numbers SET next = next + 1 WHERE name = 'event' RETURNING next - 1",
    ))?;
    let had: bool = within!(tx, fetch_one: sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM platform_deleted_events WHERE organizer = $1 AND slug = $2)",
    )
    .bind(&event.organizer)
    .bind(&event.slug))?;
    let key = match had {
        true => format!("{}~{number}", event.slug),
        false => event.slug.clone(),
    };
    within!(tx, execute: sqlx::query(
        "INSERT INTO platform_events (organizer, slug, name, timezone, currency, starts, ends, number, key)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
        .bind(&event.organizer)
        .bind(&event.slug)
        .bind(&event.name)
        .bind(&event.timezone)
        .bind(&event.currency)
        .bind(event.starts)
        .bind(event.ends)
        .bind(number)
        .bind(key))?;
    Ok(())
}

async fn insert_user(tx: &mut Open, id: &str, user: &FixtureUser) -> Result<(), PlatformError> {
    within!(tx, execute: sqlx::query("INSERT INTO platform_users VALUES ($1, $2, $3, $4, $5)")
        .bind(id)
        .bind(&user.email)
        .bind(&user.name)
        .bind(&user.language)
        .bind(user.active))?;
    Ok(())
}

async fn insert_team<'a>(
    tx: &mut Open,
    team: &FixtureTeam,
    id_of: impl Fn(&str) -> Result<&'a str, PlatformError>,
) -> Result<(), PlatformError> {
    let id: i64 = within!(tx, fetch_one: sqlx::query_scalar(
        "INSERT INTO platform_teams
         (organizer, name, all_events, change_organizer_settings, change_event_settings, view_orders)
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
    )
    .bind(&team.organizer)
    .bind(&team.name)
    .bind(team.events == EventSet::All)
    .bind(team.change_organizer_settings)
    .bind(team.change_event_settings)
    .bind(team.view_orders))?;
    if let EventSet::Only(slugs) = &team.events {
        for slug in slugs {
            within!(tx, execute: sqlx::query("INSERT INTO platform_team_events VALUES ($1, $2, $3)")
                .bind(id)
                .bind(&team.organizer)
                .bind(slug))?;
        }
    }
    for email in &team.members {
        within!(tx, execute: sqlx::query("INSERT INTO platform_team_members VALUES ($1, $2)")
            .bind(id)
            .bind(id_of(email)?))?;
    }
    for (token, active) in &team.api_tokens {
        within!(tx, execute: sqlx::query("INSERT INTO platform_api_tokens (hash, team, active) VALUES ($1, $2, $3)")
            .bind(hash(token))
            .bind(id)
            .bind(active))?;
    }
    Ok(())
}

async fn insert_oauth_token(tx: &mut Open, token: &FixtureOauthToken, user: &str) -> Result<(), PlatformError> {
    within!(tx, execute: sqlx::query(
        "INSERT INTO platform_oauth_tokens (hash, user_id, may_read, may_write, organizers, expires, active)
         VALUES ($1, $2, $3, $4, $5, $6, true)",
    )
        .bind(hash(&token.token))
        .bind(user)
        .bind(token.may_read)
        .bind(token.may_write)
        .bind(stored_list(&token.organizers))
        .bind(token.expires))?;
    Ok(())
}

async fn insert_device(tx: &mut Open, device: &FixtureDevice) -> Result<(), PlatformError> {
    let events = match &device.events {
        EventSet::All => None,
        EventSet::Only(slugs) => Some(stored_list(slugs)),
    };
    within!(tx, execute: sqlx::query(
        "INSERT INTO platform_devices (hash, organizer, name, events, active) VALUES ($1, $2, $3, $4, true)",
    )
        .bind(hash(&device.token))
        .bind(&device.organizer)
        .bind(&device.name)
        .bind(events))?;
    Ok(())
}

/// The orders listed, then those made up, a batch in memory at a time.
async fn insert_orders(tx: &mut Open, fixture: &Fixture) -> Result<(), PlatformError> {
    let mut codes: HashMap<&str, HashSet<String>> = HashMap::new();
    let mut first_id = 1;
    for orders in fixture.orders.chunks(ORDERS_AT_ONCE) {
        for order in orders {
            codes.entry(&order.organizer).or_default().insert(order.code.clone());
        }
        insert_batch(tx, first_id, orders).await?;
        first_id += orders.len() as i64;
    }
    for what in &fixture.generated {
        let event = fixture
            .events
            .iter()
            .find(|event| event.organizer == what.organizer && event.slug == what.event)
            .ok_or_else(|| PlatformError::NoSuch(format!("event `{}` of `{}`", what.event, what.organizer)))?;
        let taken = codes.entry(&what.organizer).or_default();
        let mut generator = Generator::new(what, event);
        loop {
            let orders: Vec<_> = std::iter::from_fn(|| generator.next(taken))
                .take(ORDERS_AT_ONCE)
                .collect();
            if orders.is_empty() {
                break;
            }
            insert_batch(tx, first_id, &orders).await?;
            first_id += orders.len() as i64;
        }
    }
    Ok(())
}

async fn insert_batch(tx: &mut Open, first_id: i64, orders: &[FixtureOrder]) -> Result<(), PlatformError> {
    within!(tx, execute: insert_of_orders(first_id, orders).build())?;
    let positions: Vec<_> = (first_id..)
        .zip(orders)
        .flat_map(|(id, order)| {
            (1i64..)
                .zip(&order.positions)
                .map(move |(number, position)| (id, number, position))
        })
        .collect();
    for positions in positions.chunks(ORDERS_AT_ONCE) {
        within!(tx, execute: insert_of_positions(positions).build())?;
    }
    Ok(())
}

fn insert_of_orders<DB>(first_id: i64, orders: &[FixtureOrder]) -> QueryBuilder<DB>
where
    DB: sqlx::Database<Arguments: Default>,
    i64: for<'t> Encode<'t, DB> + Type<DB>,
    String: for<'t> Encode<'t, DB> + Type<DB>,
{
    let mut insert = QueryBuilder::new(
        "INSERT INTO platform_orders (id, organizer, event, code, email, name, status, placed, total) ",
    );
    insert.push_values((first_id..).zip(orders), |mut row, (id, order)| {
        row.push_bind(id)
            .push_bind(&order.organizer)
            .push_bind(&order.event)
            .push_bind(&order.code)
            .push_bind(&order.email)
            .push_bind(&order.name)
            .push_bind(order.status.word().to_owned())
            .push_bind(order.placed)
            .push_bind(order.total);
    });
    insert
}

fn insert_of_positions<DB>(positions: &[(i64, i64, &FixturePosition)]) -> QueryBuilder<DB>
where
    DB: sqlx::Database<Arguments: Default>,
    i64: for<'t> Encode<'t, DB> + Type<DB>,
    Option<i64>: for<'t> Encode<'t, DB>,
    String: for<'t> Encode<'t, DB> + Type<DB>,
{
    let mut insert = QueryBuilder::new(
        "INSERT INTO platform_positions (order_id, number, product, price, attendee_name, attendee_email, checked_in) ",
    );
    insert.push_values(positions, |mut row, (order, number, position)| {
        row.push_bind(*order)
            .push_bind(*number)
            .push_bind(&position.product)
            .push_bind(position.price)
            .push_bind(&position.attendee_name)
            .push_bind(&position.attendee_email)
            .push_bind(position.checked_in);
    });
    insert
}
