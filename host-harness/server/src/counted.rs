//! A store whose calls are counted: how runs and deliveries end there, what fails, and which leases are lost.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use scheduled_exports_host::clock::Instant;
use scheduled_exports_host::contract::schedule_store::Plan;
use scheduled_exports_host::contract::{MissedRange, PageQuery, Position, RunEntry};
use scheduled_exports_store::{
    AuditEntry, Backlog, Commit, CommitError, DeliveryResult, DeliveryTask, FileFacts, Finish, HistoryRow, Kept, Lease,
    LeaseError, Leased, MailStanding, OutboxMail, OutgoingExport, ReplanRow, RequestKey, RequestState, Rooms, Row,
    Rows, Scope, StartError, Storage, StorageError, Visible, Wakes, Written,
};
use tempfile::SpooledData;

use crate::metrics::Metrics;

/// A store, and what counts its calls.
pub struct CountedStorage {
    store: Arc<dyn Storage>,
    metrics: Arc<Metrics>,
}

impl CountedStorage {
    /// Counts the calls of `store` in `metrics`.
    #[must_use]
    pub fn new(store: Arc<dyn Storage>, metrics: Arc<Metrics>) -> Self {
        Self { store, metrics }
    }

    fn count<T, E: Countable>(&self, answer: Result<T, E>) -> Result<T, E> {
        if let Err(error) = &answer {
            match error.kind() {
                Kind::Store => self.metrics.store_failed(),
                Kind::Lease => self.metrics.lease_lost(),
                Kind::Refusal => {}
            }
        }
        answer
    }
}

/// What an error of the store says to whoever counts.
enum Kind {
    /// It is away, or damaged.
    Store,
    /// Somebody else has the lease now.
    Lease,
    /// It works, and says no.
    Refusal,
}

trait Countable {
    fn kind(&self) -> Kind;
}

impl Countable for StorageError {
    fn kind(&self) -> Kind {
        Kind::Store
    }
}

impl Countable for CommitError {
    fn kind(&self) -> Kind {
        match self {
            Self::Storage(_) => Kind::Store,
            Self::NotFound | Self::Stale | Self::Quota(_) | Self::Exceeded(_) | Self::Superseded => Kind::Refusal,
        }
    }
}

impl Countable for LeaseError {
    fn kind(&self) -> Kind {
        match self {
            Self::Storage(_) => Kind::Store,
            Self::Lost => Kind::Lease,
        }
    }
}

impl Countable for StartError {
    fn kind(&self) -> Kind {
        match self {
            Self::Storage(_) => Kind::Store,
            Self::Lost => Kind::Lease,
            Self::Recorded(_) => Kind::Refusal,
        }
    }
}

macro_rules! counted {
    ($($call:ident($($name:ident: $of:ty),*) -> $answer:ty, $error:ty;)*) => {
        #[async_trait]
        impl Storage for CountedStorage {
            $(async fn $call(&self, $($name: $of),*) -> Result<$answer, $error> {
                self.count(self.store.$call($($name),*).await)
            })*

            async fn finish(&self, lease: &Lease, run: u64, finish: &Finish) -> Result<Written, LeaseError> {
                let written = self.count(self.store.finish(lease, run, finish).await)?;
                let limits = finish.mail_limits.as_ref();
                let otherwise = limits.and_then(|limits| limits.otherwise.as_ref());
                match (written, otherwise) {
                    (Written::PastMailLimit(user), Some(otherwise)) => self.metrics.run_ended(&otherwise.of(user).outcome),
                    _ => self.metrics.run_ended(&finish.outcome),
                }
                Ok(written)
            }

            async fn record_delivery(
                &self,
                task: &DeliveryTask,
                result: &DeliveryResult,
                now: Instant,
            ) -> Result<(), LeaseError> {
                self.count(self.store.record_delivery(task, result, now).await)?;
                self.metrics.delivery_tried(result.status);
                Ok(())
            }

            async fn take_due_within(
                &self,
                now: Instant,
                lease_until: Instant,
                limit: u32,
                rooms: &Rooms,
            ) -> Result<Vec<Leased>, StorageError> {
                self.count(self.store.take_due_within(now, lease_until, limit, rooms).await)
            }

            async fn take_deliveries_within(
                &self,
                now: Instant,
                lease_until: Instant,
                limit: u32,
                rooms: &Rooms,
            ) -> Result<Vec<DeliveryTask>, StorageError> {
                self.count(self.store.take_deliveries_within(now, lease_until, limit, rooms).await)
            }

            async fn changed(&self) {
                self.store.changed().await;
            }

            async fn close(&self) {
                self.store.close().await;
            }
        }
    };
}

