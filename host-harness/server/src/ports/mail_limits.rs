//! What becomes of a run whose organizer, or whose owner, has used up the mails of the day.

use plugin::language::Language;
use scheduled_exports_host::contract::{Outcome, ScheduleState, User};
use scheduled_exports_store::usage::{MailLimits, MailUser, MostMails, Otherwise, UsageLimits};
use scheduled_exports_store::{Finish, MailKind, NewMail};

use super::{Run, Services};
use crate::text;

/// In the history, for programs.
const CODE: &str = "mail-limit";

impl Services {
    /// What the mail of a run is held to. An export past the limit is not sent later: its run fails, and that counts for nothing, since
    /// it is no fault of the schedule. Its owner is told, as long as there are mails left for that.
    pub(super) fn mail_limits(&self, run: &Run) -> Option<MailLimits> {
        let limits = &self.facts.limits;
        // Only an export has something to be written in its place.
        let export = run.staged.as_ref().filter(|mail| mail.kind == MailKind::Export);
        limits.mails(export.map(|export| Otherwise {
            organizer: self.not_sent(run, export, MailUser::Organizer),
            owner: self.not_sent(run, export, MailUser::Owner),
        }))
    }

    fn not_sent(&self, run: &Run, export: &NewMail, user: MailUser) -> Finish {
        let schedule = &run.facts.schedule;
        let owner = schedule.owner.as_ref().filter(|owner| owner.active);
        let limits = &self.facts.limits;
        let language = owner.map_or(Language::ALL[0], |owner| Language::of_tag(&owner.language));
        let words = why(limits, user, language);
        Finish {
            outcome: Outcome::Failed((CODE.to_owned(), words.clone())),
            error_counter: schedule.content.error_counter,
            active: schedule.content.state != ScheduleState::Stopped,
            mail: owner.map(|owner| self.notice(run, owner, (export, &words), language)),
            now: self.clock.now(),
            mail_limits: limits.mails(None),
        }
    }

    fn notice(&self, run: &Run, owner: &User, (export, words): (&NewMail, &str), language: Language) -> NewMail {
        let (id, due) = (run.facts.schedule.id, run.due.unwrap_or_default());
        let url = &run.facts.settings.configuration_url;
        let subject = text::mail_limit_subject(language, id);
        let text = format!("{}\n", text::mail_limit(language, words, id, &export.subject, url));
        NewMail {
            kind: MailKind::Failure,
            message_id: scheduled_exports_mail::message_id(
                run.leased.row.id,
                due,
                MailKind::Failure,
                &self.origin.host,
            ),
            from: export.from.clone(),
            from_name: export.from_name.clone(),
            reply_to: None,
            to: vec![owner.email.clone()],
            cc: Vec::new(),
            bcc: Vec::new(),
            subject,
            text,
            attach_file: false,
        }
    }
}

fn why(limits: &UsageLimits, user: MailUser, language: Language) -> String {
    let MostMails { mails, recipients } = limits.most_mails(user);
    let mails = mails.map(|most| text::limit_mails(language, most));
    let recipients = recipients.map(|most| text::limit_recipients(language, most));
    let limits = match (mails, recipients) {
        (Some(mails), Some(recipients)) => text::limit_both(language, &mails, &recipients),
        (mails, recipients) => mails.or(recipients).unwrap_or_default(),
    };
    match user {
        MailUser::Organizer => text::reason_organizer_limit(language, &limits),
        MailUser::Owner => text::reason_owner_limit(language, &limits),
    }
}
