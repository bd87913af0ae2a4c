//! The bytes of a mail: RFC 5322 and MIME, by lettre's builder.
//!
//! One mail of the outbox is one sequence of bytes, today and at its tenth try: date, Message-ID and boundary come from the
//! mail, not from the clock or a random source. They are ASCII, so that every mail server takes them, and Bcc is not in them.
//!
//! No text of a person reaches a header but through lettre's types, control characters taken out before. An address that is no
//! plain ASCII one is left out of To and Cc (its delivery still says what its server makes of it): in the header it would make
//! servers without SMTPUTF8 refuse the message for all the others.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Body, MessageBuilder, MultiPart, SinglePart};
use scheduled_exports_host::Scope;
use scheduled_exports_host::clock::Instant;
use scheduled_exports_host::contract::Recipients;
use scheduled_exports_host::contract::auth_context::RunContext;
use scheduled_exports_host::contract::mailer::{Mail, MailError};
use sha2::{Digest, Sha256};

use super::attachment::attachment;
use super::is_control;
use super::sender::{Sender, ascii_domain, mailbox};
use crate::{FileFacts, MailKind, NewMail, OutboxMail};

/// Why a mail has no bytes. For the log: it is a fault of the host or its configuration.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The host's sender address can't be written into a mail.
    #[error("invalid sender address: {0:?}")]
    Sender(String),
    /// The mail is to carry a file, and there is none.
    #[error("the file to attach is missing")]
    NoFile,
    /// A part that can't be written into a message; in lettre's words.
    #[error("could not build the mail: {0}")]
    Build(#[from] lettre::error::Error),
}

/// What all mails of one store have in common: where they come from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Stands in From and in the envelope.
    pub sender: Sender,
    /// The right-hand side of Message-IDs.
    pub host: String,
}

impl Origin {
    /// Of a store with this id. Stores that share a sender number their schedules alike, so the id is what makes their
    /// Message-IDs differ.
    #[must_use]
    pub fn new(sender: Sender, store: &str) -> Self {
        let host = format!("{store}.{}", sender.domain());
        Self { sender, host }
    }
}

impl From<Sender> for Origin {
    /// Of a host whose sender's domain no other store uses.
    fn from(sender: Sender) -> Self {
        let host = sender.domain().to_owned();
        Self { sender, host }
    }
}

/// The Message-ID, without angle brackets, of the mail of this kind about this due time: stable, unique, and readable.
/// `host` is the right-hand side, [`Origin::host`]; characters that cannot stand there are dropped.
#[must_use]
pub fn message_id(schedule: u64, due: Instant, kind: MailKind, host: &str) -> String {
    let due = DateTime::<Utc>::from_timestamp(due, 0)
        .filter(|at| (0..=9999).contains(&chrono::Datelike::year(at)))
        .map_or_else(|| format!("at{due}"), |at| at.format("%Y-%m-%dT%H%M%SZ").to_string());
    let host: String = host
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
        .collect();
    let host = match host.trim_matches('.') {
        "" => "localhost",
        name => name,
    };
    format!("{due}-schedule-{schedule}-{}@{host}", kind.as_str())
}

