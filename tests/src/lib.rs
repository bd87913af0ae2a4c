//! What the tests share: the reference fixture, its people's credentials, and documents to start from.

use serde_json::{Value, json};

/// Components made of `tests/guests/`, by the build script.
pub mod guests {
    include!(concat!(env!("OUT_DIR"), "/guests.rs"));
}

/// The reference platform: `tests/data/README.md` says where it is from.
pub const BIGEVENTS: &str = include_str!("../data/bigevents.json");

/// Manages Big Events: settings and orders of all events.
pub const JOHN: &str = "Bearer john-oauth";
/// The same, with a token for reading only.
pub const JOHN_READING: &str = "Bearer john-oauth-readonly";
/// Box office of Sample Conf: orders, no settings.
pub const MARY: &str = "Bearer mary-oauth";
/// Web team of Big Events: settings, no orders.
pub const VERA: &str = "Bearer vera-oauth";
/// Manages Small Gigs, another organizer.
pub const SAM: &str = "Bearer sam-oauth";
/// A token of the management's team.
pub const SETTINGS_TOKEN: &str = "Token bigevents-settings-token";
/// A token of the box office's team.
pub const ORDERS_TOKEN: &str = "Token bigevents-orders-token";
/// A device of Big Events.
pub const DEVICE: &str = "Device gate-1-device";

/// Everybody above.
pub const CALLERS: [(&str, &str); 8] = [
    ("john", JOHN),
    ("john, reading", JOHN_READING),
    ("mary", MARY),
    ("vera", VERA),
    ("sam", SAM),
    ("settings token", SETTINGS_TOKEN),
    ("orders token", ORDERS_TOKEN),
    ("device", DEVICE),
];

/// Schedules of the event Sample Conf (Europe/Berlin).
pub const CONF: &str = "/api/v1/organizers/bigevents/events/sampleconf/scheduled_exports/";
/// Schedules of the event Summer Fest (America/New_York).
pub const FEST: &str = "/api/v1/organizers/bigevents/events/summerfest/scheduled_exports/";
/// Schedules of the organizer Big Events (Europe/Berlin).
pub const BIG: &str = "/api/v1/organizers/bigevents/scheduled_exports/";
/// Schedules of the organizer Small Gigs (America/New_York).
pub const SMALL: &str = "/api/v1/organizers/smallgigs/scheduled_exports/";

/// The fixture without schedules.
///
/// # Panics
/// Never: the fixture is JSON.
#[must_use]
pub fn without_schedules() -> String {
    with(|fixture| fixture["schedules"] = json!([]))
}

/// The fixture, changed.
///
/// # Panics
/// Never: the fixture is JSON.
#[must_use]
pub fn with(change: impl FnOnce(&mut Value)) -> String {
    let mut fixture: Value = serde_json::from_str(BIGEVENTS).expect("the fixture is JSON");
    change(&mut fixture);
    fixture.to_string()
}

/// A daily order list at event level: every required field, and nothing else.
#[must_use]
pub fn daily() -> Value {
    json!({
        "export_identifier": "orderlist",
        "export_form_data": {"_format": "xlsx", "date_range": "days_yesterday"},
        "mail_subject": "Orders",
        "mail_template": "Yesterday's orders.",
        "schedule_rrule": "DTSTART:20260101T000000\nRRULE:FREQ=DAILY",
        "schedule_rrule_time": "04:00:00",
    })
}

/// A document with some fields set otherwise; null takes a field away.
///
/// # Panics
/// If either is no object.
#[must_use]
pub fn but(mut document: Value, changes: Value) -> Value {
    let fields = document.as_object_mut().expect("an object");
    for (key, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            fields.remove(key);
        } else {
            fields.insert(key.clone(), value.clone());
        }
    }
    document
}
