//! One pass over the deliveries that are due.
//!
//! Each delivery is leased when it is begun and not before, and its lease is renewed while it is tried, so no two hosts try the
//! same one at the same time. A host that dies leaves leases that expire within [`DeliveryLimits::lease`]; the recipient might then
//! get the message twice, with the same Message-ID.
//!
//! How a try ended is written down until the store takes it: nobody else knows of it, and the next try would send the message again.
//!
//! What the operator has to repair holds all deliveries ([`MailHealth`]) and counts against none.
//!
//! One slow recipient takes one of [`DeliveryLimits::concurrency`] places until [`DeliveryLimits::task_timeout`]; the others go
//! on, and what becomes due meanwhile is taken too. One organizer has a part of the places at most. In memory are at most as many
//! messages as places, and one more.

mod limits;
mod patience;
mod prepared;

use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use reference_platform::shares::part;
use scheduled_exports_host::clock::Clock;
use scheduled_exports_host::contract::DeliveryStatus;
use scheduled_exports_mail::{Refusal, Transport, TroubleKind, domain, words};
use scheduled_exports_store::{DeliveryResult, DeliveryTask, LeaseError, Outbox, Rooms, StorageError};
use tokio::sync::Notify;
use tracing::Instrument as _;

use super::MailHealth;
use super::permits::{Desk, Everything, Permits};
use super::verdict::{self, About, Tried, Try};

pub use limits::{Delivered, DeliveryLimits};
use patience::Patience;
use prepared::{PreparedMails, Ready};

/// While others are under way that can show whose fault it is, the last word about a recipient waits for so many seconds.
const WAIT_FOR_OTHERS: i64 = 10;

/// Tries everything that is due, until nothing is due and nothing under way, and writes down how each try ended. Nobody is asked
/// whether it may still go.
///
/// Dropping the future is safe, but leaves what was under way leased; [`deliver_until`] ends in good order.
///
/// # Errors
/// The store went away. What was under way then has been tried to its end, and written down if that was possible.
pub async fn deliver_due(
    storage: &dyn Outbox,
    transport: &dyn Transport,
    clock: &dyn Clock,
    limits: &DeliveryLimits,
    health: &MailHealth,
) -> Result<Delivered, StorageError> {
    let all = (storage, &Everything as &dyn Permits);
    deliver_until(all, transport, clock, limits, health, std::future::pending()).await
}

