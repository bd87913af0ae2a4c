//! An answer, compared with the expected one; and names in a script that stand for what an earlier step gave.

use serde_json::{Map, Value};

/// Does the answer fit? Objects may have more keys than the pattern, lists have as many entries, all else is equal.
///
/// In place of a value a pattern may have an object with one of these keys: `$any`, `$above` (a number), `$not` (any value),
/// `$has` (a list that holds all of these), `$length` (of a list), `$longest` (bytes of a text), `$one-of`.
#[must_use]
pub fn fits(pattern: &Value, answer: &Value) -> bool {
    if let Some((operator, operand)) = operator(pattern) {
        return match operator {
            "$any" => true,
            "$above" => answer.as_i64() > operand.as_i64() && answer.is_number(),
            "$not" => answer != operand,
            "$has" => list(operand)
                .iter()
                .all(|one| list(answer).iter().any(|other| fits(one, other))),
            "$length" => answer.is_array() && operand.as_u64() == Some(list(answer).len() as u64),
            "$longest" => answer
                .as_str()
                .is_some_and(|text| text.len() as u64 <= operand.as_u64().unwrap_or_default()),
            "$one-of" => list(operand).iter().any(|one| fits(one, answer)),
            _ => false,
        };
    }
    match (pattern, answer) {
        (Value::Object(pattern), Value::Object(answer)) => pattern
            .iter()
            .all(|(key, value)| answer.get(key).is_some_and(|other| fits(value, other))),
        (Value::Array(pattern), Value::Array(answer)) => {
            pattern.len() == answer.len() && pattern.iter().zip(answer).all(|(one, other)| fits(one, other))
        }
        _ => pattern == answer,
    }
}

fn operator(pattern: &Value) -> Option<(&str, &Value)> {
    let object = pattern.as_object().filter(|object| object.len() == 1)?;
    let (key, operand) = object.iter().next()?;
    key.starts_with('$').then_some((key.as_str(), operand))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// How an answer of an import is to be: a word for short, else a pattern of `{"ok": …}` or `{"error": …, "with": …}`.
///
/// `ok` is any right answer, another word that error; of several words in a list, one.
#[must_use]
pub fn answers(expected: &Value, answer: &Value) -> bool {
    match expected {
        Value::Null => answer.get("ok").is_some(),
        Value::String(word) if word == "ok" => answer.get("ok").is_some(),
        Value::String(word) => answer.get("error").and_then(Value::as_str) == Some(word),
        Value::Array(words) => words.iter().any(|word| answers(word, answer)),
        pattern => fits(pattern, answer),
    }
}

/// The value with each text of the form `$name` or `$name.key.key` replaced by what is kept under that name. Below `document`
/// nothing is replaced: that is a script of its own.
///
/// # Errors
/// If nothing is kept under a name.
pub fn resolved(value: &Value, kept: &Map<String, Value>) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => match text.strip_prefix('$') {
            Some(path) => look_up(path, kept).ok_or_else(|| format!("no step before has given `{path}`"))?,
            None => value.clone(),
        },
        Value::Array(values) => Value::Array(values.iter().map(|one| resolved(one, kept)).collect::<Result<_, _>>()?),
        Value::Object(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let value = match key.as_str() {
                    "document" => value.clone(),
                    _ => resolved(value, kept)?,
                };
                object.insert(key.clone(), value);
            }
            Value::Object(object)
        }
        other => other.clone(),
    })
}

fn look_up(path: &str, kept: &Map<String, Value>) -> Option<Value> {
    let mut keys = path.split('.');
    let mut found = kept.get(keys.next()?)?;
    for key in keys {
        found = match found {
            Value::Array(values) => values.get(key.parse::<usize>().ok()?)?,
            other => other.get(key)?,
        };
    }
    Some(found.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pattern_leaves_open_what_it_does_not_name() {
        assert!(fits(&json!({"a": 1}), &json!({"a": 1, "b": 2})));
        assert!(!fits(&json!({"a": 1}), &json!({"a": 2})) && !fits(&json!({"a": 1}), &json!({})));
        assert!(fits(&json!([1, {"$any": true}]), &json!([1, "x"])) && !fits(&json!([1]), &json!([1, 2])));
        assert!(fits(&json!({"$above": 1}), &json!(2)));
        assert!(!fits(&json!({"$above": 1}), &json!(1)) && !fits(&json!({"$above": 1}), &json!(null)));
        assert!(fits(&json!({"$not": 1}), &json!(2)) && !fits(&json!({"$not": 1}), &json!(1)));
        assert!(fits(&json!({"$has": [2]}), &json!([1, 2])) && !fits(&json!({"$has": [3]}), &json!([1, 2])));
        assert!(fits(&json!({"$length": 2}), &json!([1, 2])) && !fits(&json!({"$length": 0}), &json!(null)));
        assert!(fits(&json!({"$longest": 2}), &json!("ab")) && !fits(&json!({"$longest": 2}), &json!("abc")));
        assert!(fits(&json!({"$one-of": [1, 2]}), &json!(2)) && !fits(&json!({"$one-of": [1, 2]}), &json!(3)));
    }

    #[test]
    fn a_word_is_an_error_or_ok() {
        let stale = json!({"error": "stale"});
        assert!(answers(&json!("stale"), &stale) && answers(&json!(["quota", "stale"]), &stale));
        assert!(!answers(&json!("quota"), &stale) && !answers(&json!("ok"), &stale) && !answers(&Value::Null, &stale));
        assert!(answers(&Value::Null, &json!({"ok": null})) && answers(&json!("ok"), &json!({"ok": 1})));
        assert!(answers(
            &json!({"error": "quota", "with": 2}),
            &json!({"error": "quota", "with": 2})
        ));
    }

    #[test]
    fn a_name_stands_for_what_was_kept_except_in_a_document() {
        let kept = json!({"a": {"id": 7, "rows": [{"id": 8}]}});
        let kept = kept.as_object().expect("an object");
        let script = json!({"id": "$a.id", "rows": ["$a.rows.0.id", "x"], "document": "$a.id"});
        let expected = json!({"id": 7, "rows": [8, "x"], "document": "$a.id"});
        assert_eq!(resolved(&script, kept), Ok(expected));
        assert!(resolved(&json!("$b"), kept).is_err() && resolved(&json!("$a.rows.1"), kept).is_err());
    }
}
