//! A stored document for lists and replanning: parsed in one pass, and borrowed from its text where possible.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDate;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::document::Pause;
use crate::recurrence::{Recurrence, RecurrenceError};

/// The members of a [`crate::document::Document`] that are shown. Parses the same documents.
#[derive(Debug, serde::Deserialize)]
pub(super) struct DocumentView<'a> {
    #[serde(borrow, rename = "export_form_data")]
    pub(super) form: FormEntries<'a>,
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
    /// Recipients as they were typed, by the stored address.
    #[serde(default)]
    pub(super) typed_addresses: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) paused: Option<Pause>,
}

impl<'a> DocumentView<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    pub(super) fn recurrence(&self, default_zone: &str) -> Result<Recurrence, Vec<RecurrenceError>> {
        let zone = self.timezone.as_deref().unwrap_or(default_zone);
        Recurrence::parse(&self.rule, &self.time, zone, self.anchor)
    }
}

/// The entries of a form, in order.
#[derive(Debug, Default)]
pub(super) struct FormEntries<'a>(pub(super) Vec<(FieldName<'a>, Value)>);

#[derive(Debug, serde::Deserialize)]
#[serde(transparent)]
pub(super) struct FieldName<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for FormEntries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;

        impl<'de> Visitor<'de> for Form {
            type Value = FormEntries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a form")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FormEntries<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(FormEntries(entries))
            }
        }

        deserializer.deserialize_map(Form)
    }
}
