//! A fixture goes into an empty platform: all of it, or nothing.

use std::collections::{HashMap, HashSet};

use rusqlite::params;
use scheduled_exports_store::postgres::client::Parameter;

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
        let (taken,): (bool,) = within!(&mut tx, fetch_one: "SELECT EXISTS (SELECT 1 FROM platform_organizers)")?;
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
        tx.commit().await
    }
}

async fn insert_organizer(tx: &mut Open, organizer: &Organizer) -> Result<(), PlatformError> {
    let settings = &organizer.settings;
    let most_bytes = i64::try_from(settings.max_mail_bytes).unwrap_or(i64::MAX);
    let put_in = within!(tx, execute: "INSERT INTO platform_organizers VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        &organizer.slug, &organizer.name, &organizer.timezone, &organizer.locale, organizer.enabled,
        settings.max_schedules.map(i64::from), settings.recipient_domains.as_deref().map(stored_list), most_bytes)?;
    match put_in {
        // Another process has put it in since we looked.
        0 => Err(PlatformError::NotEmpty),
        _ => Ok(()),
    }
}

/// Puts an event in, with a number and a key that no other has had.
pub(super) async fn insert_event(tx: &mut Open, event: &Event) -> Result<(), PlatformError> {
    let (number,): (i64,) = within!(tx, fetch_one:
        "UPDATE platform_numbers SET next = next + 1 WHERE name = 'event' RETURNING next - 1")?;
    let (had,): (bool,) = within!(tx, fetch_one:
        "SELECT EXISTS (SELECT 1 FROM platform_deleted_events WHERE organizer = $1 AND slug = $2)",
        &event.organizer, &event.slug)?;
    let key = match had {
        true => format!("{}~{number}", event.slug),
        false => event.slug.clone(),
    };
    within!(tx, execute: "INSERT INTO platform_events (organizer, slug, name, timezone, currency, starts, ends, number, key)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &event.organizer, &event.slug, &event.name, &event.timezone, &event.currency, event.starts, event.ends, number, &key)?;
    Ok(())
}

async fn insert_user(tx: &mut Open, id: &str, user: &FixtureUser) -> Result<(), PlatformError> {
    within!(tx, execute: "INSERT INTO platform_users VALUES ($1, $2, $3, $4, $5)",
        id, &user.email, &user.name, &user.language, user.active)?;
    Ok(())
}

async fn insert_team<'a>(
    tx: &mut Open,
    team: &FixtureTeam,
    id_of: impl Fn(&str) -> Result<&'a str, PlatformError>,
) -> Result<(), PlatformError> {
    let (id,): (i64,) = within!(tx, fetch_one: "INSERT INTO platform_teams
         (organizer, name, all_events, change_organizer_settings, change_event_settings, view_orders)
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        &team.organizer, &team.name, team.events == EventSet::All, team.change_organizer_settings,
        team.change_event_settings, team.view_orders)?;
    if let EventSet::Only(slugs) = &team.events {
        for slug in slugs {
            within!(tx, execute: "INSERT INTO platform_team_events VALUES ($1, $2, $3)", id, &team.organizer, slug)?;
        }
    }
    for email in &team.members {
        within!(tx, execute: "INSERT INTO platform_team_members VALUES ($1, $2)", id, id_of(email)?)?;
    }
    for (token, active) in &team.api_tokens {
        within!(tx, execute: "INSERT INTO platform_api_tokens (hash, team, active) VALUES ($1, $2, $3)",
            hash(token), id, *active)?;
    }
    Ok(())
}

async fn insert_oauth_token(tx: &mut Open, token: &FixtureOauthToken, user: &str) -> Result<(), PlatformError> {
    within!(tx, execute: "INSERT INTO platform_oauth_tokens (hash, user_id, may_read, may_write, organizers, expires, active)
         VALUES ($1, $2, $3, $4, $5, $6, true)",
        hash(&token.token), user, token.may_read, token.may_write, stored_list(&token.organizers), token.expires)?;
    Ok(())
}

async fn insert_device(tx: &mut Open, device: &FixtureDevice) -> Result<(), PlatformError> {
    let events = match &device.events {
        EventSet::All => None,
        EventSet::Only(slugs) => Some(stored_list(slugs)),
    };
    within!(tx, execute: "INSERT INTO platform_devices (hash, organizer, name, events, active) VALUES ($1, $2, $3, $4, true)",
        hash(&device.token), &device.organizer, &device.name, &events)?;
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
    let numbered: Vec<_> = (first_id..).zip(orders).collect();
    let positions: Vec<_> = numbered
        .iter()
        .flat_map(|(id, order)| {
            (1i64..)
                .zip(&order.positions)
                .map(move |(number, position)| (*id, number, position))
        })
        .collect();
    match tx {
        Open::Sqlite(change) => {
            // A row at a time: there is no way to a server and back to be spared.
            let (order_row, position_row) = (rows_of(ORDERS, ORDERS.1), rows_of(POSITIONS, POSITIONS.1));
            for (id, order) in &numbered {
                let status = order.status.word();
                change.execute(
                    &order_row,
                    params![
                        id,
                        order.organizer,
                        order.event,
                        order.code,
                        order.email,
                        order.name,
                        status,
                        order.placed,
                        order.total
                    ],
                )?;
            }
            for (order, number, position) in &positions {
                let FixturePosition {
                    product,
                    price,
                    attendee_name,
                    attendee_email,
                    checked_in,
                } = position;
                let row = params![order, number, product, price, attendee_name, attendee_email, checked_in];
                change.execute(&position_row, row)?;
            }
        }
        Open::Postgres(server) => {
            let words: Vec<&str> = orders.iter().map(|order| order.status.word()).collect();
            let values: Vec<&dyn Parameter> = numbered
                .iter()
                .zip(&words)
                .flat_map(|((id, order), status)| order_values(id, order, status))
                .collect();
            server.execute(&rows_of(ORDERS, values.len()), &values).await?;
            for positions in positions.chunks(ORDERS_AT_ONCE) {
                let values: Vec<&dyn Parameter> = positions.iter().flat_map(position_values).collect();
                server.execute(&rows_of(POSITIONS, values.len()), &values).await?;
            }
        }
    }
    Ok(())
}

/// A statement that puts rows in: its beginning, and the number of its columns.
type Insert = (&'static str, usize);

const ORDERS: Insert = (
    "INSERT INTO platform_orders (id, organizer, event, code, email, name, status, placed, total) ",
    9,
);
const POSITIONS: Insert = (
    "INSERT INTO platform_positions (order_id, number, product, price, attendee_name, attendee_email, checked_in) ",
    7,
);

/// The statement for so many values.
fn rows_of((insert, columns): Insert, values: usize) -> String {
    let row = |first: usize| {
        let places: Vec<String> = (first..first + columns).map(|place| format!("${place}")).collect();
        format!("({})", places.join(", "))
    };
    let rows: Vec<String> = (1..=values).step_by(columns).map(row).collect();
    format!("{insert}VALUES {}", rows.join(", "))
}

fn order_values<'o>(id: &'o i64, order: &'o FixtureOrder, status: &'o &str) -> [&'o dyn Parameter; 9] {
    [
        id,
        &order.organizer,
        &order.event,
        &order.code,
        &order.email,
        &order.name,
        status,
        &order.placed,
        &order.total,
    ]
}

fn position_values<'p>((order, number, position): &'p (i64, i64, &FixturePosition)) -> [&'p dyn Parameter; 7] {
    [
        order,
        number,
        &position.product,
        &position.price,
        &position.attendee_name,
        &position.attendee_email,
        &position.checked_in,
    ]
}
