//! `mailer`: who can receive mail, and which. A valid mail is stored when the call or the run commits.

use std::collections::HashSet;

use super::{domain, interface};
use crate::contract::auth_context::RunContext;
use crate::contract::mailer::{Audience, Mail, MailError};
use crate::contract::{Recipients, RunKind};

/// Maximum length of a subject, in characters.
pub(crate) const LONGEST_SUBJECT: usize = 250;

interface! {
    /// An outbox that commits together with the schedules.
    ///
    /// Checked before a mail gets here: its subject is one line without blanks around it; who is named is the owner or among the
    /// schedule's stored recipients and of an allowed domain, each once; and a file that is to go with it has been made.
    pub trait Mailer in mailer {
        /// Keeps the mail with the run, in place of one staged before; it leaves with the commit of `finish`, and only with that.
        ///
        /// # Errors
        /// `nobody` where nobody is responsible; `too-large` where it would be larger than the settings allow, as sent.
        fn stage(&self, of: &mut Run, mail: Mail) -> Answer<(), MailError> {
            check |facts, run| {
                mail.subject = checked_subject(&mail.subject)?;
                mail.audience = checked_audience(facts, mail.audience)?;
                if mail.attach_file && !run.file {
                    return Err(MailError::NoFile.into());
                }
                mail.kind
            }
            done |run, kind| { run.staged = Some(kind); }
        }

        /// Keeps a notice to the user whose schedule it was before this call, in place of one about the same schedule that was kept
        /// before; it leaves within 15 minutes of the commit of the call, joined with what this user of this organizer is told of
        /// others' changes in that time. Asked only about a schedule that this call has updated, taken over or deleted. `nobody` if
        /// left out: right where all schedules are one user's.
        ///
        /// # Errors
        /// `nobody` where this user is the caller, inactive or gone; `too-large`.
        fn notify_owner(&self, by: &mut Access, id: u64, subject: String, text: String) -> Answer<(), MailError> {
            check |_, access| {
                subject = checked_subject(&subject)?;
                if !access.changed.contains(&id) {
                    return Err(MailError::NoRecipient.into());
                }
            }
            default { Err(MailError::NoRecipient.into()) }
        }
    }
}

/// The subject without blanks around it, if it is one.
fn checked_subject(given: &str) -> Result<String, MailError> {
    let subject = given.trim();
    let fits =
        !subject.is_empty() && subject.chars().count() <= LONGEST_SUBJECT && !subject.chars().any(char::is_control);
    fits.then(|| subject.to_owned()).ok_or(MailError::BadSubject)
}

/// Whom it goes to: people who may get it, each once.
fn checked_audience(facts: &RunContext, audience: Audience) -> Result<Audience, MailError> {
    let Audience::People(people) = audience else {
        return Ok(audience);
    };
    let people = each_once(people);
    let refused = not_recipients(facts, &people);
    if !refused.is_empty() {
        return Err(MailError::RecipientNotAllowed(refused));
    }
    if people.all().next().is_none() {
        return Err(MailError::NoRecipient);
    }
    Ok(Audience::People(people))
}

/// Each address once, at its first position.
fn each_once(mut people: Recipients) -> Recipients {
    let mut seen = HashSet::new();
    for list in [&mut people.to, &mut people.cc, &mut people.bcc] {
        list.retain(|address| seen.insert(address.to_lowercase()));
    }
    people
}

/// Returns the addresses that are neither the owner's nor stored with the schedule, or whose domain is not allowed.
fn not_recipients(facts: &RunContext, people: &Recipients) -> Vec<String> {
    let stored = &facts.schedule.content.recipients;
    let owner = facts.schedule.owner.as_ref().map(|owner| owner.email.as_str());
    [&people.to, &people.cc, &people.bcc]
        .into_iter()
        .flatten()
        .filter(|address| {
            let is_owner = owner.is_some_and(|owner| owner.eq_ignore_ascii_case(address));
            let is_stored = [&stored.to, &stored.cc, &stored.bcc]
                .into_iter()
                .flatten()
                .any(|known| known.eq_ignore_ascii_case(address));
            // A test goes to who has asked for it, who owns it.
            let is_recipient = is_stored && facts.kind != RunKind::Test && domain_allowed(facts, address);
            !(is_owner || is_recipient)
        })
        .cloned()
        .collect()
}

fn domain_allowed(facts: &RunContext, address: &str) -> bool {
    let allowed = facts.settings.recipient_domains.as_ref();
    let of_address = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    allowed.is_none_or(|domains| domains.iter().any(|allowed| domain::same(allowed, of_address)))
}
