//! What this host knows of its mail server: whether mail goes out, what keeps it from going, and when it is worth trying again.
//!
//! Trouble of the operator's ([`Trouble`]) holds all deliveries, since each would meet the same. After a pause one of them is tried; it
//! goes on so, at most [`MAX_PAUSE`] seconds apart, until one gets through, and then all the others follow. Nothing of it counts
//! against a recipient or a schedule, and nothing is given up.
//!
//! A server that has too much to do (421, 432) pauses them all as well, and gets fewer connections for a while.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Sender, Trouble, TroubleKind, words};
use crate::clock::Instant;

/// The longest pause between two attempts while there is trouble, in seconds.
pub const MAX_PAUSE: i64 = 300;
/// The first pause, in seconds; each one after it is twice as long.
const FIRST_PAUSE: i64 = 60;
/// The first pause of a server that has too much to do.
const FIRST_BUSY_PAUSE: i64 = 10;
/// After so many pauses in a row, a server that has too much to do is trouble.
const BUSY_FOR_LONG: u32 = 3;
/// So many recipients in a row rejected for a reason that can be this host's, and none accepted: everybody is.
const EVERYBODY: u32 = 3;
/// After so many mails a server that had too much to do gets one more connection.
const MAILS_PER_CONNECTION: u32 = 100;
/// Deliveries remembered for [`MailHealth::unclear`].
const MAX_UNCLEAR: usize = 10_000;

/// What keeps mail from going out, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailTrouble {
    /// Which kind.
    pub kind: TroubleKind,
    /// When it began.
    pub since: Instant,
    /// The server's reply that was logged, on one line.
    pub reply: String,
}

/// Shared by all that delivers through one transport.
#[derive(Debug, Default)]
pub struct MailHealth {
    state: Mutex<State>,
    sender: Option<Sender>,
}

#[derive(Debug, Default)]
struct State {
    trouble: Option<MailTrouble>,
    pause: Option<Pause>,
    /// Connections at a time, where that is less than configured; and mails accepted since that was changed.
    places: Option<u32>,
    mails: u32,
    configured: u32,
    /// Recipients accepted so far.
    accepted: u64,
    /// Deliveries whose rejection is unclear: how many were accepted when it first came, and how often it did.
    unclear: BTreeMap<(u64, u32), (u64, u32)>,
    in_a_row: u32,
    size_limit: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    until: Instant,
    /// How many in a row, this one included.
    nth: u32,
}

impl Pause {
    /// A clock that was set back makes none longer.
    fn holds(&self, now: Instant) -> bool {
        now < self.until && self.until.saturating_sub(now) <= MAX_PAUSE
    }
}

/// `first`, doubled for each one before, at most [`MAX_PAUSE`].
fn doubled(first: i64, nth: u32) -> i64 {
    let factor = 1_i64.checked_shl(nth.saturating_sub(1)).filter(|factor| *factor > 0);
    factor.map_or(MAX_PAUSE, |factor| first.saturating_mul(factor).min(MAX_PAUSE))
}

impl MailHealth {
    /// That of a host whose mails come from this address. Mails that wait go out with it, whatever the address was when they were made:
    /// a wrong one is repaired by another.
    #[must_use]
    pub fn sending_as(sender: Sender) -> Self {
        Self {
            sender: Some(sender),
            ..Self::default()
        }
    }

    pub(super) fn sender(&self) -> Option<&Sender> {
        self.sender.as_ref()
    }

    /// What keeps mail from going out at the moment.
    #[must_use]
    pub fn trouble(&self) -> Option<MailTrouble> {
        self.state().trouble.clone()
    }

    /// When the next attempt is worth it; `None`: now.
    #[must_use]
    pub fn paused_until(&self, now: Instant) -> Option<Instant> {
        let pause = self.state().pause.filter(|pause| pause.holds(now))?;
        Some(pause.until)
    }

    /// Maximum bytes of a message that the mail server has announced.
    #[must_use]
    pub fn size_limit(&self) -> Option<u64> {
        self.state().size_limit
    }

    pub(super) fn set_size_limit(&self, limit: Option<u64>) {
        self.state().size_limit = limit;
    }

    /// How many more attempts can begin, with `under_way` of at most `configured` begun.
    pub(super) fn places(&self, configured: u32, under_way: u32, now: Instant) -> u32 {
        let mut state = self.state();
        state.configured = configured;
        let places = match state.pause {
            Some(pause) if pause.holds(now) => 0,
            // One attempt shows whether it is over.
            Some(_) => 1,
            None => state.places.unwrap_or(configured).min(configured),
        };
        places.saturating_sub(under_way)
    }

