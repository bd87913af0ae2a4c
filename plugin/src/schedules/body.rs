//! The fields of a document as they were given, taken out one by one; what is wrong with them is gathered.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::addresses;
use crate::contract::{FieldError, Problem};
use crate::form;
use crate::language::Language;
use crate::message::{Fault, Wanted, malformed};

use super::LARGEST_DOCUMENT;

/// A document that people sent. Fields that nobody takes out are ignored.
pub(super) struct Body {
    fields: Map<String, Value>,
    pub(super) language: Language,
    pub(super) errors: Vec<FieldError>,
    /// How addresses were typed, by how they are stored, where that is something else; of lists that are left out, as before.
    pub(super) typed_addresses: BTreeMap<String, String>,
}

/// The form as far as a document says.
pub(super) enum GivenForm {
    /// Left out, and may be.
    Kept,
    Given(Map<String, Value>),
    /// Missing or no object; the error is among the body's.
    Wrong,
}

impl Body {
    /// The parameters of a query in place of a document. Of a name given twice, the last counts. Those named in `integers` are
    /// numbers where they read as one; all else is text.
    pub(super) fn of_params(
        params: &[(String, String)],
        integers: &[&str],
        language: Language,
    ) -> Result<Self, Problem> {
        let size: usize = params.iter().map(|(name, value)| name.len() + value.len()).sum();
        if size > LARGEST_DOCUMENT {
            return Err(Problem::Invalid(vec![
                Fault::TooLarge(LARGEST_DOCUMENT).at(&[], language),
            ]));
        }
        let value = |name: &str, value: &str| match value.parse::<i64>() {
            Ok(number) if integers.contains(&name) => Value::from(number),
            _ => Value::from(value),
        };
        let fields = params.iter().map(|(name, given)| (name.clone(), value(name, given)));
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
        let whole = |fault: Fault| Problem::Invalid(vec![fault.at(&[], language)]);
        if text.len() > LARGEST_DOCUMENT {
            return Err(whole(Fault::TooLarge(LARGEST_DOCUMENT)));
        }
        // Some programs put a byte order mark before UTF-8; RFC 8259, section 8.1, lets it be ignored.
        match serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)) {
            Ok(Value::Object(fields)) => Ok(Self::of_fields(fields, language)),
            Ok(_) => Err(whole(Fault::NotAnObject)),
            Err(error) => Err(Problem::Malformed(malformed(&error, language))),
        }
    }

    pub(super) fn wrong(&mut self, name: &str, fault: &Fault) {
        self.errors.push(fault.at(&[name], self.language));
    }

    /// A text, as `check` makes it; `left_out` where it is not given. None: it is wrong.
    pub(super) fn text(
        &mut self,
        name: &str,
        left_out: Option<String>,
        check: impl FnOnce(String) -> Result<String, Fault>,
    ) -> Option<String> {
        let checked = match (self.fields.shift_remove(name), left_out) {
            (None, Some(left_out)) => return Some(left_out),
            (None, None) => Err(Fault::Required(Wanted::Text)),
            (Some(Value::String(text)), _) => check(text),
            (Some(other), _) => Err(Fault::wrong_type(&other, Wanted::Text)),
        };
        checked.map_err(|fault| self.wrong(name, &fault)).ok()
    }

    /// Takes an optional field out if it is given as null, which says that it is not set: it goes back to its default, also where a
    /// field that is left out would be kept.
    pub(super) fn is_unset(&mut self, name: &str) -> bool {
        let unset = self.fields.get(name).is_some_and(Value::is_null);
        if unset {
            self.fields.shift_remove(name);
        }
        unset
    }

    /// A text that may be left out for good. Outer none: it is wrong.
    pub(super) fn optional_text(&mut self, name: &str, left_out: Option<String>) -> Option<Option<String>> {
        if self.is_unset(name) {
            Some(None)
        } else if self.fields.contains_key(name) {
            self.text(name, None, Ok).map(Some)
        } else {
            Some(left_out)
        }
    }

    /// A list of addresses. None: it is wrong.
    pub(super) fn addresses(
        &mut self,
        name: &str,
        left_out: Vec<String>,
        domains: Option<&[String]>,
    ) -> Option<Vec<String>> {
        let faults = match self.fields.shift_remove(name) {
            None => return Some(left_out),
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
                Err(faults) => faults,
            },
            Some(other) => vec![Fault::wrong_type(&other, Wanted::Addresses)],
        };
        for fault in faults {
            self.wrong(name, &fault);
        }
        None
    }

    /// A whole number. None: it is wrong.
    pub(super) fn integer(&mut self, name: &str, left_out: i64, smallest: i64, largest: i64) -> Option<i64> {
        let fault = match self.fields.shift_remove(name) {
            None | Some(Value::Null) => return Some(left_out),
            Some(Value::Number(number)) => match number.as_i64() {
                Some(number) if (smallest..=largest).contains(&number) => return Some(number),
                _ => Fault::OutOfRange { smallest, largest },
            },
            Some(other) => Fault::wrong_type(&other, Wanted::Integer { smallest, largest }),
        };
        self.wrong(name, &fault);
        None
    }

    pub(super) fn form(&mut self, may_be_left_out: bool) -> GivenForm {
        let error = match self.fields.shift_remove(form::NAME) {
            None if may_be_left_out => return GivenForm::Kept,
            None => form::not_a_form(None, self.language),
            Some(Value::Object(form)) => return GivenForm::Given(form),
            Some(other) => form::not_a_form(Some(&other), self.language),
        };
        self.errors.push(error);
        GivenForm::Wrong
    }
}
