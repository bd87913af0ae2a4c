//! A stored document as lists and replanning read it: once, in one pass, borrowed from its text where that can be.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDate;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::recurrence::{RecurrenceError, Timetable};

/// What [`crate::document::Document`] holds, as far as it is shown. Reads what that reads.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Glance<'a> {
    #[serde(borrow, rename = "export_form_data")]
    pub(super) form: Entries<'a>,
    #[serde(borrow)]
    pub(super) locale: Cow<'a, str>,
    #[serde(borrow, rename = "mail_subject")]
    pub(super) subject: Cow<'a, str>,
    #[serde(borrow, rename = "mail_template")]
    pub(super) template: Cow<'a, str>,
    #[serde(borrow, rename = "schedule_rrule")]
    pub(super) rule: Cow<'a, str>,
    #[serde(borrow, rename = "schedule_rrule_time")]
    pub(super) time: Cow<'a, str>,
    anchor: NaiveDate,
    #[serde(default)]
    pub(super) timezone: Option<String>,
    /// Recipients as they were typed, by the address that is stored.
    #[serde(default)]
    pub(super) typed_addresses: BTreeMap<String, String>,
}

impl<'a> Glance<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    pub(super) fn timetable(&self, default_zone: &str) -> Result<Timetable, Vec<RecurrenceError>> {
        let zone = self.timezone.as_deref().unwrap_or(default_zone);
        Timetable::parse(&self.rule, &self.time, zone, self.anchor)
    }
}

/// The entries of a form in their order.
#[derive(Debug, Default)]
pub(super) struct Entries<'a>(pub(super) Vec<(Key<'a>, Value)>);

#[derive(Debug, serde::Deserialize)]
#[serde(transparent)]
pub(super) struct Key<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;

        impl<'de> Visitor<'de> for Form {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a form")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Form)
    }
}
