//! What a reply that is no yes means, by the step that it answers, its code and its enhanced status code (RFC 3463).

use super::reply::Reply;
use crate::delivery::{Refusal, TroubleKind};

/// A step of an SMTP session, as this host takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Greeting,
    Hello,
    StartTls,
    Login,
    Mail,
    Rcpt,
    Data,
    /// The message, and the reply to its end.
    End,
}

impl Step {
    /// As messages name it.
    fn name(self) -> &'static str {
        match self {
            Self::Greeting => "the greeting",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Login => "AUTH",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::End => "the message",
        }
    }
}

/// The server said no, or “not now”. `international`: MAIL named SMTPUTF8.
pub fn rejected(step: Step, reply: &Reply, international: bool) -> Refusal {
    let text = reply.text();
    let trouble = |kind| Refusal::trouble(kind, text.clone());
    let is_no = reply.class() == 5;
    let status = reply.enhanced().map(|(_, subject, detail)| (subject, detail));
    // 432 is also “a password transition is needed” (RFC 4954, 6).
    let busy = reply.code == 421 || (reply.code == 432 && status != Some((7, 12)));
    match step {
        Step::Greeting if is_no => trouble(TroubleKind::Unreachable),
        Step::Greeting => trouble(TroubleKind::Busy),
        Step::Hello | Step::StartTls | Step::Login | Step::Mail if busy => trouble(TroubleKind::Busy),
        Step::Hello if is_no => trouble(TroubleKind::Hello),
        Step::Hello => trouble(TroubleKind::Busy),
        Step::StartTls => trouble(TroubleKind::Tls),
        Step::Login if matches!(reply.code, 450..=452) => trouble(TroubleKind::Busy),
        Step::Login => trouble(TroubleKind::Login),
        Step::Rcpt | Step::Data | Step::End if busy => Refusal::Unclear {
            reply: text,
            is_final: false,
            kind: TroubleKind::Busy,
        },
        Step::Mail if wants_login(reply.code) => trouble(TroubleKind::Login),
        // About this message and not about its sender: its size, or the letters of its addresses.
        Step::Mail if is_no && (reply.code == 552 || matches!(status, Some((3, 4) | (2, 3)))) => {
            Refusal::Permanent(text)
        }
        Step::Mail if is_no && international && status == Some((6, 7)) => Refusal::Permanent(text),
        Step::Mail if reply.code == 452 => Refusal::Transient(text),
        Step::Mail => trouble(TroubleKind::Sender),
        // Servers that put off what they think of this host say it here. Once a recipient is named, it can be about that one alone, as
        // where only foreign addresses need a login: one address must not hold up everybody's mail.
        Step::Rcpt | Step::Data | Step::End => match kind_of_policy(step, reply, status) {
            Some(kind) => Refusal::Unclear {
                reply: text,
                is_final: is_no,
                kind,
            },
            None if is_no => Refusal::Permanent(text),
            None => Refusal::Transient(text),
        },
    }
}

/// There is no reply, or none that makes sense.
pub fn lost(step: Step, why: &str) -> Refusal {
    let reply = format!("the connection to the mail server was lost at {}: {why}", step.name());
    match step {
        Step::StartTls => Refusal::trouble(TroubleKind::Tls, reply),
        Step::Greeting | Step::Hello | Step::Login | Step::Mail => Refusal::trouble(TroubleKind::Unreachable, reply),
        Step::Rcpt => Refusal::Unclear {
            reply,
            is_final: false,
            kind: TroubleKind::Relay,
        },
        // A message that the server chokes on is not sent for ever.
        Step::Data | Step::End => Refusal::Transient(reply),
    }
}

/// These ask the host for credentials or encryption.
fn wants_login(code: u16) -> bool {
    matches!(code, 530 | 534 | 535 | 538)
}

