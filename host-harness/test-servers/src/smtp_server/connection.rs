//! The server's side of the protocol (RFC 5321), for one connection.

use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::{Encryption, ReceivedMail, Shared, Stage, Then, tls};

pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        shared.change(|state| {
            state.connections += 1;
            state.open += 1;
        });
        tokio::spawn(async move {
            let mut stopped = shared.stopped.subscribe();
            let _ = stream.set_nodelay(true);
            tokio::select! {
                // A peer that goes away is no fault of the server.
                _ = Connection::new(Box::new(stream), &shared).serve() => {}
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
            shared.change(|state| state.open -= 1);
        });
    }
}

/// The connection is over, by either side.
struct Over;

impl From<std::io::Error> for Over {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

struct Connection<'a> {
    stream: BufReader<Box<dyn Stream>>,
    encrypted: bool,
    shared: &'a Shared,
    from: Option<String>,
    recipients: Vec<String>,
}

impl<'a> Connection<'a> {
    fn new(stream: Box<dyn Stream>, shared: &'a Shared) -> Self {
        Self {
            stream: BufReader::new(stream),
            encrypted: false,
            shared,
            from: None,
            recipients: Vec::new(),
        }
    }

    async fn serve(mut self) -> Result<(), Over> {
        if self.shared.encryption == Encryption::Implicit {
            self = self.encrypt().await?;
        }
        if self.one_too_many() {
            return self.say("421 4.7.0 too many connections").await;
        }
        if !self.step(Stage::Connect, &[], "220 test.invalid ESMTP").await? {
            return Err(Over);
        }
        loop {
            let line = self.line().await?;
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            self.shared.change(|state| state.commands.push(line.clone()));
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => self.hello().await?,
                "STARTTLS" if self.shared.encryption == Encryption::StartTls && !self.encrypted => {
                    let then = self.shared.rule(Stage::StartTls, &[]);
                    if self.act(then, "220 2.0.0 go ahead").await? {
                        self = self.encrypt().await?;
                    }
                }
                "HELO" => {
                    self.step(Stage::Hello, &[], "250 test.invalid").await?;
                }
                "AUTH" => {
                    if rest.eq_ignore_ascii_case("LOGIN") {
                        for question in ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"] {
                            self.say(question).await?;
                            self.line().await?;
                        }
                    }
                    self.step(Stage::Auth, &[], "235 2.7.0 welcome").await?;
                }
                "MAIL" => self.mail(rest).await?,
                "RCPT" => self.recipient(rest).await?,
                "DATA" => self.data().await?,
                "RSET" => {
                    self.reset();
                    self.say("250 2.0.0 forgotten").await?;
                }
                "NOOP" => self.say("250 2.0.0 here").await?,
                "QUIT" => {
                    self.step(Stage::Quit, &[], "221 2.0.0 bye").await?;
                    return Ok(());
                }
                _ => self.say("500 5.5.2 not understood").await?,
            }
        }
    }

    fn one_too_many(&self) -> bool {
        let mut too_many = false;
        self.shared.change(|state| {
            too_many = state.most_open.is_some_and(|most| state.open > most);
            state.turned_away += usize::from(too_many);
        });
        too_many
    }

    async fn encrypt(self) -> Result<Self, Over> {
        let stream = tls::acceptor().accept(self.stream.into_inner()).await?;
        Ok(Self {
            stream: BufReader::new(Box::new(stream)),
            encrypted: true,
            shared: self.shared,
            from: None,
            recipients: Vec::new(),
        })
    }

    async fn hello(&mut self) -> Result<(), Over> {
        let mut lines = vec!["test.invalid".to_owned()];
        if self.shared.encryption == Encryption::StartTls && !self.encrypted {
            lines.push("STARTTLS".to_owned());
        }
        lines.extend(self.shared.state().extensions.iter().cloned());
        let last = lines.len() - 1;
        let mark = |(i, line): (usize, &String)| format!("250{}{line}", if i == last { " " } else { "-" });
        let usual: Vec<_> = lines.iter().enumerate().map(mark).collect();
        self.step(Stage::Hello, &[], &usual.join("\r\n")).await?;
        Ok(())
    }

    async fn mail(&mut self, rest: &str) -> Result<(), Over> {
        if self.step(Stage::Mail, &[], "250 2.1.0 sender ok").await? {
            self.reset();
            self.from = Some(address(rest));
        }
        Ok(())
    }

    async fn recipient(&mut self, rest: &str) -> Result<(), Over> {
        if self.from.is_none() {
            return self.say("503 5.5.1 MAIL first").await;
        }
        let recipient = [address(rest)];
        if self
            .step(Stage::Recipient, &recipient, "250 2.1.5 recipient ok")
            .await?
        {
            self.recipients.extend(recipient);
        }
        Ok(())
    }

    async fn data(&mut self) -> Result<(), Over> {
        if self.recipients.is_empty() {
            return self.say("503 5.5.1 RCPT first").await;
        }
        let recipients = self.recipients.clone();
        if !self.step(Stage::Data, &recipients, "354 go on").await? {
            return Ok(());
        }
        let mut data = Vec::new();
        loop {
            let line = self.line().await?;
            if data.is_empty() {
                let then = self.shared.rule(Stage::Midway, &recipients);
                if then.is_some() {
                    self.act(then, "").await?;
                }
            }
            match line.as_slice() {
                b".\r\n" => break,
                [b'.', stuffed @ ..] => data.extend_from_slice(stuffed),
                whole => data.extend_from_slice(whole),
            }
        }
        let then = self.shared.rule(Stage::Taken, &recipients);
        let refused = match &then {
            Some(Then::Reply(line) | Then::ReplyAndClose(line)) => !line.starts_with('2'),
            Some(Then::Raw(bytes, _)) => !bytes.starts_with(b"2"),
            _ => false,
        };
        if !refused {
            let from = self.from.clone().unwrap_or_default();
            let mail = ReceivedMail { from, recipients, data };
            self.shared.change(|state| state.mails.push(mail));
        }
        self.reset();
        self.act(then, "250 2.0.0 taken").await?;
        Ok(())
    }

    fn reset(&mut self) {
        self.from = None;
        self.recipients.clear();
    }

    /// Does what the rule for this moment says, or the usual; answers whether that was a yes.
    async fn step(&mut self, stage: Stage, recipients: &[String], usual: &str) -> Result<bool, Over> {
        let then = self.shared.rule(stage, recipients);
        self.act(then, usual).await
    }

    async fn act(&mut self, then: Option<Then>, usual: &str) -> Result<bool, Over> {
        match then {
            None => {
                self.say(usual).await?;
                Ok(true)
            }
            Some(Then::Reply(line)) => {
                self.say(&line).await?;
                Ok(line.starts_with('2') || line.starts_with('3'))
            }
            Some(Then::Raw(bytes, apart)) => {
                for part in bytes.chunks(if apart { 1 } else { usize::MAX }) {
                    self.send(part).await?;
                }
                Ok(matches!(bytes.first(), Some(b'2' | b'3')))
            }
            Some(Then::ReplyAndClose(line)) => {
                self.say(&line).await?;
                Err(Over)
            }
            Some(Then::Endless(bytes)) => {
                let many = bytes.repeat(64);
                loop {
                    self.send(&many).await?;
                }
            }
            Some(Then::Drip(byte, every)) => loop {
                self.send(&[byte]).await?;
                tokio::time::sleep(every).await;
            },
            Some(Then::Stall) => std::future::pending().await,
            Some(Then::Close) => Err(Over),
            Some(Then::Hang) => {
                self.shared.change(|state| state.hanging += 1);
                // Ends when the peer gives up.
                while self.line().await.is_ok() {}
                Err(Over)
            }
        }
    }

    async fn say(&mut self, line: &str) -> Result<(), Over> {
        self.send(format!("{line}\r\n").as_bytes()).await
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Over> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes).await?;
        Ok(stream.flush().await?)
    }

    async fn line(&mut self) -> Result<Vec<u8>, Over> {
        let mut line = Vec::new();
        match self.stream.read_until(b'\n', &mut line).await? {
            0 => Err(Over),
            _ => Ok(line),
        }
    }
}

/// `FROM:<a@b> SIZE=1` → `a@b`.
fn address(rest: &str) -> String {
    let inside = rest.split_once('<').and_then(|(_, after)| after.split_once('>'));
    inside.map_or("", |(address, _)| address).to_owned()
}
