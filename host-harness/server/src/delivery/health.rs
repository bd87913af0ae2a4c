//! What this host knows of its mail server: whether mail goes out, what keeps it from going, and when it is worth trying again.
//!
//! Trouble of the operator's ([`Trouble`]) holds all deliveries, since each would meet the same. After a pause one of them is tried; it
//! goes on so, at most [`MAX_PAUSE`] seconds apart, until one gets through, and then all the others follow. Nothing of it counts
//! against a recipient or a schedule, and nothing is given up.
//!
//! What can be the recipient's fault as well
//! ([`Refusal::Unclear`](scheduled_exports_mail::Refusal::Unclear), [`Refusal::Plain`](scheduled_exports_mail::Refusal::Plain)) is
//! the operator's once nobody is accepted and it comes for several recipients of several domains. Then it is shown, and final for none of
//! them. It holds all deliveries only if several organizers met it (several schedules, on a host of one organizer): what one organizer
//! mails to must not hold up the mail of another. Where all exports go to one recipient, that one is everybody: what can be the operator's
//! to repair is final for it as little, and shown once it came three times. Rejections of notices show nothing: they follow from what was
//! rejected before.
//!
//! A server that has too much to do (421, 432) pauses them all as well, and gets fewer connections for a while.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use scheduled_exports_mail::{Sender, Trouble, TroubleKind, domain, words};

use scheduled_exports_host::clock::Instant;

/// The longest pause between two attempts while there is trouble, in seconds.
pub const MAX_PAUSE: i64 = 300;
/// The first pause, in seconds; each one after it is twice as long.
const FIRST_PAUSE: i64 = 60;
/// The first pause of a server that has too much to do.
const FIRST_BUSY_PAUSE: i64 = 10;
/// After so many pauses in a row, a server that has too much to do is trouble.
const BUSY_FOR_LONG: u32 = 3;
/// So many recipients met what can be this host's fault, and none was accepted: it is no recipient's. Many an export goes to its owner and
/// one other recipient.
const MANY: usize = 2;
/// … of so many domains, and, before all deliveries are held, of so many organizers or schedules.
const SEVERAL: usize = 2;
/// Where one recipient is everybody, its rejection is shown once it came so often.
const ALONE_FOR_LONG: u32 = 3;
/// A delivery that was put off so often, which takes 7 minutes, is one of everybody's: many servers put off for 5 whom they do not know.
const PUT_OFF_FOR_LONG: u32 = 4;
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
    /// The trouble is that of the witnesses, who hold up nobody else.
    of_witnesses: bool,
    pause: Option<Pause>,
    /// How many pauses there were so far.
    pauses: u64,
    fewer: Option<FewerPlaces>,
    configured: u32,
    /// Recipients accepted so far.
    accepted: u64,
    /// Deliveries that met what can be this host's fault.
    unclear: BTreeMap<Key, Unclear>,
    /// Who of them shows what it is, since somebody was accepted.
    witnesses: Vec<Witness>,
    /// Organizers and schedules whose mail was tried.
    organizers: Few<String>,
    schedules: Few<u64>,
    /// Recipients of exports that were tried.
    addresses: Few<String>,
    size_limit: Option<u64>,
    /// The mail server was met, or somebody is about to meet it.
    met: bool,
}

/// Whether there is one or several: no more than [`SEVERAL`] are remembered.
#[derive(Debug)]
struct Few<T>(BTreeSet<T>);

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<T: Ord> Few<T> {
    fn add(&mut self, one: T) {
        if self.0.len() < SEVERAL {
            self.0.insert(one);
        }
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    until: Instant,
    /// How many in a row, this one included.
    nth: u32,
    kind: TroubleKind,
    /// It comes from the witnesses: one that is accepted, whenever that began, shows them to be wrong.
    agreed: bool,
}

/// A delivery whose try ended in a way that can be this host's fault.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suspicion<'a> {
    pub(super) key: Key,
    /// Whose mail it is, and of which schedule.
    pub(super) organizer: &'a str,
    pub(super) schedule: u64,
    /// Of the recipient.
    pub(super) address: &'a str,
    /// Tries that count, with this one, of this process and of others.
    pub(super) tries: u32,
    /// It tells an owner of what went wrong before.
    pub(super) is_notice: bool,
}

