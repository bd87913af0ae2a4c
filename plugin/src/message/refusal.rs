//! Why a caller may not do something, and what happens when: whole sentences without parts of a document.

use crate::language::Language;
use crate::text;

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A token or device without the right to change settings sees no schedule.
    SeesNone,
    ReadsOnly,
    OnlyUsersCreate,
    OnlyUsersTakeOver,
    DevicesPreviewNothing,
    /// The caller could not run the stored export himself.
    DataOutOfReach,
    /// The stored export is of all events, those to come included, and the caller does not reach all of them.
    AllEventsOutOfReach,
    /// Of the events that the stored form lists none is left.
    EventsGone,
    /// The store said so.
    ByHost,
}

impl Refusal {
    #[must_use]
    pub fn message(self, language: Language) -> String {
        let words = match self {
            Self::SeesNone => text::refusal_sees_none(language),
            Self::ReadsOnly => text::refusal_reads_only(language),
            Self::OnlyUsersCreate => text::refusal_only_users_create(language),
            Self::OnlyUsersTakeOver => text::refusal_only_users_take_over(language),
            Self::DevicesPreviewNothing => text::refusal_devices_preview_nothing(language),
            Self::DataOutOfReach => text::refusal_data_out_of_reach(language),
            Self::AllEventsOutOfReach => text::refusal_all_events_out_of_reach(language),
            Self::EventsGone => text::refusal_events_gone(language),
            Self::ByHost => text::refusal_by_host(language),
        };
        words.to_owned()
    }
}

/// What people should know of a rule that is right all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// No run ever.
    NeverMatches,
    /// The last run was at this local time.
    NoneLeft { last: String },
    /// This local time does not exist.
    SkippedHour { local: String },
    /// This local time happens twice.
    RepeatedHour { local: String },
}

impl Warning {
    #[must_use]
    pub fn message(&self, language: Language) -> String {
        match self {
            Self::NeverMatches => text::warning_never_matches(language).to_owned(),
            Self::NoneLeft { last } => text::warning_none_left(language, last),
            Self::SkippedHour { local } => text::warning_gap(language, local),
            Self::RepeatedHour { local } => text::warning_fold(language, local),
        }
    }
}
