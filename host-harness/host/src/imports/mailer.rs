//! `mailer`: who can receive mail, and which. A valid mail is stored when the call or the run commits.

use std::collections::HashSet;
use std::future::Future;

use wasmtime::component::Resource;

use super::error::answered;
use super::{Answer, AuthContext, Call, Imports, domain};
use crate::contract;
use crate::contract::Recipients;
use crate::contract::auth_context::RunFacts;
use crate::contract::mailer::{Audience, Host, Mail, MailError};

/// Maximum length of a subject, in characters.
pub(crate) const LONGEST_SUBJECT: usize = 250;

/// An outbox that commits together with the schedules.
///
/// Validated before a mail gets here: its subject is one line without surrounding blanks; named recipients are the owner or
/// stored with the schedule, of an allowed domain, each once; and a file to attach has been made.
pub trait Mailer: AuthContext {
    /// Stores the mail with the run, replacing one that was staged before. It leaves with the commit of `finish`, and only then.
    ///
    /// # Errors
    /// `nobody` if there is no responsible user; `too-large` if it would be larger as sent than the settings allow.
    fn stage(&self, of: &mut Self::Run, mail: Mail) -> impl Future<Output = Answer<(), MailError>> + Send;

    /// Stores a notice to the user who owned the schedule before this call, replacing one about the same schedule from this call.
    /// It leaves within 15 minutes of the commit of the call, joined with the other notices of that time to this user of this
    /// organizer. Called only for a schedule that this call has updated, taken over or deleted. By default `nobody`, which is
    /// correct if all schedules belong to one user.
    ///
    /// # Errors
    /// `nobody` if this user is the caller, inactive or deleted; `too-large`.
    fn notify_owner(
        &self,
        _by: &mut Self::Access,
        _id: u64,
        _subject: String,
        _text: String,
    ) -> impl Future<Output = Answer<(), MailError>> + Send {
        async { Err(MailError::Nobody.into()) }
    }
}

/// Returns the subject without surrounding blanks, if it is valid.
fn checked_subject(given: &str) -> Option<&str> {
    let subject = given.trim();
    let fits =
        !subject.is_empty() && subject.chars().count() <= LONGEST_SUBJECT && !subject.chars().any(char::is_control);
    fits.then_some(subject)
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
fn not_recipients(facts: &RunFacts, people: &Recipients) -> Vec<String> {
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
            !(is_owner || is_stored && domain_allowed(facts, address))
        })
        .cloned()
        .collect()
}

fn domain_allowed(facts: &RunFacts, address: &str) -> bool {
    let allowed = facts.settings.recipient_domains.as_ref();
    let of_address = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    allowed.is_none_or(|domains| domains.iter().any(|allowed| domain::same(allowed, of_address)))
}

impl<H: Imports> Host for Call<H> {
    async fn stage(&mut self, _of: Resource<contract::Run>, mut mail: Mail) -> wasmtime::Result<Result<(), MailError>> {
        let Some(subject) = checked_subject(&mail.subject) else {
            return Ok(Err(MailError::BadSubject));
        };
        mail.subject = subject.to_owned();
        let (host, lent) = self.run()?;
        if let Audience::People(people) = mail.audience {
            let people = each_once(people);
            let refused = not_recipients(host.run_facts(&lent.run), &people);
            if !refused.is_empty() {
                return Ok(Err(MailError::NotARecipient(refused)));
            }
            if people.to.is_empty() && people.cc.is_empty() && people.bcc.is_empty() {
                return Ok(Err(MailError::Nobody));
            }
            mail.audience = Audience::People(people);
        }
        if mail.attach_file && !lent.file {
            return Ok(Err(MailError::NoFile));
        }
        let kind = mail.kind;
        let answer = answered(host.stage(&mut lent.run, mail).await)?;
        if answer.is_ok() {
            lent.staged = Some(kind);
        }
        Ok(answer)
    }

    async fn notify_owner(
        &mut self,
        _by: Resource<contract::Access>,
        id: u64,
        subject: String,
        text: String,
    ) -> wasmtime::Result<Result<(), MailError>> {
        let Some(subject) = checked_subject(&subject) else {
            return Ok(Err(MailError::BadSubject));
        };
        let (host, lent) = self.access()?;
        if !lent.changed.contains(&id) {
            return Ok(Err(MailError::Nobody));
        }
        answered(host.notify_owner(&mut lent.access, id, subject.to_owned(), text).await)
    }
}
