//! What the log says of a flood of connections: one line a minute.

use std::time::{Duration, Instant};

/// No more often is a flood logged.
const EVERY: Duration = Duration::from_secs(60);

/// Connections that found no place, since the last line about them.
#[derive(Debug, Default)]
pub(super) struct Flood {
    /// Closed for others while nothing was under way on them.
    pub closed: u64,
    /// Refused, as nothing could be closed for them.
    pub refused: u64,
    /// Not accepted: out of file descriptors, say.
    pub failed: u64,
    logged: Option<Instant>,
}

impl Flood {
    /// Logs what there is, if there is something and the last line is old enough. The first line of a flood comes with its first
    /// connection, and says little; those after it count.
    pub fn log(&mut self, now: Instant) {
        if let Some((closed, refused, failed)) = self.due(now) {
            tracing::warn!(
                closed,
                refused,
                failed,
                "more connections than there are places: idle ones were closed or new ones refused; this is logged once a minute"
            );
        }
    }

    fn due(&mut self, now: Instant) -> Option<(u64, u64, u64)> {
        let counts = (self.closed, self.refused, self.failed);
        if counts == (0, 0, 0) || self.logged.is_some_and(|last| now.duration_since(last) < EVERY) {
            return None;
        }
        *self = Self {
            logged: Some(now),
            ..Self::default()
        };
        Some(counts)
    }

    /// When there is something to log, if there is.
    pub fn next(&self) -> Option<Instant> {
        let any = self.closed + self.refused + self.failed > 0;
        any.then(|| self.logged.map(|last| last + EVERY)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_logged_once_a_minute_with_its_count() {
        let start = Instant::now();
        let mut flood = Flood::default();
        assert_eq!(flood.due(start), None);
        flood.closed = 1;
        assert_eq!(flood.due(start), Some((1, 0, 0)));
        assert_eq!(
            (flood.due(start + EVERY), flood.next()),
            (None, None),
            "nothing came since"
        );
        (flood.closed, flood.refused, flood.failed) = (900, 7, 3);
        assert_eq!(flood.next(), Some(start + EVERY));
        assert_eq!(flood.due(start + EVERY - Duration::from_millis(1)), None);
        assert_eq!(flood.due(start + EVERY), Some((900, 7, 3)));
        assert_eq!(flood.due(start + 2 * EVERY), None);
    }
}
