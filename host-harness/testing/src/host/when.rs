//! Instants as tests write them.

use chrono::{DateTime, FixedOffset, NaiveDateTime};
use plugin::recurrence::{self, ClockNote, Zone};

use scheduled_exports_host::clock::Instant;

/// An instant as tests write it: RFC 3339, with or without seconds, and where the place counts with its zone behind it, as in
/// RFC 9557. With a zone the offset has to be that of the place then; without an offset the zone decides.
///
/// ```
/// use scheduled_exports_testing::at;
///
/// let instant = at("2026-10-25T03:00:00Z");
/// assert_eq!(at("2026-10-25T04:00+01:00[Europe/Berlin]"), instant);
/// assert_eq!(at("2026-10-25T04:00[Europe/Berlin]"), instant);
/// ```
///
/// # Panics
/// If it is none: no such text, an offset that the zone does not have then, or a local time that is twice there or not at all.
#[must_use]
pub fn at(text: &str) -> Instant {
    read(text).unwrap_or_else(|reason| panic!("{text}: {reason}"))
}

fn read(text: &str) -> Result<Instant, String> {
    let (stamp, zone) = match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
        Some((stamp, name)) => {
            let zone = recurrence::zone(name).ok_or_else(|| format!("no zone is called {name}"))?;
            (stamp, Some((zone, name)))
        }
        None => (text, None),
    };
    // Behind the date, which has hyphens of its own.
    let day = stamp.find('T').ok_or("there is no T between day and time")?;
    let end = stamp[day..].find(['Z', '+', '-']).map_or(stamp.len(), |at| day + at);
    let (local, offset) = stamp.split_at(end);
    let local = NaiveDateTime::parse_from_str(local, "%Y-%m-%dT%H:%M:%S%.f")
        .or_else(|_| NaiveDateTime::parse_from_str(local, "%Y-%m-%dT%H:%M"))
        .map_err(|reason| reason.to_string())?;
    let zone = match (offset, zone) {
        ("", None) => return Err("it has neither offset nor zone".into()),
        ("", Some((zone, name))) => return of_clock(local, zone, name),
        // Of UTC it is told, not of the place: any zone goes with it.
        ("Z", _) => return Ok(local.and_utc().timestamp()),
        (_, zone) => zone,
    };
    let offset: FixedOffset = offset.parse().map_err(|_| format!("{offset} is no offset"))?;
    let at = local
        .and_local_timezone(offset)
        .single()
        .ok_or("no calendar has this")?;
    if let Some((zone, name)) = zone {
        let there = offset_at(at.timestamp(), zone);
        if there != offset {
            return Err(format!("{name} is at {there} then"));
        }
    }
    Ok(at.timestamp())
}

/// The instant at which the clock of a zone shows this, if there is one such instant.
fn of_clock(local: NaiveDateTime, zone: Zone, name: &str) -> Result<Instant, String> {
    let (at, _, note) = recurrence::instant_of(local.date(), local.time(), zone);
    match note {
        ClockNote::Plain => Ok(at),
        ClockNote::SkippedHour => Err(format!("clocks in {name} are put forward over this")),
        ClockNote::RepeatedHour => {
            // No clock changes twice within two days.
            let (first, second) = (offset_at(at, zone), offset_at(at + 86_400, zone));
            let shown = |offset: FixedOffset| {
                let at = local.and_utc().timestamp() - i64::from(offset.local_minus_utc());
                DateTime::from_timestamp(at, 0).map(|at| at.with_timezone(&offset).to_rfc3339())
            };
            Err(format!(
                "this is twice there, say which: {} or {}",
                shown(first).unwrap_or_default(),
                shown(second).unwrap_or_default()
            ))
        }
    }
}

fn offset_at(at: Instant, zone: Zone) -> FixedOffset {
    FixedOffset::east_opt(recurrence::offset_at(at, zone)).expect("offsets are less than a day")
}

#[cfg(test)]
mod tests {
    use super::read;

    fn refusal(text: &str) -> String {
        read(text).expect_err(text)
    }

    #[test]
    fn the_zone_decides_where_there_is_no_offset() {
        assert_eq!(read("2026-10-25T04:00[Europe/Berlin]"), read("2026-10-25T03:00:00Z"));
        assert_eq!(
            read("2026-07-01T12:00:30[America/New_York]"),
            read("2026-07-01T16:00:30Z")
        );
        assert_eq!(read("2026-10-25T03:00Z[Europe/Berlin]"), read("2026-10-25T03:00:00Z"));
    }

    #[test]
    fn an_offset_says_which_of_two_hours_is_meant_and_has_to_be_that_of_the_zone() {
        assert_eq!(
            read("2026-10-25T02:30+02:00[Europe/Berlin]"),
            read("2026-10-25T00:30:00Z")
        );
        assert_eq!(
            read("2026-10-25T02:30+01:00[Europe/Berlin]"),
            read("2026-10-25T01:30:00Z")
        );
        let wrong = refusal("2026-10-25T04:00+02:00[Europe/Berlin]");
        assert_eq!(wrong, "Europe/Berlin is at +01:00 then");
    }

    #[test]
    fn what_is_no_instant_is_refused_in_words() {
        assert!(
            refusal("2026-10-25T02:30[Europe/Berlin]")
                .starts_with("this is twice there, say which: 2026-10-25T02:30:00+02:00")
        );
        assert!(refusal("2026-03-29T02:30[Europe/Berlin]").contains("put forward over this"));
        assert_eq!(refusal("2026-10-25T04:00"), "it has neither offset nor zone");
        assert_eq!(
            refusal("2026-10-25T04:00[Europe/Bonn]"),
            "no zone is called Europe/Bonn"
        );
        assert_eq!(refusal("2026-10-25 04:00Z"), "there is no T between day and time");
    }
}
