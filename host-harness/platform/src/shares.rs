//! Places that one organizer gets only a part of, so that one of them cannot starve the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Organizers that are remembered before those without a place are dropped.
const MAX_IDLE: usize = 1024;

/// A number of places, of which each organizer has at most a part. Those who wait are served in the order in which they came.
///
/// ```
/// use std::time::Duration;
/// use reference_platform::shares::SharedPlaces;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let places = SharedPlaces::new(4, 50);
/// let _first = places.acquire("acme", Duration::ZERO).await.unwrap();
/// let _second = places.acquire("acme", Duration::ZERO).await.unwrap();
/// assert!(places.acquire("acme", Duration::ZERO).await.is_none()); // half of four
/// assert!(places.acquire("globex", Duration::ZERO).await.is_some());
/// # });
/// ```
#[derive(Debug)]
pub struct SharedPlaces {
    all: Arc<Semaphore>,
    /// Maximum number of places of one organizer.
    each: usize,
    organizers: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A place, free again when this is dropped.
#[derive(Debug)]
#[must_use = "the place is free again when this is dropped"]
pub struct Place {
    _all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
}

/// So many percent of `all`, at least one.
#[must_use]
pub fn part(all: usize, percent: u32) -> usize {
    let percent = usize::try_from(percent.min(100)).unwrap_or(100);
    (all.saturating_mul(percent) / 100).max(1)
}

impl SharedPlaces {
    /// `all` places, of which one organizer gets at most so many percent, and at least one.
    #[must_use]
    pub fn new(all: usize, percent: u32) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all)),
            each: part(all, percent),
            organizers: Mutex::default(),
        }
    }

    /// A place for this organizer; `None` if none becomes free in time.
    pub async fn acquire(&self, organizer: &str, wait: Duration) -> Option<Place> {
        let own = self.own(organizer);
        let all = Arc::clone(&self.all);
        // The organizer's part first: whoever waits for that takes no place from others.
        let acquire = async {
            let own = own.acquire_owned().await.ok()?;
            let all = all.acquire_owned().await.ok()?;
            Some(Place { _all: all, _own: own })
        };
        tokio::time::timeout(wait, acquire).await.ok()?
    }

    fn own(&self, organizer: &str) -> Arc<Semaphore> {
        let mut organizers = self.organizers.lock().unwrap_or_else(PoisonError::into_inner);
        if organizers.len() >= MAX_IDLE && !organizers.contains_key(organizer) {
            // A permit keeps its semaphore.
            organizers.retain(|_, places| Arc::strong_count(places) > 1);
        }
        let own = organizers
            .entry(organizer.to_owned())
            .or_insert_with(|| Arc::new(Semaphore::new(self.each)));
        Arc::clone(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[tokio::test]
    async fn an_organizer_gets_its_part_and_not_one_place_more() {
        let places = SharedPlaces::new(8, 50);
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(places.acquire("acme", NOW).await.expect("a place"));
        }
        assert!(places.acquire("acme", NOW).await.is_none());
        for _ in 0..4 {
            held.push(places.acquire("globex", NOW).await.expect("a place"));
        }
        assert!(places.acquire("initech", NOW).await.is_none(), "all are taken");
        drop(held.remove(0));
        assert!(places.acquire("initech", NOW).await.is_some());
        assert!(places.acquire("acme", NOW).await.is_some());
    }

    #[test]
    fn a_part_is_at_least_one_and_at_most_all() {
        assert_eq!((part(1, 50), part(8, 1), part(64, 50)), (1, 1, 32));
        assert_eq!((part(8, 100), part(8, 250)), (8, 8));
    }

    #[tokio::test]
    async fn organizers_without_a_place_are_not_remembered_for_ever() {
        let places = SharedPlaces::new(4, 50);
        let _held = places.acquire("acme", NOW).await.expect("a place");
        for nth in 0..=MAX_IDLE {
            assert!(places.acquire(&nth.to_string(), NOW).await.is_some());
        }
        let known = places.organizers.lock().expect("no panic").len();
        assert!(known <= MAX_IDLE, "{known}");
        let _second = places.acquire("acme", NOW).await.expect("a place");
        assert!(places.acquire("acme", NOW).await.is_none(), "its part is still known");
    }
}
