//! Text of strangers in a CSV file or a list of lines that a spreadsheet opens: no cell of it may be run as a formula.
//!
//! Whoever opens the file may split it by another separator than the one it was written with, and read its quotes differently
//! then: `Anna;=1+1;` in a file with commas is a formula for a program that expects semicolons. So a text is looked at as if it
//! were split by any of the usual separators and at line breaks, and each piece that would begin a formula gets an apostrophe.

use std::borrow::Cow;

/// The text with an apostrophe before each piece of it that a spreadsheet could take for a formula.
pub(super) fn disarmed(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut kept = 0;
    // Where the present piece begins, as long as nothing but blanks and quotes of it has been seen.
    let mut begins = Some(0);
    for (at, c) in text.char_indices() {
        if let Some(start) = begins
            // Some programs also run what is behind a leading tab or carriage return.
            && (begins_a_formula(c) || (at == start && matches!(c, '\t' | '\r')))
        {
            out.push_str(&text[kept..start]);
            out.push('\'');
            kept = start;
        }
        begins = if is_break(c) || is_separator(c) {
            Some(at + c.len_utf8())
        } else {
            begins.filter(|_| is_blank(c))
        };
    }
    if out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[kept..]);
    Cow::Owned(out)
}

/// Also as typed with an input method for East Asian scripts, which some spreadsheets take for the same.
pub(super) fn begins_a_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠')
}

fn is_separator(c: char) -> bool {
    matches!(c, ',' | ';' | '|')
}

fn is_break(c: char) -> bool {
    matches!(
        c,
        '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// What a program may drop before it looks at a cell: blanks, marks without width, control characters, quotes.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '"' | '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_a_spreadsheet_would_run_gets_an_apostrophe() {
        for (text, written) in [
            ("=1", "'=1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@a", "'@a"),
            ("\ta", "'\ta"),
            ("\ra", "'\ra"),
            ("\t=a", "'\t'=a"),
            (" =1", "' =1"),
            ("\u{feff}=1", "'\u{feff}=1"),
            ("\u{200b}＝1", "'\u{200b}＝1"),
            ("\"=1\"", "'\"=1\""),
            ("Anna;=1+1;", "Anna;'=1+1;"),
            ("Anna,=1+1,", "Anna,'=1+1,"),
            ("Anna| \"@x\"", "Anna|' \"@x\""),
            ("Anna\t-1", "Anna\t'-1"),
            ("Anna\r\n=1", "Anna\r\n'=1"),
            ("Anna,\t;", "Anna,'\t;"),
            (";=1,+2|-3", ";'=1,'+2|'-3"),
        ] {
            assert_eq!(disarmed(text), written, "{text:?}");
        }
        for text in [
            "",
            "a=1",
            "1+1",
            "'=1",
            "Ärger",
            "a@example.org",
            "Meyer, Karl-Heinz",
            "a;b",
            "a b; c -d",
            "\"",
        ] {
            assert_eq!(disarmed(text), text);
            assert!(matches!(disarmed(text), Cow::Borrowed(_)), "{text:?}");
        }
    }
}
