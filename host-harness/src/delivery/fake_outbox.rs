//! The outbox functions of the store, in memory: leases, fences and retries as `storage` promises them, nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use async_trait::async_trait;
use tempfile::SpooledData;

use super::*;
use crate::contract::schedule_store::Plan;
use crate::contract::{MissedRange, PageQuery, Position, RunEntry};
use crate::storage::*;

pub struct FakeMail {
    pub mail: OutboxMail,
    pub file: Option<Vec<u8>>,
}

struct Entry {
    task: DeliveryTask,
    result: DeliveryResult,
    leased_until: Option<Instant>,
}

#[derive(Default)]
struct State {
    mails: BTreeMap<u64, FakeMail>,
    deliveries: Vec<Entry>,
    calls: Vec<String>,
    /// How often the next calls of a kind find the store away.
    failing: BTreeMap<String, usize>,
    most_leased: usize,
}

#[derive(Default)]
pub struct FakeOutbox {
    state: Mutex<State>,
    turn: tokio::sync::Mutex<()>,
    /// How many deliveries were leased, how often it was asked to renew leases, and how often it has done so.
    leases: Counter,
    asked_to_renew: Counter,
    renewals: Counter,
    /// Who has it holds up renewals.
    renewing: tokio::sync::Mutex<()>,
}

type Counter = tokio::sync::watch::Sender<usize>;

async fn reached(counter: &Counter, count: usize) {
    let _ = counter.subscribe().wait_for(|counted| *counted >= count).await;
}

impl FakeOutbox {
    /// One writer at a time, who takes a while, as in SQLite.
    async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        let turn = self.turn.lock().await;
        tokio::task::yield_now().await;
        turn
    }

    /// A mail with a file, due at `created`; its run has the same number.
    pub fn put(&self, id: u64, created: Instant, recipients: &[&str], file: &[u8]) {
        self.put_of("demo", id, created, recipients, file);
    }

    /// The same of this organizer.
    pub fn put_of(&self, organizer: &str, id: u64, created: Instant, recipients: &[&str], file: &[u8]) {
        let mail = OutboxMail {
            id,
            run: Some(id),
            schedule: 7,
            scope: Scope {
                organizer: organizer.to_owned(),
                event: None,
            },
            due: created,
            created,
            mail: NewMail {
                kind: MailKind::Export,
                message_id: format!("mail-{id}@tickets.example"),
                from: "exports@tickets.example".to_owned(),
                from_name: None,
                reply_to: None,
                to: vec![recipients[0].to_owned()],
                cc: Vec::new(),
                bcc: recipients[1..].iter().map(|&to| to.to_owned()).collect(),
                subject: "Orders".to_owned(),
                text: "The orders.\n".to_owned(),
                attach_file: true,
            },
            file: Some(FileFacts {
                name: "orders.csv".to_owned(),
                content_type: "text/csv".to_owned(),
                size: file.len() as u64,
                rows: None,
                events: None,
            }),
        };
        let mut state = self.state.lock().unwrap();
        let file = Some(file.to_vec());
        state.mails.insert(id, FakeMail { mail, file });
        for (position, &address) in (0..).zip(recipients) {
            state.deliveries.push(Entry {
                task: DeliveryTask {
                    mail: id,
                    position,
                    organizer: organizer.to_owned(),
                    address: address.to_owned(),
                    tries: 0,
                    created,
                    fence: 0,
                },
                result: DeliveryResult {
                    status: DeliveryStatus::Queued,
                    words: String::new(),
                    next_try: Some(created),
                    counts: false,
                },
                leased_until: None,
            });
        }
    }

    pub fn change(&self, change: impl FnOnce(&mut BTreeMap<u64, FakeMail>)) {
        change(&mut self.state.lock().unwrap().mails);
    }

    /// The next `times` calls of this kind find the store away.
    pub fn fail(&self, call: &str, times: usize) {
        self.state.lock().unwrap().failing.insert(call.to_owned(), times);
    }

    /// The store is there again for all calls.
    pub fn works(&self) {
        self.state.lock().unwrap().failing.clear();
    }

    /// Waits until so many deliveries were leased.
    pub async fn taken(&self, count: usize) {
        reached(&self.leases, count).await;
    }

    /// What was written down last about a delivery.
    pub fn of(&self, mail: u64, position: u32) -> DeliveryResult {
        let state = self.state.lock().unwrap();
        let mut entries = state.deliveries.iter();
        let found = entries.find(|entry| entry.task.mail == mail && entry.task.position == position);
        found.unwrap().result.clone()
    }

    /// Calls of `mail` and `read_file`, with their argument.
    pub fn calls(&self) -> Vec<String> {
        self.state.lock().unwrap().calls.clone()
    }

    /// Waits until leases were renewed so often.
    pub async fn renewed(&self, times: usize) {
        reached(&self.renewals, times).await;
    }

    /// Holds up renewals from now on, until the answer is dropped.
    pub async fn hold_renewals(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.renewing.lock().await
    }

    /// Waits until it was asked so often to renew leases.
    pub async fn asked_to_renew(&self, times: usize) {
        reached(&self.asked_to_renew, times).await;
    }

    pub fn renewals(&self) -> usize {
        *self.renewals.borrow()
    }

    pub fn leased(&self) -> usize {
        self.state.lock().unwrap().leased()
    }

    /// Most deliveries that were leased at the same time.
    pub fn most_leased(&self) -> u32 {
        u32::try_from(self.state.lock().unwrap().most_leased).unwrap()
    }
}

