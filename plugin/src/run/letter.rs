//! The mail with the file: who gets it, and how it fits.

use crate::contract::{Audience, DownloadLink, ExportError, Mail, MailError, MailKind, Recipients};
use crate::document::Document;
use crate::host::Run;
use crate::language::Language;
use crate::notice::{self, LONGEST_SUBJECT, Reason, disturbs};

/// Why the mail with the file is not staged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotStaged {
    Failed(Reason),
    /// The host could not zip the file for now; why, for the log.
    Unavailable(String),
    LeaseLost,
}

/// Stages the mail with the file that `produce` made: to all whom the host allows; zipped if it is too large as it is; and if
/// that does not help, with a link to it, where the host offers one.
///
/// An address that the host refuses is left out; the others still get theirs.
pub(super) fn stage(
    run: &impl Run,
    document: &Document,
    given: &Recipients,
    owner: &str,
    (limit, zone): (u64, &str),
) -> Result<(), NotStaged> {
    let mut refused: Vec<String> = Vec::new();
    let (mut zipped, mut link) = (None, None);
    loop {
        let recipients = recipients(given, owner, &refused);
        let before = count(&recipients);
        if before == 0 {
            return Err(NotStaged::Failed(Reason::NoRecipient));
        }
        let mail = Mail {
            kind: MailKind::Export,
            audience: Audience::People(recipients),
            subject: subject(&document.subject),
            text: text(document, link.as_ref(), zone),
            attach_file: link.is_none(),
        };
        match run.stage(&mail) {
            Ok(()) => return Ok(()),
            Err(MailError::NotARecipient(addresses)) => {
                refused.extend(addresses);
                // Each round leaves somebody out, so there are at most as many as addresses.
                if count(&self::recipients(given, owner, &refused)) >= before {
                    run.log("mailer rejected addresses that are not recipients");
                    return Err(NotStaged::Failed(Reason::NoRecipient));
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
                    return Err(NotStaged::Failed(too_large));
                }
                if zipped.is_none() {
                    let done = zip(run)?;
                    zipped = Some(done);
                    if done {
                        continue;
                    }
                }
                link = Some(offer(run, too_large)?);
            }
            Err(MailError::Nobody) => return Err(NotStaged::Failed(Reason::NoRecipient)),
            Err(MailError::NoFile) => return Err(NotStaged::Failed(Reason::NoFile)),
            Err(MailError::BadSubject) => return Err(NotStaged::Failed(Reason::BadSubject)),
        }
    }
}

/// Zips the file; false: the host can't.
fn zip(run: &impl Run) -> Result<bool, NotStaged> {
    match run.zip() {
        Ok(_) => Ok(true),
        Err(ExportError::LeaseLost) => Err(NotStaged::LeaseLost),
        Err(ExportError::Unavailable(why)) => Err(NotStaged::Unavailable(why)),
        Err(ExportError::NotAllowed) => Err(NotStaged::Failed(Reason::OwnerNotAllowed)),
        Err(ExportError::NothingToExport | ExportError::FormUnfit(_) | ExportError::Failed(_)) => {
            run.log("could not zip the oversized attachment");
            Ok(false)
        }
    }
}

/// Has the file offered for download; where the host offers none, it is simply too large.
fn offer(run: &impl Run, too_large: Reason) -> Result<DownloadLink, NotStaged> {
    match run.link() {
        Ok(Some(link)) => Ok(link),
        Ok(None) => Err(NotStaged::Failed(too_large)),
        Err(ExportError::LeaseLost) => Err(NotStaged::LeaseLost),
        Err(ExportError::Unavailable(why)) => Err(NotStaged::Unavailable(why)),
        Err(ExportError::NotAllowed) => Err(NotStaged::Failed(Reason::OwnerNotAllowed)),
        Err(ExportError::NothingToExport | ExportError::FormUnfit(_) | ExportError::Failed(_)) => {
            run.log("could not create a download link for the oversized attachment");
            Err(NotStaged::Failed(too_large))
        }
    }
}

/// The text as given, and below it where the file is if it is not in the mail, in the language of the file.
fn text(document: &Document, link: Option<&DownloadLink>, zone: &str) -> String {
    match link {
        None => document.template.clone(),
        Some(link) => {
            let below = notice::download(link, zone, Language::of_tag(&document.locale));
            format!("{}\n\n{below}", document.template.trim_end())
        }
    }
}

/// The subject as given; only where the mailer could not take it (a document of another plugin), the nearest that it takes.
fn subject(given: &str) -> String {
    given
        .chars()
        .map(|character| if disturbs(character) { ' ' } else { character })
        .take(LONGEST_SUBJECT)
        .collect()
}

/// Explicit recipients in To and the owner in Cc; without any in To, the owner there. Each address once, in the first of To,
/// Cc and Bcc that it is in, whatever the case of its letters; none of the refused.
pub(super) fn recipients(given: &Recipients, owner: &str, refused: &[String]) -> Recipients {
    let mut seen: Vec<String> = refused.iter().map(|address| key(address)).collect();
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

/// What two addresses of one mailbox have in common. The part before `@` may differ in case by RFC 5321; no server in use
/// tells such mailboxes apart, and people write their own address either way.
fn key(address: &str) -> String {
    address.trim().to_lowercase()
}

fn count(recipients: &Recipients) -> usize {
    recipients.to.len() + recipients.cc.len() + recipients.bcc.len()
}
