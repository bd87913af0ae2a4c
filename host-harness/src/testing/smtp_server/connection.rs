//! The server's side of the protocol (RFC 5321), for one connection.

use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::{ReceivedMail, Shared, Stage, Then};

pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let mut stopped = shared.stopped.subscribe();
            tokio::select! {
                // A peer that goes away is no fault of the server.
                _ = Connection::new(stream, &shared).serve() => {}
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
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

struct Connection<'a> {
    stream: BufReader<TcpStream>,
    shared: &'a Shared,
    from: Option<String>,
    recipients: Vec<String>,
}

impl<'a> Connection<'a> {
    fn new(stream: TcpStream, shared: &'a Shared) -> Self {
        Self {
            stream: BufReader::new(stream),
            shared,
            from: None,
            recipients: Vec::new(),
        }
    }

    async fn serve(mut self) -> Result<(), Over> {
        self.shared.change(|state| state.connections += 1);
        if !self.step(Stage::Connect, &[], "220 test.invalid ESMTP").await? {
            return Err(Over);
        }
        loop {
            let line = self.line().await?;
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => self.hello().await?,
                "HELO" => {
                    self.step(Stage::Hello, &[], "250 test.invalid").await?;
                }
                "AUTH" => {
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
                    self.say("221 2.0.0 bye").await?;
                    return Ok(());
                }
                _ => self.say("500 5.5.2 not understood").await?,
            }
        }
    }

    async fn hello(&mut self) -> Result<(), Over> {
        let mut lines = vec!["test.invalid".to_owned()];
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
            match line.as_slice() {
                b".\r\n" => break,
                [b'.', stuffed @ ..] => data.extend_from_slice(stuffed),
                whole => data.extend_from_slice(whole),
            }
        }
        let then = self.shared.rule(Stage::Taken, &recipients);
        let refused = matches!(&then, Some(Then::Reply(line)) if !line.starts_with('2'));
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
        let stream = self.stream.get_mut();
        Ok(stream.write_all(format!("{line}\r\n").as_bytes()).await?)
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