/// What is remembered of a [`Suspicion`].
#[derive(Clone, Debug)]
struct Witness {
    key: Key,
    organizer: String,
    schedule: u64,
    address: String,
    /// When it first came.
    first: Instant,
}

impl Witness {
    fn domain(&self) -> &str {
        domain(&self.address)
    }
}

/// Recipients enough, of domains enough, that it is none of theirs?
pub(super) fn are_many<'a>(addresses: impl Iterator<Item = &'a str> + Clone) -> bool {
    different(addresses.clone()) >= MANY && different(addresses.map(domain)) >= SEVERAL
}

/// How many different ones there are.
fn different<T: std::hash::Hash + Eq>(all: impl Iterator<Item = T>) -> usize {
    all.collect::<HashSet<_>>().len()
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
        let mut state = self.state();
        (state.size_limit, state.met) = (limit, true);
    }

    /// Has nobody met the mail server, or tried to? True once: whoever hears it goes and meets it.
    pub(super) fn is_first_meeting(&self) -> bool {
        !std::mem::replace(&mut self.state().met, true)
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
        state.witnesses.clear();
        state.unclear.remove(&key);
        if let Some(fewer) = &mut state.fewer {
            fewer.mails += 1;
            if fewer.mails >= MAILS_PER_CONNECTION {
                state.give_back(1, now);
            }
        }
        if state.pause.is_some_and(|pause| pause.agreed) {
            state.pause = None;
        }
        state.goes_out(|_| true, now);
    }

    /// A mail of this organizer is tried.
    pub(super) fn tries_organizer(&self, organizer: &str) {
        self.state().organizers.add(organizer.to_owned());
    }

    /// A mail of this schedule was tried.
    pub(super) fn tried_schedule(&self, schedule: u64) {
        self.state().schedules.add(schedule);
    }

    /// An export was tried for this recipient.
    pub(super) fn tried_recipient(&self, address: &str) {
        self.state().addresses.add(address.to_lowercase());
    }

    /// While one delivery at a time shows whether it is over: the organizers whose mail was rejected, and is the last to show it.
    pub(super) fn suspects(&self) -> BTreeSet<String> {
        let state = self.state();
        match state.pause {
            Some(_) => state
                .witnesses
                .iter()
                .map(|witness| witness.organizer.clone())
                .collect(),
            None => BTreeSet::new(),
        }
    }

    /// The mail server rejected or deferred a recipient or a message for what they are: so it talks to this host.
    pub(super) fn answered(&self, now: Instant) {
        self.state().goes_out(|kind| !ends_with_a_mail(kind), now);
    }

    /// Holds all deliveries; answers until when. `begun`: [`MailHealth::pauses`] when the attempt began.
    pub(super) fn hold(&self, trouble: &Trouble, begun: u64, now: Instant) -> Instant {
        self.state().hold(trouble, (begun, now), now, false)
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

    /// Holds a delivery whose rejection is no recipient's, and all of them once several organizers met it; answers until when. None: as
    /// far as is known, it is this recipient's alone.
    ///
    /// Where all exports go to one recipient, that one is everybody: what can be the operator's to repair (not `is_plain`) is held until
    /// anybody is accepted.
    pub(super) fn hold_rejected(
        &self,
        one: Suspicion<'_>,
        trouble: &Trouble,
        (begun, is_plain): (u64, bool),
        now: Instant,
    ) -> Option<Instant> {
        let mut state = self.state();
        let known = state.known(one.key, now);
        state.witness(one, known.first);
        let until = state.hold_if_agreed(trouble, begun, now);
        let is_everybody = !is_plain && !one.is_notice && state.accepted == 0 && state.addresses.count() <= 1;
        if is_everybody && known.nth >= ALONE_FOR_LONG {
            state.show(trouble, known.first);
        }
        let on_its_own = || now.saturating_add(doubled(FIRST_PAUSE, known.nth));
        until.or_else(|| (is_everybody || state.is_many()).then(on_its_own))
    }

    /// Holds all deliveries once several organizers are put off for long; answers until when. None: this one is on its own.
    pub(super) fn hold_put_off(
        &self,
        one: Suspicion<'_>,
        trouble: &Trouble,
        begun: u64,
        now: Instant,
    ) -> Option<Instant> {
        let mut state = self.state();
        let known = state.known(one.key, now);
        let busy = trouble.kind == TroubleKind::Busy;
        if busy && state.pause.is_some_and(|pause| pause.kind == TroubleKind::Busy) {
            return Some(state.hold(trouble, (begun, now), now, false));
        }
        if busy || known.nth.max(one.tries) >= PUT_OFF_FOR_LONG || state.is_agreed() {
            state.witness(one, known.first);
            return state.hold_if_agreed(trouble, begun, now);
        }
        None
    }

    /// Do so many recipients meet what can be this host's fault that it is no recipient's?
    pub(super) fn is_many(&self) -> bool {
        self.state().is_many()
    }

    /// Has this process had no mail accepted?
    pub(super) fn has_none_accepted(&self) -> bool {
        self.state().accepted == 0
    }

    /// Shows what many recipients met, as the store knows of them; holds nothing.
    pub(super) fn show(&self, trouble: &Trouble, now: Instant) {
        self.state().show(trouble, now);
    }

    /// It is over for this delivery.
    pub(super) fn forget(&self, key: Key) {
        let mut state = self.state();
        state.unclear.remove(&key);
        state.witnesses.retain(|witness| witness.key != key);
        if state.of_witnesses && !state.is_many() {
            // Nothing else is known to be wrong.
            state.of_witnesses = false;
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

    fn is_many(&self) -> bool {
        are_many(self.witnesses.iter().map(|witness| witness.address.as_str()))
    }

    /// … and of organizers enough that it is not what one of them mails to? Where one organizer is all that there is, its schedules are
    /// asked, and where one schedule is, it has nobody to hold up.
    fn is_agreed(&self) -> bool {
        let all = || self.witnesses.iter();
        self.is_many()
            && match self.organizers.count() {
                0 | 1 => different(all().map(|witness| witness.schedule)) >= self.schedules.count(),
                _ => different(all().map(|witness| witness.organizer.as_str())) >= SEVERAL,
            }
    }

    /// Remembers it where that can change what is known: of one organizer no more than that takes, so that there is room for others.
    fn witness(&mut self, one: Suspicion<'_>, first: Instant) {
        if one.is_notice {
            return;
        }
        let new = Witness {
            key: one.key,
            organizer: one.organizer.to_owned(),
            schedule: one.schedule,
            // By the address: one recipient of many mails is not many.
            address: one.address.to_lowercase(),
            first,
        };
        let all = || self.witnesses.iter().filter(|known| known.organizer == new.organizer);
        let is_new_domain = || all().all(|known| known.domain() != new.domain());
        let is_new_schedule = || all().all(|known| known.schedule != new.schedule);
        let addresses = different(all().map(|known| known.address.as_str()));
        let is_new = all().all(|known| known.address != new.address) && addresses < MANY
            || different(all().map(Witness::domain)) < SEVERAL && is_new_domain()
            || different(all().map(|known| known.schedule)) < SEVERAL && is_new_schedule();
        if is_new {
            self.witnesses.push(new);
        }
    }

    /// Shows what many recipients met, and holds all deliveries if it is no organizer's; answers until when.
    fn hold_if_agreed(&mut self, trouble: &Trouble, begun: u64, now: Instant) -> Option<Instant> {
        if !self.is_many() {
            return None;
        }
        let since = self.witnesses.iter().map(|witness| witness.first).min().unwrap_or(now);
        if self.is_agreed() {
            return Some(self.hold(trouble, (begun, now), since, true));
        }
        self.show(trouble, since);
        None
    }

    /// Shows trouble that comes from witnesses alone, where nothing else is known to be wrong.
    fn show(&mut self, trouble: &Trouble, since: Instant) {
        if self.trouble.is_none() {
            self.of_witnesses = true;
            self.tell(trouble, since);
        }
    }

    fn hold(&mut self, trouble: &Trouble, (begun, now): (u64, Instant), since: Instant, agreed: bool) -> Instant {
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
        self.pause = Some(Pause {
            until,
            nth,
            kind,
            agreed,
        });
        self.pauses += 1;
        self.tell_of(trouble, nth, since);
        until
    }

    fn tell_of(&mut self, trouble: &Trouble, nth: u32, since: Instant) {
        if trouble.kind == TroubleKind::Busy && nth < BUSY_FOR_LONG {
            let reply = words(&trouble.reply);
            tracing::info!(reply, "the mail server has too much to do: deliveries pause");
        } else {
            self.of_witnesses = false;
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
                advice = trouble.advice(),
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
            (self.of_witnesses, self.told) = (false, Vec::new());
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
