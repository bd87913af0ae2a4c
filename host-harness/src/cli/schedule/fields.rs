//! Documents from `--set key=value`, typed by the JSON Schema that the view `form` answers.

use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::{Failure, failed};

/// The field whose members are set by a dotted path.
const FORM: &str = "export_form_data";
/// The short first part of such a path.
const FORM_SHORT: &str = "form";
/// The field that names the exporter.
pub const EXPORTER: &str = "export_identifier";
/// First part of the names of the fields with addresses: each is one string, separated by commas.
const ADDRESSES: &str = "mail_additional_recipients";
/// The field in which `\n` separates `DTSTART` from `RRULE`, as in `harness next-run`.
const RULE: &str = "schedule_rrule";

/// The fields of a document.
#[derive(Args, Default)]
#[command(next_help_heading = "Fields")]
pub struct Fields {
    /// Set a field, such as schedule_rrule_time=06:30; a field of the exporter's form as form.NAME=VALUE. Lists and addresses: commas,
    /// or the option again
    #[arg(long, value_name = "KEY=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// Return a field to its default
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
    /// Read the document from a JSON file, or from standard input with `-`; --set and --unset change it
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

impl Fields {
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.unset.is_empty() && self.file.is_none()
    }

    /// The document in the file; an empty one without a file.
    pub fn document(&self) -> Result<Map<String, Value>, Failure> {
        let Some(file) = &self.file else {
            return Ok(Map::new());
        };
        let name = file.display();
        let text = match file.to_str() {
            Some("-") => {
                let mut text = String::new();
                std::io::stdin().lock().read_to_string(&mut text).map(|_| text)
            }
            _ => std::fs::read_to_string(file),
        };
        let text = text.map_err(|reason| failed(format!("could not read {name}"))(&reason))?;
        match serde_json::from_str(&text) {
            Ok(Value::Object(document)) => Ok(document),
            Ok(_) => Err(Failure::Usage(format!(
                "invalid document {name}: expected a JSON object"
            ))),
            Err(reason) => Err(Failure::Usage(format!("invalid document {name}: {reason}"))),
        }
    }

    /// The value of `--set` for this key, if there is one.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.set
            .iter()
            .rfind(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// Whether any option changes a member of the exporter's form.
    pub fn changes_form(&self) -> bool {
        let mut keys = self.set.iter().map(|(key, _)| key).chain(&self.unset);
        keys.any(|key| member(key).is_some())
    }

    /// Sets and unsets fields of a document as `schema` has them; all errors come at once.
    pub fn apply(&self, document: &mut Map<String, Value>, schema: &Value) -> Result<(), Failure> {
        let mut errors = Vec::new();
        let mut keys: Vec<&str> = Vec::new();
        for (key, _) in &self.set {
            if !keys.contains(&key.as_str()) {
                keys.push(key);
            }
        }
        for key in keys {
            let given: Vec<&str> = self
                .set
                .iter()
                .filter(|(name, _)| name == key)
                .map(|(_, value)| value.as_str())
                .collect();
            let value = property(schema, key).and_then(|schema| value(key, schema, &given));
            match value.and_then(|value| insert(document, key, value)) {
                Ok(()) => {}
                Err(error) => errors.push(error),
            }
        }
        for key in &self.unset {
            match property(schema, key).and_then(|_| insert(document, key, Value::Null)) {
                Ok(()) => {}
                Err(error) => errors.push(error),
            }
        }
        match errors.is_empty() {
            true => Ok(()),
            false => Err(Failure::Usage(errors.join("; "))),
        }
    }
}

/// The schema of the fields that a rule has without an exporter.
pub fn timing_schema() -> Value {
    let text = json!({"type": "string"});
    json!({"properties": {"schedule_rrule": text, "schedule_rrule_time": text, "timezone": text}})
}

/// The name of a member of the exporter's form in a dotted path.
fn member(key: &str) -> Option<&str> {
    let (field, member) = key.split_once('.')?;
    (field == FORM || field == FORM_SHORT).then_some(member)
}

/// The schema of a field, or of a member of the exporter's form.
fn property<'a>(schema: &'a Value, key: &str) -> Result<&'a Value, String> {
    let (properties, name) = match member(key) {
        Some(member) => (&schema["properties"][FORM]["properties"], member),
        None => (&schema["properties"], key),
    };
    properties.get(name).ok_or_else(|| {
        let prefix = if member(key).is_some() { "form." } else { "" };
        let known = properties.as_object().into_iter().flat_map(Map::keys);
        let mut known: Vec<String> = known
            .filter(|name| *name != FORM)
            .map(|name| format!("{prefix}{name}"))
            .collect();
        if prefix.is_empty() && properties.get(FORM).is_some() {
            known.push("form.NAME".to_owned());
        }
        match known.is_empty() {
            true => format!("unknown field {key}"),
            false => format!("unknown field {key}: expected one of {}", known.join(", ")),
        }
    })
}

