//! Whose fault a failed delivery attempt is.
//!
//! A recipient's server can reject the recipient or the message. Everything else, from the name of the mail server to the sender's
//! address, is for the operator to repair, and costs no recipient the message.

use std::fmt;

/// What keeps mail from leaving this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TroubleKind {
    /// The mail server cannot be reached, does not greet, or hangs up before it has heard of a mail.
    Unreachable,
    /// Its certificate is invalid.
    Certificate,
    /// There is no encrypted connection to it for another reason.
    Tls,
    /// It does not accept the credentials, or wants some.
    Login,
    /// It does not accept the name of this host.
    Hello,
    /// It does not accept the sender.
    Sender,
    /// It rejects recipients for a reason that is not theirs, such as “relay access denied”.
    Relay,
    /// It takes no mail at the moment: it puts everything off, or the connection is lost with a mail under way.
    Deferred,
    /// It has too much to do, or too many connections.
    Busy,
    /// This host cannot put the mail together: no temporary file.
    Host,
}

impl TroubleKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Unreachable,
        Self::Certificate,
        Self::Tls,
        Self::Login,
        Self::Hello,
        Self::Sender,
        Self::Relay,
        Self::Deferred,
        Self::Busy,
        Self::Host,
    ];

    /// For logs, metrics and `/healthz`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Certificate => "certificate",
            Self::Tls => "tls",
            Self::Login => "login",
            Self::Hello => "hello",
            Self::Sender => "sender",
            Self::Relay => "relay",
            Self::Deferred => "deferred",
            Self::Busy => "busy",
            Self::Host => "host",
        }
    }

    /// One thing that the operator can do.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Unreachable => "check host and port of the mail server, and that it is running",
            Self::Certificate => {
                "set SSL_CERT_FILE to a file with the certificate of its CA, or allow unencrypted connections with tls=none"
            }
            Self::Tls => "check the encryption of the mail server, or allow unencrypted connections with tls=none",
            Self::Login => "check user and password of the mail server",
            Self::Hello => {
                "set the name that this host gives in EHLO in the URL of the mail server: smtp://HOST:PORT/NAME"
            }
            Self::Sender => "check the sender's address, and that this account can send as it",
            Self::Relay => "allow this host to relay mail at the mail server",
            Self::Deferred => {
                "look into the log of the mail server for why it takes no mail: its disk, or what it checks mail with"
            }
            Self::Busy => "allow fewer connections with --smtp-connections",
            Self::Host => "check the disk of this host",
        }
    }
}

impl fmt::Display for TroubleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What keeps mail from leaving this host, with the mail server's reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Which kind.
    pub kind: TroubleKind,
    /// The server's reply, or why there is none.
    pub reply: String,
}

impl Trouble {
    /// One thing that the operator can do: that of the kind, or what the reply shows to fit better.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        let says = |words: &[&str]| words.iter().any(|word| self.reply.contains(word));
        match self.kind {
            TroubleKind::Certificate if says(&["NotValidForName", "not valid for name"]) => {
                "give the mail server's name as its certificate has it, in the URL of the mail server"
            }
            TroubleKind::Certificate if says(&["Expired", "NotValidYet", "certificate expired", "not valid yet"]) => {
                "renew the certificate of the mail server, and check the clock of this host"
            }
            TroubleKind::Certificate if says(&["CaUsedAsEndEntity", "UnsupportedCertVersion"]) => {
                "give the mail server a certificate (X.509, version 3) that a CA has signed, and is none of a CA"
            }
            TroubleKind::Tls if self.reply.get(..3).is_some_and(|code| code == "530") => {
                "the mail server wants encryption: set tls=required in its URL"
            }
            kind => kind.advice(),
        }
    }
}

/// Why one delivery attempt did not succeed. The text goes into the run history and into a mail to the owner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// This recipient will never get this message: the server said so (5yz).
    #[error("{0}")]
    Permanent(String),
    /// This recipient will never get this message, whatever the server, which was not asked: the address cannot be written, or the file
    /// is gone.
    #[error("{0}")]
    Unsendable(String),
    /// Try again later with the same bytes: the server deferred this recipient (4yz).
    #[error("{0}")]
    Transient(String),
    /// Nothing about recipient or message. The attempt does not count, and no other one is worth it before a pause.
    #[error("{}", .0.reply)]
    Trouble(Trouble),
    /// A no that names nothing, neither by its code nor by its status: the recipient's more often than not. It is the operator's if
    /// nobody is accepted, and recipients of several domains get it.
    #[error("{0}")]
    Plain(String),
    /// Can be the recipient's or the operator's fault: the latter if the server says it to everybody. Where the connection was lost with
    /// the message under way, the recipient might have it nevertheless.
    #[error("{reply}")]
    Unclear {
        /// The server's reply, or why there is none.
        reply: String,
        /// What it is if it is the recipient's: [`Refusal::Permanent`], or else [`Refusal::Transient`].
        is_final: bool,
        /// What it is if it is the operator's. While [`TroubleKind::Busy`], other recipients are not tried for a while.
        kind: TroubleKind,
    },
}

impl Refusal {
    /// Trouble of this kind.
    #[must_use]
    pub fn trouble(kind: TroubleKind, reply: impl Into<String>) -> Self {
        let reply = reply.into();
        Self::Trouble(Trouble { kind, reply })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_fits_what_is_wrong_with_the_certificate_or_the_encryption() {
        let no = "no encrypted connection to the mail server: invalid peer certificate: ";
        for (kind, reply, word) in [
            (TroubleKind::Certificate, format!("{no}UnknownIssuer"), "SSL_CERT_FILE"),
            (TroubleKind::Certificate, format!("{no}NotValidForName"), "name"),
            (
                TroubleKind::Certificate,
                format!("{no}certificate not valid for name \"a\"; certificate is only valid for b"),
                "name",
            ),
            (TroubleKind::Certificate, format!("{no}Expired"), "renew"),
            (
                TroubleKind::Certificate,
                format!("{no}certificate expired: verification time 2"),
                "renew",
            ),
            (
                TroubleKind::Certificate,
                format!("{no}Other(OtherError(CaUsedAsEndEntity))"),
                "signed",
            ),
            (
                TroubleKind::Certificate,
                format!("{no}Other(OtherError(UnsupportedCertVersion))"),
                "signed",
            ),
            (
                TroubleKind::Tls,
                "530 Must issue a STARTTLS command first".to_owned(),
                "tls=required",
            ),
            (TroubleKind::Tls, "454 4.3.0 TLS not available".to_owned(), "tls=none"),
        ] {
            let trouble = Trouble { kind, reply };
            assert!(trouble.advice().contains(word), "{trouble:?}: {}", trouble.advice());
        }
    }
}
