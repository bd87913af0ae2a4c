//! One pass over the deliveries that are due.
//!
//! Each delivery is leased when it is begun and not before, and the lease outlasts the longest a try can take, so no two hosts
//! try the same one at the same time. A host that dies leaves leases that run out; the recipient may then get the message
//! twice, with the same Message-ID.
//!
//! One slow recipient takes one of [`DeliveryLimits::concurrency`] places until [`DeliveryLimits::task_timeout`]; the others go
//! on, and what becomes due meanwhile is taken too. In memory are at most as many messages as places, and one more.

use std::collections::HashMap;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{OnceCell, Semaphore};
use tracing::Instrument as _;

use super::permits::{Desk, Everything, Permits};
use super::{Refusal, Transport, Trouble, backoff, domain, render, words};
use crate::clock::Clock;
use crate::contract::DeliveryStatus;
use crate::storage::{DeliveryResult, DeliveryTask, LeaseError, OutboxMail, Storage, StorageError};

/// How much a pass does at once.
#[derive(Clone, Debug)]
pub struct DeliveryLimits {
    /// Deliveries under way at the same time.
    pub concurrency: u32,
    /// One try takes no longer, whatever the transport's own limits.
    pub task_timeout: Duration,
    /// What a delivery's lease has beyond that, for reading, rendering and recording around the try.
    pub around: Duration,
    /// While deliveries are under way, the store is asked this often for more.
    pub ask_again: Duration,
}

impl Default for DeliveryLimits {
    fn default() -> Self {
        Self {
            concurrency: 8,
            task_timeout: Duration::from_secs(300),
            around: Duration::from_secs(120),
            ask_again: Duration::from_secs(1),
        }
    }
}

impl DeliveryLimits {
    /// Seconds for which a delivery is leased: longer than a try, and than reading, rendering and recording around it.
    #[must_use]
    pub fn lease(&self) -> i64 {
        i64::try_from(self.task_timeout.saturating_add(self.around).as_secs()).unwrap_or(i64::MAX)
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
) -> Result<Delivered, StorageError> {
    deliver_until((storage, &Everything), transport, clock, limits, std::future::pending()).await
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
    stop: impl Future<Output = ()>,
) -> Result<Delivered, StorageError> {
    let pass = Pass {
        storage,
        transport,
        clock,
        limits,
        desk: Desk::new(permits),
        prepared: Mutex::default(),
        one_at_a_time: Semaphore::new(1),
    };
    let mut stop = pin!(stop);
    let mut ask_again = tokio::time::interval(limits.ask_again.max(Duration::from_millis(1)));
    let mut under_way = FuturesUnordered::new();
    let mut delivered = Delivered::default();
    let (mut stopping, mut ask, mut away) = (false, true, None);
    let mut taking: Option<Taking<'_>> = None;
    loop {
        tokio::select! {
            biased;
            () = &mut stop, if !stopping => stopping = true,
            () = std::future::ready(()) => {}
        }
        let places = limits.concurrency.max(1);
        let free = places.saturating_sub(u32::try_from(under_way.len()).unwrap_or(places));
        if ask && free > 0 && !stopping && away.is_none() && taking.is_none() {
            ask = false;
            let now = clock.now();
            let take = storage.take_deliveries(now, now.saturating_add(limits.lease()), free);
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
            _ = ask_again.tick(), if !ask => ask = true,
            () = &mut stop, if !stopping => stopping = true,
        }
    }
}

/// A question to the store for more: how many were asked for, and which came.
type Taking<'a> = Pin<Box<dyn Future<Output = (u32, Result<Vec<DeliveryTask>, StorageError>)> + Send + 'a>>;

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
    prepared: Mutex<PreparedMails>,
    /// Rendering needs a few times the message's size: one rendering at a time.
    one_at_a_time: Semaphore,
}

