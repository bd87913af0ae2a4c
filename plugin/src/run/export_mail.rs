//! The export mail: its recipients, and how a large file fits.

use std::borrow::Cow;

use crate::contract::{Audience, DownloadLink, ExportError, Mail, MailError, MailKind, Recipients};
use crate::document::Document;
use crate::host::Run;
use crate::language::Language;
use crate::notice::{self, MAX_SUBJECT_LEN, Notice, Reason, is_unsafe_in_text};

/// Subject and text of the export mail.
pub(super) struct Wording<'d> {
    document: &'d Document,
    subject: Cow<'d, str>,
    /// The last paragraph.
    note: Option<String>,
}

impl<'d> Wording<'d> {
    /// As the schedule has them.
    pub(super) fn of(document: &'d Document) -> Self {
        Self {
            document,
            subject: Cow::Borrowed(&document.subject),
            note: None,
        }
    }

    /// Marked as a test that the user of this address requested.
    pub(super) fn of_test(document: &'d Document, address: &str, language: Language) -> Self {
        let Notice { subject, text } = notice::test(&document.subject, address, language);
        Self {
            document,
            subject: Cow::Owned(subject),
            note: Some(text),
        }
    }

    /// The text as given, followed by the download link if there is one, in the language of the file.
    fn text(&self, link: Option<&DownloadLink>, zone: &str) -> String {
        let Self { document, note, .. } = self;
        let below = link.map(|link| notice::download(link, zone, Language::of_tag(&document.locale)));
        let below = [below.as_ref(), note.as_ref()].into_iter().flatten();
        below.fold(document.template.clone(), |text, below| {
            format!("{}\n\n{below}", text.trim_end())
        })
    }
}

/// Why the export mail was not staged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StageError {
    Failed(Reason),
    /// The host could not zip or link the file for now; with the reason for the log.
    Unavailable(String),
    LeaseLost,
}

/// Stages the mail with the file that `produce` created. A file that is too large is zipped; if that is not enough, the mail has a
/// download link instead, if the host provides one.
///
/// An address that the host rejects is omitted; the other recipients still receive the mail.
pub(super) fn stage(
    run: &impl Run,
    wording: &Wording<'_>,
    given: &Recipients,
    owner: &str,
    (limit, zone): (u64, &str),
) -> Result<(), StageError> {
    let mut rejected: Vec<String> = Vec::new();
    let (mut zipped, mut link) = (None, None);
    loop {
        let recipients = recipients(given, owner, &rejected);
        let before = count(&recipients);
        if before == 0 {
            return Err(StageError::Failed(Reason::NoRecipient));
        }
        let mail = Mail {
            kind: MailKind::Export,
            audience: Audience::People(recipients),
            subject: subject(&wording.subject),
            text: wording.text(link.as_ref(), zone),
            attach_file: link.is_none(),
        };
        match run.stage(&mail) {
            Ok(()) => return Ok(()),
            Err(MailError::RecipientNotAllowed(addresses)) => {
                rejected.extend(addresses);
                // Each round omits a recipient, so there are at most as many rounds as addresses.
                if count(&self::recipients(given, owner, &rejected)) >= before {
                    run.log("mailer rejected addresses that are not recipients");
                    return Err(StageError::Failed(Reason::NoRecipient));
                }
                run.log("mailer rejected some recipients; sending to the rest");
            }
            Err(MailError::TooLarge(size)) => {
                let too_large = Reason::TooLarge {
                    size,
                    limit,
                    zipped: zipped == Some(true),
                };
                if link.is_some() {
                    return Err(StageError::Failed(too_large));
                }
                if zipped.is_none() {
                    let done = zip(run)?;
                    zipped = Some(done);
                    if done {
                        continue;
                    }
                }
                link = Some(self::link(run, too_large)?);
            }
            Err(MailError::NoRecipient) => return Err(StageError::Failed(Reason::NoRecipient)),
            Err(MailError::NoFile) => return Err(StageError::Failed(Reason::NoFile)),
            Err(MailError::LeaseLost) => return Err(StageError::LeaseLost),
            Err(MailError::Unavailable(why)) => return Err(StageError::Unavailable(why)),
            Err(MailError::BadSubject) => return Err(StageError::Failed(Reason::BadSubject)),
        }
    }
}

/// Zips the file. Returns false if the host cannot.
fn zip(run: &impl Run) -> Result<bool, StageError> {
    match run.zip() {
        Ok(_) => Ok(true),
        Err(ExportError::LeaseLost) => Err(StageError::LeaseLost),
        Err(ExportError::Unavailable(outage)) => Err(StageError::Unavailable(outage.reason)),
        Err(ExportError::NotAllowed) => Err(StageError::Failed(Reason::OwnerNotAllowed)),
        Err(ExportError::NothingToExport | ExportError::InvalidFormData(_) | ExportError::Failed(_)) => {
            run.log("could not zip the oversized attachment");
            Ok(false)
        }
    }
}

/// Creates a download link for the file. If the host provides none, the mail is too large.
fn link(run: &impl Run, too_large: Reason) -> Result<DownloadLink, StageError> {
    match run.link() {
        Ok(Some(link)) => Ok(link),
        Ok(None) => Err(StageError::Failed(too_large)),
        Err(ExportError::LeaseLost) => Err(StageError::LeaseLost),
        Err(ExportError::Unavailable(outage)) => Err(StageError::Unavailable(outage.reason)),
        Err(ExportError::NotAllowed) => Err(StageError::Failed(Reason::OwnerNotAllowed)),
        Err(ExportError::NothingToExport | ExportError::InvalidFormData(_) | ExportError::Failed(_)) => {
            run.log("could not create a download link for the oversized attachment");
            Err(StageError::Failed(too_large))
        }
    }
}

/// The subject as given. One that the mailer would reject (from another plugin's document) is adjusted.
fn subject(given: &str) -> String {
    given
        .chars()
        .map(|character| if is_unsafe_in_text(character) { ' ' } else { character })
        .take(MAX_SUBJECT_LEN)
        .collect()
}

/// The stored recipients in To and the owner in Cc; without any in To, the owner in To. Each address once, in the first of To, Cc and
/// Bcc that has it, ignoring case. Omits the rejected addresses.
pub(super) fn recipients(given: &Recipients, owner: &str, rejected: &[String]) -> Recipients {
    let mut seen: Vec<String> = rejected.iter().map(|address| key(address)).collect();
    let mut once = |addresses: &[String]| {
        let mut list = Vec::new();
        for address in addresses {
            let key = key(address);
            if !key.is_empty() && !seen.contains(&key) {
                seen.push(key);
                list.push(address.clone());
            }
        }
        list
    };
    let owner = [owner.to_owned()];
    let mut to = once(&given.to);
    let mut cc = Vec::new();
    if to.is_empty() {
        to = once(&owner);
    } else {
        cc = once(&owner);
    }
    cc.extend(once(&given.cc));
    let bcc = once(&given.bcc);
    Recipients { to, cc, bcc }
}

/// The form of an address that identifies its mailbox. RFC 5321 allows local parts that differ only in case; no server in use
/// distinguishes such mailboxes, and users write their own address either way.
fn key(address: &str) -> String {
    address.trim().to_lowercase()
}

fn count(recipients: &Recipients) -> usize {
    recipients.to.len() + recipients.cc.len() + recipients.bcc.len()
}
