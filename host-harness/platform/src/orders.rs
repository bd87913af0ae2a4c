//! Orders as exporters read them: row by row, never all at once, from one snapshot of the database.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use plugin::language::Language;
use plugin::recurrence::{Zone, offset_at};
use rusqlite::types::{FromSqlError, FromSqlResult, ValueRef};
use scheduled_exports_host::clock::Instant;
use scheduled_exports_store::postgres::client::{Connection, FromRow};
use tokio_postgres::types::{FromSql, Type};

use super::currency;
use super::database::{Database, Snapshot, listing};
use super::directory::stored_list;
use super::reading::found;
use super::{Event, PlatformError};
use crate::text;

const DAY: i64 = 86_400;

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    Paid,
    Pending,
    Canceled,
    Expired,
}

impl Status {
    pub(super) const ALL: [Self; 4] = [Self::Paid, Self::Pending, Self::Canceled, Self::Expired];

    /// As stored, in fixtures and in forms.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Pending => "pending",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
        }
    }

    pub(super) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    /// For people.
    pub(super) fn label(self, language: Language) -> &'static str {
        match self {
            Self::Paid => text::status_paid(language),
            Self::Pending => text::status_pending(language),
            Self::Canceled => text::status_canceled(language),
            Self::Expired => text::status_expired(language),
        }
    }
}

impl TryFrom<String> for Status {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        Self::of_word(&word).ok_or_else(|| format!("`{word}` is no status of an order"))
    }
}

/// Days of an event's own calendar, both included; none: no limit on that side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Days {
    pub first: Option<NaiveDate>,
    pub last: Option<NaiveDate>,
}

impl Days {
    pub(super) fn contain(&self, day: NaiveDate) -> bool {
        self.first.is_none_or(|first| first <= day) && self.last.is_none_or(|last| day <= last)
    }

    /// Instants of which the first is before these days begin in any zone, and the second after they end: no zone is a
    /// whole day away from UTC. What is read between them is still held against the local day, so that days which a zone
    /// begins late, twice or not at all come out right.
    fn widened(&self) -> (Instant, Instant) {
        let midnight = |day: NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
        (
            self.first.map_or(Instant::MIN, |day| midnight(day) - DAY),
            self.last.map_or(Instant::MAX, |day| midnight(day) + 2 * DAY),
        )
    }
}

/// An event and its clock.
#[derive(Clone, Debug)]
pub(super) struct LocalEvent {
    pub event: Event,
    /// Digits of its currency's minor unit.
    pub digits: u32,
    zone: Zone,
}

impl LocalEvent {
    pub(super) fn of(event: Event) -> Result<Self, String> {
        let zone = plugin::recurrence::zone(&event.timezone).ok_or_else(|| {
            format!(
                "this host does not know `{}`, the time zone of `{}`",
                event.timezone, event.slug
            )
        })?;
        // A code that was stored and is unknown here is shown as most currencies are.
        let digits = currency::digits(&event.currency).unwrap_or(2);
        Ok(Self { event, digits, zone })
    }

    /// Seconds that the event's clock is ahead of UTC at this instant.
    pub(super) fn offset(&self, at: Instant) -> i64 {
        self.local(at).and_utc().timestamp() - at
    }

    /// What the event's clock shows at this instant.
    pub(super) fn local(&self, at: Instant) -> NaiveDateTime {
        local(self.zone, at)
    }
}

/// What clocks of a zone show at an instant; beyond the years of the calendar, its nearest end.
pub(super) fn local(zone: Zone, at: Instant) -> NaiveDateTime {
    // A day inside of the ends, so that no offset leads out.
    let first = DateTime::<chrono::Utc>::MIN_UTC.timestamp() + DAY;
    let last = DateTime::<chrono::Utc>::MAX_UTC.timestamp() - DAY;
    let wall = at.clamp(first, last) + i64::from(offset_at(at, zone));
    DateTime::from_timestamp(wall, 0).map_or(NaiveDateTime::MAX, |wall| wall.naive_utc())
}

/// An order with the number of its positions.
#[derive(Debug)]
pub(super) struct OrderRow {
    pub code: String,
    pub email: String,
    pub name: String,
    pub status: Status,
    pub placed: Instant,
    pub total: i64,
    pub positions: i64,
}

