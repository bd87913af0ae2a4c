//! Who may be connected: so many at a time, of one peer and in all.
//!
//! A connection is idle while no request of it is under way: one that has sent nothing yet, or half a head, or that waits after its
//! answer. Where a newcomer finds no place, the one that has been idle the longest is closed for it: of the same peer if that has as
//! many as it may, else of the peer that has the most. So a flood of connections that say little only drives out its own, and a
//! client that sends its request at once is answered. Connections with a request under way are never closed for others: where
//! a peer has nothing else, its next connection is refused, and where all peers have nothing else, the next one waits.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Whose a connection is: an IPv4 address, or the first half of an IPv6 address, all of which one client can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Peer(IpAddr);

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
            v4 => v4,
        })
    }
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crowded {
    /// This peer has as many requests under way as it may.
    Peer,
    /// All places have had a request under way for as long as one may wait.
    All,
}

/// All places of one server.
pub(super) struct Places {
    state: Mutex<State>,
    /// Something has left.
    freed: Notify,
    most: usize,
    most_of_peer: usize,
}

#[derive(Default)]
struct State {
    taken: usize,
    /// Of those, told to leave.
    leaving: usize,
    peers: HashMap<Peer, Group>,
    /// Counts up with each connection that becomes idle.
    turn: u64,
    /// Closed for others since somebody asked.
    closed: u64,
    /// When somebody first found nothing but requests under way; none: one has ended since.
    stuck_since: Option<Instant>,
}

/// The connections of one peer.
#[derive(Default)]
struct Group {
    taken: usize,
    leaving: usize,
    /// By the turn in which they became idle.
    idle: BTreeMap<u64, Arc<Exit>>,
}

/// How a connection learns that it has to leave, and what speaks against it.
#[derive(Default)]
struct Exit {
    told: AtomicBool,
    notify: Notify,
    unread: Arc<AtomicBool>,
}

/// The place of one connection, from when it is accepted until it is closed.
pub(super) struct Place {
    places: Arc<Places>,
    peer: Peer,
    exit: Arc<Exit>,
    /// None while a request is under way.
    idle_since: Mutex<Option<u64>>,
}

/// A request under way: while this lives, its connection is not idle.
pub(super) struct UnderWay(Arc<Place>);

