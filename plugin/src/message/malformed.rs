//! The message for a text that is not JSON.

use serde_json::Error;

use crate::language::Language;
use crate::text;

/// A text without variables.
type Text = fn(Language) -> &'static str;

/// Beginnings of the messages of `serde_json`, and the text for each.
const MESSAGES: [(&str, Text); 18] = [
    ("EOF while parsing", text::json_end),
    ("expected value", text::json_value),
    ("expected ident", text::json_word),
    ("expected `,` or `}`", text::json_comma_or_brace),
    ("expected `,` or `]`", text::json_comma_or_bracket),
    ("expected `:`", text::json_colon),
    ("expected `\"`", text::json_key),
    ("key must be a string", text::json_key),
    ("trailing comma", text::json_trailing_comma),
    ("trailing characters", text::json_trailing_characters),
    ("invalid number", text::json_number),
    ("number out of range", text::json_number_range),
    ("invalid escape", text::json_escape),
    ("invalid unicode code point", text::json_escape),
    ("lone leading surrogate", text::json_escape),
    ("unexpected end of hex escape", text::json_escape),
    ("control character", text::json_control_character),
    ("recursion limit exceeded", text::json_depth),
];

/// Says where and why a text is not JSON.
#[must_use]
pub fn malformed(error: &Error, language: Language) -> String {
    let message = error.to_string();
    let known = MESSAGES.iter().find(|(start, _)| message.starts_with(start));
    let why = known.map_or(text::json_other(language), |(_, text)| text(language));
    text::json_malformed(language, error.column(), error.line(), why)
}
