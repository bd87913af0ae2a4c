//! The document that clients write, as JSON Schema 2020-12: what a host draws a form from.
//!
//! The schema accepts every document that creating a schedule accepts, and rejects what is wrong in shape: missing fields, JSON
//! types, values that are not offered, lengths, characters, limits of numbers. What depends on the host or on more than the text is
//! left to the check of the document itself: permissions, recurrence rules, zones, addresses, dates that exist. JSON Schema also
//! takes 1.0 for an integer, which the check rejects.
//!
//! Keywords that JSON Schema does not define begin with `x-`; validators ignore them.

use serde_json::{Map, Value, json};

use crate::contract::{AccessContext, Choice, Exporter, Field, FieldKind};
use crate::form::{self, ALL_EVENTS, EVENTS, MAX_DATE_TIME_LEN, MAX_DECIMAL_DIGITS};
use crate::language::Language;
use crate::named_range::NAMED_RANGES;
use crate::schedules::{MAX_RULE_LEN, MAX_SUBJECT_LEN, MAX_TEMPLATE_LEN};
use crate::text;

/// Pattern of a character that is neither a line break nor another control character.
const IN_LINE: &str = r"[^\u0000-\u001f\u007f-\u009f\u2028\u2029]";
/// Pattern of such a character that is not white space (Unicode, `White_Space`) either.
const NOT_BLANK: &str = r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]";
/// Pattern of a character in a text of several lines. Lines end in LF or CR LF.
const IN_LINES: &str = r"(?:[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]|\u000d\u000a)";
const TIME: &str = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$";
const DATE: &str = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$";
const DATE_TIME: &str = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:";
const DECIMAL: &str = r"^-?[0-9]+(\.[0-9]+)?$";
const FIXED_RANGE: &str = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?/([0-9]{4}-[0-9]{2}-[0-9]{2})?$";

/// The schema of a new schedule of this exporter, for this caller and in their language.
///
/// `x-multi-line` marks texts of several lines. `x-allowed-domains` lists the domains that recipients can have, if the host limits
/// them.
#[must_use]
pub fn document(exporter: &Exporter, facts: &AccessContext) -> Value {
    let language = Language::of_tag(&facts.language);
    let settings = &facts.settings;
    let recipients = |title: &str| {
        let mut schema = json!({"title": title, "type": ["string", "null"], "default": ""});
        if let Some(domains) = &settings.recipient_domains {
            schema["x-allowed-domains"] = json!(domains);
        }
        schema
    };
    let languages: Vec<Value> = settings.languages.iter().map(|tag| json!({"const": tag})).collect();
    let mut properties = json!({
        "export_identifier": {"title": text::label_exporter(language), "const": exporter.identifier},
        form::NAME: form_of(exporter, facts.event_level, language),
        "locale": {
            "title": text::label_language(language), "anyOf": or_null(languages, true), "default": settings.languages.first(),
        },
        "mail_additional_recipients": recipients(text::label_to(language)),
        "mail_additional_recipients_cc": recipients(text::label_cc(language)),
        "mail_additional_recipients_bcc": recipients(text::label_bcc(language)),
        "mail_subject": titled(text::label_subject(language), one_line(MAX_SUBJECT_LEN, false)),
        "mail_template": titled(text::label_text(language), lines(MAX_TEMPLATE_LEN, false)),
        "schedule_rrule": {
            "title": text::label_rule(language), "type": "string", "minLength": 1, "maxLength": MAX_RULE_LEN,
        },
        "schedule_rrule_time": {"title": text::label_time(language), "type": "string", "pattern": TIME},
    });
    if !facts.event_level {
        properties["timezone"] = json!({
            "title": text::label_zone(language), "type": ["string", "null"], "default": settings.zone,
        });
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": exporter.label,
        "type": "object",
        "required": [
            "export_identifier", form::NAME, "mail_subject", "mail_template", "schedule_rrule", "schedule_rrule_time",
        ],
        "properties": properties,
    })
}

/// The schema of `export_form_data`.
fn form_of(exporter: &Exporter, event_level: bool, language: Language) -> Value {
    let selects_events = form::selects_events(exporter, event_level);
    let fields = exporter
        .fields
        .iter()
        .filter(|field| !(selects_events && (field.name == ALL_EVENTS || field.name == EVENTS)));
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in fields {
        if field.required && field.default.is_none() {
            required.push(field.name.as_str());
        }
        let schema = properties.entry(field.name.as_str());
        schema.or_insert_with(|| field_schema(field, language));
    }
    let mut schema = json!({"type": "object", "required": required});
    if selects_events {
        let title = text::label_all_events(language);
        properties.insert(ALL_EVENTS.into(), json!({"title": title, "type": ["boolean", "null"]}));
        let title = text::label_events(language);
        properties.insert(
            EVENTS.into(),
            json!({"title": title, "type": ["array", "null"], "items": {"type": "string"}, "uniqueItems": true}),
        );
        let all_events_is = |all: bool| json!({"properties": {ALL_EVENTS: {"const": all}}, "required": [ALL_EVENTS]});
        schema["allOf"] = json!([
            {
                "if": all_events_is(true),
                "then": {"properties": {EVENTS: {"maxItems": 0}}},
                "else": {"properties": {EVENTS: {"minItems": 1}}},
            },
            {
                "if": all_events_is(false),
                "then": {"properties": {EVENTS: {"type": "array"}}, "required": [EVENTS]},
            },
        ]);
    }
    schema["properties"] = properties.into();
    schema
}

