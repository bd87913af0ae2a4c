//! Handing over to a mail server: lettre's connection, one transaction (RFC 5321, 3.3) a recipient.
//!
//! Which step failed decides what it means. A "no" to MAIL, RCPT or the message is about this recipient and this message, and
//! final if it is a 5yz. Whatever goes wrong before (no connection, a greeting of 554, no TLS, refused credentials) is about the
//! way there: it is tried again, and never costs a recipient the message. That is why this drives
//! [`AsyncSmtpConnection`] and not lettre's transport, whose error does not tell at which step it came; and the
//! asynchronous one of those knows no time limit but the one of connecting.
//!
//! A connection is kept for the next recipient for a while. If the server has closed it meanwhile, a new one is opened.
//! lettre's `tracing` feature must stay off: it logs what is sent, credentials and all.

use std::fmt::{self, Display};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::{AsyncSmtpConnection, Tls};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::{Response, Severity};

use super::{Refusal, Transport};

mod url;

use url::Server;
pub use url::SmtpUrlError;

/// How long an unused connection is kept.
const KEEP_IDLE: Duration = Duration::from_secs(20);
/// How many of them.
const MOST_IDLE: usize = 8;
/// The message goes out in pieces of this size, so that a copy of it is never in memory.
const PIECE: usize = 64 * 1024;

/// How long each step may take. Past it the connection is dropped, and the recipient tried again later.
#[derive(Clone, Debug)]
pub struct SmtpTimeouts {
    /// Opening the connection, for each address of the server's name.
    pub connect: Duration,
    /// One command and its reply.
    pub command: Duration,
    /// Sending the message, and the reply to it.
    pub message: Duration,
}

impl Default for SmtpTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            command: Duration::from_secs(60),
            message: Duration::from_secs(180),
        }
    }
}

/// Hands messages to one mail server, which passes them on.
pub struct SmtpTransport {
    server: Server,
    timeouts: SmtpTimeouts,
    idle: Mutex<Vec<Idle>>,
}

/// Shows no credentials.
impl fmt::Debug for SmtpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpTransport")
            .field("host", &self.server.host)
            .field("port", &self.server.port)
            .finish_non_exhaustive()
    }
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
    /// The last transaction ended half-way.
    reset_first: bool,
}

/// What a step failed by.
enum Failed {
    /// The server said no: its code, and code and text together.
    Said(u16, String),
    /// No answer, or none that makes sense: the connection is of no more use.
    Lost(String),
}

impl Failed {
    /// The connection, and not what was asked on it, is the matter.
    fn is_of_the_connection(&self) -> bool {
        // 421: "service not available, closing transmission channel", to any command.
        matches!(self, Self::Lost(_) | Self::Said(421, _))
    }

    fn words(self) -> String {
        match self {
            Self::Said(_, words) | Self::Lost(words) => words,
        }
    }
}

impl SmtpTransport {
    /// A transport to the server of `--smtp URL`. Nothing is connected yet.
    ///
    /// `smtp://[user:password@]host[:port][/own-name][?tls=required|opportunistic|none]` or `smtps://…` (TLS from the first
    /// byte). User and password are percent-encoded. Without `tls`, STARTTLS is required if there are credentials, and else
    /// used if the server offers it. A certificate that does not hold is never accepted: for such a server there is `tls=none`.
    /// The port is 465 with `smtps`, 587 with credentials or `tls=required`, else 25. `own-name` is what the host calls itself
    /// in EHLO.
    ///
    /// # Errors
    /// In one sentence, what is wrong with the URL. The URL is not in it, since a password can be.
    pub fn from_url(url: &str, timeouts: SmtpTimeouts) -> Result<Self, SmtpUrlError> {
        Ok(Self {
            server: url::parse(url)?,
            timeouts,
            idle: Mutex::default(),
        })
    }

    /// The newest connection that is still fresh.
    async fn reuse(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let mut idle = {
                let mut all = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                all.retain(|idle| idle.since.elapsed() < KEEP_IDLE);
                all.pop()?
            };
            if !idle.reset_first
                || self
                    .ask(&mut idle.connection, Rset, Severity::PositiveCompletion)
                    .await
                    .is_ok()
            {
                return Some(idle.connection);
            }
        }
    }

    fn keep(&self, connection: AsyncSmtpConnection, reset_first: bool) {
        let mut all = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MOST_IDLE {
            let since = Instant::now();
            all.push(Idle {
                connection,
                since,
                reset_first,
            });
        }
    }

    /// A new connection, ready for MAIL.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Refusal> {
        let Server { host, port, hello, .. } = &self.server;
        let limit = self.timeouts.command;
        let wrapper = match &self.server.tls {
            Tls::Wrapper(parameters) => Some(parameters.clone()),
            _ => None,
        };
        let address = (host.as_str(), *port);
        let opening = AsyncSmtpConnection::connect_tokio1(address, Some(self.timeouts.connect), hello, wrapper, None);
        let mut connection = within(self.timeouts.connect + limit, opening)
            .await
            .map_err(|failed| away("the mail server could not be reached", failed))?;

        let (upgrade, required) = match &self.server.tls {
            Tls::Required(parameters) => (Some(parameters), true),
            Tls::Opportunistic(parameters) => (Some(parameters), false),
            Tls::None | Tls::Wrapper(_) => (None, false),
        };
        if let Some(parameters) = upgrade.filter(|_| required || connection.can_starttls()) {
            let upgrading = connection.starttls(parameters.clone(), hello);
            within(limit, upgrading)
                .await
                .map_err(|failed| away("no encrypted connection to the mail server", failed))?;
        }
        if let Some(credentials) = &self.server.credentials {
            let login = connection.auth(DEFAULT_MECHANISMS, credentials);
            within(limit, login)
                .await
                .map_err(|failed| away("the mail server did not let this host in", failed))?;
        }
        Ok(connection)
    }

    /// One command, and the kind of reply it needs.
    async fn ask(
        &self,
        connection: &mut AsyncSmtpConnection,
        command: impl Display,
        needed: Severity,
    ) -> Result<Response, Failed> {
        let response = within(self.timeouts.command, connection.command(command)).await?;
        needs(response, needed)
    }

    /// MAIL and RCPT: nothing of the message is sent yet.
    async fn open(&self, connection: &mut AsyncSmtpConnection, mail: Mail, to: &Address) -> Result<(), Failed> {
        self.ask(connection, mail, Severity::PositiveCompletion).await?;
        let rcpt = Rcpt::new(to.clone(), Vec::new());
        self.ask(connection, rcpt, Severity::PositiveCompletion).await?;
        Ok(())
    }

    async fn send(&self, connection: &mut AsyncSmtpConnection, bytes: &[u8]) -> Result<Response, Failed> {
        self.ask(connection, Data, Severity::PositiveIntermediate).await?;
        // The end of the message is CRLF, dot, CRLF, and lettre sends all three.
        let bytes = bytes.strip_suffix(b"\r\n").unwrap_or(bytes);
        let sending = connection.message_iter(bytes.chunks(PIECE));
        needs(
            within(self.timeouts.message, sending).await?,
            Severity::PositiveCompletion,
        )
    }
}