    /// The mail server accepted a message for this recipient.
    pub(super) fn accepted(&self, (mail, position): (u64, u32), now: Instant) {
        let mut state = self.state();
        state.accepted += 1;
        state.in_a_row = 0;
        state.unclear.remove(&(mail, position));
        state.mails += 1;
        if state.mails >= MAILS_PER_CONNECTION
            && let Some(places) = state.places
        {
            state.mails = 0;
            state.places = Some(places + 1).filter(|places| *places < state.configured);
        }
        state.goes_out(now);
    }

    /// The mail server rejected or deferred a recipient or a message for what they are: so it talks to this host.
    pub(super) fn answered(&self, now: Instant) {
        self.state().goes_out(now);
    }

    /// Holds all deliveries; answers until when.
    pub(super) fn hold(&self, trouble: &Trouble, now: Instant) -> Instant {
        self.state().hold(trouble, now)
    }

    /// Is a rejection that can be this host's fault or the recipient's the recipient's? It is if another recipient was accepted
    /// since it first came.
    pub(super) fn is_the_recipients(&self, (mail, position): (u64, u32)) -> bool {
        let state = self.state();
        let first = state.unclear.get(&(mail, position));
        first.is_some_and(|(accepted, _)| *accepted < state.accepted)
    }

    /// A rejection that can be this host's fault: remembers it for [`MailHealth::is_the_recipients`].
    pub(super) fn unclear(&self, (mail, position): (u64, u32)) {
        let mut state = self.state();
        if state.unclear.len() >= MAX_UNCLEAR {
            state.unclear.pop_first();
        }
        let accepted = state.accepted;
        state.unclear.entry((mail, position)).or_insert((accepted, 0)).1 += 1;
    }

    /// Holds one delivery whose rejection is unclear, and all of them once everybody is rejected so; answers until when.
    pub(super) fn hold_unclear(&self, (mail, position): (u64, u32), trouble: &Trouble, now: Instant) -> Instant {
        let mut state = self.state();
        let nth = state.unclear.get(&(mail, position)).map_or(1, |(_, nth)| *nth);
        // One that is tried again and again is not everybody.
        state.in_a_row += u32::from(nth == 1);
        if state.in_a_row >= EVERYBODY {
            return state.hold(trouble, now);
        }
        state.tell(trouble, now);
        now.saturating_add(doubled(FIRST_PAUSE, nth))
    }

