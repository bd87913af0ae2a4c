//! Delivery to a mail server: an SMTP client on tokio-rustls, one transaction (RFC 5321, 3.3) per recipient.
//!
//! It is written for the servers that exist: a reply is a yes or a no by its code, whatever its bytes (`reply`), each step has its own
//! limit ([`SmtpTimeouts`]), and each goes out in one write. Which step failed, by which code and status, decides whose fault that is
//! (`judge`): the recipient's, the message's, or the operator's, which costs no recipient the message.
//!
//! A connection is kept for the next recipient for a while (`idle`). If the server has closed it in the meantime, or takes no more mails
//! on it, a new one is opened.
//! Nothing of what is sent or received is logged here: credentials are in it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use lettre::Address;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::{Refusal, Transport, TroubleKind};

mod blocks;
mod connection;
mod idle;
mod judge;
mod reply;
mod timeouts;
mod tls;
mod url;

use connection::{Connection, Failed, Offers};
use idle::IdleConnections;
use judge::Step;
use reply::Reply;
pub use timeouts::SmtpTimeouts;
pub use url::SmtpUrlError;
use url::{Encryption, Server};

/// Delivers to one mail server, which passes messages on.
pub struct SmtpTransport {
    server: Server,
    timeouts: SmtpTimeouts,
    /// `None` where there is no encryption.
    tls: Option<TlsConnector>,
    idle: IdleConnections,
    /// The SIZE that was announced last; 0: none.
    announced: AtomicU64,
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

impl SmtpTransport {
    /// A transport to the server of `--smtp URL`. Nothing is connected yet.
    ///
    /// `smtp://[user:password@]host[:port][/own-name][?tls=required|opportunistic|none]` or `smtps://…` (TLS from the first
    /// byte). User and password are percent-encoded. Without `tls`, STARTTLS is required if there are credentials, and otherwise
    /// used if the server offers it. An invalid certificate is never accepted, and a password never sent without encryption: for
    /// such a server there is `tls=none`. The port is 465 with `smtps`, 587 with credentials or `tls=required`, otherwise 25.
    /// `own-name` is the name that the host gives in EHLO; without it, that is the domain of the sender's address.
    ///
    /// # Errors
    /// In one sentence, what is wrong with the URL. The URL is not in it, since a password can be.
    pub fn from_url(url: &str, timeouts: SmtpTimeouts) -> Result<Self, SmtpUrlError> {
        Self::build(url, timeouts, None)
    }

    /// [`SmtpTransport::from_url`], trusting this CA (a certificate in PEM) as well as those of this machine.
    ///
    /// # Errors
    /// Those of [`SmtpTransport::from_url`]; and if that is no certificate.
    pub fn trusting(url: &str, timeouts: SmtpTimeouts, ca: &[u8]) -> Result<Self, SmtpUrlError> {
        Self::build(url, timeouts, Some(ca))
    }

    fn build(url: &str, timeouts: SmtpTimeouts, ca: Option<&[u8]>) -> Result<Self, SmtpUrlError> {
        let server = url::parse(url)?;
        let tls = match server.encryption {
            Encryption::None => None,
            _ => Some(tls::connector(ca)?),
        };
        Ok(Self {
            server,
            tls,
            idle: IdleConnections::new(timeouts.idle, timeouts.quit),
            timeouts,
            announced: AtomicU64::new(0),
        })
    }

    /// A connection that was used before.
    async fn reuse(&self) -> Option<Connection> {
        // No longer than a new one would take.
        let limit = self.timeouts.session.min(self.timeouts.connect);
        while let Some(mut idle) = self.idle.take() {
            if !idle.reset_first || idle.connection.ask("RSET\r\n", 2, limit).await.is_ok() {
                return Some(idle.connection);
            }
        }
        None
    }

    fn keep(&self, connection: Connection, reset_first: bool) {
        if !connection.broken {
            self.idle.put(connection, reset_first);
        }
    }

    /// A new connection, ready for MAIL.
    async fn connect(&self, envelope_from: &str) -> Result<Connection, Refusal> {
        let limit = self.timeouts.opening;
        match tokio::time::timeout(limit, self.introduce(envelope_from)).await {
            Ok(ended) => ended,
            Err(_) => {
                let seconds = limit.as_secs_f32();
                let reply =
                    format!("could not connect to the mail server: not ready for a mail within {seconds} seconds");
                Err(Refusal::trouble(TroubleKind::Unreachable, reply))
            }
        }
    }

