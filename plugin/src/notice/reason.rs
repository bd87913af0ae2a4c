//! Why a run failed or was cancelled: machine-readable codes and messages.

use super::phrase::{one_line, size};
use crate::contract::Delivery;
use crate::language::Language;
use crate::text;

/// Maximum number of characters of the exporter's own reason in a message.
const MAX_REASON_LEN: usize = 500;

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The owner's account is deactivated.
    OwnerInactive,
    /// The owner no longer exists.
    OwnerGone,
    /// The owner is not, or no longer, permitted to run this exporter here, or the exporter was removed.
    OwnerNotAllowed,
    /// This plugin cannot read the stored document.
    Unreadable,
    /// Rule, time or zone is no longer valid; with the error messages in the owner's language.
    InvalidRecurrence(String),
    /// The value of this key of the form is not a date range.
    InvalidDateRange(String),
    /// The exporter rejected the form; with its human-readable reason.
    InvalidFormData(String),
    /// The exporter failed, and would fail again; with its human-readable reason.
    ExporterFailed(String),
    /// The exporter was unavailable at every attempt; with their number.
    Unavailable(u32),
    /// The mail exceeds the host's limit, both in bytes as sent; and whether its file was zipped.
    TooLarge { size: u64, limit: u64, zipped: bool },
    /// The host allows none of the addresses of the export mail.
    NoRecipient,
    /// The host has no file to attach, although the exporter created one.
    NoFile,
    /// The host rejected the subject.
    BadSubject,
    /// No recipient's server accepted the export mail; with their replies.
    Undelivered(Vec<Delivery>),
    /// The plugin's instance trapped.
    Trapped,
    /// The plugin's instance exceeded its deadline.
    DeadlineExceeded,
    /// The plugin's instance exceeded its memory limit.
    OutOfMemory,
    /// The plugin's instance returned without an outcome at every attempt.
    Unfinished,
}

impl Reason {
    /// The machine-readable code, in kebab-case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OwnerInactive => "owner-inactive",
            Self::OwnerGone => "owner-gone",
            Self::OwnerNotAllowed => "owner-not-permitted",
            Self::Unreadable => "schedule-unreadable",
            Self::InvalidRecurrence(_) => "invalid-recurrence",
            Self::InvalidDateRange(_) | Self::InvalidFormData(_) => "invalid-form-data",
            Self::ExporterFailed(_) => "exporter-failed",
            Self::Unavailable(_) => "exporter-unavailable",
            Self::TooLarge { .. } => "mail-too-large",
            Self::NoRecipient => "no-recipient",
            Self::NoFile => "file-missing",
            Self::BadSubject => "invalid-subject",
            Self::Undelivered(_) => "delivery-failed",
            Self::Trapped => "plugin-trapped",
            Self::DeadlineExceeded => "deadline-exceeded",
            Self::OutOfMemory => "memory-limit-exceeded",
            Self::Unfinished => "plugin-incomplete",
        }
    }

    /// Says why: plain text on one line, without addresses.
    #[must_use]
    pub fn message(&self, language: Language) -> String {
        let message = match self {
            Self::InvalidRecurrence(why) => return explained(text::reason_recurrence(language), why, language),
            Self::InvalidDateRange(key) => return text::reason_date_range(language, &one_line(key, 100)),
            Self::InvalidFormData(why) => return explained(text::reason_form_data(language), why, language),
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
            Self::DeadlineExceeded => text::reason_deadline(language),
            Self::OutOfMemory => text::reason_memory(language),
            Self::Unfinished => text::reason_incomplete(language),
        };
        message.to_owned()
    }
}

fn explained(reason: &str, why: &str, language: Language) -> String {
    let why = one_line(why, MAX_REASON_LEN);
    if why.is_empty() {
        text::reason_unexplained(language, reason)
    } else {
        text::reason_explained(language, &why, reason)
    }
}

/// Why a run was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancellation {
    /// This due time is no longer one of the stored rule in its zone.
    NoLongerDue,
    /// The schedule is paused.
    Paused,
}

impl Cancellation {
    /// Says why: plain text on one line.
    #[must_use]
    pub fn message(self, language: Language) -> &'static str {
        match self {
            Self::NoLongerDue => text::cancelled_no_longer_due(language),
            Self::Paused => text::cancelled_paused(language),
        }
    }
}
