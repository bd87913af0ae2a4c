//! What the host itself tells people about a run that it had to end in the component's place.
//!
//! The component words everything else. Here nothing of what a plugin says is repeated: a trap's message may hold data. The texts are
//! the catalogs in `locales`, one for each [`Language`].

use crate::contract::User;
use crate::imports::{LONGEST_SUBJECT, cut};

include!(concat!(env!("OUT_DIR"), "/languages.rs"));

/// A function for each message of the catalogs in `locales`, written by `build.rs`.
#[deny(dead_code)]
mod texts {
    include!(concat!(env!("OUT_DIR"), "/texts.rs"));
}

/// Most bytes of an address of a page.
const LONGEST_URL: usize = 2_000;

/// The language of the owner; without an owner, the first of the host's.
#[must_use]
pub fn language_of(owner: Option<&User>, languages: &[String]) -> Language {
    let tag = owner.map(|owner| &owner.language).or(languages.first());
    tag.map_or(Language::ALL[0], |tag| Language::of_tag(tag))
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
            Self::NeverFinished => texts::never_finished(language).to_owned(),
            Self::PluginFailed => texts::plugin_failed(language).to_owned(),
            Self::Undelivered(replies) => format!("{}{replies}", texts::undelivered(language)),
        }
    }
}

/// The facts that a mail states about its run.
#[derive(Clone, Debug)]
pub struct RunContext<'a> {
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

impl RunContext<'_> {
    /// The run failed; with `stopped`, this failure paused its schedule.
    #[must_use]
    pub fn failure(&self, reason: &HostReason, stopped: bool) -> NoticeText {
        let (language, id) = (self.language, self.schedule.to_string());
        let first = match reason {
            HostReason::Undelivered(_) => texts::failed_undelivered(language, self.exporter, &id),
            HostReason::NeverFinished | HostReason::PluginFailed => texts::failed(language, self.exporter, &id),
        };
        let reason = texts::reason(language, &reason.sentence(language));
        match stopped {
            true => {
                let more = format!("{reason}\n\n{}", texts::paused(language));
                self.notice(texts::paused_subject(language, self.exporter), &first, &more)
            }
            false => self.notice(texts::failed_subject(language, self.exporter), &first, &reason),
        }
    }

    /// Some recipients' servers did not accept the mail. `replies` has the reply of each, one line each.
    #[must_use]
    pub fn partly_delivered(&self, replies: &str) -> NoticeText {
        let (language, id) = (self.language, self.schedule.to_string());
        let first = texts::partly_delivered(language, self.exporter, &id);
        let list = format!("{}{replies}", texts::partly_delivered_list(language));
        self.notice(texts::partly_delivered_subject(language, self.exporter), &first, &list)
    }

    fn notice(&self, subject: String, first: &str, more: &str) -> NoticeText {
        let language = self.language;
        let paragraphs = [
            texts::hello(language),
            first,
            &format!("{}\n{more}", texts::due(language, &self.due)),
            &texts::manage(language, &cut(self.url, LONGEST_URL)),
        ];
        NoticeText {
            subject: cut(&subject, LONGEST_SUBJECT),
            text: paragraphs.join("\n\n") + "\n",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(language: Language) -> RunContext<'static> {
        RunContext {
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
