//! Why a store cancels runs and deliveries by itself: in English, as stored. A host translates it when it shows the history.

/// The schedule is deleted.
pub const SCHEDULE_DELETED: &str = "the scheduled export was deleted";
/// A person has paused the schedule.
pub const SCHEDULE_PAUSED: &str = "the scheduled export was paused";
/// A person has changed the schedule, or taken it over: for runs of it that were asked for.
pub const SCHEDULE_CHANGED: &str = "the scheduled export was changed";
/// The organizer is switched off.
pub const ORGANIZER_DISABLED: &str = "scheduled exports were disabled for the organizer";
/// The schedule's event is gone.
pub const EVENT_DELETED: &str = "the event was deleted";
