//! What people are told about runs: mails, and the words of reasons. English and German.

mod changes;
mod phrase;
mod reason;

pub use changes::{Seen, Who, changed, deleted, in_brief, taken_over};
pub(crate) use phrase::disturbs;
pub use phrase::{moment, one_line, plain, size};
pub use reason::{Cancellation, Reason};

use crate::host::{Delivery, DownloadLink, Instant};
use crate::language::Language;
use crate::run::FAILURES_TO_STOP;

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
        Reason::Undelivered(_) => language.pick(
            format!("the file of the scheduled export {name} was made, but its mail reached nobody."),
            format!("die Datei des geplanten Exports {name} wurde erstellt, aber ihre E-Mail hat niemanden erreicht."),
        ),
        _ => language.pick(
            format!("the scheduled export {name} failed, so no file was sent."),
            format!("der geplante Export {name} ist fehlgeschlagen. Es wurde keine Datei verschickt."),
        ),
    });
    text.gap();
    occasion.say_due(&mut text);
    text.line(&format!(
        "{} {}",
        language.pick("Reason:", "Grund:"),
        reason.words(language)
    ));
    if let Reason::Undelivered(deliveries) = reason {
        text.replies(deliveries);
    }
    text.gap();
    if stopped {
        text.line(&language.pick(
            format!("This was failure {FAILURES_TO_STOP} of {FAILURES_TO_STOP} in a row, so the schedule has been stopped: it does not run any more."),
            format!("Das war der {FAILURES_TO_STOP}. Fehlschlag von {FAILURES_TO_STOP} in Folge. Der Plan wurde deshalb angehalten und läuft nicht mehr."),
        ));
        text.line(language.pick(
            "To start it again: open it at the address below, put right what went wrong, and save it. Saving plans the next run and sets the count of failures back to 0.",
            "So startet er wieder: unter der Adresse unten öffnen, die Ursache beheben und speichern. Mit dem Speichern wird der nächste Lauf geplant, und die Fehlschläge zählen wieder ab 0.",
        ));
    } else {
        text.line(&language.pick(
            format!("This was failure {failures} in a row; after {FAILURES_TO_STOP} the schedule is stopped."),
            format!("Das war der {failures}. Fehlschlag in Folge; nach {FAILURES_TO_STOP} wird der Plan angehalten."),
        ));
        occasion.say_next(&mut text);
        if matches!(reason, Reason::Unreadable | Reason::TimetableUnfit(_)) {
            text.line(language.pick(
                "To have it planned again: open it at the address below, put right what went wrong, and save it.",
                "So wird er wieder geplant: unter der Adresse unten öffnen, die Ursache beheben und speichern.",
            ));
        }
    }
    text.gap();
    if matches!(reason, Reason::OwnerInactive | Reason::OwnerGone) {
        text.line(language.pick(
            "It runs with the rights of its owner only. Whoever may change settings there and may export this data can take it over.",
            "Er läuft nur mit den Rechten seines Besitzers. Wer dort Einstellungen ändern und diese Daten exportieren darf, kann ihn übernehmen.",
        ));
    }
    occasion.say_where(&mut text);
    let subject = if stopped {
        language.pick("Scheduled export stopped", "Geplanter Export angehalten")
    } else {
        language.pick("Scheduled export failed", "Geplanter Export fehlgeschlagen")
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
    text.line(&language.pick(
        format!("the scheduled export {name} ran and found nothing to export. There is no file this time, and no mail went to its recipients."),
        format!("der geplante Export {name} ist gelaufen und hat nichts zu exportieren gefunden. Diesmal gibt es keine Datei, und an die Empfänger ging keine E-Mail."),
    ));
    text.gap();
    occasion.say_due(&mut text);
    occasion.say_next(&mut text);
    text.gap();
    occasion.say_where(&mut text);
    Notice {
        subject: occasion.subject(language.pick("Nothing to export", "Nichts zu exportieren")),
        text: text.0,
    }
}

