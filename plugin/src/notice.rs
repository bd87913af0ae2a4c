//! Notices: the mails of the plugin about runs and changes. The texts are in the catalogs.

mod changes;
mod phrase;
mod reason;

pub use changes::{Actor, Change, ForeignChange};
pub(crate) use phrase::{clock, is_unsafe_in_text};
pub use phrase::{one_line, plain, size, zoned_time};
pub use reason::{Cancellation, Reason};

use crate::contract::{Delivery, DownloadLink, Instant};
use crate::language::Language;
use crate::run::MAX_CONSECUTIVE_FAILURES;
use crate::text;

/// Maximum number of characters of a subject: the contract's limit.
pub const MAX_SUBJECT_LEN: usize = 250;
/// Maximum number of characters of an address in a mail.
const MAX_ADDRESS_LEN: usize = 320;
/// Maximum number of characters of a mail server's reply in a notice.
const MAX_REPLY_LEN: usize = 300;

/// The facts that notices have in common.
#[derive(Clone, Debug)]
pub struct NoticeContext<'a> {
    pub language: Language,
    /// Subject of the schedule's mails; `None` if its document cannot be read.
    pub title: Option<&'a str>,
    /// Identifier of the exporter.
    pub exporter: &'a str,
    /// IANA name of the zone that times are shown in.
    pub zone: &'a str,
    /// `None` if it is not known.
    pub due: Option<Instant>,
    /// `None` if no further run is scheduled.
    pub next_run: Option<Instant>,
    /// `None` for a run that was due, and for a change.
    pub requested: Option<Requested<'a>>,
    /// Absolute URL of the page where users manage schedules.
    pub configuration_url: &'a str,
}

