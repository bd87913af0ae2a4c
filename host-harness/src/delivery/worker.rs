//! One pass over the deliveries that are due.
//!
//! Each delivery is leased when it is begun and not before, and its lease is renewed while it is tried, so no two hosts try the
//! same one at the same time. A host that dies leaves leases that expire within [`DeliveryLimits::lease`]; the recipient might then
//! get the message twice, with the same Message-ID.
//!
//! What the operator has to repair holds all deliveries ([`MailHealth`]) and counts against none.
//!
//! One slow recipient takes one of [`DeliveryLimits::concurrency`] places until [`DeliveryLimits::task_timeout`]; the others go
//! on, and what becomes due meanwhile is taken too. In memory are at most as many messages as places, and one more.

use std::collections::HashMap;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{Notify, OnceCell, Semaphore};
use tracing::Instrument as _;

use super::message::RenderError;
use super::permits::{Desk, Everything, Permits};
use super::verdict::{self, Tried};
use super::{MailHealth, Refusal, Transport, TroubleKind, domain, render, words};
use crate::clock::Clock;
use crate::contract::DeliveryStatus;
use crate::storage::{DeliveryResult, DeliveryTask, LeaseError, OutboxMail, Storage, StorageError};
use crate::temp_files::TempFiles;

/// How much a pass does at once.
#[derive(Clone, Debug)]
pub struct DeliveryLimits {
    /// Deliveries under way at the same time: connections to the mail server.
    pub concurrency: u32,
    /// One try takes no longer, whatever the transport's own limits.
    pub task_timeout: Duration,
    /// For how long a delivery is leased, in whole seconds. Another host tries it this long after its host has died.
    pub lease: Duration,
    /// How often the leases of what is under way are renewed.
    pub renew: Duration,
    /// While deliveries are under way, the store is asked this often for more.
    pub ask_again: Duration,
    /// Where attached files lie while a message is made.
    pub temp_files: TempFiles,
}

impl Default for DeliveryLimits {
    fn default() -> Self {
        Self {
            concurrency: 8,
            // Longer than the limits of all steps of SMTP together.
            task_timeout: Duration::from_secs(45 * 60),
            lease: Duration::from_secs(60),
            renew: Duration::from_secs(20),
            ask_again: Duration::from_secs(1),
            temp_files: TempFiles::default(),
        }
    }
}

impl DeliveryLimits {
    /// Seconds for which a delivery is leased.
    #[must_use]
    pub fn lease_seconds(&self) -> i64 {
        i64::try_from(self.lease.as_secs()).unwrap_or(i64::MAX)
    }
}

/// How the tries of a pass ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Taken by the recipient's server.
    pub accepted: u32,
    /// To be tried again.
    pub retrying: u32,
    /// Refused, or given up.
    pub rejected: u32,
    /// Not tried: nobody gets the mail any more.
    pub cancelled: u32,
    /// Not written down: another host had taken the delivery over meanwhile.
    pub lost: u32,
}

impl Delivered {
    /// All tries, however they ended.
    #[must_use]
    pub fn total(&self) -> usize {
        [self.accepted, self.retrying, self.rejected, self.cancelled, self.lost]
            .into_iter()
            .map(|count| count as usize)
            .sum()
    }

    fn count(&mut self, ended: Result<Option<DeliveryStatus>, StorageError>, away: &mut Option<StorageError>) {
        match ended {
            Ok(Some(DeliveryStatus::Accepted)) => self.accepted += 1,
            Ok(Some(DeliveryStatus::Rejected)) => self.rejected += 1,
            Ok(Some(DeliveryStatus::Cancelled)) => self.cancelled += 1,
            Ok(Some(DeliveryStatus::Retrying | DeliveryStatus::Queued)) => self.retrying += 1,
            Ok(None) => self.lost += 1,
            Err(error) => *away = Some(error),
        }
    }
}

