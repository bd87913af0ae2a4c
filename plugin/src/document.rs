//! What the plugin stores about a schedule beside the contract's typed columns: one JSON document.
//!
//! Every form ever written must stay readable: new members get a serde default, none is renamed.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::contract::Instant;
use crate::recurrence::{RecurrenceError, Timetable};

/// The stored document of a schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// `export_form_data`: only what was given, in the order given.
    #[serde(rename = "export_form_data")]
    pub form: Map<String, Value>,
    /// Keys of `form` whose values are date ranges ([`crate::window`]), as the exporter's fields were when it was saved: a
    /// run can't ask for the fields, and the same text may stand in a text field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub date_ranges: Vec<String>,
    /// Of the events that `form` lists, in that order: number of the latest event there was when each was listed; one where all
    /// have the same. A later event of the same slug is not meant. Empty: it lists none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub event_numbers: Vec<u64>,
    /// BCP 47 tag.
    pub locale: String,
    #[serde(rename = "mail_subject")]
    pub subject: String,
    #[serde(rename = "mail_template")]
    pub template: String,
    /// DTSTART and RRULE as given.
    #[serde(rename = "schedule_rrule")]
    pub rule: String,
    /// Recipients whose domain is stored as `xn--`, as they were typed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub typed_addresses: BTreeMap<String, String>,
    /// `HH:MM:SS`.
    #[serde(rename = "schedule_rrule_time")]
    pub time: String,
    /// Local day on which this text of the rule was saved: what a rule without DTSTART counts from.
    pub anchor: NaiveDate,
    /// IANA name; none: the zone of the event, or the organizer's default, as it is at that moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// When a change was saved that kept a due time of before as the next run; none: the last change kept none. Due times that
    /// this rule has between that next run and this moment never were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_at: Option<Instant>,
    /// Version of the schedule whose rule, time of day or zone the present ones took the place of; none: they are the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_version: Option<u64>,
}

impl Document {
    /// Reads a stored document.
    ///
    /// # Errors
    /// Where and why the text is no such document.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The text to store.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("a document has string keys only")
    }

    /// When the event of this place in the list was listed; none: that is not known.
    #[must_use]
    pub fn event_number(&self, place: usize) -> Option<u64> {
        match self.event_numbers[..] {
            [one] => Some(one),
            ref numbers => numbers.get(place).copied(),
        }
    }

    /// [`Document::event_numbers`] as they are kept.
    #[must_use]
    pub fn shortened(numbers: Vec<u64>) -> Vec<u64> {
        match numbers.first() {
            Some(first) if numbers.iter().all(|number| number == first) => vec![*first],
            _ => numbers,
        }
    }

    /// The zone that the schedule is read in, given that of its event or organizer.
    #[must_use]
    pub fn zone<'a>(&'a self, default_zone: &'a str) -> &'a str {
        self.timezone.as_deref().unwrap_or(default_zone)
    }

    /// Whether the two have the same rule, time of day and zone of their own.
    #[must_use]
    pub fn is_timed_like(&self, other: &Self) -> bool {
        (&self.rule, &self.time, self.anchor, &self.timezone)
            == (&other.rule, &other.time, other.anchor, &other.timezone)
    }

    /// Whether a person has given the schedule another rule, time of day or zone since it was of this version.
    #[must_use]
    pub fn retimed_since(&self, version: u64) -> bool {
        self.replaced_version.is_some_and(|replaced| replaced >= version)
    }

    /// When this schedule is due.
    ///
    /// # Errors
    /// What no longer fits, e.g. a zone that this plugin's database does not have.
    pub fn timetable(&self, default_zone: &str) -> Result<Timetable, Vec<RecurrenceError>> {
        Timetable::parse(&self.rule, &self.time, self.zone(default_zone), self.anchor)
    }
}