    /// Connects, says who this host is, encrypts and logs in.
    async fn introduce(&self, envelope_from: &str) -> Result<Connection, Refusal> {
        let limits = &self.timeouts;
        let stream = self.open().await.map_err(|why| {
            let reply = format!("could not connect to the mail server: {why}");
            Refusal::trouble(TroubleKind::Unreachable, reply)
        })?;
        let name = self.own_name(envelope_from, stream.local_addr().ok());
        let at = |step| move |failed| refused(step, failed, false);
        let mut connection = match (&self.tls, self.server.encryption) {
            (Some(connector), Encryption::Implicit) => {
                let handshake = connection::tls(connector, self.server_name()?, Box::new(stream), limits.session);
                Connection::over(handshake.await.map_err(at(Step::StartTls))?, true)
            }
            _ => Connection::over(Box::new(stream), false),
        };
        connection.greeting(limits.greeting).await.map_err(at(Step::Greeting))?;
        if let Err(failed) = connection.hello(&name, limits.session).await {
            return Err(self.left(connection, Step::Hello, failed));
        }
        if let Some(connector) = self.tls.as_ref().filter(|_| !connection.encrypted) {
            if connection.offers.starttls {
                let upgrading = connection.start_tls(connector, self.server_name()?, limits.session);
                connection = upgrading.await.map_err(at(Step::StartTls))?;
                if let Err(failed) = connection.hello(&name, limits.session).await {
                    return Err(self.left(connection, Step::Hello, failed));
                }
            } else if self.server.encryption == Encryption::Required || self.server.credentials.is_some() {
                let why = "could not establish TLS with the mail server: it does not offer STARTTLS";
                return Err(Refusal::trouble(TroubleKind::Tls, why));
            }
        }
        if let Some(credentials) = &self.server.credentials
            && let Err(failed) = connection.login(credentials, limits.session).await
        {
            return Err(self.left(connection, Step::Login, failed));
        }
        let announced = connection.offers.size.unwrap_or(0);
        self.announced.store(announced, Ordering::Relaxed);
        Ok(connection)
    }

    /// Takes leave of a server that does not let this host in, if it still listens.
    fn left(&self, connection: Connection, step: Step, failed: Failed) -> Refusal {
        if !connection.broken {
            self.idle.part_with(connection);
        }
        refused(step, failed, false)
    }

    /// A connection to the first address of the server that accepts one.
    async fn open(&self) -> Result<TcpStream, String> {
        let (host, limit) = (&self.server.host, self.timeouts.connect);
        let resolving = tokio::net::lookup_host((host.as_str(), self.server.port));
        let addresses = match tokio::time::timeout(limit, resolving).await {
            Ok(Ok(addresses)) => addresses,
            Ok(Err(error)) => return Err(format!("its name {host} could not be resolved: {error}")),
            Err(_) => {
                return Err(format!(
                    "its name {host} could not be resolved: {}",
                    connection::no_reply(limit)
                ));
            }
        };
        let mut why = format!("its name {host} has no address");
        for address in addresses {
            match tokio::time::timeout(limit, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Each step is one write that the other side waits for.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => why = format!("{address}: {error}"),
                Err(_) => why = format!("{address}: {}", connection::no_reply(limit)),
            }
        }
        Err(why)
    }

    /// The name for EHLO: that of the URL, else the domain of the sender, else an address literal (RFC 5321, 4.1.3).
    fn own_name(&self, envelope_from: &str, local: Option<SocketAddr>) -> String {
        let domain = super::domain(envelope_from);
        let name = self.server.own_name.as_deref();
        match name.or(Some(domain).filter(|domain| url::is_name(domain))) {
            Some(name) => name.parse::<IpAddr>().map_or_else(|_| name.to_owned(), literal),
            None => local.map_or_else(|| "localhost".to_owned(), |local| literal(local.ip())),
        }
    }

    fn server_name(&self) -> Result<ServerName<'static>, Refusal> {
        ServerName::try_from(self.server.host.clone())
            .map_err(|_| Refusal::trouble(TroubleKind::Tls, "the mail server's name can have no certificate"))
    }