#[async_trait]
impl Transport for SmtpTransport {
    async fn hand_over(
        &self,
        envelope_from: &str,
        recipient: &str,
        _message_id: &str,
        bytes: Arc<[u8]>,
    ) -> Result<String, Refusal> {
        let to = address(recipient)
            .ok_or_else(|| Refusal::Permanent("no address that a mail server could be asked for".to_owned()))?;
        let from = address(envelope_from)
            .ok_or_else(|| Refusal::Transient("this host's sender address is not one".to_owned()))?;
        let international = !(recipient.is_ascii() && envelope_from.is_ascii());

        let mut reused = self.reuse().await;
        let mut connection = loop {
            let (mut connection, was_reused) = match reused.take() {
                Some(connection) => (connection, true),
                None => (self.connect().await?, false),
            };
            let has = |extension| connection.server_info().supports_feature(extension);
            let mut parameters = Vec::new();
            if international {
                if !has(Extension::SmtpUtfEight) {
                    self.keep(connection, false);
                    let words = "the mail server takes no addresses with other than ASCII characters (SMTPUTF8)";
                    return Err(Refusal::Permanent(words.to_owned()));
                }
                parameters.push(MailParameter::SmtpUtfEight);
            }
            if !bytes.is_ascii() && has(Extension::EightBitMime) {
                parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
            }
            let mail = Mail::new(Some(from.clone()), parameters);
            match self.open(&mut connection, mail, &to).await {
                Ok(()) => break connection,
                // The server has closed an idle connection: that says nothing about the recipient.
                Err(failed) if was_reused && failed.is_of_the_connection() => {}
                Err(failed) => return Err(self.refused(connection, failed)),
            }
        };
        match self.send(&mut connection, &bytes).await {
            Ok(response) => {
                self.keep(connection, false);
                Ok(said(&response))
            }
            Err(failed) => Err(self.refused(connection, failed)),
        }
    }
}

impl SmtpTransport {
    fn refused(&self, connection: AsyncSmtpConnection, failed: Failed) -> Refusal {
        if !failed.is_of_the_connection() {
            self.keep(connection, true);
        }
        match failed {
            // These four ask the host for credentials or encryption.
            Failed::Said(530 | 534 | 535 | 538, words) => Refusal::Transient(words),
            Failed::Said(500.., words) => Refusal::Permanent(words),
            Failed::Said(_, words) => Refusal::Transient(words),
            Failed::Lost(words) => Refusal::Transient(format!("the connection to the mail server was lost: {words}")),
        }
    }
}

/// Anything before MAIL: the recipient has no part in it.
fn away(what: &str, failed: Failed) -> Refusal {
    Refusal::Transient(format!("{what}: {}", failed.words()))
}

async fn within<T>(limit: Duration, step: impl Future<Output = Result<T, Error>>) -> Result<T, Failed> {
    match tokio::time::timeout(limit, step).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(failed(&error)),
        Err(_) => Err(Failed::Lost(format!(
            "no answer within {} seconds",
            limit.as_secs_f32()
        ))),
    }
}

fn failed(error: &Error) -> Failed {
    let source = std::error::Error::source(error)
        .map(ToString::to_string)
        .unwrap_or_default();
    match error.status() {
        Some(code) => Failed::Said(code.into(), format!("{code} {source}")),
        None if source == "incomplete response" => Failed::Lost("closed before an answer".to_owned()),
        None => Failed::Lost(error.to_string()),
    }
}

/// lettre takes any 2yz or 3yz for a yes; a "go on" in place of a yes means that the two sides are out of step.
fn needs(response: Response, severity: Severity) -> Result<Response, Failed> {
    if response.code().severity == severity {
        Ok(response)
    } else {
        Err(Failed::Lost(format!(
            "an answer that does not fit: {}",
            said(&response)
        )))
    }
}

fn said(response: &Response) -> String {
    let text: Vec<_> = response.message().collect();
    format!("{} {}", response.code(), text.join(" "))
}

/// An address as it may stand in MAIL and RCPT: nothing in it ends the command.
fn address(text: &str) -> Option<Address> {
    let bad = |c: char| c.is_whitespace() || super::is_control(c) || matches!(c, '<' | '>');
    if text.contains(bad) { None } else { text.parse().ok() }
}

#[cfg(test)]
#[path = "smtp_tests.rs"]
mod tests;
