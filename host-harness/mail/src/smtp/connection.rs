//! One connection to a mail server: a step at a time, each in one write, and its reply.

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::Error as TlsError;
use tokio_rustls::rustls::pki_types::ServerName;

use super::blocks::Blocks;
use super::reply::{Reply, ReplyReader};
use super::url::Credentials;

/// Bytes asked of the socket at a time.
const READ: usize = 4096;

const CLOSED: &str = "closed before a reply";
const MISFIT: &str = "a reply that does not fit";
const UNASKED: &str = "it spoke before it was asked";

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub struct Connection {
    stream: Box<dyn Stream>,
    replies: ReplyReader,
    pub offers: Offers,
    pub encrypted: bool,
    /// Where the two sides are is not known any more, or the server hangs up.
    pub broken: bool,
    /// A MAIL was sent on it.
    pub used: bool,
}

/// What EHLO has announced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    pub starttls: bool,
    pub eight_bit_mime: bool,
    pub smtp_utf8: bool,
    /// Maximum bytes of a message (RFC 1870); `None` if the server names none.
    pub size: Option<u64>,
    /// SIZE was announced, with a number or without.
    pub takes_size: bool,
    /// Mechanisms of AUTH, in upper case.
    pub auth: Vec<String>,
}

impl Offers {
    /// Keywords in any case; the first line is the server's name.
    fn of(reply: &Reply) -> Self {
        let mut offers = Self::default();
        for line in reply.lines.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            // Some servers write `AUTH=LOGIN`, as before RFC 2554.
            let mut words = line.split([' ', '\t', '=']).filter(|word| !word.is_empty());
            match words.next() {
                Some("STARTTLS") => offers.starttls = true,
                Some("8BITMIME") => offers.eight_bit_mime = true,
                Some("SMTPUTF8") => offers.smtp_utf8 = true,
                // 0: there is no fixed limit.
                Some("SIZE") => {
                    offers.takes_size = true;
                    offers.size = words.next().and_then(|size| size.parse().ok()).filter(|size| *size > 0);
                }
                Some("AUTH") => offers.auth.extend(words.map(str::to_owned)),
                _ => {}
            }
        }
        offers
    }
}

/// Why a step did not succeed.
#[derive(Debug)]
pub enum Failed {
    /// The server said no, or “not now”.
    Said(Reply),
    /// There is no reply, or none that makes sense.
    Lost(String),
    /// There is no encryption; whether that is for the server's certificate.
    NoTls { certificate: bool, why: String },
}

impl Connection {
    /// Over a stream on which nothing was read yet.
    pub fn over(stream: Box<dyn Stream>, encrypted: bool) -> Self {
        Self {
            stream,
            replies: ReplyReader::default(),
            offers: Offers::default(),
            encrypted,
            broken: false,
            used: false,
        }
    }

    /// Waits for the greeting.
    pub async fn greeting(&mut self, limit: Duration) -> Result<(), Failed> {
        let reply = within(limit, self.reply()).await;
        self.needs(2, reply).map(drop)
    }

    /// EHLO, or HELO for a server that does not know it.
    pub async fn hello(&mut self, name: &str, limit: Duration) -> Result<(), Failed> {
        match self.ask(&format!("EHLO {name}\r\n"), 2, limit).await {
            Ok(reply) => self.offers = Offers::of(&reply),
            Err(Failed::Said(reply)) if reply.class() == 5 => {
                self.offers = Offers::default();
                self.ask(&format!("HELO {name}\r\n"), 2, limit).await?;
            }
            Err(failed) => return Err(failed),
        }
        Ok(())
    }

    /// STARTTLS. What the server said in the open counts for nothing afterwards (RFC 3207, 4.2): whoever has said more than the
    /// reply, the server or somebody in between, is not talked to.
    pub async fn start_tls(
        mut self,
        connector: &TlsConnector,
        name: ServerName<'static>,
        limit: Duration,
    ) -> Result<Self, Failed> {
        self.ask("STARTTLS\r\n", 2, limit).await?;
        self.silent()?;
        let stream = tls(connector, name, self.stream, limit).await?;
        Ok(Self::over(stream, true))
    }