/// Tries everything that is due, until nothing is due and nothing under way, and writes down how each try ended. Nobody is asked
/// whether it may still go.
///
/// Dropping the future is safe, but leaves what was under way leased; [`deliver_until`] ends in good order.
///
/// # Errors
/// The store went away. What was under way then has been tried to its end, and written down if that was possible.
pub async fn deliver_due(
    storage: &dyn Storage,
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
    (storage, permits): (&dyn Storage, &dyn Permits),
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
        leased: Mutex::default(),
        prepared: Mutex::default(),
        one_at_a_time: Semaphore::new(1),
    };
    let mut stop = pin!(stop);
    let mut ask_again = tokio::time::interval(limits.ask_again.max(Duration::from_millis(1)));
    let every = limits.renew.max(Duration::from_millis(1));
    let mut renew = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    renew.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut under_way = FuturesUnordered::new();
    let mut delivered = Delivered::default();
    let (mut stopping, mut ask, mut away) = (false, true, None);
    let mut taking: Option<Taking<'_>> = None;
    let mut renewing: Option<Renewing<'_>> = None;
    loop {
        tokio::select! {
            biased;
            () = &mut stop, if !stopping => stopping = true,
            () = std::future::ready(()) => {}
        }
        let places = limits.concurrency.max(1);
        let begun = u32::try_from(under_way.len()).unwrap_or(places);
        let free = health.places(places, begun, clock.now());
        if ask && free > 0 && !stopping && away.is_none() && taking.is_none() {
            ask = false;
            let now = clock.now();
            let take = storage.take_deliveries(now, now.saturating_add(limits.lease_seconds()), free);
            taking = Some(Box::pin(async move { (free, take.await) }));
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
            (free, tasks) = taken => {
                taking = None;
                match tasks {
                    Ok(tasks) => {
                        ask |= u32::try_from(tasks.len()).is_ok_and(|taken| taken >= free);
                        under_way.extend(tasks.into_iter().map(|task| pass.deliver(task)));
                    }
                    Err(error) => away = Some(error),
                }
            }
            Some(ended) = under_way.next() => delivered.count(ended, &mut away),
            () = renewed => renewing = None,
            _ = renew.tick(), if may_renew => renewing = Some(Box::pin(pass.renew())),
            _ = ask_again.tick(), if !ask => ask = true,
            () = &mut stop, if !stopping => stopping = true,
        }
    }
}

/// A question to the store for more: how many were asked for, and which came.
type Taking<'a> = Pin<Box<dyn Future<Output = (u32, Result<Vec<DeliveryTask>, StorageError>)> + Send + 'a>>;

/// A renewal of the leases of all that is tried.
type Renewing<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// How a try ended.
struct Attempt {
    /// That the mail is of.
    run: Option<u64>,
    tried: Tried,
    /// Why nobody gets the mail any more; then nothing was tried.
    withheld: Option<String>,
}

/// A mail ready to go, or why it never or not now will.
type Prepared = Result<Ready, Refusal>;

struct Ready {
    run: Option<u64>,
    from: String,
    message_id: String,
    bytes: Arc<[u8]>,
}

#[derive(Default)]
struct PreparedMails {
    /// Of the mails with a delivery under way.
    by_id: HashMap<u64, Weak<OnceCell<Prepared>>>,
    /// Stays when its deliveries have ended, for those of the same mail that come next.
    latest: Option<Arc<OnceCell<Prepared>>>,
}

struct Pass<'a> {
    storage: &'a dyn Storage,
    transport: &'a dyn Transport,
    clock: &'a dyn Clock,
    limits: &'a DeliveryLimits,
    desk: Desk<'a>,
    health: &'a MailHealth,
    /// What is tried, and how to end that where another host has it.
    leased: Mutex<Vec<(DeliveryTask, Arc<Notify>)>>,
    prepared: Mutex<PreparedMails>,
    /// Rendering needs a few times the message's size: one rendering at a time.
    one_at_a_time: Semaphore,
}