impl Places {
    pub fn new(most: usize, most_of_peer: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            freed: Notify::new(),
            most,
            most_of_peer,
        })
    }

    /// A place, as soon as there is one; waits for `patience` at most. Where no request has ended for that long, and all places have
    /// one, nobody waits any more: newcomers come one after the other, and their waits would add up.
    pub async fn take(self: &Arc<Self>, peer: Peer, patience: Duration) -> Result<Arc<Place>, Crowded> {
        let began = Instant::now();
        loop {
            let place = self.try_take(peer)?;
            if let Some(place) = place {
                return Ok(place);
            }
            let until = self.state().stuck_since.unwrap_or(began) + patience;
            tokio::select! {
                biased;
                () = self.freed.notified() => {}
                () = sleep_until(until) => return Err(Crowded::All),
            }
        }
    }

    /// None: one will come free, or may.
    fn try_take(self: &Arc<Self>, peer: Peer) -> Result<Option<Arc<Place>>, Crowded> {
        let mut state = self.state();
        let group = state.peers.entry(peer).or_default();
        if group.taken >= self.most_of_peer {
            let left = group.leaving > 0 || state.close_idle(peer);
            return if left { Ok(None) } else { Err(Crowded::Peer) };
        }
        if state.taken >= self.most {
            if state.leaving == 0 {
                state.close_idle_of_the_largest();
            }
            if state.leaving == 0 {
                state.stuck_since.get_or_insert_with(Instant::now);
            }
            state.forget_if_gone(peer);
            return Ok(None);
        }
        let exit = Arc::<Exit>::default();
        state.taken += 1;
        state.turn += 1;
        let turn = state.turn;
        let group = state.peers.entry(peer).or_default();
        group.taken += 1;
        group.idle.insert(turn, Arc::clone(&exit));
        Ok(Some(Arc::new(Place {
            places: Arc::clone(self),
            peer,
            exit,
            idle_since: Mutex::new(Some(turn)),
        })))
    }

    /// Has an idle connection leave, for others that need its file descriptor.
    pub fn close_one(&self) {
        self.state().close_idle_of_the_largest();
    }

    /// How many idle connections were closed for others since this was last asked.
    pub fn closed(&self) -> u64 {
        std::mem::take(&mut self.state().closed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Counted up and down in pairs that nothing comes between.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Has the connection of this peer leave that has been idle the longest. False: it has none.
    fn close_idle(&mut self, peer: Peer) -> bool {
        let Some(group) = self.peers.get_mut(&peer) else {
            return false;
        };
        // One that has yet to take the rest of its answer is not idle to its client.
        let oldest = group.idle.iter().find(|(_, exit)| !exit.unread.load(Ordering::Acquire));
        let Some(turn) = oldest.map(|(turn, _)| *turn) else {
            return false;
        };
        let exit = group.idle.remove(&turn).expect("it was just there");
        group.leaving += 1;
        self.leaving += 1;
        self.closed += 1;
        exit.told.store(true, Ordering::Release);
        exit.notify.notify_one();
        true
    }

    fn close_idle_of_the_largest(&mut self) {
        let mut groups: Vec<(usize, Peer)> = self.peers.iter().map(|(peer, group)| (group.taken, *peer)).collect();
        groups.sort_unstable_by_key(|(taken, _)| std::cmp::Reverse(*taken));
        for (_, peer) in groups {
            if self.close_idle(peer) {
                return;
            }
        }
    }

    fn forget_if_gone(&mut self, peer: Peer) {
        if self.peers.get(&peer).is_some_and(|group| group.taken == 0) {
            self.peers.remove(&peer);
        }
    }
}

impl Place {
    /// A request begins. None: the connection has been told to leave, and nothing may begin on it.
    pub fn begin(self: &Arc<Self>) -> Option<UnderWay> {
        let mut state = self.places.state();
        if self.exit.told.load(Ordering::Acquire) {
            return None;
        }
        let since = self.idle_since().take();
        if let (Some(since), Some(group)) = (since, state.peers.get_mut(&self.peer)) {
            group.idle.remove(&since);
        }
        Some(UnderWay(Arc::clone(self)))
    }

    /// Ends when the connection has to leave.
    pub async fn told_to_leave(&self) {
        self.exit.notify.notified().await;
    }

    /// To be set while the client has yet to take what was written.
    pub fn unread(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.exit.unread)
    }

    fn idle_since(&self) -> MutexGuard<'_, Option<u64>> {
        self.idle_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let place = &self.0;
        let mut state = place.places.state();
        state.turn += 1;
        let turn = state.turn;
        state.stuck_since = None;
        *place.idle_since() = Some(turn);
        if let Some(group) = state.peers.get_mut(&place.peer) {
            group.idle.insert(turn, Arc::clone(&place.exit));
        }
        // One that found nothing but requests under way may go on.
        place.places.freed.notify_one();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.places.state();
        let told = self.exit.told.load(Ordering::Acquire);
        let since = self.idle_since().take();
        state.stuck_since = None;
        state.taken -= 1;
        state.leaving -= usize::from(told);
        if let Some(group) = state.peers.get_mut(&self.peer) {
            group.taken -= 1;
            group.leaving -= usize::from(told);
            if let Some(since) = since {
                group.idle.remove(&since);
            }
        }
        state.forget_if_gone(self.peer);
        self.places.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    fn peer(last: u8) -> Peer {
        IpAddr::from([192, 0, 2, last]).into()
    }

    async fn taken(places: &Arc<Places>, last: u8) -> Arc<Place> {
        places.take(peer(last), LONG).await.expect("a place")
    }

    /// Whether the place is told to leave; it then leaves.
    fn told(place: &Arc<Place>) -> bool {
        place.exit.told.load(Ordering::Acquire)
    }

    #[test]
    fn a_peer_is_an_ipv4_address_or_the_first_half_of_an_ipv6_address() {
        let of = |text: &str| Peer::from(text.parse::<IpAddr>().expect("an address"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:0:0:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    }

    #[tokio::test]
    async fn a_peer_past_its_share_loses_the_connection_that_has_been_idle_the_longest() {
        let places = Places::new(10, 2);
        let (first, second) = (taken(&places, 1).await, taken(&places, 1).await);
        // The first has had a request since, so the second has been idle for longer.
        drop(first.begin());
        assert_eq!(places.try_take(peer(1)).map(|found| found.is_some()), Ok(false));
        assert_eq!((told(&first), told(&second)), (false, true));
        // Until it has left, no other is told to.
        assert_eq!(places.try_take(peer(1)).map(|found| found.is_some()), Ok(false));
        assert!(!told(&first));
        assert!(second.begin().is_none(), "a request on it is not begun");
        drop(second);
        let _third = taken(&places, 1).await;
        assert_eq!(places.closed(), 1);
        let _others = (taken(&places, 2).await, taken(&places, 2).await);
    }

    #[tokio::test]
    async fn a_peer_whose_places_all_have_a_request_under_way_is_refused_and_no_other() {
        let places = Places::new(10, 2);
        let (first, second) = (taken(&places, 1).await, taken(&places, 1).await);
        let (one, _two) = (first.begin(), second.begin());
        assert_eq!(places.take(peer(1), LONG).await.err(), Some(Crowded::Peer));
        let _other = taken(&places, 2).await;
        drop(one);
        assert_eq!(places.try_take(peer(1)).map(|found| found.is_some()), Ok(false));
        assert!(told(&first) && !told(&second));
    }

    #[tokio::test]
    async fn where_all_places_are_taken_the_largest_peer_makes_room() {
        let places = Places::new(4, 3);
        let many = [
            taken(&places, 1).await,
            taken(&places, 1).await,
            taken(&places, 1).await,
        ];
        let one = taken(&places, 2).await;
        assert_eq!(places.try_take(peer(3)).map(|found| found.is_some()), Ok(false));
        assert_eq!(many.each_ref().map(told), [true, false, false]);
        assert!(!told(&one));
        let [first, ..] = many;
        drop(first);
        let _third = taken(&places, 3).await;
    }

    #[tokio::test]
    async fn a_newcomer_waits_for_places_with_requests_under_way_but_not_for_ever() {
        let places = Places::new(1, 1);
        let only = taken(&places, 1).await;
        let busy = only.begin();
        assert_eq!(places.take(peer(2), Duration::ZERO).await.err(), Some(Crowded::All));
        assert!(!told(&only));
        // The next one waits no longer for the same requests: its time began with the first one's.
        let since = places.state().stuck_since.expect("nothing has ended");
        assert_eq!(places.take(peer(3), Duration::ZERO).await.err(), Some(Crowded::All));
        assert_eq!(places.state().stuck_since, Some(since));
        let waiting = tokio::spawn({
            let places = Arc::clone(&places);
            async move { places.take(peer(2), LONG).await.is_ok() }
        });
        drop(busy);
        only.told_to_leave().await;
        drop(only);
        assert!(waiting.await.expect("no panic"));
        assert_eq!(places.state().stuck_since, None);
    }

    #[tokio::test]
    async fn a_client_that_still_reads_its_answer_is_not_idle() {
        let places = Places::new(10, 2);
        let (first, second) = (taken(&places, 1).await, taken(&places, 1).await);
        first.unread().store(true, Ordering::Release);
        assert_eq!(places.try_take(peer(1)).map(|found| found.is_some()), Ok(false));
        assert_eq!((told(&first), told(&second)), (false, true));
    }

    #[tokio::test]
    async fn nothing_is_kept_of_a_peer_that_has_left() {
        let places = Places::new(2, 1);
        for last in 0..200 {
            let place = taken(&places, last).await;
            let request = place.begin();
            drop((request, place));
        }
        let state = places.state();
        assert_eq!((state.taken, state.leaving, state.peers.len()), (0, 0, 0));
    }
}