/// A position with what an export shows of its order.
#[derive(Debug)]
pub(super) struct PositionRow {
    pub code: String,
    pub email: String,
    pub status: Status,
    pub placed: Instant,
    pub number: i64,
    pub product: String,
    pub price: i64,
    pub attendee_name: String,
    pub attendee_email: String,
    pub checked_in: Option<Instant>,
}

/// An address on an order, or on one of its positions.
#[derive(Debug)]
pub(super) struct AddressRow {
    pub address: String,
    /// Slug of the event.
    pub event: String,
    pub placed: Instant,
}

found!(OrderRow {
    code,
    email,
    name,
    status,
    placed,
    total,
    positions
});
found!(PositionRow {
    code,
    email,
    status,
    placed,
    number,
    product,
    price,
    attendee_name,
    attendee_email,
    checked_in
});
found!(AddressRow { address, event, placed });

impl rusqlite::types::FromSql for Status {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let word = String::column_result(value)?;
        Self::try_from(word).map_err(|words| FromSqlError::Other(words.into()))
    }
}

impl<'r> FromSql<'r> for Status {
    fn from_sql(ty: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        let word = String::from_sql(ty, raw)?;
        Ok(Self::try_from(word)?)
    }

    fn accepts(ty: &Type) -> bool {
        <String as FromSql>::accepts(ty)
    }
}

/// Parameters are $1 slugs as a list, $2 organizer, $3 and $4 the first and last instant, $5 paid only, $6 attendees.
const ADDRESSES: (&str, &str) = listing!(
    "WITH chosen AS (
        SELECT o.id, o.email, o.placed, o.event FROM platform_orders o
        WHERE o.organizer = $2 AND o.event IN ",
    " AND o.placed >= $3 AND o.placed < $4
          AND (o.status = 'paid' OR NOT $5))
     SELECT address, event, placed FROM (
        SELECT email AS address, event, placed FROM chosen
        UNION ALL
        SELECT p.attendee_email, c.event, c.placed
        FROM chosen c CROSS JOIN platform_positions p
        WHERE p.order_id = c.id AND $6 AND p.attendee_email <> '') AS found
     ORDER BY lower(address), placed, event, address"
);

/// Reads orders. Everything that one reader answers is of the same moment.
pub(super) struct Orders {
    snapshot: Snapshot,
    /// [`ADDRESSES`], in the words of this database.
    addresses: &'static str,
}

/// Rows as they come, whichever database it is: `stream!(orders, "…", parameter, …)`.
macro_rules! stream {
    ($orders:expr, $sql:expr $(, $parameter:expr)* $(,)?) => {
        match &mut $orders.snapshot {
            Snapshot::Sqlite(snapshot) => snapshot.stream($sql, &[$(&$parameter as &dyn rusqlite::ToSql),*]),
            Snapshot::Postgres(snapshot) => stream!(on snapshot, $sql $(, $parameter)*),
            Snapshot::Alone(connection) => stream!(on connection, $sql $(, $parameter)*),
        }
    };
    (on $connection:expr, $sql:expr $(, $parameter:expr)*) => {{
        let connection: &Connection = $connection;
        stream::once(async move { connection.stream($sql, &[$(&$parameter),*]).await })
            .try_flatten()
            .map(|row| Ok(FromRow::from_row(row?)?))
            .boxed()
    }};
}

impl Orders {
    /// For exports of so many events, of which each is read by one statement.
    pub(super) async fn of(database: &Database, events: usize) -> Result<Self, PlatformError> {
        Ok(Self {
            snapshot: database.snapshot(events <= 1).await?,
            addresses: database.pick(ADDRESSES),
        })
    }

