//! `mailer`: the outbox.

use super::{Access, Memory, Outgoing, Run, State};
use crate::contract::mailer::{Audience, Mail, MailError, MailKind};
use crate::contract::{DeliveryStatus, Recipients, RunKind};
use crate::imports::{Answer, Mailer};

/// How long a notice to an owner waits for others, in seconds.
const NOTICES_WAIT: i64 = 900;
/// Assumed size of the headers of a mail, in bytes: this host has none.
const HEADERS: u64 = 500;

/// A mail that one recipient's server accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedOver {
    /// Address of the envelope.
    pub to: String,
    /// Subject, decoded.
    pub subject: String,
    /// Message-ID, as in the header.
    pub message_id: String,
    /// Whether a file is attached.
    pub attached: bool,
}

impl Memory {
    /// Puts a mail into the outbox, unless it has one of that kind for this due time.
    pub(super) fn send(state: &mut State, mail: Outgoing) {
        let same = |other: &Outgoing| other.schedule == mail.schedule && other.about == mail.about;
        if mail.about.is_none() || !state.outbox.iter().any(same) {
            state.outbox.push(mail);
        }
    }

    /// Puts a notice to an owner into the outbox, or adds it to one that waits there.
    pub(super) fn tell(&self, state: &mut State, notice: Outgoing) {
        let now = self.now();
        let organizer = |mail: &Outgoing| mail.waits.as_ref().map(|(_, organizer)| organizer.clone());
        let joins = |mail: &&mut Outgoing| {
            let waits = mail.waits.as_ref().is_some_and(|(until, _)| *until > now);
            waits && organizer(mail) == organizer(&notice) && mail.recipients[0].address == notice.recipients[0].address
        };
        match state.outbox.iter_mut().find(joins) {
            Some(waiting) => "Several changes".clone_into(&mut waiting.subject),
            None => state.outbox.push(notice),
        }
    }

    /// Delivers the outbox to recipients' servers, of which those of `refused` reject for good. Returns the accepted mails.
    pub fn hand_over(&self, refused: &[String]) -> Vec<HandedOver> {
        let (now, mut taken) = (self.now(), Vec::new());
        let State { outbox, runs, .. } = &mut *self.state();
        let leaves = |mail: &&mut Outgoing| mail.waits.as_ref().is_none_or(|(until, _)| *until <= now);
        for mail in outbox.iter_mut().filter(leaves) {
            for delivery in &mut mail.recipients {
                if delivery.status != DeliveryStatus::Queued {
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
    async fn stage(&self, of: &mut Run, mail: Mail) -> Answer<(), MailError> {
        let state = self.state();
        let people = match mail.audience {
            Audience::People(people) => people,
            Audience::Responsible => Recipients {
                // Nobody but who has asked for it hears of a test.
                to: match of.facts.kind {
                    RunKind::Test => {
                        let owner = self.user(&state, &of.lease.stored.owner).filter(|owner| owner.active);
                        owner.map(|owner| owner.email).into_iter().collect()
                    }
                    _ => self.responsible(&state, &of.lease.stored),
                },
                cc: Vec::new(),
                bcc: Vec::new(),
            },
        };
        let recipients = people.queued();
        if recipients.is_empty() {
            return Err(MailError::NoRecipient.into());
        }
        let file = of.file.as_ref().filter(|_| mail.attach_file);
        // In base64.
        let size = HEADERS + mail.text.len() as u64 + file.map_or(0, |file| file.size * 4 / 3);
        if size > of.facts.settings.mail_bytes {
            return Err(MailError::TooLarge(size).into());
        }
        let due = of.lease.run.map_or(0, |run| state.runs[run].entry.due);
        let (schedule, kind) = (of.lease.schedule, mail.kind);
        of.staged = Some(Outgoing {
            schedule,
            about: Some((due, kind)),
            recipients,
            subject: mail.subject,
            attached: mail.attach_file,
            message_id: format!("{schedule}.{due}.{}@tickets.example", kind.as_str()),
            run: of.lease.run,
            waits: None,
        });
        Ok(())
    }

    async fn notify_owner(&self, by: &mut Access, id: u64, subject: String, _text: String) -> Answer<(), MailError> {
        let owner = by.owners.get(&id).filter(|owner| Some(*owner) != by.user.as_ref());
        let owner = owner.and_then(|owner| self.user(&by.draft, owner));
        let owner = owner.filter(|user| user.active).ok_or(MailError::NoRecipient)?;
        let notice = Outgoing {
            schedule: id,
            about: None,
            recipients: Recipients::only(owner.email).queued(),
            subject,
            attached: false,
            message_id: format!("{id}.{}.change@tickets.example", self.now()),
            run: None,
            waits: Some((self.now() + NOTICES_WAIT, by.scope.organizer.clone())),
        };
        by.notices.insert(id, notice);
        Ok(())
    }
}