    /// AUTH PLAIN, or LOGIN where that alone is offered.
    pub async fn login(&mut self, credentials: &Credentials, limit: Duration) -> Result<(), Failed> {
        let Credentials { user, password } = credentials;
        let has = |mechanism: &str| self.offers.auth.iter().any(|offered| offered == mechanism);
        let done = if has("PLAIN") {
            let plain = STANDARD.encode(format!("\0{user}\0{password}"));
            self.ask(&format!("AUTH PLAIN {plain}\r\n"), 2, limit).await
        } else if has("LOGIN") {
            self.log_in_by_turns(user, password, limit).await
        } else {
            // Of EHLO, which came before any credentials.
            let none = format!(
                "it offers neither AUTH PLAIN nor LOGIN but {:?}",
                self.offers.auth.join(" ")
            );
            return Err(Failed::Said(Reply {
                code: 504,
                lines: vec![none],
            }));
        };
        match done {
            Ok(_) => Ok(()),
            // Some servers repeat the command that they refuse, whole or in part, and in any form: nothing of their text is shown.
            Err(Failed::Said(reply)) => Err(Failed::Said(reply.without_text())),
            // It wants to go on where it should say yes or no.
            Err(Failed::Lost(why)) if why.starts_with(MISFIT) => Err(Failed::Said(Reply {
                code: 504,
                lines: vec!["its reply to AUTH is neither yes nor no".to_owned()],
            })),
            // Here a reply is quoted in part, where a secret could not be found again.
            Err(Failed::Lost(why)) if why == CLOSED => Err(Failed::Lost(why)),
            Err(Failed::Lost(_)) => Err(Failed::Lost("no reply to AUTH that makes sense".to_owned())),
            Err(other @ Failed::NoTls { .. }) => Err(other),
        }
    }

    async fn log_in_by_turns(&mut self, user: &str, password: &str, limit: Duration) -> Result<Reply, Failed> {
        self.ask("AUTH LOGIN\r\n", 3, limit).await?;
        self.ask(&format!("{}\r\n", STANDARD.encode(user)), 3, limit).await?;
        self.ask(&format!("{}\r\n", STANDARD.encode(password)), 2, limit).await
    }

    /// QUIT, and the end of the connection, whatever the server answers.
    pub async fn quit(mut self, limit: Duration) {
        let leaving = async {
            let _ = self.ask("QUIT\r\n", 2, limit).await;
            let _ = self.stream.shutdown().await;
        };
        let _ = tokio::time::timeout(limit, leaving).await;
    }

    /// One command in one write, and its reply, which has to be of this class.
    pub async fn ask(&mut self, command: &str, class: u16, limit: Duration) -> Result<Reply, Failed> {
        self.silent()?;
        let asking = async {
            let written = write(&mut self.stream, command.as_bytes()).await;
            // A server that says no and hangs up is heard all the same.
            match (self.reply().await, written) {
                (Err(_), Err(error)) => Err(Failed::Lost(error.to_string())),
                (reply, _) => reply,
            }
        };
        let reply = within(limit, asking).await;
        self.needs(class, reply)
    }

    /// The message, block by block, and the reply to it.
    pub async fn message(&mut self, bytes: &[u8], block: Duration, end: Duration) -> Result<Reply, Failed> {
        self.silent()?;
        let mut blocks = Blocks::of(bytes);
        while let Some(next) = blocks.next() {
            match tokio::time::timeout(block, self.write_listening(&next)).await {
                Ok(Ok(Wrote::All)) => {}
                Ok(Ok(Wrote::Interrupted)) => return Err(self.interruption(end).await),
                Ok(Err(error)) => {
                    self.broken = true;
                    // Its reason can be here all the same.
                    return Err(match within(block, self.reply()).await {
                        Ok(reply) if reply.class() >= 4 => Failed::Said(reply),
                        _ => Failed::Lost(error.to_string()),
                    });
                }
                Err(_) => {
                    self.broken = true;
                    let why = format!("it took no more of it within {} seconds", block.as_secs_f32());
                    return Err(Failed::Lost(why));
                }
            }
        }
        let reply = within(end, self.reply()).await;
        self.needs(2, reply)
    }

