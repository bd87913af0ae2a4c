//! The kit on PostgreSQL, and what only a server has: it goes away and comes back, and others are on it at the same time.

mod effort;
mod faults;
mod indexes;
mod many;

use scheduled_exports_test_servers::PostgresServer;

use super::{PostgresOptions, PostgresStorage};
use crate::clock::Instant;
use crate::contract::{Content, Recipients, ScheduleState};
use crate::kit::{T0, ZONES, store_kit};
use crate::port::*;
use crate::{Row, Scope};

/// A new store in a database of its own, and its URL; none: there are no server programs, which has been said.
async fn open() -> Option<(PostgresStorage, String)> {
    let url = PostgresServer::shared()?.new_database();
    Some((connect(&url).await, url))
}

async fn connect(url: &str) -> PostgresStorage {
    PostgresStorage::connect_with(url, &few()).await.unwrap()
}

/// Few connections, and no notices: many tests share a server.
fn few() -> PostgresOptions {
    PostgresOptions {
        connections: 4,
        notify: false,
        ..PostgresOptions::default()
    }
}

store_kit!(open);

fn organizer(slug: &str) -> Scope {
    Scope {
        organizer: slug.to_owned(),
        event: None,
    }
}

fn row(id: u64, organizer_slug: &str, next_run: Instant) -> Row {
    Row {
        id,
        scope: organizer(organizer_slug),
        owner: "1".to_owned(),
        version: 1,
        content: Content {
            export_identifier: "orderlist".to_owned(),
            recipients: Recipients {
                to: Vec::new(),
                cc: Vec::new(),
                bcc: Vec::new(),
            },
            next_run: Some(next_run),
            state: ScheduleState::Active,
            error_counter: 0,
            document: "{}".to_owned(),
        },
    }
}

/// Switches `acme` on and puts in schedules 1 to `count`, all due at [`T0`].
async fn seed(store: &PostgresStorage, count: u64) {
    store.set_enabled("acme", true, "host", T0).await.unwrap();
    for id in 1..=count {
        store.seed(&row(id, "acme", T0), ZONES, T0).await.unwrap();
    }
}