    /// Orders of an event placed at or near these days, the earliest first.
    pub(super) fn orders<'a>(
        &'a mut self,
        event: &'a Event,
        days: &Days,
        paid_only: bool,
    ) -> BoxStream<'a, Result<OrderRow, PlatformError>> {
        let (from, to) = days.widened();
        stream!(
            self,
            "SELECT o.code, o.email, o.name, o.status, o.placed, o.total,
                    (SELECT count(*) FROM platform_positions p WHERE p.order_id = o.id) AS positions
             FROM platform_orders o
             WHERE o.organizer = $1 AND o.event = $2 AND o.placed >= $3 AND o.placed < $4
               AND (o.status = 'paid' OR NOT $5)
             ORDER BY o.placed, o.id",
            &event.organizer,
            &event.slug,
            from,
            to,
            paid_only,
        )
    }

    /// Positions of orders of an event placed at or near these days, the earliest order first.
    pub(super) fn positions<'a>(
        &'a mut self,
        event: &'a Event,
        days: &Days,
        paid_only: bool,
    ) -> BoxStream<'a, Result<PositionRow, PlatformError>> {
        let (from, to) = days.widened();
        stream!(
            self,
            "SELECT o.code, o.email, o.status, o.placed,
                    p.number, p.product, p.price, p.attendee_name, p.attendee_email, p.checked_in
             FROM platform_orders o CROSS JOIN platform_positions p
             WHERE p.order_id = o.id AND o.organizer = $1 AND o.event = $2 AND o.placed >= $3 AND o.placed < $4
               AND (o.status = 'paid' OR NOT $5)
             ORDER BY o.placed, o.id, p.number",
            &event.organizer,
            &event.slug,
            from,
            to,
            paid_only,
        )
    }

    /// Positions of an event that may be let in: those of orders that are paid, or without `paid_only` pending; by name.
    pub(super) fn admissions<'a>(
        &'a mut self,
        event: &'a Event,
        paid_only: bool,
    ) -> BoxStream<'a, Result<PositionRow, PlatformError>> {
        stream!(
            self,
            "SELECT o.code, o.email, o.status, o.placed,
                    p.number, p.product, p.price, p.attendee_name, p.attendee_email, p.checked_in
             FROM platform_orders o CROSS JOIN platform_positions p
             WHERE p.order_id = o.id AND o.organizer = $1 AND o.event = $2
               AND (o.status = 'paid' OR (o.status = 'pending' AND NOT $3))
             ORDER BY lower(p.attendee_name), o.code, p.number",
            &event.organizer,
            &event.slug,
            paid_only,
        )
    }

    /// Addresses on orders of these events placed at or near these days, with `attendees` those on positions too. The same
    /// address in whatever case of ASCII comes in one piece.
    pub(super) fn addresses<'a>(
        &'a mut self,
        events: &[LocalEvent],
        days: &Days,
        paid_only: bool,
        attendees: bool,
    ) -> BoxStream<'a, Result<AddressRow, PlatformError>> {
        let (from, to) = days.widened();
        let organizer = events.first().map(|one| one.event.organizer.clone());
        let slugs: Vec<String> = events.iter().map(|one| one.event.slug.clone()).collect();
        let (addresses, slugs) = (self.addresses, stored_list(&slugs));
        stream!(self, addresses, slugs, organizer, from, to, paid_only, attendees)
    }
}

#[cfg(test)]
mod tests {
    use plugin::recurrence::zone;

    use super::*;
    fn at(text: &str) -> Instant {
        text.parse::<chrono::DateTime<chrono::Utc>>().expect(text).timestamp()
    }

    #[test]
    fn orders_are_dated_by_the_zones_of_the_component() {
        for (name, want) in [
            ("America/Vancouver", "2026-12-01 09:30:00"),
            ("Africa/Casablanca", "2026-12-01 16:30:00"),
            ("Asia/Kathmandu", "2026-12-01 22:15:00"),
            ("UTC", "2026-12-01 16:30:00"),
        ] {
            let shown = local(zone(name).expect(name), at("2026-12-01T16:30:00Z"));
            assert_eq!(shown.to_string(), want, "{name}");
        }
        let berlin = zone("Europe/Berlin").expect("a zone");
        for (year, month, hour) in [(2100, 7, 14), (9998, 7, 14), (2100, 1, 13)] {
            let noon = at(&format!("{year}-0{month}-15T12:00:00Z"));
            assert_eq!(
                local(berlin, noon).to_string(),
                format!("{year}-0{month}-15 {hour}:00:00")
            );
        }
        let _ends_of_time = [Instant::MIN, Instant::MAX].map(|at| local(berlin, at));
    }
}