counted! {
    list(seen: &Visible, query: &PageQuery) -> Option<Rows<Row>>, StorageError;
    get(seen: &Visible, id: u64) -> Option<Row>, StorageError;
    runs(schedule: u64, at: &Position, size: u32) -> Option<Rows<RunEntry>>, StorageError;
    count(organizer: &str) -> u64, StorageError;
    reserve_id() -> u64, StorageError;
    commit(commit: Commit) -> (), CommitError;
    seed(row: &Row, zone_database: &str, now: Instant) -> (), CommitError;
    begin_request(key: &RequestKey, fingerprint: &[u8; 32], now: Instant, lease_until: Instant) -> RequestState, StorageError;
    end_request(key: &RequestKey, ticket: u64) -> (), StorageError;
    enabled(organizer: &str) -> bool, StorageError;
    set_enabled(organizer: &str, enabled: bool, actor: &str, now: Instant) -> (), StorageError;
    retire(event: &Scope, now: Instant) -> (), StorageError;
    scopes(organizer: &str) -> Vec<(Option<String>, u64)>, StorageError;
    organizers() -> Vec<(String, bool)>, StorageError;
    take_due(now: Instant, lease_until: Instant, limit: u32) -> Vec<Leased>, StorageError;
    take_settled(now: Instant, lease_until: Instant, limit: u32) -> Vec<Leased>, StorageError;
    renew(lease: &Lease, until: Instant) -> (), LeaseError;
    hand_back(lease: &Lease, now: Instant) -> (), LeaseError;
    start(lease: &Lease, plan: &Plan, zone_database: &str, zone: &str, now: Instant) -> u64, StartError;
    recorded(schedule: u64, range: &MissedRange) -> Option<Instant>, StorageError;
    keep_file(lease: &Lease, run: u64, facts: &FileFacts, data: &SpooledData) -> (), LeaseError;
    read_file(run: u64, path: &Path) -> Option<FileFacts>, StorageError;
    file_facts(run: u64) -> Option<FileFacts>, StorageError;
    linked_piece(hash: &[u8; 32], now: Instant, piece: u64) -> Option<Vec<u8>>, StorageError;
    keep_link(lease: &Lease, run: u64, hash: &[u8; 32], expires: Instant) -> (), LeaseError;
    linked(hash: &[u8; 32], now: Instant) -> Option<u64>, StorageError;
    take_deliveries(now: Instant, lease_until: Instant, limit: u32) -> Vec<DeliveryTask>, StorageError;
    mail(id: u64) -> Option<OutboxMail>, StorageError;
    standing(mails: &[u64]) -> Vec<(u64, MailStanding)>, StorageError;
    export(run: u64) -> Option<OutgoingExport>, StorageError;
    call_off(run: u64, words: &str, now: Instant) -> (), StorageError;
    renew_deliveries(tasks: &[DeliveryTask], until: Instant) -> Vec<(u64, u32)>, StorageError;
    mail_was_accepted(mail: u64) -> bool, StorageError;
    waiting_recipients(most: u32) -> Vec<(String, String)>, StorageError;
    resume_undelivered(organizer: Option<&str>, schedule: Option<u64>, actor: &str, now: Instant) -> Vec<u64>, StorageError;
    request_replan(moved: &Scope) -> u64, StorageError;
    replan_batch(limit: u32, zone_database: &str) -> Vec<ReplanRow>, StorageError;
    write_plan(row: &ReplanRow, plan: Option<Option<Instant>>, zone_database: &str) -> (), StorageError;
    write_plans(plans: &[(ReplanRow, Option<Option<Instant>>)], zone_database: &str) -> (), StorageError;
    next_wakes() -> Wakes, StorageError;
    backlog(now: Instant) -> Backlog, StorageError;
    collect(now: Instant) -> (), StorageError;
    forget(before: Kept, most: u32) -> u64, StorageError;
    history(schedule: Option<u64>, limit: u32) -> Vec<HistoryRow>, StorageError;
    audit(organizer: &str, limit: u32) -> Vec<AuditEntry>, StorageError;
    store_id() -> String, StorageError;
    ping() -> (), StorageError;
    check_writable() -> (), StorageError;
}
