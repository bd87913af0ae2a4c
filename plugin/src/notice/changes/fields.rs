//! The fields of a schedule as a notice lists them, and those that differ before and after a change.

use serde_json::{Map, Value as Json};

use super::value::Value;
use crate::contract::{Content, Recipients};
use crate::document::Document;
use crate::form;
use crate::language::Language;
use crate::notice::one_line;
use crate::text;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Identifies the field: labels of form fields are cut, so two can read the same.
    name: String,
    pub(super) label: String,
    pub(super) value: Value,
}

/// A field whose value a change replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) label: String,
    pub(super) was: Value,
    pub(super) is: Value,
}

/// The fields that differ. Those that only the earlier content has (form fields, or the whole document) come last.
pub(super) fn differences(before: &Content, after: &Content, language: Language) -> Vec<Difference> {
    let mut old = fields(before, language);
    let mut differences = Vec::new();
    for Field { name, label, value: is } in fields(after, language) {
        let place = old.iter().position(|field| field.name == name);
        let was = place.map_or(Value::None, |place| old.remove(place).value);
        differences.push(Difference { label, was, is });
    }
    differences.extend(old.into_iter().map(|Field { label, value: was, .. }| Difference {
        label,
        was,
        is: Value::None,
    }));
    differences.retain(|field| field.was != field.is);
    differences
}

/// All fields. Recipients come first, as they decide who receives the data; those whom no other recipient sees before the rest.
pub(super) fn fields(content: &Content, language: Language) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut field = |name: &str, label: &str, value: Value| {
        fields.push(Field {
            name: name.to_owned(),
            label: label.to_owned(),
            value,
        });
    };
    let Recipients { to, cc, bcc } = &content.recipients;
    field("bcc", text::label_bcc(language), Value::list(bcc));
    field("cc", text::label_cc(language), Value::list(cc));
    field("to", text::label_to(language), Value::list(to));
    let exporter = Value::word(&content.export_identifier);
    field("exporter", text::label_exporter(language), exporter);
    let Ok(document) = Document::read(&content.document) else {
        let unreadable = Value::word(text::label_unreadable(language));
        field("all", text::label_others(language), unreadable);
        return fields;
    };
    for (key, value) in events_first(&document.form) {
        let label = text::label_form_field(language, &one_line(key, 100));
        // No other name has a dot in it.
        field(&format!("form.{key}"), &label, Value::json(value));
    }
    field("rule", text::label_rule(language), Value::word(&document.rule));
    field("time", text::label_time(language), Value::word(&document.time));
    field("locale", text::label_language(language), Value::word(&document.locale));
    let zone = document.timezone.as_deref().unwrap_or_default();
    field("zone", text::label_zone(language), Value::word(zone));
    field("subject", text::label_subject(language), Value::text(&document.subject));
    field("template", text::label_text(language), Value::text(&document.template));
    fields
}

/// The entries of a form, those that select events first.
fn events_first(form: &Map<String, Json>) -> impl Iterator<Item = (&String, &Json)> {
    let selects_events = |(key, _): &(&String, &Json)| [form::ALL_EVENTS, form::EVENTS].contains(&key.as_str());
    form.iter()
        .filter(selects_events)
        .chain(form.iter().filter(move |entry| !selects_events(entry)))
}
