//! One value of a form, against the kind of its field.

use chrono::DateTime;
use serde_json::Value;

use super::text;
use crate::date_range;
use crate::host::{Choice, FieldKind};
use crate::message::{Fault, Wanted};

/// Most digits of a decimal: what exact decimal types of 96 bits hold.
pub(crate) const DECIMAL_DIGITS: usize = 28;
/// More than RFC 3339 needs for any date-time, in bytes.
pub(crate) const LONGEST_DATE_TIME: usize = 40;
/// Most levels of lists and objects in a value of a kind that the contract has no word for.
const LEVELS: usize = 32;

/// What a field of this kind takes.
pub(super) fn wanted(kind: &FieldKind) -> Wanted {
    match *kind {
        FieldKind::Text { .. } | FieldKind::MultiLineText { .. } | FieldKind::Choice(_) => Wanted::Text,
        FieldKind::Boolean => Wanted::Boolean,
        FieldKind::Integer { smallest, largest } => Wanted::Integer { smallest, largest },
        FieldKind::Decimal => Wanted::Decimal,
        FieldKind::Date => Wanted::Date,
        FieldKind::DateTime => Wanted::DateTime,
        FieldKind::DateRange => Wanted::DateRange,
        FieldKind::MultipleChoice(_) => Wanted::Texts,
        FieldKind::Other(_) => Wanted::Any,
    }
}

/// The value as it is to be stored.
pub(super) fn check(kind: &FieldKind, required: bool, value: Value) -> Result<Value, Fault> {
    let wanted = wanted(kind);
    match kind {
        FieldKind::Boolean => match value {
            Value::Bool(_) => Ok(value),
            other => Err(Fault::wrong_type(&other, wanted)),
        },
        &FieldKind::Integer { smallest, largest } => integer(value, smallest, largest),
        FieldKind::MultipleChoice(choices) => several(value, choices, required),
        FieldKind::Other(_) => match value {
            Value::Null => Err(Fault::Null(wanted)),
            value if deeper_than(&value, LEVELS) => Err(Fault::TooDeep(LEVELS)),
            value => Ok(value),
        },
        FieldKind::Text { .. }
        | FieldKind::MultiLineText { .. }
        | FieldKind::Decimal
        | FieldKind::Date
        | FieldKind::DateTime
        | FieldKind::DateRange
        | FieldKind::Choice(_) => match value {
            Value::String(text) => string(kind, required, text).map(Value::String),
            other => Err(Fault::wrong_type(&other, wanted)),
        },
    }
}

fn string(kind: &FieldKind, required: bool, text: String) -> Result<String, Fault> {
    let longest = |longest: u32| usize::try_from(longest).unwrap_or(usize::MAX);
    match kind {
        &FieldKind::Text { longest: most } => {
            if required {
                text::not_blank(&text)?;
            }
            text::one_line(&text, longest(most))?;
        }
        &FieldKind::MultiLineText { longest: most } => {
            if required {
                text::not_blank(&text)?;
            }
            return text::lines(text, longest(most));
        }
        FieldKind::Decimal if !is_decimal(&text) => return Err(Fault::NotADecimal(text)),
        FieldKind::Date if date_range::day(&text).is_none() => return Err(Fault::NotADate(text)),
        FieldKind::DateTime if !is_date_time(&text) => return Err(Fault::NotADateTime(text)),
        FieldKind::DateRange => {
            if let Err(why) = date_range::check(&text) {
                return Err(Fault::DateRange { given: text, why });
            }
        }
        FieldKind::Choice(choices) => offered(&text, choices)?,
        _ => {}
    }
    Ok(text)
}

/// A JSON number without fraction and exponent; `1.0` and `1e0` are none.
fn integer(value: Value, smallest: i64, largest: i64) -> Result<Value, Fault> {
    let Value::Number(number) = &value else {
        return Err(Fault::wrong_type(&value, Wanted::Integer { smallest, largest }));
    };
    match number.as_i64() {
        Some(number) if (smallest..=largest).contains(&number) => Ok(value),
        _ => Err(Fault::OutOfRange { smallest, largest }),
    }
}

fn several(value: Value, choices: &[Choice], required: bool) -> Result<Value, Fault> {
    let Value::Array(entries) = &value else {
        return Err(Fault::wrong_type(&value, Wanted::Texts));
    };
    if required && entries.is_empty() {
        return Err(Fault::EmptyList);
    }
    let mut texts = Vec::with_capacity(entries.len());
    for entry in entries {
        let Value::String(text) = entry else {
            return Err(Fault::wrong_type(entry, Wanted::Texts));
        };
        offered(text, choices)?;
        texts.push(text);
    }
    match twice(&texts) {
        Some(text) => Err(Fault::Twice(text.to_owned())),
        None => Ok(value),
    }
}

fn offered(text: &str, choices: &[Choice]) -> Result<(), Fault> {
    if choices.iter().any(|choice| choice.value == text) {
        return Ok(());
    }
    Err(Fault::NotAChoice {
        given: text.to_owned(),
        choices: choices.iter().map(|choice| choice.value.clone()).collect(),
    })
}

/// A text that is there more than once.
pub(super) fn twice(texts: &[impl AsRef<str>]) -> Option<&str> {
    let mut sorted: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    sorted.sort_unstable();
    sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// `-` at will, digits, and at will a point with digits after it.
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let count = unsigned.bytes().filter(u8::is_ascii_digit).count();
    digits(whole) && digits(fraction) && count <= DECIMAL_DIGITS
}

/// RFC 3339, 5.6, with a `T` between date and time.
fn is_date_time(text: &str) -> bool {
    text.is_ascii()
        && text.get(..10).and_then(date_range::day).is_some()
        && text.as_bytes().get(10).is_some_and(|byte| matches!(byte, b'T' | b't'))
        && text.len() <= LONGEST_DATE_TIME
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
