//! `mailer`: who may be written to, and how large a mail may be. What passes is kept with the run until `finish`.

use std::collections::HashSet;

use wasmtime::component::Resource;

use super::{Access, Run, Services, State, away};
use crate::contract::mailer::{Audience, Host, Mail, MailError, MailKind as Kind};
use crate::contract::{Recipients, User};
use crate::delivery;
use crate::platform::PlatformError;
use crate::storage::{Change, MailKind, NewMail, OutboxMail, Scope};

/// Most people that stand in for an owner.
const MOST_RESPONSIBLE: usize = 10;
/// Longest subject, in characters.
const LONGEST_SUBJECT: usize = 250;

/// The subject without blanks around it, if it is one.
fn checked_subject(given: &str) -> Option<&str> {
    let subject = given.trim();
    let fits =
        !subject.is_empty() && subject.chars().count() <= LONGEST_SUBJECT && !subject.chars().any(char::is_control);
    fits.then_some(subject)
}

impl Services {
    /// Addresses of whom the host finds responsible for a schedule: its owner, or without an active one the active users who
    /// may change settings there.
    pub(crate) async fn responsible(&self, owner: Option<&User>, scope: &Scope) -> Result<Vec<String>, PlatformError> {
        if let Some(owner) = owner.filter(|owner| owner.active) {
            return Ok(vec![owner.email.clone()]);
        }
        let found = self.platform.responsible(scope, MOST_RESPONSIBLE).await?;
        Ok(found.into_iter().map(|user| user.email).collect())
    }
}

impl Host for State {
    async fn stage(&mut self, handle: Resource<Run>, mail: Mail) -> wasmtime::Result<Result<(), MailError>> {
        let Some(subject) = checked_subject(&mail.subject) else {
            return Ok(Err(MailError::BadSubject));
        };
        let run = self.run(&handle)?;
        let people = match mail.audience {
            Audience::People(people) => {
                let people = each_once(people);
                if let Some(refused) = run.not_recipients(&people) {
                    return Ok(Err(MailError::NotARecipient(refused)));
                }
                people
            }
            Audience::Responsible => {
                let scope = &run.leased.row.scope;
                let to = self
                    .services
                    .responsible(run.owner.as_ref(), scope)
                    .await
                    .map_err(away)?;
                Recipients {
                    to,
                    cc: Vec::new(),
                    bcc: Vec::new(),
                }
            }
        };
        if people.to.is_empty() && people.cc.is_empty() && people.bcc.is_empty() {
            return Ok(Err(MailError::Nobody));
        }
        let file = match (mail.attach_file, &run.file) {
            (true, None) => return Ok(Err(MailError::NoFile)),
            (true, Some(file)) => Some(file.clone()),
            (false, _) => None,
        };
        let kind = match mail.kind {
            Kind::Export => MailKind::Export,
            Kind::NothingToExport => MailKind::NothingToExport,
            Kind::Failure => MailKind::Failure,
            Kind::Undelivered => MailKind::Undelivered,
        };
        let (schedule, due) = (run.leased.row.id, run.due.unwrap_or_default());
        let from = self.services.facts.mail_from.clone();
        let new = NewMail {
            kind,
            message_id: delivery::message_id(schedule, due, kind, self.services.facts.mail_domain()),
            from,
            to: people.to,
            cc: people.cc,
            bcc: people.bcc,
            subject: subject.to_owned(),
            text: mail.text,
            attach_file: mail.attach_file,
        };
        let size = file.as_ref().map_or(0, |file| file.size);
        let as_sent = OutboxMail {
            id: 0,
            run: run.run,
            schedule,
            scope: run.leased.row.scope.clone(),
            due,
            created: run.settings.now,
            mail: new,
            file,
        };
        let sent = delivery::size(&as_sent, size);
        if sent > run.settings.mail_bytes {
            return Ok(Err(MailError::TooLarge(sent)));
        }
        self.run_mut(&handle)?.staged = Some(as_sent.mail);
        Ok(Ok(()))
    }

    async fn notify_former_owner(
        &mut self,
        by: Resource<Access>,
        id: u64,
        subject: String,
        text: String,
    ) -> wasmtime::Result<Result<(), MailError>> {
        let Some(subject) = checked_subject(&subject) else {
            return Ok(Err(MailError::BadSubject));
        };
        let access = self.access(&by)?;
        let staged = access.staged.iter().rev().find_map(|change| match change {
            Change::TakeOver {
                id: taken,
                version,
                owner,
                former,
                ..
            } if *taken == id => Some((*version, owner, former)),
            _ => None,
        });
        let Some((version, _, former)) = staged.filter(|(_, owner, former)| owner != former) else {
            return Ok(Err(MailError::Nobody));
        };
        let former = self.services.platform.user(former).await.map_err(away)?;
        let Some(former) = former.filter(|user| user.active) else {
            return Ok(Err(MailError::Nobody));
        };
        let settings = &access.facts.settings;
        let from = self.services.facts.mail_from.clone();
        let domain = self.services.facts.mail_domain();
        let message_id = delivery::message_id(id, settings.now, MailKind::Handover, domain);
        let mail = OutboxMail {
            id: 0,
            run: None,
            schedule: id,
            scope: access.visible.scope.clone(),
            due: settings.now,
            created: settings.now,
            mail: NewMail {
                kind: MailKind::Handover,
                // Two within a second are two: each leaves another version behind.
                message_id: format!("v{version}-{message_id}"),
                from,
                to: vec![former.email],
                cc: Vec::new(),
                bcc: Vec::new(),
                subject: subject.to_owned(),
                text,
                attach_file: false,
            },
            file: None,
        };
        let sent = delivery::size(&mail, 0);
        if sent > settings.mail_bytes {
            return Ok(Err(MailError::TooLarge(sent)));
        }
        let staged = self.access_mut(&by)?.staged.iter_mut().rev();
        for change in staged {
            if let Change::TakeOver { id: taken, notice, .. } = change
                && *taken == id
            {
                *notice = Some(Box::new(mail.mail));
                break;
            }
        }
        Ok(Ok(()))
    }
}

/// Each address once, where it comes first.
fn each_once(mut people: Recipients) -> Recipients {
    let mut seen = HashSet::new();
    for list in [&mut people.to, &mut people.cc, &mut people.bcc] {
        list.retain(|address| seen.insert(address.to_lowercase()));
    }
    people
}

impl Run {
    /// Those of the addresses that are neither the owner's nor stored with the schedule, or of a domain that is not allowed.
    fn not_recipients(&self, people: &Recipients) -> Option<Vec<String>> {
        let stored = &self.leased.row.content.recipients;
        let owner = self.owner.as_ref().map(|owner| owner.email.as_str());
        let refused: Vec<String> = [&people.to, &people.cc, &people.bcc]
            .into_iter()
            .flatten()
            .filter(|address| {
                let is_owner = owner.is_some_and(|owner| owner.eq_ignore_ascii_case(address));
                let is_stored = [&stored.to, &stored.cc, &stored.bcc]
                    .into_iter()
                    .flatten()
                    .any(|known| known.eq_ignore_ascii_case(address));
                !(is_owner || is_stored && self.domain_allowed(address))
            })
            .cloned()
            .collect();
        (!refused.is_empty()).then_some(refused)
    }

    fn domain_allowed(&self, address: &str) -> bool {
        let domain = address.rsplit('@').next().unwrap_or_default();
        let allowed = self.settings.recipient_domains.as_ref();
        allowed.is_none_or(|domains| domains.iter().any(|one| one.eq_ignore_ascii_case(domain)))
    }
}
