//! As much of JSON Schema 2020-12 and its patterns as the plugin's schemas use. Anything else is a panic.

use serde_json::{Map, Value};

/// Whether `value` is valid against `schema`.
pub fn is_valid(schema: &Value, value: &Value) -> bool {
    match schema {
        Value::Bool(valid) => *valid,
        Value::Object(keywords) => keywords
            .iter()
            .all(|(name, argument)| holds(name, argument, keywords, value)),
        other => panic!("{other} is no schema"),
    }
}

fn holds(name: &str, argument: &Value, keywords: &Map<String, Value>, value: &Value) -> bool {
    let schemas = || argument.as_array().expect("schemas").iter();
    let number = || argument.as_u64().expect("a number") as usize;
    let length = || value.as_str().map(|text| text.chars().count());
    let items = || value.as_array();
    match name {
        "$schema" | "title" | "default" | "format" | "then" | "else" => true,
        _ if name.starts_with("x-") => true,
        "type" => match argument {
            Value::String(name) => is_of(name, value),
            names => names
                .as_array()
                .expect("types")
                .iter()
                .any(|name| is_of(name.as_str().expect("a type"), value)),
        },
        "const" => argument == value,
        "enum" => argument.as_array().expect("values").contains(value),
        // Of the other members.
        "additionalProperties" => value.as_object().is_none_or(|members| {
            let named = keywords.get("properties").and_then(Value::as_object);
            let mut others = members
                .iter()
                .filter(|(name, _)| named.is_none_or(|named| !named.contains_key(*name)));
            others.all(|(_, value)| is_valid(argument, value))
        }),
        "allOf" => schemas().all(|schema| is_valid(schema, value)),
        "anyOf" => schemas().any(|schema| is_valid(schema, value)),
        "not" => !is_valid(argument, value),
        "if" => {
            let branch = if is_valid(argument, value) { "then" } else { "else" };
            keywords.get(branch).is_none_or(|schema| is_valid(schema, value))
        }
        "required" => value
            .as_object()
            .is_none_or(|members| schemas().all(|name| members.contains_key(name.as_str().expect("a name")))),
        "properties" => value.as_object().is_none_or(|members| {
            let mut properties = argument.as_object().expect("properties").iter();
            properties.all(|(name, schema)| members.get(name).is_none_or(|value| is_valid(schema, value)))
        }),
        "items" => items().is_none_or(|items| items.iter().all(|item| is_valid(argument, item))),
        "minItems" => items().is_none_or(|items| items.len() >= number()),
        "maxItems" => items().is_none_or(|items| items.len() <= number()),
        "uniqueItems" => {
            items().is_none_or(|items| items.iter().enumerate().all(|(at, item)| !items[..at].contains(item)))
        }
        "minLength" => length().is_none_or(|length| length >= number()),
        "maxLength" => length().is_none_or(|length| length <= number()),
        "minimum" => value
            .as_f64()
            .is_none_or(|value| value >= argument.as_f64().expect("a number")),
        "maximum" => value
            .as_f64()
            .is_none_or(|value| value <= argument.as_f64().expect("a number")),
        "pattern" => value
            .as_str()
            .is_none_or(|text| matches(argument.as_str().expect("a pattern"), text)),
        other => panic!("unknown keyword {other}"),
    }
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("unknown type {other}"),
    }
}

/// Whether `text` contains a match of the regular expression (ECMA-262).
fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let (alternatives, end) = Piece::alternatives(&pattern, 0);
    assert_eq!(end, pattern.len(), "the whole pattern");
    let text: Vec<char> = text.chars().collect();
    (0..=text.len()).any(|from| !ends(&alternatives, &text, &[from]).is_empty())
}

enum Piece {
    Start,
    End,
    /// Characters in these ranges, or not in them.
    Class(bool, Vec<(char, char)>),
    Group(Vec<Vec<Self>>),
    /// So many times, from and to.
    Times(Box<Self>, usize, usize),
}

impl Piece {
    fn alternatives(pattern: &[char], mut at: usize) -> (Vec<Vec<Self>>, usize) {
        let mut alternatives = vec![Vec::new()];
        while at < pattern.len() && pattern[at] != ')' {
            if pattern[at] == '|' {
                alternatives.push(Vec::new());
                at += 1;
                continue;
            }
            let (mut piece, mut next) = Self::one(pattern, at);
            let times = match pattern.get(next) {
                Some('?') => Some((0, 1, 1)),
                Some('*') => Some((0, usize::MAX, 1)),
                Some('+') => Some((1, usize::MAX, 1)),
                // Only one digit.
                Some('{') => pattern[next + 1]
                    .to_digit(10)
                    .map(|times| (times as usize, times as usize, 3)),
                _ => None,
            };
            if let Some((from, to, length)) = times {
                piece = Self::Times(Box::new(piece), from, to);
                next += length;
            }
            alternatives.last_mut().expect("one").push(piece);
            at = next;
        }
        (alternatives, at)
    }