fn insert(document: &mut Map<String, Value>, key: &str, value: Value) -> Result<(), String> {
    let Some(member) = member(key) else {
        document.insert(key.to_owned(), value);
        return Ok(());
    };
    let form = document.entry(FORM).or_insert_with(|| Value::Object(Map::new()));
    let form = form
        .as_object_mut()
        .ok_or_else(|| format!("{FORM} is not a JSON object"))?;
    form.insert(member.to_owned(), value);
    Ok(())
}

/// The JSON value of the texts that were given for one field.
fn value(key: &str, schema: &Value, given: &[&str]) -> Result<Value, String> {
    let alternatives = alternatives(schema);
    if let Some(list) = alternatives.iter().find(|one| has_type(one, "array")) {
        let texts = given
            .iter()
            .flat_map(|text| text.split(','))
            .map(str::trim)
            .filter(|text| !text.is_empty());
        let items = texts.map(|text| scalar(key, &list["items"], text));
        return Ok(Value::Array(items.collect::<Result<_, _>>()?));
    }
    match *given {
        [text] if key == RULE => scalar(key, schema, &text.replace("\\n", "\n")),
        [text] => scalar(key, schema, text),
        _ if key.starts_with(ADDRESSES) => Ok(given.join(",").into()),
        _ => Err(format!("{key} is set {} times, and is not a list", given.len())),
    }
}

fn scalar(key: &str, schema: &Value, text: &str) -> Result<Value, String> {
    let alternatives = alternatives(schema);
    let constants = || alternatives.iter().filter_map(|one| one.get("const"));
    let is = |constant: &&Value| plain(constant) == text;
    if let Some(constant) = constants().find(is) {
        return Ok(constant.clone());
    }
    let any = |name: &str| alternatives.iter().any(|one| has_type(one, name));
    let mut expected: Vec<String> = Vec::new();
    if any("boolean") {
        match text {
            "true" => return Ok(true.into()),
            "false" => return Ok(false.into()),
            _ => expected.push("true or false".to_owned()),
        }
    }
    if any("integer") {
        match text.parse::<i64>() {
            Ok(number) => return Ok(number.into()),
            Err(_) => expected.push("an integer".to_owned()),
        }
    }
    if any("number") {
        match serde_json::from_str::<Value>(text) {
            Ok(number @ Value::Number(_)) => return Ok(number),
            _ => expected.push("a number".to_owned()),
        }
    }
    if any("string") {
        return Ok(text.into());
    }
    let choices: Vec<String> = constants().map(plain).collect();
    if !choices.is_empty() {
        expected.push(choices.join(", "));
    }
    if expected.is_empty() {
        // A kind of field that no schema describes: JSON if it is some, otherwise a string.
        return Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into()));
    }
    Err(format!("{key}: expected {}, got `{text}`", expected.join(" or ")))
}

/// A string without its quotes, or any other JSON.
fn plain(constant: &Value) -> String {
    constant.as_str().map_or_else(|| constant.to_string(), str::to_owned)
}

/// The schemas of which a value has to fit one. `anyOf` next to `type` only narrows the type.
fn alternatives(schema: &Value) -> Vec<&Value> {
    match (schema.get("type"), schema["anyOf"].as_array()) {
        (None, Some(any)) => any.iter().flat_map(alternatives).collect(),
        _ => vec![schema],
    }
}

