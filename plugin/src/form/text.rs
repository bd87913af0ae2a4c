//! Checks of texts: length, line breaks, control characters.

use crate::message::ValidationError;

/// Checks a text of one line: no line break of any kind, no control character.
///
/// # Errors
/// The first error in it.
pub fn one_line(text: &str, max: usize) -> Result<(), ValidationError> {
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                return Err(ValidationError::LineBreak);
            }
            other if other.is_control() => return Err(ValidationError::ControlCharacter(other)),
            _ => {}
        }
    }
    within(text, max)
}

/// Checks a text of several lines: no control character other than tabs. Replaces CR LF with LF.
///
/// # Errors
/// The first error in it.
pub fn lines(text: String, max: usize) -> Result<String, ValidationError> {
    let text = if text.contains('\r') {
        text.replace("\r\n", "\n")
    } else {
        text
    };
    let control = |character: &char| character.is_control() && !matches!(character, '\n' | '\t');
    if let Some(character) = text.chars().find(control) {
        return Err(ValidationError::ControlCharacter(character));
    }
    within(&text, max)?;
    Ok(text)
}

/// # Errors
/// If the text is empty or only white space.
pub fn not_blank(text: &str) -> Result<(), ValidationError> {
    if text.trim().is_empty() {
        Err(ValidationError::Blank)
    } else {
        Ok(())
    }
}

/// # Errors
/// If the text has more than `max` characters (Unicode scalar values).
pub fn within(text: &str, max: usize) -> Result<(), ValidationError> {
    // No text has more characters than bytes.
    if text.len() <= max {
        return Ok(());
    }
    match text.chars().count() {
        given if given > max => Err(ValidationError::TooLong { max, given }),
        _ => Ok(()),
    }
}
