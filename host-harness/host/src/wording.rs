//! The host's own texts to users about a run that it had to end in the component's place, in English and German.
//!
//! The component writes all other texts. These texts never repeat a plugin's messages: a trap message can contain data.

use crate::contract::User;
use crate::imports::{LONGEST_SUBJECT, cut};

/// Maximum length of a page's address, in bytes.
const LONGEST_URL: usize = 2_000;

/// A language of the host's texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Also for users whose language has no texts.
    English,
    /// `de` and its variants.
    German,
}

impl Language {
    /// Returns the language of a BCP 47 tag.
    #[must_use]
    pub fn of_tag(tag: &str) -> Self {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        match primary.eq_ignore_ascii_case("de") {
            true => Self::German,
            false => Self::English,
        }
    }

    /// Returns its BCP 47 tag.
    #[must_use]
    pub fn tag(self) -> &'static str {
        self.pick("en", "de")
    }

    fn pick<T>(self, english: T, german: T) -> T {
        match self {
            Self::English => english,
            Self::German => german,
        }
    }
}

/// The language of the owner; without an owner, the host's first language.
#[must_use]
pub fn language_of(owner: Option<&User>, languages: &[String]) -> Language {
    let tag = owner.map(|owner| &owner.language).or(languages.first());
    tag.map_or(Language::English, |tag| Language::of_tag(tag))
}

/// Why the host ended a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostReason {
    /// None of its leases ended with a result.
    NeverFinished,
    /// Neither `execute` nor `abandon` finished it.
    PluginFailed,
    /// No recipient's server accepted the mail. The text has the reply of each, one line each.
    Undelivered(String),
}

impl HostReason {
    /// The machine-readable code, stored with the run.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NeverFinished => "attempts-exhausted",
            Self::PluginFailed => "plugin-failed",
            Self::Undelivered(_) => "delivery-failed",
        }
    }

    /// The human-readable reason, stored with the run and used in the mail.
    #[must_use]
    pub fn sentence(&self, language: Language) -> String {
        match self {
            Self::NeverFinished => language
                .pick(
                    "The run was abandoned after six attempts that did not finish.",
                    "Die Ausführung wurde nach sechs nicht beendeten Versuchen abgebrochen.",
                )
                .to_owned(),
            Self::PluginFailed => language
                .pick(
                    "The export plugin failed twice without finishing the run.",
                    "Das Export-Plugin ist zweimal fehlgeschlagen, ohne die Ausführung zu beenden.",
                )
                .to_owned(),
            Self::Undelivered(replies) => format!(
                "{}{replies}",
                language.pick(
                    "No recipient's mail server accepted the email.",
                    "Kein Mailserver hat die E-Mail für einen der Empfänger angenommen.",
                )
            ),
        }
    }
}

/// The facts that a mail states about its run.
#[derive(Clone, Debug)]
pub struct RunFacts<'a> {
    /// Language of the mail.
    pub language: Language,
    /// Identifier of the exporter.
    pub exporter: &'a str,
    /// Id of the schedule.
    pub schedule: u64,
    /// The formatted due time: see [`AuthContext::moment`](crate::imports::AuthContext::moment).
    pub due: String,
    /// The address where the scheduled exports are configured.
    pub url: &'a str,
}

/// Subject and text of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeText {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

