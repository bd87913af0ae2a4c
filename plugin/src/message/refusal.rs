//! Why a caller may not do something, and what happens when: whole sentences without parts of a document.

use crate::language::Language;

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
        let (english, german) = match self {
            Self::SeesNone => (
                "These credentials have no right to change settings here, which seeing schedules needs.",
                "Diese Zugangsdaten dürfen hier keine Einstellungen ändern; Zeitpläne sind nur damit sichtbar.",
            ),
            Self::ReadsOnly => (
                "These credentials are for reading only. Changes need ones that may write.",
                "Diese Zugangsdaten gelten nur zum Lesen. Änderungen brauchen welche, die schreiben dürfen.",
            ),
            Self::OnlyUsersCreate => (
                "A schedule belongs to a user, so only a user can create one, not a token or a device.",
                "Ein Zeitplan gehört einer Person, daher kann nur eine Person einen anlegen, kein Token und kein Gerät.",
            ),
            Self::OnlyUsersTakeOver => (
                "A schedule belongs to a user, so only a user can take one over, not a token or a device.",
                "Ein Zeitplan gehört einer Person, daher kann nur eine Person einen übernehmen, kein Token und kein Gerät.",
            ),
            Self::DevicesPreviewNothing => (
                "A device has no schedules, so it cannot preview one.",
                "Ein Gerät hat keine Zeitpläne und kann daher keine Vorschau abrufen.",
            ),
            Self::DataOutOfReach => (
                "This schedule exports data that these credentials cannot export, so they cannot change it.",
                "Dieser Zeitplan exportiert Daten, die diese Zugangsdaten nicht exportieren dürfen; daher ist er damit nicht änderbar.",
            ),
            Self::AllEventsOutOfReach => (
                "This schedule exports all events, including events to come. These credentials can export only some events, so they cannot change it.",
                "Dieser Zeitplan exportiert alle Veranstaltungen, auch künftige. Diese Zugangsdaten dürfen nur einige exportieren; daher ist er damit nicht änderbar.",
            ),
            Self::EventsGone => (
                "None of the events of this schedule exists any more. Delete it, and create a new one for other events.",
                "Keine der Veranstaltungen dieses Zeitplans gibt es noch. Bitte löschen und einen neuen für andere Veranstaltungen anlegen.",
            ),
            Self::ByHost => (
                "These credentials do not allow this here.",
                "Diese Zugangsdaten erlauben das hier nicht.",
            ),
        };
        language.pick(english, german).to_owned()
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
            Self::NeverMatches => language
                .pick(
                    "This rule never matches any date, so the export never runs.",
                    "Diese Regel trifft auf kein Datum zu; der Export wird nie ausgeführt.",
                )
                .to_owned(),
            Self::NoneLeft { last } => language.pick(
                format!("No run is left: the last one was {last}."),
                format!("Es steht keine Ausführung mehr an: Die letzte war {last}."),
            ),
            Self::SkippedHour { local } => language.pick(
                format!("{local} does not exist, as the clock jumps over it: it runs as late as if the clock had not jumped."),
                format!("{local} gibt es nicht, die Uhr überspringt es: Ausgeführt wird so spät, als wäre sie nicht gesprungen."),
            ),
            Self::RepeatedHour { local } => language.pick(
                format!("{local} happens twice, as the clock is set back: it runs the first time only."),
                format!("{local} gibt es zweimal, weil die Uhr zurückgestellt wird: Ausgeführt wird nur beim ersten Mal."),
            ),
        }
    }
}