/// What a run stages, as an outbox keeps it; once the run is submitted, [`render`] makes its bytes. It has no id yet, and no run.
/// `people` are whom the mail's audience comes to; `file` goes with it where the mail says so. Answers to an export go to the
/// schedule's owner, who can say what is in it; a notice goes to the owner, who answers to the host.
///
/// # Errors
/// `too-large` where it is larger than the settings allow, as sent.
pub fn staged(
    facts: &RunContext,
    scope: Scope,
    due: Instant,
    mail: Mail,
    people: Recipients,
    origin: &Origin,
    file: Option<FileFacts>,
) -> Result<OutboxMail, MailError> {
    let (schedule, kind) = (facts.schedule.id, MailKind::from(mail.kind));
    let owner = facts.schedule.owner.as_ref().filter(|_| kind == MailKind::Export);
    let staged = OutboxMail {
        id: 0,
        run: None,
        schedule,
        scope,
        due,
        created: facts.settings.now,
        mail: NewMail {
            kind,
            message_id: message_id(schedule, due, kind, &origin.host),
            from: origin.sender.address().to_owned(),
            from_name: origin.sender.name().map(str::to_owned),
            reply_to: owner.map(|owner| owner.email.clone()),
            to: people.to,
            cc: people.cc,
            bcc: people.bcc,
            subject: mail.subject,
            text: mail.text,
            attach_file: mail.attach_file,
        },
        file: file.filter(|_| mail.attach_file),
    };
    let sent = size(&staged, staged.file.as_ref().map_or(0, |file| file.size));
    if sent > facts.settings.mail_bytes {
        return Err(MailError::TooLarge(sent));
    }
    Ok(staged)
}

/// The bytes of a mail, with CRLF line ends. The same mail and file give the same bytes.
///
/// # Errors
/// Where the host's own sender address is none, or the file to attach is not given.
pub fn render(mail: &OutboxMail, file: Option<&[u8]>) -> Result<Vec<u8>, RenderError> {
    let new = &mail.mail;
    let from = header_address(&new.from).ok_or_else(|| RenderError::Sender(new.from.clone()))?;
    let builder = headers(mail, from)?;
    let text = SinglePart::builder()
        .header(ContentType::TEXT_PLAIN)
        .body(plain_text(&new.text));
    let message = if new.attach_file {
        let (Some(facts), Some(bytes)) = (&mail.file, file) else {
            return Err(RenderError::NoFile);
        };
        let parts = MultiPart::mixed().boundary(boundary(mail));
        builder.multipart(parts.singlepart(text).singlepart(attachment(facts, bytes)))?
    } else {
        builder.singlepart(text)?
    };
    Ok(message.formatted())
}

/// How many bytes [`render`] makes of this mail with a file of `file_size` bytes, exactly, without having the file.
/// Of a mail that it refuses, a rough figure.
#[must_use]
pub fn size(mail: &OutboxMail, file_size: u64) -> u64 {
    let attached = if mail.mail.attach_file {
        base64_len(file_size)
    } else {
        0
    };
    let rest = render(mail, Some(&[])).map_or(mail.mail.text.len(), |bytes| bytes.len());
    attached.saturating_add(u64::try_from(rest).unwrap_or(u64::MAX))
}

/// Base64 in lines of 76 characters, with CRLF between them.
fn base64_len(size: u64) -> u64 {
    let characters = size.div_ceil(3).saturating_mul(4);
    let breaks = characters.div_ceil(76).saturating_sub(1);
    characters.saturating_add(breaks.saturating_mul(2))
}

fn headers(mail: &OutboxMail, from: Address) -> Result<MessageBuilder, RenderError> {
    let new = &mail.mail;
    // Years 1970 to 9999 are what the Date header holds.
    let created = u64::try_from(mail.created).unwrap_or(0).min(253_402_300_799);
    let mut builder = lettre::Message::builder()
        .date(UNIX_EPOCH + Duration::from_secs(created))
        .message_id(Some(format!(
            "<{}>",
            one_line(&new.message_id).replace(['<', '>', ' '], "")
        )))
        .from(mailbox(new.from_name.as_deref().map(one_line).as_deref(), from.clone()));
    if let Some(reply_to) = new.reply_to.as_deref().and_then(header_address) {
        builder = builder.reply_to(reply_to.into());
    }
    let (to, cc) = (address_list(&new.to), address_list(&new.cc));
    // RFC 5322, 3.4: an empty group.
    let nobody = || {
        (
            "undisclosed-recipients:;".to_owned(),
            "undisclosed-recipients:;".to_owned(),
        )
    };
    let to = to.or_else(|| cc.is_none().then(nobody));
    for (name, list) in [("To", to), ("Cc", cc)] {
        if let Some((raw, folded)) = list {
            let name = HeaderName::new_from_ascii_str(name);
            builder = builder.raw_header(HeaderValue::dangerous_new_pre_encoded(name, raw, folded));
        }
    }
    // The builder wants an envelope, and makes one of the headers where it is not given; nobody reads it here.
    let unused = Envelope::new(Some(from.clone()), vec![from])?;
    Ok(subject(builder, &new.subject).header(AutoSubmitted).envelope(unused))
}

