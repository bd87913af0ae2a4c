//! Why a call is forbidden.

use crate::language::Language;
use crate::text;

/// Why the caller is not allowed to make a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// A token or device without permission to change settings sees no schedule.
    SeesNone,
    ReadOnly,
    OnlyUsersCreate,
    OnlyUsersTakeOver,
    /// A token or device has no address to mail a test to.
    OnlyUsersTest,
    DevicesPreviewNothing,
    /// The caller is not permitted to run the stored export.
    DataNotPermitted,
    /// The caller is not permitted to run the export with their own permissions.
    TestDataNotPermitted,
    /// The stored export covers all events, including future ones, and the caller is not permitted to export all of them.
    AllEventsNotPermitted,
    /// None of the events in the stored form exists any longer.
    EventsDeleted,
    /// The host returned `forbidden`.
    ByHost,
}

impl Forbidden {
    #[must_use]
    pub fn message(self, language: Language) -> String {
        self.text(language).to_owned()
    }

    pub(crate) fn text(self, language: Language) -> &'static str {
        match self {
            Self::SeesNone => text::refusal_sees_none(language),
            Self::ReadOnly => text::refusal_reads_only(language),
            Self::OnlyUsersCreate => text::refusal_only_users_create(language),
            Self::OnlyUsersTakeOver => text::refusal_only_users_take_over(language),
            Self::OnlyUsersTest => text::refusal_only_users_test(language),
            Self::TestDataNotPermitted => text::refusal_test_data_out_of_reach(language),
            Self::DevicesPreviewNothing => text::refusal_devices_preview_nothing(language),
            Self::DataNotPermitted => text::refusal_data_out_of_reach(language),
            Self::AllEventsNotPermitted => text::refusal_all_events_out_of_reach(language),
            Self::EventsDeleted => text::refusal_events_gone(language),
            Self::ByHost => text::refusal_by_host(language),
        }
    }
}
