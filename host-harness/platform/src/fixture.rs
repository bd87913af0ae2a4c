//! A whole platform in one JSON file: what `--fixture FILE` reads, checked before anything is written.
//!
//! Every fault is found at once and names its place as a JSON pointer and what would be right.

mod check;
mod entry;

use std::fmt;

use serde_json::{Map, Value};

pub(super) use self::entry::{SLUG, is_address, is_slug};
use scheduled_exports_host::clock::Instant;

use super::directory::{Event, EventSet, Organizer};
use super::orders::Status;

/// Most orders that one entry of `orders_generated` makes.
pub const MOST_GENERATED: u64 = 1_000_000;

/// One thing wrong with a fixture file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer (RFC 6901) of what is wrong; empty: the file as a whole.
    pub place: String,
    /// What is wrong, and what would be right.
    pub words: String,
}

/// All that is wrong with a fixture file, in the order of reading.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FixtureError(pub Vec<Fault>);

impl fmt::Display for FixtureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.0.iter().enumerate() {
            let line = if i == 0 { "" } else { "\n" };
            let place = if fault.place.is_empty() {
                "the file"
            } else {
                &fault.place
            };
            write!(f, "{line}{place}: {}", fault.words)?;
        }
        Ok(())
    }
}

/// A checked fixture: every reference in it leads somewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Fixture {
    /// In the file's order.
    pub organizers: Vec<Organizer>,
    /// Of all organizers.
    pub events: Vec<Event>,
    /// For [`super::Platform::load`], which gives them the ids `u1`, `u2`, … in this order.
    pub(super) users: Vec<FixtureUser>,
    pub(super) teams: Vec<FixtureTeam>,
    pub(super) oauth_tokens: Vec<FixtureOauthToken>,
    pub(super) devices: Vec<FixtureDevice>,
    pub(super) orders: Vec<FixtureOrder>,
    pub(super) generated: Vec<GeneratedOrders>,
    /// Not loaded by the platform: schedules are made through the plugin.
    pub schedules: Vec<FixtureSchedule>,
}

/// A schedule to be made once the platform is loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct FixtureSchedule {
    /// Slug.
    pub organizer: String,
    /// None: of the organizer as a whole.
    pub event: Option<String>,
    /// Address of a user of the same file.
    pub owner: String,
    /// None: the next that is free.
    pub id: Option<u64>,
    /// None: 0. At 5 it is stopped.
    pub error_counter: Option<u32>,
    /// The writable fields of the resource, as the API takes them; their values are unchecked.
    pub document: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct FixtureUser {
    pub email: String,
    pub name: String,
    pub language: String,
    pub active: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct FixtureTeam {
    pub organizer: String,
    pub name: String,
    pub members: Vec<String>,
    pub events: EventSet,
    pub change_organizer_settings: bool,
    pub change_event_settings: bool,
    pub view_orders: bool,
    /// Each with whether it is still good.
    pub api_tokens: Vec<(String, bool)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct FixtureOauthToken {
    pub token: String,
    pub user: String,
    pub may_read: bool,
    pub may_write: bool,
    pub organizers: Vec<String>,
    pub expires: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct FixtureDevice {
    pub organizer: String,
    pub name: String,
    pub token: String,
    pub events: EventSet,
}

/// An order, given in the file or made by [`super::generated`]. Amounts are minor units of the event's currency; those of a
/// refund are negative.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FixtureOrder {
    pub organizer: String,
    pub event: String,
    pub code: String,
    pub email: String,
    pub name: String,
    pub status: Status,
    pub placed: Instant,
    pub total: i64,
    pub positions: Vec<FixturePosition>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct FixturePosition {
    pub product: String,
    pub price: i64,
    pub attendee_name: String,
    /// Empty: not known.
    pub attendee_email: String,
    pub checked_in: Option<Instant>,
}

/// Orders that are made up while loading.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GeneratedOrders {
    pub organizer: String,
    pub event: String,
    pub count: u64,
    /// Included.
    pub from: Instant,
    /// Not included.
    pub to: Instant,
    pub seed: u64,
}

impl Fixture {
    /// Reads and checks a fixture file. A byte order mark at its beginning, which some editors write, is ignored (RFC 8259, 8.1).
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn from_json(text: &str) -> Result<Self, FixtureError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let root: Value = serde_json::from_str(text).map_err(|error| {
            FixtureError(vec![Fault {
                place: String::new(),
                words: format!("not JSON: {error}"),
            }])
        })?;
        check::read(&root).map_err(FixtureError)
    }
}

#[cfg(test)]
pub(super) mod tests;