impl Pass<'_> {
    /// One try of one delivery; answers how it ended, none where another host has taken it over.
    async fn deliver(&self, task: DeliveryTask) -> Result<Option<DeliveryStatus>, StorageError> {
        let taken_over = Arc::new(Notify::new());
        self.leases().push((task.clone(), Arc::clone(&taken_over)));
        let tried = tokio::select! {
            tried = self.attempt(&task) => Some(tried),
            () = taken_over.notified() => None,
        };
        // Recording ends the lease: from here on it is not renewed.
        self.leases()
            .retain(|(other, _)| (other.mail, other.position) != (task.mail, task.position));
        let Some(tried) = tried else {
            tracing::warn!(
                mail = task.mail,
                position = task.position,
                "delivery taken over by another host: the attempt was ended"
            );
            return Ok(None);
        };
        let Attempt { run, tried, withheld } = tried?;

        let now = self.clock.now();
        let tries = task.tries.saturating_add(1);
        let result = match withheld {
            None => verdict::of(tried, &task, (self.health, self.storage), now).await?,
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
        let recorded = match self.storage.record_delivery(&task, &result, now).await {
            Ok(()) => true,
            Err(LeaseError::Lost) => false,
            Err(LeaseError::Storage(error)) => return Err(error),
        };
        let (mail, position, status) = (task.mail, task.position, result.status);
        tracing::info!(
            run,
            mail,
            position,
            domain = domain(&task.address),
            tries,
            ?status,
            "delivery"
        );
        tracing::debug!(
            run,
            mail,
            position,
            address = task.address,
            words = result.words,
            "delivery, in words"
        );
        if !recorded {
            tracing::warn!(
                run,
                mail,
                position,
                ?status,
                "delivery taken over by another host: not written down"
            );
        }
        Ok(recorded.then_some(status))
    }

    /// The try itself.
    async fn attempt(&self, task: &DeliveryTask) -> Result<Attempt, StorageError> {
        let mail = self.place(task.mail);
        let prepared = mail.get_or_try_init(|| self.prepare(task.mail)).await?;
        // As late as can be: what has been taken away since the mail was made is asked when all else is ready.
        let withheld = self.desk.withheld(task.mail).await?;
        let (run, tried) = match prepared {
            Ok(ready) if withheld.is_none() => {
                let span = tracing::error_span!("delivery", run = ready.run, mail = task.mail);
                (ready.run, self.hand_over(ready, task).instrument(span).await)
            }
            Ok(ready) => (ready.run, Err(Refusal::Permanent(String::new()))),
            Err(refusal) => (None, Err(refusal.clone())),
        };
        Ok(Attempt { run, tried, withheld })
    }

    /// Renews the leases of all that is tried, and ends what another host has taken over. Without the store they just expire.
    async fn renew(&self) {
        let tasks: Vec<DeliveryTask> = self.leases().iter().map(|(task, _)| task.clone()).collect();
        if tasks.is_empty() {
            return;
        }
        let until = self.clock.now().saturating_add(self.limits.lease_seconds());
        match self.storage.renew_deliveries(&tasks, until).await {
            Ok(lost) => {
                let leases = self.leases();
                let is_lost = |task: &DeliveryTask| lost.contains(&(task.mail, task.position));
                leases
                    .iter()
                    .filter(|(task, _)| is_lost(task))
                    .for_each(|(_, end)| end.notify_one());
            }
            Err(error) => tracing::warn!(%error, "leases of deliveries could not be renewed; retried"),
        }
    }

    fn leases(&self) -> MutexGuard<'_, Vec<(DeliveryTask, Arc<Notify>)>> {
        self.leased.lock().unwrap_or_else(PoisonError::into_inner)
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
                Err(Refusal::Transient(format!("not handed over within {seconds} seconds")))
            }
        }
    }

    /// Where this mail is, or will be once it is prepared.
    fn place(&self, mail: u64) -> Arc<OnceCell<Prepared>> {
        let mut mails = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = mails.by_id.get(&mail).and_then(Weak::upgrade) {
            return place;
        }
        let place = Arc::new(OnceCell::new());
        mails.latest = Some(Arc::clone(&place));
        mails.by_id.retain(|_, place| place.strong_count() > 0);
        mails.by_id.insert(mail, Arc::downgrade(&place));
        place
    }

    /// Reads and renders a mail. `Err` only where the store is away: then its deliveries stay as they are.
    async fn prepare(&self, id: u64) -> Result<Prepared, StorageError> {
        let never = |run: Option<u64>, why: String| {
            tracing::error!(run, mail = id, why, "a mail of the outbox can't be sent");
            Ok(Err(Refusal::Permanent(why)))
        };
        // The semaphore is never closed.
        let _turn = self.one_at_a_time.acquire().await;
        let mail = match self.storage.mail(id).await {
            Ok(Some(mut mail)) => {
                if let Some(sender) = self.health.sender()
                    && sender.address() != mail.mail.from
                {
                    sender.address().clone_into(&mut mail.mail.from);
                    mail.mail.from_name = sender.name().map(str::to_owned);
                }
                mail
            }
            Ok(None) => return never(None, "the mail is not in the store any more".to_owned()),
            Err(StorageError::Corrupt(what)) => return never(None, format!("the mail can't be read: {what}")),
            Err(away) => return Err(away),
        };
        let run = mail.run;
        // Nothing in here is the recipient's or the mail's fault.
        let not_now = |error: std::io::Error| {
            tracing::error!(run, mail = id, %error, "no temporary file for a mail");
            Ok(Err(Refusal::trouble(
                TroubleKind::Host,
                format!("a temporary file on this host: {error}"),
            )))
        };
        let dir = match self.limits.temp_files.folder() {
            Ok(dir) => dir,
            Err(error) => return not_now(error),
        };
        let path = dir.path().join("file");
        if mail.mail.attach_file {
            let read = match run {
                Some(run) => self.storage.read_file(run, &path).await,
                None => Ok(None),
            };
            match read {
                Ok(Some(_)) => {}
                Ok(None) => return never(run, "the file is not in the store any more".to_owned()),
                Err(StorageError::Corrupt(what)) => {
                    return never(run, format!("the file can't be read: {what}"));
                }
                Err(away) => return Err(away),
            }
        }
        let rendering = tokio::task::spawn_blocking(move || bytes_of(&mail, &path).map(|bytes| (mail, bytes)));
        match rendering.await {
            Ok(Ok((mail, Ok(bytes)))) => Ok(Ok(Ready {
                run,
                from: mail.mail.from,
                message_id: mail.mail.message_id,
                bytes,
            })),
            Ok(Ok((_, Err(Refusal::Permanent(why))))) => never(run, why),
            Ok(Ok((_, Err(refusal)))) => Ok(Err(refusal)),
            Ok(Err(error)) => not_now(error),
            Err(error) => never(run, format!("rendering stopped: {error}")),
        }
    }
}

/// The bytes of a mail whose file is at `path`, or why there are none; `Err` where the file can't be read at the moment.
fn bytes_of(mail: &OutboxMail, path: &Path) -> std::io::Result<Result<Arc<[u8]>, Refusal>> {
    let file = if mail.mail.attach_file {
        Some(std::fs::read(path)?)
    } else {
        None
    };
    let size = file
        .as_ref()
        .map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    let promised = mail.file.as_ref().map_or(0, |facts| facts.size);
    if file.is_some() && size != promised {
        let why = format!("the file has {size} bytes in place of {promised}");
        return Ok(Err(Refusal::Permanent(why)));
    }
    Ok(match render(mail, file.as_deref()) {
        Ok(bytes) => Ok(bytes.into()),
        Err(error @ RenderError::Sender(_)) => Err(Refusal::trouble(TroubleKind::Sender, error.to_string())),
        Err(error) => Err(Refusal::Permanent(error.to_string())),
    })
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
