//! `log`: the guest's lines for the operator, within bounds.

use super::State;
use crate::contract::log::{Host, Level};

/// Most lines of one call.
const MOST_LINES: u32 = 64;
/// Most bytes of one line.
const MOST_BYTES: usize = 4096;

/// What one call has logged.
#[derive(Debug)]
pub struct LogLines {
    label: String,
    written: u32,
    panic: Option<String>,
}

impl LogLines {
    #[must_use]
    pub fn new(label: String) -> Self {
        Self {
            label,
            written: 0,
            panic: None,
        }
    }

    #[must_use]
    pub fn panic(&self) -> Option<&str> {
        self.panic.as_deref()
    }

    fn write(&mut self, level: Level, text: &str) {
        self.written = self.written.saturating_add(1);
        if self.written > MOST_LINES {
            if self.written == MOST_LINES + 1 {
                tracing::warn!(call = %self.label, "the plugin logs too much: further lines of this call are dropped");
            }
            return;
        }
        let text = cut(text, MOST_BYTES);
        if let (Level::Error, Some(words)) = (level, text.strip_prefix("panic: ")) {
            self.panic = Some(words.to_owned());
        }
        let call = &self.label;
        match level {
            Level::Error => tracing::error!(target: "plugin", %call, "{text}"),
            Level::Warn => tracing::warn!(target: "plugin", %call, "{text}"),
            Level::Info => tracing::info!(target: "plugin", %call, "{text}"),
            Level::Debug => tracing::debug!(target: "plugin", %call, "{text}"),
        }
    }
}

/// The text on one line, at most `most` bytes, ended at a character.
pub(super) fn cut(text: &str, most: usize) -> String {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end]
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect()
}

impl Host for State {
    async fn write(&mut self, level: Level, text: String) -> wasmtime::Result<()> {
        self.log.write(level, &text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_at_a_character_and_stays_one_line() {
        assert_eq!(cut("äöü", 3), "ä");
        assert_eq!(cut("one\ntwo\u{1b}[31m", 100), "one two [31m");
    }

    #[test]
    fn lines_past_the_limit_are_dropped_and_a_panic_is_kept() {
        let mut lines = LogLines::new("test".into());
        lines.write(Level::Error, "panic: index out of bounds");
        for _ in 0..1000 {
            lines.write(Level::Info, "again");
        }
        lines.write(Level::Error, "panic: past the limit");
        assert_eq!(lines.panic(), Some("index out of bounds"));
    }
}
