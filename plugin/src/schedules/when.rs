//! The fields that say when a schedule is due: rule, time of day, zone.

use chrono::NaiveDate;

use crate::document::Document;
use crate::host::{AccessFacts, FieldError};
use crate::message::Fault;
use crate::recurrence::{self, Part, Timetable};

use super::body::Body;
use crate::form::text;

const RULE: &str = "schedule_rrule";
const TIME: &str = "schedule_rrule_time";
const ZONE: &str = "timezone";

/// Longest rule, in characters.
pub(crate) const LONGEST_RULE: usize = 2_000;

/// When a schedule is to be due.
pub(super) struct When {
    pub(super) rule: String,
    /// `HH:MM:SS`.
    pub(super) time: String,
    /// None: the zone of the event or organizer.
    pub(super) timezone: Option<String>,
    pub(super) anchor: NaiveDate,
    pub(super) timetable: Timetable,
}

/// Takes the fields out of the body. What is left out is as in `kept`; the anchor is `stored`'s if the rule's text is.
/// None: something is wrong, and is among the body's errors.
pub(super) fn read(
    body: &mut Body,
    stored: Option<&Document>,
    kept: Option<&Document>,
    facts: &AccessFacts,
) -> Option<When> {
    let rule = body.text(RULE, kept.map(|kept| kept.rule.clone()), |rule| {
        text::within(&rule, LONGEST_RULE)?;
        Ok(rule)
    });
    let time = body.text(TIME, kept.map(|kept| kept.time.clone()), clock_time);
    let timezone = if facts.event_level {
        Some(None)
    } else {
        body.optional_text(ZONE, kept.and_then(|kept| kept.timezone.clone()))
    };
    let default_zone = facts.settings.zone.as_str();
    let zone = timezone.as_ref().map(|zone| zone.as_deref().unwrap_or(default_zone));
    let today = recurrence::local_date(
        facts.settings.now,
        zone.and_then(recurrence::zone).unwrap_or(recurrence::Zone::UTC),
    );
    let anchor = stored
        .filter(|stored| Some(&stored.rule) == rule.as_ref())
        .map_or(today, |stored| stored.anchor);
    // What is wrong already is stood in for, so that the errors of the others come out too.
    let parsed = Timetable::parse(
        rule.as_deref().unwrap_or("FREQ=DAILY"),
        time.as_deref().unwrap_or("00:00:00"),
        zone.unwrap_or("UTC"),
        anchor,
    );
    match parsed {
        Ok(timetable) => Some(When {
            rule: rule?,
            time: time?,
            timezone: timezone?,
            anchor,
            timetable,
        }),
        Err(errors) => {
            let no_zone_given = timezone == Some(None);
            for error in errors {
                let name = match error.part() {
                    Part::Rule => RULE,
                    Part::Time => TIME,
                    Part::Zone if no_zone_given => {
                        let fault = Fault::UnknownDefaultZone(default_zone.to_owned());
                        body.errors.push(fault.at(&[], body.language));
                        continue;
                    }
                    Part::Zone => ZONE,
                };
                body.errors.push(FieldError {
                    path: vec![name.to_owned()],
                    code: error.code(),
                    message: error.message(body.language),
                });
            }
            None
        }
    }
}

/// `HH:MM:SS`, also of `HH:MM`.
fn clock_time(mut text: String) -> Result<String, Fault> {
    let bytes = text.as_bytes();
    let in_form = matches!(bytes.len(), 5 | 8)
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            2 | 5 => *byte == b':',
            _ => byte.is_ascii_digit(),
        });
    let below = |at: usize, end: &str| text.get(at..at + 2).is_none_or(|digits| digits < end);
    if !(in_form && below(0, "24") && below(3, "60") && below(6, "60")) {
        return Err(Fault::NotATime(text));
    }
    if text.len() == 5 {
        text.push_str(":00");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_has_two_or_three_parts_and_is_stored_with_three() {
        for (given, want) in [
            ("06:30:00", "06:30:00"),
            ("06:30", "06:30:00"),
            ("00:00", "00:00:00"),
            ("23:59:59", "23:59:59"),
        ] {
            assert_eq!(clock_time(given.to_owned()).as_deref(), Ok(want), "{given}");
        }
        for given in [
            "",
            "6:30",
            "06:30:0",
            "06:30:",
            "24:00",
            "23:60",
            "23:59:60",
            "06:30Z",
            "06:30:00Z",
            "06:30:00.0",
            "06-30",
            " 06:30",
            "06:30 ",
            "0630",
            "06:30+01:00",
            "٠٦:٣٠",
            "aa:bb",
            "06:30:00:00",
        ] {
            assert!(clock_time(given.to_owned()).is_err(), "{given}");
        }
    }
}