/// A run that a user or a program requested: it leaves the plan and the count of failures as they are.
#[derive(Clone, Copy, Debug)]
pub enum Requested<'a> {
    /// The schedule as it is, now. `by`: address of the user.
    Now { by: Option<&'a str> },
    /// Once more for a due time that has passed.
    Rerun { by: Option<&'a str> },
    /// Mailed to that user alone.
    Test { by: Option<&'a str> },
}

/// A mail: a subject of one line, at most [`MAX_SUBJECT_LEN`] characters, and plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub subject: String,
    pub text: String,
}

/// The notice about a failed run. `failures` is the number of consecutive failed runs, including this one; from
/// [`MAX_CONSECUTIVE_FAILURES`] on the schedule is stopped, and the notice says how to resume it.
#[must_use]
pub fn failure(context: &NoticeContext, reason: &Reason, failures: u32) -> Notice {
    let language = context.language;
    let stopped = context.requested.is_none() && failures >= MAX_CONSECUTIVE_FAILURES;
    let subject = if stopped {
        text::stopped_subject(language)
    } else {
        text::failed_subject(language)
    };
    let first_line: FirstLine = match reason {
        Reason::Undelivered(_) => text::failed_undelivered,
        _ => text::failed,
    };
    context.notice(subject, first_line, |text| {
        text.line(&text::mail_reason(language, &reason.message(language)));
        if let Reason::Undelivered(deliveries) = reason {
            text.replies(deliveries);
        }
        text.gap();
        if stopped {
            text.line(&text::stopped(language, MAX_CONSECUTIVE_FAILURES));
            text.line(text::stopped_resume(language));
        } else {
            if context.requested.is_none() {
                text.line(&text::failed_count(language, failures, MAX_CONSECUTIVE_FAILURES));
            }
            context.add_next_run(text);
            if matches!(reason, Reason::Unreadable | Reason::InvalidRecurrence(_)) {
                text.line(text::failed_reschedule(language));
            }
        }
        text.gap();
        if matches!(reason, Reason::OwnerInactive | Reason::OwnerGone) {
            text.line(text::failed_owner(language));
        }
    })
}

/// The notice that the exporter found nothing to export.
#[must_use]
pub fn nothing_to_export(context: &NoticeContext) -> Notice {
    context.notice(text::empty_subject(context.language), text::empty, |text| {
        context.add_next_run(text);
        text.gap();
    })
}

/// The notice that some recipients' servers rejected the export mail, with their replies.
#[must_use]
pub fn undelivered(context: &NoticeContext, rejected: &[Delivery]) -> Notice {
    let language = context.language;
    context.notice(text::undelivered_subject(language), text::undelivered, |text| {
        text.line(text::undelivered_list(language));
        text.replies(rejected);
        text.gap();
        text.line(text::undelivered_others(language));
        context.add_next_run(text);
        text.gap();
    })
}

/// The subject of a test of a schedule with this subject, and the paragraph below its text: who requested it.
#[must_use]
pub fn test(subject: &str, address: &str, language: Language) -> Notice {
    let note = text::test_note(language, &one_line(address, MAX_ADDRESS_LEN));
    Notice {
        subject: one_line(&text::test_subject(language, subject), MAX_SUBJECT_LEN),
        text: format!("{note}\n"),
    }
}

/// The paragraph below the text of a mail whose file exceeds the maximum mail size: where to download it, and until when.
#[must_use]
pub fn download(link: &DownloadLink, zone: &str, language: Language) -> String {
    let until = zoned_time(link.expires, zone, language);
    // A URL on two lines does not work, so it is not cut.
    let url = one_line(&link.url, usize::MAX);
    let mut text = text::download(language, &until, &url);
    text.push('\n');
    text
}

/// A text with the schedule's name.
type FirstLine = fn(Language, &str) -> String;

impl NoticeContext<'_> {
    /// A notice about a run: greeting, first line, due time, the details, and where to manage schedules.
    fn notice(&self, subject: &str, first_line: FirstLine, details: impl FnOnce(&mut Text)) -> Notice {
        let mut text = Text(String::new());
        text.line(text::mail_hello(self.language));
        text.gap();
        text.line(&first_line(self.language, &self.name()));
        text.gap();
        if let Some(due) = self.due {
            let due = zoned_time(due, self.zone, self.language);
            text.line(&match self.requested {
                None | Some(Requested::Rerun { .. }) => text::mail_due(self.language, &due),
                Some(Requested::Now { .. } | Requested::Test { .. }) => text::mail_time(self.language, &due),
            });
        }
        if let Some(Requested::Now { by } | Requested::Rerun { by } | Requested::Test { by }) = self.requested {
            match by {
                Some(address) => {
                    let address = one_line(address, MAX_ADDRESS_LEN);
                    text.line(&text::mail_requested_by(self.language, &address));
                }
                None => text.line(text::mail_requested(self.language)),
            }
        }
        details(&mut text);
        self.finish(subject, text)
    }

    fn finish(&self, subject: &str, mut text: Text) -> Notice {
        let url = one_line(self.configuration_url, 2_000);
        text.line(&text::mail_manage(self.language, &url));
        let title = self.title.unwrap_or(self.exporter);
        let subject = text::mail_subject(self.language, title, subject);
        let subject = match self.requested {
            Some(Requested::Test { .. }) => text::test_subject(self.language, &subject),
            _ => subject,
        };
        Notice {
            subject: one_line(&subject, MAX_SUBJECT_LEN),
            text: text.0,
        }
    }

    /// `“Monthly order list” (orderlist)`.
    fn name(&self) -> String {
        let exporter = one_line(self.exporter, 100);
        match self
            .title
            .map(|title| one_line(title, MAX_SUBJECT_LEN))
            .filter(|title| !title.is_empty())
        {
            Some(title) => text::mail_name(self.language, &exporter, &title),
            None => text::quoted(self.language, &exporter),
        }
    }

    /// Nothing for a run that was requested: the plan has nothing to do with it.
    fn add_next_run(&self, text: &mut Text) {
        if self.requested.is_some() {
            return;
        }
        match self.next_run {
            Some(next) => {
                let next = zoned_time(next, self.zone, self.language);
                text.line(&text::mail_next_run(self.language, &next));
            }
            None => text.line(text::mail_no_next_run(self.language)),
        }
    }
}

