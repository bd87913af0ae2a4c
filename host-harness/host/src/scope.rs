//! Where schedules are.

use std::fmt;

/// One organizer as a whole, or one of its events.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Slug.
    pub organizer: String,
    /// What the platform knows the event by, and never another one: not its slug, which an event that is made later can have as well.
    /// None: the organizer as a whole.
    pub event: Option<String>,
}

impl Scope {
    /// The organizer of this slug as a whole.
    #[must_use]
    pub fn organizer(slug: &str) -> Self {
        Self {
            organizer: slug.into(),
            event: None,
        }
    }
}

/// `organizer` or `organizer/event`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.organizer)?;
        match &self.event {
            Some(event) => write!(f, "/{event}"),
            None => Ok(()),
        }
    }
}
