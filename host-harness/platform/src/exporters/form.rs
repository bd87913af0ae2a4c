//! What a form says, read by an exporter's own fields.

use chrono::NaiveDate;
use plugin::language::Language;
use scheduled_exports_host::contract::exporters::{Choice, Field, FieldKind};
use serde_json::{Map, Value};

use super::Stop;
use crate::orders::{Days, Status};
use crate::text;

/// A form, and the fields that say what its values may be. Keys without a field are ignored.
pub(super) struct Form<'a> {
    values: &'a Map<String, Value>,
    fields: &'a [Field],
    language: Language,
}

impl<'a> Form<'a> {
    /// Fails with words for people.
    pub(super) fn new(form: &'a Value, fields: &'a [Field], language: Language) -> Result<Self, String> {
        let values = form
            .as_object()
            .ok_or_else(|| text::form_not_an_object(language).to_owned())?;
        Ok(Self {
            values,
            fields,
            language,
        })
    }

    /// The value of a field, or else its default.
    fn value(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.values.get(name) {
            return Some(value.clone());
        }
        let default = self.field(name)?.default.as_ref()?;
        serde_json::from_str(default).ok()
    }

    fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Values that a field of a choice offers.
    fn offered(&self, name: &str) -> Vec<String> {
        match self.field(name).map(|field| &field.kind) {
            Some(FieldKind::Choice(choices) | FieldKind::MultipleChoice(choices)) => {
                // All of this platform's choices are strings.
                choices
                    .iter()
                    .filter_map(|choice| serde_json::from_str(&choice.value).ok())
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn unfit(&self, name: &str, why: &str) -> Stop {
        let label = self.field(name).map_or(name, |field| &field.label);
        Stop::Unfit(text::form_field(self.language, name, label, why))
    }

    fn none_of(&self, name: &str) -> Stop {
        let offered = self.offered(name).join(", ");
        self.unfit(name, &text::form_choice(self.language, &offered))
    }

    pub(super) fn choice(&self, name: &str) -> Result<String, Stop> {
        match self.value(name) {
            Some(Value::String(value)) if self.offered(name).contains(&value) => Ok(value),
            _ => Err(self.none_of(name)),
        }
    }

    /// The values chosen; without any, all that are offered.
    pub(super) fn choices(&self, name: &str) -> Result<Vec<String>, Stop> {
        let offered = self.offered(name);
        let chosen = match self.value(name) {
            None => Vec::new(),
            Some(Value::Array(values)) => values,
            Some(_) => return Err(self.none_of(name)),
        };
        if chosen.is_empty() {
            return Ok(offered);
        }
        chosen
            .iter()
            .map(|value| {
                let value = value
                    .as_str()
                    .map(str::to_owned)
                    .filter(|value| offered.contains(value));
                value.ok_or_else(|| self.none_of(name))
            })
            .collect()
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, Stop> {
        match self.value(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(self.unfit(name, text::form_flag(self.language))),
        }
    }

    /// The days of a range; absent: all.
    pub(super) fn days(&self, name: &str) -> Result<Days, Stop> {
        let Some(value) = self.value(name) else {
            return Ok(Days::default());
        };
        let days = value.as_str().and_then(range);
        days.ok_or_else(|| self.unfit(name, text::form_range(self.language)))
    }

    /// The number up to which the event of this place in the list is meant; none: whatever number it has.
    pub(super) fn event_number(&self, place: usize) -> Option<i64> {
        let numbers = self.values.get("event_numbers")?.as_array()?;
        let number = match numbers.as_slice() {
            [one] => Some(one),
            numbers => numbers.get(place),
        };
        // A list that does not say it means no event.
        Some(number.and_then(Value::as_i64).unwrap_or(0))
    }

    /// Slugs that an organizer-level form names; none: all events.
    pub(super) fn listed_events(&self) -> Result<Option<Vec<String>>, String> {
        let unfit = |name: &str, why: &str| text::form_events(self.language, name, why);
        match self.values.get("all_events") {
            None | Some(Value::Bool(false)) => {}
            Some(Value::Bool(true)) => return Ok(None),
            Some(_) => return Err(unfit("all_events", text::form_flag(self.language))),
        }
        let Some(listed) = self.values.get("events") else {
            return Ok(None);
        };
        let slugs: Option<Vec<String>> = listed
            .as_array()
            .and_then(|list| list.iter().map(|slug| slug.as_str().map(str::to_owned)).collect());
        match slugs {
            Some(slugs) if !slugs.is_empty() => Ok(Some(slugs)),
            _ => Err(unfit("events", text::form_event_list(self.language))),
        }
    }
}

/// Days of `YYYY-MM-DD/YYYY-MM-DD`, either side left empty at will.
fn range(text: &str) -> Option<Days> {
    let (first, last) = text.split_once('/')?;
    let days = Days {
        first: side(first)?,
        last: side(last)?,
    };
    let ordered = days.first.zip(days.last).is_none_or(|(first, last)| first <= last);
    ordered.then_some(days)
}

/// Some(None): left empty.
fn side(text: &str) -> Option<Option<NaiveDate>> {
    if text.is_empty() {
        return Some(None);
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    // The parser takes `2026-1-5` and `+2026-01-05` too.
    (day.format("%Y-%m-%d").to_string() == text).then_some(Some(day))
}

fn field(name: &str, label: &str, kind: FieldKind, default: Option<&str>) -> Field {
    Field {
        help: None,
        suggestion: None,
        name: name.to_owned(),
        label: label.to_owned(),
        kind,
        required: false,
        default: default.map(str::to_owned),
    }
}

fn choice(value: &str, label: &str) -> Choice {
    Choice {
        value: serde_json::Value::from(value).to_string(),
        label: label.to_owned(),
    }
}

/// `_format` of exporters that make tables.
pub(super) fn table_format(language: Language) -> Field {
    let choices = vec![
        choice("xlsx", "Excel (.xlsx)"),
        choice("default", text::format_csv_commas(language)),
        choice("excel", text::format_csv_excel(language)),
        choice("semicolon", text::format_csv_semicolons(language)),
    ];
    let label = text::format(language);
    field("_format", label, FieldKind::Choice(choices), Some("\"xlsx\""))
}

/// `_format` of exporters that make one column.
pub(super) fn column_format(language: Language) -> Field {
    let choices = vec![choice("csv", "CSV"), choice("txt", text::format_text(language))];
    let label = text::format(language);
    field("_format", label, FieldKind::Choice(choices), Some("\"csv\""))
}

pub(super) fn date_range(language: Language) -> Field {
    let label = text::field_order_date(language);
    field("date_range", label, FieldKind::DateRange, None)
}

pub(super) fn paid_only(language: Language) -> Field {
    let label = text::field_paid_only(language);
    field("paid_only", label, FieldKind::Boolean, Some("false"))
}

pub(super) fn attendees(language: Language) -> Field {
    let label = text::field_attendees(language);
    field("attendees", label, FieldKind::Boolean, Some("false"))
}

/// Which statuses; none chosen: all.
pub(super) fn statuses(language: Language) -> Field {
    let choices = Status::ALL.map(|status| choice(status.word(), status.label(language)));
    let label = text::field_statuses(language);
    field("statuses", label, FieldKind::MultipleChoice(choices.to_vec()), None)
}
