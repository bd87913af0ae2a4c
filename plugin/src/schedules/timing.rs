//! The fields that determine when a schedule is due: rule, time of day, zone.

use chrono::NaiveDate;

use crate::contract::{AccessContext, FieldError};
use crate::document::Document;
use crate::message::ValidationError;
use crate::recurrence::{self, Recurrence, RecurrenceField};

use super::request_body::RequestBody;
use crate::form::text;

pub(super) const RULE: &str = "schedule_rrule";
const TIME: &str = "schedule_rrule_time";
pub(super) const ZONE: &str = "timezone";

/// Maximum length of a rule, in characters.
pub(crate) const MAX_RULE_LEN: usize = 2_000;

/// The valid timing of a schedule.
pub(super) struct Timing {
    pub(super) rule: String,
    /// `HH:MM:SS`.
    pub(super) time: String,
    /// `None` for the zone of the event or organizer.
    pub(super) timezone: Option<String>,
    pub(super) anchor: NaiveDate,
    pub(super) recurrence: Recurrence,
}

/// Takes the fields out of the request body. Omitted ones are as in `kept`; the anchor is the one of `stored` if the rule is unchanged.
///
/// `None` if there is an error; it has been added to the errors of the body.
pub(super) fn read(
    body: &mut RequestBody,
    stored: Option<&Document>,
    kept: Option<&Document>,
    facts: &AccessContext,
) -> Option<Timing> {
    let rule = body.text(RULE, kept.map(|kept| kept.rule.clone()), |rule| {
        text::within(&rule, MAX_RULE_LEN)?;
        Ok(rule)
    });
    let time = body.text(TIME, kept.map(|kept| kept.time.clone()), time_of_day);
    let timezone = if facts.event_level {
        Some(None)
    } else {
        body.optional_text(ZONE, kept.and_then(|kept| kept.timezone.clone()))
    };
    let default_zone = facts.settings.zone.as_str();
    let zone = timezone.as_ref().map(|zone| zone.as_deref().unwrap_or(default_zone));
    let today = today(zone.unwrap_or("UTC"), facts);
    let anchor = stored
        .filter(|stored| Some(&stored.rule) == rule.as_ref())
        .map_or(today, |stored| stored.anchor);
    // Valid values replace the invalid ones, so that the errors of the others are found too.
    let parsed = Recurrence::parse(
        rule.as_deref().unwrap_or("FREQ=DAILY"),
        time.as_deref().unwrap_or("00:00:00"),
        zone.unwrap_or("UTC"),
        anchor,
    );
    match parsed {
        Ok(recurrence) => Some(Timing {
            rule: rule?,
            time: time?,
            timezone: timezone?,
            anchor,
            recurrence,
        }),
        Err(errors) => {
            let no_zone_given = timezone == Some(None);
            for error in errors {
                let name = match error.field() {
                    RecurrenceField::Rule => RULE,
                    RecurrenceField::Time => TIME,
                    RecurrenceField::Zone if no_zone_given => {
                        let error = ValidationError::UnknownDefaultZone(default_zone.to_owned());
                        body.errors.push(error.at(&[], body.language));
                        continue;
                    }
                    RecurrenceField::Zone => ZONE,
                };
                body.errors.push(FieldError {
                    params: vec![("given".to_owned(), error.given().to_owned())],
                    path: vec![name.to_owned()],
                    code: error.code().to_owned(),
                    message: error.message(body.language),
                });
            }
            None
        }
    }
}

/// The local date in a zone; in UTC if there is no such zone, which is an error of its own.
pub(super) fn today(zone: &str, facts: &AccessContext) -> NaiveDate {
    let zone = recurrence::zone(zone).unwrap_or(recurrence::Zone::UTC);
    recurrence::local_date(facts.settings.now, zone)
}

/// Validates `HH:MM:SS` or `HH:MM` and returns `HH:MM:SS`.
fn time_of_day(mut text: String) -> Result<String, ValidationError> {
    let bytes = text.as_bytes();
    let has_syntax = matches!(bytes.len(), 5 | 8)
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            2 | 5 => *byte == b':',
            _ => byte.is_ascii_digit(),
        });
    let below = |at: usize, end: &str| text.get(at..at + 2).is_none_or(|digits| digits < end);
    if !(has_syntax && below(0, "24") && below(3, "60") && below(6, "60")) {
        return Err(ValidationError::InvalidTime(text));
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
            assert_eq!(time_of_day(given.to_owned()).as_deref(), Ok(want), "{given}");
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
            assert!(time_of_day(given.to_owned()).is_err(), "{given}");
        }
    }
}
