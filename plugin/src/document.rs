//! What the plugin stores about a schedule beside the contract's typed columns: one JSON document.
//!
//! Every form ever written must stay readable: new members get a serde default, none is renamed.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
    /// BCP 47 tag.
    pub locale: String,
    #[serde(rename = "mail_subject")]
    pub subject: String,
    #[serde(rename = "mail_template")]
    pub template: String,
    /// DTSTART and RRULE as given.
    #[serde(rename = "schedule_rrule")]
    pub rule: String,
    /// `HH:MM:SS`.
    #[serde(rename = "schedule_rrule_time")]
    pub time: String,
    /// Local day on which this text of the rule was saved: what a rule without DTSTART counts from.
    pub anchor: NaiveDate,
    /// IANA name; none: the zone of the event, or the organizer's default, as it is at that moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
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

    /// The zone that the schedule is read in, given that of its event or organizer.
    #[must_use]
    pub fn zone<'a>(&'a self, default_zone: &'a str) -> &'a str {
        self.timezone.as_deref().unwrap_or(default_zone)
    }

    /// When this schedule is due.
    ///
    /// # Errors
    /// What no longer fits, e.g. a zone that this plugin's database does not have.
    pub fn timetable(&self, default_zone: &str) -> Result<Timetable, Vec<RecurrenceError>> {
        Timetable::parse(&self.rule, &self.time, self.zone(default_zone), self.anchor)
    }
}