impl State {
    fn away(&mut self, call: &str) -> Result<(), StorageError> {
        match self.failing.get_mut(call) {
            Some(left) if *left > 0 => {
                *left -= 1;
                Err(StorageError::Unavailable("for the test".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn leased(&self) -> usize {
        self.deliveries
            .iter()
            .filter(|entry| entry.leased_until.is_some())
            .count()
    }
}

macro_rules! not_part_of_delivery {
    ($(fn $name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        #[async_trait]
        impl Storage for FakeOutbox {
            $(async fn $name(&self, $($arg: $type),*) -> $out {
                $(let _ = $arg;)*
                unreachable!("not part of delivery")
            })*

            async fn take_deliveries(
                &self,
                now: Instant,
                lease_until: Instant,
                limit: u32,
            ) -> Result<Vec<DeliveryTask>, StorageError> {
                let any = Rooms::default();
                self.take_deliveries_within(now, lease_until, limit, &any).await
            }

            async fn take_deliveries_within(
                &self,
                now: Instant,
                lease_until: Instant,
                limit: u32,
                rooms: &Rooms,
            ) -> Result<Vec<DeliveryTask>, StorageError> {
                let _turn = self.turn().await;
                let tasks: Vec<_> = {
                    let mut state = self.state.lock().unwrap();
                    state.away("take")?;
                    let mut rooms = rooms.clone();
                    let is_due = |entry: &&mut Entry| {
                        entry.result.next_try.is_some_and(|at| at <= now)
                            && entry.leased_until.is_none_or(|until| until <= now)
                    };
                    let mut due: Vec<&mut Entry> = state.deliveries.iter_mut().filter(is_due).collect();
                    // Longest due first.
                    due.sort_by_key(|entry| entry.result.next_try);
                    let mut tasks = Vec::new();
                    for entry in due {
                        if tasks.len() < limit as usize && rooms.left(&entry.task.organizer) > 0 {
                            rooms.take(&entry.task.organizer, 1);
                            entry.leased_until = Some(lease_until);
                            entry.task.fence += 1;
                            tasks.push(entry.task.clone());
                        }
                    }
                    state.most_leased = state.most_leased.max(state.leased());
                    tasks
                };
                self.leases.send_modify(|taken| *taken += tasks.len());
                Ok(tasks)
            }

            async fn renew_deliveries(
                &self,
                tasks: &[DeliveryTask],
                until: Instant,
            ) -> Result<Vec<(u64, u32)>, StorageError> {
                self.asked_to_renew.send_modify(|asked| *asked += 1);
                let _renewing = self.renewing.lock().await;
                let mut lost = Vec::new();
                {
                    let mut state = self.state.lock().unwrap();
                    state.away("renew")?;
                    for task in tasks {
                        let mut entries = state.deliveries.iter_mut();
                        let held = entries.find(|entry| {
                            (entry.task.mail, entry.task.position, entry.task.fence)
                                == (task.mail, task.position, task.fence)
                                && entry.leased_until.is_some()
                        });
                        match held {
                            Some(entry) => entry.leased_until = Some(until),
                            None => lost.push((task.mail, task.position)),
                        }
                    }
                }
                self.renewals.send_modify(|renewals| *renewals += 1);
                Ok(lost)
            }

            async fn mail_was_accepted(&self, mail: u64) -> Result<bool, StorageError> {
                let mut state = self.state.lock().unwrap();
                state.away("accepted")?;
                let mut entries = state.deliveries.iter();
                Ok(entries.any(|entry| entry.task.mail == mail && entry.result.status == DeliveryStatus::Accepted))
            }

            async fn waiting_recipients(&self, most: u32) -> Result<Vec<(String, String)>, StorageError> {
                let state = self.state.lock().unwrap();
                let entries = state.deliveries.iter();
                let waiting = entries.filter(|entry| entry.result.status == DeliveryStatus::Retrying);
                let told = waiting.map(|entry| (entry.task.address.clone(), entry.result.words.clone()));
                Ok(told.take(most as usize).collect())
            }

            async fn mail(&self, id: u64) -> Result<Option<OutboxMail>, StorageError> {
                let mut state = self.state.lock().unwrap();
                state.away("mail")?;
                state.calls.push(format!("mail {id}"));
                Ok(state.mails.get(&id).map(|mail| mail.mail.clone()))
            }

            async fn read_file(&self, run: u64, path: &Path) -> Result<Option<FileFacts>, StorageError> {
                let mut state = self.state.lock().unwrap();
                state.away("file")?;
                state.calls.push(format!("file {run}"));
                let Some(FakeMail { mail, file: Some(bytes) }) = state.mails.get(&run) else {
                    return Ok(None);
                };
                std::fs::write(path, bytes).unwrap();
                Ok(mail.file.clone())
            }

            async fn record_delivery(
                &self,
                task: &DeliveryTask,
                result: &DeliveryResult,
                _now: Instant,
            ) -> Result<(), LeaseError> {
                let _turn = self.turn().await;
                let mut state = self.state.lock().unwrap();
                state.away("record")?;
                let mut entries = state.deliveries.iter_mut();
                let same = |entry: &&mut Entry| (entry.task.mail, entry.task.position) == (task.mail, task.position);
                let entry = entries.find(same).unwrap();
                if entry.task.fence != task.fence || entry.leased_until.is_none() {
                    return Err(LeaseError::Lost);
                }
                entry.leased_until = None;
                entry.task.tries += u32::from(result.counts);
                entry.result = result.clone();
                Ok(())
            }
        }
    };
}

not_part_of_delivery! {
    fn list(seen: &Visible, query: &PageQuery) -> Result<Option<Rows<Row>>, StorageError>;
    fn get(seen: &Visible, id: u64) -> Result<Option<Row>, StorageError>;
    fn runs(schedule: u64, at: &Position, size: u32) -> Result<Option<Rows<RunEntry>>, StorageError>;
    fn count(organizer: &str) -> Result<u64, StorageError>;
    fn reserve_id() -> Result<u64, StorageError>;
    fn commit(commit: Commit) -> Result<(), CommitError>;
    fn seed(row: &Row, zone_database: &str, now: Instant) -> Result<(), CommitError>;
    fn begin_request(
        key: &RequestKey,
        fingerprint: &[u8; 32],
        now: Instant,
        lease_until: Instant
    ) -> Result<RequestState, StorageError>;
    fn end_request(key: &RequestKey, ticket: u64) -> Result<(), StorageError>;
    fn enabled(organizer: &str) -> Result<bool, StorageError>;
    fn set_enabled(organizer: &str, enabled: bool, actor: &str, now: Instant) -> Result<(), StorageError>;
    fn retire(event: &Scope, now: Instant) -> Result<(), StorageError>;
    fn scopes(organizer: &str) -> Result<Vec<(Option<String>, u64)>, StorageError>;
    fn organizers() -> Result<Vec<(String, bool)>, StorageError>;
    fn take_due(now: Instant, lease_until: Instant, limit: u32) -> Result<Vec<Leased>, StorageError>;
    fn take_settled(now: Instant, lease_until: Instant, limit: u32) -> Result<Vec<Leased>, StorageError>;
    fn renew(lease: &Lease, until: Instant) -> Result<(), LeaseError>;
    fn hand_back(lease: &Lease, now: Instant) -> Result<(), LeaseError>;
    fn start(lease: &Lease, plan: &Plan, zone_database: &str, zone: &str, now: Instant) -> Result<u64, StartError>;
    fn recorded(schedule: u64, range: &MissedRange) -> Result<Option<Instant>, StorageError>;
    fn keep_file(lease: &Lease, run: u64, facts: &FileFacts, file: &SpooledData) -> Result<(), LeaseError>;
    fn file_facts(run: u64) -> Result<Option<FileFacts>, StorageError>;
    fn linked_piece(hash: &[u8; 32], now: Instant, piece: u64) -> Result<Option<Vec<u8>>, StorageError>;
    fn keep_link(lease: &Lease, run: u64, hash: &[u8; 32], expires: Instant) -> Result<(), LeaseError>;
    fn linked(hash: &[u8; 32], now: Instant) -> Result<Option<u64>, StorageError>;
    fn standing(mails: &[u64]) -> Result<Vec<(u64, MailStanding)>, StorageError>;
    fn export(run: u64) -> Result<Option<OutgoingExport>, StorageError>;
    fn call_off(run: u64, words: &str, now: Instant) -> Result<(), StorageError>;
    fn finish(lease: &Lease, run: u64, finish: &Finish) -> Result<Written, LeaseError>;
    fn resume_undelivered(
        organizer: Option<&str>,
        schedule: Option<u64>,
        actor: &str,
        now: Instant
    ) -> Result<Vec<u64>, StorageError>;
    fn request_replan(moved: &Scope) -> Result<u64, StorageError>;
    fn replan_batch(limit: u32, zone_database: &str) -> Result<Vec<ReplanRow>, StorageError>;
    fn write_plan(
        row: &ReplanRow,
        plan: Option<Option<Instant>>,
        zone_database: &str
    ) -> Result<(), StorageError>;
    fn next_wakes() -> Result<Wakes, StorageError>;
    fn backlog(now: Instant) -> Result<Backlog, StorageError>;
    fn collect(now: Instant) -> Result<(), StorageError>;
    fn forget(before: Kept, most: u32) -> Result<u64, StorageError>;
    fn history(schedule: Option<u64>, limit: u32) -> Result<Vec<HistoryRow>, StorageError>;
    fn audit(organizer: &str, limit: u32) -> Result<Vec<AuditEntry>, StorageError>;
    fn store_id() -> Result<String, StorageError>;
    fn ping() -> Result<(), StorageError>;
    fn check_writable() -> Result<(), StorageError>;
}
