//! Where and why a text is not JSON.

use serde_json::Error;

use crate::language::Language;
use crate::text;

/// A text that has no variables.
type Text = fn(Language) -> &'static str;

/// How the parser's own words begin, and the text for them.
const SAYINGS: [(&str, Text); 18] = [
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

/// The parser's error as a sentence.
#[must_use]
pub fn malformed(error: &Error, language: Language) -> String {
    let said = error.to_string();
    let known = SAYINGS.iter().find(|(saying, _)| said.starts_with(saying));
    let why = known.map_or(text::json_other(language), |(_, text)| text(language));
    text::json_malformed(language, error.column(), error.line(), why)
}