/// [`deliver_due`], but `permits` is asked before each try, and once `stop` is ready nothing more is begun, and what is under way is
/// ended.
///
/// # Errors
/// As those of [`deliver_due`].
pub async fn deliver_until(
    (storage, permits): (&dyn Outbox, &dyn Permits),
    transport: &dyn Transport,
    clock: &dyn Clock,
    limits: &DeliveryLimits,
    health: &MailHealth,
    stop: impl Future<Output = ()>,
) -> Result<Delivered, StorageError> {
    let pass = Pass {
        storage,
        transport,
        clock,
        limits,
        desk: Desk::new(permits),
        health,
        trying: Mutex::default(),
        mails: PreparedMails::new(storage, health, &limits.temp_files),
    };
    let mut stop = pin!(stop);
    let mut ask_again = tokio::time::interval(limits.ask_again.max(Duration::from_millis(1)));
    let every = limits.renew.max(Duration::from_millis(1));
    let mut renew = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    renew.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut under_way = FuturesUnordered::new();
    let mut delivered = Delivered::default();
    let (mut stopping, mut ask, mut away) = (false, true, None);
    // There can be more of an organizer that had as much under way as it can have: asked for once a place is free.
    let mut held_back = false;
    let mut taking: Option<Taking<'_>> = None;
    let mut renewing: Option<Renewing<'_>> = None;
    loop {
        tokio::select! {
            biased;
            () = &mut stop, if !stopping => stopping = true,
            () = std::future::ready(()) => {}
        }
        let begun = pass.begun();
        let free = health.places(limits.concurrency.max(1), &begun, clock.now());
        if ask && free > 0 && !stopping && taking.is_none() {
            ask = false;
            let places = begun.len().saturating_add(usize::try_from(free).unwrap_or(usize::MAX));
            let (now, mut rooms) = (clock.now(), pass.rooms(places));
            let until = now.saturating_add(limits.lease_seconds());
            let without_suspects = pass.rooms_without_suspects(places);
            taking = Some(Box::pin(async move {
                let mut tasks = Vec::new();
                if let Some(others) = without_suspects {
                    tasks = storage.take_deliveries(now, until, free, Some(&others)).await?;
                }
                if tasks.is_empty() {
                    tasks = storage.take_deliveries(now, until, free, Some(&rooms)).await?;
                }
                tasks.iter().for_each(|task| rooms.take(&task.organizer, 1));
                Ok(Taken {
                    places,
                    as_many_as_asked: u32::try_from(tasks.len()).is_ok_and(|taken| taken >= free),
                    held_back: rooms.is_any_full(),
                    tasks,
                })
            }));
        }
        if under_way.is_empty() && taking.is_none() {
            return match away {
                None => Ok(delivered),
                Some(error) => Err(error),
            };
        }
        let taken = async {
            match &mut taking {
                Some(taking) => taking.await,
                None => std::future::pending().await,
            }
        };
        let may_renew = renewing.is_none() && !under_way.is_empty();
        let renewed = async {
            match &mut renewing {
                Some(renewing) => renewing.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // What is under way goes on meanwhile: it may have the one writer that the store has.
            taken = taken => {
                taking = None;
                match taken {
                    Ok(taken) => {
                        let tries = taken.tasks.into_iter().filter_map(|task| pass.begin(task));
                        under_way.extend(tries.map(|trying| pass.deliver(trying)));
                        held_back = taken.held_back;
                        // A place can have become free while the store was asked.
                        ask |= taken.as_many_as_asked || (held_back && !pass.rooms(taken.places).is_any_full());
                    }
                    // Asked again with the next tick, as long as anything is under way.
                    Err(error) => away = Some(error),
                }
            }
            Some(ended) = under_way.next() => {
                delivered.count(ended, &mut away);
                ask |= held_back;
            }
            () = renewed => renewing = None,
            _ = renew.tick(), if may_renew => renewing = Some(Box::pin(pass.renew())),
            _ = ask_again.tick(), if !ask => ask = true,
            () = &mut stop, if !stopping => stopping = true,
        }
    }
}

/// A question to the store for more.
type Taking<'a> = Pin<Box<dyn Future<Output = Result<Taken, StorageError>> + Send + 'a>>;

/// What the store had.
struct Taken {
    tasks: Vec<DeliveryTask>,
    /// There can be more.
    as_many_as_asked: bool,
    /// There can be more of an organizer that has as much under way as it can have.
    held_back: bool,
    /// How many places there were for all tries.
    places: usize,
}

/// A renewal of the leases of all that is tried.
type Renewing<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A try under way.
struct Trying {
    task: DeliveryTask,
    /// [`MailHealth::pauses`] when it began.
    begun: u64,
    /// The fence under which it is leased now.
    fence: AtomicU64,
    /// Ends it: another host has it.
    taken_over: Notify,
}

impl Trying {
    /// The task as it is leased now.
    fn leased(&self) -> DeliveryTask {
        DeliveryTask {
            fence: self.fence.load(Ordering::Relaxed),
            ..self.task.clone()
        }
    }
}

/// How a try ended.
struct Attempt {
    /// That the mail is of.
    run: Option<u64>,
    about: About,
    tried: Tried,
    /// Why nobody gets the mail any more; then nothing was tried.
    withheld: Option<String>,
}

struct Pass<'a> {
    storage: &'a dyn Outbox,
    transport: &'a dyn Transport,
    clock: &'a dyn Clock,
    limits: &'a DeliveryLimits,
    desk: Desk<'a>,
    health: &'a MailHealth,
    /// What is tried, or was and is still to be written down.
    trying: Mutex<Vec<Arc<Trying>>>,
    mails: PreparedMails<'a>,
}

