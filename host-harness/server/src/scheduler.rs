//! What makes things happen at their time: leases what is due, has it executed, delivers, settles, plans again.
//!
//! [`Scheduler::serve`] does it on real time, with a loop for runs and one for deliveries, so that a slow export or a slow
//! mail server holds up nothing else. [`Scheduler::step`] does all that is due at one instant, for `tick`, the demo and tests.
//!
//! [`service`](crate::service) shows one at work.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use reference_platform::shares::part;
use scheduled_exports_host::clock::Instant;
use scheduled_exports_mail::Transport;
use scheduled_exports_store::{Kept, Lease, LeaseError, Leased, Outbox, Rooms, StorageError, Wakes, Work};
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinSet;

use crate::delivery::{DeliveryLimits, Permits, deliver_until, meet};
use crate::service::Service;

/// Schedules planned again in one go.
const REPLAN_BATCH: u32 = 500;
/// Longest sleep: what another process has written is noticed after it at the latest.
const LONGEST_SLEEP: Duration = Duration::from_millis(500);
/// The sleep while something is due that another process may have.
const SLEEP_WHILE_DUE: Duration = Duration::from_millis(10);
/// … and while it is of an organizer that has its share under way: others can become due.
const SLEEP_WHILE_FULL: Duration = Duration::from_millis(100);
/// How often what has outlived its use is removed.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// Rows of history removed in one go: other writers wait meanwhile.
const FORGET_BATCH: u32 = 200;
/// The least time for which the audit log is kept: a year.
pub const KEEP_AUDIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How the scheduler works.
#[derive(Clone, Debug)]
pub struct SchedulerOptions {
    /// Runs executed side by side. They wait for the disk more than they compute, so there are many to a processor: what
    /// waits for the same `fsync` shares it.
    pub workers: usize,
    /// How long a run is leased for; renewed while it is worked on. After a crash it is taken again when this has passed.
    pub lease: Duration,
    /// How long a stop waits for runs to finish before they are handed back.
    pub grace: Duration,
    /// How much is handed over at once, and how fast.
    pub delivery: DeliveryLimits,
    /// How long the history of what is over is kept. The audit log is kept as long, and at least [`KEEP_AUDIT`].
    pub keep_history: Duration,
}

impl Default for SchedulerOptions {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 4) * 16,
            lease: Duration::from_secs(60),
            grace: Duration::from_secs(10),
            delivery: DeliveryLimits::default(),
            keep_history: Duration::from_secs(90 * 24 * 60 * 60),
        }
    }
}

/// What one [`Scheduler::step`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Schedules that had a run executed or settled.
    pub schedules: BTreeSet<u64>,
    /// Runs executed and settled.
    pub runs: usize,
    /// Mails handed over to recipients, refusals included.
    pub handed_over: usize,
    /// Schedules planned again.
    pub planned: usize,
}

/// Runs what is due.
pub struct Scheduler {
    service: Arc<Service>,
    transport: Arc<dyn Transport>,
    options: SchedulerOptions,
}

/// Leases of runs under way, with their organizers: what is still here when a stop's grace ends is handed back.
type Held = Arc<Mutex<Vec<(Lease, String)>>>;

impl Scheduler {
    /// Nothing happens before [`Scheduler::serve`] or [`Scheduler::step`].
    #[must_use]
    pub fn new(service: Arc<Service>, transport: Arc<dyn Transport>, mut options: SchedulerOptions) -> Self {
        options.delivery.temp_files = service.temp_files().clone();
        options.delivery.organizer_share = service.context().limits.organizer_share;
        Self {
            service,
            transport,
            options,
        }
    }

    /// Does all that is due at the clock's instant, and all that becomes due by doing it.
    ///
    /// # Errors
    /// If the store is away. What was done is done; what was leased is taken again when its lease has run out.
    pub async fn step(&self) -> Result<Step, StorageError> {
        let mut step = Step::default();
        loop {
            let planned = self.replan().await;
            let runs = self.take(u32::MAX, None).await?;
            let took = runs.len();
            if runs.iter().any(|leased| leased.lease.work == Work::Execute) {
                self.meet_mail_server().await;
            }
            self.work_through(runs, &mut step).await;
            // Nobody waits for a step whose store stays away.
            let limits = DeliveryLimits {
                tell_for: self.options.delivery.lease,
                ..self.options.delivery.clone()
            };
            let delivered = self.deliver(&limits, std::future::pending()).await?;
            step.planned += planned;
            step.handed_over += delivered;
            if planned + took + delivered == 0 {
                self.transport.close().await;
                return Ok(step);
            }
        }
    }

