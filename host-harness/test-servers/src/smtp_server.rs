//! A small real mail server on 127.0.0.1, which takes messages, keeps them, and fails as it is told.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use scheduled_exports_test_servers::smtp_server::{SmtpServer, Stage};
//!
//! let server = SmtpServer::start().await;
//! server.when(Stage::Recipient).to("gone@example.com").reply("550 5.1.1 no such user");
//! server.when(Stage::Recipient).to("slow@example.com").times(1).reply("451 4.7.1 greylisted");
//! server.when(Stage::Taken).times(1).close(); // the message is kept, its sender never knows
//! # let _ = server.url(); // … run a host with `--smtp` and this …
//! # });
//! ```
//!
//! [`SmtpServer::with_tls`] and [`SmtpServer::with_implicit_tls`] encrypt, with a certificate of [`SmtpServer::CA`].
//!
//! Nothing here waits for a time: [`SmtpServer::received`] and [`SmtpServer::hanging`] return when it has happened.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

mod connection;
mod tls;

/// A message the server took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedMail {
    /// Of MAIL, without angle brackets.
    pub from: String,
    /// Of each accepted RCPT, without angle brackets.
    pub recipients: Vec<String>,
    /// What came after DATA, the doubled dots at line beginnings undone, without the dot at the end.
    pub data: Vec<u8>,
}

impl ReceivedMail {
    /// The message as text, bytes that are no UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.data).into_owned()
    }

    /// A header's value, unfolded but not decoded, by its name in any case; none: the message has no such header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let text = self.text();
        let head = text.split("\r\n\r\n").next().unwrap_or_default();
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        unfolded.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }
}

/// A moment of a connection at which the server can be told to do something else than usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The connection is open, nothing was said.
    Connect,
    /// EHLO or HELO came.
    Hello,
    /// STARTTLS came. After another reply than a yes there is no handshake.
    StartTls,
    /// AUTH came. Without a rule, any credentials are good.
    Auth,
    /// MAIL came.
    Mail,
    /// RCPT came.
    Recipient,
    /// DATA came.
    Data,
    /// The first line of the message came: a reply now is one in the middle of it.
    Midway,
    /// The message is here in full. Closing or hanging, the server keeps it; with a reply of its own only if that is a 2yz.
    Taken,
    /// QUIT came.
    Quit,
}

#[derive(Clone, Debug)]
enum Then {
    Reply(String),
    /// Bytes as they are; and whether each is a write of its own.
    Raw(Vec<u8>, bool),
    ReplyAndClose(String),
    Endless(Vec<u8>),
    /// A byte each time.
    Drip(u8, Duration),
    Close,
    Hang,
    Stall,
}

#[derive(Debug)]
struct Rule {
    stage: Stage,
    recipient: Option<String>,
    left: Option<u32>,
    then: Then,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    mails: Vec<ReceivedMail>,
    connections: usize,
    /// Open at the moment, and how many there can be.
    open: usize,
    most_open: Option<usize>,
    turned_away: usize,
    hanging: usize,
    commands: Vec<String>,
    /// Capabilities that EHLO lists.
    extensions: Vec<String>,
}

/// The server. It stops when this is dropped, and its connections with it.
#[derive(Debug)]
pub struct SmtpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<()>,
    stopped: watch::Sender<bool>,
    encryption: Encryption,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encryption {
    None,
    StartTls,
    Implicit,
}

impl SmtpServer {
    /// The certificate (PEM) of the CA behind [`SmtpServer::with_tls`], which no machine trusts by itself.
    pub const CA: &'static [u8] = crate::certificate::CA.as_bytes();

    /// Starts on a free port. Without rules it takes everything.
    ///
    /// # Panics
    /// Where no port of 127.0.0.1 is free.
    pub async fn start() -> Self {
        Self::start_with(Encryption::None).await
    }

    /// The same with STARTTLS, which EHLO lists first.
    pub async fn with_tls() -> Self {
        Self::start_with(Encryption::StartTls).await
    }

    /// The same with TLS from the first byte.
    pub async fn with_implicit_tls() -> Self {
        Self::start_with(Encryption::Implicit).await
    }