impl Pass<'_> {
    /// One try of one delivery; answers how it ended, none where another host has taken it over.
    async fn deliver(&self, task: DeliveryTask) -> Result<Option<DeliveryStatus>, StorageError> {
        let mail = self.place(task.mail);
        let prepared = mail.get_or_try_init(|| self.prepare(task.mail)).await?;
        // As late as can be: what has been taken away since the mail was made is asked when all else is ready.
        let withheld = self.desk.withheld(task.mail).await?;
        let (run, tried) = match prepared {
            Ok(ready) if withheld.is_none() => {
                let span = tracing::error_span!("delivery", run = ready.run, mail = task.mail);
                (ready.run, self.hand_over(ready, &task).instrument(span).await)
            }
            Ok(ready) => (ready.run, Err(Refusal::Permanent(String::new()))),
            Err(refusal) => (None, Err(refusal.clone())),
        };
        drop(mail);

        let now = self.clock.now();
        let tries = task.tries.saturating_add(1);
        let result = match withheld {
            None => result_of(tried, task.created, tries, now),
            Some(why) => DeliveryResult {
                status: DeliveryStatus::Cancelled,
                words: words(&why),
                next_try: None,
            },
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

    async fn hand_over(&self, ready: &Ready, task: &DeliveryTask) -> Result<String, Refusal> {
        let bytes = Arc::clone(&ready.bytes);
        let trying = self
            .transport
            .hand_over(&ready.from, &task.address, &ready.message_id, bytes);
        match tokio::time::timeout(self.limits.task_timeout, trying).await {
            Ok(ended) => ended,
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
            Ok(Some(mail)) => mail,
            Ok(None) => return never(None, "the mail is not in the store any more".to_owned()),
            Err(StorageError::Corrupt(what)) => return never(None, format!("the mail can't be read: {what}")),
            Err(away) => return Err(away),
        };
        let run = mail.run;
        // Nothing in here is the recipient's or the mail's fault.
        let not_now = |error: std::io::Error| {
            tracing::error!(run, mail = id, %error, "no temporary file for a mail");
            Ok(Err(Refusal::Transient(format!(
                "a temporary file on this host: {error}"
            ))))
        };
        let dir = match tempfile::tempdir() {
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
            Ok(Ok((_, Err(why)))) => never(run, why),
            Ok(Err(error)) => not_now(error),
            Err(error) => never(run, format!("rendering stopped: {error}")),
        }
    }
}

/// The bytes of a mail whose file is at `path`, or why there are none; `Err` where the file can't be read at the moment.
fn bytes_of(mail: &OutboxMail, path: &Path) -> std::io::Result<Result<Arc<[u8]>, String>> {
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
        return Ok(Err(format!("the file has {size} bytes in place of {promised}")));
    }
    Ok(match render(mail, file.as_deref()) {
        Ok(bytes) => Ok(bytes.into()),
        Err(error) => Err(error.to_string()),
    })
}

/// What to write down after `tries` tries, the last of which ended at `now`.
fn result_of(tried: Result<String, Refusal>, created: i64, tries: u32, now: i64) -> DeliveryResult {
    let (status, said, next_try) = match tried {
        Ok(said) => (DeliveryStatus::Accepted, said, None),
        Err(Refusal::Permanent(said))
        | Err(Refusal::Unclear {
            reply: said,
            is_final: true,
            ..
        }) => (DeliveryStatus::Rejected, said, None),
        Err(Refusal::Transient(said))
        | Err(Refusal::Trouble(Trouble { reply: said, .. }))
        | Err(Refusal::Unclear { reply: said, .. }) => match backoff::next_try(created, tries, now) {
            Some(at) => (DeliveryStatus::Retrying, said, Some(at)),
            None => (
                DeliveryStatus::Rejected,
                format!("gave up after 24 hours: {said}"),
                None,
            ),
        },
    };
    DeliveryResult {
        status,
        words: words(&said),
        next_try,
    }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