    /// It is over for this delivery.
    pub(super) fn forget(&self, (mail, position): (u64, u32)) {
        self.state().unclear.remove(&(mail, position));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn hold(&mut self, trouble: &Trouble, now: Instant) -> Instant {
        if let Some(pause) = self.pause.filter(|pause| pause.holds(now)) {
            // An attempt that began before.
            self.tell_of(trouble, pause.nth, now);
            return pause.until;
        }
        let nth = self.pause.map_or(1, |pause| pause.nth.saturating_add(1));
        let busy = trouble.kind == TroubleKind::Busy;
        if busy && nth == 1 {
            self.places = Some((self.places.unwrap_or(self.configured) / 2).max(1));
            self.mails = 0;
        }
        let first = if busy { FIRST_BUSY_PAUSE } else { FIRST_PAUSE };
        let until = now.saturating_add(doubled(first, nth));
        self.pause = Some(Pause { until, nth });
        self.tell_of(trouble, nth, now);
        until
    }

    fn tell_of(&mut self, trouble: &Trouble, nth: u32, now: Instant) {
        if trouble.kind == TroubleKind::Busy && nth < BUSY_FOR_LONG {
            let reply = words(&trouble.reply);
            tracing::info!(reply, "the mail server has too much to do: deliveries pause");
        } else {
            self.tell(trouble, now);
        }
    }

    /// Once an episode, and once more where it turns into another kind.
    fn tell(&mut self, trouble: &Trouble, now: Instant) {
        let since = match &self.trouble {
            Some(known) if known.kind == trouble.kind => return,
            Some(known) => known.since,
            None => now,
        };
        let (kind, reply) = (trouble.kind, words(&trouble.reply));
        tracing::warn!(
            kind = kind.as_str(),
            reply,
            advice = kind.advice(),
            "mail is not going out; deliveries are held and retried until this is repaired"
        );
        self.trouble = Some(MailTrouble { kind, since, reply });
    }

    fn goes_out(&mut self, now: Instant) {
        // What comes back during a pause began before it.
        if self.pause.is_some_and(|pause| pause.holds(now)) {
            return;
        }
        self.pause = None;
        if let Some(trouble) = self.trouble.take() {
            let seconds = now.saturating_sub(trouble.since);
            tracing::info!(kind = trouble.kind.as_str(), seconds, "mail is going out again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(kind: TroubleKind) -> Trouble {
        let reply = "no".to_owned();
        Trouble { kind, reply }
    }

    #[test]
    fn trouble_holds_all_and_one_attempt_after_each_pause_shows_whether_it_is_over() {
        let health = MailHealth::default();
        assert_eq!(health.places(8, 3, 0), 5);
        let mut now = 0;
        for pause in [60, 120, 240, 300, 300] {
            assert_eq!(health.hold(&trouble(TroubleKind::Login), now), now + pause);
            // The others that were under way make it no longer.
            assert_eq!(health.hold(&trouble(TroubleKind::Login), now + 1), now + pause);
            assert_eq!(health.places(8, 0, now + pause - 1), 0);
            assert_eq!(health.paused_until(now), Some(now + pause));
            now += pause;
            assert_eq!((health.places(8, 0, now), health.places(8, 1, now)), (1, 0));
            assert_eq!(health.paused_until(now), None);
        }
        let known = health.trouble().unwrap();
        assert_eq!(
            (known.kind, known.since, known.reply.as_str()),
            (TroubleKind::Login, 0, "no")
        );
        health.accepted((1, 0), now);
        assert_eq!((health.places(8, 0, now), health.trouble()), (8, None));
        assert_eq!(
            health.hold(&trouble(TroubleKind::Login), now),
            now + 60,
            "from the start again"
        );
    }

    #[test]
    fn what_was_accepted_before_a_pause_does_not_end_it() {
        let health = MailHealth::default();
        health.hold(&trouble(TroubleKind::Unreachable), 0);
        health.accepted((1, 0), 59);
        assert!(health.places(8, 0, 59) == 0 && health.trouble().is_some());
        health.accepted((1, 1), 60);
        assert!(health.places(8, 0, 60) == 8 && health.trouble().is_none());
    }

    #[test]
    fn a_clock_set_back_does_not_hold_mail() {
        let health = MailHealth::default();
        health.hold(&trouble(TroubleKind::Unreachable), 1_000_000);
        assert_eq!(health.places(8, 0, 1_000), 1);
        assert_eq!(health.paused_until(1_000), None);
    }

    #[test]
    fn a_server_with_too_much_to_do_gets_half_the_connections_and_more_again_with_time() {
        let health = MailHealth::default();
        assert_eq!(health.places(8, 0, 0), 8);
        for nth in 0..8 {
            assert_eq!(health.hold(&trouble(TroubleKind::Busy), nth), 10);
        }
        health.accepted((1, 0), 10);
        assert_eq!(health.places(8, 0, 10), 4);
        assert_eq!(health.trouble(), None, "no trouble yet");
        for _ in 1..MAILS_PER_CONNECTION {
            assert_eq!(health.places(8, 0, 10), 4);
            health.accepted((1, 0), 10);
        }
        assert_eq!(health.places(8, 0, 10), 5);
        for _ in 0..3 * MAILS_PER_CONNECTION {
            health.accepted((1, 0), 10);
        }
        assert_eq!(health.places(8, 0, 10), 8);
        for (now, until) in [(10, 20), (20, 40), (40, 80)] {
            assert_eq!(health.trouble(), None);
            assert_eq!(health.hold(&trouble(TroubleKind::Busy), now), until);
        }
        assert_eq!(health.trouble().map(|trouble| trouble.kind), Some(TroubleKind::Busy));
    }

    #[test]
    fn a_rejection_is_the_recipients_only_once_somebody_else_was_accepted_after_it() {
        let health = MailHealth::default();
        health.accepted((1, 0), 0);
        assert!(!health.is_the_recipients((2, 0)), "never rejected");
        health.unclear((2, 0));
        assert!(!health.is_the_recipients((2, 0)));
        health.accepted((3, 0), 1);
        assert!(health.is_the_recipients((2, 0)));
        health.unclear((2, 0));
        assert!(health.is_the_recipients((2, 0)), "since the first time");
        health.forget((2, 0));
        assert!(!health.is_the_recipients((2, 0)));
    }

    #[test]
    fn one_rejection_holds_up_nobody_else_and_three_in_a_row_hold_everybody() {
        let health = MailHealth::default();
        let relay = trouble(TroubleKind::Relay);
        let rejected = |mail, now| {
            health.unclear((mail, 0));
            health.hold_unclear((mail, 0), &relay, now)
        };
        for (mail, now, until) in [(1, 0, 60), (1, 60, 180), (1, 180, 420), (1, 420, 720), (2, 420, 480)] {
            assert_eq!(rejected(mail, now), until);
            assert_eq!(health.places(8, 0, now), 8);
        }
        assert_eq!(health.trouble().map(|trouble| trouble.since), Some(0));
        assert_eq!((rejected(3, 420), health.places(8, 0, 420)), (480, 0));
        health.accepted((4, 0), 480);
        assert_eq!((health.places(8, 0, 480), health.trouble()), (8, None));
        rejected(5, 480);
        assert_eq!(health.places(8, 0, 480), 8, "counted from the start");
    }
}
