//! What texts may hold: how long they are, line breaks, control characters.

use crate::message::Fault;

/// A text of one line: no line break of any kind, no control character.
///
/// # Errors
/// The first thing wrong with it.
pub fn one_line(text: &str, longest: usize) -> Result<(), Fault> {
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => return Err(Fault::LineBreak),
            other if other.is_control() => return Err(Fault::ControlCharacter(other)),
            _ => {}
        }
    }
    within(text, longest)
}

/// A text of any lines, tabs included, but of no other control character. Lines may end in CR LF, and end in LF after it.
///
/// # Errors
/// The first thing wrong with it.
pub fn lines(text: String, longest: usize) -> Result<String, Fault> {
    let text = if text.contains('\r') {
        text.replace("\r\n", "\n")
    } else {
        text
    };
    let control = |character: &char| character.is_control() && !matches!(character, '\n' | '\t');
    if let Some(character) = text.chars().find(control) {
        return Err(Fault::ControlCharacter(character));
    }
    within(&text, longest)?;
    Ok(text)
}

/// # Errors
/// It is nothing but white space.
pub fn not_blank(text: &str) -> Result<(), Fault> {
    if text.trim().is_empty() {
        Err(Fault::Blank)
    } else {
        Ok(())
    }
}

/// # Errors
/// It has more characters (Unicode scalar values) than that.
pub fn within(text: &str, longest: usize) -> Result<(), Fault> {
    // No text has more characters than bytes.
    if text.len() <= longest {
        return Ok(());
    }
    match text.chars().count() {
        given if given > longest => Err(Fault::TooLong { longest, given }),
        _ => Ok(()),
    }
}
