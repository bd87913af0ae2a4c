//! Why a run ended as it did: codes for programs, words for people.

use super::phrase::{one_line, size};
use crate::host::Delivery;
use crate::language::Language;

/// Most characters of an exporter's own reason that are repeated.
const LONGEST_REASON: usize = 500;

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The owner's account is switched off.
    OwnerInactive,
    /// There is no such user any more.
    OwnerGone,
    /// The owner may not run this exporter here (any more), or the exporter is gone.
    OwnerNotAllowed,
    /// The stored document is none that this plugin reads.
    Unreadable,
    /// Rule, time or zone are no longer valid; why, in the owner's language.
    TimetableUnfit(String),
    /// The form holds something else than a date range under this key.
    DateRangeUnfit(String),
    /// The exporter says that the form no longer fits; why, for people.
    FormUnfit(String),
    /// The exporter failed, and would again; why, for people.
    ExporterFailed(String),
    /// The exporter was away at every attempt; how many there were.
    Unavailable(u32),
    /// The mail is larger than the host's limit, both in bytes as sent; whether its file was zipped.
    TooLarge { size: u64, limit: u64, zipped: bool },
    /// Of all the export mail's addresses the host allows none.
    NoRecipient,
    /// The host has no file to attach, though the exporter made one.
    NoFile,
    /// The host takes no such subject.
    BadSubject,
    /// No recipient's server took the export mail; what each said.
    Undelivered(Vec<Delivery>),
    /// The plugin's instance trapped.
    Trapped,
    /// The plugin's instance was stopped at its deadline.
    OutOfTime,
    /// The plugin's instance was stopped at its limit of memory.
    OutOfMemory,
    /// The plugin's instance came back without an outcome at every attempt.
    Unfinished,
}