/// What it would be about this host, where a rejection can be about this host.
fn kind_of_policy(step: Step, reply: &Reply, status: Option<(u16, u16)>) -> Option<TroubleKind> {
    let text = reply.text().to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if wants_login(reply.code) {
        Some(TroubleKind::Login)
    } else if is_about_sender(status, step) || says(&["sender", "from address"]) {
        Some(TroubleKind::Sender)
    } else if match step {
        Step::Rcpt => is_policy(reply, status) || says(HOST),
        // A message is rejected for what is in it more often than for where it comes from.
        _ => says(HOST) || status == Some((4, 5)),
    } {
        Some(TroubleKind::Relay)
    } else {
        None
    }
}

/// Words of rejections that are about this host: what it relays, its name, its address on a list, what it may send in a day.
const HOST: &[&str] = &[
    "relay",
    "rcpthosts",
    "helo",
    "ehlo",
    "authenticat",
    "not verified",
    "blacklist",
    "blocklist",
    "listed at",
    "sending quota",
    "sending limit",
];

fn is_about_sender(status: Option<(u16, u16)>, step: Step) -> bool {
    match status {
        // Sender's address: bad syntax, bad system address.
        Some((1, 7 | 8)) => true,
        // SPF, DKIM, reverse name (RFC 7372); 60: “does not have permissions to send as this sender”.
        Some((7, 20..=27 | 60)) => step == Step::End,
        _ => false,
    }
}

/// The server rejects by a rule, which can be about the client, its name or what it relays as well as about the recipient.
fn is_policy(reply: &Reply, status: Option<(u16, u16)>) -> bool {
    match status {
        // A list that is closed, a mailbox that is disabled or has another owner: the recipient's.
        Some((7, 2 | 13 | 17)) => false,
        Some((7, _)) => true,
        _ => matches!(reply.code, 502..=504 | 554 | 571),
    }
}

#[cfg(test)]
mod tests {
    use super::super::reply::ReplyReader;
    use super::*;

    fn reply(line: &str) -> Reply {
        let mut reader = ReplyReader::default();
        reader.push(format!("{line}\r\n").as_bytes());
        reader.next().unwrap().expect("a whole reply")
    }