    /// RCPT, DATA and the message.
    async fn send(&self, connection: &mut Connection, to: &Address, bytes: &[u8]) -> Result<Reply, (Step, Failed)> {
        let limits = &self.timeouts;
        let at = |step| move |failed| (step, failed);
        let rcpt = format!("RCPT TO:<{to}>\r\n");
        connection.ask(&rcpt, 2, limits.rcpt).await.map_err(at(Step::Rcpt))?;
        connection
            .ask("DATA\r\n", 3, limits.data)
            .await
            .map_err(at(Step::Data))?;
        let sending = connection.message(bytes, limits.block, limits.end);
        sending.await.map_err(at(Step::End))
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
        let to = address(recipient).ok_or_else(|| Refusal::Unsendable("invalid recipient address".to_owned()))?;
        let from = address(envelope_from).ok_or_else(|| {
            let why = format!("invalid sender address: {envelope_from:?}");
            Refusal::trouble(TroubleKind::Sender, why)
        })?;
        let international = [&to, &from]
            .iter()
            .any(|address| !AsRef::<str>::as_ref(address).is_ascii());

        let mut reused = self.reuse().await;
        let mut connection = loop {
            let (mut connection, was_kept) = match reused.take() {
                Some(connection) => (connection, true),
                None => (self.connect(envelope_from).await?, false),
            };
            let parameters = match parameters(&connection.offers, international, &bytes) {
                Ok(parameters) => parameters,
                Err(why) => {
                    self.keep(connection, false);
                    return Err(Refusal::Permanent(why));
                }
            };
            let mail = format!("MAIL FROM:<{from}>{parameters}\r\n");
            let was_used = std::mem::replace(&mut connection.used, true);
            match connection.ask(&mail, 2, self.timeouts.mail).await {
                Ok(_) => break connection,
                Err(failed) => {
                    let refusal = refused(Step::Mail, failed, international);
                    let is_old = was_kept && (was_used || connection.broken);
                    if !is_old || matches!(refusal, Refusal::Permanent(_)) {
                        self.keep(connection, true);
                        return Err(refusal);
                    }
                    // It can be about what this connection has been used for: the server has closed it meanwhile, or takes only so
                    // many mails on one. A new one shows it.
                    if !connection.broken {
                        self.idle.part_with(connection);
                    }
                }
            }
        };
        match self.send(&mut connection, &to, &bytes).await {
            Ok(reply) => {
                self.keep(connection, false);
                Ok(reply.text())
            }
            Err((step, failed)) => {
                self.keep(connection, true);
                Err(refused(step, failed, international))
            }
        }
    }

    async fn meet(&self, envelope_from: &str) -> Result<Option<u64>, Refusal> {
        let connection = match self.reuse().await {
            Some(connection) => connection,
            None => self.connect(envelope_from).await?,
        };
        // For the first recipient.
        self.keep(connection, false);
        Ok(self.size_limit())
    }

    async fn close(&self) {
        self.idle.close().await;
    }

    fn size_limit(&self) -> Option<u64> {
        Some(self.announced.load(Ordering::Relaxed)).filter(|size| *size > 0)
    }
}

/// An address in place of a name.
fn literal(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("[{address}]"),
        IpAddr::V6(address) => format!("[IPv6:{address}]"),
    }
}

/// What MAIL says of the message, or why this server never takes it.
fn parameters(offers: &Offers, international: bool, bytes: &[u8]) -> Result<String, String> {
    let mut parameters = String::new();
    let size = bytes.len();
    if let Some(limit) = offers.size
        && u64::try_from(size).is_ok_and(|size| size > limit)
    {
        return Err(format!(
            "the mail has {size} bytes, and the mail server accepts at most {limit} (SIZE)"
        ));
    }
    if offers.takes_size {
        parameters += &format!(" SIZE={size}");
    }
    if international {
        if !offers.smtp_utf8 {
            return Err("the mail server does not support non-ASCII addresses (SMTPUTF8)".to_owned());
        }
        parameters += " SMTPUTF8";
    }
    if !bytes.is_ascii() && offers.eight_bit_mime {
        parameters += " BODY=8BITMIME";
    }
    Ok(parameters)
}

fn refused(step: Step, failed: Failed, international: bool) -> Refusal {
    match failed {
        Failed::Said(reply) => {
            let what = match step {
                Step::Greeting | Step::Hello => Some("could not connect to the mail server"),
                Step::StartTls => Some("could not establish TLS with the mail server"),
                Step::Login => Some("SMTP authentication failed"),
                Step::Mail | Step::Rcpt | Step::Data | Step::End => None,
            };
            match (what, judge::rejected(step, &reply, international)) {
                (Some(what), Refusal::Trouble(trouble)) => {
                    Refusal::trouble(trouble.kind, format!("{what}: {}", trouble.reply))
                }
                (_, refusal) => refusal,
            }
        }
        Failed::Lost(why) => judge::lost(step, &why),
        Failed::NoTls { certificate, why } => {
            let kind = match certificate {
                true => TroubleKind::Certificate,
                false => TroubleKind::Tls,
            };
            Refusal::trouble(kind, format!("could not establish TLS with the mail server: {why}"))
        }
    }
}

/// An address as it can be in MAIL and RCPT: nothing in it ends the command. A domain with other than ASCII characters is in its `xn--`
/// form, which needs no SMTPUTF8 of the server, unless the part before it has some too.
fn address(text: &str) -> Option<Address> {
    let bad = |c: char| c.is_whitespace() || super::is_control(c) || matches!(c, '<' | '>');
    if text.contains(bad) {
        return None;
    }
    match text.rsplit_once('@') {
        Some((local, domain)) if local.is_ascii() && !domain.is_ascii() => {
            Address::new(local, super::sender::ascii_domain(domain)?).ok()
        }
        _ => text.parse().ok(),
    }
}

#[cfg(test)]
#[path = "smtp_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "smtp/field_tests.rs"]
mod field_tests;
