//! What a host has to set up for the checks: three organizers with their people, and nothing else.

use serde_json::{Value, json};

/// Address of a user of the world.
#[must_use]
pub fn address(user: &str) -> String {
    match user {
        "ben" => "ben@example.org".into(),
        other => format!("{other}@example.com"),
    }
}

/// Largest mail of the organizer `narrow`, in bytes as sent.
pub const NARROW_MAIL: u64 = 20_000;
/// Most schedules of the organizer `narrow`.
pub const NARROW_QUOTA: u32 = 2;

/// Organizers and events by slug; users; callers, by the name that steps call them.
///
/// A right is about one organizer, and all of its events (`events` is null) or those named: with `settings` its holder may change
/// settings there and so sees all schedules, with `export` they may export orders. A right to all events includes events to come,
/// one to named events does not, though they may be all that there are.
#[must_use]
pub fn world() -> Value {
    let all = |organizer: &str, settings: bool, export: bool| json!({"organizer": organizer, "events": null, "settings": settings, "export": export});
    let user =
        |name: &str, rights: Value| json!({"name": name, "email": address(name), "language": "en", "rights": rights});
    json!({
        "organizers": [
            {"slug": "north", "zone": "Europe/Berlin", "quota": null, "recipient-domains": null, "mail-bytes": 20_000_000},
            {"slug": "south", "zone": "America/New_York", "quota": null, "recipient-domains": null, "mail-bytes": 20_000_000},
            {"slug": "narrow", "zone": "Europe/Berlin", "quota": NARROW_QUOTA, "recipient-domains": ["example.com"],
             "mail-bytes": NARROW_MAIL},
        ],
        "events": [
            {"organizer": "north", "slug": "spring", "zone": "Europe/Berlin"},
            {"organizer": "north", "slug": "autumn", "zone": "America/New_York"},
            {"organizer": "south", "slug": "winter", "zone": "America/New_York"},
            {"organizer": "narrow", "slug": "small", "zone": "Europe/Berlin"},
        ],
        "users": [
            user("ada", json!([all("north", true, true)])),
            user("ben", json!([{"organizer": "north", "events": ["spring"], "settings": false, "export": true}])),
            user("cleo", json!([all("north", true, false)])),
            user("dan", json!([all("south", true, true)])),
            user("eve", json!([all("narrow", true, true)])),
            // Each event of today, but none that is added.
            user("fay", json!([{"organizer": "north", "events": ["autumn", "spring"], "settings": false, "export": true}])),
        ],
        "callers": [
            {"name": "ada", "user": "ada", "may-write": true},
            {"name": "ada-reading", "user": "ada", "may-write": false},
            {"name": "ben", "user": "ben", "may-write": true},
            {"name": "cleo", "user": "cleo", "may-write": true},
            {"name": "dan", "user": "dan", "may-write": true},
            {"name": "eve", "user": "eve", "may-write": true},
            {"name": "fay", "user": "fay", "may-write": true},
            {"name": "token", "token": all("north", true, true), "may-write": true},
            {"name": "gate", "device": {"organizer": "north", "events": null}, "may-write": true},
        ],
    })
}
