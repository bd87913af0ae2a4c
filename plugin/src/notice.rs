//! What people are told about runs: mails, and the words of reasons. The texts are in the catalogs.

mod changes;
mod phrase;
mod reason;

pub use changes::{Seen, Who, changed, deleted, in_brief, taken_over};
pub(crate) use phrase::clock;
pub(crate) use phrase::disturbs;
pub use phrase::{moment, one_line, plain, size};
pub use reason::{Cancellation, Reason};

use crate::host::{Delivery, DownloadLink, Instant};
use crate::language::Language;
use crate::run::FAILURES_TO_STOP;
use crate::text;

/// Most characters of a subject: the contract's limit.
pub const LONGEST_SUBJECT: usize = 250;
/// Most characters of a receiving server's reply that are repeated.
const LONGEST_REPLY: usize = 300;

/// What every notice says about its run.
#[derive(Clone, Debug)]
pub struct Occasion<'a> {
    pub language: Language,
    /// Subject of the schedule's mails; none: its document can't be read.
    pub title: Option<&'a str>,
    /// Identifier of the exporter.
    pub exporter: &'a str,
    /// IANA name of the zone that times are said in.
    pub zone: &'a str,
    /// None: not known.
    pub due: Option<Instant>,
    /// None: no further one is planned.
    pub next_run: Option<Instant>,
    /// Absolute URL of the page where schedules are changed.
    pub configuration_url: &'a str,
}

/// Words of a mail: a subject of one line, at most [`LONGEST_SUBJECT`] characters, and plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub subject: String,
    pub text: String,
}

/// That a run failed; with `failures` failed runs in a row, this one included, the schedule is stopped at
/// [`FAILURES_TO_STOP`], and the notice then says how it is started again.
#[must_use]
pub fn failure(occasion: &Occasion, reason: &Reason, failures: u32) -> Notice {
    let language = occasion.language;
    let stopped = failures >= FAILURES_TO_STOP;
    let name = occasion.name();
    let mut text = Text::new(language);
    text.line(&match reason {
        Reason::Undelivered(_) => text::failed_undelivered(language, &name),
        _ => text::failed(language, &name),
    });
    text.gap();
    occasion.say_due(&mut text);
    text.line(&text::mail_reason(language, &reason.words(language)));
    if let Reason::Undelivered(deliveries) = reason {
        text.replies(deliveries);
    }
    text.gap();
    if stopped {
        text.line(&text::paused(language, FAILURES_TO_STOP));
        text.line(text::paused_resume(language));
    } else {
        text.line(&text::failed_count(language, failures, FAILURES_TO_STOP));
        occasion.say_next(&mut text);
        if matches!(reason, Reason::Unreadable | Reason::TimetableUnfit(_)) {
            text.line(text::failed_reschedule(language));
        }
    }
    text.gap();
    if matches!(reason, Reason::OwnerInactive | Reason::OwnerGone) {
        text.line(text::failed_owner(language));
    }
    occasion.say_where(&mut text);
    let subject = if stopped {
        text::paused_subject(language)
    } else {
        text::failed_subject(language)
    };
    Notice {
        subject: occasion.subject(subject),
        text: text.0,
    }
}

/// That the exporter found nothing.
#[must_use]
pub fn nothing_to_export(occasion: &Occasion) -> Notice {
    let language = occasion.language;
    let name = occasion.name();
    let mut text = Text::new(language);
    text.line(&text::empty(language, &name));
    text.gap();
    occasion.say_due(&mut text);
    occasion.say_next(&mut text);
    text.gap();
    occasion.say_where(&mut text);
    Notice {
        subject: occasion.subject(text::empty_subject(language)),
        text: text.0,
    }
}

/// That some recipients' servers refused the export mail: `refused`, with the servers' words.
#[must_use]
pub fn undelivered(occasion: &Occasion, refused: &[Delivery]) -> Notice {
    let language = occasion.language;
    let name = occasion.name();
    let mut text = Text::new(language);
    text.line(&text::undelivered(language, &name));
    text.gap();
    occasion.say_due(&mut text);
    text.line(text::undelivered_list(language));
    text.replies(refused);
    text.gap();
    text.line(text::undelivered_others(language));
    occasion.say_next(&mut text);
    text.gap();
    occasion.say_where(&mut text);
    Notice {
        subject: occasion.subject(text::undelivered_subject(language)),
        text: text.0,
    }
}

