//! Why the host cancels what its component has made: stored in English, and shown in the caller's language.

use plugin::language::Language;
use scheduled_exports_host::contract::{Outcome, RunEntry};

use crate::text;

/// The language of what is stored.
const STORED: Language = Language::English;

pub(crate) const OWNER_NOT_PERMITTED: &str = text::cancelled_owner_not_permitted(STORED);
pub(crate) const OWNER_INACTIVE: &str = text::cancelled_owner_inactive(STORED);
pub(crate) const OWNER_GONE: &str = text::cancelled_owner_gone(STORED);
pub(crate) const EVENTS_NOT_PERMITTED: &str = text::cancelled_events_not_permitted(STORED);

const ALL: [fn(Language) -> &'static str; 9] = [
    text::cancelled_schedule_deleted,
    text::cancelled_schedule_paused,
    text::cancelled_schedule_changed,
    text::cancelled_organizer_disabled,
    text::cancelled_event_deleted,
    text::cancelled_owner_not_permitted,
    text::cancelled_owner_inactive,
    text::cancelled_owner_gone,
    text::cancelled_events_not_permitted,
];

/// An entry of the run history as a caller of this language reads it. What the component or a mail server said stays as it is.
pub(crate) fn shown(mut entry: RunEntry, language: Language) -> RunEntry {
    if let Some(Outcome::Cancelled(words)) = &mut entry.outcome {
        translate(words, language);
    }
    for delivery in &mut entry.deliveries {
        translate(&mut delivery.response, language);
    }
    entry
}

fn translate(words: &mut String, language: Language) {
    if let Some(text) = ALL.into_iter().find(|text| text(STORED) == words.as_str()) {
        text(language).clone_into(words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scheduled_exports_store::cancelled::{
        EVENT_DELETED, ORGANIZER_DISABLED, SCHEDULE_CHANGED, SCHEDULE_DELETED, SCHEDULE_PAUSED,
    };

    #[test]
    fn what_the_store_stores_is_what_the_catalog_says_in_english() {
        assert_eq!(SCHEDULE_DELETED, text::cancelled_schedule_deleted(STORED));
        assert_eq!(SCHEDULE_PAUSED, text::cancelled_schedule_paused(STORED));
        assert_eq!(SCHEDULE_CHANGED, text::cancelled_schedule_changed(STORED));
        assert_eq!(ORGANIZER_DISABLED, text::cancelled_organizer_disabled(STORED));
        assert_eq!(EVENT_DELETED, text::cancelled_event_deleted(STORED));
    }

    #[test]
    fn what_the_host_has_stored_is_shown_in_the_callers_language_and_nothing_else_is_touched() {
        for (stored, shown) in [
            (SCHEDULE_DELETED, "der geplante Export wurde gelöscht"),
            (
                OWNER_GONE,
                "das Konto, dem der geplante Export gehörte, gibt es nicht mehr",
            ),
            ("550 no such user", "550 no such user"),
        ] {
            let mut words = stored.to_owned();
            translate(&mut words, Language::German);
            assert_eq!(words, shown);
            translate(&mut words, Language::English);
            assert_eq!(words, shown, "it is not translated back");
        }
    }
}
