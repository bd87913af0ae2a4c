//! `log`: the guest's lines for the operator, within limits.

use super::bounds::cut;
use super::{AuthContext, Call, Imports};
use crate::contract::log::{Host, Level};

/// Maximum number of lines per call.
const MOST_LINES: u32 = 64;
/// Maximum size of a line, in bytes.
const MOST_BYTES: usize = 4096;

/// The handle that a call borrowed.
#[derive(Debug)]
pub enum Handle<'a, A, R> {
    /// No handle: a function of `recurrence` or `about`.
    None,
    /// A function of `schedules`.
    Access(&'a A),
    /// A function of `jobs`.
    Run(&'a R),
}

/// The call that writes a line.
#[derive(Debug)]
pub struct During<'a, A, R> {
    /// The exported function: `create`, `execute`, …
    pub function: &'static str,
    /// The borrowed handle: from it the host can add to the line, for example the organizer and the schedule.
    pub handle: Handle<'a, A, R>,
}

/// The guest's log for the operator.
pub trait Log: AuthContext {
    /// Writes one line: without control characters, at most 4 KiB, at most 64 lines per call. The guest does not wait for it.
    ///
    /// By default, lines go to `tracing`, with the target `plugin` and the name of the function.
    fn write(&self, during: &During<'_, Self::Access, Self::Run>, level: Level, text: &str) {
        let call = during.function;
        match level {
            Level::Error => tracing::error!(target: "plugin", call, "{text}"),
            Level::Warn => tracing::warn!(target: "plugin", call, "{text}"),
            Level::Info => tracing::info!(target: "plugin", call, "{text}"),
            Level::Debug => tracing::debug!(target: "plugin", call, "{text}"),
        }
    }
}

/// The interface and its functions, as the contract names them.
pub(crate) const OFFERED: (&str, &[&str]) = ("log", &["write"]);

/// What one call has logged.
#[derive(Debug, Default)]
pub(super) struct Lines {
    written: u32,
    panic: Option<String>,
}

impl Lines {
    pub(super) fn panic(&self) -> Option<&str> {
        self.panic.as_deref()
    }

    /// Returns the line to write, `None` to drop it.
    fn line(&mut self, level: Level, text: &str) -> Option<(Level, String)> {
        self.written = self.written.saturating_add(1);
        if self.written > MOST_LINES {
            let said = "log limit reached; dropping further lines of this call";
            return (self.written == MOST_LINES + 1).then(|| (Level::Warn, said.into()));
        }
        let text = cut(text, MOST_BYTES);
        if let (Level::Error, Some(words)) = (level, text.strip_prefix("panic: ")) {
            self.panic = Some(words.to_owned());
        }
        Some((level, text))
    }
}

impl<H: Imports> Host for Call<H> {
    async fn write(&mut self, level: Level, text: String) -> wasmtime::Result<()> {
        if let Some((level, text)) = self.lines.line(level, &text) {
            self.host.write(&self.during(), level, &text);
        }
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
    fn lines_past_the_limit_are_dropped_with_one_word_about_it_and_a_panic_is_kept() {
        let mut lines = Lines::default();
        let mut kept = usize::from(lines.line(Level::Error, "panic: index out of bounds").is_some());
        for _ in 0..1000 {
            kept += usize::from(lines.line(Level::Info, "again").is_some());
        }
        assert_eq!(kept, 64 + 1);
        assert_eq!(lines.line(Level::Error, "panic: past the limit"), None);
        assert_eq!(lines.panic(), Some("index out of bounds"));
    }
}
