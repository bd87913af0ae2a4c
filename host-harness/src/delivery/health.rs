//! What this host knows of its mail server: whether mail goes out, what keeps it from going, and when it is worth trying again.
//!
//! Trouble of the operator's ([`Trouble`]) holds all deliveries, since each would meet the same. After a pause one of them is tried; it
//! goes on so, at most [`MAX_PAUSE`] seconds apart, until one gets through, and then all the others follow. Nothing of it counts
//! against a recipient or a schedule, and nothing is given up.
//!
//! What can be the recipient's fault as well ([`Refusal::Unclear`](super::Refusal::Unclear)) is the operator's once nobody is accepted:
//! three recipients in a row hold all deliveries, and one that meets it again and again is shown, while the others go on.
//!
//! A server that has too much to do (421, 432) pauses them all as well, and gets fewer connections for a while.

use std::collections::{BTreeMap, BTreeSet};
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
/// So many recipients in a row that met what can be this host's fault, and none accepted: everybody does.
const EVERYBODY: usize = 3;
/// A delivery that was rejected so often, with none accepted meanwhile, is shown.
const REJECTED_FOR_LONG: u32 = 3;
/// A delivery that was put off so often, which takes 7 minutes, is one of everybody's: many servers put off for 5 whom they do not know.
const PUT_OFF_FOR_LONG: u32 = 4;
/// One that was put off so often, which takes an hour, with none accepted meanwhile, is shown.
const PUT_OFF_FOR_VERY_LONG: u32 = 7;
/// After so many mails a server that had too much to do gets one more connection.
const MAILS_PER_CONNECTION: u32 = 100;
/// And one more after so many seconds: where few mails are sent, that comes first.
const SECONDS_PER_CONNECTION: i64 = 300;
/// Deliveries remembered for [`MailHealth::unclear`].
const MAX_UNCLEAR: usize = 10_000;

/// Mail and position of a delivery.
type Key = (u64, u32);

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
    /// The kinds that were logged since mail went out.
    told: Vec<TroubleKind>,
    /// The delivery whose trouble it is alone.
    alone: Option<Key>,
    pause: Option<Pause>,
    /// How many pauses there were so far.
    pauses: u64,
    fewer: Option<FewerPlaces>,
    configured: u32,
    /// Recipients accepted so far.
    accepted: u64,
    /// Deliveries that met what can be this host's fault.
    unclear: BTreeMap<Key, Unclear>,
    /// Whom that was final for, or for long, since somebody was accepted: [`EVERYBODY`] at most.
    in_a_row: BTreeSet<String>,
    /// When the first of these met it.
    in_a_row_since: Option<Instant>,
    size_limit: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    until: Instant,
    /// How many in a row, this one included.
    nth: u32,
    kind: TroubleKind,
}

/// Connections at a time, where that is less than configured.
#[derive(Clone, Copy, Debug)]
struct FewerPlaces {
    places: u32,
    /// When that was changed last, and mails accepted since then.
    since: Instant,
    mails: u32,
}