impl Reason {
    /// For programs, in kebab-case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OwnerInactive => "owner-inactive",
            Self::OwnerGone => "owner-gone",
            Self::OwnerNotAllowed => "owner-not-allowed",
            Self::Unreadable => "unreadable",
            Self::TimetableUnfit(_) => "timetable-unfit",
            Self::DateRangeUnfit(_) | Self::FormUnfit(_) => "form-unfit",
            Self::ExporterFailed(_) => "exporter-failed",
            Self::Unavailable(_) => "unavailable",
            Self::TooLarge { .. } => "too-large",
            Self::NoRecipient => "no-recipient",
            Self::NoFile => "no-file",
            Self::BadSubject => "bad-subject",
            Self::Undelivered(_) => "undelivered",
            Self::Trapped => "trapped",
            Self::OutOfTime => "out-of-time",
            Self::OutOfMemory => "out-of-memory",
            Self::Unfinished => "unfinished",
        }
    }

    /// For people: plain text on one line, without addresses.
    #[must_use]
    pub fn words(&self, language: Language) -> String {
        match self {
            Self::OwnerInactive => language
                .pick(
                    "The account of this schedule's owner is switched off.",
                    "Das Konto des Besitzers ist deaktiviert.",
                )
                .to_owned(),
            Self::OwnerGone => language
                .pick(
                    "The account of this schedule's owner no longer exists.",
                    "Das Konto des Besitzers gibt es nicht mehr.",
                )
                .to_owned(),
            Self::OwnerNotAllowed => language
                .pick(
                    "This schedule's owner may no longer export this data, or the exporter no longer exists.",
                    "Der Besitzer darf diese Daten nicht mehr exportieren, oder es gibt diese Exportart nicht mehr.",
                )
                .to_owned(),
            Self::Unreadable => language
                .pick(
                    "The stored schedule cannot be read any more.",
                    "Der gespeicherte Plan ist nicht mehr lesbar.",
                )
                .to_owned(),
            Self::TimetableUnfit(why) => explained(
                language.pick(
                    "It cannot be worked out any more when this schedule is due",
                    "Es lässt sich nicht mehr bestimmen, wann dieser Plan fällig ist",
                ),
                why,
            ),
            Self::DateRangeUnfit(key) => {
                let key = one_line(key, 100);
                language.pick(
                    format!("The field “{key}” of the export's settings holds no valid date range."),
                    format!("Im Feld „{key}“ der Export-Einstellungen steht kein gültiger Zeitraum."),
                )
            }
            Self::FormUnfit(why) => explained(
                language.pick(
                    "The export's settings no longer fit the exporter",
                    "Die Export-Einstellungen passen nicht mehr zur Exportart",
                ),
                why,
            ),
            Self::ExporterFailed(why) => explained(
                language.pick(
                    "The exporter could not make the file",
                    "Die Datei konnte nicht erstellt werden",
                ),
                why,
            ),
            Self::Unavailable(attempts) => language.pick(
                format!("The exporter could not be reached; attempts: {attempts}."),
                format!("Die Exportfunktion war nicht erreichbar; Versuche: {attempts}."),
            ),
            Self::TooLarge {
                size: bytes,
                limit,
                zipped,
            } => too_large(*bytes, *limit, *zipped, language),
            Self::NoRecipient => language
                .pick(
                    "Mail may be sent to none of the recipients' addresses.",
                    "An keine der Empfängeradressen darf eine E-Mail gesendet werden.",
                )
                .to_owned(),
            Self::NoFile => language
                .pick(
                    "The file was made, but was gone when it was to be attached.",
                    "Die Datei wurde erstellt, war aber nicht mehr da, als sie angehängt werden sollte.",
                )
                .to_owned(),
            Self::BadSubject => language
                .pick(
                    "The mail system does not take the mail's subject.",
                    "Das Mailsystem nimmt den Betreff nicht an.",
                )
                .to_owned(),
            Self::Undelivered(_) => language
                .pick(
                    "No recipient's mail server took the mail.",
                    "Kein Mailserver eines Empfängers hat die E-Mail angenommen.",
                )
                .to_owned(),
            Self::Trapped => language
                .pick(
                    "The program that runs the export broke off because of an error of its own.",
                    "Das Programm, das den Export ausführt, brach wegen eines eigenen Fehlers ab.",
                )
                .to_owned(),
            Self::OutOfTime => language
                .pick(
                    "The export took longer than it may.",
                    "Der Export hat länger gedauert als zulässig.",
                )
                .to_owned(),
            Self::OutOfMemory => language
                .pick(
                    "The export needed more memory than it may.",
                    "Der Export brauchte mehr Speicher als zulässig.",
                )
                .to_owned(),
            Self::Unfinished => language
                .pick("The export did not come to an end.", "Der Export kam zu keinem Ende.")
                .to_owned(),
        }
    }
}

fn explained(what: &str, why: &str) -> String {
    let why = one_line(why, LONGEST_REASON);
    if why.is_empty() {
        format!("{what}.")
    } else {
        format!("{what}: {why}")
    }
}

fn too_large(bytes: u64, limit: u64, zipped: bool, language: Language) -> String {
    let (bytes, limit) = (size(bytes, language), size(limit, language));
    match (language, zipped) {
        (Language::English, true) => {
            format!("The mail is too large: {bytes} even with the file zipped, and at most {limit} may be sent.")
        }
        (Language::English, false) => format!("The mail is too large: {bytes}, and at most {limit} may be sent."),
        (Language::German, true) => {
            format!("Die E-Mail ist zu groß: {bytes}, obwohl die Datei gezippt wurde; erlaubt sind höchstens {limit}.")
        }
        (Language::German, false) => format!("Die E-Mail ist zu groß: {bytes}; erlaubt sind höchstens {limit}."),
    }
}

/// Why a run was called off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancellation {
    /// Neither the stored rule nor its zone has this due time any more.
    NoLongerDue,
    /// The schedule is stopped.
    Stopped,
}

impl Cancellation {
    /// For people: plain text on one line.
    #[must_use]
    pub fn words(self, language: Language) -> &'static str {
        match self {
            Self::NoLongerDue => language.pick(
                "The schedule is no longer due at this time.",
                "Der Plan ist zu diesem Zeitpunkt nicht mehr fällig.",
            ),
            Self::Stopped => language.pick("The schedule is stopped.", "Der Plan ist angehalten."),
        }
    }
}