/// That some recipients' servers refused the export mail: `refused`, with the servers' words.
#[must_use]
pub fn undelivered(occasion: &Occasion, refused: &[Delivery]) -> Notice {
    let language = occasion.language;
    let name = occasion.name();
    let mut text = Text::new(language);
    text.line(&language.pick(
        format!("the mail of the scheduled export {name} could not be delivered to everyone."),
        format!("die E-Mail des geplanten Exports {name} konnte nicht allen zugestellt werden."),
    ));
    text.gap();
    occasion.say_due(&mut text);
    text.line(language.pick("Not delivered to:", "Nicht zugestellt an:"));
    text.replies(refused);
    text.gap();
    text.line(language.pick(
        "Every other recipient's mail server took it. It is not sent again; please check these addresses.",
        "Die Mailserver aller anderen Empfänger haben sie angenommen. Sie wird nicht noch einmal gesendet; bitte diese Adressen prüfen.",
    ));
    occasion.say_next(&mut text);
    text.gap();
    occasion.say_where(&mut text);
    Notice {
        subject: occasion.subject(language.pick("Not delivered to everyone", "Nicht allen zugestellt")),
        text: text.0,
    }
}

/// Below the text of a mail whose file is too large for it: where the file is, and until when.
#[must_use]
pub fn download(link: &DownloadLink, zone: &str, language: Language) -> String {
    let until = moment(link.expires, zone, language);
    // An address in two lines leads nowhere, so it is not cut.
    let url = one_line(&link.url, usize::MAX);
    language.pick(
        format!("The file is too large for a mail. It can be downloaded until {until}:\n{url}\nWhoever knows this address can download it.\n"),
        format!("Die Datei ist zu groß für eine E-Mail. Sie lässt sich herunterladen bis {until}:\n{url}\nWer diese Adresse kennt, kann sie herunterladen.\n"),
    )
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
            Some(title) => self
                .language
                .pick(format!("“{title}” ({exporter})"), format!("„{title}“ ({exporter})")),
            None => self.language.pick(format!("“{exporter}”"), format!("„{exporter}“")),
        }
    }

    fn subject(&self, what: &str) -> String {
        one_line(
            &format!("{what}: {}", self.title.unwrap_or(self.exporter)),
            LONGEST_SUBJECT,
        )
    }

    fn say_due(&self, text: &mut Text) {
        if let Some(due) = self.due {
            let due = moment(due, self.zone, self.language);
            text.line(&format!("{} {due}", self.language.pick("Due:", "Fällig:")));
        }
    }

    fn say_next(&self, text: &mut Text) {
        match self.next_run {
            Some(next) => {
                let next = moment(next, self.zone, self.language);
                text.line(&format!("{} {next}", self.language.pick("Next run:", "Nächster Lauf:")));
            }
            None => text.line(
                self.language
                    .pick("No further run is planned.", "Es ist kein weiterer Lauf geplant."),
            ),
        }
    }

    fn say_where(&self, text: &mut Text) {
        let url = one_line(self.configuration_url, 2_000);
        text.line(&format!(
            "{} {url}",
            self.language.pick("Scheduled exports:", "Geplante Exporte:")
        ));
    }
}

/// Text of a mail in the making.
struct Text(String);

impl Text {
    /// Begins with the greeting.
    fn new(language: Language) -> Self {
        Self(language.pick("Hello,\n\n", "Hallo,\n\n").to_owned())
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
    fn the_mail_about_the_fifth_failure_says_in_german_that_the_schedule_is_stopped_and_how_it_starts_again() {
        let notice = failure(&occasion(), &Reason::OutOfTime, FAILURES_TO_STOP);
        assert_eq!(notice.subject, "Geplanter Export angehalten: Bestellliste");
        assert_eq!(
            notice.text,
            "Hallo,\n\n\
             der geplante Export „Bestellliste“ (orderlist) ist fehlgeschlagen. Es wurde keine Datei verschickt.\n\n\
             Fällig: Montag, 26. Oktober 2026, 06:30 Uhr (Europe/Berlin, UTC+01:00)\n\
             Grund: Der Export hat länger gedauert als zulässig.\n\n\
             Das war der 5. Fehlschlag von 5 in Folge. Der Plan wurde deshalb angehalten und läuft nicht mehr.\n\
             So startet er wieder: unter der Adresse unten öffnen, die Ursache beheben und speichern. \
             Mit dem Speichern wird der nächste Lauf geplant, und die Fehlschläge zählen wieder ab 0.\n\n\
             Geplante Exporte: https://tickets.example.com/exports/\n"
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
            assert!(notice.text.contains("Es ist kein weiterer Lauf geplant."));
        }
    }
}
