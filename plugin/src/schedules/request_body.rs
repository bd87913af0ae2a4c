//! The fields of a request body. They are taken out one by one, and their errors are collected.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::addresses;
use crate::contract::{FieldError, Problem};
use crate::form;
use crate::language::Language;
use crate::message::{Expected, ValidationError, malformed};

use super::MAX_DOCUMENT_SIZE;

/// The JSON document of a request. Fields that are not taken out are ignored.
pub(super) struct RequestBody {
    fields: Map<String, Value>,
    pub(super) language: Language,
    pub(super) errors: Vec<FieldError>,
    /// Addresses as they were typed, by the stored address, if they differ; those of omitted lists are unchanged.
    pub(super) typed_addresses: BTreeMap<String, String>,
}

/// The form in a request body.
pub(super) enum FormField {
    /// Omitted where that is allowed.
    Omitted,
    Given(Map<String, Value>),
    /// Missing or not an object; the error has been added to the errors of the body.
    Invalid,
}

impl RequestBody {
    /// Reads the parameters of a query in place of a document. If a name is given twice, the last one counts. Values of `json` are JSON
    /// where they parse as such; all other values are texts.
    pub(super) fn of_params(params: &[(String, String)], json: &[&str], language: Language) -> Result<Self, Problem> {
        let size: usize = params.iter().map(|(name, value)| name.len() + value.len()).sum();
        if size > MAX_DOCUMENT_SIZE {
            let error = ValidationError::TooLarge(MAX_DOCUMENT_SIZE);
            return Err(Problem::Invalid(vec![error.at(&[], language)]));
        }
        let value = |name: &str, text: &str| {
            let parsed = json.contains(&name).then(|| serde_json::from_str(text).ok()).flatten();
            parsed.unwrap_or_else(|| Value::from(text))
        };
        let fields = params.iter().map(|(name, text)| (name.clone(), value(name, text)));
        Ok(Self::of_fields(fields.collect(), language))
    }

    fn of_fields(fields: Map<String, Value>, language: Language) -> Self {
        Self {
            fields,
            language,
            errors: Vec::new(),
            typed_addresses: BTreeMap::new(),
        }
    }

    pub(super) fn read(text: &str, language: Language) -> Result<Self, Problem> {
        let whole = |error: ValidationError| Problem::Invalid(vec![error.at(&[], language)]);
        if text.len() > MAX_DOCUMENT_SIZE {
            return Err(whole(ValidationError::TooLarge(MAX_DOCUMENT_SIZE)));
        }
        // Some clients send a byte order mark, which RFC 8259, section 8.1, allows to be ignored.
        match serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)) {
            Ok(Value::Object(fields)) => Ok(Self::of_fields(fields, language)),
            Ok(_) => Err(whole(ValidationError::NotAnObject)),
            Err(error) => Err(Problem::Malformed(malformed(&error, language))),
        }
    }

    pub(super) fn add_error(&mut self, name: &str, error: &ValidationError) {
        self.errors.push(error.at(&[name], self.language));
    }

    /// Takes a text out and returns the result of `check`, or `default` if it is omitted. `None` if it is invalid.
    pub(super) fn text(
        &mut self,
        name: &str,
        default: Option<String>,
        check: impl FnOnce(String) -> Result<String, ValidationError>,
    ) -> Option<String> {
        let checked = match (self.fields.shift_remove(name), default) {
            (None, Some(default)) => return Some(default),
            (None, None) => Err(ValidationError::Required(Expected::Text)),
            (Some(Value::String(text)), _) => check(text),
            (Some(other), _) => Err(ValidationError::wrong_type(&other, Expected::Text)),
        };
        checked.map_err(|error| self.add_error(name, &error)).ok()
    }

    /// Takes a value of any type out; `None` if it is omitted.
    pub(super) fn value(&mut self, name: &str) -> Option<Value> {
        self.fields.shift_remove(name)
    }

    /// A text, without taking it out; `None` if it is omitted or not a text.
    pub(super) fn peek_text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Value::as_str)
    }

    /// Whether there are no fields, or none are left.
    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Sets a text, in place of the given value if there is one.
    pub(super) fn set_text(&mut self, name: &str, text: String) {
        self.fields.insert(name.to_owned(), Value::String(text));
    }

    /// Takes an optional field out if it is null. It is then reset to its default, even if omission would keep the stored value.
    pub(super) fn is_unset(&mut self, name: &str) -> bool {
        let unset = self.fields.get(name).is_some_and(Value::is_null);
        if unset {
            self.fields.shift_remove(name);
        }
        unset
    }

    /// Takes an optional text out. The outer `None` means that it is invalid.
    pub(super) fn optional_text(&mut self, name: &str, default: Option<String>) -> Option<Option<String>> {
        if self.is_unset(name) {
            Some(None)
        } else if self.fields.contains_key(name) {
            self.text(name, None, Ok).map(Some)
        } else {
            Some(default)
        }
    }

    /// Takes a list of addresses out. `None` if it is invalid.
    pub(super) fn addresses(
        &mut self,
        name: &str,
        default: Vec<String>,
        domains: Option<&[String]>,
    ) -> Option<Vec<String>> {
        let errors = match self.fields.shift_remove(name) {
            None => return Some(default),
            Some(Value::Null) => return Some(Vec::new()),
            Some(Value::String(text)) => match addresses::parse(&text, domains) {
                Ok(addresses) => {
                    let stored = addresses.into_iter().map(|address| {
                        match address.typed {
                            Some(typed) => self.typed_addresses.insert(address.ascii.clone(), typed),
                            None => self.typed_addresses.remove(&address.ascii),
                        };
                        address.ascii
                    });
                    return Some(stored.collect());
                }
                Err(errors) => errors,
            },
            Some(other) => vec![ValidationError::wrong_type(&other, Expected::Addresses)],
        };
        for error in errors {
            self.add_error(name, &error);
        }
        None
    }

    /// Takes an integer out. `None` if it is invalid.
    pub(super) fn integer(&mut self, name: &str, default: i64, smallest: i64, largest: i64) -> Option<i64> {
        let error = match self.fields.shift_remove(name) {
            None | Some(Value::Null) => return Some(default),
            Some(Value::Number(number)) => match number.as_i64() {
                Some(number) if (smallest..=largest).contains(&number) => return Some(number),
                _ => ValidationError::OutOfRange { smallest, largest },
            },
            Some(other) => ValidationError::wrong_type(&other, Expected::Integer { smallest, largest }),
        };
        self.add_error(name, &error);
        None
    }

    /// Takes the form out.
    pub(super) fn form(&mut self, can_be_omitted: bool) -> FormField {
        let error = match self.fields.shift_remove(form::NAME) {
            None if can_be_omitted => return FormField::Omitted,
            None => form::invalid_form(None, self.language),
            Some(Value::Object(form)) => return FormField::Given(form),
            Some(other) => form::invalid_form(Some(&other), self.language),
        };
        self.errors.push(error);
        FormField::Invalid
    }
}