fn has_type(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::String(one) => one == name,
        Value::Array(several) => several.iter().any(|one| one == name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Value {
        let or_null = |name: &str| json!({"type": [name, "null"]});
        json!({"properties": {
            "export_identifier": {"const": "orderlist"},
            "mail_template": {"type": "string", "anyOf": [{"maxLength": 9}, {"pattern": "x"}]},
            "mail_additional_recipients_cc": or_null("string"),
            "schedule_rrule": {"type": "string"},
            "locale": {"anyOf": [{"const": "en"}, {"const": "de"}, {"type": "null"}]},
            "export_form_data": {"type": "object", "properties": {
                "paid_only": or_null("boolean"),
                "list": {"anyOf": [{"const": 7, "title": "Gate"}, {"const": 12, "title": "Stage"}]},
                "most": or_null("integer"),
                "events": {"type": ["array", "null"], "items": {"type": "string"}},
                "numbers": {"type": "array", "items": {"anyOf": [{"const": 1}, {"const": 2}]}},
                "range": {"anyOf": [{"const": "past"}, {"type": "string", "pattern": "/"}]},
                "new.kind": {"x-kind": "color"},
            }},
        }})
    }

    fn fields(set: &[&str], unset: &[&str]) -> Fields {
        Fields {
            set: set.iter().map(|text| assignment(text).expect("a pair")).collect(),
            unset: unset.iter().map(|&key| key.to_owned()).collect(),
            file: None,
        }
    }

    fn set(set: &[&str]) -> Result<Value, String> {
        let mut document = Map::new();
        match fields(set, &[]).apply(&mut document, &schema()) {
            Ok(()) => Ok(document.into()),
            Err(Failure::Usage(sentence)) => Err(sentence),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_value_has_the_type_of_its_field() {
        for (text, document) in [
            ("export_identifier=orderlist", json!({"export_identifier": "orderlist"})),
            ("mail_template=a=b", json!({"mail_template": "a=b"})),
            ("locale=de", json!({"locale": "de"})),
            ("form.paid_only=true", json!({"export_form_data": {"paid_only": true}})),
            ("export_form_data.most=-3", json!({"export_form_data": {"most": -3}})),
            ("form.list=12", json!({"export_form_data": {"list": 12}})),
            ("form.range=past", json!({"export_form_data": {"range": "past"}})),
            (
                "form.range=2026-01-01/",
                json!({"export_form_data": {"range": "2026-01-01/"}}),
            ),
            ("form.new.kind=#fff", json!({"export_form_data": {"new.kind": "#fff"}})),
            (
                "form.new.kind={\"r\": 1}",
                json!({"export_form_data": {"new.kind": {"r": 1}}}),
            ),
            (
                r"schedule_rrule=DTSTART:20260101T000000\nRRULE:FREQ=DAILY",
                json!({"schedule_rrule": "DTSTART:20260101T000000\nRRULE:FREQ=DAILY"}),
            ),
        ] {
            assert_eq!(set(&[text]), Ok(document), "{text}");
        }
    }

    #[test]
    fn lists_and_addresses_are_separated_by_commas_or_given_again() {
        let both = set(&["form.events=a, b", "form.events=c", "form.numbers=2"]);
        assert_eq!(
            both,
            Ok(json!({"export_form_data": {"events": ["a", "b", "c"], "numbers": [2]}}))
        );
        assert_eq!(set(&["form.events="]), Ok(json!({"export_form_data": {"events": []}})));
        let cc = set(&[
            "mail_additional_recipients_cc=a@x.org",
            "mail_additional_recipients_cc=b@x.org",
        ]);
        assert_eq!(cc, Ok(json!({"mail_additional_recipients_cc": "a@x.org,b@x.org"})));
        assert_eq!(
            set(&["locale=en", "locale=de"]),
            Err("locale is set 2 times, and is not a list".to_owned())
        );
    }

    #[test]
    fn every_value_that_does_not_fit_is_named_with_what_would() {
        assert_eq!(
            set(&[
                "form.paid_only=maybe",
                "form.most=many",
                "form.list=8",
                "form.numbers=1,3"
            ]),
            Err(
                "form.paid_only: expected true or false, got `maybe`; form.most: expected an integer, got `many`; \
                 form.list: expected 7, 12, got `8`; form.numbers: expected 1, 2, got `3`"
                    .to_owned()
            )
        );
        assert_eq!(
            set(&["locales=de"]),
            Err("unknown field locales: expected one of export_identifier, mail_template, mail_additional_recipients_cc, \
                 schedule_rrule, locale, form.NAME"
                .to_owned())
        );
        assert!(
            set(&["form.paid=true"])
                .is_err_and(|error| error.starts_with("unknown field form.paid: expected one of form.paid_only,"))
        );
    }

    #[test]
    fn what_is_unset_is_null() {
        let mut document = Map::new();
        let applied = fields(&[], &["locale", "form.most"]).apply(&mut document, &schema());
        assert!(applied.is_ok());
        assert_eq!(
            Value::from(document),
            json!({"locale": null, "export_form_data": {"most": null}})
        );
        assert!(fields(&[], &["form.most"]).changes_form() && !fields(&["locale=de"], &[]).changes_form());
    }
}
