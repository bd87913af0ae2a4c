//! Validates a value of a form against the kind of its field.

use chrono::DateTime;
use serde_json::Value;

use super::text;
use crate::contract::{Choice, FieldKind};
use crate::date_range;
use crate::message::{Expected, ValidationError};

/// Maximum number of digits of a decimal: the capacity of exact 96-bit decimal types.
pub(crate) const MAX_DECIMAL_DIGITS: usize = 28;
/// Maximum length of a date-time, in bytes: more than RFC 3339 needs.
pub(crate) const MAX_DATE_TIME_LEN: usize = 40;
/// Maximum nesting of lists and objects in a value of kind `other`.
const MAX_LEVELS: usize = 32;

/// The value that a field of this kind expects.
pub(super) fn expected(kind: &FieldKind) -> Expected {
    match *kind {
        FieldKind::Text(_) | FieldKind::MultiLineText(_) | FieldKind::Choice(_) => Expected::Text,
        FieldKind::Boolean => Expected::Boolean,
        FieldKind::Integer((smallest, largest)) => Expected::Integer { smallest, largest },
        FieldKind::Decimal => Expected::Decimal,
        FieldKind::Date => Expected::Date,
        FieldKind::DateTime => Expected::DateTime,
        FieldKind::DateRange => Expected::DateRange,
        FieldKind::MultipleChoice(_) => Expected::Texts,
        FieldKind::Other(_) => Expected::Any,
    }
}

/// Validates a value and returns the one to store.
pub(super) fn check(kind: &FieldKind, required: bool, value: Value) -> Result<Value, ValidationError> {
    let expected = expected(kind);
    match kind {
        FieldKind::Boolean => match value {
            Value::Bool(_) => Ok(value),
            other => Err(ValidationError::wrong_type(&other, expected)),
        },
        &FieldKind::Integer((smallest, largest)) => integer(value, smallest, largest),
        FieldKind::Choice(choices) => check_choice(&value, choices, expected).map(|()| value),
        FieldKind::MultipleChoice(choices) => multiple_choice(value, choices, required),
        FieldKind::Other(_) => match value {
            Value::Null => Err(ValidationError::Null(expected)),
            value if deeper_than(&value, MAX_LEVELS) => Err(ValidationError::TooDeep(MAX_LEVELS)),
            value => Ok(value),
        },
        FieldKind::Text(_)
        | FieldKind::MultiLineText(_)
        | FieldKind::Decimal
        | FieldKind::Date
        | FieldKind::DateTime
        | FieldKind::DateRange => match value {
            Value::String(text) => string(kind, required, text).map(Value::String),
            other => Err(ValidationError::wrong_type(&other, expected)),
        },
    }
}

fn string(kind: &FieldKind, required: bool, text: String) -> Result<String, ValidationError> {
    let length = |max: u32| usize::try_from(max).unwrap_or(usize::MAX);
    match kind {
        &FieldKind::Text(max) => {
            if required {
                text::not_blank(&text)?;
            }
            text::one_line(&text, length(max))?;
        }
        &FieldKind::MultiLineText(max) => {
            if required {
                text::not_blank(&text)?;
            }
            return text::lines(text, length(max));
        }
        FieldKind::Decimal if !is_decimal(&text) => return Err(ValidationError::InvalidDecimal(text)),
        FieldKind::Date if date_range::day(&text).is_none() => return Err(ValidationError::InvalidDate(text)),
        FieldKind::DateTime if !is_date_time(&text) => return Err(ValidationError::InvalidDateTime(text)),
        FieldKind::DateRange => {
            if let Err(why) = date_range::check(&text) {
                return Err(ValidationError::DateRange { given: text, why });
            }
        }
        _ => {}
    }
    Ok(text)
}

/// Validates a JSON number without fraction and exponent; `1.0` and `1e0` are rejected.
fn integer(value: Value, smallest: i64, largest: i64) -> Result<Value, ValidationError> {
    let Value::Number(number) = &value else {
        return Err(ValidationError::wrong_type(
            &value,
            Expected::Integer { smallest, largest },
        ));
    };
    match number.as_i64() {
        Some(number) if (smallest..=largest).contains(&number) => Ok(value),
        _ => Err(ValidationError::OutOfRange { smallest, largest }),
    }
}

fn multiple_choice(value: Value, choices: &[Choice], required: bool) -> Result<Value, ValidationError> {
    let Value::Array(entries) = &value else {
        return Err(ValidationError::wrong_type(&value, Expected::Texts));
    };
    if required && entries.is_empty() {
        return Err(ValidationError::EmptyList);
    }
    let mut texts = Vec::with_capacity(entries.len());
    for entry in entries {
        check_choice(entry, choices, Expected::Texts)?;
        texts.push(scalar_text(entry));
    }
    match duplicate(&texts) {
        Some(text) => Err(ValidationError::Duplicate(text.to_owned())),
        None => Ok(value),
    }
}

/// One of the choices, by value and type: `1` is not `"1"`.
fn check_choice(value: &Value, choices: &[Choice], expected: Expected) -> Result<(), ValidationError> {
    let offered: Vec<Value> = choices.iter().map(Choice::scalar).collect();
    if offered.contains(value) {
        return Ok(());
    }
    // A value of a type that no choice has is answered by its type: most choices are strings.
    let same_type = |one: &Value| std::mem::discriminant(one) == std::mem::discriminant(value);
    if !value.is_string() && !offered.iter().any(same_type) {
        return Err(ValidationError::wrong_type(value, expected));
    }
    Err(ValidationError::InvalidChoice {
        given: scalar_text(value),
        choices: choices.iter().map(Choice::text).collect(),
    })
}

fn scalar_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A text that the list has more than once.
pub(super) fn duplicate(texts: &[impl AsRef<str>]) -> Option<&str> {
    let mut sorted: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    sorted.sort_unstable();
    sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// Whether a text is an optional `-`, digits, and optionally a point followed by digits.
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let count = unsigned.bytes().filter(u8::is_ascii_digit).count();
    digits(whole) && digits(fraction) && count <= MAX_DECIMAL_DIGITS
}

/// Whether a text is an RFC 3339 date and time (section 5.6) with a `T` between them.
pub(crate) fn is_date_time(text: &str) -> bool {
    text.is_ascii()
        && text.get(..10).and_then(date_range::day).is_some()
        && text.as_bytes().get(10).is_some_and(|byte| matches!(byte, b'T' | b't'))
        && text.len() <= MAX_DATE_TIME_LEN
        && DateTime::parse_from_rfc3339(text).is_ok()
}

fn deeper_than(value: &Value, levels: usize) -> bool {
    let inner: Vec<&Value> = match value {
        Value::Array(entries) => entries.iter().collect(),
        Value::Object(entries) => entries.values().collect(),
        _ => return false,
    };
    match levels.checked_sub(1) {
        None => true,
        Some(levels) => inner.into_iter().any(|value| deeper_than(value, levels)),
    }
}
