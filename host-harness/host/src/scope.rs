//! Where a schedule belongs.

use std::fmt;

/// One organizer as a whole, or one of its events.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Slug.
    pub organizer: String,
    /// The platform's key of the event, which no other event ever has; not its slug, which a later event can get. `None` for the
    /// organizer as a whole.
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