#[derive(Clone, Copy, Debug)]
struct Unclear {
    /// When it first came, and how many were accepted by then.
    first: Instant,
    accepted: u64,
    /// How often it came.
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

/// Is it over only when the server takes a mail? A rejection for another reason shows the way to the server, and not more.
fn ends_with_a_mail(kind: TroubleKind) -> bool {
    matches!(kind, TroubleKind::Sender | TroubleKind::Relay | TroubleKind::Deferred)
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

    /// How many pauses there were so far: what an attempt that begins now is known by.
    pub(super) fn pauses(&self) -> u64 {
        self.state().pauses
    }

    /// How many more attempts can begin of at most `configured`. `under_way`: [`MailHealth::pauses`] when each of the others began.
    pub(super) fn places(&self, configured: u32, under_way: &[u64], now: Instant) -> u32 {
        let mut state = self.state();
        state.configured = configured;
        state.regain_places(now);
        let count = |attempts: usize| u32::try_from(attempts).unwrap_or(u32::MAX);
        let free = |places: u32| places.saturating_sub(count(under_way.len()));
        match state.pause {
            Some(pause) if pause.holds(now) => 0,
            // One attempt shows whether it is over. One that began before the pause, and takes its time, shows nothing.
            Some(_) => {
                let probes = under_way.iter().filter(|begun| **begun == state.pauses);
                1_u32.saturating_sub(count(probes.count())).min(free(configured))
            }
            None => free(state.fewer.map_or(configured, |fewer| fewer.places.min(configured))),
        }
    }

    /// The mail server accepted a message for this recipient.
    pub(super) fn accepted(&self, key: Key, now: Instant) {
        let mut state = self.state();
        state.accepted += 1;
        state.in_a_row.clear();
        state.in_a_row_since = None;
        state.unclear.remove(&key);
        if let Some(fewer) = &mut state.fewer {
            fewer.mails += 1;
            if fewer.mails >= MAILS_PER_CONNECTION {
                state.give_back(1, now);
            }
        }
        state.goes_out(|_| true, now);
    }

    /// The mail server rejected or deferred a recipient or a message for what they are: so it talks to this host.
    pub(super) fn answered(&self, now: Instant) {
        self.state().goes_out(|kind| !ends_with_a_mail(kind), now);
    }

    /// Holds all deliveries; answers until when. `begun`: [`MailHealth::pauses`] when the attempt began.
    pub(super) fn hold(&self, trouble: &Trouble, begun: u64, now: Instant) -> Instant {
        self.state().hold(trouble, (begun, now), now)
    }

    /// Is this kind shown as what keeps mail from going out?
    pub(super) fn is_trouble(&self, kind: TroubleKind) -> bool {
        self.state().trouble.as_ref().is_some_and(|known| known.kind == kind)
    }

    /// Are all deliveries held, or tried one at a time to see whether it is over?
    pub(super) fn is_paused(&self) -> bool {
        self.state().pause.is_some()
    }

    /// Is a rejection that can be this host's fault or the recipient's the recipient's? It is if another recipient was accepted
    /// since it first came.
    pub(super) fn is_the_recipients(&self, key: Key) -> bool {
        let state = self.state();
        let first = state.unclear.get(&key);
        first.is_some_and(|first| first.accepted < state.accepted)
    }

    /// A rejection that can be this host's fault: remembers it for [`MailHealth::is_the_recipients`].
    pub(super) fn unclear(&self, key: Key, now: Instant) {
        let mut state = self.state();
        if state.unclear.len() >= MAX_UNCLEAR && !state.unclear.contains_key(&key) {
            state.unclear.pop_first();
        }
        let first = Unclear {
            first: now,
            accepted: state.accepted,
            nth: 0,
        };
        state.unclear.entry(key).or_insert(first).nth += 1;
    }

    /// Holds one delivery whose rejection is unclear, and all of them once everybody is rejected so; answers until when.
    pub(super) fn hold_unclear(
        &self,
        (key, recipient): (Key, &str),
        trouble: &Trouble,
        begun: u64,
        now: Instant,
    ) -> Instant {
        let mut state = self.state();
        let known = state.known(key, now);
        if let Some(until) = state.everybody(recipient, known, trouble, begun, now) {
            return until;
        }
        if known.nth >= REJECTED_FOR_LONG {
            state.tell_of_one(key, trouble, known.first);
        }
        now.saturating_add(doubled(FIRST_PAUSE, known.nth))
    }

    /// Holds all deliveries once everybody is put off for long; answers until when. None: this one is on its own.
    pub(super) fn hold_put_off(
        &self,
        (key, recipient): (Key, &str),
        trouble: &Trouble,
        begun: u64,
        now: Instant,
    ) -> Option<Instant> {
        let mut state = self.state();
        let known = state.known(key, now);
        if known.nth >= PUT_OFF_FOR_LONG || state.is_everybody() {
            let until = state.everybody(recipient, known, trouble, begun, now);
            if until.is_some() {
                return until;
            }
        }
        if known.nth >= PUT_OFF_FOR_VERY_LONG {
            state.tell_of_one(key, trouble, known.first);
        }
        None
    }

    /// It is over for this delivery.
    pub(super) fn forget(&self, key: Key) {
        let mut state = self.state();
        state.unclear.remove(&key);
        if state.alone == Some(key) {
            // Nothing else is known to be wrong.
            state.alone = None;
            state.told.clear();
            state.trouble = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn known(&self, key: Key, now: Instant) -> Unclear {
        let first = Unclear {
            first: now,
            accepted: self.accepted,
            nth: 1,
        };
        self.unclear.get(&key).copied().unwrap_or(first)
    }

    fn is_everybody(&self) -> bool {
        self.in_a_row.len() >= EVERYBODY
    }

    /// One more recipient that met it; holds all deliveries if these are everybody.
    fn everybody(
        &mut self,
        recipient: &str,
        known: Unclear,
        trouble: &Trouble,
        begun: u64,
        now: Instant,
    ) -> Option<Instant> {
        // By the address: one recipient of many mails is not everybody.
        if !self.is_everybody() {
            self.in_a_row.insert(recipient.to_lowercase());
        }
        let since = self.in_a_row_since.map_or(known.first, |since| since.min(known.first));
        self.in_a_row_since = Some(since);
        self.is_everybody().then(|| self.hold(trouble, (begun, now), since))
    }

    fn hold(&mut self, trouble: &Trouble, (begun, now): (u64, Instant), since: Instant) -> Instant {
        if let Some(pause) = self.pause
            && (pause.holds(now) || begun < self.pauses)
        {
            // An attempt that began before.
            self.tell_of(trouble, pause.nth, since);
            return pause.until.max(now);
        }
        let nth = self.pause.map_or(1, |pause| pause.nth.saturating_add(1));
        let busy = trouble.kind == TroubleKind::Busy;
        if busy {
            let places = self.fewer.map_or(self.configured, |fewer| fewer.places);
            let places = if nth == 1 { (places / 2).max(1) } else { places };
            self.fewer = Some(FewerPlaces {
                places,
                since: now,
                mails: 0,
            });
        }
        let first = if busy { FIRST_BUSY_PAUSE } else { FIRST_PAUSE };
        let until = now.saturating_add(doubled(first, nth));
        let kind = trouble.kind;
        self.pause = Some(Pause { until, nth, kind });
        self.pauses += 1;
        self.tell_of(trouble, nth, since);
        until
    }

    fn tell_of(&mut self, trouble: &Trouble, nth: u32, since: Instant) {
        if trouble.kind == TroubleKind::Busy && nth < BUSY_FOR_LONG {
            let reply = words(&trouble.reply);
            tracing::info!(reply, "the mail server has too much to do: deliveries pause");
        } else {
            self.alone = None;
            self.tell(trouble, since);
        }
    }

    fn tell_of_one(&mut self, key: Key, trouble: &Trouble, since: Instant) {
        if self.trouble.is_none() {
            self.alone = Some(key);
            self.tell(trouble, since);
        }
    }

    /// Once an episode, and once more for each kind that it turns into.
    fn tell(&mut self, trouble: &Trouble, since: Instant) {
        let since = match &self.trouble {
            Some(known) if known.kind == trouble.kind => return,
            Some(known) => known.since,
            None => since,
        };
        let (kind, reply) = (trouble.kind, words(&trouble.reply));
        if !self.told.contains(&kind) {
            self.told.push(kind);
            tracing::warn!(
                kind = kind.as_str(),
                reply,
                advice = kind.advice(),
                "mail is not going out; deliveries are held and retried until this is repaired"
            );
        }
        self.trouble = Some(MailTrouble { kind, since, reply });
    }

    /// Something came back from the server that shows trouble of these kinds to be over.
    fn goes_out(&mut self, shows: impl Fn(TroubleKind) -> bool, now: Instant) {
        // What comes back during a pause began before it.
        if self.pause.is_some_and(|pause| pause.holds(now)) {
            return;
        }
        self.pause = self.pause.filter(|pause| !shows(pause.kind));
        if let Some(trouble) = self.trouble.take_if(|trouble| shows(trouble.kind)) {
            (self.alone, self.told) = (None, Vec::new());
            let seconds = now.saturating_sub(trouble.since);
            tracing::info!(kind = trouble.kind.as_str(), seconds, "mail is going out again");
        }
    }

    fn regain_places(&mut self, now: Instant) {
        let Some(fewer) = &mut self.fewer else {
            return;
        };
        // After a clock was set back, it is counted from there.
        fewer.since = fewer.since.min(now);
        let more = now.saturating_sub(fewer.since) / SECONDS_PER_CONNECTION;
        if more > 0 {
            self.give_back(u32::try_from(more).unwrap_or(u32::MAX), now);
        }
    }

    fn give_back(&mut self, more: u32, now: Instant) {
        let configured = self.configured;
        self.fewer = self.fewer.and_then(|fewer| {
            let places = fewer.places.saturating_add(more);
            (places < configured).then_some(FewerPlaces {
                places,
                since: now,
                mails: 0,
            })
        });
    }
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
