//! `mailer`: who is written to where nobody is named, and how large a mail may be. What passes is kept with the handle until its
//! commit.

use super::{Access, Run, Services, away};
use crate::contract::mailer::{Audience, Mail, MailError};
use crate::contract::{Recipients, User};
use crate::delivery;
use crate::imports::{Answer, Mailer};
use crate::platform::PlatformError;
use crate::storage::{Change, MailKind, NewMail, OutboxMail, Scope};

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
                let to = self.responsible(owner, scope).await.map_err(away)?;
                if to.is_empty() {
                    return Err(MailError::Nobody.into());
                }
                Recipients {
                    to,
                    cc: Vec::new(),
                    bcc: Vec::new(),
                }
            }
        };
        let (scope, due) = (run.leased.row.scope.clone(), run.due.unwrap_or_default());
        let staged = delivery::staged(&run.facts, scope, due, mail, people, &self.origin, run.file.clone())?;
        run.staged = Some(staged.mail);
        Ok(())
    }

    async fn notify_former_owner(
        &self,
        access: &mut Access,
        id: u64,
        subject: String,
        text: String,
    ) -> Answer<(), MailError> {
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
        let (version, _, former) = staged
            .filter(|(_, owner, former)| owner != former)
            .ok_or(MailError::Nobody)?;
        let former = self.platform.user(former).await.map_err(away)?;
        let former = former.filter(|user| user.active).ok_or(MailError::Nobody)?;
        let settings = &access.facts.settings;
        let message_id = delivery::message_id(id, settings.now, MailKind::Handover, &self.origin.host);
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
                from: self.origin.sender.address().to_owned(),
                from_name: self.origin.sender.name().map(str::to_owned),
                reply_to: None,
                to: vec![former.email],
                cc: Vec::new(),
                bcc: Vec::new(),
                subject,
                text,
                attach_file: false,
            },
            file: None,
        };
        let sent = delivery::size(&mail, 0);
        if sent > settings.mail_bytes {
            return Err(MailError::TooLarge(sent).into());
        }
        for change in access.staged.iter_mut().rev() {
            if let Change::TakeOver { id: taken, notice, .. } = change
                && *taken == id
            {
                *notice = Some(Box::new(mail.mail));
                break;
            }
        }
        Ok(())
    }
}
