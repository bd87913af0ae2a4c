//! What a reply that is no yes means, by the step that it answers, its code and its enhanced status code (RFC 3463).

use super::reply::Reply;
use crate::{Refusal, TroubleKind};

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
        Step::Mail if wants_login(reply.code) && wants_encryption(&text) => trouble(TroubleKind::Tls),
        Step::Mail if wants_login(reply.code) => trouble(TroubleKind::Login),
        // About this message and not about its sender: its size, or the letters of its addresses.
        Step::Mail if is_no && (reply.code == 552 || matches!(status, Some((3, 4) | (2, 3)))) => {
            Refusal::Permanent(text)
        }
        Step::Mail if is_no && international && status == Some((6, 7)) => Refusal::Permanent(text),
        // It has no room: for this mail, or for any.
        Step::Mail if reply.code == 452 => Refusal::Unclear {
            reply: text,
            is_final: false,
            kind: TroubleKind::Deferred,
        },
        // The server's own state, or that of what it needs.
        Step::Mail if !is_no && matches!(status, Some((3 | 4, _))) => trouble(TroubleKind::Deferred),
        Step::Mail => trouble(TroubleKind::Sender),
        // Servers that put off what they think of this host say it here. Once a recipient is named, it can be about that one alone, as
        // where only foreign addresses need a login: one address must not hold up everybody's mail.
        Step::Rcpt | Step::Data | Step::End => match kind_of_policy(step, reply, status) {
            Some(kind) => Refusal::Unclear {
                reply: text,
                is_final: is_no,
                kind,
            },
            None if !is_no => Refusal::Transient(text),
            None if is_clear(reply.code, status, international) => Refusal::Permanent(text),
            None => Refusal::Plain(text),
        },
    }
}

/// There is no reply, or none that makes sense.
pub fn lost(step: Step, why: &str) -> Refusal {
    let reply = format!("connection to the mail server lost at {}: {why}", step.name());
    match step {
        Step::StartTls => Refusal::trouble(TroubleKind::Tls, reply),
        Step::Greeting | Step::Hello | Step::Login | Step::Mail => Refusal::trouble(TroubleKind::Unreachable, reply),
        // A message that the server chokes on is not sent for ever; but one that chokes on all of them takes no mail.
        Step::Rcpt | Step::Data | Step::End => Refusal::Unclear {
            reply,
            is_final: false,
            kind: TroubleKind::Deferred,
        },
    }
}

/// These ask the host for credentials or encryption.
fn wants_login(code: u16) -> bool {
    matches!(code, 530 | 534 | 535 | 538)
}

/// … and these the latter.
fn wants_encryption(text: &str) -> bool {
    text.to_ascii_uppercase().contains("STARTTLS")
}

/// What it would be about this host, where a rejection can be about this host.
fn kind_of_policy(step: Step, reply: &Reply, status: Option<(u16, u16)>) -> Option<TroubleKind> {
    if wants_login(reply.code) {
        return Some(TroubleKind::Login);
    }
    if is_about_sender(status, step) {
        return Some(TroubleKind::Sender);
    }
    let text = prose(&reply.text());
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    // RFC 7504: this server takes no mail, whatever status comes with it.
    if reply.code == 521 {
        return Some(TroubleKind::Relay);
    }
    // Before what the text says: one about a recipient can name the sender, or the relay that does not know the mailbox.
    if is_about_recipient(status) {
        return says(NOT_ALLOWED_TO_SEND_AS).then_some(TroubleKind::Sender);
    }
    if says(SENDER) {
        return Some(TroubleKind::Sender);
    }
    let is_policy = match step {
        Step::Rcpt => is_policy(reply, status),
        // A message is rejected for what is in it more often than for where it comes from.
        _ => matches!(status, Some((4, 5) | (1, 90))),
    };
    if is_policy || says(HOST) {
        return Some(TroubleKind::Relay);
    }
    match reply.class() {
        // Not now, and not for what the recipient is.
        4 => Some(TroubleKind::Deferred),
        // The recipient was taken, and nothing of the message has been heard.
        _ if step == Step::Data => Some(TroubleKind::Relay),
        _ => None,
    }
}

/// The text in lower case, without addresses and links: what these are called says nothing.
fn prose(text: &str) -> String {
    let is_word = |word: &&str| !word.contains('@') && !word.contains("://");
    let words: Vec<&str> = text.split_whitespace().filter(is_word).collect();
    words.join(" ").to_ascii_lowercase()
}

/// Words of rejections that are about the sender.
const SENDER: &[&str] = &["sender", "from address"];

/// Exchange gives it with the status of a mailbox, which is that of the account that sends: `5.2.0` in the past, `5.2.252` now.
const NOT_ALLOWED_TO_SEND_AS: &[&str] = &["sendasdenied"];

/// Words of rejections that are about this host: what it relays, its name, its address on a list, what it may send in a day.
const HOST: &[&str] = &[
    "relay",
    "rcpthosts",
    "helo",
    "ehlo",
    "authenticat",
    "not verified",
    "administrative prohibition",
    "blacklist",
    "black list",
    "blocklist",
    "block list",
    "listed at",
    "listed in",
    "reputation",
    "reverse dns",
    "rdns",
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

/// The status leaves no doubt that it is about the recipient, or about its mailbox.
fn is_about_recipient(status: Option<(u16, u16)>) -> bool {
    match status {
        // No such mailbox, system or address, more than one, or moved; 10: its domain takes no mail (RFC 7505).
        Some((1, 1..=4 | 6 | 10)) => true,
        // Its mailbox: disabled, full, takes no mail of this size, or is a list that does not work.
        Some((2, _)) => true,
        // A list that is closed, a mailbox that is disabled or has another owner.
        Some((7, 2 | 13 | 17)) => true,
        _ => false,
    }
}

/// A no that is about the recipient or the message for sure: by its status, or as there is no room (552), or a domain takes no mail (556).
fn is_clear(code: u16, status: Option<(u16, u16)>, international: bool) -> bool {
    let about_message = match status {
        Some((3, 4) | (2, 3)) => true,
        Some((6, 7)) => international,
        _ => false,
    };
    is_about_recipient(status) || about_message || matches!(code, 552 | 556)
}

/// The server rejects by a rule, which can be about the client, its name or what it relays as well as about the recipient.
fn is_policy(reply: &Reply, status: Option<(u16, u16)>) -> bool {
    match status {
        Some((7, _) | (1, 90)) => true,
        _ => matches!(reply.code, 502..=504 | 554 | 571),
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
