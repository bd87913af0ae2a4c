//! The JSON of the exporters that the caller is permitted to run, with the parameters of their forms.

use serde::Serialize;
use serde_json::Value;

use crate::contract::{Choice, Exporter, Field, FieldKind, Problem, RightsOf};
use crate::form::{self, ALL_EVENTS, EVENTS};
use crate::host::Access;
use crate::language::Language;
use crate::text;

use super::lookup_problem;

#[derive(Serialize)]
struct ExporterJson<'a> {
    identifier: &'a str,
    verbose_name: &'a str,
    input_parameters: Vec<Parameter<'a>>,
}

#[derive(Default, Serialize)]
struct Parameter<'a> {
    name: &'a str,
    required: bool,
    label: &'a str,
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    choices: Option<Vec<Value>>,
    /// Labels in the order of `choices`.
    #[serde(skip_serializing_if = "Option::is_none")]
    choice_labels: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_value: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_value: Option<i64>,
    /// In characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_length: Option<u32>,
}

pub(super) fn documents(by: &impl Access, only: Option<&str>) -> Result<Vec<String>, Problem> {
    let facts = by.context();
    let language = Language::of_tag(&facts.language);
    let exporters = by.available(RightsOf::Caller, only).map_err(lookup_problem)?;
    let documents: Vec<_> = exporters
        .iter()
        .filter(|exporter| only.is_none_or(|only| exporter.identifier == only))
        .map(|exporter| to_json(exporter, form::selects_events(exporter, facts.event_level), language))
        .collect();
    if only.is_some() && documents.is_empty() {
        return Err(Problem::NotFound);
    }
    Ok(documents)
}

fn to_json(exporter: &Exporter, selects_events: bool, language: Language) -> String {
    let is_selection = |name: &str| selects_events && (name == ALL_EVENTS || name == EVENTS);
    let fields = exporter.fields.iter().filter(|field| !is_selection(&field.name));
    let mut input_parameters: Vec<_> = fields.map(parameter).collect();
    if selects_events {
        input_parameters.push(Parameter {
            name: ALL_EVENTS,
            label: text::label_all_events(language),
            r#type: "boolean",
            ..Parameter::default()
        });
        input_parameters.push(Parameter {
            name: EVENTS,
            label: text::label_events(language),
            r#type: "events",
            ..Parameter::default()
        });
    }
    let exporter = ExporterJson {
        identifier: &exporter.identifier,
        verbose_name: &exporter.label,
        input_parameters,
    };
    serde_json::to_string(&exporter).expect("an exporter has string keys only")
}

fn parameter(field: &Field) -> Parameter<'_> {
    let mut parameter = Parameter {
        name: &field.name,
        required: field.required,
        label: &field.label,
        default: field
            .default
            .as_deref()
            .and_then(|json| serde_json::from_str(json).ok()),
        ..Parameter::default()
    };
    parameter.r#type = match &field.kind {
        FieldKind::Text(max) => {
            parameter.max_length = Some(*max);
            "text"
        }
        FieldKind::MultiLineText(max) => {
            parameter.max_length = Some(*max);
            "multi-line-text"
        }
        FieldKind::Boolean => "boolean",
        FieldKind::Integer((smallest, largest)) => {
            parameter.min_value = Some(*smallest);
            parameter.max_value = Some(*largest);
            "integer"
        }
        FieldKind::Decimal => "decimal",
        FieldKind::Date => "date",
        FieldKind::DateTime => "date-time",
        FieldKind::DateRange => "date-range",
        FieldKind::Choice(choices) => {
            add_choices(&mut parameter, choices);
            "choice"
        }
        FieldKind::MultipleChoice(choices) => {
            add_choices(&mut parameter, choices);
            "multiple-choice"
        }
        FieldKind::Other(name) => name,
    };
    parameter
}

fn add_choices<'a>(parameter: &mut Parameter<'a>, choices: &'a [Choice]) {
    parameter.choices = Some(choices.iter().map(Choice::scalar).collect());
    parameter.choice_labels = Some(choices.iter().map(|choice| choice.label.as_str()).collect());
}
