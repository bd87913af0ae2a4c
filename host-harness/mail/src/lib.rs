//! Mail of scheduled exports: a mail of the outbox becomes the same bytes at every attempt, and a transport delivers them to one
//! recipient at a time.
//!
//! For a platform that sends exports itself: [`outbox`] has the types that a store keeps, [`message`] makes the bytes, from what
//! [`sender`] says of the operator's configuration. A [`Transport`] delivers them: `smtp` to a mail server, `eml` to a directory, each behind the
//! feature of its name. [`backoff`] says when to try again, [`trouble`] tells the faults of recipients from those of the operator. The
//! loop that leases deliveries and records their results belongs to the host, which has the store.
//!
//! ```
//! use scheduled_exports_host::Scope;
//! use scheduled_exports_mail::{MailKind, NewMail, OutboxMail, message_id, render};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let due = 1_793_070_000; // 2026-10-27T03:00:00Z
//! let mail = NewMail {
//!     kind: MailKind::Failure,
//!     message_id: message_id(7, due, MailKind::Failure, "tickets.example"),
//!     from: "exports@tickets.example".into(),
//!     from_name: Some("Tickets".into()),
//!     reply_to: None,
//!     to: vec!["mary@example.org".into()],
//!     cc: Vec::new(),
//!     bcc: vec!["archive@example.org".into()],
//!     subject: "Scheduled export failed".into(),
//!     text: "It was too large.".into(),
//!     attach_file: false,
//! };
//! let scope = Scope { organizer: "bigevents".into(), event: None };
//! let kept = OutboxMail { id: 1, run: Some(1), schedule: 7, scope, due, created: due, mail, file: None };
//!
//! let bytes = render(&kept, None)?;
//! assert_eq!(bytes, render(&kept, None)?); // the same at every try
//! let text = String::from_utf8(bytes)?;
//! assert!(text.contains("Message-ID: <2026-10-27T030000Z-schedule-7-failure@tickets.example>\r\n"));
//! assert!(!text.contains("archive@example.org"));
//! # Ok(())
//! # }
//! ```

#![deny(missing_docs)]

use std::sync::Arc;

use async_trait::async_trait;

mod attachment;
pub mod backoff;
#[cfg(feature = "eml")]
pub mod eml;
pub mod message;
pub mod outbox;
pub mod sender;
#[cfg(feature = "smtp")]
pub mod smtp;
pub mod trouble;

#[cfg(feature = "eml")]
pub use eml::EmlTransport;
pub use message::{Origin, message_id, render, size, staged};
pub use outbox::{FileFacts, MailKind, NewMail, OutboxMail};
pub use sender::{Sender, SenderError};
#[cfg(feature = "smtp")]
pub use smtp::{SmtpTimeouts, SmtpTransport, SmtpUrlError};
pub use trouble::{Refusal, Trouble, TroubleKind};

/// Most characters of a server's reply that are kept.
pub const MAX_WORDS: usize = 500;

/// Hands messages over, one recipient at a time, so that a refused recipient neither costs nor repeats the others theirs.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Hands `bytes` over for `recipient`; answers the server's words. `Ok` means that it has taken responsibility.
    ///
    /// Dropping the future is allowed at any time, and leaves open whether the recipient gets it.
    async fn hand_over(
        &self,
        envelope_from: &str,
        recipient: &str,
        message_id: &str,
        bytes: Arc<[u8]>,
    ) -> Result<String, Refusal>;

    /// Meets the other side without a message, as `envelope_from` would; answers as [`Transport::size_limit`] does from then on. Dropping
    /// the future is allowed at any time.
    ///
    /// # Errors
    /// Why no message can be handed over at the moment.
    async fn meet(&self, envelope_from: &str) -> Result<Option<u64>, Refusal> {
        let _ = envelope_from;
        Ok(self.size_limit())
    }

    /// Takes leave of the other side, where nothing more is handed over for the moment. What comes later is taken nevertheless.
    async fn close(&self) {}

    /// Maximum bytes of a message, as the other side announced them last; `None` if it did not.
    fn size_limit(&self) -> Option<u64> {
        None
    }
}

/// A server's words as they may go into JSON, a log line and a mail: one line, no control characters, at most [`MAX_WORDS`]
/// characters, the cut marked.
#[must_use]
pub fn words(said: &str) -> String {
    let line = said.replace(is_control, " ");
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_WORDS) {
        None => line,
        Some(_) => line.chars().take(MAX_WORDS - 1).chain(['…']).collect(),
    }
}

/// What has no place in one line of text: control characters, line and paragraph separators, and marks that turn the direction
/// of the text around (so that `gpj.exe` reads `exe.jpg`).
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The domain of an address, all that a log line at `info` shows of it; `?` if it has none.
#[must_use]
pub fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or("?", |(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_are_one_short_line() {
        assert_eq!(words("550 5.1.1 no such user"), "550 5.1.1 no such user");
        assert_eq!(
            words("550 a\r\nBcc: b\u{0}\u{1b}[31mc\u{2028}d\r\n"),
            "550 a Bcc: b [31mc d"
        );
        assert_eq!(words(&"ä".repeat(MAX_WORDS)), "ä".repeat(MAX_WORDS));
        let cut = words(&"ä".repeat(MAX_WORDS + 1));
        assert_eq!(cut.chars().count(), MAX_WORDS);
        assert!(cut.ends_with("ä…"));
    }
}
