//! The store port: one trait for each subject, and [`Storage`] for all of them.
//!
//! An operation is declared here once; [`Observed`] has it by that, so that whoever watches a store has nothing to add.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tempfile::SpooledData;

use super::{
    AuditEntry, Backlog, Commit, CommitError, DeliveryResult, DeliveryTask, FileFacts, Finish, HistoryRow, Kept, Lease,
    LeaseError, Leased, ListQuery, MailStanding, OutboxMail, OutgoingExport, ReplanRow, RequestKey, RequestState,
    Rooms, Row, Rows, Scope, StartError, StorageError, Visible, Wakes, Written,
};
use crate::clock::Instant;
use crate::contract::schedule_store::RunStart;
use crate::contract::{MissedRange, RunEntry, RunQuery};
use crate::usage::{AskedOf, Exceeded, WriteLimits};

/// The store. `Err(StorageError)` leaves everything as it was.
#[async_trait]
pub trait Storage: Schedules + Requests + Organizers + Leases + Runs + Outbox + Plans + Retention {
    /// [`Plans::write_plans`] for one.
    async fn write_plan(
        &self,
        row: &ReplanRow,
        plan: Option<Option<Instant>>,
        zone_database: &str,
    ) -> Result<(), StorageError> {
        self.write_plans(&[(row.clone(), plan)], zone_database).await
    }
    /// The earlier one of [`Plans::next_wakes`]; none: nothing is due.
    async fn next_wake(&self) -> Result<Option<Instant>, StorageError> {
        Ok(self.next_wakes().await?.earliest())
    }
    /// Identifies this store: 16 random hexadecimal digits, made with it and kept in it, so that a restored copy has them too.
    async fn store_id(&self) -> Result<String, StorageError>;
    /// Checks that the store answers; for start-up and health.
    async fn ping(&self) -> Result<(), StorageError>;
    /// Checks that the store can be written, by writing to it; for readiness. What was written is removed again.
    async fn check_writable(&self) -> Result<(), StorageError>;
    /// Ends the use of the store by this process, in good order: a file is left with all that was written in it, and nothing beside it
    /// that is not needed. Calls that come later fail.
    async fn close(&self);
    /// Ends when another process may have written something that is due at once. Such word can be lost, or be wrong: who waits
    /// for it also looks after a while. A store that hears of nothing waits for ever.
    async fn changed(&self) {
        std::future::pending().await
    }
}

/// Who hears of the calls of a store. Each of these does nothing where nothing else is said.
pub trait Observer: Send + Sync {
    /// The call has not reached the store. An error is answered in its place.
    fn before(&self, _call: &'static str) -> impl Future<Output = Result<(), StorageError>> + Send {
        std::future::ready(Ok(()))
    }
    /// The store has done it. An error is answered although it is done, as when a connection breaks on the way back.
    fn after(&self, _call: &'static str) -> impl Future<Output = Result<(), StorageError>> + Send {
        std::future::ready(Ok(()))
    }
    /// The store has answered an error.
    fn failed(&self, _failure: Failure) {}
    /// A run's lease is used up.
    fn finished(&self, _lease: &Lease, _finish: &Finish, _written: Written) {}
    /// A try of a delivery is written down.
    fn tried(&self, _result: &DeliveryResult) {}
}

/// What an error of the store says to whoever counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It is away, or damaged.
    Store,
    /// Somebody else has the lease now.
    Lease,
    /// It works, and says no.
    Refusal,
}

/// A store, and who hears of its calls.
pub struct Observed<O> {
    store: Arc<dyn Storage>,
    observer: Arc<O>,
}

impl<O: Observer> Observed<O> {
    /// Tells `observer` of each call of `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Storage>, observer: Arc<O>) -> Self {
        Self { store, observer }
    }

    async fn observe<T, E>(&self, call: &'static str, answer: impl Future<Output = Result<T, E>> + Send) -> Result<T, E>
    where
        E: From<StorageError>,
        for<'e> Failure: From<&'e E>,
    {
        self.observer.before(call).await?;
        match answer.await {
            Ok(answer) => self.observer.after(call).await.map(|()| answer).map_err(E::from),
            Err(error) => {
                self.observer.failed(Failure::from(&error));
                Err(error)
            }
        }
    }
}