    /// What the server says before it has the whole message is never a yes.
    async fn interruption(&mut self, limit: Duration) -> Failed {
        self.broken = true;
        match within(limit, self.reply()).await {
            Ok(reply) if reply.class() >= 4 => Failed::Said(reply),
            Ok(reply) => Failed::Lost(format!("a reply before the end of the message: {}", reply.text())),
            Err(failed) => failed,
        }
    }

    async fn write_listening(&mut self, block: &[u8]) -> io::Result<Wrote> {
        let mut heard = [0; READ];
        let (mut reading, mut writing) = tokio::io::split(&mut self.stream);
        tokio::select! {
            biased;
            read = reading.read(&mut heard) => match read? {
                0 => Err(io::Error::new(io::ErrorKind::ConnectionAborted, CLOSED)),
                count => {
                    self.replies.push(&heard[..count]);
                    Ok(Wrote::Interrupted)
                }
            },
            written = write(&mut writing, block) => written.map(|()| Wrote::All),
        }
    }

    async fn reply(&mut self) -> Result<Reply, Failed> {
        let mut heard = [0; READ];
        loop {
            match self.replies.next() {
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => {}
                Err(error) => return Err(Failed::Lost(error.to_string())),
            }
            match self.stream.read(&mut heard).await {
                Ok(0) => return Err(Failed::Lost(CLOSED.to_owned())),
                Ok(count) => self.replies.push(&heard[..count]),
                Err(error) => return Err(Failed::Lost(error.to_string())),
            }
        }
    }

    /// The server has said nothing that it was not asked: what is here before a question is no answer to it.
    fn silent(&mut self) -> Result<(), Failed> {
        let mut heard = [0; 1];
        let why = if self.replies.is_empty() {
            match self.stream.read(&mut heard).now_or_never() {
                None => return Ok(()),
                Some(Ok(0)) => CLOSED.to_owned(),
                Some(Ok(_)) => UNASKED.to_owned(),
                Some(Err(error)) => error.to_string(),
            }
        } else {
            UNASKED.to_owned()
        };
        self.broken = true;
        Err(Failed::Lost(why))
    }

    fn needs(&mut self, class: u16, reply: Result<Reply, Failed>) -> Result<Reply, Failed> {
        match reply {
            Ok(reply) if reply.class() == class => Ok(reply),
            Ok(reply) if reply.class() >= 4 => {
                // After 421 the server closes the connection.
                self.broken |= reply.code == 421;
                Err(Failed::Said(reply))
            }
            // A "go on" in place of a yes: the two sides are out of step.
            Ok(reply) => {
                self.broken = true;
                Err(Failed::Lost(format!("{MISFIT}: {}", reply.text())))
            }
            Err(failed) => {
                self.broken = true;
                Err(failed)
            }
        }
    }
}

enum Wrote {
    All,
    /// The server has spoken meanwhile.
    Interrupted,
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

/// A handshake on this stream.
pub async fn tls(
    connector: &TlsConnector,
    name: ServerName<'static>,
    stream: Box<dyn Stream>,
    limit: Duration,
) -> Result<Box<dyn Stream>, Failed> {
    match tokio::time::timeout(limit, connector.connect(name, stream)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => {
            let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
            Err(Failed::NoTls {
                certificate: matches!(tls, Some(TlsError::InvalidCertificate(_))),
                why: error.to_string(),
            })
        }
        Err(_) => Err(Failed::Lost(no_reply(limit))),
    }
}

pub fn no_reply(limit: Duration) -> String {
    format!("no reply within {} seconds", limit.as_secs_f32())
}

async fn within<T>(limit: Duration, step: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    match tokio::time::timeout(limit, step).await {
        Ok(ended) => ended,
        Err(_) => Err(Failed::Lost(no_reply(limit))),
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