    /// `final`, `later`, `unclear, final`, `unclear, later`, `unclear, busy`, or the kind of trouble.
    fn whose(refusal: &Refusal) -> &'static str {
        match refusal {
            Refusal::Permanent(_) => "final",
            Refusal::Transient(_) => "later",
            Refusal::Trouble(trouble) => trouble.kind.as_str(),
            Refusal::Unclear { kind, is_final, .. } => match (kind, is_final) {
                (TroubleKind::Busy, _) => "unclear, busy",
                (TroubleKind::Login, _) => "unclear, login",
                (TroubleKind::Sender, true) => "unclear, sender, final",
                (TroubleKind::Sender, false) => "unclear, sender, later",
                (_, true) => "unclear, final",
                (_, false) => "unclear, later",
            },
        }
    }

    #[test]
    fn step_and_code_say_whose_fault_a_rejection_is() {
        for (step, line, expected) in [
            (Step::Greeting, "554 5.7.1 you are blocked", "unreachable"),
            (Step::Greeting, "421 too many connections", "busy"),
            (
                Step::Greeting,
                "432 4.3.2 concurrent connections limit exceeded",
                "busy",
            ),
            (Step::Greeting, "450 later", "busy"),
            (Step::Hello, "550 who are you", "hello"),
            (Step::Hello, "451 later", "busy"),
            (Step::StartTls, "454 4.3.0 TLS not available", "tls"),
            (Step::StartTls, "500 what", "tls"),
            (Step::Login, "535 5.7.8 wrong password", "login"),
            (Step::Login, "535", "login"),
            (Step::Login, "454 4.7.0 temporary authentication failure", "login"),
            (Step::Login, "432 4.7.12 password transition needed", "login"),
            (Step::Login, "432 4.3.2 too many", "busy"),
            (Step::Login, "421 4.7.0 too many", "busy"),
            (Step::Mail, "553 5.7.1 sender not owned", "sender"),
            (Step::Mail, "550 no", "sender"),
            (Step::Mail, "501 5.1.7 bad address", "sender"),
            (Step::Mail, "451 4.1.8 no such domain", "sender"),
            (Step::Mail, "530 5.7.0 log in first", "login"),
            (Step::Mail, "421 closing", "busy"),
            (Step::Mail, "552 5.3.4 too big", "final"),
            (Step::Mail, "554 5.3.4 too big", "final"),
            (Step::Mail, "452 4.3.1 disk full", "later"),
            (Step::Rcpt, "550 5.1.1 no such user", "final"),
            (Step::Rcpt, "550", "final"),
            (Step::Rcpt, "553 mailbox name not allowed", "final"),
            (Step::Rcpt, "550 5.7.13 account disabled", "final"),
            (Step::Rcpt, "452 4.2.2 mailbox full", "later"),
            (Step::Rcpt, "451 local error", "later"),
            (Step::Rcpt, "554 5.7.1 Relay access denied", "unclear, final"),
            (Step::Rcpt, "554 no", "unclear, final"),
            (Step::Rcpt, "504 5.5.2 Helo rejected", "unclear, final"),
            (Step::Rcpt, "550 5.7.54 unable to relay", "unclear, final"),
            (Step::Rcpt, "550 relay not permitted", "unclear, final"),
            (Step::Rcpt, "503 AUTH first", "unclear, final"),
            (Step::Rcpt, "454 4.7.1 Relay access denied", "unclear, later"),
            (Step::Rcpt, "451 4.7.1 greylisted", "unclear, later"),
            (
                Step::Rcpt,
                "550 5.1.8 sender domain not found",
                "unclear, sender, final",
            ),
            (Step::Rcpt, "550 Sender verify failed", "unclear, sender, final"),
            (
                Step::Rcpt,
                "550 5.1.0 Sender address rejected: User unknown",
                "unclear, sender, final",
            ),
            (
                Step::Rcpt,
                "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
                "unclear, final",
            ),
            (Step::Rcpt, "550 192.0.2.1 is listed at zen.example", "unclear, final"),
            (
                Step::Rcpt,
                "450 4.1.8 sender domain not found",
                "unclear, sender, later",
            ),
            (Step::Rcpt, "530 5.7.0 log in first", "unclear, login"),
            (Step::Rcpt, "421 4.7.0 slow down", "unclear, busy"),
            (Step::Data, "554 5.5.1 no", "final"),
            (Step::Data, "451 later", "later"),
            (Step::End, "554 5.7.1 a virus", "final"),
            (Step::End, "552 too big", "final"),
            (
                Step::End,
                "550 5.7.60 cannot send as this sender",
                "unclear, sender, final",
            ),
            (
                Step::End,
                "550 The from address does not match a verified Sender Identity",
                "unclear, sender, final",
            ),
            (
                Step::End,
                "554 Message rejected: Email address is not verified",
                "unclear, final",
            ),
            (Step::End, "554 5.7.1 Relay access denied", "unclear, final"),
            (Step::End, "550 5.4.5 Daily sending quota exceeded", "unclear, final"),
            (Step::End, "550 5.7.26 not authenticated", "unclear, sender, final"),
            (Step::End, "432 4.3.2 too many", "unclear, busy"),
            (Step::End, "451 later", "later"),
        ] {
            let refusal = rejected(step, &reply(line), false);
            assert_eq!(whose(&refusal), expected, "{step:?} {line}");
            assert!(refusal.to_string().starts_with(line.get(..3).unwrap()));
        }
    }

    #[test]
    fn a_server_that_knows_no_other_letters_says_so_about_the_recipient_and_not_the_sender() {
        let said = reply("553 5.6.7 not ASCII");
        assert_eq!(whose(&rejected(Step::Mail, &said, true)), "final");
        assert_eq!(whose(&rejected(Step::Mail, &said, false)), "sender");
    }

    #[test]
    fn a_lost_connection_is_the_recipients_only_once_the_message_was_asked_for() {
        for (step, expected) in [
            (Step::Greeting, "unreachable"),
            (Step::Hello, "unreachable"),
            (Step::StartTls, "tls"),
            (Step::Login, "unreachable"),
            (Step::Mail, "unreachable"),
            (Step::Rcpt, "unclear, later"),
            (Step::Data, "later"),
            (Step::End, "later"),
        ] {
            assert_eq!(whose(&lost(step, "closed")), expected, "{step:?}");
        }
    }
}