#[async_trait]
impl<O: Observer> Storage for Observed<O> {
    async fn store_id(&self) -> Result<String, StorageError> {
        self.observe("store_id", self.store.store_id()).await
    }

    async fn ping(&self) -> Result<(), StorageError> {
        self.observe("ping", self.store.ping()).await
    }

    async fn check_writable(&self) -> Result<(), StorageError> {
        self.observe("check_writable", self.store.check_writable()).await
    }

    async fn close(&self) {
        self.store.close().await;
    }

    async fn changed(&self) {
        self.store.changed().await;
    }
}

impl From<&StorageError> for Failure {
    fn from(_: &StorageError) -> Self {
        Self::Store
    }
}

impl From<&CommitError> for Failure {
    fn from(error: &CommitError) -> Self {
        match error {
            CommitError::Storage(_) => Self::Store,
            CommitError::NotFound
            | CommitError::Stale
            | CommitError::Quota(_)
            | CommitError::Exceeded(_)
            | CommitError::Superseded => Self::Refusal,
        }
    }
}

impl From<&LeaseError> for Failure {
    fn from(error: &LeaseError) -> Self {
        match error {
            LeaseError::Storage(_) => Self::Store,
            LeaseError::Lost => Self::Lease,
        }
    }
}

impl From<&StartError> for Failure {
    fn from(error: &StartError) -> Self {
        match error {
            StartError::Storage(_) => Self::Store,
            StartError::Lost => Self::Lease,
            StartError::Recorded(_) => Self::Refusal,
        }
    }
}

/// Tells what an operation has come to.
fn tell<O, T>(observer: &O, answer: &T, then: impl FnOnce(&O, &T)) {
    then(observer, answer);
}

