//! `mailer`: who is written to where nobody is named, and how large a mail may be. What passes is kept with the handle until its
//! commit.

use plugin::language::Language;
use reference_platform::PlatformError;
use scheduled_exports_host::contract::auth_context::Caller;
use scheduled_exports_host::contract::mailer::{Audience, Mail, MailError};
use scheduled_exports_host::contract::{Recipients, RunKind, User};
use scheduled_exports_host::imports::{Answer, Mailer};
use scheduled_exports_store::{Change, MailKind, NewMail, Notice, OutboxMail, Scope};

use super::{Access, Run, Services, away};
use crate::text;

/// Most bytes of the texts that are joined into one mail about others' changes.
const LONGEST_JOINED: usize = 512 << 10;
/// Most people that stand in for an owner.
const MOST_RESPONSIBLE: usize = 10;

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

impl Mailer for Services {
    async fn stage(&self, run: &mut Run, mail: Mail) -> Answer<(), MailError> {
        let people = match &mail.audience {
            Audience::People(people) => people.clone(),
            Audience::Responsible => {
                let scope = &run.leased.row.scope;
                let owner = run.facts.schedule.owner.as_ref();
                let to = match run.facts.kind {
                    // Nobody but who has asked for it hears of a test.
                    RunKind::Test => {
                        let asked = owner.filter(|owner| owner.active);
                        asked.map(|owner| owner.email.clone()).into_iter().collect()
                    }
                    _ => self.responsible(owner, scope).await.map_err(away)?,
                };
                if to.is_empty() {
                    return Err(MailError::NoRecipient.into());
                }
                Recipients {
                    to,
                    cc: Vec::new(),
                    bcc: Vec::new(),
                }
            }
        };
        let (scope, due) = (run.leased.row.scope.clone(), run.due.unwrap_or_default());
        let staged =
            scheduled_exports_mail::staged(&run.facts, scope, due, mail, people, &self.origin, run.file.clone())?;
        let mut mail = staged.mail;
        // A run that was asked for is told of by its schedule's id; its mails have the one that is its own.
        mail.message_id = scheduled_exports_mail::message_id(run.leased.row.id, due, mail.kind, &self.origin.host);
        run.staged = Some(mail);
        Ok(())
    }

    async fn notify_owner(&self, access: &mut Access, id: u64, subject: String, text: String) -> Answer<(), MailError> {
        let (owner, version) = access.owners.get(&id).ok_or(MailError::NoRecipient)?;
        if matches!(&access.facts.caller, Caller::User(user) if user.id == *owner) {
            return Err(MailError::NoRecipient.into());
        }
        let owner = self.platform.user(owner).await.map_err(away)?;
        let owner = owner.filter(|user| user.active).ok_or(MailError::NoRecipient)?;
        let settings = &access.facts.settings;
        let message_id = scheduled_exports_mail::message_id(id, settings.now, MailKind::Change, &self.origin.host);
        let mail = OutboxMail {
            id: 0,
            run: None,
            schedule: id,
            scope: access.visible.scope.clone(),
            due: settings.now,
            created: settings.now,
            mail: NewMail {
                kind: MailKind::Change,
                // Two within a second are two: each leaves another version behind.
                message_id: format!("v{version}-{message_id}"),
                from: self.origin.sender.address().to_owned(),
                from_name: self.origin.sender.name().map(str::to_owned),
                reply_to: None,
                to: vec![owner.email],
                cc: Vec::new(),
                bcc: Vec::new(),
                subject,
                text,
                attach_file: false,
            },
            file: None,
        };
        let sent = scheduled_exports_mail::size(&mail, 0);
        if sent > settings.mail_bytes {
            return Err(MailError::TooLarge(sent).into());
        }
        // As sent, a text can be three times as long.
        let room = usize::try_from(settings.mail_bytes / 3).unwrap_or(usize::MAX);
        let language = Language::of_tag(&owner.language);
        let notice = Notice {
            schedule: id,
            user: owner.id,
            mail: mail.mail,
            several: text::mail_several_subject(language).to_owned(),
            longest: room.min(LONGEST_JOINED),
        };
        let same = |change: &Change| matches!(change, Change::Tell(other) if other.schedule == id);
        access.staged.retain(|change| !same(change));
        access.staged.push(Change::Tell(Box::new(notice)));
        Ok(())
    }
}