/// The text of a mail under construction.
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn gap(&mut self) {
        self.0.push('\n');
    }

    fn replies(&mut self, deliveries: &[Delivery]) {
        for delivery in deliveries {
            let address = one_line(&delivery.address, MAX_ADDRESS_LEN);
            let reply = one_line(&delivery.response, MAX_REPLY_LEN);
            if reply.is_empty() {
                self.line(&format!("- {address}"));
            } else {
                self.line(&format!("- {address}: {reply}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::DeliveryStatus;

    fn context() -> NoticeContext<'static> {
        NoticeContext {
            language: Language::German,
            title: Some("Bestellliste"),
            exporter: "orderlist",
            zone: "Europe/Berlin",
            due: Some(1_792_992_600), // 2026-10-26T05:30:00Z
            next_run: None,
            requested: None,
            configuration_url: "https://tickets.example.com/exports/",
        }
    }

    #[test]
    fn the_mail_about_the_fifth_failure_says_in_german_that_the_export_is_stopped_and_how_to_resume_it() {
        let notice = failure(&context(), &Reason::DeadlineExceeded, MAX_CONSECUTIVE_FAILURES);
        assert_eq!(notice.subject, "Geplanter Export angehalten: Bestellliste");
        assert_eq!(
            notice.text,
            "Hallo,\n\n\
             der geplante Export „Bestellliste“ (orderlist) ist fehlgeschlagen. Es wurde keine Datei verschickt.\n\n\
             Geplant für: Montag, 26. Oktober 2026, 06:30 Uhr (Europe/Berlin, UTC+01:00)\n\
             Grund: Der Export hat sein Zeitlimit überschritten.\n\n\
             Der Export ist 5-mal in Folge fehlgeschlagen und wurde angehalten. Er wird erst wieder ausgeführt, wenn er fortgesetzt wird.\n\
             So setzen Sie ihn fort: Ursache beheben, den geplanten Export unter dem Link unten öffnen und speichern. \
             Dabei wird die nächste Ausführung geplant und der Fehlerzähler zurückgesetzt.\n\n\
             Geplante Exporte verwalten: https://tickets.example.com/exports/\n"
        );
    }

    #[test]
    fn every_reason_has_a_code_and_one_line_of_words_in_each_language() {
        let long = "x\r\n".repeat(10_000);
        let refused = Delivery {
            address: "a@x".into(),
            status: DeliveryStatus::Rejected,
            response: long.clone(),
        };
        for reason in [
            Reason::OwnerInactive,
            Reason::OwnerGone,
            Reason::OwnerNotAllowed,
            Reason::Unreadable,
            Reason::InvalidRecurrence(long.clone()),
            Reason::InvalidDateRange(long.clone()),
            Reason::InvalidFormData(long.clone()),
            Reason::ExporterFailed(long),
            Reason::Unavailable(6),
            Reason::TooLarge {
                size: 2,
                limit: 1,
                zipped: false,
            },
            Reason::TooLarge {
                size: 2,
                limit: 1,
                zipped: true,
            },
            Reason::NoRecipient,
            Reason::NoFile,
            Reason::BadSubject,
            Reason::Undelivered(vec![refused]),
            Reason::Trapped,
            Reason::DeadlineExceeded,
            Reason::OutOfMemory,
            Reason::Unfinished,
        ] {
            assert!(
                reason
                    .code()
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            );
            let [english, german] = [Language::English, Language::German].map(|language| reason.message(language));
            assert_ne!(english, german);
            for words in [english, german] {
                assert!(
                    !words.contains(char::is_control) && words.chars().count() < 700,
                    "{words}"
                );
            }
        }
    }

    #[test]
    fn a_notice_about_a_requested_run_says_who_requested_it_and_nothing_of_the_plan_or_the_count() {
        let by = Some("ann@example.org");
        let context = |requested| NoticeContext {
            requested: Some(requested),
            ..context()
        };
        let failed = |requested| failure(&context(requested), &Reason::DeadlineExceeded, MAX_CONSECUTIVE_FAILURES);
        let test = failed(Requested::Test { by });
        assert_eq!(test.subject, "Test: Geplanter Export fehlgeschlagen: Bestellliste");
        assert_eq!(
            test.text,
            "Hallo,\n\n\
             der geplante Export „Bestellliste“ (orderlist) ist fehlgeschlagen. Es wurde keine Datei verschickt.\n\n\
             Zeit: Montag, 26. Oktober 2026, 06:30 Uhr (Europe/Berlin, UTC+01:00)\n\
             Angefordert von: ann@example.org\n\
             Grund: Der Export hat sein Zeitlimit überschritten.\n\n\n\
             Geplante Exporte verwalten: https://tickets.example.com/exports/\n"
        );
        let rerun = failed(Requested::Rerun { by: None });
        assert_eq!(rerun.subject, "Geplanter Export fehlgeschlagen: Bestellliste");
        assert!(rerun.text.contains("Geplant für: Montag") && rerun.text.contains("wurde angefordert"));
        let empty = nothing_to_export(&context(Requested::Now { by }));
        assert!(empty.text.contains("Angefordert von: ann@example.org") && !empty.text.contains("Ausführung:"));
    }

    #[test]
    fn where_no_further_run_is_planned_the_notices_say_so() {
        for notice in [
            nothing_to_export(&context()),
            undelivered(&context(), &[]),
            failure(&context(), &Reason::Unreadable, 1),
        ] {
            assert!(notice.text.contains("Es ist keine weitere Ausführung geplant."));
        }
    }
}