/// As lettre writes it. Where that would keep something that readers decode or fold differently (`=?…?=` typed by a person,
/// spaces in a row), all of it in encoded words.
fn subject(builder: MessageBuilder, text: &str) -> MessageBuilder {
    let text = one_line(text);
    let odd = text.contains("=?") || text.contains("  ") || text.trim() != text;
    if !odd {
        return builder.subject(text);
    }
    let encoded = encoded_words(&text);
    let name = HeaderName::new_from_ascii_str("Subject");
    builder.raw_header(HeaderValue::dangerous_new_pre_encoded(name, text.into_owned(), encoded))
}

/// RFC 2047, "B" encoding, folded: ASCII without any character of the text left as it is.
pub(super) fn encoded_words(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        // 45 bytes make 60 characters, 72 with what is around them; RFC 2047 allows 75.
        let (word, after) = rest.split_at(rest.floor_char_boundary(45));
        let encoded = base64(word.as_bytes());
        let fold = if out.is_empty() { "" } else { "\r\n " };
        let _ = write!(out, "{fold}=?utf-8?b?{encoded}?=");
        rest = after;
    }
    out
}

/// Of at most 57 bytes, so on one line.
fn base64(bytes: &[u8]) -> String {
    let body = base64_body(bytes.to_vec()).into_vec();
    String::from_utf8(body).unwrap_or_default()
}

pub(super) fn base64_body(bytes: Vec<u8>) -> Body {
    let body = Body::new_with_encoding(bytes, ContentTransferEncoding::Base64);
    body.expect("base64 holds any bytes")
}

/// An address list, as it is and folded: one address a line. lettre's own header of addresses without names is one line, which
/// 25 addresses make longer than the 998 characters of RFC 5322, 2.1.1. Each is checked by [`header_address`].
fn address_list(addresses: &[String]) -> Option<(String, String)> {
    let list: Vec<Address> = addresses.iter().filter_map(|address| header_address(address)).collect();
    let list: Vec<&str> = list.iter().map(AsRef::as_ref).collect();
    (!list.is_empty()).then(|| (list.join(", "), list.join(",\r\n ")))
}

/// An address as it may stand in a header: printable ASCII that lettre takes for an address, its domain in the `xn--` form.
fn header_address(address: &str) -> Option<Address> {
    if let Some((local, domain)) = address.rsplit_once('@')
        && local.is_ascii()
        && !domain.is_ascii()
    {
        return header_address(&format!("{local}@{}", ascii_domain(domain)?));
    }
    let plain = address
        .bytes()
        .all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>'));
    plain.then(|| address.parse().ok()).flatten()
}

/// On one line: each control character and line separator is a space.
fn one_line(text: &str) -> Cow<'_, str> {
    if text.contains(is_control) {
        Cow::Owned(text.replace(is_control, " "))
    } else {
        Cow::Borrowed(text)
    }
}

/// Lines end in LF (lettre makes CRLF of it) and hold no control character but the tab: a lone CR can end the message early at
/// some servers ("SMTP smuggling"), a NUL is refused by most.
fn plain_text(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .replace(|c: char| c.is_control() && c != '\n' && c != '\t', " ")
}

/// Between the parts. It depends on the text, so nobody can write a text that holds it and so adds parts of his own.
fn boundary(mail: &OutboxMail) -> String {
    let new = &mail.mail;
    let mut hash = Sha256::new();
    for part in [&new.message_id, &new.subject, &new.text] {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    format!("part-{:.40x}", hash.finalize())
}

/// RFC 3834: no vacation notice answers it.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