/// Declares the traits, and has [`Observed`] pass each operation on. What stands behind `then` is done with the observer and the
/// answer, once the store has given it.
macro_rules! port {
    ($(
        $(#[$about:meta])*
        trait $subject:ident: $base:ident {$(
            $(#[$doc:meta])*
            async fn $call:ident(&self $(, $arg:ident: $of:ty)* $(,)?) -> Result<$answer:ty, $error:ty>
                $(, then $then:expr)?;
        )*}
    )*) => {$(
        $(#[$about])*
        #[async_trait]
        pub trait $subject: $base + Sync {$(
            $(#[$doc])*
            async fn $call(&self $(, $arg: $of)*) -> Result<$answer, $error>;
        )*}

        #[async_trait]
        impl<O: Observer> $subject for Observed<O> {$(
            async fn $call(&self $(, $arg: $of)*) -> Result<$answer, $error> {
                let answer = self.observe(stringify!($call), self.store.$call($($arg),*)).await?;
                $(tell(&*self.observer, &answer, $then);)?
                Ok(answer)
            }
        )*}
    )*};
}

port! {
    /// Schedules as people see and change them.
    trait Schedules: Send {
        /// A page of what is visible and meets the filter; `Ok(None)`: that page does not exist (page 1 always does). Where a page ends
        /// stays the beginning of the next one whatever comes and goes, with the filter that it was made with.
        async fn list(&self, seen: &Visible, query: &ListQuery) -> Result<Option<Rows<Row>>, StorageError>;
        /// None: not there, or not visible.
        async fn get(&self, seen: &Visible, id: u64) -> Result<Option<Row>, StorageError>;
        /// Schedules of the organizer, over all its events.
        async fn count(&self, organizer: &str) -> Result<u64, StorageError>;
        /// An id that no schedule has or will have but the next one.
        async fn reserve_id(&self) -> Result<u64, StorageError>;
        /// All that one call has staged, with audit entries and idempotency record, in one transaction.
        async fn commit(&self, commit: Commit) -> Result<(), CommitError>;
        /// Puts in a schedule with a given id, as a fixture does; later reserved ids are higher.
        async fn seed(&self, row: &Row, zone_database: &str, now: Instant) -> Result<(), CommitError>;
    }

    /// Idempotency records.
    trait Requests: Send {
        /// Marks a request as running, or says what is known of it. `fingerprint` is a hash of method, path and body.
        async fn begin_request(
            &self,
            key: &RequestKey,
            fingerprint: &[u8; 32],
            now: Instant,
            lease_until: Instant,
        ) -> Result<RequestState, StorageError>;
        /// Removes the record of a request that changed nothing, so that it can be repeated.
        async fn end_request(&self, key: &RequestKey, ticket: u64) -> Result<(), StorageError>;
    }

    /// Organizers, their events, and what stops or starts all schedules of one.
    trait Organizers: Send {
        /// Scheduled exports on for this organizer? Unknown ones are off.
        async fn enabled(&self, organizer: &str) -> Result<bool, StorageError>;
        /// Switches an organizer on or off. Off: leases are lost, open runs end `cancelled`, as do next due times that have passed
        /// and that nobody has started; mails about runs and links are called off; nothing is due. On: its schedules stay asleep until
        /// each has been planned again ([`Plans::replan_batch`]).
        async fn set_enabled(
            &self,
            organizer: &str,
            enabled: bool,
            actor: &str,
            now: Instant,
        ) -> Result<(), StorageError>;
        /// Takes the schedules of an event that is gone out of service for good: as when an organizer is switched off, and they are
        /// not active any more. They can still be read and deleted.
        async fn retire(&self, event: &Scope, now: Instant) -> Result<(), StorageError>;
        /// How many schedules each level of an organizer has that has any; none: the organizer as a whole.
        async fn scopes(&self, organizer: &str) -> Result<Vec<(Option<String>, u64)>, StorageError>;
        /// Every organizer that was ever switched, by slug.
        async fn organizers(&self) -> Result<Vec<(String, bool)>, StorageError>;
        /// Starts schedules again that were stopped by failures, the last of which was that no recipient accepted a mail: of this
        /// organizer and this schedule, where one is named. They are planned again, from now, as those of an organizer that is
        /// switched on. Answers which.
        async fn resume_undelivered(
            &self,
            organizer: Option<&str>,
            schedule: Option<u64>,
            actor: &str,
            now: Instant,
        ) -> Result<Vec<u64>, StorageError>;
    }

    /// Who may write about a run, and until when.
    trait Leases: Send {
        /// Leases what is due at `now`: at most `limit`, longest due first, and of each organizer no more than it has room for, where
        /// that is said. Next runs stay as they are. The batch is shared among the organizers that have something due.
        async fn take_due(
            &self,
            now: Instant,
            lease_until: Instant,
            limit: u32,
            rooms: Option<&Rooms>,
        ) -> Result<Vec<Leased>, StorageError>;
        /// Leases submitted runs whose recipients are all final: one of a schedule at a time, and none while it is leased to execute,
        /// or the other way round. A lease to settle that ran out is lost once anybody leases its schedule, for whatever work.
        async fn take_settled(
            &self,
            now: Instant,
            lease_until: Instant,
            limit: u32,
        ) -> Result<Vec<Leased>, StorageError>;
        /// Has a lease run out later.
        async fn renew(&self, lease: &Lease, until: Instant) -> Result<(), LeaseError>;
        /// Gives a lease back unused, as a host does that is asked to stop: due again at once, the attempt not counted.
        async fn hand_back(&self, lease: &Lease, now: Instant) -> Result<(), LeaseError>;
    }

    /// Runs, and the history that they become.
    trait Runs: Send {
        /// An id that no run has or will have but the next that is asked for.
        async fn reserve_run(&self) -> Result<u64, StorageError>;
        /// Why no run can be asked for now, within these limits; none: it can. The commit asks again.
        async fn refuses_run(
            &self,
            of: AskedOf<'_>,
            limits: &WriteLimits,
            now: Instant,
        ) -> Result<Option<Exceeded>, StorageError>;
        /// Opens the run and answers its id; with an open run of the same due time, that one's, and `missed` is left aside.
        /// A (schedule, due time) that has ended is `Lost`.
        /// `zone_database` is what `plan` was computed with, `zone` that of the schedule's level: kept for later leases.
        async fn start(
            &self,
            lease: &Lease,
            plan: &RunStart,
            zone_database: &str,
            zone: &str,
            now: Instant,
        ) -> Result<u64, StartError>;
        /// Ends, submits or postpones the run. Its mail is counted, and held to [`Finish::mail_limits`].
        async fn finish(&self, lease: &Lease, run: u64, finish: &Finish) -> Result<Written, LeaseError>,
            then |observer, written| observer.finished(lease, finish, *written);
        /// The latest due time of the range that has an entry in the history, its own or in a missed range; none: none has.
        async fn recorded(&self, schedule: u64, range: &MissedRange) -> Result<Option<Instant>, StorageError>;
        /// History of one schedule, with the runs of it that people asked for: latest due time first, then highest id. The runs that
        /// meet the conditions of the query, and how many do. The caller has checked that it is visible.
        async fn runs(
            &self,
            schedule: u64,
            query: &RunQuery,
        ) -> Result<Option<Rows<RunEntry>>, StorageError>;
        /// The latest run that was due of each of these schedules, in order; none: it never ran. The caller has checked that they are
        /// visible.
        async fn latest_runs(&self, schedules: &[u64]) -> Result<Vec<Option<RunEntry>>, StorageError>;
        /// History of all schedules or one, latest due time first. A test of a content that is not stored has an id of its own for a
        /// schedule.
        async fn history(&self, schedule: Option<u64>, limit: u32) -> Result<Vec<HistoryRow>, StorageError>;
    }

    /// Files of runs, and links to them.
    trait Files: Send {
        /// Keeps the file with the run, in place of an earlier one.
        async fn keep_file(
            &self,
            lease: &Lease,
            run: u64,
            facts: &FileFacts,
            file: &SpooledData,
        ) -> Result<(), LeaseError>;
        /// Writes the run's file to `path`; `Ok(None)`: there is none.
        async fn read_file(&self, run: u64, path: &Path) -> Result<Option<FileFacts>, StorageError>;
        /// Name, type and size of the run's file; `Ok(None)`: there is none.
        async fn file_facts(&self, run: u64) -> Result<Option<FileFacts>, StorageError>;
        /// Lets the run's file be fetched with the secret of this SHA-256 from its submission until `expires`, and keeps it until then
        /// if at least one recipient's server takes the mail. A file kept later takes this back.
        async fn keep_link(
            &self,
            lease: &Lease,
            run: u64,
            hash: &[u8; 32],
            expires: Instant,
        ) -> Result<(), LeaseError>;
        /// The run whose file can be fetched with the secret of this SHA-256 now.
        async fn linked(&self, hash: &[u8; 32], now: Instant) -> Result<Option<u64>, StorageError>;
        /// A piece of the file that the secret of this SHA-256 leads to at `now`, counted from 0: [`FILE_CHUNK`] bytes, or fewer at its
        /// end. `Ok(None)`: it leads to no file, or to one that ends before.
        ///
        /// [`FILE_CHUNK`]: super::FILE_CHUNK
        async fn linked_piece(
            &self,
            hash: &[u8; 32],
            now: Instant,
            piece: u64,
        ) -> Result<Option<Vec<u8>>, StorageError>;
    }

    /// Mails that are to be handed over, and the files that go out with them.
    trait Outbox: Files {
        /// Leases deliveries whose try is due, shared among the organizers that have some, and of each no more than it has room for,
        /// where that is said.
        async fn take_deliveries(
            &self,
            now: Instant,
            lease_until: Instant,
            limit: u32,
            rooms: Option<&Rooms>,
        ) -> Result<Vec<DeliveryTask>, StorageError>;
        /// Has the leases of these run out later; answers mail and position of those that are lost.
        async fn renew_deliveries(
            &self,
            tasks: &[DeliveryTask],
            until: Instant,
        ) -> Result<Vec<(u64, u32)>, StorageError>;
        /// Writes down how a try ended; when all recipients of an export mail are final, its run can be settled. One that is to be
        /// tried again ends `cancelled` where its mail was called off meanwhile.
        async fn record_delivery(
            &self,
            task: &DeliveryTask,
            result: &DeliveryResult,
            now: Instant,
        ) -> Result<(), LeaseError>, then |observer, ()| observer.tried(result);
        /// A mail of the outbox; none: it is gone.
        async fn mail(&self, id: u64) -> Result<Option<OutboxMail>, StorageError>;
        /// Was this mail accepted for one of its recipients at least?
        async fn mail_was_accepted(&self, mail: u64) -> Result<bool, StorageError>;
        /// Whom mail was tried for and is to be tried again, with the last words about that: address and words of at most so many.
        async fn waiting_recipients(&self, most: u32) -> Result<Vec<(String, String)>, StorageError>;
        /// How these mails stand, in any order; one that is gone is left out.
        async fn standing(&self, mails: &[u64]) -> Result<Vec<(u64, MailStanding)>, StorageError>;
        /// The export that a run has made, whose link is about to be followed; none: its schedule is gone.
        async fn export(&self, run: u64) -> Result<Option<OutgoingExport>, StorageError>;
        /// Calls the export of a run off for good: what of its mail nobody has tried or is trying now ends `cancelled`, what is being
        /// tried does so if the server does not take it, and its link leads nowhere.
        async fn call_off(&self, run: u64, words: &str, now: Instant) -> Result<(), StorageError>;
    }

    /// What is to come: plans computed again, when something is due next, and what waits.
    trait Plans: Send {
        /// Has the schedules of one event, or the organizer-level ones of one organizer, planned again: its zone moved.
        async fn request_replan(&self, moved: &Scope) -> Result<u64, StorageError>;
        /// Schedules to be planned again by a host with this zone database, at most `limit`: those asked for, and those planned
        /// with an older one (compared as text: `2026a` < `2026b`). None that is leased.
        async fn replan_batch(&self, limit: u32, zone_database: &str) -> Result<Vec<ReplanRow>, StorageError>;
        /// Writes new plans, computed with `zone_database`, each where version and old next run are still the same and the row is still
        /// one of those of [`Plans::replan_batch`], and wakes the schedule if its organizer is on. A plan that is none: the plugin could
        /// not say; the row is left as it is, and not asked for again. Each row counts for itself; an error may leave some written.
        async fn write_plans(
            &self,
            plans: &[(ReplanRow, Option<Option<Instant>>)],
            zone_database: &str,
        ) -> Result<(), StorageError>;
        /// The earliest instants at which anything of the above is due.
        async fn next_wakes(&self) -> Result<Wakes, StorageError>;
        /// What waits at `now`, each count up to [`MOST_COUNTED`].
        ///
        /// [`MOST_COUNTED`]: super::MOST_COUNTED
        async fn backlog(&self, now: Instant) -> Result<Backlog, StorageError>;
    }

    /// The audit log, and how long what is over is kept.
    trait Retention: Send {
        /// Removes what has outlived its use: idempotency records past 24 h, links past their end, files of ended runs, and what runs
        /// that people asked for were made of.
        async fn collect(&self, now: Instant) -> Result<(), StorageError>;
        /// Removes history: at most `most` runs that ended at or before `before.history`, with their mails, as many notices to owners
        /// of others' changes from before then, and as many audit entries of `before.audit` and older. What is not over stays: an open
        /// or submitted run, a mail still to be handed over, a file that can be fetched. Answers how many there were in all.
        async fn forget(&self, before: Kept, most: u32) -> Result<u64, StorageError>;
        /// Entries of the audit log of one organizer, latest first.
        async fn audit(&self, organizer: &str, limit: u32) -> Result<Vec<AuditEntry>, StorageError>;
    }
}