    fn one(pattern: &[char], at: usize) -> (Self, usize) {
        match pattern[at] {
            '^' => (Self::Start, at + 1),
            '$' => (Self::End, at + 1),
            '(' => {
                let inside = if pattern[at + 1] == '?' { at + 3 } else { at + 1 };
                let (alternatives, end) = Self::alternatives(pattern, inside);
                (Self::Group(alternatives), end + 1)
            }
            '[' => {
                let negated = pattern[at + 1] == '^';
                let mut at = at + 1 + usize::from(negated);
                let mut ranges = Vec::new();
                while pattern[at] != ']' {
                    let (first, mut next) = character(pattern, at);
                    let mut last = first;
                    if pattern[next] == '-' {
                        (last, next) = character(pattern, next + 1);
                    }
                    ranges.push((first, last));
                    at = next;
                }
                (Self::Class(negated, ranges), at + 1)
            }
            _ => {
                let (character, next) = character(pattern, at);
                (Self::Class(false, vec![(character, character)]), next)
            }
        }
    }
}

/// A character, perhaps written as `\u0085` or `\.`.
fn character(pattern: &[char], at: usize) -> (char, usize) {
    match (pattern[at], pattern.get(at + 1)) {
        ('\\', Some('u')) => {
            let digits: String = pattern[at + 2..at + 6].iter().collect();
            let number = u32::from_str_radix(&digits, 16).expect("four digits");
            (char::from_u32(number).expect("a character"), at + 6)
        }
        ('\\', Some(escaped)) => (*escaped, at + 2),
        (character, _) => (character, at + 1),
    }
}

/// Where matches can end that begin at one of `starts`, in order and each once.
fn ends(alternatives: &[Vec<Piece>], text: &[char], starts: &[usize]) -> Vec<usize> {
    let mut found = Vec::new();
    for pieces in alternatives {
        let last = pieces
            .iter()
            .fold(starts.to_vec(), |starts, piece| ends_of(piece, text, &starts));
        found.extend(last);
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn ends_of(piece: &Piece, text: &[char], starts: &[usize]) -> Vec<usize> {
    let starts_where =
        |holds: &dyn Fn(usize) -> bool| starts.iter().copied().filter(|at| holds(*at)).collect::<Vec<_>>();
    match piece {
        Piece::Start => starts_where(&|at| at == 0),
        Piece::End => starts_where(&|at| at == text.len()),
        Piece::Class(negated, ranges) => {
            let is_in = |character: char| ranges.iter().any(|(first, last)| (*first..=*last).contains(&character));
            let fits = starts_where(&|at| text.get(at).is_some_and(|character| is_in(*character) != *negated));
            fits.into_iter().map(|at| at + 1).collect()
        }
        Piece::Group(alternatives) => ends(alternatives, text, starts),
        // Without an upper limit, a place that was reached before leads nowhere new.
        Piece::Times(piece, from, usize::MAX) => {
            let mut reached = starts.to_vec();
            let mut seen = vec![false; text.len() + 1];
            if *from == 0 {
                reached.iter().for_each(|at| seen[*at] = true);
            }
            while !reached.is_empty() {
                reached = ends_of(piece, text, &reached);
                reached.retain(|at| !std::mem::replace(&mut seen[*at], true));
            }
            (0..seen.len()).filter(|at| seen[*at]).collect()
        }
        Piece::Times(piece, from, to) => {
            let mut reached = starts.to_vec();
            let mut found = if *from == 0 { reached.clone() } else { Vec::new() };
            for times in 1..=*to {
                reached = ends_of(piece, text, &reached);
                if times >= *from {
                    found.extend(&reached);
                }
            }
            found.sort_unstable();
            found.dedup();
            found
        }
    }
}

#[test]
fn the_patterns_match_as_in_ecma_262() {
    for (pattern, right, wrong) in [
        ("^a?b$", &["b", "ab"][..], &["a", "aab", "ab "][..]),
        ("^([01][0-9]|2[0-3]):[0-5]$", &["19:5", "23:0"], &["24:0", "1:5", ""]),
        (r"^-?[0-9]+(\.[0-9]+)?$", &["1", "-1.50"], &["1.", ".5", "1x5", "--1"]),
        (
            r"^(?:[^\u0000-\u001f]|\u000d\u000a)*$",
            &["", "a\r\nb"],
            &["a\rb", "\n"],
        ),
        ("^[0-9]{4}-", &["2026-01"], &["202-01", "x2026-"]),
        (r"\u000d", &["a\rb"], &["a"]),
    ] {
        assert!(right.iter().all(|text| matches(pattern, text)), "{pattern}");
        assert!(!wrong.iter().any(|text| matches(pattern, text)), "{pattern}");
    }
}
