//! A recurrence rule for people: as the picks of a form, and in words.
//!
//! [`describe`] answers with both for any rule that the plugin accepts; [`Picks::rule`] goes back from picks to a rule. The names
//! of JSON members are those of the document that clients write.

mod picks;
mod reading;
mod words;

use chrono::NaiveDate;
use serde_json::{Value, json};

use crate::language::Language;
use crate::recurrence::{self, RecurrenceError};

pub use self::picks::{End, Picks, Repeat};

/// A rule and a time of day, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The rule as it was given.
    pub rule: String,
    /// The time of day as it was given, `HH:MM:SS`.
    pub time: String,
    /// What a form shows as picked; `None` if the rule is one that no form offers.
    pub picks: Option<Picks>,
    /// The rule in words, in lower case and without a full stop.
    pub words: String,
}

impl Description {
    /// The JSON of this description. `custom` is true, and `picks` is null, if no form offers the rule; [`Picks::json`] shows the
    /// shape of `picks`.
    ///
    /// ```json
    /// {
    ///   "schedule_rrule": "DTSTART:20261204T000000\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=FR",
    ///   "schedule_rrule_time": "04:00:00",
    ///   "custom": false,
    ///   "picks": {"repeat": "weekly", "every": 2, "weekdays": ["FR"], "start": "2026-12-04", "until": null, "count": null},
    ///   "words": "every 2 weeks on Friday at 04:00, from 4 December 2026"
    /// }
    /// ```
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "schedule_rrule": self.rule,
            "schedule_rrule_time": self.time,
            "custom": self.picks.is_none(),
            "picks": self.picks.as_ref().map(Picks::json),
            "words": self.words,
        })
    }
}

/// Describes a rule (`DTSTART` and `RRULE`) at a time of day (`HH:MM:SS`).
///
/// `anchor` is the day that a rule without `DTSTART` counts from, and `today` the local date: the words leave out a start that
/// has passed and changes no later run. Every other part of the rule is in them. So rules with the same words on the same day
/// have the same runs from then on in the same time zone.
///
/// # Errors
///
/// At most one error each for the rule and the time of day.
///
/// ```
/// use chrono::NaiveDate;
/// use plugin::language::Language;
/// use plugin::rule::describe;
///
/// let today = NaiveDate::from_ymd_opt(2026, 12, 1).unwrap();
/// let rule = "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1";
/// let described = describe(rule, "06:00:00", today, today, Language::English).unwrap();
/// assert_eq!(described.words, "on the last working day of each month at 06:00");
/// assert_eq!(described.picks.unwrap().rule(today), rule);
/// ```
pub fn describe(
    rule: &str,
    time: &str,
    anchor: NaiveDate,
    today: NaiveDate,
    language: Language,
) -> Result<Description, Vec<RecurrenceError>> {
    match (recurrence::normal(rule, anchor), recurrence::time_of_day(time)) {
        (Ok(normal), Ok(time_of_day)) => Ok(Description {
            rule: rule.to_owned(),
            time: time.to_owned(),
            picks: Picks::of(&normal),
            words: words::of(&normal, time_of_day, today, language),
        }),
        (rule, time) => Err([rule.err(), time.err()].into_iter().flatten().collect()),
    }
}

/// The words of [`describe`] alone; `None` if rule or time of day is invalid.
pub(crate) fn in_words(
    rule: &str,
    time: &str,
    anchor: NaiveDate,
    today: NaiveDate,
    language: Language,
) -> Option<String> {
    let (normal, time) = (
        recurrence::normal(rule, anchor).ok()?,
        recurrence::time_of_day(time).ok()?,
    );
    Some(words::of(&normal, time, today, language))
}

/// The normal form of a rule's text: two texts have the same one if they differ only in how they say the same thing. Its dates
/// are those of the rule, counted from the same anchor.
///
/// # Errors
///
/// The first thing wrong with the rule.
///
/// ```
/// use chrono::NaiveDate;
/// use plugin::rule::normal_form;
///
/// let anchor = NaiveDate::from_ymd_opt(2026, 5, 6).unwrap(); // a Wednesday
/// let normal = normal_form("freq=weekly;interval=02;wkst=mo", anchor).unwrap();
/// assert_eq!(normal, "DTSTART:20260506T000000\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=WE");
/// ```
pub fn normal_form(rule: &str, anchor: NaiveDate) -> Result<String, RecurrenceError> {
    recurrence::normal(rule, anchor).map(|normal| normal.text())
}
