//! `mailer`: the outbox.

use std::collections::BTreeSet;

use scheduled_exports_host::contract::mailer::{Audience, Mail, MailError};
use scheduled_exports_host::contract::{DeliveryStatus, Recipients};
use scheduled_exports_host::imports::{Answer, Mailer};
use scheduled_exports_host::memory::HandedOver;

use super::{Access, Fault, Faulty, Run};

impl Faulty {
    pub(super) fn hand_over(&self, refused: &[String]) -> Vec<HandedOver> {
        if self.is(Fault::SendsAgain) {
            let state = &mut *self.memory.state();
            for delivery in state.outbox.iter_mut().flat_map(|mail| &mut mail.recipients) {
                delivery.status = DeliveryStatus::Queued;
            }
        }
        self.memory.hand_over(refused)
    }
}

impl Mailer for Faulty {
    async fn stage(&self, of: &mut Run, mut mail: Mail) -> Answer<(), MailError> {
        let run = &mut of.of;
        let most = run.facts.settings.mail_bytes;
        if self.is(Fault::TakesLargeMail) {
            run.facts.settings.mail_bytes = u64::MAX;
        }
        if self.is(Fault::WritesToTheInactive)
            && matches!(mail.audience, Audience::Responsible)
            && let Some(owner) = self.memory.user(&self.memory.state(), &run.lease.stored.owner)
        {
            mail.audience = Audience::People(Recipients::only(owner.email));
        }
        let staged = self.memory.stage(run, mail).await;
        run.facts.settings.mail_bytes = most;
        if let Some(staged) = run.staged.as_mut().filter(|_| self.is(Fault::SharesTheKey)) {
            staged.message_id = format!("{}@tickets.example", run.facts.schedule.id);
        }
        if self.is(Fault::SendsWhenStaged) {
            self.memory.state().outbox.extend(run.staged.clone());
        }
        staged
    }

    async fn notify_owner(&self, by: &mut Access, id: u64, subject: String, text: String) -> Answer<(), MailError> {
        if self.is(Fault::TellsOnlyOfTakeOvers) && !by.taken_over.contains(&id) {
            return Err(MailError::NoRecipient.into());
        }
        if self.is(Fault::TellsTheNewOwner)
            && let Some(stored) = by.of.draft.schedules.get(&id)
        {
            by.of.owners.insert(id, stored.owner.clone());
        }
        let user = by.of.user.clone();
        if self.is(Fault::TellsTheCaller) || self.is(Fault::TellsTheNewOwner) {
            by.of.user = None;
        }
        let inactive = match self.is(Fault::TellsTheInactive) {
            true => std::mem::take(&mut by.of.draft.inactive),
            false => BTreeSet::new(),
        };
        let told = self.memory.notify_owner(&mut by.of, id, subject, text).await;
        by.of.draft.inactive.extend(inactive);
        by.of.user = user;
        if self.is(Fault::TellsWithoutCommit) && told.is_ok() {
            let notice = by.of.notices.get(&id).cloned();
            self.memory.state().outbox.extend(notice);
            by.of.found.outbox.clone_from(&self.memory.state().outbox);
            by.of.draft.outbox.clone_from(&self.memory.state().outbox);
        }
        told
    }
}