fn field_schema(field: &Field, language: Language) -> Value {
    let nullable = !field.required;
    let string = |schema: Value| with_type("string", nullable, schema);
    let schema = match &field.kind {
        FieldKind::Text(max) => one_line(*max as usize, nullable),
        FieldKind::MultiLineText(max) => lines(*max as usize, nullable),
        FieldKind::Boolean => with_type("boolean", nullable, json!({})),
        FieldKind::Integer((smallest, largest)) => {
            with_type("integer", nullable, json!({"minimum": smallest, "maximum": largest}))
        }
        // A sign and a point.
        FieldKind::Decimal => string(json!({"pattern": DECIMAL, "maxLength": MAX_DECIMAL_DIGITS + 2})),
        FieldKind::Date => string(json!({"format": "date", "pattern": DATE})),
        FieldKind::DateTime => {
            string(json!({"format": "date-time", "pattern": DATE_TIME, "maxLength": MAX_DATE_TIME_LEN}))
        }
        FieldKind::DateRange => json!({"anyOf": or_null(ranges(language), nullable)}),
        FieldKind::Choice(choices) => json!({"anyOf": or_null(offered(choices), nullable)}),
        FieldKind::MultipleChoice(choices) => {
            let mut schema = json!({"items": {"anyOf": or_null(offered(choices), false)}, "uniqueItems": true});
            if field.required {
                schema["minItems"] = 1.into();
            }
            with_type("array", nullable, schema)
        }
        FieldKind::Other(kind) if nullable => json!({"x-kind": kind}),
        FieldKind::Other(kind) => json!({"x-kind": kind, "not": {"type": "null"}}),
    };
    let mut schema = titled(&field.label, schema);
    let default = field.default.as_deref();
    if let Some(default) = default.and_then(|json| serde_json::from_str::<Value>(json).ok()) {
        schema["default"] = default;
    }
    schema
}

fn titled(title: &str, mut schema: Value) -> Value {
    schema["title"] = title.into();
    schema
}

fn with_type(name: &str, nullable: bool, mut schema: Value) -> Value {
    schema["type"] = if nullable { json!([name, "null"]) } else { name.into() };
    schema
}

/// A text on one line; not blank either, unless it can be null.
fn one_line(longest: usize, nullable: bool) -> Value {
    let pattern = text_of(IN_LINE, nullable);
    with_type("string", nullable, json!({"maxLength": longest, "pattern": pattern}))
}

/// A text of several lines; not blank either, unless it can be null. CR LF counts as one character, which only a text without it
/// can be checked for here.
fn lines(longest: usize, nullable: bool) -> Value {
    let pattern = text_of(IN_LINES, nullable);
    let within = json!([{"maxLength": longest}, {"pattern": r"\u000d"}]);
    with_type(
        "string",
        nullable,
        json!({"x-multi-line": true, "anyOf": within, "pattern": pattern}),
    )
}

fn text_of(character: &str, can_be_blank: bool) -> String {
    if can_be_blank {
        format!("^{character}*$")
    } else {
        format!("^{character}*{NOT_BLANK}{character}*$")
    }
}

/// Every named range with its label, and fixed dates.
fn ranges(language: Language) -> Vec<Value> {
    let named = (1_u32..)
        .zip(NAMED_RANGES)
        .map(|(number, name)| json!({"const": name, "title": text::range(language, number)}));
    let fixed = json!({"title": text::range_fixed(language), "type": "string", "pattern": FIXED_RANGE});
    named.chain([fixed]).collect()
}

fn offered(choices: &[Choice]) -> Vec<Value> {
    let choice = |choice: &Choice| json!({"const": choice.scalar(), "title": choice.label});
    choices.iter().map(choice).collect()
}

/// The alternatives of `anyOf`, which JSON Schema wants to be at least one.
fn or_null(mut alternatives: Vec<Value>, nullable: bool) -> Vec<Value> {
    if nullable {
        alternatives.push(json!({"type": "null"}));
    } else if alternatives.is_empty() {
        alternatives.push(false.into());
    }
    alternatives
}
