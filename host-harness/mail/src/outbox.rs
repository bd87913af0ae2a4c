//! What a store keeps of a mail until it is delivered.

use scheduled_exports_host::Scope;
use scheduled_exports_host::clock::Instant;
use scheduled_exports_host::contract::exporters::File;
use scheduled_exports_host::contract::{Delivery, DeliveryStatus, mailer};

/// Which mail about a due time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailKind {
    /// The file, or where to fetch it.
    Export,
    /// To the owner: the exporter found nothing.
    NothingToExport,
    /// That the run failed, and why.
    Failure,
    /// To the owner: whom the export did not reach.
    Undelivered,
    /// To an owner: what others have changed. About no due time, so any number of them.
    Change,
}

impl From<mailer::MailKind> for MailKind {
    fn from(of: mailer::MailKind) -> Self {
        match of {
            mailer::MailKind::Export => Self::Export,
            mailer::MailKind::NothingToExport => Self::NothingToExport,
            mailer::MailKind::Failure => Self::Failure,
            mailer::MailKind::Undelivered => Self::Undelivered,
        }
    }
}

impl MailKind {
    /// As stored, and as part of the Message-ID.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::NothingToExport => "nothing-to-export",
            Self::Failure => "failure",
            Self::Undelivered => "undelivered",
            Self::Change => "change",
        }
    }
}

/// A mail to keep with the commit of `finish`, unique by (schedule, due time, kind): a second one is dropped. Or with that of the
/// change that it tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMail {
    /// Unique with schedule and due time.
    pub kind: MailKind,
    /// RFC 5322, 3.6.4, without angle brackets.
    pub message_id: String,
    /// RFC 5322 addr-spec of the sender, in ASCII: in From and in the envelope.
    pub from: String,
    /// The sender's display name in From.
    pub from_name: Option<String>,
    /// RFC 5322 addr-spec that answers go to; `None` where they go to the sender.
    pub reply_to: Option<String>,
    /// Addresses (RFC 5322 addr-spec), each in one of the three lists.
    pub to: Vec<String>,
    /// Addresses.
    pub cc: Vec<String>,
    /// Envelope only: never in the bytes.
    pub bcc: Vec<String>,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The run's file goes with it.
    pub attach_file: bool,
}

impl NewMail {
    /// Whom it goes to, in the order To, Cc, Bcc, none of them tried yet: what the history says when it is submitted.
    #[must_use]
    pub fn queued(&self) -> Vec<Delivery> {
        let to = [&self.to, &self.cc, &self.bcc].into_iter().flatten();
        let queued = |address: &String| Delivery {
            address: address.clone(),
            status: DeliveryStatus::Queued,
            response: String::new(),
        };
        to.map(queued).collect()
    }
}

/// A file kept with a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// As recipients see it.
    pub name: String,
    /// MIME type.
    pub content_type: String,
    /// Bytes.
    pub size: u64,
    /// Rows of data, where the exporter counts them.
    pub rows: Option<u64>,
    /// Of an organizer as a whole: the events that it has data of, as [`Scope::event`] names them. None: of one event. Kept while the file is.
    pub events: Option<Vec<String>>,
}

impl From<FileFacts> for File {
    fn from(of: FileFacts) -> Self {
        Self {
            name: of.name,
            content_type: of.content_type,
            size: of.size,
            rows: of.rows,
        }
    }
}

/// A mail of the outbox, with everything its bytes are made of.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxMail {
    /// In the outbox.
    pub id: u64,
    /// None: about a change, not about a run.
    pub run: Option<u64>,
    /// About which.
    pub schedule: u64,
    /// Whose it is.
    pub scope: Scope,
    /// Of a change: when it happened.
    pub due: Instant,
    /// When it was committed: the Date header, and the start of the 24 hours of tries.
    pub created: Instant,
    /// What it says, and to whom.
    pub mail: NewMail,
    /// The file that goes with it.
    pub file: Option<FileFacts>,
}
