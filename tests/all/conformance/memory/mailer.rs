//! `mailer`: the outbox.

use host_harness::contract::DeliveryStatus;
use host_harness::contract::mailer::{Audience, Mail, MailError, MailKind};
use host_harness::imports::{ImportError, Mailer};
use host_harness::testing::conformance::HandedOver;

use super::{Access, Fault, Memory, Outgoing, Run, State};

/// How long a notice to an owner waits for others, in seconds.
const NOTICES_WAIT: i64 = 900;
/// What headers take of a mail, in bytes, for want of any.
const HEADERS: u64 = 500;

fn named(kind: MailKind) -> &'static str {
    match kind {
        MailKind::Export => "export",
        MailKind::NothingToExport => "nothing-to-export",
        MailKind::Failure => "failure",
        MailKind::Undelivered => "undelivered",
    }
}

impl Memory {
    /// Puts a mail into the outbox, unless one of its kind is there for this due time.
    pub(super) fn send(&self, state: &mut State, mail: Outgoing) {
        let same = |other: &Outgoing| other.schedule == mail.schedule && other.about == mail.about;
        let twice = mail.about.is_some() && state.outbox.iter().any(same);
        if !twice || self.is(Fault::SendsAKindTwice) {
            state.outbox.push(mail);
        }
    }

    /// Puts a notice to an owner into the outbox, or what it says into one that waits there.
    pub(super) fn tell(&self, notice: Outgoing) {
        let now = self.now();
        let mut state = self.state();
        let organizer = |mail: &Outgoing| mail.waits.as_ref().map(|(_, organizer)| organizer.clone());
        let joins = |mail: &&mut Outgoing| {
            let waits = mail.waits.as_ref().is_some_and(|(until, _)| *until > now);
            waits && organizer(mail) == organizer(&notice) && mail.recipients[0].address == notice.recipients[0].address
        };
        match state.outbox.iter_mut().find(joins) {
            Some(waiting) if !self.is(Fault::SendsEachNotice) => "Several changes".clone_into(&mut waiting.subject),
            _ => state.outbox.push(notice),
        }
    }

    pub(super) fn hand_over(&self, refused: &[String]) -> Vec<HandedOver> {
        let mut state = self.state();
        let mut taken = Vec::new();
        let State { outbox, runs, .. } = &mut *state;
        let now = self.now();
        let left = |mail: &&mut Outgoing| mail.waits.as_ref().is_none_or(|(until, _)| *until <= now);
        for mail in outbox.iter_mut().filter(left) {
            for delivery in &mut mail.recipients {
                if delivery.status != DeliveryStatus::Queued && !self.is(Fault::SendsAgain) {
                    continue;
                }
                if refused.contains(&delivery.address) {
                    delivery.status = DeliveryStatus::Rejected;
                    continue;
                }
                delivery.status = DeliveryStatus::Accepted;
                taken.push(HandedOver {
                    to: delivery.address.clone(),
                    subject: mail.subject.clone(),
                    message_id: mail.message_id.clone(),
                    attached: mail.attached,
                });
            }
            if let (Some(run), Some((_, MailKind::Export))) = (mail.run, mail.about) {
                runs[run].entry.deliveries.clone_from(&mail.recipients);
            }
        }
        taken
    }
}

impl Mailer for Memory {
    async fn stage(&self, of: &mut Run, mail: Mail) -> Result<(), ImportError<MailError>> {
        let addresses: Vec<String> = match mail.audience {
            Audience::People(people) => [people.to, people.cc, people.bcc].concat(),
            Audience::Responsible => self.responsible(&self.state(), &of.lease.stored),
        };
        if addresses.is_empty() {
            return Err(MailError::Nobody.into());
        }
        let file = of.file.as_ref().filter(|_| mail.attach_file);
        let size = HEADERS + mail.text.len() as u64 + file.map_or(0, |file| file.size * 4 / 3);
        if size > of.facts.settings.mail_bytes && !self.is(Fault::TakesLargeMail) {
            return Err(MailError::TooLarge(size).into());
        }
        let due = of.lease.run.map_or(0, |run| self.state().runs[run].entry.due);
        let (schedule, kind) = (of.lease.schedule, mail.kind);
        let staged = Outgoing {
            schedule,
            about: Some((due, kind)),
            recipients: Outgoing::to(addresses),
            subject: mail.subject,
            attached: mail.attach_file,
            message_id: format!("{schedule}.{due}.{}@tickets.example", named(kind)),
            run: of.lease.run,
            waits: None,
        };
        if self.is(Fault::SendsWhenStaged) {
            self.send(&mut self.state(), staged.clone());
        }
        of.staged = Some(staged);
        Ok(())
    }

    async fn notify_owner(
        &self,
        by: &mut Access,
        id: u64,
        subject: String,
        _text: String,
    ) -> Result<(), ImportError<MailError>> {
        let now_its = |state: &State| state.schedules.get(&id).map(|stored| stored.owner.clone());
        let owner = match self.is(Fault::TellsTheNewOwner) {
            true => self.seen(by, now_its),
            false => by.owners.get(&id).cloned(),
        };
        let tells_the_caller = self.is(Fault::TellsTheCaller) || self.is(Fault::TellsTheNewOwner);
        let owner = owner.filter(|owner| Some(owner) != by.user.as_ref() || tells_the_caller);
        let owner = owner
            .and_then(|owner| self.user(&self.state(), &owner))
            .filter(|user| user.active || self.is(Fault::TellsTheInactive));
        let owner = owner.ok_or(MailError::Nobody)?;
        let notice = Outgoing {
            schedule: id,
            about: None,
            recipients: Outgoing::to([owner.email]),
            subject,
            attached: false,
            message_id: format!("{id}.{}.change@tickets.example", self.now()),
            run: None,
            waits: Some((self.now() + NOTICES_WAIT, by.scope.organizer.clone())),
        };
        if self.is(Fault::TellsWithoutCommit) {
            self.state().outbox.push(notice.clone());
        }
        by.notices.insert(id, notice);
        Ok(())
    }
}
