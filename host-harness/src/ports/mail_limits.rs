//! What becomes of a run whose organizer, or whose owner, has used up the mails of the day.

use super::{Run, Services};
use crate::contract::{Outcome, User};
use crate::delivery;
use crate::storage::{Finish, MailKind, NewMail};
use crate::usage::{MailLimits, MailUser, MostMails, Otherwise, UsageLimits};

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
        let german = owner.is_some_and(|owner| owner.language.starts_with("de"));
        let words = why(limits, user, german);
        Finish {
            outcome: Outcome::Failed((CODE.to_owned(), words.clone())),
            error_counter: schedule.content.error_counter,
            active: schedule.content.active,
            mail: owner.map(|owner| self.notice(run, owner, (export, &words), german)),
            now: self.clock.now(),
            mail_limits: limits.mails(None),
        }
    }

    fn notice(&self, run: &Run, owner: &User, (export, words): (&NewMail, &str), german: bool) -> NewMail {
        let (id, due) = (run.facts.schedule.id, run.due.unwrap_or_default());
        let url = &run.facts.settings.configuration_url;
        let subject = &export.subject;
        let (subject, text) = if german {
            (
                format!("Geplanter Export {id} wurde nicht gesendet"),
                format!(
                    "Der geplante Export \"{subject}\" (Nummer {id}) wurde nicht gesendet.\n\n{words}\n\nDer nächste Export wird wie geplant erstellt. Sie finden ihn unter {url}\n"
                ),
            )
        } else {
            (
                format!("Scheduled export {id} was not sent"),
                format!(
                    "The scheduled export \"{subject}\" (number {id}) was not sent.\n\n{words}\n\nIts next run takes place as scheduled. Open it at {url}\n"
                ),
            )
        };
        NewMail {
            kind: MailKind::Failure,
            message_id: delivery::message_id(id, due, MailKind::Failure, &self.origin.host),
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

fn why(limits: &UsageLimits, user: MailUser, german: bool) -> String {
    let MostMails { mails, recipients } = limits.most_mails(user);
    let most = |most: Option<u32>, of: &str| most.map(|most| format!("{most} {of}"));
    let listed = |emails: Option<String>, recipients: Option<String>, and: &str| {
        let both: Vec<String> = [emails, recipients].into_iter().flatten().collect();
        both.join(and)
    };
    if german {
        let listed = listed(most(mails, "E-Mails"), most(recipients, "Empfänger"), " und ");
        let reached = match user {
            MailUser::Organizer => "Der Veranstalter hat sein Tageslimit erreicht",
            MailUser::Owner => {
                "Die Zeitpläne dieses Besitzers haben ihren Anteil am Tageslimit des Veranstalters erreicht"
            }
        };
        return format!("{reached}: {listed} pro Tag (UTC).");
    }
    let listed = listed(most(mails, "emails"), most(recipients, "recipients"), " and ");
    let reached = match user {
        MailUser::Organizer => "The organizer has reached its daily limit",
        MailUser::Owner => "This owner's schedules have reached their share of the organizer's daily limit",
    };
    format!("{reached}: {listed} per day (UTC).")
}
