//! The JSON document that the plugin stores for a schedule, in addition to the contract's typed columns.
//!
//! Every version ever written must stay readable: new members get a serde default, none is renamed.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::contract::Instant;
use crate::recurrence::{Recurrence, RecurrenceError};

/// The stored document of a schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// `export_form_data`: only the given fields, in the order given.
    #[serde(rename = "export_form_data")]
    pub form: Map<String, Value>,
    /// Keys of `form` whose values are date ranges ([`crate::named_range`]), by the exporter's fields when it was saved: a run
    /// cannot query the fields, and a text field can hold the same text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub date_ranges: Vec<String>,
    /// For each event in `form`, in that order: the number of the latest event when it was added; a single number if all are the
    /// same. A later event with the same slug is not exported. Empty if `form` lists no events.
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
    /// Recipients whose domain is stored as A-labels, as they were typed, by the stored address.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub typed_addresses: BTreeMap<String, String>,
    /// `HH:MM:SS`.
    #[serde(rename = "schedule_rrule_time")]
    pub time: String,
    /// Local day on which this rule was saved. It takes the place of DTSTART in a rule without one.
    pub anchor: NaiveDate,
    /// IANA name; `None` for the current zone of the event, or default zone of the organizer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// When a change was saved that kept a past due time as the next run; `None` if the last change kept none. Due times of this
    /// rule between that next run and this instant never existed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_at: Option<Instant>,
    /// Version of the schedule whose rule, time of day or zone the current ones replaced; `None` if they are the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_version: Option<u64>,
    /// The latest pause, while the schedule's state is `paused`; `None` if it has not been paused by this plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pause>,
}

/// What the plugin records of a pause. That the schedule is paused, and until when, is the contract's `state`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The user's words; `None` if they gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub since: Instant,
    /// Address of the user who paused it; `None` if it was a program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Due times of the pause up to this instant are in the run history.
    pub recorded: Instant,
}

impl Document {
    /// Parses a stored document.
    ///
    /// # Errors
    /// If the text is not such a document.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The text to store.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("a document has string keys only")
    }

    /// The number in [`event_numbers`](Self::event_numbers) for the event at this index; `None` if it is not recorded.
    #[must_use]
    pub fn event_number(&self, index: usize) -> Option<u64> {
        match self.event_numbers[..] {
            [one] => Some(one),
            ref numbers => numbers.get(index).copied(),
        }
    }

    /// The numbers as [`event_numbers`](Self::event_numbers) stores them.
    #[must_use]
    pub fn shortened(numbers: Vec<u64>) -> Vec<u64> {
        match numbers.first() {
            Some(first) if numbers.iter().all(|number| number == first) => vec![*first],
            _ => numbers,
        }
    }

    /// The zone of the schedule, given the one of its event or organizer.
    #[must_use]
    pub fn zone<'a>(&'a self, default_zone: &'a str) -> &'a str {
        self.timezone.as_deref().unwrap_or(default_zone)
    }

    /// Whether both have the same rule, time of day and own zone.
    #[must_use]
    pub fn is_timed_like(&self, other: &Self) -> bool {
        (&self.rule, &self.time, self.anchor, &self.timezone)
            == (&other.rule, &other.time, other.anchor, &other.timezone)
    }

    /// Whether a user has changed rule, time of day or zone since this version.
    #[must_use]
    pub fn retimed_since(&self, version: u64) -> bool {
        self.replaced_version.is_some_and(|replaced| replaced >= version)
    }

    /// The recurrence of this schedule.
    ///
    /// # Errors
    /// If it is no longer valid, for example because the time zone database does not have the zone.
    pub fn recurrence(&self, default_zone: &str) -> Result<Recurrence, Vec<RecurrenceError>> {
        Recurrence::parse(&self.rule, &self.time, self.zone(default_zone), self.anchor)
    }
}
