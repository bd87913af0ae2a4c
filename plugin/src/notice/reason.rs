//! Why a run ended as it did: codes for programs, words for people.

use super::phrase::{one_line, size};
use crate::contract::Delivery;
use crate::language::Language;
use crate::text;

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
            Self::OwnerNotAllowed => "owner-not-permitted",
            Self::Unreadable => "schedule-unreadable",
            Self::TimetableUnfit(_) => "invalid-recurrence",
            Self::DateRangeUnfit(_) | Self::FormUnfit(_) => "invalid-form-data",
            Self::ExporterFailed(_) => "exporter-failed",
            Self::Unavailable(_) => "exporter-unavailable",
            Self::TooLarge { .. } => "mail-too-large",
            Self::NoRecipient => "no-recipient",
            Self::NoFile => "file-missing",
            Self::BadSubject => "invalid-subject",
            Self::Undelivered(_) => "delivery-failed",
            Self::Trapped => "plugin-trapped",
            Self::OutOfTime => "deadline-exceeded",
            Self::OutOfMemory => "memory-limit-exceeded",
            Self::Unfinished => "plugin-incomplete",
        }
    }

    /// For people: plain text on one line, without addresses.
    #[must_use]
    pub fn words(&self, language: Language) -> String {
        let words = match self {
            Self::TimetableUnfit(why) => return explained(text::reason_recurrence(language), why, language),
            Self::DateRangeUnfit(key) => return text::reason_date_range(language, &one_line(key, 100)),
            Self::FormUnfit(why) => return explained(text::reason_form_data(language), why, language),
            Self::ExporterFailed(why) => return explained(text::reason_exporter_failed(language), why, language),
            Self::Unavailable(attempts) => return text::reason_exporter_unavailable(language, *attempts),
            Self::TooLarge {
                size: bytes,
                limit,
                zipped,
            } => {
                let (bytes, limit) = (size(*bytes, language), size(*limit, language));
                return match zipped {
                    true => text::reason_too_large_zipped(language, &bytes, &limit),
                    false => text::reason_too_large(language, &bytes, &limit),
                };
            }
            Self::OwnerInactive => text::reason_owner_inactive(language),
            Self::OwnerGone => text::reason_owner_gone(language),
            Self::OwnerNotAllowed => text::reason_owner_not_permitted(language),
            Self::Unreadable => text::reason_unreadable(language),
            Self::NoRecipient => text::reason_no_recipient(language),
            Self::NoFile => text::reason_file_missing(language),
            Self::BadSubject => text::reason_subject(language),
            Self::Undelivered(_) => text::reason_undelivered(language),
            Self::Trapped => text::reason_trapped(language),
            Self::OutOfTime => text::reason_deadline(language),
            Self::OutOfMemory => text::reason_memory(language),
            Self::Unfinished => text::reason_incomplete(language),
        };
        words.to_owned()
    }
}

fn explained(reason: &str, why: &str, language: Language) -> String {
    let why = one_line(why, LONGEST_REASON);
    if why.is_empty() {
        text::reason_unexplained(language, reason)
    } else {
        text::reason_explained(language, &why, reason)
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
            Self::NoLongerDue => text::cancelled_no_longer_due(language),
            Self::Stopped => text::cancelled_paused(language),
        }
    }
}