    async fn work_through(&self, runs: Vec<Leased>, step: &mut Step) {
        let places = Arc::new(Semaphore::new(self.options.workers.max(1)));
        let mut tasks = JoinSet::new();
        for leased in runs {
            step.schedules.insert(leased.schedule());
            step.runs += 1;
            let (service, places, lease) = (Arc::clone(&self.service), Arc::clone(&places), self.options.lease);
            tasks.spawn(async move {
                let _place = places.acquire_owned().await;
                service.work(leased, lease).await;
            });
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Leases due and settled runs, at most `most`; of due ones as many as each organizer has room for.
    async fn take(&self, most: u32, rooms: Option<&Rooms>) -> Result<Vec<Leased>, StorageError> {
        let (storage, now) = (self.service.storage(), self.service.clock().now());
        let until = now + seconds(self.options.lease);
        let most = most.min(100);
        let mut taken = storage.take_settled(now, until, most).await?;
        let left = most.saturating_sub(u32::try_from(taken.len()).unwrap_or(most));
        if left > 0 {
            taken.extend(storage.take_due(now, until, left, rooms).await?);
        }
        Ok(taken)
    }

    async fn deliver(&self, limits: &DeliveryLimits, stop: impl Future<Output = ()>) -> Result<usize, StorageError> {
        let (storage, clock) = (self.service.storage().as_ref(), self.service.clock().as_ref());
        let storage = (storage as &dyn Outbox, self.service.as_ref() as &dyn Permits);
        let health = self.service.mail();
        let done = deliver_until(storage, self.transport.as_ref(), clock, limits, health, stop).await?;
        Ok(done.total())
    }

    /// What the mail server announces bounds the mails that runs make.
    async fn meet_mail_server(&self) {
        let (service, sender) = (&self.service, self.service.context().mail_from.address());
        meet(
            self.transport.as_ref(),
            sender,
            service.mail(),
            service.clock().as_ref(),
        )
        .await;
    }

    async fn replan(&self) -> usize {
        let mut planned = 0;
        loop {
            match self.service.replan_batch(REPLAN_BATCH).await {
                Ok(0) => return planned,
                Ok(more) => planned += more,
                Err(error) => {
                    tracing::error!(%error, "could not reschedule; will retry");
                    return planned;
                }
            }
        }
    }

    /// Runs until `stop` turns true; then finishes what runs, or hands it back after the grace.
    pub async fn serve(self: Arc<Self>, stop: watch::Receiver<bool>) {
        tokio::join!(
            self.runs_loop(stop.clone()),
            self.deliveries_loop(stop.clone()),
            self.housekeeping_loop(stop),
        );
        self.transport.close().await;
    }

    /// Executes and settles what is due at the clock's instant, side by side as [`Scheduler::serve`] does, and delivers nothing.
    /// Answers how many runs there were.
    ///
    /// # Errors
    /// If the store is away. What was leased is taken again when its lease has run out.
    pub async fn run_due(&self) -> Result<usize, StorageError> {
        let (held, mut tasks, mut runs) = (Held::default(), JoinSet::new(), 0);
        loop {
            let begun = self.begin(&mut tasks, &held).await?;
            runs += begun;
            if begun == 0 && tasks.join_next().await.is_none() {
                return Ok(runs);
            }
        }
    }

    /// Leases as many runs as there are places for, and begins them.
    async fn begin(&self, tasks: &mut JoinSet<()>, held: &Held) -> Result<usize, StorageError> {
        while tasks.try_join_next().is_some() {}
        let free = self.options.workers.max(1).saturating_sub(tasks.len());
        if free == 0 {
            return Ok(0);
        }
        let rooms = self.rooms(held).await;
        let taken = self.take(u32::try_from(free).unwrap_or(u32::MAX), Some(&rooms)).await?;
        let begun = taken.len();
        for leased in taken {
            let (service, under_way, length) = (Arc::clone(&self.service), Arc::clone(held), self.options.lease);
            let lease = leased.lease.clone();
            held.lock()
                .await
                .push((lease.clone(), leased.row.scope.organizer.clone()));
            tasks.spawn(async move {
                service.work(leased, length).await;
                under_way.lock().await.retain(|(other, _)| *other != lease);
                // Its mail can be delivered, or its schedule be due again: nobody sleeps on that.
                service.changed().notify_waiters();
            });
        }
        Ok(begun)
    }

    /// How many more runs each organizer can have under way here. Those that are settled take no time, and count for none.
    async fn rooms(&self, held: &Held) -> Rooms {
        let share = self.service.context().limits.organizer_share;
        let each = part(self.options.workers.max(1), share);
        let mut under_way = HashMap::new();
        for (lease, organizer) in held.lock().await.iter() {
            if lease.work == Work::Execute {
                *under_way.entry(organizer.clone()).or_default() += 1;
            }
        }
        Rooms::new(u32::try_from(each).unwrap_or(u32::MAX), under_way)
    }

    async fn runs_loop(&self, mut stop: watch::Receiver<bool>) {
        let held: Held = Held::default();
        let mut tasks = JoinSet::new();
        tokio::select! {
            () = self.meet_mail_server() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        while !*stop.borrow() {
            let begun = self.begin(&mut tasks, &held).await.unwrap_or_else(|error| {
                tracing::error!(%error, "could not lease due runs; will retry");
                0
            });
            if tasks.len() >= self.options.workers.max(1) {
                tokio::select! {
                    _ = tasks.join_next() => {}
                    _ = stop.changed() => {}
                }
            } else if begun == 0 {
                // What is due of an organizer that has its share under way is not looked for all the time.
                let busy = self.rooms(&held).await.is_any_full();
                tokio::select! {
                    () = self.until_due(|wakes| wakes.runs, if busy { SLEEP_WHILE_FULL } else { SLEEP_WHILE_DUE }) => {}
                    Some(_) = tasks.join_next() => {}
                    _ = stop.changed() => {}
                }
            }
        }
        self.wind_up(tasks, &held).await;
    }

    async fn wind_up(&self, mut tasks: JoinSet<()>, held: &Held) {
        let finish = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.options.grace, finish).await.is_ok() {
            return;
        }
        tasks.shutdown().await;
        for (lease, _) in held.lock().await.drain(..) {
            match self
                .service
                .storage()
                .hand_back(&lease, self.service.clock().now())
                .await
            {
                Ok(()) => tracing::info!(schedule = lease.schedule, "run lease released"),
                Err(LeaseError::Lost) => {}
                Err(LeaseError::Storage(error)) => {
                    tracing::warn!(schedule = lease.schedule, %error, "could not release run lease; it will expire");
                }
            }
        }
    }

    async fn deliveries_loop(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let (mut ending, mut over) = (stop.clone(), stop.clone());
            let begun_before = self.deliver(&self.options.delivery, async move {
                let _ = ending.wait_for(|stop| *stop).await;
            });
            let grace = async {
                let _ = over.wait_for(|stop| *stop).await;
                tokio::time::sleep(self.options.grace).await;
            };
            tokio::select! {
                delivered = begun_before => match delivered {
                    Ok(0) => {}
                    Ok(_) => {
                        // What has become final can be settled.
                        self.service.changed().notify_waiters();
                        continue;
                    }
                    Err(error) => tracing::error!(%error, "could not deliver mail; will retry"),
                },
                // What is under way stays leased, and is tried again with the same bytes when its lease has run out.
                () = grace => return,
            }
            tokio::select! {
                () = self.until_due(|wakes| wakes.deliveries, SLEEP_WHILE_DUE) => {}
                _ = stop.changed() => {}
            }
        }
    }

    async fn housekeeping_loop(&self, mut stop: watch::Receiver<bool>) {
        let mut collected = tokio::time::Instant::now();
        while !*stop.borrow() {
            self.replan().await;
            if collected.elapsed() >= HOUSEKEEPING {
                collected = tokio::time::Instant::now();
                if let Err(error) = self.tidy().await {
                    tracing::error!(%error, "could not purge expired data; will retry");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LONGEST_SLEEP) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Removes what has outlived its use, and history past its time.
    ///
    /// # Errors
    /// If the store is away. What was removed is removed.
    pub async fn tidy(&self) -> Result<(), StorageError> {
        let (storage, now) = (self.service.storage(), self.service.clock().now());
        storage.collect(now).await?;
        let kept = |length: Duration| now.saturating_sub(seconds(length));
        let before = Kept {
            history: kept(self.options.keep_history),
            audit: kept(self.options.keep_history.max(KEEP_AUDIT)),
        };
        let mut removed = 0;
        loop {
            match storage.forget(before, FORGET_BATCH).await? {
                0 => break,
                more => removed += more,
            }
        }
        if removed > 0 {
            tracing::info!(removed, "purged expired history");
        }
        Ok(())
    }

    /// Sleeps until something of this kind is due, something was written by this process, another one has said so, or the longest sleep
    /// is over; `while_due` where something is due already, that nobody here could take.
    async fn until_due(&self, kind: fn(Wakes) -> Option<Instant>, while_due: Duration) {
        let now = self.service.clock().now();
        let sleep = match self.next_wakes().await.map(kind) {
            Ok(Some(wake)) if wake <= now => while_due,
            Ok(Some(wake)) if wake <= now + 1 => Duration::from_millis(50),
            Ok(_) => LONGEST_SLEEP,
            Err(error) => {
                tracing::error!(%error, "could not read the next wake-up time; will retry");
                LONGEST_SLEEP
            }
        };
        tokio::select! {
            () = tokio::time::sleep(sleep) => {}
            () = self.service.changed().notified() => {}
            () = self.service.storage().changed() => {}
        }
    }

    /// The next instant at which a step has something to do.
    ///
    /// # Errors
    /// If the store is away.
    pub async fn next_wake(&self) -> Result<Option<Instant>, StorageError> {
        Ok(self.next_wakes().await?.earliest())
    }

    /// What the store has due next; deliveries wait for the end of a pause that the mail server needs.
    async fn next_wakes(&self) -> Result<Wakes, StorageError> {
        let mut wakes = self.service.storage().next_wakes().await?;
        let pause = self.service.mail().paused_until(self.service.clock().now());
        wakes.deliveries = wakes.deliveries.map(|wake| pause.map_or(wake, |end| wake.max(end)));
        Ok(wakes)
    }
}

fn seconds(of: Duration) -> i64 {
    i64::try_from(of.as_secs()).unwrap_or(i64::MAX)
}