    async fn start_with(encryption: Encryption) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("the port");
        let state = State {
            extensions: vec!["8BITMIME".to_owned(), "AUTH PLAIN".to_owned()],
            ..State::default()
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: watch::Sender::new(()),
            stopped: watch::Sender::new(false),
            encryption,
        });
        let accepting = tokio::spawn(connection::accept(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            accepting,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// For `--smtp`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://{}?tls=none", self.address)
    }

    /// Greets with 421 and hangs up when more than this number of connections are open.
    pub fn allow_connections(&self, most: usize) {
        self.state().most_open = Some(most);
    }

    /// Connections that were one too many.
    #[must_use]
    pub fn turned_away(&self) -> usize {
        self.state().turned_away
    }

    /// The lines of commands so far, over all connections: without what AUTH LOGIN and the message consist of.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        self.state().commands.clone()
    }

    /// Begins a rule. The first rule that fits is used; without one, the server does as asked.
    pub fn when(&self, stage: Stage) -> RuleBuilder<'_> {
        RuleBuilder {
            server: self,
            stage,
            recipient: None,
            times: None,
        }
    }

    /// Takes all rules back; connections that hang go on hanging.
    pub fn forget_rules(&self) {
        self.state().rules.clear();
    }

    /// What EHLO lists from now on, e.g. `["SMTPUTF8"]`; at first `8BITMIME` and `AUTH PLAIN`.
    pub fn offer(&self, extensions: &[&str]) {
        self.state().extensions = extensions.iter().map(|&e| e.to_owned()).collect();
    }

    /// The messages taken so far, in order.
    #[must_use]
    pub fn mails(&self) -> Vec<ReceivedMail> {
        self.state().mails.clone()
    }

    /// Waits until `count` messages have been taken, and answers all that there are.
    pub async fn received(&self, count: usize) -> Vec<ReceivedMail> {
        self.wait(|state| state.mails.len() >= count).await;
        self.mails()
    }

    /// Connections that were opened so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state().connections
    }

    /// Waits until a command was sent so often, over all connections; as it is written, without its line end.
    pub async fn commanded(&self, command: &str, times: usize) {
        let is_it = |line: &&String| *line == command;
        self.wait(|state| state.commands.iter().filter(is_it).count() >= times)
            .await;
    }

    /// Waits until no connection is open.
    pub async fn left(&self) {
        self.wait(|state| state.open == 0).await;
    }

    /// Waits until `count` connections were made to hang since the start.
    pub async fn hanging(&self, count: usize) {
        self.wait(|state| state.hanging >= count).await;
    }

    async fn wait(&self, enough: impl Fn(&State) -> bool) {
        let mut changed = self.shared.changed.subscribe();
        while !enough(&self.state()) {
            // The sender lives as long as `self`.
            let _ = changed.changed().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.accepting.abort();
        self.shared.stopped.send_replace(true);
    }
}

/// A rule in the making; it counts once [`reply`](Self::reply), [`close`](Self::close) or [`hang`](Self::hang) is called.
#[derive(Debug)]
#[must_use = "say what the server does: reply, close or hang"]
pub struct RuleBuilder<'a> {
    server: &'a SmtpServer,
    stage: Stage,
    recipient: Option<String>,
    times: Option<u32>,
}

impl RuleBuilder<'_> {
    /// Only for this recipient: of this RCPT, or among those of the message ([`Stage::Data`], [`Stage::Taken`]).
    pub fn to(mut self, recipient: &str) -> Self {
        self.recipient = Some(recipient.to_owned());
        self
    }

    /// Only the next `times` times; else always.
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Answers this line, e.g. `550 5.1.1 no such user`. Several lines are joined by `\r\n`, as RFC 5321, 4.2.1 has them.
    pub fn reply(self, line: &str) {
        self.put(Then::Reply(line.to_owned()));
    }

    /// Answers these bytes as they are, without a line end of its own. It counts as a yes if they begin with a 2 or 3.
    pub fn raw(self, bytes: &[u8]) {
        self.put(Then::Raw(bytes.to_vec(), false));
    }

    /// Answers these bytes, each in a packet of its own.
    pub fn byte_by_byte(self, bytes: &[u8]) {
        self.put(Then::Raw(bytes.to_vec(), true));
    }

    /// Answers this line and closes the connection.
    pub fn reply_and_close(self, line: &str) {
        self.put(Then::ReplyAndClose(line.to_owned()));
    }

    /// Answers these bytes again and again, until the client hangs up.
    pub fn repeat(self, bytes: &[u8]) {
        self.put(Then::Endless(bytes.to_vec()));
    }

    /// Answers this byte, and the same one again each time so much has passed, until the client hangs up.
    pub fn drip(self, byte: u8, every: Duration) {
        self.put(Then::Drip(byte, every));
    }

    /// Closes the connection without a word.
    pub fn close(self) {
        self.put(Then::Close);
    }

    /// Keeps the connection open and says nothing any more.
    pub fn hang(self) {
        self.put(Then::Hang);
    }

    /// Keeps the connection open, and reads nothing any more either.
    pub fn stall(self) {
        self.put(Then::Stall);
    }

    fn put(self, then: Then) {
        self.server.state().rules.push(Rule {
            stage: self.stage,
            recipient: self.recipient,
            left: self.times,
            then,
        });
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.send_replace(());
    }

    /// The rule for this moment, used up by one.
    fn rule(&self, stage: Stage, recipients: &[String]) -> Option<Then> {
        let mut state = self.state();
        let rule = state.rules.iter_mut().find(|rule| {
            let fits = |wanted: &String| recipients.contains(wanted);
            rule.stage == stage && rule.left != Some(0) && rule.recipient.as_ref().is_none_or(fits)
        })?;
        if let Some(left) = &mut rule.left {
            *left -= 1;
        }
        Some(rule.then.clone())
    }
}