impl RunFacts<'_> {
    /// The run failed; with `stopped`, this failure paused its schedule.
    #[must_use]
    pub fn failure(&self, reason: &HostReason, stopped: bool) -> NoticeText {
        let language = self.language;
        let (exporter, schedule) = (self.exporter, self.schedule);
        let first = match reason {
            HostReason::Undelivered(_) => language.pick(
                format!("the scheduled export “{exporter}” (ID {schedule}) ran, but its email could not be delivered to any recipient."),
                format!("der geplante Export „{exporter}“ (ID {schedule}) wurde ausgeführt, aber seine E-Mail konnte an niemanden zugestellt werden."),
            ),
            HostReason::NeverFinished | HostReason::PluginFailed => language.pick(
                format!("the scheduled export “{exporter}” (ID {schedule}) failed. No file was sent."),
                format!("der geplante Export „{exporter}“ (ID {schedule}) ist fehlgeschlagen. Es wurde keine Datei verschickt."),
            ),
        };
        let why = format!("{} {}", language.pick("Reason:", "Grund:"), reason.sentence(language));
        let next = if stopped {
            language.pick(
                "It has failed five times in a row and has been paused. To resume it, fix the cause, then open it at the link below and save it.\n\n",
                "Er ist fünfmal in Folge fehlgeschlagen und wurde pausiert. So setzen Sie ihn fort: Ursache beheben, ihn unter dem Link unten öffnen und speichern.\n\n",
            )
        } else {
            ""
        };
        let subject = if stopped {
            language.pick("Scheduled export paused", "Geplanter Export pausiert")
        } else {
            language.pick("Scheduled export failed", "Geplanter Export fehlgeschlagen")
        };
        self.notice(subject, &first, &format!("{why}\n\n{next}"))
    }

    /// Some recipients' servers did not accept the mail. `replies` has the reply of each, one line each.
    #[must_use]
    pub fn partly_delivered(&self, replies: &str) -> NoticeText {
        let language = self.language;
        let (exporter, schedule) = (self.exporter, self.schedule);
        let first = language.pick(
            format!("the email of the scheduled export “{exporter}” (ID {schedule}) could not be delivered to all recipients."),
            format!("die E-Mail des geplanten Exports „{exporter}“ (ID {schedule}) konnte nicht an alle Empfänger zugestellt werden."),
        );
        let subject = language.pick("Not delivered to all recipients", "Nicht an alle Empfänger zugestellt");
        let list = format!(
            "{}{replies}\n\n",
            language.pick("Not delivered to:", "Nicht zugestellt an:")
        );
        self.notice(subject, &first, &list)
    }

    fn notice(&self, subject: &str, first: &str, more: &str) -> NoticeText {
        let language = self.language;
        let text = format!(
            "{}\n\n{first}\n\n{} {}\n{more}{} {}\n",
            language.pick("Hello,", "Hallo,"),
            language.pick("Scheduled for:", "Geplant für:"),
            self.due,
            language.pick("Manage scheduled exports:", "Geplante Exporte verwalten:"),
            cut(self.url, LONGEST_URL),
        );
        NoticeText {
            subject: cut(&format!("{subject}: {}", self.exporter), LONGEST_SUBJECT),
            text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(language: Language) -> RunFacts<'static> {
        RunFacts {
            language,
            exporter: "orderlist",
            schedule: 7,
            due: "2026-10-27 03:00 UTC".into(),
            url: "https://tickets.example/control/bigevents/scheduled-exports/",
        }
    }

    #[test]
    fn a_run_that_the_host_ends_is_told_in_the_language_of_its_owner() {
        let german = facts(Language::German).failure(&HostReason::PluginFailed, false);
        assert_eq!(german.subject, "Geplanter Export fehlgeschlagen: orderlist");
        assert_eq!(
            german.text,
            "Hallo,\n\nder geplante Export „orderlist“ (ID 7) ist fehlgeschlagen. Es wurde keine Datei verschickt.\n\n\
             Geplant für: 2026-10-27 03:00 UTC\n\
             Grund: Das Export-Plugin ist zweimal fehlgeschlagen, ohne die Ausführung zu beenden.\n\n\
             Geplante Exporte verwalten: https://tickets.example/control/bigevents/scheduled-exports/\n"
        );
        let english = facts(Language::English).failure(&HostReason::NeverFinished, true);
        assert_eq!(english.subject, "Scheduled export paused: orderlist");
        assert!(
            english.text.contains(
                "Reason: The run was abandoned after six attempts that did not finish.\n\nIt has failed five"
            )
        );
        let refused = "\na@example.org: 550 no such user";
        let undelivered = facts(Language::German).failure(&HostReason::Undelivered(refused.into()), false);
        assert!(
            undelivered
                .text
                .contains("angenommen.\na@example.org: 550 no such user\n")
        );
        let partly = facts(Language::German).partly_delivered(refused);
        assert_eq!(partly.subject, "Nicht an alle Empfänger zugestellt: orderlist");
        assert!(
            partly
                .text
                .contains("Nicht zugestellt an:\na@example.org: 550 no such user\n")
        );
    }

    #[test]
    fn an_owner_who_is_gone_is_replaced_by_the_language_of_the_host() {
        let owner = User {
            id: "1".into(),
            email: "mary@example.org".into(),
            language: "de-AT".into(),
            active: true,
        };
        let languages = ["en".to_owned(), "de".to_owned()];
        assert_eq!(language_of(Some(&owner), &languages), Language::German);
        assert_eq!(language_of(None, &languages), Language::English);
        assert_eq!(language_of(None, &languages[1..]), Language::German);
        assert_eq!(language_of(None, &[]), Language::English);
    }
}