/// Below the text of a mail whose file is too large for it: where the file is, and until when.
#[must_use]
pub fn download(link: &DownloadLink, zone: &str, language: Language) -> String {
    let until = moment(link.expires, zone, language);
    // An address in two lines leads nowhere, so it is not cut.
    let url = one_line(&link.url, usize::MAX);
    let mut text = text::download(language, &until, &url);
    text.push('\n');
    text
}

impl Occasion<'_> {
    /// `“Monthly order list” (orderlist)`.
    fn name(&self) -> String {
        let exporter = one_line(self.exporter, 100);
        match self
            .title
            .map(|title| one_line(title, LONGEST_SUBJECT))
            .filter(|title| !title.is_empty())
        {
            Some(title) => text::mail_name(self.language, &exporter, &title),
            None => text::quoted(self.language, &exporter),
        }
    }

    fn subject(&self, what: &str) -> String {
        let title = self.title.unwrap_or(self.exporter);
        one_line(&text::mail_subject(self.language, title, what), LONGEST_SUBJECT)
    }

    fn say_due(&self, text: &mut Text) {
        if let Some(due) = self.due {
            let due = moment(due, self.zone, self.language);
            text.line(&text::mail_due(self.language, &due));
        }
    }

    fn say_next(&self, text: &mut Text) {
        match self.next_run {
            Some(next) => {
                let next = moment(next, self.zone, self.language);
                text.line(&text::mail_next_run(self.language, &next));
            }
            None => text.line(text::mail_no_next_run(self.language)),
        }
    }

    fn say_where(&self, text: &mut Text) {
        let url = one_line(self.configuration_url, 2_000);
        text.line(&text::mail_manage(self.language, &url));
    }
}

/// Text of a mail in the making.
struct Text(String);

impl Text {
    /// Begins with the greeting.
    fn new(language: Language) -> Self {
        let mut text = Self(String::new());
        text.line(text::mail_hello(language));
        text.gap();
        text
    }

    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn gap(&mut self) {
        self.0.push('\n');
    }

    fn replies(&mut self, deliveries: &[Delivery]) {
        for delivery in deliveries {
            let address = one_line(&delivery.address, 320);
            let reply = one_line(&delivery.words, LONGEST_REPLY);
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
    use crate::host::DeliveryStatus;

    fn occasion() -> Occasion<'static> {
        Occasion {
            language: Language::German,
            title: Some("Bestellliste"),
            exporter: "orderlist",
            zone: "Europe/Berlin",
            due: Some(1_792_992_600), // 2026-10-26T05:30:00Z
            next_run: None,
            configuration_url: "https://tickets.example.com/exports/",
        }
    }

    #[test]
    fn the_mail_about_the_fifth_failure_says_in_german_that_the_export_is_paused_and_how_to_resume_it() {
        let notice = failure(&occasion(), &Reason::OutOfTime, FAILURES_TO_STOP);
        assert_eq!(notice.subject, "Geplanter Export pausiert: Bestellliste");
        assert_eq!(
            notice.text,
            "Hallo,\n\n\
             der geplante Export „Bestellliste“ (orderlist) ist fehlgeschlagen. Es wurde keine Datei verschickt.\n\n\
             Geplant für: Montag, 26. Oktober 2026, 06:30 Uhr (Europe/Berlin, UTC+01:00)\n\
             Grund: Der Export hat sein Zeitlimit überschritten.\n\n\
             Der Export ist 5-mal in Folge fehlgeschlagen und wurde pausiert. Er wird erst wieder ausgeführt, wenn er fortgesetzt wird.\n\
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
            words: long.clone(),
        };
        for reason in [
            Reason::OwnerInactive,
            Reason::OwnerGone,
            Reason::OwnerNotAllowed,
            Reason::Unreadable,
            Reason::TimetableUnfit(long.clone()),
            Reason::DateRangeUnfit(long.clone()),
            Reason::FormUnfit(long.clone()),
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
            Reason::OutOfTime,
            Reason::OutOfMemory,
            Reason::Unfinished,
        ] {
            assert!(
                reason
                    .code()
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            );
            let [english, german] = [Language::English, Language::German].map(|language| reason.words(language));
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
    fn where_no_further_run_is_planned_the_notices_say_so() {
        for notice in [
            nothing_to_export(&occasion()),
            undelivered(&occasion(), &[]),
            failure(&occasion(), &Reason::Unreadable, 1),
        ] {
            assert!(notice.text.contains("Es ist keine weitere Ausführung geplant."));
        }
    }
}