impl Pass<'_> {
    /// Remembers a delivery that was just leased. None: it is under way here. Its lease had run out, since it could not be renewed; under
    /// the new one the same try goes on, or the recipient would get the message from both.
    fn begin(&self, task: DeliveryTask) -> Option<Arc<Trying>> {
        let mut all = self.trying();
        let same = |other: &&Arc<Trying>| (other.task.mail, other.task.position) == (task.mail, task.position);
        if let Some(known) = all.iter().find(same) {
            known.fence.store(task.fence, Ordering::Relaxed);
            return None;
        }
        let trying = Arc::new(Trying {
            fence: AtomicU64::new(task.fence),
            task,
            begun: self.health.pauses(),
            taken_over: Notify::new(),
        });
        self.health.tries_organizer(&trying.task.organizer);
        all.push(Arc::clone(&trying));
        Some(trying)
    }

    /// When each try began that is under way, in pauses.
    fn begun(&self) -> Vec<u64> {
        self.trying().iter().map(|trying| trying.begun).collect()
    }

    /// How many more each organizer can have under way, of so many places in all.
    fn rooms(&self, places: usize) -> Rooms {
        let mut under_way: HashMap<String, u32> = HashMap::new();
        for trying in self.trying().iter() {
            *under_way.entry(trying.task.organizer.clone()).or_default() += 1;
        }
        let each = part(places, self.limits.organizer_share);
        Rooms::new(u32::try_from(each).unwrap_or(u32::MAX), under_way)
    }

    /// The same, without the organizers whose mail holds up all: whether that is over is shown by the mail of others, if there is some.
    /// `None`: there are no such.
    fn rooms_without_suspects(&self, places: usize) -> Option<Rooms> {
        let suspects = self.health.suspects();
        let mut rooms = self.rooms(places);
        suspects.iter().for_each(|organizer| rooms.take(organizer, u32::MAX));
        (!suspects.is_empty()).then_some(rooms)
    }

    /// One try of one delivery; answers how it ended, none where another host has taken it over.
    async fn deliver(&self, trying: Arc<Trying>) -> Result<Option<DeliveryStatus>, StorageError> {
        let tried = tokio::select! {
            tried = self.attempt(&trying.task) => Some(tried),
            () = trying.taken_over.notified() => None,
        };
        let ended = match tried {
            Some(Ok(attempt)) => self.conclude(&trying, attempt).await,
            Some(Err(away)) => Err(away),
            None => {
                tracing::warn!(
                    mail = trying.task.mail,
                    position = trying.task.position,
                    "delivery taken over by another host: the attempt was ended"
                );
                Ok(None)
            }
        };
        // Not before: until it is written down the lease is renewed.
        self.trying().retain(|other| !Arc::ptr_eq(other, &trying));
        ended
    }

    /// Writes down how a try ended.
    async fn conclude(&self, trying: &Trying, attempt: Attempt) -> Result<Option<DeliveryStatus>, StorageError> {
        let Attempt {
            run,
            about,
            tried,
            withheld,
        } = attempt;
        let (task, now) = (&trying.task, self.clock.now());
        let mut patience = Patience::of(task, self.limits.tell_for);
        let result = match withheld {
            None => loop {
                let of = Try {
                    task,
                    about,
                    begun: trying.begun,
                    others_take: if self.trying().len() > 1 { WAIT_FOR_OTHERS } else { 0 },
                };
                match verdict::of(&tried, of, (self.health, self.storage), now).await {
                    Ok(result) => break result,
                    Err(away) => patience.wait(away).await?,
                }
            },
            Some(why) => {
                self.health.forget((task.mail, task.position));
                DeliveryResult {
                    status: DeliveryStatus::Cancelled,
                    words: words(&why),
                    next_try: None,
                    counts: false,
                }
            }
        };
        let recorded = loop {
            // The fence makes it safe to ask again: what another host has taken over meanwhile is lost.
            match self.storage.record_delivery(&trying.leased(), &result, now).await {
                Ok(()) => break true,
                Err(LeaseError::Lost) => break false,
                Err(LeaseError::Storage(away)) => patience.wait(away).await?,
            }
        };
        let (mail, position, status) = (task.mail, task.position, result.status);
        let tries = task.tries.saturating_add(1);
        tracing::info!(
            run,
            mail,
            position,
            domain = domain(&task.address),
            tries,
            ?status,
            "delivery attempt"
        );
        tracing::debug!(
            run,
            mail,
            position,
            address = task.address,
            words = result.words,
            "delivery attempt reply"
        );
        if !recorded {
            tracing::warn!(run, mail, position, ?status, "delivery lease lost; result not recorded");
        }
        Ok(recorded.then_some(status))
    }

    /// The try itself.
    async fn attempt(&self, task: &DeliveryTask) -> Result<Attempt, StorageError> {
        let mail = self.mails.place(task.mail);
        let prepared = mail.get_or_try_init(|| self.mails.prepare(task.mail)).await?;
        // As late as can be: what has been taken away since the mail was made is asked when all else is ready.
        let withheld = self.desk.withheld(task.mail).await?;
        let about = prepared.as_ref().map(|ready| ready.about).unwrap_or_default();
        let (run, tried) = match prepared {
            Ok(ready) if withheld.is_none() => {
                let span = tracing::error_span!("delivery", run = ready.run, mail = task.mail);
                (ready.run, self.hand_over(ready, task).instrument(span).await)
            }
            Ok(ready) => (ready.run, Err(Refusal::Unsendable(String::new()))),
            Err(refusal) => (None, Err(refusal.clone())),
        };
        Ok(Attempt {
            run,
            about,
            tried,
            withheld,
        })
    }

    /// Renews the leases of all that is tried, and ends what another host has taken over. Without the store they just expire.
    async fn renew(&self) {
        let tasks: Vec<DeliveryTask> = self.trying().iter().map(|trying| trying.leased()).collect();
        if tasks.is_empty() {
            return;
        }
        let until = self.clock.now().saturating_add(self.limits.lease_seconds());
        match self.storage.renew_deliveries(&tasks, until).await {
            Ok(lost) => {
                let mut lost_tasks = tasks;
                lost_tasks.retain(|task| lost.contains(&(task.mail, task.position)));
                self.trying().retain(|trying| {
                    // One that was leased anew meanwhile is not lost.
                    let is_lost = lost_tasks.contains(&trying.leased());
                    if is_lost {
                        trying.taken_over.notify_one();
                    }
                    !is_lost
                });
            }
            Err(error) => tracing::warn!(%error, "leases of deliveries could not be renewed; retried"),
        }
    }

    fn trying(&self) -> MutexGuard<'_, Vec<Arc<Trying>>> {
        self.trying.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn hand_over(&self, ready: &Ready, task: &DeliveryTask) -> Result<String, Refusal> {
        let bytes = Arc::clone(&ready.bytes);
        let trying = self
            .transport
            .hand_over(&ready.from, &task.address, &ready.message_id, bytes);
        match tokio::time::timeout(self.limits.task_timeout, trying).await {
            Ok(ended) => {
                self.health.set_size_limit(self.transport.size_limit());
                ended
            }
            Err(_) => {
                let seconds = self.limits.task_timeout.as_secs_f32();
                Err(Refusal::Unclear {
                    reply: format!("delivery timed out after {seconds} seconds"),
                    is_final: false,
                    kind: TroubleKind::Deferred,
                })
            }
        }
    }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
